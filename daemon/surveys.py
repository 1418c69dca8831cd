"""Surveys and consultations (晋宁 二（二）2（1）、（4））: enterprises are asked by mail, and what they answer is read and kept.

An answer counts by the token of the letter that asked and its sender together, as any reply does (ADR 28). Where nothing that was asked is
answered, the mail goes the way of all others: who answers a survey with a trouble loses nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from channels.reply import read_reply
from channels.survey_answers import Answers, read_answers
from notifier.survey_letters import Questions, SurveyLetters
from store.errors import UsageError
from store.model.decision import Decision, Verdict, without_rules
from store.model.notice import Purpose
from store.model.survey import Asked
from store.owing import Happening, SubjectSort
from store.recording import prepare
from store.reply_tokens import brings_token
from store.subjects import Said

if TYPE_CHECKING:
    from daemon.pipeline import DistrictRoom
    from daemon.review import Office
    from rules.surveys import Survey
    from store.model.arrival import StoredArrival
    from store.model.petition import Reading
    from store.owing import Subject
    from store.reply_tokens import ReplyTokens
    from store.subjects import Subjects
    from store.surveys import Surveys as KeptSurveys

log = structlog.get_logger()

SURVEY_TOPIC = "征询答复"  # of the decision about such an arrival
LOOKED_BACK = timedelta(days=366)  # so far back enterprises are looked for: the survey is a yearly one
_TELLING = 20  # signs of remarks from which on a person reads them: there may be a matter in them


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asks for: the survey kept under `key`, `words` of his own, up to `sample` of the enterprises, or `to` these alone."""

    key: str
    survey: Survey
    by: str
    title: str = ""
    words: str = ""
    sample: int = 0
    to: Sequence[Asked] = ()


async def send(order: Order, office: Office, kept: KeptSurveys, subjects: Subjects, now: datetime) -> tuple[Subject, int]:
    """Ask whom *order* names and who was not asked before; returns the survey's subject and how many were asked now.

    The sample is drawn by a digest of name and address, so that the same order draws the same again. Raises UsageError where nobody is there.
    """
    district = office.rulebook.district
    some = list(order.to) or sample(order.key, await kept.enterprises(district.id, now - LOOKED_BACK), order.sample)
    if not some:
        raise UsageError("近一年没有企业用邮件反映过诉求，抽不出样本；用 --to 写明问谁")
    until = office.planner.day(now) + timedelta(days=order.survey.days)
    happening = Happening(
        event="announced", key=order.key, sort=SubjectSort.ACTIVITY, of=order.survey.of, title=order.title or order.survey.name, day=until
    )
    if order.key not in await subjects.named(district.id, {order.key}):
        await subjects.happen(district.id, happening, Said(by=order.by, at=now, reason=f"征询 {order.survey.name}"), office.planner)
    subject = await subjects.get(district.id, order.key)
    if subject.of != order.survey.of:
        raise UsageError(f"“{order.key}”已经是别的活动（{subject.of}）；换一个名称")
    questions = Questions(asks=order.survey.asks, scale=order.survey.scale, words=order.words, until=subject.day)
    letters = SurveyLetters(office.composer, district, questions)
    return subject, await kept.ask(subject.id, order.survey.name, some, now=now, compose=letters.to_enterprise)


def sample(key: str, some: Sequence[Asked], most: int) -> list[Asked]:
    """Return up to *most* of *some*, drawn by a digest of *key* and the address."""
    return sorted(some, key=lambda one: hashlib.sha256(f"{key}\n{one.recipient.casefold()}".encode()).digest())[:most]


class Surveys:
    """Takes in what enterprises answer, in all districts."""

    def __init__(self, kept: KeptSurveys, *, tokens: ReplyTokens, now: Callable[[], datetime]) -> None:
        """Keep the parts."""
        self._kept, self._tokens, self._now = kept, tokens, now

    async def take(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading) -> Decision | None:
        """Keep an answer to a survey and return the decision about it, recorded; None where the mail is none."""
        letter = reading.petition.letter
        if not brings_token(letter, arrival.envelope_to):
            return None
        authority = await self._tokens.authority(arrival, letter, room.composer.recipients.registered)
        if authority.purpose is not Purpose.SURVEY or not authority.may_act:
            return None
        found = await self._kept.sheet(arrival.district, authority.case_number, authority.recipient)
        survey = room.rulebook.settings.surveys.get(found[1].survey) if found else None
        if found is None or survey is None:
            return None
        subject, sheet = found
        reply = await asyncio.to_thread(read_reply, letter, room.rulebook.reply_words, {})
        answers = read_answers(reply.new_text, survey.asks, survey.scale)
        if not answers.marks and (survey.asks or not answers.remarks):
            return None
        decision = _decision(subject.key, answers, is_late=_is_late(room, arrival, subject.day), rulebook=room.rulebook.digest)
        filing = await asyncio.to_thread(prepare, arrival, reading, decision, room.rulebook.district)
        await self._kept.answered(filing, sheet, answers.marks, answers.remarks, now=self._now())
        log.info("survey.answered", district=arrival.district, survey=subject.key, marks=len(answers.marks), remarks=bool(answers.remarks))
        return decision


def _is_late(room: DistrictRoom, arrival: StoredArrival, last: date) -> bool:
    return room.planner.day(arrival.received_at) > last


def _decision(key: str, answers: Answers, *, is_late: bool, rulebook: str) -> Decision:
    """Return the decision that stands for an answer: no case, and a person's to look at where there may be a matter in it."""
    review = [*answers.doubts]
    if len(answers.remarks) >= _TELLING:
        review.append(f"对“{key}”的答复附有意见建议，请看其中有没有要办的事")
    if is_late:
        review.append(f"过了“{key}”的截止日期才答复，已计入")
    return without_rules(Verdict.NOT_A_CASE, SURVEY_TOPIC, rulebook, review=review)

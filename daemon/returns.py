"""Plans, reports, lists and logs that offices mail in: which of what they owe it is, ticked off and answered, or put before a person.

The pipeline asks here of every mail that comes to a district's address for returns, and of every answer to a mail about what is owed without a
case. What is written is one transaction (`store.returning`). Who may tick off is who may act on cases (ADR 28): a sender in the address file
whom no check has refuted; anybody else's mail is kept and listed. An enterprise that writes to the address for returns loses nothing by that:
what names no return goes the way of all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from channels.reply import read_reply
from daemon.handing_in import Mail, Result, decision_of, evidence_of, first_of, happenings_of, named_in, receipt_of, result_of
from notifier.return_letters import ReturnLetters
from rules.deadline_kinds import Kind
from rules.returns import Found, Handed, Owed, kinds_in
from store.errors import UsageError
from store.life import Role
from store.model.arrival import Channel, StoredArrival
from store.model.decision import Decision, Verdict
from store.model.notice import Notice, Purpose
from store.model.petition import Reading
from store.model.reply_sender import Authority, same_address
from store.owing import DeadlineState, Subject
from store.recording import prepare
from store.reply_tokens import brings_token
from store.returning import Taken
from store.subjects import Said

if TYPE_CHECKING:
    from daemon.pipeline import DistrictRoom
    from store.model.reply import Reply
    from store.outbox import Outbox
    from store.reply_tokens import ReplyTokens
    from store.returning import Returns as KeptReturns

log = structlog.get_logger()

KEPT_FOR = timedelta(days=400)  # so far back is looked for what a mail may be: a year, and its report
_ABOUT_RETURNS = frozenset({Purpose.REMINDER, Purpose.RETURN})
_TITLE = 40  # signs of an entry that name a visit


class Returns:
    """Takes in what the offices of all districts hand in."""

    def __init__(self, kept: KeptReturns, *, tokens: ReplyTokens, outbox: Outbox, now: Callable[[], datetime]) -> None:
        """Keep the parts."""
        self._kept, self._tokens, self._outbox, self._now = kept, tokens, outbox, now

    async def take(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading) -> Decision | None:
        """Record what *arrival* hands in and return its decision; None where it goes the way of all others."""
        letter = reading.petition.letter
        if arrival.channel is not Channel.MAIL or letter.automatic is not None or not _kinds(room):
            return None
        authority = None
        if brings_token(letter, arrival.envelope_to):
            authority = await self._tokens.authority(arrival, letter, room.composer.recipients.registered)
            authority = authority if authority.case_id is None and authority.purpose in _ABOUT_RETURNS else None
        if authority is None and not _is_addressed(room, arrival, reading):
            return None
        reply = await asyncio.to_thread(read_reply, letter, room.rulebook.reply_words, reading.petition.attachment_texts)
        mail = await self._mail(room, arrival, reading, reply, authority)
        if authority is None and await _is_of_others(room, mail):
            return None
        return await self._record(room, mail)

    async def _mail(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading, reply: Reply, authority: Authority | None) -> Mail:
        answers: frozenset[str] = frozenset()
        petition, title = reading.petition, reading.petition.letter.subject
        if authority is not None and authority.notice_id is not None:
            notice = (await self._outbox.get(authority.notice_id)).notice
            answers = frozenset({authority.case_number, *notice.text.splitlines()})
            title = "" if notice.subject in title else title  # the subject of an answer is ours, unless its writer has changed it
        handed = Handed(
            title=title,
            files=tuple(file.name for file in petition.letter.attachments),
            body=reply.new_text,
            documents=petition.attachment_texts,
            answers=answers,
        )
        owners, doubt = _owners(room, reading, authority)
        heeds = authority is not None and not handed.files and any(command.event == "acknowledge" for command in reply.commands)
        today = room.planner.day(arrival.received_at)
        return Mail(arrival=arrival, reading=reading, handed=handed, owners=owners, doubt=doubt, heeds=heeds, today=today)

    async def _record(self, room: DistrictRoom, mail: Mail) -> Decision:
        owed = await self._owed(room, mail)
        mail = replace(mail, handed=replace(mail.handed, answers=named_in(mail.handed.answers, owed)))
        result = result_of(mail, owed, _kinds(room))
        try:
            decision = await self._write(room, mail, result, owed)
        except UsageError as error:  # a person has said something else of it: a visit that was called off
            result = Result(found=Found(doubts=(str(error),)))
            decision = await self._write(room, mail, result, owed)
        _tell(mail, result)
        return decision

    async def _write(self, room: DistrictRoom, mail: Mail, result: Result, owed: Sequence[Owed]) -> Decision:
        now, name = self._now(), _name(room, mail.owners)
        decision = decision_of(result, room.rulebook.digest)
        said = Said(by=name, at=mail.arrival.received_at, reason=evidence_of(mail, result), known_at=now)
        taken = Taken(happenings=happenings_of(result, name), said=said, letters=_letters(room, mail, result, owed))
        filing = await asyncio.to_thread(prepare, mail.arrival, mail.reading, decision, room.rulebook.district)
        await self._kept.record(filing, taken, now=now, planner=room.planner)
        return decision

    async def _owed(self, room: DistrictRoom, mail: Mail) -> list[Owed]:
        """Return what the writer's offices owe and owed of late, of the kinds that can be known by their words."""
        if not mail.owners:
            return []
        departments = None if "" in mail.owners else mail.owners  # what the coordinator owes stands at anybody's activity
        standing = await self._kept.standing(mail.arrival.district, mail.today - KEPT_FOR, departments)
        kinds = {kind.id: kind for kind in _kinds(room)}
        return [
            Owed(subject=subject, kind=kinds[one.kind], runs=one.state is DeadlineState.OPEN, due=one.due.last)
            for subject, one in standing
            if one.kind in kinds
            and one.state is not DeadlineState.VOID
            and ("" if kinds[one.kind].owes == "coordinator" else subject.department) in mail.owners
        ]


# ---------------------------------------------------------------- whose it is


def _kinds(room: DistrictRoom) -> list[Kind]:
    return [kind for kind in room.rulebook.settings.kinds.by_id.values() if kind.words]


def _is_addressed(room: DistrictRoom, arrival: StoredArrival, reading: Reading) -> bool:
    returns = room.composer.recipients.returns
    to = {*arrival.envelope_to, *(one.address for one in reading.petition.letter.to)}
    return bool(returns) and returns in {same_address(address) for address in to}


def _owners(room: DistrictRoom, reading: Reading, authority: Authority | None) -> tuple[tuple[str, ...], str]:
    """Return for which offices the writer may speak, and why for none."""
    letter, registered = reading.petition.letter, room.composer.recipients.registered
    if authority is not None:
        if not authority.may_act:
            return (), "" if authority.repeats is not None else authority.evidence
        return (authority.department if authority.role is Role.DEPARTMENT else "",), ""
    sender = same_address(letter.sender.address) if letter.sender else ""
    owners = [id_ for id_, known in registered.departments.items() if sender in known]
    owners += [""] if sender in registered.coordinator else []
    if not owners:
        return (), f"来信地址 {sender or '（没有）'} 不在部门邮箱文件里"
    if letter.authentication is not None and letter.authentication.is_refuted:
        return (), f"{letter.authentication.by} 检验认为此信不是从 {sender} 的服务器发出的"
    return tuple(owners), ""


async def _is_of_others(room: DistrictRoom, mail: Mail) -> bool:
    """Say whether a mail to the address for returns names none, and is a case by the rules: its writer has a right to that, whoever he is."""
    strong = Handed(title=mail.handed.title, files=mail.handed.files, body="")
    if kinds_in(strong if not mail.owners else mail.handed, _kinds(room)):
        return False
    decision = await room.decide(mail.reading.petition, (), now=mail.arrival.received_at, near_misses=False)
    usual = {Verdict.NOT_A_CASE, Verdict.SUPPLEMENT} if mail.owners else {Verdict.NOT_A_CASE}
    return decision.verdict not in usual


# ---------------------------------------------------------------- what is said of it


def _letters(room: DistrictRoom, mail: Mail, result: Result, owed: Sequence[Owed]) -> list[tuple[Subject, Notice]]:
    """Return the answer to the writer, and the mail to the coordinator where something was not clear; each is kept at what it speaks of first."""
    first = first_of(result, owed)
    if first is None or not mail.owners or not (result.has_something or result.found.doubts):
        return []
    receipt = receipt_of(mail, result, owed)
    owner = mail.owners[0]
    letters = ReturnLetters(room.composer, room.rulebook.district, mail.today)
    notices = [letters.to_sender(first.key, receipt, mail.sender, owner)]
    if result.found.doubts:
        notices += letters.to_coordinator(first.key, receipt, owner)
    return [(first, notice) for notice in notices]


def _name(room: DistrictRoom, owners: Sequence[str]) -> str:
    district = room.rulebook.district
    if not owners:
        return "来信人不明"
    return district.departments[owners[0]].name if owners[0] in district.departments else owners[0] or district.coordinator


def _tell(mail: Mail, result: Result) -> None:
    about = {"district": mail.arrival.district, "departments": list(mail.owners)}
    received = [f"{one.owed.subject.key} {one.owed.kind.id}" for one in result.found.matched]
    if result.has_something or result.heeded:
        log.info("return.taken", **about, received=received, visits=len(result.visits), heeded=len(result.heeded))
    if result.found.doubts:
        log.warning("return.unclear", **about, doubts=list(result.found.doubts))

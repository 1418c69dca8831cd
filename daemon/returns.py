"""Plans, reports, lists and logs that offices mail in: which of what they owe it is, ticked off and answered, or put before a person.

The pipeline asks here of every mail that comes to a district's address for returns, and of every answer to a mail about what is owed without a
case. What is written is one transaction (`store.returning`). Who may tick off is who may act on cases (ADR 28): a sender in the address file
whom no check has refuted; anybody else's mail is kept and listed. An enterprise that writes to the address for returns loses nothing by that:
what names no return goes the way of all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from channels.reply import read_reply
from notifier.return_letters import Counted, Item, Receipt, ReturnLetters
from rules.deadline_kinds import Kind
from rules.returns import Found, Handed, Owed, find, kinds_in
from rules.visit_logs import Visit, logged
from store.life import Role
from store.model.arrival import Channel, StoredArrival
from store.model.decision import Decision, Verdict
from store.model.notice import Notice, Purpose
from store.model.petition import Reading
from store.model.reply_sender import Authority, same_address
from store.owing import DeadlineState, Happening, Subject, SubjectSort
from store.recording import prepare
from store.reply_tokens import brings_token
from store.returning import RETURN_TOPIC, Taken
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mail:
    """One mail under work: what it hands in, for which offices its writer may speak (ids, "" for the coordinator), and why not where for none."""

    arrival: StoredArrival
    reading: Reading
    handed: Handed
    owners: tuple[str, ...]
    doubt: str
    heeds: bool  # says that a reminder was heard, and hands in nothing
    today: date

    @property
    def sender(self) -> str:
        letter = self.reading.petition.letter
        return letter.sender.address if letter.sender else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a mail comes to."""

    found: Found = field(default_factory=Found)
    visits: tuple[tuple[Kind, Owed, Visit], ...] = ()
    heeded: tuple[Owed, ...] = ()

    @property
    def has_something(self) -> bool:
        return bool(self.found.matched or self.found.already or self.visits)


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

    async def _mail(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading, reply: Reply, authority: Authority | None) -> _Mail:
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
        return _Mail(arrival=arrival, reading=reading, handed=handed, owners=owners, doubt=doubt, heeds=heeds, today=today)

    async def _record(self, room: DistrictRoom, mail: _Mail) -> Decision:
        owed = await self._owed(room, mail)
        mail = replace(mail, handed=replace(mail.handed, answers=_named(mail.handed.answers, owed)))
        outcome = _outcome(mail, owed, _kinds(room))
        decision = _decision(outcome, room.rulebook.digest)
        now = self._now()
        said = Said(by=_name(room, mail.owners), at=mail.arrival.received_at, reason=_evidence(mail, outcome), known_at=now)
        taken = Taken(happenings=tuple(_happenings(outcome)), said=said, letters=_letters(room, mail, outcome, owed))
        filing = await asyncio.to_thread(prepare, mail.arrival, mail.reading, decision, room.rulebook.district)
        await self._kept.record(filing, taken, now=now, planner=room.planner)
        _tell(mail, outcome)
        return decision

    async def _owed(self, room: DistrictRoom, mail: _Mail) -> list[Owed]:
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
            return (), authority.evidence
        return (authority.department if authority.role is Role.DEPARTMENT else "",), ""
    sender = same_address(letter.sender.address) if letter.sender else ""
    owners = [id_ for id_, known in registered.departments.items() if sender in known]
    owners += [""] if sender in registered.coordinator else []
    if not owners:
        return (), f"来信地址 {sender or '（没有）'} 不在部门邮箱文件里"
    if letter.authentication is not None and letter.authentication.is_refuted:
        return (), f"{letter.authentication.by} 检验认为此信不是从 {sender} 的服务器发出的"
    return tuple(owners), ""


async def _is_of_others(room: DistrictRoom, mail: _Mail) -> bool:
    """Say whether a mail to the address for returns names none, and is a case by the rules: its writer has a right to that, whoever he is."""
    strong = Handed(title=mail.handed.title, files=mail.handed.files, body="")
    if kinds_in(strong if not mail.owners else mail.handed, _kinds(room)):
        return False
    decision = await room.decide(mail.reading.petition, (), now=mail.arrival.received_at, near_misses=False)
    usual = {Verdict.NOT_A_CASE, Verdict.SUPPLEMENT} if mail.owners else {Verdict.NOT_A_CASE}
    return decision.verdict not in usual


def _named(lines: frozenset[str], owed: Sequence[Owed]) -> frozenset[str]:
    """Return the keys of what is owed that stand in *lines*, those of the mail that is answered."""
    return frozenset(one.subject.key for one in owed if any(one.subject.key in line for line in lines))


# ---------------------------------------------------------------- what it comes to


def _outcome(mail: _Mail, owed: Sequence[Owed], kinds: Sequence[Kind]) -> _Outcome:
    if not mail.owners:
        return _Outcome(found=Found(doubts=(mail.doubt,)))
    if mail.heeds:
        return _Outcome(heeded=tuple(one for one in owed if one.runs and one.subject.key in mail.handed.answers))
    logs = [kind for kind in kinds if kind.counts]
    mentioned = kinds_in(mail.handed, kinds)
    visits, doubts = list[tuple[Kind, Owed, Visit]](), list[str]()
    for kind in (kind for kind in logs if kind.id in mentioned):
        of_kind, left = _visits(mail, kind, owed)
        visits += of_kind
        doubts += left
    others = [kind for kind in kinds if not kind.counts]
    if any(kind.id in mentioned for kind in logs) and not any(kind.id in mentioned for kind in others):
        return _Outcome(found=Found(doubts=tuple(doubts)), visits=tuple(visits))
    found = find(mail.handed, owed, others, mail.today)
    return _Outcome(found=replace(found, doubts=(*found.doubts, *doubts)), visits=tuple(visits))


def _visits(mail: _Mail, kind: Kind, owed: Sequence[Owed]) -> tuple[list[tuple[Kind, Owed, Visit]], list[str]]:
    """Return the days of a log, each with the period it counts towards, and why others count for nothing."""
    days, doubts = logged(mail.handed, kind, mail.today)
    found: list[tuple[Kind, Owed, Visit]] = []
    for visit in days:
        period = next((one for one in owed if one.kind.id == kind.id and one.subject.day <= visit.day <= one.subject.until), None)
        if period is None:
            doubts.append(f"{visit.day} 不在本单位在计的“{kind.label}”各期里")
        else:
            found.append((kind, period, visit))
    if not days and not doubts:
        doubts.append(f"像是“{kind.label}”的记录，但没有看出哪一天")
    return found, doubts


def _happenings(outcome: _Outcome) -> list[Happening]:
    """Return what happens, in an order that all services keep: each locks what it touches."""
    happenings = [Happening(event="heeded", key=key) for key in {one.subject.key for one in outcome.heeded}]
    happenings += [Happening(event="received", key=one.owed.subject.key, kind=one.owed.kind.id) for one in outcome.found.matched]
    for kind, period, visit in outcome.visits:
        about = visit.words.replace("\t", " ")
        happenings.append(
            Happening(
                event="ended",
                key=f"{visit.day} {kind.counts[0]} {period.subject.department or '统筹部门'} {about[:_TITLE]}".strip(),
                day=visit.day,
                sort=SubjectSort.ACTIVITY,
                of=kind.counts[0],
                title=about,
                department=period.subject.department,
            )
        )
    return sorted(happenings, key=lambda one: (one.key, one.kind))


def _evidence(mail: _Mail, outcome: _Outcome) -> str:
    words = dict.fromkeys(word for one in outcome.found.matched for word in one.words)
    return f"来件 A-{mail.arrival.id}" + (f"，据其中的{'、'.join(f'“{word}”' for word in words)}" if words else "")


def _letters(room: DistrictRoom, mail: _Mail, outcome: _Outcome, owed: Sequence[Owed]) -> list[tuple[Subject, Notice]]:
    """Return the answer to the writer, and the mail to the coordinator where something was not clear; each is kept at what it speaks of first."""
    first = _first(outcome, owed)
    if first is None or not mail.owners or outcome.heeded:
        return []
    receipt = _receipt(mail, outcome, owed)
    owner = mail.owners[0]
    letters = ReturnLetters(room.composer, room.rulebook.district, mail.today)
    notices = [letters.to_sender(first.key, receipt, mail.sender, owner)]
    if outcome.found.doubts:
        notices += letters.to_coordinator(first.key, receipt, owner)
    return [(first, notice) for notice in notices]


def _first(outcome: _Outcome, owed: Sequence[Owed]) -> Subject | None:
    found = outcome.found
    named = [*(one.owed for one in found.matched), *(period for _, period, _ in outcome.visits), *found.already]
    return next((one.subject for one in (*named, *(one for one in owed if one.runs), *owed)), None)


def _receipt(mail: _Mail, outcome: _Outcome, owed: Sequence[Owed]) -> Receipt:
    found = outcome.found
    ticked = {(one.owed.subject.key, one.owed.kind.id) for one in found.matched}
    after: dict[str, Counted] = {}
    days: dict[str, set[date]] = {}
    for kind, period, visit in outcome.visits:
        key = period.subject.key
        days.setdefault(key, set(period.subject.done)).add(visit.day)
        after[key] = Counted(key=key, done=len(days[key]), times=kind.times)
    enough = {key for key, counted in after.items() if counted.done >= counted.times}
    left = [one for one in owed if one.runs and (one.subject.key, one.kind.id) not in ticked and one.subject.key not in enough]
    return Receipt(
        arrival=mail.arrival.id,
        title=mail.reading.petition.letter.subject,
        received=[Item(key=_called(one.owed), words=one.words, lacks=one.lacks) for one in found.matched],
        already=[_called(one) for one in found.already],
        visits=[(visit.day, visit.words) for _, _, visit in outcome.visits],
        counted=list(after.values()),
        doubts=found.doubts,
        owed=[(_called(one), one.due) for one in sorted(left, key=lambda one: one.due)],
        candidates=[(one.subject.key, one.kind.id) for one in left if not one.kind.counts],
    )


def _called(one: Owed) -> str:
    """Return what people call it: a period by its key, which names its kind, an activity with the kind."""
    return one.subject.key if one.subject.sort is SubjectSort.PERIOD else f"{one.subject.key}　{one.kind.label}"


def _name(room: DistrictRoom, owners: Sequence[str]) -> str:
    district = room.rulebook.district
    if not owners:
        return "来信人不明"
    return district.departments[owners[0]].name if owners[0] in district.departments else owners[0] or district.coordinator


def _tell(mail: _Mail, outcome: _Outcome) -> None:
    about = {"district": mail.arrival.district, "departments": list(mail.owners)}
    received = [f"{one.owed.subject.key} {one.owed.kind.id}" for one in outcome.found.matched]
    if outcome.has_something or outcome.heeded:
        log.info("return.taken", **about, received=received, visits=len(outcome.visits), heeded=len(outcome.heeded))
    if outcome.found.doubts:
        log.warning("return.unclear", **about, doubts=list(outcome.found.doubts))


def _decision(outcome: _Outcome, rulebook: str) -> Decision:
    """Return the decision that stands for a return: no case, and a person's to look at where something of it was not clear."""
    return Decision(
        verdict=Verdict.NOT_A_CASE,
        proposed=bool(outcome.found.doubts),
        ground=None,
        topic=RETURN_TOPIC,
        department=None,
        accompanying=(),
        advice=None,
        missing=(),
        related_case=None,
        urgent=False,
        review=outcome.found.doubts,
        named_departments=(),
        scores=(),
        hits=(),
        near_misses=(),
        due=None,
        rulebook=rulebook,
        engine="",
    )

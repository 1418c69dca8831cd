"""Answers to our mails: who wrote, what he orders, what is done, and how the reply lies at its case. The pipeline asks here before it decides.

Everything that a reply causes is one transaction with the arrival as its key (`store.replying`): a crash at any line repeats harmlessly, and
a reply that comes twice does nothing the second time. What no reply to us is goes the way of every other arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from channels.reply import read_reply
from daemon.reply_acts import Acting, Author, Done, in_words, newest_question
from daemon.reply_filing import filed, prepared
from notifier.compose import Outcome
from store.audit import Entry
from store.drafting import Draft
from store.errors import OutrunError, UsageError
from store.life import Role
from store.model.arrival import Channel, StoredArrival
from store.model.case import Case, CaseState
from store.model.decision import Decision
from store.model.held_reply import HeldReply, HeldState, Hold, Settled
from store.model.notice import Notice, Purpose
from store.model.petition import Petition, Reading
from store.model.reply import Command, Reply
from store.model.reply_sender import COORDINATOR, ENTERPRISE, Authority, office_of_department
from store.recording import Filing
from store.reply_tokens import brings_token
from store.replying import Handled

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.pipeline import DistrictRoom
    from daemon.review import Act, Office
    from daemon.supplements import Supplements
    from store.arrivals import Arrivals
    from store.bookings import Bookings
    from store.cases import Cases
    from store.deadlines import Deadlines
    from store.outbox import Outbox
    from store.reply_tokens import ReplyTokens
    from store.replying import Replies as KeptReplies

log = structlog.get_logger()

_HELD_A_DAY = 3  # replies to one case that the registered address is asked about in a day
_NOTHING_UNDERSTOOD = "没有看出要办什么。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What of the database replies work with."""

    cases: Cases
    arrivals: Arrivals
    bookings: Bookings
    deadlines: Deadlines
    outbox: Outbox
    tokens: ReplyTokens
    kept: KeptReplies


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """One reply under work: the arrival, what it says, whose it is, and the case as it stands."""

    arrival: StoredArrival
    reading: Reading
    reply: Reply
    authority: Authority
    case: Case
    author: Author
    now: datetime

    @property
    def sender(self) -> str:
        letter = self.reading.petition.letter
        return letter.sender.address if letter.sender else ""

    @property
    def office(self) -> str:
        """In what capacity the writer answers, as `Notice.office` has it."""
        return _office(self.author.role, self.author.department)

    @property
    def is_of_a_place(self) -> bool:
        """Whether it answers a mail about a place in a session."""
        return self.authority.purpose is Purpose.BOOKING


class Replies:
    """Acts on the replies of all districts."""

    def __init__(self, stores: Stores, *, offices: Mapping[str, Office], supplements: Supplements, now: Callable[[], datetime]) -> None:
        """Keep the parts; *offices* are those of all districts."""
        self._stores, self._offices, self._supplements, self._now = stores, offices, supplements, now

    async def read(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading) -> Reply | None:
        """Return what *arrival* orders where it may answer a mail of ours. Before its turn: whoever quotes megabytes holds up no other case."""
        letter = reading.petition.letter
        if arrival.channel is not Channel.MAIL or letter.automatic is not None or not brings_token(letter, arrival.envelope_to):
            return None
        return await asyncio.to_thread(read_reply, letter, room.rulebook.reply_words, reading.petition.attachment_texts)

    async def take(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading, reply: Reply) -> tuple[Decision, Case] | None:
        """Do what *reply* orders where *arrival* answers a mail of ours about a case, and return its case; None where it goes the way of all others."""
        letter = reading.petition.letter
        while True:
            authority = await self._stores.tokens.authority(arrival, letter, room.composer.recipients.registered)
            if authority.case_id is None or authority.role is None:
                return None
            case = await self._stores.cases.get(authority.case_number)
            author = await self._author(room, authority, case)
            one = _Letter(arrival=arrival, reading=reading, reply=reply, authority=authority, case=case, author=author, now=self._now())
            handled = await self._handled(room, one)
            if handled is None:
                return None
            decision = filed(case, room.rulebook.digest)
            filing = await prepared(arrival, reading, decision, room)
            try:
                case = await self._stores.kept.record(filing, _with_sources(handled, filing), now=one.now, planner=room.planner)
            except OutrunError:
                log.debug("arrival.outrun", arrival_id=arrival.id)
                continue
            _tell(one, handled, case)
            return decision, case

    # ------------------------------------------------------------ what it comes to

    async def _handled(self, room: DistrictRoom, one: _Letter) -> Handled | None:
        """Return what the reply comes to; None where it is no reply to be acted on, but a further letter to its case."""
        if one.authority.repeats is not None:
            return self._nothing(one, f"与来件 {one.authority.repeats} 内容相同，不重复办理")
        if not one.authority.may_act:
            return await self._hold(room, one) if one.reply.commands else None
        if one.authority.purpose is Purpose.CONFIRM:
            return await self._vouched(room, one)
        if self._supplements.concerns(one.case, one.author.role, one.reply):
            return await self._supplemented(room, one)
        return await self._ordered(room, one)

    async def _ordered(self, room: DistrictRoom, one: _Letter) -> Handled | None:
        """Do what a reply orders whose writer may act."""
        if one.author.role is Role.DEPARTMENT and not one.authority.leads:
            return None  # one that accompanies moves nothing: what it writes goes to whoever has the case
        commands = one.reply.commands
        if one.author.role is Role.ENTERPRISE:  # what it adds, unasked, goes to whoever has the case
            commands = tuple(command for command in commands if command.event != "supplemented")
        if commands:
            return await self._act(room, one, commands)
        is_letter = one.author.role is Role.ENTERPRISE and one.case.state is not CaseState.ANSWERED and not one.is_of_a_place
        return None if is_letter else self._not_understood(room, one)

    async def _act(self, room: DistrictRoom, one: _Letter, commands: Sequence[Command]) -> Handled:
        acting = self._acting(room, one.case, one.author, one.now, one.arrival.id, _files(one.reading))
        done = await acting.all(commands)
        failed = [command for command in done if command.problem]
        objects = one.author.role is Role.ENTERPRISE and any(command.event == "separate" for command in commands)
        return Handled(
            seen=one.case,
            event=_event(one, done),
            changes=acting.draft.changes,
            notices=lambda new: [
                *self._help(room, one, new, done if failed else ()),
                *(room.composer.for_follow_up(new, one.reading.petition) if failed else ()),
                *(_objection(room, new, one) if objects else ()),
            ],
            needs_a_person=bool(failed) or objects,
        )

    def _not_understood(self, room: DistrictRoom, one: _Letter) -> Handled:
        """File it, tell a person, and tell the writer once a day what he may write."""
        return Handled(
            seen=one.case,
            event=_event(one, (), problem="没有看出要办什么" + "".join(f"；{doubt}" for doubt in one.reply.doubts[:3])),
            notices=lambda new: [
                *room.composer.for_follow_up(new, one.reading.petition),
                *self._help(room, one, new, (), why="".join((_NOTHING_UNDERSTOOD, *(f"{doubt}。" for doubt in one.reply.doubts[:3])))),
            ],
            needs_a_person=True,
        )

    def _nothing(self, one: _Letter, why: str) -> Handled:
        return Handled(seen=one.case, event=_event(one, (), problem=why))

    async def _supplemented(self, room: DistrictRoom, one: _Letter) -> Handled:
        acting = self._acting(room, one.case, one.author, one.now, one.arrival.id, _files(one.reading))
        notices = await self._supplements.add(room, acting, one.reading.petition, one.reply, one.arrival)
        done = (Done(event="supplemented", words="收到补正"),) if acting.draft.changes else ()
        return Handled(seen=one.case, event=_event(one, done), changes=acting.draft.changes, notices=notices)

    # ------------------------------------------------------------ in doubt

    async def _hold(self, room: DistrictRoom, one: _Letter) -> Handled:
        """Do nothing, and ask the registered address whether this is its own."""
        says = "；".join(in_words(command) for command in one.reply.commands)
        hold = Hold(why=one.authority.evidence, role=one.author.role, department=one.author.department, says=says)
        asked = await self._stores.kept.held_since(one.case.id, one.now - timedelta(days=1))
        asks = asked < _HELD_A_DAY and (one.author.role is not Role.DEPARTMENT or one.authority.leads)

        def ask(new: Case) -> list[Notice]:
            return room.composer.for_confirmation(new, one.authority.recipient, one.office, says, str(one.arrival.id)) if asks else []

        return Handled(
            seen=one.case, event=_event(one, (), problem=f"来信人存疑，没有办理：{one.authority.evidence}"), notices=ask, hold=hold
        )

    async def _vouched(self, room: DistrictRoom, one: _Letter) -> Handled:
        """Do what a held reply orders, or drop it, as the registered address says."""
        assert one.authority.notice_id is not None  # noqa: S101 - it has a purpose
        asked = await self._stores.outbox.get(one.authority.notice_id)
        held = await self._stores.kept.held_one(int(asked.notice.round))
        said = {command.event for command in one.reply.commands} & {"agree", "disagree"}
        if held.state is not HeldState.HELD:
            return self._nothing(one, f"A-{held.arrival_id} 已经处理过")
        if len(said) != 1:
            return self._not_understood(room, one)
        if said == {"disagree"}:
            settled = Settled(
                arrival_id=held.arrival_id, state=HeldState.DROPPED, by=one.author.name, reason="登记邮箱回复：不是本单位所发"
            )
            return replace(self._nothing(one, f"A-{held.arrival_id} 不是本人所发，不办理"), settled=settled, needs_a_person=True)
        settled = Settled(arrival_id=held.arrival_id, state=HeldState.DONE, by=one.author.name, reason="登记邮箱回复确认")
        acting, done, forms = await self._do_held(room, held, one.case, one.now)
        event = _event(one, done)
        return Handled(
            seen=one.case,
            event=replace(event, data={**event.data, **forms}),
            changes=acting.draft.changes,
            notices=lambda new: self._help(room, one, new, done if any(command.problem for command in done) else ()),
            needs_a_person=any(command.problem for command in done),
            settled=settled,
        )

    async def settle(self, office: Office, arrival_id: int, act: Act, *, do: bool) -> tuple[Case, list[Done]]:
        """Let a person do or drop a held reply; returns its case and what was done. Raises UsageError where it is held no more."""
        while True:
            held, now = await self._stores.kept.held_one(arrival_id), self._now()
            if held.state is not HeldState.HELD:
                raise UsageError(f"A-{arrival_id} 已经处理过，不再办理")
            case = await self._stores.cases.get(held.case_number)
            acting, done, forms = await self._do_held(office, held, case, now) if do else (None, [], {})
            state = HeldState.DONE if do else HeldState.DROPPED
            data = {"arrival": arrival_id, "held": state.value, **_of_commands(done), **forms}
            event = Entry(kind="case.replied", at=now, actor=act.by, reason=act.reason, data=data)
            settled = Settled(arrival_id=arrival_id, state=state, by=act.by, reason=act.reason)
            handled = Handled(seen=case, event=event, changes=acting.draft.changes if acting else (), settled=settled)
            try:
                return await self._stores.kept.settle(handled, now=now, planner=office.planner), done
            except OutrunError:
                continue

    async def _do_held(self, office: Office, held: HeldReply, case: Case, now: datetime) -> tuple[Acting, list[Done], dict[str, object]]:
        """Do what a held reply orders, in the name of whom it was written; returns the forms it brought too, as an event keeps them."""
        kept = await self._stores.cases.set_aside(held.arrival_id)
        petition = kept.petition
        reply = await asyncio.to_thread(read_reply, petition.letter, office.rulebook.reply_words, petition.attachment_texts)
        author = Author(
            role=held.hold.role, department=held.hold.department, name=_name(office, held.hold.role, held.hold.department, case)
        )
        acting = self._acting(office, case, author, now, held.arrival_id, await self._kept_files(petition))
        return acting, await acting.all(reply.commands), _forms_of(reply)

    async def _kept_files(self, petition: Petition) -> Mapping[str, bytes]:
        return {file.name: await self._stores.arrivals.blob(file.sha256) for file in petition.letter.attachments}

    # ------------------------------------------------------------ parts

    def _acting(self, office: Office, case: Case, author: Author, now: datetime, arrival_id: int, files: Mapping[str, bytes]) -> Acting:
        return Acting(
            draft=Draft(self._stores.cases, case, arrival_id=arrival_id),
            office=office,
            offices=self._offices,
            arrivals=self._stores.arrivals,
            bookings=self._stores.bookings,
            deadlines=self._stores.deadlines,
            author=author,
            moment=now,
            files=files,
        )

    async def _author(self, room: DistrictRoom, authority: Authority, case: Case) -> Author:
        assert authority.role is not None  # noqa: S101 - the caller has looked
        asks = authority.role is Role.COORDINATOR
        notices = await self._stores.outbox.list(case_id=case.id) if asks else []
        return Author(
            role=authority.role,
            department=authority.department,
            name=_name(room, authority.role, authority.department, case),
            notice_id=authority.notice_id,
            newest_question=newest_question([(queued.id, queued.notice.purpose) for queued in notices]),
        )

    def _help(self, room: DistrictRoom, one: _Letter, case: Case, done: Sequence[Done], why: str = "") -> list[Notice]:
        """Return the one mail of the day that tells the writer what was not done, and what he may write; none where all was done."""
        if not (done or why):
            return []
        outcome = Outcome(
            done=tuple(command.words for command in done if not command.problem),
            not_done=tuple(f"{command.words}：{command.problem}" for command in done if command.problem),
            why=why,
            may_unbook=one.is_of_a_place,
        )
        day = one.now.astimezone(ZoneInfo(room.rulebook.district.timezone)).date()
        return room.composer.for_help(case, one.sender, one.office, outcome, day.isoformat())


def _office(role: Role, department: str) -> str:
    if role is Role.DEPARTMENT:
        return office_of_department(department)
    return COORDINATOR if role is Role.COORDINATOR else ENTERPRISE


def _name(office: Office, role: Role, department: str, case: Case) -> str:
    """Return under what name the history knows who acts."""
    district = office.rulebook.district
    if role is Role.DEPARTMENT:
        return district.departments[department].name if department in district.departments else department
    if role is Role.COORDINATOR:
        return district.coordinator
    return (case.petition.name.value if case.petition.name else "企业")[:50]


def _files(reading: Reading) -> dict[str, bytes]:
    return {file.name: reading.blobs[file.sha256] for file in reading.petition.letter.attachments if file.sha256 in reading.blobs}


def _of_commands(done: Sequence[Done]) -> dict[str, object]:
    said = {
        "done": [command.words for command in done if not command.problem],
        "not_done": [f"{command.words}：{command.problem}" for command in done if command.problem],
    }
    return {name: words for name, words in said.items() if words}


def _forms_of(reply: Reply) -> dict[str, object]:
    """Return which forms came filled in with a reply, as an event keeps them."""
    forms = sorted({form.kind for form in reply.forms if form.is_filled})
    return {"forms": forms} if forms else {}


def _event(one: _Letter, done: Sequence[Done], problem: str = "") -> Entry:
    """Return the entry in the history: from where, on what proof, what was done and what not."""
    proof = {"notice": one.authority.notice_id, "standing": one.authority.standing.value, "proof": one.authority.evidence}
    who = {"role": one.author.role.value, "sender": one.sender}
    forms = _forms_of(one.reply) if one.authority.may_act else {}
    return Entry(
        kind="case.replied",
        at=one.now,
        actor=one.author.name if one.authority.may_act else one.sender or "来信人不明",
        reason=problem,
        data={"arrival": one.arrival.id, **who, **proof, **_of_commands(done), **forms},
    )


def _with_sources(handled: Handled, filing: Filing) -> Handled:
    """Put the digests of what came into the event."""
    attachments = [file.sha256 for file in filing.reading.petition.letter.attachments]
    data = {**handled.event.data, "raw_sha256": filing.raw_sha256, "attachments_sha256": attachments}
    return replace(handled, event=replace(handled.event, data=data))


def _objection(room: DistrictRoom, case: Case, one: _Letter) -> list[Notice]:
    why = (
        f"企业来信说与{case.progress.other or '所指的事项'}不是同一件：{one.reply.new_text.rstrip('。')}；属实的，回复“同意”，恢复单独办理"
    )
    return room.composer.for_decision(case, why, f"{one.now.isoformat()}.objection")


def _tell(one: _Letter, handled: Handled, case: Case) -> None:
    about = {"case": case.number, "role": one.author.role.value, "standing": one.authority.standing.value}
    if handled.hold is not None:
        log.warning("reply.held", **about)
    elif handled.changes:
        log.info("reply.done", **about, state=case.state.value, acts=[change.kind for change in handled.changes])
    else:
        log.info("reply.filed", **about, needs_a_person=handled.needs_a_person)

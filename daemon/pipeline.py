"""The path of one message: read → match → decide → record. START READING HERE. An answer to a mail of ours turns off in `daemon.replies`.

Two commits bracket the work: a door accepted the arrival (first), `record` stores case, events and notices together (second). A crash
anywhere between them repeats harmlessly; what `record` queued is sent by `daemon.sending`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.comparison import beside_of, related
from daemon.health.pulse import Pulse
from daemon.sisters import Handed, handed
from daemon.waiting import first_of
from rules.decide import decide
from rules.planner import Planner, plans
from store.errors import MalformedMessageError, OutrunError, StoreUnavailableError, TemporaryError, WorkerFailedError
from store.model.arrival import Channel, StoredArrival
from store.model.case import Case, CaseState
from store.model.decision import Decision, Verdict
from store.model.letter import Bounce, Letter
from store.model.matching import Beside, Candidate
from store.model.notice import Notice
from store.model.petition import Petition, Reading
from store.model.reply import Reply
from store.recording import opening_state

if TYPE_CHECKING:
    from channels.page_reader import PageReader
    from channels.reader import Reader
    from daemon.reconsidering import Reconsideration
    from daemon.replies import Replies
    from daemon.returns import Returns
    from daemon.sender_checks import SenderChecks
    from daemon.surveys import Surveys
    from notifier.compose import Composer
    from rules.calendar import Calendar
    from rules.engine import Engine
    from rules.rulebook import RuleBook
    from store.addresses import Addresses
    from store.arrivals import Arrivals
    from store.cases import Cases
    from store.leases import Leases
    from store.matching import Matching

log = structlog.get_logger()

LEASE = timedelta(minutes=10)  # longer than any reading may take; what a dead service left is freed much sooner (`store.leases`)
_PAPERS = 2  # faxes and letters in hand, beyond which no further one is taken out of its folder: one is read, one stands ready
_MOST_WAITING = 8  # of those whose pages wait to be read, so many take no other message's place
_POLL_S = 5.0  # how long a claim that nobody announced may wait (another process accepted or released it)
_PAUSES = tuple(timedelta(seconds=s) for s in (1, 10, 60, 300))
_OUR_PAUSE = timedelta(seconds=10)  # where not the arrival but the database or the machine is the trouble


@dataclass(slots=True, kw_only=True)
class DistrictRoom:
    """What one district decides and writes with. The rule-book may be swapped between two cases, never within one."""

    rulebook: RuleBook
    engine: Engine
    composer: Composer
    calendar: Calendar
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)  # one case after another, so that each sees those before it

    @property
    def planner(self) -> Planner:
        """What the pack and the calendar make of an event for the deadlines of its case."""
        return plans(self.rulebook, self.calendar)

    async def decide(self, petition: Petition, candidates: Sequence[Candidate], *, now: datetime, near_misses: bool = True) -> Decision:
        """Return what the rules make of *petition* beside *candidates*, as of *now*; the loop goes on meanwhile."""
        return await asyncio.to_thread(
            decide,
            petition,
            candidates,
            rulebook=self.rulebook,
            calendar=self.calendar,
            infer=self.engine.infer,
            now=now,
            engine=self.engine.name,
            near_misses=near_misses,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one arrival; `case` is the one it opened or continued, None where it is no case. `candidates` it was compared with."""

    petition: Petition
    candidates: Sequence[Candidate]
    decision: Decision
    case: Case | None


Listener = Callable[[StoredArrival, Outcome], None]


class Pipeline:
    """Takes accepted arrivals to their recorded decision, several at a time, one poison message never blocking the next."""

    def __init__(  # noqa: PLR0913 - the parts named one by one are the point of wiring
        self,
        *,
        rooms: Mapping[str, DistrictRoom],
        arrivals: Arrivals,
        cases: Cases,
        matching: Matching,
        addresses: Addresses,
        reconsideration: Reconsideration,
        replies: Replies,
        returns: Returns,
        surveys: Surveys,
        reader: Reader,
        senders: SenderChecks | None,
        pages: PageReader,
        now: Callable[[], datetime],
        leases: Leases,
        tries: int,
        at_once: int,
    ) -> None:
        """Keep the parts; nothing runs before `run`."""
        self.rooms = rooms
        self._arrivals, self._cases, self._matching = arrivals, cases, matching
        self._addresses, self._reconsideration, self._replies = addresses, reconsideration, replies
        self._returns, self._surveys = returns, surveys
        self._reader, self._senders, self._pages = reader, senders, pages
        self._now, self._leases, self._tries, self._at_once = now, leases, tries, at_once
        self._woken = asyncio.Event()
        pages.on_waiting(self.wake)  # whose pages wait leaves its place to others
        self._listeners: list[Listener] = []
        self.pulse = Pulse()
        self._left: dict[int, str] = {}  # arrivals that could not be settled, and why
        self._is_in_doubt = False  # a claim failed, and nobody knows whether it holds

    def on_recorded(self, listener: Listener) -> None:
        """Tell *listener* of each recorded decision: the sender need not wait for its next poll, the demo shows it."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Say that an arrival was accepted."""
        self._woken.set()

    async def process(self, arrival: StoredArrival) -> Outcome:
        """Read, match, decide, record one accepted arrival. Safe to repeat after a crash at any line.

        Raises MalformedMessageError where the message is to blame, a TemporaryError where we are.
        """
        room = self.rooms[arrival.district]
        matter = await handed(arrival, self._cases, self._arrivals, self.rooms)
        outcome = await self._take_over(room, arrival, matter) if matter else await self._letter(room, arrival)
        decision, case = outcome.decision, outcome.case
        log.info(
            "arrival.decided",
            arrival_id=arrival.id,
            case=case.number if case else None,
            verdict=decision.verdict.value,
            ground=decision.ground,
            department=decision.department,
            rules=[hit.rule for hit in decision.hits],
        )
        return outcome

    async def _letter(self, room: DistrictRoom, arrival: StoredArrival) -> Outcome:
        """Read what came in by a door, see what it says about mails of ours, and decide."""
        reading = await self._read(arrival)
        await self._note_bounce(arrival, reading.petition.letter.bounce)
        await self._note_automatic_reply(arrival, reading.petition.letter)
        await self._note_living(arrival.district, reading.petition.letter)
        reply = await self._replies.read(room, arrival, reading)
        async with room.deciding:
            if arrival.channel is Channel.PLATFORM:
                await self._reconsideration.run(room, arrival, reading.petition)
            return (
                (reply and await self._answer(room, arrival, reading, reply))
                or await self._taken_in(room, arrival, reading)
                or await self._conclude(room, arrival, reading)
            )

    async def _take_over(self, room: DistrictRoom, arrival: StoredArrival, matter: Handed) -> Outcome:
        """Open a case for what a sister district has handed over: it was read there, and said what it says about mails of that district's."""
        async with room.deciding:
            return await self._conclude(room, arrival, matter.reading, matter)

    async def _note_bounce(self, arrival: StoredArrival, bounce: Bounce | None) -> None:
        """Tell the case of a mail of ours that came back. A commit of its own: it may be repeated, and says nothing of this arrival."""
        if bounce is None:
            return
        returned = await self._cases.bounced(arrival, bounce, self._now(), compose=self.rooms[arrival.district].composer.for_undelivered)
        if returned is not None:
            about = {"notice_id": returned.notice_id, "case": returned.case_number, "purpose": returned.purpose}
            log.warning("notice.bounced", **about, permanent=bounce.is_permanent, status=bounce.status, problem=bounce.words)

    async def _note_automatic_reply(self, arrival: StoredArrival, letter: Letter) -> None:
        """Tell the case that a machine answered a mail of ours (somebody is on leave). A commit of its own, as above."""
        if letter.automatic is None or letter.automatic.kind != "auto-reply":
            return
        notice_id = await self._cases.automatically_answered(arrival, letter, self._now())
        if notice_id is not None:
            log.info("notice.auto_replied", notice_id=notice_id)

    async def _note_living(self, district: str, letter: Letter) -> None:
        """Clear an address that mail did not reach, now that a person has written from there. May be repeated, too."""
        if letter.sender is None or letter.automatic is not None or (letter.authentication and letter.authentication.is_refuted):
            return
        if await self._addresses.heard_from(district, letter.sender.address):
            log.info("address.revived", sender=letter.sender.address)

    async def _answer(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading, reply: Reply) -> Outcome | None:
        """Act on an answer to a mail of ours, which is recorded then; None where it is none."""
        taken = await self._replies.take(room, arrival, reading, reply)
        return taken and Outcome(petition=reading.petition, candidates=(), decision=taken[0], case=taken[1])

    async def _taken_in(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading) -> Outcome | None:
        """Take in what is no petition though no case is answered: what an office hands in, an answer to a survey. It is recorded then."""
        for taker in (self._returns, self._surveys):
            decision = await taker.take(room, arrival, reading)
            if decision is not None:
                return Outcome(petition=reading.petition, candidates=(), decision=decision, case=None)
        return None

    async def _conclude(self, room: DistrictRoom, arrival: StoredArrival, reading: Reading, matter: Handed | None = None) -> Outcome:
        """Decide and record; once more where another service recorded in between, which then got on with its work."""
        while True:
            candidates, seen = await self._matching.candidates(room.rulebook.district, reading.petition, exclude_arrival=arrival.id)
            candidates = matter.others(candidates) if matter else candidates
            decision = await room.decide(reading.petition, candidates, now=arrival.received_at)
            decision = matter.as_case(decision) if matter else decision
            try:
                beside = await self._beside(room, reading.petition, decision, candidates)
                case = await self._record(room, arrival, reading, decision, seen, beside, matter)
                return Outcome(petition=reading.petition, candidates=candidates, decision=decision, case=case)
            except OutrunError:
                log.debug("arrival.outrun", arrival_id=arrival.id)

    async def _beside(self, room: DistrictRoom, petition: Petition, decision: Decision, candidates: Sequence[Candidate]) -> Beside | None:
        """Return the earlier report beside *petition* where a person is asked to review it; nobody else reads it, and aligning costs."""
        earlier = related(decision, candidates) if opening_state(decision) is CaseState.UNDER_REVIEW else None
        return await asyncio.to_thread(beside_of, petition, earlier, room.rulebook.platforms) if earlier else None

    async def _record(  # noqa: PLR0913, PLR0917 - what was decided about what, and beside what
        self,
        room: DistrictRoom,
        arrival: StoredArrival,
        reading: Reading,
        decision: Decision,
        seen: int,
        beside: Beside | None,
        matter: Handed | None,
    ) -> Case | None:
        return await self._cases.record(  # one commit: case, events, notices, arrival done
            arrival,
            reading,
            decision,
            district=room.rulebook.district,
            now=self._now(),
            compose=lambda case: self._compose(room, case, reading, decision, beside, matter),
            seen=seen,
            planner=room.planner,
            begun=matter.begun if matter else None,
        )

    async def _read(self, arrival: StoredArrival) -> Reading:
        """Read in a capped child process. The reader tells a message that kills its children from a machine that cannot run any."""
        try:
            reading = await self._reader.read(arrival, self.rooms[arrival.district].rulebook.call_shape)
        except WorkerFailedError as error:
            raise TemporaryError(f"暂时无法读件：{error}") from error
        return await self._senders.checked(arrival, reading) if self._senders else reading

    def _compose(
        self, room: DistrictRoom, case: Case, reading: Reading, decision: Decision, beside: Beside | None, matter: Handed | None
    ) -> Sequence[Notice]:
        """Write the notices that *case* owes because of this arrival."""
        if decision.verdict is Verdict.FOLLOW_UP:
            return room.composer.for_follow_up(case, reading.petition)
        return room.composer.for_new_case(case, beside, matter.earlier if matter else ())

    async def run(self, stop: asyncio.Event) -> None:
        """Process arrivals until *stop* is set, then finish those in hand."""
        in_hand: dict[asyncio.Task[None], tuple[int, datetime]] = {}  # which arrival, and since when
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                longest = LEASE * (1 + self._pages.waiting)  # of pages one fax after another is read
                if not any(started + longest < self._now() for _, started in in_hand.values()):
                    self.pulse.beat()  # an arrival that is at work longer than any may is no progress
                self._woken.clear()
                ids = [id_ for id_, _ in in_hand.values()]
                free = self._at_once - len(in_hand) + min(self._pages.waiting, _MOST_WAITING)
                taken = await self._claim(free, ids)
                for arrival in taken:
                    if arrival.id in ids:  # its lease ran out while its pages waited, and is now as new
                        continue
                    task = group.create_task(self._handle(arrival), name=f"arrival-{arrival.id}")
                    in_hand[task] = arrival.id, self._now()
                    task.add_done_callback(in_hand.pop)
                    task.add_done_callback(lambda _: self._woken.set())
                if not taken:
                    await first_of(self._woken, stop, timeout_s=_POLL_S)
            self._pages.part()

    async def _claim(self, free: int, in_hand: Sequence[int]) -> list[StoredArrival]:
        if free <= 0:
            return []
        try:
            await self._give_back()
            owner = self._leases.service().owner
            if self._is_in_doubt and (freed := await self._arrivals.release(owner=owner, in_hand=in_hand)):
                log.info("claim.released", part="pipeline", count=freed)
            self._is_in_doubt = True
            with_papers = self._pages.waiting < _PAPERS
            claimed = await self._arrivals.claim(owner=owner, now=self._now(), limit=free, lease=LEASE, with_papers=with_papers)
        except StoreUnavailableError as error:
            log.warning("store.unavailable", part="pipeline", error=str(error))
            return []
        self._is_in_doubt = False
        return claimed

    async def _give_back(self) -> None:
        """Free what had to be left claimed while the database was away, rather than wait for the lease to run out."""
        for arrival_id, problem in list(self._left.items()):
            await self._arrivals.postpone(arrival_id, problem=problem, now=self._now(), next_try_at=self._now(), counts=False)
            del self._left[arrival_id]

    async def _handle(self, arrival: StoredArrival) -> None:
        """Process one arrival and settle what its failure means for it; nothing but a bug in the settling itself gets out."""
        with structlog.contextvars.bound_contextvars(arrival_id=arrival.id, channel=arrival.channel.value):
            try:
                await self._settle(arrival)
            except StoreUnavailableError as error:  # still claimed; given back as soon as the database answers
                log.warning("arrival.left", error=str(error))
                self._left[arrival.id] = str(error)

    async def _settle(self, arrival: StoredArrival) -> None:
        if arrival.district not in self.rooms:
            await self._quarantine(arrival, f"配置里没有区 {arrival.district}；补上这个区并重新启动后，可以再试一次")
            return
        try:
            outcome = await self.process(arrival)
            for listener in self._listeners:
                listener(arrival, outcome)
        except MalformedMessageError as error:
            await self._quarantine(arrival, str(error))
        except WorkerFailedError as error:  # of the rule engine, which this arrival may have caused
            await self._try_later(arrival, str(error))
        except TemporaryError as error:
            await self._wait(arrival, str(error))
        except Exception as error:  # a bug: the message stays, the others go on
            log.exception("arrival.failed")
            await self._try_later(arrival, f"程序内部错误（{type(error).__name__}），详见日志")

    async def _try_later(self, arrival: StoredArrival, problem: str) -> None:
        """Give an arrival that failed for a reason of its own a few more tries, then hand it to a person."""
        if arrival.tries + 1 >= self._tries:
            await self._quarantine(arrival, f"{problem}；已尝试 {arrival.tries + 1} 次")
        else:
            await self._postpone(arrival, problem, _PAUSES[min(arrival.tries, len(_PAUSES) - 1)], counts=True)

    async def _wait(self, arrival: StoredArrival, problem: str) -> None:
        """Put an arrival off for trouble of ours, however often: nobody's message goes into quarantine for our database."""
        await self._postpone(arrival, problem, _OUR_PAUSE, counts=False)

    async def _postpone(self, arrival: StoredArrival, problem: str, pause: timedelta, *, counts: bool) -> None:
        log.warning("arrival.postponed", problem=problem, retry_in_s=pause.total_seconds())
        now = self._now()
        await self._arrivals.postpone(arrival.id, problem=problem, now=now, next_try_at=now + pause, counts=counts)

    async def _quarantine(self, arrival: StoredArrival, problem: str) -> None:
        log.warning("arrival.quarantined", problem=problem)
        await self._arrivals.quarantine(arrival.id, problem, self._now())

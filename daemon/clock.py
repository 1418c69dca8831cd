"""The clock: acts on deadlines whose moment has come, each step once however often the process restarts, and never at night.

What one person gets at one tick is one mail. After an outage the steps missed meanwhile are not sent one by one: the newest is, and says
what was missed. A new calendar is taken up here, too: every running date is counted again, and who owes it is told where it moved.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from daemon.missing_notice import report_calendar
from daemon.waiting import first_of
from notifier.reminders import Item, Occasion, number_of, strongest, was_in_words
from rules.deadline_kinds import Kind
from rules.deadline_plan import Step, after_quiet, is_quiet, schedule
from rules.occurrences import next_to_announce, to_announce
from rules.subject_plan import next_period, periods
from store.errors import StoreUnavailableError
from store.model.case import Case
from store.model.letter import Address
from store.owing import Deadline, Fired, Letter, Moved, Subject

if TYPE_CHECKING:
    from daemon.review import Office
    from store.deadlines import Deadlines
    from store.subjects import Subjects

    About = Case | Subject
    Lacking = Callable[[Office, datetime], Awaitable[Mapping[int, Sequence[str]]]]

log = structlog.get_logger()

_TICK_S = 30.0
_BATCH = 2_000  # deadlines in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acted:
    """One step taken on one deadline."""

    deadline: Deadline
    about: About
    kind: Kind
    step: Step
    missed: int
    lacking: Sequence[str] = ()


class Clock:
    """Acts on the deadlines of all districts."""

    def __init__(
        self,
        *,
        rooms: Mapping[str, Office],
        deadlines: Deadlines,
        subjects: Subjects,
        now: Callable[[], datetime],
        lacking: Lacking | None = None,
    ) -> None:
        """Keep the parts; nothing runs before `run`. *lacking* says by deadline (id) what reminders are to name as not come in."""
        self._lacking = lacking
        self._rooms, self._deadlines, self._subjects, self._now = rooms, deadlines, subjects, now
        self._begun: dict[str, tuple[date, str]] = {}  # district → the day that was begun, and by which pack
        self._to_announce: dict[str, datetime] = {}  # district → when the next session or activity is to be announced
        self._listeners: list[Callable[[], None]] = []
        self._recount = asyncio.Event()
        self._recount.set()  # the calendar may have changed while nobody ran

    def on_written(self, listener: Callable[[], None]) -> None:
        """Tell *listener* when notices were queued."""
        self._listeners.append(listener)

    def calendar_changed(self) -> None:
        """Say that the calendar is another one: all running dates are counted again at the next tick."""
        self._recount.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until *stop* is set."""
        while not stop.is_set():
            try:
                await self.tick()
            except StoreUnavailableError as error:
                log.warning("store.unavailable", part="clock", error=str(error))
            await first_of(stop, timeout_s=_TICK_S)

    async def tick(self) -> int:
        """Do all that is due now, and return how many deadlines were acted on. Safe to repeat after a crash at any line."""
        if self._recount.is_set():
            self._recount.clear()  # first: what is changed again while this counts by the old one is counted at the next tick
            try:
                await self._adopt()
                await self.count_again()
            except BaseException:
                self._recount.set()
                raise
        acted = 0
        for district, room in self._rooms.items():
            now = self._now()
            await self._begin_day(district, room, now)
            quiet = is_quiet(now, room.calendar, room.rulebook.district.timezone)
            act = partial(_act, room, now, await self._lacking(room, now) if self._lacking else {})
            while count := await self._deadlines.fire(district, now=now, urgent_only=quiet, limit=_BATCH, act=act):
                acted += count
                log.info("deadlines.acted", district=district, count=count)
        if acted:
            for listener in self._listeners:
                listener()
        return acted

    async def next_moment(self) -> datetime | None:
        """Return the first moment, now or later, at which `tick` has something to do; None where nothing is planned."""
        now, found = self._now(), list[datetime]()
        for district, room in self._rooms.items():
            urgent, other = [await self._deadlines.next_at(district, urgent=urgent) for urgent in (True, False)]
            found += [max(urgent, now)] if urgent else []
            found += [after_quiet(max(other, now), room.calendar, room.rulebook.district.timezone)] if other else []
            period = next_period(room.planner.ground, now)
            found += [period] if period else []
            found += [max(self._to_announce[district], now)] if district in self._to_announce else []
        return min(found, default=None)

    async def _begin_day(self, district: str, room: Office, now: datetime) -> None:
        """Once a day, and with a new pack: say that a year's notice is missing, and let the months, quarters … begin that nobody has seen begin.

        What the pack plans is announced then, too.
        """
        planner = room.planner
        state = (planner.day(now), room.rulebook.digest)
        if self._begun.get(district) == state:
            return
        report_calendar(room, now)
        if any(kind.every for kind in planner.ground.kinds.by_id.values()):
            latest = await self._subjects.latest(district)
            new = await self._subjects.begin(periods(planner.ground, now, latest), now)
            if new:
                log.info("periods.begun", district=district, count=new)
        await self._announce(district, room, now)
        self._begun[district] = state

    async def _announce(self, district: str, room: Office, now: datetime) -> None:
        """Keep the sessions and activities that the pack plans, as far ahead as it says."""
        planner, schedule_ = room.planner, room.rulebook.schedule
        today = planner.day(now)
        new = await self._subjects.plan(district, list(to_announce(schedule_, planner.ground, today)), now, planner)
        if new:
            log.info("schedule.announced", district=district, count=new)
        following = next_to_announce(schedule_, planner.ground, today)
        self._to_announce.pop(district, None)
        if following is not None:
            self._to_announce[district] = datetime.combine(following, time(), ZoneInfo(planner.ground.timezone))

    async def _adopt(self) -> None:
        """Give deadlines to open cases that an earlier version registered without any."""
        for district, room in self._rooms.items():
            ids = await self._deadlines.without(district)
            adopted = 0
            for first in range(0, len(ids), _BATCH):
                adopted += await self._deadlines.adopt(ids[first : first + _BATCH], room.planner)
            if adopted:
                log.info("deadlines.adopted", district=district, count=adopted)

    async def count_again(self) -> int:
        """Count every running deadline by the calendar as it is now; returns how many dates moved."""
        total = 0
        for district, room in self._rooms.items():
            ids = await self._deadlines.running(district, counted_by=room.planner.ground.mark)
            for first in range(0, len(ids), _BATCH):
                now = self._now()
                write = partial(_moved_letters, room, now)
                total += await self._deadlines.move(ids[first : first + _BATCH], now=now, move=room.planner.recounted, write=write)
        if total:
            log.info("deadlines.moved", count=total)
        return total


def _act(
    room: Office, now: datetime, lacking: Mapping[int, Sequence[str]], due: Sequence[tuple[Deadline, About]]
) -> tuple[list[Fired], list[Letter]]:
    """Take the step that is due on each deadline, and write one mail to each person concerned."""
    fired: list[Fired] = []
    acted: list[_Acted] = []
    for deadline, about in due:
        one = _step(room, deadline, about, now)
        if one is None:
            fired.append(Fired(deadline=_planned_anew(room, deadline), event="", data={}))
            continue
        acted.append(replace(one, lacking=lacking.get(deadline.id, ())))
        data: dict[str, object] = {"deadline": deadline.id, "kind": deadline.kind, "what": one.step.what, "to": one.step.to}
        data |= {"step": one.deadline.fired, "planned": one.step.at.isoformat(), "missed": one.missed}
        fired.append(Fired(deadline=one.deadline, event=f"deadline.{_EVENTS[one.step.what]}", data=data))
    return fired, list(_letters(room, acted))


_EVENTS = {"remind": "reminded", "late": "reminded", "overdue": "escalated"}


def _step(room: Office, deadline: Deadline, about: About, now: datetime) -> _Acted | None:
    ground = room.planner.ground
    kind = ground.kinds.by_id.get(deadline.kind)
    if kind is None:
        return None
    steps = schedule(kind, deadline.due, ground)
    reached = sum(step.at <= now for step in steps)
    if reached <= deadline.fired:
        return None
    step = steps[reached - 1]
    return _Acted(deadline=_next(room, deadline, steps, reached), about=about, kind=kind, step=step, missed=reached - deadline.fired - 1)


def _planned_anew(room: Office, deadline: Deadline) -> Deadline:
    """Return a deadline that by this service's pack and calendar has no step now, set to its next one; None where it has none left.

    Its moment came by another plan: `calendar import` has counted by a notice that this service reads only when it is reloaded, or the
    pack has lost the kind or a rung.
    """
    kind = room.planner.ground.kinds.by_id.get(deadline.kind)
    steps = schedule(kind, deadline.due, room.planner.ground) if kind else []
    return _next(room, deadline, steps, deadline.fired)


def _next(room: Office, deadline: Deadline, steps: Sequence[Step], fired: int) -> Deadline:
    """Return *deadline* with *fired* of *steps* behind it, as this service plans it: one that knows better counts it again."""
    next_at = steps[fired].at if fired < len(steps) else None
    return replace(deadline, fired=fired, next_at=next_at, counted_by=room.planner.ground.mark)


def _letters(room: Office, acted: Sequence[_Acted]) -> Iterator[Letter]:
    """Yield one mail to each address, about everything that it is to hear now, reminders apart from what is overdue."""
    bundles: dict[tuple[Address, str], list[_Acted]] = {}
    roles: dict[tuple[Address, str], set[str]] = {}
    for one in acted:
        for to, role in room.composer.recipients.concerned(one.about.department, one.kind.owes, one.step.to, copies=one.step.copies):
            bundles.setdefault((to, one.step.what), []).append(one)
            roles.setdefault((to, one.step.what), set()).add(role)
    for (to, what), bundle in bundles.items():
        bundle.sort(key=lambda one: (one.deadline.due.last, one.deadline.case_id is None, one.about.id, one.deadline.id))
        role = strongest(roles[to, what])
        by_mail = any(one.kind.words for one in bundle)
        occasion = Occasion(what=what, role=role, items=tuple(_item(one) for one in bundle), by_mail=by_mail)
        first = bundle[0].about
        yield Letter(about=first, notice=room.composer.for_deadlines(first, to, occasion, _round(bundle)))


def _item(one: _Acted) -> Item:
    return Item(about=one.about, due=one.deadline.due, missed=one.missed, lacking=one.lacking)


def _round(bundle: Sequence[_Acted]) -> str:
    """Return what names this mail for good: the steps it speaks of."""
    steps = sorted(f"{number_of(one.about)} {one.deadline.kind} {one.deadline.round} {one.deadline.fired}" for one in bundle)
    return _digest(steps)


def _moved_letters(room: Office, now: datetime, moved: Sequence[Moved]) -> Iterator[Letter]:
    """Yield one mail to each person who owes something whose date has moved, about all of it that reads otherwise now.

    The mail is named by the moves and their moment: a date that moves there, back and there again is told each time.
    """
    bundles: dict[tuple[Address, str], list[tuple[Moved, str]]] = {}
    for one in moved:
        was = was_in_words(one.old, one.new, room.rulebook.district.timezone)
        for person in room.composer.recipients.concerned(one.about.department, one.new.owes, "handler", copies=False) if was else ():
            bundles.setdefault(person, []).append((one, was))
    for (to, role), bundle in bundles.items():
        bundle.sort(key=lambda pair: (pair[0].new.due.last, pair[0].new.case_id is None, pair[0].about.id, pair[0].new.id))
        items = tuple(Item(about=one.about, due=one.new.due, missed=0, was=was) for one, was in bundle)
        kinds = room.planner.ground.kinds.by_id
        by_mail = any(kinds[one.new.kind].words for one, _ in bundle if one.new.kind in kinds)
        first, occasion = bundle[0][0].about, Occasion(what="moved", role=role, items=items, by_mail=by_mail)
        moves = [f"{number_of(one.about)} {one.new.kind} {one.new.round} {one.old.due_at} {one.new.due_at}" for one, _ in bundle]
        round_ = f"moved {_digest([now.isoformat(), *sorted(moves)])}"
        yield Letter(about=first, notice=room.composer.for_deadlines(first, to, occasion, round_))


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]

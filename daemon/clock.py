"""The clock: acts on deadlines whose moment has come, each step once however often the process restarts, and never at night.

What one person gets at one tick is one mail. After an outage the steps missed meanwhile are not sent one by one: the newest is, and says
what was missed. A new calendar is taken up here, too: every running date is counted again, and who owes it is told where it moved.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.waiting import first_of
from notifier.reminders import Item, Occasion, strongest
from rules.deadline_kinds import Kind
from rules.deadline_plan import Ground, Step, after_quiet, is_quiet, moved, schedule
from store.errors import StoreUnavailableError
from store.model.case import Case
from store.model.letter import Address
from store.owing import Deadline, Fired, Letter

if TYPE_CHECKING:
    from daemon.pipeline import DistrictRoom
    from store.deadlines import Deadlines

log = structlog.get_logger()

_TICK_S = 30.0
_BATCH = 2_000  # deadlines in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acted:
    """One step taken on one deadline."""

    deadline: Deadline
    case: Case
    kind: Kind
    step: Step
    missed: int


class Clock:
    """Acts on the deadlines of all districts."""

    def __init__(self, *, rooms: Mapping[str, DistrictRoom], deadlines: Deadlines, now: Callable[[], datetime]) -> None:
        """Keep the parts; nothing runs before `run`."""
        self._rooms, self._deadlines, self._now = rooms, deadlines, now
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
            await self.count_again()
            self._recount.clear()
        acted = 0
        for district, room in self._rooms.items():
            now = self._now()
            quiet = is_quiet(now, room.calendar, room.rulebook.district.timezone)
            act = partial(_act, room, now)
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
        return min(found, default=None)

    async def count_again(self) -> int:
        """Count every running deadline by the calendar as it is now; returns how many dates moved."""
        total = 0
        for district, room in self._rooms.items():
            count, write = partial(_counted, room.planner.ground), partial(_moved_letters, room)
            ids = await self._deadlines.running(district)
            for first in range(0, len(ids), _BATCH):
                total += await self._deadlines.move(ids[first : first + _BATCH], now=self._now(), move=count, write=write)
        if total:
            log.info("deadlines.moved", count=total)
        return total


def _act(room: DistrictRoom, now: datetime, due: Sequence[tuple[Deadline, Case]]) -> tuple[list[Fired], list[Letter]]:
    """Take the step that is due on each deadline, and write one mail to each person concerned."""
    fired: list[Fired] = []
    acted: list[_Acted] = []
    for deadline, case in due:
        one = _step(room, deadline, case, now)
        if one is None:  # the pack no longer knows this kind, or its ladder has become shorter: nothing more to do
            fired.append(Fired(deadline=replace(deadline, next_at=None), event="", data={}))
            continue
        acted.append(one)
        data: dict[str, object] = {"deadline": deadline.id, "kind": deadline.kind, "what": one.step.what, "to": one.step.to}
        data |= {"step": one.deadline.fired, "planned": one.step.at.isoformat(), "missed": one.missed}
        fired.append(Fired(deadline=one.deadline, event=f"deadline.{_EVENTS[one.step.what]}", data=data))
    return fired, list(_letters(room, acted))


_EVENTS = {"remind": "reminded", "overdue": "escalated"}


def _step(room: DistrictRoom, deadline: Deadline, case: Case, now: datetime) -> _Acted | None:
    ground = room.planner.ground
    kind = ground.kinds.by_id.get(deadline.kind)
    if kind is None:
        return None
    steps = schedule(kind, deadline.due, ground)
    reached = sum(step.at <= now for step in steps)
    if reached <= deadline.fired:
        return None
    after = replace(deadline, fired=reached, next_at=steps[reached].at if reached < len(steps) else None)
    return _Acted(deadline=after, case=case, kind=kind, step=steps[reached - 1], missed=reached - deadline.fired - 1)


def _letters(room: DistrictRoom, acted: Sequence[_Acted]) -> Iterator[Letter]:
    """Yield one mail to each address, about everything that it is to hear now, reminders apart from what is overdue."""
    bundles: dict[tuple[Address, str], list[_Acted]] = {}
    roles: dict[tuple[Address, str], set[str]] = {}
    for one in acted:
        for to, role in room.composer.concerned(one.case, one.kind.owes, one.step.to, copies=one.step.copies):
            bundles.setdefault((to, one.step.what), []).append(one)
            roles.setdefault((to, one.step.what), set()).add(role)
    for (to, what), bundle in bundles.items():
        bundle.sort(key=lambda one: (one.deadline.due.last, one.case.id, one.deadline.id))
        role = strongest(roles[to, what])
        occasion = Occasion(what=what, role=role, items=tuple(_item(one) for one in bundle))
        first = bundle[0].case
        yield Letter(case=first, notice=room.composer.for_deadlines(first, to, occasion, _round(bundle)))


def _item(one: _Acted) -> Item:
    return Item(case=one.case, due=one.deadline.due, missed=one.missed)


def _round(bundle: Sequence[_Acted]) -> str:
    """Return what names this mail for good: the steps it speaks of."""
    steps = sorted(f"{one.case.number} {one.deadline.kind} {one.deadline.round} {one.deadline.fired}" for one in bundle)
    return hashlib.sha256("\n".join(steps).encode()).hexdigest()[:32]


def _counted(ground: Ground, deadline: Deadline) -> Deadline:
    kind = ground.kinds.by_id.get(deadline.kind)
    return moved(deadline, kind, ground) if kind else deadline


def _moved_letters(room: DistrictRoom, old: Deadline, new: Deadline, case: Case) -> Iterator[Letter]:
    """Yield the word to whoever owes it that a date has moved."""
    for to, role in room.composer.concerned(case, new.owes, "handler", copies=False):
        occasion = Occasion(what="moved", role=role, items=(Item(case=case, due=new.due, missed=0, was=old.due.due),))
        yield Letter(case=case, notice=room.composer.for_deadlines(case, to, occasion, f"moved {new.kind} {new.round} {new.due.due}"))

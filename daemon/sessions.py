"""Runs the sessions of districts that book (CG-3.2 to CG-3.5): notice, booking, close of booking, call-up.

Looks every half minute at what is due. Each step is one transaction that knows whether it was taken, so that a restart repeats nothing and a
second service gives no number twice. A step that was missed while nothing ran is taken late, where it still has a sense.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.session_end import SessionEnd
from daemon.sittings import booked_since, compose_step, sitting_of
from daemon.undated import Undated
from daemon.waiting import first_of
from notifier.session_letters import SessionLetters, Sitting
from rules.deadline_plan import after_quiet, is_quiet
from rules.sessions import SessionRule, call_up_at, notice_at, over_at
from store.errors import StoreUnavailableError
from store.model.booking import BookingState
from store.owing import Happening
from store.subjects import Said

if TYPE_CHECKING:
    from daemon.review import Office
    from store.bookings import Bookings, Placed
    from store.subjects import Subjects

log = structlog.get_logger()

_TICK_S = 30.0
_MOMENT = timedelta(seconds=1)


class Sessions:
    """Runs the sessions of all districts whose pack books."""

    def __init__(
        self, *, rooms: Mapping[str, Office], bookings: Bookings, subjects: Subjects, end: SessionEnd, now: Callable[[], datetime]
    ) -> None:
        """Keep the parts; nothing runs before `run`."""
        self._end = end
        self._rooms, self._bookings, self._subjects, self._now = rooms, bookings, subjects, now
        self._undated = Undated(bookings)
        self._listeners: list[Callable[[], None]] = []

    def on_written(self, listener: Callable[[], None]) -> None:
        """Tell *listener* when letters were queued."""
        self._listeners.append(listener)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until *stop* is set."""
        while not stop.is_set():
            try:
                await self.tick()
            except StoreUnavailableError as error:
                log.warning("store.unavailable", part="sessions", error=str(error))
            await first_of(stop, timeout_s=_TICK_S)

    async def tick(self) -> int:
        """Do all that is due now, and return how many acts that were. Safe to repeat after a crash at any line."""
        acts = 0
        for district, room in self._rooms.items():
            rule = room.rulebook.settings.sessions
            if rule is not None:
                acts += await self._district(district, room, rule)
        for listener in self._listeners if acts else ():
            listener()
        return acts

    async def next_moment(self) -> datetime | None:
        """Return the first moment after now at which a step of a session has its time; None where none is planned. What is due now, `tick` does."""
        now, coming = self._now(), list[datetime]()
        for district, room in self._rooms.items():
            rule, zone = room.rulebook.settings.sessions, room.rulebook.district.timezone
            if rule is None:
                continue
            moments = await self._undated.moments(room, rule, now)
            for subject in await self._bookings.planned(district):
                moments += [
                    *_moments(room, rule, sitting_of(room, rule, subject)).values(),
                    over_at(subject.day, rule, room.calendar, zone),
                ]
            coming += [at for moment in moments if (at := after_quiet(moment, room.calendar, zone)) > now]
        return min(coming, default=None)

    async def _district(self, district: str, room: Office, rule: SessionRule) -> int:
        now = self._now()
        freed = await self._bookings.free_ended(district, now)
        sittings = [sitting_of(room, rule, subject) for subject in await self._bookings.planned(district)]
        booked = await self._book(room, rule, sittings, now)
        if booked or freed:
            log.info("sessions.booked", district=district, booked=booked, freed=freed)
        acts = booked + freed + await self._end.end(room, sittings, now)
        if is_quiet(now, room.calendar, room.rulebook.district.timezone):
            return acts
        acts += sum([await self._steps(room, rule, sitting, now) for sitting in sittings])
        return acts + await self._undated.remind(room, rule, now) + await self._end.follow(room, partial(sitting_of, room, rule), now)

    async def _book(self, room: Office, rule: SessionRule, sittings: Sequence[Sitting], now: datetime) -> int:
        """Give every admitted case without a place the next number of the first session whose booking was not over when it came."""
        today = room.planner.day(now)
        coming = sorted((one for one in sittings if one.subject.day >= today), key=lambda one: one.closes)
        first = await self._bookings.first(room.rulebook.district.id) if coming else None
        if first is None:
            return 0
        since = booked_since(room, rule, first)
        letters, booked = SessionLetters(room.composer, room.rulebook.district, now), 0
        for case_id, received_at in await self._bookings.unbooked(room.rulebook.district.id, since, coming[-1].closes):
            sitting = next(one for one in coming if received_at <= one.closes)
            missed = next((one.subject.key for one in reversed(coming) if one.closes < received_at), "")
            event = "late" if missed else "early" if received_at < sitting.opens else "booked"
            told = f"booked {sitting.subject.key}"
            write = partial(letters.to_enterprise, event, replace(sitting, earlier=missed), round_=told)
            booking = await self._bookings.book(sitting.subject.id, case_id, now=now, told=told, compose=write)
            booked += booking is not None
        return booked

    async def _steps(self, room: Office, rule: SessionRule, sitting: Sitting, now: datetime) -> int:
        """Take the steps of one session whose moment has come and whose sense has not gone."""
        subject, district = sitting.subject, room.rulebook.district
        if subject.day < room.planner.day(now):
            return 0
        taken = await self._bookings.steps(subject.id)
        due = _due(room, rule, sitting, now)
        letters, acts = SessionLetters(room.composer, district, now), 0
        for event in due:
            name = f"{event} {subject.day}"
            if name in taken:
                continue
            if event == "service_list" and "booking_closed" not in taken:
                await self._close_booking(room, sitting, now)
            compose = partial(compose_step, letters, event, sitting, name)
            if await self._bookings.step(subject.id, name, now=now, compose=compose):
                acts += 1
                log.info("session.step", district=district.id, session=subject.key, step=event)
        return acts + (await self._call_up(letters, sitting, taken, now) if "call_list" in due else 0)

    async def _close_booking(self, room: Office, sitting: Sitting, now: datetime) -> None:
        """Let what counts from the close of booking begin, from the day on which it closed."""
        happening = Happening(event="booking_closed", key=sitting.subject.key, day=sitting.closes.date())
        said = Said(by="system", at=now, reason="挂号时间已过")
        await self._subjects.happen(sitting.subject.district, happening, said, room.planner)

    async def _call_up(self, letters: SessionLetters, sitting: Sitting, taken: Mapping[str, datetime], now: datetime) -> int:
        """Remind every enterprise of its place; tell the host who has left since, and whoever was behind that it has moved up."""
        told_now, ahead = 0, 0
        for booking, case in await self._bookings.of_session(sitting.subject.id):
            called = f"called {sitting.subject.key} {sitting.subject.day} "
            if booking.state is not BookingState.BOOKED:
                told_now += booking.told.startswith(called) and await self._left(letters, sitting, (booking, case), taken, now)
                continue
            told = f"{called}{ahead}"
            event = "moved_up" if booking.told.startswith(called) else "called"
            if booking.told != told:
                write = partial(letters.to_enterprise, event, sitting, round_=told)
                told_now += await self._bookings.tell(sitting.subject.id, case.id, now=now, told=told, compose=write)
            ahead += 1
        return told_now

    async def _left(self, letters: SessionLetters, sitting: Sitting, left: Placed, taken: Mapping[str, datetime], now: datetime) -> bool:
        """Tell the host and the coordinator, once, who has left after the call list had gone out."""
        name = f"left {sitting.subject.day} {left[0].number}"
        if name in taken:
            return False
        compose = partial(compose_step, letters, "left", replace(sitting, left=left), name)
        return await self._bookings.step(sitting.subject.id, name, now=now, compose=compose)


def _moments(room: Office, rule: SessionRule, sitting: Sitting) -> dict[str, datetime]:
    """Return when each step of a session has its time, quiet hours left aside: the service list once the last moment of booking is over."""
    calendar, zone = room.calendar, room.rulebook.district.timezone
    return {
        "notice": notice_at(sitting.opens, rule, calendar),
        "service_list": sitting.closes + _MOMENT,
        "call_list": call_up_at(sitting.subject.day, rule, calendar, zone),
    }


def _due(room: Office, rule: SessionRule, sitting: Sitting, now: datetime) -> list[str]:
    """Return the steps whose moment has come: the notice only while booking lasts."""
    moments = _moments(room, rule, sitting)
    return [step for step, moment in moments.items() if moment <= now and (step != "notice" or now < sitting.closes)]

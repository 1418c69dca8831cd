"""Sessions of which only the month is known: who is to fix the day is reminded in time for the notice, and once a week until it is fixed.

A reminder is a step of the session with a number: of two services that look at the same moment one takes it, the other finds it taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.sittings import compose_step, sitting_of
from notifier.session_letters import SessionLetters
from rules.sessions import reminded_from

if TYPE_CHECKING:
    from daemon.review import Office
    from rules.sessions import SessionRule
    from store.bookings import Bookings
    from store.owing import Subject

log = structlog.get_logger()

_EVERY = timedelta(days=7)
_STEP = "undated"


class Undated:
    """Reminds of days that are not fixed."""

    def __init__(self, bookings: Bookings) -> None:
        """Work on the sessions of *bookings*."""
        self._bookings = bookings

    async def remind(self, room: Office, rule: SessionRule, now: datetime) -> int:
        """Write what is due *now*, no moment of quiet hours, and return how many reminders that were."""
        return sum([await self._one(room, rule, subject, now) for subject in await self._open(room, now)])

    async def moments(self, room: Office, rule: SessionRule, now: datetime) -> list[datetime]:
        """Return when each session without a day is to be reminded of next."""
        return [await self._due(room, rule, subject) for subject in await self._open(room, now)]

    async def _open(self, room: Office, now: datetime) -> list[Subject]:
        """Return those that may still be held on one of their days."""
        today = room.planner.day(now)
        return [one for one in await self._bookings.undated(room.rulebook.district.id) if one.until >= today]

    async def _due(self, room: Office, rule: SessionRule, subject: Subject) -> datetime:
        sent = await self._sent(subject)
        return sent[-1] + _EVERY if sent else reminded_from(sitting_of(room, rule, subject).drafted, rule, room.calendar)

    async def _sent(self, subject: Subject) -> list[datetime]:
        """Return when it was reminded of, the first time first."""
        return sorted(at for name, at in (await self._bookings.steps(subject.id)).items() if name.startswith(_STEP))

    async def _one(self, room: Office, rule: SessionRule, subject: Subject, now: datetime) -> bool:
        if await self._due(room, rule, subject) > now:
            return False
        sitting, district = sitting_of(room, rule, subject), room.rulebook.district
        name = f"{_STEP} {len(await self._sent(subject)) + 1}"
        compose = partial(compose_step, SessionLetters(room.composer, district, now), _STEP, sitting, name)
        if not await self._bookings.step(subject.id, name, now=now, compose=compose):
            return False
        log.info("session.step", district=district.id, session=subject.key, step=_STEP)
        return True

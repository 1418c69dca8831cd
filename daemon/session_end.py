"""What follows a session (三（六）, 三（七）): that it is over, the question what became of each case, and whether all has come in.

Called by `daemon.sessions` at each of its looks. Each act is one transaction that knows whether it was done, so that a restart repeats nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from notifier.session_letters import SessionLetters, Sitting
from notifier.session_outcome import all_lacking, ask_for_outcomes
from rules.sessions import Receipt, over_at
from store.model.booking import BookingState
from store.owing import Happening, SubjectState
from store.subjects import Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.review import Office
    from store.bookings import Bookings, Placed
    from store.heard import Hearings
    from store.model.booking import Heard
    from store.model.due import Due
    from store.model.notice import Notice
    from store.owing import Deadline, Subject
    from store.subjects import Subjects

log = structlog.get_logger()


class SessionEnd:
    """Ends the sessions of all districts, asks for outcomes, and takes note that they are in."""

    def __init__(self, *, bookings: Bookings, subjects: Subjects, hearings: Hearings) -> None:
        """Keep the parts."""
        self._bookings, self._subjects, self._hearings = bookings, subjects, hearings

    async def end(self, room: Office, sittings: Sequence[Sitting], now: datetime) -> int:
        """Take as held the sessions whose hours are over, and return how many; one for which nobody has a place is for a person to say."""
        rule, zone, ended = room.rulebook.settings.sessions, room.rulebook.district.timezone, 0
        for subject in [one.subject for one in sittings]:
            if rule is None or over_at(subject.day, rule, room.calendar, zone) > now:
                continue
            if not any(booking.state is BookingState.BOOKED for booking, _ in await self._bookings.of_session(subject.id)):
                continue
            held = Happening(event="ended", key=subject.key, day=subject.day)
            ended += await self._subjects.happen(subject.district, held, Said(by="system", at=now, reason="坐诊时间已过"), room.planner)
            log.info("session.ended", district=subject.district, session=subject.key)
        return ended

    async def follow(self, room: Office, sitting_of: Callable[[Subject], Sitting], now: datetime) -> int:
        """Ask what became of the cases of the sessions that are over, once each, and take note of those of which all is in; returns how many acts."""
        receipt, acts = _receipt(room), 0
        for subject, deadline in await self._awaited(room):
            name = f"outcome {subject.day}"
            if name not in await self._bookings.steps(subject.id):
                ask = partial(_ask, room, sitting_of(subject), deadline.due, now, name)
                if await self._bookings.step(subject.id, name, now=now, compose=ask, state=SubjectState.ENDED):
                    acts += 1
                    log.info("session.step", district=subject.district, session=subject.key, step="outcome")
            acts += receipt is not None and await self._received(room, subject, receipt, now)
        return acts

    async def lacking(self, room: Office, now: datetime) -> Mapping[int, Sequence[str]]:
        """Return by deadline (id), for those of which somebody is to be reminded now, a line for each case of which something has not come in."""
        receipt, found = _receipt(room), dict[int, Sequence[str]]()
        for subject, deadline in await self._awaited(room):
            if receipt is not None and deadline.next_at is not None and deadline.next_at <= now:
                found[deadline.id] = all_lacking(
                    await self.heard(subject, room.rulebook.district.timezone), receipt.needs, room.rulebook.district
                )
        return found

    async def heard(self, subject: Subject, timezone: str) -> list[Heard]:
        """Return what has been heard of each case of a session since its day began in *timezone*."""
        since = datetime.combine(subject.day, time(), ZoneInfo(timezone))
        return await self._hearings.of_session(subject, since)

    async def _awaited(self, room: Office) -> list[tuple[Subject, Deadline]]:
        receipt = _receipt(room)
        return await self._hearings.awaited(room.rulebook.district.id, receipt.kind) if receipt else []

    async def _received(self, room: Office, subject: Subject, receipt: Receipt, now: datetime) -> bool:
        """Say for the department that all has come in, where it has."""
        heard = await self.heard(subject, room.rulebook.district.timezone)
        if not heard or all_lacking(heard, receipt.needs, room.rulebook.district):
            return False
        came = Happening(event="received", key=subject.key, kind=receipt.kind)
        said = Said(by="system", at=now, reason=f"{len(heard)} 件的结果和材料已齐")
        done = await self._subjects.happen(subject.district, came, said, room.planner)
        if done:
            log.info("session.received", district=subject.district, session=subject.key, cases=len(heard))
        return done


def _receipt(room: Office) -> Receipt | None:
    rule = room.rulebook.settings.sessions
    return rule.receipt if rule else None


def _ask(
    room: Office, sitting: Sitting, due: Due, now: datetime, name: str, _subject: Subject, placed: Sequence[Placed]
) -> Sequence[Notice]:
    """Return the letters that ask for outcomes; none where nobody has a place."""
    district = room.rulebook.district
    return ask_for_outcomes(SessionLetters(room.composer, district, now), sitting, placed, due, name, district) if placed else ()

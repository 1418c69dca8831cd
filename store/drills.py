"""What a drill asks of its own database when it is over, and to find its cases by the names of their mails. Reads only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from store.codec import from_json
from store.database import Database
from store.model.due import Due
from store.owing import DeadlineState
from store.tables import ARRIVALS, CASES, DEADLINES, DECISIONS, EVENTS, PLATFORM_BATCHES, PLATFORM_VERSIONS, SUBJECT_EVENTS, SUBJECTS

_STEPS = ("deadline.reminded", "deadline.escalated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One deadline as it ended or stands: `fired` steps are behind it; it ended at `ended_at`, None while it runs.

    `about` is the number of its case, or the key of the session, activity or period of which it is owed.
    """

    id: int
    about: str
    kind: str
    due: Due
    state: DeadlineState
    fired: int
    ended_at: datetime | None
    paused_on: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One step that the clock took, as the history of what it is about says it."""

    at: datetime
    data: Mapping[str, object]


class Drills:
    """The questions of a drill."""

    def __init__(self, db: Database) -> None:
        """Ask *db*, started by its owner."""
        self._db = db

    async def case_of(self, source_key: str) -> str:
        """Return the key of what became of an arrival: its case's number, or `A-12` where it is none. "" where it has not come or waits."""
        return await self._db.read(lambda connection: _case_of(connection, source_key))

    async def runs(self) -> list[Run]:
        """Return all deadlines, in the order in which they began."""
        columns = [DEADLINES.c[name] for name in ("id", "kind", "due", "state", "fired", "ended_at", "paused_on")]
        about = func.coalesce(CASES.c.number, SUBJECTS.c.key).label("about")
        owed = DEADLINES.outerjoin(CASES, CASES.c.id == DEADLINES.c.case_id).outerjoin(SUBJECTS, SUBJECTS.c.id == DEADLINES.c.subject_id)
        query = select(*columns, about).select_from(owed).order_by(DEADLINES.c.id)
        return await self._db.read(
            lambda connection: [
                Run(
                    id=row.id,
                    about=row.about,
                    kind=row.kind,
                    due=from_json(Due, row.due),
                    state=DeadlineState(row.state),
                    fired=row.fired,
                    ended_at=row.ended_at,
                    paused_on=row.paused_on,
                )
                for row in connection.execute(query)
            ]
        )

    async def taken(self) -> list[Taken]:
        """Return every step that the clock took, in the order of time."""
        return await self._db.read(_taken)


def _taken(connection: Connection) -> list[Taken]:
    found = [
        Taken(at=row.at, data=json.loads(row.data))
        for table in (EVENTS, SUBJECT_EVENTS)
        for row in connection.execute(select(table.c.at, table.c.data).where(table.c.kind.in_(_STEPS)))
    ]
    return sorted(found, key=lambda one: one.at)


def _case_of(connection: Connection, source_key: str) -> str:
    arrival = connection.scalar(select(ARRIVALS.c.id).where(ARRIVALS.c.source_key == source_key))
    if arrival is None:  # the record of another platform
        batch = select(PLATFORM_BATCHES.c.id).where(PLATFORM_BATCHES.c.source_key == source_key)
        arrival = connection.scalar(select(PLATFORM_VERSIONS.c.arrival_id).where(PLATFORM_VERSIONS.c.batch_id.in_(batch)))
    if arrival is None:
        return ""
    number = connection.scalar(select(CASES.c.number).where(CASES.c.arrival_id == arrival))
    continued = select(CASES.c.number).join(DECISIONS, DECISIONS.c.case_id == CASES.c.id).where(DECISIONS.c.arrival_id == arrival)
    if number or (number := connection.scalar(continued)):
        return str(number)
    is_set_aside = connection.scalar(select(DECISIONS.c.arrival_id).where(DECISIONS.c.arrival_id == arrival))
    return f"A-{arrival}" if is_set_aside else ""

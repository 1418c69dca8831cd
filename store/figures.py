"""How much waits, as a monitor asks every few seconds: each figure costs at most `BOUND` rows of a partial index, however long the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Subquery, func, select, text

from store.database import Database
from store.tables import ARRIVALS, CASES, NOTICES
from store.tables.arrivals import ARRIVAL_QUARANTINED, ARRIVAL_UNDECIDED

BOUND = 10_000  # rows counted at most: where more waits, an operator need not know how much more


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What waits in the database, of all districts. No count goes above `BOUND`; a moment is None where nothing waits."""

    undecided: int  # arrivals accepted and not decided, those put off included
    oldest_undecided: datetime | None  # when it was received
    quarantined: int
    queued: int  # notices that wait for their first try
    deferred: int  # notices that wait for another try
    oldest_queued: datetime | None  # when it was composed
    review: int  # cases that need a person
    schema: str  # the version of the tables


async def figures(database: Database) -> Figures:
    """Return what waits now. Raises StoreUnavailableError."""
    return await database.read(_figures)


def _figures(connection: Connection) -> Figures:
    undecided = _sample(select(ARRIVALS.c.received_at).where(ARRIVAL_UNDECIDED).order_by(ARRIVALS.c.due_at, ARRIVALS.c.id))
    is_queued = NOTICES.c.due_at.is_not(None)
    queued = _sample(select(NOTICES.c.created_at, NOTICES.c.tries).where(is_queued).order_by(NOTICES.c.due_at, NOTICES.c.id))
    arrivals = connection.execute(select(func.count(), func.min(undecided.c.received_at)).select_from(undecided)).one()
    first = func.count().filter(queued.c.tries == 0)
    notices = connection.execute(select(func.count(), first, func.min(queued.c.created_at)).select_from(queued)).one()
    return Figures(
        undecided=arrivals[0],
        oldest_undecided=arrivals[1],
        quarantined=_count(connection, select(ARRIVALS.c.id).where(ARRIVAL_QUARANTINED)),
        queued=notices[1],
        deferred=notices[0] - notices[1],
        oldest_queued=notices[2],
        review=_count(connection, select(CASES.c.id).where(CASES.c.review_since.is_not(None))),
        schema=connection.scalar(text("SELECT version_num FROM alembic_version")) or "",
    )


def _sample(query: Select[Any]) -> Subquery:
    return query.limit(BOUND).subquery()


def _count(connection: Connection, query: Select[Any]) -> int:
    return connection.scalar(select(func.count()).select_from(query.limit(BOUND).subquery())) or 0

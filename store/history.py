"""The petitions of the past with what was decided about them, page by page: what a rehearsal of new rules reads. Read only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from store import matching
from store.codec import from_json
from store.database import Database
from store.model.arrival import ArrivalState
from store.model.decision import Decision
from store.model.district import District
from store.model.matching import Candidate
from store.model.petition import Petition
from store.tables import ARRIVALS, CASES, DECISIONS

_CANDIDATES = 20  # as many as the daemon hands to the rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One decided petition, the decision that the rules made of it, and the earlier cases that they saw beside it."""

    arrival_id: int
    number: str  # of the case it opened, "" where it opened none
    received_at: datetime
    petition: Petition
    decision: Decision
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Which petitions are meant: of one district, received from `since` until before `until` where these are given."""

    district: str
    since: datetime | None = None
    until: datetime | None = None


class History:
    """The decided petitions of one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def count(self, period: Period) -> int:
        """Return how many petitions there are in *period*."""
        return await self._db.read(lambda connection: connection.scalar(select(func.count()).select_from(_within(period).subquery())) or 0)

    async def ids(self, period: Period, *, after: int, limit: int) -> list[int]:
        """Return up to *limit* arrivals of *period* with an id above *after*, the oldest first."""
        query = _within(period).where(ARRIVALS.c.id > after).order_by(ARRIVALS.c.id).limit(limit)
        return await self._db.read(lambda connection: list(connection.scalars(query)))

    async def load(self, district: District, ids: Sequence[int]) -> list[Past]:
        """Return these petitions, each with the candidates as they were before it came in."""
        return await self._db.read(lambda connection: _load(connection, district, ids))


def _within(period: Period) -> Select[int]:
    query = select(ARRIVALS.c.id).where(ARRIVALS.c.district == period.district, ARRIVALS.c.state == ArrivalState.DONE.value)
    if period.since is not None:
        query = query.where(ARRIVALS.c.received_at >= period.since)
    return query if period.until is None else query.where(ARRIVALS.c.received_at < period.until)


def _load(connection: Connection, district: District, ids: Sequence[int]) -> list[Past]:
    """Where a person opened a case after all, what the rules had decided stands in the other table and is taken from there."""
    columns = (
        ARRIVALS.c.id,
        ARRIVALS.c.received_at,
        CASES.c.number,
        func.coalesce(DECISIONS.c.petition, CASES.c.petition).label("petition"),
        func.coalesce(DECISIONS.c.decision, CASES.c.decision).label("decision"),
    )
    joined = ARRIVALS.outerjoin(CASES, CASES.c.arrival_id == ARRIVALS.c.id).outerjoin(DECISIONS, DECISIONS.c.arrival_id == ARRIVALS.c.id)
    rows = connection.execute(select(*columns).select_from(joined).where(ARRIVALS.c.id.in_(ids)).order_by(ARRIVALS.c.id)).mappings().all()
    found = []
    for row in rows:
        if row["petition"] is None:  # done without a decision of its own
            continue
        petition = from_json(Petition, row["petition"])
        found.append(
            Past(
                arrival_id=row["id"],
                number=row["number"] or "",
                received_at=row["received_at"],
                petition=petition,
                decision=from_json(Decision, row["decision"]),
                candidates=tuple(matching.candidates_before(connection, district, petition, row["id"], _CANDIDATES)),
            )
        )
    return found

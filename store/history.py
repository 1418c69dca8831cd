"""The petitions of the past with what was decided about them, page by page: what a rehearsal of new rules reads. Read only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from store import matching
from store.codec import from_json
from store.database import Database
from store.model.arrival import ArrivalState
from store.model.decision import Compared, Decision
from store.model.district import District
from store.model.matching import Candidate
from store.model.petition import Petition
from store.tables import ARRIVALS, CASES, DECISIONS

_CANDIDATES = 20  # as many as the daemon hands to the rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One decided petition as it lies there. `rulebook` is the digest of the pack that decided, `compared` what it saw beside it."""

    arrival_id: int
    number: str  # of the case it opened, "" where it opened none
    received_at: datetime
    petition: Petition
    rulebook: str
    compared: tuple[Compared, ...]
    record: str  # JSON

    @property
    def decision(self) -> Decision:
        """What the rules made of it; read from the record each time, for few are looked at."""
        return from_json(Decision, self.record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One decided petition and the earlier cases that the rules saw beside it."""

    recorded: Recorded
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """What is read of a decision in any case; the rest, most of it quotations, costs several times as much."""

    rulebook: str
    compared: tuple[Compared, ...]


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

    async def recorded(self, ids: Sequence[int]) -> list[Recorded]:
        """Return these petitions, the oldest first."""
        return await self._db.read(lambda connection: _recorded(connection, ids))

    async def with_candidates(self, district: District, some: Sequence[Recorded]) -> list[Past]:
        """Return *some*, each with the candidates as they were before it came in."""
        return await self._db.read(lambda connection: [_past(connection, district, one) for one in some])

    async def as_seen(self, some: Sequence[Recorded]) -> list[Past]:
        """Return *some*, each with what its decision says it was compared with; what is gone is left out."""
        seen = matching.Matching(self._db)
        return [Past(recorded=one, candidates=tuple(await seen.again(one.compared))) for one in some]

    async def words(self, cases: Collection[int]) -> dict[int, tuple[str, str]]:
        """Return title and content of these cases by their ids."""
        query = select(CASES.c.id, CASES.c.title, CASES.c.content).where(CASES.c.id.in_(sorted(cases)))
        rows = await self._db.read(lambda connection: connection.execute(query).all()) if cases else ()
        return {case_id: (title, content) for case_id, title, content in rows}


def _within(period: Period) -> Select[int]:
    query = select(ARRIVALS.c.id).where(ARRIVALS.c.district == period.district, ARRIVALS.c.state == ArrivalState.DONE.value)
    if period.since is not None:
        query = query.where(ARRIVALS.c.received_at >= period.since)
    return query if period.until is None else query.where(ARRIVALS.c.received_at < period.until)


def _recorded(connection: Connection, ids: Sequence[int]) -> list[Recorded]:
    """Where a person opened a case after all, what the rules had decided stands in the other table and is taken from there."""
    columns = (
        ARRIVALS.c.id,
        ARRIVALS.c.received_at,
        CASES.c.number,
        func.coalesce(DECISIONS.c.petition, CASES.c.petition),
        func.coalesce(DECISIONS.c.decision, CASES.c.decision),
    )
    joined = ARRIVALS.outerjoin(CASES, CASES.c.arrival_id == ARRIVALS.c.id).outerjoin(DECISIONS, DECISIONS.c.arrival_id == ARRIVALS.c.id)
    rows = connection.execute(select(*columns).select_from(joined).where(ARRIVALS.c.id.in_(ids)).order_by(ARRIVALS.c.id))
    return [_read(*row) for row in rows if row[3] is not None]  # None: done without a decision of its own


def _read(arrival_id: int, received_at: datetime, number: str | None, petition: str, decision: str) -> Recorded:
    head = from_json(_Head, decision)
    return Recorded(
        arrival_id=arrival_id,
        number=number or "",
        received_at=received_at,
        petition=from_json(Petition, petition),
        rulebook=head.rulebook,
        compared=head.compared,
        record=decision,
    )


def _past(connection: Connection, district: District, one: Recorded) -> Past:
    found = matching.candidates_before(connection, district, one.petition, one.arrival_id, _CANDIDATES)
    return Past(recorded=one, candidates=tuple(found))

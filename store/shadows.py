"""Packs that decide silently beside the one in force: which runs in a district, how often it was asked, and where it decided otherwise.

Nothing here is evidence: a row that is lost in a crash is a petition fewer that was compared. What is kept is bounded: the differences of
the newest run of a district, and of these the newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, select, update

from store.codec import from_json, to_json
from store.database import Database
from store.errors import UsageError
from store.model.decision import Decision, Verdict
from store.tables import PACKS, SHADOW_DIFFERENCES, SHADOW_RUNS

KEPT = 10_000  # differences of a district


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRun:
    """One pack's time as shadow. `seq` counts those of a district from 1.

    `decided` petitions were decided by it too and `different` of them otherwise; `dropped` were left out because too many waited, `failed`
    because it could not decide them, the last time for `problem`.
    """

    district: str
    seq: int
    digest: str
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    stopped_by: str
    decided: int
    different: int
    dropped: int
    failed: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What a decision comes to."""

    verdict: Verdict
    proposed: bool
    ground: int | None
    department: str | None

    @classmethod
    def of(cls, decision: Decision) -> Stand:
        """Return what *decision* comes to."""
        return cls(verdict=decision.verdict, proposed=decision.proposed, ground=decision.ground, department=decision.department)


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Both packs on one petition. `changes` are what it is, before and after, in Chinese; `went` and `came` the rules that held in one only."""

    live: Stand
    shadow: Stand
    changes: tuple[tuple[str, str, str], ...]
    went: tuple[str, ...]
    came: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A divergence and whose: `key` names the case, or is A-12 where the arrival belongs to none; `at` is when it came in."""

    key: str
    arrival_id: int
    at: datetime
    live_digest: str
    divergence: Divergence


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a service did since it last told."""

    decided: int = 0
    dropped: int = 0
    failed: int = 0
    problem: str = ""
    found: tuple[Finding, ...] = ()

    def plus(self, later: Tally) -> Tally:
        """Return both together."""
        return Tally(
            decided=self.decided + later.decided,
            dropped=self.dropped + later.dropped,
            failed=self.failed + later.failed,
            problem=later.problem or self.problem,
            found=(*self.found, *later.found),
        )


class Shadows:
    """The shadows of all districts in one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def start(self, district: str, digest: str, *, actor: str, now: datetime) -> ShadowRun:
        """Let the kept pack *digest* be the shadow from now on, in the place of one that runs; what was found of earlier ones is dropped.

        Raises UsageError where no such pack is kept, or where it is the shadow already; StoreUnavailableError.
        """
        return await self._db.write(lambda connection: _start(connection, district, digest, actor, now))

    async def stop(self, district: str, *, actor: str, now: datetime) -> ShadowRun | None:
        """End the shadow and return its run, None where none runs. What it found stays. Raises StoreUnavailableError."""
        return await self._db.write(lambda connection: _stop(connection, district, actor, now))

    async def newest(self, district: str) -> ShadowRun | None:
        """Return the run that goes on, else the last that did, None where there never was one."""
        return await self._db.read(lambda connection: _newest(connection, district))

    async def note(self, run: ShadowRun, tally: Tally) -> None:
        """Add what a service did. Raises StoreUnavailableError."""
        await self._db.write(lambda connection: _note(connection, run, tally))

    async def found(self, run: ShadowRun) -> list[Finding]:
        """Return the differences of *run* that are kept, the newest first."""
        table = SHADOW_DIFFERENCES
        mine = (table.c.district == run.district, table.c.run == run.seq)
        query = select(table.c.found).where(*mine).order_by(table.c.nth.desc()).limit(KEPT)
        return await self._db.read(lambda connection: [from_json(Finding, text) for text in connection.scalars(query)])


def _start(connection: Connection, district: str, digest: str, actor: str, now: datetime) -> ShadowRun:
    # The rows of the kept packs are locked meanwhile, as for an order: two starts at once come one after the other.
    if digest not in set(connection.scalars(select(PACKS.c.digest).where(PACKS.c.district == district).with_for_update())):
        raise UsageError(f"没有保存摘要为 {digest} 的规则包")
    before = _newest(connection, district)
    if before is not None and before.stopped_at is None and before.digest == digest:
        raise UsageError(f"规则包 {digest[:12]} 已经在试判；看结果用 zuozhen rules shadow list")
    _stop(connection, district, actor, now)
    connection.execute(delete(SHADOW_DIFFERENCES).where(SHADOW_DIFFERENCES.c.district == district))
    run = ShadowRun(
        district=district,
        seq=before.seq + 1 if before else 1,
        digest=digest,
        started_at=now,
        started_by=actor,
        stopped_at=None,
        stopped_by="",
        decided=0,
        different=0,
        dropped=0,
        failed=0,
        problem="",
    )
    connection.execute(SHADOW_RUNS.insert(), {name: getattr(run, name) for name in SHADOW_RUNS.c.keys()})  # noqa: SIM118 - a collection of columns
    return run


def _stop(connection: Connection, district: str, actor: str, now: datetime) -> ShadowRun | None:
    run = _newest(connection, district)
    if run is None or run.stopped_at is not None:
        return None
    connection.execute(update(SHADOW_RUNS).where(*_is(run)).values(stopped_at=now, stopped_by=actor))
    return _newest(connection, district)


def _newest(connection: Connection, district: str) -> ShadowRun | None:
    query = select(SHADOW_RUNS).where(SHADOW_RUNS.c.district == district).order_by(SHADOW_RUNS.c.seq.desc()).limit(1)
    row: RowMapping | None = connection.execute(query).mappings().first()
    return ShadowRun(**row) if row else None


def _note(connection: Connection, run: ShadowRun, tally: Tally) -> None:
    """Count first: that locks the row, so that the numbers given to the differences are nobody else's."""
    columns = SHADOW_RUNS.c
    counted = {name: columns[name] + getattr(tally, name) for name in ("decided", "dropped", "failed")}
    counted |= {"different": columns.different + len(tally.found)}
    told = {"problem": tally.problem} if tally.problem else {}
    connection.execute(update(SHADOW_RUNS).where(*_is(run)).values(**counted, **told))
    if not tally.found:
        return
    last = connection.scalar(select(func.max(columns.different)).where(*_is(run))) or 0
    first = last - len(tally.found) + 1
    rows = [
        {"district": run.district, "run": run.seq, "nth": nth, "arrival_id": one.arrival_id, "at": one.at, "found": to_json(one)}
        for nth, one in enumerate(tally.found, first)
    ]
    table = SHADOW_DIFFERENCES
    connection.execute(table.insert(), rows)
    connection.execute(delete(table).where(table.c.district == run.district, table.c.run == run.seq, table.c.nth <= last - KEPT))


def _is(run: ShadowRun) -> tuple[ColumnElement[bool], ...]:
    return SHADOW_RUNS.c.district == run.district, SHADOW_RUNS.c.seq == run.seq

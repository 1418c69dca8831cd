"""What persons said of two reports: that they are one matter, or that they are two. A pair is remembered for good; the last word counts.

What is two is never proposed as one again: `store.matching` leaves it out of what a case is compared with, whenever that is decided anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, or_, select

from store import audit, casebook
from store.audit import Entry
from store.database import Database
from store.errors import UsageError
from store.model.case import Case
from store.model.matching import Candidate, Pair
from store.tables import CASES, PAIRS, PLATFORM_RECORDS

SEPARATED, SAME = "case.separated", "case.found_same"

_WITH = or_(PAIRS.c.case_id == bindparam("this"), PAIRS.c.other_id == bindparam("this"))
_OF_CASE = select(PAIRS).where(_WITH)
_APART = select(PAIRS.c.case_id, PAIRS.c.other_id, PAIRS.c.record_id).where(PAIRS.c.is_same == 0)
_APART_FROM_CASE, _APART_FROM_RECORD = _APART.where(_WITH), _APART.where(PAIRS.c.record_id == bindparam("this"))
_CASES_OPENED = select(CASES.c.id).where(CASES.c.arrival_id == bindparam("arrival"))
_RECORDS_BROUGHT = select(PLATFORM_RECORDS.c.id).where(PLATFORM_RECORDS.c.arrival_id == bindparam("arrival"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """What a person said is another matter: cases and records of other platforms, by their ids."""

    cases: frozenset[int]
    records: frozenset[int]

    def holds(self, candidate: Candidate) -> bool:
        """Say whether *candidate* is among them."""
        return candidate.case_id in self.cases or (candidate.elsewhere is not None and candidate.elsewhere.record_id in self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says of two reports, why, and when."""

    is_same: bool
    actor: str
    reason: str
    at: datetime


class Pairs:
    """The pairs of one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def tell(self, case: Case, word: Word, *, other: Case | None = None, record_id: int | None = None) -> None:
        """Keep what a person said of *case* and the *other* case, or the record of another platform; both histories tell of it.

        Raises UsageError where the two are one, or of two districts.
        """
        await self._db.write(lambda connection: _tell(connection, case, other, record_id, word))

    async def of_case(self, case_id: int) -> list[Pair]:
        """Return what was said of this case and others, the first word first."""
        return await self._db.read(lambda connection: [_seen_from(connection, case_id, row) for row in _rows(connection, case_id)])


def apart_from_arrival(connection: Connection, arrival_id: int) -> Apart:
    """Return what is another matter than the case that the arrival opened, or the record that it brought (a unit of `Database.read`)."""
    this = {"arrival": arrival_id}
    cases, records = connection.scalars(_CASES_OPENED, this).all(), connection.scalars(_RECORDS_BROUGHT, this).all()
    asked = [*((_APART_FROM_CASE, case) for case in cases), *((_APART_FROM_RECORD, record) for record in records)]
    rows = [row for query, owner in asked for row in connection.execute(query, {"this": owner})]
    return Apart(
        cases=frozenset(id_ for row in rows for id_ in (row.case_id, row.other_id) if id_ is not None) - frozenset(cases),
        records=frozenset(row.record_id for row in rows if row.record_id is not None) - frozenset(records),
    )


def are_apart(connection: Connection, case_id: int, record_id: int) -> bool:
    """Say whether a person separated the case from the record (a unit of `Database.read`)."""
    this = select(PAIRS.c.id).where(PAIRS.c.case_id == case_id, PAIRS.c.record_id == record_id, PAIRS.c.is_same == 0)
    return connection.scalar(this) is not None


def _tell(connection: Connection, case: Case, other: Case | None, record_id: int | None, word: Word) -> None:
    if other is not None and (other.id == case.id or other.district != case.district):
        raise UsageError(f"要写本区的另一件，不能是 {other.number}")
    first, second = sorted((case.id, other.id)) if other else (case.id, None)
    for id_ in filter(None, (first, second)):  # in this order, so that two persons never wait for each other
        casebook.load(connection, id_, lock=True)
    this = (PAIRS.c.case_id == first, PAIRS.c.other_id == second if other else PAIRS.c.record_id == record_id)
    connection.execute(delete(PAIRS).where(*this))
    values = {"district": case.district, "case_id": first, "other_id": second, "record_id": record_id}
    said = {"is_same": int(word.is_same), "actor": word.actor, "reason": word.reason, "at": word.at}
    connection.execute(PAIRS.insert(), {**values, **said})
    kind = SAME if word.is_same else SEPARATED
    for owner, partner in ((case, other), (other, case)):
        if owner is None:
            continue
        data = {"other": partner.number} if partner else _record_data(connection, record_id)
        audit.append(connection, owner.id, [Entry(kind=kind, at=word.at, actor=word.actor, reason=word.reason, data=data)])


def _record_data(connection: Connection, record_id: int | None) -> dict[str, object]:
    row = connection.execute(select(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.id == record_id)).mappings().one()
    return {"record": row["id"], "platform": row["platform"], "other": row["number"]}


def _rows(connection: Connection, case_id: int) -> list[RowMapping]:
    return sorted(connection.execute(_OF_CASE, {"this": case_id}).mappings(), key=lambda row: (row["at"], row["id"]))


def _seen_from(connection: Connection, case_id: int, row: RowMapping) -> Pair:
    said = {"is_same": bool(row["is_same"]), "actor": row["actor"], "reason": row["reason"], "at": row["at"]}
    if row["record_id"] is not None:
        record = _record_data(connection, row["record_id"])
        return Pair(case_id=None, record_id=row["record_id"], platform=str(record["platform"]), number=str(record["other"]), **said)
    other = row["other_id"] if row["case_id"] == case_id else row["case_id"]
    number = connection.scalar(select(CASES.c.number).where(CASES.c.id == other)) or ""
    return Pair(case_id=other, record_id=None, platform="", number=number, **said)

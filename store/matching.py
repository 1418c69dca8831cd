"""How the earlier reports behind the keys of a petition are found: cases of ours, and records of other platforms.

Keys are rows written with the case or the record, so that a look-up costs the same after ten years as on the first day. What the keys
are stands in `store.matching_keys`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple, TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    RowMapping,
    Select,
    Table,
    bindparam,
    delete,
    literal,
    select,
    union_all,
)

from store import dialects, knowledge
from store.database import Database
from store.matching_keys import Key, field_keys, mentioned_numbers, messages, referred
from store.model import Candidate, CaseState, Compared, District, Elsewhere, Petition, PlatformStatus, Verdict
from store.tables import CASES, KEYS, NOTICES, PLATFORM_RECORDS, RECORD_KEYS

_COMMON = 200  # reports; a key that fits more (a platform's address, 有限公司) tells nothing and is skipped

# From the strongest evidence to the weakest; the order ranks the candidates.
_RANK = ("thread", "number", "uscc", "phone", "name", "sender")

_OWN = -1  # place of the arrival's own case among the look-ups
_SHOWN = ("id", "number", "state", "verdict", "name", "title", "content", "received_at")
_CASES = select(*(CASES.c[name] for name in _SHOWN)).where(CASES.c.id.in_(bindparam("ids", expanding=True)))
_RECORDS = select(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.id.in_(bindparam("ids", expanding=True)))
_RECORDS_OF_CASES = select(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.case_id.in_(bindparam("ids", expanding=True)))


class _Shelf(NamedTuple):
    """Where the keys of one kind of report stand: the table, and its column that names the report."""

    keys: Table
    owner: str


_OF_CASES, _OF_RECORDS = _Shelf(KEYS, "case_id"), _Shelf(RECORD_KEYS, "record_id")
_Shared: TypeAlias = dict[tuple[_Shelf, int], set[str]]  # report → names of the keys it shares


def remember(connection: Connection, case_id: int, arrival_id: int, district: str, keys: Iterable[Key]) -> None:
    """Write *keys*, brought by the arrival, for the case (a unit of `Database.write`); those it has already stay as they are."""
    _write(connection, _OF_CASES, case_id, arrival_id, district, keys)


def remember_record(connection: Connection, record_id: int, arrival_id: int, district: str, petition: Petition) -> None:
    """Let the record of another platform be found by the keys of *petition*, which is what it says now (a unit of `Database.write`).

    To be called in the transaction that writes the row of `platform_records`, when it is new and whenever what it says or its status
    changed: keys it had before are dropped, and whoever decides on what was known before decides again (`store.knowledge`). What is
    found comes back as `Candidate.elsewhere`, from the row as it stands then; a row with `case_id` comes back as that case.
    *arrival_id* is the arrival that brought the record: it does not find itself.
    """
    connection.execute(delete(RECORD_KEYS).where(RECORD_KEYS.c.record_id == record_id))
    _write(connection, _OF_RECORDS, record_id, arrival_id, district, field_keys(petition))
    knowledge.add(connection, district)


def _write(connection: Connection, shelf: _Shelf, owner: int, arrival_id: int, district: str, keys: Iterable[Key]) -> None:
    rows = [
        {"district": district, "kind": key.kind, "value": key.value, shelf.owner: owner, "arrival_id": arrival_id}
        for key in sorted(keys, key=lambda key: (key.kind, key.value))
    ]
    if rows:
        connection.execute(dialects.insert_new(connection, shelf.keys), rows)


class Matching:
    """Finds earlier reports that share a key with a petition."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def candidates(
        self, district: District, petition: Petition, *, exclude_arrival: int, limit: int = 20
    ) -> tuple[list[Candidate], int]:
        """Return up to *limit* reports known in *district* that share a key with *petition*: strongest keys first, then the newest.

        What *exclude_arrival* itself brought does not count, so that an arrival decided again does not find itself. The number returned
        with them lets `Cases.record` tell whether there are others meanwhile.
        """

        def unit(connection: Connection) -> tuple[list[Candidate], int]:
            seen = knowledge.read(connection, district.id)  # first: what is recorded in between makes it too small, never too large
            return _best(connection, _shared(connection, district, petition, exclude_arrival), limit), seen

        return await self._db.read(unit)

    async def again(self, compared: Sequence[Compared]) -> list[Candidate]:
        """Return what an earlier decision compared, as candidates of the same petition; one that is gone is left out."""
        shared: _Shared = {_place(one): set(one.keys) for one in compared}
        return await self._db.read(lambda connection: _load(connection, list(shared), shared))


def candidates_before(connection: Connection, district: District, petition: Petition, arrival_id: int, limit: int) -> list[Candidate]:
    """Return what `Matching.candidates` gave when the arrival came: only what earlier arrivals brought counts (a unit of `Database.read`)."""
    shared = _shared(connection, district, petition, arrival_id, earlier=True)
    ids = [owner for shelf, owner in shared if shelf is _OF_CASES]
    earlier = select(CASES.c.id).where(CASES.c.id.in_(ids), CASES.c.arrival_id < arrival_id)
    known = set(connection.scalars(earlier)) if ids else set()
    return _best(connection, {place: keys for place, keys in shared.items() if place[0] is _OF_RECORDS or place[1] in known}, limit)


def _place(compared: Compared) -> tuple[_Shelf, int]:
    """Return where something compared stands. A case that a record opened stands among the cases, its record is read beside it."""
    if compared.case_id is not None:
        return _OF_CASES, compared.case_id
    return _OF_RECORDS, compared.record_id or 0


def _best(connection: Connection, shared: _Shared, limit: int) -> list[Candidate]:
    """Return the reports that share the most; a record and the case it opened are one."""
    best = sorted(shared, key=lambda place: (_weight(shared[place]), place[1]), reverse=True)[:limit]
    return _load(connection, best, shared)


def _shared(connection: Connection, district: District, petition: Petition, arrival_id: int, *, earlier: bool = False) -> _Shared:
    """Return the reports that share a key with *petition*, each with the names of these keys; what is too common tells nothing.

    What the arrival itself brought does not count; with *earlier* nor does what came after it.
    """
    fields = [_Probe(key.kind, key.value, key.kind) for key in field_keys(petition)]
    asked = ((_OF_CASES, [*_threads(district, petition), *fields]), (_OF_RECORDS, fields))
    shared: _Shared = {}
    for shelf, probes in asked:
        values = {f"value_{place}": probe.value for place, probe in enumerate(probes)}
        statement = _look_up(shelf, tuple(probe.kind for probe in probes), earlier)
        found: dict[int, list[int]] = defaultdict(list)
        for place, owner in connection.execute(statement, {"district": district.id, "arrival": arrival_id, **values}):
            found[place].append(owner)
        own = found.pop(_OWN, [])
        for place, owners in found.items():
            for owner in owners if len(owners) <= _COMMON else ():
                if owner not in own:
                    shared.setdefault((shelf, owner), set()).add(probes[place].how)
    return shared


@dataclass(frozen=True, slots=True)
class _Probe:
    """One look-up: by which `kind` of key (see `_found_by`), for which value or values, and how a candidate names what it shares then."""

    kind: str
    value: str | list[str]
    how: str


def _threads(district: District, petition: Petition) -> list[_Probe]:
    """Return the look-ups for what only a case of ours has: a place in a mail thread, a case number."""
    own, refers = messages([petition.letter.message_id]), referred(petition)
    numbers = mentioned_numbers(district.case_number, petition)
    lists = (("ours", refers, "thread"), ("message", refers, "thread"), ("number", numbers, "number"))
    return [
        *(_Probe(kind, values, how) for kind, values, how in lists if values),
        *(_Probe("reference", message, "thread") for message in own),
    ]


@cache  # a handful of shapes: which keys a petition has
def _look_up(shelf: _Shelf, kinds: tuple[str, ...], earlier: bool) -> CompoundSelect[int, int]:  # noqa: FBT001 - private, for the cache
    """Return the one statement that runs a look-up on an index for each of *kinds*: rows of its place among them, and a report's id.

    Place `_OWN` is the case that the arrival opened, or the record that it brought, where it is decided again.
    """
    arrival: BindParameter[int] = bindparam("arrival")
    counts = shelf.keys.c.arrival_id < arrival if earlier else shelf.keys.c.arrival_id != arrival
    case = select(CASES.c.id).where(CASES.c.arrival_id == arrival)
    if shelf is _OF_CASES:
        mine = [CASES.c.arrival_id == arrival]
    else:
        mine = [PLATFORM_RECORDS.c.arrival_id == arrival, PLATFORM_RECORDS.c.case_id.in_(case)]
    table = CASES if shelf is _OF_CASES else PLATFORM_RECORDS
    own = [select(literal(_OWN).label("place"), table.c.id).where(one) for one in mine]
    return union_all(*own, *(_found_by(shelf, kind, place, counts) for place, kind in enumerate(kinds)))


def _found_by(shelf: _Shelf, kind: str, place: int, counts: ColumnElement[bool]) -> Select[int, int]:
    """Return one look-up of reports, limited to a few more than tell anything; *counts* says which rows of keys do."""
    here: BindParameter[str] = bindparam("district")
    one: BindParameter[str] = bindparam(f"value_{place}")
    many: BindParameter[str] = bindparam(f"value_{place}", expanding=True)
    match kind:
        case "ours":
            found = select(NOTICES.c.case_id.label("owner")).where(NOTICES.c.message_id.in_(many), NOTICES.c.district == here)
        case "number":
            found = select(CASES.c.id.label("owner")).where(CASES.c.number_key.in_(many), CASES.c.district == here)
        case _:
            keys = shelf.keys.c
            value = keys.value.in_(many) if kind == "message" else keys.value == one
            found = select(keys[shelf.owner].label("owner")).where(keys.district == here, keys.kind == kind, value, counts)
    limited = found.limit(_COMMON + 1).subquery()
    return select(literal(place), limited.c.owner)


def _load(connection: Connection, places: Sequence[tuple[_Shelf, int]], shared: _Shared) -> list[Candidate]:
    """Return the candidates at *places* in this order, what is one report once; what is gone is left out."""
    records = _rows(connection, _RECORDS, [owner for shelf, owner in places if shelf is _OF_RECORDS])
    opened = [row["case_id"] for row in records.values() if row["case_id"] is not None]
    ids = [*(owner for shelf, owner in places if shelf is _OF_CASES), *opened]
    cases = _rows(connection, _CASES, ids)
    of_cases = {row["case_id"]: row for row in _rows(connection, _RECORDS_OF_CASES, ids).values()}
    found: dict[tuple[_Shelf, int], Candidate] = {}
    for place in places:
        shelf, owner = place
        record = of_cases.get(owner) if shelf is _OF_CASES else records.get(owner)
        case = cases.get(owner) if shelf is _OF_CASES else _case_of(record, cases)
        if case is None and record is None:
            continue
        same = (_OF_CASES, case["id"]) if case else place
        keys = shared[place] | set(found[same].keys if same in found else ())
        found[same] = replace(_candidate(case, record), keys=tuple(key for key in _RANK if key in keys))
    return list(found.values())


def _case_of(record: RowMapping | None, cases: Mapping[int, RowMapping]) -> RowMapping | None:
    return cases.get(record["case_id"]) if record else None


def _rows(connection: Connection, statement: Select[tuple[object, ...]], ids: Sequence[int]) -> dict[int, RowMapping]:
    return {row["id"]: row for row in connection.execute(statement, {"ids": ids}).mappings()} if ids else {}


def _candidate(case: RowMapping | None, record: RowMapping | None) -> Candidate:
    """Return what is known of one report from its case, its record, or both; where both, the case's words count."""
    row = case or record
    assert row is not None  # noqa: S101 - the caller has one of the two
    return Candidate(
        case_id=case["id"] if case else None,
        number=row["number"],
        keys=(),
        state=CaseState(case["state"]) if case else None,
        verdict=Verdict(case["verdict"]) if case else None,
        name=row["name"],
        title=row["title"],
        content=row["content"],
        received_at=case["received_at"] if case else row["reported_at"],
        elsewhere=_elsewhere(record) if record else None,
    )


def _elsewhere(record: RowMapping) -> Elsewhere:
    return Elsewhere(
        record_id=record["id"],
        platform=record["platform"],
        number=record["number"],
        status=PlatformStatus(record["status"]),
        words=record["status_words"],
        since=record["status_since"],
    )


def _weight(keys: Iterable[str]) -> int:
    """Return a number that puts one strong key above all weaker ones together."""
    return sum(1 << (len(_RANK) - place) for place, key in enumerate(_RANK) if key in keys)

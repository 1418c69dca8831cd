"""The look-ups of matching: which reports have a key or enough rare pieces of text, each by an index and bounded.

A key that fits too many reports tells nothing: it is passed over and counted, so that the cost does not depend on how many there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Executable,
    Integer,
    Select,
    Table,
    bindparam,
    literal_column,
    select,
    union_all,
)

from store import matching_grams, prepared
from store.matching_grams import PROBED, SHARED
from store.matching_keys import mentioned_numbers, referred
from store.model.district import District
from store.model.petition import Petition
from store.tables import CASES, GRAMS, KEYS, NOTICES, PLATFORM_RECORDS, RECORD_GRAMS, RECORD_KEYS

_COMMON = 200  # reports; a key that fits more (a platform's address, 有限公司) tells nothing and is skipped
_CLOSE = 12  # pieces shared, of 32: the same words, not only the same matter
CLOSELY = "closely"  # mark of a report that shares so many


class Shelf(NamedTuple):
    """Where the keys of one kind of report stand: the tables, and their column that names the report."""

    reports: Table
    keys: Table
    grams: Table
    owner: str


OF_CASES = Shelf(CASES, KEYS, GRAMS, "case_id")
OF_RECORDS = Shelf(PLATFORM_RECORDS, RECORD_KEYS, RECORD_GRAMS, "record_id")
SHELVES = (OF_CASES, OF_RECORDS)
Place: TypeAlias = tuple[Shelf, int]
Shared: TypeAlias = dict[Place, set[str]]  # report → names of the keys it shares


@dataclass(frozen=True, slots=True)
class Probe:
    """One look-up: under which `kind` of key, for which value, and how a candidate names what it shares then."""

    kind: str
    value: str
    how: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One look-up of what only a case of ours has, by any of several values: of its "thread" or its "number"."""

    kind: str
    values: list[str]
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks: what the arrival itself brought does not count; with `earlier` nor does what came after it.

    Keys that fit too many reports are passed over and counted in `skipped`.
    """

    connection: Connection
    district: str
    arrival_id: int
    earlier: bool = False
    skipped: Counter[str] = field(default_factory=Counter)

    def ask(self, shelf: Shelf, probes: Sequence[Probe], grams: Sequence[int], listed: Sequence[Listed]) -> dict[int, set[str]]:
        """Return the reports on *shelf* that the look-ups find, each with what it shares; the weakest beyond `_MOST_PROBES` are left out."""
        probes = probes[:_MOST_PROBES]
        shared: dict[int, set[str]] = defaultdict(set)
        for one in listed:
            self._note(shared, one.how, one.kind, self._run(_listed(one.kind, self.earlier), {"values": one.values}).get(0, []))
        kinds = {f"kind_{place}": probe.kind for place, probe in enumerate(probes)}
        values = {f"value_{place}": probe.value for place, probe in enumerate(probes)}
        found = self._run_all(_by_keys(shelf, _padded(len(probes)), self.earlier), {**_NOTHING, **kinds, **values})
        for place, owners in found.items():
            self._note(shared, probes[place].how, probes[place].kind, owners)
        for owner, count in self._pieces(shelf, grams).items():
            if count >= SHARED:
                shared[owner].update({"text", CLOSELY} if count >= _CLOSE else {"text"})
        own = set(self.connection.scalars(_own(shelf), {"arrival": self.arrival_id}))
        return {owner: keys for owner, keys in shared.items() if owner not in own}

    def _pieces(self, shelf: Shelf, grams: Sequence[int]) -> Counter[int]:
        """Return how many of *grams* each report has."""
        pieces: Counter[int] = Counter()
        if grams:
            values = {f"gram_{place}": gram for place, gram in enumerate(grams)}
            for owners in self._run_all(_by_grams(shelf, _padded(len(grams))), {**_NO_GRAMS, **values}).values():
                if len(owners) > matching_grams.COMMON:
                    self.skipped["text"] += 1
                else:
                    pieces.update(owners)
        return pieces

    def _note(self, shared: dict[int, set[str]], how: str, kind: str, owners: Sequence[int]) -> None:
        if len(owners) > _COMMON:
            self.skipped[kind] += 1
            return
        for owner in owners:
            shared[owner].add(how)

    def _run(self, statement: Executable, values: Mapping[str, object]) -> dict[int, list[int]]:
        """Return what each look-up of *statement* found, by its place among them."""
        return _by_place(self.connection.execute(statement, {"district": self.district, "arrival": self.arrival_id, **values}))

    def _run_all(self, statement: CompoundSelect[int, int], values: Mapping[str, object]) -> dict[int, list[int]]:
        """Return the same of a statement of many look-ups."""
        return _by_place(prepared.run(self.connection, statement, {"district": self.district, "arrival": self.arrival_id, **values}))


def _by_place(rows: Iterable[Sequence[Any]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for place, owner in rows:
        found[place].append(owner)
    return found


def threads(district: District, petition: Petition) -> list[Listed]:
    """Return the look-ups for the mails that *petition* answers and the case numbers that it mentions."""
    refers, numbers = referred(petition), mentioned_numbers(district.case_number, petition)
    listed = (Listed("ours", refers, "thread"), Listed("message", refers, "thread"), Listed("number", numbers, "number"))
    return [one for one in listed if one.values]


# A statement stands for as many look-ups as are asked for, filled up to a few sizes with look-ups that find nothing: building one costs ten
# times what running it does, and PostgreSQL plans a known one once.

_STEP, _MOST_PROBES = 16, 128
_NOTHING: Mapping[str, object] = {f"{name}_{place}": "" for name in ("kind", "value") for place in range(_MOST_PROBES)}
_NO_GRAMS: Mapping[str, object] = {f"gram_{place}": -1 for place in range(PROBED)}


def _padded(count: int) -> int:
    return max(-(-count // _STEP), 1) * _STEP


def _here() -> BindParameter[str]:
    return bindparam("district")


def _counts(shelf: Shelf, *, earlier: bool) -> ColumnElement[bool]:
    """Return which rows of keys count."""
    arrival: BindParameter[int] = bindparam("arrival")
    return shelf.keys.c.arrival_id < arrival if earlier else shelf.keys.c.arrival_id != arrival


@cache
def _own(shelf: Shelf) -> Executable:
    """Return the statement for the case that the arrival opened, or the record that it brought, where it is decided again."""
    arrival: BindParameter[int] = bindparam("arrival")
    case = select(CASES.c.id).where(CASES.c.arrival_id == arrival)
    if shelf is OF_CASES:
        return case
    records = PLATFORM_RECORDS.c
    return union_all(select(records.id).where(records.arrival_id == arrival), select(records.id).where(records.case_id.in_(case)))


@cache
def _by_keys(shelf: Shelf, size: int, earlier: bool) -> CompoundSelect[int, int]:  # noqa: FBT001 - private, for the cache
    keys, counts = shelf.keys.c, _counts(shelf, earlier=earlier)

    def one(place: int) -> Select[int, int]:
        asked = (keys.kind == bindparam(f"kind_{place}"), keys.value == bindparam(f"value_{place}"))
        return _limited(place, select(keys[shelf.owner].label("owner")).where(keys.district == _here(), *asked, counts), _COMMON)

    return union_all(*(one(place) for place in range(size)))


@cache
def _by_grams(shelf: Shelf, size: int) -> CompoundSelect[int, int]:
    grams = shelf.grams.c

    def one(place: int) -> Select[int, int]:
        found = select(grams[shelf.owner].label("owner")).where(grams.district == _here(), grams.gram == bindparam(f"gram_{place}"))
        return _limited(place, found, matching_grams.COMMON)

    return union_all(*(one(place) for place in range(size)))


@cache
def _listed(kind: str, earlier: bool) -> Select[int, int]:  # noqa: FBT001 - private, for the cache
    values: BindParameter[str] = bindparam("values", expanding=True)
    match kind:
        case "ours":
            found = select(NOTICES.c.case_id.label("owner")).where(NOTICES.c.message_id.in_(values), NOTICES.c.district == _here())
        case "number":
            found = select(CASES.c.id.label("owner")).where(CASES.c.number_key.in_(values), CASES.c.district == _here())
        case _:
            keys = KEYS.c
            asked = (keys.district == _here(), keys.kind == "message", keys.value.in_(values), _counts(OF_CASES, earlier=earlier))
            found = select(keys.case_id.label("owner")).where(*asked)
    return _limited(0, found, _COMMON)


def _limited(place: int, found: Select[int], most: int) -> Select[int, int]:
    """Return a look-up as rows of its *place* and a report, a few more than tell anything."""
    limited = found.limit(literal_column(str(most + 1))).subquery()
    return select(literal_column(str(place), Integer), limited.c.owner)

"""How the earlier reports behind the keys of a petition are found: cases of ours, and records of other platforms.

Keys are rows written with the case or the record, so that a look-up costs the same after ten years as on the first day. What the keys
are stands in `store.matching_keys`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    select,
    update,
)

from store import dialects, knowledge, matching_grams, pairs
from store.database import Database
from store.matching_grams import KEPT, PROBED, grams_in
from store.matching_keys import Key, field_keys, keys_of, matter_keys, messages
from store.matching_lookup import CLOSELY, OF_CASES, OF_RECORDS, SHELVES, Place, Probe, Question, Shared, Shelf, threads
from store.model.case import CaseState
from store.model.decision import Compared, Verdict
from store.model.district import District
from store.model.matching import Candidate, Elsewhere, PlatformStatus
from store.model.petition import Petition
from store.particulars import document_keys
from store.tables import CASES, PLATFORM_RECORDS, RECORD_GRAMS, RECORD_KEYS

# From the strongest evidence to the weakest; the order ranks the candidates.
_RANK = ("thread", "number", "uscc", "document", "phone", "name", "masked", "sound", "text", "amount", "sender", "contact", "place")
_HOW = {"shape": "masked", "mention": "sound"}  # what a candidate calls the key, where it is not the kind of it
# Under which kinds the other side's key stands, where not under its own: what is masked fits the shape of any number, a whole one only what is
# masked; what may be a short name in a text fits names alone, not what may be one in another text.
_ASKED = {"shape": ("masked",), "masked": ("shape",), "sound": ("sound", "mention"), "mention": ("sound",)}

_SHOWN = ("id", "number", "state", "verdict", "name", "uscc", "phone", "title", "content", "received_at")
_CASES = select(*(CASES.c[name] for name in _SHOWN)).where(CASES.c.id.in_(bindparam("ids", expanding=True)))
_RECORDS = select(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.id.in_(bindparam("ids", expanding=True)))
_RECORDS_OF_CASES = select(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.case_id.in_(bindparam("ids", expanding=True)))


def remember(connection: Connection, case_id: int, arrival_id: int, district: str, keys: Iterable[Key]) -> None:
    """Write *keys*, brought by the arrival, for the case (a unit of `Database.write`); those it has already stay as they are."""
    _write(connection, OF_CASES, case_id, arrival_id, district, keys)


def remember_case(connection: Connection, case_id: int, arrival_id: int, district: str, petition: Petition) -> None:
    """Let the new case be found by all keys of *petition* and by its rarest words (a unit of `Database.write`)."""
    remember(connection, case_id, arrival_id, district, keys_of(petition))
    _write_grams(connection, OF_CASES, case_id, district, petition)


def remember_record(connection: Connection, record_id: int, arrival_id: int, district: str, petition: Petition) -> None:
    """Let the record of another platform be found by the keys of *petition*, which is what it says now (a unit of `Database.write`).

    To be called in the transaction that writes the row of `platform_records`, when it is new and whenever what it says or its status
    changed: keys it had before are dropped, and whoever decides on what was known before decides again (`store.knowledge`). What is
    found comes back as `Candidate.elsewhere`, from the row as it stands then; a row with `case_id` comes back as that case.
    *arrival_id* is the arrival that brought the record: it does not find itself.
    """
    for table in (RECORD_KEYS, RECORD_GRAMS):
        connection.execute(delete(table).where(table.c.record_id == record_id))
    fields = {"uscc": petition.uscc.value if petition.uscc else "", "phone": petition.phone.value if petition.phone else ""}
    changed = update(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.id == record_id).values(fields).returning(PLATFORM_RECORDS.c.number)
    number = connection.execute(changed).scalar_one()
    own = (Key("document", one) for one in document_keys(number))
    _write(connection, OF_RECORDS, record_id, arrival_id, district, {*field_keys(petition), *matter_keys(petition), *own})
    _write_grams(connection, OF_RECORDS, record_id, district, petition)
    knowledge.add(connection, district)


def _write(connection: Connection, shelf: Shelf, owner: int, arrival_id: int, district: str, keys: Iterable[Key]) -> None:
    rows = [
        {"district": district, "kind": key.kind, "value": key.value, shelf.owner: owner, "arrival_id": arrival_id}
        for key in sorted(keys, key=lambda key: (key.kind, key.value))
    ]
    if rows:
        connection.execute(dialects.insert_new(connection, shelf.keys), rows)


def _write_grams(connection: Connection, shelf: Shelf, owner: int, district: str, petition: Petition) -> None:
    kept = matching_grams.rarest(connection, district, grams_in(petition.title, petition.content), KEPT)
    if kept:
        connection.execute(shelf.grams.insert(), [{"district": district, "gram": gram, shelf.owner: owner} for gram in sorted(kept)])


class Matching:
    """Finds earlier reports that share a key with a petition.

    `skipped` counts by kind the keys that fitted too many reports to tell anything.
    """

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db
        self.skipped: Counter[str] = Counter()

    async def candidates(
        self, district: District, petition: Petition, *, exclude_arrival: int, limit: int = 20
    ) -> tuple[list[Candidate], int]:
        """Return up to *limit* reports known in *district* that share a key with *petition*: strongest keys first, then the newest.

        What *exclude_arrival* itself brought does not count, so that an arrival decided again does not find itself; nor does what a person
        separated from it. The number returned with them lets `Cases.record` tell whether there are others meanwhile.
        """

        def unit(connection: Connection) -> tuple[list[Candidate], int]:
            seen = knowledge.read(connection, district.id)  # first: what is recorded in between makes it too small, never too large
            question = Question(connection=connection, district=district.id, arrival_id=exclude_arrival, skipped=skipped)
            apart = pairs.apart_from_arrival(connection, exclude_arrival)
            found = _best(connection, _shared(question, district, petition), limit + len(apart.cases) + len(apart.records))
            return [one for one in found if not apart.holds(one)][:limit], seen

        skipped: Counter[str] = Counter()
        result = await self._db.read(unit)
        self.skipped += skipped
        return result

    async def known(self, district: str) -> int:
        """Return how often what can be found in *district* has changed."""
        return await self._db.read(lambda connection: knowledge.read(connection, district))

    async def recount(self, district: str) -> tuple[int, int]:
        """Count again which pieces of text are common in *district*: return how many are, and how many rows that changed."""
        common = await self._db.read(lambda connection: matching_grams.common_in(connection, district))
        return len(common), await self._db.write(lambda connection: matching_grams.keep_counts(connection, district, common))

    async def again(self, compared: Sequence[Compared]) -> list[Candidate]:
        """Return what an earlier decision compared, as candidates of the same petition; one that is gone is left out."""
        shared: Shared = {_place(one): set(one.keys) for one in compared}
        return await self._db.read(lambda connection: _load(connection, list(shared), shared))


def candidates_before(connection: Connection, district: District, petition: Petition, arrival_id: int, limit: int) -> list[Candidate]:
    """Return what `Matching.candidates` gave when the arrival came: only what earlier arrivals brought counts (a unit of `Database.read`)."""
    question = Question(connection=connection, district=district.id, arrival_id=arrival_id, earlier=True)
    shared = _shared(question, district, petition)
    earlier = {shelf: _earlier(connection, shelf, [owner for one, owner in shared if one is shelf], arrival_id) for shelf in SHELVES}
    return _best(connection, {place: keys for place, keys in shared.items() if place[1] in earlier[place[0]]}, limit)


def _earlier(connection: Connection, shelf: Shelf, ids: Sequence[int], arrival_id: int) -> set[int]:
    reports = shelf.reports.c
    return set(connection.scalars(select(reports.id).where(reports.id.in_(ids), reports.arrival_id < arrival_id))) if ids else set()


def _place(compared: Compared) -> Place:
    """Return where something compared stands. A case that a record opened stands among the cases, its record is read beside it."""
    if compared.case_id is not None:
        return OF_CASES, compared.case_id
    return OF_RECORDS, compared.record_id or 0


def _best(connection: Connection, shared: Shared, limit: int) -> list[Candidate]:
    """Return the reports that share the most; a record and the case it opened are one."""
    best = sorted(shared, key=lambda place: (_weight(shared[place]), place[1]), reverse=True)[:limit]
    return _load(connection, best, shared)


def _shared(question: Question, district: District, petition: Petition) -> Shared:
    """Return the reports that share a key with *petition*, each with the names of these keys."""
    grams = matching_grams.rarest(question.connection, district.id, grams_in(petition.title, petition.content), PROBED)
    fields = [
        Probe(kind, key.value, _HOW.get(key.kind, key.kind))
        for key in (*field_keys(petition), *matter_keys(petition))
        for kind in _ASKED.get(key.kind, (key.kind,))
    ]
    own = [Probe("reference", message, "thread") for message in messages([petition.letter.message_id])]
    cases = question.ask(OF_CASES, [*own, *fields], grams, threads(district, petition))
    records = question.ask(OF_RECORDS, fields, grams, [])
    return {(shelf, owner): keys for shelf, found in ((OF_CASES, cases), (OF_RECORDS, records)) for owner, keys in found.items()}


def _load(connection: Connection, places: Sequence[Place], shared: Shared) -> list[Candidate]:
    """Return the candidates at *places* in this order, what is one report once; what is gone is left out."""
    records = _rows(connection, _RECORDS, [owner for shelf, owner in places if shelf is OF_RECORDS])
    opened = [row["case_id"] for row in records.values() if row["case_id"] is not None]
    ids = [*(owner for shelf, owner in places if shelf is OF_CASES), *opened]
    cases = _rows(connection, _CASES, ids)
    of_cases = {row["case_id"]: row for row in _rows(connection, _RECORDS_OF_CASES, ids).values()}
    found: dict[Place, Candidate] = {}
    for place in places:
        shelf, owner = place
        record = of_cases.get(owner) if shelf is OF_CASES else records.get(owner)
        case = cases.get(owner) if shelf is OF_CASES else _case_of(record, cases)
        if case is None and record is None:
            continue
        same = (OF_CASES, case["id"]) if case else place
        keys = shared[place] | set(found[same].keys if same in found else ())
        keys -= {"sound"} if "name" in keys else set()  # it sounds alike because it is the same
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
        uscc=row["uscc"],
        phone=row["phone"],
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
    weight = sum(1 << (len(_RANK) - place) for place, key in enumerate(_RANK) if key in keys)
    return weight + (1 << (len(_RANK) - _RANK.index("uscc")) if CLOSELY in keys else 0)

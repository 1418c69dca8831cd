"""What other government platforms told us: batches kept whole, records with every version, and how far the rows of a batch are taken.

A batch is kept first; its rows are then taken piece by piece, each piece in one transaction with the place that the batch has reached, so
that a crash repeats nothing and skips nothing. A row that is new or changed is one arrival, which the pipeline takes up like any other; a row
that says the same again leaves no trace but a count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, Select, func, select, update

from store import arrivals, dialects, knowledge, matching
from store.audit import digest_of
from store.codec import to_json
from store.database import Database
from store.errors import RepeatedKeyError, UsageError
from store.model.arrival import Accepted, Arrival, Channel
from store.model.matching import PlatformStatus
from store.model.petition import Petition
from store.model.platforms import BadRow, GoodRow, Handed, KeptBatch, KeptRecord, PlatformRecord, Version
from store.tables import PLATFORM_BATCHES, PLATFORM_RECORDS, PLATFORM_VERSIONS
from store.tables.columns import BATCH_OPEN

_TAKING, _DONE = "taking", "done"
_GOOD: TypeAdapter[tuple[GoodRow, ...]] = TypeAdapter(tuple[GoodRow, ...])
_BAD: TypeAdapter[tuple[BadRow, ...]] = TypeAdapter(tuple[BadRow, ...])
_ORDER = (PlatformStatus.PENDING, PlatformStatus.ACCEPTED, PlatformStatus.CLOSED, PlatformStatus.REFUSED)  # as a report goes on

_BATCH_SHOWN = [column for column in PLATFORM_BATCHES.c if column.name not in {"content", "pending"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The rows of a batch that are still to be taken; `at` is how many were taken before them."""

    batch: KeptBatch
    at: int
    rows: tuple[GoodRow, ...]


class _Fate(StrEnum):
    """What a row was; the names are those of the batch's counters."""

    ADDED = "added"
    CHANGED = "changed"
    SAME = "same"
    OLDER = "older"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A record whose status went back."""

    platform: str
    record_id: int
    before: PlatformStatus
    after: PlatformStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one piece of a batch came to; `counts` says how many rows were added, changed, the same, out of date, and went back."""

    batch: KeptBatch
    turned: tuple[Turned, ...]
    counts: Mapping[str, int]


class Platforms:
    """The batches and records of all districts in one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def keep(self, handed: Handed, now: datetime) -> Accepted:
        """Keep a batch whole and return its receipt (`arrival_id` is the batch's id): only then may a door say that it has it.

        Raises RepeatedKeyError where the door's key came before with other bytes, StoreUnavailableError.
        """
        pending = _GOOD.dump_json(handed.batch.good).decode()
        bad = _BAD.dump_json(handed.batch.bad).decode()
        return await self._db.write(lambda connection: _keep(connection, handed, pending, bad, now))

    async def open_batches(self) -> list[KeptBatch]:
        """Return for each platform the oldest batch whose rows are not all taken: no batch overtakes an earlier one."""
        return await self._db.read(_open)

    async def pending(self, batch_id: int) -> Pending:
        """Return the rows of the batch that are still to be taken."""
        return await self._db.read(lambda connection: _pending(connection, batch_id))

    async def take(self, batch_id: int, at: int, rows: Sequence[tuple[GoodRow, Petition]], now: datetime) -> Taken | None:
        """Take the next *rows* of the batch, *at* of which are taken already; None where somebody else took them meanwhile."""
        return await self._db.write(lambda connection: _take(connection, batch_id, at, rows, now))

    async def batches(self, *, bad_only: bool = False, platform: str | None = None, limit: int = 50) -> list[KeptBatch]:
        """Return the newest batches, only those with bad rows where asked for."""
        query = select(*_BATCH_SHOWN).order_by(PLATFORM_BATCHES.c.id.desc()).limit(limit)
        if bad_only:
            query = query.where(PLATFORM_BATCHES.c.bad_rows > 0)
        if platform is not None:
            query = query.where(PLATFORM_BATCHES.c.platform == platform)
        return await self._db.read(lambda connection: [_batch(row) for row in connection.execute(query).mappings()])

    async def batch(self, batch_id: int) -> KeptBatch:
        """Return one batch. Raises UsageError where there is none."""
        return await self._db.read(lambda connection: _load_batch(connection, batch_id))

    async def content(self, batch_id: int) -> bytes:
        """Return the bytes of a batch as they came. Raises UsageError where there is none."""
        query = select(PLATFORM_BATCHES.c.content).where(PLATFORM_BATCHES.c.id == batch_id)
        found = await self._db.read(lambda connection: connection.scalar(query))
        if found is None:
            raise _unknown_batch(batch_id)
        return bytes(found)

    async def records(
        self, *, platform: str | None = None, status: PlatformStatus | None = None, turned_only: bool = False, limit: int = 50
    ) -> list[KeptRecord]:
        """Return the records told last, each with its newest version; those that went back at least once where asked for."""
        query = _records_query(limit)
        if platform is not None:
            query = query.where(PLATFORM_RECORDS.c.platform == platform)
        if status is not None:
            query = query.where(PLATFORM_RECORDS.c.status == status.value)
        if turned_only:
            turned = select(PLATFORM_VERSIONS.c.record_id).where(PLATFORM_VERSIONS.c.turned_from != "")
            query = query.where(PLATFORM_RECORDS.c.id.in_(turned))
        return await self._db.read(lambda connection: [_with_version(row) for row in connection.execute(query).mappings()])

    async def record(self, number: str, platform: str | None = None) -> KeptRecord:
        """Return the record of that number with all its versions. Raises UsageError where there is none, or several platforms have one."""
        return await self._db.read(lambda connection: _find(connection, number, platform))

    async def of_arrival(self, arrival_id: int) -> KeptRecord | None:
        """Return the record that an arrival told of, as it stands now; None where it was no record."""
        query = select(PLATFORM_VERSIONS.c.record_id).where(PLATFORM_VERSIONS.c.arrival_id == arrival_id)

        def unit(connection: Connection) -> KeptRecord | None:
            record_id = connection.scalar(query)
            return _whole(connection, record_id) if record_id is not None else None

        return await self._db.read(unit)


# ---------------------------------------------------------------- batches


def _keep(connection: Connection, handed: Handed, pending: str, bad: str, now: datetime) -> Accepted:
    digest = digest_of(handed.raw)
    values = {
        "district": handed.district,
        "platform": handed.platform,
        "door": handed.door,
        "source_key": handed.key,
        "name": handed.name,
        "peer": handed.peer,
        "at": now,
        "content": handed.raw,
        "sha256": digest,
        "form": handed.batch.form,
        "state": _TAKING if handed.batch.good else _DONE,
        "good": len(handed.batch.good),
        "pending": pending if handed.batch.good else "",
        "bad_rows": len(handed.batch.bad),
        "bad": bad,
        **dict.fromkeys(("taken", "added", "changed", "same", "older", "turned_back"), 0),
    }
    batch_id = connection.execute(dialects.insert_new(connection, PLATFORM_BATCHES, returning_id=True), values).scalar()
    if batch_id is not None:
        return Accepted(arrival_id=batch_id, is_new=True)
    table = PLATFORM_BATCHES.c
    known = connection.execute(
        select(table.id, table.sha256).where(
            table.district == handed.district,
            table.platform == handed.platform,
            table.door == handed.door,
            table.source_key == values["source_key"],
        )
    ).one()
    if known.sha256 != digest:
        raise RepeatedKeyError(f"这个键已用于第 {known.id} 批，内容与这次不同；新的内容请用新的键")
    return Accepted(arrival_id=known.id, is_new=False)


def _open(connection: Connection) -> list[KeptBatch]:
    table = PLATFORM_BATCHES.c
    oldest = select(func.min(table.id)).where(BATCH_OPEN).group_by(table.district, table.platform)
    query = select(*_BATCH_SHOWN).where(table.id.in_(oldest)).order_by(table.id)
    return [_batch(row) for row in connection.execute(query).mappings()]


def _pending(connection: Connection, batch_id: int) -> Pending:
    batch = _load_batch(connection, batch_id)
    text = connection.scalar(select(PLATFORM_BATCHES.c.pending).where(PLATFORM_BATCHES.c.id == batch_id))
    rows = _GOOD.validate_json(text) if text else ()
    return Pending(batch=batch, at=batch.taken, rows=rows[batch.taken :])


def _load_batch(connection: Connection, batch_id: int) -> KeptBatch:
    row = connection.execute(select(*_BATCH_SHOWN).where(PLATFORM_BATCHES.c.id == batch_id)).mappings().first()
    if row is None:
        raise _unknown_batch(batch_id)
    return _batch(row)


def _unknown_batch(batch_id: int) -> UsageError:
    return UsageError(f"没有第 {batch_id} 批；用 zuozhen platforms batches 查看")


def _batch(row: RowMapping) -> KeptBatch:
    same = ("id", "district", "platform", "door", "name", "peer", "at", "form", "good", "taken", "added", "changed", "same", "older")
    return KeptBatch(
        **{name: row[name] for name in (*same, "turned_back")}, is_done=row["state"] == _DONE, bad=_BAD.validate_json(row["bad"])
    )


# ---------------------------------------------------------------- rows


def _take(connection: Connection, batch_id: int, at: int, rows: Sequence[tuple[GoodRow, Petition]], now: datetime) -> Taken | None:
    table = PLATFORM_BATCHES.c
    reached = at + len(rows)
    mine = update(PLATFORM_BATCHES).where(table.id == batch_id, table.taken == at, BATCH_OPEN).values(taken=reached)
    if not connection.execute(mine).rowcount:
        return None
    batch = _load_batch(connection, batch_id)
    knowledge.add(connection, batch.district)  # who writes records of a district waits here for who does so already
    turned: list[Turned] = []
    fates = [_take_row(connection, batch, row, petition, now, turned) for row, petition in rows]
    counts = {**{fate.value: fates.count(fate) for fate in _Fate}, "turned_back": len(turned)}
    done = {"state": _DONE, "pending": ""} if reached >= batch.good else {}
    counted = {name: table[name] + count for name, count in counts.items()}
    connection.execute(update(PLATFORM_BATCHES).where(table.id == batch_id).values({**counted, **done}))
    return Taken(batch=_load_batch(connection, batch_id), turned=tuple(turned), counts=counts)


def _take_row(connection: Connection, batch: KeptBatch, row: GoodRow, petition: Petition, now: datetime, turned: list[Turned]) -> _Fate:
    record = row.record
    table = PLATFORM_RECORDS.c
    held = (
        connection.execute(
            select(PLATFORM_RECORDS)
            .where(table.district == batch.district, table.platform == record.platform, table.number == record.number)
            .with_for_update()
        )
        .mappings()
        .first()
    )
    newest = _newest(connection, held["id"]) if held else None
    digest = digest_of(to_json(replace(record, cells={})))
    if newest is not None and newest["digest"] == digest:
        return _Fate.SAME
    if newest is not None and record.changed_at and newest["changed_at"] and record.changed_at < newest["changed_at"]:
        return _Fate.OLDER
    version = newest["version"] + 1 if newest else 1
    arrival_id = _arrive(connection, batch, row, f"{version}:{digest}", now)
    record_id = _write(connection, batch.district, record, held, arrival_id, now)
    before = PlatformStatus(held["status"]) if held else record.status
    has_turned = _ORDER.index(record.status) < _ORDER.index(before)
    if has_turned:
        turned.append(Turned(platform=record.platform, record_id=record_id, before=before, after=record.status))
    version_row = {
        "record_id": record_id,
        "version": version,
        "district": batch.district,
        "arrival_id": arrival_id,
        "batch_id": batch.id,
        "place": row.place,
        "at": now,
        "changed_at": record.changed_at,
        "status": record.status,
        "status_words": record.status_words,
        "turned_from": before.value if has_turned else "",
        "digest": digest,
    }
    connection.execute(PLATFORM_VERSIONS.insert(), version_row)
    matching.remember_record(connection, record_id, arrival_id, batch.district, petition)
    return _Fate.CHANGED if held else _Fate.ADDED


def _newest(connection: Connection, record_id: int) -> RowMapping | None:
    table = PLATFORM_VERSIONS.c
    query = select(PLATFORM_VERSIONS).where(table.record_id == record_id).order_by(table.version.desc()).limit(1)
    return connection.execute(query).mappings().first()


def _arrive(connection: Connection, batch: KeptBatch, row: GoodRow, what: str, now: datetime) -> int:
    """Let the pipeline take the row up, with the row itself as its bytes."""
    record = row.record
    arrival = Arrival(
        district=batch.district,
        channel=Channel.PLATFORM,
        door=batch.door,
        source_key=f"batch:{batch.id}:{row.place}",
        content_key=digest_of(f"{len(record.platform)}:{record.platform}:{len(record.number)}:{record.number}:{what}"),
        message_id="",
        envelope_from="",
        envelope_to=(),
        received_at=now,
        raw=to_json(record).encode(),
        peer=batch.peer,
    )
    receipt = arrivals.accept_one(connection, arrival)
    if not receipt.is_new:
        raise ValueError(f"row {row.place} of batch {batch.id} was taken before")
    return receipt.arrival_id


def _write(connection: Connection, district: str, record: PlatformRecord, held: RowMapping | None, arrival_id: int, now: datetime) -> int:
    is_same_status = held is not None and held["status"] == record.status.value
    values = {
        "status": record.status,
        "status_words": record.status_words,
        "status_since": held["status_since"] if held and is_same_status else record.changed_at or now,
        "reported_at": record.reported_at or (held["reported_at"] if held else now),
        "name": record.name,
        "title": record.title,
        "content": record.content,
        "arrival_id": arrival_id,
    }
    if held:
        connection.execute(update(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.id == held["id"]).values(values))
        return int(held["id"])
    values |= {"district": district, "platform": record.platform, "number": record.number, "case_id": None}
    return int(connection.execute(PLATFORM_RECORDS.insert().returning(PLATFORM_RECORDS.c.id), values).scalar_one())


# ---------------------------------------------------------------- records


def _records_query(limit: int) -> Select[tuple[object, ...]]:
    """Return the records with their newest version, whose columns stand under names of their own."""
    version = [column.label(f"v_{column.name}") for column in PLATFORM_VERSIONS.c]
    joined = PLATFORM_RECORDS.join(PLATFORM_VERSIONS, PLATFORM_VERSIONS.c.arrival_id == PLATFORM_RECORDS.c.arrival_id)
    return select(PLATFORM_RECORDS, *version).select_from(joined).order_by(PLATFORM_RECORDS.c.arrival_id.desc()).limit(limit)


def _with_version(row: RowMapping) -> KeptRecord:
    return _record(row, [{name.removeprefix("v_"): value for name, value in row.items() if name.startswith("v_")}])


def _find(connection: Connection, number: str, platform: str | None) -> KeptRecord:
    table = PLATFORM_RECORDS.c
    query = select(table.id, table.platform).where(table.number == number.strip()).limit(20)
    if platform is not None:
        query = query.where(table.platform == platform)
    found = connection.execute(query).all()
    if not found:
        raise UsageError(f"没有编号为 {number} 的平台记录；用 zuozhen platforms list 查看")
    if len(found) > 1:
        raise UsageError(f"几个平台都有编号 {number}，请用 --platform 写明：{'、'.join(row.platform for row in found)}")
    return _whole(connection, found[0].id)


def _whole(connection: Connection, record_id: int) -> KeptRecord:
    row = connection.execute(select(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.id == record_id)).mappings().one()
    table = PLATFORM_VERSIONS.c
    versions = select(PLATFORM_VERSIONS).where(table.record_id == record_id).order_by(table.version.desc()).limit(1000)
    return _record(row, [dict(version) for version in connection.execute(versions).mappings()])


def _record(row: RowMapping, versions: Sequence[dict[str, object]]) -> KeptRecord:
    same = ("id", "district", "platform", "number", "status_words", "status_since", "reported_at", "name", "title", "content", "arrival_id")
    return KeptRecord(**{name: row[name] for name in same}, status=PlatformStatus(row["status"]), versions=tuple(map(_version, versions)))


def _version(row: dict[str, object]) -> Version:
    same = ("version", "at", "status_words", "batch_id", "place", "arrival_id")
    return Version(
        **{name: row[name] for name in same},  # type: ignore[arg-type]  # the columns have the types of the fields
        status=PlatformStatus(str(row["status"])),
        turned_from=PlatformStatus(str(row["turned_from"])) if row["turned_from"] else None,
    )

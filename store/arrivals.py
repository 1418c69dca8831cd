"""What came in and how far it has got: accept once, claim under a lease, put off, quarantine, try again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, bindparam, func, not_, or_, select, update

from store import dialects, tries
from store.database import Database
from store.errors import UsageError
from store.model.arrival import Accepted, Arrival, ArrivalState, Channel, StoredArrival
from store.tables import ARRIVALS, BLOBS, DELIVERIES, RAWS
from store.tables.arrivals import ARRIVAL_QUARANTINED, ARRIVAL_UNDECIDED
from store.tables.columns import plain

_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)  # due before everything else
_FREE = {"owner": None, "leased_until": None}

# The hot path's statements are built once: building one costs several times what running it does.
_KEEP_RAW = RAWS.insert()
_WITH_RAW = select(ARRIVALS, RAWS.c.content).join(RAWS, (RAWS.c.district == ARRIVALS.c.district) & (RAWS.c.arrival_id == ARRIVALS.c.id))
_LOAD = _WITH_RAW.where(ARRIVALS.c.id.in_(bindparam("ids", expanding=True)))
_RAW = (
    select(RAWS.c.content)
    .join(ARRIVALS, (RAWS.c.district == ARRIVALS.c.district) & (RAWS.c.arrival_id == ARRIVALS.c.id))
    .where(ARRIVALS.c.id == bindparam("arrival"))
)
_PAPER = and_(ARRIVALS.c.door == "folder", ARRIVALS.c.channel.in_([Channel.FAX.value, Channel.LETTER.value]))
_DUE = (
    select(ARRIVALS.c.id)
    .where(ARRIVAL_UNDECIDED, ARRIVALS.c.due_at <= bindparam("now"))
    .where(or_(ARRIVALS.c.leased_until.is_(None), ARRIVALS.c.leased_until <= bindparam("now")))
    .order_by(ARRIVALS.c.due_at, ARRIVALS.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DUE_BUT_PAPERS = _DUE.where(not_(_PAPER))
_LEASE_OUT = (
    update(ARRIVALS)
    .where(ARRIVALS.c.id.in_(bindparam("ids", expanding=True)))
    .values(owner=bindparam("new_owner"), leased_until=bindparam("until"))
)
_FINISH = (
    update(ARRIVALS)
    .where(ARRIVALS.c.id == bindparam("arrival"), ARRIVALS.c.state != ArrivalState.DONE.value)
    .values({**_FREE, "state": ArrivalState.DONE, "problem": ""})
)


class Arrivals:
    """The arrivals of all districts in one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Accepted]:
        """Keep *arrivals* and return a receipt for each, in their order: only then may a door say 250.

        All or none. What a district already has, by content or by the door's own key, is noted as one more delivery and not kept twice.
        Raises StoreUnavailableError; the door then answers 451.
        """
        return await self._db.write(lambda connection: [accept_one(connection, arrival) for arrival in arrivals])

    async def claim(self, *, owner: str, now: datetime, limit: int, lease: timedelta, with_papers: bool = True) -> list[StoredArrival]:
        """Return up to *limit* undecided arrivals that are due, oldest first, for *owner* to work on until *now* + *lease*.

        Nobody else gets them meanwhile; afterwards they are free again, and sooner where *owner* dies (`store.leases`).
        Without *with_papers* faxes and letters out of folders are passed over: reading their pages takes long.
        """
        due = _DUE if with_papers else _DUE_BUT_PAPERS
        ids = await self._db.write(lambda connection: _claim(connection, due, owner, {"now": now, "limit": limit}, now + lease))
        return await self._db.read(lambda connection: _load(connection, ids)) if ids else []

    async def release(self, *, owner: str, in_hand: Collection[int]) -> int:
        """Free what *owner* claimed but for the arrivals *in_hand*, and return how many that were.

        For a claim that failed: it may have been committed and its answer lost with the connection, and then nobody works on it.
        """
        unknown = update(ARRIVALS).where(ARRIVALS.c.owner == owner, ARRIVALS.c.id.not_in(in_hand)).values(_FREE)
        return await self._db.write(lambda connection: connection.execute(unknown).rowcount)

    async def postpone(self, arrival_id: int, *, problem: str, now: datetime, next_try_at: datetime, counts: bool = True) -> None:
        """Free an arrival that could not be decided now, to be claimed again from *next_try_at*. A decided one is left alone.

        *counts* is False where the trouble was ours alone: it is then no failed try of this arrival.
        """
        values = {**_FREE, "tries": ARRIVALS.c.tries + int(counts), "problem": problem, "due_at": next_try_at}
        await self._db.write(lambda connection: _change_undecided(connection, arrival_id, values, "arrival.postponed", now))

    async def quarantine(self, arrival_id: int, problem: str, now: datetime) -> None:
        """Take an arrival out of the queue until a person asks for another try. A decided one is left alone."""
        values = {**_FREE, "state": ArrivalState.QUARANTINED, "problem": problem}
        await self._db.write(lambda connection: _change_undecided(connection, arrival_id, values, "arrival.quarantined", now))

    async def retry(self, arrival_id: int, now: datetime) -> None:
        """Queue a quarantined or put-off arrival again, at once and as if never tried. Raises UsageError where it is decided or unknown."""
        await self._db.write(lambda connection: _retry(connection, arrival_id, now))

    async def get(self, arrival_id: int) -> StoredArrival:
        """Return one arrival with its bytes. Raises UsageError where there is none."""
        return await self._db.read(lambda connection: load_one(connection, arrival_id))

    async def raw(self, arrival_id: int) -> bytes:
        """Return the bytes of one arrival as they came. Raises UsageError where there is none."""
        content = await self._db.read(lambda connection: connection.scalar(_RAW, {"arrival": arrival_id}))
        if content is None:
            raise _unknown(arrival_id)
        return bytes(content)

    async def quarantined(self, *, limit: int = 500) -> list[StoredArrival]:
        """Return what waits in quarantine, newest first, without the bytes (`raw` is empty)."""
        return await self._db.read(lambda connection: _quarantined(connection, limit))

    async def blob(self, sha256: str) -> bytes:
        """Return the attachment whose hash is *sha256*. Raises UsageError where it was not kept."""
        content = await self._db.read(
            lambda connection: connection.scalar(select(BLOBS.c.content).where(BLOBS.c.sha256 == sha256).limit(1))
        )
        if content is None:
            raise UsageError(f"没有保存摘要为 {sha256} 的附件")
        return bytes(content)

    async def undecided_count(self) -> int:
        """Return how many arrivals are accepted and not yet decided, those put off included."""
        count = select(func.count()).select_from(ARRIVALS).where(ARRIVAL_UNDECIDED)
        return await self._db.read(lambda connection: int(connection.scalar(count) or 0))


def accept_one(connection: Connection, arrival: Arrival) -> Accepted:
    """Keep one arrival, or note one more delivery of what its district already has (a unit of `Database.write`)."""
    arrival_id = connection.execute(dialects.insert_new(connection, ARRIVALS, returning_id=True), _row(arrival)).scalar()
    if arrival_id is None:
        return _note_redelivery(connection, arrival)
    connection.execute(_KEEP_RAW, {"district": arrival.district, "arrival_id": arrival_id, "content": arrival.raw})
    return Accepted(arrival_id=arrival_id, is_new=True)


def finish(connection: Connection, arrival_id: int) -> bool:
    """Mark the arrival as decided; False where it already was, and then nothing may be written for it (a unit of `Database.write`).

    Raises UsageError where there is no such arrival.
    """
    if connection.execute(_FINISH, {"arrival": arrival_id}).rowcount:
        return True
    _require(connection, arrival_id)
    return False


def load_one(connection: Connection, arrival_id: int) -> StoredArrival:
    """Return one arrival with its bytes (a unit of `Database.read`). Raises UsageError where there is none."""
    found = _load(connection, [arrival_id])
    if not found:
        raise _unknown(arrival_id)
    return found[0]


def _row(arrival: Arrival) -> dict[str, Any]:
    return {
        "district": arrival.district,
        "channel": arrival.channel,
        "door": arrival.door,
        "peer": arrival.peer,
        "source_key": arrival.source_key,
        "content_key": arrival.content_key,
        "message_id": arrival.message_id,
        "envelope_from": arrival.envelope_from,
        "envelope_to": json.dumps([plain(address) for address in arrival.envelope_to]),
        "received_at": arrival.received_at,
        "state": ArrivalState.ACCEPTED,
        "tries": 0,
        "problem": "",
        # A clerk may date a letter into the future; it must not lie undecided until then.
        "due_at": min(arrival.received_at, datetime.now(UTC)),
        **_FREE,
    }


def _note_redelivery(connection: Connection, arrival: Arrival) -> Accepted:
    """Return the arrival that holds one of the unique keys; the content says more than the door's key, so it is asked first."""
    here = ARRIVALS.c.district == arrival.district
    by_content = select(ARRIVALS.c.id).where(here, ARRIVALS.c.content_key == arrival.content_key)
    by_source = select(ARRIVALS.c.id).where(here, ARRIVALS.c.door == arrival.door, ARRIVALS.c.source_key == arrival.source_key)
    arrival_id = connection.scalar(by_content) or connection.execute(by_source).scalar_one()
    delivery = {
        "district": arrival.district,
        "arrival_id": arrival_id,
        "door": arrival.door,
        "peer": arrival.peer,
        "source_key": arrival.source_key,
        "at": arrival.received_at,
    }
    connection.execute(DELIVERIES.insert(), delivery)
    return Accepted(arrival_id=arrival_id, is_new=False)


def _claim(connection: Connection, due: Select[Any], owner: str, which: Mapping[str, Any], until: datetime) -> list[int]:
    ids = list(connection.scalars(due, which))
    if ids:
        connection.execute(_LEASE_OUT, {"ids": ids, "new_owner": owner, "until": until})
    return ids


def _load(connection: Connection, ids: Sequence[int]) -> list[StoredArrival]:
    """Return the arrivals with these ids, in this order, with their bytes."""
    found = {row["id"]: _stored(row, row["content"]) for row in connection.execute(_LOAD, {"ids": ids}).mappings()}
    return [found[arrival_id] for arrival_id in ids if arrival_id in found]


def _quarantined(connection: Connection, limit: int) -> list[StoredArrival]:
    query = select(ARRIVALS).where(ARRIVAL_QUARANTINED).order_by(ARRIVALS.c.id.desc()).limit(limit)
    return [_stored(row, b"") for row in connection.execute(query).mappings()]


def _stored(row: RowMapping, raw: bytes) -> StoredArrival:
    return StoredArrival(
        id=row["id"],
        district=row["district"],
        channel=Channel(row["channel"]),
        door=row["door"],
        message_id=row["message_id"],
        envelope_from=row["envelope_from"],
        envelope_to=tuple(json.loads(row["envelope_to"])),
        received_at=row["received_at"],
        state=ArrivalState(row["state"]),
        tries=row["tries"],
        problem=row["problem"],
        raw=bytes(raw),
        source_key=row["source_key"],
        peer=row["peer"],
    )


def _change_undecided(connection: Connection, arrival_id: int, values: dict[str, Any], kind: str, now: datetime) -> None:
    """Change an arrival that still waits: a slow worker whose lease ran out must not undo what another one decided."""
    change = update(ARRIVALS).where(ARRIVALS.c.id == arrival_id, ARRIVAL_UNDECIDED).values(values).returning(ARRIVALS.c.district)
    district = connection.scalar(change)
    if district is not None:
        tries.note(connection, district=district, about=(arrival_id, None), kind=kind, words=values["problem"], now=now)


def _retry(connection: Connection, arrival_id: int, now: datetime) -> None:
    values = {**_FREE, "state": ArrivalState.ACCEPTED, "tries": 0, "problem": "", "due_at": _AT_ONCE}
    again = update(ARRIVALS).where(ARRIVALS.c.id == arrival_id, ARRIVALS.c.state != ArrivalState.DONE.value).values(values)
    district = connection.scalar(again.returning(ARRIVALS.c.district))
    if district is not None:
        tries.note(connection, district=district, about=(arrival_id, None), kind="arrival.retried", words="", now=now)
    else:
        _require(connection, arrival_id)
        raise UsageError(f"来件 {arrival_id} 已办理完毕，不能重试；如需更正，请对相应事项进行复核")


def _require(connection: Connection, arrival_id: int) -> None:
    if connection.scalar(select(ARRIVALS.c.id).where(ARRIVALS.c.id == arrival_id)) is None:
        raise _unknown(arrival_id)


def _unknown(arrival_id: int) -> UsageError:
    return UsageError(f"没有编号为 {arrival_id} 的来件，请核对编号")

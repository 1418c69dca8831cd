"""Which messages of which mailbox are accounted for: the ledger row and the arrival stand or fall together.

The work of a mailbox is what the server has and the ledger has not. So a row may be dropped once its message has left the folder: a UID
never comes back under the same UIDVALIDITY (RFC 3501 2.3.1.1), and should a server break that, the content is known. The table stays as
small as the folders are; which message an arrival came from is kept for good in its source key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, select, update

from store import dialects, tries
from store.arrivals import accept_one
from store.database import Database
from store.model.arrival import Accepted, ArrivalState
from store.model.mailbox import Folder, LedgerState, Taken
from store.tables import ARRIVALS, LEDGER, RAWS

_MOST = 500  # UIDs named in one statement
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


class Ledger:
    """The ledger of all mailboxes in one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def keep(self, folder: Folder, taken: Sequence[Taken]) -> list[Accepted]:
        """Keep what was fetched and enter it, all or none; only then may the mailbox be touched. Receipts come in the order of *taken*.

        A message that is entered already is left as it is, but for a stub whose message could be had after all: it gets its bytes and
        is decided like any other. Raises StoreUnavailableError.
        """
        return await self._db.write(lambda connection: _keep(connection, folder, taken))

    async def note(self, folder: Folder, uids: Collection[int], state: LedgerState) -> None:
        """Enter messages that become no arrival."""
        rows = [_row(folder, uid, None, state) for uid in uids]
        if rows:
            await self._db.write(
                lambda connection: connection.execute(dialects.insert_new(connection, LEDGER), rows).close(),
            )

    async def change(self, folder: Folder, uids: Collection[int], state: LedgerState) -> None:
        """Say what is now owed to messages that are entered."""

        def unit(connection: Connection) -> None:
            for some in _some(uids):
                connection.execute(update(LEDGER).where(_here(folder), LEDGER.c.uid.in_(some)).values(state=state))

        await self._db.write(unit)

    async def forget(self, folder: Folder, uids: Collection[int]) -> None:
        """Drop the rows of messages that have left the folder."""

        def unit(connection: Connection) -> None:
            for some in _some(uids):
                connection.execute(delete(LEDGER).where(_here(folder), LEDGER.c.uid.in_(some)))

        await self._db.write(unit)

    async def forget_earlier(self, folder: Folder) -> None:
        """Drop what stands under any other UIDVALIDITY of this folder: those UIDs mean nothing any more."""
        others = _named(folder) & (LEDGER.c.uidvalidity != folder.uidvalidity)
        await self._db.write(lambda connection: connection.execute(delete(LEDGER).where(others)).close())

    async def entries(self, folder: Folder) -> Mapping[int, LedgerState]:
        """Return every UID of the folder that is accounted for, and what is owed to it. Costs as much as the folder is long."""
        query = select(LEDGER.c.uid, LEDGER.c.state).where(_here(folder))
        return await self._db.read(lambda connection: {uid: LedgerState(state) for uid, state in connection.execute(query)})

    async def validities(self, folder: Folder) -> set[int]:
        """Return under which UIDVALIDITY values the folder is known."""
        query = select(LEDGER.c.uidvalidity).distinct().where(_named(folder))
        return await self._db.read(lambda connection: set(connection.scalars(query)))


def _keep(connection: Connection, folder: Folder, taken: Sequence[Taken]) -> list[Accepted]:
    known = _known(connection, folder, [one.uid for one in taken])
    receipts = [_receive(connection, folder, one, known.get(one.uid)) for one in taken]
    fresh = [
        _row(folder, one.uid, receipt.arrival_id, one.state) for one, receipt in zip(taken, receipts, strict=True) if one.uid not in known
    ]
    if fresh:
        connection.execute(dialects.insert_new(connection, LEDGER), fresh)
    return receipts


def _known(connection: Connection, folder: Folder, uids: Collection[int]) -> dict[int, RowMapping]:
    query = select(LEDGER.c.uid, LEDGER.c.arrival_id, LEDGER.c.state)
    found = (connection.execute(query.where(_here(folder), LEDGER.c.uid.in_(some))).mappings() for some in _some(uids))
    return {row["uid"]: row for rows in found for row in rows}


def _receive(connection: Connection, folder: Folder, one: Taken, known: RowMapping | None) -> Accepted:
    """Keep one message, of which the ledger has *known*; enter it only where that is a stub to be completed."""
    if known is None:
        receipt = accept_one(connection, one.arrival)
        if one.problem and receipt.is_new:
            _change_arrival(connection, receipt.arrival_id, state=ArrivalState.QUARANTINED, problem=one.problem)
            _note(connection, one, receipt.arrival_id, "arrival.quarantined")
        return receipt
    stub_id = known["arrival_id"]
    if known["state"] != LedgerState.SET_ASIDE or one.problem or stub_id is None:
        return Accepted(arrival_id=stub_id or 0, is_new=False)
    receipt = _complete(connection, stub_id, one)
    values = {"arrival_id": receipt.arrival_id, "state": one.state}
    connection.execute(update(LEDGER).where(_here(folder), LEDGER.c.uid == one.uid).values(values))
    return receipt


def _complete(connection: Connection, stub_id: int, one: Taken) -> Accepted:
    """Put the whole message in the place of its stub. Where it came by another way too, or the stub was dealt with, the stub is closed."""
    arrival = one.arrival
    known = select(ARRIVALS.c.id).where(ARRIVALS.c.district == arrival.district, ARRIVALS.c.content_key == arrival.content_key)
    waits = select(ARRIVALS.c.id).where(ARRIVALS.c.id == stub_id, ARRIVALS.c.state == ArrivalState.QUARANTINED.value)
    if connection.scalar(known) is not None or connection.scalar(waits) is None:
        receipt = accept_one(connection, arrival)
        _change_arrival(connection, stub_id, state=ArrivalState.DONE, problem=f"全文已另行收到，见来件 A-{receipt.arrival_id}")
        return receipt
    keys = {"content_key": arrival.content_key, "message_id": arrival.message_id}
    _change_arrival(connection, stub_id, state=ArrivalState.ACCEPTED, problem="", tries=0, due_at=_AT_ONCE, **keys)
    _note(connection, one, stub_id, "arrival.retried")
    raw = (RAWS.c.district == arrival.district) & (RAWS.c.arrival_id == stub_id)
    connection.execute(update(RAWS).where(raw).values(content=arrival.raw))
    return Accepted(arrival_id=stub_id, is_new=True)


def _note(connection: Connection, one: Taken, arrival_id: int, kind: str) -> None:
    """Keep for `zuozhen mail log` what was done with a message."""
    district = one.arrival.district
    tries.note(connection, district=district, about=(arrival_id, None), kind=kind, words=one.problem, now=datetime.now(UTC))


def _change_arrival(connection: Connection, arrival_id: int, **values: object) -> None:
    connection.execute(update(ARRIVALS).where(ARRIVALS.c.id == arrival_id).values(values))


def _row(folder: Folder, uid: int, arrival_id: int | None, state: LedgerState) -> dict[str, Any]:
    return {
        "district": folder.district,
        "mailbox": folder.mailbox,
        "folder": folder.name,
        "uidvalidity": folder.uidvalidity,
        "uid": uid,
        "arrival_id": arrival_id,
        "state": state,
    }


def _named(folder: Folder) -> ColumnElement[bool]:
    return and_(LEDGER.c.district == folder.district, LEDGER.c.mailbox == folder.mailbox, LEDGER.c.folder == folder.name)


def _here(folder: Folder) -> ColumnElement[bool]:
    return and_(_named(folder), LEDGER.c.uidvalidity == folder.uidvalidity)


def _some(uids: Collection[int]) -> list[list[int]]:
    listed = sorted(uids)
    return [listed[start : start + _MOST] for start in range(0, len(listed), _MOST)]

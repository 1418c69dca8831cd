"""What our own checks of senders found, once for each arrival: whoever reads it again sees what was seen then."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from store import dialects
from store.codec import from_json, to_json
from store.database import Database
from store.model.sender_check import SenderCheck
from store.tables import SENDER_CHECKS


class SenderChecks:
    """The checks of all districts."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def of(self, arrival_id: int) -> SenderCheck | None:
        """Return what was found about an arrival, None where it was not checked."""
        return await self._db.read(lambda connection: _found(connection, arrival_id))

    async def keep(self, arrival_id: int, district: str, check: SenderCheck, *, now: datetime) -> SenderCheck:
        """Keep *check* and return what holds: the one of somebody who was faster, if any. Safe to repeat."""
        row = {"arrival_id": arrival_id, "district": district, "found": to_json(check), "checked_at": now}

        def kept(connection: Connection) -> SenderCheck:
            connection.execute(dialects.insert_new(connection, SENDER_CHECKS), row)
            return _found(connection, arrival_id) or check

        return await self._db.write(kept)


def _found(connection: Connection, arrival_id: int) -> SenderCheck | None:
    found = connection.scalar(select(SENDER_CHECKS.c.found).where(SENDER_CHECKS.c.arrival_id == arrival_id))
    return None if found is None else from_json(SenderCheck, found)

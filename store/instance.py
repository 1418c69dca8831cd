"""What a database remembers about itself beyond its cases, by name: the key of its Message-IDs, how far a drill has come."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, select, update

from store import dialects
from store.database import Database
from store.tables import INSTANCE

_EVERYWHERE = ""  # the district of what concerns them all
_MESSAGE_KEY = "message-id-key"
_KEY_BYTES = 32


class Instance:
    """The named values of one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def message_key(self, first: bytes | None = None) -> bytes:
        """Return the key of the Message-IDs: drawn once (*first*, where it is given), then the same for the life of the database."""
        kept = await self.get(_MESSAGE_KEY)
        if kept is None:
            drawn = (first or secrets.token_bytes(_KEY_BYTES)).hex()
            kept = await self._db.write(lambda connection: _keep(connection, _MESSAGE_KEY, drawn))
        return bytes.fromhex(kept)

    async def get(self, name: str) -> str | None:
        """Return what is kept under *name*, None where nothing is."""
        return await self._db.read(lambda connection: _get(connection, name))

    async def put(self, name: str, value: str) -> None:
        """Keep *value* under *name*, in place of what was kept."""
        await self._db.write(lambda connection: _put(connection, name, value))


def _get(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(INSTANCE.c.value).where(INSTANCE.c.district == _EVERYWHERE, INSTANCE.c.name == name))


def _keep(connection: Connection, name: str, value: str) -> str:
    """Keep *value* unless another service was faster; return what is kept."""
    connection.execute(dialects.insert_new(connection, INSTANCE), {"district": _EVERYWHERE, "name": name, "value": value})
    return _get(connection, name) or value


def _put(connection: Connection, name: str, value: str) -> None:
    this = (INSTANCE.c.district == _EVERYWHERE, INSTANCE.c.name == name)
    if not connection.execute(update(INSTANCE).where(*this).values(value=value)).rowcount:
        connection.execute(dialects.insert_new(connection, INSTANCE), {"district": _EVERYWHERE, "name": name, "value": value})

"""Addresses that mail of ours did not reach: dead where the mailbox is said not to exist, temporary where only that one mail was not taken.

It is a stranger's claim, tied to a mail of ours by its Message-ID (`store.bounces`): it marks and warns, and stops no mail. What lives writes:
the first letter of a person from there clears it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from store import dialects
from store.database import Database
from store.model.letter import Bounce
from store.tables import ADDRESS_TROUBLES

_KNOWN = ADDRESS_TROUBLES.c
# RFC 3463: a full mailbox, a server in trouble or out of reach (but for a domain that is not there, 5.4.4), the mail's content, our standing.
_MAY_BE_THERE = re.compile(r"5\.(?:2\.[23]|3\.\d{1,3}|4\.[1-35-9]|6\.\d{1,3}|7\.\d{1,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is known of one address; `words` are the last report's, as the case shows them."""

    district: str
    address: str
    is_dead: bool
    since: datetime
    last_at: datetime
    words: str


class Addresses:
    """The addresses of all districts in one database that mail did not reach."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def heard_from(self, district: str, address: str) -> bool:
        """Clear what is noted of *address*, from which a person has written; False where nothing was. Costs no write then."""
        this = (_KNOWN.district == district, _KNOWN.address == address.casefold())
        known = await self._db.read(lambda connection: connection.scalar(select(_KNOWN.address).where(*this)))
        if known is not None:
            await self._db.write(lambda connection: connection.execute(delete(ADDRESS_TROUBLES).where(*this)))
        return known is not None

    async def list(self, *, limit: int = 500) -> list[Trouble]:
        """Return what is noted, the latest first."""
        query = select(ADDRESS_TROUBLES).order_by(_KNOWN.last_at.desc(), _KNOWN.address.desc()).limit(limit)
        return await self._db.read(
            lambda connection: [Trouble(**{**row, "is_dead": bool(row["is_dead"])}) for row in connection.execute(query).mappings()]
        )


def note(connection: Connection, district: str, address: str, bounce: Bounce, words: str, now: datetime) -> None:
    """Note that mail did not reach *address* (a unit of `Database.write`); what is dead stays so whatever comes later."""
    is_dead = bounce.is_permanent and not _MAY_BE_THERE.fullmatch(bounce.status)
    this = (_KNOWN.district == district, _KNOWN.address == address.casefold())
    later = {"last_at": now, "words": words, **({"is_dead": 1} if is_dead else {})}
    if not connection.execute(update(ADDRESS_TROUBLES).where(*this).values(later)).rowcount:
        row = {"district": district, "address": address.casefold(), "is_dead": int(is_dead), "since": now, "last_at": now, "words": words}
        connection.execute(dialects.insert_new(connection, ADDRESS_TROUBLES), row)


def dead_among(connection: Connection, district: str, addresses: Collection[str]) -> dict[str, str]:
    """Return which of *addresses* (case-folded) are dead, each with the words of the report."""
    query = select(_KNOWN.address, _KNOWN.words).where(_KNOWN.district == district, _KNOWN.address.in_(addresses), _KNOWN.is_dead == 1)
    return {row.address: row.words for row in connection.execute(query)}

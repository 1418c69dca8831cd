"""Which pack is to be in force in a district, by whose order, and by which order each running service decides.

An order is never changed: whoever wants an earlier pack back orders it again. The pack itself is kept beforehand, in `store.packs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, delete, func, select

from store.database import Database
from store.errors import OvertakenError, UsageError
from store.tables import FOLLOWERS, ORDERS, PACKS


class Origin(StrEnum):
    """Where an ordered pack came from: the folder that the configuration names, or a person's hand."""

    FOLDER = "folder"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order. `seq` counts the orders of a district from 1."""

    district: str
    seq: int
    digest: str
    at: datetime
    actor: str
    reason: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """How far a running service follows: it decides by `digest`; `seq` is the last order it looked at, `problem` why it refused that."""

    district: str
    service: str
    seq: int
    digest: str
    at: datetime
    problem: str


Listed = list  # the class below has a method of that name


class Orders:
    """The orders of all districts in one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def give(  # noqa: PLR0913 - what is ordered, by whom, and in the place of what
        self, district: str, digest: str, *, actor: str, reason: str, origin: Origin, now: datetime, after: int | None = None
    ) -> Order:
        """Order the kept pack *digest* to be in force.

        Raises UsageError where no such pack is kept, OvertakenError where the newest order is not *after* (0: none; None: whichever it is),
        StoreUnavailableError.
        """
        row = {"district": district, "digest": digest, "at": now, "actor": actor, "reason": reason, "origin": origin.value}
        return await self._db.write(lambda connection: _give(connection, row, after))

    async def newest(self, district: str) -> Order | None:
        """Return the order that counts, None where none was given."""
        orders = await self.list(district, limit=1)
        return orders[0] if orders else None

    async def list(self, district: str, *, limit: int = 100) -> Listed[Order]:
        """Return the orders of the district, the newest first."""
        query = select(ORDERS).where(ORDERS.c.district == district).order_by(ORDERS.c.seq.desc()).limit(limit)
        return await self._db.read(lambda connection: [_order(row) for row in connection.execute(query).mappings()])

    async def has_been(self, district: str, digest: str) -> bool:
        """Tell whether the pack was ever ordered."""
        query = select(ORDERS.c.seq).where(ORDERS.c.district == district, ORDERS.c.digest == digest).limit(1)
        return await self._db.read(lambda connection: connection.scalar(query) is not None)

    async def districts(self) -> set[str]:
        """Return the districts that have orders."""
        query = select(ORDERS.c.district).distinct()
        return await self._db.read(lambda connection: set(connection.scalars(query)))

    async def follow(self, follower: Follower) -> None:
        """Note by which order a service decides. Raises StoreUnavailableError."""
        await self._db.write(lambda connection: _follow(connection, follower))

    async def leave(self, service: str) -> None:
        """Forget a service that ends. Raises StoreUnavailableError."""
        gone = delete(FOLLOWERS).where(FOLLOWERS.c.service == service)
        await self._db.write(lambda connection: connection.execute(gone).rowcount)

    async def followers(self, district: str) -> Listed[Follower]:
        """Return the services of the district, by name."""
        query = select(FOLLOWERS).where(FOLLOWERS.c.district == district).order_by(FOLLOWERS.c.service)
        return await self._db.read(lambda connection: [Follower(**row) for row in connection.execute(query).mappings()])


def _give(connection: Connection, row: dict[str, object], after: int | None) -> Order:
    # The rows of the kept packs are locked meanwhile, so that two orders at once come one after the other.
    here = PACKS.c.district == row["district"]
    kept = set(connection.scalars(select(PACKS.c.digest).where(here).with_for_update()))
    if row["digest"] not in kept:
        raise UsageError(f"没有保存摘要为 {row['digest']} 的规则包")
    last = connection.scalar(select(func.max(ORDERS.c.seq)).where(ORDERS.c.district == row["district"])) or 0
    if after is not None and last != after:
        raise OvertakenError(f"第 {last} 次启用在此期间已经发生")
    whole = {**row, "seq": last + 1}
    connection.execute(ORDERS.insert(), whole)
    return _order(whole)


def _follow(connection: Connection, follower: Follower) -> None:
    values = {name: getattr(follower, name) for name in ("district", "service", "seq", "digest", "at", "problem")}
    connection.execute(delete(FOLLOWERS).where(FOLLOWERS.c.district == follower.district, FOLLOWERS.c.service == follower.service))
    connection.execute(FOLLOWERS.insert(), values)


def _order(row: RowMapping | dict[str, object]) -> Order:
    return Order(**{**row, "origin": Origin(str(row["origin"]))})

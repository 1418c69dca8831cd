"""Follows the orders of packs while the service runs: every service on one database takes what was ordered last.

A pack that cannot be loaded here is refused: the old one stays; the log, the metrics and the list of followers say why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from daemon.pipeline import DistrictRoom
from daemon.rulebooks import load_ordered
from daemon.waiting import first_of
from daemon.wiring import House, open_rooms
from store.errors import ConfigError, UsageError
from store.orders import Follower, Order

log = structlog.get_logger()

_LOOK_S = 2.0  # between two looks for a new order: one indexed row a district


async def swap(house: House, fresh: Mapping[str, DistrictRoom]) -> None:
    """Put *fresh* rooms in the place of the old ones, each between two cases, never within one."""
    for id_, room in fresh.items():
        old = house.rooms[id_]
        async with old.deciding:
            old.rulebook, old.composer, old.calendar = room.rulebook, room.composer, room.calendar
            engine, old.engine = old.engine, room.engine
        await asyncio.to_thread(engine.close)
        log.info("rulebook.reloaded", district=id_, digest=room.rulebook.digest)


class Following:
    """Looks for new orders and takes them."""

    def __init__(self, house: House, service: str) -> None:
        """Follow for *house* as the service of this name."""
        self._house, self._service = house, service
        self._orders = house.stores.orders
        self._seen: dict[str, int] = {}  # district → the last order looked at

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until *stop*, then say goodbye. Raises StoreUnavailableError."""
        while not stop.is_set():
            for district in self._house.rooms:
                await self.look(district)
            await first_of(stop, timeout_s=_LOOK_S)
        await self._orders.leave(self._service)

    async def look(self, district: str) -> None:
        """Take the newest order of *district*, unless it was looked at before. Raises StoreUnavailableError."""
        order = await self._orders.newest(district)
        if order is None or order.seq == self._seen.get(district):
            return
        room = self._house.rooms[district]
        problem = "" if order.digest == room.rulebook.digest else await self._take(order)
        self._seen[district] = order.seq
        await self._orders.follow(
            Follower(
                district=district,
                service=self._service,
                seq=order.seq,
                digest=room.rulebook.digest,
                at=self._house.now(),
                problem=problem,
            )
        )

    async def _take(self, order: Order) -> str:
        """Return why the order cannot be followed, "" once it is."""
        house = self._house
        try:
            files = await load_ordered(house.stores.packs, order, house.sections[order.district], house.config.calendar.folder)
            fresh = await asyncio.to_thread(open_rooms, [files], workers=house.config.limits.rule_workers)
        except (ConfigError, UsageError) as error:
            problems = str(error).splitlines()
            log.error("rulebook.reload_refused", problems=problems)  # noqa: TRY400 - the list says it all
            house.metrics.reloaded("refused")
            return "\n".join(problems)
        await swap(house, fresh)
        house.metrics.reloaded("done")
        return ""

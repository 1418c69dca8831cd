"""Which pack a district decides by at start, and what an order says: the folder's pack, or the one that was ordered last.

`zuozhen rules apply` writes an order into the database, and every service on it follows (`daemon.following`); SIGHUP reads the folder and
orders that. Once a person has ordered a pack, a start does not silently go back to the folder's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from daemon.config import DistrictSection
from daemon.districts import DistrictFiles, load_district
from rules.rulebook import load_files
from store.errors import ConfigError, UsageError
from store.orders import Order, Orders, Origin
from store.packs import Packs

log = structlog.get_logger()


async def in_force(orders: Orders, packs: Packs, files: DistrictFiles, calendars: Path | None) -> DistrictFiles:
    """Return the files of a district with the pack that is in force, as they are where that is the folder's.

    An ordered pack that no longer loads (the language has changed) gives way to the folder's, and the log says so.
    """
    district = files.rulebook.district.id
    order = await orders.newest(district)
    if order is None or order.digest == files.rulebook.digest:
        return files
    if order.origin is Origin.FOLDER and not await orders.has_been(district, files.rulebook.digest):
        return files  # the folder holds what nobody has seen yet: whoever put it there and started the service wants it
    try:
        return await load_ordered(packs, order, files.section, calendars)
    except (ConfigError, UsageError) as error:
        log.error("rulebook.reload_refused", problems=str(error).splitlines())  # noqa: TRY400 - the list says it all
        return files


async def load_ordered(packs: Packs, order: Order, section: DistrictSection, calendars: Path | None) -> DistrictFiles:
    """Load the pack of *order* with the addresses and days of the instance. Raises ConfigError, UsageError, StoreUnavailableError."""
    kept = await packs.load(order.district, order.digest)
    book = await asyncio.to_thread(load_files, f"规则包 {order.digest[:12]}", kept.files)
    return await asyncio.to_thread(load_district, section, calendars, book)


async def order_folders(orders: Orders, districts: Sequence[DistrictFiles], *, actor: str, now: datetime) -> None:
    """Order the packs of *districts*, which are kept, unless they are in force already. Raises StoreUnavailableError."""
    for files in districts:
        book = files.rulebook
        newest = await orders.newest(book.district.id)
        if newest is None or newest.digest != book.digest:
            await orders.give(book.district.id, book.digest, actor=actor, reason="", origin=Origin.FOLDER, now=now)

"""Which pack a district decides by: the one that was ordered last, which the database keeps, or the folder's where nobody ordered any.

`zuozhen rules apply` writes an order into the database, and every service on it follows (`daemon.following`); SIGHUP reads the folder and
orders that. Once a pack was ordered, a folder that is broken, gone or half edited stops neither a command nor a start of the service:
whoever asked is told what is wrong with it, and the pack in force goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.config import DistrictSection
from daemon.districts import DistrictFiles, check_distinct, load_district, load_districts
from rules.rulebook import RuleBook, load_files, load_pack, named_district, pack_folder
from store.errors import ConfigError, Problem, UsageError
from store.orders import Order, Orders, Origin
from store.packs import Packs


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What the folder of a district holds: a pack, or the mistakes for which it does not load. `district` is "" where not even that can be read."""

    section: DistrictSection
    district: str
    rulebook: RuleBook | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What a district decides by: by whose `order`, None where the folder decides. `refused` is why the ordered pack does not load any more."""

    files: DistrictFiles
    folder: Folder
    order: Order | None = None
    refused: tuple[str, ...] = ()


async def in_force(
    orders: Orders, packs: Packs, sections: Sequence[DistrictSection], calendars: Path | None, *, starting: bool = False
) -> list[InForce]:
    """Return what each district decides by. A service that is *starting* takes what its folder holds where nobody has seen that yet.

    Raises ConfigError where neither the database nor the folder has a pack that loads, and StoreUnavailableError.
    """
    folders = _identified(await asyncio.to_thread(lambda: [_read(section) for section in sections]), await orders.districts())
    found: list[InForce] = []
    problems: list[Problem] = []
    for folder in folders:
        try:
            order = await _order(orders, folder, starting=starting)
            found.append(await _load(packs, folder, order, calendars))
        except ConfigError as error:
            problems.extend(error.problems)
    problems.extend(check_distinct([one.files for one in found]))
    if problems:
        raise ConfigError(problems)
    return found


def folders_alone(sections: Sequence[DistrictSection], calendars: Path | None) -> list[InForce]:
    """Return what each district decides by where nobody can or need ask the database. Raises ConfigError."""
    loaded = load_districts(sections, calendars)
    return [
        InForce(files=files, folder=Folder(section=files.section, district=files.rulebook.district.id, rulebook=files.rulebook))
        for files in loaded
    ]


def _read(section: DistrictSection) -> Folder:
    try:
        book = load_pack(pack_folder(section.pack))
    except ConfigError as error:
        named = named_district(Path(section.pack)) if "/" in section.pack else ""
        return Folder(section=section, district=named, rulebook=None, problems=error.problems)
    return Folder(section=section, district=book.district.id, rulebook=book)


def _identified(folders: Sequence[Folder], ordered: set[str]) -> list[Folder]:
    """Give a folder that does not say its district the one that has orders and no other folder, where it is clear which is meant."""
    left = ordered - {folder.district for folder in folders}
    if sum(not folder.district for folder in folders) != 1 or len(left) != 1:
        return list(folders)
    (district,) = left
    return [
        folder if folder.district else Folder(section=folder.section, district=district, rulebook=None, problems=folder.problems)
        for folder in folders
    ]


async def _order(orders: Orders, folder: Folder, *, starting: bool) -> Order | None:
    """Return the order by which the district of *folder* decides, None where its folder does."""
    order = await orders.newest(folder.district) if folder.district else None
    if order is None or folder.rulebook is None:
        return order
    if starting and order.origin is Origin.FOLDER and not await orders.has_been(folder.district, folder.rulebook.digest):
        return None  # whoever put that there and started the service wants it
    return order


async def _load(packs: Packs, folder: Folder, order: Order | None, calendars: Path | None) -> InForce:
    refused: tuple[str, ...] = ()
    book = folder.rulebook
    if order is not None and (book is None or order.digest != book.digest):
        try:
            book = await _kept(packs, order)
        except (ConfigError, UsageError) as error:  # the language has changed since, or somebody has changed the database
            if book is None:
                raise ConfigError([*folder.problems, _nothing_left(order)]) from error
            order, refused = None, tuple(str(error).splitlines())
    files = await asyncio.to_thread(load_district, folder.section, calendars, book)
    return InForce(files=files, folder=folder, order=order, refused=refused)


def _nothing_left(order: Order) -> Problem:
    return Problem(
        place=f"规则包 {order.digest[:12]}",
        key="",
        message="数据库里启用着的这一版，现在的程序也读不懂",
        remedy="改好配置里的规则包目录",
    )


async def _kept(packs: Packs, order: Order) -> RuleBook:
    kept = await packs.load(order.district, order.digest)
    return await asyncio.to_thread(load_files, f"规则包 {order.digest[:12]}", kept.files)


async def load_ordered(packs: Packs, order: Order, section: DistrictSection, calendars: Path | None) -> DistrictFiles:
    """Load the pack of *order* with the addresses and days of the instance. Raises ConfigError, UsageError, StoreUnavailableError."""
    return await asyncio.to_thread(load_district, section, calendars, await _kept(packs, order))


async def order_folders(orders: Orders, districts: Sequence[DistrictFiles], *, actor: str, now: datetime) -> None:
    """Order the packs of *districts*, which are kept, unless they are in force already. Raises StoreUnavailableError."""
    for files in districts:
        book = files.rulebook
        newest = await orders.newest(book.district.id)
        if newest is None or newest.digest != book.digest:
            await orders.give(book.district.id, book.digest, actor=actor, reason="", origin=Origin.FOLDER, now=now)

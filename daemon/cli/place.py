"""Where a command finds its configuration, and how it opens what the configuration names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from daemon.cli.output import failed
from daemon.config import Config
from daemon.config_reader import load_config
from daemon.districts import DistrictFiles
from daemon.rulebooks import InForce, folders_alone, in_force
from daemon.stores import Stores, open_database, open_stores
from daemon.wiring import message_domain
from store.errors import ConfigError, Problem, StoreUnavailableError, UsageError
from store.model.district import District

T = TypeVar("T")

_LONGEST_NAME = 50


def named(name: str) -> str:
    """Return *name* as it is kept: a person's, on one line; raises BadParameter where it is none."""
    said = " ".join(name.split())
    if not said:
        raise typer.BadParameter("不能是空的，要写明由谁决定，例如 --by 王芳")
    if len(said) > _LONGEST_NAME:
        raise typer.BadParameter(f"不能超过 {_LONGEST_NAME} 个字")
    return said


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="ZUOZHEN_CONFIG", metavar="文件", help="配置文件；不写则找当前目录和 /etc/zuozhen 下的 zuozhen.toml"
    ),
]
ByOption = Annotated[str, typer.Option("--by", metavar="姓名", help="由谁决定，记入历史", callback=named)]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取")]
DistrictOption = Annotated[str | None, typer.Option("--district", metavar="区代号", help="配置里有几个区时，哪个区的")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="最多列出多少条")]
SHORT = 12  # characters of a digest that people read
LARGEST_ID = 999_999_999  # far beyond what a district will ever number, and what a database can

_PLACES = (Path("zuozhen.toml"), Path("/etc/zuozhen/zuozhen.toml"))


def config_at(path: Path | None) -> Config:
    """Return the configuration at *path*, or at the first usual place that has one; raises ConfigError."""
    return load_config(config_path(path))


def is_configured() -> bool:
    """Tell whether one of the usual places has a configuration."""
    return any(place.exists() for place in _PLACES)


def config_path(path: Path | None) -> Path:
    """Return *path*, or the first usual place that has a configuration; raises ConfigError where none has."""
    found = path or next((place for place in _PLACES if place.exists()), None)
    if found is None:
        remedy = "用 --config 指定，或先执行 zuozhen init 目录 新建"
        raise ConfigError([Problem(place="zuozhen.toml", key="", message="当前目录和 /etc/zuozhen 下都没有配置文件", remedy=remedy)])
    return found


def chosen_district(districts: dict[str, DistrictFiles], wanted: str | None) -> str:
    """Return the district that a command is about. Raises UsageError where it must be named, or is not configured."""
    if wanted is None and len(districts) > 1:
        raise UsageError(f"配置里有几个区，用 --district 指定：{'、'.join(districts)}")
    id_ = wanted or next(iter(districts))
    if id_ not in districts:
        raise UsageError(f"配置里没有区 {id_}；有：{'、'.join(districts)}")
    return id_


def files_of(districts: Mapping[str, DistrictFiles], district: str) -> DistrictFiles:
    """Return the files of a district; raises UsageError where the configuration does not have it (a database may serve more than one)."""
    if district not in districts:
        raise UsageError(f"这件属于 {district}，而配置里没有这个区；请用那个区的配置（--config）")
    return districts[district]


def known_district(districts: Mapping[str, DistrictFiles], district: str) -> District | None:
    """Return the names and words of a district, None where the configuration does not have it."""
    return districts[district].rulebook.district if district in districts else None


def with_stores(path: Path | None, work: Callable[[Stores, dict[str, DistrictFiles]], Awaitable[T]]) -> T:
    """Open the database of the configuration and let *work* use it; it also gets what the districts decide by, by their ids.

    A folder of a pack that does not load is told on standard error and stops nothing while the database has the pack in force.
    """
    return asyncio.run(_work(config_at(path), work))


async def _work(config: Config, work: Callable[[Stores, dict[str, DistrictFiles]], Awaitable[T]]) -> T:
    async with open_stores(config, domain=message_domain(config)) as stores:
        live = await in_force(stores.orders, stores.packs, config.district, config.calendar.folder)
        return await work(stores, _told(live))


def _told(live: Sequence[InForce]) -> dict[str, DistrictFiles]:
    """Tell what is to be told of the packs in force, and return what the districts decide by, by their ids."""
    for line in (line for one in live for line in warnings(one)):
        failed(line)
    return {one.files.rulebook.district.id: one.files for one in live}


async def districts_in_force(config: Config) -> dict[str, DistrictFiles]:
    """Return what the districts decide by, for a command that wants nothing else of the database, which is neither made nor upgraded.

    Where the database is away, or is not yet as this program needs it, the folders decide. Raises ConfigError.
    """
    return _told(await packs_in_force(config))


async def packs_in_force(config: Config) -> list[InForce]:
    """Return what `districts_in_force` does with all that is known of it; a folder that does not load is told to nobody."""
    database = open_database(config.store)
    try:
        is_there, needed = await database.revision()
        if is_there == needed:
            async with open_stores(config, domain=message_domain(config)) as stores:
                return await in_force(stores.orders, stores.packs, config.district, config.calendar.folder)
    except StoreUnavailableError as error:
        failed(f"提醒：{error}；看不到启用着的是哪一版规则包，这次用配置里的目录")
    finally:
        await database.close()
    return await asyncio.to_thread(folders_alone, config.district, config.calendar.folder)


def warnings(one: InForce) -> Iterator[str]:
    """Yield what is to be told of a pack in force that is not the one in the folder, because one of the two does not load."""
    folder, digest = one.folder, one.files.rulebook.digest[:SHORT]
    if one.refused:
        yield f"提醒：启用着的规则包，现在的程序读不懂，改用目录 {folder.section.pack} 里的（{digest}）："
        yield from one.refused
        yield "下一步：zuozhen rules apply 目录，重新启用一版"
    elif folder.rulebook is None:
        yield f"提醒：规则包目录 {folder.section.pack} 读不进来，这次用启用着的那一版（{digest}），目录里的没有用："
        yield from (str(problem) for problem in folder.problems)
        yield f"下一步：改好后用 zuozhen rules lint {folder.section.pack} 检查，用 zuozhen rules apply 启用"

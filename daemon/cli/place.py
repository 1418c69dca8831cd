"""Where a command finds its configuration, and how it opens what the configuration names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from daemon.config import Config
from daemon.config_reader import load_config
from daemon.districts import DistrictFiles, load_districts
from daemon.rulebooks import in_force
from daemon.wiring import Stores, message_domain, open_stores
from store.errors import ConfigError, Problem, UsageError
from store.model import District

T = TypeVar("T")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="ZUOZHEN_CONFIG", metavar="文件", help="配置文件；不写则找当前目录和 /etc/zuozhen 下的 zuozhen.toml"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="最多列出多少条")]
LARGEST_ID = 999_999_999  # far beyond what a district will ever number, and what a database can

_PLACES = (Path("zuozhen.toml"), Path("/etc/zuozhen/zuozhen.toml"))


def config_at(path: Path | None) -> Config:
    """Return the configuration at *path*, or at the first usual place that has one; raises ConfigError."""
    return load_config(config_path(path))


def config_path(path: Path | None) -> Path:
    """Return *path*, or the first usual place that has a configuration; raises ConfigError where none has."""
    found = path or next((place for place in _PLACES if place.exists()), None)
    if found is None:
        remedy = "用 --config 指定，或先执行 zuozhen init 目录 新建"
        raise ConfigError([Problem(place="zuozhen.toml", key="", message="当前目录和 /etc/zuozhen 下都没有配置文件", remedy=remedy)])
    return found


def files_of(districts: Mapping[str, DistrictFiles], district: str) -> DistrictFiles:
    """Return the files of a district; raises UsageError where the configuration does not have it (a database may serve more than one)."""
    if district not in districts:
        raise UsageError(f"这件属于 {district}，而配置里没有这个区；请用那个区的配置（--config）")
    return districts[district]


def known_district(districts: Mapping[str, DistrictFiles], district: str) -> District | None:
    """Return the names and words of a district, None where the configuration does not have it."""
    return districts[district].rulebook.district if district in districts else None


def with_stores(path: Path | None, work: Callable[[Stores, dict[str, DistrictFiles]], Awaitable[T]]) -> T:
    """Open the database of the configuration and let *work* use it; it also gets the files of the districts by id, with the packs in force."""
    config = config_at(path)
    districts = load_districts(config.district, config.calendar.folder)

    async def run() -> T:
        async with open_stores(config, domain=message_domain(districts[0].addresses)) as stores:
            live = [await in_force(stores.orders, stores.packs, files, config.calendar.folder) for files in districts]
            return await work(stores, {files.rulebook.district.id: files for files in live})

    return asyncio.run(run())

"""What the commands under `zuozhen rules` that look at the past share: their options, the past they mean, and their line of progress."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from daemon.cli.place import config_at, with_stores
from daemon.districts import DistrictFiles
from daemon.past import Span
from daemon.stores import Stores
from rules.rulebook import RuleBook
from store.errors import UsageError
from store.history import Period

HistoryOption = Annotated[bool, typer.Option("--history", help="看数据库里登记过的来件；只读，不改数据库")]
SinceOption = Annotated[datetime | None, typer.Option("--since", metavar="日期", help="与 --history 合用：只看这天以后收到的")]


def past_of(book: RuleBook, config: Path | None, since: datetime | None) -> Span:
    """Return the past of the district of *book* in the database of the configuration, which is brought up to date."""

    async def nothing(_stores: Stores, _districts: dict[str, DistrictFiles]) -> None:
        """Want nothing but the opening."""

    with_stores(config, nothing)
    zone = ZoneInfo(book.district.timezone)
    return Span(store=config_at(config).store, period=Period(district=book.district.id, since=midnight(since, zone)))


def needs_history(since: datetime | None, *, history: bool) -> None:
    """Raise UsageError where a day is given and no history asked for."""
    if since is not None and not history:
        raise UsageError("--since 要与 --history 合用")


def midnight(day: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return the moment at which *day* begins there."""
    return day.replace(tzinfo=zone) if day else None


def progress(finished: int, total: int) -> None:
    """Show how far a long work has come, on a terminal only."""
    if sys.stderr.isatty():
        print(f"已处理 {finished}/{total}", end="\n" if finished == total else "\r", file=sys.stderr, flush=True)

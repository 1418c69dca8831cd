"""What the doctor says of the database and the calendar, on either kind of database, and that looking changes nothing."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from daemon.config import StoreSection
from daemon.doctor.finding import Level
from daemon.doctor.machine import examine_calendar, examine_database, examine_secrets
from rules.calendar import Calendar
from tests.integration.store_values import NOW, arrival, opened
from tests.servers.ground import free_ports


async def test_database_that_is_well(database_url: str) -> None:
    """It can be read, has today's tables, and somebody should look at what waits in quarantine."""
    async with opened(database_url) as store:
        await store.accept(arrival())
        await store.arrivals.quarantine(1, "读不出来", now=NOW)
        found = {one.about: one for one in await examine_database(StoreSection(url=database_url))}

    assert "能读" in found["数据库"].message
    assert found["数据库"].level is Level.OK
    assert found["隔离区"].message == "有 1 件等人看"


async def test_database_of_another_version(database_url: str) -> None:
    """A database of an older or newer program is told as such, not read with the wrong tables."""
    async with opened(database_url) as store:
        await store.db.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")).close())
        first, *_ = await examine_database(StoreSection(url=database_url))

    assert (first.level, first.remedy) == (Level.HINT, "把程序升级到同一版本")


async def test_database_that_is_not_there(tmp_path: Path) -> None:
    """A file that the first start will make is no trouble and is not made; a server that is away is trouble."""
    first, *_ = await examine_database(StoreSection(url=f"sqlite:///{tmp_path}/zuozhen.db"))
    assert first.message == "还没有建立"
    assert not await asyncio.to_thread((tmp_path / "zuozhen.db").exists)

    (nobody,) = free_ports(1)
    (away,) = await examine_database(StoreSection(url=f"postgresql://zuozhen@127.0.0.1:{nobody}/zuozhen"))
    assert away.level is Level.TROUBLE


async def test_folder_of_the_database_that_is_not_there(tmp_path: Path) -> None:
    """A folder that is missing is named."""
    found = await examine_database(StoreSection(url=f"sqlite:///{tmp_path}/missing/zuozhen.db"))

    assert [one.level for one in found if one.about == "磁盘"] == [Level.TROUBLE]


@pytest.mark.parametrize(
    ("today", "level"), [(date(2026, 6, 1), Level.OK), (date(2026, 11, 27), Level.HINT), (date(2026, 12, 20), Level.TROUBLE)]
)
def test_calendar_that_ends_soon(today: date, level: Level) -> None:
    """Trouble in the last month: from then on promises of seven working days cannot be dated."""
    assert examine_calendar(Calendar(years=[2025, 2026], special={}), today).level is level


def test_password_that_others_may_read(tmp_path: Path) -> None:
    """A password file that is not its owner's alone draws a hint with the command that mends it; what is not there is told elsewhere."""
    files = [tmp_path / "口 令", tmp_path / "key", tmp_path / "missing"]
    for file, mode in zip(files, (0o644, 0o600), strict=False):
        file.write_text("geheim", encoding="utf-8")
        file.chmod(mode)
    (found,) = examine_secrets(files)
    assert found.level is Level.HINT
    assert found.message == f"{files[0]} 别的用户也读得到（权限 644）"
    assert found.remedy == f"chmod 600 '{files[0]}'"

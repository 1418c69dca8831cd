"""What the doctor says of the database and the calendar, on either kind of database, and that looking changes nothing."""

from __future__ import annotations

import asyncio
import shutil
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from daemon.cli.place import packs_in_force
from daemon.config import Config, DistrictSection, RelaySection, StoreSection
from daemon.doctor.finding import Finding, Level
from daemon.doctor.machine import examine_calendar, examine_database, examine_secrets
from daemon.doctor.packs import examine_pack
from rules.calendar import Calendar
from rules.rulebook import load_pack
from store.orders import Orders, Origin
from store.packs import Packs
from tests.integration.store_values import NOW, arrival, opened
from tests.servers.ground import free_ports

ROOT = Path(__file__).parents[2]


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


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return the folder of a pack that loads."""
    return Path(shutil.copytree(ROOT / "tests" / "packs" / "small", tmp_path / "pack"))


async def looked_at(pack: Path, url: str) -> Finding:
    """Return what is said of the only district of an instance."""
    section = DistrictSection(pack=str(pack), mailboxes=("zuozhen@example.org",), addresses=pack.parent / "addresses.toml")
    section.addresses.write_text('[sender]\nname = "坐诊"\naddress = "zuozhen@example.org"\n', encoding="utf-8")
    config = Config(store=StoreSection(url=url), relay=RelaySection(folder=pack.parent / "outgoing"), district=(section,))
    (one,) = await packs_in_force(config)
    return examine_pack(one)


async def test_pack_that_nobody_ordered(pack: Path, tmp_path: Path) -> None:
    """Before the first start the folder decides."""
    found = await looked_at(pack, f"sqlite:///{tmp_path}/zuozhen.db")

    assert (found.about, found.level) == ("规则包 small", Level.OK)
    assert "还没有启用过别的" in found.message


async def test_pack_folder_beside_the_pack_in_force(pack: Path, database_url: str) -> None:
    """The folder that was put in force is fine; one that was changed since is worth knowing, one that does not load is trouble."""
    book = load_pack(pack)
    async with opened(database_url) as store:
        await Packs(store.db).keep("small", book.digest, book.files, now=NOW)
        await Orders(store.db).give("small", book.digest, actor="王芳", reason="", origin=Origin.PERSON, now=NOW)
        same = await looked_at(pack, database_url)
        (pack / "wording" / "acknowledge.txt").write_text("收到，编号 {{ number }}。\n", encoding="utf-8")
        differs, other = await looked_at(pack, database_url), load_pack(pack).digest[:12]
        (pack / "rules" / "99.yaml").write_text("- rule: 半条\n", encoding="utf-8")
        broken = await looked_at(pack, database_url)

    assert (same.level, same.message) == (Level.OK, f"目录 {pack} 里的就是启用着的那一版（{book.digest[:12]}）")
    assert differs.level is Level.HINT
    assert differs.message == f"目录 {pack} 里的是 {other}，启用着的是 {book.digest[:12]}；服务照启用着的办"
    assert broken.level is Level.TROUBLE
    assert "读不进来（" in broken.message
    assert broken.remedy.startswith(f"zuozhen rules lint {pack} 看错在哪里")


async def test_kept_pack_that_the_program_does_not_understand(pack: Path, database_url: str) -> None:
    """The folder decides then, and the way to mend it is to put a pack in force."""
    async with opened(database_url) as store:
        await Packs(store.db).keep("small", "b" * 64, {"pack.yaml": b"[]"}, now=NOW)
        await Orders(store.db).give("small", "b" * 64, actor="王芳", reason="", origin=Origin.PERSON, now=NOW)
        found = await looked_at(pack, database_url)

    assert found.level is Level.TROUBLE
    assert "现在的程序读不懂" in found.message
    assert f"zuozhen rules apply {pack} --by" in found.remedy

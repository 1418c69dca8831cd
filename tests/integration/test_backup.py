"""Backups: of either kind of database into either, while it is written to; refused, damaged and old ones; nothing overwritten."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from store import backup, copying
from store.backup import Manifest
from store.database import Database
from store.errors import UsageError
from store.model.case import CaseState
from store.tables import LEASES
from tests.integration.store_values import NOW, Store, arrival, notice, opened, url_of
from tests.servers.postgres import Postgres

NASTY = "表\0情\ud800😀"


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store with some of everything on either kind of database."""
    async with opened(database_url) as store:
        await fill(store)
        yield store


async def fill(store: Store) -> None:
    """Keep cases with histories and notices, one mail that waits, one in quarantine, and texts that a database may not like."""
    for name in ("1", "2", "3"):
        case = await store.open_case(name, notices=[notice(f"{name}@gov.example")])
        await store.cases.change(
            case.id, kind="case.reassigned", actor="王芳", reason=NASTY, now=NOW, compose=lambda _: (), department="scj"
        )
    await store.outbox.sent(1, NOW)
    await store.accept(arrival("waiting", raw=b"\0\xff" * 70_000))
    broken = await store.accept(arrival("broken"))
    await store.arrivals.quarantine(broken.id, "读不出来", now=NOW)


async def made(store: Store, target: Path) -> Manifest:
    """Back *store* up."""
    return await backup.back_up(store.db, target, now=NOW, product="0.1", progress=quiet)


@contextmanager
def place(kind: str, postgres: Postgres, folder: Path) -> Iterator[str]:
    """Yield the address of a place where nothing is yet."""
    if kind == "sqlite":
        yield url_of(folder / "restored.db")
        return
    with postgres.fresh(empty=True) as url:
        yield url


def names(folder: Path) -> list[str]:
    """Return what lies in *folder*."""
    return sorted(path.name for path in folder.iterdir())


def everything(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows."""
    return {
        table.name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key.columns))]
        for table in copying.tables()
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_comes_back_row_for_row(store: Store, kind: str, postgres: Postgres, tmp_path: Path) -> None:
    """Whatever kind it came from and goes to: every row of every table is the same, and work goes on with new numbers."""
    before = await store.db.read(everything)
    manifest = await made(store, tmp_path / "b.zip")

    with place(kind, postgres, tmp_path) as url:
        restored = Database(url)
        assert await backup.restore(tmp_path / "b.zip", restored, progress=quiet) == manifest
        await restored.close()
        async with opened(url) as again:
            assert await again.db.read(everything) == before
            assert all([await again.cases.verify(case.id) == [] for case in await again.cases.list()])
            case = await again.open_case("new")
            assert (case.number, case.state) == ("CG-2024-00004", CaseState.ASSIGNED)
            assert case.id not in [row[0] for row in before["cases"]]


async def test_manifest_says_what_is_in_it(store: Store, tmp_path: Path) -> None:
    """The archive is readable by its owner only, and says when, from what and what it holds, by which it can be checked years later."""
    manifest = await made(store, tmp_path / "b.zip")

    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    assert [name for name in names(tmp_path) if "zuozhen" not in name] == ["b.zip"]
    said = json.loads(zipfile.ZipFile(tmp_path / "b.zip").read("manifest.json"))
    assert (said["made_at"], said["kind"], said["product"]) == (NOW.isoformat(), store.db.kind, "0.1")
    assert said["revision"] == (await store.db.revision())[1]
    assert manifest.contents.counts["cases"] == 3
    assert manifest.contents.queued == 2
    assert list(manifest.contents.heads) == ["chenggong"]
    assert await backup.verify(tmp_path / "b.zip", progress=quiet) == manifest


async def test_state_of_one_moment(store: Store, tmp_path: Path) -> None:
    """What is written while the copy is made is all in it or not at all: here a case that comes in between two tables is not."""
    loop = asyncio.get_running_loop()
    came: list[int] = []

    def while_copying(what: str, _done: int, _total: int) -> None:
        if what == "复制" and not came:
            came.append(1)
            asyncio.run_coroutine_threadsafe(store.open_case("meanwhile", notices=[notice("m@gov.example")]), loop).result(30)

    manifest = await backup.back_up(store.db, tmp_path / "b.zip", now=NOW, product="0.1", progress=while_copying)

    assert came
    assert (manifest.contents.counts["arrivals"], manifest.contents.counts["cases"], manifest.contents.queued) == (5, 3, 2)
    assert len(await store.cases.list()) == 4


async def test_nothing_is_overwritten(store: Store, postgres: Postgres, tmp_path: Path) -> None:
    """Neither a file by a backup nor a database by a restore, unless told to, and then the old file is kept."""
    (tmp_path / "b.zip").write_text("mine")
    with pytest.raises(UsageError, match="没有覆盖"):
        await made(store, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_text() == "mine"

    await made(store, tmp_path / "c.zip")
    async with opened(tmp_path / "old.db") as old:
        await old.open_case("old")
    target = Database(url_of(tmp_path / "old.db"))
    with pytest.raises(UsageError, match="--replace"):
        await backup.restore(tmp_path / "c.zip", target, progress=quiet)
    await backup.restore(tmp_path / "c.zip", target, progress=quiet, replace=True)
    await target.close()
    async with opened(tmp_path / "old.db") as now:
        assert len(await now.cases.list()) == 3
    (kept,) = [name for name in names(tmp_path) if name.startswith("old.db.") and name.endswith(".old")]
    async with opened(tmp_path / kept) as old:
        assert [case.number for case in await old.cases.list()] == ["CG-2024-00001"]

    with postgres.fresh() as url:
        async with opened(url) as full:
            await full.open_case("1")
        target = Database(url)
        with pytest.raises(UsageError, match="另建一个空库"):
            await backup.restore(tmp_path / "c.zip", target, progress=quiet, replace=True)
        await target.close()


async def test_restore_waits_for_no_service(store: Store, postgres: Postgres, tmp_path: Path) -> None:
    """A database that a service is alive on is not restored into; it is named."""
    await made(store, tmp_path / "b.zip")
    with postgres.fresh() as url:
        async with opened(url) as used:
            row = {"district": "", "name": "service:tower#1", "owner": "tower#1", "until": text("now() + interval '1 minute'")}
            await used.db.write(lambda connection: connection.execute(LEASES.insert().values(row)).close())
        target = Database(url)
        with pytest.raises(UsageError, match="tower#1"):
            await backup.restore(tmp_path / "b.zip", target, progress=quiet)
        await target.close()


async def test_damage_is_found_before_anything_is_in_place(store: Store, tmp_path: Path) -> None:
    """An archive with a changed byte, cut off, not one at all, or with a changed row is refused; nothing is left where it was to go."""
    await made(store, tmp_path / "good.zip")
    content = (tmp_path / "good.zip").read_bytes()
    middle = len(content) // 2
    bad = {
        "flipped": content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :],
        "cut": content[:middle],
        "none": b"not a zip",
        "changed": changed(tmp_path),
    }
    for name, damaged in bad.items():
        (tmp_path / f"{name}.zip").write_bytes(damaged)
        target = Database(url_of(tmp_path / "new" / "zuozhen.db"))
        (tmp_path / "new").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match=r"损坏|不符"):
            await backup.restore(tmp_path / f"{name}.zip", target, progress=quiet)
        await target.close()
        assert names(tmp_path / "new") == []
    with pytest.raises(UsageError, match=r"打不开备份 .*：没有这个文件或目录"):
        await backup.verify(tmp_path / "absent.zip", progress=quiet)


def changed(folder: Path) -> bytes:
    """Return the archive with one row of its database changed, and a manifest whose checksum has been made to fit."""
    with zipfile.ZipFile(folder / "good.zip") as good:
        (folder / "tampered.db").write_bytes(good.read("zuozhen.db"))
        said = json.loads(good.read("manifest.json"))
    with Database(url_of(folder / "tampered.db")).writing_alone() as connection:
        connection.execute(text("UPDATE events SET actor = 'somebody else' WHERE case_id = 1 AND seq = 1"))
    said["sha256"] = backup._digest(folder / "tampered.db")
    with zipfile.ZipFile(folder / "tampered.zip", "w") as archive:
        archive.write(folder / "tampered.db", "zuozhen.db")
        archive.writestr("manifest.json", json.dumps(said))
    return (folder / "tampered.zip").read_bytes()


async def test_broken_history_is_kept_and_told(store: Store, tmp_path: Path) -> None:
    """A history that somebody changed does not keep the rest from being backed up; it is named, and comes back as it was."""
    await store.db.write(lambda connection: connection.execute(text("UPDATE events SET actor = 'x' WHERE case_id = 2 AND seq = 1")).close())

    manifest = await made(store, tmp_path / "b.zip")

    (told,) = manifest.contents.broken
    assert told.startswith("CG-2024-00002：第 1 条")
    target = Database(url_of(tmp_path / "restored.db"))
    assert (await backup.restore(tmp_path / "b.zip", target, progress=quiet)).contents.broken == (told,)
    await target.close()


async def test_older_schema_asks_for_an_upgrade(store: Store, tmp_path: Path) -> None:
    """A database that this program has not brought up to date yet is not backed up by guessing."""
    await store.db.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '0001'")).close())
    with pytest.raises(UsageError, match="zuozhen db upgrade"):
        await made(store, tmp_path / "b.zip")


async def test_place_that_cannot_be_written(store: Store, tmp_path: Path) -> None:
    """A folder that is not there is named."""
    with pytest.raises(UsageError, match="nowhere：没有这个文件或目录"):
        await made(store, tmp_path / "nowhere" / "b.zip")


async def test_large_mails_do_not_fill_the_memory(store: Store) -> None:
    """Rows with mails are taken a few at a time, whatever their number."""
    await store.arrivals.accept([arrival(f"more{number}") for number in range(20)])
    table = next(table for table in copying.tables() if table.name == "raws")

    sizes = await store.db.read(lambda connection: [len(rows) for rows in copying._rows(connection, table)])

    assert max(sizes) <= copying._LARGE_ROWS
    assert sum(sizes) == await store.db.read(lambda connection: copying.count(connection)["arrivals"])


async def test_full_disk_under_the_backup_is_not_the_databases_fault(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk of the target is full, that is named, not the database; nothing is left there, and the database works on."""
    real = copying.copy

    def copy(source: Connection, target: Connection, progress: copying.Progress) -> None:
        pages = target.exec_driver_sql("PRAGMA page_count").scalar_one()
        target.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # SQLite then says what it says of a full disk
        real(source, target, progress)

    monkeypatch.setattr(copying, "copy", copy)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with pytest.raises(UsageError, match=f"^写不了 {folder}：磁盘已满"):
        await made(store, folder / "today.zip")
    assert names(folder) == []
    assert (await store.accept(arrival("afterwards"))).raw == arrival("afterwards").raw

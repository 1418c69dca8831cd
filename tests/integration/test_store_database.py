"""The database itself: group commit, failing units, locks, full disks, death in mid-transaction, two processes at once."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from sqlalchemy import Connection, Engine, event, func, select

from store.database import Database
from store.errors import ConfigError, StoreUnavailableError, UsageError
from store.tables import ARRIVALS, NUMBERS, RAWS
from tests.integration.store_values import Store, arrival, opened, store_on, url_of

ROOT = Path(__file__).parents[2]
IMPATIENT = timedelta(milliseconds=50)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Open a store on a fresh file."""
    async with opened(tmp_path / "zuozhen.db") as store:
        yield store


class Gate:
    """A unit that keeps the writer's thread inside its transaction until it is opened, so that other units queue behind it."""

    def __init__(self) -> None:
        """Start shut."""
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: Connection) -> None:
        """Wait inside the transaction."""
        self.reached.set()
        assert self.opened.wait(30)


async def hold(store: Store) -> tuple[Gate, asyncio.Task[None]]:
    """Occupy the writer of *store*; return when it is occupied."""
    gate = Gate()
    task = asyncio.create_task(store.db.write(gate))
    assert await asyncio.to_thread(gate.reached.wait, 30)
    return gate, task


def count_commits(engine: Engine) -> list[int]:
    """Return a list that grows by one with each commit on *engine*."""
    commits: list[int] = []
    event.listen(engine, "commit", lambda _: commits.append(1))
    return commits


def writing(year: int) -> Callable[[Connection], int]:
    """Return a unit that writes one counter row and returns *year*."""

    def unit(connection: Connection) -> int:
        connection.execute(NUMBERS.insert(), {"district": "d", "year": year, "last": 0})
        return year

    return unit


def years(connection: Connection) -> list[int]:
    """Return the counter rows that stand."""
    return list(connection.scalars(select(NUMBERS.c.year).order_by(NUMBERS.c.year)))


def failing(connection: Connection) -> None:
    """Write, then fail."""
    writing(1)(connection)
    raise ZeroDivisionError


async def test_waiting_units_share_one_commit(store: Store) -> None:
    """However many units wait while a transaction runs, the next transaction takes them all: one flush to disk."""
    gate, held = await hold(store)
    commits = count_commits(store.db._writing)
    waiting = [asyncio.create_task(store.db.write(writing(year))) for year in range(2000, 2050)]
    await asyncio.sleep(0)
    gate.opened.set()

    assert await asyncio.gather(*waiting) == list(range(2000, 2050))
    await held
    assert len(commits) == 2


async def test_failing_unit_fails_alone(store: Store) -> None:
    """A unit that raises loses its own writes; those before and behind it in the same transaction stand."""
    gate, held = await hold(store)
    tasks = [asyncio.create_task(store.db.write(unit)) for unit in (writing(2000), failing, writing(2002))]
    await asyncio.sleep(0)
    gate.opened.set()

    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)

    await held
    assert (first, third) == (2000, 2002)
    assert isinstance(second, ZeroDivisionError)
    assert await store.db.read(years) == [2000, 2002]


async def test_failed_commit_fails_every_unit_in_it(store: Store) -> None:
    """Nobody is told that his unit stands when COMMIT failed; the next transaction works again."""
    gate, held = await hold(store)

    def fail(_: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(store.db._writing, "commit", fail, once=True)
    waiting = asyncio.create_task(store.db.write(writing(2000)))
    await asyncio.sleep(0)
    gate.opened.set()

    outcomes = await asyncio.gather(held, waiting, return_exceptions=True)

    assert isinstance(outcomes[0], StoreUnavailableError)
    again = await store.db.write(writing(2001))
    assert again == 2001
    assert 2001 in await store.db.read(years)


async def test_full_disk_loses_the_transaction_and_says_so(store: Store) -> None:
    """On a full disk SQLite drops the whole transaction: every unit in it is answered with StoreUnavailableError, none is half there."""

    def fill(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={connection.exec_driver_sql('PRAGMA page_count').scalar_one()}")

    await store.db.write(fill)
    gate, held = await hold(store)
    big = arrival("big", raw=b"x" * 100_000)
    tasks = [asyncio.create_task(store.db.write(writing(2000))), asyncio.create_task(store.arrivals.accept([big]))]
    await asyncio.sleep(0)
    gate.opened.set()

    await held
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError, StoreUnavailableError]
    assert "磁盘已满" in str(outcomes[1])
    assert await store.db.read(years) == []
    assert [receipt.is_new for receipt in await store.arrivals.accept([big])] == [True]  # on a fresh connection, with room again


async def test_unit_of_a_caller_who_gave_up_is_not_run(store: Store) -> None:
    """Cancelling a wait before the unit's turn drops the unit; the writer goes on for the others."""
    gate, held = await hold(store)
    dropped = asyncio.create_task(store.db.write(writing(2000)))
    kept = asyncio.create_task(store.db.write(writing(2001)))
    await asyncio.sleep(0)
    dropped.cancel()
    await asyncio.sleep(0)
    gate.opened.set()

    await asyncio.gather(held, kept)

    assert dropped.cancelled()
    assert await store.db.read(years) == [2001]


async def test_cancelling_a_running_unit_harms_nobody(store: Store) -> None:
    """A caller that gives up while its unit runs leaves the unit to finish; the writer serves the next one."""
    gate, held = await hold(store)
    held.cancel()
    await asyncio.sleep(0)
    gate.opened.set()

    assert await store.db.write(writing(2000)) == 2000


async def test_close_finishes_what_is_queued_and_refuses_the_rest(tmp_path: Path) -> None:
    """Units queued before close are committed; later ones get StoreUnavailableError, not silence."""
    async with opened(tmp_path / "zuozhen.db") as store:
        gate, held = await hold(store)
        before = asyncio.create_task(store.db.write(writing(2000)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.db.close())
        gate.opened.set()
        await asyncio.gather(held, before, closing)

        for refused in (store.db.write(writing(2001)), store.db.read(years)):
            with pytest.raises(StoreUnavailableError, match="正在关闭"):
                await refused

    async with opened(tmp_path / "zuozhen.db") as store:
        assert await store.db.read(years) == [2000]


async def test_reads_do_not_wait_for_the_writer(store: Store) -> None:
    """A read is answered, from the last committed state, while a transaction is open."""
    await store.db.write(writing(2000))
    gate, held = await hold(store)

    assert await store.db.read(years) == [2000]

    gate.opened.set()
    await held


async def test_reading_cannot_write(store: Store) -> None:
    """A unit that writes is refused on a reading connection: it would escape the one writer."""
    with pytest.raises(StoreUnavailableError):
        await store.db.read(writing(2000))


async def test_lock_of_another_process_is_unavailable(tmp_path: Path) -> None:
    """A database that somebody else keeps locked past our patience is trouble of ours that may pass."""
    path = tmp_path / "zuozhen.db"
    async with opened(path, patience=IMPATIENT) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="占用") as caught:
            await store.arrivals.accept([arrival()])
        other.close()

        assert caught.value.__cause__ is not None
        assert [receipt.is_new for receipt in await store.arrivals.accept([arrival()])] == [True]


async def test_careless_unit_does_not_leave_its_caller_waiting(store: Store) -> None:
    """A StopIteration out of a unit, which asyncio could not hand on, arrives as an error, on both ways."""
    for way in (store.db.write, store.db.read):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await way(lambda _: next(iter(())))


async def test_error_texts_hold_no_words_of_a_petition(store: Store) -> None:
    """What a failing statement was given (names, numbers, text) stays out of the error, which goes to logs."""
    secret = "13800000000"

    def twice(connection: Connection) -> None:
        for _ in range(2):
            connection.execute(NUMBERS.insert(), {"district": secret, "year": 1, "last": 0})

    with pytest.raises(Exception, match="UNIQUE") as caught:
        await store.db.write(twice)

    assert secret not in str(caught.value)


async def test_missing_tables_name_the_remedy(tmp_path: Path) -> None:
    """A database that was never set up answers with the command that sets it up."""
    db = Database(url_of(tmp_path / "empty.db"))
    await db.start()
    with pytest.raises(StoreUnavailableError, match="zuozhen db upgrade"):
        await db.read(years)
    await db.close()


async def test_missing_directory_is_named(tmp_path: Path) -> None:
    """A path that cannot be made is named with the reason, in Chinese."""
    db = Database(url_of(tmp_path / "nowhere" / "zuozhen.db"))
    with pytest.raises(StoreUnavailableError, match="nowhere"):
        await db.start()


@pytest.mark.parametrize("url", ["no url", "sqlite://", "sqlite:///:memory:", "oracle+nothing://host/db"])
def test_unusable_url_is_a_config_error(url: str) -> None:
    """A database address that nobody can work with is the operator's to correct, before anything starts."""
    with pytest.raises(ConfigError):
        Database(url)


async def test_database_file_is_private(store: Store, tmp_path: Path) -> None:
    """The file holds confidential petitions: nobody but its owner may read it."""
    assert (tmp_path / "zuozhen.db").stat().st_mode & 0o077 == 0


async def test_settings_of_every_connection(store: Store) -> None:
    """What was answered with 250 survives a power failure (synchronous=FULL), readers run beside the writer (WAL), references hold."""

    def settings(connection: Connection) -> tuple[object, ...]:
        return tuple(connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys"))

    assert await store.db.write(settings) == ("wal", 2, 1)
    assert await store.db.read(settings) == ("wal", 2, 1)


async def test_nothing_of_it_runs_on_the_loop(tmp_path: Path) -> None:
    """No call blocks the event loop, not even opening and closing."""
    db = Database(url_of(tmp_path / "zuozhen.db"))
    with blockbuster_ctx():
        await db.upgrade()
        await db.start()
        store = store_on(db)
        await store.arrivals.accept([arrival()])
        assert await store.arrivals.undecided_count() == 1
        await db.close()


async def test_two_programs_write_one_file(tmp_path: Path) -> None:
    """Daemon and command line write at the same time; both wait for each other and nothing is lost."""
    path = tmp_path / "zuozhen.db"
    async with opened(path) as daemon, opened(path) as command:
        stores = (daemon, command)
        receipts = await asyncio.gather(*(stores[i % 2].arrivals.accept([arrival(str(i))]) for i in range(200)))

        assert len({receipt.arrival_id for (receipt,) in receipts}) == 200
        assert await daemon.arrivals.undecided_count() == await command.arrivals.undecided_count() == 200


def test_death_in_mid_transaction_leaves_nothing(tmp_path: Path) -> None:
    """A process killed inside a unit leaves no half of it, and the file is free for the next one."""
    path = tmp_path / "zuozhen.db"
    program = f"""
import asyncio, os
from store.tables import NUMBERS
from tests.integration.store_values import arrival, opened
from pathlib import Path

def die(connection):
    connection.execute(NUMBERS.insert(), {{"district": "d", "year": 2000, "last": 0}})
    os._exit(7)

async def main():
    async with opened(Path({str(path)!r})) as store:
        await store.arrivals.accept([arrival("kept")])
        await asyncio.gather(store.db.write(die), store.arrivals.accept([arrival("lost")]))

asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 7

    async def look() -> tuple[list[int], int, int]:
        async with opened(path) as store:
            accepted = await store.arrivals.undecided_count()
            raws = await store.db.read(lambda connection: int(connection.scalar(select(func.count()).select_from(RAWS)) or 0))
            return await store.db.read(years), accepted, raws

    assert asyncio.run(look()) == ([], 1, 1)


async def test_upgrade_again_changes_nothing(store: Store) -> None:
    """Upgrading what is up to date keeps every row."""
    await store.arrivals.accept([arrival()])

    await store.db.upgrade()

    assert await store.db.read(lambda connection: connection.scalar(select(func.count()).select_from(ARRIVALS))) == 1


def test_processes_that_start_together_upgrade_once(tmp_path: Path) -> None:
    """Several processes that find no database make it together without harm to each other."""
    program = f"""
import asyncio
from pathlib import Path
from tests.integration.store_values import arrival, opened

async def main():
    async with opened(Path({str(tmp_path / "zuozhen.db")!r})) as store:
        await store.arrivals.accept([arrival()])

asyncio.run(main())
"""
    processes = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate()[1].decode() for process in processes]

    assert errors == [""] * 3
    assert [process.returncode for process in processes] == [0] * 3


async def test_database_of_a_newer_version_is_refused(store: Store) -> None:
    """A database that a later release has altered is left alone, with the way out."""

    def pretend(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    await store.db.write(pretend)
    with pytest.raises(UsageError, match="升级"):
        await store.db.upgrade()


def test_store_on_needs_no_file(tmp_path: Path) -> None:
    """Building the objects touches nothing: wiring happens before anything is opened."""
    store_on(Database(url_of(tmp_path / "zuozhen.db")))

    assert list(tmp_path.iterdir()) == []

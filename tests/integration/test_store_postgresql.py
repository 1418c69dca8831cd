"""What is PostgreSQL's alone: who may come in, a server that goes away and returns, encodings, sorting, what its errors tell."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from store.database import Database
from store.errors import ConfigError, StoreUnavailableError, UsageError
from tests.integration.store_values import DISTRICT, NOW, arrival, notice, opened, petition, url_of
from tests.servers.postgres import PASSWORD, Postgres


async def trouble(url: str, password: str | None = None) -> str:
    """Return what an operator reads where the database at *url* cannot be opened."""
    database = Database(url, password=password)
    try:
        with pytest.raises((StoreUnavailableError, UsageError)) as caught:
            await database.start()
    finally:
        await database.close()
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def name_of(url: str) -> str:
    """Return the name of the database at *url*."""
    return url.partition("@/")[2].partition("?")[0]


async def test_password_from_elsewhere_lets_in(postgres: Postgres, postgresql_url: str) -> None:
    """A password that does not stand in the address is used, whatever characters it has."""
    database = Database(postgres.tcp_url(name_of(postgresql_url)), password=PASSWORD)
    await database.start()
    try:
        assert await database.read(lambda connection: connection.scalar(text("SELECT current_user"))) == "zuozhen"
    finally:
        await database.close()


async def test_who_cannot_come_in_reads_why(postgres: Postgres, postgresql_url: str) -> None:
    """Each way of not getting in has its own remedy in Chinese."""
    name = name_of(postgresql_url)

    assert "口令不对" in await trouble(postgres.tcp_url(name), "wrong")
    assert "要求口令" in await trouble(postgres.tcp_url(name))
    assert "口令不对" in await trouble(postgres.tcp_url(name, user="nobody_here"), "x")
    assert "数据库不存在" in await trouble(postgres.url("not_there"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "连不上" in await trouble(f"postgresql://zuozhen@127.0.0.1:{port}/x")
    assert "连不上" in await trouble("postgresql://zuozhen@/x?host=/nowhere")


async def test_too_many_connections(postgres: Postgres, postgresql_url: str) -> None:
    """Where the server takes no more connections, the operator learns whose limit it is."""
    async with opened(postgresql_url) as store:
        await store.arrivals.accept([arrival()])
        postgres.sql(f"ALTER DATABASE {name_of(postgresql_url)} CONNECTION LIMIT 1")
        with pytest.raises(StoreUnavailableError, match="连接数已满"):
            await store.arrivals.undecided_count()  # the writer has the only one


async def test_database_in_another_encoding_is_refused(postgres: Postgres) -> None:
    """A database that cannot hold every character is refused at the start, with the command that makes a right one."""
    with postgres.fresh(empty=True, options="ENCODING 'SQL_ASCII' LOCALE 'C'") as url:
        told = await trouble(url)
    assert "SQL_ASCII" in told
    assert "createdb -E UTF8" in told


@pytest.mark.parametrize("url", ["postgresql://zuozhen@db.example.org", "postgresql://zuozhen@db.example.org:port/x"])
def test_address_that_cannot_be_meant(url: str) -> None:
    """An address without a database, or with a port that is none, is the operator's to correct before anything starts."""
    with pytest.raises(ConfigError):
        Database(url)


async def test_missing_tables_name_the_remedy(postgres: Postgres) -> None:
    """A database that was never set up answers with the command that sets it up."""
    with postgres.fresh(empty=True) as url:
        database = Database(url)
        await database.start()
        with pytest.raises(StoreUnavailableError, match="zuozhen db upgrade"):
            await database.read(lambda connection: connection.scalar(text("SELECT count(*) FROM arrivals")))
        await database.close()


async def test_server_that_was_restarted_is_found_again(postgres: Postgres, postgresql_url: str) -> None:
    """After a crash of the server reading and writing go on by themselves, on connections made anew; nothing committed is lost."""
    async with opened(postgresql_url) as store:
        (first,) = await store.arrivals.accept([arrival("1")])
        assert await store.arrivals.undecided_count() == 1
        postgres.restart()

        (second,) = await store.arrivals.accept([arrival("2")])

        assert second.arrival_id != first.arrival_id
        assert await store.arrivals.undecided_count() == 2


async def test_server_that_is_away_defers(postgres: Postgres, postgresql_url: str) -> None:
    """While the server is away every call raises what means 451; once it is back they work."""
    async with opened(postgresql_url) as store:
        postgres.stop()
        try:
            for call in (store.arrivals.accept([arrival("1")]), store.arrivals.undecided_count()):
                with pytest.raises(StoreUnavailableError, match="连不上"):
                    await call
        finally:
            postgres.start()
        assert [receipt.is_new for receipt in await store.arrivals.accept([arrival("1")])] == [True]


async def test_connection_cut_inside_a_transaction_writes_nothing(postgres: Postgres, postgresql_url: str) -> None:
    """A connection that the server ends while a unit runs undoes the unit and says so; the next one has a connection of its own."""

    def unit(connection: Connection) -> None:
        connection.execute(text("INSERT INTO case_numbers (district, year, last) VALUES ('d', 1, 0)"))
        process = connection.scalar(text("SELECT pg_backend_pid()"))
        postgres.sql(f"SELECT pg_terminate_backend({process}, 10000)")
        connection.execute(text("SELECT 1"))

    async with opened(postgresql_url) as store:
        with pytest.raises(StoreUnavailableError, match="断了"):
            await store.db.write(unit)
        assert await store.db.write(lambda connection: connection.scalar(text("SELECT count(*) FROM case_numbers"))) == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (psycopg.errors.DiskFull, "磁盘已满"),
        (psycopg.errors.ReadOnlySqlTransaction, "只能读"),
        (psycopg.errors.InsufficientPrivilege, "没有权限"),
        (psycopg.errors.LockNotAvailable, "占用"),
        (psycopg.errors.TooManyConnections, "连接数已满"),
    ],
)
async def test_what_cannot_be_provoked_here_is_told_too(postgresql_url: str, error: type[psycopg.Error], words: str) -> None:
    """A server without room or rights is the operator's trouble, told with what to do, and nobody's message fails for good."""

    def unit(connection: Connection) -> None:
        state = error.sqlstate
        connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = '磁盘 full', DETAIL = 'secret'; END $$"))

    async with opened(postgresql_url) as store:
        with pytest.raises(StoreUnavailableError, match=words) as caught:
            await store.db.write(unit)
    assert "secret" not in str(caught.value)


async def test_error_texts_hold_no_words_of_a_petition(postgresql_url: str) -> None:
    """PostgreSQL quotes the row that violates a rule; what was given stays out of the error, which goes to logs."""
    secret = "13800000000"

    def twice(connection: Connection) -> None:
        for _ in range(2):
            connection.execute(text("INSERT INTO case_numbers (district, year, last) VALUES (:district, 1, 0)"), {"district": secret})

    async with opened(postgresql_url) as store:
        with pytest.raises(Exception, match="unique") as caught:
            await store.db.write(twice)
    assert secret not in str(caught.value)
    assert secret not in str(caught.value.__cause__)


async def test_readers_see_one_state_and_cannot_write(postgresql_url: str) -> None:
    """A reader's queries all see the same state although others commit between them; a write is refused."""
    async with opened(postgresql_url) as store, opened(postgresql_url) as other:

        def unit(connection: Connection) -> tuple[object, object]:
            before = connection.scalar(text("SELECT count(*) FROM case_numbers"))
            with other.db._writing.begin() as beside:
                beside.execute(text("INSERT INTO case_numbers (district, year, last) VALUES ('d', 1, 0)"))
            return before, connection.scalar(text("SELECT count(*) FROM case_numbers"))

        assert await store.db.read(unit) == (0, 0)
        with pytest.raises(StoreUnavailableError, match="只能读"):
            await store.db.read(lambda connection: connection.execute(text("DELETE FROM case_numbers")).close())


MOMENT = datetime(2024, 12, 31, 16, 30, tzinfo=UTC)  # the next year already in Kunming
SORTED_APART = ("a", "B", "阿", "赵", "区", "Ä", "z", "Z")


@pytest.mark.parametrize("options", ["LOCALE 'C'", "LOCALE_PROVIDER icu ICU_LOCALE 'zh-Hans-CN' LOCALE 'C'"], ids=["C", "zh"])
async def test_sorting_and_zone_of_the_server_change_nothing(postgres: Postgres, options: str, tmp_path: Path) -> None:
    """A database that sorts as Chinese is sorted, in another time zone, gives the same answers in the same order as SQLite."""

    async def answers(url: str) -> list[object]:
        async with opened(url) as store:
            cases = [
                await store.open_case(name, notices=[notice(f"{name}@gov.example")], now=MOMENT, department=name) for name in SORTED_APART
            ]
            found, _ = await store.matching.candidates(DISTRICT, petition("z"), exclude_arrival=0)
            return [
                [case.number for case in await store.cases.list()],
                [(case.number, case.opened_at.isoformat()) for case in await store.cases.list(department="Z")],
                [queued.notice.to.address for queued in await store.outbox.list()],
                [replace(candidate, received_at=NOW) for candidate in found],
                [[event.digest for event in await store.cases.history(case.id) if "notice" not in event.kind] for case in cases],
            ]

    with postgres.fresh(empty=True, options=f"ENCODING 'UTF8' {options}") as url:
        postgres.sql(f"ALTER DATABASE {name_of(url)} SET timezone = 'America/New_York'")
        on_postgresql = await answers(url)
    on_sqlite = await answers(url_of(tmp_path / "zuozhen.db"))

    assert on_postgresql == on_sqlite
    assert on_sqlite[0] == [f"CG-2025-{number:05d}" for number in range(len(SORTED_APART), 0, -1)]

"""The schema: migrations make what the tables say, every query of daily work runs on an index, PostgreSQL would take it too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, DateTime, Table, UniqueConstraint, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import String

from channels.platform_petition import petition_of
from store import leases, message_log, tokens
from store.addresses import Addresses
from store.deadlines import Deadlines
from store.figures import figures
from store.ledger import Ledger
from store.model.letter import Letter
from store.model.mailbox import Folder, LedgerState, Taken
from store.model.matching import PlatformStatus
from store.model.notice import NoticeState
from store.model.platforms import Batch, GoodRow, Handed
from store.model.reply_sender import Registered
from store.pairs import Pairs
from store.platforms import Platforms
from store.reply_tokens import ReplyTokens
from store.tables.columns import PlainText, Row, UtcDateTime
from tests.integration.store_values import DISTRICT, LEASE, NOW, Store, arrival, found, letter, notice, opened, petition
from tests.integration.test_platforms import record as platform_record

TABLES = sorted(Row.metadata.tables.values(), key=lambda table: table.name)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind."""
    async with opened(database_url) as store:
        yield store


async def test_migrations_make_what_the_tables_say(store: Store) -> None:
    """Somebody who changes a table without a migration learns it here."""

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), Row.metadata))

    assert await store.db.read(differences) == []


async def test_partial_indexes_have_their_condition(store: Store) -> None:
    """What the comparison above does not see: an index over open rows only has the same condition in migration and tables."""

    def conditions(connection: Connection) -> dict[str, str]:
        if connection.dialect.name == "postgresql":
            rows = connection.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%WHERE%'"))
        else:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"))
        return {name: _bare(sql.partition(" WHERE ")[2]) for name, sql in rows}

    declared = {
        str(index.name): _bare(str(index.dialect_options["sqlite"]["where"]))
        for table in TABLES
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert await store.db.read(conditions) == declared


def _bare(condition: str) -> str:
    """Return a condition without the brackets and casts with which PostgreSQL tells it again."""
    return condition.replace("::text", "").replace("(", "").replace(")", "")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_key_names_the_district(table: Table) -> None:
    """Every row has its district and every key but the running number names it, so that rows can be spread by district."""
    keys = [[column.name for column in table.primary_key]]
    keys += [[column.name for column in rule.columns] for rule in table.constraints if isinstance(rule, UniqueConstraint)]

    assert not table.c.district.nullable
    assert all("district" in key or key == ["id"] for key in keys)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_are_of_our_types(table: Table) -> None:
    """Text passes `PlainText` and moments pass `UtcDateTime` everywhere, else a hostile mail or a naive moment would get through."""
    assert [column.name for column in table.c if isinstance(column.type, String | DateTime)] == []
    assert all(isinstance(column.type, PlainText | UtcDateTime) or column.type.python_type in (int, bytes) for column in table.c)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_postgresql_would_take_it(table: Table) -> None:
    """Tables and partial indexes can be written for PostgreSQL, moments with their zone."""
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped upstream

    made = str(CreateTable(table).compile(dialect=dialect))
    indexes = [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]

    assert "WITHOUT TIME ZONE" not in made
    assert sum(" WHERE " in index for index in indexes) == sum(
        index.dialect_options["sqlite"]["where"] is not None for index in table.indexes
    )


Question = Callable[[Store], Coroutine[Any, Any, object]]
ASKED = petition(
    "9",
    title="CG-2024-00001",
    uscc=found("91530114MA6K0000X3"),
    phone=found("13800000001"),
    letter=letter("9", in_reply_to=("1@sender.example",)),
)
FOLDER = Folder(district=DISTRICT.id, mailbox="box", name="INBOX", uidvalidity=1)
RECORD = platform_record("1")
HANDED = Handed(
    district=DISTRICT.id,
    platform="12345",
    door="folder",
    key="k",
    name="",
    peer="",
    raw=b"",
    batch=Batch(form="", columns={}, unread=(), good=(GoodRow(place=2, record=RECORD),), bad=()),
)


async def _take_rows(store: Store) -> object:
    """Keep a batch, take it, and take a second one that changes its record."""
    platforms = Platforms(store.db)
    for key, status in (("a", PlatformStatus.PENDING), ("b", PlatformStatus.ACCEPTED)):
        row = GoodRow(place=2, record=replace(RECORD, status=status))
        handed = replace(HANDED, key=key, batch=replace(HANDED.batch, good=(row,)))
        receipt = await platforms.keep(handed, NOW)
        await platforms.take(receipt.arrival_id, 0, [(row, petition_of(row.record))], NOW)
    return await platforms.record("1")


async def _author(store: Store) -> object:
    """Ask who wrote an answer to the first mail of the outbox."""
    queued = await store.outbox.get(1)
    letter = Letter(sender=queued.notice.to, in_reply_to=(queued.message_id,), subject=tokens.shown("f" * 32 + ".assign@b.example"))
    return await ReplyTokens(store.db, valid=timedelta(days=1)).authority(await store.arrivals.get(1), letter, Registered())


QUESTIONS: dict[str, Question] = {
    "keep from a mailbox": lambda store: Ledger(store.db).keep(FOLDER, [Taken(uid=4, arrival=arrival("new"), state=LedgerState.KEPT)]),
    "ledger of a folder": lambda store: Ledger(store.db).entries(FOLDER),
    "ledger changes": lambda store: Ledger(store.db).change(FOLDER, [4, 5], LedgerState.DONE),
    "ledger forgets": lambda store: Ledger(store.db).forget(FOLDER, [4, 5]),
    "ledger forgets earlier numbers": lambda store: Ledger(store.db).forget_earlier(FOLDER),
    "numbers of a folder": lambda store: Ledger(store.db).validities(FOLDER),
    "accept": lambda store: store.arrivals.accept([arrival("1"), arrival("new")]),
    "claim": lambda store: store.arrivals.claim(owner="a", now=NOW, limit=5, lease=LEASE),
    "free what the dead left": lambda store: store.db.write(lambda connection: leases._free(connection, ["a"])),
    "undecided_count": lambda store: store.arrivals.undecided_count(),
    "quarantined": lambda store: store.arrivals.quarantined(),
    "get arrival": lambda store: store.arrivals.get(1),
    "record": lambda store: store.open_case("2", notices=[notice("x@y.example", capped=True)]),
    "claim_due": lambda store: store.outbox.claim_due(owner="a", now=NOW, limit=5, lease=LEASE),
    "sent": lambda store: store.outbox.sent(1, NOW),
    "notices of a case": lambda store: store.outbox.list(case_id=1),
    "suppressed notices": lambda store: store.outbox.list(state=NoticeState.SUPPRESSED),
    "candidates": lambda store: store.matching.candidates(DISTRICT, ASKED, exclude_arrival=9),
    "pairs of a case": lambda store: Pairs(store.db).of_case(1),
    "get case": lambda store: store.cases.get("CG-2024-00001"),
    "cases of a department": lambda store: store.cases.list(department="zjj"),
    "review": lambda store: store.cases.review(),
    "not_cases": lambda store: store.cases.not_cases(),
    "history": lambda store: store.cases.verify(1),
    "arrivals of a case": lambda store: store.cases.arrivals(1),
    "postpone": lambda store: store.arrivals.postpone(2, problem="数据库被占用", now=NOW, next_try_at=NOW),
    "deferred": lambda store: store.outbox.deferred(1, "451 请稍后", NOW, NOW),
    "deadlines due": lambda store: Deadlines(store.db, store.outbox).fire(
        "chenggong", now=NOW, urgent_only=True, limit=5, act=lambda _: ([], [])
    ),
    "deadlines of a case": lambda store: Deadlines(store.db, store.outbox).of_case(1),
    "cases without deadlines": lambda store: Deadlines(store.db, store.outbox).without("chenggong"),
    "deadlines that run": lambda store: Deadlines(store.db, store.outbox).running("chenggong"),
    "open batches": lambda store: Platforms(store.db).open_batches(),
    "take rows": _take_rows,
    "records": lambda store: Platforms(store.db).records(),
    "record of an arrival": lambda store: Platforms(store.db).of_arrival(1),
    "log of a case": lambda store: message_log.read(store.db, "CG-2024-00001"),
    "log of a message": lambda store: message_log.read(store.db, "1@sender.example"),
    "log of an arrival": lambda store: message_log.read(store.db, "A-1"),
    "author of a reply": _author,
    "address heard from": lambda store: Addresses(store.db).heard_from(DISTRICT.id, "a@b.example"),
    "addresses in trouble": lambda store: Addresses(store.db).list(),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
async def test_daily_work_runs_on_indexes(store: Store, question: Question) -> None:
    """No query of daily work reads through a table or sorts one: it costs the same after ten years as on the first day."""
    await store.open_case("1", notices=[notice()])
    plans: list[str] = []
    is_sqlite = store.db._url.get_backend_name() == "sqlite"

    def explain(connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if not statement.startswith(("SELECT", "UPDATE", "DELETE")):
            return
        driver = connection.connection.cursor()
        if not is_sqlite:  # a table of three rows is read through unless that is made dear
            driver.execute("SELECT set_config(name, 'off', true) FROM pg_settings WHERE name IN ('enable_seqscan', 'enable_sort')")
        driver.execute(f"{'EXPLAIN QUERY PLAN' if is_sqlite else 'EXPLAIN'} {statement}", parameters)
        plans.extend(str(row[-1]) for row in driver.fetchall())

    for engine in (store.db._reading, store.db._writing):
        event.listen(engine, "before_cursor_execute", explain)
    await question(store)

    assert plans
    # A union reads through what each of its limited look-ups found ("SCAN anon_2"): that is no table.
    scans = [plan for plan in plans if plan.startswith("SCAN") and "INDEX" not in plan]
    assert [scan for scan in scans if not scan.startswith("SCAN anon_")] == []
    # A district is nearly all of a table: an index is no help where nothing but the district is asked of it.
    assert [plan for plan in plans if plan.startswith("SEARCH notices") and plan.endswith("(district=?)")] == []
    dear = [plan for plan in plans if "TEMP B-TREE" in plan or "Seq Scan" in plan or "Sort " in plan]
    assert [plan for plan in dear if "on leases" not in plan] == []  # of which there are as many as services and mailboxes


async def test_figures_count_by_index(store: Store) -> None:
    """What a monitor asks every few seconds reads the indexes over open rows and nothing of the finished ones."""
    await store.open_case("1", notices=[notice(), notice("x@y.example")])
    await store.arrivals.accept([arrival("2"), arrival("3")])
    (first, *_) = await store.arrivals.claim(owner="a", now=NOW, limit=5, lease=LEASE)
    await store.arrivals.quarantine(first.id, "坏", NOW)
    (queued, _) = await store.outbox.claim_due(owner="a", now=NOW, limit=5, lease=LEASE)
    await store.outbox.deferred(queued.id, "451 请稍后", NOW, NOW)
    plans: list[str] = []

    def explain(connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if connection.dialect.name == "sqlite":
            plans.extend(row[-1] for row in connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(store.db._reading, "before_cursor_execute", explain)
    found = await figures(store.db)

    assert (found.undecided, found.quarantined, found.queued, found.deferred, found.review) == (1, 1, 1, 1, 0)
    assert found.oldest_undecided == arrival("2").received_at
    assert found.oldest_queued is not None
    read = [plan for plan in plans if "anon_" not in plan and "CO-ROUTINE" not in plan]
    assert [plan for plan in read if "INDEX ix_" not in plan] == ["SCAN alembic_version"] * bool(read)

"""Deadlines: what a tick and a start of the clock cost with many open ones, beside a long history of closed ones and a short one.

The floor is the same with a hundredth of the history: a ratio of 1 says that closed history costs nothing.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from corpus import MAILBOX, mails
from machine import cpu_seconds
from result import Result, Sample, compare
from service import ground

from channels.identity import mail_keys
from daemon.clock import Clock
from daemon.config import Config, DistrictSection, RelaySection, StoreSection
from daemon.wiring import House, open_house
from store.database import Database
from store.model.arrival import Arrival, Channel
from store.tables import ARRIVALS, CASES, DEADLINES

_OPEN, _CLOSED, _PART = 200_000, (10_000, 1_000_000), 20_000
_EACH = 20  # deadlines of one case
_TICKS, _DUE = 50, 1_000
_NOW = datetime(2026, 11, 16, 2, tzinfo=UTC)  # a Monday, 10 o'clock in China


def measure(kind: str) -> Result:
    """Measure both histories once, each in a fresh database of *kind*."""
    few, many = _CLOSED
    return compare(
        f"deadlines, {kind}, {_OPEN:,} open",
        f"ticks with nothing due, {many:,} closed",
        f"{few:,} closed",
        lambda: _sample(kind, many),
        lambda: _sample(kind, few),
        rounds=1,
    )


def _sample(kind: str, closed: int) -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as folder, ground(kind, Path(folder)) as place:
        config = _config(Path(folder), place.url)
        return asyncio.run(_measured(config, closed))


async def _measured(config: Config, closed: int) -> Sample:
    now = [_NOW]
    async with open_house(config, now=lambda: now[0]) as house:
        await _fill(house, closed)

        def clock() -> Clock:
            return Clock(rooms=house.rooms, deadlines=house.stores.deadlines, subjects=house.stores.subjects, now=lambda: now[0])

        start = await _cost(clock().tick)
        same = clock()
        await same.tick()
        begun, cpu = time.perf_counter(), cpu_seconds(os.getpid())
        for _ in range(_TICKS):
            await same.tick()
        seconds, each = time.perf_counter() - begun, (cpu_seconds(os.getpid()) - cpu) / _TICKS * 1e3
        now[0] = _NOW + timedelta(hours=2)
        busy = await _cost(same.tick)
        details = {"start, CPU s": start, f"tick that acts on {_DUE} after an outage, CPU s": busy}
        return Sample(rate=_TICKS / seconds, cpu_ms=each, details=details)


async def _cost(act: Callable[[], Awaitable[object]]) -> float:
    cpu = cpu_seconds(os.getpid())
    await act()
    return cpu_seconds(os.getpid()) - cpu


async def _fill(house: House, closed: int) -> None:
    """Let one real case be decided, and multiply it and its first deadline inside the database: open ones, due ones, and closed ones."""
    case_id = await _one_case(house)
    database = house.stores.database
    cases = _OPEN // _EACH
    await database.write(lambda connection: _cases(connection, case_id, cases))
    for first in range(0, _OPEN, _PART):
        await database.write(lambda connection, first=first: _deadlines(connection, case_id, first, is_open=True))  # type: ignore[misc]  # bound at once
    for first in range(0, closed, _PART):
        await database.write(lambda connection, first=first: _deadlines(connection, case_id, first, is_open=False))  # type: ignore[misc]  # likewise
    if database.kind == "postgresql":
        await asyncio.to_thread(_settle, database)


def _settle(database: Database) -> None:
    """Do at once what autovacuum would do beside the measurement, at the cost of whatever is just measured: it is a child of ours, too."""
    engine = database.beside(patience=timedelta(minutes=5))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


async def _one_case(house: House) -> int:
    for raw in (mail.raw for mail in mails(40, seed=1)):
        message_id, content_key = mail_keys(raw)
        arrival = Arrival(
            district="chenggong",
            channel=Channel.MAIL,
            door="smtp",
            source_key=f"smtp:{content_key}",
            content_key=content_key,
            message_id=message_id,
            envelope_from="office@enterprise.example",
            envelope_to=(MAILBOX,),
            received_at=_NOW - timedelta(days=3),
            raw=raw,
        )
        (receipt,) = await house.stores.arrivals.accept([arrival])
        case = (await house.pipeline.process(await house.stores.arrivals.get(receipt.arrival_id))).case
        if case is not None and any(one.kind == "verification" for one in await house.stores.deadlines.of_case(case.id)):
            return case.id
    raise RuntimeError("none of the mails of the corpus opened a case with deadlines")


def _numbers(first: int, count: int) -> sa.Subquery:
    """Return the numbers from *first* on."""
    counting = sa.select(sa.literal(first).label("n")).cte(recursive=True)
    counting = counting.union_all(sa.select(counting.c.n + 1).where(counting.c.n < first + count - 1))
    return sa.select(counting.c.n).subquery()


def _cases(connection: sa.Connection, case_id: int, count: int) -> None:
    arrival_id = connection.scalar(sa.select(CASES.c.arrival_id).where(CASES.c.id == case_id)) or 0
    _copies(connection, ARRIVALS, arrival_id, count, ("source_key", "content_key", "message_id"), {})
    _copies(connection, CASES, case_id, count, ("number", "number_key"), {"arrival_id": arrival_id})


def _copies(connection: sa.Connection, table: sa.Table, id_: int, count: int, unique: Collection[str], follow: Mapping[str, int]) -> None:
    """Copy one row *count* times under the ids behind its own; *unique* texts get the number, and *follow* columns move along."""
    n = _numbers(1, count).c.n
    changed: dict[str, sa.ColumnElement[Any]] = {name: table.c[name].concat("-").concat(n) for name in unique}
    changed |= {"id": n + id_, **{name: n + first for name, first in follow.items()}}
    wanted = [changed.get(column.name, column).label(column.name) for column in table.c]
    source = sa.select(*wanted).select_from(table.join(n.table, sa.true())).where(table.c.id == id_)
    connection.execute(table.insert().from_select([column.name for column in table.c], source))


def _deadlines(connection: sa.Connection, case_id: int, first: int, *, is_open: bool) -> None:
    """Copy the first running deadline: open ones fall due in a year but for the first thousand, which fall due in an hour."""
    n = _numbers(first, _PART).c.n
    cases = _OPEN // _EACH
    soon, later = (
        sa.literal(_NOW + timedelta(hours=1), DEADLINES.c.next_at.type),
        sa.literal(_NOW + timedelta(days=400), DEADLINES.c.next_at.type),
    )
    changed: dict[str, sa.ColumnElement[Any]] = {
        "case_id": n % cases + case_id + 1,
        "round": sa.literal("open " if is_open else "closed ").concat(n),
        "next_at": sa.case((n < _DUE, soon), else_=later) if is_open else sa.null(),
    }
    if not is_open:
        changed |= {"state": sa.literal("met"), "ended_at": sa.literal(_NOW - timedelta(days=1), DEADLINES.c.ended_at.type)}
    columns = [column for column in DEADLINES.c if column.name != "id"]
    origin = (
        sa.select(sa.func.min(DEADLINES.c.id)).where(DEADLINES.c.case_id == case_id, DEADLINES.c.kind == "verification").scalar_subquery()
    )
    wanted = [changed.get(column.name, column) for column in columns]
    source = sa.select(*wanted).select_from(DEADLINES.join(n.table, sa.true())).where(DEADLINES.c.id == origin)
    connection.execute(DEADLINES.insert().from_select([column.name for column in columns], source))


def _config(folder: Path, url: str) -> Config:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "addresses.toml").write_text(
        '[sender]\nname = "坐诊"\naddress = "zz@bench.example"\n[coordinator]\naddress = "c@bench.example"\n', "utf-8"
    )
    return Config(
        store=StoreSection(url=url),
        relay=RelaySection(folder=folder / "outgoing"),
        district=(DistrictSection(pack="chenggong", mailboxes=(MAILBOX,), addresses=folder / "addresses.toml"),),
    )

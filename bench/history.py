"""A past for the full path: the cases that the service has just decided, multiplied inside the database.

A copy has arrivals, numbers, keys, events and Message-IDs of its own; petitions, decisions and histories are those of the first ones, so
that a row is as long as in real life. Only what nobody reads again (the original's bytes, the words of a letter already sent) is cut to
its beginning, lest a hundred thousand cases fill the disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import sqlalchemy as sa

from store.database import Database
from store.tables import ARRIVALS, ATTACHMENTS, CASES, DECISIONS, EVENTS, KEYS, NOTICES, RAWS

_TABLES = (ARRIVALS, RAWS, ATTACHMENTS, CASES, DECISIONS, EVENTS, KEYS, NOTICES)  # a row before those that name it
_NUMBERED = {"id", "arrival_id", "case_id"}
_UNIQUE = {"source_key", "content_key", "message_id", "value", "cap_key", "number", "number_key", "case_number"}
_CUT = {"content": RAWS, "notice": NOTICES}
_KEPT = 300  # characters of what is cut
_COUNTED = (ARRIVALS, CASES, NOTICES)  # tables that number their rows
_TOGETHER = 100  # copies in one transaction: the disk is waited for once


async def multiply(database: Database, wanted: int) -> int:
    """Copy the cases in *database*, which no service is using, until there are at least *wanted*; return how many there are.

    It may be done again, for more.
    """
    steps = await database.read(
        lambda connection: {table: connection.scalar(sa.select(sa.func.max(table.c.id))) or 0 for table in _COUNTED}
    )
    cases = await database.read(lambda connection: connection.scalar(sa.select(sa.func.count()).select_from(CASES)) or 0)
    copies = -(-wanted // cases) - 1
    for begin in range(1, copies + 1, _TOGETHER):
        numbers = range(begin, min(begin + _TOGETHER, copies + 1))
        await database.write(partial(_copy_all, numbers=numbers, steps=steps, before=cases))
    await database.write(_settle)
    return cases * (copies + 1)


def _copy_all(connection: sa.Connection, numbers: Iterable[int], steps: dict[sa.Table, int], before: int) -> None:
    """Make the copies *numbers* of all that is there; a mark of each, above the *before* cases, was given to no copy made earlier."""
    for number in numbers:
        _copy(connection, number, steps, f"~{before + number}")


def _copy(connection: sa.Connection, number: int, steps: dict[sa.Table, int], mark: str) -> None:
    for table in _TABLES:
        name, counted = ("case_id", CASES) if table is EVENTS else ("arrival_id" if "arrival_id" in table.c else "id", ARRIVALS)
        first = table.c[name] <= steps[counted]
        columns = [_moved(table, column, number, steps, mark) for column in table.c]
        connection.execute(table.insert().from_select(list(table.c.keys()), sa.select(*columns).where(first)))


def _moved(table: sa.Table, column: sa.Column[object], number: int, steps: dict[sa.Table, int], mark: str) -> sa.ColumnElement[object]:
    """Return what stands in *column* of copy *number*; what must be there once only gets the *mark*."""
    name = column.name
    if name in _NUMBERED:
        return column + number * steps[{"id": table, "arrival_id": ARRIVALS, "case_id": CASES}[name]]
    if name in _UNIQUE:
        return column.concat(mark)
    if _CUT.get(name) is table:
        return sa.func.substr(column, 1, _KEPT)
    return column


def _settle(connection: sa.Connection) -> None:
    """Let PostgreSQL go on counting behind the copies and know how many there are; SQLite does both by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in _COUNTED:
        connection.execute(
            sa.select(
                sa.func.setval(sa.func.pg_get_serial_sequence(table.name, "id"), sa.select(sa.func.max(table.c.id)).scalar_subquery())
            )
        )
    connection.exec_driver_sql("ANALYZE")

"""Copies everything from one database into another, of the same kind or not, and proves that it arrived: counts, references, histories."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from store import audit
from store.tables import CASES, LEASES, NOTICES, SUBJECTS
from store.tables.columns import Row

Progress = Callable[[str, int, int], None]
"""Is told what is being done (Chinese), how much of it is done, and of how much."""

_SHOWN = 20  # broken histories named one by one
_ROWS, _LARGE_ROWS = 500, 8  # at once; a row of the latter may hold a mail of 50 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database holds.

    Rows by table; how many notices wait to be sent; a digest over the ends of all histories by district; the histories that are broken.
    """

    counts: Mapping[str, int]
    queued: int
    heads: Mapping[str, str]
    broken: tuple[str, ...]


def tables() -> list[sa.Table]:
    """Return what is copied, what others refer to first. Leases are of the moment, and not among them."""
    return [table for table in Row.metadata.sorted_tables if table is not LEASES]


def count(connection: sa.Connection) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables()}


def copy(source: sa.Connection, target: sa.Connection, progress: Progress) -> dict[str, int]:
    """Copy every row; *source* must stand still (one transaction), *target* have empty tables. Return how many rows each table got."""
    counts = count(source)
    total, done = sum(counts.values()), 0
    for table in tables():
        with closing(_rows(source, table)) as pieces:
            for rows in pieces:
                target.execute(table.insert(), rows)
                done += len(rows)
                progress("复制", done, total)
    _go_on_numbering(target)
    return counts


def examine(connection: sa.Connection, progress: Progress) -> Contents:
    """Read back what *connection* holds, every history link by link."""
    counts = count(connection)
    heads, broken = _histories(connection, counts[CASES.name] + counts[SUBJECTS.name], progress)
    queued = connection.scalar(sa.select(sa.func.count()).select_from(NOTICES).where(NOTICES.c.due_at.is_not(None)))
    return Contents(counts=counts, queued=queued or 0, heads=heads, broken=broken)


def damage(connection: sa.Connection) -> list[str]:
    """Return what a SQLite file says of its own state, in words of SQLite; nothing where it is whole. PostgreSQL sees to that itself."""
    if connection.dialect.name != "sqlite":
        return []
    whole = [str(line) for line in connection.scalars(sa.text("PRAGMA integrity_check(20)")) if line != "ok"]
    lost = [f"{row[0]} {row[1]} → {row[2]}" for row in connection.execute(sa.text("PRAGMA foreign_key_check")).fetchmany(_SHOWN)]
    return whole + lost


def _rows(source: sa.Connection, table: sa.Table) -> Generator[list[dict[str, object]], None, None]:
    """Yield the rows of *table* some at a time, never all of them in memory."""
    size = _LARGE_ROWS if any(isinstance(column.type, sa.LargeBinary) for column in table.columns) else _ROWS
    query = sa.select(table).order_by(*table.primary_key.columns).execution_options(yield_per=size)
    with source.execute(query) as found:  # where the copying ends early, so does the server's cursor
        for rows in found.mappings().partitions(size):
            yield [dict(row) for row in rows]


def _go_on_numbering(target: sa.Connection) -> None:
    """Let PostgreSQL number new rows behind those that came with their numbers; SQLite does so by itself."""
    if target.dialect.name != "postgresql":
        return
    for table in tables():
        if "id" in table.columns:
            last = sa.select(sa.func.max(table.c.id)).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            target.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(last, 1), last.is_not(None))))


def _histories(connection: sa.Connection, total: int, progress: Progress) -> tuple[dict[str, str], tuple[str, ...]]:
    broken: list[str] = []
    ends: dict[str, hashlib._Hash] = {}
    for done, (row, chain) in enumerate(_owners(connection), start=1):
        problems = audit.verify(audit.read(connection, row.id, chain=chain), audit.Tail(row.events, row.head))
        broken += [f"{row.number}：{problems[0]}"] if problems else []
        ends.setdefault(row.district, hashlib.sha256()).update(f"{row.number}\n{row.events}\n{row.head}\n".encode())
        progress("核对登记历史", done, total)
    return {district: end.hexdigest() for district, end in ends.items()}, tuple(broken)


def _owners(connection: sa.Connection) -> Iterator[tuple[sa.Row[Any, Any, Any, Any, Any], audit.Chain]]:
    """Yield whoever has a history: the cases, then the sessions, activities and periods, with the key by which people know them."""
    for table, number, chain in ((CASES, CASES.c.number, audit.OF_CASES), (SUBJECTS, SUBJECTS.c.key, audit.OF_SUBJECTS)):
        query = sa.select(table.c.id, table.c.district, number.label("number"), table.c.events, table.c.head).order_by(table.c.id)
        for row in connection.execute(query.execution_options(yield_per=_ROWS)):
            yield row, chain

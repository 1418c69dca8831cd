"""Statements of fixed text with many values, run past SQLAlchemy: binding two hundred values through it costs more than finding the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from store.tables.columns import plain


def run(connection: Connection, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
    """Return the rows of *statement*, which its caller keeps and asks again; it takes its values by name, texts and numbers alone.

    Rows come as the driver gives them. *values* may hold more than the statement takes.
    """
    sql, names, own = _compiled(statement, connection.dialect)
    given = {**own, **values}
    bound = {name: plain(value) if isinstance(value := given[name], str) else value for name in dict.fromkeys(names)}
    is_named = connection.dialect.paramstyle == "pyformat"
    return connection.exec_driver_sql(sql, bound if is_named else tuple(bound[name] for name in names)).all()


@lru_cache(maxsize=64)
def _compiled(statement: ClauseElement, dialect: Dialect) -> tuple[str, tuple[str, ...], Mapping[str, object]]:
    """Return the SQL of *statement*, the names of its values in the order and as often as the driver wants them, and those it has itself."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what is asked with rows is
    own = {name: value for name, value in compiled.params.items() if value is not None}
    return str(compiled), tuple(compiled.positiontup or compiled.params), own

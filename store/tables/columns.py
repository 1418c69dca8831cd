"""How a value of ours lies in a column, and the root of our tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

BATCH_OPEN = sa.text("state = 'taking'")


def plain(text: str) -> str:
    """Return *text* as every database can keep it: lone surrogates and NUL, which PostgreSQL refuses, become marks."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


class PlainText(TypeDecorator[str]):
    """Text of any length that a stranger may have written."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Make text plain; an enumeration becomes its value."""
        return None if value is None else plain(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in, aware UTC out, also on SQLite, which knows no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn to UTC; a moment without its zone is refused, since nobody knows when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"moment without time zone: {value}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the zone back that SQLite dropped."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Text = Annotated[str, Field(sa_type=PlainText)]
EmptyText = Annotated[str, Field(default="", sa_type=PlainText, sa_column_kwargs={"server_default": ""})]
MaybeText = Annotated[str | None, Field(sa_type=PlainText)]  # `Text | None` would lose the column type
Moment = Annotated[datetime, Field(sa_type=UtcDateTime)]
MaybeMoment = Annotated[datetime | None, Field(sa_type=UtcDateTime)]
Number = Annotated[int, Field(sa_type=sa.BigInteger)]  # 32 bits without a sign (RFC 3501), more than an Integer of PostgreSQL takes
RowId = Annotated[int | None, Field(primary_key=True)]

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def partial_index(name: str, *columns: str, where: sa.TextClause, unique: bool = False) -> sa.Index:
    """Return an index over the few rows that are still open, so that finished ones cost nothing."""
    return sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def reference(table: str, column: str) -> sa.ForeignKeyConstraint:
    """Return the constraint that *column* names a row of *table*."""
    return sa.ForeignKeyConstraint([column], [f"{table}.id"])


class Row(SQLModel):
    """Root of our tables; its metadata is ours alone, with names for every constraint (SQLite can only alter what has a name)."""

    metadata = sa.MetaData(naming_convention=_NAMES)

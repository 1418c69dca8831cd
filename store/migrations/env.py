"""How alembic runs here: on the connection and inside the transaction of `Database.upgrade`, never on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from alembic import context
from sqlalchemy.types import TypeDecorator

from store.tables.columns import Row

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


def _render(kind: str, value: object, _: AutogenContext) -> str | Literal[False]:
    """Write our column types as the plain ones below them: a migration must not change when our code does."""
    return f"sa.{value.impl!r}" if kind == "type" and isinstance(value, TypeDecorator) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()

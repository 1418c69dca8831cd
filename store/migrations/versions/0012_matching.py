"""Rare pieces of three characters, how common they are, and the code and telephone number of each report beside its name.

Revision 0012, after 0011. Codes and numbers of earlier cases are taken from their petitions; earlier reports are found by the keys they have.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_FIELDS = ("uscc", "phone")


def upgrade() -> None:
    """Apply this revision."""
    for table in ("cases", "platform_records"):
        for name in _FIELDS:
            op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for name in _FIELDS:
        value = f"petition::json -> '{name}' ->> 'value'" if is_postgresql else f"json_extract(petition, '$.{name}.value')"
        op.execute(f"UPDATE cases SET {name} = COALESCE({value}, '')")  # noqa: S608 - two names of our own
    _grams("match_grams", "case_id", "cases")
    _grams("record_grams", "record_id", "platform_records")
    op.create_index("ix_record_grams_record", "record_grams", ["record_id"])
    op.create_table(
        "gram_counts",
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("gram", sa.BigInteger(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("district", "gram", name="pk_gram_counts"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take it back, the pieces included."""
    for table in ("gram_counts", "record_grams", "match_grams"):
        op.drop_table(table)
    for table in ("platform_records", "cases"):
        for name in _FIELDS:
            op.drop_column(table, name)


def _grams(table: str, owner: str, owners: str) -> None:
    op.create_table(
        table,
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("gram", sa.BigInteger(), nullable=False),
        sa.Column(owner, sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("district", "gram", owner, name=f"pk_{table}"),
        sa.ForeignKeyConstraint([owner], [f"{owners}.id"], name=f"fk_{table}_{owner}"),
        sqlite_with_rowid=False,
    )

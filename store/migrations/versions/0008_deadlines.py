"""Deadlines: who owes what by when, with an index over those that still run.

Revision 0008, after 0007. Cases that are open get theirs with their next event; the CG-3.4 date stays in the case.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "deadlines",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("id", "case_id", "fired", "urgent")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "kind", "round", "owes", "due", "state")),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_on", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deadlines"),
        sa.UniqueConstraint("case_id", "kind", "round", "district", name="uq_deadlines_case_id_kind_round_district"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_deadlines_case_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_deadlines_next", "district", "next_at", "id", where="next_at IS NOT NULL")
    _index("ix_deadlines_running", "district", "case_id", where="ended_at IS NULL")


def downgrade() -> None:
    """Take it back, the deadlines included."""
    op.drop_table("deadlines")


def _index(name: str, *columns: str, where: str) -> None:
    condition: dict[str, Any] = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}
    op.create_index(name, "deadlines", list(columns), **condition)

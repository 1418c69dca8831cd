"""Replies whose sender is in doubt wait for somebody to vouch for them.

Revision 0022, after 0021.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "held_replies",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("arrival_id", "case_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "why", "role", "department", "says", "state")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("settled_by", "settled_reason")),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("arrival_id", "district", name="pk_held_replies"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_held_replies_arrival_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_held_replies_case_id"),
    )
    op.create_index("ix_held_replies_case", "held_replies", ["case_id", "held_at"])
    held = sa.text("state = 'held'")
    op.create_index("ix_held_replies_held", "held_replies", ["arrival_id"], sqlite_where=held, postgresql_where=held)


def downgrade() -> None:
    """Take it back; the replies themselves stay at their cases."""
    op.drop_table("held_replies")

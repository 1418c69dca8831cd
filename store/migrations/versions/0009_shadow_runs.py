"""Packs that decide silently beside the one in force, and where they decided otherwise.

Revision 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "shadow_runs",
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("decided", "different", "dropped", "failed")),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("district", "seq", name="pk_shadow_runs"),
    )
    op.create_table(
        "shadow_differences",
        sa.Column("district", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("run", "nth", "arrival_id")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("district", "run", "nth", name="pk_shadow_differences"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_shadow_differences_arrival_id"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("shadow_differences")
    op.drop_table("shadow_runs")

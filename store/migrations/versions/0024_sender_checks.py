"""What our own checks of senders found.

Revision 0024, after 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "sender_checks",
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("arrival_id", "district", name="pk_sender_checks"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_sender_checks_arrival_id"),
    )


def downgrade() -> None:
    """Take it back; what was found stays with the letters that were decided."""
    op.drop_table("sender_checks")

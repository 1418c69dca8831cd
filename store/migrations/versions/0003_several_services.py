"""Several services on one database: who is at work, and what is known in a district.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "leases",
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "district", name=op.f("pk_leases")),
    )
    op.create_table(
        "knowledge",
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("district", name=op.f("pk_knowledge")),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("knowledge")
    op.drop_table("leases")

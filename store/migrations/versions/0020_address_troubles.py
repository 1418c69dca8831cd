"""Addresses that mail of ours did not reach.

Revision 0020, after 0019.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "address_troubles",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "address", "words")),
        sa.Column("is_dead", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("since", "last_at")),
        sa.PrimaryKeyConstraint("address", "district", name="pk_address_troubles"),
    )
    op.create_index("ix_address_troubles_last", "address_troubles", ["last_at", "address"])


def downgrade() -> None:
    """Take it back; which addresses were dead is told by the next reports."""
    op.drop_table("address_troubles")

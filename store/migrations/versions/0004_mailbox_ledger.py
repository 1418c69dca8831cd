"""The ledger of mailboxes: which message of which folder became which arrival.

Revision 0004, behind 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "mailbox_ledger",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "mailbox", "folder", "state")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("uidvalidity", "uid")),
        sa.Column("arrival_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("mailbox", "folder", "uidvalidity", "uid", "district", name="pk_mailbox_ledger"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_mailbox_ledger_arrival_id"),
    )


def downgrade() -> None:
    """Take it back. The mailboxes are then read anew; what was in them is known by its content."""
    op.drop_table("mailbox_ledger")

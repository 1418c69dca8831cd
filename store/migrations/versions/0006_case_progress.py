"""Case life: what promises, returns, answers and ratings have left in a case. Cases that are open stay where they stand.

Revision 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column("cases", sa.Column("progress", sa.Text(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Take it back, what they hold included; a case in a state that revision 0004 does not know stands as assigned again."""
    known = "('under_review', 'assigned', 'awaiting_supplement', 'refused')"
    op.execute(f"UPDATE cases SET state = 'assigned' WHERE state NOT IN {known}")  # noqa: S608 - a constant
    with op.batch_alter_table("cases") as batch:
        batch.drop_column("progress")

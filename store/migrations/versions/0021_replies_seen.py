"""What was said in answer to our mails, so that a letter played to us twice is known.

Revision 0021, after 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "replies_seen",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "digest")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("notice_id", "arrival_id")),
        sa.PrimaryKeyConstraint("notice_id", "digest", "district", name="pk_replies_seen"),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name="fk_replies_seen_notice_id"),
    )


def downgrade() -> None:
    """Take it back; what was said before is then news once more."""
    op.drop_table("replies_seen")

"""What a database remembers about itself: the key of its Message-IDs, how far a drill has come.

Revision 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "instance",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "name", "value")),
        sa.PrimaryKeyConstraint("name", "district", name="pk_instance"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("instance")

"""Which running deadlines were counted otherwise is found by index at a start, however long the history of closed ones.

Revision 0016, after 0015.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_RUNS = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Apply this revision."""
    op.create_index("ix_deadlines_counted", "deadlines", ["district", "counted_by"], sqlite_where=_RUNS, postgresql_where=_RUNS)


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_deadlines_counted", "deadlines")

"""A report finds what came in, what was opened and what fell due in its window by index, however long the history before it.

Revision 0019, after 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_MOVED = sa.text("kind = 'deadline.moved'")


def upgrade() -> None:
    """Apply this revision."""
    op.create_index("ix_arrivals_received", "arrivals", ["district", "received_at"])
    op.create_index("ix_cases_opened", "cases", ["district", "opened_at"])
    op.create_index("ix_deadlines_due", "deadlines", ["district", "due_at"])
    op.create_index("ix_events_moved", "events", ["district", "at"], sqlite_where=_MOVED, postgresql_where=_MOVED)


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_events_moved", "events")
    op.drop_index("ix_deadlines_due", "deadlines")
    op.drop_index("ix_cases_opened", "cases")
    op.drop_index("ix_arrivals_received", "arrivals")

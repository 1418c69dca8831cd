"""The sessions and activities of some days are looked up for the calendar.

Revision 0023, after 0022.
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_index("ix_subjects_day", "subjects", ["district", "sort", "day"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_subjects_day", "subjects")

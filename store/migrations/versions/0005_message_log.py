"""What the log of a message needs: who handed it in, what did not work at once, when it was decided, what the relay said.

Revision 0005, behind 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAMED = sa.text("message_id <> ''")


def upgrade() -> None:
    """Apply this revision. Columns are added without copying a table: a district's mail of years lies in them."""
    for table in ("arrivals", "deliveries"):
        op.add_column(table, sa.Column("peer", sa.Text(), server_default="", nullable=False))
    op.add_column("decisions", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notices", sa.Column("reply", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_arrivals_message", "arrivals", ["message_id"], sqlite_where=_NAMED, postgresql_where=_NAMED)
    op.create_table(
        "tries",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "kind", "words")),
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("first_at", "last_at")),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tries"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_tries_arrival_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tries_arrival", "tries", ["arrival_id", "id"])


def downgrade() -> None:
    """Take it back, the tries included."""
    op.drop_table("tries")
    op.drop_index("ix_arrivals_message", "arrivals")
    op.drop_column("notices", "reply")
    op.drop_column("decisions", "decided_at")
    for table in ("deliveries", "arrivals"):
        op.drop_column(table, "peer")

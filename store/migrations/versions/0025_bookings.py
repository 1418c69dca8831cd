"""Enterprises book places in sessions.

Revision 0025, after 0024.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "bookings",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("subject_id", "case_id", "number")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "state")),
        *(sa.Column(name, sa.Text(), nullable=False, server_default="") for name in ("told", "call")),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bookings"),
        sa.UniqueConstraint("subject_id", "number", "district", name="uq_bookings_subject_id_number_district"),
        sa.UniqueConstraint("case_id", "subject_id", "district", name="uq_bookings_case_id_subject_id_district"),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name="fk_bookings_subject_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_bookings_case_id"),
        sqlite_autoincrement=True,
    )
    stands = sa.text("state = 'booked'")
    op.create_index("ix_bookings_case", "bookings", ["district", "case_id"], unique=True, sqlite_where=stands, postgresql_where=stands)


def downgrade() -> None:
    """Take it back; the cases themselves stay."""
    op.drop_table("bookings")

"""Enterprises are asked by mail, and their answers counted.

Revision 0026, after 0025.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "survey_sheets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("arrival_id", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "survey", "recipient")),
        *(sa.Column(name, sa.Text(), nullable=False, server_default="") for name in ("enterprise", "department", "marks", "remarks")),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_survey_sheets"),
        sa.UniqueConstraint("subject_id", "recipient", "district", name="uq_survey_sheets_subject_id_recipient_district"),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name="fk_survey_sheets_subject_id"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Take it back; the answers themselves stay among the arrivals."""
    op.drop_table("survey_sheets")

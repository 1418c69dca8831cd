"""What persons say of two reports, one matter or two, is remembered.

Revision 0015, after 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "pairs",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("id", "case_id", "is_same")),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("other_id", "record_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "actor", "reason")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pairs"),
        sa.UniqueConstraint("case_id", "other_id", "district", name="uq_pairs_case_id_other_id_district"),
        sa.UniqueConstraint("case_id", "record_id", "district", name="uq_pairs_case_id_record_id_district"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_pairs_case_id"),
        sa.ForeignKeyConstraint(["other_id"], ["cases.id"], name="fk_pairs_other_id"),
        sa.ForeignKeyConstraint(["record_id"], ["platform_records.id"], name="fk_pairs_record_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pairs_other", "pairs", ["other_id"])
    op.create_index("ix_pairs_record", "pairs", ["record_id"])


def downgrade() -> None:
    """Take it back, with what was said."""
    op.drop_table("pairs")

"""Records of other platforms and their keys, so that a petition finds what was reported elsewhere.

Revision 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "platform_records",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("id", "arrival_id")),
        sa.Column("case_id", sa.Integer(), nullable=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("district", "platform", "number", "status", "status_words", "name", "title", "content")
        ),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("status_since", "reported_at")),
        sa.PrimaryKeyConstraint("id", name="pk_platform_records"),
        sa.UniqueConstraint("district", "platform", "number", name="uq_platform_records_district_platform_number"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_platform_records_arrival_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_platform_records_case_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_platform_records_arrival", "platform_records", ["arrival_id"])
    op.create_index("ix_platform_records_case", "platform_records", ["case_id"])
    op.create_table(
        "record_keys",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "kind", "value")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("record_id", "arrival_id")),
        sa.PrimaryKeyConstraint("district", "kind", "value", "record_id", name="pk_record_keys"),
        sa.ForeignKeyConstraint(["record_id"], ["platform_records.id"], name="fk_record_keys_record_id"),
    )
    op.create_index("ix_record_keys_record", "record_keys", ["record_id"])


def downgrade() -> None:
    """Take it back, the records included."""
    op.drop_table("record_keys")
    op.drop_table("platform_records")

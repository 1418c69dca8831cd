"""What other platforms told, whole and version by version, and how far it is taken.

Revision 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    numbers = ("good", "bad_rows", "taken", "added", "changed", "same", "older", "turned_back")
    texts = ("district", "platform", "door", "source_key", "name", "peer", "sha256", "form", "state", "pending", "bad")
    op.create_table(
        "platform_batches",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in numbers),
        sa.PrimaryKeyConstraint("id", name="pk_platform_batches"),
        sa.UniqueConstraint("district", "platform", "door", "source_key", name="uq_platform_batches_district_platform_door_source_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_platform_records_number", "platform_records", ["number"])
    is_open = sa.text("state = 'taking'")
    op.create_index(
        "ix_platform_batches_open", "platform_batches", ["district", "platform", "id"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "platform_versions",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("record_id", "version", "arrival_id", "batch_id", "place")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("district", "status", "status_words", "turned_from", "digest")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("record_id", "version", "district", name="pk_platform_versions"),
        sa.ForeignKeyConstraint(["record_id"], ["platform_records.id"], name="fk_platform_versions_record_id"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_platform_versions_arrival_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["platform_batches.id"], name="fk_platform_versions_batch_id"),
    )
    op.create_index("ix_platform_versions_arrival", "platform_versions", ["arrival_id"])
    turned = sa.text("turned_from <> ''")
    op.create_index("ix_platform_versions_turned", "platform_versions", ["record_id"], sqlite_where=turned, postgresql_where=turned)


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_platform_records_number", "platform_records")
    op.drop_table("platform_versions")
    op.drop_table("platform_batches")

"""Sessions, activities and the returns of a period: what is owed without a case has a place, a history and its mails.

Revision 0014, after 0013. Deadlines and notices are copied on SQLite, which cannot let a column be empty otherwise.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_RUNS = "ended_at IS NULL AND subject_id IS NOT NULL"
_WITHOUT_CASE = "case_id IS NULL"


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "subjects",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("id", "events")),
        *_texts("district", "sort", "of", "key", "title", "department", "day", "until", "done", "state", "head"),
        sa.PrimaryKeyConstraint("id", name="pk_subjects"),
        sa.UniqueConstraint("district", "key", name="uq_subjects_district_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subjects_of", "subjects", ["district", "of", "department", "day"])
    op.create_table(
        "subject_events",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("subject_id", "seq")),
        *_texts("district", "kind", "actor", "reason", "data", "previous", "digest"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "seq", "district", name="pk_subject_events"),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name="fk_subject_events_subject_id"),
    )
    with op.batch_alter_table("deadlines", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column("case_id", existing_type=sa.Integer(), nullable=True)
        batch.add_column(sa.Column("subject_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("waited", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("counted_by", sa.Text(), server_default="", nullable=False))
        batch.create_foreign_key("fk_deadlines_subject_id", "subjects", ["subject_id"], ["id"])
        batch.create_unique_constraint("uq_deadlines_subject_id_kind_round_district", ["subject_id", "kind", "round", "district"])
    _index("ix_deadlines_of_subject", "deadlines", "district", "subject_id", where=_RUNS)
    with op.batch_alter_table("notices", table_kwargs={"sqlite_autoincrement": True}) as batch:
        for column in ("case_id", "arrival_id"):
            batch.alter_column(column, existing_type=sa.Integer(), nullable=True)
    _index("ix_notices_subject", "notices", "district", "case_number", "purpose", "recipient", "round", where=_WITHOUT_CASE, unique=True)


def downgrade() -> None:
    """Take it back, with all that is owed without a case and the mails about it."""
    op.drop_index("ix_notices_subject", "notices")
    op.execute(f"DELETE FROM notices WHERE {_WITHOUT_CASE}")  # noqa: S608 - a constant
    with op.batch_alter_table("notices", table_kwargs={"sqlite_autoincrement": True}) as batch:
        for column in ("case_id", "arrival_id"):
            batch.alter_column(column, existing_type=sa.Integer(), nullable=False)
    op.drop_index("ix_deadlines_of_subject", "deadlines")
    op.execute(f"DELETE FROM deadlines WHERE {_WITHOUT_CASE}")  # noqa: S608 - a constant
    with op.batch_alter_table("deadlines", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint("uq_deadlines_subject_id_kind_round_district", type_="unique")
        batch.drop_constraint("fk_deadlines_subject_id", type_="foreignkey")
        batch.drop_column("subject_id")
        batch.drop_column("waited")
        batch.drop_column("counted_by")
        batch.alter_column("case_id", existing_type=sa.Integer(), nullable=False)
    op.drop_table("subject_events")
    op.drop_table("subjects")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _index(name: str, table: str, *columns: str, where: str, unique: bool = False) -> None:
    condition: dict[str, Any] = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}
    op.create_index(name, table, list(columns), unique=unique, **condition)

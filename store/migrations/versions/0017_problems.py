"""Common problems: groups of reports, how they are found, and which reports wait to be grouped. What was accepted before waits, too.

Revision 0017, after 0016.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "problems",
        *_integers("id", "size", "enterprises"),
        *_texts("district", "department", "state", "name", "words", "matters", "departments"),
        sa.Column("lead", sa.Text(), server_default="", nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("first_at", "last_at")),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_problems"),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name="fk_problems_subject_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_problems_state", "problems", ["district", "state", "enterprises", "id"])
    op.create_table(
        "problem_members",
        *_integers("arrival_id", "problem_id"),
        *_texts("district", "enterprise"),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("case_id", "record_id")),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("arrival_id", "district", name="pk_problem_members"),
        sa.UniqueConstraint("record_id", "district", name="uq_problem_members_record_id_district"),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_problem_members_problem_id"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_problem_members_arrival_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_problem_members_case_id"),
        sa.ForeignKeyConstraint(["record_id"], ["platform_records.id"], name="fk_problem_members_record_id"),
    )
    op.create_index("ix_problem_members_at", "problem_members", ["problem_id", "at"])
    op.create_index("ix_problem_members_enterprise", "problem_members", ["problem_id", "enterprise"])
    op.create_index("ix_problem_members_case", "problem_members", ["case_id"])
    op.create_table(
        "problem_keys",
        *_integers("problem_id"),
        *_texts("district", "key"),
        sa.PrimaryKeyConstraint("district", "key", "problem_id", name="pk_problem_keys"),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_problem_keys_problem_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_problem_keys_problem", "problem_keys", ["problem_id"])
    op.create_table(
        "problem_queue",
        *_integers("arrival_id"),
        *_texts("district"),
        sa.PrimaryKeyConstraint("district", "arrival_id", name="pk_problem_queue"),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_problem_queue_arrival_id"),
    )
    op.execute("INSERT INTO problem_queue (district, arrival_id) SELECT district, arrival_id FROM cases WHERE verdict = 'accept'")


def downgrade() -> None:
    """Take it back, with all groups; their histories and mails go, too."""
    for table in ("problem_queue", "problem_keys", "problem_members", "problems"):
        op.drop_table(table)
    for table, column in (("notices", "case_number"), ("subject_events", "subject_id")):
        owner = "key" if table == "notices" else "id"
        more = " AND case_id IS NULL" if table == "notices" else ""
        op.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT {owner} FROM subjects WHERE sort = 'problem'){more}")  # noqa: S608 - constants
    op.execute("DELETE FROM subjects WHERE sort = 'problem'")


def _integers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]

"""First tables: arrivals, cases with their histories and keys, the outbox.

Revision 0001, the first.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBERED = {"sqlite_autoincrement": True}  # a running number never comes back


def upgrade() -> None:
    """Apply this revision."""
    _create_arrivals()
    _create_attachments()
    _create_cases()
    _create_decisions()
    _create_history()
    _create_notices()


def downgrade() -> None:
    """Take it back, what they hold included."""
    for table in ("notices", "match_keys", "events", "decisions", "cases", "case_numbers"):
        op.drop_table(table)
    for table in ("attachments", "blobs", "deliveries", "raws", "arrivals"):
        op.drop_table(table)


def _create_arrivals() -> None:
    op.create_table(
        "arrivals",
        *_integers("id", "tries"),
        *_texts("district", "channel", "door", "source_key", "content_key", "message_id", "envelope_from", "envelope_to"),
        *_texts("state", "problem"),
        *_moments("received_at", "due_at"),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
        sa.UniqueConstraint("district", "content_key", name="uq_arrivals_district_content_key"),
        sa.UniqueConstraint("district", "door", "source_key", name="uq_arrivals_district_door_source_key"),
        **_NUMBERED,
    )
    _index("ix_arrivals_undecided", "arrivals", "due_at", "id", where="state = 'accepted'")
    _index("ix_arrivals_quarantined", "arrivals", "id", where="state = 'quarantined'")
    _index("ix_arrivals_owner", "arrivals", "owner", where="owner IS NOT NULL")
    op.create_table(
        "raws",
        *_texts("district"),
        *_integers("arrival_id"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("district", "arrival_id", name="pk_raws"),
        _reference("raws", "arrival_id", "arrivals"),
    )
    op.create_table(
        "deliveries",
        *_integers("id", "arrival_id"),
        *_texts("district", "door", "source_key"),
        *_moments("at"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        _reference("deliveries", "arrival_id", "arrivals"),
        **_NUMBERED,
    )
    _index("ix_deliveries_arrival", "deliveries", "arrival_id")


def _create_attachments() -> None:
    op.create_table(
        "blobs",
        *_texts("sha256", "district"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "district", name="pk_blobs"),
    )
    op.create_table(
        "attachments",
        *_texts("district", "name", "content_type", "sha256"),
        *_integers("arrival_id", "position", "size"),
        sa.PrimaryKeyConstraint("district", "arrival_id", "position", name="pk_attachments"),
        _reference("attachments", "arrival_id", "arrivals"),
    )


def _create_cases() -> None:
    op.create_table(
        "case_numbers",
        *_texts("district"),
        *_integers("year", "last"),
        sa.PrimaryKeyConstraint("district", "year", name="pk_case_numbers"),
    )
    op.create_table(
        "cases",
        *_integers("id", "arrival_id", "events"),
        *_texts("district", "number", "number_key", "state", "verdict", "head"),
        *_moments("opened_at", "received_at"),
        sa.Column("ground", sa.Integer(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("due", sa.Text(), nullable=True),
        sa.Column("review_since", sa.DateTime(timezone=True), nullable=True),
        *_texts("accompanying", "name", "title", "content", "petition", "decision"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("number_key", "district", name="uq_cases_number_key_district"),
        sa.UniqueConstraint("arrival_id", "district", name="uq_cases_arrival_id_district"),
        _reference("cases", "arrival_id", "arrivals"),
        **_NUMBERED,
    )
    _index("ix_cases_state", "cases", "state", "id")
    _index("ix_cases_department", "cases", "department", "id")
    _index("ix_cases_review", "cases", "id", where="review_since IS NOT NULL")


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        *_integers("arrival_id"),
        *_texts("district", "verdict", "petition", "decision", "standing", "settled_by", "settled_reason"),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("arrival_id", "district", name="pk_decisions"),
        _reference("decisions", "arrival_id", "arrivals"),
        _reference("decisions", "case_id", "cases"),
    )
    _index("ix_decisions_case", "decisions", "case_id", "arrival_id")
    _index("ix_decisions_verdict", "decisions", "verdict", "arrival_id")
    _index("ix_decisions_proposed", "decisions", "arrival_id", where="standing = 'proposed'")


def _create_history() -> None:
    op.create_table(
        "events",
        *_integers("case_id", "seq"),
        *_texts("district", "kind", "actor", "reason", "data", "previous", "digest"),
        *_moments("at"),
        sa.PrimaryKeyConstraint("case_id", "seq", "district", name="pk_events"),
        _reference("events", "case_id", "cases"),
    )
    op.create_table(
        "match_keys",
        *_texts("district", "kind", "value"),
        *_integers("case_id", "arrival_id"),
        sa.PrimaryKeyConstraint("district", "kind", "value", "case_id", name="pk_match_keys"),
        _reference("match_keys", "case_id", "cases"),
    )


def _create_notices() -> None:
    key = ("district", "case_id", "purpose", "recipient", "round")
    op.create_table(
        "notices",
        *_integers("id", "case_id", "arrival_id", "tries"),
        *_texts("district", "case_number", "purpose", "recipient", "round", "notice", "message_id", "state", "problem"),
        *_moments("created_at"),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cap_key", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint(*key, name="uq_notices_district_case_id_purpose_recipient_round"),
        sa.UniqueConstraint("message_id", "district", name="uq_notices_message_id_district"),
        _reference("notices", "case_id", "cases"),
        **_NUMBERED,
    )
    _index("ix_notices_due", "notices", "due_at", "id", where="due_at IS NOT NULL")
    _index("ix_notices_owner", "notices", "owner", where="owner IS NOT NULL")
    _index("ix_notices_cap", "notices", "district", "cap_key", "created_at", where="cap_key IS NOT NULL")
    _index("ix_notices_case", "notices", "case_id", "id")
    _index("ix_notices_state", "notices", "state", "id")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _integers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _moments(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in names]


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}")


def _index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    condition: dict[str, Any] = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
    op.create_index(name, table, list(columns), **condition)

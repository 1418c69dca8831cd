"""The tables of common problems: groups of reports, by which words they are found, and which reports wait to be grouped."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import EmptyText, MaybeMoment, MaybeText, Moment, Row, RowId, Text, reference


class ProblemRow(Row, table=True):
    """One group of reports; see `store.model.problem`. `words`, `matters` and `departments` are JSON objects.

    `subject_id` is where its history and its mails lie, once a person was asked or opened it.
    """

    __tablename__ = "problems"
    __table_args__ = (
        reference("subjects", "subject_id"),
        sa.Index("ix_problems_state", "district", "state", "enterprises", "id"),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    department: Text
    state: Text
    name: Text
    words: Text
    matters: Text
    size: int
    enterprises: int
    departments: Text
    first_at: Moment
    last_at: Moment
    lead: EmptyText
    proposed_at: MaybeMoment
    subject_id: int | None


class ProblemMemberRow(Row, table=True):
    """One report of a group: a case of ours or a record of another platform, by the arrival that brought it. `enterprise` is who reports."""

    __tablename__ = "problem_members"
    __table_args__ = (
        sa.PrimaryKeyConstraint("arrival_id", "district"),
        reference("problems", "problem_id"),
        reference("arrivals", "arrival_id"),
        reference("cases", "case_id"),
        reference("platform_records", "record_id"),
        sa.UniqueConstraint("record_id", "district"),
        sa.Index("ix_problem_members_at", "problem_id", "at"),
        sa.Index("ix_problem_members_enterprise", "problem_id", "enterprise"),
        sa.Index("ix_problem_members_case", "case_id"),
    )

    arrival_id: int
    district: Text
    problem_id: int
    case_id: int | None
    record_id: int | None
    enterprise: Text
    department: MaybeText
    at: Moment


class ProblemKeyRow(Row, table=True):
    """One key by which a group is found: a word, or a department and a matter of the pack."""

    __tablename__ = "problem_keys"
    __table_args__ = (
        sa.PrimaryKeyConstraint("district", "key", "problem_id"),
        reference("problems", "problem_id"),
        sa.Index("ix_problem_keys_problem", "problem_id"),
        {"sqlite_with_rowid": False},
    )

    district: Text
    key: Text
    problem_id: int


class ProblemQueueRow(Row, table=True):
    """An arrival whose report waits to be grouped; written with its decision, gone with its place in a group."""

    __tablename__ = "problem_queue"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "arrival_id"), reference("arrivals", "arrival_id"))

    district: Text
    arrival_id: int

"""The tables of what was decided: cases, their numbers, histories and deadlines, and decisions without a case."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from sqlmodel import Field

from store.tables.columns import EmptyText, MaybeMoment, MaybeText, Moment, PlainText, Row, RowId, Text, partial_index, reference

# The words of a partial index are also the words of the query it serves: SQLite uses the index only where both are the same.
DEADLINE_RUNS = sa.text("ended_at IS NULL")
DEADLINE_OF_SUBJECT_RUNS = sa.text("ended_at IS NULL AND subject_id IS NOT NULL")
DECISION_PROPOSED = sa.text("standing = 'proposed'")
EVENT_MOVED = sa.text("kind = 'deadline.moved'")


class NumberRow(Row, table=True):
    """The last case number given in a district and year."""

    __tablename__ = "case_numbers"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "year"),)

    district: Text
    year: int
    last: int


class CaseRow(Row, table=True):
    """One case: what the rules made of its petition as JSON, and as columns what stands now.

    `name`, `uscc`, `phone`, `title` and `content` repeat the petition so that a candidate is read without its attachments' texts.
    `review_since` is when a person was first needed, NULL where nobody is; `events` and `head` are length and last digest of its history.
    """

    __tablename__ = "cases"
    __table_args__ = (
        sa.UniqueConstraint("number_key", "district"),
        sa.UniqueConstraint("arrival_id", "district"),
        reference("arrivals", "arrival_id"),
        sa.Index("ix_cases_state", "state", "id"),
        sa.Index("ix_cases_department", "department", "id"),
        sa.Index("ix_cases_opened", "district", "opened_at"),
        partial_index("ix_cases_review", "id", where=sa.text("review_since IS NOT NULL")),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    number: Text
    number_key: Text
    state: Text
    opened_at: Moment
    received_at: Moment
    arrival_id: int
    name: Text
    uscc: EmptyText
    phone: EmptyText
    title: Text
    content: Text
    petition: Text  # JSON
    decision: Text  # JSON
    verdict: Text
    ground: int | None
    department: MaybeText
    accompanying: Text  # JSON list
    due: MaybeText  # JSON
    progress: Annotated[str, Field(sa_type=PlainText, sa_column_kwargs={"server_default": "{}"})]  # JSON
    review_since: MaybeMoment
    events: int
    head: Text


class DecisionRow(Row, table=True):
    """What was decided about an arrival that opened no case of its own: a follow-up of `case_id`, or not a case.

    `standing` is "final", "proposed" (a person should look), "confirmed" or "overruled" (a person opened a case after all).
    """

    __tablename__ = "decisions"
    __table_args__ = (
        sa.PrimaryKeyConstraint("arrival_id", "district"),
        reference("arrivals", "arrival_id"),
        reference("cases", "case_id"),
        sa.Index("ix_decisions_case", "case_id", "arrival_id"),
        sa.Index("ix_decisions_verdict", "verdict", "arrival_id"),
        partial_index("ix_decisions_proposed", "arrival_id", where=DECISION_PROPOSED),
    )

    arrival_id: int
    district: Text
    case_id: int | None
    verdict: Text
    petition: Text  # JSON
    decision: Text  # JSON
    standing: Text
    decided_at: MaybeMoment  # NULL where an earlier version decided
    settled_at: MaybeMoment
    settled_by: Text
    settled_reason: Text


class EventRow(Row, table=True):
    """One link of a case's history; see `store.audit`."""

    __tablename__ = "events"
    __table_args__ = (
        sa.PrimaryKeyConstraint("case_id", "seq", "district"),
        reference("cases", "case_id"),
        partial_index("ix_events_moved", "district", "at", where=EVENT_MOVED),
    )

    case_id: int
    seq: int
    district: Text
    kind: Text
    at: Moment
    actor: Text
    reason: Text
    data: Text  # canonical JSON
    previous: Text
    digest: Text


class SubjectRow(Row, table=True):
    """A session, an activity or the return of a period, of which something is owed without a case; see `store.owing.Subject`."""

    __tablename__ = "subjects"
    __table_args__ = (
        sa.UniqueConstraint("district", "key"),
        sa.Index("ix_subjects_of", "district", "of", "department", "day"),
        sa.Index("ix_subjects_day", "district", "sort", "day"),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    sort: Text
    of: Text
    key: Text
    title: Text
    department: Text
    day: Text  # ISO date
    until: Text  # ISO date
    done: Text  # JSON list of ISO dates
    state: Text
    events: int
    head: Text


class SubjectEventRow(Row, table=True):
    """One link of the history of a session, an activity or a period; see `store.audit`."""

    __tablename__ = "subject_events"
    __table_args__ = (sa.PrimaryKeyConstraint("subject_id", "seq", "district"), reference("subjects", "subject_id"))

    subject_id: int
    seq: int
    district: Text
    kind: Text
    at: Moment
    actor: Text
    reason: Text
    data: Text  # canonical JSON
    previous: Text
    digest: Text


class DeadlineRow(Row, table=True):
    """One date somebody owes something by, of a case or else of a subject; see `store.owing`.

    `next_at` is NULL where the clock has nothing to do, `ended_at` while it runs or waits.
    """

    __tablename__ = "deadlines"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "kind", "round", "district"),
        sa.UniqueConstraint("subject_id", "kind", "round", "district"),
        reference("cases", "case_id"),
        reference("subjects", "subject_id"),
        partial_index("ix_deadlines_next", "district", "next_at", "id", where=sa.text("next_at IS NOT NULL")),
        partial_index("ix_deadlines_running", "district", "case_id", where=DEADLINE_RUNS),
        partial_index("ix_deadlines_counted", "district", "counted_by", where=DEADLINE_RUNS),
        sa.Index("ix_deadlines_due", "district", "due_at"),
        partial_index("ix_deadlines_of_subject", "district", "subject_id", where=DEADLINE_OF_SUBJECT_RUNS),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    case_id: int | None
    subject_id: int | None
    kind: Text
    round: Text
    owes: Text
    urgent: int  # 0 or 1
    amount: int | None
    waited: Annotated[int, Field(sa_column_kwargs={"server_default": "0"})]
    due: Text  # JSON
    counted_by: EmptyText  # the calendar and the pack by which it was counted
    due_at: Moment
    next_at: MaybeMoment
    fired: int
    state: Text
    paused_on: MaybeText
    ended_at: MaybeMoment

"""The tables, and how a value of ours lies in a column; rows never leave store/.

Every row carries its district, and every unique key but the running number names it, so that a database may be spread by district.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

# The words of a partial index are also the words of the query it serves: SQLite uses the index only where both are the same.
ARRIVAL_UNDECIDED = sa.text("state = 'accepted'")
ARRIVAL_QUARANTINED = sa.text("state = 'quarantined'")
ARRIVAL_HAS_NAME = sa.text("message_id <> ''")
DEADLINE_RUNS = sa.text("ended_at IS NULL")
BATCH_OPEN = sa.text("state = 'taking'")
DECISION_PROPOSED = sa.text("standing = 'proposed'")


def plain(text: str) -> str:
    """Return *text* as every database can keep it: lone surrogates and NUL, which PostgreSQL refuses, become marks."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


class PlainText(TypeDecorator[str]):
    """Text of any length that a stranger may have written."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Make text plain; an enumeration becomes its value."""
        return None if value is None else plain(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in, aware UTC out, also on SQLite, which knows no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn to UTC; a moment without its zone is refused, since nobody knows when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"moment without time zone: {value}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the zone back that SQLite dropped."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Text = Annotated[str, Field(sa_type=PlainText)]
EmptyText = Annotated[str, Field(default="", sa_type=PlainText, sa_column_kwargs={"server_default": ""})]
MaybeText = Annotated[str | None, Field(sa_type=PlainText)]  # `Text | None` would lose the column type
Moment = Annotated[datetime, Field(sa_type=UtcDateTime)]
MaybeMoment = Annotated[datetime | None, Field(sa_type=UtcDateTime)]
Number = Annotated[int, Field(sa_type=sa.BigInteger)]  # 32 bits without a sign (RFC 3501), more than an Integer of PostgreSQL takes
RowId = Annotated[int | None, Field(primary_key=True)]

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def _partial(name: str, *columns: str, where: sa.TextClause) -> sa.Index:
    """Return an index over the few rows that are still open, so that finished ones cost nothing."""
    return sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


def _to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{table}.id"])


class Row(SQLModel):
    """Root of our tables; its metadata is ours alone, with names for every constraint (SQLite can only alter what has a name)."""

    metadata = sa.MetaData(naming_convention=_NAMES)


class ArrivalRow(Row, table=True):
    """One accepted arrival. `due_at` says from when it may be claimed, the lease who works on it until when."""

    __tablename__ = "arrivals"
    __table_args__ = (
        sa.UniqueConstraint("district", "content_key"),
        sa.UniqueConstraint("district", "door", "source_key"),
        _partial("ix_arrivals_undecided", "due_at", "id", where=ARRIVAL_UNDECIDED),
        _partial("ix_arrivals_quarantined", "id", where=ARRIVAL_QUARANTINED),
        _partial("ix_arrivals_owner", "owner", where=sa.text("owner IS NOT NULL")),
        _partial("ix_arrivals_message", "message_id", where=ARRIVAL_HAS_NAME),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    channel: Text
    door: Text
    peer: Text  # who handed it in; "" where the door knows nobody
    source_key: Text
    content_key: Text
    message_id: Text
    envelope_from: Text
    envelope_to: Text  # JSON list
    received_at: Moment
    state: Text
    tries: int
    problem: Text
    due_at: Moment
    owner: MaybeText
    leased_until: MaybeMoment


class RawRow(Row, table=True):
    """The bytes as they came, apart from the arrival so that lists stay light."""

    __tablename__ = "raws"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "arrival_id"), _to("arrivals", "arrival_id"))

    district: Text
    arrival_id: int
    content: bytes


class DeliveryRow(Row, table=True):
    """A further delivery of an arrival we already had; a record, nothing is decided by it."""

    __tablename__ = "deliveries"
    __table_args__ = (_to("arrivals", "arrival_id"), sa.Index("ix_deliveries_arrival", "arrival_id"), {"sqlite_autoincrement": True})

    id: RowId
    district: Text
    arrival_id: int
    door: Text
    peer: Text
    source_key: Text
    at: Moment


class LedgerRow(Row, table=True):
    """One message of a mailbox's folder that is accounted for. Rows of messages that have left the folder are dropped (`store.ledger`)."""

    __tablename__ = "mailbox_ledger"
    __table_args__ = (
        sa.PrimaryKeyConstraint("mailbox", "folder", "uidvalidity", "uid", "district"),
        _to("arrivals", "arrival_id"),
    )

    district: Text
    mailbox: Text
    folder: Text
    uidvalidity: Number
    uid: Number
    arrival_id: int | None  # NULL for what was there before the mailbox was ours
    state: Text


class TryRow(Row, table=True):
    """Something that did not work at once, or was asked for again: of an arrival, or of a notice about it (`store.tries`)."""

    __tablename__ = "tries"
    __table_args__ = (_to("arrivals", "arrival_id"), sa.Index("ix_tries_arrival", "arrival_id", "id"), {"sqlite_autoincrement": True})

    id: RowId
    district: Text
    arrival_id: int
    notice_id: int | None
    kind: Text
    words: Text
    first_at: Moment
    last_at: Moment
    times: int


class BlobRow(Row, table=True):
    """Bytes of an attachment under their own hash; the hash leads the key because a blob is asked for by hash alone."""

    __tablename__ = "blobs"
    __table_args__ = (sa.PrimaryKeyConstraint("sha256", "district"),)

    sha256: Text
    district: Text
    content: bytes


class AttachmentRow(Row, table=True):
    """Which files an arrival carried. The blob may be missing where the reader's limits left a file out."""

    __tablename__ = "attachments"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "arrival_id", "position"), _to("arrivals", "arrival_id"))

    district: Text
    arrival_id: int
    position: int
    name: Text
    content_type: Text
    size: int
    sha256: Text


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
        _to("arrivals", "arrival_id"),
        sa.Index("ix_cases_state", "state", "id"),
        sa.Index("ix_cases_department", "department", "id"),
        _partial("ix_cases_review", "id", where=sa.text("review_since IS NOT NULL")),
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
        _to("arrivals", "arrival_id"),
        _to("cases", "case_id"),
        sa.Index("ix_decisions_case", "case_id", "arrival_id"),
        sa.Index("ix_decisions_verdict", "verdict", "arrival_id"),
        _partial("ix_decisions_proposed", "arrival_id", where=DECISION_PROPOSED),
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
    __table_args__ = (sa.PrimaryKeyConstraint("case_id", "seq", "district"), _to("cases", "case_id"))

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


class KeyRow(Row, table=True):
    """One key by which a later petition finds a case: `kind` and normalised `value`; `arrival_id` is the arrival that brought it."""

    __tablename__ = "match_keys"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "kind", "value", "case_id"), _to("cases", "case_id"))

    district: Text
    kind: Text
    value: Text
    case_id: int
    arrival_id: int


class PlatformRecordRow(Row, table=True):
    """One report as another government platform told us last; `number` is the platform's. `case_id` where it was handed to us as a case.

    `name`, `title` and `content` are what a petition is compared with; `status` is a `PlatformStatus`, `status_words` the platform's own.
    """

    __tablename__ = "platform_records"
    __table_args__ = (
        sa.UniqueConstraint("district", "platform", "number"),
        _to("arrivals", "arrival_id"),
        _to("cases", "case_id"),
        sa.Index("ix_platform_records_arrival", "arrival_id"),
        sa.Index("ix_platform_records_case", "case_id"),
        sa.Index("ix_platform_records_number", "number"),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    platform: Text
    number: Text
    status: Text
    status_words: Text
    status_since: Moment
    reported_at: Moment
    name: Text
    uscc: EmptyText
    phone: EmptyText
    title: Text
    content: Text
    arrival_id: int  # the arrival that told it last
    case_id: int | None


class RecordKeyRow(Row, table=True):
    """One key by which a later petition finds a record of another platform; as `KeyRow` does for a case."""

    __tablename__ = "record_keys"
    __table_args__ = (
        sa.PrimaryKeyConstraint("district", "kind", "value", "record_id"),
        _to("platform_records", "record_id"),
        sa.Index("ix_record_keys_record", "record_id"),
    )

    district: Text
    kind: Text
    value: Text
    record_id: int
    arrival_id: int


class GramRow(Row, table=True):
    """One of the rarest pieces of three characters that a case keeps (`store.matching_grams`): `gram` is the piece as a number.

    The key is the whole row, so that SQLite keeps it once (WITHOUT ROWID).
    """

    __tablename__ = "match_grams"
    __table_args__ = (
        sa.PrimaryKeyConstraint("district", "gram", "case_id"),
        _to("cases", "case_id"),
        {"sqlite_with_rowid": False},
    )

    district: Text
    gram: Number
    case_id: int


class RecordGramRow(Row, table=True):
    """One of the rarest pieces of a record of another platform; as `GramRow` for a case."""

    __tablename__ = "record_grams"
    __table_args__ = (
        sa.PrimaryKeyConstraint("district", "gram", "record_id"),
        _to("platform_records", "record_id"),
        sa.Index("ix_record_grams_record", "record_id"),
        {"sqlite_with_rowid": False},
    )

    district: Text
    gram: Number
    record_id: int


class GramCountRow(Row, table=True):
    """How many of the newest reports have a piece of three characters; only common ones are counted (`store.matching_grams`)."""

    __tablename__ = "gram_counts"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "gram"), {"sqlite_with_rowid": False})

    district: Text
    gram: Number
    reports: int


class PlatformBatchRow(Row, table=True):
    """One file or body of another platform, whole, and how far its rows are taken; see `store.platforms`. `bad` and `pending` are JSON lists."""

    __tablename__ = "platform_batches"
    __table_args__ = (
        sa.UniqueConstraint("district", "platform", "door", "source_key"),
        _partial("ix_platform_batches_open", "district", "platform", "id", where=BATCH_OPEN),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    platform: Text
    door: Text
    source_key: Text
    name: Text
    peer: Text
    at: Moment
    content: bytes
    sha256: Text
    form: Text
    state: Text
    good: int
    pending: Text
    bad_rows: int
    bad: Text
    taken: int
    added: int
    changed: int
    same: int
    older: int
    turned_back: int


class PlatformVersionRow(Row, table=True):
    """What a record said at one time, by the arrival that told it; `turned_from` is the status it went back from, "" where it did not."""

    __tablename__ = "platform_versions"
    __table_args__ = (
        sa.PrimaryKeyConstraint("record_id", "version", "district"),
        _to("platform_records", "record_id"),
        _to("arrivals", "arrival_id"),
        _to("platform_batches", "batch_id"),
        sa.Index("ix_platform_versions_arrival", "arrival_id"),
        _partial("ix_platform_versions_turned", "record_id", where=sa.text("turned_from <> ''")),
    )

    record_id: int
    version: int
    district: Text
    arrival_id: int
    batch_id: int
    place: int
    at: Moment
    changed_at: MaybeMoment
    status: Text
    status_words: Text
    turned_from: Text
    digest: Text


class DeadlineRow(Row, table=True):
    """One date somebody owes something by; see `store.owing`. `next_at` is NULL where the clock has nothing to do, `ended_at` while it runs or waits."""

    __tablename__ = "deadlines"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "kind", "round", "district"),
        _to("cases", "case_id"),
        _partial("ix_deadlines_next", "district", "next_at", "id", where=sa.text("next_at IS NOT NULL")),
        _partial("ix_deadlines_running", "district", "case_id", where=DEADLINE_RUNS),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    case_id: int
    kind: Text
    round: Text
    owes: Text
    urgent: int  # 0 or 1
    amount: int | None
    due: Text  # JSON
    due_at: Moment
    next_at: MaybeMoment
    fired: int
    state: Text
    paused_on: MaybeText
    ended_at: MaybeMoment


class NoticeRow(Row, table=True):
    """One notice in the outbox.

    `due_at` is when it may be claimed, NULL where it is not queued. `cap_key` is the address it counts against, NULL where no cap applies
    or one held it back.
    """

    __tablename__ = "notices"
    __table_args__ = (
        sa.UniqueConstraint("district", "case_id", "purpose", "recipient", "round"),
        sa.UniqueConstraint("message_id", "district"),
        _to("cases", "case_id"),
        _partial("ix_notices_due", "due_at", "id", where=sa.text("due_at IS NOT NULL")),
        _partial("ix_notices_owner", "owner", where=sa.text("owner IS NOT NULL")),
        _partial("ix_notices_cap", "district", "cap_key", "created_at", where=sa.text("cap_key IS NOT NULL")),
        sa.Index("ix_notices_case", "case_id", "id"),
        sa.Index("ix_notices_state", "state", "id"),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    case_id: int
    case_number: Text
    arrival_id: int
    purpose: Text
    recipient: Text
    round: Text
    notice: Text  # JSON
    cap_key: MaybeText
    message_id: Text
    state: Text
    tries: int
    problem: Text
    reply: Text  # what the relay said when it took it
    created_at: Moment
    due_at: MaybeMoment
    sent_at: MaybeMoment
    owner: MaybeText
    leased_until: MaybeMoment


class PackRow(Row, table=True):
    """One pack that was used, whole: `content` is a zip of its files. See `store.packs`."""

    __tablename__ = "packs"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "digest"),)

    district: Text
    digest: Text
    kept_at: Moment
    content: bytes


class OrderRow(Row, table=True):
    """One order that a kept pack be in force from now on; the highest `seq` of a district counts. See `store.orders`."""

    __tablename__ = "pack_orders"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "seq"),)

    district: Text
    seq: int
    digest: Text
    at: Moment
    actor: Text
    reason: Text
    origin: Text


class FollowerRow(Row, table=True):
    """By which order a running service decides, and why it did not follow a later one, "" where it did. Gone when it ends in order."""

    __tablename__ = "pack_followers"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "service"),)

    district: Text
    service: Text
    seq: int
    digest: Text
    at: Moment
    problem: Text


class ShadowRunRow(Row, table=True):
    """One pack's time as shadow of the one in force; the highest `seq` of a district counts. See `store.shadows`."""

    __tablename__ = "shadow_runs"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "seq"),)

    district: Text
    seq: int
    digest: Text
    started_at: Moment
    started_by: Text
    stopped_at: MaybeMoment
    stopped_by: Text
    decided: int
    different: int
    dropped: int
    failed: int
    problem: Text


class ShadowDifferenceRow(Row, table=True):
    """One petition that a shadow decided otherwise; `nth` counts those of a `run` from 1, the oldest are dropped. See `store.shadows`."""

    __tablename__ = "shadow_differences"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "run", "nth"), _to("arrivals", "arrival_id"))

    district: Text
    run: int
    nth: int
    arrival_id: int
    at: Moment
    found: Text  # JSON


class LeaseRow(Row, table=True):
    """What one service holds until a moment by the server's clock; see `store.leases`. `district` is "" for what concerns them all."""

    __tablename__ = "leases"
    __table_args__ = (sa.PrimaryKeyConstraint("name", "district"),)

    district: Text
    name: Text
    owner: Text
    until: Moment


class KnowledgeRow(Row, table=True):
    """How often what matching can find in a district has changed; see `store.knowledge`."""

    __tablename__ = "knowledge"
    __table_args__ = (sa.PrimaryKeyConstraint("district"),)

    district: Text
    changes: int


class InstanceRow(Row, table=True):
    """One named value that a database remembers about itself; see `store.instance`."""

    __tablename__ = "instance"
    __table_args__ = (sa.PrimaryKeyConstraint("name", "district"),)

    district: Text
    name: Text
    value: Text


def _table(name: str) -> sa.Table:
    return Row.metadata.tables[name]


ARRIVALS = _table("arrivals")
RAWS = _table("raws")
DELIVERIES = _table("deliveries")
LEDGER = _table("mailbox_ledger")
TRIES = _table("tries")
BLOBS = _table("blobs")
ATTACHMENTS = _table("attachments")
NUMBERS = _table("case_numbers")
CASES = _table("cases")
DECISIONS = _table("decisions")
EVENTS = _table("events")
KEYS = _table("match_keys")
PLATFORM_RECORDS = _table("platform_records")
RECORD_KEYS = _table("record_keys")
GRAMS = _table("match_grams")
RECORD_GRAMS = _table("record_grams")
GRAM_COUNTS = _table("gram_counts")
PLATFORM_BATCHES = _table("platform_batches")
PLATFORM_VERSIONS = _table("platform_versions")
NOTICES = _table("notices")
DEADLINES = _table("deadlines")
PACKS = _table("packs")
ORDERS = _table("pack_orders")
FOLLOWERS = _table("pack_followers")
SHADOW_RUNS = _table("shadow_runs")
SHADOW_DIFFERENCES = _table("shadow_differences")
LEASES = _table("leases")
KNOWLEDGE = _table("knowledge")
INSTANCE = _table("instance")

"""The tables by which a later petition finds an earlier report, ours or another platform's."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import BATCH_OPEN, EmptyText, MaybeMoment, Moment, Number, Row, RowId, Text, partial_index, reference


class KeyRow(Row, table=True):
    """One key by which a later petition finds a case: `kind` and normalised `value`; `arrival_id` is the arrival that brought it."""

    __tablename__ = "match_keys"
    __table_args__ = (sa.PrimaryKeyConstraint("district", "kind", "value", "case_id"), reference("cases", "case_id"))

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
        reference("arrivals", "arrival_id"),
        reference("cases", "case_id"),
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
        reference("platform_records", "record_id"),
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
        reference("cases", "case_id"),
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
        reference("platform_records", "record_id"),
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
        partial_index("ix_platform_batches_open", "district", "platform", "id", where=BATCH_OPEN),
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
        reference("platform_records", "record_id"),
        reference("arrivals", "arrival_id"),
        reference("platform_batches", "batch_id"),
        sa.Index("ix_platform_versions_arrival", "arrival_id"),
        partial_index("ix_platform_versions_turned", "record_id", where=sa.text("turned_from <> ''")),
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


class KnowledgeRow(Row, table=True):
    """How often what matching can find in a district has changed; see `store.knowledge`."""

    __tablename__ = "knowledge"
    __table_args__ = (sa.PrimaryKeyConstraint("district"),)

    district: Text
    changes: int


class PairRow(Row, table=True):
    """What a person said of a case and another report: one matter (`is_same` 1) or two (0); see `store.pairs`.

    Of two cases the older one is `case_id`, the other `other_id`; of a case and a record of another platform the latter is `record_id`.
    """

    __tablename__ = "pairs"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "other_id", "district"),
        sa.UniqueConstraint("case_id", "record_id", "district"),
        reference("cases", "case_id"),
        reference("cases", "other_id"),
        reference("platform_records", "record_id"),
        sa.Index("ix_pairs_other", "other_id"),
        sa.Index("ix_pairs_record", "record_id"),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    case_id: int
    other_id: int | None
    record_id: int | None
    is_same: int
    actor: Text
    reason: Text
    at: Moment

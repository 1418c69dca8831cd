"""The tables of what came in: arrivals, their bytes, what was tried, and the mailboxes they came from."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import MaybeMoment, MaybeText, Moment, Number, Row, RowId, Text, partial_index, reference

# The words of a partial index are also the words of the query it serves: SQLite uses the index only where both are the same.
ARRIVAL_UNDECIDED = sa.text("state = 'accepted'")
ARRIVAL_QUARANTINED = sa.text("state = 'quarantined'")
ARRIVAL_HAS_NAME = sa.text("message_id <> ''")


class ArrivalRow(Row, table=True):
    """One accepted arrival. `due_at` says from when it may be claimed, the lease who works on it until when."""

    __tablename__ = "arrivals"
    __table_args__ = (
        sa.UniqueConstraint("district", "content_key"),
        sa.UniqueConstraint("district", "door", "source_key"),
        sa.Index("ix_arrivals_received", "district", "received_at"),
        partial_index("ix_arrivals_undecided", "due_at", "id", where=ARRIVAL_UNDECIDED),
        partial_index("ix_arrivals_quarantined", "id", where=ARRIVAL_QUARANTINED),
        partial_index("ix_arrivals_owner", "owner", where=sa.text("owner IS NOT NULL")),
        partial_index("ix_arrivals_message", "message_id", where=ARRIVAL_HAS_NAME),
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
    __table_args__ = (sa.PrimaryKeyConstraint("district", "arrival_id"), reference("arrivals", "arrival_id"))

    district: Text
    arrival_id: int
    content: bytes


class DeliveryRow(Row, table=True):
    """A further delivery of an arrival we already had; a record, nothing is decided by it."""

    __tablename__ = "deliveries"
    __table_args__ = (reference("arrivals", "arrival_id"), sa.Index("ix_deliveries_arrival", "arrival_id"), {"sqlite_autoincrement": True})

    id: RowId
    district: Text
    arrival_id: int
    door: Text
    peer: Text
    source_key: Text
    at: Moment


class SenderCheckRow(Row, table=True):
    """What we found ourselves about the sender of an arrival, and what DNS said then (`store.model.sender_check`, as JSON)."""

    __tablename__ = "sender_checks"
    __table_args__ = (sa.PrimaryKeyConstraint("arrival_id", "district"), reference("arrivals", "arrival_id"))

    arrival_id: int
    district: Text
    found: Text
    checked_at: Moment


class LedgerRow(Row, table=True):
    """One message of a mailbox's folder that is accounted for. Rows of messages that have left the folder are dropped (`store.ledger`)."""

    __tablename__ = "mailbox_ledger"
    __table_args__ = (
        sa.PrimaryKeyConstraint("mailbox", "folder", "uidvalidity", "uid", "district"),
        reference("arrivals", "arrival_id"),
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
    __table_args__ = (reference("arrivals", "arrival_id"), sa.Index("ix_tries_arrival", "arrival_id", "id"), {"sqlite_autoincrement": True})

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
    __table_args__ = (sa.PrimaryKeyConstraint("district", "arrival_id", "position"), reference("arrivals", "arrival_id"))

    district: Text
    arrival_id: int
    position: int
    name: Text
    content_type: Text
    size: int
    sha256: Text

"""The table of places booked for sessions."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import EmptyText, Moment, Row, RowId, Text, partial_index, reference

BOOKING_STANDS = sa.text("state = 'booked'")


class BookingRow(Row, table=True):
    """One place in a session; see `store.model.booking`. No row is ever deleted, so that no number is given twice."""

    __tablename__ = "bookings"
    __table_args__ = (
        sa.UniqueConstraint("subject_id", "number", "district"),
        sa.UniqueConstraint("case_id", "subject_id", "district"),
        reference("subjects", "subject_id"),
        reference("cases", "case_id"),
        partial_index("ix_bookings_case", "district", "case_id", where=BOOKING_STANDS, unique=True),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    subject_id: int
    case_id: int
    number: int
    state: Text
    booked_at: Moment
    told: EmptyText
    call: EmptyText

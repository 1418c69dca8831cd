"""The table of replies that wait for somebody to vouch for them."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import MaybeMoment, Moment, Row, Text, partial_index, reference

REPLY_HELD = sa.text("state = 'held'")


class HeldReplyRow(Row, table=True):
    """A reply that was not acted on because its sender is in doubt; see `store.model.held_reply`. What it says lies with its decision."""

    __tablename__ = "held_replies"
    __table_args__ = (
        sa.PrimaryKeyConstraint("arrival_id", "district"),
        reference("arrivals", "arrival_id"),
        reference("cases", "case_id"),
        sa.Index("ix_held_replies_case", "case_id", "held_at"),
        partial_index("ix_held_replies_held", "arrival_id", where=REPLY_HELD),
    )

    arrival_id: int
    district: Text
    case_id: int
    why: Text
    role: Text
    department: Text
    says: Text
    state: Text
    held_at: Moment
    settled_at: MaybeMoment
    settled_by: Text
    settled_reason: Text

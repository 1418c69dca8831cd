"""The table of what we owe people in writing."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import EmptyText, MaybeMoment, MaybeText, Moment, Row, RowId, Text, partial_index, reference


class NoticeRow(Row, table=True):
    """One notice in the outbox.

    `due_at` is when it may be claimed, NULL where it is not queued. `cap_key` is the address it counts against, NULL where no cap applies
    or one held it back. A mail about a session, an activity or a period has no case and no arrival; its key stands as `case_number`.
    """

    __tablename__ = "notices"
    __table_args__ = (
        sa.UniqueConstraint("district", "case_id", "purpose", "recipient", "round"),
        sa.UniqueConstraint("message_id", "district"),
        reference("cases", "case_id"),
        partial_index("ix_notices_due", "due_at", "id", where=sa.text("due_at IS NOT NULL")),
        partial_index("ix_notices_owner", "owner", where=sa.text("owner IS NOT NULL")),
        partial_index("ix_notices_cap", "district", "cap_key", "created_at", where=sa.text("cap_key IS NOT NULL")),
        sa.Index("ix_notices_case", "case_id", "id"),
        partial_index(
            "ix_notices_subject", "district", "case_number", "purpose", "recipient", "round", where=sa.text("case_id IS NULL"), unique=True
        ),
        sa.Index("ix_notices_token", "token_key", "district"),
        sa.Index("ix_notices_state", "state", "id"),
        {"sqlite_autoincrement": True},
    )

    id: RowId
    district: Text
    case_id: int | None
    case_number: Text
    arrival_id: int | None
    purpose: Text
    recipient: Text
    round: Text
    notice: Text  # JSON
    cap_key: MaybeText
    message_id: Text
    state: Text
    tries: int
    problem: Text
    office: EmptyText  # in what capacity the addressee may answer, "" for none
    token_key: EmptyText  # under which the token in its Message-ID is looked up (`store.tokens`)
    reply: Text  # what the relay said when it took it
    created_at: Moment
    due_at: MaybeMoment
    sent_at: MaybeMoment
    owner: MaybeText
    leased_until: MaybeMoment


class AddressTroubleRow(Row, table=True):
    """An address that mail of ours did not reach (`store.addresses`)."""

    __tablename__ = "address_troubles"
    __table_args__ = (sa.PrimaryKeyConstraint("address", "district"), sa.Index("ix_address_troubles_last", "last_at", "address"))

    district: Text
    address: Text
    is_dead: int  # 1 or 0
    since: Moment
    last_at: Moment
    words: Text


class ReplySeenRow(Row, table=True):
    """What was said in answer to a notice by one who may act on it, as a digest, and the arrival that said it first (`store.reply_tokens`)."""

    __tablename__ = "replies_seen"
    __table_args__ = (sa.PrimaryKeyConstraint("notice_id", "digest", "district"), reference("notices", "notice_id"))

    district: Text
    notice_id: int
    digest: Text
    arrival_id: int

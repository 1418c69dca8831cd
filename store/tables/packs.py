"""The tables of the packs that decide or decided, and of those tried beside them."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import MaybeMoment, Moment, Row, Text, reference


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
    __table_args__ = (sa.PrimaryKeyConstraint("district", "run", "nth"), reference("arrivals", "arrival_id"))

    district: Text
    run: int
    nth: int
    arrival_id: int
    at: Moment
    found: Text  # JSON

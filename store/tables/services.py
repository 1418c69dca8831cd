"""The tables of the database itself: who is at work on it, and what it remembers about itself."""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.columns import Moment, Row, Text


class LeaseRow(Row, table=True):
    """What one service holds until a moment by the server's clock; see `store.leases`. `district` is "" for what concerns them all."""

    __tablename__ = "leases"
    __table_args__ = (sa.PrimaryKeyConstraint("name", "district"),)

    district: Text
    name: Text
    owner: Text
    until: Moment


class InstanceRow(Row, table=True):
    """One named value that a database remembers about itself; see `store.instance`."""

    __tablename__ = "instance"
    __table_args__ = (sa.PrimaryKeyConstraint("name", "district"),)

    district: Text
    name: Text
    value: Text

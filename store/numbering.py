"""The numbers of cases, of each district and year for themselves. Part of larger units of `Database.write`."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, update

from store import dialects
from store.model.district import District
from store.tables import NUMBERS

# Built once: building a statement costs several times what running it does.
_COUNT_UP = (
    update(NUMBERS)
    .where(NUMBERS.c.district == bindparam("of_district"), NUMBERS.c.year == bindparam("of_year"))
    .values(last=NUMBERS.c.last + 1)
    .returning(NUMBERS.c.last)
)


def next_number(connection: Connection, district: District, now: datetime) -> str:
    """Return the next case number of the district's local year. The counter is part of the transaction: no gap, no double."""
    year = now.astimezone(ZoneInfo(district.timezone)).year
    this = {"of_district": district.id, "of_year": year}
    seq = connection.scalar(_COUNT_UP, this)
    if seq is None:  # the first of its year; whoever else wrote the row meanwhile has committed by now
        connection.execute(dialects.insert_new(connection, NUMBERS), {"district": district.id, "year": year, "last": 0})
        seq = connection.execute(_COUNT_UP, this).scalar_one()
    return district.case_number.format(year=year, seq=seq)

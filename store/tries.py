"""What did not work at once: the tries of an arrival and of the notices about it, for whoever asks later what happened.

Bounded, since a database may be away for a day while somebody tries every ten seconds: what repeats itself is counted in one row, and of
each arrival or notice at most `_MOST` rows are kept.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from store.tables import TRIES

_MOST = 100
_LONGEST = 500  # code points of words


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """The same outcome `times` times in a row. `notice_id` is None where the arrival itself was tried."""

    arrival_id: int
    notice_id: int | None
    kind: str  # "arrival.postponed", "arrival.quarantined", "arrival.retried", "notice.deferred", "notice.retried"
    words: str  # why; a relay's reply, or a line in Chinese
    first_at: datetime
    last_at: datetime
    times: int


def note(connection: Connection, *, district: str, about: tuple[int, int | None], kind: str, words: str, now: datetime) -> None:
    """Keep a try *about* (arrival, notice or None), a unit of `Database.write`."""
    arrival_id, notice_id = about
    mine = (TRIES.c.arrival_id == arrival_id, TRIES.c.notice_id == notice_id if notice_id else TRIES.c.notice_id.is_(None))
    last = select(func.max(TRIES.c.id)).where(*mine).scalar_subquery()
    same = (TRIES.c.id == last, TRIES.c.kind == kind, TRIES.c.words == words[:_LONGEST])
    again = update(TRIES).where(*same).values(last_at=now, times=TRIES.c.times + 1)
    if connection.execute(again).rowcount:
        return
    if (connection.scalar(select(func.count()).select_from(TRIES).where(*mine)) or 0) < _MOST:
        row = {"district": district, "arrival_id": arrival_id, "notice_id": notice_id, "kind": kind, "words": words[:_LONGEST]}
        connection.execute(TRIES.insert(), {**row, "first_at": now, "last_at": now, "times": 1})


def of(connection: Connection, arrivals: Collection[int]) -> list[Try]:
    """Return the tries of *arrivals* and of the notices about them, oldest first (a unit of `Database.read`)."""
    columns = [TRIES.c[name] for name in Try.__dataclass_fields__]
    query = select(*columns).where(TRIES.c.arrival_id.in_(arrivals)).order_by(TRIES.c.id)
    return [Try(**row) for row in connection.execute(query).mappings()]

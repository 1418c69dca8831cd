"""What is written when a return came by mail: the arrival's decision, what it ticks off, and the letters about it, in one transaction.

The arrival is the key, as in `store.replying`: where it is decided already nothing is written, so that a crash at any line ticks off nothing
twice and answers nobody twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from store import arrivals, deadline_rows, kept_files, recording, subject_rows, subjects
from store.database import Database
from store.model.notice import Notice
from store.outbox import Outbox
from store.owing import Deadline, Happening, Planner, Subject, SubjectSort
from store.recording import Filing
from store.subjects import Said
from store.tables import DEADLINES, SUBJECTS

RETURN_TOPIC = "报送"  # of the decision about such an arrival
_SORTS = (SubjectSort.SESSION.value, SubjectSort.ACTIVITY.value, SubjectSort.PERIOD.value)
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one arrival comes to: what happens because of it, and the letters, each with the subject at which it is kept."""

    happenings: Sequence[Happening] = ()
    said: Said
    letters: Sequence[tuple[Subject, Notice]] = ()


class Returns:
    """What offices owe without a case, and what of it comes by mail, in one database."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*, started by its owner; letters go to *outbox* in the transaction that causes them."""
        self._db, self._outbox = db, outbox

    async def standing(self, district: str, since: date, departments: Collection[str] | None = None) -> list[tuple[Subject, Deadline]]:
        """Return what is and was owed of sessions, activities and periods from *since* on, by day; of *departments* where asked for."""
        return await self._db.read(lambda connection: _standing(connection, district, since, departments))

    async def record(self, filing: Filing, taken: Taken, *, now: datetime, planner: Planner) -> None:
        """Write what the arrival comes to; where it is decided already, nothing. Raises StoreUnavailableError, UsageError."""
        await self._db.write(lambda connection: _record(connection, filing, taken, now=now, outbox=self._outbox, planner=planner))


def _record(connection: Connection, filing: Filing, taken: Taken, *, now: datetime, outbox: Outbox, planner: Planner) -> None:
    arrival = filing.arrival
    if not arrivals.finish(connection, arrival.id):
        return
    kept_files.of_arrival(connection, arrival.district, arrival.id, filing.reading)
    recording.set_aside(connection, filing, None, now)
    for happening in taken.happenings:
        subjects.happen(connection, arrival.district, happening, taken.said, planner)
    for about, notice in taken.letters:
        outbox.put(connection, about, [notice], arrival_id=arrival.id, now=now)


def _standing(connection: Connection, district: str, since: date, departments: Collection[str] | None) -> list[tuple[Subject, Deadline]]:
    wanted = [SUBJECTS.c.district == district, SUBJECTS.c.sort.in_(_SORTS), SUBJECTS.c.day >= since.isoformat()]
    if departments is not None:
        wanted.append(SUBJECTS.c.department.in_(departments))
    query = select(SUBJECTS).where(*wanted).order_by(SUBJECTS.c.day, SUBJECTS.c.id)
    found = {row["id"]: subject_rows.subject_of(row) for row in connection.execute(query).mappings()}
    ids, owed = list(found), list[Deadline]()
    for start in range(0, len(ids), _BATCH):
        these = select(DEADLINES).where(DEADLINES.c.subject_id.in_(ids[start : start + _BATCH])).order_by(DEADLINES.c.id)
        owed += [deadline_rows.deadline_of(row) for row in connection.execute(these).mappings()]
    order = {id_: place for place, id_ in enumerate(ids)}
    newest = {(one.subject_id, one.kind): one for one in owed if one.subject_id is not None}  # a date that was moved has an older one
    return [(found[id_], one) for (id_, _), one in sorted(newest.items(), key=lambda item: order[item[0][0]])]

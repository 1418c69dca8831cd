"""What has been heard of the cases of a session that is over: outcomes, forms, what was given back. Read from the cases and their histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from store import audit, subject_rows
from store.bookings import Placed, placed_in
from store.database import Database
from store.deadline_rows import deadline_of
from store.model.booking import BookingState, Heard
from store.owing import Deadline, DeadlineState, Subject, SubjectState
from store.tables import DEADLINES, EVENTS, SUBJECTS
from store.tables.cases import DEADLINE_OF_SUBJECT_RUNS

_REPLIED, _RETURNED = "case.replied", "case.returned"


class Hearings:
    """The sessions that are over and of which something is still to be heard, in all districts of one database."""

    def __init__(self, db: Database) -> None:
        """Read from *db*, started by its owner."""
        self._db = db

    async def awaited(self, district: str, kind: str) -> list[tuple[Subject, Deadline]]:
        """Return the sessions that are over and whose deadline of *kind* runs, the oldest first; what is done costs nothing."""
        runs = (DEADLINES.c.district == district, DEADLINE_OF_SUBJECT_RUNS, DEADLINES.c.kind == kind)
        is_over = (DEADLINES.c.state == DeadlineState.OPEN.value, SUBJECTS.c.state == SubjectState.ENDED.value)
        of = DEADLINES.join(SUBJECTS, SUBJECTS.c.id == DEADLINES.c.subject_id)

        def work(connection: Connection) -> list[tuple[Subject, Deadline]]:
            rows = connection.execute(select(DEADLINES).select_from(of).where(*runs, *is_over).order_by(DEADLINES.c.subject_id)).mappings()
            found = [deadline_of(row) for row in rows.all()]
            return [(subject_rows.load(connection, one.subject_id or 0), one) for one in found]

        return await self._db.read(work)

    async def of_session(self, session: Subject, since: datetime) -> list[Heard]:
        """Return what has been heard, *since* that moment, of each case that has a place in the session, by number."""
        return await self._db.read(lambda connection: list(_heard(connection, session, since)))


def _heard(connection: Connection, session: Subject, since: datetime) -> Iterator[Heard]:
    placed: list[Placed] = [one for one in placed_in(connection, session.id) if one[0].state is BookingState.BOOKED]
    told = (EVENTS.c.district == session.district, EVENTS.c.kind.in_((_REPLIED, _RETURNED)), EVENTS.c.at >= since)
    query = select(EVENTS.c.case_id, EVENTS.c.kind, EVENTS.c.data).where(EVENTS.c.case_id.in_([case.id for _, case in placed]), *told)
    forms, given_back = defaultdict[int, set[str]](set), set[int]()
    for case_id, kind, data in connection.execute(query):
        if kind == _RETURNED:
            given_back.add(case_id)
        came = audit.data_of(data).get("forms")
        forms[case_id] |= set(came) if isinstance(came, list) else set()
    for booking, case in placed:
        yield Heard(booking=booking, case=case, forms=frozenset(forms[case.id]), given_back=case.id in given_back)

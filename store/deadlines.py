"""The deadlines of cases and subjects as the clock works on them: what it must act on now, and what a new calendar moves.

The clock's look-up goes by an index over the rows that still have a step before them; closed history costs it nothing. Everybody who
changes a deadline holds the lock of its case (or subject) first, so that the clock and a person cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from store import deadline_replay, deadline_rows
from store.codec import to_json
from store.database import Database
from store.deadline_rows import About, deadline_of
from store.model.booking import BookingState
from store.model.case import Case
from store.model.due import Due
from store.outbox import Outbox
from store.owing import Deadline, DeadlineState, Fired, Letter, Moved, Planner, SubjectState
from store.tables import BOOKINGS, CASES, DEADLINES, SUBJECTS
from store.tables.cases import DEADLINE_OF_SUBJECT_RUNS, DEADLINE_RUNS

Act = Callable[[Sequence[tuple[Deadline, About]]], tuple[list[Fired], list[Letter]]]
Move = Callable[[Deadline, About], Deadline]
Write = Callable[[Sequence[Moved]], Iterable[Letter]]
_BATCH = 500  # ids in one statement
Listed = list  # the class below has a method of that name


class Deadlines:
    """The deadlines of all districts in one database."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*, started by its owner; what the clock writes goes to *outbox* in the transaction that moves the deadline on."""
        self._db, self._outbox = db, outbox

    async def fire(self, district: str, *, now: datetime, urgent_only: bool, limit: int, act: Act) -> int:
        """Let *act* act on up to *limit* deadlines whose moment has come, and return on how many it did.

        One transaction: the step behind each deadline, an event at what it is about, the notices. Killed before the commit, nothing
        happened; after it, the step is never taken again. What somebody has in hand at this moment is left for the next time.
        """
        return await self._db.write(lambda connection: self._fire(connection, district, now, limit, act, urgent_only=urgent_only))

    async def next_at(self, district: str, *, urgent: bool) -> datetime | None:
        """Return when a step of an *urgent* deadline (or of one that is not) is next due, None where none is planned."""
        first = select(func.min(DEADLINES.c.next_at)).where(DEADLINES.c.district == district, DEADLINES.c.urgent == int(urgent))
        return await self._db.read(lambda connection: connection.scalar(first.where(DEADLINES.c.next_at.is_not(None))))

    async def of_case(self, case_id: int) -> Listed[Deadline]:
        """Return all deadlines of a case, the oldest first."""
        return await self._of(DEADLINES.c.case_id == case_id)

    async def of_subject(self, subject_id: int) -> Listed[Deadline]:
        """Return all deadlines of a session, an activity or a period, the oldest first."""
        return await self._of(DEADLINES.c.subject_id == subject_id)

    async def session_owes(self, case_id: int) -> bool:
        """Say whether the case had a place in a session that is over and of which something is still owed."""
        sat = (BOOKINGS.c.case_id == case_id, BOOKINGS.c.state == BookingState.BOOKED.value, SUBJECTS.c.state == SubjectState.ENDED.value)
        sessions = select(SUBJECTS.c.id).join(BOOKINGS, BOOKINGS.c.subject_id == SUBJECTS.c.id).where(*sat)
        query = select(DEADLINES.c.id).where(DEADLINES.c.subject_id.in_(sessions), DEADLINE_OF_SUBJECT_RUNS).limit(1)
        return await self._db.read(lambda connection: connection.scalar(query) is not None)

    async def of_subjects(self, subject_ids: Collection[int]) -> dict[int, Listed[Deadline]]:
        """Return all deadlines of these subjects by subject, the oldest first."""
        found: dict[int, list[Deadline]] = {}
        wanted = sorted(subject_ids)
        for start in range(0, len(wanted), _BATCH):
            for deadline in await self._of(DEADLINES.c.subject_id.in_(wanted[start : start + _BATCH])):
                found.setdefault(deadline.subject_id or 0, []).append(deadline)
        return found

    async def running(self, district: str, *, counted_by: str = "") -> Listed[int]:
        """Return the ids of the deadlines that run (not those that wait) and were not *counted_by* this, the oldest first."""
        query = select(DEADLINES.c.id).where(DEADLINES.c.district == district, DEADLINE_RUNS, DEADLINES.c.state == DeadlineState.OPEN)
        query = query.where(
            or_(DEADLINES.c.counted_by < counted_by, DEADLINES.c.counted_by > counted_by)
        )  # two ranges: "not equal" has no index
        return await self._db.read(lambda connection: sorted(connection.scalars(query)))

    async def without(self, district: str) -> Listed[int]:
        """Return the open cases that never had a deadline, because they are older than deadlines are."""
        return await self._db.read(lambda connection: deadline_replay.without_deadlines(connection, district))

    async def adopt(self, case_ids: Sequence[int], planner: Planner) -> int:
        """Give these cases the deadlines that their history has begun, and return how many have some now."""
        return await self._db.write(lambda connection: deadline_replay.replay(connection, case_ids, planner))

    async def move(self, ids: Sequence[int], *, now: datetime, move: Move, write: Write) -> int:
        """Count the deadlines with *ids* again by *move*, and return how many moved.

        One transaction: the row of each that did, an event with the old and the new date, and the notices of *write* about all of them.
        """
        return await self._db.write(lambda connection: self._move(connection, ids, now, move, write))

    async def _of(self, this: Any) -> Listed[Deadline]:  # noqa: ANN401 - a condition of SQLAlchemy
        query = select(DEADLINES).where(this)
        found = await self._db.read(lambda connection: [deadline_of(row) for row in connection.execute(query).mappings()])
        return sorted(found, key=lambda deadline: deadline.id)

    def _fire(self, connection: Connection, district: str, now: datetime, limit: int, act: Act, *, urgent_only: bool) -> int:
        is_due = (DEADLINES.c.district == district, DEADLINES.c.next_at <= now)
        query = select(DEADLINES.c.id, DEADLINES.c.case_id, DEADLINES.c.subject_id).where(*is_due)
        if urgent_only:
            query = query.where(DEADLINES.c.urgent == 1)
        found = connection.execute(query.order_by(DEADLINES.c.next_at, DEADLINES.c.id).limit(limit)).mappings().all()
        if not found:
            return 0
        abouts = deadline_rows.locked(connection, found)
        # Read behind the locks: a person, or another service's clock, may have changed one a moment ago.
        ids = [row["id"] for row in found if (row["case_id"], row["subject_id"]) in abouts]
        again = select(DEADLINES).where(DEADLINES.c.id.in_(ids), *is_due).order_by(DEADLINES.c.id)
        due = [deadline_of(row) for row in connection.execute(again).mappings()]
        fired, letters = act([(deadline, abouts[deadline.case_id, deadline.subject_id]) for deadline in due])
        for one in fired:
            deadline_rows.replace(connection, one.deadline)
            if one.event:
                about = abouts[one.deadline.case_id, one.deadline.subject_id]
                deadline_rows.note(connection, about, kind=one.event, at=now, data=one.data)
        self._write(connection, letters, now)
        return len(fired)

    def _move(self, connection: Connection, ids: Sequence[int], now: datetime, move: Move, write: Write) -> int:
        moved: list[Moved] = []
        for deadline_id, case_id, subject_id in connection.execute(_owners_of(ids)).all():
            about = deadline_rows.load(connection, case_id, subject_id)
            # Read behind the lock: a person, or another service that counts as well, may have changed it a moment ago.
            row = connection.execute(
                select(DEADLINES).where(DEADLINES.c.id == deadline_id, DEADLINES.c.state == DeadlineState.OPEN, DEADLINE_RUNS)
            )
            old = next(map(deadline_of, row.mappings()), None)
            if old is None or (new := move(old, about)) == old:
                continue
            deadline_rows.replace(connection, new)
            if (new.due.due, new.due.last, new.due_at) == (old.due.due, old.due.last, old.due_at):
                continue  # only the grounds have changed, from a guess to a notice
            moved.append(Moved(old=old, new=new, about=about))
            if isinstance(about, Case):
                _move_in_case(connection, about, old.due, new.due)
            deadline_rows.note(connection, about, kind="deadline.moved", at=now, data=deadline_rows.move_of(old, new))
        self._write(connection, write(moved), now)
        return len(moved)

    def _write(self, connection: Connection, letters: Iterable[Letter], now: datetime) -> None:
        for letter in letters:
            arrival_id = letter.about.arrival_id if isinstance(letter.about, Case) else None
            self._outbox.put(connection, letter.about, [letter.notice], arrival_id=arrival_id, now=now)


def _move_in_case(connection: Connection, case: Case, old: Due, new: Due) -> None:
    """Keep the date that stands in the case itself in step."""
    if case.due is not None and (case.due.due, case.due.start) == (old.due, old.start):
        kept = to_json(Due(**{**{name: getattr(new, name) for name in Due.__dataclass_fields__}, "kind": case.due.kind}))
        connection.execute(update(CASES).where(CASES.c.id == case.id).values(due=kept))


def _owners_of(ids: Sequence[int]) -> Any:  # noqa: ANN401 - SQLAlchemy's Select of a row
    """Ask for the deadlines with *ids* and whose they are, in the order in which every service locks them."""
    columns = (DEADLINES.c.id, DEADLINES.c.case_id, DEADLINES.c.subject_id)
    return select(*columns).where(DEADLINES.c.id.in_(ids)).order_by(DEADLINES.c.case_id, DEADLINES.c.subject_id, DEADLINES.c.id)

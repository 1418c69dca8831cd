"""The deadlines of the cases: what an event begins and ends, what the clock must act on now, and what a new calendar moves.

The clock's look-up goes by an index over the rows that still have a step before them; closed history costs it nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from store import audit, casebook, dialects
from store.audit import Entry
from store.codec import from_json, to_json
from store.database import Database
from store.model.case import Case
from store.model.due import Due
from store.outbox import Outbox
from store.owing import Deadline, DeadlineState, Fired, Letter, Owing, Planner
from store.tables import CASES, DEADLINES
from store.tables.cases import DEADLINE_RUNS

Act = Callable[[Sequence[tuple[Deadline, Case]]], tuple[list[Fired], list[Letter]]]
Move = Callable[[Deadline], Deadline]
Write = Callable[[Deadline, Deadline, Case], Iterable[Letter]]
Listed = list  # the class below has a method of that name


def apply(connection: Connection, case: Case, owing: Owing, *, planner: Planner, at: datetime) -> None:
    """Let an event of *case* end and begin its deadlines (a unit of `Database.write`)."""
    running = [_deadline(row) for row in connection.execute(_running_of(case)).mappings()]
    begun = {deadline.kind for deadline in owing.begins}
    for deadline in running:
        if deadline.kind in owing.met:
            _settle(connection, deadline.id, DeadlineState.MET, at)
        elif owing.ends or deadline.kind in begun:
            _settle(connection, deadline.id, DeadlineState.VOID, at)
        elif deadline.kind in owing.pauses and deadline.state is DeadlineState.OPEN:
            values: dict[str, Any] = {"state": DeadlineState.PAUSED, "paused_on": planner.day(at).isoformat(), "next_at": None}
            connection.execute(update(DEADLINES).where(DEADLINES.c.id == deadline.id).values(values))
        elif owing.heeded and deadline.state is DeadlineState.OPEN:
            _replace(connection, planner.heeded(deadline, at))
        elif owing.resumes and deadline.state is DeadlineState.PAUSED:
            _replace(connection, planner.resumed(deadline, at))
    for deadline in owing.begins:
        row = {**_values(deadline), "district": case.district, "case_id": case.id, "kind": deadline.kind, "round": deadline.round}
        connection.execute(dialects.insert_new(connection, DEADLINES), row)


class Deadlines:
    """The deadlines of all districts in one database."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*, started by its owner; what the clock writes goes to *outbox* in the transaction that moves the deadline on."""
        self._db, self._outbox = db, outbox

    async def fire(self, district: str, *, now: datetime, urgent_only: bool, limit: int, act: Act) -> int:
        """Let *act* act on up to *limit* deadlines whose moment has come, and return on how many it did.

        One transaction: the step behind each deadline, an event at its case, the notices. Killed before the commit, nothing happened;
        after it, the step is never taken again.
        """
        return await self._db.write(lambda connection: self._fire(connection, district, now, limit, act, urgent_only=urgent_only))

    async def next_at(self, district: str, *, urgent: bool) -> datetime | None:
        """Return when a step of an *urgent* deadline (or of one that is not) is next due, None where none is planned."""
        first = select(func.min(DEADLINES.c.next_at)).where(DEADLINES.c.district == district, DEADLINES.c.urgent == int(urgent))
        return await self._db.read(lambda connection: connection.scalar(first.where(DEADLINES.c.next_at.is_not(None))))

    async def of_case(self, case_id: int) -> Listed[Deadline]:
        """Return all deadlines of a case, the oldest first."""
        query = select(DEADLINES).where(DEADLINES.c.case_id == case_id)
        found = await self._db.read(lambda connection: [_deadline(row) for row in connection.execute(query).mappings()])
        return sorted(found, key=lambda deadline: deadline.id)

    async def running(self, district: str) -> Listed[int]:
        """Return the ids of the deadlines that run (not those that wait), the oldest first, for counting them again."""
        query = select(DEADLINES.c.id).where(DEADLINES.c.district == district, DEADLINE_RUNS, DEADLINES.c.state == DeadlineState.OPEN)
        return await self._db.read(lambda connection: sorted(connection.scalars(query)))

    async def move(self, ids: Sequence[int], *, now: datetime, move: Move, write: Write) -> int:
        """Count the deadlines with *ids* again by *move*, and return how many moved.

        Each that did: its row, an event at its case with the old and the new date, and the notices of *write*, in one transaction.
        """
        return await self._db.write(lambda connection: self._move(connection, ids, now, move, write))

    def _fire(self, connection: Connection, district: str, now: datetime, limit: int, act: Act, *, urgent_only: bool) -> int:
        query = (
            select(DEADLINES)
            .where(DEADLINES.c.district == district, DEADLINES.c.next_at <= now)
            .order_by(DEADLINES.c.next_at, DEADLINES.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if urgent_only:
            query = query.where(DEADLINES.c.urgent == 1)
        due = [_deadline(row) for row in connection.execute(query).mappings()]
        cases: dict[int, Case] = {}
        for deadline in due:
            if deadline.case_id not in cases:
                cases[deadline.case_id] = casebook.load(connection, deadline.case_id)
        fired, letters = act([(deadline, cases[deadline.case_id]) for deadline in due])
        for one in fired:
            _replace(connection, one.deadline)
            if one.event:
                audit.append(connection, one.deadline.case_id, [Entry(kind=one.event, at=now, actor="system", data=one.data)])
        for letter in letters:
            self._outbox.put(connection, letter.case, [letter.notice], arrival_id=letter.case.arrival_id, now=now)
        return len(fired)

    def _move(
        self,
        connection: Connection,
        ids: Sequence[int],
        now: datetime,
        move: Move,
        write: Write,
    ) -> int:
        moved = 0
        for deadline_id, case_id in connection.execute(_cases_of(ids)).all():
            case = casebook.load(connection, case_id, lock=True)
            # Read behind the lock: a person, or another service that counts as well, may have changed it a moment ago.
            row = connection.execute(
                select(DEADLINES).where(DEADLINES.c.id == deadline_id, DEADLINES.c.state == DeadlineState.OPEN, DEADLINE_RUNS)
            )
            old = next(map(_deadline, row.mappings()), None)
            if old is None or (new := move(old)).due == old.due:
                continue
            _replace(connection, new)
            if (new.due.due, new.due.last) == (old.due.due, old.due.last):
                continue  # only the grounds have changed, from a guess to a notice
            moved += 1
            _move_in_case(connection, case, old.due, new.due)
            data = {"deadline": old.id, "kind": old.kind, "old": old.due.due.isoformat(), "new": new.due.due.isoformat()}
            audit.append(connection, case.id, [Entry(kind="deadline.moved", at=now, actor="system", data=data)])
            for letter in write(old, new, case):
                self._outbox.put(connection, letter.case, [letter.notice], arrival_id=letter.case.arrival_id, now=now)
        return moved


def _move_in_case(connection: Connection, case: Case, old: Due, new: Due) -> None:
    """Keep the date that stands in the case itself in step."""
    if case.due is not None and (case.due.due, case.due.start) == (old.due, old.start):
        kept = to_json(Due(**{**{name: getattr(new, name) for name in Due.__dataclass_fields__}, "kind": case.due.kind}))
        connection.execute(update(CASES).where(CASES.c.id == case.id).values(due=kept))


def _running_of(case: Case) -> Any:  # noqa: ANN401 - SQLAlchemy's Select of a row
    return select(DEADLINES).where(DEADLINES.c.district == case.district, DEADLINES.c.case_id == case.id, DEADLINE_RUNS)


def _cases_of(ids: Sequence[int]) -> Any:  # noqa: ANN401 - likewise
    """Ask for the deadlines with *ids* and their cases, in the order in which every service locks them."""
    return select(DEADLINES.c.id, DEADLINES.c.case_id).where(DEADLINES.c.id.in_(ids)).order_by(DEADLINES.c.case_id, DEADLINES.c.id)


def _settle(connection: Connection, deadline_id: int, state: DeadlineState, at: datetime) -> None:
    connection.execute(update(DEADLINES).where(DEADLINES.c.id == deadline_id).values(state=state, next_at=None, ended_at=at))


def _replace(connection: Connection, deadline: Deadline) -> None:
    connection.execute(update(DEADLINES).where(DEADLINES.c.id == deadline.id, DEADLINE_RUNS).values(**_values(deadline)))


def _values(deadline: Deadline) -> dict[str, Any]:
    return {
        "owes": deadline.owes,
        "urgent": int(deadline.urgent),
        "amount": deadline.amount,
        "due": to_json(deadline.due),
        "due_at": deadline.due_at,
        "next_at": deadline.next_at,
        "fired": deadline.fired,
        "state": deadline.state,
        "paused_on": deadline.paused_on.isoformat() if deadline.paused_on else None,
    }


def _deadline(row: RowMapping) -> Deadline:
    return Deadline(
        id=row["id"],
        case_id=row["case_id"],
        kind=row["kind"],
        round=row["round"],
        owes=row["owes"],
        urgent=bool(row["urgent"]),
        amount=row["amount"],
        due=from_json(Due, row["due"]),
        due_at=row["due_at"],
        next_at=row["next_at"],
        fired=row["fired"],
        state=DeadlineState(row["state"]),
        paused_on=date.fromisoformat(row["paused_on"]) if row["paused_on"] else None,
    )

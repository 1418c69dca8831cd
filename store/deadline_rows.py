"""How a deadline lies in its row, and what an event of its case or its subject does to it. Units of larger transactions of `Database`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from store import audit, casebook, dialects, subject_rows
from store.audit import Entry
from store.codec import from_json, to_json
from store.model.case import Case
from store.model.due import Due
from store.owing import Deadline, DeadlineState, Owing, Planner, Subject
from store.tables import DEADLINES
from store.tables.cases import DEADLINE_OF_SUBJECT_RUNS, DEADLINE_RUNS

About = Case | Subject


def apply(connection: Connection, about: About, owing: Owing, *, planner: Planner, at: datetime) -> None:
    """Let an event of *about* end and begin its deadlines; its row is locked."""
    begun = {deadline.kind for deadline in owing.begins}
    running = running_of(connection, about)
    for deadline in running:
        if deadline.kind in owing.met:
            settle(connection, deadline.id, DeadlineState.MET, at)
        elif owing.ends or deadline.kind in begun or deadline.kind in owing.lapses:
            settle(connection, deadline.id, DeadlineState.VOID, at)
        elif deadline.kind in owing.pauses and deadline.state is DeadlineState.OPEN:
            values: dict[str, Any] = {"state": DeadlineState.PAUSED, "paused_on": planner.day(at).isoformat(), "next_at": None}
            connection.execute(update(DEADLINES).where(DEADLINES.c.id == deadline.id).values(values))
        elif owing.heeded and deadline.state is DeadlineState.OPEN:
            replace(connection, planner.heeded(deadline, at))
        elif owing.resumes and deadline.state is DeadlineState.PAUSED:
            _go_on(connection, about, deadline, planner.resumed(deadline, at), at)
    for deadline in owing.begins:
        before = next((old for old in running if old.kind == deadline.kind), None) if deadline.kind in owing.carries else None
        add(connection, about, planner.carried(before, deadline, at) if before else deadline)


def _go_on(connection: Connection, about: About, old: Deadline, new: Deadline, at: datetime) -> None:
    """Let a deadline that waited run again; the days it waited move its date, which its history says."""
    replace(connection, new)
    if new.due_at != old.due_at:
        note(connection, about, kind="deadline.moved", at=at, data=move_of(old, new))


def move_of(old: Deadline, new: Deadline) -> dict[str, object]:
    """Return what the history says of a date that moved: which, and both days, when they are over, and where provisional the latest day."""
    return {"deadline": old.id, "kind": old.kind, **_date(old, "old"), **_date(new, "new")}


def _date(deadline: Deadline, which: str) -> dict[str, str]:
    due = deadline.due
    told = {which: due.due.isoformat(), f"{which}_at": deadline.due_at.isoformat()}
    return {**told, f"{which}_latest": due.last.isoformat()} if due.provisional else told


def add(connection: Connection, about: About, deadline: Deadline) -> None:
    """Keep a new deadline of *about*; one of the same kind and round is left as it is."""
    whose = {"case_id": about.id, "subject_id": None} if isinstance(about, Case) else {"case_id": None, "subject_id": about.id}
    row = {**_values(deadline), "district": about.district, **whose, "kind": deadline.kind, "round": deadline.round}
    connection.execute(dialects.insert_new(connection, DEADLINES), row)


def running_of(connection: Connection, about: About) -> list[Deadline]:
    """Return the deadlines of *about* that run or wait."""
    if isinstance(about, Case):
        mine = (DEADLINES.c.case_id == about.id, DEADLINE_RUNS)
    else:
        mine = (DEADLINES.c.subject_id == about.id, DEADLINE_OF_SUBJECT_RUNS)
    rows = connection.execute(select(DEADLINES).where(DEADLINES.c.district == about.district, *mine))
    return [deadline_of(row) for row in rows.mappings()]


def locked(connection: Connection, deadlines: Iterable[RowMapping]) -> dict[tuple[int | None, int | None], About]:
    """Lock and return, by case and subject, what these rows are about; what somebody else has in hand just now is left out."""
    rows = list(deadlines)
    found: dict[tuple[int | None, int | None], About] = {}
    for case in casebook.lock_free(connection, {row["case_id"] for row in rows if row["case_id"] is not None}):
        found[case.id, None] = case
    for subject in subject_rows.lock_free(connection, {row["subject_id"] for row in rows if row["subject_id"] is not None}):
        found[None, subject.id] = subject
    return found


def load(connection: Connection, case_id: int | None, subject_id: int | None) -> About:
    """Lock and return what a deadline is about. Raises UsageError where it is gone."""
    if case_id is not None:
        return casebook.load(connection, case_id, lock=True)
    return subject_rows.load(connection, subject_id or 0, lock=True)


def note(connection: Connection, about: About, *, kind: str, at: datetime, data: Mapping[str, object]) -> None:
    """Write what the system did into the history of *about*."""
    chain = audit.OF_CASES if isinstance(about, Case) else audit.OF_SUBJECTS
    audit.append(connection, about.id, [Entry(kind=kind, at=at, actor="system", data=data)], chain=chain)


def settle(connection: Connection, deadline_id: int, state: DeadlineState, at: datetime) -> None:
    """Bring a deadline to its end."""
    connection.execute(update(DEADLINES).where(DEADLINES.c.id == deadline_id).values(state=state, next_at=None, ended_at=at))


def replace(connection: Connection, deadline: Deadline) -> None:
    """Write a deadline that runs as it now is."""
    connection.execute(update(DEADLINES).where(DEADLINES.c.id == deadline.id, DEADLINE_RUNS).values(**_values(deadline)))


def _values(deadline: Deadline) -> dict[str, Any]:
    return {
        "owes": deadline.owes,
        "urgent": int(deadline.urgent),
        "amount": deadline.amount,
        "waited": deadline.waited,
        "counted_by": deadline.counted_by,
        "due": to_json(deadline.due),
        "due_at": deadline.due_at,
        "next_at": deadline.next_at,
        "fired": deadline.fired,
        "state": deadline.state,
        "paused_on": deadline.paused_on.isoformat() if deadline.paused_on else None,
    }


def deadline_of(row: RowMapping) -> Deadline:
    """Return the deadline that lies in *row*."""
    return Deadline(
        id=row["id"],
        case_id=row["case_id"],
        subject_id=row["subject_id"],
        kind=row["kind"],
        round=row["round"],
        owes=row["owes"],
        urgent=bool(row["urgent"]),
        amount=row["amount"],
        waited=row["waited"],
        counted_by=row["counted_by"],
        due=from_json(Due, row["due"]),
        due_at=row["due_at"],
        next_at=row["next_at"],
        fired=row["fired"],
        state=DeadlineState(row["state"]),
        paused_on=date.fromisoformat(row["paused_on"]) if row["paused_on"] else None,
    )

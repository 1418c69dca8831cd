"""Gives deadlines to cases that were registered before there were any: their history is told once more, event by event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, select

from store import audit, casebook, deadline_rows
from store.life import FINISHED, name_of
from store.model.case import Case, CaseState, Event, Progress
from store.owing import Planner
from store.tables import CASES, DEADLINES

_OPEN = tuple(state.value for state in CaseState if state not in FINISHED)


def without_deadlines(connection: Connection, district: str) -> list[int]:
    """Return the open cases of *district* that never had a deadline, the oldest first."""
    # Limited, so that no database takes it for a reason to read through all deadlines there ever were.
    any_ = select(DEADLINES.c.id).where(DEADLINES.c.case_id == CASES.c.id).limit(1).correlate(CASES).scalar_subquery()
    return sorted(connection.scalars(select(CASES.c.id).where(CASES.c.state.in_(_OPEN), CASES.c.district == district, any_.is_(None))))


def replay(connection: Connection, case_ids: Sequence[int], planner: Planner) -> int:
    """Let every event of these cases begin and end their deadlines as if it happened now; return how many cases have some now."""
    adopted = 0
    for case_id in case_ids:
        case = casebook.load(connection, case_id, lock=True)
        if connection.scalar(select(DEADLINES.c.id).where(DEADLINES.c.case_id == case_id).limit(1)) is not None:
            continue  # a person, or another service, was faster
        for then, event, old, at in _told(case, audit.read(connection, case_id)):
            deadline_rows.apply(connection, then, planner.owing(then, event, old, at), planner=planner, at=at)
        adopted += bool(deadline_rows.running_of(connection, case))
    return adopted


def _told(case: Case, history: Sequence[Event]) -> Iterator[tuple[Case, str, CaseState | None, datetime]]:
    """Yield the case as it was behind each event that concerns deadlines, the event's name, and the state before it."""
    then: Case | None = None
    for event in history:
        if event.kind == "case.decided" and then is None:
            then = _with(case, event.data)
            yield then, "opened", None, event.at
        elif then is not None and (name := name_of(event.kind)):
            old, then = then.state, _with(then, cast("Mapping[str, Any]", event.data.get("new", {})))
            yield then, name, old, event.at


def _with(case: Case, said: Mapping[str, Any]) -> Case:
    """Return *case* with what an event says of state, department and progress."""
    changed: dict[str, Any] = {}
    if "state" in said:
        changed["state"] = CaseState(said["state"])
    if "department" in said:
        changed["department"] = said["department"]
    if "progress" in said:
        changed["progress"] = Progress(**said["progress"])
    return replace(case, **changed)

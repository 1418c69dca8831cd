"""What a report counts, read from the histories as they were at one moment: the same moment gives the same figures, whatever came later.

A case is told from its events up to that moment; a date that an event moved later is put back. Names, titles and proposed levels, which no
event tells, are those of now. Rows are found by index and read in pages, so that a report costs what its own window holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import CompoundSelect, Connection, RowMapping, func, select, union

from store import audit
from store import problem_rows as rows
from store.codec import from_json
from store.database import Database
from store.model.arrival import Channel
from store.model.case import CaseState, Event, Progress
from store.model.decision import Verdict
from store.model.due import Due
from store.model.problem import ProblemState
from store.model.report import Outcome, Reported, ReportedCase, ReportedDeadline, ReportedProblem, Window
from store.owing import DeadlineState
from store.tables import ARRIVALS, CASES, DEADLINES, DECISIONS, EVENTS, PROBLEM_MEMBERS, PROBLEMS
from store.tables.cases import EVENT_MOVED

_PAGE = 500  # cases whose histories are read at once
_OWES = "department"
_PROBLEM_STATES = {
    "problem.proposed": ProblemState.PROPOSED,
    "problem.opened": ProblemState.OPEN,
    "problem.closed": ProblemState.CLOSED,
}
_CASE = (
    CASES.c.id,
    CASES.c.number,
    CASES.c.opened_at,
    CASES.c.received_at,
    CASES.c.name,
    CASES.c.title,
    CASES.c.decision,
    ARRIVALS.c.channel,
)
_DEADLINE = tuple(DEADLINES.c[name] for name in ("id", "case_id", "kind", "round", "due", "due_at", "state", "ended_at"))


@dataclass(frozen=True, slots=True)
class _Head:
    """What is read of a decision here."""

    level: str = ""


@dataclass(slots=True)
class _Told:
    """A case as its history tells it up to a moment; `moved` are the dates that later events changed, as they were."""

    standing: dict[str, Any] = field(default_factory=dict)
    leads: list[tuple[datetime, str | None]] = field(default_factory=list)
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    moved: dict[int, tuple[datetime, date]] = field(default_factory=dict)

    def lead_until(self, moment: datetime | None) -> str | None:
        """Return who had the case until *moment*, an event that may itself have given it to somebody else; None: who has it."""
        return next((lead for at, lead in reversed(self.leads) if moment is None or at < moment), None)


class Reporting:
    """The reports of all districts in one database. Reads only."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def read(self, window: Window) -> Reported:
        """Return what there is to count in *window*."""
        return await self._db.read(lambda connection: _read(connection, window))


def _read(connection: Connection, window: Window) -> Reported:
    return Reported(
        window=window,
        arrivals=_arrivals(connection, window),
        set_aside=_set_aside(connection, window),
        cases=tuple(_cases(connection, window)),
        deadlines=tuple(sorted(_deadlines(connection, window), key=lambda one: (one.due_at, one.case_id, one.kind))),
        problems=tuple(_problems(connection, window)),
    )


def _arrived(window: Window) -> tuple[Any, ...]:
    return (ARRIVALS.c.district == window.district, ARRIVALS.c.received_at >= window.since, ARRIVALS.c.received_at < window.end)


def _arrivals(connection: Connection, window: Window) -> Mapping[Channel, int]:
    query = select(ARRIVALS.c.channel, func.count()).where(*_arrived(window)).group_by(ARRIVALS.c.channel)
    return {Channel(channel): count for channel, count in connection.execute(query)}


def _set_aside(connection: Connection, window: Window) -> Mapping[Verdict, int]:
    """Count what opened no case; what a person made a case of is counted there, from the moment he did."""
    query = (
        select(DECISIONS.c.verdict, DECISIONS.c.standing, DECISIONS.c.settled_at)
        .join(ARRIVALS, ARRIVALS.c.id == DECISIONS.c.arrival_id)
        .where(*_arrived(window), ARRIVALS.c.channel != Channel.PLATFORM.value)
    )
    found = connection.execute(query)
    return Counter(Verdict(verdict) for verdict, standing, at in found if standing != "overruled" or at is None or at > window.as_of)


# ---------------------------------------------------------------- cases


def _cases(connection: Connection, window: Window) -> Iterator[ReportedCase]:
    """Yield the cases registered in the window, the oldest first."""
    opened = (CASES.c.district == window.district, CASES.c.opened_at >= window.since, CASES.c.opened_at < window.end)
    ids = connection.scalars(select(CASES.c.id).where(*opened).order_by(CASES.c.id)).all()
    for page in _pages(ids):
        told = _tell(connection, page, window.as_of)
        query = select(*_CASE).join(ARRIVALS, ARRIVALS.c.id == CASES.c.arrival_id).where(CASES.c.id.in_(page)).order_by(CASES.c.id)
        for row in connection.execute(query).mappings():
            yield _case(row, told[row["id"]])


def _case(row: RowMapping, told: _Told) -> ReportedCase:
    standing = told.standing
    return ReportedCase(
        id=row["id"],
        number=row["number"],
        opened_at=row["opened_at"],
        received_at=row["received_at"],
        channel=Channel(row["channel"]),
        enterprise=row["name"],
        title=row["title"],
        level=from_json(_Head, row["decision"]).level,
        state=CaseState(standing["state"]),
        verdict=Verdict(standing["verdict"]),
        ground=standing["ground"],
        department=standing["department"],
        accompanying=tuple(standing["accompanying"]),
        progress=Progress(**standing["progress"]),
        answered_at=told.answered_at,
        closed_at=told.closed_at,
    )


def _tell(connection: Connection, case_ids: Sequence[int], as_of: datetime) -> dict[int, _Told]:
    columns = (EVENTS.c.case_id, EVENTS.c.kind, EVENTS.c.at, EVENTS.c.data)
    query = select(*columns).where(EVENTS.c.case_id.in_(case_ids)).order_by(EVENTS.c.case_id, EVENTS.c.seq)
    found = connection.execute(query).mappings()
    return {case_id: _told(events, as_of) for case_id, events in groupby(found, key=lambda row: int(row["case_id"]))}


def _told(events: Iterable[RowMapping], as_of: datetime) -> _Told:
    told = _Told()
    for event in events:
        data: Mapping[str, Any] = audit.data_of(event["data"])
        if event["at"] > as_of:
            if event["kind"] == "deadline.moved":  # only the first move after the moment tells what stood then
                told.moved.setdefault(int(data["deadline"]), (datetime.fromisoformat(data["old_at"]), date.fromisoformat(data["old"])))
        else:
            _follow(told, event["kind"], event["at"], data)
    return told


def _follow(told: _Told, kind: str, at: datetime, data: Mapping[str, Any]) -> None:
    """Let one event change what is told."""
    said = data if kind == "case.decided" else data.get("new", {})
    if kind == "case.reconsidered" and told.standing["state"] == CaseState.UNDER_REVIEW.value:
        said = data
    told.standing |= {name: said[name] for name in ("state", "verdict", "ground", "department", "accompanying", "progress") if name in said}
    if "department" in said:
        told.leads.append((at, said["department"]))
    match kind:
        case "case.answered":
            told.answered_at = at
        case "case.closed":
            told.closed_at = at
        case "case.reopened":
            told.answered_at = told.closed_at = None


# ---------------------------------------------------------------- dates


def _deadlines(connection: Connection, window: Window) -> Iterator[ReportedDeadline]:
    """Yield the dates owed by departments in cases that fell due in the window, but for those that lost their sense before they were over."""
    for page in _pages(connection.scalars(_owing(window)).all()):
        told = _tell(connection, page, window.as_of)
        mine = (DEADLINES.c.case_id.in_(page), DEADLINES.c.owes == _OWES)
        query = select(*_DEADLINE, CASES.c.number).join(CASES, CASES.c.id == DEADLINES.c.case_id).where(*mine)
        for row in connection.execute(query).mappings():
            one = _deadline(row, told[row["case_id"]], window)
            if one is not None:
                yield one


def _owing(window: Window) -> CompoundSelect[int]:
    """Ask for the cases of which a date falls due in the window, or may have, before an event later than its moment moved it."""
    due = (DEADLINES.c.district == window.district, DEADLINES.c.due_at >= window.since, DEADLINES.c.due_at < window.until)
    moved = (EVENTS.c.district == window.district, EVENTS.c.at > window.as_of, EVENT_MOVED)
    return union(
        select(DEADLINES.c.case_id).where(*due, DEADLINES.c.case_id.is_not(None)), select(EVENTS.c.case_id).where(*moved)
    ).order_by("case_id")


def _deadline(row: RowMapping, told: _Told, window: Window) -> ReportedDeadline | None:
    due = from_json(Due, row["due"])
    due_at, due_day = told.moved.get(row["id"], (row["due_at"], due.due))
    if row["kind"] in window.leave_out or datetime.fromisoformat(row["round"]) > window.as_of or not window.since <= due_at < window.until:
        return None
    ended_at = row["ended_at"] if row["ended_at"] is not None and row["ended_at"] <= window.as_of else None
    lapsed = ended_at is not None and row["state"] == DeadlineState.VOID.value
    if lapsed and ended_at <= due_at:
        return None
    return ReportedDeadline(
        case_id=row["case_id"],
        number=row["number"],
        kind=row["kind"],
        label=due.label,
        department=told.lead_until(ended_at),
        due=due_day,
        due_at=due_at,
        ended_at=None if lapsed else ended_at,
        outcome=Outcome.MISSED if lapsed else _outcome(due_at, ended_at, told, window.as_of),
    )


def _outcome(due_at: datetime, ended_at: datetime | None, told: _Told, as_of: datetime) -> Outcome:
    if ended_at is not None:
        return Outcome.KEPT if ended_at <= due_at else Outcome.LATE
    waits = told.standing.get("state") == CaseState.AWAITING_SUPPLEMENT.value
    return Outcome.RUNNING if waits or as_of <= due_at else Outcome.MISSED


# ---------------------------------------------------------------- common problems


def _problems(connection: Connection, window: Window) -> Iterator[ReportedProblem]:
    """Yield the common problems that a person was asked about, or opened, and that were reported to in the window."""
    mine = (PROBLEMS.c.district == window.district, PROBLEMS.c.subject_id.is_not(None), PROBLEMS.c.last_at >= window.since)
    for row in connection.execute(select(PROBLEMS).where(*mine).order_by(PROBLEMS.c.id)).mappings().all():
        history = audit.read(connection, row["subject_id"], chain=audit.OF_SUBJECTS)
        said = [event for event in history if event.kind in _PROBLEM_STATES and event.at <= window.as_of]
        reports = _reports(connection, row["id"], window)
        new = sum(at >= window.since for at, _who in reports)
        if said and new:
            yield _problem(row, said, reports, new)


def _problem(row: RowMapping, said: Sequence[Event], reports: Sequence[tuple[datetime, str]], new: int) -> ReportedProblem:
    told = {name: value for event in said for name, value in event.data.items()}
    return ReportedProblem(
        key=rows.key_of(row["id"]),
        name=str(told.get("name", row["name"])),
        state=_PROBLEM_STATES[said[-1].kind],
        lead=str(told.get("lead", "")),
        size=len(reports),
        enterprises=len({who for _at, who in reports if who}),
        new=new,
    )


def _reports(connection: Connection, problem_id: int, window: Window) -> list[tuple[datetime, str]]:
    members = PROBLEM_MEMBERS.c
    query = select(members.at, members.enterprise).where(members.problem_id == problem_id, members.at < window.end)
    return [(at, who) for at, who in connection.execute(query)]


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for begin in range(0, len(ids), _PAGE):
        yield ids[begin : begin + _PAGE]

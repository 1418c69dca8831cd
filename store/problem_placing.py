"""One report put in its group, and the group proposed as a common problem: parts of one transaction.

A report is compared with the groups its keys find, each look-up bounded: cost does not grow with history.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update

from store import problem_rows as rows
from store.model.decision import Decision
from store.model.notice import Notice
from store.model.petition import Petition
from store.model.problem import Dossier, Group, Placed, Problem, ProblemState
from store.outbox import Outbox
from store.subjects import Said
from store.tables import PROBLEM_KEYS, PROBLEM_MEMBERS, PROBLEM_QUEUE, PROBLEMS

_FOUND = 64  # groups, the newest, that one key finds
_COMPARED = 60  # groups, those with the most keys, that one report is compared with
_SILENT = timedelta(days=365)  # a group that nobody reported to for so long is not gone on with

_BY_KEY = (
    select(PROBLEM_KEYS.c.problem_id)
    .where(PROBLEM_KEYS.c.district == bindparam("here"), PROBLEM_KEYS.c.key == bindparam("this"))
    .order_by(PROBLEM_KEYS.c.problem_id.desc())
    .limit(_FOUND)
)
_OF_CASE = select(PROBLEM_MEMBERS.c.problem_id, PROBLEM_MEMBERS.c.enterprise).where(PROBLEM_MEMBERS.c.case_id == bindparam("this"))
_OF_RECORD = select(PROBLEM_MEMBERS.c.problem_id, PROBLEM_MEMBERS.c.enterprise).where(
    PROBLEM_MEMBERS.c.record_id == bindparam("this"), PROBLEM_MEMBERS.c.district == bindparam("here")
)
_KNOWN_ENTERPRISE = (
    select(PROBLEM_MEMBERS.c.arrival_id)
    .where(PROBLEM_MEMBERS.c.problem_id == bindparam("this"), PROBLEM_MEMBERS.c.enterprise == bindparam("who"))
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One report that waits to be grouped: a case of ours or a record of another platform."""

    arrival_id: int
    case_id: int | None
    record_id: int | None
    petition: Petition
    decision: Decision
    department: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One report ready to be placed: who reports, by which keys its group is found, which of the groups found it fits, what it adds to it."""

    waiting: Waiting
    enterprise: str  # "" where nobody knows
    keys: Sequence[str]
    choose: Callable[[Sequence[Group]], int | None]
    join: Callable[[Group | None], Placed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """So many `enterprises` within so many `days` are proposed as a common problem."""

    enterprises: int
    days: int


Tell = Callable[[Dossier], Sequence[Notice]]


def place(  # noqa: PLR0913, PLR0917 - the report, when it is proposed, and how that is told
    connection: Connection, district: str, reported: Reported, threshold: Threshold, tell: Tell, now: datetime, outbox: Outbox
) -> Problem | None:
    """Put one report in its group (a unit of `Database.write`); see `Problems.place`."""
    waiting = reported.waiting
    # The row is locked first and gone at the end: of two services that do the same, one finds nothing to do.
    mine = (PROBLEM_QUEUE.c.district == district, PROBLEM_QUEUE.c.arrival_id == waiting.arrival_id)
    if connection.scalar(select(PROBLEM_QUEUE.c.arrival_id).where(*mine).with_for_update()) is None:
        return None
    connection.execute(delete(PROBLEM_QUEUE).where(*mine))
    if connection.scalar(select(PROBLEM_MEMBERS.c.arrival_id).where(PROBLEM_MEMBERS.c.arrival_id == waiting.arrival_id)) is not None:
        return None  # accepted, refused by a person, and accepted again
    if waiting.record_id is not None and connection.execute(_OF_RECORD, {"this": waiting.record_id, "here": district}).first():
        return None  # another version of a record that has its place
    related, enterprise = _related(connection, district, reported)
    group = related or _fitting(connection, district, reported, waiting.received_at)
    placed = reported.join(rows.group_of(group) if group else None)
    id_ = _write(connection, district, group, placed, waiting, enterprise)
    _index(connection, district, id_, placed.keys, is_new=group is None)
    return _propose(connection, id_, threshold, tell, now, outbox)


def _related(connection: Connection, district: str, reported: Reported) -> tuple[RowMapping | None, str]:
    """Return the group of the report that this one repeats, and who reported that: told twice, it is still one enterprise."""
    decision = reported.waiting.decision
    found = None
    if decision.related_case is not None:
        found = connection.execute(_OF_CASE, {"this": decision.related_case}).first()
    if found is None and decision.related_record is not None:
        found = connection.execute(_OF_RECORD, {"this": decision.related_record, "here": district}).first()
    if found is None:
        return None, reported.enterprise
    return _unless_closed(rows.load(connection, found.problem_id)), found.enterprise


def _fitting(connection: Connection, district: str, reported: Reported, at: datetime) -> RowMapping | None:
    """Return the group that the report fits among those its keys find: not closed, and not silent for long."""
    hits: Counter[int] = Counter()
    for key in reported.keys:
        hits.update(connection.scalars(_BY_KEY, {"here": district, "this": key}))
    best = [id_ for id_, _ in sorted(hits.items(), key=lambda item: (-item[1], -item[0]))[:_COMPARED]]
    if not best:
        return None
    query = select(PROBLEMS).where(PROBLEMS.c.id.in_(best), PROBLEMS.c.state != ProblemState.CLOSED.value)
    alive = [row for row in connection.execute(query).mappings() if row["last_at"] > at - _SILENT]
    chosen = reported.choose([rows.group_of(row) for row in alive])
    return _unless_closed(rows.load(connection, chosen)) if chosen is not None else None


def _unless_closed(row: RowMapping) -> RowMapping | None:
    """Return the row of a group, as it is behind its lock, unless a person has closed it: what is reported then begins anew."""
    return row if row["state"] != ProblemState.CLOSED.value else None


def _write(connection: Connection, district: str, group: RowMapping | None, placed: Placed, waiting: Waiting, enterprise: str) -> int:
    departments: Counter[str] = Counter(json.loads(group["departments"]) if group else {})
    departments.update([waiting.department] if waiting.department else [])
    is_fixed = group is not None and group["state"] != ProblemState.GATHERING.value
    values = {
        "name": group["name"] if group and is_fixed else placed.name,
        "words": json.dumps(dict(placed.words), ensure_ascii=False),
        "matters": json.dumps(dict(placed.matters), ensure_ascii=False),
        "departments": json.dumps(dict(departments)),
        "size": (group["size"] if group else 0) + 1,
        "enterprises": (group["enterprises"] if group else 0) + int(_is_new(connection, group, enterprise)),
        "last_at": max(group["last_at"], waiting.received_at) if group else waiting.received_at,
    }
    if group:
        id_ = int(group["id"])
        connection.execute(update(PROBLEMS).where(PROBLEMS.c.id == id_).values(values))
    else:
        first = {"district": district, "department": placed.department, "state": ProblemState.GATHERING, "first_at": waiting.received_at}
        id_ = connection.execute(PROBLEMS.insert().returning(PROBLEMS.c.id), {**first, **values}).scalar_one()
    member = {"arrival_id": waiting.arrival_id, "district": district, "problem_id": id_, "enterprise": enterprise}
    report = {"case_id": waiting.case_id, "record_id": waiting.record_id, "department": waiting.department, "at": waiting.received_at}
    connection.execute(PROBLEM_MEMBERS.insert(), {**member, **report})
    return id_


def _is_new(connection: Connection, group: RowMapping | None, enterprise: str) -> bool:
    """Say whether the enterprise is one more. One that nobody knows counts only where there is no other."""
    if group is None:
        return True
    return bool(enterprise) and connection.scalar(_KNOWN_ENTERPRISE, {"this": group["id"], "who": enterprise}) is None


def _index(connection: Connection, district: str, problem_id: int, keys: Iterable[str], *, is_new: bool) -> None:
    wanted = set(keys)
    here = PROBLEM_KEYS.c.problem_id == problem_id
    known = set() if is_new else set(connection.scalars(select(PROBLEM_KEYS.c.key).where(here)))
    if gone := known - wanted:
        connection.execute(delete(PROBLEM_KEYS).where(here, PROBLEM_KEYS.c.district == district, PROBLEM_KEYS.c.key.in_(gone)))
    added = [{"district": district, "key": key, "problem_id": problem_id} for key in sorted(wanted - known)]
    if added:
        connection.execute(PROBLEM_KEYS.insert(), added)


def _propose(connection: Connection, problem_id: int, threshold: Threshold, tell: Tell, now: datetime, outbox: Outbox) -> Problem | None:
    """Ask a person, once, where enough enterprises reported to the group in a short time."""
    row = rows.load(connection, problem_id)
    if row["state"] != ProblemState.GATHERING.value or row["enterprises"] < threshold.enterprises:
        return None
    since = row["last_at"] - timedelta(days=threshold.days)
    lately = select(func.count(PROBLEM_MEMBERS.c.enterprise.distinct())).where(
        PROBLEM_MEMBERS.c.problem_id == problem_id, PROBLEM_MEMBERS.c.at >= since, PROBLEM_MEMBERS.c.enterprise != ""
    )
    if (connection.scalar(lately) or 0) < threshold.enterprises:
        return None
    subject = rows.subject_of(connection, row, now)
    values = {"state": ProblemState.PROPOSED, "proposed_at": now, "subject_id": subject.id}
    connection.execute(update(PROBLEMS).where(PROBLEMS.c.id == problem_id).values(values))
    dossier = rows.dossier(connection, rows.load(connection, problem_id), now)
    data = {"name": dossier.problem.name, "size": dossier.problem.size, "enterprises": dossier.problem.enterprises}
    rows.note(connection, subject.id, "problem.proposed", Said(by="rules", reason="", at=now), data)
    outbox.put(connection, subject, tell(dossier), arrival_id=None, now=now)
    return dossier.problem

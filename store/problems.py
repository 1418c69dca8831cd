"""Common problems: reports put into groups one by one, and what persons do with a group of several enterprises.

What waits to be grouped is a row written with the decision; it goes in the transaction that puts the report in its group, so that a crash
repeats nothing and skips nothing. A report is compared with the groups its keys find, each look-up bounded: cost does not grow with history.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update

from store import audit, dialects, subject_rows
from store import problem_rows as rows
from store.audit import Entry
from store.codec import from_json
from store.database import Database
from store.errors import UsageError
from store.model.case import Event
from store.model.decision import Decision, Verdict
from store.model.notice import Notice
from store.model.petition import Petition
from store.model.problem import Dossier, Group, Placed, Problem, ProblemState
from store.outbox import Outbox
from store.owing import Subject, SubjectSort, SubjectState
from store.subjects import Said
from store.tables import (
    CASES,
    DECISIONS,
    PLATFORM_RECORDS,
    PROBLEM_KEYS,
    PROBLEM_MEMBERS,
    PROBLEM_QUEUE,
    PROBLEMS,
    SUBJECTS,
)

_FOUND = 64  # groups, the newest, that one key finds
_COMPARED = 60  # groups, those with the most keys, that one report is compared with
_COUNTED = 5_000  # reports from which rare words are known
_SILENT = timedelta(days=365)  # a group that nobody reported to for so long is not gone on with

_WAITING = (
    select(PROBLEM_QUEUE.c.arrival_id)
    .where(PROBLEM_QUEUE.c.district == bindparam("here"))
    .order_by(PROBLEM_QUEUE.c.arrival_id)
    .limit(bindparam("limit"))
)
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


def wait(connection: Connection, district: str, arrival_id: int) -> None:
    """Let the report that the arrival brought be grouped (a part of the transaction that decides on it)."""
    connection.execute(dialects.insert_new(connection, PROBLEM_QUEUE), {"district": district, "arrival_id": arrival_id})


Listed = list  # the class below has a method of that name


class Problems:
    """The common problems of all districts in one database."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*; mails go to *outbox* in the transaction that causes them."""
        self._db, self._outbox = db, outbox

    async def waiting(self, district: str, limit: int) -> Listed[Waiting]:
        """Return up to *limit* reports that wait, the oldest first; what is no report any more is taken off the list."""

        def unit(connection: Connection) -> tuple[Listed[Waiting], Listed[int]]:
            ids = list(connection.scalars(_WAITING, {"here": district, "limit": limit}))
            found = {one.arrival_id: one for one in (_load(connection, id_) for id_ in ids) if one is not None}
            return list(found.values()), [id_ for id_ in ids if id_ not in found]

        found, gone = await self._db.read(unit)
        if gone:
            done = delete(PROBLEM_QUEUE).where(PROBLEM_QUEUE.c.district == district, PROBLEM_QUEUE.c.arrival_id.in_(gone))
            await self._db.write(lambda connection: connection.execute(done))
        return found or (await self.waiting(district, limit) if gone else [])

    async def place(self, district: str, reported: Reported, threshold: Threshold, tell: Tell, now: datetime) -> Problem | None:
        """Put one report in its group, and return the problem where it is proposed by that; None where it is not, or was placed before."""
        return await self._db.write(lambda connection: _place(connection, district, reported, threshold, tell, now, self._outbox))

    async def newest(self, district: str) -> Listed[tuple[str, str]]:
        """Return title and content of the newest reports that have their place, for counting words."""

        def unit(connection: Connection) -> Listed[tuple[str, str]]:
            members, found = PROBLEM_MEMBERS.c, []
            for table, owner in ((CASES, members.case_id), (PLATFORM_RECORDS, members.record_id)):
                query = select(table.c.title, table.c.content).join(PROBLEM_MEMBERS, owner == table.c.id)
                newest = query.where(members.district == district).order_by(members.arrival_id.desc()).limit(_COUNTED)
                found += [(title, content) for title, content in connection.execute(newest)]
            return found

        return await self._db.read(unit)

    async def groups_of(self, district: str, *, least: int = 2) -> Mapping[str, int]:
        """Return by "case ID" and "record ID" the group of each report, where *least* enterprises or more have it. For tests and measuring."""
        members = PROBLEM_MEMBERS.c
        query = (
            select(members.case_id, members.record_id, members.problem_id)
            .join(PROBLEMS, PROBLEMS.c.id == members.problem_id)
            .where(members.district == district, PROBLEMS.c.enterprises >= least)
        )
        found = await self._db.read(lambda connection: connection.execute(query).all())
        return {f"case {row.case_id}" if row.case_id is not None else f"record {row.record_id}": row.problem_id for row in found}

    async def list(
        self, district: str, states: Iterable[ProblemState], *, least: int = 1, limit: int = 50, now: datetime | None = None
    ) -> Listed[Problem]:
        """Return the problems of these states with *least* enterprises or more: the largest of each state first."""
        return await self._db.read(lambda connection: rows.listed(connection, district, tuple(states), least, limit, now))

    async def get(self, key: str, now: datetime | None = None) -> Dossier:
        """Return one with its newest reports; growth is counted up to *now*. Raises UsageError where there is none."""
        return await self._db.read(lambda connection: rows.dossier(connection, rows.find(connection, key), now))

    async def history(self, key: str) -> Listed[Event]:
        """Return what persons and the rules did to it, the oldest first; nothing where nobody was asked yet."""

        def unit(connection: Connection) -> Listed[Event]:
            subject = rows.find(connection, key)["subject_id"]
            return audit.read(connection, subject, chain=audit.OF_SUBJECTS) if subject is not None else []

        return await self._db.read(unit)

    async def open(self, key: str, lead: str, name: str, said: Said, tell: Tell) -> Dossier:
        """Open a problem with the department *lead*, under *name* where it is given. Raises UsageError where it is open or closed already."""
        return await self._db.write(lambda connection: _open(connection, key, lead, name, said, tell, self._outbox))

    async def close(self, key: str, said: Said) -> Dossier:
        """Close a problem, opened or not. Raises UsageError where it is closed already."""
        return await self._db.write(lambda connection: _close(connection, key, said))


# ---------------------------------------------------------------- what waits


def _load(connection: Connection, arrival_id: int) -> Waiting | None:
    """Return the report of an arrival, None where it is none: no longer accepted, or a record told anew since."""
    case = connection.execute(select(CASES).where(CASES.c.arrival_id == arrival_id)).mappings().first()
    if case is not None:
        return _waiting(arrival_id, case, case_id=case["id"]) if case["verdict"] == Verdict.ACCEPT.value else None
    record = connection.execute(select(PLATFORM_RECORDS).where(PLATFORM_RECORDS.c.arrival_id == arrival_id)).mappings().first()
    decided = connection.execute(select(DECISIONS).where(DECISIONS.c.arrival_id == arrival_id)).mappings().first()
    if record is None or decided is None:
        return None
    row = {**decided, "received_at": record["reported_at"], "department": None}
    return _waiting(arrival_id, row, record_id=record["id"])


def _waiting(
    arrival_id: int, row: Mapping[str, object] | RowMapping, *, case_id: int | None = None, record_id: int | None = None
) -> Waiting:
    decision = from_json(Decision, str(row["decision"]))
    received = row["received_at"]
    assert isinstance(received, datetime)  # noqa: S101 - a column of that type
    return Waiting(
        arrival_id=arrival_id,
        case_id=case_id,
        record_id=record_id,
        petition=from_json(Petition, str(row["petition"])),
        decision=decision,
        department=str(row["department"]) if row["department"] else decision.department,
        received_at=received,
    )


# ---------------------------------------------------------------- one report in its group


def _place(  # noqa: PLR0913, PLR0917 - the report, when it is proposed, and how that is told
    connection: Connection, district: str, reported: Reported, threshold: Threshold, tell: Tell, now: datetime, outbox: Outbox
) -> Problem | None:
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
    subject = _subject(connection, row, now)
    values = {"state": ProblemState.PROPOSED, "proposed_at": now, "subject_id": subject.id}
    connection.execute(update(PROBLEMS).where(PROBLEMS.c.id == problem_id).values(values))
    dossier = rows.dossier(connection, rows.load(connection, problem_id), now)
    data = {"name": dossier.problem.name, "size": dossier.problem.size, "enterprises": dossier.problem.enterprises}
    _note(connection, subject.id, "problem.proposed", Said(by="rules", reason="", at=now), data)
    outbox.put(connection, subject, tell(dossier), arrival_id=None, now=now)
    return dossier.problem


def _subject(connection: Connection, row: RowMapping, now: datetime) -> Subject:
    """Return what the mails about a problem and its history belong to, made where there is none yet."""
    key = rows.key_of(row["id"])
    if row["subject_id"] is not None:
        return subject_rows.load(connection, row["subject_id"], lock=True)
    subject = Subject(
        id=0,
        district=row["district"],
        sort=SubjectSort.PROBLEM,
        of="类题",
        key=key,
        title=row["name"],
        department="",
        day=now.date(),
        until=now.date(),
    )
    subject_rows.add(connection, subject)
    return subject_rows.find(connection, row["district"], key, lock=True)


# ---------------------------------------------------------------- what persons do


def _open(  # noqa: PLR0913, PLR0917 - the act, and how it is told
    connection: Connection, key: str, lead: str, name: str, said: Said, tell: Tell, outbox: Outbox
) -> Dossier:
    row = rows.find(connection, key, lock=True)
    if row["state"] in {ProblemState.OPEN.value, ProblemState.CLOSED.value}:
        words = f"已由 {row['lead']} 牵头" if row["state"] == ProblemState.OPEN.value else "已经办结；以后再有同样的反映，会另成一题"
        raise UsageError(f"{rows.key_of(row['id'])} {words}")
    subject = _subject(connection, row, said.at)
    values = {"state": ProblemState.OPEN, "lead": lead, "subject_id": subject.id, "name": name or row["name"]}
    connection.execute(update(PROBLEMS).where(PROBLEMS.c.id == row["id"]).values(values))
    connection.execute(update(SUBJECTS).where(SUBJECTS.c.id == subject.id).values(department=lead, title=values["name"]))
    dossier = rows.dossier(connection, rows.load(connection, row["id"]), said.at)
    _note(connection, subject.id, "problem.opened", said, {"lead": lead, "name": values["name"], "size": dossier.problem.size})
    outbox.put(connection, subject, tell(dossier), arrival_id=None, now=said.at)
    return dossier


def _close(connection: Connection, key: str, said: Said) -> Dossier:
    row = rows.find(connection, key, lock=True)
    if row["state"] == ProblemState.CLOSED.value:
        raise UsageError(f"{rows.key_of(row['id'])} 已经办结")
    subject = _subject(connection, row, said.at)
    values = {"state": ProblemState.CLOSED, "subject_id": subject.id}
    connection.execute(update(PROBLEMS).where(PROBLEMS.c.id == row["id"]).values(values))
    connection.execute(update(SUBJECTS).where(SUBJECTS.c.id == subject.id).values(state=SubjectState.ENDED.value))
    connection.execute(delete(PROBLEM_KEYS).where(PROBLEM_KEYS.c.problem_id == row["id"]))  # nothing is found by them any more
    _note(connection, subject.id, "problem.closed", said, {"size": row["size"], "enterprises": row["enterprises"]})
    return rows.dossier(connection, rows.load(connection, row["id"]), said.at)


def _note(connection: Connection, subject_id: int, kind: str, said: Said, data: Mapping[str, object]) -> None:
    entry = Entry(kind=kind, at=said.at, actor=said.by, reason=said.reason, data=data)
    audit.append(connection, subject_id, [entry], chain=audit.OF_SUBJECTS)

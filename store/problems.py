"""Common problems: reports put into groups one by one, and what persons do with a group of several enterprises.

What waits to be grouped is a row written with the decision; it goes in the transaction that puts the report in its group
(`store.problem_placing`), so that a crash repeats nothing and skips nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from store import audit, dialects
from store import problem_placing as placing
from store import problem_rows as rows
from store.codec import from_json
from store.database import Database
from store.errors import UsageError
from store.model.case import Event
from store.model.decision import Decision, Verdict
from store.model.petition import Petition
from store.model.problem import Dossier, Problem, ProblemState
from store.outbox import Outbox
from store.owing import SubjectState
from store.problem_placing import Reported, Tell, Threshold, Waiting
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

_COUNTED = 5_000  # reports from which rare words are known

_WAITING = (
    select(PROBLEM_QUEUE.c.arrival_id)
    .where(PROBLEM_QUEUE.c.district == bindparam("here"))
    .order_by(PROBLEM_QUEUE.c.arrival_id)
    .limit(bindparam("limit"))
)


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
        return await self._db.write(lambda connection: placing.place(connection, district, reported, threshold, tell, now, self._outbox))

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


# ---------------------------------------------------------------- what persons do


def _open(  # noqa: PLR0913, PLR0917 - the act, and how it is told
    connection: Connection, key: str, lead: str, name: str, said: Said, tell: Tell, outbox: Outbox
) -> Dossier:
    row = rows.find(connection, key, lock=True)
    if row["state"] in {ProblemState.OPEN.value, ProblemState.CLOSED.value}:
        words = f"已由 {row['lead']} 牵头" if row["state"] == ProblemState.OPEN.value else "已经办结；以后再有同样的反映，会另成一题"
        raise UsageError(f"{rows.key_of(row['id'])} {words}")
    subject = rows.subject_of(connection, row, said.at)
    values = {"state": ProblemState.OPEN, "lead": lead, "subject_id": subject.id, "name": name or row["name"]}
    connection.execute(update(PROBLEMS).where(PROBLEMS.c.id == row["id"]).values(values))
    connection.execute(update(SUBJECTS).where(SUBJECTS.c.id == subject.id).values(department=lead, title=values["name"]))
    dossier = rows.dossier(connection, rows.load(connection, row["id"]), said.at)
    rows.note(connection, subject.id, "problem.opened", said, {"lead": lead, "name": values["name"], "size": dossier.problem.size})
    outbox.put(connection, subject, tell(dossier), arrival_id=None, now=said.at)
    return dossier


def _close(connection: Connection, key: str, said: Said) -> Dossier:
    row = rows.find(connection, key, lock=True)
    if row["state"] == ProblemState.CLOSED.value:
        raise UsageError(f"{rows.key_of(row['id'])} 已经办结")
    subject = rows.subject_of(connection, row, said.at)
    values = {"state": ProblemState.CLOSED, "subject_id": subject.id}
    connection.execute(update(PROBLEMS).where(PROBLEMS.c.id == row["id"]).values(values))
    connection.execute(update(SUBJECTS).where(SUBJECTS.c.id == subject.id).values(state=SubjectState.ENDED.value))
    connection.execute(delete(PROBLEM_KEYS).where(PROBLEM_KEYS.c.problem_id == row["id"]))  # nothing is found by them any more
    rows.note(connection, subject.id, "problem.closed", said, {"size": row["size"], "enterprises": row["enterprises"]})
    return rows.dossier(connection, rows.load(connection, row["id"]), said.at)

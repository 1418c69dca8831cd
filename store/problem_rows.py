"""How a common problem lies in its row, and how problems and their reports are looked up. Units of `Database.read`, or parts of larger ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, func, select

from store import audit, subject_rows
from store.audit import Entry
from store.errors import UsageError
from store.model.problem import Dossier, Group, Member, Problem, ProblemState
from store.owing import Subject, SubjectSort
from store.subjects import Said
from store.tables import CASES, PLATFORM_RECORDS, PROBLEM_MEMBERS, PROBLEMS

_SPAN = timedelta(days=30)  # over which growth is told
_NEWEST = 200  # reports of a group that are shown


def key_of(problem_id: int) -> str:
    """Return what people call a problem: LT-00012 (类题)."""
    return f"LT-{problem_id:05d}"


def find(connection: Connection, key: str, *, lock: bool = False) -> RowMapping:
    """Return the row of the problem called *key*. Raises UsageError where there is none."""
    digits = key.strip().upper().removeprefix("LT-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):  # noqa: PLR2004 - digits that fit the column
        raise UsageError(f"{key} 不是类题编号，应形如 LT-00012；用 zuozhen problems list 查看")
    query = select(PROBLEMS).where(PROBLEMS.c.id == int(digits))
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise UsageError(f"没有编号为 {key} 的类题；用 zuozhen problems list 查看")
    return row


def load(connection: Connection, problem_id: int) -> RowMapping:
    """Return the row of the problem with this id, kept from other writers."""
    return connection.execute(select(PROBLEMS).where(PROBLEMS.c.id == problem_id).with_for_update()).mappings().one()


def group_of(row: RowMapping) -> Group:
    """Return a group as a new report is compared with it."""
    return Group(id=row["id"], department=row["department"], words=json.loads(row["words"]), matters=json.loads(row["matters"]))


def listed(
    connection: Connection, district: str, states: Sequence[ProblemState], least: int, limit: int, now: datetime | None
) -> list[Problem]:
    """Return the problems of these states, the largest of each state first; growth is counted up to *now*, else up to its last report."""
    found: list[Problem] = []
    for state in states:
        here = (PROBLEMS.c.district == district, PROBLEMS.c.state == state.value, PROBLEMS.c.enterprises >= least)
        query = select(PROBLEMS).where(*here).order_by(PROBLEMS.c.enterprises.desc(), PROBLEMS.c.id.desc()).limit(limit)
        found += [_problem(connection, row, now) for row in connection.execute(query).mappings().all()]
    return found[:limit]


def dossier(connection: Connection, row: RowMapping, now: datetime | None) -> Dossier:
    """Return a problem with its newest reports."""
    members, cases, records = PROBLEM_MEMBERS.c, CASES.c, PLATFORM_RECORDS.c
    query = (
        select(
            members.case_id,
            members.record_id,
            members.department,
            members.at,
            cases.number.label("case_number"),
            cases.name.label("case_name"),
            cases.title.label("case_title"),
            records.number,
            records.name,
            records.title,
            records.platform,
        )
        .outerjoin(CASES, cases.id == members.case_id)
        .outerjoin(PLATFORM_RECORDS, records.id == members.record_id)
        .where(members.problem_id == row["id"])
        .order_by(members.at.desc())
        .limit(_NEWEST)
    )
    found = [_member(one) for one in connection.execute(query).mappings()]
    return Dossier(problem=_problem(connection, row, now), members=tuple(found))


def _member(row: RowMapping) -> Member:
    is_case = row["case_id"] is not None
    return Member(
        number=row["case_number"] if is_case else row["number"],
        case_id=row["case_id"],
        record_id=row["record_id"],
        name=row["case_name"] if is_case else row["name"],
        title=row["case_title"] if is_case else row["title"],
        department=row["department"] or "",
        at=row["at"],
        platform="" if is_case else row["platform"],
    )


def _problem(connection: Connection, row: RowMapping, now: datetime | None) -> Problem:
    until = now or row["last_at"]
    return Problem(
        id=row["id"],
        district=row["district"],
        key=key_of(row["id"]),
        state=ProblemState(row["state"]),
        name=row["name"],
        size=row["size"],
        enterprises=row["enterprises"],
        departments=json.loads(row["departments"]),
        first_at=row["first_at"],
        last_at=row["last_at"],
        lead=row["lead"],
        proposed_at=row["proposed_at"],
        recent=_count(connection, row["id"], until - _SPAN, until),
        before=_count(connection, row["id"], until - 2 * _SPAN, until - _SPAN),
    )


def _count(connection: Connection, problem_id: int, since: datetime, until: datetime) -> int:
    members = PROBLEM_MEMBERS.c
    query = select(func.count()).where(members.problem_id == problem_id, members.at > since, members.at <= until)
    return connection.scalar(query) or 0


def subject_of(connection: Connection, row: RowMapping, now: datetime) -> Subject:
    """Return what the mails about a problem and its history belong to, made where there is none yet."""
    key = key_of(row["id"])
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


def note(connection: Connection, subject_id: int, kind: str, said: Said, data: Mapping[str, object]) -> None:
    """Write into the history of a problem what was done to it."""
    entry = Entry(kind=kind, at=said.at, actor=said.by, reason=said.reason, data=data)
    audit.append(connection, subject_id, [entry], chain=audit.OF_SUBJECTS)

"""How a session, an activity or a period lies in its row, and how it is looked up. Units of `Database.read`, or parts of larger ones."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from store import dialects
from store.audit import OF_CASES, OF_SUBJECTS, Chain, Tail
from store.errors import UsageError
from store.owing import Subject, SubjectSort, SubjectState
from store.tables import SUBJECTS

_BATCH = 500  # names in one statement
_LONGEST_SPAN = timedelta(days=366)  # between the first and the last day on which something undated may take place


def load(connection: Connection, subject_id: int, *, lock: bool = False) -> Subject:
    """Return the subject with this id, its row kept from other writers where *lock*. Raises UsageError where there is none."""
    return _only(connection, SUBJECTS.c.id == subject_id, f"没有内部编号为 {subject_id} 的活动", lock=lock)


def find(connection: Connection, district: str, key: str, *, lock: bool = False) -> Subject:
    """Return the subject called *key*. Raises UsageError where there is none."""
    words = f"没有名为“{key}”的场次、活动或定期事项；用 zuozhen activity list 查看"
    return _only(connection, (SUBJECTS.c.district == district) & (SUBJECTS.c.key == key), words, lock=lock)


def named(connection: Connection, district: str, keys: Collection[str]) -> dict[str, Subject]:
    """Return those of *keys* that are kept, by key."""
    found: dict[str, Subject] = {}
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), _BATCH):
        query = select(SUBJECTS).where(SUBJECTS.c.district == district, SUBJECTS.c.key.in_(wanted[start : start + _BATCH]))
        found |= {row["key"]: subject_of(row) for row in connection.execute(query).mappings()}
    return found


def between(connection: Connection, district: str, first: date, last: date) -> list[Subject]:
    """Return the sessions and activities whose days reach into those from *first* to *last*, in the order of their days."""
    earliest = max(first, date.min + _LONGEST_SPAN) - _LONGEST_SPAN
    sorts = (SubjectSort.SESSION.value, SubjectSort.ACTIVITY.value)
    days = SUBJECTS.c.day.between(earliest.isoformat(), last.isoformat()) & (SUBJECTS.c.until >= first.isoformat())
    query = (
        select(SUBJECTS).where(SUBJECTS.c.district == district, SUBJECTS.c.sort.in_(sorts), days).order_by(SUBJECTS.c.day, SUBJECTS.c.id)
    )
    return [subject_of(row) for row in connection.execute(query).mappings()]


def lock_free(connection: Connection, ids: Collection[int]) -> list[Subject]:
    """Lock these, in the order of their ids, and return those that nobody else has in hand."""
    if not ids:
        return []
    query = select(SUBJECTS).where(SUBJECTS.c.id.in_(ids)).order_by(SUBJECTS.c.id).with_for_update(skip_locked=True)
    return [subject_of(row) for row in connection.execute(query).mappings()]


def add(connection: Connection, subject: Subject) -> int | None:
    """Keep a new subject and return its id, None where the district has one of this name."""
    tail = Tail()
    row = {
        **_values(subject),
        "district": subject.district,
        "sort": subject.sort,
        "key": subject.key,
        "events": tail.length,
        "head": tail.head,
    }
    return connection.execute(dialects.insert_new(connection, SUBJECTS, returning_id=True), row).scalar()


def replace(connection: Connection, subject: Subject) -> None:
    """Write a subject as it now is; its key, its sort and its history stay."""
    connection.execute(update(SUBJECTS).where(SUBJECTS.c.id == subject.id).values(_values(subject)))


def history_of(connection: Connection, notice: RowMapping) -> tuple[int, Chain]:
    """Return whose history the fate of *notice* belongs into: its case, or the subject whose key it bears."""
    if notice["case_id"] is not None:
        return notice["case_id"], OF_CASES
    return find(connection, notice["district"], notice["case_number"]).id, OF_SUBJECTS


def _only(connection: Connection, this: Any, words: str, *, lock: bool) -> Subject:  # noqa: ANN401 - a condition of SQLAlchemy
    query = select(SUBJECTS).where(this)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise UsageError(words)
    return subject_of(row)


def _values(subject: Subject) -> dict[str, Any]:
    return {
        "of": subject.of,
        "title": subject.title,
        "department": subject.department,
        "day": subject.day.isoformat(),
        "until": subject.until.isoformat(),
        "done": json.dumps([day.isoformat() for day in subject.done]),
        "state": subject.state,
    }


def subject_of(row: RowMapping) -> Subject:
    """Return the subject that lies in *row*."""
    return Subject(
        id=row["id"],
        district=row["district"],
        sort=SubjectSort(row["sort"]),
        of=row["of"],
        key=row["key"],
        title=row["title"],
        department=row["department"],
        day=date.fromisoformat(row["day"]),
        until=date.fromisoformat(row["until"]),
        done=tuple(date.fromisoformat(day) for day in json.loads(row["done"])),
        state=SubjectState(row["state"]),
    )

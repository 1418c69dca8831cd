"""Sessions, activities and the returns of periods: what is announced, held, called off and received, and the deadlines that follow.

Every act is one transaction: the subject, its history, its deadlines, and the periods towards which it counts. Said again, an act whose
effect is there already changes nothing, so that a file of events may be read twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from store import audit, deadline_rows, subject_rows
from store.audit import Entry
from store.database import Database
from store.errors import UsageError
from store.model.case import Event
from store.owing import HAPPENINGS, DeadlineState, Happening, Period, Planner, Subject, SubjectSort, SubjectState
from store.tables import SUBJECTS

SORT_WORDS = {SubjectSort.SESSION: "场次", SubjectSort.ACTIVITY: "活动", SubjectSort.PERIOD: "定期事项", SubjectSort.PROBLEM: "类题"}
SUBJECT_STATE_WORDS = {SubjectState.PLANNED: "进行中", SubjectState.ENDED: "已结束", SubjectState.CANCELLED: "已取消"}
_SAID_BY_PEOPLE = {f"subject.{event}" for event in HAPPENINGS}
Listed = list  # the class below has a method of that name


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who says that something happened, when, and on what ground; `known_at` is when we heard of it, None: then."""

    by: str
    at: datetime
    reason: str = ""
    known_at: datetime | None = None


class Subjects:
    """What is owed without a case, in all districts of one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def happen(self, district: str, happening: Happening, said: Said, planner: Planner) -> bool:
        """Let *happening* take effect; False where it had taken effect before. Raises UsageError (Chinese) where it is not possible."""
        return await self._db.write(lambda connection: happen(connection, district, happening, said, planner))

    async def plan(self, district: str, planned: Sequence[Happening], at: datetime, planner: Planner) -> int:
        """Keep what a pack plans, and return how much of it is new or on other days than the pack had said before.

        What a person has said anything of stays as it is: announced on another day, held, called off.
        """
        said = Said(by="system", at=at)
        return await self._db.write(lambda connection: sum(_plan(connection, district, one, said, planner) for one in planned))

    async def begin(self, periods: Iterable[Period], at: datetime) -> int:
        """Keep *periods* and their deadlines, and return how many were new."""
        listed = list(periods)
        return await self._db.write(lambda connection: sum(_begin(connection, period, at)[1] for period in listed))

    async def latest(self, district: str) -> dict[tuple[str, str], date]:
        """Return by kind and department the first day of the newest period that has begun."""
        query = select(SUBJECTS.c.of, SUBJECTS.c.department, func.max(SUBJECTS.c.day)).where(
            SUBJECTS.c.district == district, SUBJECTS.c.sort == SubjectSort.PERIOD.value
        )
        grouped = query.group_by(SUBJECTS.c.of, SUBJECTS.c.department)
        rows = await self._db.read(lambda connection: connection.execute(grouped).all())
        return {(of, department): date.fromisoformat(day) for of, department, day in rows}

    async def get(self, district: str, key: str) -> Subject:
        """Return the one called *key*. Raises UsageError where there is none."""
        return await self._db.read(lambda connection: subject_rows.find(connection, district, key))

    async def list(self, district: str, *, sort: SubjectSort | None = None, limit: int = 100) -> Listed[Subject]:
        """Return the newest, of one sort where asked for; common problems have a list of their own (`store.problems`)."""
        wanted = SUBJECTS.c.sort != SubjectSort.PROBLEM.value if sort is None else SUBJECTS.c.sort == sort.value
        query = select(SUBJECTS).where(SUBJECTS.c.district == district, wanted).order_by(SUBJECTS.c.id.desc()).limit(limit)
        return await self._db.read(lambda connection: [subject_rows.subject_of(row) for row in connection.execute(query).mappings()])

    async def named(self, district: str, keys: Collection[str]) -> dict[str, Subject]:
        """Return those of *keys* that are kept, by key."""
        return await self._db.read(lambda connection: subject_rows.named(connection, district, keys))

    async def between(self, district: str, first: date, last: date) -> Listed[Subject]:
        """Return the sessions and activities of these days, and those whose day is not known and may be one of them."""
        return await self._db.read(lambda connection: subject_rows.between(connection, district, first, last))

    async def history(self, subject_id: int) -> Listed[Event]:
        """Return the events of one, oldest first."""
        return await self._db.read(lambda connection: audit.read(connection, subject_id, chain=audit.OF_SUBJECTS))

    async def verify(self, subject_id: int) -> Listed[str]:
        """Return what is wrong with the history of one, in Chinese; an intact one gives an empty list."""
        chain = audit.OF_SUBJECTS
        return await self._db.read(
            lambda connection: audit.verify(
                audit.read(connection, subject_id, chain=chain), audit.read_tail(connection, subject_id, chain=chain)
            )
        )


def _plan(connection: Connection, district: str, planned: Happening, said: Said, planner: Planner) -> bool:
    old = _found(connection, district, planned)
    if old.id:
        history = audit.read(connection, old.id, chain=audit.OF_SUBJECTS)
        same = (old.day, old.until, old.department) == (planned.day, planned.until or planned.day, planned.department)
        if same or any(event.kind in _SAID_BY_PEOPLE for event in history):
            return False
    try:
        return _take_effect(connection, old, planned, said, planner)
    except UsageError:  # another service kept it a moment ago, and nothing was written here
        return False


def happen(connection: Connection, district: str, happening: Happening, said: Said, planner: Planner) -> bool:
    """Let *happening* take effect as `Subjects.happen` does (a unit of `Database.write`)."""
    old = _found(connection, district, happening)
    if old.id and _was_said(connection, old, happening):
        return False
    if happening.event == "ended" and happening.day is None and old.day != old.until:
        raise UsageError(f"“{old.key}”在 {old.day} 至 {old.until} 之间，哪一天还没有定，请写明举行的日期（--day）")
    return _take_effect(connection, old, happening, said, planner)


def _take_effect(connection: Connection, old: Subject, happening: Happening, said: Said, planner: Planner) -> bool:
    new = _after(old, happening, may_be_wrong=happening.event == "cancelled" and _ended_by_itself(connection, old))
    if happening.event == "ended" and new.day > planner.day(said.at):
        raise UsageError(f"“{new.key}”在 {new.day}，还没有到，不能登记为已结束")
    known_at = said.known_at or said.at  # nobody is reminded, or overdue, of what was not known yet
    owing = planner.owing_of(new, happening, known_at)
    if happening.event == "received" and owing.met.isdisjoint(one.kind for one in deadline_rows.running_of(connection, old)):
        return False
    if not old.id:
        new = replace(new, id=subject_rows.add(connection, new) or 0)
        if not new.id:
            raise UsageError(f"“{new.key}”刚被别人登记，请再看一次")
    subject_rows.replace(connection, new)
    until = happening.until.isoformat() if happening.until else ""
    data = {
        "day": (happening.day or new.day).isoformat(),
        "until": until,
        "kind": happening.kind,
        "of": new.of,
        "department": new.department,
    }
    _note(connection, new.id, f"subject.{happening.event}", said, {name: value for name, value in data.items() if value})
    deadline_rows.apply(connection, new, owing, planner=planner, at=said.at)
    if happening.event == "ended":
        for period, times in planner.counted_in(new, known_at):
            _count(connection, period, new, times, said)
    return True


def _found(connection: Connection, district: str, happening: Happening) -> Subject:
    """Return the subject that *happening* is about, with id 0 where it is new. Raises UsageError where it cannot be a new one."""
    row = connection.execute(
        select(SUBJECTS).where(SUBJECTS.c.district == district, SUBJECTS.c.key == happening.key).with_for_update()
    ).mappings()
    found = row.first()
    if found is not None:
        return subject_rows.subject_of(found)
    if happening.event not in {"announced", "ended", "planned"}:
        raise UsageError(f"没有名为“{happening.key}”的场次、活动或定期事项；先用 zuozhen activity announce 登记，或用 list 查看")
    if happening.sort is None or happening.day is None:
        raise UsageError(f"“{happening.key}”还没有登记，要写明种类和日期")
    return Subject(
        id=0,
        district=district,
        sort=happening.sort,
        of=happening.of,
        key=happening.key,
        title=happening.title,
        department=happening.department,
        day=happening.day,
        until=happening.until or happening.day,
    )


def _ended_by_itself(connection: Connection, old: Subject) -> bool:
    """Say whether *old* is taken as held because its hours were over, which a person may know better."""
    history = audit.read(connection, old.id, chain=audit.OF_SUBJECTS) if old.state is SubjectState.ENDED else []
    return any(event.kind == "subject.ended" and event.actor == "system" for event in history)


def _after(old: Subject, happening: Happening, *, may_be_wrong: bool = False) -> Subject:
    """Return the subject after *happening*. Raises UsageError where that cannot happen to it now, unless what stands *may_be_wrong*."""
    day = happening.day or old.day
    if happening.event in {"received", "heeded"}:
        return old
    if old.sort is SubjectSort.PERIOD:
        raise UsageError(f"“{old.key}”是定期事项，只能登记收到（receive）或收悉（heed）")
    if old.state is not SubjectState.PLANNED and not may_be_wrong:
        raise UsageError(f"“{old.key}”{SUBJECT_STATE_WORDS[old.state]}，不能再改")
    match happening.event:
        case "announced" | "planned":
            named = {name: value for name in ("of", "title", "department") if (value := getattr(happening, name))}
            return replace(old, day=day, until=happening.until or day, **named)
        case "ended":
            return replace(old, day=day, until=day, state=SubjectState.ENDED)
        case "cancelled":
            return replace(old, state=SubjectState.CANCELLED)
        case _:
            return old


def _was_said(connection: Connection, old: Subject, happening: Happening) -> bool:
    """Say whether the last event of this sort in the history of *old* says the same; what was received may be received anew."""
    if happening.event in {"received", "heeded"}:
        return False
    history = audit.read(connection, old.id, chain=audit.OF_SUBJECTS)
    days = [str(event.data["day"]) for event in history if event.kind == f"subject.{happening.event}"]
    return bool(days) and days[-1] == (happening.day or old.day).isoformat()


def _begin(connection: Connection, period: Period, at: datetime) -> tuple[Subject, bool]:
    """Return the kept subject of *period*, locked, and whether it is new."""
    subject = period.subject
    new = subject_rows.add(connection, subject)
    if new is None:
        return subject_rows.find(connection, subject.district, subject.key, lock=True), False
    subject = replace(subject, id=new)
    _note(connection, new, "subject.began", Said(by="system", at=at), {"due": period.deadline.due.due.isoformat()})
    deadline_rows.add(connection, subject, period.deadline)
    return subject, True


def _count(connection: Connection, period: Period, activity: Subject, times: int, said: Said) -> None:
    """Let a day of *activity* count towards *period*, which is met with the last of its *times* days."""
    subject, _ = _begin(connection, period, said.at)
    if activity.day in subject.done:
        return
    subject = replace(subject, done=tuple(sorted({*subject.done, activity.day})))
    subject_rows.replace(connection, subject)
    _note(connection, subject.id, "subject.counted", said, {"day": activity.day.isoformat(), "activity": activity.key})
    if len(subject.done) >= times:
        for deadline in deadline_rows.running_of(connection, subject):
            deadline_rows.settle(connection, deadline.id, DeadlineState.MET, said.at)


def _note(connection: Connection, subject_id: int, kind: str, said: Said, data: dict[str, str]) -> None:
    entry = Entry(kind=kind, at=said.at, actor=said.by, reason=said.reason, data=data)
    audit.append(connection, subject_id, [entry], chain=audit.OF_SUBJECTS)

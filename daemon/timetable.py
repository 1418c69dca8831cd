"""The calendar of a district: what its pack plans and asks for, with what the store knows of it, and what people announced besides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from notifier.timetable import Line, Share, Standing, uid_of
from rules.explain import basis_in_words
from rules.occurrences import Occurrence, Return, occurrences, returns
from rules.planner import plans
from store.owing import Deadline, DeadlineState, Subject, SubjectSort, SubjectState

if TYPE_CHECKING:
    from rules.calendar import Calendar
    from rules.deadline_plan import Ground
    from rules.rulebook import RuleBook
    from store.deadlines import Deadlines
    from store.subjects import Subjects

_MOVED = timedelta(days=62)  # how far from the days of its rule an announced one may be, and still be known by its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows of some days: the subjects by name, and what they owe by their ids."""

    subjects: Mapping[str, Subject] = field(default_factory=dict)
    owed: Mapping[int, Sequence[Deadline]] = field(default_factory=dict)


async def known_of(rulebook: RuleBook, calendar: Calendar, first: date, last: date, subjects: Subjects, deadlines: Deadlines) -> Known:
    """Return what the store knows of what lies between these days."""
    district, ground = rulebook.district.id, plans(rulebook, calendar).ground
    announced = await subjects.between(district, first, last)
    keys = {one.key for one in _planned(rulebook, ground, first, last)}
    keys |= {key for one in returns(ground, first, last) for key in one.keys.values()}
    found = {**{one.key: one for one in announced}, **await subjects.named(district, keys)}
    return Known(subjects=found, owed=await deadlines.of_subjects([one.id for one in found.values()]))


def timetable(rulebook: RuleBook, calendar: Calendar, first: date, last: date, now: datetime, known: Known | None = None) -> list[Line]:
    """Return the lines of the days from *first* to *last* as they stand at *now*, in no order; without *known*, from the pack alone."""
    planner = plans(rulebook, calendar)
    drawing = _Drawing(rulebook, planner.ground, known or Known(), planner.day(now))
    lines = [*drawing.held(_planned(rulebook, planner.ground, first, last)), *drawing.due(returns(planner.ground, first, last))]
    return [line for line in lines if line.first <= last and line.last >= first]


def _planned(rulebook: RuleBook, ground: Ground, first: date, last: date) -> list[Occurrence]:
    early, late = max(first, date.min + _MOVED) - _MOVED, min(last, date.max - _MOVED) + _MOVED
    return list(occurrences(rulebook.schedule, ground, early, late))


class _Drawing:
    """Draws the lines of one district."""

    def __init__(self, rulebook: RuleBook, ground: Ground, known: Known, today: date) -> None:
        self._district, self._ground, self._known, self._today = rulebook.district, ground, known, today

    def held(self, planned: Collection[Occurrence]) -> Iterator[Line]:
        """Yield the sessions and activities, those that only people know at the end."""
        for one in planned:
            yield self._occurrence(one, self._known.subjects.get(one.key))
        named = {one.key for one in planned}
        for subject in self._known.subjects.values():
            if subject.key not in named and subject.sort is not SubjectSort.PERIOD:
                yield self._announced(subject)

    def due(self, asked: Iterable[Return]) -> Iterator[Line]:
        """Yield what is owed by a date."""
        for one in asked:
            yield Line(
                uid=uid_of(self._district.id, f"{one.kind.id} {one.span.first}"),
                title=f"{one.span.name} {one.kind.label}",
                first=one.due.due,
                last=one.due.due,
                is_due=True,
                shares=tuple(self._owed(one, owner, key) for owner, key in one.keys.items()),
                basis=basis_in_words(one.kind.basis),
                unsure=one.due.provisional,
            )

    def _occurrence(self, one: Occurrence, subject: Subject | None) -> Line:
        entry = one.entry
        first, last = (subject.day, subject.until) if subject else (one.first, one.last)
        host = subject.department if subject else one.host
        moved = subject is not None and (first, last) != (one.first, one.last) and first == last and one.first == one.last
        return Line(
            uid=uid_of(self._district.id, one.key),
            title=one.name if entry.what in one.name else f"{one.name} {entry.what}",
            first=first,
            last=last,
            is_due=False,
            theme=(subject.title if subject else "") or entry.theme,
            place=entry.place,
            hours=entry.hours,
            shares=() if host is None else (self._share(one.key, host, first, last, subject),),
            company=(entry.group,) if entry.group else tuple(self._name(id_) for id_ in entry.company),
            company_ids=entry.company,
            basis=basis_in_words(entry.basis),
            note=f"原定 {one.first}" if moved else one.moved,
            unsure=one.unsure and subject is None,
        )

    def _announced(self, subject: Subject) -> Line:
        return Line(
            uid=uid_of(self._district.id, subject.key),
            title=subject.key if subject.of in subject.key else f"{subject.key} {subject.of}",
            first=subject.day,
            last=subject.until,
            is_due=False,
            theme=subject.title,
            shares=(self._share(subject.key, subject.department, subject.day, subject.until, subject),),
        )

    def _share(self, key: str, host: str, first: date, last: date, subject: Subject | None) -> Share:
        return Share(
            key=key,
            department=host,
            name=self._name(host),
            standing=self._standing(first, last, subject),
            late=tuple(one.due.label for one in self._running(subject) if one.due.last < self._today) if subject else (),
        )

    def _standing(self, first: date, last: date, subject: Subject | None) -> Standing:
        if subject is None:
            return Standing.PLANNED
        match subject.state:
            case SubjectState.ENDED:
                return Standing.HELD
            case SubjectState.CANCELLED:
                return Standing.CANCELLED
            case _ if last < self._today:
                return Standing.UNTOLD
            case _:
                return Standing.ANNOUNCED if first == last else Standing.UNDATED

    def _owed(self, one: Return, owner: str, key: str) -> Share:
        subject = self._known.subjects.get(key)
        deadlines = self._known.owed.get(subject.id, ()) if subject else ()
        if any(deadline.state is DeadlineState.MET for deadline in deadlines):
            standing = Standing.MET
        elif not deadlines:
            standing = Standing.PLANNED
        else:
            standing = Standing.OVERDUE if one.due.last < self._today else Standing.OWED
        return Share(key=key, department=owner, name=self._name(owner), standing=standing)

    def _running(self, subject: Subject) -> list[Deadline]:
        return [one for one in self._known.owed.get(subject.id, ()) if one.state is DeadlineState.OPEN]

    def _name(self, id_: str) -> str:
        if not id_:
            return self._district.coordinator
        department = self._district.departments.get(id_)
        return department.name if department else f"（{id_}，不在部门名录里）"

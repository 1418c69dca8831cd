"""When what a pack plans takes place, and by when what it asks for each period is owed: the calendar of a district without its history. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from rules.calendar import Calendar
from rules.deadline_kinds import Kind
from rules.deadline_plan import Ground
from rules.schedule import COORDINATOR, Entry, Rule, Schedule
from rules.spans import Span, last_of, span_on
from rules.subject_plan import due_in, owners_in, period_key
from store.model.due import Due
from store.owing import Happening

_DAY = timedelta(days=1)
_YEAR = timedelta(days=366)
_FURTHEST = 31  # days that a shift may move a day, and into another period


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time that an entry takes place, for one who holds it ("" for the coordinator, None where nobody is filled in).

    `name` is what this time is called, `key` the name under which its host announces it: the same where there is one host. It takes place on `first`, or where `last` is later on a day between them that is not
    known yet. `moved` says why it is not on the day that the rule names, `unsure` that a notice still to come may move it.
    """

    entry: Entry
    name: str
    key: str
    host: str | None
    first: date
    last: date
    moved: str = ""
    unsure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What all who owe one kind in one period owe by a date: `keys` are the names of their periods, by department."""

    kind: Kind
    span: Span
    due: Due
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Time:
    """One time without a host."""

    name: str  # of the period, "" where dates are given
    first: date
    last: date
    mark: str = ""  # tells several of one period apart
    moved: str = ""
    unsure: bool = False


def occurrences(schedule: Schedule, ground: Ground, first: date, last: date) -> Iterator[Occurrence]:
    """Yield what takes place, or may, on a day from *first* to *last*, in the order of the file."""
    for entry in schedule.entries:
        for time in _times(entry, ground.calendar, first, last):
            if time.first <= last and time.last >= first:
                yield from _held(entry, time, ground)


def returns(ground: Ground, first: date, last: date) -> Iterator[Return]:
    """Yield what is owed for a period by a date from *first* to *last*, in the order of the pack."""
    for kind in ground.kinds.by_id.values():
        if kind.every is None:
            continue
        span = span_on(kind.every, first)
        while span.first <= last:
            due = due_in(kind, span, ground)
            if first <= due.due <= last:
                yield Return(
                    kind=kind, span=span, due=due, keys={owner: period_key(kind, span, owner, ground) for owner in owners_in(kind, ground)}
                )
            span = span.next_of(kind.every)


def to_announce(schedule: Schedule, ground: Ground, today: date) -> Iterator[Happening]:
    """Yield what is to be announced by *today*: what may still take place, is no further ahead than its entry says, and has a host."""
    for one in _ahead(schedule, ground, today):
        if today >= _since(one):
            yield Happening(
                event="planned",
                key=one.key,
                day=one.first,
                until=one.last if one.last > one.first else None,
                sort=one.entry.sort,
                of=one.entry.what,
                title=one.entry.theme,
                department=one.host or COORDINATOR,
            )


def next_to_announce(schedule: Schedule, ground: Ground, today: date) -> date | None:
    """Return the first day after *today* on which something new is to be announced, None where there is none within a year."""
    return min((since for one in _ahead(schedule, ground, today) if (since := _since(one)) > today), default=None)


def _ahead(schedule: Schedule, ground: Ground, today: date) -> Iterator[Occurrence]:
    if today < date.max - _YEAR:
        yield from (one for one in occurrences(schedule, ground, today, today + _YEAR) if one.host is not None)


def _since(one: Occurrence) -> date:
    return one.first - timedelta(days=one.entry.ahead)


def bounds(schedule: Schedule) -> tuple[date, date] | None:
    """Return the first and the last day that dated entries name, None where the file names none: what to look at when a year is empty."""
    days = [day for entry in schedule.entries for day in (*entry.days, *((entry.month,) if entry.month else ()))]
    return (min(days), max(days)) if days else None


def _held(entry: Entry, time: _Time, ground: Ground) -> Iterator[Occurrence]:
    name = f"{time.name}{entry.key}{time.mark}"
    for host in entry.hosts or (None,):
        key = f"{name} {ground.departments.get(host, host)}" if host and len(entry.hosts) > 1 else name
        yield Occurrence(entry=entry, name=name, key=key, host=host, first=time.first, last=time.last, moved=time.moved, unsure=time.unsure)


def _times(entry: Entry, calendar: Calendar, first: date, last: date) -> Iterator[_Time]:
    if entry.rule is not None:
        yield from _recurring(entry.rule, calendar, first, last)
    elif entry.month is not None:
        yield _Time("", entry.month, last_of(entry.month.year, entry.month.month))
    else:
        yield from (_Time("", day, day, f" {day}" if len(entry.days) > 1 else "") for day in entry.days)


def _recurring(rule: Rule, calendar: Calendar, first: date, last: date) -> Iterator[_Time]:
    reach = timedelta(days=_FURTHEST if rule.shift != "none" else 0)
    begin = max(rule.since, first - reach) if rule.since > date.min or first - date.min > reach else date.min
    end = min(rule.until, last + reach) if date.max - last > reach else rule.until
    if begin > end:
        return
    span = span_on(rule.every, begin)
    while span.first <= end:
        yield from (time for time in _in_span(rule, span, calendar) if rule.since <= time.first and time.last <= rule.until)
        span = span.next_of(rule.every)


def _in_span(rule: Rule, span: Span, calendar: Calendar) -> Iterator[_Time]:
    if rule.between is not None:
        months = list(_months(rule, span))
        for month in months:
            mark = f" {month.month}月" if len(months) > 1 else ""
            yield _Time(span.name, _day_of(month, rule.between[0]), _day_of(month, rule.between[1]), mark)
        return
    named = [day for month in _months(rule, span) for day in dict.fromkeys(_day_of(month, number) for number in rule.on)]
    inside = [day for day in named if span.first <= day <= span.last]
    for day in inside:  # named by the day that the rule says, whichever the calendar moves it to
        yield _shifted(rule, span, day, f" {day.month}月{day.day}日" if len(inside) > 1 else "", calendar)


def _months(rule: Rule, span: Span) -> Iterator[date]:
    """Yield the first days of the months of *span* that the rule means."""
    if not rule.months:
        yield span.last.replace(day=1)
        return
    for month in range(span.first.month, span.last.month + 1):
        if month in rule.months:
            yield date(span.first.year, month, 1)


def _day_of(month: date, number: int) -> date:
    """Return that day of the month, or its last where it has not so many."""
    last = last_of(month.year, month.month)
    return last if number > last.day else month.replace(day=number)


def _shifted(rule: Rule, span: Span, day: date, mark: str, calendar: Calendar) -> _Time:
    info = calendar.day(day)
    if rule.shift == "none" or info.counted:
        return _Time(span.name, day, day, mark, unsure=info.provisional and rule.shift != "none")
    count = calendar.add_working_days(day, 1) if rule.shift == "next" else calendar.subtract_working_days(day, 1)
    which = "顺延至下一" if rule.shift == "next" else "提前至上一"
    why = f"{day.month}月{day.day}日是休息日（{info.why}），{which}工作日"
    return _Time(span.name, count.due, count.due, mark, why, unsure=count.provisional or info.provisional)

"""What a session, an activity or a period means for the deadlines: which begin, which are met, and which periods run. Pure.

A session or an activity counts by the day on which it takes place, not by the day on which somebody said so; a period by the calendar alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rules.deadline_kinds import Kind
from rules.deadline_plan import Ground, deadline_of, due_of
from rules.explain import basis_in_words
from rules.schedule import owners_of
from rules.spans import Span, span_on
from store.model.due import Due
from store.owing import Deadline, Happening, Owing, Period, Subject, SubjectSort, SubjectState

_TRIGGERS: Mapping[tuple[SubjectSort, str], str] = {
    (SubjectSort.SESSION, "announced"): "session",
    (SubjectSort.SESSION, "booking_closed"): "booking_close",
    (SubjectSort.SESSION, "ended"): "session_end",
    (SubjectSort.ACTIVITY, "announced"): "activity",
    (SubjectSort.SESSION, "planned"): "session",
    (SubjectSort.ACTIVITY, "planned"): "activity",
    (SubjectSort.ACTIVITY, "ended"): "activity_end",
}
_STARTS = {
    "session": "坐诊之日",
    "booking_close": "挂号截止之日",
    "session_end": "坐诊结束之日",
    "activity": "活动之日",
    "activity_end": "活动结束之日",
}


def owing_of(subject: Subject, happening: Happening, at: datetime, ground: Ground) -> Owing:
    """Return what *happening* means for the deadlines of *subject*, as it is after it."""
    kinds = [kind for kind in ground.kinds.by_id.values() if not kind.of_a_case and _concerns(kind, subject)]
    match happening.event:
        case "received":
            return Owing(met=frozenset(kind.id for kind in kinds if happening.kind in {"", kind.id}))
        case "heeded":
            return Owing(heeded=True)
        case "cancelled":
            return Owing(ends=True)
        case event:
            trigger = _TRIGGERS.get((subject.sort, event), "") if happening.until is None else ""  # no day, no count
            lapsed = {kind.id for kind in kinds if kind.before} if event == "ended" else set[str]()
            begins = tuple(_begin(kind, subject, trigger, happening, at, ground) for kind in kinds if trigger in kind.since)
            return Owing(begins=begins, lapses=frozenset(lapsed))


def _concerns(kind: Kind, subject: Subject) -> bool:
    if subject.sort is SubjectSort.PERIOD:
        return kind.id == subject.of
    return kind.every is None and (not kind.of or subject.of in kind.of)


def _begin(kind: Kind, subject: Subject, trigger: str, happening: Happening, at: datetime, ground: Ground) -> Deadline:
    day = happening.day or subject.day
    amount = kind.days if isinstance(kind.days, int) else 0
    due = due_of(kind, day, amount, ground, start_label=_STARTS[trigger])
    return deadline_of(kind, due, amount, at, ground, round_=(happening.at or at).isoformat())


# ------------------------------------------------------------ periods


def span_of(kind: Kind, day: date) -> Span:
    """Return the period of *kind* that holds *day*."""
    return span_on(kind.every or "year", day)


def due_in(kind: Kind, span: Span, ground: Ground) -> Due:
    """Return by when what *kind* asks for is owed in the period: a fixed date, which gives way to a rest day only where the pack says so."""
    fixed = span.last if kind.day is None else span.last.replace(day=kind.day)
    count = ground.calendar.add_days(fixed - timedelta(days=1), 1, roll_forward=kind.roll_forward)
    notes = [
        f"固定日期：{f'{fixed.month}月{kind.day}日前（含当日）' if kind.day else '期末'}，遇休息日{'' if kind.roll_forward else '不'}顺延"
    ]
    notes += [f"{day.day.month}月{day.day.day}日：{day.why}" for day in count.days if kind.roll_forward]
    notes += [f"{span.name}内办 {kind.times} 天（{'、'.join(kind.counts)}）"] if kind.counts else []
    return Due(
        kind=kind.id,
        label=kind.label,
        basis=basis_in_words(kind.basis),
        start=span.first,
        start_label=f"{span.name}开始",
        due=count.due,
        provisional=count.provisional,
        days=(),
        earliest=count.earliest if count.provisional else None,
        latest=count.latest if count.provisional else None,
        notes=tuple(notes),
    )


def periods(ground: Ground, now: datetime, latest: Mapping[tuple[str, str], date]) -> Iterator[Period]:
    """Yield the periods that run at *now* or have passed unseen since *latest*, the first day of the newest one by kind and department.

    Where a kind never had one, the running one begins, unless its date has passed: nobody is late for what nobody asked of him.
    """
    today = now.astimezone(ZoneInfo(ground.timezone)).date()
    for kind in ground.kinds.by_id.values():
        for owner in owners_in(kind, ground) if kind.every else ():
            before = latest.get((kind.id, owner))
            span = span_of(kind, today) if before is None else span_of(kind, span_of(kind, before).last + timedelta(days=1))
            while span.first <= today:
                period = _period(kind, span, owner, now, ground)
                if before is not None or period.deadline.due_at > now:
                    yield period
                span = span_of(kind, span.last + timedelta(days=1))


def next_period(ground: Ground, now: datetime) -> datetime | None:
    """Return the first midnight after *now* at which a period begins, None where the pack knows none."""
    zone = ZoneInfo(ground.timezone)
    today = now.astimezone(zone).date()
    firsts = [
        span_of(kind, today).last + timedelta(days=1) for kind in ground.kinds.by_id.values() if kind.every and owners_in(kind, ground)
    ]
    return datetime.combine(min(firsts), time(), zone) if firsts else None


def counted_in(subject: Subject, at: datetime, ground: Ground) -> Iterable[tuple[Period, int]]:
    """Return the periods towards which the activity *subject*, now over, counts, each with how many days its kind asks for."""
    for kind in ground.kinds.by_id.values():
        if not kind.every or subject.of not in kind.counts:
            continue
        owner = "" if kind.owes == "coordinator" else subject.department
        if owner in owners_in(kind, ground):
            yield _period(kind, span_of(kind, subject.day), owner, at, ground), kind.times


def owners_in(kind: Kind, ground: Ground) -> tuple[str, ...]:
    """Return who owes *kind* in each period, by id; "" stands for the coordinator."""
    return owners_of(kind, ground.departments, ground.coordinator)


def period_key(kind: Kind, span: Span, owner: str, ground: Ground) -> str:
    """Return what the period of *owner* is called."""
    return " ".join(part for part in (span.name, kind.label, ground.departments.get(owner, owner)) if part)


def _period(kind: Kind, span: Span, owner: str, at: datetime, ground: Ground) -> Period:
    subject = Subject(
        id=0,
        district=ground.district,
        sort=SubjectSort.PERIOD,
        of=kind.id,
        key=period_key(kind, span, owner, ground),
        title=kind.label,
        department=owner,
        day=span.first,
        until=span.last,
        state=SubjectState.PLANNED,
    )
    due = due_in(kind, span, ground)
    return Period(subject=subject, deadline=deadline_of(kind, due, None, at, ground, round_=""))

"""What an event of a case means for its deadlines, and at which moments the clock must act on one. Pure: reads no clock, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from rules.calendar import Calendar, Count
from rules.deadline_kinds import HOURS, Kind, Kinds, Rank
from rules.deadlines import VerificationRule, verification_due
from rules.explain import basis_in_words
from rules.office import add_hours, close_of, day_zero
from store.life import FINISHED
from store.model.case import Case, CaseState
from store.model.due import CountedDay, Due
from store.owing import Deadline, DeadlineState, Owing


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment at which the clock acts: a reminder before the date, a rung of the ladder after it, or word of a date that was over when it became known."""

    at: datetime
    what: Literal["remind", "overdue", "late"]
    to: Rank
    copies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What planning needs of a district: its name in data, its kinds, calendar and time zone, its rule for CG-3.4, its departments by id."""

    kinds: Kinds
    calendar: Calendar
    timezone: str
    verification: VerificationRule = field(default_factory=VerificationRule)
    district: str = ""
    departments: Mapping[str, str] = field(default_factory=dict)  # id → name
    coordinator: str = ""  # its name
    mark: str = ""  # names the calendar and the pack, so that nothing is counted twice by the same


def owing(case: Case, event: str, old: CaseState | None, at: datetime, ground: Ground) -> Owing:
    """Return what *event* (at *at*, the case having been in *old*, None where it is new) means for the deadlines of *case*."""
    # A return that is passed on at once leaves a case assigned, but to somebody else, who owes everything anew.
    happened = {event} if old is case.state and event != "return" else {event, case.state.value}
    kinds = ground.kinds.by_id.values()
    met = frozenset(kind.id for kind in kinds if happened & set(kind.until))
    if case.state in FINISHED:
        return Owing(ends=True, met=met)
    begins = [_begin(kind, case, at, ground) for kind in kinds if kind.of_a_case and happened & set(kind.since)]
    return Owing(
        begins=tuple(deadline for deadline in begins if deadline is not None),
        met=met,
        pauses=frozenset(kind.id for kind in kinds if kind.pauses) if case.state is CaseState.AWAITING_SUPPLEMENT else frozenset(),
        heeded=event == "heed",
        carries=frozenset(kind.id for kind in kinds if isinstance(kind.days, str)) if event != "reopen" else frozenset(),
        resumes=old is CaseState.AWAITING_SUPPLEMENT and case.state is not CaseState.AWAITING_SUPPLEMENT,
    )


def _begin(kind: Kind, case: Case, at: datetime, ground: Ground) -> Deadline | None:
    amount, notes = _amount(kind, case, ground)
    if amount is None:
        return None
    if kind.days == "case_due":
        due = replace(case.due, kind=kind.id) if case.due else None
    elif kind.start == "opened":
        since, label = _beginning(case)
        due = due_of(kind, since, amount, ground, start_label=label)
    else:
        due = due_of(kind, at, amount, ground)
    return deadline_of(kind, replace(due, notes=(*due.notes, *notes)), amount, at, ground, case_id=case.id) if due else None


def _beginning(case: Case) -> tuple[datetime, str]:
    """Return when the handling began that a promise counts from: registration, or the order by which the case is handled anew."""
    again = case.progress.reopened_at
    return (datetime.fromisoformat(again), "重新办理") if again else (case.opened_at, "登记")


def _amount(kind: Kind, case: Case, ground: Ground) -> tuple[int | None, tuple[str, ...]]:
    """Return the days (or hours) that *kind* counts for *case*, None where the case has none of them, and how they come about."""
    match kind.days:
        case "case_due":  # the date of the first handling; handled anew, a case has the limit of its order (重点督办单)
            return ground.verification.working_days if case.due and not case.progress.orders else None, ()
        case "promised_days":
            days, word = case.progress.promised_days, "承诺"
        case "limit_days":  # there is one at a time: what the department named with its promise, or handled anew that of the order
            named_with = "reopen" if case.progress.orders else "promise"
            days, word = case.progress.limit_days if named_with in kind.since else None, "限期"
        case _:
            return kind.days, ()
    if not days:
        return None, ()
    more = case.progress.extended_days
    note = f"{word} {days} 个工作日" + (f"，批准延期 {more} 个工作日，共 {days + more} 个工作日" if more else "")
    return days + more, (note,)


def due_of(kind: Kind, since: datetime | date, amount: int, ground: Ground, *, start_label: str = "起算") -> Due:
    """Return the date *amount* days after *since* (before it, where the kind counts back), with the whole count.

    A moment counts from its day, or with the pack's shift from the next working day; a date as it is. Hours count from the moment itself.
    """
    if kind.unit in HOURS:
        return _due_in_hours(kind, since, amount, ground, start_label)
    zero = since
    if isinstance(since, datetime):
        found = day_zero(since, ground.calendar, ground.timezone)
        zero, start_label = found.day, f"{start_label}，{found.shifted}" if found.shifted else start_label
    count = _count(kind, zero, amount, ground.calendar)
    return Due(
        kind=kind.id,
        label=kind.label,
        basis=basis_in_words(kind.basis),
        start=zero,
        start_label=start_label,
        due=count.due,
        provisional=count.provisional,
        days=count.days,
        earliest=count.earliest if count.provisional else None,
        latest=count.latest if count.provisional else None,
    )


def _count(kind: Kind, zero: date, amount: int, calendar: Calendar) -> Count:
    if kind.unit == "calendar":
        return calendar.add_days(zero, -amount if kind.before else amount, roll_forward=kind.roll_forward)
    return calendar.subtract_working_days(zero, amount) if kind.before else calendar.add_working_days(zero, amount)


def _due_in_hours(kind: Kind, since: datetime | date, amount: int, ground: Ground, start_label: str) -> Due:
    """Return the moment *amount* hours after *since*; a date begins with the opening of the office."""
    calendar, zone = ground.calendar, ZoneInfo(ground.timezone)
    begin = since if isinstance(since, datetime) else datetime.combine(since, calendar.hours.opens, zone)
    at = add_hours(begin, amount, calendar, ground.timezone, office_only=kind.unit == "office_hours").astimezone(zone)
    first = begin.astimezone(zone)
    days = [first.date() + timedelta(days=n) for n in range((at.date() - first.date()).days + 1)]
    infos = [(day, calendar.day(day)) for day in days]
    counts_all = kind.unit == "hours"
    unit = "小时" if counts_all else "办公小时"
    return Due(
        kind=kind.id,
        label=kind.label,
        basis=basis_in_words(kind.basis),
        start=first.date(),
        start_label=f"{start_label} {first:%H:%M}",
        due=at.date(),
        provisional=not counts_all and any(info.provisional for _, info in infos),
        days=tuple(CountedDay(day=day, counted=counts_all or info.counted, why=info.why) for day, info in infos),
        notes=(f"自 {_short(first)} {first:%H:%M} 起 {amount} {unit}，至 {_short(at)} {at:%H:%M}",),
        since=begin,
        at=at,
    )


def deadline_of(  # noqa: PLR0913 - what begins, when and of what
    kind: Kind, due: Due, amount: int | None, at: datetime, ground: Ground, *, case_id: int | None = None, round_: str | None = None
) -> Deadline:
    """Return a deadline that begins at *at*."""
    deadline = Deadline(
        id=0,
        case_id=case_id,
        kind=kind.id,
        round=at.isoformat() if round_ is None else round_,
        owes=kind.owes,
        urgent=kind.urgent,
        amount=amount,
        due=due,
        due_at=due_at(due, ground),
        next_at=None,
        fired=0,
        state=DeadlineState.OPEN,
        paused_on=None,
        counted_by=ground.mark,
    )
    return begun(deadline, kind, at, ground)


def due_at(due: Due, ground: Ground) -> datetime:
    """Return the moment at which *due* is over: the close of office of its latest day, or where hours are counted that moment."""
    return due.at or close_of(due.last, ground.calendar, ground.timezone)


def begun(deadline: Deadline, kind: Kind, now: datetime, ground: Ground) -> Deadline:
    """Return *deadline* set to its first step after *now*: what lies before it began was never owed.

    One that is over already (a session said too late, a case assigned after its date) begins with a plain word of that to whoever owes it,
    not with the rungs that nobody could have heeded.
    """
    known_at = now.astimezone(ZoneInfo(ground.timezone)) if deadline.due_at <= now else None
    due = replace(deadline.due, known_at=known_at)
    steps = schedule(kind, due, ground)
    fired = 0 if known_at else sum(step.at <= now for step in steps)
    return replace(deadline, due=due, fired=fired, next_at=steps[fired].at if fired < len(steps) else None)


def schedule(kind: Kind, due: Due, ground: Ground) -> list[Step]:
    """Return every moment at which the clock acts on a deadline of *kind*, in order.

    Reminders and rungs fall on working days at the kind's hour, so that nobody is written to at night or on a rest day, and whoever has
    two hundred deadlines gets one mail a day about them. A reminder by its share of the time falls on its day at that hour, of hours on its
    moment; the clock's quiet hours hold it back.
    """
    calendar, zone, hour = ground.calendar, ZoneInfo(ground.timezone), time(kind.remind_at)

    def at(day: date) -> datetime:
        return datetime.combine(day, hour, zone)

    reminders = [Step(at=at(_working_day_before(due.last, days, calendar)), what="remind", to="handler") for days in kind.remind]
    begin, end = due.since or datetime.combine(due.start, calendar.hours.opens, zone), due_at(due, ground)
    shares = [begin + (end - begin) * share / 100 for share in kind.remind_share]
    moments = shares if kind.unit in HOURS else [at(share.astimezone(zone).date()) for share in shares]
    reminders += [Step(at=moment, what="remind", to="handler") for moment in moments]
    late = [
        Step(at=at(calendar.add_working_days(due.last, rung.after).due), what="overdue", to=rung.to, copies=rung.copies)
        for rung in kind.ladder
    ]
    if kind.ladder and kind.repeat_every:
        last = kind.ladder[-1]
        days = islice(range(last.after + kind.repeat_every, 10_000, kind.repeat_every), kind.repeat_cap)
        late += [Step(at=at(calendar.add_working_days(due.last, day).due), what="overdue", to=last.to, copies=last.copies) for day in days]
    # Two reminders may fall on one working day where the date itself is a rest day: one is enough.
    steps = sorted({step.at: step for step in (*reminders, *late)}.values(), key=lambda step: step.at)
    known_at = due.known_at
    if known_at is None or not steps:
        return steps
    return [Step(at=known_at, what="late", to="handler"), *(step for step in steps if step.at > known_at)]


def _working_day_before(day: date, days: int, calendar: Calendar) -> date:
    """Return the working day *days* before *day*; with 0 the day itself, or the last working day up to it."""
    return calendar.subtract_working_days(day, days).due if days else calendar.working_days_back(day, 1)[0]


def resumed(deadline: Deadline, kind: Kind, today: date, ground: Ground) -> Deadline:
    """Return a paused deadline running again: the days of its kind that passed meanwhile are added to it."""
    if deadline.paused_on is None or deadline.amount is None:
        return replace(deadline, state=DeadlineState.OPEN, paused_on=None)
    waited = (today - deadline.paused_on).days
    if kind.unit == "working":
        span = [deadline.paused_on + timedelta(days=n + 1) for n in range(waited)]
        waited = sum(ground.calendar.day(day).counted for day in span)
    unit = "个工作日" if kind.unit == "working" else "日"
    note = f"等企业补正，{_short(deadline.paused_on)}至{_short(today)}停止计时，顺延 {waited} {unit}"
    running = replace(
        deadline,
        state=DeadlineState.OPEN,
        paused_on=None,
        amount=deadline.amount + waited,
        waited=deadline.waited + waited,
        due=replace(deadline.due, notes=(*deadline.due.notes, note)),
    )
    return moved(running, kind, ground)


def _short(day: date) -> str:
    return f"{day.month}月{day.day}日"


def carried(old: Deadline, new: Deadline, kind: Kind, at: datetime, ground: Ground) -> Deadline:
    """Return *new*, which takes the place of *old*, with the days that *old* has waited, up to *at* where it waits still.

    A promise that is extended goes on from the day it began on: the days approved are added to it, and do not begin it anew.
    """
    if new.amount is None:
        return new
    if old.state is DeadlineState.PAUSED:
        old = resumed(old, kind, at.astimezone(ZoneInfo(ground.timezone)).date(), ground)
    due, own = new.due, len(new.due.notes)
    if kind.days in {"promised_days", "limit_days"}:
        due = replace(due, start=old.due.start, start_label=old.due.start_label)
    notes = (*due.notes, *old.due.notes[own:]) if old.waited else due.notes
    longer = replace(new, amount=new.amount + old.waited, waited=old.waited, due=replace(due, notes=notes))
    return begun(moved(longer, kind, ground), kind, at, ground)


def moved(deadline: Deadline, kind: Kind, ground: Ground, case: Case | None = None) -> Deadline:
    """Return *deadline* counted again, by the calendar as it now is. Steps that are behind it stay behind it.

    The CG-3.4 date of a *case* begins with the close of booking, which may have moved as well.
    """
    if deadline.amount is None or (kind.unit in HOURS and deadline.due.since is None):
        return replace(deadline, counted_by=ground.mark)
    return with_due(deadline, _recounted(deadline, kind, ground, case), kind, ground)


def with_due(deadline: Deadline, due: Due, kind: Kind, ground: Ground) -> Deadline:
    """Return *deadline* with another date; steps that are behind it stay behind it."""
    due = replace(due, known_at=deadline.due.known_at)
    steps = schedule(kind, due, ground)
    next_at = steps[deadline.fired].at if deadline.fired < len(steps) else None
    return replace(deadline, due=due, due_at=due_at(due, ground), next_at=next_at, counted_by=ground.mark)


def _recounted(deadline: Deadline, kind: Kind, ground: Ground, case: Case | None) -> Due:
    old, amount = deadline.due, deadline.amount or 0
    if kind.unit in HOURS:
        return replace(due_of(kind, old.since or old.start, amount, ground), start_label=old.start_label)
    base = old
    if kind.days == "case_due" and case is not None and case.received_at is not None:
        base = verification_due(case.received_at, settings=ground.verification, calendar=ground.calendar, timezone=ground.timezone)
        if not deadline.waited:
            return replace(base, kind=kind.id, notes=old.notes)
    count = _count(kind, base.start, amount, ground.calendar)
    provisional = count.provisional or (kind.days == "case_due" and base.provisional)
    return replace(
        old,
        start=base.start,
        start_label=base.start_label,
        due=count.due,
        provisional=provisional,
        days=count.days,
        earliest=count.earliest if provisional else None,
        latest=count.latest if provisional else None,
    )


_FIRST_HOUR, _LAST_HOUR = 8, 20


def is_quiet(now: datetime, calendar: Calendar, timezone: str) -> bool:
    """Say whether *now* is no time to write to anybody: a rest day, or outside 8:00 to 20:00."""
    local = now.astimezone(ZoneInfo(timezone))
    return not (_FIRST_HOUR <= local.hour < _LAST_HOUR and calendar.day(local.date()).counted)


def after_quiet(now: datetime, calendar: Calendar, timezone: str) -> datetime:
    """Return *now*, or the end of the quiet hours in which it lies."""
    if not is_quiet(now, calendar, timezone):
        return now
    local = now.astimezone(ZoneInfo(timezone))
    is_early = local.hour < _FIRST_HOUR and calendar.day(local.date()).counted
    day = local.date() if is_early else calendar.add_working_days(local.date(), 1).due
    return datetime.combine(day, time(_FIRST_HOUR), ZoneInfo(timezone))

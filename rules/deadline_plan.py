"""What an event of a case means for its deadlines, and at which moments the clock must act on one. Pure: reads no clock, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from rules.calendar import Calendar
from rules.deadline_kinds import Kind, Kinds, Rank
from rules.explain import basis_in_words
from rules.office import close_of, day_zero
from rules.rulebook import RuleBook
from store.life import FINISHED
from store.model.case import Case, CaseState
from store.model.due import Due
from store.owing import Deadline, DeadlineState, Owing


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment at which the clock acts: a reminder before the date, or a rung of the ladder after it."""

    at: datetime
    what: Literal["remind", "overdue"]
    to: Rank
    copies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What planning needs of a district: its kinds, calendar and time zone."""

    kinds: Kinds
    calendar: Calendar
    timezone: str


def owing(case: Case, event: str, old: CaseState | None, at: datetime, ground: Ground) -> Owing:
    """Return what *event* (at *at*, the case having been in *old*, None where it is new) means for the deadlines of *case*."""
    happened = {event} if old is case.state else {event, case.state.value}
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
        resumes=old is CaseState.AWAITING_SUPPLEMENT and case.state is not CaseState.AWAITING_SUPPLEMENT,
    )


def _begin(kind: Kind, case: Case, at: datetime, ground: Ground) -> Deadline | None:
    if kind.days == "case_due":  # the date of the first handling; handled anew, a case has the limit of its order (重点督办单)
        return (
            None if case.due is None or case.progress.orders else _deadline(kind, case, replace(case.due, kind=kind.id), None, at, ground)
        )
    amount = _amount(kind, case)
    if amount is None:
        return None
    zero = day_zero(case.opened_at if kind.start == "opened" else at, ground.calendar, ground.timezone).day
    return _deadline(kind, case, due_of(kind, zero, amount, ground), amount, at, ground)


def _amount(kind: Kind, case: Case) -> int | None:
    """Return the days that *kind* counts for *case*, None where the case has none of them."""
    match kind.days:
        case "promised_days":
            days = case.progress.promised_days
        case "limit_days":
            days = case.progress.limit_days
        case int():
            return kind.days
        case _:
            return None
    return days + case.progress.extended_days if days else None


def due_of(kind: Kind, zero: date, amount: int, ground: Ground) -> Due:
    """Return the date *amount* days after *zero* (before it, where the kind counts back), with the whole count."""
    calendar = ground.calendar
    if kind.unit == "calendar":
        count = calendar.add_days(zero, -amount if kind.before else amount, roll_forward=kind.roll_forward)
    else:
        count = calendar.subtract_working_days(zero, amount) if kind.before else calendar.add_working_days(zero, amount)
    return Due(
        kind=kind.id,
        label=kind.label,
        basis=basis_in_words(kind.basis),
        start=zero,
        start_label="登记" if kind.start == "opened" else "起算",
        due=count.due,
        provisional=count.provisional,
        days=count.days,
        earliest=count.earliest if count.provisional else None,
        latest=count.latest if count.provisional else None,
    )


def _deadline(kind: Kind, case: Case, due: Due, amount: int | None, at: datetime, ground: Ground) -> Deadline:
    deadline = Deadline(
        id=0,
        case_id=case.id,
        kind=kind.id,
        round=at.isoformat(),
        owes=kind.owes,
        urgent=kind.urgent,
        amount=amount,
        due=due,
        due_at=close_of(due.last, ground.calendar, ground.timezone),
        next_at=None,
        fired=0,
        state=DeadlineState.OPEN,
        paused_on=None,
    )
    return begun(deadline, kind, at, ground)


def begun(deadline: Deadline, kind: Kind, now: datetime, ground: Ground) -> Deadline:
    """Return *deadline* set to its first step after *now*: what lies before it began was never owed."""
    steps = schedule(kind, deadline.due, ground)
    fired = sum(step.at <= now for step in steps if step.what == "remind")
    return replace(deadline, fired=fired, next_at=steps[fired].at if fired < len(steps) else None)


def schedule(kind: Kind, due: Due, ground: Ground) -> list[Step]:
    """Return every moment at which the clock acts on a deadline of *kind*, in order.

    Reminders and rungs fall on working days at the pack's hour, so that nobody is written to at night or on a rest day.
    """
    calendar, zone, hour = ground.calendar, ZoneInfo(ground.timezone), time(kind.remind_at)

    def at(day: date) -> datetime:
        return datetime.combine(day, hour, zone)

    reminders = [Step(at=at(_working_day_before(due.last, days, calendar)), what="remind", to="handler") for days in kind.remind]
    late = [
        Step(at=at(calendar.add_working_days(due.last, rung.after).due), what="overdue", to=rung.to, copies=rung.copies)
        for rung in kind.ladder
    ]
    if kind.ladder and kind.repeat_every:
        last = kind.ladder[-1]
        days = islice(range(last.after + kind.repeat_every, 10_000, kind.repeat_every), kind.repeat_cap)
        late += [Step(at=at(calendar.add_working_days(due.last, day).due), what="overdue", to=last.to, copies=last.copies) for day in days]
    # Two reminders may fall on one working day where the date itself is a rest day: one is enough.
    return sorted({step.at: step for step in (*reminders, *late)}.values(), key=lambda step: step.at)


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
    amount = deadline.amount + waited
    return moved(replace(deadline, state=DeadlineState.OPEN, paused_on=None, amount=amount), kind, ground)


def moved(deadline: Deadline, kind: Kind, ground: Ground) -> Deadline:
    """Return *deadline* counted again, by the calendar as it now is. Steps that are behind it stay behind it."""
    if deadline.amount is None:
        return deadline
    due = due_of(kind, deadline.due.start, deadline.amount, ground)
    steps = schedule(kind, due, ground)
    next_at = steps[deadline.fired].at if deadline.fired < len(steps) else None
    return replace(deadline, due=due, due_at=close_of(due.last, ground.calendar, ground.timezone), next_at=next_at)


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


def plans(rulebook: RuleBook, calendar: Calendar) -> Planner:
    """Return the planner of a pack and a calendar."""
    return Planner(Ground(kinds=rulebook.settings.kinds, calendar=calendar, timezone=rulebook.district.timezone))


class Planner:
    """The plans of one district, as the store asks for them inside its transactions (`store.owing.Planner`)."""

    def __init__(self, ground: Ground) -> None:
        """Plan by *ground*."""
        self.ground = ground

    def owing(self, case: Case, event: str, old: CaseState | None, at: datetime) -> Owing:
        """Return what *event* means for the deadlines of *case*."""
        return owing(case, event, old, at, self.ground)

    def resumed(self, deadline: Deadline, at: datetime) -> Deadline:
        """Return a paused deadline running again from *at* on."""
        kind = self.ground.kinds.by_id.get(deadline.kind)
        return resumed(deadline, kind, self.day(at), self.ground) if kind else deadline

    def heeded(self, deadline: Deadline, at: datetime) -> Deadline:
        """Return an overdue deadline whose next rung is left out; one that is not overdue stays as it is."""
        kind = self.ground.kinds.by_id.get(deadline.kind)
        if kind is None or deadline.next_at is None or at <= deadline.due_at:
            return deadline
        steps, fired = schedule(kind, deadline.due, self.ground), deadline.fired + 1
        return replace(deadline, fired=fired, next_at=steps[fired].at if fired < len(steps) else None)

    def day(self, at: datetime) -> date:
        """Return the date of *at* in the district."""
        return at.astimezone(ZoneInfo(self.ground.timezone)).date()

"""The plans of one district as the store asks for them inside its transactions: one door to case, subject and calendar. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from rules import deadline_plan, subject_plan
from rules.calendar import Calendar
from rules.deadline_plan import Ground, schedule
from rules.rulebook import RuleBook
from store.model.case import Case, CaseState
from store.owing import Deadline, Happening, Owing, Period, Subject


def plans(rulebook: RuleBook, calendar: Calendar) -> Planner:
    """Return the planner of a pack and a calendar."""
    district = rulebook.district
    ground = Ground(
        kinds=rulebook.settings.kinds,
        calendar=calendar,
        timezone=district.timezone,
        verification=rulebook.settings.verification,
        district=district.id,
        departments={id_: department.name for id_, department in district.departments.items()},
        coordinator=district.coordinator,
        mark=f"{calendar.mark}-{rulebook.digest[:16]}",
    )
    return Planner(ground)


class Planner:
    """The plans of one district (`store.owing.Planner`)."""

    def __init__(self, ground: Ground) -> None:
        """Plan by *ground*."""
        self.ground = ground

    def owing(self, case: Case, event: str, old: CaseState | None, at: datetime) -> Owing:
        """Return what *event* means for the deadlines of *case*."""
        return deadline_plan.owing(case, event, old, at, self.ground)

    def owing_of(self, subject: Subject, happening: Happening, at: datetime) -> Owing:
        """Return what *happening* means for the deadlines of *subject*, as it is after it."""
        return subject_plan.owing_of(subject, happening, at, self.ground)

    def counted_in(self, subject: Subject, at: datetime) -> Iterable[tuple[Period, int]]:
        """Return the periods towards which the ended *subject* counts, each with how many days of the kind it asks for."""
        return subject_plan.counted_in(subject, at, self.ground)

    def resumed(self, deadline: Deadline, at: datetime) -> Deadline:
        """Return a paused deadline running again from *at* on."""
        kind = self.ground.kinds.by_id.get(deadline.kind)
        return deadline_plan.resumed(deadline, kind, self.day(at), self.ground) if kind else deadline

    def carried(self, old: Deadline, new: Deadline, at: datetime) -> Deadline:
        """Return *new*, which takes the place of *old*, with the days that *old* has waited."""
        kind = self.ground.kinds.by_id.get(new.kind)
        return deadline_plan.carried(old, new, kind, at, self.ground) if kind else new

    def heeded(self, deadline: Deadline, at: datetime) -> Deadline:
        """Return an overdue deadline whose next rung is left out; one that is not overdue, or whose next is left out already, stays as it is."""
        kind = self.ground.kinds.by_id.get(deadline.kind)
        if kind is None or deadline.next_at is None or at <= deadline.due_at:
            return deadline
        steps, fired = schedule(kind, deadline.due, self.ground), deadline.fired + 1
        if deadline.fired > sum(step.at <= at for step in steps):
            return deadline  # said twice before the rung that it spares: one word silences one rung, not the whole ladder
        return replace(deadline, fired=fired, next_at=steps[fired].at if fired < len(steps) else None)

    def recounted(self, deadline: Deadline, about: Case | Subject) -> Deadline:
        """Return *deadline* counted again by the calendar as it now is."""
        kind = self.ground.kinds.by_id.get(deadline.kind)
        if kind is None:
            return replace(deadline, counted_by=self.ground.mark)
        if kind.every is None:
            return deadline_plan.moved(deadline, kind, self.ground, about if isinstance(about, Case) else None)
        due = subject_plan.due_in(kind, subject_plan.span_of(kind, deadline.due.start), self.ground)
        return deadline_plan.with_due(deadline, due, kind, self.ground)

    def day(self, at: datetime) -> date:
        """Return the date of *at* in the district."""
        return at.astimezone(ZoneInfo(self.ground.timezone)).date()

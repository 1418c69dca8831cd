"""What somebody owes by a date, as all rooms know it: a deadline, what begins and ends one, and the moments at which the clock must act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from store.model.case import Case, CaseState
from store.model.due import Due
from store.model.notice import Notice


class DeadlineState(StrEnum):
    """Whether a deadline still runs."""

    OPEN = "open"
    PAUSED = "paused"  # waiting for the enterprise's supplement
    MET = "met"
    VOID = "void"  # the case ended, or another deadline took its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """One date somebody owes something by. `amount` (with pauses added) counts from `due.start`, None where the date was given.

    `owes` is whose it is ("department", "coordinator", "enterprise"); `due_at` the close of office of its latest day; `next_at` when the
    clock must act next, None where there is nothing left to do; `fired` how many of its steps are behind it.
    """

    id: int
    case_id: int
    kind: str
    round: str
    owes: str
    urgent: bool
    amount: int | None
    due: Due
    due_at: datetime
    next_at: datetime | None
    fired: int
    state: DeadlineState
    paused_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """What an event means for the deadlines of a case: kinds that are met, and new ones; a kind that begins anew voids its old one.

    `ends` is True where the case owes nothing more; `pauses` are the kinds that wait for a supplement, `resumes` says that it came,
    `heeded` that whoever owes has heard the last reminder.
    """

    begins: tuple[Deadline, ...] = ()
    met: frozenset[str] = frozenset()
    ends: bool = False
    pauses: frozenset[str] = frozenset()
    resumes: bool = False
    heeded: bool = False


class Planner(Protocol):
    """What the store asks the rules inside a transaction; `rules.deadline_plan.Planner` answers."""

    def owing(self, case: Case, event: str, old: CaseState | None, at: datetime) -> Owing:
        """Return what *event* at *at* means for the deadlines of *case*, which was in *old* before (None: it is new)."""
        ...

    def resumed(self, deadline: Deadline, at: datetime) -> Deadline:
        """Return a paused deadline running again from *at* on."""
        ...

    def heeded(self, deadline: Deadline, at: datetime) -> Deadline:
        """Return a deadline whose next rung is left out, because the one before it was heard."""
        ...

    def day(self, at: datetime) -> date:
        """Return the date of *at* in the district."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One deadline after the clock has acted on it: what it is now, and what its case's history says of that ("" where nothing)."""

    deadline: Deadline
    event: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One notice that the clock owes somebody, kept at *case* (the first of those it speaks of)."""

    case: Case
    notice: Notice

"""What somebody owes by a date, as all rooms know it: a deadline, what begins and ends one, and the moments at which the clock must act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


class SubjectSort(StrEnum):
    """What a subject is."""

    SESSION = "session"  # 坐诊
    ACTIVITY = "activity"  # 企业接待日, 巡诊, 走访 …
    PROBLEM = "problem"  # 类题: of it mails are kept, no dates
    PERIOD = "period"  # a month, a quarter … of which a department owes a return or an activity


class SubjectState(StrEnum):
    """Where a subject stands."""

    PLANNED = "planned"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a deadline concerns where that is no case: a session, an activity, or the return that a department owes for a period.

    `key` is what people call it, once in a district; `of` names the activity (企业接待日), or the kind of deadline where it is a period;
    `department` is whose it is, "" for the coordinator's. `day` is when it takes place, of a period the first day; `until` its last day.
    `done` are the days on which something happened that counts towards a period.
    """

    id: int
    district: str
    sort: SubjectSort
    of: str
    key: str
    title: str
    department: str
    day: date
    until: date
    done: tuple[date, ...] = ()
    state: SubjectState = SubjectState.PLANNED


HAPPENINGS = ("announced", "booking_closed", "ended", "cancelled", "received", "heeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happened to a subject, as a person or a file of events says: one of `HAPPENINGS`.

    `day` is when it takes (or took) place; a session or an activity is announced, or ended without that, with `sort`, `of`, `title` and
    `department`. `kind` says what was received, of a period "" (it has one kind). A pack plans ("planned") with `until` where it is on one of the days
    from `day` to that one, which is not known yet. `at` is when it is to be taken as said (drills), None: now.
    """

    event: str
    key: str
    day: date | None = None
    until: date | None = None
    sort: SubjectSort | None = None
    of: str = ""
    title: str = ""
    department: str = ""
    kind: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """One date somebody owes something by. `amount` (with the `waited` days of pauses in it) counts from `due.start`, None where the date was given.

    `counted_by` names the calendar and the pack by which it was counted last. It is owed in a case, or else of a subject: one of `case_id` and `subject_id` is None.

    `owes` is whose it is ("department", "coordinator", "enterprise"); `due_at` the close of office of its latest day; `next_at` when the
    clock must act next, None where there is nothing left to do; `fired` how many of its steps are behind it.
    """

    id: int
    case_id: int | None
    subject_id: int | None = None
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
    waited: int = 0
    counted_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """What an event means for the deadlines of a case: kinds that are met, and new ones; a kind that begins anew voids its old one.

    `ends` is True where the case owes nothing more; `pauses` are the kinds that wait for a supplement, `resumes` says that it came,
    `heeded` that whoever owes has heard the last reminder; `lapses` are the kinds that have lost their sense (to telephone before a
    session that is over). What begins of the kinds in `carries` goes on from the one it takes the place of: the days that one has waited
    are added.
    """

    begins: tuple[Deadline, ...] = ()
    met: frozenset[str] = frozenset()
    ends: bool = False
    pauses: frozenset[str] = frozenset()
    resumes: bool = False
    heeded: bool = False
    lapses: frozenset[str] = frozenset()
    carries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One period as it begins for one who owes: the subject, not yet kept, and its deadline."""

    subject: Subject
    deadline: Deadline


class Planner(Protocol):
    """What the store asks the rules inside a transaction; `rules.deadline_plan.Planner` answers."""

    def owing(self, case: Case, event: str, old: CaseState | None, at: datetime) -> Owing:
        """Return what *event* at *at* means for the deadlines of *case*, which was in *old* before (None: it is new)."""
        ...

    def owing_of(self, subject: Subject, happening: Happening, at: datetime) -> Owing:
        """Return what *happening* means for the deadlines of *subject*, as it is after it."""
        ...

    def counted_in(self, subject: Subject, at: datetime) -> Iterable[tuple[Period, int]]:
        """Return the periods towards which the ended *subject* counts, each with how many days of the kind it asks for."""
        ...

    def resumed(self, deadline: Deadline, at: datetime) -> Deadline:
        """Return a paused deadline running again from *at* on."""
        ...

    def carried(self, old: Deadline, new: Deadline, at: datetime) -> Deadline:
        """Return *new*, which takes the place of *old*, with the days that *old* has waited."""
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
class Moved:
    """One deadline that was counted again and has another date now."""

    old: Deadline
    new: Deadline
    about: Case | Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One notice that the clock owes somebody, kept at what it speaks of first."""

    about: Case | Subject
    notice: Notice

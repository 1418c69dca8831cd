"""What a report counts: the cases of a period and the dates owed in it, as they stood at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from store.model.arrival import Channel
from store.model.case import CaseState, Progress
from store.model.decision import Verdict
from store.model.problem import ProblemState


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a report is about: what came in, and what fell due, from `since` until before `until`, as known at `as_of` and not a moment later; kinds of dates to `leave_out`."""

    district: str
    since: datetime
    until: datetime
    as_of: datetime
    leave_out: frozenset[str] = frozenset()

    @property
    def end(self) -> datetime:
        """Where the window is cut off: what comes in later than `as_of` is not known to it."""
        return min(self.until, self.as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCase:
    """One case as it stood at a report's moment, told from its history. `answered_at` is None again once it was reopened."""

    id: int
    number: str
    opened_at: datetime
    received_at: datetime
    channel: Channel
    enterprise: str
    title: str
    level: str  # "" where no rule says
    state: CaseState
    verdict: Verdict
    ground: int | None
    department: str | None
    accompanying: tuple[str, ...]
    progress: Progress
    answered_at: datetime | None
    closed_at: datetime | None


class Outcome(StrEnum):
    """What became of a date that fell due."""

    KEPT = "kept"  # done in time
    LATE = "late"  # done, too late
    MISSED = "missed"  # not done, and over
    RUNNING = "running"  # not done, not yet over, or waiting for the enterprise


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedDeadline:
    """One date that a department owed in a case and that fell due in the window. `department` is who had the case when it ended, or had it last."""

    case_id: int
    number: str
    kind: str
    label: str
    department: str | None
    due: date
    due_at: datetime
    ended_at: datetime | None
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedProblem:
    """One common problem (类题) with a person's part in it that was reported to in the window: `size` and `enterprises` up to its end."""

    key: str
    name: str
    state: ProblemState
    lead: str
    size: int
    enterprises: int
    new: int  # reports of the window


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """All that a report counts. `arrivals` are messages by channel, `set_aside` those that opened no case by what they were."""

    window: Window
    arrivals: Mapping[Channel, int]
    set_aside: Mapping[Verdict, int]
    cases: tuple[ReportedCase, ...]
    deadlines: tuple[ReportedDeadline, ...]
    problems: tuple[ReportedProblem, ...]

"""A common problem (类题): reports of several enterprises about the same kind of thing, handled as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ProblemState(StrEnum):
    """Where a common problem stands."""

    GATHERING = "gathering"  # reports that fit each other; nobody has looked
    PROPOSED = "proposed"  # enough enterprises in a short time: a person is asked
    OPEN = "open"  # 立为类题, with a lead department
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of reports as a new one is compared with it: words and matters with their weights."""

    id: int
    department: str
    words: Mapping[str, float]
    matters: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What a group is about, once another report is one of it; `keys` are those by which it is found."""

    words: Mapping[str, float]
    matters: Mapping[str, float]
    keys: tuple[str, ...]
    name: str
    department: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A common problem, or what may become one. `recent` and `before` are the reports of the last 30 days and of the 30 before."""

    id: int
    district: str
    key: str  # LT-00012
    state: ProblemState
    name: str
    size: int
    enterprises: int
    departments: Mapping[str, int]
    first_at: datetime
    last_at: datetime
    lead: str = ""
    proposed_at: datetime | None = None
    recent: int = 0
    before: int = 0

    @property
    def usual_department(self) -> str:
        """The department that most of its reports went to, "" where none did."""
        return max(self.departments, key=lambda id_: (self.departments[id_], id_), default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One report of a common problem: a case of ours, or a record of another platform."""

    number: str
    case_id: int | None
    record_id: int | None
    name: str
    title: str
    department: str
    at: datetime
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A common problem with its newest reports."""

    problem: Problem
    members: tuple[Member, ...] = field(default_factory=tuple)

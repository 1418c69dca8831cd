"""What a new pack would have decided otherwise: one petition's two decisions compared, and the differences of a whole history summed.

| difference | what it means |
|---|---|
| verdict | accepted, refused … otherwise, or on another ground |
| standing | no longer for a person to confirm, or now for one |
| department | another lead |
| accompany, supplement, grade, urgent | the same verdict and lead, but other departments beside it, other questions, level or classes, other haste |
| advice, review | where the enterprise is told to turn instead; whether there is a reason to look |
| related | the case a follow-up goes to, or the case or record that reports the same: another one, or now one, or none any more |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rules.explain import explain, verdict_in_words
from rules.rulebook import RuleBook
from store.model.decision import Decision

KINDS: Mapping[str, str] = {
    "verdict": "结论或情形变了",
    "standing": "须不须人工确认变了",
    "department": "承办部门变了",
    "accompany": "陪诊部门变了",
    "supplement": "补正项变了",
    "grade": "级别或分类变了",
    "urgent": "加急变了",
    "advice": "建议转向的部门变了",
    "review": "人工查看的理由变了",
    "related": "续入或重复的那一件变了",
}
GRAVE = ("verdict", "standing", "department")  # what the enterprise or a department would have felt
SHOWN = 500  # changed petitions kept with both traces; the figures count all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One petition that the new pack decides otherwise: what differs, which rules came and went, both traces in Chinese lines."""

    arrival_id: int
    number: str
    received_at: datetime
    title: str
    kinds: tuple[str, ...]
    before: str
    after: str
    came: tuple[str, ...]
    went: tuple[str, ...]
    trace_before: tuple[str, ...]
    trace_after: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Summary:
    """A history decided again. `failed` are petitions on which the new rules could not be run, `unlike` re-checks that disagreed."""

    total: int = 0
    changed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)  # (before, after) in words, of grave changes
    came: Counter[str] = field(default_factory=Counter)
    went: Counter[str] = field(default_factory=Counter)
    rechecked: int = 0
    unlike: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def grave(self) -> int:
        """How many petitions would have got another verdict, standing or lead."""
        return sum(self.moves.values())

    def add(self, other: Summary) -> None:
        """Count what *other* counted too; of the changes the grave ones are kept first."""
        self.total += other.total
        self.changed += other.changed
        self.rechecked += other.rechecked
        for mine, theirs in ((self.kinds, other.kinds), (self.came, other.came), (self.went, other.went)):
            mine.update(theirs)
        self.moves.update(other.moves)
        self.unlike += other.unlike[: SHOWN - len(self.unlike)]
        self.failed += other.failed[: SHOWN - len(self.failed)]
        self.changes = sorted([*self.changes, *other.changes], key=_weight)[:SHOWN]

    def count(self, change: Change | None) -> None:
        """Count one petition."""
        self.total += 1
        if change is None:
            return
        self.changed += 1
        self.kinds.update(change.kinds)
        self.came.update(change.came)
        self.went.update(change.went)
        if is_grave(change):
            self.moves[change.before, change.after] += 1
        self.changes.append(change)


def is_grave(change: Change) -> bool:
    """Tell whether the enterprise or a department would have felt the change."""
    return any(kind in GRAVE for kind in change.kinds)


def _weight(change: Change) -> tuple[bool, int]:
    return not is_grave(change), change.arrival_id


def kinds_of(before: Decision, after: Decision) -> tuple[str, ...]:
    """Return in what two decisions on the same petition differ."""
    pairs = {
        "verdict": ((before.verdict, before.ground), (after.verdict, after.ground)),
        "standing": (before.proposed, after.proposed),
        "department": (before.department, after.department),
        "accompany": (set(before.accompanying), set(after.accompanying)),
        "supplement": (set(before.missing), set(after.missing)),
        "grade": ((before.level, set(before.classes)), (after.level, set(after.classes))),
        "urgent": (before.urgent, after.urgent),
        "advice": (before.advice, after.advice),
        "review": (bool(before.review), bool(after.review)),
        "related": ((before.related_case, before.related_record), (after.related_case, after.related_record)),
    }
    return tuple(kind for kind, (one, other) in pairs.items() if one != other)


def rules_of(decision: Decision) -> set[str]:
    """Return the rules that fired and were not set aside."""
    return {hit.rule for hit in decision.hits if not hit.overridden_by}


def outcome_in_words(decision: Decision, book: RuleBook) -> str:
    """Return verdict and lead department on one line."""
    department = book.district.departments.get(decision.department or "")
    lead = f"，{department.name if department else decision.department}" if decision.department else ""
    return f"{verdict_in_words(decision.verdict, decision.ground)}{'（建议）' if decision.proposed else ''}{lead}"


def traces(before: Decision, after: Decision, old: RuleBook, new: RuleBook) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return both decisions in Chinese lines, without the count of days, which no rule changes."""
    return tuple(_without_days(explain(before, old.district))), tuple(_without_days(explain(after, new.district)))


def _without_days(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if "个工作日：" not in line and " 不计：" not in line)

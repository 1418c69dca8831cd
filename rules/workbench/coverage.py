"""Which rules, and which branches of them, ever made a difference to what was decided: by tests, or by history.

A rule is covered where it fired. A branch of an `any` is covered where its rule fired and the branch was true; a part of a `none` where it
was true and, all other conditions being so, kept its rule from firing. Branches of an `all` are covered with their rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rules.clauses import describe
from rules.language import Condition, Fact, Firing, Group, Rule
from rules.reference import Reference, truth
from rules.rulebook import RuleBook


@dataclass(slots=True)
class Seen:
    """How often each rule fired, and how often each branch (rule, number) mattered."""

    rules: Counter[str] = field(default_factory=Counter)
    branches: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        """Count what *other* saw as well."""
        self.rules.update(other.rules)
        self.branches.update(other.branches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A rule that never fired, or (`branch` not "") a branch of it that never mattered, as a Chinese clause."""

    rule: str
    place: str
    branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much was touched. Shares are of 1; a pack without branches has them all covered."""

    rules: int
    rules_fired: int
    branches: int
    branches_met: int
    gaps: tuple[Gap, ...]

    @property
    def share(self) -> float:
        """The covered share of rules and branches together."""
        return (self.rules_fired + self.branches_met) / max(self.rules + self.branches, 1)


class Watch:
    """The plain evaluator, watched: `infer` answers as it does and notes in `seen` what mattered."""

    def __init__(self, book: RuleBook) -> None:
        """Watch the rules of *book*."""
        self._stages = book.stages
        self._reference = Reference(book.stages)
        self._branches = {rule.name: branches(rule) for rule in book.rules.values()}
        self.seen = Seen()

    def infer(self, stage: int, facts: Iterable[Fact]) -> list[Firing]:
        """Return the rules of *stage* that fire."""
        firings = self._reference.infer(stage, facts)
        self.seen.rules.update(firing.rule for firing in firings)
        fired = {firing.rule for firing in firings}
        holds = _remembered(facts)
        for rule in self._stages[stage].rules:
            self._note(rule, rule.name in fired, holds)
        return firings

    def _note(self, rule: Rule, fired: bool, holds: Callable[[Condition], bool]) -> None:  # noqa: FBT001 - of this module only
        for number, branch in enumerate(self._branches[rule.name]):
            if branch.kind == "any":
                met = fired and holds(branch.condition)
            else:
                met = not fired and holds(branch.condition) and all(holds(other) for other in branch.others)
            if met:
                self.seen.branches[rule.name, number] += 1


@dataclass(frozen=True, slots=True)
class Branch:
    """One part of an `any` or a `none`. `others` are, for a part of a `none`, the conditions that must hold for it to matter."""

    kind: str
    condition: Condition
    others: tuple[Condition, ...] = ()


def branches(rule: Rule) -> tuple[Branch, ...]:
    """Return the branches of *rule* in the order of the file."""
    return tuple(_branches(rule.when, ()))


def coverage(book: RuleBook, seen: Seen) -> Coverage:
    """Return what *seen* covers of the rules of *book*."""
    whole = {rule.name: branches(rule) for rule in book.rules.values()}
    gaps = [gap for rule in book.rules.values() for gap in _gaps(rule, whole[rule.name], seen)]
    return Coverage(
        rules=len(whole),
        rules_fired=sum(seen.rules[name] > 0 for name in whole),
        branches=sum(map(len, whole.values())),
        branches_met=sum(seen.branches[name, number] > 0 for name, found in whole.items() for number in range(len(found))),
        gaps=tuple(gaps),
    )


def _gaps(rule: Rule, found: Sequence[Branch], seen: Seen) -> Iterator[Gap]:
    if not seen.rules[rule.name]:
        yield Gap(rule=rule.name, place=rule.place)
        return
    for number, branch in enumerate(found):
        if not seen.branches[rule.name, number]:
            head = "任一：" if branch.kind == "any" else "排除："
            yield Gap(rule=rule.name, place=rule.place, branch=head + describe(branch.condition))


def _branches(condition: Condition, others: tuple[Condition, ...]) -> Iterator[Branch]:
    if not isinstance(condition, Group):
        return
    for place, part in enumerate(condition.conditions):
        if condition.kind == "all":
            beside = condition.conditions[:place] + condition.conditions[place + 1 :]
            yield from _branches(part, (*others, *beside))
        elif condition.kind == "none":
            rest = tuple(Group("none", (other,)) for other in condition.conditions if other is not part)
            yield Branch("none", part, (*others, *rest))
        elif len(condition.conditions) > 1:
            yield Branch("any", part)


def _remembered(facts: Iterable[Fact]) -> Callable[[Condition], bool]:
    """Return `truth` of *facts* that works each condition out once, and none before it is asked."""
    known: dict[int, bool] = {}
    asked: list[Callable[[Condition], bool]] = []

    def holds(condition: Condition) -> bool:
        if id(condition) not in known:
            if not asked:
                asked.append(truth(facts))
            known[id(condition)] = asked[0](condition)
        return known[id(condition)]

    return holds

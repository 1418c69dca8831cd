"""Turns rules into stages of compiled rules: alternatives of patterns of plain checks, free of any engine's grammar.

A compiled rule fires where at least one of its alternatives does; an alternative does where the anchor fact (`case`) passes the checks in
`anchor`, each positive pattern finds a fact, and no negative one does. Nothing is joined between facts: what relates two mentions
(same sentence, near, count) is one fact of its own, so that stuffing a letter with words cannot multiply matches, and so that a relation
can stand under `none`. Nothing derived is negated in the stage that derives it: a rule that rests on a conclusion runs in a later stage
than every rule that draws it, and a circle is a mistake of the pack.
"""

from __future__ import annotations

import graphlib
import itertools
import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rules.language import (
    AUTHENTICATION_KINDS,
    AUTOMATIC_KINDS,
    CASE_VERDICTS,
    DETAILS,
    ENTERPRISES,
    FIELDS,
    ORIGINS,
    PLACES,
    PLATFORM_STATUSES,
    CandidateIs,
    ChannelIs,
    Concluded,
    Condition,
    FieldIs,
    FieldLength,
    Group,
    Leaf,
    LetterIs,
    Mention,
    ReceivedIs,
    Rule,
    SenderIs,
    leaves,
)
from store.errors import Problem
from store.model.arrival import Channel

MAX_ALTERNATIVES = 64
MAX_PATTERNS = 15  # in one alternative, the anchor included; the engine takes 16
NONE = "none"  # what the anchor says of a letter that is not automatic, and of a code that is not there
CHANNELS = tuple(channel.value for channel in Channel)
CODES = ("valid", "invalid", NONE)

Operator: TypeAlias = Literal["eq", "ne", "lt", "le", "gt", "ge"]
Value: TypeAlias = str | int | float | bool

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_OPPOSITE: Mapping[Operator, Operator] = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}


@dataclass(frozen=True, slots=True)
class Check:
    """One property of a fact against a constant of the same type. A fact without the property fails every check on it."""

    name: str
    operator: Operator
    value: Value

    def holds(self, fact: Mapping[str, Value]) -> bool:
        """Tell whether *fact* passes."""
        return self.name in fact and _COMPARE[self.operator](fact[self.name], self.value)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Some fact of `kind` passes all checks. A firing names it under `alias`."""

    alias: str
    kind: str
    checks: tuple[Check, ...]

    def holds(self, fact: Mapping[str, Value]) -> bool:
        """Tell whether *fact*, of the right kind, passes all checks."""
        return all(check.holds(fact) for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One way for a rule to be true. Of several true ways the one of the least `rank` (the first in the file) explains the firing."""

    rank: tuple[int, ...]
    anchor: tuple[Check, ...]
    anchor_aliases: tuple[str, ...]  # the conditions that the anchor fact itself makes true
    positive: tuple[Pattern, ...]
    negative: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule as the engines see it."""

    name: str
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """The rules that run together, in the order of the pack: as written and as compiled (index by index)."""

    rules: tuple[Rule, ...]
    compiled: tuple[CompiledRule, ...]


# ---------------------------------------------------------------- stages


def compile_stages(rules: Sequence[Rule], problems: list[Problem]) -> tuple[Stage, ...]:
    """Return the stages of *rules*; circles and rules that expand too far or can never fire go to *problems*."""
    numbers = _number(rules, problems)
    _check_overrides(rules, numbers, problems)
    members: list[list[Rule]] = [[] for _ in range(1 + max(numbers.values(), default=0))]
    for rule in rules:
        if rule.name in numbers:
            members[numbers[rule.name]].append(rule)
    return tuple(Stage(tuple(group), tuple(compile_rule(rule, problems) for rule in group)) for group in members)


def _number(rules: Sequence[Rule], problems: list[Problem]) -> dict[str, int]:
    """Return the stage of each rule that stands on no circle."""
    by_name = {rule.name: rule for rule in rules}
    authors: dict[str, list[str]] = {}
    for rule in rules:
        for conclusion in rule.then.conclude:
            authors.setdefault(conclusion, []).append(rule.name)
    needs = {
        rule.name: {author for leaf in leaves(rule.when) if isinstance(leaf, Concluded) for author in authors.get(leaf.name, ())}
        for rule in rules
    }
    order = _sorted_without_circles(needs, by_name, "结论互相依赖，成了循环", "去掉其中一个 concluded 条件，或换一个结论名", problems)
    numbers: dict[str, int] = {}
    for name in order:
        numbers[name] = 1 + max((numbers[other] for other in needs[name] if other in numbers), default=-1)
    return numbers


def _sorted_without_circles(
    needs: dict[str, set[str]], by_name: Mapping[str, Rule], message: str, remedy: str, problems: list[Problem]
) -> list[str]:
    """Return the names in an order in which each follows what it needs; every circle becomes a problem and is cut."""
    while True:
        try:
            return list(graphlib.TopologicalSorter(needs).static_order())
        except graphlib.CycleError as error:
            circle: list[str] = error.args[1]
            rule = by_name[circle[0]]
            problems.append(Problem(place=rule.place, key=rule.name, message=f"{message}：{' → '.join(circle)}", remedy=remedy))
            needs = {name: others - set(circle) if name in circle else others for name, others in needs.items()}


def _check_overrides(rules: Sequence[Rule], numbers: Mapping[str, int], problems: list[Problem]) -> None:
    """Note exceptions that go in circles, or come after the conclusions of the rule they set aside have been used."""
    by_name = {rule.name: rule for rule in rules}
    needs = {rule.name: {name for name in rule.overrides if name in by_name and name != rule.name} for rule in rules}
    for rule in rules:
        for name in sorted(needs[rule.name]):
            if by_name[name].then.conclude and numbers.get(rule.name, 0) > numbers.get(name, 0):
                message = f"覆盖“{name}”已经太晚：它的结论在本规则运行之前就用上了"
                remedy = "去掉本规则的 concluded 条件，或改为覆盖用到那个结论的规则"
                problems.append(Problem(place=rule.place, key=rule.name, message=message, remedy=remedy))
    _sorted_without_circles(needs, by_name, "规则互相覆盖，成了循环", "去掉其中一个 overrides", problems)


# ---------------------------------------------------------------- one rule

_Signed: TypeAlias = tuple[Leaf, bool]  # a leaf, and whether it must hold
_Term: TypeAlias = tuple[tuple[int, ...], tuple[_Signed, ...]]  # the branch taken at each `any`, and what must hold there


class _TooWideError(Exception):
    """A rule has more alternatives than the engine should be asked to bear."""


def compile_rule(rule: Rule, problems: list[Problem]) -> CompiledRule:
    """Return *rule* compiled; without alternatives where it expands too far or can never fire, which becomes a problem."""
    try:
        alternatives = _expand(rule.when)
    except _TooWideError:
        message = f"条件展开后超过 {MAX_ALTERNATIVES} 种组合"
        remedy = "把 any 里的词并入一个词表，或拆成几条规则用 conclude 得出中间结论"
        problems.append(Problem(place=rule.place, key=rule.name, message=message, remedy=remedy))
        return CompiledRule(rule.name, ())
    widest = max((1 + len(found.positive) + len(found.negative) for found in alternatives), default=0)
    if widest > MAX_PATTERNS:
        message, remedy = f"同时要求 {widest - 1} 项，超过 {MAX_PATTERNS - 1} 项", "拆成几条规则，用 conclude 得出中间结论"
        problems.append(Problem(place=rule.place, key=rule.name, message=message, remedy=remedy))
    elif not alternatives and leaves(rule.when):
        message, remedy = "这条规则永远不会成立", "检查有没有一面要求、一面又在 none 里排除的，channel、letter 和 field 条件是否互相矛盾"
        problems.append(Problem(place=rule.place, key=rule.name, message=message, remedy=remedy))
    return CompiledRule(rule.name, tuple(alternatives))


def _expand(condition: Condition) -> list[Alternative]:
    alternatives = [found for rank, signed in _terms(condition, wanted=True) for found in _alternatives(rank, signed)]
    if len(alternatives) > MAX_ALTERNATIVES:
        raise _TooWideError
    return alternatives


def _terms(condition: Condition, *, wanted: bool) -> list[_Term]:
    """Return the disjunctive normal form of *condition* (or, not *wanted*, of its contrary), first branches first."""
    if not isinstance(condition, Group):
        return [((), ((condition, wanted),))]
    inner = wanted != (condition.kind == "none")
    is_conjunction = wanted == (condition.kind != "any")
    parts = [_terms(part, wanted=inner) for part in condition.conditions]
    if not is_conjunction:
        return [((branch, *rank), signed) for branch, part in enumerate(parts) for rank, signed in part]
    result: list[_Term] = [((), ())]
    for part in parts:
        result = [(rank + more, (*signed, *also)) for rank, signed in result for more, also in part]
        if len(result) > MAX_ALTERNATIVES:
            raise _TooWideError
    return result


def _alternatives(rank: tuple[int, ...], signed: Sequence[_Signed]) -> list[Alternative]:
    """Return the alternatives of one term: several where a candidate may share one of several keys, none where it contradicts itself."""
    anchor: dict[Check, None] = {}
    aliases: list[str] = []
    positive: list[list[Pattern]] = []
    negative: dict[tuple[str, tuple[Check, ...]], Pattern] = {}
    for leaf, wanted in signed:
        checks = _anchor_checks(leaf, wanted=wanted)
        if checks is not None:
            anchor |= dict.fromkeys(checks)
            aliases += [leaf.alias] if wanted else []
        elif wanted:
            positive.append(_patterns(leaf))
        else:
            negative |= {(pattern.kind, pattern.checks): pattern for pattern in _patterns(leaf)}
    if not _possible(tuple(anchor)):
        return []
    return [
        Alternative(rank=rank, anchor=tuple(anchor), anchor_aliases=tuple(aliases), positive=chosen, negative=tuple(negative.values()))
        for chosen in _choices(positive)
        if not any((pattern.kind, pattern.checks) in negative for pattern in chosen)
    ]


def _choices(options: list[list[Pattern]]) -> list[tuple[Pattern, ...]]:
    """Return every way to choose one of each list of *options*."""
    if math.prod(len(one) for one in options) > MAX_ALTERNATIVES:
        raise _TooWideError
    return list(itertools.product(*options))


# ---------------------------------------------------------------- one leaf

_CLOSED: Mapping[str, tuple[Value, ...]] = {
    "channel": CHANNELS,
    "automatic": (*AUTOMATIC_KINDS, NONE),
    "authentication": (*AUTHENTICATION_KINDS, NONE),
    "uscc": CODES,
    "verdict": CASE_VERDICTS,
    "enterprise": ENTERPRISES,
    "details": DETAILS,
    "origin": ORIGINS,
    "status": PLATFORM_STATUSES,
    **{f"has_{name}": (True, False) for name in FIELDS},
}


def _anchor_checks(leaf: Leaf, *, wanted: bool) -> tuple[Check, ...] | None:
    """Return the checks on the anchor fact by which *leaf* holds (or, not *wanted*, does not); None where it rests on other facts."""
    match leaf:
        case FieldIs(state="valid" | "invalid"):
            return _member("uscc", (leaf.state,), wanted=wanted)
        case FieldIs():
            return (Check(f"has_{leaf.field}", "eq", (leaf.state == "present") == wanted),)
        case FieldLength() | ReceivedIs():
            bound = _bound(leaf)
            return (bound if wanted else Check(bound.name, _OPPOSITE[bound.operator], bound.value),)
        case ChannelIs():
            return _member("channel", leaf.channels, wanted=wanted)
        case LetterIs():
            return _member(leaf.about, leaf.kinds, wanted=wanted)
    return None


def _bound(leaf: FieldLength | ReceivedIs) -> Check:
    """Return the one bound that *leaf* sets to a number of the anchor."""
    if isinstance(leaf, ReceivedIs):
        return Check("day", "ge", leaf.since) if leaf.since is not None else Check("day", "le", leaf.until or 0)
    name = f"{leaf.field}_length"
    return Check(name, "gt", leaf.longer_than) if leaf.longer_than is not None else Check(name, "lt", leaf.shorter_than or 0)


def _member(name: str, values: Collection[Value], *, wanted: bool) -> tuple[Check, ...]:
    """Return checks that the closed property *name* has (or has not) one of *values*, without alternatives."""
    among = [value for value in _CLOSED[name] if (value in values) == wanted]
    if len(among) == 1:
        return (Check(name, "eq", among[0]),)
    return tuple(Check(name, "ne", value) for value in _CLOSED[name] if value not in among)


def _possible(checks: Sequence[Check]) -> bool:
    """Tell whether some anchor fact passes all *checks* on its closed properties."""
    return all(
        any(all(check.holds({name: value}) for check in checks if check.name == name) for value in values)
        for name, values in _CLOSED.items()
    )


def _patterns(leaf: Leaf) -> list[Pattern]:
    """Return the patterns one of which must find a fact for *leaf* to hold."""
    match leaf:
        case Mention():
            return [_mention(leaf)]
        case CandidateIs():
            bounds = []
            if leaf.likeness_at_least is not None:
                bounds.append(Check("likeness", "ge", leaf.likeness_at_least))
            if leaf.within_days is not None:
                bounds.append(Check("days", "le", leaf.within_days))
            for name, values in leaf.members:
                bounds += _member(name, values, wanted=True)
            keys: list[tuple[Check, ...]] = [(Check(f"same_{key}", "eq", value=True),) for key in leaf.same] or [()]
            return [Pattern(leaf.alias, leaf.kind, (*key, *bounds)) for key in keys]
        case SenderIs():
            return [Pattern(leaf.alias, "sender", (Check("list", "eq", leaf.key),))]
        case Concluded():
            return [Pattern(leaf.alias, "derived", (Check("name", "eq", leaf.name),))]
    raise TypeError(leaf)


def _mention(leaf: Mention) -> Pattern:
    key = leaf.scope.key(leaf.words)
    if leaf.at_least > 1:
        return Pattern(leaf.alias, "count", (Check("list", "eq", key), Check("words", "ge", leaf.at_least)))
    if leaf.near is not None:
        checks = (Check("list", "eq", key), Check("other", "eq", leaf.near), Check("distance", "le", leaf.within))
        return Pattern(leaf.alias, "near", checks)
    scope = [Check("where", "ne", place) for place in PLACES if place not in leaf.scope.places]
    if leaf.scope.negated != "any":
        scope.insert(0, Check("negated", "eq", leaf.scope.negated == "yes"))
    named = Check("list", "eq", leaf.words)
    if leaf.same_sentence is not None:
        return Pattern(leaf.alias, "pair", (named, Check("other", "eq", leaf.same_sentence), *scope))
    return Pattern(leaf.alias, "mention", (named, *scope))

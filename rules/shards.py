"""What one durable-rules ruleset can bear: writes compiled rules in the engine's grammar and spreads them over rulesets within its limits.

The engine (2.0.28) checks few of its limits itself: beyond them it hangs while it holds the interpreter lock, or writes past its arrays.
So the network it will build is counted here first. Tests that begin alike share nodes; what counts is, at one node,

| limit | of the engine | here |
|---|---|---|
| different tests after one test | 512 error on assert, 513 hang | 500 |
| alternatives that end in one identical test | 256 crash | 250 |
| tests of one fact that may be pending at once | 64 error on assert | 60 |
| alternatives in one ruleset | 3,000 error | 32 |

The last one is far below what the engine can bear, for speed: a ruleset costs time and memory for all its alternatives even where one
is asked for, and a case touches few of them. So alternatives that look for the same word list stand together.

Of its grammar only this is used: `all` of patterns; equality and order against constants; `$not`; `dist` 0, so
that one fact may serve several patterns. No joins, regular expressions, arithmetic, counts or `any`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.compile import Alternative, Check, CompiledRule

CATCH_ALL = "~end"  # fires for every case, last; its first firing also readies the engine's memory for being freed
ANCHOR = "a"
_OPERATORS = {"ne": "$neq", "lt": "$lt", "le": "$lte", "gt": "$gt", "ge": "$gte"}
RULESET_SIZE = 32
_MAX_TESTS, _MAX_ENDS, _MAX_PENDING = 500, 250, 60
_PRIORITY, _LAST = 1, 65_000

Ruleset = dict[str, Any]  # as durable_rules_engine.create_ruleset takes it, before JSON


def build_shards(rules: Sequence[CompiledRule], *, most: int = RULESET_SIZE) -> list[Ruleset]:
    """Return *rules* as rulesets within the engine's limits, of *most* alternatives each; alternative j of rule i is named `i.j`."""
    shards: list[Ruleset] = [{}]
    network = _Network()
    for name, patterns in _together(_alternatives(rules)):
        if len(shards[-1]) == most or not network.take(patterns):
            shards.append({})
            network = _Network()
            network.take(patterns)  # one alternative alone is far below every limit
        shards[-1][name] = _rule(patterns, _PRIORITY)
    for shard in shards:
        shard[CATCH_ALL] = _rule([{ANCHOR: _tests("case", ())}], _LAST)
    return shards


def _alternatives(rules: Sequence[CompiledRule]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    for number, rule in enumerate(rules):
        for branch, alternative in enumerate(rule.alternatives):
            yield f"{number}.{branch}", _patterns(alternative)


def _together(alternatives: Iterable[tuple[str, list[dict[str, Any]]]]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Return *alternatives* with those together that look for the same thing first; those that only look at the case itself are such, too."""
    groups: dict[str, list[tuple[str, list[dict[str, Any]]]]] = {}
    for name, patterns in alternatives:
        positive = (tests for pattern in patterns for alias, tests in pattern.items() if alias.startswith("p"))
        subject = next((json.dumps(tests["$and"][:2], ensure_ascii=False) for tests in positive), "")
        groups.setdefault(subject, []).append((name, patterns))
    return itertools.chain.from_iterable(groups.values())


def _patterns(alternative: Alternative) -> list[dict[str, Any]]:
    """Return the engine's patterns: the anchor first where it is tested, or where something must be absent.

    A `$not` is only heeded for facts that came before those of the positive patterns, and the anchor is the fact that comes last.
    Without need the anchor is left out: each pattern costs time in every case.
    """
    needs_anchor = alternative.anchor or alternative.negative or not alternative.positive
    patterns = [{ANCHOR: _tests("case", alternative.anchor)}] if needs_anchor else []
    patterns += [{f"p{index}": _tests(pattern.kind, pattern.checks)} for index, pattern in enumerate(alternative.positive)]
    patterns += [{f"n{index}$not": _tests(pattern.kind, pattern.checks)} for index, pattern in enumerate(alternative.negative)]
    return patterns


def _tests(kind: str, checks: Iterable[Check]) -> dict[str, Any]:
    """Return the conjunction of *checks* on a fact of *kind*: equalities first, which the engine finds by hash."""
    ordered = sorted(checks, key=lambda check: check.operator != "eq")
    return {"$and": [{"k": kind}, *(_test(check) for check in ordered)]}


def _test(check: Check) -> dict[str, Any]:
    return {check.name: check.value} if check.operator == "eq" else {_OPERATORS[check.operator]: {check.name: check.value}}


def _rule(patterns: list[dict[str, Any]], priority: int) -> dict[str, Any]:
    return {"pri": priority, "dist": 0, "all": patterns}


# ---------------------------------------------------------------- counting


@dataclass(slots=True)
class _Node:
    """One test in the network the engine will build, with what follows it."""

    following: dict[str, _Node] = field(default_factory=dict)
    hashed: set[str] = field(default_factory=set)  # properties with equalities: one fact passes at most one test of each
    others: int = 0  # other tests: one fact may pass all of them
    ends: int = 0
    deepest: int = 0  # the most tests that may be pending below one of `following`

    def pending(self) -> int:
        return len(self.hashed) + self.others + max(0, self.deepest - 1)


class _Network:
    """The tests of one ruleset as the engine will share them."""

    def __init__(self) -> None:
        self._root = _Node()
        self._take_path(_path({ANCHOR: _tests("case", ())}))  # the catch-all

    def take(self, patterns: list[dict[str, Any]]) -> bool:
        """Add the patterns of one alternative; False, and the network is spoilt, where that passes a limit."""
        return all([self._take_path(_path(pattern)) for pattern in patterns])  # noqa: C419 - every pattern is taken, not just up to the first too many

    def _take_path(self, tests: list[tuple[str, str]]) -> bool:
        node, above = self._root, []
        fits = True
        for operator, text in tests:
            above.append(node)
            if text not in node.following:
                node.following[text] = _Node()
                if operator.startswith("$"):
                    node.others += 1
                else:
                    node.hashed.add(operator)
                fits = fits and len(node.following) <= _MAX_TESTS
            node = node.following[text]
        node.ends += 1
        fits = fits and node.ends <= _MAX_ENDS
        for upper in reversed(above):
            upper.deepest = max(upper.deepest, node.pending())
            node = upper
        return fits and self._root.pending() <= _MAX_PENDING


def _path(pattern: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the tests of one pattern in order: operator or property, and the whole test as text."""
    (conjunction,) = pattern.values()
    return [(next(iter(test)), json.dumps(test, ensure_ascii=False, sort_keys=True)) for test in conjunction["$and"]]

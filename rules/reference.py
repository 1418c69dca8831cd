"""What the rules mean, in plain Python: the oracle the engine is tested against, its stand-in where it cannot run, and near misses.

It reads the rules as written, not as compiled, and the facts as given, so that it shares neither the expansion into alternatives nor the
selection of premises with the engine it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from rules.compile import Stage
from rules.language import (
    CandidateIs,
    ChannelIs,
    Concluded,
    Condition,
    Fact,
    FieldIs,
    FieldLength,
    Firing,
    Group,
    Leaf,
    LetterIs,
    Mention,
    Rule,
    describe,
)
from rules.premises import check_facts
from store.model import NearMiss

Evidence = dict[str, str]  # alias of a condition → id of the fact that makes it true


class Reference:
    """Evaluates the stages of one pack. Holds no state between calls, so any thread may ask."""

    name = "reference"

    def __init__(self, stages: Sequence[Stage]) -> None:
        """Evaluate the rules of *stages*."""
        self._stages = stages

    def infer(self, stage: int, facts: Sequence[Fact]) -> list[Firing]:
        """Return the rules of *stage* that *facts* make true, in the order of the pack; MalformedMessageError where they are no facts."""
        case = _Case(facts)
        found = ((rule, case.evidence(rule.when)) for rule in self._stages[stage].rules)
        return [Firing(rule=rule.name, matched=evidence) for rule, evidence in found if evidence is not None]

    def near_misses(self, stage: int, facts: Sequence[Fact]) -> list[NearMiss]:
        """Return the rules of *stage* of which exactly one condition is false, and that condition in Chinese.

        Only where something speaks for the rule: a false positive condition needs another one that rests on a fact besides the case
        itself, else every rule of two conditions would nearly have fired for every letter.
        """
        case = _Case(facts)
        misses = []
        for rule in self._stages[stage].rules:
            missing = _missing(rule, case)
            if missing is not None:
                misses.append(NearMiss(rule=rule.name, missing=describe(missing)))
        return misses


def truth(facts: Sequence[Fact]) -> Callable[[Condition], bool]:
    """Return what tells whether a condition holds for *facts*; MalformedMessageError where they are no facts."""
    case = _Case(facts)
    return lambda condition: case.evidence(condition) is not None


def _missing(rule: Rule, case: _Case) -> Condition | None:
    """Return the one false condition of *rule*, None where there are none or several or nothing else speaks for it."""
    conditions = _conjuncts(rule.when)
    evidence = [case.evidence(condition) for condition in conditions]
    false = [condition for condition, found in zip(conditions, evidence, strict=True) if found is None]
    if len(false) != 1:
        return None
    (missing,) = false
    if isinstance(missing, Group) and missing.kind == "none":
        speaks = any(evidence)
    else:
        speaks = any(fact_id != case.anchor_id for found in evidence if found for fact_id in found.values())
    return missing if speaks else None


def _conjuncts(condition: Condition) -> list[Condition]:
    """Return the conditions all of which must hold, each `none` taken apart into one for each thing that may not be."""
    if not isinstance(condition, Group) or condition.kind == "any":
        return [condition]
    if condition.kind == "none":
        return [Group("none", (part,)) for part in condition.conditions]
    return [conjunct for part in condition.conditions for conjunct in _conjuncts(part)]


# ---------------------------------------------------------------- one case


class _Case:
    """The facts of one case, checked and sorted by what rules ask for."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        check_facts(facts)
        self._kinds: dict[object, list[Fact]] = {}
        self._mentions: dict[object, list[Fact]] = {}
        for fact in facts:
            self._kinds.setdefault(fact["k"], []).append(fact)
            if fact["k"] == "mention":
                self._mentions.setdefault(fact["list"], []).append(fact)
        (self._anchor,) = self._kinds["case"]
        self.anchor_id = str(self._anchor["id"])

    def evidence(self, condition: Condition, *, wanted: bool = True) -> Evidence | None:
        """Return what makes *condition* true (not *wanted*: false), {} where that is an absence, None where it is not so."""
        if not isinstance(condition, Group):
            found = self._leaf(condition)
            return found if wanted else {} if found is None else None
        inner = wanted != (condition.kind == "none")
        parts = (self.evidence(part, wanted=inner) for part in condition.conditions)
        if wanted == (condition.kind == "any"):
            return next((part for part in parts if part is not None), None)
        whole: Evidence = {}
        for part in parts:
            if part is None:
                return None
            whole |= part
        return whole

    def _leaf(self, leaf: Leaf) -> Evidence | None:
        match leaf:
            case Mention():
                return self._mention(leaf)
            case CandidateIs():
                return self._first(leaf.alias, (fact for fact in self._kinds.get("candidate", ()) if _is_like(fact, leaf)))
            case Concluded():
                return self._first(leaf.alias, (fact for fact in self._kinds.get("derived", ()) if fact["name"] == leaf.name))
        return {leaf.alias: self.anchor_id} if self._anchor_is(leaf) else None

    def _first(self, alias: str, facts: Iterable[Fact]) -> Evidence | None:
        return next(({alias: str(fact["id"])} for fact in facts), None)

    def _anchor_is(self, leaf: FieldIs | FieldLength | ChannelIs | LetterIs) -> bool:
        match leaf:
            case FieldIs(state="valid" | "invalid"):
                return self._anchor.get("uscc_valid") is (leaf.state == "valid")
            case FieldIs():
                return self._anchor[f"has_{leaf.field}"] is (leaf.state == "present")
            case FieldLength():
                length = cast("int", self._anchor[f"{leaf.field}_length"])
                return (leaf.shorter_than is None or length < leaf.shorter_than) and (leaf.longer_than is None or length > leaf.longer_than)
            case ChannelIs():
                return self._anchor["channel"] in leaf.channels
            case LetterIs():
                return self._anchor.get("automatic") in leaf.kinds

    def _mention(self, leaf: Mention) -> Evidence | None:
        key = leaf.scope.key(leaf.words)
        if leaf.at_least > 1:
            counts = (fact for fact in self._kinds.get("count", ()) if fact["list"] == key)
            return self._first(leaf.alias, (fact for fact in counts if cast("int", fact["words"]) >= leaf.at_least))
        if leaf.near is not None:
            nears = (fact for fact in self._kinds.get("near", ()) if fact["list"] == key and fact["other"] == leaf.near)
            return self._first(leaf.alias, (fact for fact in nears if cast("int", fact["distance"]) <= leaf.within))
        mentions = (fact for fact in self._mentions.get(leaf.words, ()) if leaf.scope.holds(fact["where"], fact["negated"]))
        if leaf.same_sentence is not None:
            return self._pair(leaf.alias, mentions, leaf.same_sentence)
        return self._first(leaf.alias, mentions)

    def _pair(self, alias: str, mentions: Iterable[Fact], companion: str) -> Evidence | None:
        """Return the first of *mentions* beside which another mention, of the list *companion*, stands in one sentence, and that one."""
        beside: dict[tuple[object, object], Fact] = {}
        for fact in self._mentions.get(companion, ()):
            beside.setdefault((fact["where"], fact["sentence"]), fact)
        pairs = ((fact, beside.get((fact["where"], fact["sentence"]))) for fact in mentions)
        return next(({alias: str(fact["id"]), f"{alias}_b": str(other["id"])} for fact, other in pairs if other is not None), None)


def _is_like(fact: Fact, leaf: CandidateIs) -> bool:
    likeness, days = fact.get("likeness"), fact.get("days")
    if leaf.same and not any(fact.get(f"same_{key}") is True for key in leaf.same):
        return False
    if leaf.likeness_at_least is not None and (likeness is None or round(cast("float", likeness), 6) < leaf.likeness_at_least):
        return False
    return leaf.within_days is None or (days is not None and cast("int", days) <= leaf.within_days)

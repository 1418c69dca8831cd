"""What the rules mean, in plain Python: the oracle the engine is tested against, its stand-in where it cannot run, and near misses.

It reads the rules as written, not as compiled, and the facts as given, so that it shares neither the expansion into alternatives nor the
selection of premises with the engine it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from rules.casefacts import CaseFacts, Key
from rules.clauses import describe
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
    ReceivedIs,
    Rule,
    SenderIs,
    leaves,
)
from store.model.decision import NearMiss

Evidence = dict[str, str]  # alias of a condition → id of the fact that makes it true


class Reference:
    """Evaluates the stages of one pack. Holds no state between calls, so any thread may ask."""

    name = "reference"

    def __init__(self, stages: Sequence[Stage]) -> None:
        """Evaluate the rules of *stages*."""
        self._stages = [_Index(stage.rules, _needed) for stage in stages]

    def infer(self, stage: int, facts: Iterable[Fact]) -> list[Firing]:
        """Return the rules of *stage* that *facts* make true, in the order of the pack; MalformedMessageError where they are no facts."""
        case = _Case(facts)
        found = ((rule, case.evidence(rule.when)) for rule in self._stages[stage].worth_a_look(case))
        return [Firing(rule=rule.name, matched=evidence) for rule, evidence in found if evidence is not None]


class NearMisses:
    """Finds the rules that one condition kept from firing. Holds no state between calls."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Look at *rules*."""
        rules = tuple(rules)
        self._conjuncts = {rule.name: _conjuncts(rule.when) for rule in rules}
        self._rules = _Index(rules, _speaking)

    def of(self, facts: Iterable[Fact]) -> list[NearMiss]:
        """Return the rules of which exactly one condition is false, and that condition in Chinese.

        Only where something speaks for the rule: a false positive condition needs another one that rests on a fact besides the case
        itself, else every rule of two conditions would nearly have fired for every letter.
        """
        case = _Case(facts)
        found = ((rule, _missing(self._conjuncts[rule.name], case)) for rule in self._rules.worth_a_look(case))
        return [NearMiss(rule=rule.name, missing=describe(missing)) for rule, missing in found if missing is not None]


def truth(facts: Iterable[Fact]) -> Callable[[Condition], bool]:
    """Return what tells whether a condition holds for *facts*; MalformedMessageError where they are no facts."""
    case = _Case(facts)
    return lambda condition: case.evidence(condition) is not None


def _missing(conditions: Sequence[Condition], case: _Case) -> Condition | None:
    """Return the one false condition, None where there are none or several or nothing else speaks for the rule."""
    missing: Condition | None = None
    evidence: list[Evidence] = []
    for condition in conditions:
        found = case.evidence(condition)
        if found is not None:
            evidence.append(found)
        elif missing is not None:
            return None
        else:
            missing = condition
    if isinstance(missing, Group) and missing.kind == "none":
        speaks = any(evidence)
    else:
        speaks = any(fact_id != case.anchor_id for found in evidence for fact_id in found.values())
    return missing if speaks else None


def _conjuncts(condition: Condition) -> list[Condition]:
    """Return the conditions all of which must hold, each `none` taken apart into one for each thing that may not be."""
    if not isinstance(condition, Group) or condition.kind == "any":
        return [condition]
    if condition.kind == "none":
        return [Group("none", (part,)) for part in condition.conditions]
    return [conjunct for part in condition.conditions for conjunct in _conjuncts(part)]


# ---------------------------------------------------------------- which rules are worth a look


class _Index:
    """Rules by what must be spoken of for them to matter, so that a case costs no more than the rules whose words occur in it."""

    def __init__(self, rules: Sequence[Rule], needed: Callable[[Rule], frozenset[Key] | None]) -> None:
        """Sort *rules* by the facts one of which they need (*needed*; None: they matter without any)."""
        self._rules = rules
        self._always: list[int] = []
        self._by_key: dict[Key, list[int]] = {}
        for number, rule in enumerate(rules):
            keys = needed(rule)
            if keys is None:
                self._always.append(number)
            for key in keys or ():
                self._by_key.setdefault(key, []).append(number)

    def worth_a_look(self, case: _Case) -> Iterator[Rule]:
        """Yield the rules that may matter for *case*, in the order of the pack."""
        numbers = set(self._always)
        for key in case.subjects():
            numbers.update(self._by_key.get(key, ()))
        return (self._rules[number] for number in sorted(numbers))


def _needed(rule: Rule) -> frozenset[Key] | None:
    return _needed_by(rule.when, wanted=True)


def _needed_by(condition: Condition, *, wanted: bool) -> frozenset[Key] | None:
    """Return what must be spoken of, one of it at least, for *condition* to hold (not *wanted*: not to hold); None where nothing must."""
    if not isinstance(condition, Group):
        return _about(condition) if wanted else None
    inner = wanted != (condition.kind == "none")
    parts = [_needed_by(part, wanted=inner) for part in condition.conditions]
    if wanted == (condition.kind == "any"):
        return None if None in parts else frozenset[Key]().union(*(part for part in parts if part is not None))
    return min((part for part in parts if part is not None), key=len, default=None)


def _speaking(rule: Rule) -> frozenset[Key] | None:
    """Return what of a rule can speak for a near miss, or be the one thing too much; None where the case itself can be that."""
    absences = [condition for condition in _conjuncts(rule.when) if isinstance(condition, Group) and condition.kind == "none"]
    if any(_needed_by(absence, wanted=False) is None for absence in absences):
        return None
    return frozenset(key for leaf in leaves(rule.when) for key in _about(leaf) or ())


def _about(leaf: Leaf) -> frozenset[Key] | None:
    """Return what a fact must be about for *leaf* to hold, None where it looks at the case itself."""
    match leaf:
        case Mention(at_least=1, near=None):
            return frozenset({("mention", leaf.words)})
        case Mention():
            return frozenset({("near" if leaf.near is not None else "count", leaf.scope.key(leaf.words))})
        case CandidateIs():
            return frozenset({(leaf.kind, None)})
        case SenderIs():
            return frozenset({("sender", leaf.key)})
        case Concluded():
            return frozenset({("derived", leaf.name)})
    return None


# ---------------------------------------------------------------- one case


class _Case:
    """What the conditions of rules say of one case."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = CaseFacts.of_all(facts)
        self._anchor = self._facts.anchor
        self.anchor_id = str(self._anchor["id"])

    def subjects(self) -> Iterable[Key]:
        """Return what is spoken of."""
        return self._facts.subjects()

    def _of(self, kind: str, about: object = None) -> Iterator[Fact]:
        return (fact for _, fact in self._facts.of(kind, about))

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
                return self._first(leaf.alias, (fact for fact in self._of(leaf.kind) if _is_like(fact, leaf)))
            case SenderIs():
                return self._first(leaf.alias, self._of("sender", leaf.key))
            case Concluded():
                return self._first(leaf.alias, self._of("derived", leaf.name))
        return {leaf.alias: self.anchor_id} if self._anchor_is(leaf) else None

    def _first(self, alias: str, facts: Iterable[Fact]) -> Evidence | None:
        return next(({alias: str(fact["id"])} for fact in facts), None)

    def _anchor_is(self, leaf: FieldIs | FieldLength | ChannelIs | LetterIs | ReceivedIs) -> bool:
        match leaf:
            case FieldIs(state="valid" | "invalid"):
                return self._anchor.get("uscc_valid") is (leaf.state == "valid")
            case FieldIs():
                return self._anchor[f"has_{leaf.field}"] is (leaf.state == "present")
            case FieldLength():
                length = cast("int", self._anchor[f"{leaf.field}_length"])
                return (leaf.shorter_than is None or length < leaf.shorter_than) and (leaf.longer_than is None or length > leaf.longer_than)
            case ReceivedIs():
                return self._is_on_day(leaf)
            case ChannelIs():
                return self._anchor["channel"] in leaf.channels
            case LetterIs():
                return self._anchor.get(leaf.about) in leaf.kinds

    def _is_on_day(self, leaf: ReceivedIs) -> bool:
        day = cast("int", self._anchor["day"])
        return (leaf.since is None or day >= leaf.since) and (leaf.until is None or day <= leaf.until)

    def _mention(self, leaf: Mention) -> Evidence | None:
        key = leaf.scope.key(leaf.words)
        if leaf.at_least > 1:
            return self._first(leaf.alias, (fact for fact in self._of("count", key) if cast("int", fact["words"]) >= leaf.at_least))
        if leaf.near is not None:
            nears = (fact for fact in self._of("near", key) if fact["other"] == leaf.near)
            return self._first(leaf.alias, (fact for fact in nears if cast("int", fact["distance"]) <= leaf.within))
        mentions = (fact for fact in self._of("mention", leaf.words) if leaf.scope.holds(fact["where"], fact["negated"]))
        if leaf.same_sentence is not None:
            return self._pair(leaf.alias, mentions, leaf.same_sentence)
        return self._first(leaf.alias, mentions)

    def _pair(self, alias: str, mentions: Iterable[Fact], companion: str) -> Evidence | None:
        """Return the first of *mentions* beside which another mention, of the list *companion*, stands in one sentence, and that one."""
        beside: dict[tuple[object, object], Fact] = {}
        for fact in self._of("mention", companion):
            beside.setdefault((fact["where"], fact["sentence"]), fact)
        pairs = ((fact, beside.get((fact["where"], fact["sentence"]))) for fact in mentions)
        return next(({alias: str(fact["id"]), f"{alias}_b": str(other["id"])} for fact, other in pairs if other is not None), None)


def _is_like(fact: Fact, leaf: CandidateIs) -> bool:
    if any(fact.get(name) not in values for name, values in leaf.members):
        return False
    likeness, days = fact.get("likeness"), fact.get("days")
    if leaf.same and not any(fact.get(f"same_{key}") is True for key in leaf.same):
        return False
    if leaf.likeness_at_least is not None and (likeness is None or round(cast("float", likeness), 6) < leaf.likeness_at_least):
        return False
    return leaf.within_days is None or (days is not None and cast("int", days) <= leaf.within_days)

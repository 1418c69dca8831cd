"""From the facts of a case to what a stage needs to know of them: checked, related, and only as many as its rules can tell apart.

Words of a stranger never reach the engine: a fact passes on only those properties which some rule looks at, and those are names of the
pack, members of closed sets, numbers and switches. Of all facts that satisfy a pattern only the first is kept, for a pattern asks
whether there is one: a letter stuffed with words costs no more than one that uses each word once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rules.compile import CHANNELS, NONE, Pattern, Stage, Value
from rules.language import AUTOMATIC_KINDS, CANDIDATE_KEYS, FIELDS, MEASURED_FIELDS, PLACES, Fact
from store.errors import MalformedMessageError

MAX_PREMISES = 200
_MAX_NUMBER = 1 << 53
_DECIMALS = 6

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

# What a property must be: a type, or one of these values. The second table is of those which may be left out.
_REQUIRED: Mapping[str, Mapping[str, type | tuple[str, ...]]] = {
    "case": {
        "channel": CHANNELS,
        **{f"has_{name}": bool for name in FIELDS},
        **{f"{name}_length": int for name in MEASURED_FIELDS},
    },
    "mention": {"list": str, "where": PLACES, "sentence": int, "negated": bool},
    "count": {"list": str, "words": int},
    "near": {"list": str, "other": str, "distance": int},
    "candidate": {},
    "derived": {"name": str},
}
_OPTIONAL: Mapping[str, Mapping[str, type | tuple[str, ...]]] = {
    "case": {"uscc_valid": bool, "automatic": AUTOMATIC_KINDS},
    "candidate": {**{f"same_{key}": bool for key in CANDIDATE_KEYS}, "likeness": float, "days": int},
}


@dataclass(frozen=True, slots=True)
class Premise:
    """One fact as an evaluator needs it, and the ids of the caller's facts it stands for: two for a pair."""

    kind: str
    properties: Mapping[str, Value]
    ids: tuple[str, ...]


# ---------------------------------------------------------------- checking


def check_facts(facts: Sequence[Fact]) -> None:
    """Raise MalformedMessageError unless *facts* are as `rules.language` says: known kinds, right types, ids once, one anchor."""
    ids = [fact.get("id") for fact in facts]
    for fact, identity in zip(facts, ids, strict=True):
        if not isinstance(identity, str) or not _ID.fullmatch(identity):
            raise MalformedMessageError(f"事实的编号不合格：{identity!r:.80}")
        _check_fact(fact, identity)
    if len(set(ids)) != len(ids):
        raise MalformedMessageError("两个事实用了同一个编号")
    if sum(fact["k"] == "case" for fact in facts) != 1:
        raise MalformedMessageError("事实里须有且只有一个 case")


def _check_fact(fact: Fact, identity: str) -> None:
    kind = fact.get("k")
    required = _REQUIRED.get(kind) if isinstance(kind, str) else None
    if required is None or not isinstance(kind, str):
        raise MalformedMessageError(f"事实 {identity} 的种类不认识：{kind!r:.80}")
    for name, wanted in required.items():
        if not _is(fact.get(name), wanted):
            raise MalformedMessageError(f"事实 {identity}（{kind}）的 {name} 不合格：{fact.get(name)!r:.80}")
    for name, wanted in _OPTIONAL.get(kind, {}).items():
        if fact.get(name) is not None and not _is(fact[name], wanted):
            raise MalformedMessageError(f"事实 {identity}（{kind}）的 {name} 不合格：{fact[name]!r:.80}")


def _is(value: object, wanted: type | tuple[str, ...]) -> bool:
    """Tell whether *value* is one of, or of the type, *wanted*; numbers are finite and far below what the engine saturates at."""
    if isinstance(wanted, tuple):
        return isinstance(value, str) and value in wanted
    if isinstance(value, bool):
        return wanted is bool
    if wanted is float:
        return isinstance(value, int | float) and -_MAX_NUMBER < value < _MAX_NUMBER  # NaN is neither
    return isinstance(value, wanted) and (not isinstance(value, int) or -_MAX_NUMBER < value < _MAX_NUMBER)


# ---------------------------------------------------------------- selecting


class Selection:
    """What one stage wants to know, ready to be asked of many cases; holds no state of a case."""

    def __init__(self, stage: Stage) -> None:
        """Collect the patterns of *stage*, each once, under the kind and the name they look for."""
        self._patterns: dict[tuple[str, Value | None], dict[Pattern, None]] = {}
        self._companions: dict[str, dict[str, None]] = {}
        for rule in stage.compiled:
            for alternative in rule.alternatives:
                for pattern in (*alternative.positive, *alternative.negative):
                    self._note(Pattern("", pattern.kind, pattern.checks))

    def _note(self, pattern: Pattern) -> None:
        wanted = {check.name: check.value for check in pattern.checks if check.operator == "eq"}
        name = wanted.get("list", wanted.get("name"))
        self._patterns.setdefault((pattern.kind, name), {})[pattern] = None
        if pattern.kind == "pair":
            self._companions.setdefault(str(wanted["list"]), {})[str(wanted["other"])] = None

    def of(self, facts: Sequence[Fact]) -> tuple[Premise, list[Premise]]:
        """Return the anchor and the other premises, in the order of *facts*, pairs last.

        Raises MalformedMessageError where the facts are no facts, or the stage would have to weigh more than 200 of them.
        """
        check_facts(facts)
        kept: list[Premise] = []
        unmet: dict[tuple[str, Value | None], list[Pattern]] = {}  # what is left of the patterns asked so far
        for premise in (*_others(facts), *self._pairs(facts)):
            name = premise.properties.get("list", premise.properties.get("name"))
            key = (premise.kind, name) if premise.kind != "candidate" else (premise.kind, None)
            waiting = unmet[key] if key in unmet else list(self._patterns.get(key, ()))
            left = [pattern for pattern in waiting if not pattern.holds(premise.properties)]
            if len(left) < len(waiting):
                unmet[key] = left
                kept.append(premise)
        if len(kept) >= MAX_PREMISES:
            raise MalformedMessageError(f"来件提到的词表太多：要权衡的事实有 {len(kept) + 1} 项，超过 {MAX_PREMISES} 项，请人工处理")
        return _anchor(facts), kept

    def _pairs(self, facts: Sequence[Fact]) -> Iterator[Premise]:
        """Yield each mention together with the first mention of each companion list in the same sentence."""
        first: dict[tuple[object, object, object], Fact] = {}
        if self._companions:
            for fact in _of_kind(facts, "mention"):
                first.setdefault((fact["list"], fact["where"], fact["sentence"]), fact)
        for fact in _of_kind(facts, "mention"):
            for other in self._companions.get(str(fact["list"]), ()):
                partner = first.get((other, fact["where"], fact["sentence"]))
                if partner is not None:
                    properties = {**_properties(fact, "list", "where", "negated"), "other": other}
                    yield Premise("pair", properties, (str(fact["id"]), str(partner["id"])))


def _of_kind(facts: Sequence[Fact], kind: str) -> Iterator[Fact]:
    return (fact for fact in facts if fact["k"] == kind)


def _anchor(facts: Sequence[Fact]) -> Premise:
    """Return the anchor with its two optional properties spelled out, so that every check on it has something to look at."""
    (fact,) = _of_kind(facts, "case")
    valid = fact.get("uscc_valid")
    properties = {
        **_properties(fact, *_REQUIRED["case"]),
        "automatic": str(fact.get("automatic") or NONE),
        "uscc": NONE if valid is None else "valid" if valid else "invalid",
    }
    return Premise("case", properties, (str(fact["id"]),))


def _others(facts: Sequence[Fact]) -> Iterator[Premise]:
    for fact in facts:
        kind = str(fact["k"])
        if kind != "case":
            names = [name for name in _REQUIRED[kind] if name != "sentence"]
            yield Premise(kind, _properties(fact, *names, *_OPTIONAL.get(kind, ())), (str(fact["id"]),))


def _properties(fact: Fact, *names: str) -> dict[str, Value]:
    """Return those of the named properties that *fact* has; fractions to six places, which both evaluators read alike."""
    found: dict[str, Value] = {}
    for name in names:
        value = fact.get(name)
        if isinstance(value, float):
            found[name] = round(value, _DECIMALS)
        elif isinstance(value, str | int):
            found[name] = value
    return found

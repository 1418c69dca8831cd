"""Rules and facts by chance, within the language: what the two evaluators are compared on."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from rules.compile import Stage, compile_rule, compile_stages
from rules.language import (
    AUTHENTICATION_KINDS,
    AUTOMATIC_KINDS,
    CANDIDATE_KEYS,
    CASE_VERDICTS,
    DETAILS,
    ENTERPRISES,
    FIELDS,
    MEASURED_FIELDS,
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
    Negation,
    ReceivedIs,
    Rule,
    Scope,
    SenderIs,
    Then,
)
from rules.rulebook import RuleBook, load_pack
from store.errors import Problem
from store.model.arrival import Channel

LISTS = ("合同", "货款", "法院", "行政部门", "工资", "其他企业", "Ad", "a1", "_x", "词表_很长很长很长很长的名字", "城管", "房")
CONCLUSIONS = ("甲", "乙", "丙")
_CHANNELS = tuple(channel.value for channel in Channel)
_SMALL = load_pack(Path(__file__).parents[1] / "packs" / "small")
Facts = list[dict[str, object]]


def book(stages: tuple[Stage, ...]) -> RuleBook:
    """Return the rule book of a small pack with *stages* in place of its own."""
    return replace(_SMALL, stages=stages)


def random_stages(dice: random.Random, rules: int) -> tuple[Stage, ...]:
    """Return stages of *rules* rules that the compiler takes: none too wide, none impossible."""
    taken: list[Rule] = []
    while len(taken) < rules:
        rule = _Chance(dice).rule(f"规则{len(taken)}")
        problems: list[Problem] = []
        compile_rule(rule, problems)
        if not problems:
            taken.append(rule)
    problems = []
    stages = compile_stages(taken, problems)
    assert not problems
    return stages


class _Chance:
    """Throws dice for one rule."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._alias = (f"c{number}" for number in itertools.count(1))

    def rule(self, name: str) -> Rule:
        dice = self._dice
        layer = dice.randint(0, len(CONCLUSIONS) - 1)  # a rule rests on earlier conclusions only, so that there are no circles
        self._conclusions = CONCLUSIONS[:layer]
        kinds: list[Literal["all", "any", "none"]] = ["all", "all", "any", "none"]
        groups = [Group(kind, self._parts(depth=1)) for kind in dice.sample(kinds, dice.randint(1, 2))]
        conclude = (CONCLUSIONS[layer],) if dice.random() < 0.3 else ()
        when = groups[0] if len(groups) == 1 else Group("all", tuple(groups))
        return Rule(name=name, about="", basis="policy", when=when, then=Then(conclude=conclude), overrides=(), place="x:1")

    def _parts(self, depth: int) -> tuple[Condition, ...]:
        return tuple(self._condition(depth) for _ in range(self._dice.choice((1, 1, 2, 2, 3, 4))))

    def _condition(self, depth: int) -> Condition:
        if depth < 3 and self._dice.random() < 0.15:
            return Group(self._dice.choice(("all", "any", "none")), self._parts(depth + 1))
        return self._leaf()

    def _leaf(self) -> Leaf:
        dice, alias = self._dice, next(self._alias)
        match dice.randint(0, 9):
            case 0:
                return dice.choice([self._field, self._length, self._received])(alias)
            case 1:
                return ChannelIs(alias=alias, channels=tuple(dice.sample(_CHANNELS, dice.randint(1, 2))))
            case 2:
                checked = LetterIs(alias=alias, kinds=(dice.choice(AUTHENTICATION_KINDS),), about="authentication")
                automatic = LetterIs(alias=alias, kinds=tuple(dice.sample(AUTOMATIC_KINDS, dice.randint(1, 4))))
                return dice.choice((automatic, automatic, checked))
            case 3:
                return dice.choice([self._candidate, self._elsewhere, self._sender])(alias)
            case 4 if self._conclusions:
                return Concluded(alias=alias, name=dice.choice(self._conclusions))
        return self._mention(alias)

    def _sender(self, alias: str) -> Leaf:
        return SenderIs(alias=alias, senders=(self._dice.choice(LISTS),))

    def _field(self, alias: str) -> Leaf:
        if self._dice.random() < 0.4:
            return FieldIs(alias=alias, field="uscc", state=self._dice.choice(("valid", "invalid")))
        return FieldIs(alias=alias, field=self._dice.choice(FIELDS), state=self._dice.choice(("present", "missing")))

    def _length(self, alias: str) -> Leaf:
        name, bound = self._dice.choice(MEASURED_FIELDS), self._dice.choice((0, 5, 10, 15))
        if self._dice.random() < 0.5:
            return FieldLength(alias=alias, field=name, shorter_than=bound)
        return FieldLength(alias=alias, field=name, longer_than=bound)

    def _received(self, alias: str) -> Leaf:
        day = self._dice.choice((20240101, 20241231, 20250101))
        return ReceivedIs(alias=alias, since=day) if self._dice.random() < 0.5 else ReceivedIs(alias=alias, until=day)

    def _candidate(self, alias: str) -> Leaf:
        return replace(self._earlier(alias), verdicts=self._some(CASE_VERDICTS), origins=self._some(ORIGINS))

    def _elsewhere(self, alias: str) -> Leaf:
        return replace(self._earlier(alias), elsewhere=True, statuses=self._some(PLATFORM_STATUSES))

    def _earlier(self, alias: str) -> CandidateIs:
        dice = self._dice
        return CandidateIs(
            alias=alias,
            same=tuple(dice.sample(CANDIDATE_KEYS, dice.randint(0, 3))),
            likeness_at_least=dice.choice((None, 0.0, 0.25, 0.6, 0.123456, 1.0)),
            within_days=dice.choice((None, 0, 30, 90)),
            enterprises=self._some(ENTERPRISES),
            details=self._some(DETAILS),
        )

    def _some(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return none of *names* mostly, else one or two."""
        return tuple(self._dice.sample(names, self._dice.choice((0, 0, 0, 1, 2))))

    def _mention(self, alias: str) -> Leaf:
        dice = self._dice
        mention = Mention(alias=alias, words=dice.choice(LISTS), scope=self.scope())
        match dice.randint(0, 6):
            case 0:
                return replace(mention, same_sentence=dice.choice([name for name in LISTS if name != mention.words]))
            case 1:
                return replace(mention, near=dice.choice(LISTS), within=dice.choice((0, 10, 30)))
            case 2:
                return replace(mention, at_least=dice.randint(2, 4))
        return mention

    def scope(self) -> Scope:
        """Return the default scope mostly, else some places and some negation."""
        if self._dice.random() < 0.5:
            return Scope()
        places = tuple(place for place in PLACES if self._dice.random() < 0.6) or ("title",)
        negated: Negation = self._dice.choice(("no", "yes", "any"))
        return Scope(places, negated)


def random_facts(dice: random.Random, most: int = 24, lists: Sequence[str] = LISTS, conclusions: Sequence[str] = CONCLUSIONS) -> Facts:
    """Return an anchor and up to *most* other facts about *lists* and *conclusions*, in any order."""
    chance = _Chance(dice)
    makers = [_mention, _mention, _mention, _count, _near, _candidate, _elsewhere, _derived, _sender]
    facts: Facts = [_anchor(dice)]
    for _ in range(dice.randint(0, most)):
        make = dice.choice(makers)
        facts.append(make(dice, chance, conclusions if make is _derived else lists))
    dice.shuffle(facts)
    return [{**fact, "id": f"{str(fact['k'])[0]}{number}"} for number, fact in enumerate(facts)]


def _anchor(dice: random.Random) -> dict[str, Any]:
    fact: dict[str, Any] = {"k": "case", "channel": dice.choice(_CHANNELS), "automatic": dice.choice((None, None, *AUTOMATIC_KINDS))}
    fact |= {"authentication": dice.choice((None, *AUTHENTICATION_KINDS))}
    fact |= {f"has_{name}": dice.random() < 0.6 for name in FIELDS}
    fact |= {f"{name}_length": dice.choice((0, 4, 5, 6, 10, 15, 400, 30_000_000)) for name in MEASURED_FIELDS}
    fact |= {"day": dice.choice((20231231, 20240101, 20240102, 20241231, 20250101, 20250102))}
    return fact | {"uscc_valid": dice.choice((None, True, False))}


def _mention(dice: random.Random, _chance: _Chance, lists: Sequence[str]) -> dict[str, Any]:
    where, negated = dice.choice(PLACES), dice.random() < 0.3
    return {"k": "mention", "list": dice.choice((*lists, "不认识")), "where": where, "sentence": dice.randint(1, 4), "negated": negated}


def _count(dice: random.Random, chance: _Chance, lists: Sequence[str]) -> dict[str, Any]:
    return {"k": "count", "list": chance.scope().key(dice.choice(lists)), "words": dice.randint(1, 5)}


def _near(dice: random.Random, chance: _Chance, lists: Sequence[str]) -> dict[str, Any]:
    key = chance.scope().key(dice.choice(lists))
    return {"k": "near", "list": key, "other": dice.choice(lists), "distance": dice.choice((0, 1, 10, 11, 30, 31))}


def _candidate(dice: random.Random, _chance: _Chance, _lists: Sequence[str]) -> dict[str, Any]:
    told = {"verdict": dice.choice((None, *CASE_VERDICTS)), "origin": dice.choice(ORIGINS)}  # never None: to ask for either asks nothing
    return {"k": "candidate"} | _earlier(dice) | told


def _elsewhere(dice: random.Random, _chance: _Chance, _lists: Sequence[str]) -> dict[str, Any]:
    return {"k": "elsewhere"} | _earlier(dice) | {"status": dice.choice((None, *PLATFORM_STATUSES))}


def _earlier(dice: random.Random) -> dict[str, Any]:
    fact: dict[str, Any] = {f"same_{key}": dice.choice((None, True, False)) for key in CANDIDATE_KEYS}
    likeness = dice.choice((None, 0.0, 0.25, 0.6, 0.599_999_9, 0.123456, 1, 1.0, 1e-7, dice.random()))
    fact |= {"likeness": likeness, "days": dice.choice((None, 0, 29, 30, 31, 90, 4_000))}
    return fact | {"enterprise": dice.choice((None, *ENTERPRISES)), "details": dice.choice((None, *DETAILS))}


def _sender(dice: random.Random, _chance: _Chance, lists: Sequence[str]) -> dict[str, Any]:
    return {"k": "sender", "list": dice.choice(lists)}


def _derived(dice: random.Random, _chance: _Chance, conclusions: Sequence[str]) -> dict[str, Any]:
    return {"k": "derived", "name": dice.choice((*conclusions, "别的"))}

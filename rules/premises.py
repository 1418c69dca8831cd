"""From the facts of a case to what a stage needs to know of them: related, only as many as its rules can tell apart, and for whom.

Words of a stranger never reach the engine: a fact passes on only those properties which some rule looks at, and those are names of the
pack, members of closed sets, numbers and switches. Of all facts that satisfy a pattern only the first is kept, for a pattern asks
whether there is one: a letter stuffed with words costs no more than one that uses each word once. And the engine need only be asked about
alternatives each of whose patterns some fact satisfies: a pack of a thousand rules costs no more than the few whose words occur.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rules.casefacts import OPTIONAL, REQUIRED, CaseFacts, Key
from rules.compile import NONE, Alternative, Pattern, Stage, Value
from rules.language import Fact
from store.errors import MalformedMessageError

MAX_PREMISES = 200
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Premise:
    """One fact as an evaluator needs it, and the ids of the caller's facts it stands for: two for a pair."""

    kind: str
    properties: Mapping[str, Value]
    ids: tuple[str, ...]

    @property
    def key(self) -> Key:
        """What it is about: patterns of another key cannot be satisfied by it."""
        return self.kind, self.properties.get("list", self.properties.get("name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What a stage needs to know of a case: the anchor, the other premises in the order of the facts (pairs last), and what it is to judge.

    `possible` are the alternatives, as (index of the rule, index of the alternative), all of whose positive patterns and checks on the
    anchor are met; no other one can be true.
    """

    anchor: Premise
    premises: list[Premise]
    possible: list[tuple[int, int]]


def key_of(pattern: Pattern) -> Key:
    """Return what a fact must be about to satisfy *pattern*."""
    wanted = {check.name: check.value for check in pattern.checks if check.operator == "eq"}
    return pattern.kind, wanted.get("list", wanted.get("name"))


@dataclass(slots=True)
class _Question:
    """A pattern that some alternatives need satisfied; without any it only stands under `not`."""

    pattern: Pattern
    needed_by: dict[tuple[int, int], None]


class Selection:
    """What one stage wants to know, ready to be asked of many cases; holds no state of a case."""

    def __init__(self, stage: Stage) -> None:
        """Collect the patterns of *stage*, each once, under what they are about."""
        self._questions: dict[Key, dict[Pattern, _Question]] = {}
        self._needs: dict[tuple[int, int], int] = {}  # of each alternative, how many patterns must be satisfied
        self._companions: dict[str, dict[str, None]] = {}
        self._alternatives: dict[tuple[int, int], Alternative] = {}
        for number, rule in enumerate(stage.compiled):
            for branch, alternative in enumerate(rule.alternatives):
                self._note((number, branch), alternative)
        self._unconditional = [place for place, count in self._needs.items() if not count]

    def _note(self, place: tuple[int, int], alternative: Alternative) -> None:
        self._alternatives[place] = alternative
        questions = [self._question(pattern) for pattern in alternative.positive]
        for question in questions:
            question.needed_by[place] = None
        self._needs[place] = len({id(question) for question in questions})
        for pattern in alternative.negative:
            self._question(pattern)

    def _question(self, pattern: Pattern) -> _Question:
        bare = Pattern("", pattern.kind, pattern.checks)
        kind, words = key = key_of(bare)
        if kind == "pair":
            other = next(check.value for check in bare.checks if check.name == "other")
            self._companions.setdefault(str(words), {})[str(other)] = None
        return self._questions.setdefault(key, {}).setdefault(bare, _Question(bare, {}))

    def of(self, facts: Iterable[Fact]) -> Selected:
        """Return what the stage needs to know of *facts*.

        Raises MalformedMessageError where the facts are no facts, or the stage would have to weigh more than 200 of them.
        """
        case = CaseFacts.of_all(facts)
        kept: list[tuple[int, Premise]] = []
        satisfied: list[_Question] = []
        for key in self._asked_about(case):
            waiting = list(self._questions[key].values())
            for place, premise in self._premises(case, key):
                if not waiting:
                    break
                left = [question for question in waiting if not question.pattern.holds(premise.properties)]
                if len(left) < len(waiting):
                    satisfied += [question for question in waiting if question not in left]
                    waiting = left
                    kept.append((place, premise))
        if len(kept) >= MAX_PREMISES:
            raise MalformedMessageError(f"来件提到的词表太多：要权衡的事实有 {len(kept) + 1} 项，超过 {MAX_PREMISES} 项，请人工处理")
        anchor = _anchor(case.anchor)
        kept.sort(key=lambda found: (found[1].kind == "pair", found[0]))
        return Selected(anchor=anchor, premises=[premise for _, premise in kept], possible=self._possible(anchor, satisfied))

    def _asked_about(self, case: CaseFacts) -> list[Key]:
        """Return what both the stage asks about and *case* speaks of."""
        spoken = case.subjects()
        pairs = (("pair", about) for kind, about in spoken if kind == "mention" and about in self._companions)
        return [key for key in (*spoken, *pairs) if key in self._questions]

    def _premises(self, case: CaseFacts, key: Key) -> Iterator[tuple[int, Premise]]:
        """Yield what *case* says about *key*, each with the place of its fact."""
        kind, about = key
        if kind == "pair":
            yield from self._pairs(case, str(about))
            return
        names = [name for name in REQUIRED[kind] if name != "sentence"]
        for place, fact in case.of(kind, about):
            yield place, Premise(kind, _properties(fact, *names, *OPTIONAL.get(kind, ())), (str(fact["id"]),))

    def _pairs(self, case: CaseFacts, words: str) -> Iterator[tuple[int, Premise]]:
        """Yield each mention of *words* together with the first mention of each companion list in the same sentence."""
        first = {other: _first_mentions(case, other) for other in self._companions[words]}
        for place, fact in case.of("mention", words):
            for other, mentions in first.items():
                partner = mentions.get((fact["where"], fact["sentence"]))
                if partner is not None:
                    properties = {**_properties(fact, "list", "where", "negated"), "other": other}
                    yield place, Premise("pair", properties, (str(fact["id"]), str(partner["id"])))

    def _possible(self, anchor: Premise, satisfied: Iterable[_Question]) -> list[tuple[int, int]]:
        met: dict[tuple[int, int], int] = {}
        for question in satisfied:
            for place in question.needed_by:
                met[place] = met.get(place, 0) + 1
        complete = [place for place, count in met.items() if count == self._needs[place]]
        return [
            place
            for place in (*self._unconditional, *complete)
            if all(check.holds(anchor.properties) for check in self._alternatives[place].anchor)
        ]


def _first_mentions(case: CaseFacts, words: str) -> dict[tuple[object, object], Fact]:
    """Return the first mention of *words* in each sentence."""
    first: dict[tuple[object, object], Fact] = {}
    for _, fact in case.of("mention", words):
        first.setdefault((fact["where"], fact["sentence"]), fact)
    return first


def _anchor(fact: Fact) -> Premise:
    """Return the anchor with its optional properties spelled out, so that every check on it has something to look at."""
    valid = fact.get("uscc_valid")
    properties = {
        **_properties(fact, *REQUIRED["case"]),
        "automatic": str(fact.get("automatic") or NONE),
        "authentication": str(fact.get("authentication") or NONE),
        "uscc": NONE if valid is None else "valid" if valid else "invalid",
    }
    return Premise("case", properties, (str(fact["id"]),))


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

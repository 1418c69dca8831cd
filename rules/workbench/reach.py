"""Which petitions a change of a pack can reach at all: of every other one both packs make the same, so that nobody need decide it twice.

That is proven, not guessed. Let *changed* be the rules that only one pack has, that say something else in the other one, or that run
earlier or later there. Where a petition holds no pattern that means something else to the other pack, both find the same words in it; the
facts are then the same at the first stage, and as long as no changed rule fires the same rules fire, conclude the same for the next stage
and set the same aside, stage by stage. So it is enough that no changed rule *can* fire, by a condition that is too weak rather than too
strong: a list is taken for mentioned where any of its patterns stands anywhere in the texts, a conclusion for drawn where one of the
rules that draw it could fire.

| difference | reaches |
|---|---|
| a pattern: words, exceptions, synonyms, homophones, names of departments | petitions that hold it |
| a rule | petitions in which it could fire, by the old or by the new wording |
| what says how like an earlier case is: a pattern in it, or how much a list mentioned in either weighs (a rule that routes by it alone) | petitions in which a rule that asks for a likeness could fire |
| the same, which says which of several is most like | petitions beside two or more earlier reports, in which a rule that takes one of them up (follow-up, duplicate, refusal) could fire |
| margin and share of routing, time zone, form of case numbers, order of the departments | every petition |
| all else: templates, texts, articles, dates, casework | none, for no verdict and no department rests on it |

What two decisions are compared in stands in `rules.workbench.backtest.kinds_of`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

import ahocorasick_rs

from rules.facts import anchor_of, senders_of, texts_compared, texts_of, words_of
from rules.language import CandidateIs, Concluded, Condition, Group, Leaf, Mention, Rule, leaves
from rules.lexicon import Lexicon, Text, shadow
from rules.reference import truth
from rules.rulebook import RuleBook
from store.model.petition import Petition

Marks: TypeAlias = frozenset[str]  # lists that a text may mention


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """An earlier case beside a petition, as a decision's record or a look-up has it; `days`, `enterprise` and `details` where it is told."""

    marks: Marks
    keys: tuple[str, ...]
    days: int | None = None
    enterprise: str = ""
    details: str = ""

    def may_be(self, leaf: CandidateIs) -> bool:
        """Tell whether it could be what *leaf* asks for."""
        return (
            (not leaf.same or not set(leaf.same).isdisjoint(self.keys))
            and (leaf.within_days is None or self.days is None or self.days <= leaf.within_days)
            and (not leaf.enterprises or not self.enterprise or self.enterprise in leaf.enterprises)
            and (not leaf.details or not self.details or self.details in leaf.details)
        )


_CHANGED = ""  # the mark of a pattern that means something else to the other pack; no list is called so


class Reach:
    """What lies between two packs, ready to be asked about many petitions; holds nothing of any of them."""

    def __init__(self, old: RuleBook, new: RuleBook) -> None:
        """Compare *old* and *new*."""
        changed = _changed_rules(old, new)
        self.everything = _at_large(old) != _at_large(new) or bool(_moved(list(old.district.departments), list(new.district.departments)))
        self._sides = [_Side(book, changed) for book in (old, new)]
        weights = [words_of(book).weights for book in (old, new)]
        self._reweighed = {name for name in {*weights[0], *weights[1]} if weights[0].get(name) != weights[1].get(name)}
        asked = set[str]().union(self._reweighed, *(side.lists() for side in self._sides))
        self._watch = _Watch(words_of(old).lexicon, words_of(new).lexicon, asked)

    def marks(self, title: str, content: str) -> Marks:
        """Return what of an earlier case matters to `may_touch`; few different values, so that many may be kept."""
        return self._watch.marks(texts_compared(title, content))

    def may_touch(self, petition: Petition, earlier: Collection[Beside], now: datetime) -> bool:
        """Tell whether the packs could decide differently on *petition*, come in at *now*; False is proof that they do not.

        *earlier* are the earlier cases it is decided beside.
        """
        if self.everything:
            return True
        lists = self._watch.marks(texts_of(petition)[0])
        if _CHANGED in lists:
            return True
        both = lists.union(*(one.marks for one in earlier))
        weighed_alike = not earlier or (_CHANGED not in both and self._reweighed.isdisjoint(both))
        said = [_Said(petition, now, side.book, lists, earlier) for side in self._sides]
        return any(side.may_fire(one, weighed_alike=weighed_alike) for side, one in zip(self._sides, said, strict=True))


# ---------------------------------------------------------------- what differs


def _at_large(book: RuleBook) -> tuple[object, ...]:
    """Return what bears on every petition."""
    district = book.district
    return district.id, district.timezone, district.case_number, book.settings.routing


def _changed_rules(old: RuleBook, new: RuleBook) -> set[str]:
    """Return the names of the rules that differ in what they do, or in when they do it."""
    before, after = _meanings(old), _meanings(new)
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return differing | _moved(list(old.rules), list(new.rules))


def _meanings(book: RuleBook) -> dict[str, object]:
    stages = {rule.name: number for number, stage in enumerate(book.stages) for rule in stage.rules}
    return {rule.name: (rule.when, rule.then, rule.overrides, stages[rule.name]) for rule in book.rules.values()}


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """Return as few of the common names as need be left out for the others to stand in one order: the first rule of a pack speaks."""
    blocks = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in old[block.a : block.a + block.size]}
    return (set(old) & set(new)) - kept


# ---------------------------------------------------------------- the words


class _Watch:
    """Seeks the patterns that differ, and those of some lists, in one pass."""

    def __init__(self, old: Lexicon, new: Lexicon, lists: Collection[str]) -> None:
        marks: dict[str, Marks] = {}
        for pattern in {**old.uses, **new.uses}:
            before, after = (frozenset(lexicon.uses.get(pattern, ())) for lexicon in (old, new))
            found = {_CHANGED} if before != after else {use.words for use in before if not use.is_exception and use.words in lists}
            if found:
                marks[pattern] = frozenset(found)
        self._marks = list(marks.values())
        self._automaton = ahocorasick_rs.AhoCorasick(list(marks)) if marks else None

    def marks(self, texts: Iterable[Text]) -> Marks:
        """Return the lists of which a pattern stands in *texts*, wherever, and `_CHANGED` where one that differs does."""
        if self._automaton is None:
            return frozenset()
        found: set[int] = set()
        for text in texts:
            found.update(index for index, _, _ in self._automaton.find_matches_as_indexes(shadow(text.text).text, overlapping=True))
        return frozenset[str]().union(*(self._marks[index] for index in found))


# ---------------------------------------------------------------- the rules


@dataclass(frozen=True)
class _Said:
    """What is known of one petition before anything is decided: the lists it may mention, and what needs no words to be known."""

    petition: Petition
    now: datetime
    book: RuleBook
    lists: Marks
    earlier: Collection[Beside]

    @cached_property
    def holds(self) -> Callable[[Condition], bool]:
        """What tells whether a condition on the petition itself or on its sender holds."""
        return truth([anchor_of(self.petition, self.book, self.now), *senders_of(self.petition, self.book)])


class _Side:
    """The changed rules as one pack has them."""

    def __init__(self, book: RuleBook, changed: Collection[str]) -> None:
        self.book = book
        self._authors: dict[str, list[Rule]] = {}
        for rule in book.rules.values():
            for conclusion in rule.then.conclude:
                self._authors.setdefault(conclusion, []).append(rule)
        self._rules = [rule for rule in book.rules.values() if rule.name in changed]
        self._weighing = [rule for rule in book.rules.values() if any(_weighs(leaf) for leaf in leaves(rule.when))]
        self._choosing = [rule for rule in book.rules.values() if _chooses(rule) and rule not in self._weighing]
        self._wordless = [rule for rule in self._rules if self._mentions_nothing(rule)]

    def lists(self) -> set[str]:
        """Return the lists on which it rests whether a changed rule, or one to which a likeness matters, can fire."""
        mentions = [leaf for rule in self._with_authors() for leaf in leaves(rule.when) if isinstance(leaf, Mention)]
        return {name for leaf in mentions for name in _named(leaf)}

    def may_fire(self, said: _Said, *, weighed_alike: bool) -> bool:
        """Tell whether one of the changed rules could fire, or (unless *weighed_alike*) one to which a likeness matters; False is proof."""
        rules = list(self._rules if said.lists else self._wordless)
        if not weighed_alike:
            rules += self._weighing if len(said.earlier) == 1 else [*self._weighing, *self._choosing]
        return any(self._bounds(rule.when, said)[0] for rule in rules)

    def _with_authors(self) -> Iterable[Rule]:
        """Return the rules in question and those on whose conclusions they rest."""
        found: dict[str, Rule] = {}
        waiting = [*self._rules, *self._weighing, *self._choosing]
        while waiting:
            rule = waiting.pop()
            if rule.name not in found:
                found[rule.name] = rule
                waiting += [
                    author for leaf in leaves(rule.when) if isinstance(leaf, Concluded) for author in self._authors.get(leaf.name, ())
                ]
        return found.values()

    def _mentions_nothing(self, rule: Rule) -> bool:
        """Tell whether *rule* could fire on a petition without words of any list."""
        return self._bounds(rule.when, None)[0]

    def _bounds(self, condition: Condition, said: _Said | None) -> tuple[bool, bool]:
        """Return whether *condition* can hold and whether it must, as far as *said* tells; None: a petition without words, else unknown."""
        if not isinstance(condition, Group):
            return self._leaf(condition, said)
        parts = [self._bounds(part, said) for part in condition.conditions]
        match condition.kind:
            case "all":
                return all(may for may, _ in parts), all(must for _, must in parts)
            case "any":
                return any(may for may, _ in parts), any(must for _, must in parts)
            case "none":
                return not any(must for _, must in parts), not any(may for may, _ in parts)

    def _leaf(self, leaf: Leaf, said: _Said | None) -> tuple[bool, bool]:
        match leaf:
            case Mention():
                return said is not None and all(name in said.lists for name in _named(leaf)), False
            case Concluded():
                return any(self._bounds(author.when, said)[0] for author in self._authors.get(leaf.name, ())), False
            case CandidateIs():
                return said is None or any(one.may_be(leaf) for one in said.earlier), False
        return (True, False) if said is None else (said.holds(leaf),) * 2


def _named(leaf: Mention) -> Iterator[str]:
    """Yield the lists of which something must be mentioned for *leaf* to hold."""
    return (name for name in (leaf.words, leaf.same_sentence, leaf.near) if name is not None)


def _weighs(leaf: Leaf) -> bool:
    return isinstance(leaf, CandidateIs) and leaf.likeness_at_least is not None


def _chooses(rule: Rule) -> bool:
    """Tell whether *rule* takes up one of the earlier reports that fit, of several the most alike."""
    takes_up = rule.then.follow_up or rule.then.duplicate or rule.then.refuse is not None
    return takes_up and any(isinstance(leaf, CandidateIs) for leaf in leaves(rule.when))

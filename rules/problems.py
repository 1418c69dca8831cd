"""Which reports are about the same problem: what a report says in words and in matters of the pack, and which group of reports it fits. Pure.

People describe one problem in words of their own: two letters share few of them. A group of letters shares more, since what belongs to the
problem comes again and what belongs to the writer does not. So a report is compared with groups, by the words that are rare in the district
("words"), or else, within a department, by the matters that the pack's lists find in it ("matters"). What was measured stands in
docs/benchmarks.md, why it is done so in docs/adr/0026.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import rjieba

from rules.facts import matters_of
from rules.lexicon import shadow
from rules.rulebook import RuleBook
from store.model.decision import Decision
from store.model.petition import Petition
from store.model.problem import Group, Placed

_EVERYDAY = Path(__file__).parent / "everyday_words.tsv"  # made from the cases that come with the pack 呈贡
_READ = 4_000  # characters of a report
_SHORTEST = 2  # characters of a word
_TITLE = 1.5  # how much more a word weighs in a title
_SHARE = 20  # a word that one report in so many has tells nothing
_ASKED = 40  # words of a report that are compared
_GIVEN = 60  # words of a report that its group gets
_KEPT = 40  # words of a group
_INDEXED = 20  # words by which a group is found
_SHARED = 2  # words that must be found in both, of those that …
_DISTINCT = 150  # … one report in so many has, or fewer
_BY_WORDS = 0.3  # least cosine of the words
_BY_MATTERS = 0.62  # least cosine of the matters, where …
_AT_LEAST = 0.05  # … the words agree at least so much
_ACCOMPANY = 4.0  # weight of what makes another department accompany, as that of a list which routes by itself
_NAMED = 4  # words of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one report says: words of its title, all its words, and matters (unit length)."""

    department: str
    title: frozenset[str]
    words: frozenset[str]
    matters: Mapping[str, float]


class Vocabulary:
    """How many reports have a word: which words are rare in the district."""

    def __init__(self) -> None:
        """Begin with the words of invented petitions, so that those which everybody uses are known from the first day on."""
        counts, reports = _everyday()
        self._counts, self._reports = Counter(counts), reports

    def learn(self, words: Iterable[str]) -> None:
        """Count the words of one more report."""
        self._counts.update(words)
        self._reports += 1

    def rarity(self, word: str) -> float:
        """Return the logarithm of the share of reports that have *word*, turned round: 0 where all have it."""
        return math.log((self._reports + 1) / (1 + self._counts[word]))

    def tells(self, word: str) -> bool:
        """Say whether *word* is rare enough to tell anything."""
        return self.rarity(word) >= math.log(_SHARE)

    def seen(self, word: str) -> int:
        """Return how many reports had *word*."""
        return self._counts[word]


def words_in(text: str) -> frozenset[str]:
    """Return the words of *text* that can tell a problem: two characters at least, no numbers; traditional ones as simplified."""
    return frozenset(
        word for word in rjieba.cut(shadow(text[:_READ]).text) if len(word) >= _SHORTEST and word.isalnum() and not _is_number(word)
    )


def read(petition: Petition, decision: Decision, rulebook: RuleBook) -> Report:
    """Return what *petition*, decided as *decision*, says; who reports and from where tells nothing of the problem."""
    who = (petition.name, petition.address, petition.contact)
    own = frozenset(word for found in who if found for word in words_in(found.value))
    title = words_in(petition.title) - own
    department = decision.department or (decision.scores[0][0] if decision.scores else "")
    return Report(
        department=department,
        title=title,
        words=(words_in(petition.content) - own) | title,
        matters=_matters(petition, decision, rulebook),
    )


def keys(report: Report, vocabulary: Vocabulary) -> list[str]:
    """Return by which keys groups are found that *report* may fit: its rarest known words, then its matters."""
    return [*list(_asked(report, vocabulary))[:_INDEXED], *_matter_keys(report.department, report.matters)]


def choose(report: Report, groups: Sequence[Group], vocabulary: Vocabulary) -> int | None:
    """Return the id of the group that *report* fits best, None where it fits none: by words, else by matters within its department."""
    asked = _asked(report, vocabulary)
    by_words = [
        (likeness, group)
        for group in groups
        if _may_be_one(report, group) and (likeness := _likeness(asked, group, vocabulary)) >= _BY_WORDS
    ]
    distinct = {word for word in asked if vocabulary.rarity(word) >= math.log(_DISTINCT)}
    fits = [(likeness, group.id) for likeness, group in by_words if len(distinct.intersection(_indexed(group.words))) >= _SHARED]
    if not fits:
        fits = [
            (matters + words, group.id)
            for group in groups
            if group.department == report.department
            and (matters := _cosine(report.matters, group.matters)) >= _BY_MATTERS
            and (words := _likeness(asked, group, vocabulary)) >= _AT_LEAST
        ]
    return max(fits)[1] if fits else None


def joined(report: Report, group: Group | None, vocabulary: Vocabulary) -> Placed:
    """Return what the group is about once *report* is one of it; a new group where there is none yet."""
    words: dict[str, float] = dict(group.words) if group else {}
    given = _weighed(report, vocabulary, (word for word in report.words if vocabulary.tells(word)), _GIVEN)
    length = _length(given) or 1.0
    for word, weight in given.items():
        words[word] = words.get(word, 0.0) + weight / length
    kept = {word: round(weight, 4) for word, weight in sorted(words.items(), key=_by_weight)[:_KEPT]}
    matters: dict[str, float] = dict(group.matters) if group else {}
    for matter, weight in report.matters.items():
        matters[matter] = matters.get(matter, 0.0) + weight
    department = group.department if group else report.department
    return Placed(
        words=kept,
        matters={matter: round(weight, 4) for matter, weight in matters.items()},
        keys=tuple(dict.fromkeys([*_indexed(kept), *_matter_keys(department, matters)])),
        name=_name(kept, matters, vocabulary),
        department=department,
    )


def _may_be_one(report: Report, group: Group) -> bool:
    """Say whether nothing is against it: two tenants of one building share its words, and report different matters to different departments."""
    if report.department == group.department or not (report.matters and group.matters):
        return True
    return not report.matters.keys().isdisjoint(group.matters)


# ---------------------------------------------------------------- words


def _asked(report: Report, vocabulary: Vocabulary) -> dict[str, float]:
    """Return the words of *report* that somebody used before, the weightiest first."""
    return _weighed(report, vocabulary, (word for word in report.words if vocabulary.seen(word) and vocabulary.tells(word)), _ASKED)


def _weighed(report: Report, vocabulary: Vocabulary, words: Iterable[str], most: int) -> dict[str, float]:
    weights = {word: vocabulary.rarity(word) * (_TITLE if word in report.title else 1.0) for word in words}
    return dict(sorted(weights.items(), key=_by_weight)[:most])


def _likeness(asked: Mapping[str, float], group: Group, vocabulary: Vocabulary) -> float:
    """Return the cosine of the words, those left out that only one report ever had: they say nothing for or against."""
    known = {word: weight for word, weight in group.words.items() if vocabulary.seen(word) > 1}
    product = sum(weight * group.words.get(word, 0.0) for word, weight in asked.items())
    length = _length(asked) * _length(known)
    return product / length if length else 0.0


def _indexed(words: Mapping[str, float]) -> list[str]:
    return [word for word, _ in sorted(words.items(), key=_by_weight)[:_INDEXED]]


def _name(words: Mapping[str, float], matters: Mapping[str, float], vocabulary: Vocabulary) -> str:
    """Return the pack's name for what the group is mostly about, and the words that tell it from others, none a part of another."""
    best = [name for name, _ in sorted(matters.items(), key=_by_weight) if "_" not in name][:1]
    ranked = sorted(words.items(), key=lambda item: (-item[1] * vocabulary.rarity(item[0]), item[0]))
    for word, _ in ranked:
        is_count = word[0].isnumeric()  # 六七个, 四间
        if len(best) < _NAMED and not is_count and not any(word in other or other in word for other in best):
            best.append(word)
    return "、".join(best)


def _by_weight(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]


def _length(weights: Mapping[str, float]) -> float:
    return math.sqrt(sum(weight**2 for weight in weights.values()))


def _is_number(word: str) -> bool:
    return all(char.isnumeric() for char in word)


@cache
def _everyday() -> tuple[Mapping[str, int], int]:
    """Return in how many invented petitions each word stands, and how many those are: the first line has an empty word."""
    lines = _EVERYDAY.read_text(encoding="utf-8").splitlines()
    counts = {word: int(count) for word, _, count in (line.partition("\t") for line in lines)}
    return counts, counts.pop("")


# ---------------------------------------------------------------- matters


def _matters(petition: Petition, decision: Decision, rulebook: RuleBook) -> dict[str, float]:
    """Return the matters of the pack that the petition touches, without the lists that say who or where and not what."""
    found = {name: weight for name, weight in matters_of(petition, rulebook).items() if not rulebook.settings.problems.leaves_out(name)}
    for hit in decision.hits:
        rule = rulebook.rules.get(hit.rule)
        if rule is not None and rule.then.accompany and not hit.overridden_by:
            found[rule.name] = _ACCOMPANY
    length = _length(found)
    return {name: weight / length for name, weight in found.items()} if length else {}


def _matter_keys(department: str, matters: Iterable[str]) -> list[str]:
    return [f"{department}/{matter}" for matter in matters]


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    length = _length(one) * _length(other)
    return sum(weight * other.get(matter, 0.0) for matter, weight in one.items()) / length if length else 0.0

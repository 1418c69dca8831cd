"""Finds the words of all lists in one pass: the only module that knows how a text is folded, split into sentences, and negated.

Words are sought on a shadow copy – NFKC, traditional characters made simple, case folded, white space inside Chinese and invisible
characters dropped – that remembers for each of its characters where it stood, so that a quotation is an exact slice of the original.
Nothing here knows a rule: what a word means is for the pack to say.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import ahocorasick_rs
import opencc

from rules.language import WordList
from rules.variants import variants

_NOTHING_MISHEARD: Mapping[str, Sequence[str]] = {}

NEGATIONS = "否定词"  # the list of a pack whose words, directly before another word, say that it is not (yet) so

_REACH_OF_ONE, _REACH_OF_MORE = 3, 6  # code points between a negation of one character (of more) and the word it negates
_ENDS = re.compile(r"[。！？!?；;]+|\n")
_BREAKS = frozenset("。!?;,，、:()（）《》<>【】[]“”\"'‘’…|/\n")  # a clause ends here, on the shadow (full-width forms are folded)
_WRAPPED = 24  # a line of at least so many characters that breaks between two Chinese characters was wrapped by a program
_LINE_LEAD = re.compile(r"[ \t　\u3000]|[一二三四五六七八九十\d]{1,3}[、.．)）]|[（(]|[-—*•·]")


@dataclass(frozen=True, slots=True)
class Text:
    """One text to be searched: where it stands for the rules (`title`, `content`, `attachment`, `sender`) and its source for quotations."""

    where: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """One word of one list in one text. `start` and `end` are code points of the original; `sentence` is unique over all texts searched."""

    words: str  # name of the list
    word: str  # as the pack writes it, of synonyms the first
    text: Text
    start: int
    end: int
    sentence: int
    negated: bool
    low: int  # on the shadow, for distances
    high: int


# ---------------------------------------------------------------- the shadow


@dataclass(frozen=True, slots=True)
class Shadow:
    """A text made comparable. `origin[i]` is where its i-th character stood in the original."""

    text: str
    origin: tuple[int, ...]

    def original(self, low: int, high: int) -> tuple[int, int]:
        """Return the code points of the original that the characters [low, high) of the shadow came from."""
        return self.origin[low], self.origin[high - 1] + 1


_simplify = opencc.OpenCC("t2s").convert


def _fold(character: str) -> str:
    """Return *character* folded, "" where it is invisible."""
    if unicodedata.category(character) in {"Cf", "Cc"} and not character.isspace():
        return ""
    return " " if character.isspace() else unicodedata.normalize("NFKC", character).casefold()


class _Table(dict[int, str]):
    """What `str.translate` looks characters up in; each is worked out when it is first met."""

    def __init__(self, work_out: Callable[[str], str]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, code: int) -> str:
        """Work out what *code* becomes."""
        self[code] = self._work_out(chr(code))
        return self[code]


_PLAIN = "p"  # a character that folds to one other, and is no space
_RUNS = re.compile(f"{_PLAIN}+|[^{_PLAIN}]+")
_folds = _Table(_fold)
_kinds = _Table(lambda character: _PLAIN if len(_fold(character)) == 1 and not character.isspace() else " ")


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def shadow(text: str) -> Shadow:
    """Return the shadow of *text*: runs of plain characters at once, the others one by one."""
    copy = _Copy()
    for run in _RUNS.finditer(text.translate(_kinds)):
        start, end = run.span()
        if run[0][0] == _PLAIN:
            copy.add(text[start:end].translate(_folds), range(start, end))
            continue
        for index in range(start, end):
            for folded in _folds[ord(text[index])]:
                copy.add(folded, (index,))
    return Shadow(_simple("".join(copy.pieces)), tuple(copy.origin))


class _Copy:
    """A shadow in the making: of white space only one space stays, between two Latin letters or digits."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.origin: list[int] = []
        self._gap = False
        self._last = ""

    def add(self, folded: str, places: Sequence[int]) -> None:
        """Add *folded* characters, which stood at *places* of the original."""
        if folded == " ":
            self._gap = True
            return
        if self._gap and self._last and _is_latin(folded[0]) and _is_latin(self._last):
            self.pieces.append(" ")
            self.origin.append(places[0])
        self._gap, self._last = False, folded[-1]
        self.pieces.append(folded)
        self.origin += places


def _simple(folded: str) -> str:
    """Return *folded* with simplified characters, as many of them."""
    simple: str = _simplify(folded)
    if len(simple) == len(folded):
        return simple
    return "".join(one if len(one := _simplify(character)) == 1 else character for character in folded)


# ---------------------------------------------------------------- sentences


def sentence_ends(text: str) -> list[int]:
    """Return the code points at which the sentences of *text* end, ascending: after 。！？； and at a line break that no program made."""
    return [found.end() for found in _ENDS.finditer(text) if found[0] != "\n" or not _is_wrapped(text, found.start())]


def _is_wrapped(text: str, at: int) -> bool:
    """Tell whether the line break at *at* stands inside a sentence: a full line before it, Chinese on both sides, no new item after it."""
    line = text[text.rfind("\n", 0, at) + 1 : at].rstrip()
    following = text[at + 1 : at + 5]
    return (
        len(line) >= _WRAPPED
        and _goes_on(line[-1])
        and bool(following)
        and unicodedata.category(following[0]) == "Lo"
        and not _LINE_LEAD.match(following)
    )


def _goes_on(character: str) -> bool:
    return character in "，,、" or unicodedata.category(character) == "Lo"


# ---------------------------------------------------------------- the search


@dataclass(frozen=True, slots=True)
class Use:
    """What a pattern stands for: a word of a list, or an exception of it."""

    words: str
    word: str
    is_exception: bool


class Lexicon:
    """All word lists of a pack, ready to be sought together. Safe to share between threads; takes some 10 ms to build."""

    def __init__(self, lists: Iterable[WordList], *, homophones: Mapping[str, Sequence[str]] = _NOTHING_MISHEARD) -> None:
        """Prepare *lists*; the one called `NEGATIONS`, if any, negates the words of the others.

        *homophones* maps what is right to what speech recognition may hear instead.
        """
        self._uses: dict[str, list[Use]] = {}
        self._homophones = {shadow(right).text: [shadow(wrong).text for wrong in heard] for right, heard in homophones.items()}
        for words in lists:
            heads = {word: group[0] for group in words.synonyms for word in group}
            self._learn(words.name, {word: heads.get(word, word) for word in words.words}, is_exception=False)
            self._learn(words.name, {word: word for word in words.exceptions}, is_exception=True)
        self._patterns = list(self._uses)
        self._automaton = ahocorasick_rs.AhoCorasick(self._patterns, matchkind=ahocorasick_rs.MatchKind.Standard)

    def _learn(self, name: str, words: Mapping[str, str], *, is_exception: bool) -> None:
        """Seek each of *words* for what it stands for, and its other ways of writing where no word of the list is written so."""
        patterns = {pattern: head for word, head in words.items() if (pattern := shadow(word).text)}
        for pattern, head in list(patterns.items()):
            for other in variants(pattern, self._homophones):
                patterns.setdefault(other, head)
        for pattern, head in patterns.items():
            self._uses.setdefault(pattern, []).append(Use(name, head, is_exception))

    @property
    def uses(self) -> Mapping[str, Sequence[Use]]:
        """What is sought: each pattern, as it stands on a shadow, with all that it stands for."""
        return self._uses

    def find(self, texts: Sequence[Text], *, silent: Sequence[str] = ()) -> list[Match]:
        """Return every word of every list (but the negations) in *texts*, by text and place.

        Left out are words inside an exception of their list, parts of Latin words and numbers, and words inside one of the expressions
        *silent*, such as the enterprise's own name: 花卉 in 某某花卉有限公司 says nothing of the matter.
        """
        quiet = [folded for expression in silent if (folded := shadow(expression).text)]
        found: list[Match] = []
        sentences = 0
        for text in texts:
            ends = sentence_ends(text.text)
            found += self._find_in(text, ends, sentences, quiet)
            sentences += len(ends) + 1
        return found

    def _find_in(self, text: Text, ends: Sequence[int], first_sentence: int, quiet: Sequence[str]) -> list[Match]:
        copy = shadow(text.text)
        words, exceptions = self._hits(copy.text)
        muted = [span for expression in quiet for span in _occurrences(copy.text, expression)]
        negations = _uncovered(words.pop(NEGATIONS, []), exceptions.get(NEGATIONS, ()))
        negated = _negated(copy.text, negations, {bisect.bisect_left(copy.origin, end) for end in ends})
        found = []
        for name, spans in words.items():
            for low, high, word in _uncovered(spans, (*exceptions.get(name, ()), *muted)):
                start, end = copy.original(low, high)
                sentence = bisect.bisect_right(ends, start)
                if sentence == bisect.bisect_right(ends, end - 1):
                    found.append(Match(name, word, text, start, end, first_sentence + sentence, low in negated, low, high))
        found.sort(key=lambda match: (match.low, -match.high, match.words))
        return found

    def _hits(self, copy: str) -> tuple[dict[str, list[tuple[int, int, str]]], dict[str, list[tuple[int, int]]]]:
        """Return words and exceptions by list, with their places on the shadow *copy*."""
        words: dict[str, list[tuple[int, int, str]]] = {}
        exceptions: dict[str, list[tuple[int, int]]] = {}
        for index, low, high in self._automaton.find_matches_as_indexes(copy, overlapping=True):
            if _cuts_latin(copy, low, high):
                continue
            for use in self._uses[self._patterns[index]]:
                if use.is_exception:
                    exceptions.setdefault(use.words, []).append((low, high))
                else:
                    words.setdefault(use.words, []).append((low, high, use.word))
        return words, exceptions


def _cuts_latin(copy: str, low: int, high: int) -> bool:
    """Tell whether [low, high) begins or ends inside a Latin word or a number (12345 in a telephone number)."""
    cut_before = low > 0 and _is_latin(copy[low - 1]) and _is_latin(copy[low])
    return cut_before or (high < len(copy) and _is_latin(copy[high]) and _is_latin(copy[high - 1]))


def _occurrences(copy: str, expression: str) -> Iterator[tuple[int, int]]:
    at = copy.find(expression)
    while at >= 0:
        yield at, at + len(expression)
        at = copy.find(expression, at + len(expression))


def _uncovered(spans: Iterable[tuple[int, int, str]], exceptions: Sequence[tuple[int, int]]) -> list[tuple[int, int, str]]:
    """Return those *spans* that lie in none of *exceptions*."""
    if not exceptions:
        return list(spans)
    furthest: list[tuple[int, int]] = []  # by start, the furthest end of any exception that begins there or before
    for low, high in sorted(exceptions):
        furthest.append((low, max(high, furthest[-1][1] if furthest else high)))
    starts = [low for low, _ in furthest]
    kept = []
    for low, high, word in spans:
        at = bisect.bisect_right(starts, low) - 1
        if at < 0 or furthest[at][1] < high:
            kept.append((low, high, word))
    return kept


def _negated(copy: str, negations: Iterable[tuple[int, int, str]], sentences: Collection[int]) -> set[int]:
    """Return the places on the shadow *copy* at which a word that begins there is negated; *sentences* are the places where one begins."""
    places: set[int] = set()
    for low, high, _ in negations:
        reach = _REACH_OF_ONE if high - low == 1 else _REACH_OF_MORE
        for at in range(high, min(high + reach + 1, len(copy))):
            if at in sentences:
                break
            places.add(at)
            if copy[at] in _BREAKS:
                break
    return places

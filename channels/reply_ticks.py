"""Boxes that are ticked in lines of text and in cells: the only module that knows the signs for ticked and empty boxes, and what they stand at.

A box stands before its word (☑已解决) or behind it (满意√); signs of symbol fonts whose font is lost count too: U+F052, which shows as R, and
U+F0A3 for the empty box (附件4, 附件5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TICKED = "☑☒■√✓✔✅▣◼⬛þ\uf052\uf0fe\uf0fc\uf0fd\uf06e"
EMPTY = "□☐▢◻⬜\uf0a3\uf06f\uf0a8\uf071"
RESULTS = {"已解决": "solved", "正在处理": "promised", "无法解决": "unsolved"}
RATINGS = {"满意": "satisfied", "基本满意": "basically", "不满意": "dissatisfied"}

_LABELS = {name: sorted(group, key=len, reverse=True) for name, group in (("result", RESULTS), ("rating", RATINGS))}
_WORD = "|".join([*_LABELS["result"], *_LABELS["rating"]])
_TOKEN = re.compile(
    rf"(?P<mark>[(\[【]?(?:[{TICKED}{EMPTY}]|(?<![A-Za-z])R(?![A-Za-z])|[(\[【][ Xx*][)\]】])[)\]】]?)|(?P<word>{_WORD})(?!原因|度|的)"
)
_INSTRUCTION = re.compile(rf"\([^()\n]{{0,12}}打[{TICKED}vV][^()\n]{{0,6}}\)")
_BARE = re.compile(
    rf"\s{{0,20}}(?:{_WORD})(?:,?\s{{0,4}}限期[\s_]{{0,20}}个?工作日|,?\s{{0,4}}原因)?[\s,、;:。_]{{0,40}}"
)  # as the empty form has it
_TICKED = re.compile(rf"[{TICKED}RXx*]")
_WIDEST = 160  # signs of a line of boxes


@dataclass(frozen=True, slots=True)
class Choice:
    """What was ticked among the words of one group in [start, end): `group` is result or rating; `value` is "" where several are ticked.

    `word_end` is where the ticked word ends.
    """

    group: str
    value: str
    start: int
    end: int
    word_end: int


@dataclass(frozen=True, slots=True)
class _Token:
    is_word: bool
    text: str
    start: int
    end: int


def choices(plain: str) -> tuple[list[Choice], list[tuple[int, int]]]:
    """Return what is ticked in *plain* (a shadow), and the lines with boxes, ticked or not: nothing in them is running text."""
    lines = _boxed_lines(_INSTRUCTION.sub(lambda match: " " * len(match[0]), plain))
    found: list[Choice] = []
    for group in _LABELS:
        for block in _blocks(lines, group):
            ticked = [word for tokens in block for word in _ticked(tokens)]
            if ticked:
                values = {_value(group, word.text) for word in ticked}
                value = values.pop() if len(values) == 1 else ""
                start, end = (
                    min(token.start for tokens in block for token in tokens),
                    max(token.end for tokens in block for token in tokens),
                )
                found.append(Choice(group, value, start, end, ticked[0].end))
    places = [(_line_start(plain, tokens[0].start), _line_end(plain, tokens[-1].end)) for tokens in lines]
    return sorted(found, key=lambda choice: choice.start), places


def _boxed_lines(plain: str) -> list[list[_Token]]:
    """Return the tokens of the lines that hold a box next to a word, and of lines above or below these that hold one of the words alone."""
    lines: list[tuple[list[_Token], list[_Token]]] = []  # of each line the tokens with a box, and those of a word alone
    at = 0
    for line in plain.split("\n"):
        tokens = [
            _Token(match["word"] is not None, match[0], at + match.start(), at + match.end()) for match in _TOKEN.finditer(line[:_WIDEST])
        ]
        boxed = _beside(plain, tokens) if len(line) <= _WIDEST else []
        lines.append((boxed, tokens if _BARE.fullmatch(line) else []))
        at += len(line) + 1
    kept = [boxed for boxed, _ in lines]
    for order in (range(1, len(lines)), range(len(lines) - 2, -1, -1)):
        for index in order:
            beside = index - 1 if order.step > 0 else index + 1
            kept[index] = kept[index] or (lines[index][1] if kept[beside] else [])
    return [tokens for tokens in kept if tokens]


def _beside(plain: str, tokens: list[_Token]) -> list[_Token]:
    """Return the words of a line and the boxes that stand beside one, nothing but white space between; none where there is no such box."""
    kept: list[_Token] = []
    has_mark = False
    for index, token in enumerate(tokens):
        neighbours = [tokens[at] for at in (index - 1, index + 1) if 0 <= at < len(tokens)]
        if token.is_word:
            kept.append(token)
        elif any(
            other.is_word and not plain[min(token.end, other.end) : max(token.start, other.start)].strip(" \t") for other in neighbours
        ):
            kept.append(token)
            has_mark = True
    return kept if has_mark and any(token.is_word for token in kept) else []


def _blocks(lines: Sequence[list[_Token]], group: str) -> list[list[list[_Token]]]:
    """Return the lines of one group as blocks: a word that comes again begins a new one."""
    blocks: list[list[list[_Token]]] = []
    seen: set[str] = set()
    for tokens in lines:
        words = {token.text for token in tokens if token.is_word and _value(group, token.text)}
        if not words:
            continue
        if not blocks or words & seen:
            blocks.append([])
            seen = set()
        blocks[-1].append([token for token in tokens if not token.is_word or _value(group, token.text)])
        seen |= words
    return blocks


def _ticked(tokens: list[_Token]) -> list[_Token]:
    """Return the words of a line whose box is ticked."""
    is_before = not tokens[0].is_word
    ticked = []
    for index, token in enumerate(tokens):
        if token.is_word or not _TICKED.search(token.text):
            continue
        before = tokens[index - 1] if index else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        ticked.append(_nearest(token, before, after, is_before=is_before))
    return [word for word in ticked if word is not None]


def _nearest(mark: _Token, before: _Token | None, after: _Token | None, *, is_before: bool) -> _Token | None:
    """Return the word that *mark* stands at: the nearer of its neighbours, of equally near ones as the line has begun."""
    words = [word for word in (before, after) if word is not None and word.is_word]
    if len(words) < 2:  # noqa: PLR2004 - both sides
        return words[0] if words else None
    assert before is not None  # noqa: S101 - both are there
    assert after is not None  # noqa: S101 - likewise
    gaps = mark.start - before.end, after.start - mark.end
    if gaps[0] == gaps[1] or is_before:
        return after if is_before else before
    return before if gaps[0] < gaps[1] else after


def _value(group: str, word: str) -> str:
    return (RESULTS if group == "result" else RATINGS).get(word, "")


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)

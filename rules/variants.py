"""Other ways in which people and programs write a word of a list: numbers in digits or Chinese, and what speech recognition hears.

The text stays as it is; the word is sought in each of its ways, so that nothing else in a text changes its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

_CHINESE = "零一二三四五六七八九"
_VALUES = {**{character: str(value) for value, character in enumerate(_CHINESE)}, "〇": "0", "两": "2", "幺": "1"}
_TENS = re.compile(r"([一二三四五六七八九])?十([一二三四五六七八九])?")
_SPELT = 3  # digits from which on a number is read out one by one: 12345, 二〇二四
_NUMBER = re.compile(r"(?<![0-9a-z.])[0-9]+(?![0-9a-z.])|[零〇一二三四五六七八九十两幺]+")
_MOST = 2  # numbers in one word that are written otherwise; a word with more is a table, not a word


def variants(word: str, homophones: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the other ways to write the folded *word*; *homophones* maps what is right to what may be heard instead, folded as well."""
    yield from _numbers(word)
    for right, heard in homophones.items():
        if right in word:
            yield from (word.replace(right, wrong) for wrong in heard)


def _numbers(word: str) -> Iterator[str]:
    found = list(_NUMBER.finditer(word))
    if len(word) == 1 or not 0 < len(found) <= _MOST:
        return
    for way in (_in_digits, _in_chinese, _spoken):
        whole = _rewritten(word, way)
        if whole != word:
            yield whole


def _rewritten(word: str, way: Callable[[str], str]) -> str:
    return _NUMBER.sub(lambda number: way(number[0]), word)


def _in_digits(number: str) -> str:
    if number.isascii():
        return number
    if tens := _TENS.fullmatch(number):
        return f"{_VALUES.get(tens[1] or '一')}{_VALUES.get(tens[2] or '零')}"
    if "十" in number or 1 < len(number) < _SPELT:  # 二三十, 七八: about so many
        return number
    return "".join(_VALUES[character] for character in number)


def _in_chinese(number: str) -> str:
    """Return a number in digits as it is written in Chinese: below a hundred by its value, else digit by digit."""
    if not number.isascii():
        return number
    if len(number) >= _SPELT or number.startswith("0"):
        return "".join(_CHINESE[int(digit)] for digit in number)
    tens, ones = divmod(int(number), 10)
    if not tens:
        return _CHINESE[ones]
    return f"{_CHINESE[tens] if tens > 1 else ''}十{_CHINESE[ones] if ones else ''}"


def _spoken(number: str) -> str:
    """Return a number in digits as it is said: 两 of things, 幺 in numbers that are read out."""
    chinese = _in_chinese(number)
    if number == "2":
        return "两"
    return chinese.replace("一", "幺") if number.isascii() and len(number) >= _SPELT else chinese

"""How a letter is signed: the only module that knows the block of names, numbers and dates with which Chinese business letters end.

A line belongs to the block where every word of it is one of those things; the first line from below that is a sentence ends it.
Works on the shadow of a passage (`channels.passage`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from channels import enterprises, labels, numbers, persons, places
from channels.labels import Labelled
from channels.passage import any_of

_MAX_LINES, _MAX_WIDTH = 14, 80
_MAX_WORDS = 2  # words in one line that are none of the known things; more are a sentence
_MAX_WORD = 12  # characters of such a word (a shop's short name, a department)
_NUMERAL = "0-9元正腊冬一二三四五六七八九十"
_DATE = re.compile(
    rf"(?:[0-9]{{2,4}}|[〇○零一二三四五六七八九O]{{4}})\s?[-./年]\s?[{_NUMERAL}]{{1,3}}\s?(?:[-./月]\s?[{_NUMERAL}廿]{{0,4}}\s?[日号]?)?|"
    rf"[{_NUMERAL}]{{1,3}}月[{_NUMERAL}初廿]{{0,4}}[日号]?|\(?(?:星期|周)[一二三四五六日天]\)?|[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?|[上下]午"
)
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,100}|(?:https?://|www\.)[^\s]{1,200}")
_CLOSING_WORDS = r"""此致 敬礼 致礼 此呈 谨呈 谨启 谨上 敬上 敬启 敬呈 上呈 拜上 顺颂.{0,6} 顺祝.{0,8} 即颂.{0,6} 专此 商祺 公祺 时祺 台安 夏安 秋安 冬安 春安 祝.{0,20}
    谢谢.{0,10} 多谢.{0,10} 感谢.{0,16} 感激不尽 盼复 盼回复 望回复 望复 请回复 敬请回复 恳请回复 特此.{1,8} 妥否.{0,12} 当否.{0,12} 如上 以上 全体.{0,6} 打扰了 辛苦了
    拜托了? 麻烦了 Best\s[Rr]egards Regards Thanks BR [Tt]hank\syou"""
_CLOSING = re.compile(rf"{any_of(_CLOSING_WORDS)}[!。.~,;]{{0,3}}")
_ENCLOSURE = re.compile(
    rf"[(【]?{any_of('附件 附 附表 附图 附录 随信附 材料')}(?:[0-9一二三]{{0,2}}[:.]|同前|清单|[(])|"
    rf"[0-9]{{1,2}}[.、].{{1,40}}{any_of('复印件 照片 扫描件 截图 证明')}"
)
_STAMP = re.compile(
    rf"\({any_of('公章 盖章 签字 签名 手印 签章 印章 印 章 加盖公章 盖章处 代')}\)|{any_of('公章 盖章 签字 签名 手印 签章 印章')}"
)
_TOKEN = re.compile(r"[^\s,、;|:。!?]+")
_SENTENCE = re.compile(r"[。!?]")
_BRACKETS = re.compile(r"\([^()\n]{0,40}\)")
_NOTE = re.compile(r"\([^()]{0,20}\)$")
_WRAPPING = "\"“”'‘’-—_*[]【】<>《》.~"
_MUTE = frozenset({"电", "微信同号", "同微信"})
_READ_AS_LABEL = frozenset({"name", "uscc", "address", "contact", "phone", "duo", "party", "aside"})
_EVIDENT = frozenset({"enterprise", "person", "surname", "phone", "code", "address", "label", "date"})


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing in the block: code points [start, end), and its line counted from below.

    `kind` is enterprise, person, surname, role, phone, code, address, date, label (with its value) or word (none of these).
    """

    kind: str
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Signature:
    """The block at the end of a text: the ranges of the lines it covers and the things in it, in order."""

    lines: tuple[tuple[int, int], ...]
    marks: tuple[Mark, ...]


def signature(plain: str) -> Signature:
    """Return the signature of a text; empty where it ends with a sentence."""
    lines: list[tuple[int, int]] = []
    block: list[list[Mark]] = []
    for start, end in _from_below(plain):
        if _ENCLOSURE.match(plain[start:end].strip()):
            continue
        marks = _read(plain, start, end, len(lines))
        if marks is None or len(lines) == _MAX_LINES:
            break
        lines.append((start, end))
        block.append(marks)
    while block and not _is_evident(block[-1]) and not _is_closing(plain, lines[-1]):
        block.pop()
        lines.pop()
    if not any(map(_is_evident, block)):
        return Signature((), ())
    return Signature(tuple(reversed(lines)), tuple(mark for line in reversed(block) for mark in line))


def _from_below(plain: str) -> Iterator[tuple[int, int]]:
    """Yield the lines that hold something, the last first."""
    end = len(plain.rstrip())
    while end > 0:
        start = plain.rfind("\n", 0, end) + 1
        if plain[start:end].strip():
            yield start, end
        end = start - 1


def _is_evident(marks: list[Mark]) -> bool:
    return any(mark.kind in _EVIDENT for mark in marks)


def _is_closing(plain: str, line: tuple[int, int]) -> bool:
    return _CLOSING.fullmatch(plain[slice(*line)].strip()) is not None


def _read(plain: str, start: int, end: int, line: int) -> list[Mark] | None:
    """Return the things in one line; None where it is a sentence."""
    text = plain[start:end].strip()
    if _CLOSING.fullmatch(text):
        return []
    if len(text) > _MAX_WIDTH or _SENTENCE.search(text):
        return None
    marks, rest = _numbers(plain, start, end, line)
    for token in _TOKEN.finditer(rest):
        marks.extend(_classified(token[0], start + token.start(), line))
    marks = _joined(plain, sorted(marks, key=lambda mark: mark.start))
    words = [mark for mark in marks if mark.kind == "word"]
    is_sentence = len(words) > _MAX_WORDS or len(words) >= len(marks) or any(mark.end - mark.start > _MAX_WORD for mark in words)
    return None if is_sentence else marks


def _joined(plain: str, marks: list[Mark]) -> list[Mark]:
    """Return *marks* with the words of a name in Latin letters put together (Anna Schmidt)."""
    joined: list[Mark] = []
    for mark in marks:
        last = joined[-1] if joined else None
        if last and last.kind == mark.kind == "person" and persons.is_latin_name(plain[last.start : mark.end]):
            joined[-1] = Mark("person", last.start, mark.end, mark.line)
        else:
            joined.append(mark)
    return joined


def _numbers(plain: str, start: int, end: int, line: int) -> tuple[list[Mark], str]:
    """Return the labels, numbers, dates and mail addresses of the line, and the line with them blank."""
    text = plain[start:end]
    labelled = (item for item in labels.labelled(text) if item.field in _READ_AS_LABEL and not _reads_as_role(item))
    marks = [Mark("label", start + item.label, start + item.end, line) for item in labelled]
    text = _blanked(text, [(mark.start - start, mark.end - start) for mark in marks])
    for kind, found in (("phone", [*numbers.phones(text)]), ("code", [*numbers.codes(text)])):
        marks.extend(Mark(kind, start + number.start, start + number.end, line) for number in found)
        text = _blanked(text, [(number.start, number.end) for number in found])
    for pattern in (_MAIL, _DATE):
        spans = [match.span() for match in pattern.finditer(text)]
        marks.extend(Mark("date", start + low, start + high, line) for low, high in spans)
        text = _blanked(text, spans)
    return marks, _blanked(text, [match.span() for match in _STAMP.finditer(text)])


def _reads_as_role(item: Labelled) -> bool:
    """Whether the label is a position before a name (法人 木晓燕): it is then read as role and person, so that both are seen."""
    return item.field == "contact" and not item.is_strong


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    for low, high in spans:
        text = text[:low] + " " * (high - low) + text[high:]
    return text


def _classified(token: str, at: int, line: int) -> Iterator[Mark]:
    """Yield the thing or things one word of the line is; nothing for a bare label or closing word."""
    core = token.strip(_WRAPPING)
    if core.count("(") != core.count(")"):
        core = core.strip("()")
    at += token.find(core)
    if not core or core in _MUTE or _CLOSING.fullmatch(core) or labels.field_of_cell(core):
        return
    end = None if persons.is_role(core) or places.is_address(core) else enterprises.token_end(core)
    if end is not None:
        yield Mark("enterprise", at, at + end, line)
        rest = _BRACKETS.sub(lambda match: " " * len(match[0]), core[end:])
        if rest.strip():
            yield from _classified(rest.strip(), at + end + len(rest) - len(rest.lstrip()), line)
    elif name := persons.inside(core):
        yield Mark("person", at + name[0], at + name[1], line)
    else:
        yield Mark(_kind(_NOTE.sub("", core)), at, at + len(core), line)


def _kind(word: str) -> str:
    if persons.is_role(word):
        return "role"
    if persons.is_surname(word):
        return "surname"
    return "address" if places.is_address(word) else "word"

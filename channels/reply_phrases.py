"""Phrases of officialese as patterns: the only module that knows how `ReplyWords` are written, and how days, dates and units read in them.

Works on the clear copy of a text (`clear`): its shadow without white space inside and without filling lines, so that 已 解 决 is 已解决 and 限期__5__个工作日
is 限期5个工作日. Each sign of the copy remembers where it stood.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import opencc

from channels.passage import HAN, shadow
from store.model.reply import ReplyWords

_WRAPPED = 28  # a line of so many signs that ends without punctuation was broken by a program
_FILLING = re.compile(r"[ \t\r_﹍\u200b-\u200f\ufeff\u00ad]+")
# A gap between two words, not one inside a word set wide (签 收), and not behind a word that denies the next (没有 收到).
_GAP = re.compile(rf"(?<=[{HAN}][{HAN}])(?<![不未没非否无予有是])([ \t])[ \t]*(?=[{HAN}]{{2}})")
_MISTYPED = str.maketrans("己巳", "已已")
_ENDS = ',;:。!?、.)]》”"'
_DIGITS = {sign: at for at, sign in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "〇": 0,
    "廿": 20,
    "壹": 1,
    "贰": 2,
    "叁": 3,
    "伍": 5,
    "柒": 7,
    "拾": 10,
}
_NUMBER = r"(?:[0-9]{1,3}|[一二两三四五六七八九十廿]{1,4})"
_AMOUNT = rf"(?:约|大约|不超过|最多|至多|再)?(?P<NAME>{_NUMBER}(?:\([0-9一二三四五六七八九十]{{1,3}}\))?)个?(?P<NAME_unit>工作日|日历日|自然日|天|日)"
_SUBJECT_ENDS = "问题|诉求|事项|事宜|一事|反映的情况|反映情况"
_SLOT_PATTERNS = {
    "天数": _AMOUNT.replace("NAME", "days"),
    "限期": _AMOUNT.replace("NAME", "limit"),
    "日期": r"(?P<until>(?:20[0-9]{2}[年./-])?[0-9]{1,2}[月./-][0-9]{1,2}[日号]?)",
    "起日": r"(?:(?:20[0-9]{2}[年./-])?[0-9]{1,2}[月./-][0-9]{1,2}[日号]?|[今昨当本]日|[今昨]天)",
    "单位": rf"(?P<unit>(?!区外|[交由给至到请另重我你其上])[{HAN}A-Za-z0-9()“”\"·]{{1,24}}?(?:UNITS))",
    "件号": r"(?P<number>[A-Za-z]{1,4}-[0-9]{4}-[0-9]{1,7})",
    "要求": r"(?P<about>(?:企业|该企业|该公司|其)(?:所)?(?:要求|提出|请求|申请)[^,;:。!?\n]{1,40}?)",
    "清单": r"(?P<listed>[^,;:。!?\n]{2,60}?)",
    "问题": rf"(?P<about>[^,;:。!?\n]{{0,60}}?(?:{_SUBJECT_ENDS}))",
}
_TOKEN = re.compile(r"<([^<>]+)>|[（）《》/]|[^<>（）《》/]+")
_GROUPING = {"（": "(?:", "）": ")?", "《": "(?:", "》": ")", "/": "|"}
_COUNTING = r"(?:[(]?[0-9一二三四五六七八九十①-⑩]{1,2}[.、):]{1,2}|[①-⑩*·•-])?"
_OPENING = 5  # words that may stand before a phrase
_END = r"(?=[,;:。!?~\n()…】]|[.](?![0-9])|$)"
_simplify = opencc.OpenCC("t2s").convert


@dataclass(frozen=True, slots=True)
class Clear:
    """The clear copy of a text: `origin[i]` is where its i-th sign stood."""

    text: str
    origin: tuple[int, ...]

    def original(self, low: int, high: int) -> tuple[int, int]:
        """Return the code points of the text that [low, high) of the copy came from."""
        return (self.origin[low], self.origin[high - 1] + 1) if high > low else (self.origin[low], self.origin[low])


@dataclass(frozen=True, slots=True)
class Said:
    """One phrase found at [start, end) of a clear copy: the act it stands for, and what stood in its slots by their names."""

    act: str
    start: int
    end: int
    slots: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """All phrases of a pack, ready to be sought at the beginning of a clause."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    opening: re.Pattern[str]

    def at(self, text: str, start: int) -> Said | None:
        """Return the longest phrase that fills the clause beginning at *start*, words of address and subject before it left out."""
        best: Said | None = None
        for begins in self._beginnings(text, start):
            for act, pattern in self.patterns:
                match = pattern.match(text, begins)
                if match and (best is None or match.end() - match.start() > best.end - best.start):
                    best = Said(act, match.start(), match.end(), _slots(match))
            if best:
                return best
        return best

    def _beginnings(self, text: str, start: int) -> Iterator[int]:
        """Yield where a phrase may begin: at *start*, and behind each of the words before it that say nothing."""
        yield start
        at = start
        for _ in range(_OPENING):
            match = self.opening.match(text, at)
            if not match or match.end() == at:
                return
            at = match.end()
            yield at


@lru_cache(maxsize=16)
def phrases(words: ReplyWords) -> Phrases:
    """Return the patterns of *words*; kept, since making them takes some 50 ms."""
    slots = {name: pattern.replace("UNITS", _any_of(words.parts.get("units", ()))) for name, pattern in _SLOT_PATTERNS.items()}
    slots |= {name: f"(?:{_any_of(several)})" for name, several in words.sets.items()}
    patterns = tuple((act, re.compile(_pattern(phrase, slots) + _END)) for act, said in words.acts.items() for phrase in said)
    before = _any_of(word for part in ("subjects", "openers") for word in words.parts.get(part, ()))
    opening = re.compile(
        rf"{_COUNTING}(?:(?:{before}|于?{_SLOT_PATTERNS['起日']}(?:[上下]午)?|(?:编号)?[A-Za-z]{{1,4}}-[0-9]{{4}}-[0-9]{{1,7}})[,:;。!]?)?"
    )
    return Phrases(patterns, opening)


def clear(text: str) -> Clear:
    """Return the clear copy of *text*; a line broken only because it was full goes on, and a gap between two words (签收 李明) is a comma."""
    plain = _plain(text).translate(_MISTYPED)
    gaps = {match.start(1) for match in _GAP.finditer(plain)}
    signs: list[str] = []
    origin: list[int] = []
    since = 0  # where the line began in the copy
    for at, read in enumerate(plain):
        sign = "," if at in gaps else read
        if _FILLING.fullmatch(sign):
            continue
        if sign == "\n":
            if len(signs) - since >= _WRAPPED and signs[-1] not in _ENDS:
                since = len(signs)
                continue
            since = len(signs) + 1
        signs.append(sign)
        origin.append(at)
    return Clear("".join(signs), tuple(origin))


def number_of(words: str) -> int | None:
    """Return the number that *words* write: 7, 七, 十五, 二十, 五(5)."""
    figures = re.search(r"[0-9]{1,3}", words)
    if figures:
        return int(figures[0])
    tens, _, ones = words.rpartition("十")
    if not _ and len(words) > 1:
        return None
    if not _:
        return _DIGITS.get(words)
    ten = _DIGITS.get(tens, 0) if tens else 1
    one = _DIGITS.get(ones, 0) if ones else 0
    return ten * 10 + one if ten else None


def date_of(words: str, written: date | None) -> date | None:
    """Return the day that *words* name; without a year the first such day from two months before *written* on. None where that is not known."""
    figures = [int(figure) for figure in re.findall(r"[0-9]+", words)]
    try:
        if len(figures) == 3:  # noqa: PLR2004 - year, month, day
            return date(*figures)
        if written is None:
            return None
        day = date(written.year, *figures)
        return day if day >= written - timedelta(days=60) else date(written.year + 1, *figures)
    except (ValueError, TypeError):
        return None


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern for any of *words*, the longest first; for none of them, one that matches nothing."""
    plain = sorted({_plain(word) for word in words}, key=len, reverse=True)
    return "|".join(map(re.escape, plain)) or "(?!)"


def _plain(text: str) -> str:
    plain = shadow(text)
    simple: str = _simplify(plain)
    return simple if len(simple) == len(plain) else plain


def _pattern(phrase: str, slots: Mapping[str, str]) -> str:
    """Return the regular expression of one phrase; its brackets are in pairs (`rules.reply_words`)."""
    seen: Counter[str] = Counter()
    parts = []
    for match in _TOKEN.finditer(phrase):
        sign = match[0]
        parts.append(_slot(match[1], slots, seen) if match[1] else _GROUPING.get(sign) or _literal(sign))
    return "".join(parts)


def _slot(name: str, slots: Mapping[str, str], seen: Counter[str]) -> str:
    """Return the pattern of a slot; the groups of a second one of its kind in the same phrase are numbered (`_slots` reads either)."""
    seen[name] += 1
    return re.sub(r"\(\?P<(\w+)>", rf"(?P<\1__{seen[name]}>", slots[name])


def _slots(match: re.Match[str]) -> dict[str, str]:
    return {name.partition("__")[0]: value for name, value in match.groupdict().items() if value}


def _literal(words: str) -> str:
    return "".join(f"[{',:;'}]?" if sign == "," else ":?" if sign == ":" else re.escape(sign) for sign in _plain(words))

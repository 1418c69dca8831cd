"""A passage: words as they came, and beside them a shadow in plain signs for patterns to search in.

The only module that knows which characters pass for which: full width, exotic spaces and dashes, and the traditional forms of the
words and surnames we look for. The shadow has one sign for each of the words' signs, so what is recognised is quoted as it stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from store.model.petition import Found, Span
from store.particulars import SCANNED_DIGITS

HAN = r"\u3400-\u9fff"  # for use inside a character class

# Who writes says so at the head or at the end; between them a long text is left unsearched, so that cost has a bound.
_HEAD, _TAIL = 40_000, 10_000  # characters

_TRADITIONAL = (
    "張张陳陈劉刘黃黄趙赵吳吴孫孙馬马許许鄭郑謝谢韓韩馮冯鄧邓蕭萧葉叶蔣蒋羅罗鍾钟鐘钟盧卢賈贾鄒邹龍龙陸陆賴赖龔龚顧顾嚴严錢钱湯汤魯鲁韋韦閻阎範范賀贺歐欧陽阳蘇苏楊杨"
    "萬万喬乔聶聂齊齐譚谭紀纪簡简關关應应單单畢毕項项連连遲迟莊庄塗涂聯联絡络繫系電电話话機机號号碼码稱称統统會会業业責责經经營营處处設设於于係系區区縣县雲云廠厂書书長长"
    "總总監监師师廳厅館馆團团學学務务辦办倉仓儲储貿贸實实標标題题內内訴诉請请與与個个從从給给對对將将們们這这國国門门開开發发產产農农場场園园樓楼層层東东協协檢检測测"
    "廣广納纳稅税識识別别誌志職职員员轉转寫写時时間间復复覆复郵邮臺台灣湾貨货見见況况報报議议爭争讓让屬属隸隶絕绝"
)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPACES = dict.fromkeys(
    [*range(0x2000, 0x2010), 0x00A0, 0x3000, 0xFEFF, 0x00AD, 0x2028, 0x2029, 0x202F, 0x2060, 0x000B, 0x000C, 0x0085], 0x20
)
_SIGNS = {
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹣"), ord("-")),
    **dict.fromkeys(map(ord, "×✕＊﹡"), ord("*")),
    **dict.fromkeys(map(ord, "﹕︰"), ord(":")),
    ord("｡"): ord("。"),
}
_SIMPLE = {ord(old): ord(new) for old, new in zip(_TRADITIONAL[::2], _TRADITIONAL[1::2], strict=True)}
_PLAIN = _FULL_WIDTH | _SPACES | _SIGNS | _SIMPLE

_SCANNED_NUMBER = re.compile(r"(?<![A-Za-z0-9])[0-9OoQIl|SsB](?:[ -]?[0-9OoQIl|SsB]){6,18}(?![A-Za-z0-9])")
_SCANNED_REGISTER = re.compile(r"(?<![A-Za-z0-9])9[Il|](?=[0-9A-Za-z]{16}(?![A-Za-z0-9]))")  # how the code of an enterprise begins
_LEAST_DIGITS = 4

_BETWEEN_HAN = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One text we read from: `words` as they came, `plain` the shadow. `source` is what a Span calls this text.

    Of a very long text the shadow leaves the middle out: `skipped` characters behind its head. `place` and `shown` turn offsets into each other.
    """

    source: str
    words: str
    plain: str
    skipped: int = 0

    @classmethod
    def of(cls, source: str, words: str) -> Passage:
        """Make a passage of *words*."""
        if len(words) <= _HEAD + _TAIL + 1:
            return cls(source=source, words=words, plain=shadow(words))
        plain = f"{shadow(words[:_HEAD])}\n{shadow(words[-_TAIL:])}"
        return cls(source=source, words=words, plain=plain, skipped=len(words) - len(plain))

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of the words that [start, end) of the shadow stands for."""
        skipped = self.skipped if start > _HEAD else 0
        return start + skipped, end + skipped

    def without(self, ranges: Iterable[tuple[int, int]]) -> Passage:
        """Return the same passage with *ranges* of the words blank in the shadow (line ends stay)."""
        kept, at = [], 0
        for first, last in sorted(ranges):
            start, end = max(self.shown(first), at), self.shown(last)
            if end > start:
                kept += [self.plain[at:start], _blank(self.plain[start:end])]
                at = end
        return replace(self, plain="".join([*kept, self.plain[at:]]))

    def found(self, start: int, end: int, how: str) -> Found | None:
        """Return the words that [start, end) of the shadow stands for as a found value; None where nothing but white space stands there."""
        start, end = self.place(start, end)
        text = self.words[start:end]
        start += len(text) - len(text.lstrip())
        text = text.strip()
        if not text:
            return None
        return Found(value=tidy(text), how=how, span=Span(source=self.source, start=start, end=start + len(text), text=text))

    def shown(self, at: int) -> int:
        """Return the offset in the shadow of an offset in the words; where the middle is left out, its place."""
        return at if not self.skipped or at <= _HEAD else max(_HEAD, at - self.skipped)


def scanned(plain: str) -> str:
    """Return a shadow of what a machine read off a page, with the letters inside numbers as the digits they must be (l36O → 1360), one for one."""
    plain = _SCANNED_NUMBER.sub(_as_digits, plain)
    return _SCANNED_REGISTER.sub("91", plain)


def _as_digits(match: re.Match[str]) -> str:
    digits = sum(char.isdigit() for char in match[0])
    return match[0].translate(SCANNED_DIGITS) if digits >= _LEAST_DIGITS else match[0]


def shadow(words: str) -> str:
    """Return *words* in plain signs, one for one: ASCII punctuation and digits (of the Chinese ones 、。《》“” stay), simplified surnames."""
    return words.translate(_PLAIN)


def cut(words: str, ranges: Iterable[tuple[int, int]]) -> str:
    """Return *words* without what stands in *ranges*, which may overlap."""
    kept, at = [], 0
    for start, end in sorted(ranges):
        kept.append(words[at : max(at, start)])
        at = max(at, end)
    return "".join([*kept, words[at:]])


def tidy(text: str) -> str:
    """Return *text* with white space collapsed, and none between two Chinese characters (a name broken over two lines)."""
    return _BETWEEN_HAN.sub("", " ".join(text.split()))


def any_of(words: str) -> str:
    """Return a pattern for any of *words*, which are parted by white space; the longest first, so that 联系电话 goes before 电话."""
    return f"(?:{'|'.join(sorted(dict.fromkeys(words.split()), key=len, reverse=True))})"


def _blank(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))

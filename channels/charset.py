"""Bytes of strangers to text: the only module that knows how Chinese mail mislabels its charsets.

A declared charset is evidence, not an order. Each plausible reading of the bytes is scored by how much of it is everyday script; the
declaration, and validity as UTF-8, count as a bonus. No name of a codec can stop a message: unknown ones are merely no evidence.
"""

from __future__ import annotations

import encodings.aliases
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import chardet

from channels.familiarity import familiarity

_SAMPLE = 1 << 16  # bytes looked at to choose a reading
_CLOSE = 0.08  # two readings this near are shown to chardet
_REPAIRS = 500  # lines of a mixed text that are judged one by one
_TWO_HANZI = 4  # by how many UTF-8 bytes two of them exceed their count
_MIXABLE = frozenset({"utf_8", "gb18030", "big5hkscs", "cp1252"})

# Every label of the GB family means GB18030, its superset: senders say gb2312 and write 𠮷.
_GB = frozenset(
    {"gb2312", "gbk", "gb18030", "hz", "cp936", "x_gbk", "x_gb18030", "gb_2312_80", "gb2312_80", "ms_936", "windows_936", "euc_gb2312"}
)
_BIG5 = frozenset({"big5", "big5hkscs", "cp950", "x_big5", "big5_eten", "cn_big5"})
_NAMED = {
    "utf8": "utf_8",
    "utf_8_sig": "utf_8",
    "unicode": "utf_16",
    "x_sjis": "cp932",
    "shift_jis": "cp932",
    "windows_31j": "cp932",
    "iso_8859_8_i": "iso8859_8",
    "ks_c_5601_1987": "cp949",
    "euc_kr": "cp949",
    "x_euc_jp": "euc_jp",
}
_FAMILIES = (
    "utf_8",
    "utf_16",
    "utf_32",
    "iso8859_",
    "cp",
    "koi8_",
    "mac_",
    "euc_",
    "shift_jis",
    "iso2022_",
    "johab",
    "tis_620",
    "ptcp154",
    "hp_roman8",
)
_LATIN = frozenset({"ascii", "latin_1", "iso8859_15", "cp1252"})  # what software writes that does not know what it sends
_BOMS = ((b"\xef\xbb\xbf", "utf_8"), (b"\xff\xfe", "utf_16"), (b"\xfe\xff", "utf_16"))
_ESCAPES = (b"\x1b$", b"\x1b(", b"\x1bN")  # ISO 2022
_CUT_OFF = frozenset({"unexpected end of data", "incomplete multibyte sequence", "truncated data"})  # words of the codecs
_FOREIGN = re.compile(rb"[\x00\x1b\x80-\xff]|~\{")
_LABEL = re.compile(r"[A-Za-z0-9_.:+()-]{1,40}")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Text (no NUL, no lone surrogate), the codec that read it, and in Chinese what had to be guessed ("" where nothing)."""

    text: str
    codec: str
    doubt: str = ""


def decode(raw: bytes, *labels: str | None) -> Decoded:
    """Return *raw* as text in the most plausible reading; *labels* are the charsets declared for it, most trusted first. Never raises."""
    declared = [label for label in labels if label]
    known = [codec for codec in map(codec_of, declared) if codec]
    for bom, codec in _BOMS:
        if raw.startswith(bom):
            return _read(raw, codec, declared, known)
    if not _FOREIGN.search(raw) and not any(codec.startswith(("utf_16", "utf_32")) for codec in known):
        return _read(raw, "ascii", [], [])
    codec = _choose(raw, known)
    if codec in _MIXABLE and _is_mixed(raw):
        return Decoded(text=_clean("\n".join(_lines(raw, known))), codec=codec, doubt="各行字符集不一，已逐行解读")
    return _read(raw, codec, declared, known)


def codec_of(label: str) -> str | None:
    """Return Python's codec for a charset *label*, widened to its superset; None where it names no charset of text.

    UTF-7 is left out on purpose: it hides markup from every filter, and no mail of today needs it.
    """
    label = label.strip(" \t\"';,")
    if not _LABEL.fullmatch(label):
        return None
    key = re.sub("[^a-z0-9]", "_", label.lower()).removeprefix("cs")
    name = encodings.aliases.aliases.get(key, key)
    if key in _GB or name in _GB:
        return "hz" if name == "hz" else "gb18030"
    if key in _BIG5 or name in _BIG5:
        return "big5hkscs"
    name = _NAMED.get(key) or _NAMED.get(name) or re.sub("^windows_", "cp", name)
    usable = name in _LATIN or (name.startswith(_FAMILIES) and name in _codecs())
    return name if usable else None


@cache
def _codecs() -> frozenset[str]:
    return frozenset(encodings.aliases.aliases.values()) | {"koi8_u", "cp874", "mac_roman", "iso8859_15"}


def _choose(raw: bytes, known: list[str]) -> str:
    """Return the codec whose reading of *raw* scores best, judged by the first stretch that is not plain ASCII."""
    first = _FOREIGN.search(raw)
    start = raw.rfind(b"\n", 0, first.start()) + 1 if first else 0
    sample = raw[start : start + _SAMPLE]
    scores: dict[str, float] = {}
    leading = -math.inf
    for codec in _candidates(sample, known):
        if codec != "utf_8" and _ceiling(_bonus("", codec, known)) < leading - _CLOSE:
            continue  # it can neither win nor come close, whatever it reads
        reading = _Reading(sample, codec, known)
        if reading.ceiling >= leading - _CLOSE:
            scores[codec] = reading.score()
            leading = max(leading, scores[codec])
    best = max(scores, key=lambda codec: scores[codec])
    close = [codec for codec, score in scores.items() if scores[best] - score < _CLOSE]
    if len(close) > 1 and not known:
        second = codec_of(str(chardet.detect(sample[:2_000])["encoding"]))
        return second if second in close else best
    return best


def _candidates(sample: bytes, known: list[str]) -> Iterator[str]:
    if any(mark in sample for mark in _ESCAPES) and not any(codec.startswith("iso2022") for codec in known):
        yield "iso2022_jp_2"
    for codec in dict.fromkeys([*known, "utf_8", "gb18030", "big5hkscs", "cp1252"]):
        if codec == "utf_16":  # without a mark: RFC 2781 says big-endian, Windows writes little-endian
            yield from ("utf_16_le", "utf_16_be")
        else:
            yield codec


class _Reading:
    """One reading of the bytes and how it weighs: what speaks for the codec itself is cheap to know, how familiar its text looks is not."""

    def __init__(self, sample: bytes, codec: str, known: list[str]) -> None:
        text = sample.decode(codec, "replace")
        self._codec = codec
        self._text = text.removesuffix("�")  # the last character may be cut off: weaker evidence against the reading than another
        self._cut_off = 0.6 if self._text != text else 0.0
        self._bonus = _bonus(self._text, codec, known)
        self.ceiling = _ceiling(self._bonus) - self._cut_off

    def score(self) -> float:
        """Weigh the reading: the mean familiarity of its non-ASCII characters, and what speaks for the codec."""
        mean = familiarity(self._text)
        if mean is None:
            return (1.0 if self._codec.startswith(("utf_16", "utf_32")) else 0.6) - 1.1 * self._cut_off
        return round(mean + self._bonus - self._cut_off, 9)  # so that a tie is one, and goes to what was declared


def _ceiling(bonus: float) -> float:
    """Return the best score that a reading with this *bonus* may have: no character is more than familiar."""
    return 1.0 + bonus


def _bonus(text: str, codec: str, known: list[str]) -> float:
    bonus = 0.0
    declared = codec in known or (codec[:6] == "utf_16" and "utf_16" in known)
    if declared:
        bonus += 0.1 if codec in _LATIN else 0.3
    if codec == "utf_8" and "�" not in text:  # valid UTF-8 is seldom an accident, and the less so the longer
        bonus += min(1.0, sum(0.35 if char > "\u07ff" else 0.06 for char in text[:200] if char > "~"))
    if codec == "gb18030":  # this is where we live
        bonus += 0.15
    if codec.startswith("iso2022") or codec == "hz":  # escapes that read as text are no accident
        bonus += 0.5
    return bonus


def _read(raw: bytes, codec: str, declared: list[str], known: list[str]) -> Decoded:
    """Decode all of *raw*; a character cut off at its very end is dropped, what cannot be read becomes U+FFFD."""
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        cut_off = error.reason in _CUT_OFF and error.end == len(raw)
        text = raw[: error.start if cut_off else None].decode(codec, "replace")
    return Decoded(text=_clean(text), codec=codec, doubt="；".join(_doubts(text, codec, declared, known)))


def _clean(text: str) -> str:
    return _NOT_TEXT.sub("", text.removeprefix("\ufeff"))


def _is_mixed(raw: bytes) -> bool:
    """Tell whether some lines are Chinese in UTF-8 and others are not UTF-8: a gateway's footer in another charset than the body."""
    valid = broken = False
    for line in raw.split(b"\n"):
        try:
            valid |= len(line) - len(line.decode()) >= _TWO_HANZI
        except UnicodeDecodeError:
            broken = True
        if valid and broken:
            return True
    return False


def _lines(raw: bytes, known: list[str]) -> Iterator[str]:
    """Decode line by line, each in its own best reading; beyond the first `_REPAIRS` foreign lines only UTF-8 and GB18030 are tried."""
    repairs = 0
    for line in raw.split(b"\n"):
        repairs += not line.isascii()
        try:
            yield line.decode(_choose(line, known) if repairs <= _REPAIRS else "utf_8")
        except UnicodeDecodeError:
            yield line.decode("gb18030", "replace")


def _doubts(text: str, codec: str, declared: list[str], known: list[str]) -> Iterator[str]:
    if not declared and codec != "ascii":
        yield f"未声明字符集，按 {codec} 解读"
    elif declared and not known:
        yield f"字符集“{declared[0][:40]}”不认识，按 {codec} 解读"
    elif declared and codec[:6] not in {other[:6] for other in known}:  # utf_16_le is what utf_16 declared
        yield f"声明的字符集 {declared[0][:40]} 与内容不符，按 {codec} 解读"
    if "�" in text:
        yield f"有 {text.count('�')} 处无法解读"

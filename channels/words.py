"""Non-ASCII text inside headers: encoded words (RFC 2047) and extended parameters (RFC 2231), read as senders really write them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import groupby
from urllib.parse import unquote, unquote_to_bytes

from channels.charset import codec_of, decode
from channels.transfer import unbase64

# Spaces around the fields and a missing end are wrong but common. What is encoded never runs into the next word, and its length is
# bounded, so that no input makes this slow.
_WORD = re.compile(
    r"=\?[ \t]?([\w.:+()-]{1,40})(?:\*[\w-]{0,20})?[ \t]?\?[ \t]?([bBqQ])[ \t]?\?((?:[^?=]|=(?!\?[^=])|\?(?!=)){0,4000}+)(?:\?=|$)"
)
_PARAMETER = re.compile(r'[;\s]\s*+([^\s=;"]{1,80}+)\s*+=\s*+("(?:[^"\\]|\\.){0,8000}+"?|[^;]*+)', re.DOTALL)
_EXTENDED = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*)?)?")
_ESCAPED = re.compile(r'\\(["\\])')
_PERCENT = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]")
_QUAD = 4
_QUOTES = 2  # charset'language'text
_MAX_SEGMENTS = 200
_MAX_VALUE = 16_000  # characters of one structured header
_SHOWN = frozenset({"name", "filename"})  # the parameters in which senders put words they should not

_Word = tuple[str, str, str]  # charset, "b" or "q", encoded text


def decode_words(text: str) -> str:
    """Return *text* with its encoded words decoded; whitespace between two adjacent words falls away (RFC 2047 section 6.2)."""
    out: list[str] = []
    run: list[_Word] = []
    position = 0
    for match in _WORD.finditer(text):
        gap = text[position : match.start()]
        if gap.strip() or not run:
            out += (*_decode_run(run), gap)
            run = []
        run.append((match[1], match[2].lower(), match[3]))
        position = match.end()
    return "".join((*out, *_decode_run(run), text[position:]))


def _decode_run(run: list[_Word]) -> Iterator[str]:
    """Decode adjacent words: those of one charset are joined as bytes first, since senders split inside a character."""
    for _, same in groupby(run, key=lambda word: codec_of(word[0]) or word[0].lower()):
        words = list(same)
        yield decode(b"".join(_word_bytes(words)), words[0][0]).text


def _word_bytes(words: list[_Word]) -> Iterator[bytes]:
    carry = ""
    for at, (_, encoding, encoded) in enumerate(words):
        if encoding == "q":
            yield binascii.a2b_qp(encoded.encode("ascii", "replace"), header=True)
            continue
        digits = carry + "".join(encoded.split())
        goes_on = at + 1 < len(words) and words[at + 1][1] == "b"
        carry = digits if goes_on and len(digits) % _QUAD and not digits.endswith("=") else ""
        if not carry:  # else split inside a group of four: RFC 2047 forbids it, clients do it
            yield unbase64(digits.encode("ascii", "replace"))


def parse_value(text: str) -> tuple[str, dict[str, str]]:
    """Split a structured header such as Content-Type into its value (lower case) and its parameters (names in lower case).

    Continuations and charsets of RFC 2231 are resolved and win over the plain parameter of the same name; of two plain ones the
    first counts, so that nobody can hide behind a second.
    """
    text = text.strip()[:_MAX_VALUE]
    value = re.split(r"[;\s]", text, maxsplit=1)[0]
    plain: dict[str, str] = {}
    segments: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(text[len(value) :]):
        name, raw = match[1].lower(), _unquote(match[2])
        extended = _EXTENDED.fullmatch(name)
        if not extended:
            plain.setdefault(name, _read_plain(raw) if name in _SHOWN else raw)
            continue
        index, encoded = int(extended[2] or 0), extended[2] is None or extended[3] is not None
        segments.setdefault(extended[1], {}).setdefault(index, (raw, encoded))
    return value.lower(), plain | {name: _join_segments(parts) for name, parts in segments.items()}


def _unquote(raw: str) -> str:
    """Undo quoting. Only quotes and backslashes are unescaped: a Windows path is meant literally by its sender."""
    raw = raw.strip()
    if not raw.startswith('"'):
        return raw
    return _ESCAPED.sub(r"\1", raw[1:].removesuffix('"'))


def _read_plain(raw: str) -> str:
    if "=?" in raw:
        return decode_words(raw)
    if _PERCENT.search(raw) and raw.isascii():  # RFC 2231 without its asterisk, seen from web mailers
        return decode(unquote_to_bytes(raw)).text
    return raw


def _join_segments(parts: dict[int, tuple[str, bool]]) -> str:
    """Join the continuations of one parameter; percent-coded bytes are joined before decoding, for the cut may split a character."""
    out: list[str] = []
    label, coded = "", b""
    for index in sorted(parts)[:_MAX_SEGMENTS]:
        raw, encoded = parts[index]
        if encoded and not (out or coded) and raw.count("'") >= _QUOTES:
            label, _, raw = raw.split("'", _QUOTES)
        if encoded and raw.isascii():
            coded += unquote_to_bytes(raw)
        else:
            out += [decode(coded, label).text, unquote(raw) if encoded else raw]
            coded = b""
    return decode_words("".join((*out, decode(coded, label).text)))

"""What strangers wrote, made fit to stand in our mail: no hidden characters, no endless words, no line that could pass for ours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_BREAKS = re.compile("\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_PIECES = re.compile(r"[!-~]+|\s+|.")  # a word of ASCII, white space, or one other character
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Cn"})  # controls, bidirectional and zero-width marks, half characters, unassigned
_WIDE = frozenset("WFA")  # ambiguous ones (“ ” …) are wide in Chinese fonts
_NOT_FIRST = frozenset("，。、；：？！）】》」』”’…,.;:?!)]}%")  # may hang over the end of a line
_STACKED = 3  # combining marks on one character; more would grow into the lines above
_LONG_WORD = re.compile(r"([!-~]{60})(?=[!-~])")
_SPACES = re.compile(r"\s{3,}")
_HIDDEN = 4  # hidden characters do not use up the room; this many times the limit is looked at
# Text of which nothing is hidden, stacked or a break: most of all text, and a search finds out much faster than a look at each character.
_PLAIN = re.compile("[ -~\u2014\u2018\u2019\u201c\u201d\u2026\u3000-\u3029\u4e00-\u9fa5\uff01-\uff5e]*")
_BOX = "□"  # stands for private-use characters, which show as anything (tick boxes of a symbol font, mostly)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The beginning of a long text in clean lines; `length` is that of the whole in code points."""

    lines: tuple[str, ...]
    length: int
    is_whole: bool


def line(text: str, limit: int) -> str:
    """Return *text* on one line of at most *limit* code points, ending in “…” where more was cut off."""
    words = _visible(_BREAKS.sub(" ", text[: limit * _HIDDEN]))
    clean = " ".join(_LONG_WORD.sub(r"\1 ", words).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def excerpt(text: str, limit: int) -> Excerpt:
    """Return the first *limit* code points of *text* as lines, long words broken, several empty lines made one."""
    shown = text.strip()
    lines: list[str] = []
    room = limit + 1  # a line costs its break as well
    is_whole = len(shown) <= limit * _HIDDEN
    for raw in _BREAKS.split(shown[: limit * _HIDDEN]):
        clean = _spaced(_visible(raw.replace("\t", " ")))
        if len(clean) >= room:
            is_whole = False
            lines += [clean[: room - 1]] if room > 1 else []
            break
        if clean or (lines and lines[-1]):
            lines.append(clean)
            room -= len(clean) + 1
    return Excerpt(lines=tuple(lines), length=len(shown), is_whole=is_whole)


def boxed(lines: Iterable[str], *, width: int = 72, mark: str = "│ ") -> str:
    """Return *lines* wrapped at *width* columns with *mark* before each: no quoted line can pass for one of the letter's own."""
    return "\n".join((mark + part).rstrip() for text in lines for part in wrapped(text, width))


def wrapped(text: str, width: int) -> list[str]:
    """Break *text* into lines of about *width* columns; a closing mark may hang over the end. Always at least one line."""
    if 2 * len(text) <= width:  # no character is wider than two columns
        return [text.rstrip()]
    lines: list[str] = []
    current, used = "", 0
    for piece in _PIECES.findall(text):
        size = sum(map(_columns, piece))
        hangs = piece in _NOT_FIRST and used <= width
        if current and used + size > width and not hangs:
            lines.append(current.rstrip())
            current, used = "", 0
            if piece.isspace():
                continue
        current, used = current + piece, used + size
    return [*lines, current.rstrip()]


def _spaced(text: str) -> str:
    """Shorten runs of white space and break words that no client could wrap."""
    return _SPACES.sub("  ", _LONG_WORD.sub(r"\1 ", text)).strip()


def _visible(text: str) -> str:
    """Return *text* without what cannot be seen."""
    return text if _PLAIN.fullmatch(text) else "".join(_seen(text))


def _seen(text: str) -> Iterator[str]:
    stacked = 0
    for char in text:
        category = unicodedata.category(char)
        stacked = stacked + 1 if category in {"Mn", "Me"} else 0
        if category == "Co":
            yield _BOX
        elif category == "Zs" and char != "\u3000":
            yield " "
        elif category not in _DROPPED and stacked <= _STACKED:
            yield char


@lru_cache(4096)  # of the characters in use
def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1

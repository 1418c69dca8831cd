"""How words stand in the head of a mail: lines of ASCII that mean these words again, and cannot begin a header of their own.

RFC 5322 2.1.1 and 2.2.3 (length and folding of lines), RFC 2047 (encoded words), RFC 2231 (names of files). Written out here and not left
to the `email` package, which would build objects, fold, parse again what it has folded, and take some 5 ms a mail.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

_WIDTH = 76  # columns of a line with encoded words (RFC 2047 2); of every line here that is not one long word
_OPEN, _CLOSE = "=?utf-8?b?", "?="
_ENCODED_ROOM = 45  # octets in one encoded word
_LONGEST_WORD = 60  # of plain text; longer ones are encoded, since there is no place to fold them
_PARAMETER_ROOM = 54  # columns of a line that its name and marks leave
_BREAKS = frozenset({"Cc", "Zl", "Zp", "Cs"})  # controls, separators of lines and paragraphs, half characters
_IN_PARAMETER = "!#$&+^_`{|}~"  # what RFC 2231 leaves as it is, beside letters, digits and -._


def one_line(text: str) -> str:
    """Return *text* without line breaks or other controls, white space shortened."""
    return " ".join("".join(" " if unicodedata.category(char) in _BREAKS else char for char in text).split())


def words(name: str, text: str) -> str:
    """Return the header *name* with any *text*, which comes out as `one_line` of it."""
    clean = one_line(text)
    parts = clean.split()
    if not _is_plain(clean) or max(map(len, parts), default=0) > _LONGEST_WORD:
        parts = _encoded(clean, len(name) + 2)
    return _folded(name, parts)


def mailbox(name: str, shown: str, address: str) -> str:
    """Return the header *name* with one recipient or author: *shown* as any text, "" for none; *address* as checked by the caller."""
    clean = one_line(shown)
    if not clean:
        return _folded(name, [address])
    if _is_plain(clean) and len(clean) <= _LONGEST_WORD:
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return _folded(name, [f'"{escaped}"', f"<{address}>"])
    return _folded(name, [*_encoded(clean, len(name) + 2), f"<{address}>"])


def token(name: str, value: str) -> str:
    """Return the header *name* with *value*, one word of printable ASCII as checked by the caller, whole however long it is."""
    return f"{name}: {value}\r\n"


def attached(file_name: str) -> str:
    """Return the Content-Disposition of an attached file; a name longer than a line continues on the next (RFC 2231 3)."""
    name = one_line(file_name)
    if _is_plain(name) and len(name) <= _LONGEST_WORD and not {'"', "\\"} & set(name):
        return f'Content-Disposition: attachment;\r\n filename="{name}"\r\n'
    first, *more = _joined((quote(char, safe=_IN_PARAMETER) for char in name), _PARAMETER_ROOM)
    if not more:
        return f"Content-Disposition: attachment;\r\n filename*=utf-8''{first}\r\n"
    lines = [f" filename*0*=utf-8''{first}", *(f" filename*{number}*={part}" for number, part in enumerate(more, 1))]
    return "Content-Disposition: attachment;\r\n" + ";\r\n".join(lines) + "\r\n"


def _is_plain(text: str) -> bool:
    """Say whether *text* may stand as it is: ASCII, and nothing in it that a reader would decode."""
    return text.isascii() and "=?" not in text


def _folded(name: str, parts: Iterable[str]) -> str:
    """Put *parts* behind *name*, a space or the end of a line before each."""
    lines, current = [], f"{name}:"
    for part in parts:
        if len(current) + 1 + len(part) > _WIDTH:
            lines.append(current)
            current = ""
        current = f"{current} {part}"
    return "\r\n".join([*lines, current]) + "\r\n"


def _encoded(text: str, used: int) -> list[str]:
    """Return *text* as encoded words, none of which splits a character; the first leaves room for the *used* columns before it."""
    first = (_WIDTH - used - len(_OPEN) - len(_CLOSE)) // 4 * 3
    words, chunk, room = [], b"", first
    for char in text:
        octets = char.encode()
        if len(chunk) + len(octets) > room:
            words.append(chunk)
            chunk, room = b"", _ENCODED_ROOM
        chunk += octets
    return [f"{_OPEN}{base64.b64encode(word).decode('ascii')}{_CLOSE}" for word in (*words, chunk)]


def _joined(pieces: Iterable[str], width: int) -> list[str]:
    """Put *pieces* together into as few strings of at most *width* as their order allows."""
    found = [""]
    for piece in pieces:
        if len(found[-1]) + len(piece) > width:
            found.append("")
        found[-1] += piece
    return found

"""The header block of a message or part: bytes to fields, fields to text, ids, addresses and dates; raw 8-bit bytes included."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from channels.charset import decode
from channels.words import decode_words
from store.errors import MalformedMessageError
from store.model.letter import Address

_MAX_FIELD = 32_000  # bytes kept of one field; more is no text for people
_MAX_REPEATS = 50  # fields of one name that are looked at
_MAX_WORDS = 8_000  # characters of one field that are shown
_MAX_LIST = 64_000  # characters of an address list that are parsed
_MAX_IDS = 100
_MAX_DATE = 100

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_KNOWN = re.compile(
    rb"[ \t]|(?:From|To|Cc|Subject|Date|Received|Reply-To|Message-ID|MIME-Version|Content-[a-z-]{1,40}|X-[\w-]{1,60})[ \t]*:", re.IGNORECASE
)
_CHARSET = re.compile(rb"charset\s{0,5}=\s{0,5}\"?([\w.:+-]{1,40})", re.IGNORECASE)
_ID = re.compile(r"<([^<>\s]{1,998})>")
_ADDRESS = re.compile(r"([^\s<>\"(),;:\\\[\]@]{1,256}|\"[^\"\\\r\n]{1,200}\")@([^\s<>\"(),;:\\@]{1,255})")
_QUOTING = re.compile(r'\\(.)|"')
# An encoded word is one token, for a comma or an angle inside it separates nothing.
_TOKEN = re.compile(
    r'=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,4000}+\?=|"(?:[^"\\]|\\.){0,1000}+"|\((?:[^()\\]|\\.){0,1000}+\)|<[^<>]{0,1000}+>|[,;]|[^"(<,;=]+|.',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of one header block: lower-case name to the unfolded values, in their order."""

    fields: Mapping[str, tuple[bytes, ...]]
    hint: str  # the charset in which raw 8-bit values are most likely written, "" where there are none

    def values(self, name: str) -> list[str]:
        """Return the values of the field *name* (the first 50) as text, encoded words left as they are."""
        return [self._text(value) for value in self.fields.get(name, ())[:_MAX_REPEATS]]

    def first(self, name: str) -> str:
        """Return the first value of the field *name* as text, "" where there is none."""
        values = self.fields.get(name, ())
        return self._text(values[0]) if values else ""

    def words(self, name: str) -> str:
        """Return the first value of *name* as a person reads it: encoded words decoded, one line, nothing invisible."""
        return clean_line(decode_words(self.first(name)[:_MAX_WORDS]))

    def _text(self, value: bytes) -> str:
        return value.decode("ascii") if value.isascii() else decode(value, self.hint).text


def clean_line(text: str) -> str:
    """Return *text* as one line for people: white space collapsed, control, bidirectional and zero-width characters dropped."""
    return " ".join("".join(char for char in text if char.isspace() or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}).split())


def parse_head(raw: bytes, start: int, is_end: Callable[[bytes], bool], limit: int) -> tuple[Head, int, int]:
    """Read the header block of *raw* at *start*. Returns the fields, the offset of the body, the number of lines.

    Raises MalformedMessageError where there are more than *limit* lines.

    The block ends at an empty line, at a line for which *is_end* holds (a boundary), or where text begins that no header can be. A
    broken line between two fields is taken for the continuation of the first: folding lost its space.
    """
    fields: dict[str, list[bytearray]] = {}
    current, count, position = bytearray(), 0, start
    while position < len(raw):
        end = raw.find(b"\n", position) + 1 or len(raw)
        line = raw[position : min(end, position + _MAX_FIELD)].rstrip(b"\r\n")
        if not line:
            position = end
            break
        if line.startswith(b"--") and is_end(line):
            break
        match = _NAME.match(line)
        if match and not line.startswith((b" ", b"\t")):
            current = bytearray(line[match.end() :].strip())
            fields.setdefault(match[1].decode("ascii").lower(), []).append(current)
        elif fields and (line.startswith((b" ", b"\t")) or _goes_on(raw, end)):
            current += b" " + line.strip() if len(current) < _MAX_FIELD else b""
        elif position != start or not line.startswith((b"From ", b">From ")):  # the separator line of mbox files
            break
        position, count = end, count + 1
        if count > limit:
            raise MalformedMessageError(f"信头过多：到第 {position} 字节处已超过上限 {limit} 行")
    return _head(fields), position, count


def _goes_on(raw: bytes, position: int) -> bool:
    """Tell whether the header block goes on at *position*."""
    return bool(_KNOWN.match(raw, position))


def _head(fields: Mapping[str, list[bytearray]]) -> Head:
    values = {name: tuple(bytes(value) for value in found) for name, found in fields.items()}
    foreign = b"\n".join(value for found in values.values() for value in found if not value.isascii())
    if not foreign:
        return Head(values, "")
    label = _CHARSET.search(b" ".join(values.get("content-type", ())))
    return Head(values, decode(foreign[:_MAX_FIELD], label and label[1].decode("ascii", "ignore")).codec)


def message_ids(text: str) -> tuple[str, ...]:
    """Return the message ids of an In-Reply-To or References *text* without brackets, the last 100 of them."""
    return tuple(dict.fromkeys(_ID.findall(text)))[-_MAX_IDS:]


def date_of(text: str) -> datetime | None:
    """Return a Date header as aware UTC time, None where it is none."""
    try:
        moment = parsedate_to_datetime(text[:_MAX_DATE])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def addresses(text: str, limit: int) -> tuple[Address, ...]:
    """Return the first *limit* addresses of a From, To or Cc *text*. What has no `local@domain` is left out.

    Only the part in angle brackets counts where there is one: a display name that looks like an address is a display name.
    """
    found: list[Address] = []
    for pieces in _mailboxes(text[:_MAX_LIST]):
        if len(found) >= limit:
            break
        address = _address(pieces)
        if address:
            found.append(address)
    return tuple(found)


def _mailboxes(text: str) -> Iterator[list[str]]:
    pieces: list[str] = []
    for token in _TOKEN.finditer(text):
        if token[0] in {",", ";"}:
            yield pieces
            pieces = []
        else:
            pieces.append(token[0])
    yield pieces


def _address(pieces: list[str]) -> Address | None:
    angle = next((piece for piece in reversed(pieces) if piece.startswith("<") and len(piece) > 1), None)
    plain = "".join(piece for piece in pieces if len(piece) == 1 or not piece.startswith(("(", "<")))
    match = _ADDRESS.search(angle or plain)
    if not match:
        return None
    comments = "".join(piece[1:-1] for piece in pieces if piece.startswith("("))
    name = plain if angle else plain.replace(match[0], "").rstrip("< ")
    return Address(name=_display(name) or _display(comments), address=clean_line(f"{match[1]}@{match[2].lower().rstrip('.')}"))


def _display(name: str) -> str:
    """Return a display name without its quotes; encoded words inside quotes are wrong (RFC 2047 section 5) and everywhere."""
    return clean_line(decode_words(_QUOTING.sub(lambda match: match[1] or "", name))).strip(" '\"")

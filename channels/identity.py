"""What makes two deliveries the same message: keys from raw bytes alone, in linear time, whatever the bytes.

One mail that came by SMTP and from a file, or to two of our mailboxes, differs in trace headers and line ends only; the keys do not.
"""

from __future__ import annotations

import hashlib
import re

_FIELD_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")  # RFC 5322 2.2: printable ASCII without the colon
_MBOX_LINE = re.compile(rb"From [^\n]{1,998}\n(?=[!-9;-~]{1,200}[ \t]*:)")  # what some exports put above the first field (RFC 4155)
_IDENTIFYING = (b"message-id", b"from", b"date", b"subject")
_MAX_ID = 998  # RFC 5322 2.1.1, the longest line
_MAX_HEAD = (
    2 << 20
)  # octets, more than ten thousand Received fields take; what lies beyond counts as body, so that an endless head costs no more than a long body
_MAX_LINES = 60_000  # of a head, likewise
_CHUNK = 1 << 20
_BLANK = b" \t\r\n"


def mail_keys(raw: bytes) -> tuple[str, str]:
    """Return the Message-ID of *raw* (see `bare_message_id`) and the content key: SHA-256 (hex) over Message-ID, From, Date, Subject and body.

    Headers are unfolded and trimmed, line ends of the body normalised, trailing blank lines dropped. Never raises. The head ends at the
    first line that cannot belong to one: a message without a head is all body, and nothing of it is left out of the key.
    """
    raw = content_start(raw)
    fields, start = _head(raw)
    digest = hashlib.sha256()
    for name in _IDENTIFYING:
        value = fields.get(name, b"")
        digest.update(b"%s:%d:%s\n" % (name, len(value), value))
    _digest_body(digest, raw, start)
    return bare_message_id(fields.get(b"message-id", b"")), digest.hexdigest()


def _head(raw: bytes) -> tuple[dict[bytes, bytes], int]:
    """Return the first of each identifying field, unfolded and trimmed, and where the body begins."""
    found: dict[bytes, list[bytes]] = {}
    current: list[bytes] = []
    mbox_line = _MBOX_LINE.match(raw)
    position = mbox_line.end() if mbox_line else 0
    lines = 0
    while position < min(len(raw), _MAX_HEAD) and lines < _MAX_LINES:
        lines += 1
        end = raw.find(b"\n", position, position + _MAX_HEAD) + 1 or min(len(raw), position + _MAX_HEAD)
        line = raw[position:end]
        name = _FIELD_NAME.match(line)
        if line[:1] in (b" ", b"\t") and line.strip():
            current.append(line)
        elif name:
            current = [line[name.end() :]]
            found.setdefault(name[1].lower(), current)
        else:
            position = end if not line.strip() else position
            break
        position = end
    return {name: b" ".join(b" ".join(found[name]).split()) for name in _IDENTIFYING if name in found}, position


def bare_message_id(value: bytes) -> str:
    """Return a Message-ID field's *value* without angle brackets and space, as text of at most 998 characters; "" where it is empty."""
    inner = re.search(rb"<([^<>]*)>", value)
    bare = b"".join((inner[1] if inner else value).split())
    return "".join(char for char in bare.decode("utf-8", "backslashreplace") if char.isprintable())[:_MAX_ID]


def content_start(raw: bytes) -> bytes:
    """Return *raw* from its first word on, with LF line ends where it had the bare CR of old Macintosh files."""
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _digest_body(digest: hashlib._Hash, raw: bytes, start: int) -> None:
    """Feed the body in pieces: a copy of 40 MB just for its line ends would be felt."""
    end = _without_trailing_blanks(raw, start)
    while start < end:
        stop = min(start + _CHUNK, end)
        while stop < end and raw[stop - 1] == ord("\r"):  # never between CR and LF
            stop += 1
        digest.update(raw[start:stop].replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        start = stop


def _without_trailing_blanks(raw: bytes, start: int) -> int:
    """Return where the last word of *raw* behind *start* ends, or *start*; 50 MB of blank lines are passed over in pieces."""
    end = len(raw)
    while end > start:
        piece = raw[max(start, end - _CHUNK) : end]
        left = len(piece.rstrip(_BLANK))
        if left:
            return end - len(piece) + left
        end -= len(piece)
    return start

"""What makes two deliveries the same message: keys from raw bytes alone, in linear time, whatever the bytes.

One mail that came by SMTP and from a file, or to two of our mailboxes, differs in trace headers and line ends only; the keys do not.
"""

from __future__ import annotations

import hashlib
import re

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^(message-id|from|date|subject)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*+)", re.IGNORECASE | re.MULTILINE)
_MAX_ID = 998  # RFC 5322 2.1.1, the longest line
_CHUNK = 1 << 20
_BLANK = b" \t\r\n"


def mail_keys(raw: bytes) -> tuple[str, str]:
    """Return the Message-ID of *raw* (see `bare_message_id`) and the content key: SHA-256 (hex) over Message-ID, From, Date, Subject and body.

    Headers are unfolded and trimmed, line ends of the body normalised, trailing blank lines dropped. Never raises.
    """
    raw = content_start(raw)
    end = _HEAD_END.search(raw)
    head = raw[: end.start() if end else len(raw)].replace(b"\r\n", b"\n")
    fields: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(head):
        fields.setdefault(match[1].lower(), b" ".join(match[2].split()))
    digest = hashlib.sha256()
    for name in (b"message-id", b"from", b"date", b"subject"):
        value = fields.get(name, b"")
        digest.update(b"%s:%d:%s\n" % (name, len(value), value))
    _digest_body(digest, raw, end.end() if end else len(raw))
    return bare_message_id(fields.get(b"message-id", b"")), digest.hexdigest()


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
    end = len(raw)
    while end > start and raw[end - 1] in _BLANK:
        end -= 1
    while start < end:
        stop = min(start + _CHUNK, end)
        while stop < end and raw[stop - 1] == ord("\r"):  # never between CR and LF
            stop += 1
        digest.update(raw[start:stop].replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        start = stop

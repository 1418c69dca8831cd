"""A mail as it may be passed on to others: the tokens of ours in it, which its author brought back in his answer, are struck out.

They stand where a client puts them: in In-Reply-To and References, at the end of the subject, and in the lines "主题：…" above what is quoted.
Where a mail has none, which is nearly every one that opens a case, it stays byte for byte what it was. Where it has, the signature of its
domain (DKIM) no longer holds for the copy; the mail itself is kept as it came.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from email.header import Header

from channels.headers import parse_head
from channels.structure import Limits, Part, split
from channels.transfer import unpack
from channels.words import decode_words
from store import tokens
from store.errors import MalformedMessageError

_LIMITS = Limits()
_MESSAGE_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?=\.[a-z_]{1,40}@)")
# Alone among letters, in whatever encoding the words around it are; in a plus address in small letters.
_LETTERS = re.compile(rb"(?<![A-Za-z0-9+/=])[A-Z2-7]{26}(?![A-Za-z0-9+/=])|(?<=\+)[a-z2-7]{26}(?=@)")
_FIELD = re.compile(rb"([!-9;-~]{1,76}):[^\n]*\n?(?:[ \t][^\n]*\n?)*")
_TEXTS = ("text/", "message/")
_DEPTH = 3  # mails in mails, each in base64


def without_tokens(raw: bytes, depth: int = _DEPTH) -> bytes:
    """Return *raw*, a mail, without any token; itself where it has none. A mail past the reader's limits loses what can be seen in its bytes."""
    try:
        parts = split(raw, _LIMITS)
    except MalformedMessageError:
        return _struck(raw)
    done, out = 0, []
    for start, end, instead in sorted(_changes(raw, parts, depth)):
        if start >= done:
            out += [raw[done:start], instead]
            done = end
    return b"".join([*out, raw[done:]]) if out else raw


def _changes(raw: bytes, parts: list[Part], depth: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield what must be replaced: where it begins and ends, and by what."""
    for index, part in enumerate(parts):
        if part.buffer is not raw:
            continue
        is_whole = index == 0 or parts[part.parent].is_message  # the head of a mail; those of its parts hold no words of anybody
        head_start = 0 if index == 0 else parts[part.parent].start
        if is_whole and (struck := _without_in_head(raw[head_start : part.start])) != raw[head_start : part.start]:
            yield head_start, part.start, struck
        body = (
            bytes(part.body) if not part.is_multipart and (part.kind.startswith(_TEXTS) or part.kind == "application/octet-stream") else b""
        )
        if body and not (part.is_message and parts[part.children[0]].buffer is raw):
            struck = _without_in_body(body, part, depth)
            if struck != body:
                yield part.start, part.end, struck


def _without_in_head(head: bytes) -> bytes:
    return _FIELD.sub(_without_in_field, head)


def _without_in_field(found: re.Match[bytes]) -> bytes:
    field = found[0]
    name = found[1].decode("ascii")
    if name.lower().startswith("content-"):  # a boundary must stay what it is
        return field
    if b"=?" not in field:
        return _struck(field)
    value, _, _ = parse_head(field, 0, lambda _: False, _LIMITS.head_lines)
    text = decode_words(value.first(name.lower()))
    clean = tokens.removed(text)
    if clean == text:
        return _struck(field)
    return f"{name}: {Header(clean, 'utf-8').encode(linesep=chr(13) + chr(10))}\r\n".encode("ascii")


def _without_in_body(body: bytes, part: Part, depth: int) -> bytes:
    encoding = part.encoding
    if encoding not in {"base64", "quoted-printable"}:
        return _struck(body)
    content, _ = unpack(body, encoding)
    clean = without_tokens(content, depth - 1) if part.kind.startswith("message/") and depth else _struck(content)
    if clean == content:
        return body
    ending = b"\r\n" if body.endswith(b"\n") else b""
    if encoding == "quoted-printable":
        return binascii.b2a_qp(clean, istext=True) + ending
    return b"".join(binascii.b2a_base64(clean[at : at + 57], newline=False) + b"\r\n" for at in range(0, len(clean), 57))


def _struck(content: bytes) -> bytes:
    """Return *content* of the same length with the tokens in it made worthless."""
    return _LETTERS.sub(b"X" * 26, _MESSAGE_ID.sub(b"0" * 32, content))

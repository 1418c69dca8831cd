"""The token of a mail of ours: 128 bits by our key, for one case, one addressee and one purpose, in three places where a reply may bring it back.

It is the mark in front of the Message-ID (ADR 0017), which most clients return in In-Reply-To. WeChat mail and some others drop that, but
keep the subject, and where the operator says so there is an address of its own to reply to. Pure functions; who may do what with a token
is for `store.reply_tokens` to say.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

HEX = 32  # digits: 128 bits
_BASE32 = 26  # letters that hold as much (RFC 4648 6, without the padding)
_WORD = "回执"
_MESSAGE = re.compile(rf"(?<![0-9a-f])([0-9a-f]{{{HEX}}})(\.[a-z_]{{1,40}}@)")  # as `store.outbox` makes them
# Clients wrap subjects, and people write brackets as their keyboard has them.
_SHOWN = re.compile(
    rf"(?:[〔\[(（【]\s{{0,3}})?{_WORD}\s{{0,3}}[:：]?\s{{0,3}}((?:[A-Za-z2-7]\s{{0,3}}){{{_BASE32}}})(?![A-Za-z0-9])[〕\])）】]?"
)
_PLUS = re.compile(rf"\+([A-Za-z2-7]{{{_BASE32}}})@")
_GONE = "0" * HEX


def mark_of(message_id: str) -> str:
    """Return the token in a Message-ID of ours as hex digits, "" where it is none of ours."""
    found = _MESSAGE.match(message_id)
    return found[1] if found else ""


def key_of(mark: str) -> str:
    """Return under what a token is looked up: nothing can be learnt from how long an index takes over a digest."""
    return hashlib.sha256(mark.encode()).hexdigest()[:HEX]


def shown(message_id: str) -> str:
    """Return the token of a mail of ours as its subject shows it, "" where it has none."""
    letters = _letters(message_id)
    return f"〔{_WORD}{letters}〕" if letters else ""


def reply_address(message_id: str, address: str) -> str:
    """Return *address* with the token of a mail of ours behind a plus sign (RFC 5233)."""
    local, at, domain = address.rpartition("@")
    letters = _letters(message_id)
    return f"{local}+{letters.lower()}{at}{domain}" if letters else address


def without_plus(address: str) -> str:
    """Return *address* without a token behind a plus sign."""
    return _PLUS.sub("@", address)


def in_text(text: str) -> Iterator[str]:
    """Yield the tokens that stand in a subject or a text as we show them."""
    for found in _SHOWN.finditer(text):
        yield _mark("".join(found[1].split()))


def in_address(address: str) -> str:
    """Return the token behind the plus sign of *address*, "" where there is none."""
    found = _PLUS.search(address)
    return _mark(found[1]) if found else ""


def removed(text: str) -> str:
    """Return *text* without any token: what one addressee has seen is nobody else's."""
    return _PLUS.sub("@", _MESSAGE.sub(rf"{_GONE}\2", _SHOWN.sub("", text)))


def _letters(message_id: str) -> str:
    mark = mark_of(message_id)
    return base64.b32encode(bytes.fromhex(mark)).decode().rstrip("=") if mark else ""


def _mark(letters: str) -> str:
    return base64.b32decode(f"{letters.upper()}======").hex()

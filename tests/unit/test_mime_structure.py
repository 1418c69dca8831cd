"""The parts of a mail: found in one pass, in broken mails too, within limits."""

from __future__ import annotations

from base64 import b64encode

import pytest

from channels.structure import Limits, split
from channels.transfer import unpack
from store.errors import MalformedMessageError

LIMITS = Limits()


def leaves(raw: bytes, limits: Limits = LIMITS) -> list[tuple[str, bytes]]:
    """Return type and bytes of each leaf."""
    parts = split(raw, limits)
    return [(part.kind, unpack(part.body, part.encoding)[0]) for part in parts if not (part.is_multipart or part.is_message)]


def multipart(kind: str, boundary: str, *parts: bytes) -> bytes:
    """Return a multipart entity of *parts*."""
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode() + b"preamble\r\n" + body + mark + b"--\r\nepilogue\r\n"


def text(words: str) -> bytes:
    """Return a text part."""
    return b"Content-Type: text/plain\r\n\r\n" + words.encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(text("a"), [b"a"], id="single"),
        pytest.param(multipart("mixed", "x", text("a"), text("b")), [b"a", b"b"], id="two"),
        pytest.param(
            multipart("mixed", "x", text("a"), multipart("alternative", "y", text("b"), text("c")), text("d")),
            [b"a", b"b", b"c", b"d"],
            id="nested",
        ),
        pytest.param(multipart("mixed", "x", text("a"), multipart("mixed", "x", text("b"))), [b"a", b"b"], id="same-boundary-inside"),
        pytest.param(multipart("mixed", "x", text("a"), multipart("mixed", "xx", text("b"))), [b"a", b"b"], id="boundary-is-prefix"),
        pytest.param(multipart("mixed", "x", b"", b"\r\n", text("b")), [b"", b"", b"b"], id="empty-parts"),
        pytest.param(multipart("mixed", "x", text("a")).replace(b"\r\n--x--\r\nepilogue\r\n", b""), [b"a"], id="no-closing"),
        pytest.param(
            multipart("mixed", "x", multipart("alternative", "y", text("a")).replace(b"\r\n--y--\r\nepilogue\r\n", b""), text("b")),
            [b"a", b"b"],
            id="inner-ended-by-outer",
        ),
        pytest.param(multipart("mixed", "x", text("a"), text("b")).replace(b"\r\n", b"\n"), [b"a", b"b"], id="lf"),
        pytest.param(
            multipart("mixed", "x", text("a\r\n--x no\r\n--xy\r\n -- x")), [b"a\r\n--x no\r\n--xy\r\n -- x"], id="almost-a-boundary"
        ),
        pytest.param(multipart("mixed", "x", text("a")).replace(b"\r\n--x\r\n", b"\r\n--x \t \r\n"), [b"a"], id="space-behind-boundary"),
        pytest.param(
            multipart("mixed", "x", text("a"), text("b")).replace(b'; boundary="x"', b""), [b"a", b"b"], id="boundary-not-declared"
        ),
        pytest.param(multipart("mixed", "x" * 900, text("a")), [b"a"], id="long-boundary"),
        pytest.param(b'Content-Type: multipart/mixed; boundary="x"\r\n\r\njust text', [b"just text"], id="boundary-never-comes"),
        pytest.param(b"Content-Type: text\r\n\r\na", [b"a"], id="half-a-type"),
        pytest.param(b"", [b""], id="nothing"),
    ],
)
def test_leaves(raw: bytes, expected: list[bytes]) -> None:
    """Each part is found with exactly its own bytes, whatever is wrong with the boundaries."""
    assert [body for _, body in leaves(raw)] == expected


def test_nested_message() -> None:
    """A forwarded mail is its own entity, as it is or in base64, and its parts lie below it."""
    inner = b"Subject: inner\r\n" + multipart("mixed", "y", text("b"), text("c"))
    plain = b"Content-Type: message/rfc822\r\n\r\n" + inner
    packed = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64encode(inner)
    for nested in (plain, packed):
        parts = split(multipart("mixed", "x", text("a"), nested), LIMITS)
        message = next(part for part in parts if part.is_message)
        assert parts[message.children[0]].head.words("subject") == "inner"
        assert [bytes(part.body) for part in parts if part.kind == "text/plain"] in ([b"a", b"b", b"c"], [b"a", b"b", b"c"])


def test_digest() -> None:
    """The parts of a digest are mails unless they say otherwise (RFC 2046 5.1.5)."""
    parts = split(multipart("digest", "x", b"\r\nSubject: one\r\n\r\nfirst"), LIMITS)
    assert [(part.kind, part.head.words("subject")) for part in parts[1:]] == [("message/rfc822", ""), ("text/plain", "one")]


@pytest.mark.parametrize("kind", ["multipart", "message"])
def test_deep_nesting_is_read(kind: str) -> None:
    """Five hundred layers need no recursion: the innermost text is there."""
    raw = text("inside")
    for layer in range(500):
        raw = multipart("mixed", f"b{layer}", raw) if kind == "multipart" else b"Content-Type: message/rfc822\r\n\r\n" + raw
    assert leaves(raw)[-1] == ("text/plain", b"inside")


@pytest.mark.parametrize(
    ("raw", "limits", "message"),
    [
        pytest.param(multipart("mixed", "x", *[text("a")] * 10), Limits(parts=10), "邮件部件超过 10 个", id="parts"),
        pytest.param(multipart("mixed", "x", multipart("mixed", "y", text("a"))), Limits(depth=1), "邮件嵌套超过 1 层", id="depth"),
        pytest.param(
            multipart("mixed", "x", text("a"), b"A: 1\r\nB: 2\r\n\r\n"), Limits(head_lines=3), "信头过多", id="head-lines-of-all-parts"
        ),
        pytest.param(multipart("mixed", "x", text("a" + "\n--" * 10)), Limits(dash_lines=9), "形似分隔线的行超过 9 行", id="dash-lines"),
        pytest.param(b"Content-Type: message/rfc822\n\n" * 20, Limits(depth=10), "邮件嵌套超过 10 层", id="messages-in-messages"),
        pytest.param(
            b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + b"x" * 100,
            Limits(size=90),
            "展开后超过",
            id="unpacked-bytes",
        ),
    ],
)
def test_limits(raw: bytes, limits: Limits, message: str) -> None:
    """What passes a limit is refused with words that say which one and where."""
    with pytest.raises(MalformedMessageError, match=message):
        split(raw, limits)

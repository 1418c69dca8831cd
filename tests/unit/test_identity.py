"""Keys that recognise the same message however it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.identity import bare_message_id, mail_keys

MAIL = (
    b"Received: from a\r\n\tby b; now\r\nReturn-Path: <x@qq.com>\r\nMessage-ID: <1@qq.com>\r\nFrom: A\r\n <a@qq.com>\r\n"
    b"Date: Sat, 01 Jun 2024 10:00:00 +0800\r\nSubject: =?utf-8?B?5L2g5aW9?=\r\n\r\nline one\r\nline two\r\n"
)


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(MAIL.replace(b"\r\n", b"\n"), id="lf"),
        pytest.param(MAIL.replace(b"\r\n", b"\r"), id="cr"),
        pytest.param(b"Delivered-To: z@b\r\nX-Spam: no\r\n" + MAIL, id="other-trace"),
        pytest.param(MAIL.replace(b"Received: from a\r\n\tby b; now\r\n", b""), id="no-trace"),
        pytest.param(MAIL.replace(b"From: A\r\n <a@qq.com>", b"FROM:  A <a@qq.com> "), id="refolded"),
        pytest.param(MAIL + b"\r\n\r\n", id="trailing-blank-lines"),
        pytest.param(MAIL.rstrip(b"\r\n"), id="no-last-line-end"),
        pytest.param(b"\r\n" + MAIL, id="leading-blank-line"),
        pytest.param(b"\xef\xbb\xbf" + MAIL, id="byte-order-mark"),
        pytest.param(b"From a@qq.com Sat Jun  1 10:00:00 2024\n" + MAIL, id="mbox-line"),
    ],
)
def test_same_message(variant: bytes) -> None:
    """Trace headers, line ends, folding and trailing blank lines make no other message."""
    assert mail_keys(variant) == mail_keys(MAIL)


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(MAIL.replace(b"<1@", b"<2@"), id="id"),
        pytest.param(MAIL.replace(b"a@qq", b"b@qq"), id="from"),
        pytest.param(MAIL.replace(b"10:00", b"10:01"), id="date"),
        pytest.param(MAIL.replace(b"5L2g", b"5L2h"), id="subject"),
        pytest.param(MAIL.replace(b"two", b"three"), id="body"),
        pytest.param(MAIL.replace(b"line two", b"\r\nline two"), id="blank-line-inside"),
        pytest.param(MAIL.replace(b"\r\n\r\nline one\r\n", b"\r\nSubject: line one\r\n\r\n"), id="moved-into-head"),
    ],
)
def test_other_message(variant: bytes) -> None:
    """A difference in what the sender wrote, or in the Message-ID, is another message."""
    assert mail_keys(variant)[1] != mail_keys(MAIL)[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(b"first\r\n", b"second\r\n", id="no-head"),
        pytest.param(b"From: a\r\nfirst", b"From: a\r\nsecond", id="no-blank-line"),
        pytest.param(b"From first\nsame", b"From second\nsame", id="body-like-an-mbox-line"),
        pytest.param(
            b"X-Long: " + b"a" * (2 << 20) + b"1\r\n\r\nx", b"X-Long: " + b"a" * (2 << 20) + b"2\r\n\r\nx", id="head-beyond-its-cap"
        ),
    ],
)
def test_broken_messages_differ(one: bytes, other: bytes) -> None:
    """Whatever is not a proper head counts as body: two broken messages are never taken for one, since the second would be lost."""
    assert mail_keys(one)[1] != mail_keys(other)[1]


@pytest.mark.parametrize("shift", range(3))
def test_body_across_chunks(shift: int) -> None:
    """A body of several megabytes has one key for both line ends, wherever a piece of it happens to be cut."""
    crlf = MAIL + b"x" * shift + b"x\r\n" * 800_000 + b"end"
    assert mail_keys(crlf) == mail_keys(crlf.replace(b"\r\n", b"\n"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" <a@b> ", "a@b"),
        (b"a@b", "a@b"),
        (b"<a @b>", "a@b"),
        (b"comment <a@b> more", "a@b"),
        (b"", ""),
        (b"<>", ""),
        (b"<\xd6\xd0@b>", "\\xd6\\xd0@b"),
        (b"<" + b"x" * 2000 + b">", "x" * 998),
        (b"<a\x00\x07@b>", "a@b"),
    ],
)
def test_message_id(value: bytes, expected: str) -> None:
    """A Message-ID is text without brackets, space and control characters, of bounded length, whatever the bytes."""
    assert bare_message_id(value) == expected


def test_first_message_id_counts() -> None:
    """Of two Message-ID fields the first names the message; one in the body names nothing."""
    assert mail_keys(b"Message-ID: <1@a>\nMessage-ID: <2@a>\n\nMessage-ID: <3@a>")[0] == "1@a"
    assert mail_keys(b"Subject: x\n\nMessage-ID: <3@a>")[0] == ""


@given(st.binary(max_size=400))
def test_never_fails(raw: bytes) -> None:
    """Any bytes have keys, and the same bytes the same ones."""
    message_id, key = mail_keys(raw)
    assert len(key) == 64
    assert (message_id, key) == mail_keys(raw)
    assert "\0" not in message_id

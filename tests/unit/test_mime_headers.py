"""Header blocks, addresses, dates and ids."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.headers import addresses, clean_line, date_of, message_ids, parse_head
from store.errors import MalformedMessageError
from store.model.letter import Address


def words(raw: bytes, name: str) -> str:
    """Return the field *name* of the header block *raw* as a person reads it."""
    return parse_head(raw, 0, lambda _: False, 100)[0].words(name)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("Subject: 关于融资难的诉求\r\nX: y\r\n\r\n".encode(), id="raw-utf-8"),
        pytest.param("Subject: 关于融资难的诉求\n\n".encode("gbk"), id="raw-gbk"),
        pytest.param("subject :关于融资难\n 的诉求\n\n".encode("gbk"), id="folded-space-before-colon"),
        pytest.param(
            "From x\nSubject: =?gb2312?B?udjT2sjayrzE0bXEy9/H8w==?=\n".encode("gbk").replace("始".encode("gbk"), b""), id="mbox-line"
        ),
    ],
)
def test_raw_subject(raw: bytes) -> None:
    """Subjects in raw 8-bit bytes are read in their own charset."""
    assert words(raw, "subject").replace(" ", "").startswith("关于融")


def test_all_raw_headers_tell_the_charset() -> None:
    """A name of two characters is read in the charset that the other raw headers show."""
    head, _, _ = parse_head("Subject: 关于企业融资难的诉求\nFrom: 冼玥 <a@b.cn>\n\n".encode("gbk"), 0, lambda _: False, 100)
    assert head.words("from") == "冼玥 <a@b.cn>"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"A: 1\r\n\r\nbody", b"body"),
        (b"A: 1\n\nbody", b"body"),
        (b"A: 1\nno header\nbody", b"no header\nbody"),
        (b"no header at all", b"no header at all"),
        (b"A: 1", b""),
        (b"A: 1\n--b\nbody", b"--b\nbody"),
        (b"", b""),
    ],
)
def test_end_of_head(raw: bytes, body: bytes) -> None:
    """The body begins behind the empty line, at a boundary, or where no header can be."""
    _, start, _ = parse_head(raw, 0, lambda line: line == b"--b", 100)
    assert raw[start:] == body


def test_fold_that_lost_its_space() -> None:
    """A broken line between two fields belongs to the first; the fields behind it are not lost to the body."""
    raw = b"Subject: one\ntwo three\nContent-Type: text/html\n\nbody"
    head, start, _ = parse_head(raw, 0, lambda _: False, 100)
    assert (head.words("subject"), head.first("content-type"), raw[start:]) == ("one two three", "text/html", b"body")


def test_too_many_fields() -> None:
    """More fields than allowed are refused in Chinese words that say where."""
    with pytest.raises(MalformedMessageError, match="信头过多：到第 15 字节处已超过上限 2 行"):
        parse_head(b"A: 1\n" * 10, 0, lambda _: False, 2)


def test_huge_field_is_cut() -> None:
    """A field of a megabyte is cut, not carried through the house."""
    head, _, _ = parse_head(b"Subject: " + b"x" * 1_000_000 + b"\n" + b" y\n" * 100_000 + b"\n", 0, lambda _: False, 200_000)
    assert len(head.first("subject")) <= 33_000


def test_clean_line() -> None:
    """A line for people has one kind of space and nothing invisible: no control, bidirectional or zero-width characters."""
    assert clean_line(" a\r\n\tb\u202egpj.exe\u200b\x00\x1b  c\u3000d ") == "a bgpj.exe c d"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("张三 <a@QQ.com>", [Address(name="张三", address="a@qq.com")]),
        ('"张三, 经理" <A.b@qq.com>', [Address(name="张三, 经理", address="A.b@qq.com")]),
        ('"=?gb2312?B?1cXI/Q==?=" <a@b.cn>', [Address(name="张三", address="a@b.cn")]),
        ("=?utf-8?Q?a,b<x@y>?= <a@b.cn>", [Address(name="a,b<x@y>", address="a@b.cn")]),
        ("a@b.cn (张三)", [Address(name="张三", address="a@b.cn")]),
        (
            "a@b.cn, <c@d.cn>; e@f.cn",
            [Address(name="", address="a@b.cn"), Address(name="", address="c@d.cn"), Address(name="", address="e@f.cn")],
        ),
        ("boss@gov.cn <evil@x.cn>", [Address(name="boss@gov.cn", address="evil@x.cn")]),
        ('"boss@gov.cn" <evil@x.cn>', [Address(name="boss@gov.cn", address="evil@x.cn")]),
        ("undisclosed-recipients:;", []),
        ("张三", []),
        ("<>", []),
        ("", []),
        ("张三<a@b.cn", [Address(name="张三", address="a@b.cn")]),
        ('"a b"@b.cn', [Address(name="", address='"a b"@b.cn')]),
        ("<mailto:a@b.cn>", [Address(name="", address="a@b.cn")]),
    ],
)
def test_addresses(text: str, expected: list[Address]) -> None:
    """Names and addresses as clients write them; the address in angle brackets counts, never one in the name."""
    assert list(addresses(text, 10)) == expected


def test_address_flood() -> None:
    """Of half a million addresses the first few are read and the rest is not even looked at."""
    assert len(addresses("a@b.cn," * 500_000, 200)) == 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sat, 01 Jun 2024 10:00:00 +0800", datetime(2024, 6, 1, 2, tzinfo=UTC)),
        ("1 Jun 2024 10:00 GMT", datetime(2024, 6, 1, 10, tzinfo=UTC)),
        ("Sat, 01 Jun 2024 10:00:00 -0000", datetime(2024, 6, 1, 10, tzinfo=UTC)),
        ("2024年6月1日", None),
        ("Mon, 99 Foo 9999 25:61:61 +9999", None),
        ("", None),
    ],
)
def test_date(text: str, expected: datetime | None) -> None:
    """A date is aware UTC, or none at all."""
    assert date_of(text) == expected


def test_message_ids() -> None:
    """References give their ids without brackets, each once, the last hundred of a long thread."""
    assert message_ids("<a@b>\n <c@d> <a@b> junk") == ("a@b", "c@d")
    assert message_ids("".join(f"<{n}@x>" for n in range(500))) == tuple(f"{n}@x" for n in range(400, 500))


@given(st.text(alphabet='<>@",;:()\\ =?utf8Ba.cn张\t', max_size=120))
def test_never_fails(text: str) -> None:
    """Any text is read as addresses and as a date."""
    assert all("@" in address.address for address in addresses(text, 5))
    assert date_of(text) is None or text


@given(st.binary(max_size=300))
def test_any_bytes_have_a_head(raw: bytes) -> None:
    """Any bytes have a header block, maybe an empty one, and a body within them."""
    _, start, _ = parse_head(raw, 0, lambda _: False, 1_000)
    assert 0 <= start <= len(raw)

"""Where a message ends, and that nothing but doubled dots and bare LFs is changed in it."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.smtp_body import Body, Overflow, Pool

_ROOM = 10_000


def body(max_size: int = _ROOM, octets: int = _ROOM) -> Body:
    """Make a body with room enough unless the test says otherwise."""
    return Body(max_size, Pool(octets))


def stuffed(message: bytes) -> bytes:
    """Return what a client sends for *message*: dots doubled at line starts, the end behind the last CRLF."""
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut *data* at the places named."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places)]


def feed(taker: Body, parts: list[bytes]) -> bytes | None:
    """Feed until the end has come; return all that follows it, or None without an end."""
    rest = None
    for part in parts:
        rest = taker.feed(part) if rest is None else rest + part
    return rest


lines = st.lists(st.text("a. \x00ü", max_size=6).map(lambda text: text.encode("latin-1")), max_size=8)


@given(lines, st.lists(st.integers(0, 200), max_size=6))
def test_message_comes_back_as_sent_however_cut(sent: list[bytes], cuts: list[int]) -> None:
    """Any message of CRLF lines, dots and 8-bit octets arrives unchanged, and what follows its end is handed back."""
    message = b"".join(line + b"\r\n" for line in sent)
    taker = body()
    assert feed(taker, pieces(stuffed(message) + b"NOOP\r\n", cuts)) == b"NOOP\r\n"
    assert taker.message() == message
    assert taker.overflow is Overflow.NONE


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"x"]), max_size=40).map(b"".join), st.lists(st.integers(0, 60), max_size=5))
def test_only_crlf_dot_crlf_ends(data: bytes, cuts: list[int]) -> None:
    """Whatever mixture of CR, LF and dots comes, the end is the first CRLF.CRLF (the DATA line's own CRLF counts), and nothing else."""
    wire = b"\r\n" + data
    end = wire.find(b"\r\n.\r\n")
    taker = body()
    rest = feed(taker, pieces(data, cuts))
    if end < 0:
        assert rest is None
        return
    assert rest == wire[end + 5 :]
    kept = wire[2 : end + 2] if end else b""
    lines_kept = re.split(rb"(?<=\r\n)", kept)
    assert taker.message() == re.sub(rb"(?<!\r)\n", b"\r\n", b"".join(line.removeprefix(b".") for line in lines_kept))


@pytest.mark.parametrize(
    "inner",
    [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r.\r", b"\r\n.\r", b"\n\r.\r\n", b"\r\n\x00.\r\n"],
)
def test_smuggled_end_stays_inside(inner: bytes) -> None:
    """Each sequence that some server takes for the end of a message is content here, with all that follows it."""
    taker = body()
    assert taker.feed(b"one" + inner + b"MAIL FROM:<x@y.example>\r\n") is None
    assert taker.feed(b".\r\n") == b""
    assert b"MAIL FROM:<x@y.example>" in taker.message()


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        pytest.param(b".\r\n", b"", id="empty"),
        pytest.param(b"\r\n.\r\n", b"\r\n", id="one empty line"),
        pytest.param(b"..\r\n.\r\n", b".\r\n", id="a dot alone"),
        pytest.param(b".x\r\n..y\r\n.\r\n", b"x\r\n.y\r\n", id="a single dot goes, doubled or not"),
        pytest.param(b"a\nb\r\nc\r\n.\r\n", b"a\r\nb\r\nc\r\n", id="bare LF"),
        pytest.param(b"a\n..b\r\n.\r\n", b"a\r\n..b\r\n", id="a dot behind a bare LF is no doubled dot"),
        pytest.param(b"a\rb\r\r\nc\r\n.\r\n", b"a\rb\r\r\nc\r\n", id="bare CR stays"),
        pytest.param(b"\xb2\xe2\x00\xff\r\n.\r\n", b"\xb2\xe2\x00\xff\r\n", id="8 bit and NUL"),
    ],
)
def test_exact_bytes(wire: bytes, message: bytes) -> None:
    """The bytes kept are the bytes sent, but for doubled dots and bare LFs."""
    taker = body()
    assert taker.feed(wire) == b""
    assert taker.message() == message


def test_what_follows_the_end_is_returned() -> None:
    """Commands pipelined behind a message are not part of it."""
    assert body().feed(b"text\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n") == b"MAIL FROM:<>\r\nQUIT\r\n"


@pytest.mark.parametrize("size", [1, 4096])
def test_size_limit_is_exact(size: int) -> None:
    """A message of exactly the limit is taken, however its end is cut and however many of its dots are doubled; one octet more is not."""
    message = (b".\r\n" * 50)[:100]
    message = message[:-2] + b"\r\n"
    for limit, overflow in ((100, Overflow.NONE), (99, Overflow.TOO_BIG)):
        taker = body(limit)
        wire = stuffed(message)
        assert feed(taker, [wire[start : start + size] for start in range(0, len(wire), size)]) == b""
        assert taker.overflow is overflow


def test_too_big_keeps_nothing_but_finds_the_end() -> None:
    """An oversize message is dropped while it comes, gives its room back, and the command behind it is still found."""
    pool = Pool(1_000)
    taker = Body(100, pool)
    for _ in range(10_000):
        assert taker.feed(b"0123456789" * 8) is None
    assert len(taker._text) + len(taker._tail) < 10
    assert pool.take(1_000)
    assert taker.feed(b"\r\n.\r\nQUIT\r\n") == b"QUIT\r\n"
    assert taker.overflow is Overflow.TOO_BIG


def test_pool_is_shared_and_given_back() -> None:
    """Two unfinished messages share one room: the second is dropped for now, and fits once the first is done."""
    pool = Pool(100)
    first, second = Body(80, pool), Body(80, pool)
    first.feed(b"x" * 60)
    second.feed(b"y" * 60)
    assert (first.overflow, second.overflow) == (Overflow.NONE, Overflow.NO_ROOM)
    first.release()
    first.release()
    third = Body(80, pool)
    third.feed(b"z" * 60)
    assert third.overflow is Overflow.NONE

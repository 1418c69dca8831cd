"""The LMTP door (RFC 2033): LHLO only, and a reply for each recipient behind DATA."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from store.errors import StoreUnavailableError, UsageError
from tests.integration.smtp_client import MAIL, Door, open_door

_BOTH = ("zuozhen@cg.example", "zuozhen@wh.example")


@pytest.fixture(autouse=True)
def guard() -> Iterator[None]:
    """Fail a test whose event loop is blocked."""
    with blockbuster_ctx():
        yield


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Open an LMTP door with ordinary settings."""
    async with open_door(protocol="lmtp") as opened:
        yield opened


async def test_lhlo_only(door: Door) -> None:
    """LHLO is the greeting; HELO and EHLO must be refused with a 500 (RFC 2033 4.1); the extensions LMTP demands are offered."""
    client = await door.connect()
    assert await client.reply() == "220 mx.cg.example LMTP"
    assert (await client.say("EHLO x")).startswith("500")
    assert (await client.say("HELO x")).startswith("500")
    offers = await client.say("LHLO x")
    assert {"250-PIPELINING", "250-8BITMIME"} < set(offers.split("\r\n"))
    assert "ENHANCEDSTATUSCODES" in offers


async def test_one_reply_a_recipient(door: Door) -> None:
    """Behind DATA comes one reply for each recipient that was accepted, in order, repeated ones too, none for the refused."""
    client = await door.connect("LHLO")
    replies = await client.begin("zuozhen@cg.example", "stranger@cg.example", "zuozhen@wh.example", "zuozhen@cg.example")
    assert [reply[:3] for reply in replies] == ["250", "250", "550", "250", "250", "354"]
    client.send(MAIL + b".\r\nNOOP\r\n")
    assert [await client.reply() for _ in range(4)] == ["250 2.0.0 OK, stored"] * 3 + ["250 2.0.0 OK"]
    assert [(a.district, a.door, a.source_key.partition(":")[0]) for a in door.shelf.arrivals] == [
        ("chenggong", "lmtp", "lmtp"),
        ("wuhua", "lmtp", "lmtp"),
    ]


@pytest.mark.parametrize("fault", [StoreUnavailableError("locked"), KeyError("wuhua")])
async def test_failure_is_one_for_all_recipients(door: Door, fault: Exception) -> None:
    """All districts of one message are one transaction: where it fails, every recipient is deferred, and nothing is stored."""
    door.shelf.fault = fault
    client = await door.connect("LHLO")
    assert (await client.mail(MAIL, *_BOTH)).startswith("451 4.3.0")
    assert (await client.reply()).startswith("451 4.3.0")
    assert door.shelf.arrivals == []


async def test_oversize_for_each_recipient(door: Door) -> None:
    """An oversize message is refused once for each recipient, and is one fault of the client, not a hundred."""
    client = await door.connect("LHLO")
    assert await client.mail(b"x" * 100_001 + b"\r\n", *_BOTH * 50) == "552 5.3.4 Message too big"
    assert {await client.reply() for _ in range(99)} == {"552 5.3.4 Message too big"}
    assert (await client.say("NOOP")).startswith("250")


async def test_no_recipient_no_data(door: Door) -> None:
    """Without an accepted recipient DATA is a 503, so that nobody waits for replies that cannot come (RFC 2033 4.2)."""
    client = await door.connect("LHLO")
    assert (await client.begin("stranger@cg.example"))[-1].startswith("503 5.5.1")


async def test_unix_socket(tmp_path: Path) -> None:
    """A Unix socket serves smtplib's LMTP client; a stale socket file is taken over, and anybody who reaches it may connect."""
    path = str(tmp_path / "lmtp.sock")
    for _ in range(2):
        async with open_door(protocol="lmtp", path=path) as door:

            def send() -> dict[str, tuple[int, bytes]]:
                with smtplib.LMTP(path) as client:
                    return client.sendmail("a@b.example", ["zuozhen@wh.example"], MAIL)

            assert await asyncio.to_thread(send) == {}
            assert [a.district for a in door.shelf.arrivals] == ["wuhua"]
            assert door.reception.port == 0
    assert (await asyncio.to_thread(Path(path).stat)).st_mode & 0o777 == 0o666


async def test_unix_socket_in_use(tmp_path: Path) -> None:
    """A socket that another process answers is not taken from it."""
    path = str(tmp_path / "lmtp.sock")
    async with open_door(protocol="lmtp", path=path) as door:
        with pytest.raises(UsageError, match=r"lmtp\.sock 监听 LMTP"):
            async with open_door(protocol="lmtp", path=path):
                pass
        client = await door.connect("LHLO")
        assert (await client.mail(MAIL)).startswith("250")

"""One connection to an IMAP server: encryption, login, broken lines, lies, waiting; every trouble with a name of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from channels.imap import Account, Connection, LiteralTooLargeError, Security
from store import message_log
from store.errors import ChannelUnavailableError, CommandRefusedError, LoginRefusedError
from tests.integration.mailboxes import desk, mail
from tests.servers.cutting import line
from tests.servers.dovecot import Box, Dovecot
from tests.servers.ground import HOST, free_ports
from tests.servers.lying import Lies, lying

MEGABYTE = 1 << 20


def account(port: int, user: str = "u", security: Security = "none", tls: ssl.SSLContext | None = None) -> Account:
    """Return an account on this machine."""
    return Account(host=HOST, port=port, security=security, user=user, tls=tls, timeout_s=20)


@contextmanager
def connected(box: Box) -> Iterator[Connection]:
    """Open a connection to *box* and close it."""
    connection = Connection.open(account(box.server.plain, box.user), box.password)
    try:
        yield connection
    finally:
        connection.close()


# ------------------------------------------------------------ getting in


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted(dovecot: Dovecot, security: Security) -> None:
    """With TLS from the start or by STARTTLS, with a certificate that we trust; the server says who it is."""
    box = dovecot.box()
    port = dovecot.tls if security == "tls" else dovecot.plain
    connection = Connection.open(account(port, box.user, security, dovecot.client_context()), box.password)
    try:
        assert connection.identity == {"name": "Dovecot"}
        assert {"IDLE", "MOVE", "UIDPLUS"} <= connection.abilities
        assert connection.certificate_ends() is not None
        assert connection.select("INBOX", to_change=False).exists == 0
    finally:
        connection.close()


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_certificate_of_a_stranger(dovecot: Dovecot, security: Security) -> None:
    """A certificate of somebody we do not trust ends it before the password is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trustme.CA().configure_trust(context)
    port = dovecot.tls if security == "tls" else dovecot.plain
    with pytest.raises(ChannelUnavailableError, match="证书不可信"):
        Connection.open(account(port, "u0000@cg.example", security, context), "p")


def test_certificate_for_another_host(dovecot: Dovecot) -> None:
    """A certificate that is good, but for another name, is no better."""
    with socket.create_server((HOST, 0)) as _, line(dovecot.tls) as wire:
        there = Account(host="127.0.0.2", port=wire.port, security="tls", user="u", tls=dovecot.client_context(), timeout_s=20)
        with pytest.raises(ChannelUnavailableError):
            Connection.open(there, "p")


def test_no_starttls_no_login() -> None:
    """django-helpdesk: where STARTTLS is not offered, the password is never sent in clear."""
    lies = Lies()
    with lying(lies) as port, pytest.raises(ChannelUnavailableError, match="绝不改用明文"):
        Connection.open(account(port, security="starttls"), "secret")
    assert not any(b"secret" in command or b"LOGIN" in command for command in lies.heard)


def test_greeting_that_skips_starttls() -> None:
    """A man in the middle who greets with PREAUTH does not get us to go on in clear."""
    lies = Lies(greeting=b"* PREAUTH welcome", capability=b"IMAP4rev1 STARTTLS")
    with lying(lies) as port, pytest.raises(ChannelUnavailableError):
        Connection.open(account(port, security="starttls"), "secret")
    assert not any(command.startswith((b"SELECT", b"LOGIN")) for command in lies.heard)


def test_wrong_password_is_told_from_a_server_away(dovecot: Dovecot) -> None:
    """An operator must know whether to look at the password or at the network."""
    with pytest.raises(LoginRefusedError, match="授权码"):
        Connection.open(account(dovecot.plain, dovecot.box().user), "wrong")
    (nobody,) = free_ports(1)
    with pytest.raises(ChannelUnavailableError, match="连不上") as away:
        Connection.open(account(nobody), "p")
    assert not isinstance(away.value, LoginRefusedError)


def test_server_that_is_busy_is_no_wrong_password() -> None:
    """RFC 5530: UNAVAILABLE says nothing about the password, so the account is not given the long pause."""
    with lying(Lies(login=b"NO [UNAVAILABLE] later")) as port, pytest.raises(ChannelUnavailableError) as busy:
        Connection.open(account(port), "p")
    assert not isinstance(busy.value, LoginRefusedError)


def test_password_in_chinese(dovecot: Dovecot) -> None:
    """A password that LOGIN could not carry goes by AUTHENTICATE; it is wrong here, and told as such."""
    with pytest.raises(LoginRefusedError):
        Connection.open(account(dovecot.plain, dovecot.box().user), "口令")


def test_id_is_sent_and_unsafe_login_explained() -> None:
    """163 and 126 let in only who has said ID, and their refusal names the remedy."""
    lies = Lies(select=b"NO SELECT Unsafe Login. Please contact kefu@188.com for help")
    with lying(lies) as port:
        connection = Connection.open(account(port), "p")
        with pytest.raises(CommandRefusedError, match="授权码"):
            connection.select("INBOX", to_change=False)
        connection.close()
    assert any(command.startswith(b'ID ("name" "zuozhen"') for command in lies.heard)


# ------------------------------------------------------------ looking


def test_folder_in_chinese(dovecot: Dovecot) -> None:
    """Names are written as people see them; the wire has modified UTF-7."""
    box = dovecot.box()
    box.put(mail("one"), folder="企业诉求&投诉")
    with connected(box) as connection:
        assert connection.select("企业诉求&投诉", to_change=False).exists == 1
        assert connection.folder_exists("企业诉求&投诉")
        assert not connection.folder_exists("没有的")
        with pytest.raises(CommandRefusedError, match="没有的"):
            connection.select("没有的", to_change=False)


def test_bytes_come_as_they_are(dovecot: Dovecot) -> None:
    """Raw 8-bit bytes, NUL-free but in no charset at all, come out as they went in."""
    box = dovecot.box()
    raw = b"Subject: \xd6\xd0\xb9\xfa\r\n\r\n" + bytes(range(1, 256)).replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"
    box.put(raw)
    with connected(box) as connection:
        connection.select("INBOX", to_change=False)
        assert connection.raws([1], most=MEGABYTE) == {1: raw}


def test_nothing_above_the_last_uid(dovecot: Dovecot) -> None:
    """The range "n:*" names the last message whatever n is; it is not news."""
    box = dovecot.box()
    box.put(mail("one"))
    with connected(box) as connection:
        connection.select("INBOX", to_change=False)
        assert connection.uids(1) == [1]
        assert connection.uids(2) == []


# ------------------------------------------------------------ broken lines and lies


@pytest.mark.parametrize("after", [0, 400, 3_000, 30_000])
async def test_connection_cut_in_mid_fetch(dovecot: Dovecot, tmp_path: Path, after: int) -> None:
    """Wherever the line breaks, nothing half-fetched is kept, and with a whole line all of it comes in, once."""
    box = dovecot.box()
    box.put(*(mail(f"mail-{number}", body="字" * 5_000) for number in range(4)))
    with line(dovecot.plain) as wire:
        async with desk(box, tmp_path / "zuozhen.db", port=wire.port) as post:
            wire.cut_after = after
            for _ in range(2):
                with pytest.raises(ChannelUnavailableError):
                    await post.look()
            wire.cut_after = None
            await post.look()

            assert sorted(await post.subjects()) == [f"mail-{number}" for number in range(4)]
            assert await post.deliveries() == 0
            assert await post.unaccounted() == []


async def test_line_that_lets_one_mail_through_at_a_time(dovecot: Dovecot, tmp_path: Path) -> None:
    """On a line too bad for a bunch the mails come one by one; none is set aside for it."""
    box = dovecot.box()
    box.put(*(mail(f"mail-{number}", body="x" * 20_000) for number in range(4)))
    with line(dovecot.plain) as wire:
        async with desk(box, tmp_path / "zuozhen.db", port=wire.port) as post:
            wire.cut_after = 26_000
            for _ in range(8):
                with suppress(ChannelUnavailableError):
                    await post.look()
            wire.cut_after = None

            assert len(await post.subjects()) == 4
            assert await post.problems() == []
            assert await post.unaccounted() == []


async def test_too_large_is_set_aside_unfetched(dovecot: Dovecot, tmp_path: Path) -> None:
    """A message above the limit is not fetched: its header goes to the quarantine, the next one comes in, and a higher limit gets it whole."""
    box = dovecot.box()
    box.put(mail("large", body="x" * 3 * MEGABYTE), mail("one"))
    async with desk(box, tmp_path / "zuozhen.db") as post:
        assert await post.look() == 2
        assert sorted(await post.subjects()) == ["large", "one"]
        assert ["3.0 兆字节，超过上限 1 兆字节" in problem for problem in await post.problems()] == [True]
        assert await post.unaccounted() == []

        post.again(max_size=4 * MEGABYTE)
        await post.look()
        assert await post.problems() == []
        assert await post.entries() == {1: "done", 2: "done"}
        sizes = sorted([len((await post.store.arrivals.get(number)).raw) for number in (1, 2)])
        assert sizes[1] > 3 * MEGABYTE > sizes[0]
        assert len(await post.subjects()) == 2
        told = [step.kind for step in (await message_log.read(post.store.db, "A-1")).steps]
        assert [kind for kind in told if kind != "arrival.accepted"] == ["arrival.quarantined", "arrival.retried"]


async def test_size_in_the_file_name_is_wrong(dovecot: Dovecot, tmp_path: Path) -> None:
    """Dovecot believes a wrong size in the file's name and hangs up over it each time: the others come in, a person is told, all add up."""
    box = dovecot.box()
    box.put(mail("one"))
    place = box.file("one").parent / "1700000000.1.test,S=10,W=10"
    place.write_bytes(mail("two", body="y" * 50_000))
    async with desk(box, tmp_path / "zuozhen.db") as post:
        for _ in range(7):
            with suppress(ChannelUnavailableError):
                await post.look()

        assert (await post.subjects())[0] == "one"
        assert await post.entries() == {1: "done", 2: "set_aside"}
        assert len(await post.problems()) == 1
        assert await post.unaccounted() == []


@pytest.mark.parametrize("claimed", [0, 3, 900_000])
async def test_size_that_is_a_lie_within_the_limit(dovecot: Dovecot, tmp_path: Path, claimed: int) -> None:
    """The size that a server claims only plans the fetching; what counts are the bytes."""
    lies = Lies(mails={1: mail("one", body="z" * 500_000)}, sizes={1: claimed})
    with lying(lies) as port:
        async with desk(dovecot.box(), tmp_path / "zuozhen.db", port=port) as post:
            assert await post.look() == 1
            assert await post.subjects() == ["one"]
            assert await post.unaccounted() == []


async def test_server_that_does_not_say_what_comes_next(dovecot: Dovecot, tmp_path: Path) -> None:
    """Without UIDNEXT a poll asks for what lies above the highest UID seen, not for all of them again."""
    lies = Lies(mails={7: mail("one"), 9: mail("two")}, tells_next=False)
    with lying(lies) as port:
        async with desk(dovecot.box(), tmp_path / "zuozhen.db", port=port) as post:
            assert await post.look() == 2
            assert await post.look() == 0
            lies.mails[11] = mail("three")
            assert await post.look() == 1
            assert await post.subjects() == ["one", "two", "three"]
    searches = [command for command in lies.heard if b"SEARCH" in command]
    assert searches == [b"UID SEARCH UID 1:*", b"UID SEARCH UID 10:*", b"UID SEARCH UID 10:*"]


async def test_giant_literal(dovecot: Dovecot, tmp_path: Path) -> None:
    """A server that claims 100 octets and begins to send four gigabytes gets no memory of ours; the others come in, it goes aside."""
    lies = Lies(mails={1: mail("giant"), 2: mail("one")}, announced={1: 4 << 30})
    with lying(lies) as port:
        async with desk(dovecot.box(), tmp_path / "zuozhen.db", port=port) as post:
            with pytest.raises(LiteralTooLargeError):
                await post.look()
            for _ in range(4):
                with suppress(ChannelUnavailableError):
                    await post.look()

            assert sorted(await post.subjects()) == ["giant", "one"]
            assert len(await post.problems()) == 1
            assert await post.entries() == {1: "set_aside", 2: "done"}
            assert await post.unaccounted() == []


@pytest.mark.parametrize("nonsense", [b"* OK \xff\xfe hello", b"* BYE go away", b"220 smtp.example ESMTP", b"<html>"])
def test_server_that_is_none(nonsense: bytes) -> None:
    """Whatever answers on the port, it is told as trouble with that server, never as a bug."""
    with lying(Lies(greeting=nonsense, login=b"BAD what")) as port, pytest.raises(ChannelUnavailableError):
        Connection.open(account(port), "p")


# ------------------------------------------------------------ waiting


async def test_idle_tells_at_once(dovecot: Dovecot) -> None:
    """New mail ends the waiting long before its time."""
    box = dovecot.box()
    ours, _theirs = socket.socketpair()
    with connected(box) as connection, ours, _theirs:
        connection.select("INBOX", to_change=False)
        async with asyncio.timeout(60):
            waiting = asyncio.create_task(asyncio.to_thread(connection.wait, 600, ours))
            while not waiting.done():
                await asyncio.to_thread(box.put, mail("one"))
            await waiting


async def test_waiting_ends_when_woken(dovecot: Dovecot) -> None:
    """A stop is heard while the server is silent, with IDLE and without."""
    box = dovecot.box()
    with connected(box) as connection:
        connection.select("INBOX", to_change=False)
        for abilities in (connection.abilities, connection.abilities - {"IDLE"}):
            connection.abilities = abilities
            ours, theirs = socket.socketpair()
            with ours, theirs:
                theirs.send(b"!")
                async with asyncio.timeout(60):
                    await asyncio.to_thread(connection.wait, 600, ours)


async def test_abort_frees_a_thread_that_reads(dovecot: Dovecot) -> None:
    """A connection on which nothing comes any more can be broken off from outside, inside TLS too."""
    box = dovecot.box()
    connection = Connection.open(account(dovecot.tls, box.user, "tls", dovecot.client_context()), box.password)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection.select("INBOX", to_change=False)
        waiting = asyncio.create_task(asyncio.to_thread(connection.wait, 600, ours))
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            while not waiting.done():
                connection.abort()
                await asyncio.wait([waiting], timeout=0.05)
            with pytest.raises(ChannelUnavailableError):
                await waiting
    connection.close()

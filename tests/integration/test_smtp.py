"""The SMTP door over real sockets: 250 means stored, nothing is lost, nothing is smuggled in, nothing leaks out."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import ssl
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage

import pytest
import trustme
from blockbuster import blockbuster_ctx
from structlog.testing import capture_logs

from channels.smtp import Listener, Reception
from store import tokens
from store.errors import StoreUnavailableError, UsageError
from tests.integration.smtp_client import MAIL, NOW, RECIPIENTS, Door, Shelf, open_door


@pytest.fixture(autouse=True)
def guard() -> Iterator[None]:
    """Fail a test whose event loop is blocked."""
    with blockbuster_ctx():
        yield


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Open a door with ordinary settings."""
    async with open_door() as opened:
        yield opened


# ---------------------------------------------------------------- taking mail


async def test_smtplib_delivers_and_arrival_says_everything(door: Door) -> None:
    """An ordinary client's mail becomes one arrival with envelope, keys, time and bytes."""
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = "a@b.example", "zuozhen@cg.example", "<x1@b.example>"
    message.set_content("第一行\n.第二行以点开头\n..第三行\n", charset="utf-8", cte="8bit")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", door.reception.port) as client:
            client.send_message(message)

    await asyncio.to_thread(send)
    (arrival,) = door.shelf.arrivals
    assert (arrival.district, arrival.channel, arrival.door, arrival.received_at) == ("chenggong", "mail", "smtp", NOW)
    assert (arrival.envelope_from, arrival.envelope_to, arrival.message_id) == ("a@b.example", ("zuozhen@cg.example",), "x1@b.example")
    assert arrival.source_key == f"smtp:{arrival.content_key}"
    assert arrival.raw.endswith("第一行\r\n.第二行以点开头\r\n..第三行\r\n".encode())


async def test_one_arrival_for_each_district(door: Door) -> None:
    """A mail to mailboxes of two districts is one arrival in each, in one call to the store; twice the same address counts once."""
    client = await door.connect("EHLO")
    assert await client.mail(MAIL, "ZJ@CG.example", "zuozhen@wh.example", "zuozhen@cg.example", "ZJ@CG.example") == "250 2.0.0 OK, stored"
    assert door.shelf.calls == 1
    assert [(a.district, a.envelope_to) for a in door.shelf.arrivals] == [
        ("chenggong", ("ZJ@CG.example", "zuozhen@cg.example")),
        ("wuhua", ("zuozhen@wh.example",)),
    ]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(b"..\r\n..x\r\n", b".\r\n.x\r\n", id="dots"),
        pytest.param(b"\r\n\x00\x01\xb2\xe2\xff \t\r\n", b"\r\n\x00\x01\xb2\xe2\xff \t\r\n", id="8 bit, NUL, blanks"),
        pytest.param(b"a\nb\n\r\n", b"a\r\nb\r\n\r\n", id="bare LF"),
        pytest.param(b"x" * 90_000 + b"\r\n", b"x" * 90_000 + b"\r\n", id="a line of 90,000"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
async def test_bytes_are_kept_as_sent(door: Door, sent: bytes, kept: bytes) -> None:
    """What is stored is what was sent, but for doubled dots and bare LFs."""
    client = await door.connect("EHLO")
    assert (await client.mail(sent)).startswith("250")
    assert door.shelf.arrivals[0].raw == kept


async def test_octet_by_octet(door: Door) -> None:
    """However the network cuts the message and its end, it is the same message."""
    client = await door.connect("EHLO")
    await client.begin("zuozhen@cg.example")
    for octet in b"one\r\n..two\r\n.\r\n":
        client.send(bytes([octet]))
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.reply()).startswith("250")
    assert door.shelf.arrivals[0].raw == b"one\r\n.two\r\n"


async def test_null_sender_and_chinese_address(door: Door) -> None:
    """A bounce has no sender; an address in Chinese letters is taken as it is (SMTPUTF8)."""
    client = await door.connect("EHLO")
    assert (await client.begin("zuozhen@cg.example", sender=""))[-1].startswith("354")
    client.send(b".\r\n")
    assert (await client.reply()).startswith("250")
    assert (await client.say("MAIL FROM:<王五@例子.example> SMTPUTF8 BODY=8BITMIME")).startswith("250")
    assert (await client.say("RCPT TO:<@relay.example,@other.example:zuozhen@cg.example>")).startswith("250 2.1.5")
    await client.say("DATA")
    client.send(MAIL + b".\r\n")
    assert (await client.reply()).startswith("250")
    assert [a.envelope_from for a in door.shelf.arrivals] == ["", "王五@例子.example"]
    assert door.shelf.arrivals[1].envelope_to == ("zuozhen@cg.example",)


async def test_whole_session_in_one_packet(door: Door) -> None:
    """Two messages pipelined into one packet (RFC 2920) are answered in order."""
    one = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<zuozhen@cg.example>\r\nDATA\r\n"
    client = await door.connect()
    client.send(b"EHLO x\r\n" + one + b"Subject: 1\r\n.\r\n" + one + b"Subject: 2\r\n.\r\nQUIT\r\n")
    codes = " ".join([(await client.reply())[:3] for _ in range(11)])
    assert codes == "220 250 250 250 354 250 250 250 354 250 221"
    assert [a.raw for a in door.shelf.arrivals] == [b"Subject: 1\r\n", b"Subject: 2\r\n"]
    assert await client.is_cut()


# ---------------------------------------------------------------- 250 means stored


async def test_no_250_before_the_commit(door: Door) -> None:
    """While the store is at work the client hears nothing; with the commit it hears 250."""
    door.shelf.gate = asyncio.Event()
    client, other = await door.connect("EHLO"), await door.connect("EHLO")
    await client.begin("zuozhen@cg.example")
    client.send(MAIL + b".\r\n")
    await door.shelf.entered.wait()
    for _ in range(5):  # the service goes on answering others meanwhile
        assert (await other.say("NOOP")).startswith("250")
    assert not client.reader._buffer  # type: ignore[attr-defined]
    door.shelf.gate.set()
    assert (await client.reply()).startswith("250")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(StoreUnavailableError("database is locked"), id="store away"),
        pytest.param(ZeroDivisionError("Lieber Nachbar"), id="bug"),
        pytest.param(TimeoutError("too slow"), id="timeout"),
    ],
)
async def test_failure_defers_and_leaks_nothing(door: Door, fault: Exception) -> None:
    """Whatever fails before the commit, the sender shall try again and learns nothing; the same connection then works again."""
    door.shelf.fault = fault
    client = await door.connect("EHLO")
    with capture_logs() as events:
        assert await client.mail(MAIL) == "451 4.3.0 Temporary trouble here, please try again later"
    (event,) = [event for event in events if event["event"] == "smtp.deferred"]
    assert event["error"] == type(fault).__name__
    assert "Lieber" not in repr(events)
    door.shelf.fault = None
    assert (await client.mail(MAIL)).startswith("250")
    assert len(door.shelf.arrivals) == 1


async def test_store_that_never_answers() -> None:
    """A commit that hangs ends in 451 before the client gives up."""
    async with open_door(commit_timeout_s=0.01) as door:
        door.shelf.gate = asyncio.Event()
        client = await door.connect("EHLO")
        assert (await client.mail(MAIL)).startswith("451")


async def test_client_gone_before_the_250_and_back_again(door: Door) -> None:
    """A message whose sender hung up before the 250 is stored all the same; his second try is known as the same message."""
    door.shelf.gate = asyncio.Event()
    client = await door.connect("EHLO")
    await client.begin("zuozhen@cg.example")
    client.send(MAIL + b".\r\n")
    await door.shelf.entered.wait()
    client.writer.transport.abort()
    door.shelf.gate.set()
    with capture_logs() as events:
        assert (await (await door.connect("EHLO")).mail(MAIL)).startswith("250")
    assert len(door.shelf.arrivals) == 1
    assert [event["is_new"] for event in events if event["event"] == "mail.accepted"][-1] is False


async def test_cut_in_the_middle_of_data_stores_nothing(door: Door) -> None:
    """Half a message is no message; its room is given back."""
    client = await door.connect("EHLO")
    await client.begin("zuozhen@cg.example")
    client.send(b"half of it\r\n")
    await client.writer.drain()
    client.writer.transport.abort()
    assert (await (await door.connect("EHLO")).mail(MAIL)).startswith("250")
    assert [a.raw for a in door.shelf.arrivals] == [MAIL]
    assert door.reception.pool.take(256 << 20)


async def test_bug_in_the_middle_of_data_closes(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """When reading fails, what remains of the message must not be taken for commands: the connection is closed with 421."""

    def fail(_body: object, _chunk: bytes) -> None:
        raise MemoryError("Lieber Nachbar")

    monkeypatch.setattr("channels.smtp_body.Body.feed", fail)
    client = await door.connect("EHLO")
    await client.begin("zuozhen@cg.example")
    client.send(b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<zuozhen@cg.example>\r\nDATA\r\nx\r\n.\r\n")
    with capture_logs() as events:
        assert (await client.reply()).startswith("421 4.3.0")
        assert await client.is_cut()
    assert door.shelf.calls == 0
    assert "Lieber" not in repr(events)


async def test_bug_in_a_command_defers(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours in a command is temporary to the client, who is told nothing of it."""

    def fail(_reception: object, _address: str) -> None:
        raise RuntimeError("zuozhen@cg.example")

    monkeypatch.setattr(Reception, "district_of", fail)
    client = await door.connect("EHLO")
    await client.say("MAIL FROM:<a@b.example>")
    assert await client.say("RCPT TO:<zuozhen@cg.example>") == "451 4.3.0 Temporary trouble here, please try again later"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (["MAIL FROM:<a@b.example>"], "503"),
        (["EHLO"], "501 5.5.4"),
        (["HELO x", "MAIL FROM:<a@b.example> SIZE=10"], "501"),
        (["EHLO x", "RCPT TO:<zuozhen@cg.example>"], "503 5.5.1"),
        (["EHLO x", "DATA"], "503 5.5.1"),
        (["EHLO x", "MAIL FROM:<a@b.example>", "DATA"], "503 5.5.1"),
        (["EHLO x", "MAIL FROM:<>", "MAIL FROM:<>"], "503 5.5.1"),
        (["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<stranger@cg.example>"], "550 5.1.1"),
        (["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<zuozhen@cg.example.evil.example>"], "550 5.1.1"),
        (["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<Postmaster>"], "550 5.1.1"),
        (["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<>"], "550 5.1.1"),
        (["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<zuozhen@cg.example> NOTIFY=NEVER"], "555 5.5.4"),
        (["EHLO x", "MAIL FROM:<a@b.example> SIZE=100001"], "552 5.3.4"),
        (["EHLO x", "MAIL FROM:<a@b.example> SIZE=" + "9" * 1000], "552 5.3.4"),
        (["EHLO x", "MAIL FROM:<a@b.example> BODY=BINARYMIME"], "501 5.5.4"),
        (["EHLO x", "MAIL FROM:<a@b.example"], "553 5.1.3"),
        (["EHLO x", "MAIL FROM:<a\x00b@b.example>"], "553 5.1.3"),
        (["EHLO x", "MAIL FROM:" + "<" * 1900], "553 5.1.3"),
        (["EHLO x", "MAIL FROM:<" + "a" * 3000 + "@b.example>"], "500"),
        (["EHLO x", "VRFY zuozhen@cg.example"], "252 2.5.0"),
        (["EHLO x", "VRFY stranger@cg.example"], "252 2.5.0"),
        (["EHLO x", "EXPN zuozhen"], "252 2.5.0"),
        (["EHLO x", "HELP"], "500 5.5.2"),
        (["EHLO x", "AUTH PLAIN AGEAYg=="], "500 5.5.2"),
        (["EHLO x", "BDAT 5 LAST"], "500 5.5.2"),
        (["EHLO x", "STARTTLS"], "500 5.5.2"),
        (["LHLO x"], "500 5.5.2"),
        (["\xff\xfe"], "500 5.5.2"),
        (["x" * 70_000], "500 5.5.2"),
    ],
)
async def test_replies(door: Door, commands: list[str], code: str) -> None:
    """Each wrong or idle command has its code, and an enhanced one (RFC 3463) that says why."""
    client = await door.connect()
    await client.reply()
    reply = ""
    for command in commands:
        client.send(command.encode("latin-1") + b"\r\n")
        reply = await client.reply()
    assert reply.startswith(code), reply


async def test_offers(door: Door) -> None:
    """EHLO offers what we keep, and neither AUTH nor CHUNKING; the greeting names no software."""
    client = await door.connect()
    assert await client.reply() == "220 mx.cg.example ESMTP"
    offers = (await client.say("EHLO x")).replace("250-", "").replace("250 ", "").split("\r\n")
    assert offers == ["mx.cg.example", "SIZE 100000", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
    assert await client.say("HELO x") == "250 mx.cg.example"


async def test_a_good_recipient_beside_unknown_ones(door: Door) -> None:
    """One message to 50 recipients of whom only the last is known (Postfix sends that many at a time) still comes through."""
    client = await door.connect("EHLO")
    strangers = [f"nobody{n}@cg.example" for n in range(49)]
    assert (await client.mail(MAIL, *strangers, "zuozhen@cg.example")).startswith("250")
    assert door.shelf.arrivals[0].envelope_to == ("zuozhen@cg.example",)


async def test_a_token_behind_a_plus_sign(door: Door) -> None:
    """The address to reply to is taken with its token, which is kept; anything else behind a plus sign is another mailbox."""
    client = await door.connect("EHLO")
    address = tokens.reply_address(f"{'0123456789abcdef' * 2}.assign@cg.example", "zuozhen@cg.example")
    assert (await client.mail(MAIL, "zuozhen+x@cg.example", address)).startswith("250")
    assert door.shelf.arrivals[0].envelope_to == (address,)


async def test_a_gateway_is_no_prober(door: Door) -> None:
    """A long-lived connection that brings good mail now and then is not cut for the unknown recipients in between."""
    client = await door.connect("EHLO")
    for number in range(4):
        strangers = [f"nobody{n}@cg.example" for n in range(40)]
        assert (await client.mail(b"Subject: %d\r\n" % number, *strangers, "zuozhen@cg.example")).startswith("250")


async def test_probing_for_recipients_ends_the_connection(door: Door) -> None:
    """Who goes on guessing addresses is sent away with 421, and what he pipelined behind is not looked at."""
    client = await door.connect("EHLO")
    client.send(b"MAIL FROM:<a@b.example>\r\n" + b"".join(b"RCPT TO:<guess%d@cg.example>\r\n" % n for n in range(200)))
    client.send(b"RCPT TO:<zuozhen@cg.example>\r\nDATA\r\nx\r\n.\r\n")
    replies = (await client.reader.read()).split(b"\r\n")[:-1]
    assert replies[-1] == b"421 4.7.0 Too many errors"
    assert len(replies) < 70
    assert door.shelf.calls == 0


async def test_nonsense_ends_the_connection(door: Door) -> None:
    """A client that does not speak SMTP (here HTTP) is sent away after a few lines."""
    client = await door.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: mx.cg.example\r\nAccept: */*\r\nX: y\r\n\r\nMAIL FROM:<a@b.example>\r\n")
    replies = (await client.reader.read()).split(b"\r\n")[:-1]
    assert replies[-1] == b"421 4.7.0 Too many errors"
    assert len(replies) <= 5


async def test_idle_commands_are_counted(door: Door) -> None:
    """NOOP for ever holds no connection."""
    client = await door.connect("EHLO")
    client.send(b"NOOP\r\n" * 101)
    replies = (await client.reader.read()).split(b"\r\n")[:-1]
    assert replies[-1].startswith(b"421 4.7.0")
    assert len(replies) == 101


async def test_recipients_are_limited(door: Door) -> None:
    """The hundred-first recipient of one message is put off with 452; the hundred before it are served."""
    client = await door.connect("EHLO")
    replies = await client.begin(*["zuozhen@cg.example"] * 101)
    assert [reply[:3] for reply in replies] == ["250"] * 101 + ["452", "354"]


async def test_oversize_is_refused_while_reading_and_the_connection_goes_on(door: Door) -> None:
    """A message above the limit gets 552 behind its end, is not kept, and the next one is taken."""
    client = await door.connect("EHLO")
    assert await client.mail(b"0123456789\r\n" * 20_000) == "552 5.3.4 Message too big"
    assert (await client.mail(MAIL)).startswith("250")
    assert [a.raw for a in door.shelf.arrivals] == [MAIL]


async def test_too_much_unfinished_mail_is_put_off() -> None:
    """When many large messages come at once, the one too many is put off with 452 and comes later."""
    async with open_door(max_size=1_000, max_in_flight=1_500) as door:
        door.shelf.gate = asyncio.Event()
        first, second = await door.connect("EHLO"), await door.connect("EHLO")
        await first.begin("zuozhen@cg.example")
        first.send(b"x" * 900 + b"\r\n.\r\n")
        await door.shelf.entered.wait()
        assert await second.mail(b"y" * 900 + b"\r\n") == "452 4.3.1 Too much mail at once, please try again later"
        door.shelf.gate.set()
        assert (await first.reply()).startswith("250")
        assert (await second.mail(b"y" * 900 + b"\r\n")).startswith("250")


# ---------------------------------------------------------------- smuggling


@pytest.mark.parametrize(
    "end",
    [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n\x00.\r\n", b"\n.\n\r\n"],
)
async def test_smuggled_end_does_not_end(door: Door, end: bytes) -> None:
    """What another server might take for the end of DATA stays content here, and a MAIL behind it is no second message."""
    smuggled = b"MAIL FROM:<boss@cg.example>\r\nRCPT TO:<zuozhen@cg.example>\r\nDATA\r\nSubject: forged\r\n\r\nforged\r\n"
    client = await door.connect("EHLO")
    assert (await client.mail(b"Subject: honest\r\n\r\nhonest" + end + smuggled)).startswith("250")
    (arrival,) = door.shelf.arrivals
    assert arrival.envelope_from == "a@b.example"
    assert b"MAIL FROM:<boss@cg.example>\r\n" in arrival.raw
    assert (await client.say("NOOP")).startswith("250")


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make contexts for a server mx.cg.example and for a client that trusts it."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("mx.cg.example").configure_cert(server)
    authority.configure_trust(client)
    return server, client


async def test_starttls(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Behind STARTTLS everything begins anew and works; no second STARTTLS, no AUTH; the end is orderly."""
    async with open_door(tls=tls[0]) as door:
        client = await door.connect()
        assert "250 STARTTLS" in await client.hello()
        assert (await client.say("STARTTLS")).startswith("220")
        await client.start_tls(tls[1])
        assert (await client.say("MAIL FROM:<a@b.example>")).startswith("503")
        offers = await client.say("EHLO x")
        assert "STARTTLS" not in offers
        assert "AUTH" not in offers
        assert (await client.say("STARTTLS")).startswith("503")
        assert (await client.mail(MAIL)).startswith("250")
        assert (await client.say("QUIT")).startswith("221")
        assert await client.is_cut()


async def test_commands_before_the_handshake_do_not_count_behind_it(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """What somebody in the middle adds behind STARTTLS in plain text is thrown away, not answered inside TLS (CVE-2021-38371 and kin)."""
    async with open_door(tls=tls[0]) as door:
        client = await door.connect("EHLO")
        client.send(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<zuozhen@cg.example>\r\n")
        assert (await client.reply()).startswith("220")
        await client.start_tls(tls[1])
        assert (await client.say("DATA")).startswith("503")
        assert (await client.say("MAIL FROM:<a@b.example>")).startswith("503")  # not even the EHLO counts


async def test_required_tls(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Where TLS is required no message begins without it."""
    async with open_door(tls=tls[0], require_tls=True) as door:
        client = await door.connect("EHLO")
        assert (await client.say("MAIL FROM:<a@b.example>")).startswith("530 5.7.0")
        assert (await client.say("RCPT TO:<zuozhen@cg.example>")).startswith("503")
        await client.say("STARTTLS")
        await client.start_tls(tls[1])
        await client.say("EHLO x")
        assert (await client.mail(MAIL)).startswith("250")


@pytest.mark.parametrize("behaviour", ["hang up", "nonsense", "silence"])
async def test_broken_handshake_frees_the_connection(tls: tuple[ssl.SSLContext, ssl.SSLContext], behaviour: str) -> None:
    """A client that fails in the middle of the handshake keeps no place under the cap."""
    async with open_door(tls=tls[0], max_connections=1, idle_timeout_s=0.2 if behaviour == "silence" else 60) as door:
        client = await door.connect("EHLO")
        await client.say("STARTTLS")
        (conversation,) = door.reception._conversations
        if behaviour == "hang up":
            client.writer.close()
        elif behaviour == "nonsense":
            client.send(b"this is no handshake\r\n")
        await conversation.finished
        assert (await (await door.connect("EHLO")).mail(MAIL)).startswith("250")


# ---------------------------------------------------------------- slow and many


@pytest.mark.parametrize("said", ["", "EHLO x\r\n", "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<zuozhen@cg.example>\r\nDATA\r\nhalf"])
async def test_silence_is_cut(said: str) -> None:
    """A client that falls silent, before or within a message, is told 421 and cut."""
    async with open_door(idle_timeout_s=0.1) as door:
        client = await door.connect()
        client.send(said.encode())
        replies = (await client.reader.read()).split(b"\r\n")[:-1]
        assert replies[-1] == b"421 4.4.2 Idle for too long"
        assert door.shelf.calls == 0


async def test_trickle_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending too slowly is idling too: octets below the least rate do not hold the connection."""
    monkeypatch.setattr("channels.smtp._MIN_RATE", 1e12)
    async with open_door(idle_timeout_s=0.1) as door:
        client = await door.connect("EHLO")
        await client.begin("zuozhen@cg.example")
        (conversation,) = door.reception._conversations
        while not conversation.finished.done():
            client.send(b"x")
            await asyncio.sleep(0)
        assert door.shelf.calls == 0


async def test_cap_on_connections() -> None:
    """Above the cap a client is told to come back; a place becomes free when one leaves."""
    async with open_door(max_connections=2) as door:
        first = await door.connect("EHLO")
        (conversation,) = door.reception._conversations
        await door.connect("EHLO")
        third = await door.connect()
        assert (await third.reply()).startswith("421 4.3.2")
        assert await third.is_cut()
        await first.say("QUIT")
        assert await first.is_cut()
        await conversation.finished
        assert (await (await door.connect("EHLO")).mail(MAIL)).startswith("250")


async def test_parallel_mails(door: Door) -> None:
    """Forty clients at once: each message is stored once, each client hears its own 250."""

    async def one(number: int) -> str:
        return await (await door.connect("EHLO")).mail(b"Subject: %d\r\n" % number)

    replies = await asyncio.gather(*map(one, range(40)))
    assert set(replies) == {"250 2.0.0 OK, stored"}
    assert {a.raw for a in door.shelf.arrivals} == {b"Subject: %d\r\n" % number for number in range(40)}


# ---------------------------------------------------------------- stopping


async def test_stop_lets_a_transaction_end_and_sends_the_idle_away(door: Door) -> None:
    """Stopping cuts who does nothing, and waits for the 250 of who is in the middle of a message."""
    idle, busy = await door.connect("EHLO"), await door.connect("EHLO")
    await busy.begin("zuozhen@cg.example")
    stopping = asyncio.create_task(door.reception.stop(grace_s=60))
    assert (await idle.reply()).startswith("421 4.3.2")
    assert await idle.is_cut()
    busy.send(MAIL + b".\r\nMAIL FROM:<a@b.example>\r\n")
    assert (await busy.reply()).startswith("250")
    assert (await busy.reply()).startswith("421 4.3.2")
    assert await busy.is_cut()
    await stopping
    assert len(door.shelf.arrivals) == 1
    with pytest.raises(OSError, match="Connect call failed"):
        await door.connect()


async def test_stop_cuts_what_does_not_end(door: Door) -> None:
    """Behind the grace period a store that hangs and a client that dawdles are cut with 421; neither heard a 250."""
    door.shelf.gate = asyncio.Event()
    hanging, dawdling = await door.connect("EHLO"), await door.connect("EHLO")
    await hanging.begin("zuozhen@cg.example")
    hanging.send(MAIL + b".\r\n")
    await dawdling.begin("zuozhen@cg.example")
    await door.shelf.entered.wait()
    await door.reception.stop(grace_s=0.01)
    for client in (hanging, dawdling):
        assert (await client.reply()).startswith("421 4.3.2")
        assert await client.is_cut()
    assert door.shelf.arrivals == []


async def test_taken_address_is_explained(door: Door) -> None:
    """Two daemons on one port: the second says in Chinese where and what to look at."""
    listener = Listener(port=door.reception.port, hostname="mx.cg.example", max_size=1000)
    second = Reception(listener, recipients=RECIPIENTS, accept=Shelf().accept, now=lambda: NOW)
    with pytest.raises(UsageError, match=rf"无法在 127\.0\.0\.1:{listener.port} 监听 SMTP：地址已被别的程序占用"):
        await second.start()
    await second.stop()


@pytest.mark.parametrize("wrong", [{"require_tls": True}, {"max_size": 300 << 20}])
def test_impossible_listener(wrong: dict[str, object]) -> None:
    """Settings that would refuse every message are refused themselves."""
    fields: dict[str, object] = {"hostname": "x", "max_size": 1, **wrong}
    with pytest.raises(ValueError, match=r"require_tls|max_in_flight"):
        Listener(**fields)  # type: ignore[arg-type] # one test for several fields


# ---------------------------------------------------------------- logs


async def test_log_says_what_happened_and_nothing_private(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Events name arrival, district, size, door and domains; no address, subject or word of the mail reaches any log."""
    caplog.set_level(logging.DEBUG)
    client = await door.connect("EHLO")
    with capture_logs() as events:
        await client.mail(MAIL, "stranger@cg.example", "zuozhen@cg.example")
    assert events == [
        {
            "event": "smtp.refused",
            "log_level": "info",
            "reason": "unknown_recipient",
            "recipient_domain": "cg.example",
            "peer": "127.0.0.1",
        },
        {
            "event": "mail.accepted",
            "log_level": "info",
            "arrival_id": 0,
            "district": "chenggong",
            "size": len(MAIL),
            "is_new": True,
            "door": "smtp",
            "peer": "127.0.0.1",
            "sender_domain": "b.example",
        },
    ]
    for private in ("a@b", "zuozhen@", "stranger", "Geheimes", "Lieber"):
        assert private not in caplog.text

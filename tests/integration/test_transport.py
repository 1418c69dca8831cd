"""Handing mail to a real SMTP server: encryption, what its replies mean, connections kept and lost; and the folder in its place."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from notifier.mail import build
from notifier.transport import FolderTransport, SmtpTransport
from store.errors import AddressRefusedError, ConfigError, DeliveryDeferredError, DeliveryRefusedError, MailTooLargeError
from tests.sample_case import QUEUED, SENDER

FROM, TO = "zuozhen@gov.example", "dnhh@gov.example"
MAIL = build(QUEUED, sender=SENDER, original=b"From: a@b.example\r\n\r\n.\r\n..dots\r\n", max_original=1_000)
AUTHORITY = trustme.CA()


@dataclass
class Relay:
    """A mail server that answers as a test wants: `replies` by command (once each), `gate` holds back the answer to the content."""

    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    received: list[tuple[str | None, list[str], bytes, bool]] = field(default_factory=list)
    sessions: list[SMTP] = field(default_factory=list)

    async def handle_MAIL(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Note the sender, or say what the test wants said."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._reply("MAIL", envelope)

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Note the recipient, or say what the test wants said."""
        reply = self._reply("RCPT", envelope)
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the mail, hang up, or say what the test wants said."""
        self.asked.set()
        if self.gate:
            await self.gate.wait()
        reply = self._reply("DATA", envelope)
        if reply == "drop":
            _hang_up(server)
        elif reply.startswith("250"):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            self.received.append((envelope.mail_from, list(envelope.rcpt_tos), content, session.ssl is not None))
        return reply

    def _reply(self, command: str, envelope: Envelope) -> str:
        reply = self.replies.pop(command, "250 OK")
        if command == "MAIL" and not reply.startswith("250"):
            envelope.mail_from = None
        return reply


def _hang_up(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


def _server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


def _client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


@asynccontextmanager
async def _relay(*, implicit: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Relay]:
    relay = Relay()

    def session() -> SMTP:
        server = SMTP(relay, hostname="relay.example", **options)
        relay.sessions.append(server)
        return server

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(session, "127.0.0.1", 0, ssl=implicit)
    relay.port = listener.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        listener.close()
        for server in relay.sessions:
            _hang_up(server)
        await listener.wait_closed()


@asynccontextmanager
async def _transport(relay: Relay, **changes: Any) -> AsyncIterator[SmtpTransport]:
    options = {"host": "127.0.0.1", "port": relay.port, "security": "none", "timeout": 20.0, **changes}
    transport = SmtpTransport(**options)
    try:
        yield transport
    finally:
        await transport.close()


async def _send(transport: SmtpTransport) -> None:
    await transport.send(MAIL, sender=FROM, recipient=TO)


# ---------------------------------------------------------------- encryption


async def test_a_mail_arrives_unchanged_over_starttls() -> None:
    """Envelope and bytes are what we gave, lines of dots included, and the connection was encrypted before the envelope."""
    async with (
        _relay(tls_context=_server_context(), require_starttls=True) as relay,
        _transport(relay, security="starttls", tls_context=_client_context()) as transport,
    ):
        await _send(transport)

    assert relay.received == [(FROM, [TO], MAIL, True)]


async def test_implicit_tls() -> None:
    """A relay on the port for TLS from the first byte is served too."""
    async with (
        _relay(implicit=_server_context()) as relay,
        _transport(relay, security="tls", tls_context=_client_context()) as transport,
    ):
        await _send(transport)

    assert [recipients for _, recipients, _, _ in relay.received] == [[TO]]


async def test_without_starttls_nothing_is_sent() -> None:
    """A relay (or somebody in between) that does not offer STARTTLS gets no mail in clear."""
    async with _relay() as relay, _transport(relay, security="starttls", tls_context=_client_context()) as transport:
        with pytest.raises(DeliveryDeferredError, match="不提供所设的加密"):
            await _send(transport)

    assert relay.received == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_is_not_trusted(security: str) -> None:
    """Where the relay's certificate does not hold, nothing is sent and the operator is told about certificates."""
    context = _server_context()
    served: dict[str, Any] = {"implicit": context} if security == "tls" else {"tls_context": context}
    async with _relay(**served) as relay, _transport(relay, security=security) as transport:
        with pytest.raises(DeliveryDeferredError, match="证书"):
            await _send(transport)

    assert relay.received == []


# ---------------------------------------------------------------- login


def _only_the_right_password(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"zuozhen", b"right"), handled=False)


@pytest.mark.parametrize(("password", "delivered"), [("right", 1), ("wrong", 0)])
async def test_login(password: str, delivered: int) -> None:
    """The right password delivers; a wrong one defers (our trouble, not the mail's) and says what to check."""
    options: dict[str, Any] = {"tls_context": _server_context(), "auth_required": True, "authenticator": _only_the_right_password}
    async with (
        _relay(**options) as relay,
        _transport(relay, security="starttls", tls_context=_client_context(), username="zuozhen", password=password) as transport,
    ):
        if delivered:
            await _send(transport)
        else:
            with pytest.raises(DeliveryDeferredError, match="请核对用户名和口令"):
                await _send(transport)

    assert len(relay.received) == delivered


@pytest.mark.parametrize("host", ["relay.example", "10.0.0.1", "0.0.0.0"])  # noqa: S104 - an address to be refused, not bound
def test_a_password_never_crosses_the_network_in_clear(host: str) -> None:
    """Login without encryption is refused when the transport is made, except on this very machine."""
    with pytest.raises(ConfigError, match="starttls"):
        SmtpTransport(host=host, port=25, security="none", username="u", password="p")

    assert "p4ss" not in repr(SmtpTransport(host="::1", port=25, security="none", username="u", password="p4ss"))


# ---------------------------------------------------------------- replies


@pytest.mark.parametrize(
    ("command", "reply", "error"),
    [
        ("RCPT", "550 5.1.1 no such user", AddressRefusedError),
        ("RCPT", "552 5.2.2 mailbox full", MailTooLargeError),
        ("RCPT", "450 4.2.0 greylisted", DeliveryDeferredError),
        ("DATA", "554 5.7.1 looks like spam", DeliveryRefusedError),
        ("DATA", "552 5.3.4 too large", MailTooLargeError),
        ("RCPT", "421 4.3.2 closing", DeliveryDeferredError),
        ("DATA", "451 4.3.0 try again", DeliveryDeferredError),
        ("MAIL", "552 5.3.4 too large", MailTooLargeError),
        ("MAIL", "553 5.7.1 not your address", DeliveryDeferredError),
        ("MAIL", "421 4.3.2 closing", DeliveryDeferredError),
        ("MAIL", "452 4.3.1 no space", DeliveryDeferredError),
    ],
)
async def test_what_a_reply_means(command: str, reply: str, error: type[Exception]) -> None:
    """5xx to the recipient or the content is for good, 4xx and trouble with our own sender address are not; the next mail goes through."""
    async with _relay() as relay, _transport(relay) as transport:
        relay.replies[command] = reply
        with pytest.raises(error, match=reply[:3]) as caught:
            await _send(transport)
        await _send(transport)

    assert type(caught.value) is error
    assert reply[4:] in str(caught.value)
    assert len(relay.received) == 1


async def test_a_refusal_keeps_the_connection() -> None:
    """After a refused recipient the same connection serves the next mail."""
    async with _relay() as relay, _transport(relay) as transport:
        relay.replies["RCPT"] = "550 5.1.1 no such user"
        with pytest.raises(DeliveryRefusedError):
            await _send(transport)
        await _send(transport)

    assert len(relay.sessions) == 1


# ---------------------------------------------------------------- connections


async def test_a_connection_is_used_again() -> None:
    """Three mails one after another need one connection."""
    async with _relay() as relay, _transport(relay) as transport:
        for _ in range(3):
            await _send(transport)

    assert (len(relay.received), len(relay.sessions)) == (3, 1)


async def test_a_connection_that_went_stale_costs_nothing() -> None:
    """A relay that hung up in the meantime is called again, and the mail is delivered at the first try, once."""
    async with _relay() as relay, _transport(relay) as transport:
        await _send(transport)
        _hang_up(relay.sessions[0])
        await _send(transport)

    assert (len(relay.received), len(relay.sessions)) == (2, 2)


async def test_a_connection_lost_in_the_middle_defers() -> None:
    """A relay that hangs up on the content leaves the mail to be tried again; the next one opens a new connection."""
    async with _relay() as relay, _transport(relay) as transport:
        relay.replies["DATA"] = "drop"
        with pytest.raises(DeliveryDeferredError, match="连接中断"):
            await _send(transport)
        await _send(transport)

    assert (len(relay.received), len(relay.sessions)) == (1, 2)


async def test_no_more_connections_than_allowed() -> None:
    """Five mails at once over two connections: all arrive, none over a third."""
    async with _relay() as relay, _transport(relay, connections=2) as transport:
        await asyncio.gather(*(_send(transport) for _ in range(5)))

    assert len(relay.received) == 5
    assert len(relay.sessions) == 2


async def test_a_stopped_send_leaves_no_half_spoken_connection() -> None:
    """A send cancelled while the relay thinks is not continued by the next mail: that one gets a connection of its own."""
    async with _relay() as relay, _transport(relay, connections=1) as transport:
        relay.gate = asyncio.Event()
        task = asyncio.create_task(_send(transport))
        await relay.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        relay.gate.set()
        relay.gate = None
        await _send(transport)

    assert len(relay.sessions) == 2


async def test_a_relay_that_is_away_defers(unused_port: int) -> None:
    """Nobody listening is a matter of time."""
    transport = SmtpTransport(host="127.0.0.1", port=unused_port, security="none")

    with pytest.raises(DeliveryDeferredError, match="连不上邮件服务器"):
        await _send(transport)


@pytest.fixture
async def unused_port() -> int:
    """Return a port on which nobody listens."""
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port


async def test_a_relay_that_says_nothing_defers() -> None:
    """A server that accepts the connection and falls silent is given up after the timeout."""
    finished = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await finished.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        transport = SmtpTransport(host="127.0.0.1", port=server.sockets[0].getsockname()[1], security="none", timeout=0.05)
        with pytest.raises(DeliveryDeferredError, match="没有及时应答"):
            await _send(transport)
        finished.set()


@pytest.mark.parametrize("greeting", [b"554 no service here\r\n", b"hello?\r\n", b"220 " + b"x" * 100_000 + b"\r\n"])
async def test_a_greeting_that_is_none_defers(greeting: bytes) -> None:
    """A 5xx greeting, nonsense or an endless line is the relay's trouble: no mail is lost over it."""

    async def odd(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(odd, "127.0.0.1", 0)
    async with server:
        transport = SmtpTransport(host="127.0.0.1", port=server.sockets[0].getsockname()[1], security="none", timeout=20)
        with pytest.raises(DeliveryDeferredError):
            await _send(transport)


async def test_closing_twice_is_harmless() -> None:
    """At shutdown idle connections are left politely, also one the relay has dropped."""
    async with _relay() as relay, _transport(relay) as transport:
        await _send(transport)
        _hang_up(relay.sessions[0])
        await transport.close()
        await transport.close()

    assert len(relay.received) == 1


# ---------------------------------------------------------------- the folder


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_the_folder_gets_one_file_a_mail(tmp_path: Path) -> None:
    """The file is the mail, readable by the owner only; sent again it overwrites itself; nothing unfinished is left."""
    folder = FolderTransport(tmp_path / "out")

    for _ in range(2):
        await folder.send(MAIL, sender=FROM, recipient=TO)
    await folder.close()

    (file,) = _files(tmp_path / "out")
    assert file.suffix == ".eml"
    assert file.read_bytes() == MAIL
    assert file.stat().st_mode & 0o777 == 0o600
    assert email.message_from_bytes(file.read_bytes(), policy=email.policy.default)["Message-ID"] == f"<{QUEUED.message_id}>"


@pytest.mark.parametrize(
    "change",
    [lambda mail: mail.replace(QUEUED.message_id.encode(), b"other@gov.example"), lambda mail: mail.replace(b"Message-ID", b"X-Nothing")],
    ids=["another id", "no id"],
)
async def test_different_mails_are_different_files(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """Two mails never overwrite each other, also where one has no Message-ID."""
    folder = FolderTransport(tmp_path)

    await folder.send(MAIL, sender=FROM, recipient=TO)
    await folder.send(change(MAIL), sender=FROM, recipient=TO)

    assert len(_files(tmp_path)) == 2


async def test_a_folder_that_cannot_be_written_defers(tmp_path: Path) -> None:
    """A full or forbidden disk puts the mail off; the operator reads which folder."""
    file = tmp_path / "out"
    file.touch()

    with pytest.raises(DeliveryDeferredError, match="写不进目录"):
        await FolderTransport(file).send(MAIL, sender=FROM, recipient=TO)

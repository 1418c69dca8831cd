"""The SMTP and LMTP door, and the only module that imports aiosmtpd. A 250 behind DATA means: the store has committed.

What goes wrong on our side answers 451, so that the sender keeps the message and tries again; a retry after a lost 250 is harmless,
since `source_key` and `content_key` say that it is the same message. No trace header is put in front of it: the envelope is kept in
its own fields, and the bytes stay those that were sent.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from channels.smtp_body import Body, Overflow, Pool
from channels.smtp_delivery import DEFERRED, STORED, Accept, Deliveries, Transaction, domain, report
from channels.smtp_listener import Listener
from store import tokens

__all__ = ["Listener", "Reception"]

log = structlog.get_logger()

_MAX_RECIPIENTS = 100  # RFC 5321 4.5.3.1.8 asks for at least as many
_MIN_RATE = 500  # octets a second below which a client that sends DATA is idle
_FLUSH_S = 5.0  # how long a client may take to read our last words
_CHUNK = 1 << 30  # all that has arrived; the stream's own limit keeps it below 400 KiB
# Blame for a reply: a recipient nobody knows is a slip, a command nobody knows is not mail. 60 lets one message with Postfix's 50
# recipients through although none but the last exists; the fourth unknown command ends it.
_BLAME = {"500": 15, "501": 15, "502": 15, "503": 5, "530": 1, "452": 1, "550": 1, "552": 1, "553": 1, "555": 5}
_PATIENCE = 59
# Commands that cost a client nothing are counted; it may come back on a new connection.
_CALLS = {"NOOP": 100, "VRFY": 20, "EXPN": 20, "EHLO": 20, "HELO": 20, "LHLO": 20, "STARTTLS": 3, "*": 10_000}
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3} ")
_MEANING = {"250": "2.0.0", "500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "552": "5.3.4", "555": "5.5.4"}  # RFC 3463
# RFC 5321 4.1.2: a path with an old source route, which is ignored; the angle brackets may be missing. Linear: every part excludes the next.
_PATH = re.compile(r'(?:<(?:@[^:<>"]*:)?((?:"(?:[^"\\]|\\.)*")?[^<>"\s]*)>|([^<>"\s]+))(?:\s+(.*))?')

_IDLE = "421 4.4.2 Idle for too long"
_CLOSING = "421 4.3.2 Service is closing, please try again later"


class _Envelope(Envelope):
    """aiosmtpd's envelope, and the district of every recipient accepted so far."""

    def __init__(self) -> None:
        super().__init__()
        self.districts: dict[str, list[str]] = {}  # district → recipients as the client wrote them, in order


class Reception:
    """One listening door: knows the recipients, hands complete messages to the store, and starts and stops the listening.

    *recipients* maps an address (lower-cased) to its district. Postmaster (RFC 5321 4.5.1) is a recipient only if it stands there:
    the gateway in front of us has a postmaster who reads his mail, and a mailbox that nobody reads would swallow it.
    *accept* returns one receipt an arrival, in order, once all of them are committed in one transaction. SMTPUTF8 is offered: an
    address in Chinese letters costs us nothing, and without it the sender's server would have to return the petition.
    """

    def __init__(self, listener: Listener, *, recipients: Mapping[str, str], accept: Accept, now: Callable[[], datetime]) -> None:
        """Keep the parts; nothing is opened before `start`."""
        self.listener = listener
        self.pool = Pool(listener.max_in_flight)
        self.is_stopping = False
        self.port = 0  # the TCP port bound, once started
        self.deliveries = Deliveries(door=listener.protocol, accept=accept, now=now, timeout_s=listener.commit_timeout_s)
        self._recipients = recipients
        self._server: asyncio.Server | None = None
        self._conversations: set[_Conversation] = set()
        self._is_full = False

    async def start(self) -> None:
        """Begin to listen. Raises UsageError where the address cannot be bound."""
        # aiosmtpd writes addresses, commands and the lines of DATA to this logger; what may be known is in our own events.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
        self._server = await self.listener.open(self._answer)
        if not self.listener.path:
            self.port = int(self._server.sockets[0].getsockname()[1])
        log.info("smtp.started", door=self.listener.protocol, port=self.port, path=self.listener.path)

    async def stop(self, *, grace_s: float = 20.0) -> None:
        """Stop listening; let transactions under way end for up to *grace_s* seconds, then cut the rest with 421."""
        self.is_stopping = True
        if self._server is not None:
            self._server.close()
        for conversation in tuple(self._conversations):
            if not conversation.is_busy():
                conversation.dismiss(_CLOSING)
        await self._settled(grace_s)
        for conversation in tuple(self._conversations):
            conversation.dismiss(_CLOSING)
        self.deliveries.close()
        await self._settled(_FLUSH_S)
        log.info("smtp.stopped", door=self.listener.protocol)

    def district_of(self, address: str) -> str | None:
        """Return the district whose mailbox *address* is; None for a stranger's."""
        return self._recipients.get(tokens.without_plus(address).lower())

    def forget(self, conversation: _Conversation) -> None:
        """Take note that *conversation* is over."""
        self._conversations.discard(conversation)

    def _answer(self) -> asyncio.Protocol:
        """Make the protocol for a new connection."""
        was_full, self._is_full = self._is_full, len(self._conversations) >= self.listener.max_connections
        if self._is_full or self.is_stopping:
            if self._is_full and not was_full:  # once, not for each of ten thousand
                log.warning("smtp.refused", reason="too_many_connections", door=self.listener.protocol)
            return _TurnedAway()
        conversation = _Conversation(self)
        self._conversations.add(conversation)
        return conversation

    async def _settled(self, seconds: float) -> None:
        """Wait until no conversation and no delivery is left, at most *seconds*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.deliveries.running or self._conversations:
                    waiting: list[asyncio.Future[Any]] = [*self.deliveries.running, *(c.finished for c in self._conversations)]
                    await asyncio.wait(waiting)


class _TurnedAway(asyncio.Protocol):
    """A connection above the cap."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so and hang up."""
        _last_words(transport, "421 4.3.2 Too many connections, please try again later")


class _Conversation(SMTP):
    """One connection: the commands of RFC 5321 or RFC 2033, with the limits that aiosmtpd does not know."""

    line_length_limit = 64 << 10  # of commands and of the buffer; lines of DATA may be as long as they like
    command_size_limit = 2_048
    envelope: _Envelope
    session: Session

    def __init__(self, reception: Reception) -> None:
        """Prepare for one client of *reception*."""
        listener = reception.listener
        super().__init__(
            None,
            data_size_limit=listener.max_size,
            enable_SMTPUTF8=True,
            hostname=listener.hostname,
            ident="LMTP" if listener.protocol == "lmtp" else "ESMTP",
            tls_context=listener.tls,
            timeout=listener.idle_timeout_s,
            command_call_limit=dict(_CALLS),
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = defaultdict(lambda: self.command_size_limit)  # aiosmtpd shares one over all connections
        self.finished: asyncio.Future[None] = self.loop.create_future()
        self._reception = reception
        self._blame = 0
        self._is_reading = False
        # The commands we know, instead of whatever methods there are: no AUTH, no HELP, no BDAT.
        greetings = {"LHLO": self._hello} if listener.protocol == "lmtp" else {"EHLO": self._hello, "HELO": self._plain_hello}
        self._smtp_methods = {
            **greetings,
            "MAIL": self.smtp_MAIL,
            "RCPT": self.smtp_RCPT,
            "DATA": self._data,
            "RSET": self.smtp_RSET,
            "NOOP": self.smtp_NOOP,
            "QUIT": self.smtp_QUIT,
            "VRFY": self._verify,
            "EXPN": self._verify,
            **({"STARTTLS": self._starttls} if listener.tls else {}),
        }
        self._handle_hooks = {"MAIL": self._begin, "RCPT": self._add_recipient}

    # ------------------------------------------------------------ life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the conversation, or go on behind STARTTLS (what was pipelined before it is gone then, RFC 3207 4.2)."""
        super().connection_made(transport)
        if self._tls_protocol is None and self._handler_coroutine is not None:
            # The end of the handler is the end: asyncio does not report a connection lost in the middle of a TLS handshake.
            self._handler_coroutine.add_done_callback(self._ended)
            if self._reception.is_stopping:  # accepted by the kernel just before we stopped listening
                self.dismiss(_CLOSING)

    def is_busy(self) -> bool:
        """Return True from an accepted MAIL to the reply behind DATA."""
        return self.envelope.mail_from is not None

    def dismiss(self, reply: str) -> None:
        """Say *reply* (421) and hang up, at once."""
        if self.transport is not None:
            _last_words(self.transport, reply)
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    async def handle_exception(self, error: Exception) -> str:
        """Answer for a bug in the conversation. aiosmtpd itself would say 500, and with it the words of the exception.

        In the middle of DATA the rest of the message would be taken for commands, so the connection is closed.
        """
        if isinstance(error, OSError):
            return "421 4.4.2 Connection lost"  # nobody hears it; it ends the conversation
        if isinstance(error, TLSSetupException):
            log.warning("smtp.tls_failed", peer=self._peer(), error=type(error.__cause__).__name__)
        else:
            report(error, door=self._reception.listener.protocol, peer=self._peer())
        return "421 4.3.0 Temporary trouble here, please try again later" if self._is_reading else DEFERRED

    async def push(self, status: str | bytes) -> None:
        """Send a reply, with its enhanced code (RFC 2034, which LMTP demands); after a 421 hang up."""
        reply = self._weighed(status) if isinstance(status, str) else status.decode()
        if reply.startswith("421"):
            self.dismiss(reply)
            raise asyncio.CancelledError  # nothing pipelined behind it counts
        await super().push(reply)

    def _weighed(self, reply: str) -> str:
        code = reply[:3]
        self._blame += _BLAME.get(code, 0)
        if self._blame > _PATIENCE:
            log.info("smtp.refused", reason="too_many_errors", peer=self._peer())
            return "421 4.7.0 Too many errors"
        if code in {"452", "552"}:
            log.info("smtp.refused", reason=reply, peer=self._peer())
        if code in _MEANING and not _ENHANCED.match(reply, 4):
            return f"{code} {_MEANING[code]}{reply[3:]}"
        return reply

    def _ended(self, handler: asyncio.Task[None]) -> None:
        error = None if handler.cancelled() else handler.exception()
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            report(error, door=self._reception.listener.protocol, peer=self._peer())
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        for transport in (self.transport, self._original_transport):
            if transport is not None:
                _last_words(transport, "")
        self._reception.forget(self)
        if not self.finished.done():
            self.finished.set_result(None)

    def _timeout_cb(self) -> None:
        log.info("smtp.timed_out", peer=self._peer())
        self.dismiss(_IDLE)

    def _create_envelope(self) -> _Envelope:
        return _Envelope()

    def _peer(self) -> str:
        peer = self.session.peer
        return str(peer[0]) if isinstance(peer, tuple) else "unix"

    # ------------------------------------------------------------ commands

    async def _hello(self, name: str | None) -> None:
        """EHLO, or LHLO in LMTP."""
        if not name:
            await self.push("501 A host name must follow")
            return
        self.envelope = self._create_envelope()
        self.session.extended_smtp = True
        self.session.host_name = name
        offers = [self.hostname, f"SIZE {self.data_size_limit}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        if self.tls_context and self._tls_protocol is None:
            offers.append("STARTTLS")
        await self.push("\r\n".join(f"250-{offer}" for offer in offers[:-1]).encode() + f"\r\n250 {offers[-1]}".encode())

    async def _plain_hello(self, name: str | None) -> None:
        """HELO, for clients that know no extension."""
        if not name:
            await self.push("501 A host name must follow")
            return
        self.envelope = self._create_envelope()
        self.session.extended_smtp = False
        self.session.host_name = name
        await self.push(f"250 {self.hostname}".encode())

    async def _starttls(self, arg: str | None) -> None:
        if self._tls_protocol is not None:
            await self.push("503 TLS is on already")
            return
        await self.smtp_STARTTLS(arg)
        if self._tls_protocol is not None and self.session.ssl is None:
            raise ConnectionResetError  # gone in the middle of the handshake; asyncio wakes us as if all were well

    async def _verify(self, _arg: str | None) -> None:
        """VRFY and EXPN: who has a mailbox here is told to nobody who asks (RFC 5321 7.3)."""
        await self.push("252 2.5.0 Cannot verify, but will take mail for the mailboxes here")

    async def _begin(self, _server: SMTP, _session: Session, envelope: _Envelope, address: str, options: list[str]) -> str:
        """MAIL. The null sender is "<>" here, so that a second MAIL is known for what it is."""
        if self._reception.is_stopping:
            return _CLOSING
        if self._reception.listener.require_tls and self._tls_protocol is None:
            return "530 5.7.0 Must issue a STARTTLS command first"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def _add_recipient(self, _server: SMTP, _session: Session, envelope: _Envelope, address: str, _options: list[str]) -> str:
        """RCPT."""
        if len(envelope.rcpt_tos) >= _MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        district = self._reception.district_of(address)
        if district is None:
            log.info("smtp.refused", reason="unknown_recipient", recipient_domain=domain(address), peer=self._peer())
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        envelope.districts.setdefault(district, []).append(address)
        return "250 2.1.5 OK"

    async def _data(self, arg: str | None) -> None:
        """Take the message, have it stored, and only then say so.

        All arrivals of one message are one transaction, so LMTP's replies, one for each recipient (RFC 2033 4.2), are all the same.
        """
        if not self.envelope.rcpt_tos:
            await self.push("503 No valid recipient yet")
            return
        if arg:
            await self.push("501 DATA takes no argument")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        reply = await self._outcome(await self._read_body())
        count = len(self.envelope.rcpt_tos) if self._reception.listener.protocol == "lmtp" else 1
        self.envelope = self._create_envelope()
        if reply == STORED:
            self._blame = 0  # who brings mail is no prober; a gateway keeps one connection for hours
        for number in range(count):
            await self.push(reply if number == 0 else reply.encode())  # one fault, however many recipients
        if self._reception.is_stopping:
            await self.push(_CLOSING)

    async def _read_body(self) -> Body:
        body = Body(self._reception.listener.max_size, self._reception.pool)
        self._is_reading = True
        deadline = self.loop.time() + self._timeout_duration
        rest = None
        try:
            while rest is None:
                chunk = await self._reader.read(_CHUNK)
                rest = body.feed(chunk)
                # Octets buy time: a client that sends one a minute does not hold its connection for ever.
                now = self.loop.time()
                deadline = min(deadline + len(chunk) / _MIN_RATE, now + self._timeout_duration)
                if deadline <= now:
                    await self.push(_IDLE)
                self._reset_timeout(deadline - now)
        except BaseException:
            body.release()
            raise
        self._is_reading = False
        if rest:
            self._reader.feed_data(rest)  # the buffer is empty, `read` took all
        return body

    async def _outcome(self, body: Body) -> str:
        """Return the reply to a complete message."""
        if body.overflow is Overflow.NONE:
            if self._timeout_handle is not None:
                self._timeout_handle.cancel()  # from here on it is we who are slow
            sender = "" if self.envelope.mail_from == "<>" else self.envelope.mail_from or ""
            transaction = Transaction(body=body, peer=self._peer(), sender=sender, recipients=self.envelope.districts)
            reply = await asyncio.shield(self._reception.deliveries.begin(transaction))
            self._reset_timeout()
            return reply
        return (
            "552 5.3.4 Message too big" if body.overflow is Overflow.TOO_BIG else "452 4.3.1 Too much mail at once, please try again later"
        )

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Return address and parameters of MAIL or RCPT; (None, None) where it is none. "<>" stands for the null sender.

        In place of aiosmtpd's, which asks a private parser of the email package that is neither strict nor meant for strangers.
        """
        match = _PATH.fullmatch(arg)
        if match is None or not arg.isprintable():
            return None, None
        return match[1] or match[2] or "<>", match[3] or ""


def _last_words(transport: asyncio.BaseTransport, reply: str) -> None:
    """Write *reply* if there is one, close, and cut off a client that does not read it."""
    if transport.is_closing():
        return
    if reply and isinstance(transport, asyncio.WriteTransport):
        transport.write(reply.encode() + b"\r\n")
    transport.close()
    if isinstance(transport, asyncio.WriteTransport):
        asyncio.get_running_loop().call_later(_FLUSH_S, transport.abort)

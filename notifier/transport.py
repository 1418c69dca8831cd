"""Hands one finished mail to a relay or writes it to a folder; the only module that imports aiosmtplib.

What a reply means for the notice: a mail that the relay refuses for good (5xx to the recipient or the content) is refused; everything else,
and every 5xx that is about us rather than the mail (greeting, login, sender address, no STARTTLS), is deferred. A password that expired
over night must not lose a night's mail. A mail that is too large (552) is an error of its own: sent again without the original it may pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.policy import compat32
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Protocol

import aiosmtplib

from notifier.plain import line
from store.errors import AddressRefusedError, ConfigError, DeliveryDeferredError, DeliveryRefusedError, MailTooLargeError, Problem
from store.trouble import reason

_PERMANENT = range(500, 600)
_STATUS = re.compile(r"5\.\d{1,3}\.\d{1,3}\b")  # at the head of a reply (RFC 2034)
_TOO_LARGE = 552  # may already answer MAIL FROM (RFC 1870 6.1)
_SLOWEST = 100_000  # bytes a second: a large mail may take its time
_GOODBYE_S = 2.0  # for QUIT: courtesy, nothing hangs on it
_MAX_REPLY = 300  # code points of a relay's reply that we keep
_MAX_ENVELOPE_ID = 100  # RFC 3461 4.4
_OURS: dict[type[Exception], str] = {
    aiosmtplib.SMTPAuthenticationError: "登录邮件服务器失败，请核对用户名和口令",
    aiosmtplib.SMTPSenderRefused: "邮件服务器不接受发件地址，请核对发件人设置",
}


class Transport(Protocol):
    """A way out for mail."""

    async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
        """Deliver *message* and return what the other side said, a queue number for the most part.

        *envelope_id* comes back in a report of a mail that could not be delivered, where the other side can do that. Raises
        DeliveryDeferredError where it may be tried again, MailTooLargeError where a smaller mail may pass, AddressRefusedError where none
        may to this recipient, else DeliveryRefusedError.
        """

    async def close(self) -> None:
        """Let go of connections; sending again afterwards opens them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a relay showed when nothing was sent: until when its certificate holds (seconds since 1970), None without encryption."""

    certificate_ends: float | None


@dataclass(kw_only=True, eq=False)
class SmtpTransport:
    """A relay over SMTP. Connections are kept and used again, at most *connections* at a time.

    *security* "starttls" and "tls" check the relay's certificate and never fall back to plain text; *timeout* is in seconds a step.
    """

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    connections: int = 2
    tls_context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        """Refuse to send a password over the network in clear; raises ConfigError."""
        if self.password and self.security == "none" and not _is_loopback(self.host):
            problem = Problem(place="relay", key="security", message="不加密时不能使用口令登录", remedy="改为 starttls 或 tls")
            raise ConfigError([problem])
        self._idle: list[aiosmtplib.SMTP] = []
        self._free = asyncio.Semaphore(self.connections)

    async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
        """Deliver *message* to one recipient; the errors are those of `Transport`, with the relay's reply in their text."""
        patience = self.timeout + len(message) / _SLOWEST
        async with self._free, self._connection() as client:
            options = _report_options(envelope_id) if client.supports_extension("dsn") else []
            try:
                _, reply = await client.sendmail(sender, [recipient], message, mail_options=options, timeout=patience)
            except aiosmtplib.SMTPRecipientsRefused as error:
                raise _for_recipient(error.recipients[0]) from error
            except aiosmtplib.SMTPDataError as error:
                raise _for_mail(error) from error
            except aiosmtplib.SMTPSenderRefused as error:
                raise (_for_mail(error) if error.code == _TOO_LARGE else _deferred(error)) from error
            return f"250 {line(reply, _MAX_REPLY)}"

    async def probe(self) -> Probe:
        """Connect, encrypt and log in as for a mail, and send none; raises DeliveryDeferredError, whose words say what stands in the way."""
        try:
            client = await self._connected()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _deferred(error) from error
        certificate = client.transport.get_extra_info("peercert") if client.transport else None
        ends = (certificate or {}).get("notAfter")
        await _quit(client)
        return Probe(certificate_ends=ssl.cert_time_to_seconds(ends) if ends else None)

    async def close(self) -> None:
        """Say goodbye on every idle connection; one that does not listen is dropped."""
        idle, self._idle[:] = list(self._idle), []
        await asyncio.gather(*map(_quit, idle))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Lend a connection. It is kept for the next mail only where the relay left it in a known state."""
        try:
            client = await self._reused() or await self._connected()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _deferred(error) from error
        try:
            yield client
        except (DeliveryRefusedError, DeliveryDeferredError):
            self._idle.append(client)  # the relay said no in good order; aiosmtplib has sent RSET
            raise
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise _deferred(error) from error
        except BaseException:  # stopped half-way: nobody knows what the relay is waiting for
            client.close()
            raise
        else:
            self._idle.append(client)

    async def _reused(self) -> aiosmtplib.SMTP | None:
        """Return an idle connection that still answers, None where there is none. Asking first keeps a stale one from costing a try."""
        while self._idle:
            client = self._idle.pop()
            try:
                await client.noop()
            except (aiosmtplib.SMTPException, OSError):
                client.close()
            except BaseException:
                client.close()
                raise
            else:
                return client
        return None

    async def _connected(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",  # True demands it, False forbids it; None would fall back silently
            username=self.username,
            password=self.password,
            timeout=self.timeout,
            tls_context=self.tls_context,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client


@dataclass(frozen=True, slots=True)
class FolderTransport:
    """A folder of .eml files in place of a relay, for trial runs. The file is named after the Message-ID: a repeat overwrites itself."""

    folder: Path

    async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
        """Write *message* as one file, whole or not at all; raises DeliveryDeferredError where the folder does not take it."""
        del sender, recipient, envelope_id  # all stand in the headers; nobody reads an envelope here
        name = _file_of(message)
        try:
            await asyncio.to_thread(_write, self.folder, name, message)
        except OSError as error:
            raise DeliveryDeferredError(f"写不进目录 {self.folder}：{reason(error)}") from error
        return f"已写成 {name}"

    async def close(self) -> None:
        """Nothing to let go of."""


def _for_recipient(error: aiosmtplib.SMTPResponseException) -> DeliveryRefusedError | DeliveryDeferredError:
    """Return what the relay's reply to the recipient means for a mail."""
    meant = _for_mail(error)
    if not isinstance(meant, DeliveryRefusedError) or isinstance(meant, MailTooLargeError):
        return meant
    status = _STATUS.match(error.message)
    return AddressRefusedError(str(meant), status=status[0] if status else "")


def _for_mail(error: aiosmtplib.SMTPResponseException) -> DeliveryRefusedError | DeliveryDeferredError:
    """Return what the relay's reply to this very mail means for it."""
    if error.code == _TOO_LARGE:
        return MailTooLargeError(f"邮件服务器拒收：{_reply(error)}")
    if error.code in _PERMANENT:
        return DeliveryRefusedError(f"邮件服务器拒收：{_reply(error)}")
    return _deferred(error)


def _report_options(envelope_id: str) -> list[str]:
    """Return the options of RFC 3461: a report shall bring back the headers, not 20 MB of original, and *envelope_id*."""
    encoded = "".join(char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in envelope_id)
    return ["RET=HDRS", *([f"ENVID={encoded}"] if 0 < len(encoded) <= _MAX_ENVELOPE_ID else [])]


def _deferred(error: Exception) -> DeliveryDeferredError:
    """Say in Chinese what stood in the way, and where it is a setting, which one to look at."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return DeliveryDeferredError(f"{_OURS.get(type(error), '邮件服务器暂不接收')}：{_reply(error)}")
    words = line(str(error), _MAX_REPLY) or type(error).__name__
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return DeliveryDeferredError(f"与邮件服务器建立加密连接失败，请核对证书、端口和加密方式：{words}")
    if isinstance(error, TimeoutError):
        return DeliveryDeferredError(f"邮件服务器没有及时应答：{words}")
    if isinstance(error, OSError):
        return DeliveryDeferredError(f"连不上邮件服务器或连接中断：{words}")
    return DeliveryDeferredError(f"邮件服务器不提供所设的加密或登录方式：{words}")


def _reply(error: aiosmtplib.SMTPResponseException) -> str:
    return f"{error.code} {line(error.message, _MAX_REPLY)}"


async def _quit(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit(timeout=_GOODBYE_S)
    except (aiosmtplib.SMTPException, OSError):  # TimeoutError among them: a relay that hangs must not hold up our end
        client.close()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def caught_name(message_id: str) -> str:
    """Return under which name a `FolderTransport` keeps the mail with *message_id* (without angle brackets)."""
    return _name_by(f"<{message_id}>".encode())


def _file_of(message: bytes) -> str:
    head = BytesHeaderParser(policy=compat32).parsebytes(message)
    return _name_by(str(head.get("Message-ID") or "").encode() or message)


def _name_by(identity: bytes) -> str:
    return f"{hashlib.sha256(identity).hexdigest()[:32]}.eml"


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write, flush to the disk, then rename: a reader sees the whole file or none, also after a power cut."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{name}.{os.getpid()}.part"
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # letters of citizens: for our own eyes
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(folder / name)
    listing = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)

"""One logged-in connection to an IMAP server, and the only module that imports imapclient. It is used from one thread.

What Chinese providers need is built in: ID behind the login (163 and 126 else answer "Unsafe Login"), searching by UID alone (QQ and
Aliyun refuse a CHARSET), raw bytes instead of ENVELOPE (QQ's breaks parsers). Sequence numbers are never used: they shift while others
work in the same mailbox. Every failure comes out as one of three errors: not to be reached, login refused, command refused.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import ssl
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Literal

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

from store.errors import ChannelUnavailableError, CommandRefusedError, LoginRefusedError
from store.trouble import reason

Security = Literal["tls", "starttls", "none"]

_LONGEST_LINE = 16 << 20  # octets: the UIDs of two million messages; imaplib's own limit ends at some 120,000
_PIECE = 256 << 10
_SLOWEST = 2_000  # octets a second; what comes slower than this ties a thread up
_HEADER = 256 << 10  # octets of a header that are fetched where the message itself is not
_GOODBYE_S = 2.0
_MAX_WORDS = 300  # characters of a server's reply that we keep
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
_NOT_NOW = ("[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]", "[ALERT] System")  # RFC 5530: no fault of name or password
_BROKEN = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError)  # what its parsers raise over nonsense

# Debug lines of the library hold commands and what the server says: none of the log's business.
for _name in ("imapclient", "imapclient.imaplib", "imapclient.imapclient", "imapclient.util"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class LiteralTooLargeError(ChannelUnavailableError):
    """The server began to send more than was asked for. The connection is lost: what it sends cannot be skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where a mailbox is and who we are there. *timeout_s* bounds the connecting and each wait for the next octets."""

    host: str
    port: int
    security: Security
    user: str
    tls: ssl.SSLContext | None = None  # None: the system's authorities; names are always checked
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A folder as SELECT describes it. `uidnext` is None where the server does not say (RFC 3501 leaves it free to)."""

    uidvalidity: int
    uidnext: int | None
    exists: int
    keeps_keywords: bool  # whether it takes flags of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known of a message before it is fetched: its size as the server claims, and when it came into the mailbox."""

    size: int
    at: datetime | None


class Connection:
    """A connection from `open` to `close`. Any ChannelUnavailableError but CommandRefusedError means that it is of no more use."""

    def __init__(self, account: Account, client: IMAPClient, meter: _Meter) -> None:
        """Take over a client that is logged in; see `open`."""
        self.account = account
        self.abilities: frozenset[str] = frozenset()
        self.identity: Mapping[str, str] = {}  # what the server says of itself
        self._client = client
        self._meter = meter

    @classmethod
    def open(cls, account: Account, password: str) -> Connection:
        """Connect, encrypt, log in, introduce ourselves. Raises LoginRefusedError or ChannelUnavailableError; never goes on in clear."""
        with _told(account):
            client = IMAPClient(
                account.host,
                account.port,
                ssl=account.security == "tls",
                ssl_context=account.tls,
                timeout=account.timeout_s,
            )
        try:
            connection = cls(account, client, _Meter(client))
            with _told(account):
                connection._begin(password)
        except BaseException:
            with contextlib.suppress(Exception):
                client.shutdown()
            raise
        return connection

    def _begin(self, password: str) -> None:
        for option, value in _KEEPALIVE:
            self._client.socket().setsockopt(socket.IPPROTO_TCP, option, value)
        self._client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._client.normalise_times = False
        if self.account.security == "starttls":
            self._start_tls()
        self._log_in(password)
        self.abilities = frozenset(word.decode("ascii", "replace") for word in self._client.capabilities())
        if "ID" in self.abilities:
            with contextlib.suppress(CommandRefusedError), _told(self.account):
                self.identity = _pairs(self._client.id_({"name": "zuozhen", "version": version("zuozhen"), "vendor": "zuozhen"}))

    def _start_tls(self) -> None:
        try:
            self._client.starttls(self.account.tls)
        except CapabilityError as error:
            raise ChannelUnavailableError(f"{_where(self.account)} 不提供 STARTTLS；绝不改用明文，请改 security 或换端口") from error

    def _log_in(self, password: str) -> None:
        try:
            if password.isascii() and not self._client.has_capability("LOGINDISABLED"):
                self._client.login(self.account.user, password)
            else:
                self._client.plain_login(self.account.user, password)
        except LoginError as error:
            words = _words(error)
            if isinstance(error.__context__, IMAPClientAbortError) or any(code in words for code in _NOT_NOW):
                raise ChannelUnavailableError(f"{_where(self.account)} 暂时不让登录：{words}") from error
            raise LoginRefusedError(
                f"{_where(self.account)} 不接受 {self.account.user} 的口令：{words}（请核对口令；163、QQ 等要用“授权码”，并在网页邮箱里开启 IMAP）"
            ) from error

    # ------------------------------------------------------------ looking

    def select(self, folder: str, *, to_change: bool) -> Selected:
        """Open *folder*, anew each time: the reply tells whether anything has happened there. Raises CommandRefusedError where it is not there."""
        with _told(self.account, f"文件夹 {folder}"):
            found = self._client.select_folder(folder, readonly=not to_change)
            keywords = b"\\*" in found.get(b"PERMANENTFLAGS", ())
            uidnext = found.get(b"UIDNEXT")
            return Selected(uidvalidity=int(found[b"UIDVALIDITY"]), uidnext=uidnext, exists=int(found[b"EXISTS"]), keeps_keywords=keywords)

    def uids(self, first: int = 1, last: int | None = None) -> list[int]:
        """Return the UIDs from *first* to *last* in the selected folder, ascending."""
        with _told(self.account):
            found = {int(uid) for uid in self._client.search(["UID", f"{first}:{last or '*'}"])}
            # "n:*" names the last message even where its UID is below n (RFC 3501 6.4.8).
            return sorted(uid for uid in found if uid >= first and (last is None or uid <= last))

    def heads(self, uids: Collection[int]) -> dict[int, Head]:
        """Return size and date of those of *uids* that are (still) there."""
        with _told(self.account):
            found = self._client.fetch(sorted(uids), ["RFC822.SIZE", "INTERNALDATE"])
            return {
                uid: Head(size=int(items[b"RFC822.SIZE"]), at=items.get(b"INTERNALDATE"))
                for uid, items in found.items()
                if b"RFC822.SIZE" in items
            }

    def raws(self, uids: Collection[int], *, most: int) -> dict[int, bytes]:
        """Return the bytes of *uids*, their flags untouched; at most *most* octets together, else LiteralTooLargeError.

        What is gone, or what the server does not give out, is missing in the answer.
        """
        with _told(self.account), self._meter.allowing(most):
            found = self._client.fetch(sorted(uids), ["BODY.PEEK[]"])
            return {uid: raw for uid, items in found.items() if (raw := _body(items)) is not None}

    def header(self, uid: int) -> bytes:
        """Return the header of one message, cut at 256 KiB; b"" where there is none."""
        with _told(self.account), self._meter.allowing(_HEADER * 2):
            found = self._client.fetch([uid], [f"BODY.PEEK[HEADER]<0.{_HEADER}>"])
            return _body(found.get(uid, {})) or b""

    # ------------------------------------------------------------ changing

    def flag(self, uids: Collection[int], flag: str) -> None:
        """Add *flag*; repeating it is harmless."""
        with _told(self.account):
            self._client.add_flags(sorted(uids), [flag], silent=True)

    def move(self, uids: Collection[int], folder: str) -> None:
        """Move in one step (RFC 6851). UIDs that are gone are passed over."""
        with _told(self.account, f"文件夹 {folder}"):
            self._client.move(sorted(uids), folder)

    def copy(self, uids: Collection[int], folder: str) -> None:
        """Copy; all or none of them (RFC 3501 6.4.7)."""
        with _told(self.account, f"文件夹 {folder}"):
            self._client.copy(sorted(uids), folder)

    def remove(self, uids: Collection[int]) -> None:
        """Remove exactly these (RFC 4315): an EXPUNGE without UIDs would also remove what other people have marked."""
        with _told(self.account):
            self._client.add_flags(sorted(uids), ["\\Deleted"], silent=True)
            self._client.uid_expunge(sorted(uids))

    # ------------------------------------------------------------ asking about the server

    def folder_exists(self, folder: str) -> bool:
        """Say whether *folder* is there."""
        with _told(self.account):
            return bool(self._client.folder_exists(folder))

    def newest_came(self) -> datetime | None:
        """Return when the newest message of the selected folder came, by the server's clock; None where there is none."""
        with _told(self.account):
            newest = self._client.search(["UID", "*"])
            found = self._client.fetch(newest[-1:], ["INTERNALDATE"])
            return next((items.get(b"INTERNALDATE") for items in found.values()), None)

    def takes_charset(self) -> bool:
        """Say whether SEARCH may name a charset; some providers refuse it, which is why we never do."""
        try:
            with _told(self.account):
                self._client.search(["SUBJECT", "坐诊"], charset="UTF-8")
        except CommandRefusedError:
            return False
        return True

    def quota(self, folder: str) -> tuple[int, int] | None:
        """Return used and allowed storage in KiB, None where the server does not say."""
        if "QUOTA" not in self.abilities:
            return None
        try:
            with _told(self.account):
                _, quotas = self._client.get_quota_root(folder)
        except CommandRefusedError:
            return None
        return next(((quota.usage, quota.limit) for quota in quotas if quota.resource == "STORAGE"), None)

    def certificate_ends(self) -> float | None:
        """Return until when the server's certificate holds (seconds since 1970), None without encryption."""
        sock = self._client.socket()
        if not isinstance(sock, ssl.SSLSocket):
            return None
        ends = (sock.getpeercert() or {}).get("notAfter")
        return ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else None

    # ------------------------------------------------------------ waiting and ending

    def wait(self, seconds: float, wake: socket.socket) -> None:
        """Return after *seconds*, or once *wake* can be read, or once the server says that something happened (IDLE, RFC 2177).

        IDLE is a hint only: where it is not offered, or says nothing, the next poll finds the mail. *seconds* stays below 29 minutes.
        """
        if "IDLE" not in self.abilities:
            readable([wake], seconds)
            return
        with _told(self.account):
            self._client.idle()
            if self._client.socket() in readable([wake, self._client.socket()], seconds):
                self._client.idle_check(timeout=0)
            self._client.idle_done()

    def close(self) -> None:
        """Say goodbye, shortly, and hang up."""
        with contextlib.suppress(Exception):
            self._client.socket().settimeout(_GOODBYE_S)
            self._client.logout()
        with contextlib.suppress(Exception):
            self._client.shutdown()

    def abort(self) -> None:
        """Break the connection off, from any thread: whoever waits for the server gets a ChannelUnavailableError."""
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown, which would take the TLS layer away under the reading thread.
            socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)


class _Meter:
    """Reads for imaplib, which would read whatever size a server announces, for as long as it takes.

    imaplib offers `read` and `readline` for overriding; imapclient keeps its imaplib object to itself.
    """

    def __init__(self, client: IMAPClient) -> None:
        self._imap: Any = client._imap  # noqa: SLF001 - see above
        self._imap.read = self._read
        self._imap.readline = self._readline
        self._imap.debug = 0  # imapclient sets 5: each line would be formatted for a log that nobody keeps
        self._left = _LONGEST_LINE

    @contextlib.contextmanager
    def allowing(self, octets: int) -> Iterator[None]:
        """Allow literals of *octets* together."""
        self._left = octets
        try:
            yield
        finally:
            self._left = _LONGEST_LINE

    def _read(self, size: int) -> bytes:
        if size > self._left:
            raise LiteralTooLargeError(f"服务器要送来 {size} 字节，超过了应有的大小")
        self._left -= size
        deadline = time.monotonic() + 60 + size / _SLOWEST
        pieces: list[bytes] = []
        missing = size
        while missing:
            piece = self._imap.file.read1(min(missing, _PIECE))
            if not piece or time.monotonic() > deadline:
                raise IMAPClientAbortError("socket error: EOF" if not piece else "too slow")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _readline(self) -> bytes:
        line: bytes = self._imap.file.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise IMAPClientAbortError("line too long")
        return line


def readable(sockets: Sequence[socket.socket], seconds: float) -> list[socket.socket]:
    """Wait at most *seconds* until something can be read from one of *sockets*; return those from which it can."""
    with selectors.DefaultSelector() as waiting:
        for sock in sockets:
            waiting.register(sock, selectors.EVENT_READ)
        ready = {key.fileobj for key, _ in waiting.select(seconds)}
    return [sock for sock in sockets if sock in ready]


@contextlib.contextmanager
def _told(account: Account, what: str = "") -> Iterator[None]:
    """Raise the errors of this module for whatever the library, the network or the server's nonsense raises."""
    where = _where(account)
    try:
        yield
    except (ChannelUnavailableError, CapabilityError):
        raise
    except ssl.SSLCertVerificationError as error:
        raise ChannelUnavailableError(
            f"{where} 的证书不可信：{error.verify_message}（请核对主机名；单位自签的证书用 authority 指明）"
        ) from error
    except ssl.SSLError as error:
        raise ChannelUnavailableError(f"与 {where} 建立加密连接失败：{error.reason or error}（请核对端口与 security）") from error
    except TimeoutError as error:
        raise ChannelUnavailableError(f"{where} 没有及时应答") from error
    except OSError as error:
        raise ChannelUnavailableError(f"连不上 {where} 或连接中断：{reason(error)}") from error
    except (IMAPClientAbortError, ProtocolError) as error:
        raise ChannelUnavailableError(f"{where} 中断了连接：{_words(error)}") from error
    except IMAPClientError as error:
        raise CommandRefusedError(f"{where} 拒绝了请求{f'（{what}）' if what else ''}：{_words(error)}{_hint(error)}") from error
    except _BROKEN as error:
        raise ChannelUnavailableError(f"{where} 的应答无法理解：{type(error).__name__}") from error


def _where(account: Account) -> str:
    return f"{account.host}:{account.port}"


def _words(error: Exception) -> str:
    text = " ".join("".join(char if char.isprintable() else " " for char in str(error)).split())
    return text.removeprefix("b'").removesuffix("'")[:_MAX_WORDS]


def _hint(error: Exception) -> str:
    return "（服务商认为登录不安全：请在网页邮箱里开启 IMAP 并使用授权码）" if "unsafe login" in str(error).lower() else ""


def _body(items: Mapping[bytes, object]) -> bytes | None:
    return next((value for key, value in items.items() if key.startswith(b"BODY[") and isinstance(value, bytes)), None)


def _pairs(answer: Any) -> dict[str, str]:  # noqa: ANN401 - whatever the server sent
    words = [word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in (answer[0] if answer else None) or ()]
    return dict(zip(words[::2], words[1::2], strict=False))

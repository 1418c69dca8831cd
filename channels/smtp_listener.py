"""Where an SMTP or LMTP door listens, what it allows, and how its socket is bound."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from store.errors import UsageError
from store.trouble import reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where one door listens and what it allows. With *path* it is a Unix socket (LMTP), and host and port do not count."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    path: str = ""
    protocol: Literal["smtp", "lmtp"] = "smtp"
    hostname: str
    max_size: int  # octets of one message
    max_in_flight: int = 256 << 20  # octets of all unfinished messages; beyond it 452
    tls: ssl.SSLContext | None = None
    require_tls: bool = False
    max_connections: int = 100
    idle_timeout_s: float = 300  # RFC 5321 4.5.3.2.7
    commit_timeout_s: float = 300  # clients wait 10 minutes behind the final dot (4.5.3.2.6)

    def __post_init__(self) -> None:
        """Refuse what can never work; raises ValueError."""
        if self.require_tls and self.tls is None:
            raise ValueError("require_tls without a TLS context")
        if self.max_in_flight < self.max_size:
            raise ValueError("max_in_flight below max_size: a message of full size would never get in")

    async def open(self, answer: Callable[[], asyncio.Protocol]) -> asyncio.Server:
        """Begin to listen; *answer* makes the protocol of each connection. Raises UsageError where the address cannot be bound."""
        loop = asyncio.get_running_loop()
        try:
            if self.path:
                return await loop.create_unix_server(answer, sock=await asyncio.to_thread(_bind_unix, self.path))
            return await loop.create_server(answer, self.host, self.port)
        except OSError as error:
            place, protocol = self.path or f"{self.host}:{self.port}", self.protocol.upper()
            raise UsageError(f"无法在 {place} 监听 {protocol}：{reason(error)}。请检查地址是否被占用、有无权限。") from error


def _bind_unix(path: str) -> socket.socket:
    """Bind a Unix socket, in place of a file that a killed process left there; not of one that somebody still answers."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(path) == errno.ECONNREFUSED:
            Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(path)
        Path(path).chmod(0o666)  # who may reach it is for the directory to say (systemd: RuntimeDirectory)
    except OSError:
        sock.close()
        raise
    return sock

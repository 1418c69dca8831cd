"""Speaks with systemd by the datagrams of sd_notify(3); where nobody listens (no NOTIFY_SOCKET), it says nothing.

The datagrams hold the loop up for a tenth of a second at most and never fail the service: a manager that does not read is its own trouble.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping

_USEC = 1_000_000
_PATIENCE_S = 0.1


class Manager:
    """The service manager above this process."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Find out where the manager listens and how often it wants a sign of life."""
        self._path = environment.get("NOTIFY_SOCKET", "")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if self._path else None
        if self._socket is not None:
            self._socket.settimeout(_PATIENCE_S)
        self.watchdog_s = _watchdog_s(environment)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()

    def ready(self, status: str) -> None:
        """Say that the doors are open, or that a reload is over."""
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that packs and addresses are being read again; `ready` ends it."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=正在重新读取规则包和部门邮箱")

    def stopping(self) -> None:
        """Say that the service finishes what it has in hand and ends."""
        self._say("STOPPING=1", "STATUS=正在停止：不再收新件，办完手上的")

    def alive(self, status: str) -> None:
        """Give the sign of life that the watchdog waits for."""
        self._say("WATCHDOG=1", f"STATUS={status}")

    def status(self, text: str) -> None:
        """Say how things stand, for `systemctl status`; no sign of life."""
        self._say(f"STATUS={text}")

    def _say(self, *lines: str) -> None:
        if self._socket is not None:
            address = "\0" + self._path[1:] if self._path.startswith("@") else self._path  # "@": an abstract socket
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(lines).encode(), address)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Return within how many seconds the manager wants a sign of life from this very process, None where it does not."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    usec = environment.get("WATCHDOG_USEC", "")
    return int(usec) / _USEC if usec.isascii() and usec.isdigit() and int(usec) else None

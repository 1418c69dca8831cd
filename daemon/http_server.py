"""An HTTP server in the service's own loop, for the page for monitors and the signed door. The only module that imports uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from store.errors import UsageError
from store.trouble import reason

_CALLED = {"health": "监控页", "intake_http": "接口"}  # by the section of the configuration
_AT_ONCE = 50  # requests that are being answered
_MAX_CONNECTIONS = 400  # open ones, idle or not: a burst beyond _AT_ONCE must not turn away all of itself, and the descriptors must last
_WAITING = 100
_GRACE_S = 1
_RETRY_S = 5
_HEARING_S = 2.0  # for the rest of a request that is turned away: who still sends when the connection ends never reads why
_FULL = {"type": "about:blank", "title": "同时来的太多", "status": 503, "detail": "请按 Retry-After 稍后再试，重发时幂等键不变"}


class _Bounded:
    """Turns away what is too much at once, in the words of every other refusal: uvicorn's own limit says so in plain text.

    It also counts connections alone, so that of 200 that come in one moment none was answered, and 50 idle ones closed the door.
    """

    def __init__(self, application: Starlette) -> None:
        """Let *application* answer the others."""
        self._application = application
        self._busy = 0
        self.connections: Callable[[], int] = int  # how many are open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._busy >= _AT_ONCE or self.connections() > _MAX_CONNECTIONS:
            await _turned_away(scope, receive, send)
            return
        self._busy += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._busy -= 1


async def _turned_away(scope: Scope, receive: Receive, send: Send) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HEARING_S):
            while (await receive()).get("more_body"):
                pass
    headers = {"Retry-After": str(_RETRY_S), "Connection": "close"}
    await JSONResponse(_FULL, status_code=503, headers=headers, media_type="application/problem+json")(scope, receive, send)


class _Quiet(uvicorn.Server):
    """A server that leaves the signals to `daemon.supervise`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextlib.asynccontextmanager
async def served(
    application: Starlette, listen: str, *, section: str, certificate: Path | None = None, key: Path | None = None
) -> AsyncIterator[int]:
    """Answer at *listen* (`address:port` or `unix:/path`) meanwhile; yields the port, 0 for a path.

    *section* of the configuration says where it stands. With a *certificate* and its *key* (PEM) over TLS alone. Raises UsageError where
    the address is taken.
    """
    listening = _bind(listen, section)
    port = 0 if listening.family == socket.AF_UNIX else int(listening.getsockname()[1])
    bounded = _Bounded(application)
    server = _Quiet(
        uvicorn.Config(
            bounded,
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="warning",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
    bounded.connections = lambda: len(server.server_state.connections)
    task = asyncio.create_task(server.serve(sockets=[listening]), name=section)
    try:
        yield port
    finally:
        server.should_exit = True
        await task
        listening.close()


def _bind(listen: str, section: str) -> socket.socket:
    """Return a socket that listens at *listen*."""
    try:
        if listen.startswith("unix:"):
            return _bind_path(Path(listen.removeprefix("unix:")))
        host, _, port = listen.rpartition(":")
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        return _bound(socket.socket(family, kind, protocol), address)
    except OSError as error:
        raise UsageError(f"{_CALLED[section]} {listen} 打不开：{reason(error)}。请改 [{section}] 的 listen，或停掉占用它的程序") from error


def _bind_path(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listening = _bound(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), str(path))
    path.chmod(0o660)
    return listening


def _bound(unbound: socket.socket, address: Any) -> socket.socket:  # noqa: ANN401 - what an address is depends on the family
    try:
        unbound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        unbound.bind(address)
        unbound.listen(_WAITING)  # from now on a client waits instead of being turned away, also while the server still starts
    except OSError:
        unbound.close()
        raise
    return unbound

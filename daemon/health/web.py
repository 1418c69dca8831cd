"""The page for monitors: `/healthz`, `/readyz`, `/metrics`. The only module that imports starlette and uvicorn.

It runs in the service's own loop: a loop that hangs does not answer, which is what the asker wants to know.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.health.gauges import Gauges
from daemon.health.vitals import Check, as_json
from store.errors import UsageError
from store.trouble import reason

if TYPE_CHECKING:
    from daemon.health.vitals import Vitals
    from daemon.wiring import House

log = structlog.get_logger()

_MAX_CONNECTIONS = 50
_GRACE_S = 1


class _Quiet(uvicorn.Server):
    """A server that leaves the signals to `daemon.supervise`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def page(house: House, vitals: Vitals) -> Starlette:
    """Return the three answers as an ASGI application."""
    house.metrics.registry.register(Gauges(house, vitals, is_ready=lambda: all(check.ok for check in vitals.readiness())))

    async def healthz(_: Request) -> Response:
        return _answer(vitals.liveness())

    async def readyz(_: Request) -> Response:
        await vitals.refresh()
        return _answer(vitals.readiness())

    async def metrics(_: Request) -> Response:
        await vitals.refresh()
        return Response(generate_latest(house.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])


def _answer(checks: list[Check]) -> Response:
    told = as_json(checks)
    return JSONResponse(told, status_code=200 if told["ok"] else 503)


@contextlib.asynccontextmanager
async def served(application: Starlette, listen: str) -> AsyncIterator[int]:
    """Answer at *listen* (`address:port` or `unix:/path`) meanwhile; yields the port, 0 for a path. Raises UsageError where that is taken."""
    listening = _bind(listen)
    port = 0 if listening.family == socket.AF_UNIX else int(listening.getsockname()[1])
    server = _Quiet(
        uvicorn.Config(
            application,
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="warning",
            ws="none",
            server_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listening]), name="health")
    log.info("health.started", port=port)
    try:
        yield port
    finally:
        server.should_exit = True
        await task
        listening.close()


def _bind(listen: str) -> socket.socket:
    """Return a socket that listens at *listen*."""
    try:
        if listen.startswith("unix:"):
            return _bind_path(Path(listen.removeprefix("unix:")))
        host, _, port = listen.rpartition(":")
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        return _bound(socket.socket(family, kind, protocol), address)
    except OSError as error:
        raise UsageError(f"监控页 {listen} 打不开：{reason(error)}。请改 [health] 的 listen，或停掉占用它的程序") from error


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
    except OSError:
        unbound.close()
        raise
    return unbound

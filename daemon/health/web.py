"""The page for monitors: `/healthz`, `/readyz`, `/metrics`.

It runs in the service's own loop: a loop that hangs does not answer, which is what the asker wants to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.health.gauges import Gauges
from daemon.health.vitals import Check, as_json

if TYPE_CHECKING:
    from daemon.health.vitals import Vitals
    from daemon.wiring import House


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

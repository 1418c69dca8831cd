"""Keeps watch beside the parts while they run: the loop's pulse, the signs of life for systemd, the page for monitors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

import structlog

from daemon.health.manager import Manager
from daemon.health.vitals import Vitals

if TYPE_CHECKING:
    from daemon.wiring import House

log = structlog.get_logger()

_STATUS_S = 15.0  # how old the line in `systemctl status` may be


class Watch:
    """Told by the service what it does, tells it to those who watch."""

    def __init__(self, house: House, vitals: Vitals, manager: Manager) -> None:
        """Pass on to *manager*, and keep in *vitals* and the metrics of *house*."""
        self._metrics, self._vitals, self._manager = house.metrics, vitals, manager

    def opened(self, doors: Iterable[str]) -> None:
        """Take note that the doors are open: the service has started."""
        self._vitals.doors = dict.fromkeys(doors, True)
        self._manager.ready(self._vitals.status())

    def closing(self) -> None:
        """Take note that the doors are about to close: the service ends."""
        self._vitals.doors = dict.fromkeys(self._vitals.doors, False)
        self._manager.stopping()

    def reloading(self) -> None:
        """Take note that packs and addresses are being read again."""
        self._manager.reloading()

    def reloaded(self, result: str) -> None:
        """Take note that this is over, with the *result* of `Metrics.reloaded`."""
        self._metrics.reloaded(result)
        self._manager.ready(self._vitals.status())


@contextlib.asynccontextmanager
async def attended(house: House) -> AsyncIterator[Watch]:
    """Watch *house* meanwhile. Raises UsageError where the page for monitors cannot be opened."""
    vitals, manager = Vitals(house), Manager()
    await vitals.refresh()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(manager.close)
        for work in (vitals.loop.run(), _report(vitals, manager)):
            task = asyncio.create_task(work)
            stack.push_async_callback(_end, task)
        if house.config.health is not None:
            from daemon.health.web import page  # noqa: PLC0415 - 0.3 s of imports that only those pay who want the page
            from daemon.http_server import served  # noqa: PLC0415 - likewise

            listening = served(page(house, vitals), house.config.health.listen, section="health")
            log.info("health.started", port=await stack.enter_async_context(listening))
        yield Watch(house, vitals, manager)


async def _report(vitals: Vitals, manager: Manager) -> None:
    """Tell the manager how things stand. A part that hangs gets no sign of life, and the manager starts the service again."""
    pause = min(_STATUS_S, manager.watchdog_s / 3) if manager.watchdog_s else _STATUS_S
    while True:
        await asyncio.sleep(pause)
        await vitals.refresh()
        if all(check.ok for check in vitals.liveness()):
            manager.alive(vitals.status())
        else:
            manager.status("没有进展：" + "、".join(check.name for check in vitals.liveness() if not check.ok))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

"""The full path: from SMTP in to the last notice out at a real SMTP server, the whole `zuozhen run` with its children and its database.

The relay side (the sink) and the sender share the machine with the product; their CPU time is not counted. That of PostgreSQL is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from client import send
from corpus import mails
from history import multiply
from machine import cpu_seconds
from result import Result, Sample, compare
from servers import NOTICES, running
from service import Ground, Sink, ground, service, sink

from store.arrivals import Arrivals
from store.database import Database
from store.model.notice import NoticeState
from store.outbox import Outbox

_MAILS, _WARM_UP, _PAST = 300, 20, 150
_PATIENCE_S, _LOOK_S = 300.0, 0.05

IsDone = Callable[[int], Awaitable[bool]]


def measure(kind: str, stored: int) -> Result:
    """Measure both sides once, each on a fresh folder: the product on a database of *kind* that holds *stored* cases."""
    return compare(
        f"full path, {kind}, {stored:,} cases",
        "SMTP in to last notice out",
        f"Maildir, then {NOTICES} mails out each",
        lambda: _ours(kind, stored),
        lambda: asyncio.run(_theirs()),
        rounds=1,
    )


async def _theirs() -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as folder:
        async with sink() as (taking, port):
            with running("forwarder", Path(folder), str(port)) as server:

                async def is_done(count: int) -> bool:
                    return taking.taken >= count * NOTICES

                return await _through(server.port, [server.pid], taking, is_done)


def _ours(kind: str, stored: int) -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as folder, ground(kind, Path(folder)) as place:
        asyncio.run(_past(Path(folder), place, stored))
        return asyncio.run(_present(Path(folder), place))


async def _past(folder: Path, place: Ground, stored: int) -> None:
    """Let the service decide some cases, end it, and multiply them."""
    async with sink() as (_, port), service(folder, place.url, port) as server, _opened(place) as store:
        await send(server.port, mails(_PAST, seed=3))
        await _until(store.is_done, _PAST)
    async with _opened(place) as store:
        assert await multiply(store.database, stored) >= stored


async def _present(folder: Path, place: Ground) -> Sample:
    async with sink() as (taking, port), service(folder, place.url, port) as server, _opened(place) as store:
        pids = [server.pid, *([place.server] if place.server else [])]
        found = await _through(server.port, pids, taking, store.is_done)
        await store.check()
        return found


class _Store:
    """The database seen from beside the service."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._arrivals, self._outbox = Arrivals(database), Outbox(database, domain="bench.example", key=b"")

    async def is_done(self, _count: int) -> bool:
        return not await self._arrivals.undecided_count() and not await self._outbox.list(state=NoticeState.QUEUED, limit=1)

    async def check(self) -> None:
        """See that nothing was quick because it failed."""
        assert not await self._arrivals.quarantined(limit=1)
        assert not await self._outbox.list(state=NoticeState.REFUSED, limit=1)


@asynccontextmanager
async def _opened(place: Ground) -> AsyncIterator[_Store]:
    database = Database(place.url)
    await database.start()
    try:
        yield _Store(database)
    finally:
        await database.close()


async def _through(port: int, pids: list[int], taking: Sink, is_done: IsDone) -> Sample:
    """Send the mails and wait until everything that follows from them is done."""
    await send(port, mails(_WARM_UP, seed=2))
    await _until(is_done, _WARM_UP)
    load, taken = mails(_MAILS), taking.taken
    cpu, begun = sum(map(cpu_seconds, pids)), time.perf_counter()
    await send(port, load)
    accepted = time.perf_counter() - begun
    await _until(is_done, _WARM_UP + _MAILS)
    seconds = time.perf_counter() - begun
    return Sample(
        rate=_MAILS / seconds,
        cpu_ms=(sum(map(cpu_seconds, pids)) - cpu) / _MAILS * 1e3,
        details={"notices a mail": (taking.taken - taken) / _MAILS, "accepted a second meanwhile": _MAILS / accepted},
    )


async def _until(is_done: IsDone, count: int) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not await is_done(count):  # noqa: ASYNC110 - another process does it and tells nobody here
            await asyncio.sleep(_LOOK_S)

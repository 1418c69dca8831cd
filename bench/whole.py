"""The full path: from SMTP in to the last notice out at a real SMTP server, the whole `zuozhen run` with its children.

The relay side (the sink) and the sender share the machine with the product; their CPU time is not counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from aiosmtpd.smtp import SMTP, Envelope, Session
from client import send
from corpus import MAILBOX, mails
from machine import cpu_seconds
from result import Result, Sample, compare
from servers import NOTICES, Server, running

from rules.rulebook import builtin_pack, load_pack
from store.arrivals import Arrivals
from store.database import Database
from store.model import ArrivalState, NoticeState
from store.outbox import Outbox

_MAILS, _WARM_UP, _ROUNDS = 300, 20, 2
_PATIENCE_S, _LOOK_S = 300.0, 0.05
_CONFIG = """
[smtp]
listen = "127.0.0.1:0"
hostname = "bench.example"
[relay]
host = "127.0.0.1"
port = {port}
security = "none"
[log]
format = "json"
[[district]]
pack = "chenggong"
mailboxes = ["{mailbox}"]
addresses = "addresses.toml"
"""
_ADDRESSES = """
[sender]
address = "{mailbox}"
[coordinator]
address = "coordinator@bench.example"
[departments]
{departments}
"""


def measure() -> Result:
    """Measure both sides in turn, each on a fresh folder."""
    return compare(
        "full path",
        "SMTP in to last notice out",
        f"Maildir, then {NOTICES} mails out each",
        lambda: asyncio.run(_ours()),
        lambda: asyncio.run(_theirs()),
        rounds=_ROUNDS,
    )


class _Sink:
    """A mail server that takes everything and counts it."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken += 1
        return "250 OK"


@asynccontextmanager
async def _sink() -> AsyncIterator[tuple[_Sink, int]]:
    sink = _Sink()
    make: Callable[[], asyncio.Protocol] = lambda: SMTP(sink, hostname="sink.example", data_size_limit=50 << 20)  # noqa: E731 - typed
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    try:
        yield sink, server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _theirs() -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as folder:
        async with _sink() as (sink, port):
            with running("forwarder", Path(folder), str(port)) as server:

                async def is_done(count: int) -> bool:
                    return sink.taken >= count * NOTICES

                return await _through(server, sink, is_done)


async def _ours() -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as name:
        folder = Path(name)
        async with _sink() as (sink, port), _daemon(folder, port) as server:
            database = Database(f"sqlite:///{folder}/data/zuozhen.db")
            await database.start()
            arrivals, outbox = Arrivals(database), Outbox(database, domain="bench.example")

            async def is_done(count: int) -> bool:
                del count
                return not await arrivals.undecided_count() and not await outbox.list(state=NoticeState.QUEUED, limit=1)

            try:
                found = await _through(server, sink, is_done)
                await _check(arrivals, outbox)
            finally:
                await database.close()
            return found


async def _check(arrivals: Arrivals, outbox: Outbox) -> None:
    """See that nothing was quick because it failed."""
    assert not await arrivals.quarantined(limit=1)
    assert not await outbox.list(state=NoticeState.REFUSED, limit=1)
    assert (await arrivals.get(_MAILS)).state is ArrivalState.DONE


async def _through(server: Server, sink: _Sink, is_done: Callable[[int], Awaitable[bool]]) -> Sample:
    """Send the mails and wait until everything that follows from them is done."""
    await send(server.port, mails(_WARM_UP, seed=2))
    await _until(is_done, _WARM_UP)
    load, taken = mails(_MAILS), sink.taken
    cpu, begun = cpu_seconds(server.pid), time.perf_counter()
    await send(server.port, load)
    accepted = time.perf_counter() - begun
    await _until(is_done, _WARM_UP + _MAILS)
    seconds = time.perf_counter() - begun
    return Sample(
        rate=_MAILS / seconds,
        cpu_ms=(cpu_seconds(server.pid) - cpu) / _MAILS * 1e3,
        details={"notices a mail": (sink.taken - taken) / _MAILS, "accepted a second meanwhile": _MAILS / accepted},
    )


async def _until(is_done: Callable[[int], Awaitable[bool]], count: int) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not await is_done(count):  # noqa: ASYNC110 - another process does it and tells nobody here
            await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def _daemon(folder: Path, relay: int) -> AsyncIterator[Server]:
    """Run the product as an operator would, with an address for every department; end it, and let it say goodbye to the sink."""
    departments = "\n".join(f'{id_} = "{id_}@bench.example"' for id_ in load_pack(builtin_pack("chenggong")).district.departments)
    (folder / "addresses.toml").write_text(_ADDRESSES.format(mailbox=MAILBOX, departments=departments), encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "zuozhen.toml").write_text(_CONFIG.format(port=relay, mailbox=MAILBOX), encoding="utf-8")
    command = ["-c", "from daemon.cli import main; main()", "run", "--config", str(folder / "zuozhen.toml")]
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=log)
    try:
        yield Server(pid=process.pid, port=await _port(folder / "log", process))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _port(log: Path, process: asyncio.subprocess.Process) -> int:
    """Wait until the daemon says where it listens; RuntimeError with its log where it ends instead."""
    while process.returncode is None:
        port = _port_in(_read(log))
        if port is not None:
            return port
        await asyncio.sleep(_LOOK_S)
    raise RuntimeError(_read(log))


def _port_in(log: str) -> int | None:
    events = [json.loads(line) for line in log.split("\n")[:-1] if line.startswith("{")]
    return next((int(event["ports"]["smtp"]) for event in events if event["event"] == "service.started"), None)


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8")

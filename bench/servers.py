"""Servers to measure, each in a process of its own: `python bench/servers.py KIND FOLDER [SINK_PORT]` prints its port, ends with its input.

| kind | what it does before it says 250 | and afterwards |
|---|---|---|
| reception | the product's own door and store, on SQLite | nothing |
| maildir | aiosmtpd; writes the message to a Maildir and fsyncs file and folder | nothing |
| forwarder | as maildir | sends two mails, one with the message inside, to the sink through aiosmtplib |

The last two are floors: the least that anybody can do with the same libraries who wants to lose nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
from aiosmtpd.smtp import SMTP, Envelope, Session
from corpus import MAILBOX

from channels.smtp import Listener, Reception
from daemon import logs
from daemon.wiring import utc_now
from store.arrivals import Arrivals
from store.database import Database

NOTICES = 2  # that the forwarder sends for each message
_HEAD = b"From: zuozhen@bench.example\r\nTo: %s\r\nSubject: =?utf-8?b?5bey55m76K6w?=\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    pid: int
    port: int


@contextmanager
def running(kind: str, folder: Path, *more: str) -> Iterator[Server]:
    """Start the server *kind*, which keeps its mail in *folder*; end it at once, since nothing of it is needed afterwards."""
    command = [sys.executable, __file__, kind, str(folder), *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ourselves
        assert process.stdout is not None
        try:
            yield Server(pid=process.pid, port=int(process.stdout.readline()))
        finally:
            process.kill()


class _Maildir:
    """Keeps every message in a file that is on disk before the reply."""

    def __init__(self, folder: Path) -> None:
        for name in ("tmp", "new"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._numbers = itertools.count()
        self.kept: asyncio.Queue[bytes] = asyncio.Queue()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        await asyncio.to_thread(self._keep, f"{next(self._numbers)}.eml", content)
        self.kept.put_nowait(content)
        return "250 OK"

    def _keep(self, name: str, content: bytes) -> None:
        with (self._folder / "tmp" / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        (self._folder / "tmp" / name).rename(self._folder / "new" / name)
        folder = os.open(self._folder / "new", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


async def _forward(kept: asyncio.Queue[bytes], port: int) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) as relay:
        while True:
            content = await kept.get()
            for recipient, body in (("department@bench.example", content), ("enterprise@bench.example", b"ok\r\n")):
                await relay.sendmail(MAILBOX, [recipient], _HEAD % recipient.encode() + body)


@asynccontextmanager
async def _floor(folder: Path, sink: int | None) -> AsyncIterator[int]:
    keeper = _Maildir(folder)
    make: Callable[[], asyncio.Protocol] = lambda: SMTP(keeper, hostname="bench.example", data_size_limit=50 << 20)  # noqa: E731 - typed
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    forwarders = [asyncio.ensure_future(_forward(keeper.kept, sink)) for _ in range(2)] if sink else []
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for task in forwarders:
            task.cancel()
        await asyncio.gather(*forwarders, return_exceptions=True)
        server.close()


@asynccontextmanager
async def _reception(folder: Path) -> AsyncIterator[int]:
    logs.configure("info", "json")
    database = Database(f"sqlite:///{folder}/zuozhen.db")
    await database.upgrade()
    await database.start()
    listener = Listener(hostname="bench.example", max_size=50 << 20)
    door = Reception(listener, recipients={MAILBOX: "bench"}, accept=Arrivals(database).accept, now=utc_now)
    await door.start()
    try:
        yield door.port
    finally:
        await door.stop(grace_s=5)
        await database.close()


async def _serve(kind: str, folder: Path, sink: int | None) -> None:
    async with _reception(folder) if kind == "reception" else _floor(folder, sink) as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None))

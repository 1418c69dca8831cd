"""What stands around the full path: the service as an operator runs it, the mail server behind it, and the database under it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from corpus import MAILBOX

from rules.rulebook import builtin_pack, load_pack

_LOOK_S = 0.05
_CONFIG = """
[smtp]
listen = "127.0.0.1:0"
hostname = "bench.example"
[relay]
host = "127.0.0.1"
port = {port}
security = "none"
[store]
url = "{url}"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A fresh database by its address, and the process of its server (None where it is a file)."""

    url: str
    server: int | None


@contextmanager
def ground(kind: str, folder: Path) -> Iterator[Ground]:
    """Yield a fresh database: a file in *folder*, or a PostgreSQL of our own that waits for the disk at each commit."""
    if kind == "SQLite":
        yield Ground(url=f"sqlite:///{folder}/data/zuozhen.db", server=None)
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.servers.postgres import server  # noqa: PLC0415 - the tests' own starter, which only this one side needs

    with server(durable=True) as postgres, postgres.fresh() as url:
        yield Ground(url=url, server=int((postgres.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0]))


class Sink:
    """A mail server that takes everything and counts it."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.taken = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        self.taken += 1
        return "250 OK"


@asynccontextmanager
async def sink() -> AsyncIterator[tuple[Sink, int]]:
    """Yield a sink and its port."""
    taking = Sink()
    make: Callable[[], asyncio.Protocol] = lambda: SMTP(taking, hostname="sink.example", data_size_limit=50 << 20)  # noqa: E731 - typed
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    try:
        yield taking, server.sockets[0].getsockname()[1]
    finally:
        server.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service."""

    pid: int
    port: int


@asynccontextmanager
async def service(folder: Path, url: str, relay: int) -> AsyncIterator[Service]:
    """Run the product as an operator would, with an address for every department; end it, and let it say goodbye to the sink."""
    departments = "\n".join(f'{id_} = "{id_}@bench.example"' for id_ in load_pack(builtin_pack("chenggong")).district.departments)
    (folder / "addresses.toml").write_text(_ADDRESSES.format(mailbox=MAILBOX, departments=departments), encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "zuozhen.toml").write_text(_CONFIG.format(port=relay, url=url, mailbox=MAILBOX), encoding="utf-8")
    command = ["-c", "from daemon.cli import main; main()", "run", "--config", str(folder / "zuozhen.toml")]
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=log)
    try:
        yield Service(pid=process.pid, port=await _port(folder / "log", process))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _port(log: Path, process: asyncio.subprocess.Process) -> int:
    """Wait until the service says where it listens; RuntimeError with its log where it ends instead."""
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

"""An instance as an operator would set it up, the daemon as its own process, and a real SMTP server that takes its mail."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from rules.rulebook import builtin_pack, load_pack
from tests.servers.dovecot import Box
from tests.servers.ground import HOST
from tests.servers.patience import patience

ROOT = Path(__file__).parents[2]
MAILBOX = "zuozhen@cg.example"
_PATIENCE_S = 60.0

_CONFIG = """
[store]
url = "{url}"
[smtp]
listen = "127.0.0.1:0"
hostname = "test.example"
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
_MAILBOX = """
[[mailbox]]
name = "{name}"
host = "{host}"
port = {port}
security = "{security}"
authority = "{authority}"
user = "{user}"
password_file = "{password}"
poll_seconds = 5
after = "{after}"
move_to = "{move_to}"
"""
_ADDRESSES = """
[sender]
name = "呈贡区坐诊接诉"
address = "{mailbox}"
[coordinator]
address = "coordinator@cg.example"
[departments]
{departments}
"""


@dataclass(slots=True)
class Sink:
    """A mail server that takes everything and remembers it; `answer` may be set to refuse."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str | None, str]] = field(default_factory=list)
    answer: Callable[[str], str] = lambda _recipient: "250 OK"
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one mail."""
        reply = self.answer(envelope.rcpt_tos[0])
        if reply.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.messages.append(email.message_from_bytes(content, policy=email.policy.default))
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos[0]))
        async with self.arrived:
            self.arrived.notify_all()
        return reply

    async def has(self, count: int) -> None:
        """Wait until *count* different mails (by Message-ID) have come."""
        async with patience(_PATIENCE_S, f"mail number {count}", lambda: "\n".join(sorted(self.ids()))), self.arrived:
            await self.arrived.wait_for(lambda: len(self.ids()) >= count)

    async def arrived_at(self, *recipients: str) -> None:
        """Wait until each of *recipients* has been sent a mail."""
        async with patience(_PATIENCE_S, f"mail to {recipients}", lambda: str(self.envelopes)), self.arrived:
            await self.arrived.wait_for(lambda: {recipient for _, recipient in self.envelopes}.issuperset(recipients))

    def ids(self) -> set[str]:
        """Return the Message-IDs seen."""
        return {str(message["Message-ID"]) for message in self.messages}


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Run a mail server on a free port."""
    taking = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(taking, hostname="sink.example"), "127.0.0.1", 0)
    taking.port = server.sockets[0].getsockname()[1]
    try:
        yield taking
    finally:
        server.close()
        await server.wait_closed()


def write_instance(folder: Path, relay_port: int, *, database: str = "") -> Path:
    """Write configuration and addresses; return the configuration's path.

    The database is a file in *folder* unless an URL is given.
    """
    district = load_pack(builtin_pack("chenggong")).district
    departments = "\n".join(f'{id_} = "{id_}@cg.example"' for id_ in district.departments)
    (folder / "addresses.toml").write_text(_ADDRESSES.format(mailbox=MAILBOX, departments=departments), encoding="utf-8")
    (folder / "data").mkdir()
    text = _CONFIG.format(url=database or "sqlite:///data/zuozhen.db", port=relay_port, mailbox=MAILBOX)
    path = folder / "zuozhen.toml"
    path.write_text(text, encoding="utf-8")
    return path


def without_own_mail(config: Path) -> Path:
    """Let the instance decide by a copy of its pack that proposes no common problem and plans no session; return *config*.

    Who counts every mail that leaves lets many enterprises say the same, in an October whose session has no day yet: mails more to the
    coordinator, at moments of their own.
    """
    pack = Path(shutil.copytree(builtin_pack("chenggong"), config.parent / "own-pack"))
    (pack / "schedule.yaml").unlink()
    settings, wanted = pack / "pack.yaml", "  enterprises: 3"
    text = settings.read_text(encoding="utf-8")
    assert text.count(wanted) == 1
    settings.write_text(text.replace(wanted, "  enterprises: 1000"), encoding="utf-8")
    config.write_text(config.read_text(encoding="utf-8").replace('pack = "chenggong"', 'pack = "./own-pack"'), encoding="utf-8")
    return config


def add_mailbox(config: Path, box: Box, **changes: object) -> None:
    """Add *box* to the configuration, over TLS; *changes* go to its section."""
    folder = config.parent
    (folder / "password").write_text(box.password, encoding="utf-8")
    (folder / "password").chmod(0o600)
    box.server.authority.cert_pem.write_to_path(folder / "authority.pem")
    usual: dict[str, object] = {
        "name": "坐诊信箱",
        "host": HOST,
        "port": box.server.tls,
        "security": "tls",
        "authority": "authority.pem",
        "user": box.user,
        "password": "password",
        "after": "seen",
        "move_to": "",
    }
    with config.open("a", encoding="utf-8") as file:
        file.write(_MAILBOX.format(**{**usual, **changes}))


def ask(config: Path, query: str, *values: str, database: str = "") -> list[tuple[Any, ...]]:
    """Ask the database of the instance, or the PostgreSQL at *database*, behind the product's back. A change is committed.

    *values* take the places that the query leaves open, as that database marks them.
    """
    if database:
        with psycopg.connect(database) as server:
            cursor = server.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []
    file = sqlite3.connect(config.parent / "data" / "zuozhen.db", isolation_level=None)  # each change by itself, as promised
    try:
        return file.execute(query, values).fetchall()
    finally:
        file.close()


class Daemon:
    """A running `zuozhen run`, reached by its port and its log."""

    def __init__(self, process: asyncio.subprocess.Process, news: asyncio.Condition) -> None:
        """Take over a started process; *news* is told of each line of its log."""
        self.process = process
        self.port = 0
        self.events: list[dict[str, Any]] = []
        self.output: list[str] = []
        self._logged = news
        self._reading = asyncio.create_task(self._read_log())

    async def logged(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for *count* log events called *event* and return them."""
        await self.heard(lambda: self._count(event) >= count or self._reading.done(), f"{event} number {count}")
        found = [entry for entry in self.events if entry["event"] == event]
        assert len(found) >= count, f"no {event}:\n{self.said()}"
        return found

    def decided(self) -> list[int]:
        """Return the arrivals that it has decided so far."""
        return [entry["arrival_id"] for entry in self.events if entry["event"] == "arrival.decided"]

    async def settled(self, count: int) -> None:
        """Wait until *count* arrivals are decided or quarantined."""
        await self.heard(lambda: self._count("arrival.decided") + self._count("arrival.quarantined") >= count, f"arrival number {count}")

    async def heard(self, holds: Callable[[], bool], awaited: str) -> None:
        """Wait until *holds*, which is asked again with each line of the log."""
        async with patience(_PATIENCE_S, awaited, self.said), self._logged:
            await self._logged.wait_for(holds)

    def said(self, lines: int = 30) -> str:
        """Return the last *lines* that it said."""
        return "\n".join(self.output[-lines:])

    async def stop(self) -> int:
        """Ask it to end as systemd would and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.died()

    async def died(self) -> int:
        """Wait for its end and return its exit code, -9 where it was killed."""
        async with patience(_PATIENCE_S, "end of the process", self.said):
            code = await self.process.wait()
            await self._reading
        return code

    def _count(self, event: str) -> int:
        return sum(entry["event"] == event for entry in self.events)

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.output.append(line.decode().rstrip())
            if line.startswith(b"{"):
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == "service.started":
                    self.port = self.events[-1]["ports"]["smtp"]
            async with self._logged:
                self._logged.notify_all()
        async with self._logged:
            self._logged.notify_all()


@asynccontextmanager
async def daemon(
    config: Path, *, dying_at: str = "", module: str = "tests.e2e.zuozhen", news: asyncio.Condition | None = None
) -> AsyncIterator[Daemon]:
    """Start the daemon, wait until its doors are open, and see that it is gone at the end; *news* is told of each line of its log."""
    words = ["tests.e2e.crashing", dying_at] if dying_at else [module]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *words,
        "run",
        "--config",
        str(config),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        limit=1 << 20,
    )
    running = Daemon(process, news or asyncio.Condition())
    try:
        await running.logged("service.started")
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await running.died()


async def deliver(port: int, raw: bytes, *, sender: str = "qy@enterprise.example", recipient: str = MAILBOX) -> bool:
    """Hand one mail in as a mail server would; False where the door died before it said 250."""
    try:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False, timeout=30) as client:
            await client.sendmail(sender, [recipient], raw)
    except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPReadTimeoutError, ConnectionError):
        return False
    return True

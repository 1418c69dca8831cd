"""A client that says exactly what a test tells it to, and a store that keeps, fails or waits as a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from channels.smtp import Listener, Reception
from store.model.arrival import Accepted, Arrival

NOW = datetime(2026, 11, 16, 1, 30, tzinfo=UTC)
RECIPIENTS = {"zuozhen@cg.example": "chenggong", "zj@cg.example": "chenggong", "zuozhen@wh.example": "wuhua"}
MAIL = b"From: <a@b.example>\r\nSubject: Geheimes\r\nMessage-ID: <m1@b.example>\r\n\r\nLieber Nachbar\r\n"


class Shelf:
    """Keeps arrivals in memory; `fault` is raised instead, `gate` is awaited before."""

    def __init__(self) -> None:
        """Start empty."""
        self.arrivals: list[Arrival] = []
        self.calls = 0
        self.entered = asyncio.Event()
        self.fault: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Accepted]:
        """Do what the store does: all or nothing, and the same message only once for a district."""
        self.calls += 1
        self.entered.set()
        if self.gate:
            await self.gate.wait()
        if self.fault:
            raise self.fault
        receipts = []
        for arrival in arrivals:
            known = [
                i for i, kept in enumerate(self.arrivals) if (kept.district, kept.source_key) == (arrival.district, arrival.source_key)
            ]
            if not known:
                self.arrivals.append(arrival)
            receipts.append(Accepted(arrival_id=known[0] if known else len(self.arrivals) - 1, is_new=not known))
        return receipts


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap the two ends of it."""
        self.reader = reader
        self.writer = writer

    def send(self, octets: bytes) -> None:
        """Send *octets* as they are."""
        self.writer.write(octets)

    async def reply(self) -> str:
        """Read one reply with all its lines; "" when the connection has ended."""
        lines = [await self.reader.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(await self.reader.readline())
        return b"".join(lines).decode().removesuffix("\r\n")

    async def say(self, line: str) -> str:
        """Send a command and read its reply."""
        self.send(line.encode() + b"\r\n")
        return await self.reply()

    async def hello(self, word: str = "EHLO") -> str:
        """Read the greeting and introduce ourselves; return what the server offers."""
        assert (await self.reply()).startswith("220 mx.cg.example ")
        return await self.say(f"{word} client.example")

    async def begin(self, *recipients: str, sender: str = "a@b.example") -> list[str]:
        """Open a transaction up to the 354; return the replies."""
        commands = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{recipient}>" for recipient in recipients), "DATA"]
        return [await self.say(command) for command in commands]

    async def mail(self, content: bytes, *recipients: str) -> str:
        """Send *content* as it is, with the end behind it, to *recipients*; return the reply behind the end."""
        replies = await self.begin(*(recipients or ("zuozhen@cg.example",)))
        assert replies[-1].startswith("354"), replies
        self.send(content + b".\r\n")
        return await self.reply()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on encrypted."""
        await self.writer.start_tls(context, server_hostname="mx.cg.example")

    async def is_cut(self) -> bool:
        """Read to the end of the connection; True if the server said nothing more."""
        return await self.reader.read() == b""


Connect = Callable[[], Awaitable[Client]]


class Door:
    """A started reception with its shelf."""

    def __init__(self, reception: Reception, shelf: Shelf) -> None:
        """Keep both, and the connections that a test opens."""
        self.reception = reception
        self.shelf = shelf
        self._clients: list[Client] = []

    async def connect(self, word: str = "") -> Client:
        """Open a connection; with *word* also introduce ourselves."""
        listener = self.reception.listener
        if listener.path:
            client = Client(*await asyncio.open_unix_connection(listener.path))
        else:
            client = Client(*await asyncio.open_connection("127.0.0.1", self.reception.port))
        self._clients.append(client)
        if word:
            await client.hello(word)
        return client

    async def close(self) -> None:
        """Hang up everywhere and stop the reception."""
        for client in self._clients:
            client.writer.close()
        await self.reception.stop(grace_s=5)


@asynccontextmanager
async def open_door(**settings: object) -> AsyncIterator[Door]:
    """Open a door on a free port with a fresh shelf; *settings* are those of the Listener."""
    shelf = Shelf()
    fields: dict[str, object] = {"hostname": "mx.cg.example", "max_size": 100_000, **settings}
    listener = Listener(**fields)  # type: ignore[arg-type] # a test names what it wants to differ
    reception = Reception(listener, recipients=RECIPIENTS, accept=shelf.accept, now=lambda: NOW)
    await reception.start()
    door = Door(reception, shelf)
    try:
        yield door
    finally:
        await door.close()

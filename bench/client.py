"""A sending mail server without frills: several connections, each with one mail after another, so that the server is the slow side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence

from corpus import MAILBOX, Mail


async def send(port: int, mails: Sequence[Mail], *, connections: int = 8) -> list[float]:
    """Deliver *mails* over *connections* at once; return how long each waited for the 250 behind its DATA, in seconds."""
    ready = iter([(mail.sender, _on_the_wire(mail.raw)) for mail in mails])
    waits: list[float] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_converse(port, ready, waits))
    return waits


def rate_and_waits(count: int, seconds: float, waits: Iterable[float]) -> tuple[float, float, float]:
    """Return mails a second, and the median and 99th percentile of *waits* in milliseconds."""
    ordered = sorted(waits)
    return count / seconds, ordered[len(ordered) // 2] * 1e3, ordered[int(len(ordered) * 0.99)] * 1e3


def _on_the_wire(raw: bytes) -> bytes:
    """Return *raw* with CRLF line ends, dots doubled, and the end behind it."""
    text = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
    return text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n")


async def _converse(port: int, ready: Iterator[tuple[str, bytes]], waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await _reply(reader, b"220")
        await _say(reader, writer, b"EHLO client.example\r\n", b"250")
        for sender, content in ready:
            await _say(reader, writer, b"MAIL FROM:<%s>\r\n" % sender.encode(), b"250")
            await _say(reader, writer, b"RCPT TO:<%s>\r\n" % MAILBOX.encode(), b"250")
            await _say(reader, writer, b"DATA\r\n", b"354")
            begun = time.perf_counter()
            await _say(reader, writer, content, b"250")
            waits.append(time.perf_counter() - begun)
        await _say(reader, writer, b"QUIT\r\n", b"221")
    finally:
        writer.close()


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes, wanted: bytes) -> None:
    writer.write(words)
    await writer.drain()
    await _reply(reader, wanted)


async def _reply(reader: asyncio.StreamReader, wanted: bytes) -> None:
    line = await reader.readline()
    while line[3:4] == b"-":
        line = await reader.readline()
    if not line.startswith(wanted):
        raise RuntimeError(f"wanted {wanted.decode()}, got {line.decode(errors='replace').strip()!r}")

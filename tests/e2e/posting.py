"""A program that posts to the signed doors as the documentation says (docs/平台记录.md)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.signed_http import signature

SECRET = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program is told."""

    status: int
    headers: Mapping[str, str]
    said: Mapping[str, Any]


async def post(port: int, path: str, body: bytes, key: str, *, at: float | None = None) -> Answer:
    """Post *body* under the idempotency key *key*, signed now or *at* (seconds since 1970); the caller bounds the wait."""
    timestamp = str(int(time.time() if at is None else at))
    signed = signature(SECRET.encode(), timestamp, key, path, body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        f"X-Zuozhen-Timestamp: {timestamp}\r\nIdempotency-Key: {key}\r\nX-Zuozhen-Signature: {signed}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    told, _, said = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    first, *lines = told.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]), headers, json.loads(said))

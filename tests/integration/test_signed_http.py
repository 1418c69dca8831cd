"""The signed door over real HTTP: who has no key, is late, sends too much or the wrong thing is refused in words; who has one gets 202 after the commit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.signed_http import Posted, SignedDoor, application, signature
from daemon.http_server import served
from store.errors import MalformedMessageError, RepeatedKeyError, StoreUnavailableError
from tests.integration.houses import PATIENCE_S

NOW = datetime(2024, 10, 8, 1, 30, tzinfo=UTC)
SECRET, OLD_SECRET = b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"
LIMIT = 1 << 20
PATH = "/intake/platforms/12345"


@dataclass(slots=True)
class Answer:
    """What a client sees."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass(slots=True)
class Client:
    """A program of a platform, and what its posts came to."""

    port: int
    taken: list[Posted] = field(default_factory=list)
    error: Exception | None = None
    gate: asyncio.Event | None = None
    entered: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def take(self, posted: Posted) -> Mapping[str, object]:
        """Receive what the door let in."""
        self.entered.release()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.taken.append(posted)
        return {"batch": len(self.taken)}

    async def post(self, body: bytes = b"[]", *, secret: bytes = SECRET, path: str = PATH, **changes: str | None) -> Answer:
        """Post a body as the documentation says; *changes* replace headers, None leaves one out."""
        timestamp = changes.get("X_Zuozhen_Timestamp") or str(int(NOW.timestamp()))
        key = changes.get("Idempotency_Key") or "k-1"
        headers: dict[str, str | None] = {
            "Host": "localhost",
            "Content-Length": str(len(body)),
            "Connection": "close",
            "X-Zuozhen-Timestamp": timestamp,
            "Idempotency-Key": key,
            "X-Zuozhen-Signature": signature(secret, timestamp, key, path, body),
        }
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
        return await self.send(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)

    async def send(self, raw: bytes) -> Answer:
        """Send bytes and read the answer."""
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(raw)
                head, _, said = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
        first, *lines = head.decode().split("\r\n")
        told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Answer(int(first.split()[1]), told, json.loads(said))


@asynccontextmanager
async def opened() -> AsyncIterator[Client]:
    """Open the door on a free port."""
    client = Client(0)
    door = SignedDoor({"12345": (SECRET, OLD_SECRET)}, client.take, now=lambda: NOW, max_size=LIMIT, window=timedelta(minutes=5))
    application_ = application({"/intake/platforms/{sender}": door})
    async with served(application_, "127.0.0.1:0", section="intake_http") as client.port:
        yield client


async def test_a_signed_body_is_taken() -> None:
    """202 with what the receiver says, and the receiver gets the very bytes with sender and key."""
    async with opened() as client:
        body = '[{"编号": 1}]'.encode()
        answer = await client.post(body)

    assert (answer.status, answer.body) == (202, {"batch": 1})
    assert [(one.sender, one.key, one.body, one.peer) for one in client.taken] == [("12345", "k-1", body, "127.0.0.1")]


async def test_the_earlier_secret_holds_while_it_is_changed() -> None:
    """With two lines in the file both hold."""
    async with opened() as client:
        assert (await client.post(secret=OLD_SECRET)).status == 202


@pytest.mark.parametrize(
    ("changes", "status", "title"),
    [
        ({"secret": b"x" * 32}, 401, "签名不对"),
        ({"X_Zuozhen_Signature": None}, 401, "签名不对"),
        ({"X_Zuozhen_Signature": "v1=" + "0" * 64}, 401, "签名不对"),
        ({"X_Zuozhen_Signature": "v1=签名"}, 401, "签名不对"),
        ({"X_Zuozhen_Timestamp": None}, 401, "没有时间戳"),
        ({"X_Zuozhen_Timestamp": "gestern"}, 401, "没有时间戳"),
        ({"X_Zuozhen_Timestamp": str(int(NOW.timestamp()) - 301)}, 401, "时间戳过期"),
        ({"X_Zuozhen_Timestamp": str(int(NOW.timestamp()) + 301)}, 401, "时间戳过期"),
        ({"Idempotency_Key": None}, 400, "没有幂等键"),
        ({"path": "/intake/platforms/unknown"}, 401, "签名不对"),
        ({"path": "/intake/elsewhere"}, 404, "没有这个网址"),
        ({"body": b"x" * (LIMIT + 1)}, 413, "正文太大"),
    ],
)
async def test_what_is_not_right_is_refused(changes: dict[str, Any], status: int, title: str) -> None:
    """Forged, late, keyless, too large, from nobody we know: a problem in JSON says what, and nothing reaches the receiver."""
    async with opened() as client:
        answer = await client.post(**changes)

    assert (answer.status, answer.body["title"], answer.headers["content-type"]) == (status, title, "application/problem+json")
    assert answer.body["status"] == status
    assert answer.body["detail"]
    assert client.taken == []


@pytest.mark.parametrize("part", ["body", "path", "key", "timestamp"])
async def test_every_part_is_signed(part: str) -> None:
    """A captured signature is of no use for another body, platform, key or moment."""
    timestamp = str(int(NOW.timestamp()))
    captured = signature(SECRET, timestamp, "k-1", PATH, b"[]")
    other: dict[str, dict[str, Any]] = {
        "body": {"body": b"[{}]"},
        "path": {"path": "/intake/platforms/12345x"},
        "key": {"Idempotency_Key": "k-2"},
        "timestamp": {"X_Zuozhen_Timestamp": str(int(timestamp) + 1)},
    }
    async with opened() as client:
        assert (await client.post(X_Zuozhen_Signature=captured)).status == 202
        assert (await client.post(X_Zuozhen_Signature=captured, **other[part])).status == 401
    assert len(client.taken) == 1


async def test_a_body_without_length_is_capped_too() -> None:
    """A body in chunks says no length beforehand; the cap holds all the same."""
    async with opened() as client:
        timestamp = str(int(NOW.timestamp()))
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nX-Zuozhen-Timestamp: {timestamp}\r\n"
            "Idempotency-Key: k\r\nX-Zuozhen-Signature: v1=0\r\n\r\n"
        )
        chunk = b"%x\r\n%s\r\n" % (LIMIT + 1, b"x" * (LIMIT + 1))
        answer = await client.send(head.encode() + chunk + b"0\r\n\r\n")
    assert (answer.status, client.taken) == (413, [])


@pytest.mark.parametrize(
    ("error", "status", "detail", "retry"),
    [
        (MalformedMessageError("没有找到表头"), 422, "没有找到表头", None),
        (RepeatedKeyError("这个键已用于第 3 批"), 409, "这个键已用于第 3 批", None),
        (StoreUnavailableError("口令 hunter2"), 503, "请稍后用同一个幂等键再试", "30"),
        (ZeroDivisionError("昆明青岚花卉有限公司"), 500, "请稍后用同一个幂等键再试", "30"),
    ],
)
async def test_what_the_receiver_says_decides(error: Exception, status: int, detail: str, retry: str | None) -> None:
    """A body of no use, a key used before, our own trouble: each has its status; of our trouble no words go out."""
    async with opened() as client:
        client.error = error
        answer = await client.post()
    assert (answer.status, answer.body["detail"], answer.headers.get("retry-after")) == (status, detail, retry)


async def test_too_many_at_once_are_asked_to_wait() -> None:
    """Eight bodies are in memory at most; the ninth hears 429 with Retry-After, and all of the eight are taken."""
    async with opened() as client:
        client.gate = asyncio.Event()
        posts = [asyncio.create_task(client.post(Idempotency_Key=f"k-{number}")) for number in range(8)]
        async with asyncio.timeout(PATIENCE_S):
            for _ in posts:
                await client.entered.acquire()
        ninth = await client.post(Idempotency_Key="k-9")
        client.gate.set()
        answers = [await post for post in posts]
        client.gate = None
        tenth = await client.post(Idempotency_Key="k-9")

    assert (ninth.status, ninth.headers["retry-after"]) == (429, "5")
    assert [answer.status for answer in (*answers, tenth)] == [202] * 9


async def test_beyond_fifty_requests_at_once_one_is_told_to_come_again() -> None:
    """It is turned away like any other refusal, its body heard to the end, with when to come again; a place that is left is free."""
    gate, entered = asyncio.Event(), asyncio.Semaphore(0)

    async def wait(_: Request) -> Response:
        entered.release()
        await gate.wait()
        return JSONResponse({})

    async with served(Starlette(routes=[Route(PATH, wait, methods=["POST"])]), "127.0.0.1:0", section="intake_http") as port:
        client = Client(port)
        posts = [asyncio.create_task(client.post()) for _ in range(50)]
        async with asyncio.timeout(PATIENCE_S):
            for _ in posts:
                await entered.acquire()
        refused = await client.post(b"x" * LIMIT)
        gate.set()
        answers = [await post for post in posts]
        again = await client.post()

    assert (refused.status, refused.body["title"], refused.headers["retry-after"]) == (503, "同时来的太多", "5")
    assert refused.headers["content-type"] == "application/problem+json"
    assert [answer.status for answer in (*answers, again)] == [200] * 51


async def test_idle_connections_do_not_close_the_door() -> None:
    """Whoever opens a hundred connections and says nothing keeps nobody out; four hundred are too many, until some are gone."""
    async with opened() as client:
        idle = [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(100)]
        beside = await client.post(Idempotency_Key="k-1")
        idle += [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(300)]
        refused = await client.post(Idempotency_Key="k-2")
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        again = await client.post(Idempotency_Key="k-2")

    assert beside.status == 202
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert again.status == 202


async def test_only_post_is_answered() -> None:
    """Whoever looks with a browser is told in words."""
    async with opened() as client:
        answer = await client.send(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert (answer.status, answer.body["title"]) == (405, "只能用 POST")


async def test_a_client_that_leaves_in_mid_body_leaves_nothing() -> None:
    """A connection that breaks off is no post, and its place is free again."""
    async with opened() as client:
        for _ in range(10):
            _, writer = await asyncio.open_connection("127.0.0.1", client.port)
            timestamp = str(int(NOW.timestamp()))
            head = (
                f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nX-Zuozhen-Timestamp: {timestamp}\r\nIdempotency-Key: k\r\n\r\n"
            )
            writer.write(head.encode() + b"half")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        answer = await client.post()
        while answer.status == 429:
            answer = await client.post()
    assert answer.status == 202

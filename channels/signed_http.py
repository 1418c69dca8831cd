"""A door for programs of others: POST with an HMAC-SHA256 signature and an idempotency key. The only channel that imports starlette.

What is signed are timestamp, idempotency key and path, each with a line feed behind it, and the body; the signature stands in hex behind `v1=`.
Nothing of a body is looked at before its signature is found right. 202 means that its receiver has it for good; what was stored before is
answered the same again.

Answers that refuse are problems in JSON (RFC 9457) with Chinese words; they tell nothing to whoever has no key.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.intake_openapi import description
from store.errors import MalformedMessageError, RepeatedKeyError, TemporaryError

log = structlog.get_logger()

TIMESTAMP, SIGNATURE, KEY = "X-Zuozhen-Timestamp", "X-Zuozhen-Signature", "Idempotency-Key"
SHORTEST_SECRET = 32  # characters; 128 bits even where it is hex
_SECONDS = re.compile(r"[0-9]{1,12}")
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}")
_AT_ONCE = 8  # bodies in memory at the same time
_PATIENCE_S = 60.0  # for a whole body
_GRACE_S = 10.0  # to hear that a body is too large
_RETRY_S = 30
_TOO_LARGE = 413
_NOBODY = (b"\0" * SHORTEST_SECRET,)  # so that an unknown sender takes as long to refuse as a known one


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One signed body: who sent it (the last part of the path), under which idempotency key, from which address."""

    sender: str
    key: str
    body: bytes
    peer: str


Take = Callable[[Posted], Awaitable[Mapping[str, object]]]


class _RefusedError(Exception):
    """A request that is not taken: the answer's status, its title and what to do (Chinese)."""

    def __init__(self, status: int, title: str, detail: str, *, retry_s: int = 0) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.retry_s = status, title, detail, retry_s


_UNSIGNED = "签名不对"
_HOW_TO_SIGN = (
    f"{SIGNATURE}: v1=十六进制的 HMAC-SHA256；对“{TIMESTAMP} 的秒数、换行、{KEY}、换行、网址路径、换行、正文”的原始字节计算，用约定的密钥"
)


def signature(secret: bytes, timestamp: str, key: str, path: str, body: bytes) -> str:
    """Return what belongs into the signature's header."""
    signed = hmac.new(secret, f"{timestamp}\n{key}\n{path}\n".encode(), hashlib.sha256)
    signed.update(body)
    return f"v1={signed.hexdigest()}"


class SignedDoor:
    """Answers the requests to one kind of path, `/…/{sender}`."""

    def __init__(
        self, secrets: Mapping[str, Sequence[bytes]], take: Take, *, now: Callable[[], datetime], max_size: int, window: timedelta
    ) -> None:
        """Let in who signs with one of his *secrets* (several while a key is changed) within *window* of *now*, with *max_size* bytes at most.

        *take* returns what the sender is told once it has the body for good. It raises MalformedMessageError for a body that is of no
        use, RepeatedKeyError, and a TemporaryError where the trouble is ours: the sender then tries again.
        """
        self._secrets, self._take = secrets, take
        self._now, self._max_size, self._window = now, max_size, window
        self._free = _AT_ONCE

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        sender = str(request.path_params.get("sender", ""))
        known = sender if sender in self._secrets else ""
        try:
            return JSONResponse(await self._take_in(request, sender), status_code=202)
        except _RefusedError as error:
            log.warning("intake.refused", door=known, status=error.status)
            if error.status == _TOO_LARGE:
                await self._let_finish(request)
            return _problem(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception:
            log.exception("intake.failed", door=known)
            return _problem(_RefusedError(500, "内部错误", "请稍后用同一个幂等键再试", retry_s=_RETRY_S))

    async def _take_in(self, request: Request, sender: str) -> Mapping[str, object]:
        timestamp, key, signed = self._headers(request)
        if not self._free:
            raise _RefusedError(429, "同时提交的太多", "请稍后再试", retry_s=5)
        self._free -= 1
        try:
            body = await self._body(request)
            path = request.scope.get("raw_path", request.url.path.encode()).partition(b"?")[0].decode("ascii", "replace")
            secrets = self._secrets.get(sender, _NOBODY)
            # Every secret is tried, so that the time tells nothing.
            right = [hmac.compare_digest(signature(secret, timestamp, key, path, body).encode(), signed.encode()) for secret in secrets]
            if sender not in self._secrets or not any(right):
                raise _RefusedError(401, _UNSIGNED, _HOW_TO_SIGN)
            peer = request.client.host if request.client else ""
            return await self._handed_over(Posted(sender=sender, key=key, body=body, peer=peer))
        finally:
            self._free += 1

    def _headers(self, request: Request) -> tuple[str, str, str]:
        """Return timestamp, idempotency key and signature; refuses what is late or too large before a byte of the body is read."""
        length = request.headers.get("content-length", "0")
        if not _SECONDS.fullmatch(length) or int(length) > self._max_size:
            raise self._too_large()
        timestamp = request.headers.get(TIMESTAMP, "")
        if not _SECONDS.fullmatch(timestamp):
            raise _RefusedError(401, "没有时间戳", f"{TIMESTAMP} 写发送时的 Unix 秒数")
        if abs(self._now().timestamp() - int(timestamp)) > self._window.total_seconds():
            minutes = int(self._window.total_seconds() // 60)
            raise _RefusedError(401, "时间戳过期", f"与本机时间相差不得超过 {minutes} 分钟；请校准时钟，重新签名后再发")
        key = request.headers.get(KEY, "")
        if not _IDEMPOTENCY_KEY.fullmatch(key):
            raise _RefusedError(400, "没有幂等键", f"{KEY} 写一个不重复的编号（1 至 200 个可见字符），重发时不变")
        return timestamp, key, request.headers.get(SIGNATURE, "")

    async def _body(self, request: Request) -> bytes:
        parts: list[bytes] = []
        left = self._max_size
        try:
            async with asyncio.timeout(_PATIENCE_S):
                async for part in request.stream():
                    left -= len(part)
                    if left < 0:
                        raise self._too_large()
                    parts.append(part)
        except TimeoutError as error:
            raise _RefusedError(408, "正文迟迟没有传完", "请再试一次") from error
        return b"".join(parts)

    async def _let_finish(self, request: Request) -> None:
        """Let the sender of a body too large send on for a while: who still sends when the connection ends never reads why."""
        left = 4 * self._max_size
        with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):  # RuntimeError: it was read to its end
            async with asyncio.timeout(_GRACE_S):
                async for part in request.stream():
                    left -= len(part)
                    if left < 0:
                        return

    async def _handed_over(self, posted: Posted) -> Mapping[str, object]:
        try:
            return await self._take(posted)
        except MalformedMessageError as error:
            raise _RefusedError(422, "正文不能用", str(error)) from error
        except RepeatedKeyError as error:
            raise _RefusedError(409, "以前收过，内容不同", str(error)) from error
        except TemporaryError as error:
            raise _RefusedError(503, "暂时收不了", "请稍后用同一个幂等键再试", retry_s=_RETRY_S) from error

    def _too_large(self) -> _RefusedError:
        return _RefusedError(_TOO_LARGE, "正文太大", f"一次不得超过 {self._max_size >> 20} 兆；请分几次提交")


def application(doors: Mapping[str, SignedDoor]) -> Starlette:
    """Return the *doors*, each under its path, which has a part `{sender}`; any other request is answered with a problem in JSON too."""

    async def elsewhere(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        title = {404: "没有这个网址", 405: "只能用 POST"}.get(status, "请求不对")
        return _problem(
            _RefusedError(
                status, title, "网址形如 /intake/platforms/平台代号、/intake/hotline/热线代号，用 POST 提交；说明见 /openapi.json"
            )
        )

    async def described(_: Request) -> Response:
        return JSONResponse(description(doors))

    routes = [Route(path, door.answer, methods=["POST"]) for path, door in doors.items()]
    routes.append(Route("/openapi.json", described, methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: elsewhere})


def _problem(error: _RefusedError) -> Response:
    told = {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.detail}
    headers = {"Retry-After": str(error.retry_s)} if error.retry_s else {}
    if error.status in {408, _TOO_LARGE}:
        headers["Connection"] = "close"  # what is still on its way is not read
    return JSONResponse(told, status_code=error.status, headers=headers, media_type="application/problem+json")

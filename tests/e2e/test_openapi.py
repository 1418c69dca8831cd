"""The page /openapi.json is true: whatever is made from it and sent to the real daemon gets an answer that stands there, and none is a failure."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from channels.signed_http import signature
from tests.e2e.instance import ask, daemon, sink, write_instance

pytestmark = pytest.mark.timeout(900)

SECRET = "0123456789abcdef0123456789abcdef"
_DOORS = {"/intake/hotline": "zwfw", "/intake/hotline/{sender}": "zwfw", "/intake/platforms/{sender}": "12345"}
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_SECTIONS = """
[intake_http]
listen = "127.0.0.1:0"
[[hotline]]
id = "zwfw"
key_file = "key"
[[platform]]
id = "12345"
key_file = "key"
"""


class Signed(AuthBase):
    """Signs a request as it goes out, so that its body gets past the door."""

    def __init__(self) -> None:
        """Begin with the first key."""
        self._keys = count(1)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put timestamp, key and signature in the place of those that were made up."""
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        assert isinstance(raw, bytes)
        timestamp, key = str(int(time.time())), f"k-{next(self._keys)}"
        path = request.path_url.partition("?")[0]
        request.headers["X-Zuozhen-Timestamp"] = timestamp
        request.headers["Idempotency-Key"] = key
        request.headers["X-Zuozhen-Signature"] = signature(SECRET.encode(), timestamp, key, path, raw)
        return request


def posted(port: int, examples: int) -> dict[int, int]:
    """Post what is made from the page to each door, as it comes and signed; return how often each status was answered."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
    statuses: dict[int, int] = {}
    signed = Signed()

    def tried(path: str, auth: AuthBase | None) -> None:
        @settings(max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=schema[path]["POST"].as_strategy())
        def send(case: Case[Any]) -> None:
            if auth is not None and "sender" in case.path_parameters:
                case.path_parameters["sender"] = _DOORS[path]
            response = case.call(auth=auth, timeout=60)
            statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
            case.validate_response(response, checks=_CHECKS)

        send()

    for path in _DOORS:
        tried(path, None)
        tried(path, signed)
    return statuses


async def _run(tmp_path: Path, examples: int) -> None:
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        (tmp_path / "key").write_text(SECRET, encoding="utf-8")
        config.write_text(config.read_text(encoding="utf-8") + _SECTIONS, encoding="utf-8")
        async with daemon(config) as running:
            (event,) = await running.logged("service.started")
            statuses = await asyncio.to_thread(posted, event["ports"]["intake_http"], examples)
            failed = [entry for entry in running.events if entry["event"] == "intake.failed"]
            arrivals = ask(config, "SELECT count(*) FROM arrivals")

    assert failed == []
    assert not {status for status in statuses if status >= 500}, statuses
    assert {202, 401, 422} <= statuses.keys(), statuses
    assert arrivals[0][0] > 0


async def test_what_the_page_allows_is_answered(tmp_path: Path) -> None:
    """Requests that the page allows and such as it does not, unsigned and signed: only documented answers, no 5xx."""
    await _run(tmp_path, 15)


@pytest.mark.long
async def test_a_thousand_requests_are_answered(tmp_path: Path) -> None:
    """The same with many more."""
    await _run(tmp_path, 200)

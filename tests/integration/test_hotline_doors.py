"""The doors of a hotline, over real HTTP and from a real folder, into a real house: one call one arrival, nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from channels.signed_http import application, signature
from daemon.call_intake import CallIntake
from daemon.config import HotlineSection, IntakeHttpSection
from daemon.hotline_doors import open_hotlines
from daemon.http_server import served
from daemon.platform_doors import Doors
from store.errors import ConfigError
from store.model.arrival import Channel
from store.model.decision import Verdict
from tests.integration.houses import PATIENCE_S, Bench, bench

SECRET = "0123456789abcdef0123456789abcdef"
CALL: dict[str, Any] = {
    "call_id": "HL001",
    "caller_number": "13888010021",
    "transcript": [
        {"speaker": "坐席", "t": 1, "text": "您好，坐诊热线，请讲。"},
        {"speaker": "来电人", "t": 5, "text": "昆明瑞钰模具有限公司，增值税专用发票额度三个月没有批，请税务局尽快办理。"},
        {"speaker": "坐席", "t": 20, "text": "您贵姓？"},
        {"speaker": "来电人", "t": 22, "text": "姓汪，汪建波。"},
    ],
}


@dataclass(slots=True, kw_only=True)
class Desk:
    """A house with the doors of one hotline."""

    bench: Bench
    doors: Doors
    folder: Path
    port: int

    async def post(self, body: bytes, *, key: str = "k1", path: str = "/intake/hotline/zwfw") -> tuple[int, dict[str, Any]]:
        """Post a signed body; return status and answer."""
        stamp = str(int(self.bench.clock().timestamp()))
        headers = {
            "Host": "localhost",
            "Connection": "close",
            "Content-Length": str(len(body)),
            "X-Zuozhen-Timestamp": stamp,
            "Idempotency-Key": key,
            "X-Zuozhen-Signature": signature(SECRET.encode(), stamp, key, path, body),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return await self.send(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)

    async def send(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        """Send bytes and read the answer."""
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(raw)
            head, _, said = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
        return int(head.split()[1]), json.loads(said) if b"json" in head else {}

    async def look(self) -> int:
        """Look into the folder until what is there has stood still and was put away."""
        (watched,) = self.doors.folders
        watched.watch.folder.finished(0.0)
        return await watched.watch.look(asyncio.Event())

    async def arrivals(self) -> int:
        """Return how many arrivals wait to be decided."""
        return await self.bench.house.stores.arrivals.undecided_count()


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[Desk]:
    """Open a house and the doors of its hotline."""
    key, folder = tmp_path / "key", tmp_path / "calls"
    key.write_text(SECRET)
    key.chmod(0o600)
    folder.mkdir()
    async with bench() as made:
        house = made.house
        intake = CallIntake(rooms=house.rooms, arrivals=house.stores.arrivals, reader=house.reader, now=made.clock, kept=lambda _, __: None)
        section = HotlineSection(id="zwfw", folder=folder, key_file=key)
        config = house.config.model_copy(update={"hotline": (section,), "intake_http": IntakeHttpSection(listen="127.0.0.1:0")})
        doors = open_hotlines(config, list(house.rooms), intake, now=made.clock)
        paths = {path: build() for path, build in doors.signed.items()}
        async with served(application(paths), "127.0.0.1:0", section="intake_http") as port:
            yield Desk(bench=made, doors=doors, folder=folder, port=port)


def call(**changes: object) -> dict[str, Any]:
    """Return a call of its own."""
    return {**CALL, **changes}


def body(value: object) -> bytes:
    """Return *value* as it is posted."""
    return json.dumps(value, ensure_ascii=False).encode()


async def test_call_by_http_becomes_a_case(tmp_path: Path) -> None:
    """202 names the arrival; decided like a mail it opens a case of channel hotline, and nobody without an address is written to."""
    async with opened(tmp_path) as desk:
        status, answer = await desk.post(body(CALL))
        (listed,) = answer["listed"]
        arrival = await desk.bench.house.stores.arrivals.get(int(listed["arrival"].removeprefix("A-")))
        outcome = await desk.bench.house.pipeline.process(arrival)
        assert outcome.case is not None
        notices = await desk.bench.house.stores.outbox.list(case_id=outcome.case.id, limit=10)

    assert (status, answer["calls"], answer["new"], listed["call_id"]) == (202, 1, 1, "HL001")
    assert (arrival.channel, json.loads(arrival.raw)) == (Channel.HOTLINE, CALL)
    assert (outcome.decision.verdict, outcome.decision.department) == (Verdict.ACCEPT, "swj")
    assert outcome.petition.phone is not None
    assert outcome.petition.phone.value == "13888010021"
    assert [queued.notice.purpose.value for queued in notices] == ["review"] or all("@" in queued.notice.to.address for queued in notices)


async def test_the_same_call_again_is_one(tmp_path: Path) -> None:
    """A call that comes again, under the same or another key, by HTTP or in the folder, is kept once."""
    async with opened(tmp_path) as desk:
        await desk.post(body(CALL))
        again = await desk.post(body(CALL))
        other_key = await desk.post(body(CALL), key="k2")
        (desk.folder / "a.json").write_bytes(body(CALL))
        await desk.look()
        count = await desk.arrivals()
        taken = sorted(path.name for path in (desk.folder / "taken").iterdir())

    assert (again[0], again[1]["new"], other_key[0], other_key[1]["new"], count) == (202, 0, 202, 0, 1)
    assert taken[0] == "a.json"


async def test_a_number_that_came_with_other_words_is_refused(tmp_path: Path) -> None:
    """Neither of two calls with one number is lost in silence: the later is answered 409, or put aside with the reason."""
    other = call(transcript=[{"speaker": "来电人", "text": "说了别的事。"}])
    async with opened(tmp_path) as desk:
        await desk.post(body(CALL))
        status, answer = await desk.post(body(other), key="k2")
        (desk.folder / "b.json").write_bytes(body(other))
        await desk.look()
        reason = (desk.folder / "refused" / "b.json.reason.txt").read_text(encoding="utf-8")
        kept = (desk.folder / "refused" / "b.json").read_bytes()

    assert (status, answer["title"]) == (409, "以前收过，内容不同")
    assert "HL001 以前收过" in answer["detail"]
    assert "HL001 以前收过" in reason
    assert kept == body(other)


async def test_a_key_with_another_body_is_refused(tmp_path: Path) -> None:
    """The key with another body is answered 409, whether the call has a number or not, and the answer blames the key, not the number."""
    async with opened(tmp_path) as desk:
        one = call(call_id=None)
        first = await desk.post(body(one))
        second = await desk.post(body(call(call_id=None, caller_number="13888010022")))
        third = await desk.post(body(call(call_id="HL002")))

    assert (first[0], second[0], third[0]) == (202, 409, 409)
    assert third[1]["detail"].startswith("这个幂等键 以前收过")


async def test_many_calls_of_a_file(tmp_path: Path) -> None:
    """A CSV of turns and a list in JSON are taken apart, each call an arrival; the report names them."""
    rows = "call_id,来电号码,speaker,text\nA1,1,坐席,您好\nA1,1,来电人,停电了\nA2,2,坐席,您好\nA2,2,来电人,停水了\n"
    async with opened(tmp_path) as desk:
        (desk.folder / "a.csv").write_text(rows, encoding="gb18030")
        await desk.look()
        report = (desk.folder / "taken" / "a.csv.report.txt").read_text(encoding="utf-8")
        status, answer = await desk.post(body([call(call_id="B1"), call(call_id="B2")]))
        count = await desk.arrivals()

    assert "收到通话 2 次，其中新的 2 次" in report
    assert "A2" in report
    assert (status, answer["new"], count) == (202, 2, 4)


@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"{", "第 1 行第 2 个字符"), (body([CALL, {"call_id": "x"}]), "第 2 次通话"), (b"", "没有文字"), (b"[[[[", "嵌套|第 1 行")],
)
async def test_what_is_no_call_is_refused_as_a_whole(tmp_path: Path, raw: bytes, words: str) -> None:
    """422 says which call and what is wrong with it, and none of the file is kept."""
    async with opened(tmp_path) as desk:
        status, answer = await desk.post(raw)
        count = await desk.arrivals()

    assert (status, count) == (422, 0)
    assert any(word in answer["detail"] for word in words.split("|"))


async def test_the_only_hotline_has_a_short_path(tmp_path: Path) -> None:
    """POST /intake/hotline is enough where there is one hotline; the page describes both paths."""
    async with opened(tmp_path) as desk:
        status, _ = await desk.post(body(CALL), path="/intake/hotline")
        found, page = await desk.send(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert (status, found) == (202, 200)
    assert set(page["paths"]) == {"/intake/hotline/{sender}", "/intake/hotline"}


async def test_many_calls_at_once(tmp_path: Path) -> None:
    """Of many calls at once each is kept or told to come again; those that come again are kept too."""
    bodies = [body(call(call_id=f"C{number}")) for number in range(30)]
    async with opened(tmp_path) as desk:
        answers = await asyncio.gather(*(desk.post(one, key=f"k{number}") for number, one in enumerate(bodies)))
        again = [(number, one) for (number, one), (status, _) in zip(enumerate(bodies), answers, strict=True) if status != 202]
        later = [await desk.post(one, key=f"k{number}") for number, one in again]
        count = await desk.arrivals()

    assert {status for status, _ in answers} <= {202, 429, 503}
    assert {status for status, _ in later} <= {202}
    assert count == 30


async def test_log_has_no_words_of_the_call(tmp_path: Path) -> None:
    """What is logged of a call is how many came by which door."""
    async with opened(tmp_path) as desk:
        with capture_logs() as logs:
            await desk.post(body(CALL))

    assert {"event": "calls.accepted", "log_level": "info", "hotline": "zwfw", "door": "http", "calls": 1, "new": 1} in logs


async def test_mistakes_of_the_configuration(tmp_path: Path) -> None:
    """Every mistake of the sections is told at once: doubles, a short key, an unknown district."""
    key = tmp_path / "key"
    key.write_text("short")
    key.chmod(0o600)
    sections = (
        HotlineSection(id="a", folder=tmp_path),
        HotlineSection(id="a", folder=tmp_path, district="nowhere"),
        HotlineSection(id="b", key_file=key),
    )
    async with bench() as made:
        config = made.house.config.model_copy(update={"hotline": sections})
        intake = CallIntake(
            rooms=made.house.rooms, arrivals=made.house.stores.arrivals, reader=made.house.reader, now=made.clock, kept=lambda _, __: None
        )
        with pytest.raises(ConfigError) as raised:
            open_hotlines(config, list(made.house.rooms), intake, now=made.clock)

    told = " ".join(str(problem) for problem in raised.value.problems)
    assert all(words in told for words in ("写了两次", "已有别的用处", "没有代号为 nowhere 的区", "密钥太短"))

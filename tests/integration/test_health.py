"""What the running service tells monitors and systemd, asked over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon import logs
from daemon.config import HealthSection
from daemon.health.pulse import LIMIT_S, LoopPulse, Pulse
from daemon.pipeline import LEASE
from daemon.supervise import serve
from store.errors import UsageError
from tests.integration.houses import PATIENCE_S, Bench, Enterprise, bench
from tests.integration.test_supervise import Gate, Heard, Service, opened, serving

METRICS_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
ANYWHERE = HealthSection(listen="127.0.0.1:0")


@pytest.fixture
def log() -> Iterator[Heard]:
    """Hear what is logged."""
    loud, heard = structlog.get_config(), Heard()
    structlog.configure(processors=[heard])
    yield heard
    structlog.configure(**loud)


@dataclass(slots=True)
class Monitored:
    """A service with its page for monitors."""

    bench: Bench
    service: Service
    port: int

    async def get(self, path: str) -> tuple[int, str]:
        """Ask for a page as a monitor does; the figures are asked afresh."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        assert "server: uvicorn" not in head.lower()
        return int(head.split()[1]), body

    async def checks(self, path: str) -> tuple[int, dict[str, tuple[bool, str]]]:
        """Ask for a page of checks: its status, and per check whether it is well and what is said."""
        status, body = await self.get(path)
        told = json.loads(body)
        assert told["ok"] is (status == 200)
        assert all(check["name"] for check in told["checks"])
        return status, {check["id"]: (check["ok"], check["detail"]) for check in told["checks"]}

    async def figures(self) -> dict[str, float]:
        """Ask for the metrics: name with labels → value."""
        status, body = await self.get("/metrics")
        assert status == 200
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in body.splitlines() if not line.startswith("#")}


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the database at each scrape: a test does not wait for three seconds."""
    monkeypatch.setattr("daemon.health.vitals._FRESH_S", 0.0)


@asynccontextmanager
async def monitored(folder: Path, log: Heard, **changes: object) -> AsyncIterator[Monitored]:
    """Serve in *folder* with a page for monitors."""
    async with opened(folder, health=ANYWHERE, **changes) as house, serving(house) as service:
        yield Monitored(house, service, (await log.said("health.started"))["port"])


def named_on_the_page() -> list[str]:
    """Return the metrics of docs/reference/metrics.md, in their order."""
    return re.findall(r"^\| `(zuozhen_\w+)` \|", METRICS_PAGE.read_text("utf-8"), re.MULTILINE)


async def test_page_names_every_metric(tmp_path: Path, log: Heard) -> None:
    """docs/reference/metrics.md tells each metric with its type and labels, and none that is not there."""
    async with monitored(tmp_path, log) as monitored_:
        families = [
            (metric.name + ("_total" if metric.type == "counter" else ""), metric.type)
            for metric in monitored_.bench.house.metrics.registry.collect()
            if metric.name.startswith("zuozhen_")
        ]
    rows = re.findall(r"^\| `(zuozhen_\w+)` \| (\S+) \|", METRICS_PAGE.read_text("utf-8"), re.MULTILINE)
    words = {"counter": "计数", "gauge": "状态", "histogram": "分布"}
    assert sorted((name, words[kind]) for name, kind in families) == sorted(rows)
    assert len(rows) == len(set(named_on_the_page())) >= 30


async def test_metrics_tell_what_happened(tmp_path: Path, log: Heard) -> None:
    """A mail that comes twice, is decided and answered is counted at each step; nothing of its words or addresses is told."""
    enterprise = Enterprise()
    async with monitored(tmp_path, log) as monitored_:
        raw = enterprise.mail()
        await monitored_.service.send(raw)
        await monitored_.service.send(raw)
        await log.said("arrival.decided")
        while len(log.order("notice.sent")) < 2:
            log._said["notice.sent"].clear()
            await log.said("notice.sent")
        told = await monitored_.figures()
        page = (await monitored_.get("/metrics"))[1]
    assert told['zuozhen_arrivals_total{channel="mail",door="smtp",outcome="new"}'] == 1
    assert told['zuozhen_arrivals_total{channel="mail",door="smtp",outcome="repeated"}'] == 1
    assert told['zuozhen_arrival_bytes_total{door="smtp"}'] == 2 * len(raw.replace(b"\n", b"\r\n"))
    assert told['zuozhen_decisions_total{district="chenggong",proposed="no",verdict="accept"}'] == 1
    assert told["zuozhen_decision_age_seconds_count"] == 1
    assert told['zuozhen_notices_total{outcome="sent",purpose="assign"}'] == 1
    assert told['zuozhen_relay_seconds_count{outcome="sent"}'] == 2
    assert told['zuozhen_door_open{door="smtp"}'] == told["zuozhen_ready"] == told["zuozhen_database_up"] == 1
    assert told['zuozhen_worker_questions_total{kind="reader"}'] == 1
    assert told["zuozhen_writer_units_total"] >= told["zuozhen_writer_batches_total"] >= 4
    assert told["zuozhen_arrivals_undecided"] == told["zuozhen_quarantine"] == 0
    for word in (enterprise.name, enterprise.address, enterprise.phone, enterprise.person, "enterprise.example"):
        assert word not in page


async def test_what_waits_is_told(tmp_path: Path, log: Heard) -> None:
    """An arrival in hand counts as undecided and grows old; the readiness names every part in Chinese."""
    async with opened(tmp_path, health=ANYWHERE) as house:
        gate = house.house.pipeline._reader = Gate(house.house.pipeline._reader)
        async with serving(house) as service:
            monitored_ = Monitored(house, service, (await log.said("health.started"))["port"])
            await service.send(Enterprise().mail())
            await gate.reached.wait()
            house.clock.advance(timedelta(minutes=5))
            told = await monitored_.figures()
            status, checks = await monitored_.checks("/readyz")
            gate.opened.set()
    assert told["zuozhen_arrivals_undecided"] == 1
    assert told["zuozhen_oldest_undecided_age_seconds"] == 300
    assert status == 200
    assert set(checks) == {"loop", "pipeline", "database", "schema", "doors", "engine.chenggong"}
    assert checks["doors"] == (True, "开着：smtp")


async def test_database_that_is_away(tmp_path: Path, log: Heard) -> None:
    """Without its database the service is alive and not ready: it must not be restarted for that, and says what to look at."""
    async with monitored(tmp_path, log) as monitored_:
        await monitored_.bench.house.stores.database.close()
        assert (await monitored_.checks("/healthz"))[0] == 200
        status, checks = await monitored_.checks("/readyz")
        told = await monitored_.figures()
    assert status == 503
    assert checks["database"] == (False, "没有应答：检查磁盘空间、数据库文件或数据库服务器")
    assert told["zuozhen_database_up"] == told["zuozhen_ready"] == 0
    assert "zuozhen_quarantine" not in told


@dataclass(slots=True, kw_only=True)
class Box:
    """A polled mailbox in the state that a test wants."""

    name: str = "zuozhen@example.org"
    polled_at: datetime | None = None
    failing_since: datetime | None = None
    unaccounted: int = 0
    errors: int = 0


async def test_what_makes_unready(tmp_path: Path, log: Heard) -> None:
    """An engine that could not be started, a mailbox that fails for long or does not add up: each is told with its remedy."""
    async with monitored(tmp_path, log) as monitored_:
        house = monitored_.bench.house
        now = house.now()
        box = Box(polled_at=now - timedelta(minutes=10), failing_since=now - timedelta(minutes=10), errors=2)
        object.__setattr__(house, "mailboxes", (box,))
        assert (await monitored_.checks("/readyz"))[0] == 200
        told = await monitored_.figures()
        assert told['zuozhen_mailbox_poll_age_seconds{mailbox="zuozhen@example.org"}'] == 600
        assert told['zuozhen_mailbox_errors_total{mailbox="zuozhen@example.org"}'] == 2

        box.failing_since = now - timedelta(minutes=20)
        status, checks = await monitored_.checks("/readyz")
        assert (status, checks["mailbox.zuozhen@example.org"]) == (503, (False, "已有 20 分钟取不到信：执行 zuozhen doctor 查看原因"))

        box.failing_since, box.unaccounted = None, 3
        status, checks = await monitored_.checks("/readyz")
        detail = "服务器上有 3 封没有入账：执行 zuozhen reconcile 查看"
        assert (status, checks["mailbox.zuozhen@example.org"]) == (503, (False, detail))

        box.unaccounted = 0
        house.rooms["chenggong"].engine.degraded = "durable-rules 无法启动：没有装好"
        status, checks = await monitored_.checks("/readyz")
        told = await monitored_.figures()
    assert (status, checks["engine.chenggong"]) == (503, (False, "改用内置判断：durable-rules 无法启动：没有装好"))
    assert told['zuozhen_engine_degraded{district="chenggong"}'] == 1


async def test_schema_changed_by_a_newer_program(tmp_path: Path, log: Heard) -> None:
    """A database that a newer program has upgraded meanwhile is told, with what to do."""
    async with monitored(tmp_path, log) as monitored_:
        database = monitored_.bench.house.stores.database
        await database.write(lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'").close())
        status, checks = await monitored_.checks("/readyz")
    assert (status, checks["schema"]) == (503, (False, "已被改为 9999：请把本程序升级到同一版本后重新启动"))


async def test_page_at_a_path(tmp_path: Path, log: Heard) -> None:
    """The page can be a socket in the file system, which a stale file of an earlier life does not hinder."""
    path = tmp_path / "health.sock"
    path.touch()
    async with opened(tmp_path, health=HealthSection(listen=f"unix:{path}")) as house, serving(house):
        await log.said("health.started")
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert path.stat().st_mode & 0o777 == 0o660


async def test_page_whose_port_is_taken(tmp_path: Path) -> None:
    """A port that somebody else has is told in words before any door opens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        section = HealthSection(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        async with opened(tmp_path, health=section) as house:
            with pytest.raises(UsageError, match=r"监控页 .* 打不开：.*请改 \[health\] 的 listen"):
                await serve(house.house, asyncio.Event())


# ---------------------------------------------------------------- pulses


async def test_pipeline_that_hangs_has_no_pulse() -> None:
    """An arrival at work longer than any may be stops the pulse, although the pipeline's own turns go on; finished, the pulse is back."""
    seconds = 0.0
    async with bench() as house:
        pipeline = house.house.pipeline
        gate = pipeline._reader = Gate(pipeline._reader)
        beats: list[float] = []

        class Counted(Pulse):
            def beat(self) -> None:
                super().beat()
                beats.append(seconds)

        pipeline.pulse = Counted(clock=lambda: seconds)
        turns: asyncio.Queue[None] = asyncio.Queue()
        real = pipeline._claim

        async def claim(free: int, in_hand: Sequence[int]) -> Any:
            taken = await real(free, in_hand)
            turns.put_nowait(None)
            return taken

        pipeline._claim = claim  # type: ignore[method-assign]
        stop = asyncio.Event()
        await house.accept(Enterprise().mail())
        run = asyncio.create_task(pipeline.run(stop))
        await gate.reached.wait()
        seconds = 50.0
        await _turn(pipeline.wake, turns)
        assert pipeline.pulse.is_fresh
        house.clock.advance(LEASE + timedelta(seconds=1))
        seconds = 50.0 + LIMIT_S + 1
        await _turn(pipeline.wake, turns)
        assert beats[-1] == 50.0
        assert not pipeline.pulse.is_fresh
        gate.opened.set()
        while pipeline.pulse.age_s:
            await _turn(pipeline.wake, turns)
        stop.set()
        await run
    assert beats[-1] == seconds


async def _turn(wake: Callable[[], None], turns: asyncio.Queue[None]) -> None:
    """Let the pipeline's loop go round once more, from its beginning to its claim: the first claim seen may have begun earlier."""
    while not turns.empty():
        turns.get_nowait()
    for _ in range(2):
        wake()
        async with asyncio.timeout(PATIENCE_S):
            await turns.get()


async def test_loop_that_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's pulse tells by how much it woke too late, and beats all the same."""
    seconds = 0.0
    woken = asyncio.Event()

    async def sleep(_: float) -> None:
        nonlocal seconds
        if seconds:
            woken.set()
            await asyncio.Event().wait()
        seconds = 3.5

    pulse = LoopPulse(clock=lambda: seconds)
    monkeypatch.setattr("daemon.health.pulse.asyncio.sleep", sleep)
    running = asyncio.create_task(pulse.run())
    async with asyncio.timeout(PATIENCE_S):
        await woken.wait()
    running.cancel()
    assert (pulse.lag_s, pulse.age_s) == (2.5, 0.0)


# ---------------------------------------------------------------- systemd


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, listening: socket.socket) -> None:
        """Hear on *listening*."""
        self._listening = listening

    async def hears(self, *wanted: str) -> list[str]:
        """Wait for a datagram that begins with *wanted*, and return all of its lines."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                lines = (await asyncio.get_running_loop().sock_recv(self._listening, 4096)).decode().splitlines()
                if lines[: len(wanted)] == list(wanted):
                    return lines


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    """Listen as systemd does for a unit with a watchdog of half a second."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)  # noqa: FBT003 - the name of the standard library
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "500000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield Systemd(listening)


async def test_systemd_hears_the_whole_life(tmp_path: Path, log: Heard, systemd: Systemd) -> None:
    """Ready once the doors are open, signs of life, reloading and ready again, stopping: with a Chinese line for people."""
    (tmp_path / "house").mkdir()
    async with opened(tmp_path / "house") as house, serving(house):
        assert await systemd.hears("READY=1") == ["READY=1", "STATUS=待办 0，隔离 0，待发 0，等人审核 0"]
        await systemd.hears("WATCHDOG=1")
        os.kill(os.getpid(), signal.SIGHUP)
        await systemd.hears("RELOADING=1")
        await systemd.hears("READY=1")
    await systemd.hears("STOPPING=1")


async def test_watchdog_starves_where_the_pipeline_hangs(tmp_path: Path, log: Heard, systemd: Systemd) -> None:
    """A pipeline without progress gets no sign of life, so that systemd starts the service again; the status says which part hangs."""
    (tmp_path / "house").mkdir()
    async with opened(tmp_path / "house") as house, serving(house):
        await systemd.hears("WATCHDOG=1")
        seconds = 0.0
        stuck = house.house.pipeline.pulse = Pulse(clock=lambda: seconds)
        stuck.beat = lambda: None  # type: ignore[method-assign]
        seconds = LIMIT_S + 1
        assert await systemd.hears("STATUS=没有进展：办件") == ["STATUS=没有进展：办件"]
        assert await systemd.hears("STATUS=没有进展：办件")  # and goes on so


def test_warnings_are_counted() -> None:
    """Every warning and error of the log is a figure, by its name alone; information is not."""
    from daemon.health.metrics import Metrics  # noqa: PLC0415 - the counters of this test

    metrics, loud = Metrics(), structlog.get_config()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    try:
        logs.listen(metrics.logged)
        told = structlog.get_logger()
        told.warning("notice.deferred", problem="对方暂不接收")
        told.error("notice.refused")
        told.info("notice.sent")
    finally:
        structlog.configure(**loud)
    samples = {
        tuple(sample.labels.values()): sample.value
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "zuozhen_log_events_total"
    }
    assert samples == {("notice.deferred", "warning"): 1, ("notice.refused", "error"): 1}

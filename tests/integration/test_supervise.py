"""The service as a whole: its doors, the order in which it stops, and packs swapped while it runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any, cast

import aiosmtplib
import pytest
import structlog

from channels.reader import PLAIN_CALL, Reader
from daemon import districts, supervise
from daemon.config import DoorSection
from daemon.supervise import keep_running, receptions, reload, serve
from daemon.wiring import open_house
from rules.rulebook import RuleBook, builtin_pack, load_pack
from store.errors import ConfigError, StoreUnavailableError, UsageError
from store.model.arrival import ArrivalState, StoredArrival
from store.model.notice import Purpose
from store.model.petition import CallShape, Reading
from store.outbox import Outbox
from tests.e2e.instance import daemon, deliver, write_instance
from tests.e2e.mails import mail
from tests.integration.houses import MAILBOX, PATIENCE_S, Bench, Clock, Enterprise, office, write_config

AWAY = StoreUnavailableError("数据库被占用")


class Heard:
    """What the service logs: every event, and a way to wait for one."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.events: list[dict[str, Any]] = []
        self._said: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def __call__(self, _logger: object, _method: str, event: Any) -> Any:
        """Hear one event (a processor of structlog)."""
        self.events.append(dict(event))
        self._said[event["event"]].set()
        raise structlog.DropEvent

    async def said(self, name: str) -> dict[str, Any]:
        """Wait for an event called *name* and return the last."""
        async with asyncio.timeout(PATIENCE_S):
            await self._said[name].wait()
        return [event for event in self.events if event["event"] == name][-1]

    def order(self, *names: str) -> list[str]:
        """Return the events that have one of *names*, in their order."""
        return [event["event"] for event in self.events if event["event"] in names]


_quick_load = cache(load_pack)


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the product's own pack once; the packs that a test changes are loaded as ever."""

    def load(path: Path) -> RuleBook:
        return _quick_load(path) if path == builtin_pack("chenggong") else load_pack(path)

    monkeypatch.setattr(districts, "load_pack", load)


@pytest.fixture
def log() -> Iterator[Heard]:
    """Hear what is logged."""
    loud, heard = structlog.get_config(), Heard()
    structlog.configure(processors=[heard])
    yield heard
    structlog.configure(**loud)


@asynccontextmanager
async def opened(folder: Path, **changes: object) -> AsyncIterator[Bench]:
    """Open a house in *folder*; *changes* go to its configuration."""
    clock, config = Clock(), write_config(folder)
    async with open_house(config.model_copy(update=changes), now=clock) as house:
        yield Bench(house=house, clock=clock)


def own_pack(folder: Path) -> dict[str, object]:
    """Return the change to the configuration by which a house gets a pack of its own in *folder*, which a test may then change."""
    copytree(builtin_pack("chenggong"), folder / "pack")
    return {"district": (write_config(folder, pack=str(folder / "pack")).district[0],)}


@dataclass(slots=True)
class Service:
    """A house that serves."""

    port: int
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def ended(self) -> None:
        """Wait until it has ended."""
        async with asyncio.timeout(PATIENCE_S):
            await self.task

    async def send(self, raw: bytes) -> None:
        """Hand a mail in at the door; it is committed when this returns."""
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, use_tls=False, start_tls=False) as client:
            await client.sendmail("office@enterprise.example", [MAILBOX], raw)


@asynccontextmanager
async def serving(bench: Bench) -> AsyncIterator[Service]:
    """Serve with *bench*; at the end the service is asked to stop if nobody has."""
    stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(bench.house, stop, started=ports.set_result))
    try:
        await asyncio.wait({task, ports}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        service = Service(ports.result()["smtp"], stop, task)
        yield service
        stop.set()
        await service.ended()
    finally:
        task.cancel()


class Gate(Reader):
    """A reader that holds everything back until it is opened."""

    def __init__(self, real: Reader) -> None:
        """Stand before *real*."""
        self._real = real
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def read(self, arrival: StoredArrival, shape: CallShape = PLAIN_CALL) -> Reading:
        """Wait, then read."""
        self.reached.set()
        await self.opened.wait()
        return await self._real.read(arrival, shape)

    async def close(self) -> None:
        """End the children."""
        await self._real.close()


# ------------------------------------------------------------ doors and stopping


async def test_mail_goes_through_the_house(tmp_path: Path, log: Heard) -> None:
    """What a mail server hands in at the door is decided, and the answers lie in the outgoing folder; the log names the ports and nobody."""
    enterprise = Enterprise()
    async with opened(tmp_path) as bench, serving(bench) as service:
        sent = asyncio.Event()

        class Watched(Outbox):
            async def sent(self, notice_id: int, now: datetime, *, reply: str = "") -> None:
                await super().sent(notice_id, now, reply=reply)
                if len(list((tmp_path / "outgoing").glob("*.eml"))) == 2:
                    sent.set()

        bench.house.sender._outbox = Watched(bench.house.stores.database, domain="example.org", key=b"invented")
        await service.send(enterprise.mail())
        async with asyncio.timeout(PATIENCE_S):
            await sent.wait()
    mails = b"".join(path.read_bytes() for path in (tmp_path / "outgoing").iterdir())
    assert office("swj").encode() in mails
    assert enterprise.address.encode() in mails
    assert (await log.said("service.started"))["ports"] == {"smtp": service.port}


async def test_stops_doors_first_then_ends_what_is_in_hand(tmp_path: Path, log: Heard) -> None:
    """Asked to stop, the service takes no more mail at once, finishes the messages it has begun, and only then ends."""
    async with opened(tmp_path) as bench:
        gate = bench.house.pipeline._reader = Gate(bench.house.pipeline._reader)
        async with serving(bench) as service:
            await service.send(Enterprise().mail())
            await gate.reached.wait()
            service.stop.set()
            await log.said("smtp.stopped")
            with pytest.raises(aiosmtplib.SMTPConnectError):
                await service.send(Enterprise().mail())
            assert not service.task.done()
            gate.opened.set()
            await service.ended()
        assert await bench.state(1) is ArrivalState.DONE
    marks = ["service.started", "service.stopping", "smtp.stopped", "arrival.decided", "service.stopped"]
    assert log.order(*marks) == marks


async def test_sender_finishes_after_the_pipeline(tmp_path: Path) -> None:
    """A mail on its way to the relay when the service is asked to stop is carried to its end and marked."""
    async with opened(tmp_path) as bench:
        arrived, go_on = asyncio.Event(), asyncio.Event()
        real = bench.house.sender._transport

        class Slow:
            async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
                arrived.set()
                await go_on.wait()
                return await real.send(message, sender=sender, recipient=recipient, envelope_id=envelope_id)

        bench.house.sender._transport = cast("Any", Slow())
        case = await bench.opened()
        async with serving(bench) as service:
            await arrived.wait()
            service.stop.set()
            go_on.set()
            await service.ended()
        assert {queued.sent_at for queued in await bench.notices(case)} == {bench.clock()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_the_service_in_order(number: signal.Signals, tmp_path: Path, log: Heard) -> None:
    """SIGTERM of systemd and a person's Ctrl-C mean: finish and end."""
    async with opened(tmp_path) as bench, serving(bench) as service:
        os.kill(os.getpid(), number)
        await service.ended()
    assert log.order("service.stopping", "service.stopped") == ["service.stopping", "service.stopped"]


async def test_second_signal_ends_at_once(tmp_path: Path, log: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks twice will not wait: the process ends with the code of an interrupted one, and says so."""
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    async with opened(tmp_path) as bench:
        gate = bench.house.pipeline._reader = Gate(bench.house.pipeline._reader)
        async with serving(bench) as service:
            await service.send(Enterprise().mail())
            await gate.reached.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            await log.said("service.stopping")
            os.kill(os.getpid(), signal.SIGTERM)
            await log.said("service.killed")
            gate.opened.set()
    assert codes == [130]


async def test_door_that_cannot_open_ends_the_service_in_words(tmp_path: Path, log: Heard) -> None:
    """A port that somebody else has is told as a mistake of the configuration, not as a traceback of a group; nothing keeps running."""
    async with opened(tmp_path) as bench, serving(bench) as service:
        taken = DoorSection(listen=f"127.0.0.1:{service.port}")
        config = bench.house.config.model_copy(update={"smtp": taken})
        object.__setattr__(bench.house, "config", config)
        with pytest.raises(UsageError, match=str(service.port)):
            await serve(bench.house, asyncio.Event())
    assert log.order("service.stopping") == ["service.stopping"]  # the first one's, at the end


async def test_service_without_a_door(tmp_path: Path) -> None:
    """A service that nobody can reach does not start."""
    async with opened(tmp_path, smtp=None) as bench:
        with pytest.raises(ConfigError, match=r"没有收件的门.*\[smtp\]"):
            await serve(bench.house, asyncio.Event())


async def test_certificate_that_is_none(tmp_path: Path) -> None:
    """A certificate that cannot be used stops the start, with its path."""
    wrong = tmp_path / "certificate.pem"
    wrong.write_text("no certificate", encoding="utf-8")
    door = DoorSection(listen="127.0.0.1:0", certificate=wrong, key=wrong)
    async with opened(tmp_path, smtp=door) as bench:
        with pytest.raises(ConfigError, match=str(wrong)):
            receptions(bench.house)


# ------------------------------------------------------------ parts that fail


def times_out(failures: int, error: Exception = AWAY) -> tuple[Callable[[], Awaitable[None]], list[int]]:
    """Return a part that fails so often, then ends, and the list of its tries."""
    tries: list[int] = []

    async def part() -> None:
        tries.append(len(tries))
        if len(tries) <= failures:
            raise error

    return part, tries


async def test_part_is_run_again_after_passing_trouble(log: Heard) -> None:
    """The database that is away at the start does not end the service; the pauses grow and end at the longest."""
    part, tries = times_out(3)
    await keep_running("sender", part, asyncio.Event(), pauses=(0.0, 0.001))
    assert len(tries) == 4
    assert [event["retry_in_s"] for event in log.events] == [0.0, 0.001, 0.001]


async def test_part_with_a_bug_ends_the_service() -> None:
    """A bug outside the handling of one message is not repeated for ever: it ends the service, and systemd starts it afresh."""
    part, tries = times_out(9, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await keep_running("sender", part, asyncio.Event(), pauses=(0.0,))
    assert len(tries) == 1


async def test_stopping_does_not_wait_for_a_part_that_cannot_run(log: Heard) -> None:
    """A service whose database never comes back can still be stopped."""
    part, tries = times_out(9)
    stop = asyncio.Event()
    running = asyncio.create_task(keep_running("pipeline", part, stop, pauses=(3600.0,)))
    await log.said("part.failed")
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await running
    assert len(tries) == 1


# ------------------------------------------------------------ another pack while it runs


def rewrite(path: Path, old: str, new: str) -> None:
    """Replace *old*, which must stand in the file, by *new*."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


async def test_reload_takes_the_new_pack_and_addresses(tmp_path: Path, log: Heard) -> None:
    """After a reload the next case is decided by the new rules, written in the new words and mailed to the new address."""
    async with opened(tmp_path, **own_pack(tmp_path)) as bench:
        before = await bench.opened()
        old_engine = bench.room.engine
        rewrite(tmp_path / "pack" / "departments.yaml", "区税务局", "区税务总局")
        rewrite(tmp_path / "addresses.toml", office("swj"), "tax@gov.example")
        rewrite(tmp_path / "addresses.toml", 'name = "坐诊接诉"', 'name = "坐诊接诉办公室"')
        await reload(bench.house)
        after = await bench.opened()
        letters = [await bench.notice(case, Purpose.ASSIGN) for case in (before, after)]
        assert before.decision.rulebook != after.decision.rulebook == bench.room.rulebook.digest
        assert [letter.notice.to.address for letter in letters] == [office("swj"), "tax@gov.example"]
        assert "区税务总局" in letters[1].notice.text
        assert bench.house.sender.senders["chenggong"].name == "坐诊接诉办公室"
        assert bench.house.review._offices["chenggong"].rulebook is bench.room.rulebook
        assert bench.room.engine is not old_engine
    assert (await log.said("rulebook.reloaded"))["digest"] == after.decision.rulebook


async def test_every_pack_that_decides_is_kept(tmp_path: Path) -> None:
    """The pack of the start and that of a reload are both there under their digests, for whoever asks years later why."""
    async with opened(tmp_path, **own_pack(tmp_path)) as bench:
        packs, old = bench.house.stores.packs, bench.room.rulebook
        rewrite(tmp_path / "pack" / "departments.yaml", "区税务局", "区税务总局")
        await reload(bench.house)
        for book in (old, bench.room.rulebook):
            assert (await packs.load("chenggong", book.digest)).files == book.files
        assert old.digest != bench.room.rulebook.digest


async def test_pack_that_cannot_be_kept_does_not_decide(tmp_path: Path, log: Heard) -> None:
    """While the database is away a reload is refused and told: a decision whose rules nobody kept could not be proved."""
    async with opened(tmp_path, **own_pack(tmp_path)) as bench:
        old = bench.room.rulebook
        rewrite(tmp_path / "pack" / "departments.yaml", "区税务局", "区税务总局")
        await bench.house.stores.database.close()
        await reload(bench.house)
        (problem,) = (await log.said("rulebook.reload_refused"))["problems"]
        assert "数据库" in problem
        assert bench.room.rulebook is old


async def test_reload_waits_for_the_case_in_hand(tmp_path: Path) -> None:
    """A pack is swapped between two cases: what has begun under the old one ends under it."""
    async with opened(tmp_path, **own_pack(tmp_path)) as bench:
        asked = asyncio.Event()

        class Asked(asyncio.Lock):
            async def acquire(self) -> Any:
                asked.set()
                return await super().acquire()

        bench.room.deciding = Asked()
        old = bench.room.rulebook
        rewrite(tmp_path / "pack" / "departments.yaml", "区税务局", "区税务总局")
        async with asyncio.timeout(PATIENCE_S):
            await bench.room.deciding.acquire()
            asked.clear()
            reloading = asyncio.create_task(reload(bench.house))
            await asked.wait()
            assert bench.room.rulebook is old
            bench.room.deciding.release()
            await reloading
        assert bench.room.rulebook is not old


TEN_MISTAKES = [
    ("pack.yaml", "working_days: 5", "working_days: many"),
    ("pack.yaml", "margin: 1", "margni: 1"),
    ("pack.yaml", "timezone: Asia/Shanghai", "timezone: Asia/Chenggong"),
    ("grounds.yaml", "- number: 5", "- number: fifth"),
    ("departments.yaml", "{id: gsl,", "{id: GSL,"),
    ("rules/80_extra.yaml", "- rule: 加急", "- rule: 加急\n  colour: red"),
    ("rules/80_extra.yaml", "basis: 三（九）", "basis: 三（九十九）"),
    ("rules/80_extra.yaml", "mention: 加急", "mention: 没有这个词表"),
    ("rules/80_extra.yaml", "is: invalid", "is: wrong"),
    ("rules/20_follow_up.yaml", "thread, number", "thread, smell"),
]


async def test_broken_pack_is_refused_with_every_problem(tmp_path: Path, log: Heard) -> None:
    """A pack with ten mistakes, and an address file with two, are told in full with their places; the old pack decides on."""
    async with opened(tmp_path, **own_pack(tmp_path)) as bench:
        old_book, old_engine = bench.room.rulebook, bench.room.engine
        for name, old, new in TEN_MISTAKES:
            rewrite(tmp_path / "pack" / name, old, new)
        rewrite(tmp_path / "addresses.toml", f"{office('swj')}", "no address")
        rewrite(tmp_path / "addresses.toml", "[coordinator]", "[cordinator]")
        await reload(bench.house)
        problems = (await log.said("rulebook.reload_refused"))["problems"]
        assert (bench.room.rulebook, bench.room.engine) == (old_book, old_engine)
        assert (await bench.opened()).decision.rulebook == old_book.digest
    for name, _, new in TEN_MISTAKES:
        assert [problem for problem in problems if name in problem], f"{name}: {new}"
    assert len([problem for problem in problems if "addresses.toml" in problem]) == 2
    assert len(problems) >= 12


async def test_reload_refuses_another_district(tmp_path: Path, log: Heard) -> None:
    """A pack that now calls itself another district would leave the cases of the old one without rules: it is refused."""
    async with opened(tmp_path, **own_pack(tmp_path)) as bench:
        old = bench.room.rulebook
        rewrite(tmp_path / "pack" / "pack.yaml", "id: chenggong", "id: guandu")
        await reload(bench.house)
        (problem,) = (await log.said("rulebook.reload_refused"))["problems"]
        assert "区的代号变成了 guandu" in problem
        assert bench.room.rulebook is old
        assert list(bench.house.rooms) == ["chenggong"]


async def test_bug_in_a_reload_is_said_and_survived(tmp_path: Path, log: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload that fails in a way nobody thought of is logged; the service goes on with what it had."""

    def load(*_asked: object) -> Any:
        raise ZeroDivisionError

    async with opened(tmp_path) as bench, serving(bench) as service:
        monkeypatch.setattr(supervise, "load_districts", load)
        os.kill(os.getpid(), signal.SIGHUP)
        assert isinstance((await log.said("rulebook.reload_failed"))["exc_info"], ZeroDivisionError)
        await service.send(Enterprise().mail())
        await log.said("arrival.decided")


async def test_hangup_of_the_running_daemon(tmp_path: Path) -> None:
    """SIGHUP to the real process: a broken pack is refused and told, the mended one decides the next mail, the process lives on."""
    copytree(builtin_pack("chenggong"), tmp_path / "pack")
    config = write_instance(tmp_path, 1)
    rewrite(config, 'pack = "chenggong"', 'pack = "./pack"')
    async with daemon(config) as running:
        rewrite(tmp_path / "pack" / "pack.yaml", "working_days: 5", "working_days: many")
        running.process.send_signal(signal.SIGHUP)
        (refused,) = await running.logged("rulebook.reload_refused")
        rewrite(tmp_path / "pack" / "pack.yaml", "working_days: many", "working_days: 7")
        running.process.send_signal(signal.SIGHUP)
        (reloaded,) = await running.logged("rulebook.reloaded")
        assert await deliver(running.port, mail())
        (decided,) = await running.logged("arrival.decided")
        assert await running.stop() == 0
    assert "working_days" in refused["problems"][0]
    assert len(reloaded["digest"]) == 64
    assert decided["verdict"] == "accept"

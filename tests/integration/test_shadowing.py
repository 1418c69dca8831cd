"""A second pack decides beside the live one: what differs is written down, and whatever goes wrong there leaves the live one alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon import shadowing
from daemon.shadowing import Shadowing
from rules.rulebook import RuleBook, builtin_pack, load_pack
from store import shadows
from store.errors import StoreUnavailableError, UsageError
from store.model.decision import Verdict
from store.shadows import Divergence, Finding, ShadowRun, Stand, Tally
from tests.integration.houses import ACCEPTED, ADVERT, REFUSED, START, Bench, Enterprise, bench

ID = "chenggong"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    """Return a pack that refuses a dispute between enterprises on another ground."""
    folder = Path(shutil.copytree(builtin_pack(ID), tmp_path_factory.mktemp("packs") / ID))
    rules = folder / "rules" / "50_civil.yaml"
    text = rules.read_text(encoding="utf-8")
    assert "refuse: 2" in text
    rules.write_text(text.replace("refuse: 2", "refuse: 5"), encoding="utf-8")
    return load_pack(folder)


@asynccontextmanager
async def shadowed(place: Bench, book: RuleBook) -> AsyncIterator[Shadowing]:
    """Let *book* be the shadow of the district and open what decides by it."""
    await begin(place, book)
    opened = Shadowing(place.house)
    await opened.look()
    try:
        yield opened
    finally:
        await opened.close()


async def begin(place: Bench, book: RuleBook) -> ShadowRun:
    """Keep the pack and start it, as the command does."""
    stores = place.house.stores
    await stores.packs.keep(ID, book.digest, book.files, now=START)
    return await stores.shadows.start(ID, book.digest, actor="王芳", now=START)


async def take(place: Bench, opened: Shadowing, text: str) -> str:
    """Take a mail through the real pipeline, tell the shadow, and return the case number, "" where it is no case."""
    arrival_id = await place.accept(Enterprise().mail(text))
    outcome = await place.house.pipeline.process(await place.arrival(arrival_id))
    opened.heard(await place.arrival(arrival_id), outcome)
    return outcome.case.number if outcome.case else ""


async def result(place: Bench) -> tuple[ShadowRun, list[Finding]]:
    """Return the run and what it found."""
    run = await place.house.stores.shadows.newest(ID)
    assert run is not None
    return run, await place.house.stores.shadows.found(run)


async def test_differences_are_written_down(database_url: str, other: RuleBook) -> None:
    """Of three petitions the one that the shadow refuses on another ground is listed, with both stands and its case number."""
    async with bench(database_url) as place, shadowed(place, other) as opened:
        live = place.room.rulebook.digest
        for text in (ACCEPTED, ADVERT):
            await take(place, opened, text)
        number = await take(place, opened, REFUSED)
        while await opened.compare_next():
            pass
        await opened.tell()
        run, (found,) = await result(place)

    assert (run.digest, run.started_by, run.decided, run.different, run.dropped, run.failed) == (other.digest, "王芳", 3, 1, 0, 0)
    assert (found.key, found.live_digest) == (number, live)
    assert found.divergence.live == Stand(verdict=Verdict.REFUSE, proposed=True, ground=2, department=None)
    assert found.divergence.shadow == Stand(verdict=Verdict.REFUSE, proposed=True, ground=5, department=None)
    assert [what for what, _, _ in found.divergence.changes] == ["不予受理情形"]


async def test_a_stop_and_another_start_are_followed(database_url: str, other: RuleBook) -> None:
    """A service takes a stop and a start at its next look; a start drops what the run before found, a restarted service goes on."""
    async with bench(database_url) as place, shadowed(place, other) as opened:
        stores = place.house.stores
        with pytest.raises(UsageError, match="已经在试判"):
            await stores.shadows.start(ID, other.digest, actor="李明", now=START)
        stopped = await stores.shadows.stop(ID, actor="李明", now=START)
        again = await stores.shadows.stop(ID, actor="李明", now=START)
        await opened.look()
        await take(place, opened, REFUSED)
        idle = await opened.compare_next()
        second = await begin(place, other)
        restarted = Shadowing(place.house)
        await restarted.look()
        await take(place, restarted, REFUSED)
        await restarted.compare_next()
        await restarted.tell()
        await restarted.close()
        run, found = await result(place)

    assert stopped is not None
    assert (stopped.seq, stopped.stopped_by) == (1, "李明")
    assert again is None
    assert not idle
    assert second.seq == run.seq == 2
    assert (run.decided, len(found)) == (1, 1)


async def test_too_many_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch, other: RuleBook) -> None:
    """What finds no room is counted as left out; what waits is bounded."""
    monkeypatch.setattr(shadowing, "WAITING", 2)
    async with bench() as place, shadowed(place, other) as opened:
        for _ in range(3):
            await take(place, opened, ADVERT)
        while await opened.compare_next():
            pass
        await opened.tell()
        run, _ = await result(place)

    assert (run.decided, run.dropped) == (2, 1)


async def test_a_pack_that_does_not_load_harms_nothing(other: RuleBook) -> None:
    """Petitions it cannot decide are counted with the reason; the log says so once; the live decision is recorded all the same."""
    async with bench() as place:
        stores = place.house.stores
        await stores.packs.keep(ID, "b" * 64, {**other.files, "rules/50_civil.yaml": b"- rule: ["}, now=START)
        await stores.shadows.start(ID, "b" * 64, actor="王芳", now=START)
        opened = Shadowing(place.house)
        await opened.look()
        with capture_logs() as logged:
            numbers = [await take(place, opened, REFUSED) for _ in range(2)]
            while await opened.compare_next():
                pass
        await opened.tell()
        await opened.close()
        run, found = await result(place)

    assert all(numbers)
    assert (run.decided, run.failed, found) == (0, 2, [])
    assert "读不进来" in run.problem
    assert [entry["event"] for entry in logged].count("shadow.failed") == 1


async def test_a_killed_child_costs_one_comparison(other: RuleBook) -> None:
    """Where the child dies over a petition the next one is compared by a fresh child."""
    async with bench() as place, shadowed(place, other) as opened:
        await take(place, opened, REFUSED)
        await opened.compare_next()
        pid = opened._running[ID].desk._worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # it is at work when it is killed
        await take(place, opened, REFUSED)
        comparing = asyncio.create_task(opened.compare_next())
        await asyncio.to_thread(_until_asked, opened)
        opened._running[ID].desk.abort()
        await comparing
        await take(place, opened, REFUSED)
        await opened.compare_next()
        await opened.tell()
        run, found = await result(place)

    assert (run.decided, run.failed, len(found)) == (2, 1, 2)
    assert "子进程意外退出" in run.problem


def _until_asked(opened: Shadowing) -> None:
    """Return once the second question, after the first and the loading of the pack, is with the child."""
    worker = opened._running[ID].desk._worker
    while worker.questions < 4 or not worker._lock.locked():
        os.sched_yield()


async def test_the_pack_that_was_put_in_force_is_not_compared_with_itself(other: RuleBook) -> None:
    """Once the shadow decides itself there is nothing to compare."""
    async with bench() as place, shadowed(place, load_pack(builtin_pack(ID))) as opened:
        await take(place, opened, ADVERT)
        assert not await opened.compare_next()
    assert other.digest != place.room.rulebook.digest


async def test_it_runs_until_told_to_stop(other: RuleBook) -> None:
    """The part of the service finds the shadow by itself, works, writes down what it found at the end, and leaves no child."""
    async with bench() as place:
        await begin(place, other)
        opened, stop = Shadowing(place.house), asyncio.Event()
        running = asyncio.create_task(opened.run(stop))
        async with asyncio.timeout(110):
            while ID not in opened._running:
                await place.house.stores.shadows.newest(ID)
            desk = opened._running[ID].desk
            await take(place, opened, REFUSED)
            while opened._running[ID].tally == Tally() and (await result(place))[0].decided == 0:
                await place.house.stores.shadows.newest(ID)
            stop.set()
            await running
        run, _ = await result(place)

    assert (run.decided, run.different) == (1, 1)
    assert desk._worker.pid is None


async def test_a_database_that_is_away_loses_no_count(monkeypatch: pytest.MonkeyPatch, other: RuleBook) -> None:
    """What could not be told is told the next time, with what came since."""
    async with bench() as place, shadowed(place, other) as opened:
        writing = place.house.stores.database.write
        await take(place, opened, REFUSED)
        await opened.compare_next()
        with monkeypatch.context() as patched:
            patched.setattr(place.house.stores.database, "write", _away)
            with pytest.raises(StoreUnavailableError):
                await opened.tell()
        assert place.house.stores.database.write == writing
        await take(place, opened, REFUSED)
        await opened.compare_next()
        await opened.tell()
        run, found = await result(place)

    assert (run.decided, run.different, len(found)) == (2, 2, 2)


async def _away(_unit: object) -> None:
    raise StoreUnavailableError("数据库暂不可用")


async def test_the_oldest_differences_go(monkeypatch: pytest.MonkeyPatch, database_url: str, other: RuleBook) -> None:
    """A district keeps its newest differences only; the figures count all."""
    monkeypatch.setattr(shadows, "KEPT", 3)
    async with bench(database_url) as place:
        run = await begin(place, other)
        arrival_id = await place.accept(Enterprise().mail(REFUSED))
        for first in (0, 2, 4):
            found = tuple(_finding(arrival_id, f"CG-{number}") for number in (first, first + 1))
            await place.house.stores.shadows.note(run, Tally(decided=2, found=found))
        run, kept = await result(place)

    assert (run.decided, run.different) == (6, 6)
    assert [one.key for one in kept] == ["CG-5", "CG-4", "CG-3"]


def _finding(arrival_id: int, key: str) -> Finding:
    stand = Stand(verdict=Verdict.ACCEPT, proposed=False, ground=None, department="gsj")
    divergence = Divergence(live=stand, shadow=stand, changes=(("加急", "（无）", "是"),), went=(), came=("加急",))
    return Finding(key=key, arrival_id=arrival_id, at=START, live_digest="a" * 64, divergence=divergence)


async def test_only_a_kept_pack_can_be_the_shadow(database_url: str) -> None:
    """A pack that nobody kept could never be loaded by a service."""
    async with bench(database_url) as place:
        with pytest.raises(UsageError, match="没有保存"):
            await place.house.stores.shadows.start(ID, "c" * 64, actor="王芳", now=START)
        assert await place.house.stores.shadows.newest(ID) is None

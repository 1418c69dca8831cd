"""The doors of a hotline as its software uses them: the daemon as its own process, two hundred calls at once, a folder that is written to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.instance import Daemon, ask, daemon, sink, write_instance
from tests.e2e.posting import SECRET, Answer, post
from tests.servers.patience import patience

pytestmark = pytest.mark.timeout(300)  # a daemon is started twice; each wait has its own, shorter end, and says what the daemon said

PATH = "/intake/hotline/zwfw"
CALLS = 200
_ABREAST = 8  # what the door takes at the same time
_PATIENCE_S = 120.0


def add_hotline(config: Path) -> Path:
    """Add a hotline with a folder and a key to the configuration; return the folder."""
    folder = config.parent / "calls"
    folder.mkdir()
    (config.parent / "key").write_text(SECRET, encoding="utf-8")
    with config.open("a", encoding="utf-8") as file:
        file.write('[intake_http]\nlisten = "127.0.0.1:0"\n')
        file.write('[[hotline]]\nid = "zwfw"\nfolder = "calls"\npoll_seconds = 1\nkey_file = "key"\n')
    return folder


def call(number: int) -> bytes:
    """Return a call as the hotline writes it down."""
    text = f"我们是昆明青岚{number}花卉有限公司，冷链补贴第{number}批没有到账。"
    turns = [{"speaker": "坐席", "t": 0.0, "text": "您好，请讲。"}, {"speaker": "来电人", "t": 2.5, "text": text}]
    whole = {"call_id": f"C-{number:04d}", "started_at": "2024-10-09T09:41:20+08:00", "caller_number": "13888770000", "transcript": turns}
    return json.dumps(whole, ensure_ascii=False).encode()


async def posted(running: Daemon, numbers: Sequence[int], *, abreast: int) -> list[Answer]:
    """Post these calls, so many at the same time."""
    (event,) = await running.logged("service.started")
    port, places = event["ports"]["intake_http"], asyncio.Semaphore(abreast)

    async def one(number: int) -> Answer:
        async with places:
            return await post(port, PATH, call(number), f"k-{number}")

    async with patience(_PATIENCE_S, f"answer to each of {len(numbers)} calls", running.said):
        return await asyncio.gather(*(one(number) for number in numbers))


async def storm(config: Path, database: str = "") -> None:
    """Two hundred at once, the process killed with the last answer, then the rest, and some of all once more: each call is one arrival."""
    everything = range(CALLS)
    async with daemon(config) as first:
        answers = await posted(first, everything, abreast=CALLS)
        os.kill(first.process.pid, signal.SIGKILL)
        await first.died()
    kept = [number for number, answer in zip(everything, answers, strict=True) if answer.status == 202]
    refused = [answer for answer in answers if answer.status != 202]
    stored = ask(config, "SELECT count(*) FROM arrivals WHERE channel = 'hotline'", database=database)
    async with daemon(config) as second:
        left = [number for number in everything if number not in kept]
        while left:
            later = await posted(second, left, abreast=_ABREAST)
            left = [number for number, answer in zip(left, later, strict=True) if answer.status != 202]
        replayed = await posted(second, everything[::4], abreast=_ABREAST)
        total = ask(config, "SELECT count(*), count(DISTINCT source_key) FROM arrivals WHERE channel = 'hotline'", database=database)

    assert kept
    assert stored == [(len(kept),)]
    assert {answer.status for answer in refused} <= {429, 503}
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in refused)
    assert all(int(answer.headers["retry-after"]) > 0 and answer.said["detail"] for answer in refused)
    assert all(answer.status == 429 or (answer.status == 202 and not answer.said["new"]) for answer in replayed)
    assert total == [(CALLS, CALLS)]


async def test_two_hundred_calls_at_once(tmp_path: Path) -> None:
    """202 only after the commit: what was answered so outlives a kill; what was not is told when to come again; nothing is doubled or lost."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        add_hotline(config)
        await storm(config)


@pytest.mark.long
async def test_two_hundred_calls_at_once_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """The same with the database on a server."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port, database=postgresql_url)
        add_hotline(config)
        await storm(config, postgresql_url)


async def test_a_folder_that_is_written_to(tmp_path: Path) -> None:
    """Files that lie there are taken once each, the oldest first; one under a name for unfinished ones once it is renamed into place."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        folder = add_hotline(config)
        (folder / "1.json.part").write_bytes(call(1)[:100])
        for number in range(2, 22):
            (folder / f"{number}.json").write_bytes(call(number))
            os.utime(folder / f"{number}.json", ns=(number * 10**9, number * 10**9))
        async with daemon(config) as running:

            def taken(count: int) -> bool:
                return ask(config, "SELECT count(*) FROM arrivals WHERE channel = 'hotline' AND state = 'done'") == [(count,)]

            await running.heard(lambda: taken(20), "20 calls decided")
            (folder / "1.json.part").write_bytes(call(1))
            (folder / "1.json.part").rename(folder / "1.json")
            await running.heard(lambda: taken(21), "21 calls decided")
            assert await running.stop() == 0

    reports = {number: (folder / "taken" / f"{number}.json.report.txt").read_text("utf-8") for number in range(1, 22)}
    arrivals = [int(report.partition("来件 A-")[2].split()[0]) for report in reports.values()]
    assert arrivals == [21, *range(1, 21)]
    assert sorted(path.name for path in folder.iterdir()) == ["taken"]

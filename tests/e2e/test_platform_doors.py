"""The doors of other platforms as an operator and a platform use them: the daemon as its own process, real folders, real HTTP, killed anywhere."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.crashing import BY_FOLDER
from tests.e2e.instance import Daemon, ask, daemon, sink, write_instance
from tests.e2e.posting import SECRET, post
from tests.integration.houses import PATIENCE_S

pytestmark = pytest.mark.timeout(300)  # a daemon is started twice; each wait has its own, shorter end, and says what the daemon said

ROWS = "工单编号,工单状态,企业名称,来电号码,工单内容\n"
LIST = ROWS + "\n".join(
    f"53010024100800{number},办理中,昆明青岚{number}花卉有限公司,1388877{number},冷链补贴没有到账" for number in range(1001, 1004)
)


def add_platform(config: Path) -> Path:
    """Add 12345 with a folder and a key to the configuration; return the folder."""
    folder = config.parent / "drop"
    folder.mkdir()
    (config.parent / "key").write_text(SECRET, encoding="utf-8")
    with config.open("a", encoding="utf-8") as file:
        file.write('[intake_http]\nlisten = "127.0.0.1:0"\n')
        file.write('[[platform]]\nid = "12345"\nfolder = "drop"\npoll_seconds = 1\nkey_file = "key"\n')
    return folder


def put(folder: Path, name: str, content: bytes) -> None:
    """Put a finished file in as a careful program does: under another name first."""
    (folder / f"{name}.part").write_bytes(content)
    (folder / f"{name}.part").rename(folder / name)


def names(folder: Path) -> list[str]:
    """Return the files of a folder, those it keeps in other folders included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def hand_in(port: int, body: bytes, key: str) -> tuple[int, Mapping[str, Any]]:
    """Post a body to the door of 12345."""
    async with asyncio.timeout(PATIENCE_S):
        answer = await post(port, "/intake/platforms/12345", body, key)
    return answer.status, answer.said


async def settled(running: Daemon, config: Path, folder: Path, rows: int, database: str = "") -> None:
    """Wait until the folder is empty and *rows* rows are taken and decided."""

    def is_settled() -> bool:
        done = ask(config, "SELECT count(*) FROM arrivals WHERE channel = 'platform' AND state = 'done'", database=database)
        open_ = ask(config, "SELECT count(*) FROM platform_batches WHERE state <> 'done'", database=database)
        return (done, open_) == ([(rows,)], [(0,)]) and not [path for path in folder.iterdir() if path.is_file()]

    await running.heard(is_settled, f"{rows} rows taken and decided")


async def test_a_folder_takes_what_is_good_and_tells_what_is_not(tmp_path: Path) -> None:
    """Good rows of a malformed file become records; the bad ones lie told beside it; what is no table at all is refused with the reason."""
    broken = LIST + '\n5301002410081004,已批转,甲,1,x\n5301002410081005,办理中,"没有结束,1,x\n'
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        folder = add_platform(config)
        async with daemon(config) as running:
            put(folder, "工单.csv", broken.encode("gb18030"))
            await settled(running, config, folder, 3)
            put(folder, "别的.csv", b"a,b\n1,2\n")
            await running.logged("folder.refused")
            assert await running.stop() == 0

    assert names(folder) == ["refused/别的.csv", "refused/别的.csv.reason.txt", "taken/工单.csv", "taken/工单.csv.report.txt"]
    report = (folder / "taken" / "工单.csv.report.txt").read_text("utf-8")
    assert "3 行已收下，2 行有问题" in report
    assert "第 5 行“工单状态”一列（已批转）：不认识这个状态" in report
    assert "第 6 行" in report
    assert "没有找到表头" in (folder / "refused" / "别的.csv.reason.txt").read_text("utf-8")
    assert ask(config, "SELECT count(*), min(status) FROM platform_records") == [(3, "accepted")]
    assert ask(config, "SELECT count(*) FROM cases") == [(0,)]
    assert relay.messages == []
    logged = "\n".join(running.output)
    assert "青岚" not in logged
    assert "工单.csv" not in logged


async def test_http_answers_202_after_the_commit_and_repeats_it(tmp_path: Path) -> None:
    """What was answered with 202 is in the database although the process dies at once; the same key again is the same batch."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        folder = add_platform(config)
        async with daemon(config) as first:
            port = first.events[-1]["ports"]["intake_http"]
            status, said = await hand_in(port, LIST.encode(), "k-1")
            os.kill(first.process.pid, signal.SIGKILL)
            await first.died()
        assert (status, said["new"], said["accepted"], said["rejected"]) == (202, True, 3, 0)
        assert ask(config, "SELECT id, source_key, good FROM platform_batches") == [(said["batch"], "k-1", 3)]
        async with daemon(config) as second:
            port = (await second.logged("service.started"))[0]["ports"]["intake_http"]
            again = await hand_in(port, LIST.encode(), "k-1")
            other = await hand_in(port, LIST.encode() + b"\n", "k-1")
            useless = await hand_in(port, b"a,b\n1,2\n", "k-2")
            together = await asyncio.gather(*(hand_in(port, LIST.encode(), "k-3") for _ in range(4)))
            await settled(second, config, folder, 3)
            assert await second.stop() == 0

    assert (again[0], again[1]["batch"], again[1]["new"]) == (202, said["batch"], False)
    assert (other[0], other[1]["title"]) == (409, "以前收过，内容不同")
    assert (useless[0], useless[1]["title"]) == (422, "正文不能用")
    assert [status for status, _ in together] == [202] * 4
    assert len({told["batch"] for _, told in together}) == 1
    assert [told["new"] for _, told in together].count(True) == 1
    assert ask(config, "SELECT added, same FROM platform_batches ORDER BY id") == [(3, 0), (0, 3)]


_SOONEST = {"batch-committed-file-not-moved"}
_MARKS = [mark if mark in _SOONEST else pytest.param(mark, marks=pytest.mark.long) for mark in BY_FOLDER]


@pytest.mark.parametrize("mark", _MARKS)
async def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path, mark: str) -> None:
    """Each row is one record with one version and one arrival, and the file is put away, wherever the process died."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        folder = add_platform(config)
        await _killed(config, folder, mark)


@pytest.mark.parametrize("mark", ["rows-written-not-committed", pytest.param("record-settled", marks=pytest.mark.long)])
async def test_killed_on_postgresql(tmp_path: Path, mark: str, postgresql_url: str) -> None:
    """The same with the database on a server."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port, database=postgresql_url)
        folder = add_platform(config)
        await _killed(config, folder, mark, postgresql_url)


async def _killed(config: Path, folder: Path, mark: str, database: str = "") -> None:
    async with daemon(config, dying_at=mark) as first:
        put(folder, "工单.csv", LIST.encode())
        assert await first.died() == -signal.SIGKILL
    if database:  # what the dead service had claimed is free after a quarter of a minute: let that time have passed
        ask(config, "UPDATE leases SET until = now()", database=database)
    async with daemon(config) as second:
        await settled(second, config, folder, 3, database)
        assert await second.stop() == 0
    assert names(folder) == ["taken/工单.csv"]
    counted = "SELECT (SELECT count(*) FROM platform_batches), (SELECT count(*) FROM platform_records), count(*), max(version) FROM platform_versions"
    assert ask(config, counted, database=database) == [(1, 3, 3, 1)]
    assert ask(config, "SELECT good, taken, added, same FROM platform_batches", database=database) == [(3, 3, 3, 0)]

"""A clerk changes a rule and puts it in force while the daemon runs; what is wrong is told and changes nothing; the old pack comes back."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.config_reader import load_config
from daemon.rehearsal import Message, take
from daemon.wiring import open_house, utc_now
from store.model.arrival import Channel
from tests.e2e.instance import MAILBOX, ROOT, Daemon, daemon, deliver
from tests.e2e.mails import mail
from tests.e2e.test_cli import Here, Said, zuozhen
from tests.servers.postgres import PASSWORD, Postgres

CONFIG = f"""
[smtp]
listen = "127.0.0.1:0"
hostname = "test.example"
[relay]
folder = "outgoing"
[log]
format = "json"
[[district]]
pack = "./pack"
mailboxes = ["{MAILBOX}"]
addresses = "addresses.toml"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an instance that decides by a pack of its own."""
    shutil.copytree(ROOT / "tests" / "packs" / "lint", tmp_path / "pack")
    (tmp_path / "zuozhen.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "addresses.toml").write_text(f'[sender]\nname = "坐诊"\naddress = "{MAILBOX}"\n', encoding="utf-8")
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
async def running(folder: Path) -> AsyncIterator[Daemon]:
    """Run the daemon on it."""
    async with daemon(folder / "zuozhen.toml") as service:
        yield service


def copy(folder: Path, name: str, old: str, new: str) -> str:
    """Copy the pack, change a text in its rules on departments, and return how a command names it."""
    pack = Path(shutil.copytree(folder / "pack", folder / name))
    rules = pack / "rules" / "20_routing.yaml"
    text = rules.read_text(encoding="utf-8")
    assert old in text
    rules.write_text(text.replace(old, new), encoding="utf-8")
    return f"./{name}"


async def rules(folder: Path, *words: str) -> Said:
    """Run a command under `zuozhen rules` in the folder of the instance."""
    return await asyncio.to_thread(zuozhen, "rules", *words, config=folder / "zuozhen.toml", folder=folder)


async def history(folder: Path) -> Any:
    """Return what `rules history` says to a program."""
    return json.loads((await rules(folder, "history", "--json")).out)


async def test_apply_and_restore_while_the_daemon_runs(folder: Path, running: Daemon) -> None:
    """The daemon takes the new pack without a restart, says so, and takes the old one back by its digest."""
    await running.logged("service.started")
    said = await rules(folder, "apply", copy(folder, "new", "weight: 3", "weight: 4"), "--by", "王芳", "--reason", "停水更重")
    (event,) = await running.logged("rulebook.reloaded")
    whole = await history(folder)
    (old, new) = (order["digest"] for order in reversed(whole["orders"]))
    back = await rules(folder, "restore", old[:12], "--by", "李明")
    again = await rules(folder, "restore", old[:12], "--by", "李明")
    events = await running.logged("rulebook.reloaded", 2)

    assert (said.code, said.err) == (0, "")
    assert "检查：错误 0 处，警告 2 处；例子和用例 8 条，不符 0 条。" in said.out
    assert "已换上。" in said.out
    assert event["digest"] == new
    assert [(order["actor"], order["reason"], order["origin"]) for order in whole["orders"]] == [
        ("王芳", "停水更重", "person"),
        ("启动", "", "folder"),
    ]
    assert [service["digest"] for service in whole["services"]] == [new]
    assert (back.code, back.err) == (0, "")
    assert again.out == f"规则包 {old[:12]} 已经在用。\n"
    assert [one["digest"] for one in events] == [new, old]


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        pytest.param("mention: 停水", "mention: 停氺", 2, "没有名为“停氺”的词表", id="does-not-load"),
        pytest.param("mention: 停水", "mention: 停水, at_least: 9", 1, "ZZ113 错误: 事项_停水: 要 9 个不同的词", id="lint-error"),
        pytest.param("hit: [车间每天下午停水]", "hit: [车间每天下午断水]", 1, "✗ 规则 事项_停水 的例子 1", id="example-fails"),
    ],
)
async def test_a_bad_pack_is_refused(folder: Path, old: str, new: str, code: int, said: str) -> None:
    """Whatever is wrong is told, and nothing is ordered."""
    refused = await rules(folder, "apply", copy(folder, "new", old, new), "--by", "王芳")

    assert refused.code == code
    assert said in refused.err
    assert (await history(folder))["orders"] == []


async def test_apply_without_a_running_daemon(folder: Path) -> None:
    """The order waits for the next start, which takes it although the configured folder holds another pack."""
    said = await rules(folder, "apply", copy(folder, "new", "weight: 3", "weight: 4"), "--by", "王芳")
    ordered = (await history(folder))["orders"][0]["digest"]
    async with daemon(folder / "zuozhen.toml") as service:
        (event,) = await service.logged("rulebook.folder_differs")

    assert said.code == 0
    assert "没有运行中的服务；下次启动时生效。" in said.out
    assert event["digest"] == ordered


async def test_a_shadow_beside_the_daemon(
    folder: Path, running: Daemon, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second pack decides beside the live one without a restart; what it decides otherwise is listed, explained, and outlives its stop."""
    monkeypatch.chdir(folder)
    here = Here(capsys, folder / "zuozhen.toml")

    async def command(*words: str) -> Said:
        return await asyncio.to_thread(here, *words)

    (started,) = await running.logged("service.started")
    said = await command("rules", "shadow", "start", copy(folder, "new", "route: gsj", "route: gdj"), "--by", "王芳")
    (event,) = await running.logged("shadow.started")
    assert await deliver(started["ports"]["smtp"], mail("我公司车间每天下午停水，请求尽快恢复供水。", subject="停水"))
    await running.logged("shadow.differs")
    stopped = await command("rules", "shadow", "stop", "--by", "李明")
    await running.logged("shadow.stopped")
    listed, whole = await command("rules", "shadow", "list"), (await command("rules", "shadow", "list", "--json")).data
    (found,) = whole["differences"]
    explained = await command("explain", found["key"], "--under", event["digest"])

    assert (said.code, said.err) == (0, "")
    assert "开始试判" in said.out
    assert stopped.out == f"规则包 {event['digest'][:12]} 的试判已结束。\n"
    assert (whole["run"]["digest"], whole["run"]["decided"], whole["run"]["different"]) == (event["digest"], 1, 1)
    assert (found["divergence"]["live"]["department"], found["divergence"]["shadow"]["department"]) == ("gsj", "gdj")
    assert "试判了 1 件，1 件不一样。" in listed.out
    assert found["key"] in listed.out
    assert "承办部门" in explained.out


def test_shadows_that_are_refused(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first there is nothing to list or stop; a pack with errors, or the one in force, is no shadow."""
    monkeypatch.chdir(folder)
    here = Here(capsys, folder / "zuozhen.toml")
    wrong = copy(folder, "wrong", "mention: 停水", "mention: 停水, at_least: 9")
    empty, idle = here("rules", "shadow", "list"), here("rules", "shadow", "stop", "--by", "王芳")
    refused, same = (here("rules", "shadow", "start", pack, "--by", "王芳") for pack in (wrong, "./pack"))

    assert empty.out == "还没有规则包试判过。开始：zuozhen rules shadow start 规则包目录 --by 姓名\n"
    assert idle.out == "现在没有规则包在试判。\n"
    assert refused.code == 1
    assert "ZZ113 错误" in refused.err
    assert "没有开始试判" in refused.err
    assert (same.code, same.out) == (2, "")
    assert "与现用的完全相同" in same.err
    assert here("rules", "shadow", "list", "--json").data["run"] is None


def test_commands_beside_a_broken_folder(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an edit in the configured folder stops no command: each works by the pack in force and says on standard error what is broken."""
    monkeypatch.chdir(folder)
    here = Here(capsys, folder / "zuozhen.toml")
    new, second = copy(folder, "new", "weight: 3", "weight: 4"), copy(folder, "second", "weight: 3", "weight: 5")
    number = asyncio.run(_one_case(folder))
    capsys.readouterr()  # the log of the service
    (folder / "pack" / "rules" / "20_routing.yaml").write_text("- rule: 事项_停\n  when: {all: [", encoding="utf-8")
    (ordered,) = here("rules", "history", "--json").data["orders"]
    asked = [
        ("case", "list"),
        ("case", "show", number),
        ("case", "note", number, "--by", "王芳", "--reason", "企业来电"),
        ("review", "list"),
        ("explain", number),
        ("calendar", "explain", "2026-10-09"),
        ("rules", "backtest", new),
        ("rules", "history"),
        ("rules", "shadow", "start", second, "--by", "王芳"),
        ("rules", "restore", ordered["digest"], "--by", "王芳"),
        ("rules", "apply", new, "--by", "王芳"),
    ]
    for words in asked:
        said = here(*words)
        assert said.code == 0, (words, said)
        assert said.out, words
        assert said.err.count(f"提醒：规则包目录 {folder}/pack 读不进来") == 1, (words, said.err)
        assert f"这次用启用着的那一版（{ordered['digest'][:12]}" in said.err
        assert "\npack/rules/20_routing.yaml:" in said.err
        assert said.err.endswith(f"下一步：改好后用 zuozhen rules lint {folder}/pack 检查，用 zuozhen rules apply 启用\n")
    linted = here("rules", "lint")
    assert linted.code == 2
    assert "ZZ001 错误" in linted.out


async def _one_case(folder: Path) -> str:
    """Start a service on the instance, register a case as it would, stop, and return the number."""
    async with open_house(load_config(folder / "zuozhen.toml")) as house:
        raw = mail("我公司车间每天下午停水，请求尽快恢复供水。", subject="停水")
        outcome = await take(house, Message(source="一", channel=Channel.MAIL, received_at=utc_now(), raw=raw))
        assert outcome.case is not None
        return outcome.case.number


def test_backtest_of_a_history_behind_a_password(
    folder: Path, postgres: Postgres, postgresql_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Child processes reach a PostgreSQL whose password stands in a file, as the service does; without the file the command says so."""
    monkeypatch.chdir(folder)
    here, config, secret = Here(capsys, folder / "zuozhen.toml"), folder / "zuozhen.toml", folder / "db-password"
    address = postgres.tcp_url(postgresql_url.partition("@/")[2].partition("?")[0])
    config.write_text(f'[store]\nurl = "{address}"\npassword_file = "db-password"\n{CONFIG}', encoding="utf-8")
    secret.write_text(PASSWORD, encoding="utf-8")
    number = asyncio.run(_one_case(folder))
    capsys.readouterr()  # the log of the service
    said = here("rules", "backtest", copy(folder, "new", "route: gsj", "route: gdj"), "--json", "--recheck", "1")
    secret.unlink()
    without = here("rules", "backtest", "./new")

    assert (said.code, said.err) == (0, "")
    assert (said.data["total"], said.data["changed"], said.data["rechecked"]) == (1, 1, 1)
    assert [change["number"] for change in said.data["changes"]] == [number]
    assert without.code == 2
    assert "db-password" in without.err


def test_backtest_of_no_history(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to rehearse proves nothing: it is said, and a gate that asks for the exit code does not take it for a pass."""
    monkeypatch.chdir(folder)
    here, new = Here(capsys, folder / "zuozhen.toml"), copy(folder, "new", "weight: 3", "weight: 4")
    said, as_data = here("rules", "backtest", new, "--at-most", "0"), here("rules", "backtest", new, "--json")

    assert (said.code, as_data.code) == (3, 3)
    assert "没有可演练的来件" in said.err
    assert "没有可演练的来件" in as_data.err
    assert as_data.data["total"] == 0
    assert "3 一件可演练的都没有" in here("rules", "backtest", "--help").out


@pytest.mark.parametrize(
    "words",
    [("apply", "./new"), ("restore", "a" * 12), ("shadow", "start", "./new"), ("shadow", "stop")],
    ids=lambda words: " ".join(words[:2]),
)
def test_nobody_decides(folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Who decided is kept for ever: an empty name is none, and nothing is done."""
    said = Here(capsys, folder / "zuozhen.toml")("rules", *words, "--by", "  ")

    assert said.code == 2
    assert said.err.startswith("选项 --by：不能是空的，要写明由谁决定")
    assert said.err.endswith(f"用法见：zuozhen rules {' '.join(word for word in words if word.isalpha() and len(word) < 12)} --help\n")


async def test_apply_of_another_district(folder: Path) -> None:
    """A pack of a district that the configuration does not have is no pack for this instance."""
    pack = folder / copy(folder, "new", "weight: 3", "weight: 4")
    settings = (pack / "pack.yaml").read_text(encoding="utf-8")
    (pack / "pack.yaml").write_text(settings.replace("id: lint", "id: other"), encoding="utf-8")
    said = await rules(folder, "apply", "./new", "--by", "王芳")

    assert said.code == 2
    assert "配置里没有区 other" in said.err

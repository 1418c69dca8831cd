"""The zuozhen command as an operator calls it, on an instance in which the real daemon has worked."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import structlog

from daemon import districts, rulebooks
from daemon.cli import _COMMANDS, build, run
from daemon.config import Config
from daemon.config_reader import load_config
from daemon.stores import open_stores
from daemon.wiring import utc_now
from rules.rulebook import RuleBook, builtin_pack, load_pack
from store.model.case import CaseState
from store.orders import Origin
from tests.e2e.instance import MAILBOX, ROOT, Sink, daemon, deliver, sink, write_instance
from tests.e2e.mails import TAX, mail

NAME, PERSON, PHONE = "昆明青岚办公用品有限公司", "沈秋实", "13700001234"
DEBT = """我公司昆明鹤鸣家具有限公司与昆明高塬商贸有限公司签订了买卖合同，货已交付，对方公司拖欠货款三十八万元，多次催要不付。

请求协调对方公司支付拖欠的货款并赔偿违约金。

联系人：顾听雪
联系电话：13700005678
"""
ADVERT = "本公司可代开各类增值税发票，点数优惠，先验票后付款，需要请加微信。"
POISON = b"X: a\r\n" * 100_001 + mail(message_id="<poison@enterprise.example>").replace(b"\n", b"\r\n")
BY = ("--by", "王芳", "--reason", "已电话核实")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its output as a program reads it."""
        return json.loads(self.out)


def zuozhen(*words: str, config: Path | None = None, folder: Path | None = None) -> Said:
    """Run the command in a process of its own, in *folder*, with ZUOZHEN_CONFIG where *config* is given."""
    environment = {key: value for key, value in os.environ.items() if key != "ZUOZHEN_CONFIG"} | {"PYTHONPATH": str(ROOT)}
    if config is not None:
        environment["ZUOZHEN_CONFIG"] = str(config)
    done = subprocess.run(  # as a user would
        [sys.executable, "-m", "tests.e2e.zuozhen", *words],
        cwd=folder or ROOT,
        env=environment,
        capture_output=True,
        check=False,
        timeout=100,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


class Here:
    """The command run in this process: starting one takes a second and a half, and most of what it says does not depend on that."""

    def __init__(self, capsys: pytest.CaptureFixture[str], config: Path | None = None) -> None:
        """Hear through *capsys*; *config* is added to every call."""
        self._capsys = capsys
        self._config = () if config is None else ("--config", str(config))

    def __call__(self, *words: str) -> Said:
        """Run one command."""
        code = run((*words, *self._config))
        captured = self._capsys.readouterr()
        return Said(code, captured.out, captured.err)

    def numbers(self) -> dict[str, str]:
        """Return the case numbers by verdict."""
        return {case["verdict"]: case["number"] for case in self("case", "list", "--json").data}


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Run commands in this process; logging is restored behind them."""
    loud = structlog.get_config()
    yield Here(capsys)
    structlog.configure(**loud)


_quick_load = cache(load_pack)


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands in this process load the product's own pack once; a pack that a test has changed has a path of its own."""
    for module in (districts, rulebooks):
        monkeypatch.setattr(module, "load_pack", _quick_load)


@dataclass(frozen=True, slots=True)
class Worked:
    """An instance in which the daemon has worked, and what that daemon logged."""

    folder: Path
    log: str
    events: list[dict[str, Any]]


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    """Let the real daemon take a petition, a refusal, an advertisement and a poison; the relay refuses the second answer."""
    return asyncio.run(_work(tmp_path_factory.mktemp("instance")))


async def _work(folder: Path) -> Worked:
    async with sink() as relay:
        relay.answer = lambda recipient: "550 5.1.1 <debt@enterprise.example> no such user" if "debt" in recipient else "250 OK"
        config = write_instance(folder, relay.port)
        async with daemon(config) as running:
            assert await deliver(running.port, mail(), sender="qy@enterprise.example")
            assert await deliver(running.port, _from_debt(DEBT), sender="debt@enterprise.example")
            assert await deliver(running.port, mail(ADVERT, subject="代开发票", message_id="<ad@enterprise.example>"))
            assert await deliver(running.port, POISON)
            await running.logged("arrival.decided", 3)
            await running.logged("arrival.quarantined")
            await running.logged("notice.refused")
            await running.logged("notice.sent", 3)
            assert await running.stop() == 0
        _without_port(config, relay)
    return Worked(folder, "\n".join(running.output), running.events)


def _from_debt(text: str) -> bytes:
    raw = mail(text, subject="关于货款被拖欠的反映", message_id="<debt@enterprise.example>")
    return raw.replace(b"<qy@enterprise.example>", b"<debt@enterprise.example>")


def _without_port(config: Path, relay: Sink) -> None:
    """Let the instance write its mail to a folder from now on: its relay is gone."""
    text = config.read_text(encoding="utf-8")
    server = f'host = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"'
    assert server in text
    config.write_text(text.replace(server, 'folder = "outgoing"'), encoding="utf-8")


@pytest.fixture
def instance(worked: Worked, tmp_path: Path) -> Path:
    """Return the configuration of a copy of that instance, with which a test may do as it likes."""
    copytree(worked.folder, tmp_path / "instance")
    return tmp_path / "instance" / "zuozhen.toml"


@pytest.fixture
def ask(instance: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process on that copy."""
    return Here(capsys, instance)


# ------------------------------------------------------------ what the daemon said


def test_log_holds_no_words_of_a_message(worked: Worked) -> None:
    """A real run, with a refused mail and a quarantined one, logs no name, number, subject, text or mailbox of anybody."""
    assert {"mail.accepted", "arrival.decided", "arrival.quarantined", "notice.sent", "notice.refused"} <= {
        event["event"] for event in worked.events
    }
    words = (NAME, PERSON, PHONE, "91530114MA6P0X7R2L", "发票增量", "青岚", "鹤鸣", "顾听雪", "13700005678", "货款", "微信", "qy@", "debt@")
    for word in words:
        assert word not in worked.log, word
    assert "@enterprise.example" in worked.log


# ------------------------------------------------------------ help and mistakes


COMMANDS = {
    "demo": [],
    "drill": [],
    "init": [],
    "check": [],
    "run": [],
    "case": ["list", "show", "confirm", "overrule", "assign", "separate", "same", "note", "do", "events", "files"],
    "schedule": ["show", "ics"],
    "session": ["show", "call", "cancel"],
    "survey": ["list", "send", "show"],
    "activity": ["list", "show", "announce", "close-booking", "end", "cancel", "receive", "heed", "import", "returns", "unread"],
    "review": ["list", "show", "do", "drop"],
    "form": [],
    "problems": ["list", "show", "open", "close"],
    "mail": ["log"],
    "outbox": ["list", "show", "retry", "addresses"],
    "quarantine": ["list", "show", "export", "retry"],
    "register": [],
    "report": ["month", "quarter", "year", "call-back"],
    "platforms": ["try", "import", "list", "show", "batches"],
    "reconcile": [],
    "doctor": [],
    "calendar": ["show", "explain", "add", "diff", "import"],
    "decide": [],
    "explain": [],
    "db": ["upgrade", "status"],
    "backup": [],
    "restore": [],
    "rules": [
        "lint",
        "test",
        "coverage",
        "backtest",
        "diff",
        "fmt",
        "tree",
        "copy",
        "apply",
        "restore",
        "history",
        "schema",
        "evaluate",
        "shadow",
    ],
}
WITHIN = {("rules", "shadow"): ["start", "stop", "list"]}
PAGES = [
    (),
    *((name,) for name in COMMANDS),
    *((name, command) for name, commands in COMMANDS.items() for command in commands),
    *((*words, command) for words, commands in WITHIN.items() for command in commands),
]


def test_every_command_is_tested() -> None:
    """The list of pages below is that of the commands there are."""
    found: dict[str, list[str]] = {}
    within: dict[tuple[str, ...], list[str]] = {}
    for name in _COMMANDS:
        groups = [group.typer_instance for group in build([name]).registered_groups if group.name == name]
        inner = [(str(one.name), one.typer_instance) for group in groups if group for one in group.registered_groups]
        found[name] = [str(command.name) for group in groups if group for command in group.registered_commands] + [one for one, _ in inner]
        within |= {(name, one): [str(command.name) for command in typer.registered_commands] for one, typer in inner if typer}
    assert found == COMMANDS
    assert within == WITHIN


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_help(words: tuple[str, ...], here: Here) -> None:
    """Every page is in Chinese, headings included; that of a command shows an example that begins with this very command."""
    said = here(*words, "--help")
    assert said.code == 0
    assert "用法：zuozhen" in said.out
    for english in (
        "Usage",
        "Options",
        "Arguments",
        "Commands",
        "required",
        "default:",
        "env var",
        "Show this message",
        "<str>",
        "range>",
        "Path]",
    ):
        assert english not in said.out
    is_command = "命令:" not in said.out
    assert (f"例：zuozhen {' '.join(words)}" in said.out) is is_command
    for line in said.out.splitlines():
        assert not re.search(r"^  (-\S|[a-z_]+ ).*  [A-Za-z][a-z]+ [a-z]+", line), f"an explanation in English: {line}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("frob",), "没有这个命令：frob\n用法见：zuozhen --help"),
        (("case", "frob"), "没有这个命令：frob\n用法见：zuozhen case --help"),
        (("case", "show"), "缺少参数“件号”\n用法见：zuozhen case show --help"),
        (("case", "note", "X", "--reason", "y"), "缺少选项 --by\n用法见：zuozhen case note --help"),
        (("case", "note", "X", "--by"), "选项 --by 后面要写一个值"),
        (("case", "list", "--sate", "x"), "没有选项 --sate，是否想写 --state？"),
        (("case", "list", "--state", "open"), "选项 --state：只能是 under_review、accepted、assigned、acknowledged、handling"),
        (("case", "list", "--limit", "0"), "选项 --limit：不得小于 1"),
        (("case", "list", "--limit", "many"), "选项 --limit：应为整数"),
        (("outbox", "show", "12345678901234567890"), "参数“邮件编号”：不得大于 999999999"),
        (("check", "a", "b"), "多出了参数：a b"),
        (("decide", "--at", "gestern", "x.eml"), "选项 --at：应写成 2024-09-26 或 2024-09-26T10:30:00"),
        (("decide", "/nonexistent/来信.eml"), "打不开 /nonexistent/来信.eml：没有这个文件或目录"),
        (("decide", "/"), "打不开 /：这是目录，不是文件"),
        (("check", "--config", "/nonexistent/zuozhen.toml"), "/nonexistent/zuozhen.toml: 打不开：没有这个文件或目录（先执行 zuozhen init"),
        (("rules", "evaluate", "/nonexistent/labels.jsonl"), "打不开标注文件 /nonexistent/labels.jsonl：没有这个文件或目录"),
        (("init", "/dev/null/x"), "写不了 /dev/null/x：路径中有一段不是目录"),
    ],
)
def test_mistyped(words: tuple[str, ...], expected: str, here: Here) -> None:
    """What was mistyped is told in Chinese with the next step, on standard error, and the exit code is 2."""
    said = here(*words)
    assert (said.code, said.out) == (2, "")
    assert expected in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("words", [(), ("case",), ("outbox",)])
def test_nothing_asked_shows_the_page(words: tuple[str, ...], here: Here) -> None:
    """A command without its sub-command shows what there is, once."""
    said = here(*words)
    assert said.code == 2
    assert said.err.count("用法：zuozhen") == 1


def test_bug_is_told_without_its_words(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug prints where it happened for the maintainers, not the text of the exception; its exit code is its own."""

    def fail(_path: object) -> None:
        raise KeyError(PHONE)

    monkeypatch.setattr("daemon.cli.check.load_config", fail)
    said = here("check", "--config", "x")
    assert said.code == 70
    assert "程序内部错误" in said.err
    assert "builtins.KeyError" in said.err
    assert PHONE not in said.err


def test_reader_that_has_seen_enough(instance: Path) -> None:
    """A pipe that closes early (`zuozhen … | head`) ends the command without a traceback."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.zuozhen", "case", "list", "--json", "--config", str(instance)],
        cwd=ROOT,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
        timeout=100,
    )
    os.close(theirs)
    assert done.returncode != 0
    assert done.stderr == b""


# ------------------------------------------------------------ init, check, run


def test_init_and_check(tmp_path: Path) -> None:
    """A new instance checks clean as it is, says what is still to be filled in, and is not overwritten by a second init."""
    folder = tmp_path / "新实例"
    made = zuozhen("init", str(folder))
    assert made.code == 0
    assert f"zuozhen check --config {folder}/zuozhen.toml" in made.out
    assert (folder / "data").stat().st_mode & 0o777 == 0o700
    checked = zuozhen("check", folder=folder)  # finds zuozhen.toml where it is called
    assert checked.code == 0
    assert "没有发现问题。" in checked.out
    assert "28 个部门没有邮箱，其交办件将寄给区政务服务局" in checked.out
    (folder / "zuozhen.toml").write_text("# mine", encoding="utf-8")
    again = zuozhen("init", str(folder))
    assert (again.code, again.out) == (2, "")
    assert f"{folder}/zuozhen.toml 已存在，未作改动" in again.err
    assert (folder / "zuozhen.toml").read_text(encoding="utf-8") == "# mine"


def test_no_configuration_anywhere(tmp_path: Path) -> None:
    """Without a configuration the operator is told where it was looked for and how to make one."""
    said = zuozhen("case", "list", folder=tmp_path)
    assert said.code == 2
    assert "没有配置文件（用 --config 指定，或先执行 zuozhen init 目录 新建）" in said.err


TEN_MISTAKES = """
colour = "red"
[store]
url = 3
[smtp]
listen = "0.0.0.0:99999"
max_sise_mb = 9
require_tls = "perhaps"
[relay]
port = 0
[limits]
readers = 0
tries = "many"
[log]
level = "loud"
[[district]]
pack = "./pack"
mailboxes = ["a b"]
addresses = "addresses.toml"
"""
IN_CONFIG = {
    "colour": "不认识这一项",
    "store.url": "应为带引号的文字",
    "smtp.listen": "应写成“地址:端口”",
    "smtp.max_sise_mb": "是否想写 max_size_mb？",
    "smtp.require_tls": "应为 true 或 false",
    "relay.port": "不得小于 1",
    "limits.readers": "不得小于 1",
    "limits.tries": "应为整数",
    "log.level": "只能是",
    "district.0.mailboxes.0": "不是邮箱地址",
}
IN_PACK = [
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


def test_check_tells_every_mistake_of_every_file(tmp_path: Path) -> None:
    """Ten mistakes in the configuration, ten in the pack and one in the addresses come at once, each with place and remedy; exit code 2."""
    copytree(builtin_pack("chenggong"), tmp_path / "pack")
    for name, old, new in IN_PACK:
        path = tmp_path / "pack" / name
        text = path.read_text(encoding="utf-8")
        assert old in text, (name, old)
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    (tmp_path / "addresses.toml").write_text(f'[sender]\naddres = "{MAILBOX}"\n', encoding="utf-8")
    config = tmp_path / "zuozhen.toml"
    config.write_text(TEN_MISTAKES, encoding="utf-8")
    said = zuozhen("check", "--config", str(config))
    assert (said.code, said.out) == (2, "")
    lines = said.err.splitlines()
    for key, message in IN_CONFIG.items():
        assert [line for line in lines if line.startswith(f"{config}: {key}: ") and message in line], key
    for name, _, new in IN_PACK:
        assert [line for line in lines if re.match(rf"\S*{re.escape(name)}:\d+: ", line)], new
    assert len([line for line in lines if re.match(r"pack/\S+:\d+: ", line)]) >= len(IN_PACK)
    assert [line for line in lines if "addresses.toml: sender.address: 缺少这一项" in line]


def test_check_tells_what_only_running_would_show(tmp_path: Path) -> None:
    """No door, a password file that is not there, no mailbox for replies: `check` says so, not the first start at night."""
    config = write_instance(tmp_path, 25)
    text = config.read_text(encoding="utf-8")
    start, end = text.index("[smtp]"), text.index("[relay]")
    relay = '[relay]\nusername = "u"\npassword_file = "no-such-file"'
    config.write_text(text[:start] + text[end:].replace("[relay]", relay), encoding="utf-8")
    said = zuozhen("check", "--config", str(config))
    assert said.code == 2
    assert "没有收件的门（写 [[mailbox]]、[smtp]、[lmtp]、[[platform]]、[[hotline]] 或有 folder 的 [[fax]] 一节）" in said.err
    assert f"{tmp_path}/no-such-file: relay: 读不到发信口令：没有这个文件或目录" in said.err


def test_run_on_a_port_that_is_taken(tmp_path: Path) -> None:
    """A port that somebody else has is told in a line, with exit code 2 and no traceback."""
    config = write_instance(tmp_path, 25)

    async def attempt() -> Said:
        async with sink() as other:
            text = config.read_text(encoding="utf-8").replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{other.port}"')
            config.write_text(text, encoding="utf-8")
            return await asyncio.to_thread(zuozhen, "run", "--config", str(config))

    said = asyncio.run(attempt())
    assert said.code == 2
    assert "请检查地址是否被占用" in said.err
    assert "Traceback" not in said.err


# ------------------------------------------------------------ cases and review


def test_cases_are_listed_and_shown(instance: Path, ask: Here) -> None:
    """The list tells what stands where; one case shows the enterprise, the words the decision rests on, dates, history and mail."""
    table = zuozhen("case", "list", config=instance)
    assert table.code == 0
    listed = ask("case", "list", "--json").data
    assert sorted(case["state"] for case in listed) == ["assigned", "under_review"]
    assert all(case["number"] in table.out for case in listed)
    (assigned,) = ask("case", "list", "--state", "assigned", "--department", "swj", "--json").data
    shown = zuozhen("case", "show", assigned["number"].lower(), config=instance)
    for part in (NAME, PERSON, PHONE, "区税务局", "初步对接核实", "【规则的判断】", "【经过】", "登记告知 → qy@enterprise.example", "已发"):
        assert part in shown.out
    full = ask("case", "show", assigned["number"], "--json").data
    assert [event["kind"] for event in full["history"]][:2] == ["case.opened", "case.decided"]
    assert {notice["state"] for notice in full["notices"]} == {"sent"}
    assert full["petition"]["name"]["value"] == NAME


def test_review_to_confirmation(ask: Here) -> None:
    """What waits is listed with its reason; once confirmed it is gone from the list, stands as refused, and its letter waits in the outbox."""
    number = ask.numbers()["refuse"]
    waiting = ask("review", "list")
    assert number in waiting.out
    assert "拟不予受理 二（二）2" in waiting.out
    data = ask("review", "list", "--json").data
    assert number in [case["number"] for case in data["cases"]]
    assert data["set_aside"] == ["A-3"]
    assert "拟不予受理" in ask("review", "show", number).out
    confirmed = ask("case", "confirm", number, *BY)
    assert (confirmed.code, confirmed.out) == (0, f"{number} 已确认，现为“不予受理”\n")
    table = ask("case", "list").out
    assert "不予受理 二（二）2" in table
    assert "拟不予受理" not in table
    assert number not in ask("review", "list").out
    queued = ask("outbox", "list", "--case", number, "--state", "queued", "--json").data
    assert [notice["notice"]["purpose"] for notice in queued] == ["referral"]
    again = ask("case", "confirm", number, *BY)
    assert again.code == 2
    assert "没有等待确认的结论" in again.err


async def test_acts_while_the_daemon_runs(tmp_path: Path) -> None:
    """Daemon and command share the database: what a person confirms is mailed by the running service, without anybody telling it."""
    script = Path(sys.executable).with_name("zuozhen")  # as installed for users
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        async with daemon(config) as running:
            assert await deliver(running.port, _from_debt(DEBT), sender="debt@enterprise.example")
            await relay.has(2)
            (decided,) = await running.logged("arrival.decided")
            words = [script, "case", "confirm", decided["case"], *BY, "--config", config]
            command = await asyncio.create_subprocess_exec(*map(str, words), cwd=tmp_path, stdout=asyncio.subprocess.PIPE)
            said, _ = await command.communicate()
            await relay.has(3)
            assert await running.stop() == 0
    assert (command.returncode, said.decode()) == (0, f"{decided['case']} 已确认，现为“不予受理”\n")
    letter = relay.messages[-1]
    assert letter["To"] == "debt@enterprise.example"
    body = letter.get_body(("plain",))
    assert body is not None
    assert "已电话核实" in body.get_content()


def test_overrule_assign_and_note(ask: Here) -> None:
    """Each act is answered in a sentence and stands in the history with name and reason."""
    number = ask.numbers()["refuse"]
    overruled = ask("case", "overrule", number, "--verdict", "accept", "--department", "scj", *BY)
    assert overruled.out == f"{number} 已改为“受理”，现为“已交办”\n"
    assigned = ask("case", "assign", number, "--department", "stj", "--accompany", "zfj", *BY)
    assert assigned.out == f"{number} 已交办\n"
    assert ask("case", "note", number, *BY).out == f"{number} 已加备注\n"
    case = ask("case", "show", number, "--json").data
    acts = [(event["kind"], event["actor"], event["reason"]) for event in case["history"] if event["actor"] == "王芳"]
    assert acts == [(kind, "王芳", "已电话核实") for kind in ("case.overruled", "case.assigned", "case.noted")]
    shown = ask("case", "show", number).out
    assert "承办部门：区商务和投资促进局　拟陪诊部门：区综合执法局" in shown
    assert "备注　王芳：已电话核实" in shown
    wrong = ask("case", "assign", number, "--department", "nowhere", *BY)
    assert wrong.code == 2
    assert "没有部门代号 nowhere；可用的有：" in wrong.err


def test_separate_and_same(ask: Here) -> None:
    """What a person says of two cases is answered in a sentence, shown with both, and turned round by saying the opposite."""
    one, other = ask.numbers()["accept"], ask.numbers()["refuse"]
    separated = ask("case", "separate", one, other.lower(), *BY)
    assert separated.out == f"已记下：{one} 与 {other} 不是同一件，以后不再提出\n"
    for this, that in ((one, other), (other, one)):
        shown = ask("case", "show", this).out
        assert "【人的认定】" in shown
        assert f"与 {that} 不是同一件，不再提出" in shown
        assert "认定不是同一件　王芳：已电话核实" in shown
    assert "【人的认定】" in ask("explain", one).out
    found_same = ask("case", "same", other, one, *BY)
    assert f"件的状态没有变；按重复件办结：zuozhen case do {other} duplicate --of {one} …" in found_same.out
    data = ask("case", "show", other, "--json").data
    assert [(pair["number"], pair["is_same"]) for pair in data["pairs"]] == [(one, True)]
    assert data["repeats"]["case"] == one
    assert "由人认定是同一件" in ask("case", "show", other).out
    wrong = ask("case", "separate", one, "530100", *BY)
    assert wrong.code == 2
    assert "没有件号或平台记录编号是 530100 的" in wrong.err


def test_a_life_by_the_command_line(ask: Here) -> None:
    """From assignment to closing: each act is answered in a sentence, and what is possible is listed for people and for programs."""
    number = ask.numbers()["accept"]
    listed = ask("case", "events", number)
    assert f"{number}　已交办" in listed.out
    assert "签收" in listed.out
    data = ask("case", "events", number, "--json").data
    assert (data["number"], data["state"]) == (number, "assigned")
    assert {event["event"]: event["needs"] for event in data["events"]}["return"] == ["department"]
    assert {state["state"] for state in ask("case", "events", "--json").data} == {state.value for state in CaseState}
    for words, said in (
        (("acknowledge", "--as", "department"), "签收”，现为“已签收"),
        (("promise", "--as", "department", "--days", "7", "--limit", "5"), "承诺时限”，现为“办理中"),
        (("answer", "--as", "department", "--result", "solved"), "答复企业”，现为“已答复"),
        (("rate", "--as", "enterprise", "--rating", "satisfied"), "企业评价”，现为“已评价"),
        (("close",), "销号”，现为“已销号"),
    ):
        assert ask("case", "do", number, *words, *BY).out == f"{number} 已记入“{said}”\n"
    shown = ask("case", "show", number).out
    assert "依据：本区规则包设定" in shown
    assert "承诺时限　王芳（承办部门）：已电话核实　〔承诺 7 个工作日；限期 5 个工作日〕" in shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("close",), "现为“已交办”，不能销号；现在可以："),
        (("acknowledge", "--as", "enterprise"), "签收只能由承办部门（--as department）、统筹部门（--as coordinator）来做"),
        (("promise", "--days", "9"), "承诺时限原则上不超过 7 个工作日，超过的要写明原因：--evidence 原因"),
        (("promise",), "承诺时限要写明：--days 工作日数"),
        (("return", "--as", "department"), "退回要写明：--department 部门代号"),
        (("return", "--as", "department", "--department", "nowhere"), "没有部门代号 nowhere；可用的有："),
        (("answer", "--result", "done"), "只能写：--result solved"),
        (("clsoe",), "没有名为 clsoe 的事件；有："),
        (("answer", "--result", "solved", "--file", "/nonexistent/函.pdf"), "打不开 /nonexistent/函.pdf：没有这个文件或目录"),
    ],
)
def test_an_act_that_is_not_possible(ask: Here, words: tuple[str, ...], expected: str) -> None:
    """The error says what is wrong and what to write or do instead; the case is as it was."""
    number = ask.numbers()["accept"]
    before = ask("case", "show", number, "--json").data
    said = ask("case", "do", number, *words, *BY)
    assert said.code == 2
    assert expected in said.err
    assert ask("case", "show", number, "--json").data == before


def test_an_act_without_reason_or_on_no_case(ask: Here) -> None:
    """A return without a reason is refused, and a number that is none is named."""
    number = ask.numbers()["accept"]
    returned = ("case", "do", number, "return", "--as", "department", "--department", "zjj", "--by", "李明")
    assert "缺少选项 --reason" in ask(*returned).err
    assert "请写明经办人（--by 姓名）和理由" in ask(*returned, "--reason", " ").err
    assert "没有编号为 CG-2099-00001 的事项" in ask("case", "do", "CG-2099-00001", "heed", *BY).err
    assert "没有编号为 CG-2099-00001 的事项" in ask("case", "events", "CG-2099-00001").err


def test_two_clerks_at_once(instance: Path, ask: Here) -> None:
    """Two clerks close one case at the same moment, each in a process of his own: one does it, the other is told how it stands."""
    number = ask.numbers()["accept"]
    assert ask("case", "do", number, "answer", "--result", "solved", *BY).code == 0
    with ThreadPoolExecutor(2) as clerks:
        done = list(clerks.map(lambda _: zuozhen("case", "do", number, "close", *BY, config=instance), range(2)))
    assert sorted(said.code for said in done) == [0, 2]
    (late,) = [said.err for said in done if said.code]
    assert "刚被别人改过" in late or "现为“已销号”，不能销号" in late
    history = ask("case", "show", number, "--json").data["history"]
    assert [event["kind"] for event in history].count("case.closed") == 1


def test_set_aside_mail(ask: Here) -> None:
    """An advertisement waits under A-3; it is shown, read by programs, and agreed with or made a case of."""
    assert "A-3　待确认" in ask("review", "show", "A-3").out
    data = ask("case", "show", "a-3", "--json").data
    assert (data["key"], data["decision"]["verdict"], data["confirmed"]) == ("A-3", "not_a_case", False)
    assert ask("case", "confirm", "A-3", *BY).out == "A-3 已确认为非诉求来件\n"
    opened = ask("case", "overrule", "A-3", "--verdict", "accept", "--department", "swj", *BY)
    assert re.fullmatch(r"CG-\d{4}-00003 已改为“受理”，现为“已交办”\n", opened.out)


def test_cases_of_another_district_and_a_department_that_is_gone(instance: Path, ask: Here) -> None:
    """After the pack has changed, old cases can still be listed and shown: what has left the directory keeps its id for a name."""
    folder = instance.parent
    copytree(builtin_pack("chenggong"), folder / "pack")
    directory = folder / "pack" / "departments.yaml"
    lines = directory.read_text(encoding="utf-8").splitlines(keepends=True)
    assert [line for line in lines if "id: swj," in line]
    text = instance.read_text(encoding="utf-8").replace('pack = "chenggong"', 'pack = "./pack"')
    instance.write_text(text, encoding="utf-8")
    pack = folder / "pack" / "pack.yaml"
    pack.write_text(pack.read_text(encoding="utf-8").replace("id: chenggong", "id: elsewhere"), encoding="utf-8")
    listed = ask("case", "list")
    assert listed.code == 0
    assert "swj" in listed.out
    assert ask("review", "list").code == 0
    number = ask.numbers()["accept"]
    shown = ask("case", "show", number)
    assert shown.code == 2
    assert "这件属于 chenggong，而配置里没有这个区" in shown.err


# ------------------------------------------------------------ outbox and quarantine


def test_outbox(ask: Here) -> None:
    """The refused answer is listed with the relay's words, shown as its reader would see it, and queued again once asked; a sent one is not."""
    (refused,) = ask("outbox", "list", "--state", "refused", "--json").data
    assert "550 5.1.1" in refused["problem"]
    table = ask("outbox", "list").out
    assert "未能发出" in table
    assert "登记告知" in table
    shown = ask("outbox", "show", str(refused["id"])).out
    assert "收件人： <debt@enterprise.example>" in shown
    assert refused["case_number"] in shown
    again = ask("outbox", "retry", str(refused["id"]))
    assert again.out == f"邮件 {refused['id']} 已放回队列\n"
    (queued,) = ask("outbox", "list", "--state", "queued", "--json").data
    assert (queued["id"], queued["message_id"]) == (refused["id"], refused["message_id"])
    sent = ask("outbox", "list", "--state", "sent", "--json").data[0]
    assert "已发出，不再重发" in ask("outbox", "retry", str(sent["id"])).err
    assert "没有编号为 999 的通知" in ask("outbox", "show", "999").err


def test_mail_log(ask: Here) -> None:
    """What happened to one message, by case, arrival and Message-ID: from the envelope to the relay's words, without words of the petition."""
    number = ask.numbers()["refuse"]
    said = ask("mail", "log", number).out
    lines = [line.split(maxsplit=2)[2] for line in said.splitlines()[1:]]
    assert lines[0].startswith("收下（来件 A-2，门 smtp，自 127.0.0.1，信封发件人 debt@enterprise.example，信封收件人 " + MAILBOX)
    assert "Message-ID debt@enterprise.example" in lines[0]
    assert any(line.startswith("判断（件号 " + number) and "结论 不予受理" in line for line in lines)
    assert any(line.startswith("邮件未能发出（") and line.endswith("550 5.1.1 <debt@enterprise.example> no such user") for line in lines)
    accepted = ask("mail", "log", ask.numbers()["accept"]).out
    assert re.search(r"邮件发出（.*用途 交办.*）　250 OK", accepted)
    for word in (NAME, PERSON, PHONE, "货款"):
        assert word not in said + accepted
    assert ask("mail", "log", "<debt@enterprise.example>").out.splitlines()[1:] == said.splitlines()[1:]
    assert "，寄自 debt@enterprise.example，" in lines[0]
    told = ask("mail", "log", "A-4", "--json").data
    assert told["case"] is None
    assert [step["kind"] for step in told["steps"]] == ["arrival.accepted", "arrival.quarantined"]
    assert "信头过多" in told["steps"][1]["words"]
    assert "没有 Message-ID 为 x@y 的邮件" in ask("mail", "log", "x@y").err


def test_quarantine(ask: Here, tmp_path: Path) -> None:
    """The poison is listed with its reason, shown, taken out byte for byte (never over another file), and queued again once asked."""
    (item,) = ask("quarantine", "list", "--json").data
    assert "信头过多" in item["problem"]
    assert "信头过多" in ask("quarantine", "list").out
    key = str(item["id"])
    shown = ask("quarantine", "show", key).out
    assert "原因：信头过多" in shown
    assert "寄自 qy@enterprise.example　寄到 " + MAILBOX in shown
    target = tmp_path / "来件.eml"
    assert ask("quarantine", "export", key, str(target)).code == 0
    assert target.read_bytes() == POISON
    again = ask("quarantine", "export", key, str(target))
    assert (again.code, again.err) == (2, f"{target} 已存在，请换一个文件名\n")
    assert ask("quarantine", "retry", key).out == f"来件 {key} 已放回队列\n"
    assert ask("quarantine", "list", "--json").data == []
    assert "已办理完毕" in ask("quarantine", "retry", "1").err
    assert "没有编号为 999 的来件" in ask("quarantine", "show", "999").err


def test_empty_instance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the first day every list says that there is nothing yet, and every JSON is valid."""
    ask = Here(capsys, write_instance(tmp_path, 25))
    for words, empty in (
        (("case", "list"), "还没有件。"),
        (("review", "list"), "没有等人审核的件。"),
        (("outbox", "list"), "还没有邮件。"),
        (("quarantine", "list"), "隔离区是空的。"),
    ):
        assert ask(*words).out == f"{empty}\n"
    assert ask("review", "list", "--json").data == {"cases": [], "set_aside": [], "held": []}


def test_database_that_cannot_be_opened_may_be_asked_later(instance: Path, ask: Here) -> None:
    """Trouble that may pass has its own exit code, so that a script can try again."""
    database = instance.parent / "data" / "zuozhen.db"
    database.unlink()
    database.mkdir()
    said = ask("case", "list")
    assert said.code == 75
    assert "稍后再试" in said.err
    assert "Traceback" not in said.err


# ------------------------------------------------------------ decide


def test_decide(tmp_path: Path) -> None:
    """Several files are decided in order, later ones seeing earlier ones; nothing is kept; an unreadable one makes the exit code 1."""
    first, second, letter, broken = (tmp_path / name for name in ("一.eml", "二.eml", "信.txt", "坏.eml"))
    first.write_bytes(mail())
    second.write_bytes(mail(message_id="<two@enterprise.example>"))
    letter.write_text(DEBT, encoding="gb18030")
    broken.write_bytes(POISON)
    said = zuozhen("decide", *map(str, (first, second, letter, broken)), "--at", "2024-10-09", "--json", folder=tmp_path)
    assert said.code == 1
    found = said.data
    assert [row["file"] for row in found] == [str(path) for path in (first, second, letter, broken)]
    assert [row["decision"]["verdict"] for row in found[:3]] == ["accept", "accept", "refuse"]
    assert [row["decision"]["related_case"] is not None for row in found[:2]] == [False, True]
    assert found[0]["decision"]["due"]["start"] >= "2024-10-09"
    assert "信头过多" in found[3]["problem"]
    assert {path.name for path in tmp_path.iterdir()} == {"一.eml", "二.eml", "信.txt", "坏.eml"}


def test_decide_for_people(tmp_path: Path) -> None:
    """A clerk reads who asks what and why it is decided so; a name in GBK is no trouble, and escape sequences do not reach the terminal."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xc0\xb4\xd0\xc5.eml")
    Path(path).write_bytes(mail(TAX + "\n\x1b]0;pwned\x07\x1b[2J 请尽快"))
    said = zuozhen("decide", path)
    assert (said.code, said.err) == (0, "")
    for part in (f"=== {tmp_path}/", NAME, "结论：受理", "区税务局"):
        assert part in said.out
    assert "\x1b" not in said.out
    assert "\x07" not in said.out


def test_decide_with_an_unknown_pack(tmp_path: Path) -> None:
    """A pack that does not exist is named together with those that do."""
    (tmp_path / "x.eml").write_bytes(mail())
    said = zuozhen("decide", str(tmp_path / "x.eml"), "--pack", "atlantis")
    assert said.code == 2
    assert "atlantis" in said.err
    assert "chenggong" in said.err


# ------------------------------------------------------------ explain


def own_pack(instance: Path, file: str, old: str, new: str) -> None:
    """Put a copy of the pack in force in which *old* in *file* is *new*."""
    folder = instance.parent / "pack"
    copytree(builtin_pack("chenggong"), folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    instance.write_text(instance.read_text(encoding="utf-8").replace('pack = "chenggong"', 'pack = "./pack"'), encoding="utf-8")
    asyncio.run(_order(load_config(instance), load_pack(folder)))


async def _order(config: Config, book: RuleBook) -> None:
    async with open_stores(config, domain="cg.example") as stores:
        await stores.packs.keep(book.district.id, book.digest, book.files, now=utc_now())
        await stores.orders.give(book.district.id, book.digest, actor="王芳", reason="", origin=Origin.PERSON, now=utc_now())


def test_explain_a_case(ask: Here) -> None:
    """Words with their places, article, rules, and the proof that the rules of then still say the same."""
    said = ask("explain", ask.numbers()["refuse"])
    assert said.code == 0
    for part in (
        "【当时的判断】",
        "区委办〔2024〕48号 二（二）2",
        "原话：正文第 ",
        "「拖欠货款」",
        "条件：",
        "出处：chenggong/rules/",
        "差一点成立的规则",
    ):
        assert part in said.out, part
    assert "规则包没有变过，现在也会这样判断。" in said.out
    data = ask("explain", "a-3", "--json").data
    assert (data["key"], data["decision"]["verdict"], data["then"]["differences"]) == ("A-3", "not_a_case", [])


def test_explain_under_changed_rules(instance: Path, ask: Here) -> None:
    """After the pack has changed, the rules of then are still there: what they said is proved, and what today's would say is told."""
    number = ask.numbers()["refuse"]
    digest = ask("explain", number, "--json").data["decision"]["rulebook"]
    own_pack(instance, "rules/50_civil.yaml", "refuse: 2", "refuse: 5")
    said = ask("explain", number)
    assert "用当时的规则包重新判断：与记录一致。" in said.out
    assert "不予受理情形：二（二）2 → 二（二）5" in said.out
    today = ask("explain", number, "--now")
    assert "【按规则包 " in today.out
    assert "区委办〔2024〕48号 二（二）5" in today.out
    then = ask("explain", number, "--under", digest[:8], "--json").data
    assert (then["again"]["rulebook"], then["again"]["differences"]) == (digest, [])


def test_explain_what_cannot_be_explained(instance: Path, ask: Here) -> None:
    """Pack, case and file that are not there, and what does not go together, are told with the next step."""
    number = ask.numbers()["refuse"]
    for words, told in [
        ((number, "--under", "0123456789"), "没有保存摘要为 0123456789 的规则包"),
        ((number, "--under", "0123456789", "--now"), "只能写一个"),
        (("CG-2024-99999",), "CG-2024-99999"),
        (("没有.eml",), "没有.eml"),
        ((str(instance), "--now"), "zuozhen decide"),
    ]:
        said = ask("explain", *words)
        assert (said.code, told in said.err) == (2, True), said


def test_explain_a_file(instance: Path, ask: Here) -> None:
    """A file is judged by the pack of the configuration."""
    own_pack(instance, "departments.yaml", "name: 区税务局", "name: 区税务总局")
    (instance.parent / "x.eml").write_bytes(mail())
    said = ask("explain", str(instance.parent / "x.eml"))
    assert "承办：区税务总局" in said.out


def test_what_is_in_force_decides_by_default(instance: Path, ask: Here) -> None:
    """A file and a schema go by the pack that is in force, which is said; another is named with --pack."""
    own_pack(instance, "departments.yaml", "id: swj, name: 区税务局", "id: swj, name: 区税务总局")
    (instance.parent / "x.eml").write_bytes(mail())
    said, product = ask("decide", str(instance.parent / "x.eml")), ask("decide", str(instance.parent / "x.eml"), "--pack", "chenggong")
    schema = ask("rules", "schema")

    assert said.out.startswith("规则包：昆明市呈贡区现用的（")
    assert "承办：区税务总局" in said.out
    assert product.out.startswith("规则包：chenggong（")
    assert "承办：区税务局" in product.out
    assert schema.err.startswith("规则包：昆明市呈贡区现用的（")
    assert schema.data["type"] == "array"


# ------------------------------------------------------------ rules


def test_rules_evaluate(tmp_path: Path, here: Here) -> None:
    """Labelled files beside their list are measured by the daemon's own path; a program reads the figures."""
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "one.eml").write_bytes(mail())
    golden = (ROOT / "tests" / "golden" / "labels.jsonl").read_text(encoding="utf-8").splitlines()[0]
    row = json.loads(golden) | {"id": "one", "channel": "mail", "input": "one.eml", "verdict": "accept", "department": "swj"}
    (tmp_path / "labels.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    said = here("rules", "evaluate", str(tmp_path / "labels.jsonl"), "--json")
    assert said.code == 0
    assert (said.data["rows"], said.data["verdict_accuracy"], said.data["department_accuracy"]) == (1, 1.0, 1.0)

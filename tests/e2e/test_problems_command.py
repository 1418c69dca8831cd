"""`zuozhen problems` on an instance whose daemon took three enterprises' mails about one thing: found, opened, closed; and mistakes."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest

from daemon import districts, rulebooks
from rules.rulebook import load_pack
from tests.e2e.instance import Sink, daemon, deliver, sink, write_instance
from tests.e2e.mails import mail
from tests.e2e.test_cli import Here
from tests.servers.patience import patience

KEY = "LT-00001"
SAID = ("--by", "王芳", "--reason", "三家说的是同一个冷库")
ENTERPRISES = {"昆明穗禾花卉有限公司": "13700002001", "云南朗晴园艺有限公司": "13700002002", "昆明蓝岸鲜花贸易有限公司": "13700002003"}
TEXT = """尊敬的领导：

我是{name}的负责人。斗南公共预冷库停了四间，每天下午排队入库要等六七个小时，鲜花在外面晒烂，报损四成。

请求区斗南花卉产业综合服务中心尽快修好预冷库，公布排队办法。

联系人：林知夏
联系电话：{phone}
"""

_quick_load = cache(load_pack)


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all commands load the product's own pack once."""
    for module in (districts, rulebooks):
        monkeypatch.setattr(module, "load_pack", _quick_load)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sink]:
    """Let the real daemon take the three mails, and return its folder and what left."""
    return asyncio.run(_work(tmp_path_factory.mktemp("instance")))


async def _work(folder: Path) -> tuple[Path, Sink]:
    async with sink() as relay, daemon(write_instance(folder, relay.port)) as running:
        for number, (name, phone) in enumerate(ENTERPRISES.items()):
            raw = mail(TEXT.format(name=name, phone=phone), subject="预冷库排队", message_id=f"<{number}@enterprise.example>")
            assert await deliver(running.port, raw.replace(b"qy@", f"qy{number}@".encode()), sender=f"qy{number}@enterprise.example")
        await running.logged("problem.proposed")
        async with patience(60.0, "the proposal to the coordinator", running.said), relay.arrived:
            await relay.arrived.wait_for(lambda: any(map(_is_proposal, relay.messages)))
        assert await running.stop() == 0
    return folder, relay


def _is_proposal(message: EmailMessage) -> bool:
    body = message.get_body(("plain",))
    return body is not None and KEY in body.get_content()


@pytest.fixture
def here(worked: tuple[Path, Sink], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on a copy of that instance."""
    copytree(worked[0], tmp_path / "instance")
    return Here(capsys, tmp_path / "instance" / "zuozhen.toml")


def test_what_the_daemon_proposed_is_listed_and_shown(here: Here, worked: tuple[Path, Sink]) -> None:
    """Three enterprises in one problem: the coordinator was told once; the list says the next step, the page names all three."""
    assert [str(message["To"]) for message in worked[1].messages if _is_proposal(message)] == ["coordinator@cg.example"]

    (problem,) = here("problems", "list", "--json").data
    assert (problem["key"], problem["state"], problem["size"], problem["enterprises"]) == (KEY, "proposed", 3, 3)
    listed = here("problems", "list")
    assert (listed.code, listed.err) == (0, "")
    for words in (KEY, "建议立题", "zuozhen problems open"):
        assert words in listed.out, listed.out

    shown = here("problems", "show", KEY)
    assert shown.code == 0
    for words in (*ENTERPRISES, "3 件，3 家企业", "建议立为类题", "预冷库"):
        assert words in shown.out, shown.out
    assert len(here("problems", "show", KEY, "--json").data["reports"]) == 3


def test_a_person_opens_and_closes_it(here: Here) -> None:
    """Opened under a name with a lead department, which is written to; closed, and then only in the list that asks for closed ones."""
    opened = here("problems", "open", KEY, "--lead", "dnhh", "--name", "预冷库停用", *SAID)
    assert (opened.code, opened.err) == (0, ""), opened
    assert f"{KEY} 已立为类题“预冷库停用”" in opened.out
    waiting = here("outbox", "list", "--json")
    assert "dnhh@cg.example" in waiting.out, waiting
    assert "类题" in waiting.out, waiting

    closed = here("problems", "close", KEY, *SAID)
    assert (closed.code, closed.out) == (0, f"{KEY}“预冷库停用”已办结\n")
    assert here("problems", "list", "--json").data == []
    assert [problem["state"] for problem in here("problems", "list", "--closed", "--json").data] == ["closed"]
    history = here("problems", "show", KEY).out
    for words in ("立为类题　王芳：三家说的是同一个冷库", "办结　王芳：三家说的是同一个冷库"):
        assert words in history, history


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "LT-00099"), "LT-00099"),
        (("open", KEY, "--lead", "zzz", *SAID), "zzz"),
        (("open", KEY, "--lead", "dnhh", "--by", "王芳", "--reason", " "), "理由"),
        (("close", "LT-00099", *SAID), "LT-00099"),
    ],
)
def test_mistakes_are_told_and_change_nothing(here: Here, words: tuple[str, ...], said: str) -> None:
    """A number, a department that there is not, or an act without a reason: said in Chinese, and the problem stands as it did."""
    failed = here("problems", *words)

    assert failed.code == 2, failed
    assert said in failed.err
    assert "Traceback" not in failed.err
    assert [problem["state"] for problem in here("problems", "list", "--json").data] == ["proposed"]


def test_closed_is_closed(here: Here) -> None:
    """What is closed can be neither closed nor opened again, and says so."""
    assert here("problems", "close", KEY, *SAID).code == 0

    for words in (("close", KEY, *SAID), ("open", KEY, "--lead", "dnhh", *SAID)):
        failed = here("problems", *words)
        assert (failed.code, failed.out) == (2, "")
        assert "已经办结" in failed.err

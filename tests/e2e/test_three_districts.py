"""One deployment, three districts: each with its own address, numbers, departments and wording, and nothing of one in another."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import aiosmtplib
import pytest

from daemon import districts, rulebooks
from rules.rulebook import builtin_pack, load_pack
from tests.e2e.instance import Daemon, Sink, ask, daemon, sink, write_instance
from tests.e2e.test_cli import Here

MARKS = {"chenggong": "cg", "wuhua": "wh", "jinning": "jn"}
LETTER = (
    "我公司昆明七彩商贸有限公司申请办理施工许可证，材料交了两个月没有答复。请求住建部门尽快办理。\n联系人：李明\n联系电话：13700001234\n"
)
_quick_load = cache(load_pack)
SECTION = """
[[district]]
pack = "{id}"
mailboxes = ["zuozhen@{mark}.example"]
addresses = "{id}.toml"
"""
ADDRESSES = """
[sender]
name = "{name}"
address = "zuozhen@{mark}.example"
[coordinator]
address = "coordinator@{mark}.example"
[departments]
{departments}
"""


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands load each pack once, as in `tests.e2e.test_cli`."""
    for module in (districts, rulebooks):
        monkeypatch.setattr(module, "load_pack", _quick_load)


def three_districts(folder: Path, relay_port: int) -> Path:
    """Write an instance that serves all three; return its configuration."""
    config = write_instance(folder, relay_port)
    for id_ in ("wuhua", "jinning"):
        district, mark = load_pack(builtin_pack(id_)).district, MARKS[id_]
        departments = "\n".join(f'{one} = "{one}@{mark}.example"' for one in district.departments)
        (folder / f"{id_}.toml").write_text(ADDRESSES.format(name=district.name, mark=mark, departments=departments), encoding="utf-8")
        config.write_text(config.read_text("utf-8") + SECTION.format(id=id_, mark=mark), encoding="utf-8")
    return config


async def write_to(
    running: Daemon, id_: str, *, subject: str = "办理施工许可", text: str = LETTER, sender: str = "qy@enterprise.example"
) -> None:
    """Hand a letter in at the one SMTP door, addressed to a district."""
    message = EmailMessage()
    message["From"], message["To"] = sender, f"zuozhen@{MARKS[id_]}.example"
    message["Subject"], message["Message-ID"] = subject, f"<{len(running.events)}.{id_}@enterprise.example>"
    message.set_content(text)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=running.port, use_tls=False, start_tls=False, timeout=30) as client:
        await client.sendmail(sender, [f"zuozhen@{MARKS[id_]}.example"], bytes(message))


def domain_of(message: EmailMessage) -> str:
    """Return the district that a mail of ours comes from."""
    return str(message["From"]).rpartition("@")[2].removesuffix(".example>")


def to_the_enterprise(relay: Sink, mark: str) -> list[EmailMessage]:
    """Return what one district wrote to enterprises."""
    return [message for message in relay.messages if domain_of(message) == mark and "enterprise.example" in str(message["To"])]


async def test_each_has_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same letter to three addresses is three matters: three numbers, three coordinators, no duplicate; departments hear from their own.

    A reply that bears the token of one district's mail does nothing to another's case.
    """
    async with sink() as relay:
        config = three_districts(tmp_path, relay.port)
        here = Here(capsys, config)
        async with daemon(config) as running:
            for id_ in MARKS:
                await write_to(running, id_)
            await running.settled(3)
            numbers = {number[:2].lower(): number for (number,) in ask(config, "SELECT number FROM cases")}
            assert sorted(numbers) == sorted(MARKS.values())
            assert ask(config, "SELECT verdict, count(*) FROM cases GROUP BY verdict") == [("accept", 3)]
            for mark, department in (("wh", "swj"), ("jn", "tzfw")):
                words = ("--department", department, "--by", "李明", "--reason", "依职责交办")
                done = await asyncio.to_thread(here, "case", "assign", numbers[mark], *words)
                assert done.code == 0, done.err
            await relay.arrived_at("swj@wh.example", "tzfw@jn.example")
            _keep_apart(relay, numbers)
            await _token_of_another(running, relay, numbers)
            assert await running.stop() == 0
    assert ask(config, "SELECT state FROM cases WHERE number = ?", numbers["jn"]) == [("assigned",)]


async def _token_of_another(running: Daemon, relay: Sink, numbers: dict[str, str]) -> None:
    """Answer 五华's mail at 晋宁's address, about 晋宁's case: it is not withdrawn by that."""
    theirs = next(message for message in to_the_enterprise(relay, "wh"))
    answer = EmailMessage()
    answer["From"], answer["To"] = "qy@enterprise.example", "zuozhen@jn.example"
    answer["Subject"], answer["Message-ID"] = f"Re: 编号{numbers['jn']}", "<answer@enterprise.example>"
    answer["In-Reply-To"] = str(theirs["Message-ID"])
    answer["References"] = str(theirs["Message-ID"])
    answer.set_content(f"撤回\n\n> {theirs.get_body(('plain',)).get_content()}")  # type: ignore[union-attr]  # every mail of ours has one
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=running.port, use_tls=False, start_tls=False, timeout=30) as client:
        await client.sendmail("qy@enterprise.example", ["zuozhen@jn.example"], bytes(answer))
    await running.settled(4)


def _keep_apart(relay: Sink, numbers: dict[str, str]) -> None:
    """See that every mail stays within its district and speaks of it alone."""
    names = {MARKS[id_]: load_pack(builtin_pack(id_)).district for id_ in MARKS}
    for message, (_, recipient) in zip(relay.messages, relay.envelopes, strict=True):
        mark = domain_of(message)
        said = str(message["Subject"]) + message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # every mail of ours has one
        assert recipient.endswith((f"@{mark}.example", "@enterprise.example")), (mark, recipient)
        others = [other for other in names if other != mark]
        assert not [numbers[other] for other in others if numbers[other] in said]
        assert not [names[other].document for other in others if names[other].document in said]
        assert not [names[other].name for other in others if names[other].name in said]
        assert names[mark].name in said
    assert {mark: bool(to_the_enterprise(relay, mark)) for mark in names} == dict.fromkeys(names, True)

"""A report and a log handed in at the door of the real daemon, and what the operator's commands then say: who has, who has not, what is unread."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.rulebook import builtin_pack
from tests.e2e.instance import MAILBOX, daemon, deliver, sink, write_instance
from tests.e2e.test_cli import Here

RETURNS, DEPARTMENT = "baosong@jn.example", "tzfw@jn.example"
KEY = "十月接待日"
BY = ("--by", "王芳")
_ADDRESSES = f"""
[sender]
address = "{MAILBOX}"
[coordinator]
address = "coordinator@cg.example"
[departments]
tzfw = "{DEPARTMENT}"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write an instance of 晋宁 with an address for returns, in which one department has visits to make."""
    pack = Path(shutil.copytree(builtin_pack("jinning"), tmp_path / "jinning"))
    settings = pack / "pack.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("owed_by: []", "owed_by: [tzfw]"), encoding="utf-8")
    return write_instance(tmp_path, 25)


def for_jinning(config: Path, port: int) -> None:
    """Let the instance serve 晋宁 and hand its mail to the relay on *port*."""
    (config.parent / "addresses.toml").write_text(_ADDRESSES, encoding="utf-8")
    text = config.read_text(encoding="utf-8").replace("port = 25\n", f"port = {port}\n")
    changed = text.replace('pack = "chenggong"', f'pack = "./jinning"\nreturns = "{RETURNS}"')
    config.write_text(changed, encoding="utf-8")


def written(subject: str, body: str, *, sender: str = DEPARTMENT, file: str = "") -> bytes:
    """Return a mail to the address for returns."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, RETURNS, subject
    message["Message-ID"] = f"<{abs(hash((subject, sender)))}@jn.example>"
    message.set_content(body)
    if file:
        message.add_attachment("一、接待企业十二家。".encode(), maintype="text", subtype="plain", filename=file)
    return bytes(message)


async def hand_in(config: Path) -> tuple[dict[str, Any], dict[str, Any], list[EmailMessage]]:
    """Hand in a report twice and a stranger's once; return what the log says of the first and the last, and the mails that left."""
    async with sink() as relay:
        for_jinning(config, relay.port)
        async with daemon(config) as running:
            report = written(f"{KEY}书面报告", "请查收。", file="报告.txt")
            assert await deliver(running.port, report, sender=DEPARTMENT, recipient=RETURNS)
            assert await deliver(running.port, report, sender=DEPARTMENT, recipient=RETURNS)
            stranger = written("十一月接待日书面报告", "请查收。", sender="x@elsewhere.example", file="报告.txt")
            assert await deliver(running.port, stranger, sender="x@elsewhere.example", recipient=RETURNS)
            (taken,), (unclear,) = await running.logged("return.taken"), await running.logged("return.unclear")
            await relay.has(1)
            assert await running.stop() == 0
    return taken, unclear, relay.messages


def test_a_report_by_mail(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report is ticked off and answered once, the stranger's mail listed; the operator ticks that off by its number."""
    here, today = Here(capsys, config), datetime.now(ZoneInfo("Asia/Shanghai")).date()
    for_jinning(config, 25)
    for key in (KEY, "十一月接待日"):
        said = here("activity", "end", key, "--of", "企业接待日", "--department", "tzfw", "--day", f"{today}", *BY)
        assert said.code == 0, said.err
    taken, unclear, messages = asyncio.run(hand_in(config))
    assert (taken["received"], taken["departments"]) == ([f"{KEY} activity_report"], ["tzfw"])
    assert "不在部门邮箱文件里" in unclear["doubts"][0]
    receipts = [message for message in messages if "已收到" in str(message["Subject"])]
    assert [str(message["To"]) for message in receipts] == [f"区投资服务中心 <{DEPARTMENT}>"]
    body = receipts[0].get_body(("plain",))
    assert body is not None
    assert f"已收到：{KEY}　报送活动书面报告" in body.get_content()

    unread, owed = here("activity", "unread"), here("activity", "returns", "--kind", "activity_report", "--json")
    assert "x@elsewhere.example" in unread.out
    assert "附件：报告.txt" in unread.out
    by_name = {one["name"]: (one["delivered"], [missing["who"] for missing in one["missing"]]) for one in owed.data}
    assert by_name[KEY] == (["区投资服务中心"], [])
    assert by_name["十一月接待日"] == ([], ["区投资服务中心"])

    (waiting,) = here("activity", "unread", "--json").data
    said = here("activity", "receive", "十一月接待日", "activity_report", "--arrival", waiting["arrival"], *BY)
    assert said.code == 0, said.err
    assert "没有待认的报送。" in here("activity", "unread").out
    assert "还没有应报送的" in here("activity", "returns", "--kind", "activity_report", "--missing").out


def test_lists_of_an_instance_that_never_ran(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Empty lists say so; an arrival that is none, and a kind that is none, are told; who is late is told by how many days."""
    here, today = Here(capsys, config), datetime.now(ZoneInfo("Asia/Shanghai")).date()
    for_jinning(config, 25)
    assert "没有待认的报送。" in here("activity", "unread").out
    assert "还没有应报送的。" in here("activity", "returns").out
    assert "没有名为 月报 的时限" in here("activity", "returns", "--kind", "月报").err

    day = today - timedelta(days=40)
    assert here("activity", "end", KEY, "--of", "企业接待日", "--department", "tzfw", "--day", f"{day}", *BY).code == 0
    late = here("activity", "returns", "--kind", "activity_report", "--missing").out
    assert "区投资服务中心（" in late
    assert "，逾期" in late
    wrong = here("activity", "receive", KEY, "activity_report", "--arrival", "12", *BY)
    assert wrong.code == 2
    assert "应形如 A-12" in wrong.err

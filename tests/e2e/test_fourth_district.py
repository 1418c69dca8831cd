"""A district that nobody has programmed: its folder is checked, tried, drawn as a calendar and served beside another, and no line of code knows it."""

from __future__ import annotations

import shutil
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from tests.e2e.instance import ROOT, ask, daemon, sink, write_instance
from tests.e2e.test_cli import Here

PACK = ROOT / "tests" / "packs" / "linjiang"
BERTH = "我公司昆明临江物流有限公司申请三号泊位延长使用期限，材料交了两个月没有答复。请求尽快办理。\n联系人：李明\n联系电话：13700001234\n"
ADDRESSES = """
[sender]
name = "临江区坐诊接诉"
address = "zuozhen@lj.example"
[coordinator]
address = "coordinator@lj.example"
[departments]
gwj = "gwj@lj.example"
yzj = "yzj@lj.example"
"""
SECTION = """
[[district]]
pack = "./linjiang"
mailboxes = ["zuozhen@lj.example"]
addresses = "linjiang.toml"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the folder, as an operator would."""
    return Path(shutil.copytree(PACK, tmp_path / "linjiang"))


def berth() -> bytes:
    """Return a petition to that district."""
    message = EmailMessage()
    message["From"], message["To"] = "李明 <lm@enterprise.example>", "zuozhen@lj.example"
    message["Subject"], message["Message-ID"] = "关于泊位延期的情况反映", "<berth@enterprise.example>"
    message.set_content(BERTH)
    return bytes(message)


def test_a_folder_is_checked_tried_and_drawn(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lint and the examples are green, a letter goes to the port office, and the calendar has sessions on working days and returns."""
    here, name = Here(capsys), str(folder)
    linted = here("rules", "lint", name)
    assert (linted.code, "错误" in linted.out, "警告" in linted.out) == (0, False, False)
    tried = here("rules", "test", name)
    assert (tried.code, "全部相符" in tried.out) == (0, True)
    letter = tmp_path / "来信.txt"
    letter.write_text(BERTH, encoding="utf-8")
    assert "承办：区港务局" in here("decide", str(letter), "--pack", name).out
    lines = here("schedule", "show", "--pack", name, "--from", "2026-02-01", "--to", "2026-02-28", "--json").data
    assert [(one["title"], one["first"], one["shares"][0]["name"], one["company"]) for one in lines if not one["is_due"]] == [
        ("2026年2月上半月局长坐诊", "2026-02-09", "区港务局", ["区渔政局"]),
        ("2026年2月下半月局长坐诊", "2026-02-24", "区港务局", ["区渔政局"]),
    ]
    assert [(one["title"], one["first"], len(one["shares"])) for one in lines if one["is_due"]] == [
        ("2026年2月 报送办理情况（月报）", "2026-02-05", 2)
    ]


@pytest.mark.usefixtures("folder")
async def test_it_is_served_beside_another_district(tmp_path: Path) -> None:
    """One daemon, two districts: the new one's mail gets its own number and goes to its own department, its next session is announced."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        (tmp_path / "linjiang.toml").write_text(ADDRESSES, encoding="utf-8")
        config.write_text(config.read_text("utf-8") + SECTION, encoding="utf-8")
        async with daemon(config) as running:
            planned = await running.logged("schedule.announced")
            assert {one["district"] for one in planned} == {"linjiang"}
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=running.port, use_tls=False, start_tls=False, timeout=30) as client:
                await client.sendmail("lm@enterprise.example", ["zuozhen@lj.example"], berth())
            await relay.has(2)
            assert await running.stop() == 0
    assert sorted(recipient for _, recipient in relay.envelopes) == ["gwj@lj.example", "lm@enterprise.example"]
    assert all("LJ-" in str(message["Subject"]) for message in relay.messages)
    sessions = ask(config, "SELECT district, state FROM subjects WHERE sort = 'session'")
    assert sessions
    assert set(sessions) == {("linjiang", "planned")}

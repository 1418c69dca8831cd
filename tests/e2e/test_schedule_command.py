"""`zuozhen schedule` as an operator calls it: the plan of the pack, what people said of it, what is owed, and mistakes."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from daemon import districts, rulebooks
from rules.rulebook import load_pack
from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here

KEY = "2024年第2期"
YEAR = ("schedule", "show", "--year", "2024")

_quick_load = cache(load_pack)


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all commands load the product's own pack once."""
    for module in (districts, rulebooks):
        monkeypatch.setattr(module, "load_pack", _quick_load)


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on an instance that never ran."""
    return Here(capsys, write_instance(tmp_path, 25))


def line(here: Here, title: str) -> dict[str, object]:
    """Return the line of the year whose title begins so, as a program reads it."""
    (found,) = [one for one in here(*YEAR, "--json").data if one["title"].startswith(title)]
    assert isinstance(found, dict)
    return found


def test_what_nobody_announced_is_the_pack_s_own(here: Here) -> None:
    """The six sessions stand in the table with month, theme, host and company; the note of the document stands under it."""
    said = here(*YEAR)
    assert (said.code, said.err) == (0, "")
    assert "昆明市呈贡区日程　2024-01-01 至 2024-12-31" in said.out
    assert "2024年10月内" in said.out
    assert "数字经济开发区管" in said.out
    assert said.out.endswith("说明：“坐诊”时间为初定，以最终发布时间为准。\n")
    assert (line(here, KEY)["standing"], line(here, KEY)["basis"]) == ("planned", "附件6")


def test_what_people_said_stands_in_the_calendar(here: Here) -> None:
    """An announced day, its end and what is overdue after it; a session of which the pack knows nothing; one that was called off."""
    by = ("--by", "王芳")
    assert here("activity", "announce", KEY, "--sort", "session", "--day", "2024-10-25", "--department", "kfq", *by).code == 0
    assert here("activity", "announce", "花市夜话", "--of", "走访", "--day", "2024-11-05", "--department", "dnhh", *by).code == 0
    assert here("activity", "announce", "2024年第3期", "--day", "2024-11-20", *by).code == 0
    assert here("activity", "cancel", "2024年第3期", *by).code == 0
    told = line(here, KEY)
    assert (told["first"], told["last"], told["standing"], told["theme"]) == (
        "2024-10-25",
        "2024-10-25",
        "untold",
        "电子信息制造与数字经济产业",
    )
    assert (line(here, "花市夜话")["standing"], line(here, "2024年第3期")["standing"]) == ("untold", "cancelled")
    assert here("activity", "end", KEY, *by).code == 0
    assert line(here, KEY)["standing"] == "held"
    shown = here("schedule", "show", "--from", "2024-10-01", "--to", "2024-10-31").out
    assert "2024-10-25" in shown
    assert "已举行；逾期未" in shown


def test_a_moved_session_is_found_in_its_new_month(here: Here) -> None:
    """What was announced for another month than the document's stands there, once, and no longer in its old month."""
    here("activity", "announce", KEY, "--sort", "session", "--day", "2024-11-08", "--by", "王芳")
    october = here("schedule", "show", "--from", "2024-10-01", "--to", "2024-10-31", "--json").data
    november = here("schedule", "show", "--from", "2024-11-01", "--to", "2024-11-30", "--json").data
    assert [one["title"] for one in october if KEY in one["title"]] == []
    assert [one["first"] for one in november if KEY in one["title"]] == ["2024-11-08"]


def test_a_department_sees_its_own(here: Here) -> None:
    """Where it is host or takes part, and nothing else."""
    titles = [one["title"] for one in here(*YEAR, "--department", "ysy", "--json").data]
    assert titles == [f"{KEY} 坐诊接诉"]
    assert "没有代号为 ysx 的部门" in here(*YEAR, "--department", "ysx").err


def test_a_pack_alone_needs_no_instance(capsys: pytest.CaptureFixture[str]) -> None:
    """Another district's plan can be read before anything is set up; an empty year says which years are not."""
    wuhua = Here(capsys)
    shown = wuhua("schedule", "show", "--pack", "wuhua", "--year", "2026")
    assert "2026-06-11 至 06-20" in shown.out
    assert "2026-12-20 前" in shown.out
    empty = wuhua("schedule", "show", "--pack", "chenggong", "--from", "2024-01-01", "--to", "2024-08-31").out
    assert "没有日程。规则包里写有日期的日程从 2024年9月 到 2025年2月" in empty
    assert json.loads(wuhua("schedule", "show", "--pack", "wuhua", "--year", "2019", "--district", "wuhua", "--json").out)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--year", "2024", "--to", "2024-02-01"), "不能同写"),
        (("--from", "2024-03-01", "--to", "2024-02-01"), "在 --to 2024-02-01 之后"),
        (("--from", "2001-01-01", "--to", "2024-02-01"), "至多看十年"),
        (("--district", "panlong"), "配置里没有区 panlong；有：chenggong"),
    ],
)
def test_mistakes(here: Here, words: tuple[str, ...], wrong: str) -> None:
    """Told in words, with what is possible instead."""
    said = here("schedule", "show", *words)
    assert said.code == 2
    assert wrong in said.err


def uids(path: Path) -> dict[str, str]:
    """Return the days of the events of a calendar file, by their UIDs."""
    text = path.read_text(encoding="utf-8").replace("\n ", "")
    found = re.findall(r"UID:(.+)\nDTSTAMP:\d{8}T\d{6}Z\nDTSTART[^:]*:(\d{8})", text)
    assert len(dict(found)) == len(found) == text.count("BEGIN:VEVENT")
    return dict(found)


def test_a_calendar_file_is_written_again_with_the_same_events(here: Here, tmp_path: Path) -> None:
    """What is announced meanwhile has another day under the same UID, nothing is there twice, and the old file gives way."""
    path = tmp_path / "日程.ics"
    said = here("schedule", "ics", "-o", str(path), "--year", "2024")
    assert (said.code, said.out) == (0, f"已写出 {path}：6 项，2024-01-01 至 2024-12-31。\n")
    before = uids(path)
    here("activity", "announce", KEY, "--sort", "session", "--day", "2024-10-25", "--by", "王芳")
    here("schedule", "ics", "-o", str(path), "--year", "2024")
    after = uids(path)
    assert after.keys() == before.keys()
    assert [(before[uid], day) for uid, day in after.items() if before[uid] != day] == [("20241001", "20241025")]
    assert [file.name for file in tmp_path.glob("*.ics*")] == ["日程.ics"]
    assert "没有写出文件" in here("schedule", "ics", "-o", str(path), "--from", "2024-01-01", "--to", "2024-01-02").err
    assert "写不了" in here("schedule", "ics", "-o", str(tmp_path / "无" / "日程.ics"), "--year", "2024").err

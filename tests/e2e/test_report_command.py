"""`zuozhen report` as an operator calls it: files to hand in, figures on the screen, JSON, and what it says of slips."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give an instance that never ran."""
    return write_instance(tmp_path, 25)


@pytest.fixture
def here(config: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on that instance."""
    return Here(capsys, config)


def test_a_quarter_is_written_into_a_new_folder(here: Here, tmp_path: Path) -> None:
    """Both files are there and named; made again they are replaced, not doubled."""
    folder = tmp_path / "上报" / "四季度"
    for _ in range(2):
        said = here("report", "quarter", "2024Q4", "-o", str(folder))
        assert said.code == 0, said.err
        assert said.out.count("已写出") == 2
    assert sorted(file.suffix for file in folder.iterdir()) == [".docx", ".xlsx"]


def test_a_dry_run_and_json_write_nothing(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures stand on the screen, with how they are counted; a program reads the same tables by their names."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    shown = here("report", "month", "2024-10", "--as-of", "2024-11-05", "--dry-run")
    told = here("report", "month", "2024-10", "--as-of", "2024-11-05", "--json")
    assert shown.code == told.code == 0, shown.err + told.err
    assert "统计时刻 2024年11月5日24时" in shown.out
    assert "逾期名单：本期到期的时限全部按期。" in shown.out
    assert (told.data["period"], told.data["last_day"]) == ("2024年10月", "2024-10-31")
    assert {"overview", "departments", "late", "cases", "deadlines"} <= set(told.data)
    assert {row["指标"]: row["数量"] for row in told.data["overview"]}["登记"] == 0
    assert list((tmp_path / "empty").iterdir()) == []


def test_whom_to_call_back_is_written_and_shown(here: Here, tmp_path: Path) -> None:
    """An empty month gives a sheet and says on the screen that there is nobody."""
    written = here("report", "call-back", "2024-10", "-o", str(tmp_path / "回访"))
    shown = here("report", "call-back", "2024-10", "--dry-run")
    assert written.code == shown.code == 0, written.err + shown.err
    assert [file.name for file in (tmp_path / "回访").iterdir()] == ["坐诊接诉回访名单-chenggong-2024年10月.xlsx"]
    assert "本期没有已答复的件" in shown.out
    assert here("report", "call-back", "2024-10", "--json").data == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("month", "2024-13"), "应形如 2024-10"),
        (("quarter", "2024Q4", "--as-of", "2099-01-01"), "还没有到，不能按它统计"),
        (("quarter", "2024Q4", "--as-of", "昨天"), "应形如 2025-01-10"),
        (("year", "2024", "--district", "wuhua"), "配置里没有 wuhua；有：chenggong"),
        (("quarter", "2024Q4", "--as-of", "2024-09-01"), "还没有开始"),
        (("quarter", "2024Q4", "-o", "/proc/报告"), "请用 -o 换一个目录"),
    ],
)
def test_slips_are_told_with_the_next_step(here: Here, words: tuple[str, ...], told: str) -> None:
    """A mistake of the caller ends with 2, in Chinese, with how it is written right."""
    said = here("report", *words)
    assert said.code == 2
    assert told in said.err

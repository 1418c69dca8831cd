"""`zuozhen calendar`: counting, explaining, and taking a new year's notice in."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from daemon.cli import run
from daemon.cli.init import CONFIG, addresses_text
from rules.rulebook import builtin_pack, load_pack

HOLIDAYS = Path(__file__).parents[3] / "shared" / "data" / "holidays"
NOTICE = """国务院办公厅关于2027年部分节假日安排的通知
国办发明电〔2026〕99号
一、元旦：1月1日（周五）至3日（周日）放假，共3天。
二、春节：2月5日（周五）至11日（周四）放假调休，共7天。1月31日（周日）、2月20日（周六）上班。
"""  # invented: it is not out


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write an instance."""
    (tmp_path / "addresses-chenggong.toml").write_text(addresses_text(load_pack(builtin_pack("chenggong")).district), encoding="utf-8")
    path = tmp_path / "zuozhen.toml"
    path.write_text(CONFIG.format(folder=tmp_path, pack="chenggong"), encoding="utf-8")
    (tmp_path / "通知.txt").write_text(NOTICE, encoding="utf-8")
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that succeeds and return what it printed."""
    code = run(words)
    heard = capsys.readouterr()
    assert code == 0, heard.err
    return heard.out


def test_add_as_a_program_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has the date, whether it is provisional, and each day of the way with why: nothing else."""
    found = json.loads(said(capsys, "calendar", "add", "2024-09-30", "2", "--json"))

    assert list(found) == ["date", "provisional", "days"]
    assert (found["date"], found["provisional"]) == ("2024-10-09", False)
    assert found["days"][0] == {"date": "2024-10-01", "counted": False, "why": "国庆节放假（国办发明电〔2023〕7号）"}
    assert found["days"][-1] == {"date": "2024-10-09", "counted": True, "why": "工作日"}


def test_add_backwards_and_by_calendar_days(capsys: pytest.CaptureFixture[str]) -> None:
    """Negative numbers count back; calendar days count all, and give way to a working day only when asked."""
    for words in (("2026-06-16", "-3"), ("2026-06-16", "-3", "--unit", "working"), ("2026-06-16", "--", "-3")):
        assert said(capsys, "calendar", "add", *words) == "2026年6月11日（星期四）\n"
    assert said(capsys, "calendar", "add", "2024-09-30", "3", "--unit", "calendar") == "2024年10月3日（星期四）\n"
    assert said(capsys, "calendar", "add", "2024-09-30", "3", "--unit", "calendar", "--roll-forward") == "2024年10月8日（星期二）\n"


def test_a_date_in_a_year_without_notice_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    """2027 is provisional, in words and as data, with how early and late it may come."""
    assert json.loads(said(capsys, "calendar", "add", "2027-03-01", "5", "--json"))["provisional"] is True
    assert "暂定" in said(capsys, "calendar", "add", "2027-09-28", "5")
    explained = json.loads(said(capsys, "calendar", "explain", "2027-09-28", "5", "--json"))
    assert explained["earliest"] <= explained["date"] <= explained["latest"]
    assert explained["earliest"] < explained["latest"]


def test_explain_day_by_day(capsys: pytest.CaptureFixture[str]) -> None:
    """An auditor reads each day, its weekday, why it counts, and the notice."""
    lines = said(capsys, "calendar", "explain", "2024-09-27", "2").splitlines()

    assert lines == [
        "起算日 2024年9月27日（星期五），当日不计；往后数 2 个工作日：",
        "不计 9月28日（周六，周末）",
        "第1日 9月29日（周日，国庆节调休上班，国办发明电〔2023〕7号）",
        "第2日 9月30日（周一，工作日）",
        "2024年9月30日（星期一）",
    ]


def test_explain_a_single_day(capsys: pytest.CaptureFixture[str]) -> None:
    """One day alone: what it is, and on what ground."""
    assert (
        said(capsys, "calendar", "explain", "2024-10-12")
        == "2024年10月12日（星期六）：工作日。依据：国庆节调休上班（国办发明电〔2023〕7号）\n"
    )


def test_show_lists_a_year(capsys: pytest.CaptureFixture[str]) -> None:
    """The days that differ from Monday to Friday, all of them; a year without notice says so."""
    found = json.loads(said(capsys, "calendar", "show", "2024", "--json"))

    assert found["announced"] is True
    assert [day["date"] for day in found["days"] if day["working"]] == [
        "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14", "2024-09-29", "2024-10-12",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", "2031"), "2031年放假安排尚未公布，按周末和法定节日推算，各日都是暂定。收录的是 2018—2026 年。"),
        (("show", "2015"), "2015年放假安排没有收录，按周末推算，各日都是暂定。"),
        (("show", "2031"), "国庆节，法定假日"),
        (("explain", "2027-03-01"), "工作日（2027年放假安排尚未公布，暂按周末推算）"),
        (("explain", "2015-03-02"), "工作日（2015年放假安排没有收录，暂按周末推算）"),
        (("add", "2026-12-24", "3"), "（暂定：2027年放假安排尚未公布，最早 2026年12月28日（星期一），最晚 2026年12月29日（星期二））"),
        (("add", "2010-02-10", "5"), "（暂定：2010年放假安排没有收录，推算不出最早、最晚是哪一天）"),
    ],
)
def test_what_is_not_known_has_one_wording(words: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A year without its notice is called still to come or not kept, the same in a list, of a day and of a count; no bounds are made up."""
    assert expected in said(capsys, "calendar", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "2024-9-31x", "5"), "应写成 2024-09-26 的样子\n"),
        (("add", "2024-09-30", "五"), "应为整数"),
        (("add", "2024-09-30", "5", "--roll-forward"), "只用于自然日"),
        (("add", "2024-10-15", "-3", "--unit", "calendar", "--roll-forward"), "只用于往后数"),
        (("import", "没有这个文件.txt"), "打不开"),
    ],
)
def test_mistakes_are_told_in_chinese(words: tuple[str, ...], message: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped call exits with 2 and says what is wanted."""
    code = run(("calendar", *words, *(("--config", str(config)) if words[0] == "import" else ())))

    assert code == 2
    assert message in capsys.readouterr().err


def test_every_example_of_the_help_can_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    """Each example stands on one line of its own, however many a page has, and the date names no format of a programmer."""
    lines = [line.strip() for line in said(capsys, "calendar", "add", "--help").splitlines()]
    assert "例：zuozhen calendar add 2024-09-30 5" in lines
    assert "zuozhen calendar add 2024-09-30 5 --unit calendar --json" in lines
    assert "往回数：zuozhen calendar add 2024-10-15 -3" in lines
    assert not [line for line in lines if "%Y" in line]
    acts = [line.strip() for line in said(capsys, "case", "do", "--help").splitlines()]
    assert [line.split()[4] for line in acts if line.startswith("例：")] == ["acknowledge", "promise", "return", "hand_over"]


def test_import_shows_asks_writes_and_is_used(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice is read, its changes shown, refused by the operator once, then written; from then on the year is final and cited."""
    words = ("calendar", "import", str(config.parent / "通知.txt"), "--config", str(config))
    with monkeypatch.context() as patched:
        patched.setattr("typer.confirm", lambda *_, **__: False)
        refused = said(capsys, *words)
    assert "国办发明电〔2026〕99号" in refused
    assert "不知道这一年，无从核对" in refused
    assert refused.endswith("没有写入。\n")
    assert not (config.parent / "calendars").exists()

    assert "已写入" in said(capsys, *words, "--yes")
    again = said(capsys, *words, "--yes")
    assert "不必再导入" in again
    found = json.loads(said(capsys, "calendar", "add", "2027-01-29", "1", "--json", "--config", str(config)))
    assert found == {
        "date": "2027-01-31",
        "provisional": False,
        "days": [
            {"date": "2027-01-30", "counted": False, "why": "周末"},
            {"date": "2027-01-31", "counted": True, "why": "春节调休上班（国办发明电〔2026〕99号）"},
        ],
    }


def test_import_stops_where_the_libraries_disagree(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that two libraries contradict is not written, and each day is named."""
    file = config.parent / "2025.yaml"
    file.write_text("year: 2025\nnotices: [{title: 通知, number: 误1号}]\nholidays: [{name: 元旦, from: 2025-01-01}]\n", encoding="utf-8")

    assert run(("calendar", "import", str(file), "--config", str(config), "--yes")) == 2
    heard = capsys.readouterr()
    assert "没有写入" in heard.err
    assert "2025-10-11：文件为休息，chinesecalendar 为工作日" in heard.out
    assert not (config.parent / "calendars").exists()


def test_diff_writes_nothing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator may look first."""
    assert "2027年1月31日（星期日）" in said(capsys, "calendar", "diff", str(config.parent / "通知.txt"), "--config", str(config))
    assert not (config.parent / "calendars").exists()


def test_every_n_agrees_with_an_independent_count(capsys: pytest.CaptureFixture[str]) -> None:
    """For a day of each month of nine years and odd numbers of days, the command ends where a plain count over the source's days ends."""
    path = HOLIDAYS / "days_2018_2026.csv"
    if not path.exists():
        pytest.skip(f"第三方样本不在项目旁：{path}")
    with path.open(encoding="utf-8", newline="") as file:
        working = {date.fromisoformat(row["date"]): row["is_workday"] == "True" for row in csv.DictReader(file)}
    for year in range(2018, 2027):
        for month in range(1, 11):
            start, n = date(year, month, 1 + (year * month) % 28), 4 + month
            day, left = start, n
            while left:
                day += timedelta(days=1)
                left -= working[day]

            assert json.loads(said(capsys, "calendar", "add", str(start), str(n), "--json"))["date"] == str(day)

"""Periods of reports, and their files: every period has its days, and nothing a stranger wrote becomes a formula or breaks a table."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pytest
from docx import Document
from python_calamine import CalamineWorkbook

from daemon.reporting import Period, Report, moment, month, quarter, year
from notifier.figures import Share, figures
from notifier.report_paper import Heading, moment_words
from rules.rulebook import builtin_pack, load_pack
from store.errors import UsageError
from store.model.arrival import Channel
from store.model.case import CaseState, Progress
from store.model.decision import Verdict
from store.model.problem import ProblemState
from store.model.report import Outcome, Reported, ReportedCase, ReportedDeadline, ReportedProblem, Window

AT = datetime(2025, 1, 9, 16, 0, tzinfo=UTC)
HOSTILE = '=HYPERLINK("http://a.example")\x0b<b>𠮷</b>\u202e' + "长" * 3_000


@pytest.mark.parametrize(
    ("period", "sort", "words", "first", "behind", "parts"),
    [
        (month("2024-2"), "月度", "2024年2月", date(2024, 2, 1), date(2024, 3, 1), 3),
        (month("2024-12"), "月度", "2024年12月", date(2024, 12, 1), date(2025, 1, 1), 3),
        (quarter("2024Q4"), "季度", "2024年第四季度", date(2024, 10, 1), date(2025, 1, 1), 3),
        (quarter("2024-q1"), "季度", "2024年第一季度", date(2024, 1, 1), date(2024, 4, 1), 3),
        (year("2024"), "年度", "2024年", date(2024, 1, 1), date(2025, 1, 1), 12),
    ],
)
def test_periods(period: Period, sort: str, words: str, first: date, behind: date, parts: int) -> None:
    """A month, a quarter, a year, with their first day and the first day behind them."""
    assert (period.sort, period.words, period.days[0], period.days[-1]) == (sort, words, first, behind)
    assert len(period.parts) == len(period.days) - 1 == parts
    assert list(period.days) == sorted(set(period.days))


@pytest.mark.parametrize(
    ("read", "said"),
    [(month, "2024-13"), (month, "2024Q4"), (quarter, "2024Q5"), (quarter, "2024-10"), (year, "24"), (year, "1999"), (month, "0000-01")],
)
def test_what_is_no_period(read: object, said: str) -> None:
    """A slip is told with how it is written right."""
    with pytest.raises(UsageError, match=r"应形如|不在可以统计的范围内"):
        read(said)  # type: ignore[operator]  # one of the three


def test_moments() -> None:
    """A day means its end; a moment without a zone is the district's; midnight is told as the end of the day before."""
    district = load_pack(builtin_pack("chenggong")).district
    assert moment("2025-01-09", "Asia/Shanghai") == AT
    assert moment("2025-01-10T00:00", "Asia/Shanghai") == moment("2025-01-09T16:00:00+00:00", "Asia/Shanghai") == AT
    assert moment_words(AT, district) == "2025年1月9日24时"
    assert moment_words(datetime(2025, 1, 10, 1, 5, tzinfo=UTC), district) == "2025年1月10日9:05"
    with pytest.raises(UsageError, match="不是时刻，应形如"):
        moment("一月十日", "Asia/Shanghai")


def test_shares() -> None:
    """A part of nothing is no percentage."""
    assert [Share(1, 3).words, Share(0, 3).words, Share(0, 0).words] == ["33.3%", "0.0%", "—"]


def hostile_report() -> Report:
    """Return a report in which every text is what a stranger would like to see executed."""
    case = ReportedCase(
        id=1,
        number="CG-2024-00001",
        opened_at=AT,
        received_at=AT,
        channel=Channel.FAX,
        enterprise=HOSTILE,
        title=HOSTILE,
        level="重点",
        state=CaseState.RATED,
        verdict=Verdict.ACCEPT,
        ground=None,
        department="closed_long_ago",
        accompanying=("zjj",),
        progress=Progress(result="solved", rating="satisfied", returns=2),
        answered_at=AT,
        closed_at=None,
    )
    missed = ReportedDeadline(
        case_id=1,
        number=case.number,
        kind="answer",
        label="答复企业（承诺时限）",
        department="closed_long_ago",
        due=date(2024, 12, 31),
        due_at=datetime(2024, 12, 31, 9, tzinfo=UTC),
        ended_at=None,
        outcome=Outcome.MISSED,
    )
    problem = ReportedProblem(key="LT-00001", name=HOSTILE, state=ProblemState.OPEN, lead="zjj", size=4, enterprises=3, new=1)
    window = Window(
        district="chenggong", since=datetime(2024, 9, 30, 16, tzinfo=UTC), until=datetime(2024, 12, 31, 16, tzinfo=UTC), as_of=AT
    )
    reported = Reported(window=window, arrivals={Channel.FAX: 1}, set_aside={}, cases=(case,), deadlines=(missed,), problems=(problem,))
    district = load_pack(builtin_pack("chenggong")).district
    heading = Heading(sort="季度", period="2024年第四季度", since=window.since, until=window.until, as_of=AT, opened={"10月": 1, "11月": 0})
    return Report(figures=figures(reported, district), heading=heading, district=district)


def test_the_sheets_hold_texts_and_numbers() -> None:
    """Every sheet is there with its head; what begins with = is a text, numbers are numbers, a department that is gone is shown by its id."""
    report = hostile_report()
    book = CalamineWorkbook.from_filelike(io.BytesIO(report.files()[f"{report.name}.xlsx"]))
    assert book.sheet_names == [
        *("说明", "总体情况", "渠道", "承办部门", "各类时限", "不予受理的情形"),
        *("逾期名单", "类题", "重要情况", "典型案例", "登记的件", "到期的时限"),
    ]
    (row,) = book.get_sheet_by_name("登记的件").to_python()[1:2]
    assert str(row[3]).startswith('=HYPERLINK("http://a.example")')
    assert "𠮷" in str(row[3])
    assert (row[8], row[13]) == ("closed_long_ago", 2.0)
    assert book.get_sheet_by_name("逾期名单").to_python()[1][5] == 10.0
    assert "本期登记" in str(book.get_sheet_by_name("登记的件").to_python()[3][0])


def test_the_paper_says_it_in_words() -> None:
    """The .docx opens; it has title, scope, sentence, every table with its definition, and says so where a table is empty."""
    report = hostile_report()
    paper = Document(io.BytesIO(report.files()[f"{report.name}.docx"]))
    text = "\n".join(paragraph.text for paragraph in paper.paragraphs)
    assert "统计范围：2024年10月1日至2025年1月1日；统计时刻：2025年1月9日24时" in text
    assert "登记1件，受理1件，不予受理0件；已答复1件" in text
    assert "五、不予受理的情形\n本期没有。" in text
    assert text.count("口径：") == 8
    assert text.rstrip().endswith("区政务服务局\n2025年1月9日")
    assert len(paper.tables) == 8
    assert "\u202e" not in "".join(cell.text for table in paper.tables for row in table.rows for cell in row.cells)

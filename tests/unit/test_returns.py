"""Which return a mail is: by the pack's words for it, and by the month, the quarter or the activity that stands with it; and no false ticks."""

from __future__ import annotations

from datetime import date

import pytest

from rules.deadline_kinds import Kind
from rules.returns import Found, Handed, Owed, find
from rules.spans import span_on
from rules.visit_logs import logged
from store.owing import Subject, SubjectSort

TODAY = date(2023, 10, 14)
MONTHLY = Kind(id="monthly", label="月报", every="month", day=15, words=("月报", "活动开展情况"))
QUARTERLY = Kind(id="quarterly", label="季报", every="quarter", day=13, words=("季报", "工作开展情况报告"))
REPORT = Kind(id="report", label="活动书面报告", since=("activity_end",), days=2, of=("企业接待日", "政企同心谈"), words=("书面报告",))
PLAN = Kind(id="plan", label="活动方案", since=("activity",), days=3, before=True, words=("方案",))
YEAR_PLAN = Kind(id="year_plan", label="实施方案", every="half_year", words=("实施方案",))
ROUND = Kind(
    id="round", label="巡诊报告", since=("activity_end",), days=3, words=("开展情况报告",), covers=("送政策", "服务企业", "类题破解")
)
VISITS = Kind(id="visits", label="走访", every="month", times=3, counts=("走访企业",), words=("走访",))
KINDS = (MONTHLY, QUARTERLY, REPORT, PLAN, YEAR_PLAN, ROUND)


def period(kind: Kind, day: date, *, runs: bool = True) -> Owed:
    """Return what the department owes for the period of *kind* that holds *day*."""
    span = span_on(kind.every or "year", day)
    key = f"{span.name} {kind.label} 区商务局"
    subject = Subject(
        id=1,
        district="",
        sort=SubjectSort.PERIOD,
        of=kind.id,
        key=key,
        title=kind.label,
        department="swj",
        day=span.first,
        until=span.last,
    )
    return Owed(subject=subject, kind=kind, runs=runs, due=span.last)


def activity(kind: Kind, day: date, of: str = "企业接待日", *, title: str = "", runs: bool = True) -> Owed:
    """Return what the department owes of an activity held on *day*."""
    key = f"{day} {of} 区商务局"
    subject = Subject(id=1, district="", sort=SubjectSort.ACTIVITY, of=of, key=key, title=title, department="swj", day=day, until=day)
    return Owed(subject=subject, kind=kind, runs=runs, due=day)


SEPTEMBER, OCTOBER = period(MONTHLY, date(2023, 9, 1)), period(MONTHLY, date(2023, 10, 1))
QUARTER = period(QUARTERLY, date(2023, 10, 1))
TENTH, TWENTY_FIFTH = activity(REPORT, date(2023, 10, 10)), activity(REPORT, date(2023, 9, 25))
TALK = activity(REPORT, date(2023, 10, 11), "政企同心谈")


def sought(title: str, *owed: Owed, files: tuple[str, ...] = ("材料.docx",), body: str = "", answers: tuple[str, ...] = ()) -> Found:
    """Return what a mail with this subject is taken for."""
    return find(Handed(title=title, files=files, body=body, answers=frozenset(answers)), owed, KINDS, TODAY)


def ticked(found: Found) -> list[str]:
    """Return the keys of what is ticked off."""
    return [one.owed.subject.key for one in found.matched]


@pytest.mark.parametrize(
    ("title", "owed", "expected"),
    [
        ("区商务局10月月报", (OCTOBER,), OCTOBER),
        ("区商务局月报", (OCTOBER,), OCTOBER),
        ("报送2023年10月份活动开展情况", (OCTOBER, SEPTEMBER), OCTOBER),
        ("９月月报", (OCTOBER, SEPTEMBER), SEPTEMBER),
        ("上月月报", (OCTOBER, SEPTEMBER), SEPTEMBER),
        ("第四季度工作开展情况报告", (QUARTER, OCTOBER), QUARTER),
        ("12月季报", (QUARTER,), QUARTER),
        ("10月10日企业接待日书面报告", (TENTH, TWENTY_FIFTH), TENTH),
        ("政企同心谈书面报告", (TENTH, TALK), TALK),
        ("2023-10-10 企业接待日 区商务局 书面报告", (TENTH, TWENTY_FIFTH), TENTH),
        ("下半年实施方案", (period(YEAR_PLAN, TODAY), activity(PLAN, date(2023, 10, 20))), period(YEAR_PLAN, TODAY)),
    ],
)
def test_one_clear_match_is_ticked_off(title: str, owed: tuple[Owed, ...], expected: Owed) -> None:
    """The word names the kind; month, quarter, day, activity or key tell which of several; a part of a longer word names nothing."""
    found = sought(title, *owed)

    assert ticked(found) == [expected.subject.key]
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("title", "owed", "said"),
    [
        ("9月月报", (OCTOBER,), "没有在等"),
        ("2022年10月月报", (OCTOBER,), "没有在等"),
        ("三季度季报", (QUARTER,), "没有在等"),
        ("月报", (OCTOBER, SEPTEMBER), "说不清是哪一项"),
        ("企业接待日书面报告", (TENTH, TWENTY_FIFTH), "说不清是哪一项"),
        ("政企同心谈书面报告", (TENTH,), "没有在等"),
        ("9月25日企业接待日书面报告", (TENTH,), "没有在等"),
        ("10月月报", (), "没有在等"),
        ("关于10月月报延期报送的请示", (OCTOBER,), "延期"),
        ("请问10月月报用什么模板", (OCTOBER,), "还没有报送"),
        ("关于拖欠工程款的情况反映", (OCTOBER, TENTH), "没有看出"),
        ("", (OCTOBER,), "没有看出"),
    ],
)
def test_nothing_is_ticked_off_where_it_is_not_clear(title: str, owed: tuple[Owed, ...], said: str) -> None:
    """Another month, another activity, several that fit, a request for more time, a petition: no tick, and a reason in Chinese."""
    found = sought(title, *owed)

    assert ticked(found) == []
    assert said in "".join(found.doubts)


def test_names_of_files_count_and_the_body_only_where_they_say_nothing() -> None:
    """The file says what it is; a body that mentions a monthly return beside another one decides nothing."""
    assert ticked(sought("报送材料", OCTOBER, files=("10月月报.docx",), body="请查收")) == [OCTOBER.subject.key]
    assert ticked(sought("报送材料", OCTOBER, body="现报上10月活动开展情况，请查收。")) == [OCTOBER.subject.key]
    both = sought("报送材料", OCTOBER, QUARTER, body="现报上10月月报；季报另外报送。")
    assert ticked(both) == []
    assert "不止一样" in both.doubts[0]
    assert ticked(sought("企业接待日书面报告", TENTH, OCTOBER, body="本次活动将写入10月月报。")) == [TENTH.subject.key]


def test_two_things_in_one_mail_are_both_ticked_off() -> None:
    """Two files, two returns; what of them is not owed is told, and takes nothing from the other."""
    found = sought("报送材料", OCTOBER, QUARTER, files=("10月月报.docx", "四季度季报.docx"))
    assert ticked(found) == [OCTOBER.subject.key, QUARTER.subject.key]

    one = sought("报送材料", OCTOBER, files=("10月月报.docx", "三季度季报.docx"))
    assert ticked(one) == [OCTOBER.subject.key]
    assert "没有在等的“季报”" in one.doubts[0]


def test_what_came_before_is_known_and_not_ticked_off_again() -> None:
    """The same return once more is told as received already; another month of the same kind is not touched by it."""
    november = period(MONTHLY, date(2023, 11, 1))
    found = sought("10月月报", period(MONTHLY, date(2023, 10, 1), runs=False), november)

    assert ticked(found) == []
    assert [one.subject.key for one in found.already] == [OCTOBER.subject.key]
    assert found.doubts == ()


def test_the_day_of_the_letter_names_no_activity() -> None:
    """A letter dated today about the one activity whose report is open is that report; one that names another day is not."""
    assert ticked(sought("书面报告", TENTH, body="现将情况报告如下。2023年10月14日")) == [TENTH.subject.key]
    assert ticked(sought("书面报告", TENTH, body="我局9月25日举办活动，现报告如下。")) == []


def test_without_a_file_and_without_text_nothing_was_handed_in() -> None:
    """“月报已报” is a claim, not a report; a body that is the report itself counts."""
    claim = sought("10月月报已报", OCTOBER, files=(), body="请查收")
    assert ticked(claim) == []
    assert "没有附件" in claim.doubts[0]
    assert ticked(sought("10月月报", OCTOBER, files=(), body="本月举办企业接待日两场，接待企业十二家，收到诉求九件。" * 3)) == [
        OCTOBER.subject.key
    ]


def test_an_answer_to_a_reminder_is_about_what_it_reminds_of() -> None:
    """A file sent back in answer to a reminder of one thing is that thing; of several the words tell; another month stays another month."""
    key = OCTOBER.subject.key
    assert ticked(sought("", OCTOBER, QUARTER, answers=(key,))) == [key]
    assert ticked(sought("", OCTOBER, QUARTER, answers=(key, QUARTER.subject.key))) == []
    assert ticked(sought("月报", OCTOBER, SEPTEMBER, answers=(key,))) == [key]
    assert ticked(sought("", OCTOBER, answers=(key,), files=("9月月报.docx",))) == []
    assert ticked(sought("", OCTOBER, answers=(key,), files=(), body="收到，按时报送。")) == []


def test_a_report_is_told_what_it_leaves_out() -> None:
    """The receipt counts; what the document asks a report to cover and it does not mention is named, files being read too."""
    owed = activity(ROUND, date(2023, 10, 12), "链式巡诊")
    handed = Handed(title="链式巡诊开展情况报告", files=("报告.docx",), body="一、送 政策", documents={"报告.docx": "二、推动“类题破解”"})
    found = find(handed, [owed], KINDS, TODAY)

    assert ticked(found) == [owed.subject.key]
    assert found.matched[0].lacks == ("服务企业",)
    assert found.matched[0].words == ("开展情况报告", "链式巡诊")


@pytest.mark.parametrize(
    ("title", "body", "days"),
    [
        ("走访记录：10月12日走访云南某公司", "了解用工情况", [12]),
        ("走访记录", "10月12日上午走访甲公司；10月12日下午走访乙公司。10月13日走访丙公司", [12, 13]),
        ("走访日志", "10月9、10日到园区看企业，10月11日至13日看三家企业", [9, 10, 11, 12, 13]),
        ("工作情况", "10月12日走访甲公司。10月13日召开会议", [12]),
        ("走访记录", "10月12日走访甲公司，拟于10月13日再次走访", [12]),
        ("走访记录", "10月20日走访甲公司", []),
        ("走访记录", "情况见附件\n区商务局\n2023年10月13日", []),
    ],
)
def test_the_days_of_a_log(title: str, body: str, days: list[int]) -> None:
    """Days are counted once; what is planned or still ahead, a meeting in between and the date of the letter are none."""
    visits, _ = logged(Handed(title=title, files=(), body=body), VISITS, TODAY)

    assert [visit.day for visit in visits] == [date(2023, 10, day) for day in days]


def test_a_log_in_a_file_is_read() -> None:
    """The table of an attached log counts as its text does, and what does not count is told."""
    visits, doubts = logged(
        Handed(
            title="报送走访记录",
            files=("走访.docx",),
            body="请查收",
            documents={"走访.docx": "日期 企业\n10月11日 甲公司用工\n10月28日 乙公司贷款"},
        ),
        VISITS,
        TODAY,
    )

    assert [visit.day for visit in visits] == [date(2023, 10, 11)]
    assert visits[0].words == "10月11日 甲公司用工"
    assert "10月28日" in doubts[0]


def test_a_day_of_december_in_a_letter_of_january_is_of_the_year_before() -> None:
    """The year that nobody writes is the one in which the day has been."""
    visits, doubts = logged(Handed(title="走访记录", files=(), body="12月30日走访甲公司，了解用工"), VISITS, date(2024, 1, 5))

    assert [visit.day for visit in visits] == [date(2023, 12, 30)]
    assert doubts == []

"""The schedule of a pack: what the three documents plan, how dates come about, and what is told of a mistake in the file."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar_folder import load_calendar
from rules.occurrences import Occurrence, bounds, occurrences, returns
from rules.planner import plans
from rules.rulebook import RuleBook, builtin_pack, builtin_packs, load_files, load_pack
from rules.schedule import COORDINATOR
from store.errors import ConfigError
from store.owing import SubjectSort

CALENDAR = load_calendar()
WHOLE = (date(2018, 1, 1), date(2030, 12, 31))


def held(book: RuleBook, first: date, last: date) -> list[Occurrence]:
    """Return what a pack plans between two days."""
    return list(occurrences(book.schedule, plans(book, CALENDAR).ground, first, last))


def pack(name: str, **files: str) -> RuleBook:
    """Return a pack that comes with the product, with files in the place of its own."""
    old = load_pack(builtin_pack(name)).files
    return load_files(name, {**old, **{f"{file}.yaml": text.encode() for file, text in files.items()}})


def said(entry: str) -> list[str]:
    """Return what is told of a schedule with one entry, written in one line."""
    try:
        pack("chenggong", schedule=f"entries:\n  - {{{entry}}}\n")
    except ConfigError as error:
        return str(error).splitlines()
    return []


def dates(entry: str, first: date, last: date) -> list[tuple[str, date, date]]:
    """Return names and days of what one entry plans."""
    book = pack("chenggong", schedule=f"entries:\n  - {{{entry}}}\n")
    return [(one.key, one.first, one.last) for one in held(book, first, last)]


def test_the_six_sessions_are_those_of_the_printed_table() -> None:
    """附件6 stands twice in the pack of 呈贡, as a form that is printed and as the schedule: theme, month, host and company agree."""
    book = load_pack(builtin_pack("chenggong"))
    names = {id_: department.name for id_, department in book.district.departments.items()}
    rows = []
    for one in held(book, *WHOLE):
        if one.entry.sort is SubjectSort.SESSION:
            company = one.entry.group or "、".join(names[id_] for id_ in one.entry.company)
            rows.append((one.entry.theme, f"{one.first.year}年 {one.first.month}月", names[one.host or ""], company))
            assert (one.first.day, one.last.month, one.entry.basis) == (1, one.first.month, "附件6")
    assert rows == [*book.forms["附件6"].fixed]
    assert bounds(book.schedule) == (date(2024, 9, 1), date(2025, 2, 1))


def test_the_secretary_sits_in_odd_months() -> None:
    """CG-1: a symposium in each odd month; who prepares it the document does not say, so that nobody is named."""
    book = load_pack(builtin_pack("chenggong"))
    found = [one for one in held(book, date(2025, 1, 1), date(2025, 12, 31)) if one.entry.basis == "一（一）"]
    assert [one.first.month for one in found] == [1, 3, 5, 7, 9, 11]
    assert {one.host for one in found} == {None}


def test_wuhua_sits_in_the_middle_of_the_last_month_of_a_quarter() -> None:
    """WH-1: 11th to 20th of June, September and December 2026, not of March, which was over when the plan was issued."""
    found = held(load_pack(builtin_pack("wuhua")), date(2026, 1, 1), date(2027, 12, 31))
    assert [(one.key, str(one.first), str(one.last), one.host) for one in found] == [
        ("2026年第2季度全科会诊", "2026-06-11", "2026-06-20", COORDINATOR),
        ("2026年第3季度全科会诊", "2026-09-11", "2026-09-20", COORDINATOR),
        ("2026年第4季度全科会诊", "2026-12-11", "2026-12-20", COORDINATOR),
    ]


def test_jinning_receives_each_half_month_on_a_working_day() -> None:
    """JN-2: twice a month, whoever owes a reception day; a rest day gives way to the next working day, the National Day week included."""
    old = builtin_pack("jinning").joinpath("pack.yaml").read_text("utf-8")
    filled = old.replace("every: half_month, owes: department, owed_by: []", "every: half_month, owes: department, owed_by: [tzfw, zxqy]")
    book = pack("jinning", pack=filled)
    found = held(book, date(2023, 9, 1), date(2023, 10, 31))
    assert [(one.key, str(one.first)) for one in found if one.host == "tzfw"] == [
        ("2023年9月上半月企业接待日 区投资服务中心", "2023-09-11"),
        ("2023年9月下半月企业接待日 区投资服务中心", "2023-09-25"),
        ("2023年10月上半月企业接待日 区投资服务中心", "2023-10-10"),
        ("2023年10月下半月企业接待日 区投资服务中心", "2023-10-25"),
    ]
    assert "9月10日是休息日（周末），顺延至下一工作日" in {one.moved for one in found}
    assert len(found) == 8
    assert held(book, date(2023, 1, 1), date(2023, 3, 12)) == []  # before the document


def test_what_jinning_asks_for_each_period() -> None:
    """JN-3, JN-6, JN-7, JN-8: returns by the 15th and the 13th, talks and parlour each quarter, visits each month, one survey a year."""
    ground = plans(load_pack(builtin_pack("jinning")), CALENDAR).ground
    found = [(one.kind.id, one.due.due) for one in returns(ground, date(2023, 1, 1), date(2023, 12, 31))]
    count = {kind: sum(one == kind for one, _ in found) for kind, _ in found}
    assert count == {"reception_day": 24, "talks": 4, "parlour": 4, "monthly": 12, "quarterly": 4, "visits": 12, "survey": 1}
    assert {day.day for kind, day in found if kind == "monthly"} == {15}
    assert [str(day) for kind, day in found if kind == "quarterly"] == ["2023-03-13", "2023-06-13", "2023-09-13", "2023-12-13"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("what: 会, day: 2026-02-11, host: gsl", [("会", "2026-02-11", "2026-02-11")]),
        ("what: 会, days: [2026-02-12, 2026-02-11], host: gsl", [("会 2026-02-11", "2026-02-11", "2026-02-11"), ("会 2026-02-12", "2026-02-12", "2026-02-12")]),
        ("what: 会, month: 2026-02, host: gsl", [("会", "2026-02-01", "2026-02-28")]),
        ("what: 会, every: month, on: 31, host: gsl", [("2026年2月会", "2026-02-28", "2026-02-28")]),
        ("what: 会, every: month, on: 31, shift: previous, host: gsl", [("2026年2月会", "2026-02-28", "2026-02-28")]),  # 28th: worked for the festival
        ("what: 会, every: month, on: [5, 20], shift: next, host: gsl", [("2026年2月会 2月5日", "2026-02-05", "2026-02-05"), ("2026年2月会 2月20日", "2026-02-24", "2026-02-24")]),
        ("what: 会, every: quarter, on: 5, host: gsl", []),
        ("what: 会, every: quarter, on: 5, months: [2, 5], host: gsl", [("2026年第1季度会", "2026-02-05", "2026-02-05")]),
        ("what: 会, every: month, on: 5, host: [gsl, kfq]", [("2026年2月会 区工商联", "2026-02-05", "2026-02-05"), ("2026年2月会 数字经济开发区管委会", "2026-02-05", "2026-02-05")]),
        ("what: 会, every: month, on: 5, until: 2026-02-04, host: gsl", []),
        ("what: 会, every: year, between: [20, 31], months: [2], host: coordinator", [("2026年会", "2026-02-20", "2026-02-28")]),
    ],
)  # fmt: skip
def test_when_an_entry_takes_place(entry: str, expected: list[tuple[str, str, str]]) -> None:
    """Given days, a month, days of periods, moved to working days by the calendar; each under a name that no other has."""
    assert [(key, str(first), str(last)) for key, first, last in dates(entry, date(2026, 2, 1), date(2026, 2, 28))] == expected


@given(st.dates(*WHOLE), st.integers(0, 400), st.integers(0, 400))
def test_a_window_shows_its_part_of_the_whole(first: date, before: int, after: int) -> None:
    """Whichever days are looked at, what lies in them is what the whole years have there: nothing is lost or doubled at an edge."""
    middle, last = date.fromordinal(first.toordinal() + before), date.fromordinal(first.toordinal() + before + after)
    for name in builtin_packs():
        book = load_pack_once(name)
        whole = [one for one in held(book, first, last) if one.first <= last and one.last >= middle]
        assert held(book, middle, last) == whole
        assert len({one.key for one in whole}) == len(whole)


_BOOKS: dict[str, RuleBook] = {}


def load_pack_once(name: str) -> RuleBook:
    """Return a pack, read once."""
    if name not in _BOOKS:
        _BOOKS[name] = load_pack(builtin_pack(name))
    return _BOOKS[name]


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ("host: gsl, day: 2026-01-05", "chenggong/schedule.yaml:2: entries.0: 缺少“what”"),
        ("what: 会, host: gsl", "没有写什么时候"),
        ("what: 会, host: gsl, day: 2026-01-05, month: 2026-01", "day、month 只能写一个"),
        ("what: 会, host: gsl, day: 1月5日", "entries.0.day: “1月5日”不是日期"),
        ("what: 会, host: gsl, month: 2026-13", "“2026-13”不是月份"),
        ("what: 会, host: gsl, day: 2026-01-05, shift: next", "shift 只用于反复举行的"),
        ("what: 会, host: gsl, every: month", "没有写在每期的哪一天"),
        ("what: 会, host: gsl, every: month, between: [20, 11]", "应是两个日子，先早后晚"),
        ("what: 会, host: gsl, every: month, on: 32", "32 超出范围"),
        ("what: 会, host: gsl, every: month, between: [1, 5], shift: next", "写了 between 的不必顺延"),
        ("what: 会, host: gsl, every: weekly, on: 5", "没有名为“weekly”的周期"),
        ("what: 会, host: gslx, day: 2026-01-05", "没有名为“gslx”的部门（是否想写“gsl”？）"),
        ("what: 会, host: {owing: answer}, day: 2026-01-05", "没有名为“answer”的每期一次的时限"),
        ("what: 会, host: gsl, with: [工商联], day: 2026-01-05", "没有名为“工商联”的部门"),
        ("what: 会, host: gsl, day: 2026-01-05, basis: 附件7", "没有名为“附件7”的条款"),
        ("what: 会, host: gsl, day: 2026-01-05, hours: [12:00, 9:00]", "应是起止两个时刻"),
        ("what: 会, host: gsl, day: 2026-01-05, sort: period", "没有名为“period”的种类"),
        ("what: 会, host: gsl, day: 2026-01-05, when: 早上", "不认识的键“when”"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_remedy(entry: str, wrong: str) -> None:
    """Where, what is wrong and what to write; nothing else of the file is called wrong."""
    (line,) = said(entry)
    assert line.startswith("chenggong/schedule.yaml:2: entries.0")
    assert wrong in line


def test_two_entries_of_one_name_are_refused() -> None:
    """A name is what a session is announced by: two of them could not be told apart."""
    text = "entries:\n  - {what: 会, day: 2026-01-05, host: gsl}\n  - {what: 会, day: 2026-01-06, host: gsl}\n"
    with pytest.raises(ConfigError, match=r"schedule\.yaml:3: entries\.1: 名称“会”写了两次"):
        pack("chenggong", schedule=text)

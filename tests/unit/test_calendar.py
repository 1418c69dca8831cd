"""Working days: the announced years day by day, counting both ways, and what a faulty calendar file is told."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import Calendar
from rules.calendar_folder import load_calendar
from store.errors import ConfigError

HOLIDAYS = Path(__file__).parents[3] / "shared" / "data" / "holidays"
CALENDAR = load_calendar()
ANNOUNCED = range(2018, 2027)

dates = st.dates(min_value=date(2017, 6, 1), max_value=date(2028, 6, 30))
counts = st.integers(min_value=0, max_value=60)


def _rows(name: str) -> list[dict[str, str]]:
    path = HOLIDAYS / name
    if not path.exists():
        pytest.skip(f"第三方样本不在项目旁：{path}")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _calendar_of(folder: Path, text: str, name: str = "2024.yaml") -> Calendar:
    (folder / name).write_text(text, encoding="utf-8")
    return load_calendar(folder)


def test_every_announced_day_agrees_with_two_independent_sources() -> None:
    """Each day of 2018 to 2026 is a working day exactly where holiday-cn and chinesecalendar say so."""
    rows = _rows("days_2018_2026.csv")

    wrong = [row["date"] for row in rows if CALENDAR.day(date.fromisoformat(row["date"])).counted != (row["is_workday"] == "True")]

    assert len(rows) == 3287
    assert wrong == []


def test_every_announced_day_has_the_reason_of_its_kind() -> None:
    """A day off or a make-up day names its holiday, any other day says working day or weekend (2020-02-03 is an ordinary Monday)."""
    words = {"holiday": "{}放假", "makeup_workday": "{}调休上班", "workday": "工作日", "weekend": "周末"}

    wrong = [
        row["date"]
        for row in _rows("days_2018_2026.csv")
        if not CALENDAR.day(date.fromisoformat(row["date"])).why.startswith(words[row["kind"]].format(row["name"]))
    ]

    assert wrong == ["2020-02-03"]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 10, 15, 20])
def test_counting_agrees_with_the_derived_table(n: int) -> None:
    """Receipt plus n working days falls on the tabulated day, for every day of nine years."""
    wrong = [
        (row["received"], row[f"plus_{n}"])
        for row in _rows("deadlines_derived.csv")
        if row[f"plus_{n}"] and CALENDAR.add_working_days(date.fromisoformat(row["received"]), n).due.isoformat() != row[f"plus_{n}"]
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("day", "counted", "why"),
    [
        (date(2024, 2, 9), True, "工作日"),  # 除夕 was a working day that year
        (date(2024, 2, 10), False, "春节放假（国办发明电〔2023〕7号）"),
        (date(2024, 2, 4), True, "春节调休上班（国办发明电〔2023〕7号）"),
        (date(2024, 10, 12), True, "国庆节调休上班（国办发明电〔2023〕7号）"),
        (date(2018, 12, 29), True, "元旦调休上班（国办发明电〔2018〕15号）"),  # stands in the file of 2019
        (date(2022, 12, 31), False, "元旦放假（国办发明电〔2022〕16号）"),  # stands in the file of 2023
        (date(2019, 5, 2), False, "劳动节放假（国办发明电〔2019〕3号）"),  # amended
        (date(2020, 1, 30), False, "春节放假（国办发明电〔2019〕16号）"),
        (date(2020, 2, 1), False, "春节放假（国办发明电〔2020〕1号）"),  # a make-up day until the second notice
        (date(2026, 1, 4), True, "元旦调休上班（国办发明电〔2025〕7号）"),  # a make-up day after the holiday
        (date(2026, 9, 20), True, "国庆节调休上班（国办发明电〔2025〕7号）"),
        (date(2024, 2, 29), True, "工作日"),
        (date(2025, 11, 1), False, "周末"),
    ],
)
def test_known_traps(day: date, counted: bool, why: str) -> None:  # noqa: FBT001 - a column of the table
    """The days on which simpler calendars go wrong are right, and cite the notice they rest on."""
    info = CALENDAR.day(day)

    assert (info.counted, info.why, info.provisional) == (counted, why, False)


@pytest.mark.parametrize(
    ("day", "counted", "why"),
    [
        (date(2027, 3, 1), True, "工作日（2027年放假安排尚未公布，暂按周末推算）"),
        (date(2027, 10, 2), False, "周末（2027年放假安排尚未公布，暂按周末推算）"),
        (date(2017, 12, 4), True, "工作日（2017年放假安排没有收录，暂按周末推算）"),
        (date(2026, 12, 31), True, "工作日（2027年放假安排尚未公布，元旦假期可能涉及，暂按周末推算）"),
    ],
)
def test_a_year_without_a_notice_is_provisional(day: date, counted: bool, why: str) -> None:  # noqa: FBT001 - a column of the table
    """Where no notice is known the weekends decide and the reason says so, also for the days before it that a New Year notice may change."""
    info = CALENDAR.day(day)

    assert (info.counted, info.why, info.provisional) == (counted, why, True)


def test_a_count_into_an_unannounced_year_is_provisional() -> None:
    """A due date is provisional as soon as one day on the way is, and final up to then."""
    assert not CALENDAR.add_working_days(date(2026, 12, 17), 5).provisional
    assert CALENDAR.add_working_days(date(2026, 12, 30), 5).provisional


def test_the_days_of_a_count_explain_it() -> None:
    """Five working days over the National Day of 2024 list every day off on the way, and the make-up day as counted."""
    count = CALENDAR.add_working_days(date(2024, 9, 30), 5)

    assert count.due == date(2024, 10, 12)
    assert [day.day.day for day in count.days if not day.counted] == [1, 2, 3, 4, 5, 6, 7]
    assert count.days[-1].why == "国庆节调休上班（国办发明电〔2023〕7号）"


@given(start=dates, n=counts)
def test_a_count_is_what_it_lists(start: date, n: int) -> None:
    """The listed days follow the start one by one, exactly n of them count, and the last one is the due day."""
    count = CALENDAR.add_working_days(start, n)

    assert [day.day for day in count.days] == [start + timedelta(days=i + 1) for i in range(len(count.days))]
    assert sum(day.counted for day in count.days) == n
    assert count.due == (count.days[-1].day if n else start)


@given(start=dates, later=st.integers(min_value=0, max_value=40), n=counts, more=st.integers(min_value=1, max_value=5))
def test_counting_is_monotone(start: date, later: int, n: int, more: int) -> None:
    """A later start is never due earlier, and more working days are always due later."""
    due = CALENDAR.add_working_days(start, n).due

    assert CALENDAR.add_working_days(start + timedelta(days=later), n).due >= due
    assert CALENDAR.add_working_days(start, n + more).due > due


@given(start=dates, n=counts)
def test_counting_back_undoes_counting_forward(start: date, n: int) -> None:
    """The n working days back from a due day are the n that were counted to reach it."""
    count = CALENDAR.add_working_days(start, n)

    assert CALENDAR.working_days_back(count.due, n) == tuple(day.day for day in count.days if day.counted)


@given(first=dates, second=dates)
def test_counts_of_two_stretches_add_up(first: date, second: date) -> None:
    """Counting 3 and then 4 working days from the due day is counting 7."""
    for start in (first, second):
        halfway = CALENDAR.add_working_days(start, 3).due

        assert CALENDAR.add_working_days(halfway, 4).due == CALENDAR.add_working_days(start, 7).due


@given(year=st.integers(min_value=2018, max_value=2028), month=st.integers(min_value=1, max_value=12), n=st.integers(1, 31))
def test_the_last_working_days_of_a_month_stay_in_it(year: int, month: int, n: int) -> None:
    """They are working days of that month in order, no more than asked, and after the last one no working day is left."""
    days = CALENDAR.last_working_days_of_month(year, month, n)

    assert all((day.year, day.month) == (year, month) and CALENDAR.day(day).counted for day in days)
    assert list(days) == sorted(set(days))
    assert 1 <= len(days) <= n
    next_one = CALENDAR.add_working_days(days[-1], 1).due
    assert (next_one.year, next_one.month) != (year, month)


@pytest.mark.parametrize(
    ("year", "month", "first", "last"),
    [
        (2024, 9, date(2024, 9, 18), date(2024, 9, 30)),  # with a make-up Sunday, from the day after the Mid-Autumn holiday
        (2024, 10, date(2024, 10, 18), date(2024, 10, 31)),
        (2024, 2, date(2024, 2, 18), date(2024, 2, 29)),  # leap year, from a make-up Sunday
        (2025, 1, date(2025, 1, 15), date(2025, 1, 27)),  # the month ends in the holiday
        (2026, 2, date(2026, 2, 10), date(2026, 2, 28)),  # the last day is a make-up Saturday
    ],
)
def test_last_ten_working_days(year: int, month: int, first: date, last: date) -> None:
    """The booking window of a month begins and ends where the notices put it."""
    days = CALENDAR.last_working_days_of_month(year, month, 10)

    assert (days[0], days[-1], len(days)) == (first, last, 10)


def test_a_negative_count_is_refused() -> None:
    """Neither direction takes a negative number for an answer."""
    with pytest.raises(ValueError, match="不能为负"):
        CALENDAR.add_working_days(date(2024, 1, 1), -1)
    with pytest.raises(ValueError, match="不能为负"):
        CALENDAR.working_days_back(date(2024, 1, 1), -1)


def test_a_notice_without_a_number_is_cited_by_its_title(tmp_path: Path) -> None:
    """Where no number is known the day still says which notice it rests on."""
    calendar = _calendar_of(
        tmp_path,
        "year: 2027\nnotices: [{title: 国务院办公厅关于2027年部分节假日安排的通知}]\nholidays: [{name: 元旦, from: 2027-01-01}]\n",
        "2027.yaml",
    )

    assert calendar.day(date(2027, 1, 1)).why == "元旦放假（《国务院办公厅关于2027年部分节假日安排的通知》）"


HEAD = "year: 2024\nnotices: [{title: 通知, number: 一号}]\nholidays:\n"


@pytest.mark.parametrize(
    ("text", "place", "key", "message"),
    [
        ("", "2024.yaml", "", "空的"),
        ("a: [1", "2024.yaml:1", "", "YAML"),
        ("- 1", "2024.yaml:1", "", "键: 值"),
        (HEAD + "  - {name: 春节, from: 2024-02-10, until: 2024-02-17}", "2024.yaml:4", "holidays.0.until", "不认识"),
        (HEAD + "  - {name: 春节, name: 元旦, from: 2024-02-10}", "2024.yaml:4", "holidays.0.name", "两次"),
        (HEAD + "  - {name: 春节}", "2024.yaml:4", "holidays.0.from", "缺少"),
        (HEAD + "  - {name: 春节, from: 2月10日}", "2024.yaml:4", "holidays.0.from", "不是日期"),
        (HEAD + "  - {name: 春节, from: 2024-02-30}", "2024.yaml:4", "holidays.0.from", "不是日期"),
        (HEAD + "  - {name: 春节, from: [2024-02-10]}", "2024.yaml:4", "holidays.0.from", "文字"),
        (HEAD + "  - {name: 春节, from: 2024-02-17, to: 2024-02-10}", "2024.yaml:4", "holidays.0.to", "不成一个假期"),
        (HEAD + "  - {name: 春节, from: 2024-02-10, to: 2024-05-10}", "2024.yaml:4", "holidays.0.to", "不成一个假期"),
        (HEAD + "  - {name: 春节, from: 2025-02-10}", "2024.yaml:4", "holidays.0", "不属于2024年"),
        (HEAD + "  - {name: 元旦, from: 2023-11-30}", "2024.yaml:4", "holidays.0", "不属于2024年"),
        (HEAD + "  - {name: 春节, from: 2024-02-10, work: [2024-02-20]}", "2024.yaml:4", "holidays.0.work.0", "本来就是工作日"),
        (HEAD + "  - {name: 春节, from: 2024-02-10, work: 2024-02-18}", "2024.yaml:4", "holidays.0.work", "列表"),
        (HEAD + "  - {name: 春节, from: 2024-02-10, work: [2024-02-10]}", "2024.yaml:4", "holidays.0", "安排了两次"),
        (HEAD + "  - {name: 春节, from: 2024-02-10, by: 二号}", "2024.yaml:4", "holidays.0.by", "没有“二号”"),
        ("year: 2023\nnotices: [{title: 通知}]\nholidays: []", "2024.yaml:1", "year", "文件名"),
        ("year: 今年\nnotices: [{title: 通知}]\nholidays: []", "2024.yaml:1", "year", "不是年份"),
        ("year: 2024\nnotices: []\nholidays: []", "2024.yaml:2", "notices", "至少"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path: Path, text: str, place: str, key: str, message: str) -> None:
    """Each kind of mistake raises ConfigError with file, line, key and a Chinese word on what is wrong."""
    with pytest.raises(ConfigError) as caught:
        _calendar_of(tmp_path, text)

    first = caught.value.problems[0]
    assert (first.place, first.key) == (place, key)
    assert message in first.message


def test_all_mistakes_of_all_files_are_reported_together(tmp_path: Path) -> None:
    """Two faulty files are both reported, each with each of its mistakes."""
    (tmp_path / "2025.yaml").write_text("year: 2025\nnotices: [{title: 通知}]\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        _calendar_of(tmp_path, HEAD + "  - {name: 春节, from: 明天}\n  - {nom: 元旦, from: 2024-01-01}\n")

    assert [str(problem).partition("（")[0] for problem in caught.value.problems] == [
        "2024.yaml:4: holidays.0.from: “明天”不是日期",
        "2024.yaml:5: holidays.1.nom: 不认识的键",
        "2024.yaml:5: holidays.1.name: 缺少这一项",
        "2025.yaml:1: holidays: 缺少这一项",
    ]


def test_two_files_may_not_claim_the_same_day(tmp_path: Path) -> None:
    """A December day that this year's file and the next one's both arrange is reported."""
    (tmp_path / "2025.yaml").write_text(
        "year: 2025\nnotices: [{title: 通知}]\nholidays: [{name: 元旦, from: 2024-12-31, to: 2025-01-01}]\n", encoding="utf-8"
    )

    with pytest.raises(ConfigError, match="2024-12-31 在另一个年份的文件里已有安排"):
        _calendar_of(tmp_path, HEAD + "  - {name: 年终, from: 2024-12-31}\n")


@pytest.mark.parametrize(
    ("content", "message"), [("year: 2024".encode("utf-16"), "UTF-8"), (None, "读不了")], ids=["not UTF-8", "a folder of that name"]
)
def test_an_unreadable_file_is_reported(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Bytes that are no UTF-8 and a file that cannot be opened are mistakes of configuration, not crashes."""
    path = tmp_path / "2024.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=message):
        load_calendar(tmp_path)


def test_an_empty_folder_is_reported(tmp_path: Path) -> None:
    """A calendar without any year would count every holiday as a working day, so it is refused."""
    with pytest.raises(ConfigError, match="没有放假安排文件"):
        load_calendar(tmp_path)


@pytest.mark.parametrize("year", ANNOUNCED)
def test_every_announced_year_has_its_file(year: int) -> None:
    """No year within the announced stretch is missing: New Year's Day is off by a notice in each."""
    info = CALENDAR.day(date(year, 1, 1))

    assert not info.counted
    assert info.why.startswith("元旦放假（国办发明电〔")

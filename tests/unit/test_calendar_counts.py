"""Counting backwards, by calendar days and by the clock; a district's own days; what a year still to be announced may bring."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import Calendar
from rules.calendar_file import YearPlan, read_year
from rules.calendar_folder import BUILTIN, load_calendar, load_for_district, year_files
from rules.calendar_overlay import read_overlay
from rules.calendar_watch import missing_notice
from rules.office import OfficeHours, add_hours, close_of, day_zero
from rules.provisional import load_festivals
from store.errors import ConfigError

CALENDAR = load_calendar()
ZONE = "Asia/Shanghai"
SHANGHAI = ZoneInfo(ZONE)
PLANS: dict[int, YearPlan] = {int(path.stem): read_year(path) for path in year_files(BUILTIN)}

dates = st.dates(min_value=date(2017, 6, 1), max_value=date(2029, 6, 30))
known_dates = st.dates(min_value=date(2018, 1, 1), max_value=date(2026, 10, 1))
counts = st.integers(min_value=0, max_value=40)
moments = st.datetimes(min_value=datetime(2018, 1, 1), max_value=datetime(2026, 10, 1), timezones=st.just(SHANGHAI))  # noqa: DTZ001 - hypothesis adds the zone

OVERLAY = """
closures:
  - {name: 停电检修, from: 2025-03-03, to: 2025-03-04, by: 区政府办通知〔2025〕3号}
  - {name: 暴雨红色预警, from: 2025-07-02, by: 区防汛办通告, emergency: true}
half_days:
  - {name: 搬迁, date: 2025-02-12, closes: "12:00", by: 区政务服务局通知}
open_days:
  - {name: 专场服务, date: 2025-03-08, by: 区政府办通知}
"""


def without(year: int) -> Calendar:
    """Return the calendar as it stood before the notice of *year* was out."""
    special = {day: what for known, plan in PLANS.items() if known != year for day, what in plan.special.items()}
    return Calendar(years=[known for known in PLANS if known != year], special=special, festivals=load_festivals())


def district(folder: Path, text: str = OVERLAY, hours: OfficeHours | None = None) -> Calendar:
    """Return the calendar of a district with its own file."""
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    return load_for_district(folder, "small", hours or OfficeHours())


# ---------------------------------------------------------------- backwards, calendar days


@pytest.mark.parametrize(
    ("end", "n", "due"),
    [
        (date(2026, 6, 16), 3, date(2026, 6, 11)),  # WH-2: three working days before a round on a Tuesday
        (date(2024, 10, 8), 3, date(2024, 9, 27)),  # over the National Day; 29 September is worked
        (date(2024, 9, 30), 1, date(2024, 9, 29)),
        (date(2024, 10, 8), 0, date(2024, 10, 8)),
    ],
)
def test_working_days_before_a_day(end: date, n: int, due: date) -> None:
    """N working days before a day are counted without that day itself, make-up days included."""
    assert CALENDAR.subtract_working_days(end, n).due == due


@given(end=dates, n=counts)
def test_backwards_undoes_forwards(end: date, n: int) -> None:
    """From a working day, N back and N forward lead to where they started, and both pass the same days."""
    start = CALENDAR.working_days_back(end, 1)[0]
    back = CALENDAR.subtract_working_days(start, n)
    forward = CALENDAR.add_working_days(back.due, n)

    assert forward.due == start
    assert {day.day for day in back.days} | {start} == {day.day for day in forward.days} | {back.due}


@given(start=dates, n=st.integers(min_value=-400, max_value=400))
def test_calendar_days_are_plain_arithmetic(start: date, n: int) -> None:
    """Calendar days count every day, leap days included, and need no notice."""
    count = CALENDAR.add_days(start, n)

    assert count.due == start + timedelta(days=n)
    assert not count.provisional
    assert len(count.days) == abs(n)
    assert all(day.counted for day in count.days)


@given(start=dates, n=counts)
def test_a_due_day_rolled_forward_is_the_next_working_day(start: date, n: int) -> None:
    """Rolled forward, a calendar-day count ends on the first working day from its plain end on, and says why it moved."""
    plain, rolled = start + timedelta(days=n), CALENDAR.add_days(start, n, roll_forward=True)

    assert rolled.due == CALENDAR.add_working_days(plain - timedelta(days=1), 1).due
    assert rolled.earliest <= rolled.due <= rolled.latest
    assert all("顺延" in day.why for day in rolled.days if not day.counted)


@pytest.mark.parametrize(
    ("start", "n", "due"),
    [(date(2024, 2, 28), 1, date(2024, 2, 29)), (date(2023, 2, 28), 1, date(2023, 3, 1)), (date(2024, 2, 29), 366, date(2025, 3, 1))],
)
def test_leap_years(start: date, n: int, due: date) -> None:
    """29 February is a day like any other where there is one."""
    assert CALENDAR.add_days(start, n).due == due


def test_a_leap_day_is_a_working_day() -> None:
    """29 February 2024 was a Thursday and counts."""
    assert CALENDAR.add_working_days(date(2024, 2, 28), 1).due == date(2024, 2, 29)


# ---------------------------------------------------------------- a year still to be announced


@pytest.mark.parametrize("year", PLANS)
def test_the_interval_held_in_every_year_so_far(year: int) -> None:
    """Had each year's notice been unknown, every count would have ended between its earliest and latest day, both days included."""
    calendar, wrong = without(year), []
    for offset in range(-31, 350):
        start = date(year, 1, 1) + timedelta(days=offset)
        for n in (1, 3, 5, 7, 15):
            guess, truth = calendar.add_working_days(start, n), CALENDAR.add_working_days(start, n)
            back, true_back = calendar.subtract_working_days(start, n), CALENDAR.subtract_working_days(start, n)
            if not (guess.earliest <= truth.due <= guess.latest and back.earliest <= true_back.due <= back.latest):
                wrong.append((start, n))
            if not guess.provisional and guess.due != truth.due:
                wrong.append((start, n))

    assert wrong == []


@given(start=dates, n=counts)
def test_the_estimate_lies_in_its_interval(start: date, n: int) -> None:
    """Earliest, estimate and latest are in order, and one day where nothing is provisional."""
    count = CALENDAR.add_working_days(start, n)

    assert count.earliest <= count.due <= count.latest
    assert count.provisional or count.earliest == count.latest


def test_a_festival_fixed_by_law_is_off_before_any_notice() -> None:
    """1 January and the days of the Spring Festival are off whatever a notice says; that the rest may move is still said."""
    info = CALENDAR.day(date(2027, 1, 1))

    assert (info.counted, info.provisional) == (False, True)
    assert info.why == "元旦，法定假日（《全国年节及纪念日放假办法》；2027年放假安排尚未公布）"
    assert not CALENDAR.day(date(2027, 2, 8)).counted  # 初三, a Monday


def test_far_future_and_distant_past_have_an_estimate() -> None:
    """Where not even the festivals are known the weekdays decide, marked provisional."""
    for day in (date(2071, 3, 2), date(1999, 3, 1)):
        count = CALENDAR.add_working_days(day, 5)

        assert count.provisional
        assert count.earliest == count.due == count.latest


@pytest.mark.parametrize(
    ("today", "year", "is_alarm"),
    [
        (date(2026, 10, 31), None, False),
        (date(2026, 11, 1), 2027, False),
        (date(2026, 12, 14), 2027, False),
        (date(2026, 12, 15), 2027, True),
        (date(2027, 1, 2), 2027, True),
        (date(2025, 12, 20), None, False),
    ],
)
def test_a_missing_notice_is_told_in_time(today: date, year: int | None, is_alarm: bool) -> None:  # noqa: FBT001 - a column of the table
    """From 1 November a missing notice is a warning, from 15 December an alarm; with the notice there, nothing is said."""
    concern = missing_notice(CALENDAR, today)

    assert (concern.year if concern else None, bool(concern and concern.is_alarm)) == (year, is_alarm)


# ---------------------------------------------------------------- a district's own days


def test_a_closed_day_does_not_count_and_names_who_ordered_it(tmp_path: Path) -> None:
    """Local and emergency closures are skipped; a day opened by the district counts."""
    calendar = district(tmp_path)
    count = calendar.add_working_days(date(2025, 2, 28), 4)  # a Friday

    assert count.due == date(2025, 3, 8)
    assert [day.why for day in count.days if day.day == date(2025, 3, 3)] == ["停电检修，本区不办公（区政府办通知〔2025〕3号）"]
    assert count.days[-1].why == "专场服务，本区照常办公（区政府办通知）"
    assert calendar.day(date(2025, 7, 2)).why == "暴雨红色预警，临时停止办公（区防汛办通告）"


def test_a_half_day_counts_and_ends_early(tmp_path: Path) -> None:
    """A half day is a working day whose periods end when the office closes at noon."""
    calendar = district(tmp_path)

    assert calendar.day(date(2025, 2, 12)).counted
    assert close_of(date(2025, 2, 12), calendar, ZONE) == datetime(2025, 2, 12, 12, tzinfo=SHANGHAI)
    assert close_of(date(2025, 2, 13), calendar, ZONE) == datetime(2025, 2, 13, 17, tzinfo=SHANGHAI)


def test_another_district_keeps_its_days(tmp_path: Path) -> None:
    """A closure of one district moves nothing in another."""
    district(tmp_path)

    assert load_for_district(tmp_path, "other", OfficeHours()).day(date(2025, 3, 3)).counted


def test_an_imported_year_takes_the_place_of_a_guess(tmp_path: Path) -> None:
    """A year's file in the instance's folder is read beside those of the product, and in place of one for the same year."""
    text = "year: 2027\nnotices: [{title: 通知, number: 测试1号}]\nholidays: [{name: 元旦, from: 2027-01-01, to: 2027-01-03}]\n"
    (tmp_path / "2027.yaml").write_text(text, encoding="utf-8")
    calendar = load_for_district(tmp_path, "small", OfficeHours())

    assert calendar.years == (*range(2018, 2027), 2027)
    assert calendar.day(date(2027, 1, 1)).why == "元旦放假（测试1号）"
    assert not calendar.add_working_days(date(2026, 12, 30), 5).provisional


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("closures:\n  - {name: 停电, from: 2025-03-03}", "closures.0.by: 缺少这一项"),
        ("half_days:\n  - {name: 搬迁, date: 2025-02-12, closes: 中午, by: 通知}", "half_days.0.closes: “中午”不是时刻"),
        ("open_days:\n  - {name: 专场, date: 2月1日, by: 通知}", "open_days.0.date: “2月1日”不是日期"),
        ("closure: []", "closure: 不认识的键"),
        ("closures:\n  - {name: 停, from: 2025-03-03, by: 甲, emergency: 是}", "closures.0.emergency: 这里只能写 true 或 false"),
        (
            "closures:\n  - {name: 停, from: 2025-03-03, by: 甲}\nopen_days:\n  - {name: 开, date: 2025-03-03, by: 乙}",
            "open_days.0: 2025-03-03 安排了两次",
        ),
    ],
)
def test_a_mistake_in_a_districts_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """Each kind of mistake is told with its key, in Chinese."""
    (tmp_path / "small.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        read_overlay(tmp_path / "small.yaml")

    assert message in str(caught.value)


# ---------------------------------------------------------------- by the clock

LUNCH = OfficeHours(opens=time(9), closes=time(17), pause=(time(12), time(13, 30)))


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (datetime(2024, 9, 30, 10, tzinfo=SHANGHAI), 2, datetime(2024, 9, 30, 12, tzinfo=SHANGHAI)),
        (datetime(2024, 9, 30, 11, tzinfo=SHANGHAI), 2, datetime(2024, 9, 30, 14, 30, tzinfo=SHANGHAI)),  # over lunch
        (datetime(2024, 9, 30, 16, tzinfo=SHANGHAI), 2, datetime(2024, 10, 8, 10, tzinfo=SHANGHAI)),  # over the National Day
        (datetime(2024, 10, 1, 8, tzinfo=SHANGHAI), 1, datetime(2024, 10, 8, 10, tzinfo=SHANGHAI)),
        (datetime(2024, 9, 29, 20, tzinfo=SHANGHAI), 0.5, datetime(2024, 9, 30, 9, 30, tzinfo=SHANGHAI)),
    ],
)
def test_office_hours(start: datetime, hours: float, end: datetime) -> None:
    """Only open hours count: not lunch, not nights, not holidays."""
    assert add_hours(start, hours, CALENDAR.of_district(read_overlay(Path("none")), LUNCH), ZONE, office_only=True) == end


@given(start=moments, hours=st.integers(min_value=0, max_value=400))
def test_clock_hours_take_as_long_as_they_say(start: datetime, hours: int) -> None:
    """Hours by the clock are elapsed time, whatever the zone does to the wall clock."""
    for zone in (ZONE, "Europe/Berlin"):  # the second changes its clocks twice a year
        end = add_hours(start, hours, CALENDAR, zone, office_only=False)

        assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)


@given(day=known_dates, n=counts)
def test_counting_days_knows_no_change_of_the_clocks(day: date, n: int) -> None:
    """The close of office stays at its hour of the day in a zone that changes its clocks, too."""
    due = CALENDAR.add_working_days(day, n).due

    for zone in (ZONE, "Europe/Berlin"):
        assert close_of(due, CALENDAR, zone).time() == time(17)
        assert close_of(due, CALENDAR, zone).date() == due


SHIFTED = CALENDAR.of_district(read_overlay(Path("none")), OfficeHours(shift_after_hours=True))


@pytest.mark.parametrize(
    ("moment", "plain", "shifted"),
    [
        (datetime(2024, 9, 30, 16, 59, tzinfo=SHANGHAI), date(2024, 9, 30), date(2024, 9, 30)),
        (datetime(2024, 9, 30, 17, 0, tzinfo=SHANGHAI), date(2024, 9, 30), date(2024, 9, 30)),
        (datetime(2024, 9, 30, 17, 1, tzinfo=SHANGHAI), date(2024, 9, 30), date(2024, 10, 8)),
        (datetime(2024, 10, 2, 10, 0, tzinfo=SHANGHAI), date(2024, 10, 2), date(2024, 10, 8)),  # a rest day, too
        (datetime(2024, 9, 29, 23, 0, tzinfo=SHANGHAI), date(2024, 9, 29), date(2024, 9, 30)),
        (datetime(2024, 9, 29, 17, 30, tzinfo=UTC), date(2024, 9, 30), date(2024, 9, 30)),  # already Monday here, before the office opens
    ],
)
def test_day_zero(moment: datetime, plain: date, shifted: date) -> None:
    """Day zero is the calendar date of arrival in the district's zone; with the shift switched on, the next working day after hours."""
    assert day_zero(moment, CALENDAR, ZONE).day == plain
    assert day_zero(moment, SHIFTED, ZONE).day == shifted
    assert bool(day_zero(moment, SHIFTED, ZONE).shifted) == (plain != shifted)


def test_a_moment_without_zone_is_refused() -> None:
    """Nobody knows when it was."""
    with pytest.raises(ValueError, match="没有时区"):
        day_zero(datetime(2024, 9, 30, 10), CALENDAR, ZONE)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="不能为负"):
        add_hours(datetime(2024, 9, 30, 10, tzinfo=SHANGHAI), -1, CALENDAR, ZONE, office_only=False)

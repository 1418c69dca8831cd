"""First contact and verification within five working days (CG-3.4): from when it counts, and when it is due."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar_folder import load_calendar
from rules.calendar_overlay import Overlay
from rules.deadlines import BookingWindow, VerificationRule, booking_window, verification_due
from rules.office import OfficeHours
from store.model.due import Due

CALENDAR = load_calendar()
CHINA = "Asia/Shanghai"
ZONE = ZoneInfo(CHINA)
AT_CLOSE = VerificationRule(basis="三（四）")
AT_RECEIPT = VerificationRule(start="received")

moments = st.datetimes(min_value=datetime(2018, 1, 1), max_value=datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def _due(moment: datetime, rule: VerificationRule = AT_CLOSE) -> Due:
    return verification_due(moment, settings=rule, calendar=CALENDAR, timezone=CHINA)


def _window(moment: datetime) -> BookingWindow:
    return booking_window(moment, working_days=10, calendar=CALENDAR, timezone=CHINA)


@pytest.mark.parametrize(
    ("local", "start", "due"),
    [
        (datetime(2024, 10, 1, 8, 0, tzinfo=ZONE), date(2024, 10, 31), date(2024, 11, 7)),  # before the window
        (datetime(2024, 10, 18, 9, 0, tzinfo=ZONE), date(2024, 10, 31), date(2024, 11, 7)),  # its first minute
        (datetime(2024, 10, 31, 17, 0, tzinfo=ZONE), date(2024, 10, 31), date(2024, 11, 7)),  # its last
        (datetime(2024, 10, 31, 17, 0, 1, tzinfo=ZONE), date(2024, 11, 29), date(2024, 12, 6)),  # too late
        (
            datetime(2024, 11, 30, 12, 0, tzinfo=ZONE),
            date(2024, 12, 31),
            date(2025, 1, 8),
        ),  # the weekend after the close; New Year on the way
        (datetime(2024, 12, 31, 20, 0, tzinfo=ZONE), date(2025, 1, 27), date(2025, 2, 10)),  # next year; Spring Festival on the way
        (datetime(2024, 9, 30, 10, 0, tzinfo=ZONE), date(2024, 9, 30), date(2024, 10, 12)),  # National Day, due on a make-up Saturday
        (datetime(2024, 2, 29, 16, 59, tzinfo=ZONE), date(2024, 2, 29), date(2024, 3, 7)),  # leap day
        (datetime(2024, 10, 31, 9, 30, tzinfo=UTC), date(2024, 11, 29), date(2024, 12, 6)),  # 17:30 in China
    ],
)
def test_from_the_close_of_booking(local: datetime, start: date, due: date) -> None:
    """An arrival before or within the window counts to this month's close, after 17:00 of the last day to the next month's."""
    result = _due(local)

    assert (result.start, result.due, result.start_label) == (start, due, "挂号截止")


@pytest.mark.parametrize(
    ("moment", "start", "due"),
    [
        (datetime(2024, 10, 11, 3, 0, tzinfo=UTC), date(2024, 10, 11), date(2024, 10, 17)),  # Saturday the 12th is worked
        (datetime(2024, 10, 11, 16, 30, tzinfo=UTC), date(2024, 10, 12), date(2024, 10, 18)),  # past midnight in China
        (datetime(2026, 12, 31, 1, 0, tzinfo=UTC), date(2026, 12, 31), date(2027, 1, 8)),  # New Year is off by law, before any notice
    ],
)
def test_from_receipt(moment: datetime, start: date, due: date) -> None:
    """With the setting `received`, day zero is the calendar date of arrival in the district's time zone."""
    result = _due(moment, AT_RECEIPT)

    assert (result.start, result.due, result.start_label) == (start, due, "来件")


def test_the_due_names_its_article_and_lists_its_days() -> None:
    """The result says what is owed, on which article, and every day of the count."""
    result = _due(datetime(2024, 10, 11, tzinfo=UTC))

    assert (result.kind, result.label, result.basis) == ("verification", "初步对接核实", "三（四）")
    assert [day.day.day for day in result.days if day.counted] == [1, 4, 5, 6, 7]
    assert not result.provisional


def test_an_unannounced_year_makes_the_due_provisional() -> None:
    """A close of booking whose month no notice covers makes the date provisional, and so does one day on the way."""
    assert _due(datetime(2027, 3, 1, tzinfo=UTC)).provisional
    assert _due(datetime(2026, 12, 1, tzinfo=UTC)).provisional
    assert not _due(datetime(2026, 11, 1, tzinfo=UTC)).provisional


def test_a_moment_without_a_time_zone_is_refused() -> None:
    """A naive time would be off by hours around the close, so it is an error."""
    with pytest.raises(ValueError, match="没有时区"):
        _due(datetime(2024, 10, 11))  # noqa: DTZ001 - the mistake under test


def test_a_window_of_no_days_is_refused() -> None:
    """A pack that asks for a booking window of zero days is told so."""
    with pytest.raises(ValueError, match="至少"):
        booking_window(datetime(2024, 10, 11, tzinfo=UTC), working_days=0, calendar=CALENDAR, timezone=CHINA)


def test_the_window_of_october_2024() -> None:
    """附件1: from 9:00 of the tenth last working day to 17:00 of the last."""
    window = _window(datetime(2024, 10, 11, tzinfo=UTC))

    assert (window.opens, window.closes) == (datetime(2024, 10, 18, 9, tzinfo=ZONE), datetime(2024, 10, 31, 17, tzinfo=ZONE))


@given(moment=moments)
def test_the_window_closes_after_the_arrival_and_within_two_months(moment: datetime) -> None:
    """No arrival belongs to a window that is over, and none waits longer than to the end of the next month."""
    window = _window(moment)

    assert moment <= window.closes
    assert window.closes - moment < timedelta(days=62)
    assert window.opens < window.closes
    assert (window.opens.time(), window.closes.time()) == (time(9), time(17))


@given(moment=moments, later=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=70)))
def test_a_later_arrival_is_never_due_earlier(moment: datetime, later: timedelta) -> None:
    """Both ways of counting are monotone in the moment of arrival."""
    for rule in (AT_CLOSE, AT_RECEIPT):
        assert _due(moment, rule).due <= _due(moment + later, rule).due


@given(moment=moments, days=st.integers(min_value=1, max_value=20))
def test_the_due_day_is_a_working_day_after_day_zero(moment: datetime, days: int) -> None:
    """The deadline falls on a working day, after day zero, with exactly the set number of counted days."""
    result = _due(moment, VerificationRule(working_days=days))

    assert result.due > result.start
    assert CALENDAR.day(result.due).counted
    assert sum(day.counted for day in result.days) == days


def test_the_shift_after_hours_applies_to_verification_too() -> None:
    """With the pack's setting a mail after the close of office, or on a rest day, comes on the next working day; without it, on its own."""
    shifted = CALENDAR.of_district(Overlay(), OfficeHours(shift_after_hours=True))
    for moment, start, said in (
        (datetime(2024, 9, 30, 18, tzinfo=ZONE), date(2024, 10, 8), "来件，下班后收到，按本区设定顺延至下一工作日"),
        (datetime(2024, 10, 3, 10, tzinfo=ZONE), date(2024, 10, 8), "国庆节放假"),
        (datetime(2024, 10, 8, 10, tzinfo=ZONE), date(2024, 10, 8), "来件"),
    ):
        due = verification_due(moment, settings=AT_RECEIPT, calendar=shifted, timezone=CHINA)
        assert due.start == start
        assert said in due.start_label
        assert _due(moment, AT_RECEIPT).start == moment.date()
    late = datetime(2024, 10, 31, 16, 59, tzinfo=ZONE)
    early_close = CALENDAR.of_district(Overlay(), OfficeHours(closes=time(16), shift_after_hours=True))
    assert verification_due(late, settings=AT_CLOSE, calendar=early_close, timezone=CHINA).start == date(2024, 11, 29)

"""When an office is open: the moment a day ends, which day an arrival belongs to, and time counted by the clock. Knows no deadline.

The last day of a period ends when business stops (民法典 203, by analogy); day zero is the calendar date of arrival (201). No document of
the districts states office hours, so they are settings of the pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from rules.calendar import Calendar

_LONGEST_SEARCH = 366  # days without one open hour mean that the hours are wrong, not that the office sleeps


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeHours:
    """The hours of a district's offices, local time; `pause` is the lunch break, empty where there is none.

    With `shift_after_hours` an arrival after the close of office, or on a day on which no office is open, counts as one of the next
    working day. No document says so: off unless the pack sets it.
    """

    opens: time = time(9)
    closes: time = time(17)
    pause: tuple[time, time] | None = None
    shift_after_hours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DayZero:
    """The day a count starts from, and why where that is not the date of arrival itself ("" otherwise)."""

    day: date
    shifted: str = ""


def close_of(day: date, calendar: Calendar, timezone: str) -> datetime:
    """Return the moment at which a period that ends on *day* is over; a half day ends early, a rest day as any other."""
    return datetime.combine(day, calendar.closing_time(day), ZoneInfo(timezone))


def day_zero(moment: datetime, calendar: Calendar, timezone: str) -> DayZero:
    """Return the day from which an arrival counts. Raises ValueError where *moment* has no time zone."""
    local = local_time(moment, timezone)
    if not calendar.hours.shift_after_hours:
        return DayZero(day=local.date())
    info = calendar.day(local.date())
    if info.counted and local.time() <= calendar.closing_time(local.date()):
        return DayZero(day=local.date())
    why = "下班后收到" if info.counted else f"非工作日收到（{info.why}）"
    return DayZero(day=calendar.add_working_days(local.date(), 1).due, shifted=f"{why}，按本区设定顺延至下一工作日")


def add_hours(start: datetime, hours: float, calendar: Calendar, timezone: str, *, office_only: bool) -> datetime:
    """Return the moment *hours* after *start*: by the clock, or counting only the hours in which the office is open.

    Raises ValueError for a *start* without time zone, for negative *hours*, and for a calendar in which no office opens for a year.
    """
    if hours < 0:
        raise ValueError("小时数不能为负")
    local = local_time(start, timezone)
    left = timedelta(hours=hours)
    if not office_only:
        return (local.astimezone(ZoneInfo("UTC")) + left).astimezone(local.tzinfo)  # across any change of the clocks
    day = local.date()
    for _ in range(_LONGEST_SEARCH):
        for opens, closes in _open_spans(day, calendar, local):
            begin = max(opens, local)
            if begin + left <= closes:
                return begin + left
            left -= max(closes - begin, timedelta())
        day += timedelta(days=1)
    raise ValueError("一年之内没有办公时间，请检查办公时间设定")


def local_time(moment: datetime, timezone: str) -> datetime:
    """Return *moment* in the district's time zone. Raises ValueError where it has none of its own."""
    if moment.utcoffset() is None:
        raise ValueError("来件时间没有时区")
    return moment.astimezone(ZoneInfo(timezone))


def _open_spans(day: date, calendar: Calendar, local: datetime) -> list[tuple[datetime, datetime]]:
    if not calendar.day(day).counted:
        return []
    hours, closes = calendar.hours, calendar.closing_time(day)
    cuts = [(hours.opens, closes)]
    if hours.pause:
        cuts = [(hours.opens, min(hours.pause[0], closes)), (hours.pause[1], closes)]
    spans = [(datetime.combine(day, start, local.tzinfo), datetime.combine(day, end, local.tzinfo)) for start, end in cuts]
    return [(start, end) for start, end in spans if start < end]

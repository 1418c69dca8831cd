"""Dates and deadlines in the words of an official letter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from store.model.due import CountedDay, Due
from store.week import weekday


def plain_date(day: date) -> str:
    """Return a date as it stands in a letter: 2024年11月7日."""
    return f"{day.year}年{day.month}月{day.day}日"


def in_full(day: date) -> str:
    """Return a date with its day of the week: 2024年11月7日（星期四）."""
    return f"{plain_date(day)}（星期{weekday(day)}）"


def days_in_words(first: date, last: date) -> str:
    """Return the days on one of which something takes place: 2024年10月内, 2024年6月11日至20日, 2024年6月28日至7月3日."""
    if first.day == 1 and (last + timedelta(days=1)).day == 1 and (first.year, first.month) == (last.year, last.month):
        return f"{first.year}年{first.month}月内"
    if first.year != last.year:
        return f"{plain_date(first)}至{plain_date(last)}"
    return f"{plain_date(first)}至{'' if first.month == last.month else f'{last.month}月'}{last.day}日"


def hours_in_words(hours: tuple[time, time]) -> str:
    """Return from when to when: 上午9:00—12:00."""
    first, last = hours
    return f"{'上午' if first.hour < 12 else '下午'}{first.hour}:{first:%M}—{last.hour}:{last:%M}"  # noqa: PLR2004 - noon


def local_date(moment: datetime, timezone: str) -> date:
    """Return the date of an aware *moment* in the district's time zone."""
    return moment.astimezone(ZoneInfo(timezone)).date()


def counted_days(due: Due) -> str:
    """Return which days of a count are working days, and why: 11月1日、11月4日至7日（工作日）."""
    return _by_reason([day for day in due.days if day.counted], due.start.year)


def numbered_days(days: Sequence[CountedDay]) -> list[str]:
    """Return a count day by day: 第1日 9月29日（周日，国庆节调休上班，国办发明电〔2023〕7号）; days that do not count have no number."""
    lines, number, year = [], 0, 0
    for day in days:
        number += day.counted
        head = f"第{number}日" if day.counted else "不计"
        lines.append(f"{head} {_short(day.day, year or day.day.year)}（周{weekday(day.day)}，{_flat(day.why)}）")
        year = day.day.year
    return lines


def skipped_days(due: Due) -> str:
    """Return which days of a count are off, and why; "" where none is."""
    return _by_reason([day for day in due.days if not day.counted], due.start.year)


def _by_reason(days: list[CountedDay], year: int) -> str:
    parts = []
    for why, group in groupby(days, key=lambda day: day.why):
        stretches = []
        for first, last in _stretches([day.day for day in group]):
            stretches.append(_stretch(first, last, year))
            year = last.year
        parts.append("、".join(stretches) + f"（{_flat(why)}）")
    return "；".join(parts)


def _flat(why: str) -> str:
    """Return a reason fit to stand in brackets itself."""
    return why.replace("（", "，").replace("）", "")


def _stretches(days: list[date]) -> list[tuple[date, date]]:
    """Put days that follow one another together."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and (day - found[-1][1]).days == 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _stretch(first: date, last: date, year: int) -> str:
    start = _short(first, year)
    if first == last:
        return start
    end = f"{last.day}日" if (first.year, first.month) == (last.year, last.month) else _short(last, first.year)
    return f"{start}至{end}"


def _short(day: date, year: int) -> str:
    """Return a date without its year where that is the *year* spoken of."""
    return f"{day.month}月{day.day}日" if day.year == year else plain_date(day)

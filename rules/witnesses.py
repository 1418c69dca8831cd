"""What two well-kept libraries know of a year, held against a file before it is believed. Both know a year some weeks after its notice."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from rules.calendar import days_of, first_unsure_day
from rules.calendar_file import YearPlan
from store.week import is_weekend

if TYPE_CHECKING:
    from holidays import HolidayBase


def known_to(year: int) -> dict[str, bool]:
    """Return, by library, whether it knows the notice of *year*."""
    return {name: bool(_worked(name, year)) for name in ("chinesecalendar", "holidays")}


def disagreements(plan: YearPlan) -> list[str]:
    """Return, in Chinese, every day of the plan's year on which a library that knows it says otherwise."""
    found = []
    for name, knows in known_to(plan.year).items():
        if not knows:
            continue
        worked, off = _worked(name, plan.year), _off(name, plan.year)
        for day in days_of(plan.year):
            special = plan.special.get(day)
            if special is None and day >= first_unsure_day(plan.year):
                continue  # the next year's notice has the last word on these
            ours = special.working if special else not is_weekend(day)
            theirs = day in worked or (not is_weekend(day) and day not in off)
            if ours != theirs:
                found.append(f"{day}：文件为{_word(working=ours)}，{name} 为{_word(working=theirs)}")
    return found


def _word(*, working: bool) -> str:
    return "工作日" if working else "休息"


def _worked(library: str, year: int) -> frozenset[date]:
    """Return the weekend days that are worked in *year*; none where the library does not know its notice (every year has had some)."""
    if library == "holidays":
        return frozenset(day for day in _china(year).weekend_workdays if day.year == year)
    from chinese_calendar.constants import workdays  # noqa: PLC0415 - needed once a year

    return frozenset(day for day in workdays if day.year == year)


def _china(year: int) -> HolidayBase:
    from holidays import country_holidays  # noqa: PLC0415 - likewise

    return country_holidays("CN", years=year)


def _off(library: str, year: int) -> frozenset[date]:
    if library == "holidays":
        return frozenset(_china(year))
    from chinese_calendar.constants import holidays as days_off  # noqa: PLC0415 - likewise

    return frozenset(day for day in days_off if day.year == year)

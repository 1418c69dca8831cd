"""Which days are working days, and why: the State Council's yearly notices as facts, counting forwards and backwards. Knows no deadline.

A year whose notice is not among the files counts by weekends alone and is marked provisional; so is the last week of the year before it,
because a New Year notice now and then reaches back (2018-12-29 to 31, 2022-12-31).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from rules.calendar_file import SpecialDay, YearPlan, read_year
from store.errors import ConfigError, Problem
from store.model import CountedDay

_FOLDER = Path(__file__).parent / "calendars"
_SATURDAY = 5
_DECEMBER, _REACHED_BACK = 12, 25  # from this day on the next year's notice may still change a day
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayInfo:
    """Whether a day is a working day (`counted`), why in Chinese, and whether a notice still to come may change it."""

    counted: bool
    why: str
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A count of working days: the day it ends on, and every day after the start up to it."""

    due: date
    provisional: bool
    days: tuple[CountedDay, ...]


class Calendar:
    """The working days of mainland China, as far as they have been announced."""

    def __init__(self, *, years: Collection[int], special: Mapping[date, SpecialDay]) -> None:
        """Take the announced *years* and, for all of them together, the days that differ from Monday to Friday."""
        self._years = frozenset(years)
        self._special = special

    def day(self, day: date) -> DayInfo:
        """Say whether *day* is a working day, and on what ground."""
        special = self._special.get(day)
        if special is not None:
            return DayInfo(counted=special.working, why=special.why, provisional=False)
        counted = day.weekday() < _SATURDAY
        doubt = self._doubt(day)
        return DayInfo(counted=counted, why=("工作日" if counted else "周末") + doubt, provisional=bool(doubt))

    def _doubt(self, day: date) -> str:
        if day.year not in self._years:
            known = "尚未公布" if day.year > max(self._years, default=0) else "未收录"
            return f"（{day.year}年放假安排{known}，暂按周末推算）"
        if day.month == _DECEMBER and day.day >= _REACHED_BACK and day.year + 1 not in self._years:
            return f"（{day.year + 1}年放假安排尚未公布，元旦假期可能涉及，暂按周末推算）"
        return ""

    def add_working_days(self, start: date, n: int) -> Count:
        """Count *n* working days after *start*; day zero is *start* itself and never counts.

        With *n* = 0 the count ends on *start*. Raises ValueError for a negative *n*, OverflowError beyond the year 9999.
        """
        if n < 0:
            raise ValueError("工作日数不能为负")
        days: list[CountedDay] = []
        provisional, day = False, start
        while n:
            day += _DAY
            info = self.day(day)
            n -= info.counted
            provisional |= info.provisional
            days.append(CountedDay(day=day, counted=info.counted, why=info.why))
        return Count(due=day, provisional=provisional, days=tuple(days))

    def working_days_back(self, end: date, n: int) -> tuple[date, ...]:
        """Return the last *n* working days up to and including *end*, oldest first. Raises ValueError for a negative *n*."""
        if n < 0:
            raise ValueError("工作日数不能为负")
        found: list[date] = []
        for day in _backwards(end):
            if len(found) == n:
                break
            if self.day(day).counted:
                found.append(day)
        return tuple(reversed(found))

    def last_working_days_of_month(self, year: int, month: int, n: int) -> tuple[date, ...]:
        """Return the last *n* working days of a month, oldest first; fewer where the month has not so many."""
        days = self.working_days_back(_last_day(year, month), n)
        return tuple(day for day in days if (day.year, day.month) == (year, month))


def load_calendar(folder: Path = _FOLDER) -> Calendar:
    """Read every year's file in *folder*; raises ConfigError with the problems of all of them."""
    problems: list[Problem] = []
    plans: list[YearPlan] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            plans.append(read_year(path))
        except ConfigError as error:
            problems += error.problems
    if not plans and not problems:
        problems.append(Problem(place=str(folder), key="", message="没有放假安排文件", remedy="应至少有一个年份的文件，如 2026.yaml"))
    special = _merged(plans, problems)
    if problems:
        raise ConfigError(problems)
    return Calendar(years=[plan.year for plan in plans], special=special)


def _merged(plans: list[YearPlan], problems: list[Problem]) -> dict[date, SpecialDay]:
    """Put the years together; a December day that two years' files claim is a mistake in one of them."""
    special: dict[date, SpecialDay] = {}
    for plan in plans:
        problems += [
            Problem(place=plan.place, key="holidays", message=f"{day} 在另一个年份的文件里已有安排", remedy="删去其中一处")
            for day in sorted(special.keys() & plan.special.keys())
        ]
        special |= plan.special
    return special


def _backwards(day: date) -> Iterator[date]:
    while True:
        yield day
        day -= _DAY


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - _DAY

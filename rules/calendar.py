"""Which days are working days, and why: the State Council's yearly notices and a district's own days as facts; counting both ways.

Knows no deadline. A year whose notice is not among the files counts by weekends and the days off by law, and is marked provisional; so is the last week of
the year before it, because a New Year notice now and then reaches back (2018-12-29 to 31, 2022-12-31). A provisional count also says how
early and how late it may end once the notice is out (`rules.provisional`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cached_property

from rules.calendar_file import SpecialDay
from rules.calendar_overlay import Overlay
from rules.office import OfficeHours
from rules.provisional import Festivals, Prospect
from store.model.due import CountedDay
from store.week import is_weekend

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
    """A count of days: the day it ends on, and every day on the way, the start left out.

    Where a notice is still to come, `earliest` and `latest` say between which days it may end; else both are `due`.
    """

    due: date
    provisional: bool
    days: tuple[CountedDay, ...]
    earliest: date
    latest: date


class Calendar:
    """The working days of a district, as far as they have been announced."""

    def __init__(
        self,
        *,
        years: Collection[int],
        special: Mapping[date, SpecialDay],
        festivals: Festivals | None = None,
        overlay: Overlay | None = None,
        hours: OfficeHours | None = None,
    ) -> None:
        """Take the announced *years*, for all of them together the days that differ from Monday to Friday, and the district's own."""
        self._years = frozenset(years)
        self._special = special
        self._festivals = festivals or Festivals({})
        self._overlay = overlay or Overlay()
        self.hours = hours or OfficeHours()
        self._days: dict[date, DayInfo] = {}  # each worked out once: thousands of deadlines are counted over the same weeks
        self._prospects: dict[date, Prospect] = {}

    def of_district(self, overlay: Overlay, hours: OfficeHours) -> Calendar:
        """Return this calendar with a district's own days and hours."""
        return Calendar(years=self._years, special=self._special, festivals=self._festivals, overlay=overlay, hours=hours)

    @cached_property
    def mark(self) -> str:
        """What names these days and hours: another calendar that counts the same has the same."""
        special = [
            sorted((str(day), what.working, what.why) for day, what in days.items()) for days in (self._special, self._overlay.special)
        ]
        closes = sorted((str(day), str(at)) for day, at in self._overlay.closes.items())
        whole = repr((sorted(self._years), special, closes, self.hours))
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    @property
    def years(self) -> tuple[int, ...]:
        """The years whose notice is known."""
        return tuple(sorted(self._years))

    def day(self, day: date) -> DayInfo:
        """Say whether *day* is a working day, and on what ground."""
        if day not in self._days:
            self._days[day] = self._judged(day)
        return self._days[day]

    def _judged(self, day: date) -> DayInfo:
        special = self._overlay.special.get(day) or self._special.get(day)
        if special is not None:
            return DayInfo(counted=special.working, why=special.why, provisional=False)
        counted = not is_weekend(day)
        doubt = self._doubt(day)
        if counted and doubt and (festival := self._festivals.prospect(day).by_law):
            why = f"{festival}，法定假日（《全国年节及纪念日放假办法》；{day.year}年放假安排{self.unknown(day.year)}）"
            return DayInfo(counted=False, why=why, provisional=True)
        return DayInfo(counted=counted, why=("工作日" if counted else "周末") + doubt, provisional=bool(doubt))

    def is_special(self, day: date) -> bool:
        """Say whether a notice or the district made *day* differ from what its weekday says, or says so once more."""
        return day in self._overlay.special or day in self._special

    def closing_time(self, day: date) -> time:
        """Return when the office closes on *day*: earlier on a half day."""
        return self._overlay.closes.get(day, self.hours.closes)

    def unknown(self, year: int) -> str:
        """Say why the notice of *year*, which is not known, is not: it is still to come, or lies before those that are kept here."""
        return "尚未公布" if year > max(self._years, default=0) else "没有收录"

    def unsure_years(self, days: Iterable[date]) -> tuple[int, ...]:
        """Return the years whose missing notice makes some of *days* unsure, in order."""
        return tuple(sorted({year for day in days if (year := self._missing(day))}))

    def can_be_bounded(self, year: int) -> bool:
        """Say whether the festivals of *year* are known, so that it can be said what its notice may change at most."""
        return self._festivals.knows(year)

    def _missing(self, day: date) -> int | None:
        if day in self._overlay.special or day in self._special:
            return None
        if day.year not in self._years:
            return day.year
        return day.year + 1 if day >= first_unsure_day(day.year) and day.year + 1 not in self._years else None

    def _doubt(self, day: date) -> str:
        missing = self._missing(day)
        if missing is None:
            return ""
        reaches_back = "" if missing == day.year else "元旦假期可能涉及，"
        return f"（{missing}年放假安排{self.unknown(missing)}，{reaches_back}暂按周末推算）"

    def add_working_days(self, start: date, n: int) -> Count:
        """Count *n* working days after *start*; day zero is *start* itself and never counts.

        With *n* = 0 the count ends on *start*. Raises ValueError for a negative *n*, OverflowError beyond the year 9999.
        """
        return self._count(start, n, _DAY)

    def subtract_working_days(self, end: date, n: int) -> Count:
        """Count *n* working days back from *end*, which itself never counts (N个工作日前): its `due` is the last day to act.

        Raises as `add_working_days` does.
        """
        return self._count(end, n, -_DAY)

    def add_days(self, start: date, n: int, *, roll_forward: bool = False) -> Count:
        """Count *n* calendar days from *start*, backwards where *n* is negative; every day counts.

        With *roll_forward* a rest day at the end gives way to the next working day (民法典 203); fixed dates and dates counted
        backwards are not moved unless a pack asks for it.
        """
        step = _DAY if n >= 0 else -_DAY
        days = [CountedDay(day=start + step * i, counted=True, why=self._as_calendar_day(start + step * i)) for i in range(1, abs(n) + 1)]
        due = start + n * _DAY
        if not roll_forward:
            return Count(due=due, provisional=False, days=tuple(days), earliest=due, latest=due)
        return self._rolled(due, days)

    def working_days_back(self, end: date, n: int) -> tuple[date, ...]:
        """Return the last *n* working days up to and including *end*, oldest first. Raises ValueError for a negative *n*."""
        if n < 0:
            raise ValueError("工作日数不能为负")
        found: list[date] = []
        for day in _from(end, -_DAY):
            if len(found) == n:
                break
            if self.day(day).counted:
                found.append(day)
        return tuple(reversed(found))

    def last_working_days_of_month(self, year: int, month: int, n: int) -> tuple[date, ...]:
        """Return the last *n* working days of a month, oldest first; fewer where the month has not so many."""
        days = self.working_days_back(_last_day(year, month), n)
        return tuple(day for day in days if (day.year, day.month) == (year, month))

    # ------------------------------------------------------------ walking

    def _count(self, start: date, n: int, step: timedelta) -> Count:
        if n < 0:
            raise ValueError("工作日数不能为负")
        days: list[CountedDay] = []
        provisional, day, left = False, start, n
        while left:
            day += step
            info = self.day(day)
            left -= info.counted
            provisional |= info.provisional
            days.append(CountedDay(day=day, counted=info.counted, why=info.why))
        if not provisional:
            return Count(due=day, provisional=False, days=tuple(days), earliest=day, latest=day)
        dense = self._end(start, n, step, lambda prospect: prospect.at_most)
        sparse = self._end(start, n, step, lambda prospect: prospect.at_least)
        return Count(due=day, provisional=True, days=tuple(days), earliest=min(dense, sparse), latest=max(dense, sparse))

    def _end(self, start: date, n: int, step: timedelta, counts: Callable[[Prospect], bool]) -> date:
        day = start
        while n:
            day += step
            n -= counts(self._prospect(day))
        return day

    def _prospect(self, day: date) -> Prospect:
        if day not in self._prospects:
            info = self.day(day)
            known = Prospect(at_least=info.counted, at_most=info.counted)
            self._prospects[day] = self._festivals.prospect(day) if info.provisional else known
        return self._prospects[day]

    def _rolled(self, due: date, days: list[CountedDay]) -> Count:
        """Move a due day that is a rest day to the next working day."""
        info = self.day(due)
        if info.counted and not info.provisional:
            return Count(due=due, provisional=False, days=tuple(days), earliest=due, latest=due)
        rolled = self.add_working_days(due - _DAY, 1)
        more = [CountedDay(day=day.day, counted=False, why=f"{day.why}，最后一日顺延") for day in rolled.days[:-1] if day.day >= due]
        kept = [day for day in days if day.day < due]
        last = [CountedDay(day=rolled.due, counted=True, why=rolled.days[-1].why)]
        return Count(
            due=rolled.due,
            provisional=rolled.provisional,
            days=(*kept, *more, *last),
            earliest=max(rolled.earliest, due),
            latest=max(rolled.latest, due),
        )

    def _as_calendar_day(self, day: date) -> str:
        info = self.day(day)
        return f"自然日（{info.why.replace('（', '，').replace('）', '')}）" if not info.counted else "自然日"


def _from(day: date, step: timedelta) -> Iterator[date]:
    while True:
        yield day
        day += step


def days_of(year: int) -> list[date]:
    """Return every day of *year*."""
    first = date(year, 1, 1)
    return [first + n * _DAY for n in range((date(year + 1, 1, 1) - first).days)]


def first_unsure_day(year: int) -> date:
    """Return the first day of *year* that the notice of the year after it may still change."""
    return date(year, _DECEMBER, _REACHED_BACK)


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - _DAY

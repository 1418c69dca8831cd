"""The months, quarters, days … that a text names: 10月, 2023年10月, 三季度, 上半年, 上月, 10月12日, 10月12、13日, 2023-10-12. Pure.

A month without its year is of any year: whoever asks says of which years it may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from rules.deadline_kinds import Every
from rules.spans import span_on

Unit = Literal["day", "half_month", "month", "quarter", "half_year", "year"]

_NUMERALS = {numeral: number for number, numeral in enumerate("一二三四五六七八九十", start=1)} | {"十一": 11, "十二": 12}
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_DAY = r"(?:3[01]|[12][0-9]|0?[1-9])"
_YEAR = r"(?:(?P<{0}>20[0-9]{{2}})\s*年\s*)?"
_FINEST = 400  # references of one text that are looked at: a report of a year has fewer
_LONGEST_RANGE = 7  # days; a longer one is a period, not the days of a visit

_FOUND = re.compile(
    "|".join(
        (
            rf"(?P<iso>(?P<y0>20[0-9]{{2}})[-./](?P<m0>{_MONTH})[-./](?P<d0>{_DAY})(?![0-9]))",
            (
                rf"(?P<day>{_YEAR.format('y1')}(?<![0-9])(?P<m1>{_MONTH})\s*月\s*(?P<d1>{_DAY})(?:[日号]|(?=\s*[、和及至到~—–-]))"
                rf"(?P<more>(?:\s*[、,，和及]\s*{_DAY}(?:[日号]|(?=[、和及])))*)(?:\s*[至到~—–-]\s*(?P<last>{_DAY})\s*[日号])?)"
            ),
            rf"(?P<half_month>{_YEAR.format('y2')}(?<![0-9])(?P<m2>{_MONTH})\s*月(?:份)?(?P<h2>[上下])半月)",
            rf"(?P<quarter>{_YEAR.format('y3')}(?:第?\s*(?P<q3>[1-4一二三四])\s*季度|[Qq](?P<q4>[1-4])(?![0-9])))",
            rf"(?P<half_year>{_YEAR.format('y5')}(?P<h5>[上下])半年)",
            rf"(?P<month>{_YEAR.format('y6')}(?<![0-9])(?P<m6>{_MONTH})\s*月(?!\s*[0-9]))",
            r"(?P<relative>(?P<which>上|本|当)(?:个)?(?P<unit>月|季度)(?!旬))",
            r"(?P<year>(?<![0-9])(?P<y7>20[0-9]{2})\s*年)",
        )
    )
)


@dataclass(frozen=True, slots=True)
class Named:
    """One period or day that a text names: the unit, its first and last day, whether the year was written, and the words."""

    unit: Unit
    first: date
    last: date
    has_year: bool
    words: str

    def in_year(self, year: int) -> Named:
        """Return the same months and days in *year*, where no year was written and the day exists there."""
        if self.has_year or self.first.year == year:
            return self
        with suppress(ValueError):  # 29 February
            return Named(self.unit, self.first.replace(year=year), self.last.replace(year=year), has_year=False, words=self.words)
        return self


def named(text: str, today: date) -> list[Named]:
    """Return what *text* names, in its order; where the year is not written, in the year of *today*."""
    found: list[Named] = []
    for match in _FOUND.finditer(text):
        with suppress(ValueError):  # 2月30日 is none
            found += _of(match, today)
        if len(found) >= _FINEST:
            break
    return found


def _of(match: re.Match[str], today: date) -> Iterator[Named]:
    words = match[0].strip()
    groups = {name: value for name, value in match.groupdict().items() if value is not None}
    if "iso" in groups:
        yield _one_day(date(int(match["y0"]), _number(match["m0"]), int(match["d0"])), words, has_year=True)
    elif "day" in groups:
        yield from _days(match, today)
    elif "relative" in groups:
        every: Every = "month" if match["unit"] == "月" else "quarter"
        span = span_on(every, today)
        span = span_on(every, span.first - timedelta(days=1)) if match["which"] == "上" else span
        yield Named(every, span.first, span.last, has_year=True, words=words)
    else:
        yield _period(groups, today, words)


def _period(groups: dict[str, str], today: date, words: str) -> Named:
    written = next((groups[name] for name in ("y2", "y3", "y5", "y6", "y7") if name in groups), "")
    year = int(written) if written else today.year
    every: Every
    if "half_month" in groups:
        every, day = "half_month", date(year, _number(groups["m2"]), 1 if groups["h2"] == "上" else 16)
    elif "quarter" in groups:
        every, day = "quarter", date(year, _number(groups.get("q3") or groups["q4"]) * 3, 1)
    elif "half_year" in groups:
        every, day = "half_year", date(year, 1 if groups["h5"] == "上" else 7, 1)
    elif "month" in groups:
        every, day = "month", date(year, _number(groups["m6"]), 1)
    else:
        every, day = "year", date(year, 1, 1)
    span = span_on(every, day)
    return Named(every, span.first, span.last, has_year=bool(written), words=words)


def _days(match: re.Match[str], today: date) -> Iterator[Named]:
    year, month = int(match["y1"] or today.year), _number(match["m1"])
    first, words, has_year = date(year, month, int(match["d1"])), match[0].strip(), bool(match["y1"])
    yield _one_day(first, words, has_year=has_year)
    days = [int(day) for day in re.findall(_DAY, match["more"] or "")]
    if match["last"]:
        begin, end = (days or [first.day])[-1], int(match["last"])
        days += range(begin + 1, end + 1) if end - begin < _LONGEST_RANGE else []
    for day in days:
        yield _one_day(date(year, month, day), words, has_year=has_year)


def _one_day(day: date, words: str, *, has_year: bool) -> Named:
    return Named("day", day, day, has_year=has_year, words=words)


def _number(word: str) -> int:
    return _NUMERALS[word] if word in _NUMERALS else int(word)

"""Half months, months, quarters, half years and years: where one begins and ends, and what it is called. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from rules.deadline_kinds import Every

_MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
_MIDDLE, _YEAR = 15, 12  # a half month ends on the 15th


@dataclass(frozen=True, slots=True)
class Span:
    """One period: its first and last day, and its name."""

    first: date
    last: date
    name: str

    def next_of(self, every: Every) -> Span:
        """Return the period after this one, which is one of *every*."""
        return span_on(every, self.last + timedelta(days=1))


def span_on(every: Every, day: date) -> Span:
    """Return the period that holds *day*."""
    if every == "half_month":
        first_half = day.day <= _MIDDLE
        first = day.replace(day=1 if first_half else _MIDDLE + 1)
        last = day.replace(day=_MIDDLE) if first_half else last_of(day.year, day.month)
        return Span(first, last, f"{day.year}年{day.month}月{'上' if first_half else '下'}半月")
    months = _MONTHS[every]
    nth = (day.month - 1) // months
    first = date(day.year, nth * months + 1, 1)
    names = {1: f"{day.month}月", 3: f"第{nth + 1}季度", 6: f"{'下' if nth else '上'}半年", 12: ""}
    return Span(first, last_of(day.year, (nth + 1) * months), f"{day.year}年{names[months]}")


def last_of(year: int, month: int) -> date:
    """Return the last day of a month."""
    return date(year + month // _YEAR, month % _YEAR + 1, 1) - timedelta(days=1)

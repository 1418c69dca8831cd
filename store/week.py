"""The week as Chinese offices count it: Monday to Friday are worked unless a holiday notice says otherwise, and days are named 一 … 六, 日."""

from __future__ import annotations

from datetime import date

_NAMES = "一二三四五六日"
_SATURDAY = 5


def is_weekend(day: date) -> bool:
    """Say whether *day* is a Saturday or a Sunday, whatever a holiday notice makes of it."""
    return day.weekday() >= _SATURDAY


def weekday(day: date) -> str:
    """Return the sign that names the day of the week behind 周 or 星期: 一 for a Monday, 日 for a Sunday."""
    return _NAMES[day.weekday()]

"""Whether the next year's notice is overdue: it comes out around November, and without it every date in the new year is a guess."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rules.calendar import Calendar

_WARN_FROM, _ALARM_FROM = (11, 1), (12, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """A year without notice that matters by now; `is_alarm` where it can wait no longer. `words` are for the operator."""

    year: int
    is_alarm: bool
    words: str


def missing_notice(calendar: Calendar, today: date) -> Concern | None:
    """Return what an operator must be told *today*: from 1 November a warning, from 15 December (and within such a year) an alarm."""
    step = "公布后存下通知全文，执行 zuozhen calendar import 文件"
    if today.year not in calendar.years:
        return Concern(year=today.year, is_alarm=True, words=f"警报：{today.year}年的放假安排没有导入，全部日期都是暂定。{step}")
    year = today.year + 1
    if year in calendar.years or (today.month, today.day) < _WARN_FROM:
        return None
    is_alarm = (today.month, today.day) >= _ALARM_FROM
    word = "警报" if is_alarm else "提醒"
    return Concern(year=year, is_alarm=is_alarm, words=f"{word}：{year}年的放假安排还没有导入，落在{year}年的期限都是暂定。{step}")

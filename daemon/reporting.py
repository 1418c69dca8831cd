"""From 2024-10, 2024Q4 or 2024 to a report: its window in the district's time, its figures, its two files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from notifier.figures import Figures, figures
from notifier.report_paper import Heading, report_paper
from notifier.report_sheets import report_sheets
from rules.rulebook import RuleBook
from store.errors import UsageError
from store.model.district import District
from store.model.report import Reported, Window
from store.reporting import Reporting

_EARLIEST, _LATEST = 2000, 2100
_NUMERALS = "一二三四"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A month, a quarter or a year: 月度 …, in words (2024年第四季度), the first days of its parts, and behind them the first day after it."""

    sort: str
    words: str
    days: tuple[date, ...]
    parts: tuple[str, ...]  # what its parts are called: months, of a month the tens of days


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report of one district, ready to be written."""

    figures: Figures
    heading: Heading
    district: District

    @property
    def name(self) -> str:
        """The name of its files, without the ending."""
        return f"坐诊接诉{self.heading.sort}报告-{self.district.id}-{self.heading.period}"

    def files(self) -> dict[str, bytes]:
        """Return the files by name: .docx to read, .xlsx with the rows behind each figure."""
        return {
            f"{self.name}.docx": report_paper(self.figures, self.heading, self.district),
            f"{self.name}.xlsx": report_sheets(self.figures, self.heading, self.district),
        }


def month(text: str) -> Period:
    """Return the month written as 2024-10. Raises UsageError."""
    found = re.fullmatch(r"(\d{4})-(\d{1,2})", text.strip())
    if not found or not 1 <= int(found[2]) <= 12:  # noqa: PLR2004 - months
        raise UsageError(f"{text} 不是月份，应形如 2024-10")
    year, number = _year(found[1]), int(found[2])
    first = date(year, number, 1)
    days = (first, first.replace(day=11), first.replace(day=21), _months_on(first, 1))
    return Period(sort="月度", words=f"{year}年{number}月", days=days, parts=("上旬", "中旬", "下旬"))


def quarter(text: str) -> Period:
    """Return the quarter written as 2024Q4. Raises UsageError."""
    found = re.fullmatch(r"(\d{4})-?[Qq]([1-4])", text.strip())
    if not found:
        raise UsageError(f"{text} 不是季度，应形如 2024Q4")
    year, number = _year(found[1]), int(found[2])
    first = date(year, 3 * number - 2, 1)
    return _of_months("季度", f"{year}年第{_NUMERALS[number - 1]}季度", first, 3)


def year(text: str) -> Period:
    """Return the year written as 2024. Raises UsageError."""
    if not re.fullmatch(r"\d{4}", text.strip()):
        raise UsageError(f"{text} 不是年份，应形如 2024")
    number = _year(text)
    return _of_months("年度", f"{number}年", date(number, 1, 1), 12)


def moment(text: str, timezone: str) -> datetime:
    """Return the moment written as 2025-01-10 (the end of that day) or 2025-01-10T09:30, in the district's time. Raises UsageError."""
    try:
        said = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text} 不是时刻，应形如 2025-01-10（当日 24 时）或 2025-01-10T09:30") from None
    zone = ZoneInfo(timezone)
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text.strip()):
        return datetime.combine(said.date() + timedelta(days=1), time(), zone)
    return said if said.tzinfo else said.replace(tzinfo=zone)


async def read(reporting: Reporting, period: Period, book: RuleBook, as_of: datetime) -> Reported:
    """Return what happened in *period* as known at *as_of*. Raises UsageError where it has not begun by then.

    A kind of date that nobody is reminded of or pressed for is no duty (until when a case may be returned): it is not counted.
    """
    rights = frozenset(id_ for id_, kind in book.settings.kinds.by_id.items() if not (kind.remind or kind.remind_share or kind.ladder))
    since, until = _bounds(period, book.district)
    if as_of <= since:
        moment_ = as_of.astimezone(ZoneInfo(book.district.timezone))
        raise UsageError(f"{period.words}到统计时刻（{moment_:%Y-%m-%d %H:%M}）还没有开始，没有可统计的")
    return await reporting.read(Window(district=book.district.id, since=since, until=until, as_of=as_of, leave_out=rights))


async def make(reporting: Reporting, period: Period, book: RuleBook, as_of: datetime) -> Report:
    """Return the report of *period* as known at *as_of*; raises as `read`."""
    district = book.district
    reported = await read(reporting, period, book, as_of)
    since, until = _bounds(period, district)
    heading = Heading(
        sort=period.sort,
        period=period.words,
        since=since,
        until=until - timedelta(days=1),
        as_of=as_of,
        opened=_opened(reported, period, ZoneInfo(district.timezone)),
    )
    return Report(figures=figures(reported, district), heading=heading, district=district)


def _bounds(period: Period, district: District) -> tuple[datetime, datetime]:
    """Return the first moment of *period* in the district's time, and the first one after it."""
    zone = ZoneInfo(district.timezone)
    return datetime.combine(period.days[0], time(), zone), datetime.combine(period.days[-1], time(), zone)


def _opened(reported: Reported, period: Period, zone: ZoneInfo) -> dict[str, int]:
    """Return how many cases were registered in each part of the period."""
    days = [case.opened_at.astimezone(zone).date() for case in reported.cases]
    return {part: sum(a <= day < b for day in days) for part, (a, b) in zip(period.parts, pairwise(period.days), strict=True)}


def _of_months(sort: str, words: str, first: date, count: int) -> Period:
    days = tuple(_months_on(first, number) for number in range(count + 1))
    return Period(sort=sort, words=words, days=days, parts=tuple(f"{day.month}月" for day in days[:-1]))


def _months_on(first: date, count: int) -> date:
    years, month_ = divmod(first.month - 1 + count, 12)
    return date(first.year + years, month_ + 1, 1)


def _year(text: str) -> int:
    number = int(text)
    if not _EARLIEST <= number <= _LATEST:
        raise UsageError(f"{number} 年不在可以统计的范围内（{_EARLIEST}—{_LATEST}）")
    return number

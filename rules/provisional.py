"""What a State Council notice still to come may change: for a day of a year without one, the most and the least that may happen to it.

The law fixes which festival days are off (《全国年节及纪念日放假办法》, as amended from 2025); which days around them are taken off or
worked is the notice's business. How far it reaches is taken from the notices of 2018 to 2026, with a margin; a test leaves out each of
those years in turn and holds every count to its interval. An extraordinary closure (2020: 国办发明电〔2020〕1号) nobody can foresee.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from store.errors import ConfigError, Problem
from store.week import is_weekend

_FILE = Path(__file__).parent / "calendars" / "statutory" / "festivals.yaml"
_EVE_IS_OFF_SINCE = 2025  # 除夕 and 2 May became days off by law


@dataclass(frozen=True, slots=True)
class _Festival:
    """Days counted from the festival's own: off by law (the last inclusive), at most off, at most worked in exchange."""

    name: str
    law: tuple[int, int]
    off: tuple[int, int]
    worked: tuple[int, int]


_NEW_YEAR = _Festival("元旦", (0, 0), (-2, 2), (-5, 5))
_SPRING = _Festival("春节", (0, 2), (-3, 8), (-14, 14))
_SHORT = [_Festival(name, (0, 0), (-2, 3), (-5, 10)) for name in ("清明节", "端午节", "中秋节")]  # the last may run into the National Day
_LABOUR = _Festival("劳动节", (0, 0), (-3, 5), (-10, 12))
_NATIONAL = _Festival("国庆节", (0, 2), (-2, 8), (-14, 14))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """Whether a day counts in the arrangement with the most working days (`at_most`), and in the one with the fewest (`at_least`).

    `by_law` names the festival that is a day off whatever the notice says, "" where it is none.
    """

    at_least: bool
    at_most: bool
    by_law: str = ""


class Festivals:
    """The festival days of the years for which they are known."""

    def __init__(self, lunar: Mapping[int, tuple[date, ...]]) -> None:
        """Take by year the dates of 春节, 清明, 端午 and 中秋."""
        self._lunar = lunar

    def knows(self, year: int) -> bool:
        """Say whether the festivals of *year* are known."""
        return year in self._lunar

    def prospect(self, day: date) -> Prospect:
        """Return what may become of *day*; where its festivals are not known, nothing but its weekday is."""
        works = not is_weekend(day)
        near = [(festival, (day - first).days, first.year) for first, festival in self._around(day)]
        by_law = next((festival.name for festival, distance, year in near if _is_off_by_law(festival, distance, year)), "")
        if by_law:
            return Prospect(at_least=False, at_most=False, by_law=by_law)
        may_be_off = any(_within(distance, festival.off) for festival, distance, _ in near)
        may_be_worked = any(_within(distance, festival.worked) for festival, distance, _ in near)
        return Prospect(at_least=works and not may_be_off, at_most=works or may_be_worked)

    def _around(self, day: date) -> list[tuple[date, _Festival]]:
        return [festival for year in (day.year, day.year + 1) if year in self._lunar for festival in self._of(year)]

    def _of(self, year: int) -> list[tuple[date, _Festival]]:
        spring, *short = self._lunar[year]
        fixed = [(date(year, 1, 1), _NEW_YEAR), (date(year, 5, 1), _LABOUR), (date(year, 10, 1), _NATIONAL)]
        return [*fixed, (spring, _SPRING), *zip(short, _SHORT, strict=True)]


def _is_off_by_law(festival: _Festival, distance: int, year: int) -> bool:
    first, last = festival.law
    if year >= _EVE_IS_OFF_SINCE:
        first -= festival is _SPRING
        last += festival is _LABOUR
    return first <= distance <= last


def _within(distance: int, span: tuple[int, int]) -> bool:
    return span[0] <= distance <= span[1]


def load_festivals(path: Path = _FILE) -> Festivals:
    """Read the table of festival days; raises ConfigError where it is not one."""
    try:
        years = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Festivals({int(year): _dates(days) for year, days in years.items()})
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        problem = Problem(place=str(path), key="", message=f"法定节日表读不了：{error}", remedy="从安装包恢复这个文件")
        raise ConfigError([problem]) from error


def _dates(days: list[date]) -> tuple[date, ...]:
    spring, clear, dragon, autumn = days
    if not all(isinstance(day, date) for day in days) or not spring < clear < dragon < autumn:
        raise ValueError(f"不是依次的四个日期：{days}")
    return spring, clear, dragon, autumn

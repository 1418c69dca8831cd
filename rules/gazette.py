"""Reads the State Council's yearly notice as published, and writes it as the file of that year.

The notice says of each festival, in one paragraph, which days are off and which weekend days are worked:

    二、春节：1月28日（农历除夕、周二）至2月4日（农历正月初七、周二）放假调休，共8天。1月26日（周日）、2月8日（周六）上班。

Whatever the notice says of itself is held against it: the weekday behind a date and the number of days. A paragraph that does not read so
is a problem for a person, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from store.errors import ConfigError, Problem
from store.week import is_weekend, weekday

_TITLE = re.compile(r"国务院办公厅关于\s*(20\d\d)\s*年\s*部分节假日\s*安排的\s*通知")
_NUMBER = re.compile(r"国办发明电\s*〔\s*\d{4}\s*〕\s*\d{1,3}\s*号")
_PARAGRAPH = re.compile(r"^\s*[一二三四五六七八九十]{1,3}、\s*([一-鿿、]{2,20}?)[：:](.{1,600})$", re.MULTILINE)
_DAY = re.compile(r"(?:(20\d\d)年)?(?:(\d{1,2})月)?(\d{1,2})日((?:[（(][^（）()]{1,30}[）)])?)")
_RANGE = re.compile(rf"({_DAY.pattern})\s*至\s*({_DAY.pattern})")
_LENGTH = re.compile(r"(?:共|放假)\s*(\d{1,2})\s*天")
_WEEKDAY = re.compile(r"(?:周|星期)([一二三四五六日])")
_GROUPS = 4  # of _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """One festival of a notice: its days off from `first` to `last`, and the weekend days worked in exchange."""

    name: str
    first: date
    last: date
    worked: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gazette:
    """A notice as read."""

    year: int
    title: str
    number: str
    rests: tuple[Rest, ...]


def read_gazette(text: str, place: str) -> Gazette:
    """Return what the notice *text* says; *place* is its file. Raises ConfigError with every line that cannot be relied on."""
    title, number = _TITLE.search(text), _NUMBER.search(text)
    problems = []
    if title is None:
        problems.append(
            Problem(place=place, key="", message="没有找到“国务院办公厅关于××××年部分节假日安排的通知”", remedy="存下通知全文再导入")
        )
    if number is None:
        problems.append(Problem(place=place, key="", message="没有找到文号“国办发明电〔××××〕×号”", remedy="存下通知全文再导入"))
    if title is None or number is None:
        raise ConfigError(problems)
    year = int(title[1])
    rests = []
    for found in _PARAGRAPH.finditer(text):
        line = text.count("\n", 0, found.start(1)) + 1
        try:
            rests.append(_rest(found[1], found[2], year))
        except ValueError as error:
            problems.append(Problem(place=f"{place}:{line}", key=found[1], message=str(error), remedy="对照国务院公报原文"))
    if not rests and not problems:
        problems.append(Problem(place=place, key="", message="没有“一、元旦：……”这样的段落", remedy="存下通知全文再导入"))
    if problems:
        raise ConfigError(problems)
    return Gazette(year=year, title="".join(title[0].split()), number="".join(number[0].split()), rests=tuple(rests))


def to_yaml(gazette: Gazette) -> str:
    """Return the file of the year (see `rules.calendar_file`)."""
    lines = [f"year: {gazette.year}", "notices:", f"  - title: {gazette.title}", f"    number: {gazette.number}", "holidays:"]
    for rest in gazette.rests:
        to = f", to: {rest.last}" if rest.last != rest.first else ""
        work = f", work: [{', '.join(str(day) for day in rest.worked)}]" if rest.worked else ""
        lines.append(f"  - {{name: {rest.name}, from: {rest.first}{to}{work}}}")
    return "\n".join(lines) + "\n"


def _rest(name: str, text: str, year: int) -> Rest:
    """Read one paragraph; raises ValueError (Chinese) where it is not as expected."""
    off, _, rest = text.partition("放假")
    if not rest:
        raise ValueError("没有“放假”二字")
    span = _RANGE.search(off)
    if span:
        first = _date(span.groups()[1 : 1 + _GROUPS], year, 0)
        last = _date(span.groups()[2 + _GROUPS :], first.year, first.month)
    else:
        days = [_date(found.groups(), year, 0) for found in _DAY.finditer(off)]
        if len(days) != 1:
            raise ValueError(f"读不出放假的日期：“{off.strip()}”")
        first = last = days[0]
    _check_length(text, (last - first).days + 1)
    return Rest(name=name, first=first, last=last, worked=tuple(_worked(rest, year)))


def _worked(text: str, year: int) -> Iterator[date]:
    """Yield the days of the sentences that end in 上班."""
    for sentence in text.split("。"):
        if "上班" not in sentence:
            continue
        month = 0
        for found in _DAY.finditer(sentence):
            day = _date(found.groups(), year, month)
            if not is_weekend(day):
                raise ValueError(f"{day} 不是周末，不会是调休上班")
            month = day.month
            yield day


def _date(parts: tuple[str | None, ...], year: int, month: int) -> date:
    """Return a date whose year and month may be left out where the sentence has named them; checks the weekday behind it."""
    said_year, said_month, said_day, note = parts
    number = int(said_month) if said_month else month
    if said_year:
        year = int(said_year)
    elif said_month and month and number < month:  # 2022年12月31日至1月2日
        year += 1
    try:
        day = date(year, number, int(said_day or 0))
    except ValueError:
        raise ValueError(f"没有{year}年{number}月{said_day}日这一天") from None
    said_weekday = _WEEKDAY.search(note or "")
    if said_weekday and said_weekday[1] != weekday(day):
        raise ValueError(f"{day} 是周{weekday(day)}，通知里写的是周{said_weekday[1]}")
    return day


def _check_length(text: str, days: int) -> None:
    said = _LENGTH.search(text)
    if days < 1:
        raise ValueError("放假的最后一天在第一天之前")
    if said and int(said[1]) != days:
        raise ValueError(f"通知写明 {said[1]} 天，起止日期却是 {days} 天")

"""The shape of one year's calendar file; the only module that reads it, and the one that says what is wrong in it.

    year: 2024
    notices: [{title: 国务院办公厅关于2024年部分节假日安排的通知, number: 国办发明电〔2023〕7号}]
    holidays:
      - {name: 春节, from: 2024-02-10, to: 2024-02-17, work: [2024-02-04, 2024-02-18]}

`to` is left out for a single day; `work` are the make-up working days; `by` names the notice where it is not the first one. A notice whose
number is not known has only its title.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import yaml

from store.errors import ConfigError, Problem
from store.trouble import reason
from store.week import is_weekend

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARS = range(1950, 2200)
_LONGEST = 31  # days; a longer holiday is a slip of the pen
_DECEMBER = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDay:
    """One day that a notice made a working day or a day off, and the words that say so."""

    working: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class YearPlan:
    """What one file says: the year it is for, and the days that differ from Monday to Friday (a few may lie in the December before)."""

    year: int
    place: str
    special: Mapping[date, SpecialDay]
    notices: tuple[str, ...] = ()  # as they are cited


def read_year(path: Path) -> YearPlan:
    """Read the file of one year; raises ConfigError with every problem in it, each with its line."""
    page = Page(place=path.name)
    plan = _plan(page, page.root(path), path.stem)
    if page.problems or plan is None:
        raise ConfigError(page.problems)
    return plan


@dataclass(slots=True)
class Page:
    """One YAML file of days while it is read: hands out its nodes, and collects what is wrong with them."""

    place: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, node: yaml.Node | None, key: str, message: str, remedy: str = "") -> None:
        """Note a mistake at *node*; *message* and *remedy* are Chinese."""
        place = f"{self.place}:{node.start_mark.line + 1}" if node else self.place
        self.problems.append(Problem(place=place, key=key, message=message, remedy=remedy))

    def root(self, path: Path) -> yaml.Node | None:
        """Return the top of the file, None (and a problem) where there is none."""
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except OSError as error:
            self.wrong(None, "", f"读不了：{reason(error)}", "检查文件权限")
            return None
        except UnicodeDecodeError:
            self.wrong(None, "", "不是 UTF-8 编码", "另存为 UTF-8")
            return None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{self.place}:{mark.line + 1}" if mark else self.place
            self.problems.append(Problem(place=place, key="", message="不是正确的 YAML", remedy="检查缩进、冒号和括号"))
            return None
        if node is None:
            self.wrong(None, "", "文件是空的")
        return node

    def mapping(self, node: yaml.Node | None, key: str, keys: str) -> dict[str, yaml.Node]:
        """Return the entries of a mapping that may hold *keys* (those marked * must be there)."""
        if not isinstance(node, yaml.MappingNode):
            if node is not None:
                self.wrong(node, key, "这里应是若干“键: 值”")
            return {}
        known = {name.rstrip("*") for name in keys.split()}
        found: dict[str, yaml.Node] = {}
        for name_node, value in node.value:
            name = str(name_node.value)
            if name not in known:
                self.wrong(name_node, _under(key, name), "不认识的键", f"可用：{'、'.join(sorted(known))}")
            elif name in found:
                self.wrong(name_node, _under(key, name), "写了两次")
            found[name] = value
        for name in (name.rstrip("*") for name in keys.split() if name.endswith("*")):
            if name not in found:
                self.wrong(node, _under(key, name), "缺少这一项")
        return found

    def items(self, node: yaml.Node | None, key: str) -> list[tuple[str, yaml.Node]]:
        """Return the items of a list, each with its key."""
        if isinstance(node, yaml.SequenceNode):
            return [(f"{key}.{index}", item) for index, item in enumerate(node.value)]
        if node is not None:
            self.wrong(node, key, "这里应是列表")
        return []

    def text(self, node: yaml.Node | None, key: str) -> str:
        """Return a scalar's text, "" (and a problem) where it is none."""
        if isinstance(node, yaml.ScalarNode) and node.value.strip():
            return str(node.value).strip()
        if node is not None:
            self.wrong(node, key, "这里应是一段文字")
        return ""

    def date(self, node: yaml.Node | None, key: str) -> date | None:
        """Return a date, None (and a problem) where it is none."""
        text = self.text(node, key)
        if _DATE.fullmatch(text):
            with contextlib.suppress(ValueError):  # 2023-02-29
                return date.fromisoformat(text)
        if text:
            self.wrong(node, key, f"“{text}”不是日期", "写成 2024-02-10 的样子")
        return None


def _plan(page: Page, root: yaml.Node | None, stem: str) -> YearPlan | None:
    entries = page.mapping(root, "", "year* notices* holidays*")
    year = _year(page, entries.get("year"), stem)
    notices = _notices(page, entries.get("notices"))
    special: dict[date, SpecialDay] = {}
    for key, node in page.items(entries.get("holidays"), "holidays"):
        for day, what, at in _holiday(page, node, key, notices):
            if year is not None and not _belongs(day, year):
                page.wrong(at, key, f"{day} 不属于{year}年的安排", f"只能是{year}年的日期，或{year - 1}年12月的日期")
            elif day in special:
                page.wrong(at, key, f"{day} 安排了两次")
            special[day] = what
    return None if year is None else YearPlan(year=year, place=page.place, special=special, notices=tuple(notices))


def _year(page: Page, node: yaml.Node | None, stem: str) -> int | None:
    text = page.text(node, "year")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) in _YEARS):
        page.wrong(node, "year", f"“{text}”不是年份")
        return None
    if text != stem:
        page.wrong(node, "year", f"文件名是 {stem}，里面写的是 {text}", "两者应一致")
    return int(text)


def _notices(page: Page, node: yaml.Node | None) -> list[str]:
    """Return how each notice is cited: by its number, or where that is not known by its title."""
    items = page.items(node, "notices")
    if node is not None and not items:
        page.wrong(node, "notices", "至少写明一个放假通知")
    cited = []
    for key, item in items:
        entries = page.mapping(item, key, "title* number")
        title = page.text(entries.get("title"), f"{key}.title")
        cited.append(page.text(entries.get("number"), f"{key}.number") or f"《{title}》")
    return cited


def _holiday(page: Page, node: yaml.Node, key: str, notices: list[str]) -> list[tuple[date, SpecialDay, yaml.Node]]:
    entries = page.mapping(node, key, "name* from* to work by")
    name = page.text(entries.get("name"), f"{key}.name")
    by = page.text(entries.get("by"), f"{key}.by")
    if by and by not in notices:
        page.wrong(entries["by"], f"{key}.by", f"notices 里没有“{by}”")
    notice = by or (notices[0] if notices else "")
    off = SpecialDay(working=False, why=f"{name}放假（{notice}）")
    made_up = SpecialDay(working=True, why=f"{name}调休上班（{notice}）")
    days = [(day, off, node) for day in span(page, entries, key)]
    for work_key, item in page.items(entries.get("work"), f"{key}.work"):
        day = page.date(item, work_key)
        if day is not None and not is_weekend(day):
            page.wrong(item, work_key, f"{day} 本来就是工作日（周一至周五）", "调休上班的应是周六或周日")
        elif day is not None:
            days.append((day, made_up, item))
    return days


def span(page: Page, entries: Mapping[str, yaml.Node], key: str) -> list[date]:
    """Return the days off from `from` to `to`, both included."""
    first = page.date(entries.get("from"), f"{key}.from")
    last = page.date(entries["to"], f"{key}.to") if "to" in entries else first
    if first is None or last is None:
        return []
    length = (last - first).days + 1
    if not 0 < length <= _LONGEST:
        page.wrong(entries.get("to"), f"{key}.to", f"从 {first} 到 {last} 不成一个假期", f"应为 1 至 {_LONGEST} 天")
        return []
    return [first + timedelta(days=n) for n in range(length)]


def _belongs(day: date, year: int) -> bool:
    return day.year == year or (day.year == year - 1 and day.month == _DECEMBER)


def _under(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name

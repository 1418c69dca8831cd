"""A district's own days on top of the State Council's: offices closed, open on a rest day, or closing early. Reads and checks that file.

    closures:
      - {name: 区政府停电检修, from: 2025-03-03, to: 2025-03-04, by: 区政府办通知〔2025〕3号}
      - {name: 暴雨红色预警, from: 2025-07-02, by: 区防汛办通告, emergency: true}
    half_days:
      - {name: 搬迁, date: 2025-02-12, closes: "12:00", by: 区政务服务局通知}
    open_days:
      - {name: 专场服务, date: 2025-03-08, by: 区政府办通知}

Every entry names who ordered it (`by`): a day nobody answers for moves nobody's deadline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path

import yaml

from rules.calendar_file import Page, SpecialDay, span
from store.errors import ConfigError

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What a district's file says: days that differ, and on which days the office closes early."""

    special: Mapping[date, SpecialDay] = field(default_factory=dict)
    closes: Mapping[date, time] = field(default_factory=dict)


def read_overlay(path: Path) -> Overlay:
    """Read a district's file, an empty overlay where there is none; raises ConfigError with every problem in it."""
    if not path.exists():
        return Overlay()
    page = Page(place=path.name)
    root = page.root(path)
    entries = page.mapping(root, "", "closures half_days open_days")
    special: dict[date, SpecialDay] = {}
    closes: dict[date, time] = {}
    for key, node in page.items(entries.get("closures"), "closures"):
        _put(page, node, key, special, _closure(page, node, key))
    for key, node in page.items(entries.get("half_days"), "half_days"):
        day, closing, what = _half_day(page, node, key)
        if day and closing:
            _put(page, node, key, special, {day: what})
            closes[day] = closing
    for key, node in page.items(entries.get("open_days"), "open_days"):
        _put(page, node, key, special, _open_day(page, node, key))
    if page.problems:
        raise ConfigError(page.problems)
    return Overlay(special=special, closes=closes)


def time_of_day(text: str) -> time | None:
    """Return a time written as 9:00 or 17:30, None where *text* is none."""
    found = _TIME.fullmatch(text)
    return time(int(found[1]), int(found[2])) if found else None


def _put(page: Page, node: yaml.Node, key: str, special: dict[date, SpecialDay], more: Mapping[date, SpecialDay]) -> None:
    for day in sorted(special.keys() & more.keys()):
        page.wrong(node, key, f"{day} 安排了两次")
    special |= more


def _closure(page: Page, node: yaml.Node, key: str) -> dict[date, SpecialDay]:
    entries = page.mapping(node, key, "name* from* to by* emergency")
    emergency = page.text(entries.get("emergency"), f"{key}.emergency")
    if emergency not in {"", "true", "false"}:
        page.wrong(entries["emergency"], f"{key}.emergency", "这里只能写 true 或 false")
    what = "临时停止办公" if emergency == "true" else "本区不办公"
    day_off = SpecialDay(working=False, why=_why(page, entries, key, what))
    return dict.fromkeys(span(page, entries, key), day_off)


def _half_day(page: Page, node: yaml.Node, key: str) -> tuple[date | None, time | None, SpecialDay]:
    entries = page.mapping(node, key, "name* date* closes* by*")
    text = page.text(entries.get("closes"), f"{key}.closes")
    closing = time_of_day(text)
    if text and closing is None:
        page.wrong(entries["closes"], f"{key}.closes", f"“{text}”不是时刻", '写成 "12:00" 的样子')
    what = SpecialDay(working=True, why=_why(page, entries, key, f"半日办公，{text} 下班"))
    return page.date(entries.get("date"), f"{key}.date"), closing, what


def _open_day(page: Page, node: yaml.Node, key: str) -> dict[date, SpecialDay]:
    entries = page.mapping(node, key, "name* date* by*")
    day = page.date(entries.get("date"), f"{key}.date")
    return {day: SpecialDay(working=True, why=_why(page, entries, key, "本区照常办公"))} if day else {}


def _why(page: Page, entries: Mapping[str, yaml.Node], key: str, what: str) -> str:
    name = page.text(entries.get("name"), f"{key}.name")
    by = page.text(entries.get("by"), f"{key}.by")
    return f"{name}，{what}（{by}）"

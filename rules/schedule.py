"""schedule.yaml of a pack: which sessions and activities the district's document plans, when, by whom, with whom.

    note: “坐诊”时间为初定，以最终发布时间为准。
    entries:
      - what: 坐诊接诉                   # one session whose document names the month only
        sort: session
        key: 2024年第2期
        theme: 电子信息制造与数字经济产业
        month: 2024-10
        host: kfq
        with: [fgj, kgj]                # or {group: 区级各有关部门（含省、市垂管部门）}
        basis: 附件6
      - what: 全科会诊                   # again and again
        every: quarter
        between: [11, 20]               # of the period's last month, or of `months: [3, 9]`; or else `on: [10, 25]`
        from: 2026-05-27
        host: coordinator
        basis: 一（一）
      - what: 企业接待日
        every: half_month
        on: [10, 25]
        shift: next                     # on a rest day the next working day, or the previous one
        host: {owing: reception_day}    # whoever owes that kind of deadline

What is owed once in each period, whichever day it is done, stands as `every` among the deadlines (`rules.deadline_kinds`); a calendar shows both.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast, get_args

from rules.deadline_kinds import Every, Kind
from rules.language import POLICY
from rules.moments import Hours, read_date, read_hours
from rules.packfiles import Items, Node, Reader, Scalar, Table, meant
from store.owing import SubjectSort

Shift = Literal["none", "next", "previous"]

COORDINATOR = ""  # whose it is, where it is no department's
_WHEN = ("day", "days", "month", "every")
_OF_EVERY = ("on", "between", "months", "shift", "from", "until")
_KEYS = ("what", "sort", "key", "theme", "place", "hours", "host", "with", "basis", "ahead", *_WHEN, *_OF_EVERY)
_SORTS = {sort.value: sort for sort in (SubjectSort.SESSION, SubjectSort.ACTIVITY)}
_MONTH = re.compile(r"([12]\d{3})-(0[1-9]|1[0-2])")
_LONGEST, _AHEAD, _MOST_AHEAD, _LAST_DAY, _LAST_MONTH = 120, 30, 366, 31, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When something recurs: in each period on days of a month, or on a day between two of them that is not known.

    The month is each of `months` (1 to 12) that lies in the period; where there are none, the period's last.
    """

    every: Every
    on: tuple[int, ...] = ()  # days of the month; one the month does not have is its last
    between: tuple[int, int] | None = None
    months: tuple[int, ...] = ()
    shift: Shift = "none"
    since: date = date.min
    until: date = date.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that the district's document plans. Exactly one of `days`, `month` (its first day) and `rule` says when.

    `hosts` are departments, each of which holds it for itself, `COORDINATOR` among them for the coordinator; none where the document names
    them in an annex that is not filled in. `company` are departments that take part, `group` what the document says instead of naming them.
    `ahead` is how many days before its first possible day it is announced.
    """

    what: str
    sort: SubjectSort
    key: str
    theme: str
    place: str
    hours: Hours | None
    basis: str
    hosts: tuple[str, ...]
    company: tuple[str, ...]
    group: str
    ahead: int
    days: tuple[date, ...] = ()
    month: date | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What schedule.yaml says; `note` stands under every calendar that is drawn from it."""

    entries: tuple[Entry, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the rest of the pack knows: departments by id with their names, the coordinator's name, kinds of deadlines, articles."""

    departments: Mapping[str, str]
    coordinator: str
    kinds: Mapping[str, Kind]
    articles: Collection[str]


def read_schedule(root: Node, around: Around, reader: Reader) -> Schedule:
    """Return what the file says; its mistakes go to the reader's problems."""
    entries = reader.table(root, ("note", "entries"), ("entries",))
    found: dict[str, Entry] = {}
    for node in reader.items(entries["entries"], what="场次、活动") if "entries" in entries else ():
        entry = _Reading(node, around, reader).entry()
        if entry is not None and found.setdefault(entry.key, entry) is not entry:
            reader.problems.add(node, f"名称“{entry.key}”写了两次", "每项的 key 各不相同；没有写 key 的，what 各不相同")
    note = reader.text(entries["note"]) if "note" in entries else ""
    return Schedule(entries=tuple(found.values()), note=note or "")


def owners_of(kind: Kind, departments: Mapping[str, str], coordinator: str) -> tuple[str, ...]:
    """Return who owes *kind* in each period: the departments that it names, else all but the coordinator's own, or `COORDINATOR`."""
    if kind.owes == "coordinator":
        return (COORDINATOR,)
    if kind.owed_by is not None:
        return kind.owed_by
    return tuple(id_ for id_, name in departments.items() if name != coordinator)


class _Reading:
    """Reads one entry."""

    def __init__(self, node: Node, around: Around, reader: Reader) -> None:
        self._node, self._around, self._reader = node, around, reader
        self._entries = reader.table(node, _KEYS, ("what", "host"))

    def entry(self) -> Entry | None:
        what, said = self._text("what"), self._when()
        if not what or said is None:
            return None
        days, month, rule = said
        company, group = self._company()
        sort = self._choice("sort", tuple(_SORTS), "种类") or SubjectSort.ACTIVITY.value
        return Entry(
            what=what,
            sort=_SORTS[sort],
            key=self._text("key") or what,
            theme=self._text("theme"),
            place=self._text("place"),
            hours=read_hours(self._entries["hours"], self._reader) if "hours" in self._entries else None,
            basis=self._basis(),
            hosts=self._hosts(),
            company=company,
            group=group,
            ahead=self._integer("ahead", 0, _MOST_AHEAD, _AHEAD),
            days=days,
            month=month,
            rule=rule,
        )

    # ------------------------------------------------------------ when

    def _when(self) -> tuple[tuple[date, ...], date | None, Rule | None] | None:
        said = [key for key in _WHEN if key in self._entries]
        if len(said) != 1:
            wrong = f"{'、'.join(said)} 只能写一个" if said else "没有写什么时候"
            remedy = "day: 2024-09-27（哪天）、days: [……]（哪几天）、month: 2024-09（只知道哪月）、every: quarter（每季度），写一个"
            self._wrong(self._node, wrong, remedy)
            return None
        if said != ["every"] and (extra := [key for key in _OF_EVERY if key in self._entries]):
            self._wrong(self._entries[extra[0]], f"{extra[0]} 只用于反复举行的", "写 every: ……，或删去")
        match said:
            case ["every"]:
                rule = self._rule()
                return ((), None, rule) if rule else None
            case ["month"]:
                month = self._month(self._entries["month"])
                return ((), month, None) if month else None
            case _:
                days = self._days(self._entries[said[0]])
                return (days, None, None) if days else None

    def _rule(self) -> Rule | None:
        every = self._choice("every", get_args(Every), "周期")
        if every is None:
            return None
        if ("on" in self._entries) == ("between" in self._entries):
            self._wrong(
                self._node,
                "没有写在每期的哪一天",
                "on: [10, 25]（几日）或 between: [11, 20]（几日至几日之间），写一个；哪天都行的，写成 pack.yaml 里 every 的时限",
            )
            return None
        on, between = self._numbers("on"), self._numbers("between")
        if "between" in self._entries and (len(between) != 2 or between[0] > between[1]):  # noqa: PLR2004 - from and to
            self._wrong(self._entries["between"], "应是两个日子，先早后晚", "例如 between: [11, 20]")
            return None
        if between and "shift" in self._entries:
            self._wrong(self._entries["shift"], "写了 between 的不必顺延", "删去 shift")
        return Rule(
            every=cast("Every", every),
            on=tuple(sorted(set(on))),
            between=(between[0], between[1]) if between else None,
            months=self._numbers("months", _LAST_MONTH),
            shift=cast("Shift", self._choice("shift", get_args(Shift), "顺延") or "none"),
            since=self._date("from") or date.min,
            until=self._date("until") or date.max,
        )

    def _numbers(self, key: str, most: int = _LAST_DAY) -> tuple[int, ...]:
        if key not in self._entries:
            return ()
        node = self._entries[key]
        items = (node,) if isinstance(node, Scalar) else self._reader.items(node, what="几日")
        return tuple(number for item in items if (number := self._reader.integer(item, 1, most)) is not None)

    def _days(self, node: Node) -> tuple[date, ...]:
        items = self._reader.items(node, what="日期") if isinstance(node, Items) else (node,)
        return tuple(sorted({day for item in items if (day := read_date(item, self._reader)) is not None}))

    def _date(self, key: str) -> date | None:
        return read_date(self._entries[key], self._reader) if key in self._entries else None

    def _month(self, node: Node) -> date | None:
        text = self._reader.text(node)
        found = _MONTH.fullmatch(text or "")
        if found:
            return date(int(found[1]), int(found[2]), 1)
        if text is not None:
            self._wrong(node, f"“{text}”不是月份", "写成 2024-09 的样子")
        return None

    # ------------------------------------------------------------ who

    def _hosts(self) -> tuple[str, ...]:
        node = self._entries.get("host")
        if node is None or (isinstance(node, Items) and not node.items):
            return ()
        if isinstance(node, Table):
            return self._owing(node)
        if isinstance(node, Scalar) and node.text == "coordinator":
            return (COORDINATOR,)
        if isinstance(node, Scalar) and node.text == "all":
            return tuple(id_ for id_, name in self._around.departments.items() if name != self._around.coordinator)
        return self._reader.several(node, self._department, what="部门代号")

    def _owing(self, node: Node) -> tuple[str, ...]:
        """Read `{owing: 时限代号}`: whoever owes it in each period."""
        entries = self._reader.table(node, ("owing",), ("owing",))
        name = self._reader.text(entries["owing"]) if "owing" in entries else None
        if name is None:
            return ()
        kinds = {id_: kind for id_, kind in self._around.kinds.items() if kind.every}
        if name not in kinds:
            self._wrong(entries["owing"], f"没有名为“{name}”的每期一次的时限", meant(name, kinds) or "在 pack.yaml 的 deadlines.kinds 里写")
            return ()
        return owners_of(kinds[name], self._around.departments, self._around.coordinator)

    def _company(self) -> tuple[tuple[str, ...], str]:
        node = self._entries.get("with")
        if node is None:
            return (), ""
        if not isinstance(node, Table):
            return self._reader.several(node, self._department, what="部门代号"), ""
        entries = self._reader.table(node, ("group",), ("group",))
        return (), (self._reader.text(entries["group"]) or "") if "group" in entries else ""

    def _department(self, node: Node) -> str | None:
        return self._reader.choice(node, self._around.departments, "部门")

    # ------------------------------------------------------------ plain

    def _basis(self) -> str:
        if "basis" not in self._entries:
            return POLICY
        articles = (*self._around.articles, POLICY)
        return self._choice("basis", articles, "条款") or POLICY

    def _choice(self, key: str, known: Collection[str], what: str) -> str | None:
        return self._reader.choice(self._entries[key], known, what) if key in self._entries else None

    def _text(self, key: str) -> str:
        return (self._reader.text(self._entries[key], longest=_LONGEST) or "") if key in self._entries else ""

    def _integer(self, key: str, low: int, high: int, default: int) -> int:
        value = self._reader.integer(self._entries[key], low, high) if key in self._entries else None
        return default if value is None else value

    def _wrong(self, node: Node, message: str, remedy: str) -> None:
        self._reader.problems.add(node, message, remedy)

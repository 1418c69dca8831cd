"""Reads what a rule does, `then`, and the small things that conditions and effects are both written with: known names, days, articles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from rules.directories import NAME, NAME_RULE
from rules.language import CLASSES, LEVELS, Then
from rules.packfiles import Node, Reader, Table

_VERDICTS = ("not_a_case", "follow_up", "supplement", "refuse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the other files of the pack name; None where such a file could not be read, so that its names go unchecked."""

    lists: Collection[str] | None
    departments: Collection[str] | None
    grounds: Collection[int] | None
    articles: Collection[str] | None
    supplements: Collection[str] | None


def known_name(node: Node, known: Collection[str] | None, what: str, reader: Reader) -> str | None:
    """Return the name at *node*, None with a problem where it is no known *what* (Chinese); unchecked where *known* is None."""
    value = reader.text(node)
    if value is not None and known is not None and value not in known:
        reader.problems.unknown(node, what, value, known)
        return None
    return value


def read_day(node: Node, reader: Reader) -> int | None:
    """Return a day written as 2025-01-31 as the number 20250131."""
    value = reader.text(node)
    if value is None:
        return None
    try:
        return int(f"{date.fromisoformat(value):%Y%m%d}")
    except ValueError:
        reader.problems.add(node, f"“{value}”不是日期", "写成 2025-01-31 的样子")
        return None


def document_article(document: str, article: str) -> str:
    """Return how an article of a document other than the district's own is cited."""
    return f"《{document}》{article}"


def read_then(node: Node, known: Known, reader: Reader) -> Then:
    """Return what `then` says; its mistakes go to the problems of *reader*."""
    return _EffectReader(known, reader).read(node)


class _EffectReader:
    """Reads the effects of one rule."""

    def __init__(self, known: Known, reader: Reader) -> None:
        self._known = known
        self._reader = reader
        self._problems = reader.problems

    def read(self, node: Node) -> Then:
        entries = self._reader.table(node, tuple(Then.__dataclass_fields__))
        if isinstance(node, Table) and not set(entries) - {"weight", "final", "advice"}:
            self._problems.add(node, "规则没有效果", "写上 route、refuse、conclude、review 等至少一项")
        self._check_effects(node, entries)
        read = self._reader
        return Then(
            conclude=read.several(entries["conclude"], self._conclusion, what="结论") if "conclude" in entries else (),
            not_a_case=read.text(entries["not_a_case"], longest=30) if "not_a_case" in entries else None,
            supplement=read.several(entries["supplement"], self._supplement, what="补正项") if "supplement" in entries else (),
            refuse=self._ground(entries["refuse"]) if "refuse" in entries else None,
            advice=self._department(entries["advice"]) if "advice" in entries else None,
            route=self._department(entries["route"]) if "route" in entries else None,
            weight=(read.number(entries["weight"], 0.1, 100) if "weight" in entries else None) or 1.0,
            accompany=read.several(entries["accompany"], self._department, what="部门") if "accompany" in entries else (),
            topic=read.text(entries["topic"], longest=40) if "topic" in entries else None,
            level=read.choice(entries["level"], LEVELS, "级别") if "level" in entries else None,
            classes=self._classes(entries["classes"]) if "classes" in entries else (),
            review=read.text(entries["review"], longest=200) if "review" in entries else None,
            **{key: self._only_true(entries[key]) for key in ("final", "follow_up", "duplicate", "urgent") if key in entries},
        )

    def _only_true(self, node: Node) -> bool:
        if self._reader.flag(node) is False:
            self._problems.add(node, "写 false 没有作用", "去掉这一项")
        return True

    def _classes(self, node: Node) -> tuple[str, ...]:
        every = [name for pair in CLASSES for name in pair]
        named = self._reader.several(node, lambda item: self._reader.choice(item, every, "类别"), what="类别")
        for one, other in CLASSES:
            if one in named and other in named:
                self._problems.add(node, f"不能既是{one}又是{other}", "留下一个")
        return tuple(name for name in every if name in named)

    def _department(self, node: Node) -> str | None:
        return known_name(node, self._known.departments, "部门编号", self._reader)

    def _conclusion(self, node: Node) -> str | None:
        return self._reader.name(node, NAME, NAME_RULE)

    def _supplement(self, node: Node) -> str | None:
        return known_name(node, self._known.supplements, "补正项", self._reader)

    def _ground(self, node: Node) -> int | None:
        number = self._reader.integer(node, 1, 99)
        if number is None or self._known.grounds is None or number in self._known.grounds:
            return number
        self._problems.add(node, f"grounds.yaml 里没有情形 {number}", f"可以写：{'、'.join(map(str, self._known.grounds))}")
        return None

    def _check_effects(self, node: Node, entries: Mapping[str, Node]) -> None:
        verdicts = [key for key in _VERDICTS if key in entries]
        if len(verdicts) > 1:
            self._problems.add(node, f"一条规则不能同时 {'、'.join(verdicts)}", "分成两条规则")
        if "follow_up" in entries and "duplicate" in entries:
            self._problems.add(node, "一条规则不能同时 follow_up、duplicate", "分成两条规则")
        for key, partners in {"weight": ("route",), "advice": ("refuse",), "final": ("refuse", "not_a_case")}.items():
            if key in entries and not any(partner in entries for partner in partners):
                self._problems.add(entries[key], f"{key} 只能与 {' 或 '.join(partners)} 一起写", f"去掉 {key}，或加上它们之一")

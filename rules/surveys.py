"""What enterprises are asked by mail, and how their answers are counted: a pack's `surveys` (晋宁 二（二）2（4）). Reads no clock.

| key | meaning | default |
|---|---|---|
| surveys.NAME | a survey by its name | none |
| surveys.NAME.of | the activity as which it is kept, such as 民营企业评价 | its name |
| surveys.NAME.asks | what is asked of, one mark each; without any, free words are asked for (征求意见) | none |
| surveys.NAME.scale | the marks, the best first | 满意, 基本满意, 不满意 |
| surveys.NAME.days | for so many days answers are taken | 20 |
| surveys.NAME.basis | the article | 本区规则包设定 |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rules.language import POLICY
from rules.packfiles import Node, Reader

_KEYS = ("of", "asks", "scale", "days", "basis")
_SCALE = ("满意", "基本满意", "不满意")
_DAYS, _MOST_DAYS, _MOST, _LONGEST = 20, 120, 12, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One survey; what each means stands above."""

    name: str
    of: str
    asks: tuple[str, ...] = ()
    scale: tuple[str, ...] = _SCALE
    days: int = _DAYS
    basis: str = POLICY


def read_surveys(node: Node, articles: Collection[str], reader: Reader) -> Mapping[str, Survey]:
    """Return what `surveys` under *node* says, by name; its mistakes go to the reader's problems."""
    found = {}
    for name, value in reader.any_table(node).items():
        entries = reader.table(value, _KEYS)
        of = reader.text(entries["of"], longest=_LONGEST) if "of" in entries else None
        days = reader.integer(entries["days"], 1, _MOST_DAYS) if "days" in entries else None
        basis = reader.choice(entries["basis"], (*articles, POLICY), "条款") if "basis" in entries else None
        asks, scale = _words("asks", entries, reader), _words("scale", entries, reader)
        found[name] = Survey(name=name, of=of or name, asks=asks, scale=scale or _SCALE, days=days or _DAYS, basis=basis or POLICY)
    return found


def _words(key: str, entries: Mapping[str, Node], reader: Reader) -> tuple[str, ...]:
    if key not in entries:
        return ()
    words = reader.several(entries[key], lambda one: reader.text(one, longest=_LONGEST), what="词")
    if len(set(words)) != len(words) or len(words) > _MOST:
        reader.problems.add(entries[key], f"{key} 有重复的，或多于 {_MOST} 项", "每项写一次")
    return words

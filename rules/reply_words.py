"""The words by which replies are read: reply_words.yaml of the product, and what a pack's file of that name adds to them.

sets:
  办好: [办妥, 办好]                          # a list of words that phrases name: <办好>
acts:
  acknowledge: [已签收, 已（全部）收到]      # phrases as in `store.model.reply.ReplyWords`
  answer.solved: [<问题>已<办好>]
parts:
  subjects: [我街道]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from rules.packfiles import Node, Problems, Reader, read_yaml
from store.errors import ConfigError
from store.model.reply import ACTS, PARTS, SLOTS, ReplyWords

_PRODUCT = Path(__file__).with_name("reply_words.yaml")
_LONGEST, _LONGEST_WORD = 2_000, 60
_SLOT = re.compile(r"<([^<>]*)>")
_OPTION = re.compile(r"（[^（）]*）")
_PAIRS = {"（": "）", "《": "》"}


@cache
def product_words() -> ReplyWords:
    """Return the officialese that is the same everywhere. Raises ConfigError where the product's own file is broken."""
    problems = Problems()
    root = read_yaml(_PRODUCT.read_bytes(), _PRODUCT.name, problems)
    words = _read(root, Reader(problems), {}) if root is not None else ReplyWords()
    if problems.found:
        raise ConfigError(problems.found)
    return words


def read_reply_words(root: Node | None, reader: Reader) -> ReplyWords:
    """Return the product's words and those that the file of a pack adds; without a file the product's alone."""
    product = product_words()
    if root is None:
        return product
    own = _read(root, reader, product.sets)
    return ReplyWords(
        sets={name: (*product.sets.get(name, ()), *own.sets.get(name, ())) for name in (*product.sets, *own.sets)},
        acts={act: (*product.acts.get(act, ()), *own.acts.get(act, ())) for act in ACTS},
        parts={part: (*product.parts.get(part, ()), *own.parts.get(part, ())) for part in PARTS},
    )


def _read(root: Node, reader: Reader, known: Mapping[str, tuple[str, ...]]) -> ReplyWords:
    """Return what one file says; *known* are lists of words that its phrases may name beside its own."""

    def words(node: Node) -> tuple[str, ...]:
        return reader.several(node, lambda item: reader.text(item, longest=_LONGEST_WORD), what="词")

    entries = reader.table(root, ("sets", "acts", "parts"))
    sets = {name: words(node) for name, node in reader.any_table(entries["sets"]).items()} if "sets" in entries else {}
    slots = (*SLOTS, *known, *sets)
    acts = reader.table(entries["acts"], ACTS) if "acts" in entries else {}
    parts = reader.table(entries["parts"], tuple(PARTS)) if "parts" in entries else {}
    return ReplyWords(
        sets=sets,
        acts={act: reader.several(node, lambda item: _phrase(item, slots, reader), what="说法") for act, node in acts.items()},
        parts={part: words(node) for part, node in parts.items()},
    )


def _phrase(node: Node, slots: Collection[str], reader: Reader) -> str | None:
    """Return a phrase whose brackets are in pairs, whose slots are known, and that says something."""
    text = reader.text(node, longest=_LONGEST)
    if text is None:
        return None
    unknown = next((slot for slot in _SLOT.findall(text) if slot not in slots), None)
    if unknown is not None:
        reader.problems.unknown(node, "空位或词表", unknown, slots)
    elif not _is_balanced(_SLOT.sub("", text)):
        reader.problems.add(node, f"“{text}”里的括号不成对", "可有可无写（甲/乙），必有其一写《甲/乙》，空位写<天数>")
    elif not _without_options(text).strip("，：/"):
        reader.problems.add(node, f"“{text}”什么都可以不写，任何话都会算作指令", "至少写一个必有的词")
    else:
        return text
    return None


def _without_options(text: str) -> str:
    """Return *text* without its optional parts, from the innermost."""
    shorter = _OPTION.sub("", text)
    return shorter if shorter == text else _without_options(shorter)


def _is_balanced(text: str) -> bool:
    open_: list[str] = []
    for char in text:
        if char in _PAIRS:
            open_.append(_PAIRS[char])
        elif char in "）》<>" and (not open_ or open_.pop() != char):
            return False
    return not open_

"""Lays a rule file out evenly without touching what it says: spaces, blank lines and the end of the file; comments and quotes stay.

Only the space between tokens is rewritten, and a file whose meaning would change by that (there is no such known) is left as it is.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import yaml

from rules.packfiles import Items, Node, Problems, Scalar, Table, decode, read_yaml

_ITEM = re.compile(r"- \S")


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replace the characters [start, end) by `text`."""

    start: int
    end: int
    text: str


def formatted(raw: bytes, name: str) -> str | None:
    """Return the file laid out, None where it cannot be read as YAML."""
    problems = Problems()
    before = read_yaml(raw, name, problems)
    text = decode(raw, name, problems)
    if before is None or text is None or problems.found:
        return None
    even = _blank_lines(_trimmed(_spaced(text)), by_item=name.partition("/")[0] == "rules")
    after = read_yaml(even.encode(), name, Problems())
    return even if after is not None and _same(before, after) else text


def _spaced(text: str) -> str:
    """Return *text* with one space after `,` and `:`, none inside brackets, at least two before a comment at the end of a line."""
    tokens = [token for token in yaml.scan(text) if token.end_mark.index > token.start_mark.index]
    edits: list[_Edit] = []
    for one, other in itertools.pairwise(tokens):
        gap = text[one.end_mark.index : other.start_mark.index]
        if gap.strip(" \t") or isinstance(other, yaml.FlowEntryToken | yaml.ValueToken):
            continue  # a line end or a comment between them, or a sign that stays where it is
        wanted = _gap(one, other)
        if wanted is not None and gap != wanted:
            edits.append(_Edit(one.end_mark.index, other.start_mark.index, wanted))
    edits += _before_comments(text, tokens)
    for edit in sorted(edits, key=lambda edit: -edit.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _gap(one: yaml.Token, other: yaml.Token) -> str | None:
    """Return what stands between two tokens of one line, None where it stays as it is."""
    if isinstance(one, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
        return ""
    if isinstance(other, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
        return ""
    return " " if isinstance(one, yaml.FlowEntryToken | yaml.ValueToken) else None


def _before_comments(text: str, tokens: list[yaml.Token]) -> list[_Edit]:
    """Return edits that set a comment behind a value at least two spaces off; comments set in columns stay so."""
    last: dict[int, int] = {}
    for token in tokens:
        if token.end_mark.column:
            last[token.end_mark.line] = max(last.get(token.end_mark.line, 0), token.end_mark.index)
    return [_Edit(end, end + 1, "  ") for end in last.values() if text[end : end + 2] == " #"]


def _trimmed(text: str) -> str:
    """Return *text* without white space at line ends, unless a block of text (`|`, `>`) might mean it."""
    if re.search(r"[|>][+-]?\d?[ \t]*(#.*)?$", text, re.MULTILINE):
        return text
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _blank_lines(text: str, *, by_item: bool) -> str:
    """Return *text* without blank lines in a row; with *by_item* exactly one before each item of the list and the comments that lead it."""
    lines: list[str] = []
    for line in text.strip("\n").split("\n"):
        if line or (lines and lines[-1]):
            lines.append(line)
    if not by_item:
        return "\n".join(lines) + "\n"
    spread: list[str] = []
    for line in lines:
        if _ITEM.match(line):
            at = len(spread)
            while at and spread[at - 1].startswith("#"):
                at -= 1
            if at and spread[at - 1]:
                spread.insert(at, "")
        spread.append(line)
    return "\n".join(spread) + "\n"


def _same(one: Node, other: Node) -> bool:
    """Tell whether two trees say the same, wherever they stand."""
    match one, other:
        case Scalar(), Scalar():
            return (one.text, one.plain) == (other.text, other.plain)
        case Items(), Items():
            return len(one.items) == len(other.items) and all(map(_same, one.items, other.items))
        case Table(), Table():
            return list(one.entries) == list(other.entries) and all(map(_same, one.entries.values(), other.entries.values()))
    return False

"""Looks at a pack for what loads and is yet probably not meant: the frame of the checks, their findings, and comments that silence them.

The checks themselves stand in `checks_rules`, `checks_words`, `checks_directories` and `checks_deadlines`; each is described, with a bad and a good example
that are run as tests, in docs/reference/规则检查.md.

A finding is silenced by a comment with a reason, on its line or on a line of its own directly above:

    # lint: ZZ115 合同常隔一页才提到对方
    - rule: …

`# lint-file: ZZ105 理由` anywhere in a file silences a check for the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from rules.packfiles import Items, Node, Problems, Scalar, Table, decode, read_yaml
from rules.rulebook import RuleBook
from store.errors import Problem

Found: TypeAlias = tuple[str, str, str, str]


class Severity(StrEnum):
    """How sure a check is that something is wrong: an error surely is, a warning probably, a hint may be meant so."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. `place` is file:line, `about` names the rule, list or department, `message` and `remedy` are Chinese."""

    check: str
    severity: Severity
    place: str
    about: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """In how many of `total` petitions of the past each list was found; a list that is left out was found in none."""

    total: int
    found: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is looked at. `mailboxes` are the departments with an address, None where nobody said; `label` leads the places."""

    book: RuleBook
    label: str
    today: date
    mailboxes: Collection[str] | None = None
    history: History | None = None

    @cached_property
    def places(self) -> Places:
        """Where lists, words and directory entries stand."""
        return Places(self.book.files, self.label)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `find` yields what it finds as (place, about, message, remedy)."""

    id: str
    title: str
    severity: Severity
    find: Callable[[Subject], Iterator[Found]]
    needs: str  # "mailboxes" or "history": what must be known besides the pack, "" if nothing
    summed: bool  # it finds the same of many entries before anybody has filled them in: people are told how many, and which when they ask


CHECKS: dict[str, Check] = {}
LOAD, NO_REASON, UNUSED, UNKNOWN = "ZZ001", "ZZ901", "ZZ902", "ZZ903"
TITLES = {LOAD: "规则包读不进来", NO_REASON: "忽略提示却没有写理由", UNUSED: "忽略的提示并不存在", UNKNOWN: "忽略了不存在的检查"}

_Finder: TypeAlias = Callable[[Subject], Iterator[Found]]


def check(id_: str, title: str, severity: Severity, *, needs: str = "", summed: bool = False) -> Callable[[_Finder], _Finder]:
    """Register a function as the check *id_*."""

    def register(find: _Finder) -> _Finder:
        CHECKS[id_] = Check(id_, title, severity, find, needs, summed)
        return find

    return register


def lint(subject: Subject) -> list[Finding]:
    """Return what every check that can be made finds and no comment silences, by place; of files taken from another pack it is told there."""
    made = [one for one in CHECKS.values() if not one.needs or getattr(subject, one.needs) is not None]
    raw = [
        Finding(check=one.id, severity=one.severity, place=place, about=about, message=message, remedy=remedy)
        for one in made
        for place, about, message, remedy in one.find(subject)
    ]
    taken = {f"{subject.label}/{name}" for name in subject.book.taken}
    found = _silence(raw, _comments(subject.book.files, subject.label), {one.id for one in made})
    return _sorted(finding for finding in found if _split(finding.place)[0] not in taken)


def from_problems(problems: Iterable[Problem]) -> list[Finding]:
    """Return the mistakes for which a pack does not load as findings."""
    return [
        Finding(check=LOAD, severity=Severity.ERROR, place=one.place, about=one.key, message=one.message, remedy=one.remedy)
        for one in problems
    ]


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    def key(finding: Finding) -> tuple[str, int, str]:
        file, line = _split(finding.place)
        return file, line, finding.check

    return sorted(findings, key=key)


def _split(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return (file, int(line)) if line.isdigit() else (place, 0)


# ---------------------------------------------------------------- where things stand


class Places:
    """Where the things of a pack stand, as file:line; a thing that cannot be found stands at its file."""

    def __init__(self, files: Mapping[str, bytes], label: str) -> None:
        """Read the YAML *files* once more for their lines."""
        self._label = label
        self.lists: dict[str, str] = {}
        self._words: dict[tuple[str, str], str] = {}
        self._directory: dict[str, str] = {}
        self._settings: dict[str, str] = {}
        self.plain: list[tuple[str, str, str]] = []  # of lists of words, each without quotation marks: place, whose list, word
        for name, raw in files.items():
            if name.startswith("wording/") or (root := read_yaml(raw, f"{label}/{name}", Problems())) is None:
                continue
            if name.startswith("lists/"):
                self._take_lists(root)
            elif name in {"departments.yaml", "grounds.yaml"}:
                self._take_directory(root)
            if name.startswith("lists/") or name in {"departments.yaml", "homophones.yaml"}:
                self.plain.extend(_plain(root, ""))
            elif name == "pack.yaml":
                self._take_settings(root)

    def word(self, words: str, word: str) -> str:
        """Return where *word* stands in the list *words*."""
        return self._words.get((words, word), self.lists.get(words, self._label))

    def entry(self, key: str, file: str) -> str:
        """Return where the department or ground *key* stands in *file*."""
        return self._directory.get(key, f"{self._label}/{file}")

    def setting(self, path: str) -> str:
        """Return where a key of pack.yaml stands, such as `articles.三（九）`."""
        return self._settings.get(path, f"{self._label}/pack.yaml")

    def has_setting(self, path: str) -> bool:
        """Tell whether pack.yaml sets the key."""
        return path in self._settings

    def _take_lists(self, root: Node) -> None:
        for name, node in (root.entries if isinstance(root, Table) else {}).items():
            self.lists[name] = root.keys[name].place if isinstance(root, Table) else node.place
            parts = [node] if isinstance(node, Items) else [*node.entries.values()] if isinstance(node, Table) else []
            for item in (item for part in parts if isinstance(part, Items) for item in part.items):
                self._words[name, getattr(item, "text", "").strip()] = item.place

    def _take_directory(self, root: Node) -> None:
        for item in root.items if isinstance(root, Items) else ():
            for key in ("id", "number"):
                if isinstance(item, Table) and key in item.entries:
                    self._directory[str(getattr(item.entries[key], "text", ""))] = item.place

    def _take_settings(self, node: Node, path: str = "") -> None:
        for key, inner in (node.entries if isinstance(node, Table) else {}).items():
            whole = f"{path}.{key}" if path else key
            self._settings[whole] = inner.place
            self._take_settings(inner, whole)


def _plain(node: Node, about: str) -> Iterator[tuple[str, str, str]]:
    """Yield the words of all lists under *node* that stand without quotation marks: place, whose list, word."""
    if isinstance(node, Items):
        for item in node.items:
            if isinstance(item, Scalar) and item.plain:
                yield item.place, about, item.text.strip()
            yield from _plain(item, about)
    elif isinstance(node, Table):
        own = about or str(getattr(node.entries.get("id"), "text", ""))
        for key, inner in node.entries.items():
            yield from _plain(inner, own or key)


# ---------------------------------------------------------------- comments that silence

_COMMENT = re.compile(r"(?:^|\s)#\s*(lint|lint-file)[:：]\s*(ZZ\d{3}(?:\s*[,，、]\s*ZZ\d{3})*)\s*(.*?)\s*$")
_ID = re.compile(r"ZZ\d{3}")


@dataclass(slots=True)
class _Comment:
    """A comment that silences checks, from `line` (0: all of the file) to findings there."""

    file: str
    written: int
    line: int
    ids: tuple[str, ...]
    reason: str
    used: set[str] = field(default_factory=set)


def _comments(files: Mapping[str, bytes], label: str) -> list[_Comment]:
    found = []
    for name, raw in files.items():
        text = None if name.startswith("wording/") else decode(raw, name, Problems())
        lines = (text or "").split("\n")
        for number, line in enumerate(lines, start=1):
            if (match := _COMMENT.search(line)) is None:
                continue
            target = 0 if match[1] == "lint-file" else _target(lines, number)
            found.append(_Comment(f"{label}/{name}", number, target, tuple(_ID.findall(match[2])), match[3]))
    return found


def _target(lines: list[str], number: int) -> int:
    """Return the line a comment speaks for: its own, or the first below that says something."""
    if not lines[number - 1].lstrip().startswith("#"):
        return number
    below = (at for at, line in enumerate(lines[number:], start=number + 1) if line.strip() and not line.lstrip().startswith("#"))
    return next(below, number)


def _silence(findings: Iterable[Finding], comments: list[_Comment], made: set[str]) -> Iterator[Finding]:
    for finding in findings:
        file, line = _split(finding.place)
        fitting = [one for one in comments if one.file == file and one.line in {0, line} and finding.check in one.ids]
        for one in fitting:
            one.used.add(finding.check)
        if not fitting:
            yield finding
    for one in comments:
        yield from _on_comment(one, made)


def _on_comment(comment: _Comment, made: set[str]) -> Iterator[Finding]:
    place = f"{comment.file}:{comment.written}"
    if not comment.reason:
        yield _finding(
            NO_REASON, place, "、".join(comment.ids), "没有写为什么忽略", "在编号后面写明理由，例如 # lint: ZZ115 合同常隔一页才提到对方"
        )
    for id_ in comment.ids:
        if id_ not in CHECKS:
            yield _finding(UNKNOWN, place, id_, f"没有编号为 {id_} 的检查", "编号见 docs/reference/规则检查.md")
        elif id_ in made and id_ not in comment.used:
            yield _finding(UNUSED, place, id_, f"这里没有 {id_} 的提示", "删去这条注释")


def _finding(id_: str, place: str, about: str, message: str, remedy: str) -> Finding:
    return Finding(check=id_, severity=Severity.WARNING, place=place, about=about, message=message, remedy=remedy)

"""The pages that describe the product say what the product does: every key, every event, every example and every message."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from rules import settings, syntax
from rules.deadlines import VerificationRule
from rules.directories import read_departments, read_grounds, read_homophones, read_lists
from rules.effects import Known
from rules.language import AUTHENTICATION_KINDS, AUTOMATIC_KINDS, CANDIDATE_KEYS, FIELDS, PLACES, POLICY, State, Then
from rules.packfiles import Node, Problems, Reader, read_yaml
from rules.reply_words import read_reply_words
from rules.rulebook import RuleBook, builtin_pack, load_pack
from rules.schedule import Around, read_schedule
from rules.settings import read_pack
from rules.syntax import read_rules
from rules.workbench.cases import cases_in
from store.model.arrival import Channel
from store.model.notice import Purpose

ROOT = Path(__file__).parents[2]
RULES_PAGE = ROOT / "docs" / "规则文件.md"
EVENTS_PAGE = ROOT / "docs" / "reference" / "events.md"
PACKAGES = ("daemon", "channels", "notifier", "rules", "store")

_SPAN = re.compile(r"`([^`\n]+)`")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def page(path: Path) -> str:
    """Return the text of a page."""
    return path.read_text(encoding="utf-8")


# ---------------------------------------------------------------- docs/规则文件.md: every key


def words_of_the_language() -> dict[str, set[str]]:
    """Return what may stand in a rule file, by kind."""
    leaves = {key for keys in syntax.LEAF_KEYS.values() for key in keys}
    candidate = {"same", "likeness_at_least", "within_days"}
    return {
        "keys of a rule": set(syntax.RULE_KEYS),
        "groups": set(syntax.GROUPS),
        "conditions": leaves | candidate | {"automatic"},
        "effects": {field.name for field in fields(Then)},
        "places": set(PLACES),
        "fields": set(FIELDS),
        "states": set(get_args(State)),
        "negations": set(syntax._NEGATIONS),
        "channels": {channel.value for channel in Channel},
        "automatic mail": set(AUTOMATIC_KINDS),
        "checked senders": {"authentication", *AUTHENTICATION_KINDS},
        "keys of earlier cases": set(CANDIDATE_KEYS),
        "basis": {POLICY},
        "notices": {purpose.value for purpose in Purpose},
    }


def keys_of_the_settings() -> set[str]:
    """Return the keys that the table in the docstring of `rules.settings` names, each without its path."""
    rows = re.findall(r"^\| ([a-z_.]+(?:, \.[a-z_]+)*) \|", settings.__doc__ or "", re.MULTILINE)
    return {part.rpartition(".")[2] for row in rows for part in row.split(", ")} - {"key"}


def named_on(path: Path) -> set[str]:
    """Return the words in code spans and code blocks of a page."""
    text = page(path)
    code = [block for _, block in _BLOCK.findall(text)] + _SPAN.findall(_BLOCK.sub("", text))
    return {word for piece in code for word in _WORD.findall(piece)}


@pytest.mark.parametrize(("kind", "words"), words_of_the_language().items())
def test_rules_page_names_the_language(kind: str, words: set[str]) -> None:
    """A clerk who has only this page can use all of the rule language."""
    assert words <= named_on(RULES_PAGE), kind


def test_rules_page_names_the_settings() -> None:
    """Every setting of pack.yaml stands on the page, and those of the code in the docstring it is checked against."""
    keys = keys_of_the_settings()

    assert {field.name for field in fields(VerificationRule)} | {field.name for field in fields(settings.Routing)} <= keys
    assert keys <= named_on(RULES_PAGE)


@pytest.mark.parametrize("default", [f"| `{settings.Routing().margin:g}` |", f"| `{settings.Routing().accompany_share:g}` |"])
def test_rules_page_tells_the_defaults(default: str) -> None:
    """What holds where pack.yaml says nothing is what the page says."""
    assert default in page(RULES_PAGE)


# ---------------------------------------------------------------- docs/规则文件.md: every example, every message


@cache
def book() -> RuleBook:
    """Return the pack that the page takes its examples from."""
    return load_pack(builtin_pack("chenggong"))


def blocks() -> list[tuple[str, str, str]]:
    """Return the YAML of the page as (file name, text, message printed below it or "")."""
    found = _BLOCK.findall(page(RULES_PAGE))
    examples = []
    for index, (language, text) in enumerate(found):
        if language != "yaml":
            continue
        head = text.partition("\n")[0]
        follower = found[index + 1] if index + 1 < len(found) else ("", "")
        message = follower[1] if follower[0] == "text" and "本单位" in head else ""
        examples.append((head.removeprefix("# "), text, message))
    return examples


def problems_in(name: str, text: str) -> list[str]:
    """Return what the product says of the file *name* as part of the pack."""
    problems = Problems()
    reader = Reader(problems)
    root = read_yaml(text.encode(), f"chenggong/{name}", problems)
    if root is not None:
        _read(name, root, reader)
    return [str(problem) for problem in problems.found]


def _read(name: str, root: Node, reader: Reader) -> None:
    district, given = book().district, book().settings
    articles = [*(ground.article for ground in district.grounds.values()), *given.articles]
    match name.partition("/")[0]:
        case "pack.yaml":
            read_pack(root, reader)
        case "departments.yaml":
            read_departments(root, reader)
        case "grounds.yaml":
            read_grounds(root, reader)
        case "homophones.yaml":
            read_homophones(root, reader)
        case "schedule.yaml":
            names = {id_: department.name for id_, department in district.departments.items()}
            around = Around(departments=names, coordinator=district.coordinator, kinds=given.kinds.by_id, articles=articles)
            read_schedule(root, around, reader)
        case "reply_words.yaml":
            read_reply_words(root, reader)
        case "lists":
            read_lists([root], reader)
        case "cases":
            cases_in(root, "cases", district, reader)
        case _:
            known = Known(
                lists=book().lists,
                departments=district.departments,
                grounds=district.grounds,
                articles=articles,
                supplements=given.supplements,
            )
            read_rules([root], known, reader, complete=False)


@pytest.mark.parametrize(("name", "text", "message"), blocks(), ids=[f"{number}-{name}" for number, (name, _, _) in enumerate(blocks())])
def test_examples_load_and_mistakes_print_what_the_page_says(name: str, text: str, message: str) -> None:
    """An example can be copied as it stands; a mistake is told in exactly the words that the page shows."""
    assert problems_in(name, text) == message.splitlines()


def test_five_mistakes() -> None:
    """The page shows the five mistakes it promises."""
    assert sum(bool(message) for _, _, message in blocks()) == 5


# ---------------------------------------------------------------- docs/reference/events.md: both ways

_LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error", "log": "原级别"}


def _is_logger(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "log") or (
        isinstance(node, ast.Call) and ast.unparse(node.func).endswith("get_logger")
    )


def calls() -> Iterator[tuple[str, str, set[str], set[str]]]:
    """Yield every logging call of the product: event, level, its own keys, and those it may have from a dict or a binding of its module."""
    for file in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        shared = set(_shared_keys(tree))
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_logger(node.func.value)):
                continue
            level = node.func.attr
            event = node.args[1 if level == "log" else 0]
            assert isinstance(event, ast.Constant), f"{file}:{node.lineno}: the event is no constant"
            # exc_info becomes `exception`, of which the page speaks once for all.
            own = {keyword.arg for keyword in node.keywords if keyword.arg is not None} - {"exc_info"}
            yield str(event.value), _LEVELS[level], own, shared


def _shared_keys(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("bound_contextvars", "report")):
            yield from (keyword.arg for keyword in node.keywords if keyword.arg is not None)


def table() -> Mapping[tuple[str, str], set[str]]:
    """Return the rows of the page: (event, level) → keys; no row twice, every row with a meaning and what to do."""
    rows: dict[tuple[str, str], set[str]] = {}
    for line in page(EVENTS_PAGE).splitlines():
        if not line.startswith("| `"):
            continue
        event, level, keys, meaning, remedy = (cell.strip() for cell in line.strip("|").split("|"))
        assert meaning
        assert remedy
        row = (event.strip("`"), level)
        assert row not in rows
        rows[row] = set(_SPAN.findall(keys))
    return rows


def test_events_page_lists_what_the_code_logs() -> None:
    """An operator finds every event that can stand in the log, and none that cannot."""
    assert {(event, level) for event, level, _, _ in calls()} == set(table())


def test_events_page_lists_the_keys() -> None:
    """Each key that a call names stands in its row; each key of a row is named by some call of that event or shared in its module."""
    named: dict[tuple[str, str], set[str]] = {}
    possible: dict[tuple[str, str], set[str]] = {}
    for event, level, own, shared in calls():
        named.setdefault((event, level), set()).update(own)
        possible.setdefault((event, level), set()).update(own | shared)

    for row, keys in table().items():
        assert named[row] <= keys, row
        assert keys <= possible[row], row


# ---------------------------------------------------------------- every page: what it points at exists

_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:daemon|channels|notifier|rules|store|tests|bench|docs)/[\w./-]*\.(?:py|md))`")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_pages_point_at_what_exists(path: Path) -> None:
    """No page sends its reader to a file that has moved: links from the page's folder, paths in code from the root."""
    text = page(path)

    assert [link for link in _LINK.findall(text) if not (path.parent / link).exists()] == []
    assert [name for name in _PATH.findall(text) if not (ROOT / name).exists()] == []

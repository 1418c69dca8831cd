"""The checks of `zuozhen rules lint`, from the very examples of their page, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from rules.language import Mention, leaves
from rules.rulebook import builtin_pack, builtin_packs, load_files, load_pack
from rules.workbench.checks import CHECKS, lint
from rules.workbench.lint import TITLES, Finding, History, Severity, Subject, from_problems
from store.errors import ConfigError

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "packs" / "lint"
PAGE = ROOT / "docs" / "reference" / "规则检查.md"
SEVERITIES = {"错误": Severity.ERROR, "警告": Severity.WARNING, "提醒": Severity.HINT}

_SECTION = re.compile(r"^### (ZZ\d{3}) ([^\n]+)\n\n(错误|警告|提醒)。(.+?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"```(?:yaml|text)\n# (\S+)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of one check: the files of its two examples by name."""

    id: str
    title: str
    severity: Severity
    bad: Mapping[str, str]
    good: Mapping[str, str]


@cache
def sections() -> dict[str, Section]:
    """Return the sections of the page by id."""
    found = {}
    for id_, title, severity, body in _SECTION.findall(PAGE.read_text(encoding="utf-8")):
        bad, _, good = body.partition("\n不好：\n")[2].partition("\n好：\n")
        found[id_] = Section(id_, title, SEVERITIES[severity], dict(_BLOCK.findall(bad)), dict(_BLOCK.findall(good)))
    return found


@cache
def base() -> dict[str, bytes]:
    """Return the files of the pack that the examples are added to."""
    return dict(load_pack(BASE).files)


def findings(files: Mapping[str, str], *, history: History | None = None) -> list[Finding]:
    """Return what lint says of the base pack with *files* added."""
    whole = {**base(), **{name: text.encode() for name, text in files.items()}}
    try:
        book = load_files("lint", whole)
    except ConfigError as error:
        return from_problems(error.problems)
    subject = Subject(
        book=book,
        label="lint",
        today=date(2026, 11, 27),
        mailboxes={"gsj", "gdj"},
        history=history or History(total=0, found={}),
    )
    return lint(subject)


def _history(id_: str) -> History | None:
    match id_:
        case "ZZ206":
            return History(total=100, found={"停水": 30})
        case "ZZ207":
            return History(total=300, found=dict.fromkeys((*load_files("lint", base()).lists, "水费"), 9))
    return None


ALL = [*CHECKS, *TITLES]


def test_the_base_pack_is_clean() -> None:
    """Whatever an example reports, the example itself brought in."""
    assert findings({}) == []


def test_the_page_has_every_check() -> None:
    """No check without a description, and none described that is not made; at least the 25 that were promised."""
    assert sorted(sections()) == sorted(ALL)
    assert len(CHECKS) >= 25
    assert {id_: one.title for id_, one in sections().items()} == {**{id_: one.title for id_, one in CHECKS.items()}, **TITLES}
    assert {id_: one.severity for id_, one in sections().items() if id_ in CHECKS} == {id_: one.severity for id_, one in CHECKS.items()}


@pytest.mark.parametrize("id_", ALL)
def test_bad_example_is_found(id_: str) -> None:
    """The bad example of the page brings the finding, with a place, the page's severity and a remedy."""
    section = sections()[id_]
    found = [one for one in findings(section.bad, history=_history(id_)) if one.check == id_]

    assert found
    assert {one.severity for one in found} == {section.severity}
    assert all(one.place.startswith("lint/") and one.message and one.remedy for one in found)


@pytest.mark.parametrize("id_", ALL)
def test_good_example_is_not_found(id_: str) -> None:
    """The good example of the page does not bring the finding, and loads."""
    found = {one.check for one in findings(sections()[id_].good, history=_history(id_))}

    assert sections()[id_].good
    assert not found & {id_, "ZZ001"}


# ---------------------------------------------------------------- silencing

HEAVY = "  about: 停水\n  basis: policy\n  when: {all: [{mention: 停水, in: title}]}\n  then: {route: gsj, weight: 50}\n"


@pytest.mark.parametrize(
    ("text", "silenced"),
    [
        pytest.param("# lint: ZZ118 理由\n- rule: 甲\n" + HEAVY, True, id="above"),
        pytest.param("# lint: ZZ118 理由\n# 又一行说明\n\n- rule: 甲\n" + HEAVY, True, id="above-other-comments"),
        pytest.param("- rule: 甲  # lint: ZZ104、ZZ118 理由\n" + HEAVY, True, id="same-line"),
        pytest.param("- rule: 甲\n" + HEAVY + "# lint-file: ZZ118 理由\n", True, id="whole-file"),
        pytest.param("# lint: ZZ104 理由\n- rule: 甲\n" + HEAVY, False, id="another-check"),
        pytest.param(
            "# lint: ZZ118 理由\n- rule: 乙\n" + HEAVY.replace("50", "3").replace("title", "content") + "- rule: 甲\n" + HEAVY,
            False,
            id="another-rule",
        ),
    ],
)
def test_a_comment_silences_its_own_place(text: str, silenced: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A comment with a reason silences what it names where it stands, and nothing else."""
    found = {one.check for one in findings({"rules/90.yaml": text})}

    assert ("ZZ118" not in found) is silenced


def test_a_check_that_was_not_made_is_not_called_unused() -> None:
    """Without history nobody can say that a list is not too common; the comment stays."""
    text = b"# lint-file: ZZ206 \xe7\x90\x86\xe7\x94\xb1\n" + base()["lists/words.yaml"]
    whole = {**base(), "lists/words.yaml": text}
    subject = Subject(book=load_files("lint", whole), label="lint", today=date(2026, 11, 27))

    assert lint(subject) == []


# ---------------------------------------------------------------- the pack that comes with the product


def test_every_list_has_a_place() -> None:
    """A finding on any list or rule of a real pack points at a line."""
    book = load_pack(builtin_pack("chenggong"))
    places = Subject(book=book, label="chenggong", today=date(2026, 11, 27)).places
    used: Iterator[str] = (leaf.words for rule in book.rules.values() for leaf in leaves(rule.when) if isinstance(leaf, Mention))

    assert all(re.fullmatch(r"chenggong/lists/\w+\.yaml:\d+", places.lists[name]) for name in used)


@pytest.mark.parametrize("name", builtin_packs())
def test_the_products_packs_are_clean(name: str) -> None:
    """The packs that operators copy show how it is done: no errors, no warnings, and a reason where one is silenced."""
    book = load_pack(builtin_pack(name))
    found = lint(Subject(book=book, label=name, today=date(2026, 11, 27), mailboxes=book.district.departments))

    assert [one for one in found if one.severity is not Severity.HINT] == []

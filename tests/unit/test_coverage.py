"""What coverage counts: a rule that fired, a branch that mattered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rules.clauses import describe
from rules.rulebook import RuleBook
from rules.workbench.coverage import Watch, branches, coverage
from tests.decisions.material import decided_by, petition, small_pack

LISTS = "水: [停水]\n电: [停电]\n旧: [去年]\n否定词: [没有]\n"
RULES = """
- rule: 水电
  basis: policy
  when:
    any: [{mention: 水}, {mention: 电}]
    none: [{mention: 旧}, {field: name, is: present}]
  then: {route: water}
"""


@pytest.fixture
def book(tmp_path: Path) -> RuleBook:
    """Return a pack with one rule of four branches."""
    return small_pack(tmp_path, lists=LISTS, rules=RULES)


@pytest.mark.parametrize(
    ("text", "name", "met"),
    [
        pytest.param("停水", "", ["提到“水”"], id="first"),
        pytest.param("停电", "", ["提到“电”"], id="second"),
        pytest.param("停电停水", "", ["提到“水”", "提到“电”"], id="both"),
        pytest.param("去年停水", "", ["提到“旧”"], id="kept-from-firing"),
        pytest.param("去年停水", "甲公司", [], id="two-reasons-neither-decisive"),
        pytest.param("去年", "", [], id="did-not-matter"),
    ],
)
def test_a_branch_is_met_where_it_matters(book: RuleBook, text: str, name: str, met: list[str]) -> None:
    """A part of `any` counts where the rule fired; a part of `none` only where it alone kept the rule from firing."""
    watch = Watch(book)
    decided_by(book, petition("", text, name=name) if name else petition("", text), watch.infer)
    found = branches(book.rules["水电"])

    assert [describe(found[number].condition) for _, number in sorted(watch.seen.branches)] == met


def test_gaps_name_rule_and_branch(book: RuleBook) -> None:
    """A rule that never fired is one gap; one that fired shows its untried branches."""
    watch = Watch(book)

    assert [(gap.rule, gap.branch) for gap in coverage(book, watch.seen).gaps] == [("水电", "")]

    decided_by(book, petition("", "停水"), watch.infer)
    found = coverage(book, watch.seen)

    assert [gap.branch for gap in found.gaps] == ["任一：提到“电”", "排除：提到“旧”", "排除：有企业名称"]
    assert (found.rules_fired, found.rules, found.branches_met, found.branches) == (1, 1, 1, 4)
    assert found.share == 0.4
    assert json.dumps(found.share)

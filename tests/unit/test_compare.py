"""What counts as a difference between two decisions, and how it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rules.compare import differences, rules_changed
from rules.rulebook import RuleBook
from store.model.decision import Decision, Verdict
from tests.decisions.material import decided, petition, small_pack

LISTS = "{水: [停水], 电: [停电], 欠款: [货款]}"
RULES = """
- {rule: 水, about: 供水, basis: policy, when: {all: [{mention: 水}]}, then: {route: water, weight: 3}}
- {rule: 电, about: 供电, basis: policy, when: {all: [{mention: 电}]}, then: {route: power, weight: 3, urgent: true, review: 停电}}
- {rule: 民事, about: 民事, basis: 二2, when: {all: [{mention: 欠款}]}, then: {refuse: 2, advice: law}}
- {rule: 不算, basis: policy, when: {all: [{mention: 水}, {mention: 欠款}]}, then: {conclude: 水费}, overrides: [民事]}
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    """Return a pack of a few rules."""
    folder: Path = tmp_path_factory.mktemp("pack")
    return small_pack(folder, lists=LISTS, rules=RULES)


def told(pack: RuleBook, before: str, after: str) -> list[str]:
    """Return the differences between the decisions on two texts."""
    return [str(one) for one in differences(_on(pack, before), _on(pack, after), pack.district)]


def _on(pack: RuleBook, content: str) -> Decision:
    return decided(pack, petition("", content))


def test_same_decision_has_no_difference(pack: RuleBook) -> None:
    """Weights, near misses and the engine's name reach nobody and are no difference."""
    one = _on(pack, "停水")

    assert differences(one, replace(one, engine="durable-rules", scores=(("water", 1.0),), near_misses=()), pack.district) == []


def test_another_department(pack: RuleBook) -> None:
    """Department, urgency, name of the matter and reasons for a person are told by their names."""
    assert told(pack, "停水", "停电") == [
        "承办部门：水务局 → 电力局",
        "加急：（无） → 是",
        "事项名称：供水 → 供电",
        "提请查看：（无） → 停电",
    ]


def test_another_verdict(pack: RuleBook) -> None:
    """A refusal shows its article and where to turn; what no longer applies becomes nothing."""
    assert told(pack, "停水", "货款") == [
        "结论：受理 → 不予受理（须人工确认）",
        "不予受理情形：（无） → 二2",
        "承办部门：水务局 → （无）",
        "可转向：（无） → 司法局",
        "事项名称：供水 → 民事",
    ]


def test_department_that_is_gone_keeps_its_id(pack: RuleBook) -> None:
    """A decision of long ago may name a department the directory no longer has."""
    old = replace(_on(pack, "停水"), department="abolished", verdict=Verdict.ACCEPT)

    assert "承办部门：abolished → 水务局" in [str(one) for one in differences(old, _on(pack, "停水"), pack.district)]


def test_rules_that_hold_no_more(pack: RuleBook) -> None:
    """A rule that an exception sets aside does not hold."""
    before, after = _on(pack, "货款"), _on(pack, "货款，停水")

    assert rules_changed(before, after) == (("民事",), ("水", "不算"))

"""What a changed pack can reach: whatever is said to be out of reach is decided alike by both packs, and little else is within it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rules.decide import decide
from rules.reference import Reference
from rules.rulebook import RuleBook
from rules.workbench.backtest import kinds_of
from rules.workbench.reach import Beside, Reach
from store.model.decision import Decision
from store.model.matching import Candidate
from store.model.petition import Petition
from tests.decisions.material import calendar, petition
from tests.integration.random_packs import NOW, Trees, book, changed, random_candidates, random_petition, trees

PETITIONS, CHANGES = 40, 15
ADMISSION, ROUTING = "rules/10_admission.yaml", "rules/20_routing.yaml"


@dataclass(slots=True)
class Figures:
    """How often what happened, so that a test which sees nothing fails."""

    out_of_reach: int = 0
    alike: int = 0
    different: int = 0


def decider(rulebook: RuleBook) -> Callable[[Petition, tuple[Candidate, ...]], Decision]:
    """Return what decides by *rulebook* and the plain evaluator."""
    reference = Reference(rulebook.stages)
    return lambda made, candidates: decide(made, candidates, rulebook=rulebook, calendar=calendar(), infer=reference.infer, now=NOW)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_out_of_reach_is_decided_otherwise(seed: int) -> None:
    """Packs that differ by one to three random changes agree on every petition that the changes cannot reach."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    figures = Figures()
    files = trees()
    for _ in range(CHANGES):
        other, new = changed(dice, files, dice.randint(1, 3))
        compare(dice, book(files), new, figures)
        files = other if dice.random() < 0.5 else trees()

    assert figures.out_of_reach > PETITIONS * CHANGES / 5
    assert figures.different > PETITIONS * CHANGES / 50


def compare(dice: random.Random, old: RuleBook, new: RuleBook, figures: Figures) -> None:
    """Decide random petitions by both packs."""
    reach, before, after = Reach(old, new), decider(old), decider(new)
    for _ in range(PETITIONS):
        made, candidates = random_petition(dice), random_candidates(dice)
        differs = kinds_of(before(made, candidates), after(made, candidates))
        if reach.may_touch(made, [Beside(marks=reach.marks(one.title, one.content), keys=one.keys) for one in candidates], NOW):
            figures.different += bool(differs)
            figures.alike += not differs
        else:
            assert not differs, (differs, made, candidates)
            figures.out_of_reach += 1


@pytest.mark.parametrize("seed", range(2))
def test_what_is_out_of_reach_goes_to_the_same_earlier_case(seed: int) -> None:
    """Follow-ups beside several earlier reports that would do: where a changed word or weight cannot matter, the same one is taken up."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    files = trees()
    files[ADMISSION] = [rule for rule in files[ADMISSION] if "likeness_at_least" not in str(rule)]  # they would be in reach by themselves
    old = book(files)
    before, kinds, out_of_reach = decider(old), set[str](), 0
    for _ in range(30):
        _, new = changed(dice, files, 1)
        reach, after = Reach(old, new), decider(new)
        for _ in range(20):
            made = random_petition(dice)
            made = replace(made, content=f"再次反映，{made.content}")
            candidates = tuple(replace(one, keys=("phone",), received_at=NOW) for one in random_candidates(dice, (2, 3, 4)))
            if not reach.may_touch(made, [Beside(marks=reach.marks(one.title, one.content), keys=one.keys) for one in candidates], NOW):
                out_of_reach += 1
                assert not kinds_of(before(made, candidates), after(made, candidates)), (made, candidates)
            elif not reach.everything:
                kinds.update(kinds_of(before(made, candidates), after(made, candidates)))

    assert "related" in kinds
    assert out_of_reach > 100


WATER = petition("停水", "厂房停水三天")
NEITHER = petition("电费", "电费太高，请尽快处理", phone="13800000001")


def reach_of(change: Callable[[Trees], object]) -> Reach:
    """Return what *change* of the pack can reach."""
    files = trees()
    change(files)
    return Reach(book(trees()), book(files))


def rule_of(files: Trees, name: str) -> dict[str, Any]:
    """Return the rule called *name*."""
    rule: dict[str, Any] = next(rule for file in (ADMISSION, ROUTING) for rule in files[file] if rule["rule"] == name)
    return rule


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files["lists/words.yaml"]["停水"]["words"].append("三天"),
        lambda files: files["lists/words.yaml"].update(停水=["水压低"]),
        lambda files: files["lists/words.yaml"]["停水"]["except"].append("停水三天"),
        lambda files: files["lists/words.yaml"]["否定词"].append("房"),
        lambda files: files["departments.yaml"][0]["aliases"].append("厂房"),
        lambda files: rule_of(files, "水")["then"].update(weight=4),
        lambda files: rule_of(files, "水")["when"].update(none=[{"field": "content", "is": "missing"}]),
        lambda files: rule_of(files, "水标题").update(overrides=["水"]),
        lambda files: files[ROUTING].append(copy.deepcopy(rule_of(files, "水")) | {"rule": "又是水"}),
    ],
)
def test_a_change_reaches_those_who_speak_of_it_and_nobody_else(change: Callable[[Trees], object]) -> None:
    """A word or a rule touches petitions that hold it; another one is not decided twice for it."""
    reach = reach_of(change)

    assert reach.may_touch(WATER, (), NOW)
    assert not reach.may_touch(NEITHER, (), NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files["pack.yaml"]["routing"].update(margin=2),
        lambda files: files["pack.yaml"]["district"].update(timezone="Asia/Urumqi"),
        lambda files: files["pack.yaml"].update(case_number="T-{year}-{seq:03d}"),
        lambda files: files["departments.yaml"].reverse(),
        lambda files: rule_of(files, "空")["when"].update(any=[{"field": "content", "longer_than": 6}]),
    ],
)
def test_what_bears_on_every_petition_reaches_every_petition(change: Callable[[Trees], object]) -> None:
    """Margin, time zone, form of numbers, order of departments, and a rule that needs no words."""
    assert reach_of(change).may_touch(NEITHER, (), NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files["pack.yaml"]["supplements"].update(请求="您希望怎样解决"),
        lambda files: files["grounds.yaml"][0].update(advice="请先协商。"),
        lambda files: rule_of(files, "电费").update(about="电费的事"),
        lambda files: rule_of(files, "窗口来")["then"].update(supplement=["请求"]),
        lambda files: rule_of(files, "公函")["then"].update(weight=4),
        lambda files: rule_of(files, "像")["then"].update(review="看看那件"),
        lambda files: rule_of(files, "两头看")["then"].update(review="看一眼"),
    ],
)
def test_what_changes_no_decision_on_a_petition_does_not_reach_it(change: Callable[[Trees], object]) -> None:
    """Words of letters, and rules on a channel, a sender, an earlier case or a conclusion that the petition does not have."""
    assert not reach_of(change).may_touch(NEITHER, (), NOW)


def test_the_order_of_two_refusals_matters_where_both_could_fire() -> None:
    """The first rule of the pack names the ground; the order of other rules, or of rules that cannot fire, changes nothing."""
    reach = reach_of(lambda files: files[ADMISSION].append(files[ADMISSION].pop(6)))  # 诉讼中, behind 纠纷

    assert reach.may_touch(petition("", "货款已经起诉"), (), NOW)
    assert not reach.may_touch(WATER, (), NOW)


def test_a_rule_that_runs_later_than_before_is_a_changed_rule() -> None:
    """A new conclusion that an old rule could rest on moves that rule to a later stage, where exceptions may have spoken."""

    def change(files: Trees) -> None:
        files[ROUTING].append(copy.deepcopy(rule_of(files, "窗口来")) | {"rule": "又是窗口", "then": {"conclude": ["两头"]}})
        rule_of(files, "又是窗口")["when"] = {"all": [{"concluded": "诉讼"}, {"mention": "广告"}]}
        rule_of(files, "诉讼陪")["then"] = {"accompany": ["law"]}
        rule_of(files, "两头看")["when"] = {"all": [{"concluded": "对部门"}]}

    assert reach_of(change).may_touch(petition("", "窗口说换证"), (), NOW)


def test_beside_earlier_cases_their_words_count_too() -> None:
    """How like an earlier case is rests on what it speaks of, and on how much each list says."""
    word = reach_of(lambda files: files["lists/words.yaml"]["停电"].append("检修"))
    weight = reach_of(lambda files: rule_of(files, "电")["then"].update(weight=4))

    for reach in (word, weight):
        assert not reach.may_touch(NEITHER, [Beside(marks=reach.marks("电费", "电费又涨了"), keys=("phone",))], NOW)
        assert not reach.may_touch(NEITHER, (), NOW)
    assert word.may_touch(NEITHER, [Beside(marks=word.marks("电费", "检修以后电费又涨了"), keys=("phone",))], NOW)
    assert weight.may_touch(NEITHER, [Beside(marks=weight.marks("电费", "跳闸以后电费又涨了"), keys=("phone",))], NOW)


def test_which_of_two_earlier_cases_is_taken_up_is_weighed() -> None:
    """A follow-up goes to the most alike of those that fit: what weighs more reaches it beside two, and there is nothing to choose from one."""
    weight = reach_of(lambda files: rule_of(files, "电")["then"].update(weight=4))
    again = petition("电费", "电费太高，再次反映", phone="13800000001")
    earlier = [Beside(marks=weight.marks("电费", text), keys=("phone",)) for text in ("跳闸以后电费又涨了", "电费涨了")]

    assert weight.may_touch(again, earlier, NOW)
    assert not weight.may_touch(NEITHER, [Beside(marks=frozenset(), keys=("name",))] * 2, NOW)

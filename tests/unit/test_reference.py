"""The plain evaluator: what each condition means, what explains a firing, what nearly fired; and which facts are taken at all."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from rules.casefacts import CaseFacts
from rules.language import Firing
from rules.premises import MAX_PREMISES, Selection
from rules.reference import NearMisses, Reference, _Case, _conjuncts, _missing
from store.errors import MalformedMessageError
from store.model.decision import NearMiss
from tests.integration.random_rules import random_facts, random_stages
from tests.rule_text import anchor, mention, rule, rules_of, stages_of

Facts = list[dict[str, Any]]


def matched(when: str, facts: Facts, *also: str) -> Mapping[str, str] | None:
    """Return the evidence with which a rule of condition *when* fires, None where it does not."""
    fired = Reference(stages_of("".join((rule(when), *also)))).infer(0, facts)
    return next((firing.matched for firing in fired if firing.rule == "甲"), None)


def candidate(identity: str, **properties: object) -> dict[str, Any]:
    """Return a candidate fact."""
    return {"id": identity, "k": "candidate", "likeness": 0.7, "days": 10, **properties}


# ---------------------------------------------------------------- each condition


@pytest.mark.parametrize(
    ("condition", "properties", "holds"),
    [
        ("{field: name, is: present}", {"has_name": True}, True),
        ("{field: name, is: present}", {"has_name": False}, False),
        ("{field: name, is: missing}", {"has_name": False}, True),
        ("{field: uscc, is: valid}", {"uscc_valid": True}, True),
        ("{field: uscc, is: valid}", {"uscc_valid": None}, False),
        ("{field: uscc, is: invalid}", {"uscc_valid": False}, True),
        ("{field: uscc, is: invalid}", {"uscc_valid": None}, False),
        ("{field: content, shorter_than: 15}", {"content_length": 14}, True),
        ("{field: content, shorter_than: 15}", {"content_length": 15}, False),
        ("{field: title, longer_than: 15}", {"title_length": 16}, True),
        ("{field: title, longer_than: 15}", {"title_length": 15}, False),
        ("{channel: [letter, window]}", {"channel": "window"}, True),
        ("{channel: [letter, window]}", {"channel": "mail"}, False),
        ("{letter: automatic}", {"automatic": "bounce"}, True),
        ("{letter: automatic}", {"automatic": None}, False),
        ("{letter: {automatic: [own, list]}}", {"automatic": "list"}, True),
        ("{letter: {automatic: [own, list]}}", {"automatic": "bounce"}, False),
    ],
)
def test_conditions_on_the_case(condition: str, properties: dict[str, object], holds: bool) -> None:  # noqa: FBT001 - a table
    """Fields, lengths, channel and headers; the contrary holds exactly where the condition does not."""
    facts = [anchor(**properties)]

    assert matched(f"{{all: [{condition}]}}", facts) == ({"c1": "case"} if holds else None)
    assert matched(f"{{none: [{condition}]}}", facts) == (None if holds else {})


@pytest.mark.parametrize(
    ("condition", "properties", "holds"),
    [
        ("{mention: 合同}", {}, True),
        ("{mention: 合同}", {"list": "法院"}, False),
        ("{mention: 合同}", {"where": "sender"}, False),
        ("{mention: 合同}", {"negated": True}, False),
        ("{mention: 合同, negated: true}", {"negated": True}, True),
        ("{mention: 合同, negated: true}", {}, False),
        ("{mention: 合同, negated: any}", {"negated": True}, True),
        ("{mention: 合同, in: title}", {"where": "title"}, True),
        ("{mention: 合同, in: title}", {}, False),
        ("{mention: 合同, in: [sender, title]}", {"where": "sender"}, True),
    ],
)
def test_mention(condition: str, properties: dict[str, object], holds: bool) -> None:  # noqa: FBT001 - a table
    """A mention is of that list, in one of the places, negated as asked."""
    facts = [anchor(), mention("m1", "合同") | properties]

    assert matched(f"{{all: [{condition}]}}", facts) == ({"c1": "m1"} if holds else None)
    assert matched(f"{{none: [{condition}]}}", facts) == (None if holds else {})


@pytest.mark.parametrize(
    ("companion", "holds"),
    [
        ({}, True),
        ({"negated": True}, True),
        ({"sentence": 2}, False),
        ({"where": "title"}, False),
        ({"list": "其他"}, False),
    ],
)
def test_same_sentence(companion: dict[str, Any], holds: bool) -> None:  # noqa: FBT001 - a table
    """The companion stands in the same sentence of the same text, negated or not; both words are the evidence."""
    facts = [anchor(), mention("m1", "合同"), mention("m2", "企业") | companion]

    assert matched("{all: [{mention: 合同, same_sentence: 企业}]}", facts) == ({"c1": "m1", "c1_b": "m2"} if holds else None)
    assert matched("{none: [{mention: 合同, same_sentence: 企业}]}", facts) == (None if holds else {})


@pytest.mark.parametrize(
    ("condition", "fact", "holds"),
    [
        ("{mention: 合同, at_least: 3}", {"k": "count", "list": "合同", "words": 3}, True),
        ("{mention: 合同, at_least: 3}", {"k": "count", "list": "合同", "words": 2}, False),
        ("{mention: 合同, at_least: 3}", {"k": "count", "list": "合同@title/no", "words": 3}, False),
        ("{mention: 合同, at_least: 3, in: title}", {"k": "count", "list": "合同@title/no", "words": 3}, True),
        ("{mention: 合同, near: 企业, within: 30}", {"k": "near", "list": "合同", "other": "企业", "distance": 30}, True),
        ("{mention: 合同, near: 企业, within: 30}", {"k": "near", "list": "合同", "other": "企业", "distance": 31}, False),
        ("{mention: 合同, near: 企业, within: 30}", {"k": "near", "list": "合同", "other": "法院", "distance": 1}, False),
        ("{candidate: {same: [thread, number]}}", {"k": "candidate", "same_number": True}, True),
        ("{candidate: {same: [thread, number]}}", {"k": "candidate", "same_number": False}, False),
        ("{candidate: {same: [thread, number]}}", {"k": "candidate", "same_phone": True}, False),
        ("{candidate: {likeness_at_least: 0.6}}", {"k": "candidate", "likeness": 0.6}, True),
        ("{candidate: {likeness_at_least: 0.6}}", {"k": "candidate", "likeness": 0.599}, False),
        ("{candidate: {likeness_at_least: 0.6}}", {"k": "candidate"}, False),
        ("{candidate: {within_days: 90}}", {"k": "candidate", "days": 90}, True),
        ("{candidate: {within_days: 90}}", {"k": "candidate", "days": 91}, False),
        ("{candidate: {same: [name], within_days: 90}}", {"k": "candidate", "same_name": True}, False),
    ],
)
def test_other_facts(condition: str, fact: dict[str, Any], holds: bool) -> None:  # noqa: FBT001 - a table
    """Counts, distances and candidates meet their bounds; a property that is not there meets none."""
    facts = [anchor(), {"id": "x1", **fact}]

    assert matched(f"{{all: [{condition}]}}", facts) == ({"c1": "x1"} if holds else None)
    assert matched(f"{{none: [{condition}]}}", facts) == (None if holds else {})


def test_one_candidate_must_meet_all_bounds() -> None:
    """Two earlier cases that each meet half of a condition do not meet it together."""
    facts = [anchor(), candidate("a", same_name=True, likeness=0.1), candidate("b", likeness=0.9)]

    assert matched("{all: [{candidate: {same: [name], likeness_at_least: 0.6}}]}", facts) is None


def test_conclusions_of_an_earlier_stage() -> None:
    """A conclusion is a fact of the next stage, by its name."""
    stages = stages_of(rule("{all: [{concluded: 一}]}") + rule("{all: [{mention: x}]}", "{conclude: 一}", "乙"))
    derived = {"id": "d1", "k": "derived", "name": "一"}

    assert [firing.matched for firing in Reference(stages).infer(1, [anchor(), derived])] == [{"c1": "d1"}]
    assert Reference(stages).infer(1, [anchor(), {**derived, "name": "二"}]) == []


# ---------------------------------------------------------------- groups and evidence


@pytest.mark.parametrize(
    ("when", "evidence"),
    [
        ("{all: [{mention: a}, {mention: b}]}", {"c1": "m1", "c2": "m2"}),
        ("{all: [{mention: a}, {mention: z}]}", None),
        ("{any: [{mention: z}, {mention: b}, {mention: a}]}", {"c2": "m2"}),
        ("{any: [{mention: y}, {mention: z}]}", None),
        ("{none: [{mention: y}, {mention: z}]}", {}),
        ("{none: [{mention: y}, {mention: a}]}", None),
        ("{none: [{all: [{mention: a}, {mention: z}]}]}", {}),
        ("{none: [{all: [{mention: a}, {mention: b}]}]}", None),
        ("{none: [{none: [{mention: a}]}]}", {"c1": "m1"}),
        ("{all: [{mention: a}], any: [{mention: z}, {mention: b}], none: [{mention: y}]}", {"c1": "m1", "c3": "m2"}),
        ("{all: [{mention: a}, {none: [{mention: b}]}]}", None),
    ],
)
def test_groups(when: str, evidence: dict[str, str] | None) -> None:
    """Groups mean what they say at any depth; the first branch that holds is the evidence, an absence leaves none."""
    assert matched(when, [anchor(), mention("m1", "a"), mention("m2", "b")]) == evidence


def test_the_first_fact_is_the_evidence() -> None:
    """Of several facts that fit, the caller's first is named: facts come in the order of their worth."""
    facts = [candidate("p2", same_uscc=True), anchor(), candidate("p1", same_thread=True)]

    assert matched("{all: [{candidate: {same: [thread, uscc]}}]}", facts) == {"c1": "p2"}


def test_firings_come_in_the_order_of_the_pack() -> None:
    """What fires is listed as the pack lists it, whatever the facts' order."""
    stages = stages_of("".join(rule(f"{{all: [{{mention: {name}}}]}}", name=name) for name in ("丙", "甲", "乙")))

    fired = Reference(stages).infer(0, [mention("m1", "甲"), anchor(), mention("m2", "丙"), mention("m3", "乙")])

    assert [firing.rule for firing in fired] == ["丙", "甲", "乙"]


# ---------------------------------------------------------------- near misses


@pytest.mark.parametrize(
    ("when", "missing"),
    [
        pytest.param("{all: [{mention: a}, {mention: z}]}", "提到“z”", id="one-word-short"),
        pytest.param("{all: [{mention: a}], none: [{mention: b}]}", "没有提到“b”", id="one-word-too-many"),
        pytest.param("{all: [{mention: a}], none: [{mention: y}, {mention: b}]}", "没有提到“b”", id="only-the-false-absence"),
        pytest.param("{all: [{mention: a}], any: [{mention: y}, {mention: z}]}", "提到“y”，或提到“z”", id="no-branch"),
        pytest.param("{all: [{mention: a}, {all: [{mention: b}, {mention: z}]}]}", "提到“z”", id="nested-all"),
        pytest.param("{all: [{field: content, shorter_than: 200}], none: [{mention: b}]}", "没有提到“b”", id="absence-after-the-case"),
        pytest.param("{all: [{mention: a}, {mention: y}, {mention: z}]}", None, id="two-short"),
        pytest.param("{all: [{mention: a}, {mention: b}]}", None, id="fired"),
        pytest.param("{all: [{mention: z}]}", None, id="only-condition"),
        pytest.param("{all: [{mention: z}, {channel: mail}]}", None, id="nothing-but-the-channel-speaks-for-it"),
        pytest.param("{all: [{mention: z}], none: [{mention: y}]}", None, id="nothing-but-an-absence-speaks-for-it"),
    ],
)
def test_near_misses(when: str, missing: str | None) -> None:
    """A rule that one false condition kept from firing is told with that condition, if anything spoke for it."""
    found = NearMisses(rules_of(rule(when))).of([anchor(), mention("m1", "a"), mention("m2", "b")])

    assert found == ([NearMiss(rule="甲", missing=missing)] if missing else [])


# ---------------------------------------------------------------- which facts are taken

HOSTILE: list[tuple[Facts, str]] = [
    ([], "须有且只有一个 case"),
    ([anchor(), anchor(id="case2")], "须有且只有一个 case"),
    ([mention("m1", "a")], "须有且只有一个 case"),
    ([anchor(), mention("m1", "a"), mention("m1", "b")], "两个事实用了同一个编号"),
    ([anchor(id="")], "编号不合格"),
    ([anchor(id="x" * 65)], "编号不合格"),
    ([anchor(id="案")], "编号不合格"),
    ([anchor(id="a\n")], "编号不合格"),
    ([anchor(id=7)], "编号不合格"),
    ([anchor(k=None)], "种类不认识"),
    ([anchor(k=["case"])], "种类不认识"),
    ([anchor(), {"id": "x", "k": "sid"}], "种类不认识"),
    ([anchor(channel="telex")], "channel 不合格"),
    ([anchor(has_name=1)], "has_name 不合格"),
    ([anchor(has_name=None)], "has_name 不合格"),
    ([anchor(content_length=2**62)], "content_length 不合格"),
    ([anchor(content_length=True)], "content_length 不合格"),
    ([anchor(content_length=1.0)], "content_length 不合格"),
    ([anchor(automatic="spam")], "automatic 不合格"),
    ([anchor(uscc_valid="no")], "uscc_valid 不合格"),
    ([anchor(), mention("m1", "a", where="body")], "where 不合格"),
    ([anchor(), mention("m1", "a", sentence="1")], "sentence 不合格"),
    ([anchor(), mention("m1", "a", negated="false")], "negated 不合格"),
    ([anchor(), {**mention("m1", "a"), "list": 5}], "list 不合格"),
    ([anchor(), candidate("p1", likeness=float("nan"))], "likeness 不合格"),
    ([anchor(), candidate("p1", likeness=float("inf"))], "likeness 不合格"),
    ([anchor(), candidate("p1", likeness="0.5")], "likeness 不合格"),
    ([anchor(), candidate("p1", same_name=1)], "same_name 不合格"),
    ([anchor(), {"id": "d1", "k": "derived"}], "name 不合格"),
]


@pytest.mark.parametrize(("facts", "problem"), HOSTILE)
def test_facts_that_are_none(facts: Facts, problem: str) -> None:
    """Facts of the wrong shape are refused before anything evaluates them, and the text says which and why."""
    with pytest.raises(MalformedMessageError, match=problem):
        CaseFacts(facts)


def test_a_long_value_is_not_repeated_in_full() -> None:
    """The refusal quotes at most the start of a value."""
    with pytest.raises(MalformedMessageError) as caught:
        CaseFacts([anchor(channel="x" * 100_000)])

    assert len(str(caught.value)) < 200


def test_selection_keeps_the_first_of_each_kind() -> None:
    """Of facts no rule can tell apart only the first is kept, and of a fact only what rules look at."""
    (stage,) = stages_of(rule("{all: [{mention: a}, {mention: b, in: title}]}"))
    facts = [mention(f"m{number}", "a", sentence=number, secret="x") for number in range(50)]
    facts += [mention("n1", "b"), mention("n2", "b", where="title"), mention("n3", "unbekannt")]

    selected = Selection(stage).of([*facts, anchor()])
    kept = selected.premises

    assert selected.anchor.ids == ("case",)
    assert [premise.ids for premise in kept] == [("m0",), ("n2",)]
    assert kept[0].properties == {"list": "a", "where": "content", "negated": False}


def test_selection_keeps_what_a_rule_wants_absent() -> None:
    """A fact that some rule wants not to be there is kept as well."""
    (stage,) = stages_of(rule("{all: [{mention: a}], none: [{mention: a, in: title}]}"))

    selected = Selection(stage).of([anchor(), mention("m1", "a"), mention("m2", "a", where="title")])

    assert [premise.ids for premise in selected.premises] == [("m1",), ("m2",)]


@pytest.mark.parametrize(
    ("facts", "possible"),
    [
        ([], ["不看词"]),
        ([mention("m1", "a")], ["不看词", "一个词"]),
        ([mention("m1", "a", negated=True)], ["不看词"]),
        ([mention("m1", "a"), mention("m2", "b")], ["不看词", "一个词", "两个词", "除非"]),
        ([mention("m1", "b"), mention("m2", "c")], ["不看词", "除非"]),
    ],
)
def test_selection_leaves_out_what_cannot_fire(facts: Facts, possible: list[str]) -> None:
    """Only alternatives whose words occur, and whose checks on the case are met, are put to the engine; what must be absent is left to it."""
    (stage,) = stages_of(
        rule("{all: [{channel: mail}]}", name="不看词")
        + rule("{all: [{channel: window}]}", name="别的渠道")
        + rule("{all: [{mention: a}]}", name="一个词")
        + rule("{all: [{mention: a}, {mention: b}]}", name="两个词")
        + rule("{all: [{mention: b}], none: [{mention: c}]}", name="除非")
    )

    found = Selection(stage).of([anchor(), *facts]).possible

    assert sorted(stage.compiled[number].name for number, _ in found) == sorted(possible)


@pytest.mark.parametrize("seed", range(8))
def test_no_rule_is_passed_over(seed: int) -> None:
    """By looking at those rules only of which the case speaks, nothing is lost: neither a firing, nor a near miss."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    stages = random_stages(dice, 40)
    reference, near = Reference(stages), NearMisses(rule for stage in stages for rule in stage.rules)
    fired = misses = 0

    for facts in [random_facts(dice, 12) for _ in range(40)]:
        for number, stage in enumerate(stages):
            case = _Case(facts)
            each = ((rule, case.evidence(rule.when)) for rule in stage.rules)
            one_by_one = [Firing(rule=rule.name, matched=evidence) for rule, evidence in each if evidence is not None]
            assert reference.infer(number, facts) == one_by_one
            fired += len(one_by_one)
        each_one = [rule.name for stage in stages for rule in stage.rules if _missing(_conjuncts(rule.when), _Case(facts))]
        assert [miss.rule for miss in near.of(facts)] == each_one
        misses += len(each_one)

    assert fired
    assert misses


@pytest.mark.parametrize(("count", "good"), [(MAX_PREMISES - 1, True), (MAX_PREMISES, False)])
def test_too_many_different_premises(count: int, good: bool) -> None:  # noqa: FBT001 - a table
    """A letter that mentions more lists than can be weighed at once is refused in words, never cut in silence."""
    (stage,) = stages_of("".join(rule(f"{{all: [{{mention: w{number}}}]}}", name=f"r{number}") for number in range(count)))
    facts = [anchor(), *(mention(f"m{number}", f"w{number}") for number in range(count))]

    if good:
        assert len(Selection(stage).of(facts).premises) == count
    else:
        with pytest.raises(MalformedMessageError, match="要权衡的事实有 201 项，超过 200 项"):
            Selection(stage).of(facts)

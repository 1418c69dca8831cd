"""The compiler: stages, alternatives, its limits, and what it hands to the engine."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from rules.compile import CHANNELS, MAX_ALTERNATIVES, Check, Pattern, Stage, compile_rule, compile_stages
from rules.language import CANDIDATE_KEYS, FIELDS, Fact
from rules.premises import MAX_PREMISES, Selection
from rules.reference import Reference
from rules.shards import CATCH_ALL, RULESET_SIZE, build_shards
from store.errors import Problem
from tests.integration.random_rules import random_facts, random_stages
from tests.rule_text import rule, rules_of, stages_of


def problems_of(text: str) -> list[str]:
    """Return what the compiler finds wrong with the rule file *text*, as printed."""
    problems: list[Problem] = []
    compile_stages(rules_of(text), problems)
    return [str(problem) for problem in problems]


# ---------------------------------------------------------------- stages


def test_stages_follow_conclusions() -> None:
    """A rule runs after every rule that draws a conclusion it rests on, also where it wants its absence."""
    stages = stages_of(
        rule("{all: [{concluded: 二}]}", name="丁")
        + rule("{all: [{mention: x}]}", "{conclude: 一}", "甲")
        + rule("{none: [{concluded: 一}]}", "{conclude: 二}", "乙")
        + rule("{all: [{mention: y}]}", "{conclude: 二}", "丙")
    )

    assert [[one.name for one in stage.rules] for stage in stages] == [["甲", "丙"], ["乙"], ["丁"]]


def test_a_pack_without_conclusions_has_one_stage() -> None:
    """Without conclusions everything runs at once, in the order of the file."""
    (stage,) = stages_of(rule("{all: [{mention: x}]}", name="乙") + rule("{all: [{mention: x}]}", name="甲"))

    assert [one.name for one in stage.rules] == ["乙", "甲"]


def test_every_circle_is_told() -> None:
    """Conclusions that rest on each other are told, each circle with its rules."""
    text = (
        rule("{all: [{concluded: 二}]}", "{conclude: 一}", "甲")
        + rule("{all: [{concluded: 一}]}", "{conclude: 二}", "乙")
        + rule("{all: [{concluded: 三}]}", "{conclude: 三}", "丙")
        + rule("{all: [{concluded: 一}]}", name="丁")
    )

    found = "\n".join(problems_of(text))

    assert found.count("结论互相依赖，成了循环") == 2
    assert "丙 → 丙" in found
    assert "甲 → 乙 → 甲" in found or "乙 → 甲 → 乙" in found


def test_overrides_in_a_circle() -> None:
    """Two rules that set each other aside leave nobody to decide."""
    one = "- {rule: 甲, basis: policy, when: {all: [{mention: x}]}, then: {urgent: true}, overrides: [乙]}\n"

    (problem,) = problems_of(one + one.replace("甲", "丙").replace("乙", "甲").replace("丙", "乙"))

    assert "规则互相覆盖，成了循环" in problem


def test_an_exception_that_comes_too_late() -> None:
    """A rule of a later stage cannot set aside a conclusion that was used before it ran."""
    text = rule("{all: [{mention: x}]}", "{conclude: 一}", "甲") + (
        "- {rule: 乙, basis: policy, when: {all: [{concluded: 一}]}, then: {urgent: true}, overrides: [甲]}\n"
    )

    (problem,) = problems_of(text)

    assert problem.startswith("rules.yaml:2: 乙: 覆盖“甲”已经太晚")


# ---------------------------------------------------------------- alternatives


def test_default_scope_needs_no_alternatives() -> None:
    """Three of four places are one exclusion, not three alternatives."""
    (stage,) = stages_of(rule("{all: [{mention: 合同}]}"))
    (alternative,) = stage.compiled[0].alternatives

    assert alternative.positive[0].checks == (
        Check("list", "eq", "合同"),
        Check("negated", "eq", value=False),
        Check("where", "ne", "sender"),
    )


@pytest.mark.parametrize(
    ("when", "ranks"),
    [
        ("{all: [{mention: a}, {mention: b}]}", [()]),
        ("{any: [{mention: a}, {mention: b}]}", [(0,), (1,)]),
        ("{any: [{all: [{mention: a}, {any: [{mention: b}, {mention: c}]}]}, {mention: d}]}", [(0, 0), (0, 1), (1,)]),
        ("{none: [{mention: a}, {mention: b}]}", [()]),
        ("{none: [{all: [{mention: a}, {mention: b}]}]}", [(0,), (1,)]),
        ("{none: [{none: [{mention: a}, {mention: b}]}]}", [(0,), (1,)]),
        ("{all: [{candidate: {same: [thread, number]}}]}", [(), ()]),
        ("{none: [{candidate: {same: [thread, number]}}]}", [()]),
        ("{none: [{channel: [mail, letter]}]}", [()]),
        ("{none: [{field: uscc, is: valid}]}", [()]),
        ("{any: [{channel: mail}, {all: [{mention: a}], none: [{mention: a}]}]}", [(0,)]),
    ],
)
def test_alternatives(when: str, ranks: list[tuple[int, ...]]) -> None:
    """Only a choice makes alternatives: `any`, the contrary of `all`, several keys; what contradicts itself is left out."""
    (stage,) = stages_of(rule(when))

    assert [alternative.rank for alternative in stage.compiled[0].alternatives] == ranks


def any_of(count: int, sort: str = "any") -> str:
    """Return a group of *count* mentions."""
    return f"{{{sort}: [{', '.join(f'{{mention: w{number}}}' for number in range(count))}]}}"


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        (any_of(MAX_ALTERNATIVES), None),
        (any_of(MAX_ALTERNATIVES + 1), "条件展开后超过 64 种组合"),
        (f"{{all: [{any_of(9)}, {any_of(9)}]}}", "条件展开后超过 64 种组合"),
        (f"{{all: [{', '.join([any_of(9)] * 40)}]}}", "条件展开后超过 64 种组合"),
        (f"{{all: [{', '.join(['{candidate: {same: [thread, number, uscc]}}'] * 9)}]}}", "条件展开后超过 64 种组合"),
        (any_of(14, "all"), None),
        (any_of(15, "all"), "同时要求 15 项，超过 14 项"),
        (any_of(15, "none"), "同时要求 15 项，超过 14 项"),
        ("{all: [{channel: mail}, {channel: letter}]}", "这条规则永远不会成立"),
        (f"{{none: [{{channel: [{', '.join(CHANNELS)}]}}]}}", "这条规则永远不会成立"),
        ("{all: [{field: name, is: present}, {field: name, is: missing}]}", "这条规则永远不会成立"),
        ("{all: [{mention: a}], none: [{mention: a}]}", "这条规则永远不会成立"),
    ],
)
def test_limits(when: str, problem: str | None) -> None:
    """A rule that expands too far, asks too much at once or contradicts itself is told; nothing near that is."""
    found = problems_of(rule(when))

    assert found[0].startswith(f"rules.yaml:1: 甲: {problem}") if problem else found == [], found


# ---------------------------------------------------------------- the compiled rules mean what is written


def fires(stage: Stage, facts: Sequence[Fact]) -> list[str]:
    """Return the rules of *stage* that fire as compiled, by nothing but the definition of an alternative."""
    selected = Selection(stage).of(facts)
    anchor, premises = selected.anchor, selected.premises

    def found(pattern: Pattern) -> bool:
        return any(premise.kind == pattern.kind and pattern.holds(premise.properties) for premise in premises)

    return [
        compiled.name
        for compiled in stage.compiled
        if any(
            all(check.holds(anchor.properties) for check in alternative.anchor)
            and all(found(pattern) for pattern in alternative.positive)
            and not any(found(pattern) for pattern in alternative.negative)
            for alternative in compiled.alternatives
        )
    ]


@pytest.mark.parametrize("seed", range(10))
def test_compiled_rules_agree_with_the_written_ones(seed: int) -> None:
    """Alternatives over selected premises say of random cases what the conditions over all facts say."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    stages = random_stages(dice, 40)
    reference = Reference(stages)

    for facts in [random_facts(dice) for _ in range(40)]:
        for number, stage in enumerate(stages):
            assert fires(stage, facts) == [firing.rule for firing in reference.infer(number, facts)]


# ---------------------------------------------------------------- rulesets for the engine


def alternatives_of(shards: list[dict[str, Any]]) -> list[str]:
    """Return the names of all alternatives in *shards*."""
    return [name for shard in shards for name in shard if name != CATCH_ALL]


@pytest.mark.parametrize(
    ("rules", "most"),
    [
        pytest.param([rule("{all: [{mention: w}]}", name=f"r{n}") for n in range(600)], 250, id="one-end"),
        pytest.param([rule(f"{{all: [{{field: content, shorter_than: {n}}}]}}", name=f"r{n}") for n in range(100)], 60, id="pending"),
        pytest.param([rule(any_of(14, "all").replace("w", f"v{n}x"), name=f"r{n}") for n in range(90)], 36, id="many-tests"),
    ],
)
def test_shards_close_before_a_limit(rules: list[str], most: int) -> None:
    """No ruleset holds more than the engine bears, none is lost, and each ends with the rule that fires for every case."""
    (stage,) = stages_of("".join(rules))

    shards = build_shards(stage.compiled, most=1_000)

    assert max(len(shard) - 1 for shard in shards) <= most
    assert alternatives_of(shards) == [f"{number}.0" for number in range(len(rules))]
    assert all(list(shard)[-1] == CATCH_ALL for shard in shards)


def test_shards_are_small_and_keep_together_what_looks_for_the_same() -> None:
    """A case pays for the rulesets whose words occur: they are small, and the alternatives of one list stand side by side."""
    (stage,) = stages_of("".join(rule(f"{{all: [{{mention: w{n % 20}}}]}}", name=f"r{n}") for n in range(200)))

    shards = build_shards(stage.compiled)

    assert [len(shard) - 1 for shard in shards] == [RULESET_SIZE] * 6 + [8]
    assert list(shards[0])[:11] == [f"{n}.0" for n in range(0, 200, 20)] + ["1.0"]
    assert sorted(alternatives_of(shards)) == sorted(f"{n}.0" for n in range(200))


def test_shape_of_a_rule() -> None:
    """The anchor stands first where it is tested or something must be absent, equalities before other tests, absences last."""
    (stage,) = stages_of(rule("{all: [{mention: a}, {field: content, longer_than: 9}, {channel: mail}], none: [{mention: b}]}"))

    (shard,) = build_shards(stage.compiled)

    assert shard["0.0"] == {
        "pri": 1,
        "dist": 0,
        "all": [
            {"a": {"$and": [{"k": "case"}, {"channel": "mail"}, {"$gt": {"content_length": 9}}]}},
            {"p0": {"$and": [{"k": "mention"}, {"list": "a"}, {"negated": False}, {"$neq": {"where": "sender"}}]}},
            {"n0$not": {"$and": [{"k": "mention"}, {"list": "b"}, {"negated": False}, {"$neq": {"where": "sender"}}]}},
        ],
    }


def test_a_rule_of_mentions_alone_needs_no_anchor() -> None:
    """Each pattern costs time in every case, so the anchor is left out where nothing rests on it."""
    (stage,) = stages_of(rule("{all: [{mention: a}, {mention: b}]}"))

    assert [list(pattern) for pattern in build_shards(stage.compiled)[0]["0.0"]["all"]] == [["p0"], ["p1"]]


def test_an_empty_stage_is_a_ruleset_still() -> None:
    """A pack without rules in a stage loads as a ruleset with nothing but the catch-all."""
    assert [list(shard) for shard in build_shards([])] == [[CATCH_ALL]]


def test_the_engines_hash_keeps_our_names_apart() -> None:
    """The engine compares ids and property names by a 32-bit hash only: none of ours collide."""

    def fnv(name: str) -> int:
        value = 0x811C9DC5
        for byte in name.encode():
            value = ((value ^ byte) * 16_777_619) & 0xFFFFFFFF
        return value

    names = {"id", "sid", "k", "list", "other", "where", "negated", "words", "distance", "likeness", "days", "name"}
    names |= {"channel", "automatic", "uscc", "title_length", "content_length", "a", "case"}
    names |= {f"has_{name}" for name in FIELDS} | {f"same_{key}" for key in CANDIDATE_KEYS}
    names |= {f"{letter}{number}" for letter, number in itertools.product("fpn", range(MAX_PREMISES))}

    assert len({fnv(name) for name in names}) == len(names)


def test_compiling_is_plain_data() -> None:
    """What goes to the engine is JSON: nothing but names of the pack, numbers and switches."""
    (stage,) = stages_of(rule("{all: [{mention: 词表}, {candidate: {likeness_at_least: 0.6, within_days: 90}}]}"))

    text = json.dumps(build_shards(stage.compiled), ensure_ascii=False, allow_nan=False)

    assert "词表" in text
    assert '{"$gte": {"likeness": 0.6}}' in text


def test_a_rule_that_failed_to_compile_is_left_without_alternatives() -> None:
    """A rule that expands too far never reaches an engine, even if its problem were overlooked."""
    problems: list[Problem] = []
    (written,) = rules_of(rule(any_of(65)))

    assert compile_rule(written, problems).alternatives == ()
    assert len(problems) == 1

"""The engine against the plain evaluator: random rules, random facts, every firing and its evidence the same."""

from __future__ import annotations

import random

import pytest

from rules.compile import Stage
from rules.engine import Engine
from rules.language import Firing
from rules.reference import Reference
from rules.rulebook import builtin_pack, builtin_packs, load_pack
from tests.integration.random_rules import Facts, book, random_facts, random_stages


def decide_both(engine: Engine, reference: Reference, stages: tuple[Stage, ...], facts: Facts) -> list[Firing]:
    """Run all stages by both evaluators, what one stage concludes being known to the next; return all firings."""
    fired: list[Firing] = []
    for number, stage in enumerate(stages):
        expected = reference.infer(number, facts)
        assert engine.infer(number, facts) == expected
        effects = {rule.name: rule.then for rule in stage.rules}
        drawn = dict.fromkeys(name for firing in expected for name in effects[firing.rule].conclude)
        derived: Facts = [{"id": f"d{number}.{index}", "k": "derived", "name": name} for index, name in enumerate(drawn)]
        facts = [*facts, *derived]
        fired += expected
    return fired


def compare(seed: int, *, rules: int, cases: int, facts: int) -> int:
    """Compare on *cases* random cases of one random pack; return the number of firings."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    stages = random_stages(dice, rules)
    engine, reference = Engine(book(stages)), Reference(stages)
    assert engine.name == "durable-rules", engine.degraded
    engine._reference = Reference(())  # nothing may be answered by the stand-in here
    try:
        return sum(len(decide_both(engine, reference, stages, random_facts(dice, facts))) for _ in range(cases))
    finally:
        engine.close()


@pytest.mark.parametrize("seed", range(12))
def test_engine_agrees_with_the_plain_evaluator(seed: int) -> None:
    """Every rule that fires fires by both evaluators, with the same facts as evidence."""
    assert compare(seed, rules=40, cases=60, facts=24) > 0


def test_a_large_pack_is_spread_over_rulesets_without_a_difference() -> None:
    """A pack that needs several rulesets, and cases of very many facts, are decided alike."""
    assert compare(1_000, rules=300, cases=25, facts=400) > 0


@pytest.mark.parametrize("name", builtin_packs())
def test_builtin_packs_are_decided_alike(name: str) -> None:
    """The packs that come with the product, on random facts about their own lists."""
    dice = random.Random(name)  # noqa: S311 - not for secrets
    pack = load_pack(builtin_pack(name))
    conclusions = [conclusion for rule in pack.rules.values() for conclusion in rule.then.conclude]
    engine, reference = Engine(pack), Reference(pack.stages)
    try:
        for _ in range(60):
            decide_both(engine, reference, pack.stages, random_facts(dice, 60, list(pack.lists), conclusions))
    finally:
        engine.close()


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(100, 300))
def test_engine_agrees_with_the_plain_evaluator_ten_thousand_times(seed: int) -> None:
    """Ten thousand cases in all: 200 packs of 10 to 120 rules with 50 cases each."""
    assert compare(seed, rules=10 + seed % 12 * 10, cases=50, facts=12 + seed % 5 * 20) > 0

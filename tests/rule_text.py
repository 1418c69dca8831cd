"""Rules for tests, written as they stand in a pack file, and facts about one case."""

from __future__ import annotations

from typing import Any

from rules.compile import Stage, compile_stages
from rules.effects import Known
from rules.language import FIELDS, MEASURED_FIELDS, Rule
from rules.packfiles import Problems, Reader, read_yaml
from rules.syntax import read_rules
from store.errors import Problem

ANYTHING = Known(lists=None, departments=None, grounds=None, articles=None, supplements=None)


def rules_of(text: str) -> list[Rule]:
    """Return the rules of the rule file *text*, whose lists, departments and articles are taken as given."""
    problems = Problems()
    root = read_yaml(text.encode(), "rules.yaml", problems)
    assert root is not None
    rules = read_rules([root], ANYTHING, Reader(problems))
    assert problems.found == []
    return rules


def stages_of(text: str) -> tuple[Stage, ...]:
    """Return the compiled stages of the rule file *text*."""
    problems: list[Problem] = []
    stages = compile_stages(rules_of(text), problems)
    assert problems == []
    return stages


def rule(when: str, then: str = "{urgent: true}", name: str = "甲") -> str:
    """Return the text of one rule from its conditions and effects in flow style."""
    return f"- {{rule: {name}, basis: policy, when: {when}, then: {then}}}\n"


def anchor(**properties: object) -> dict[str, Any]:
    """Return the anchor fact of a complete, ordinary mail, but for *properties*."""
    fact: dict[str, Any] = {"id": "case", "k": "case", "channel": "mail", "uscc_valid": True}
    fact |= {f"has_{name}": True for name in FIELDS}
    fact |= {f"{name}_length": 100 for name in MEASURED_FIELDS}
    return fact | {"day": 20241010} | properties


def mention(identity: str, words: str, **properties: object) -> dict[str, Any]:
    """Return a mention of the list *words* in sentence 1 of the content, but for *properties*."""
    return {"id": identity, "k": "mention", "list": words, "where": "content", "sentence": 1, "negated": False, **properties}

"""The schema for editors and the reference page say what the product accepts, key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from rules import syntax
from rules.language import Then
from rules.rulebook import builtin_pack
from rules.schema import MEANINGS, lists_schema, reference_page, rules_schema
from tests.decisions.material import chenggong

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "规则语言.md"
RULE = {"rule": "甲", "basis": "policy", "when": {"all": [{"mention": "部门"}]}, "then": {"route": "swj"}}


def problems(schema: dict[str, Any], value: object) -> list[str]:
    """Return what an editor would underline."""
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(value)]


def test_every_key_has_its_meaning_and_no_other() -> None:
    """A key that the product reads is in schema and reference; one that it does not read is in neither."""
    leaves = {key for keys in syntax.LEAF_KEYS.values() for key in keys}

    assert set(MEANINGS["规则"]) == set(syntax.RULE_KEYS)
    assert set(MEANINGS["条件"]) == leaves | set(syntax.GROUPS)
    assert set(MEANINGS["效果"]) == set(Then.__dataclass_fields__)


def test_reference_page_is_the_generated_one() -> None:
    """The page is written by `make reference`, never by hand."""
    assert PAGE.read_text(encoding="utf-8") == reference_page()


@pytest.mark.parametrize("folder", ["rules", "lists"])
def test_the_pack_fits(folder: str) -> None:
    """Nothing in the files of the product's own pack is underlined."""
    schema = rules_schema(chenggong()) if folder == "rules" else lists_schema()
    files = sorted((builtin_pack("chenggong") / folder).glob("*.yaml"))

    wrong = {path.name: found for path in files if (found := problems(schema, yaml.safe_load(path.read_text(encoding="utf-8"))))}

    assert files
    assert wrong == {}


@pytest.mark.parametrize(
    "change",
    [
        {"rul": "乙"},
        {"basis": "二（二）6"},
        {"from": "七月"},
        {"when": {}},
        {"when": {"all": [{"mention": "没有这个词表"}]}},
        {"when": {"all": [{"mention": "部门", "in": "body"}]}},
        {"when": {"all": [{"mention": "部门", "at_least": 1}]}},
        {"when": {"all": [{"channel": "pigeon"}]}},
        {"when": {"all": [{"received": {"since": "2025-01-01"}}]}},
        {"then": {}},
        {"then": {"route": "区税务局"}},
        {"then": {"level": "严重"}},
        {"then": {"urgent": False}},
        {"overrides": ["没有这条规则"]},
    ],
    ids=str,
)
def test_mistakes_are_underlined(change: dict[str, Any]) -> None:
    """What the load would refuse is seen while typing."""
    schema = rules_schema(chenggong())

    assert problems(schema, [RULE]) == []
    assert problems(schema, [RULE | change]) != []


def test_without_a_pack_any_name_will_do() -> None:
    """The schema without a pack knows the language only."""
    assert problems(rules_schema(), [RULE | {"when": {"all": [{"mention": "甲", "near": "乙", "within": 5}]}}]) == []


@pytest.mark.parametrize(
    ("words", "fits"), [([["甲", "乙"], "丙"], True), ({"words": ["甲"], "except": ["甲乙"]}, True), ({"word": ["甲"]}, False)]
)
def test_lists(words: object, fits: bool) -> None:  # noqa: FBT001 - a column of a table
    """Synonyms in a list of their own, exceptions; a mistyped key is seen."""
    assert (problems(lists_schema(), {"表": words}) == []) is fits

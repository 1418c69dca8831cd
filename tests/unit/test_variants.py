"""A word is found in the other ways people and programs write it; what means something else stays apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.language import WordList
from rules.lexicon import Lexicon, Text
from rules.rulebook import load_pack
from rules.variants import variants
from store.errors import ConfigError
from tests.decisions.material import decided, petition, small_pack


@pytest.mark.parametrize(
    ("word", "others"),
    [
        ("12345", {"一二三四五", "幺二三四五"}),
        ("一二三四五热线", {"12345热线"}),
        ("7个工作日", {"七个工作日"}),
        ("七个工作日", {"7个工作日"}),
        ("2次", {"二次", "两次"}),
        ("两次", {"2次"}),
        ("10天", {"十天"}),
        ("十二条", {"12条"}),
        ("20天", {"二十天"}),
        ("三十五天", {"35天"}),
        ("跑了三趟五回", {"跑了3趟5回"}),
        ("二三十家", set()),  # about so many
        ("七八次", set()),
        ("4s店", set()),
        ("5g基站", set()),
        ("二", set()),
        ("停水", set()),
    ],
)
def test_numbers(word: str, others: set[str]) -> None:
    """Numbers are found in digits and in Chinese, as things are counted and as numbers are read out."""
    assert set(variants(word, {})) == others


def test_quotation_is_what_stands_there() -> None:
    """What is found counts as the word of the pack; the quotation shows the sender's own characters."""
    lexicon = Lexicon([WordList(name="热线", words=("12345热线",))], homophones={"热线": ("热县",)})
    text = Text("content", "content", "打过一二三四五热线，也打过12345热县")

    found = lexicon.find([text])

    assert [(match.word, text.text[match.start : match.end]) for match in found] == [
        ("12345热线", "一二三四五热线"),
        ("12345热线", "12345热县"),
    ]


def test_numbers_inside_other_numbers_do_not_count() -> None:
    """A short number is not found inside a longer one."""
    lexicon = Lexicon([WordList(name="天", words=("5天",))])

    assert lexicon.find([Text("content", "content", "等了15天")]) == []


def test_synonyms_count_as_one(tmp_path: Path) -> None:
    """Any of several synonyms is a mention, all of them together are one word where different words are counted."""
    pack = small_pack(
        tmp_path,
        lists="证: [罚款, [通行证, 入城证, 进城证]]",
        rules="- {rule: 两种, basis: policy, when: {all: [{mention: 证, at_least: 2}]}, then: {urgent: true}}",
    )

    urgent = [decided(pack, petition("", text)).urgent for text in ("入城证和进城证", "入城证被罚款")]

    assert urgent == [False, True]


def test_what_is_misheard_is_data_of_the_pack(tmp_path: Path) -> None:
    """The pack says what may be heard; a wrong spelling that is the right one is a mistake."""
    lists, rules = "证: [通行证]", "- {rule: 证, basis: policy, when: {all: [{mention: 证}]}, then: {urgent: true}}"
    small_pack(tmp_path, lists=lists, rules=rules)
    (tmp_path / "homophones.yaml").write_text("通行证: [通型证]\n", encoding="utf-8")
    assert decided(load_pack(tmp_path), petition("", "办通型证")).urgent

    (tmp_path / "homophones.yaml").write_text("通行证: [通行证]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"homophones\.yaml:1: 通行证: “通行证”误听成了它自己"):
        load_pack(tmp_path)

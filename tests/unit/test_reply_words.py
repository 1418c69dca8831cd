"""The words by which replies are read: the product's file, what a pack adds, and how a slip in it is told."""

from __future__ import annotations

import pytest

from channels.reply import read_reply
from rules.packfiles import Problems, Reader, read_yaml
from rules.reply_words import product_words, read_reply_words
from rules.rulebook import product_wording
from store.model.letter import Letter
from store.model.reply import ACTS, PARTS, ReplyWords


def _pack(text: str) -> tuple[ReplyWords, list[str]]:
    problems = Problems()
    root = read_yaml(text.encode(), "reply_words.yaml", problems)
    words = read_reply_words(root, Reader(problems))
    return words, [str(problem) for problem in problems.found]


def test_product_file_is_whole() -> None:
    """Every act has a phrase and every list a word: nothing that a reply may order can be said in no way."""
    words = product_words()

    assert words.acts.keys() == set(ACTS)
    assert words.parts.keys() == set(PARTS)
    assert all([*words.acts.values(), *words.parts.values(), *words.sets.values()])


def test_pack_adds_its_own_ways_of_saying_it() -> None:
    """A phrase of the pack orders beside those of the product, which all stay."""
    words, problems = _pack("sets:\n  办妥: [搞定, 弄好]\nacts:\n  answer.solved: [<问题>，已经<办妥>]\nparts:\n  subjects: [社区]")

    assert problems == []
    for text, event in (("路灯的问题已经搞定。", "answer"), ("社区已签收。", "acknowledge"), ("签收。", "acknowledge")):
        assert [command.event for command in read_reply(Letter(text=text), words).commands] == [event]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("acts:\n  acknowlege: [签收]", "是否想写“acknowledge”"),
        ("acts:\n  acknowledge: [（已签收]", "reply_words.yaml:2: acts.acknowledge.0: “（已签收”里的括号不成对"),
        ("acts:\n  acknowledge: [签收<天树>]", "没有名为“天树”的空位或词表（是否想写“天数”？）"),
        ("acts:\n  acknowledge: [（已）（经）]", "什么都可以不写，任何话都会算作指令"),
        ("parts:\n  subject: [我局]", "是否想写“subjects”"),
        ("sets: 办妥", "sets"),
    ],
)
def test_slip_is_told_with_its_place(text: str, told: str) -> None:
    """A phrase that cannot be read is told in Chinese with line and remedy, and the rest is read."""
    words, problems = _pack(text)

    (problem,) = problems
    assert told in problem
    assert words.acts["acknowledge"][: len(product_words().acts["acknowledge"])] == product_words().acts["acknowledge"]


def test_our_mails_are_known_by_what_only_they_say() -> None:
    """The last line of every mail of ours is among the sentences by which it is known where no client marked it."""
    ours = product_words().parts["ours"]

    assert any(words in product_wording()["_signature.txt"] for words in ours)
    assert any(words in product_wording()["assign.txt"] for words in ours)
    assert any(words in product_wording()["progress.txt"] for words in ours)

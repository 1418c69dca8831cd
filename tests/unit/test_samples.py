"""Samples: what an operator writes beside a rule becomes the petition that the rules decide on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rules.language import Earlier, Example, Sample
from rules.packfiles import Problems, Reader, read_yaml
from rules.samples import candidates_of, petition_of, read_examples
from store.model.arrival import Channel

NOW = datetime(2024, 10, 10, 2, tzinfo=UTC)


def read(text: str) -> tuple[tuple[Example, ...], list[str]]:
    """Return the examples under `examples` in *text*, and the problems as printed."""
    problems = Problems()
    root = read_yaml(text.encode(), "x.yaml", problems)
    assert root is not None
    return read_examples(root, Reader(problems)), [str(problem) for problem in problems.found]


def test_examples_are_read_in_both_forms() -> None:
    """A text alone is the content of a letter; hits come before near misses."""
    examples, problems = read("near_miss: [乙]\nhit: [甲, {title: 丙, uscc: invalid}]\n")

    assert problems == []
    assert examples == (
        Example(sample=Sample(text="甲", place="x.yaml:2"), fires=True),
        Example(sample=Sample(title="丙", uscc_valid=False, place="x.yaml:2"), fires=True),
        Example(sample=Sample(text="乙", place="x.yaml:1"), fires=False),
    )


def test_every_key_arrives() -> None:
    """What a sample says stands in the petition and in the earlier case."""
    text = (
        "hit: {title: 标题, text: 正文, attachment: 附件, name: 甲公司, phone: '1', uscc: valid, sender: 王某,"
        " automatic: bounce, earlier: {same: [thread, name], title: 旧, text: 旧文, days: 3}}\n"
    )
    (example,), problems = read(text.replace("hit: {", "hit: [{").replace("}}\n", "}}]\n"))
    petition = petition_of(example.sample)
    (candidate,) = candidates_of(example.sample, NOW)

    assert problems == []
    assert (petition.title, petition.content, petition.channel) == ("标题", "正文", Channel.MAIL)
    assert petition.attachment_texts == {"附件.txt": "附件"}
    assert petition.name is not None
    assert petition.name.value == "甲公司"
    assert petition.uscc_valid is True
    assert petition.letter.sender is not None
    assert petition.letter.sender.name == "王某"
    assert petition.letter.automatic is not None
    assert petition.letter.automatic.kind == "bounce"
    assert example.sample.earlier == Earlier(same=("thread", "name"), title="旧", text="旧文", days=3)
    assert (candidate.keys, candidate.title, candidate.content) == (("thread", "name"), "旧", "旧文")
    assert candidate.received_at == NOW - timedelta(days=3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [pytest.param("", "昆明牧野有限公司", id="not-said"), pytest.param(", name: 昆明沐野有限公司", "昆明沐野有限公司", id="said")],
)
def test_an_earlier_case_has_its_own_enterprise(name: str, expected: str) -> None:
    """An earlier case may name its enterprise otherwise; where it names none, it is that of the sample."""
    (example,), problems = read(f"hit: [{{name: 昆明牧野有限公司, text: 正文, earlier: {{same: [sound]{name}}}}}]\n")
    (candidate,) = candidates_of(example.sample, NOW)

    assert problems == []
    assert candidate.name == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("{}\n", "x.yaml:1: examples 里没有例子", id="empty"),
        pytest.param("hits: [甲]\n", "x.yaml:1: hits: 不认识的键“hits”（是否想写“hit”？）", id="key"),
        pytest.param("hit: []\n", "x.yaml:1: hit: 列表是空的（例子）", id="no-item"),
        pytest.param("hit: [{txet: 甲}]\n", "x.yaml:1: hit.0.txet: 不认识的键“txet”（是否想写“text”？）", id="sample-key"),
        pytest.param("hit: [{automatic: spam}]\n", "x.yaml:1: hit.0.automatic: 没有名为“spam”的自动邮件种类", id="automatic"),
        pytest.param("hit: [{earlier: {days: 3}}]\n", "x.yaml:1: hit.0.earlier: 缺少“same”", id="earlier"),
    ],
)
def test_mistakes_are_told(text: str, problem: str) -> None:
    """A mistyped example says where and what may stand there."""
    _, problems = read(text)

    assert any(found.startswith(problem) for found in problems), problems

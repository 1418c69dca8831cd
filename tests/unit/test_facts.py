"""What the rules get to know of a petition, and what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rules.facts import LONGEST, MOST_MENTIONS, Facts, facts_from
from rules.rulebook import RuleBook
from store.model.arrival import Channel
from store.model.letter import Authentication
from store.model.matching import Candidate
from store.model.petition import Petition
from tests.decisions.material import NOW, automatic, candidate, from_sender, petition, small_pack

LISTS = """
停水: [停水, 断水, 无水可用]
断电: [停电, 断电]
请求词: [请, 希望]
否定词: [没有]
"""
RULES = """
- {rule: 停水, basis: policy, when: {all: [{mention: 停水}]}, then: {route: water, weight: 3}}
- {rule: 断电, basis: policy, when: {all: [{mention: 断电}]}, then: {route: power, weight: 3}}
- {rule: 多词, basis: policy, when: {all: [{mention: 停水, at_least: 2}]}, then: {urgent: true}}
- {rule: 相近, basis: policy, when: {all: [{mention: 停水, near: 请求词, within: 4}]}, then: {urgent: true}}
- {rule: 标题多词, basis: policy, when: {all: [{mention: 停水, in: title, at_least: 2, negated: any}]}, then: {urgent: true}}
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    """Return a pack that asks for mentions, a count and a distance."""
    folder: Path = tmp_path_factory.mktemp("pack")
    return small_pack(folder, lists=LISTS, rules=RULES)


def facts_of(pack: RuleBook, asked: Petition, candidates: Sequence[Candidate] = ()) -> Facts:
    """Return the facts of *asked*."""
    return facts_from(asked, candidates, rulebook=pack, now=NOW)


def of_kind(facts: Facts, kind: str) -> list[dict[str, object]]:
    """Return the facts of one kind."""
    return [fact for fact in facts.facts if fact["k"] == kind]


def test_anchor_says_what_is_there(pack: RuleBook) -> None:
    """The anchor tells fields that are there from those that are not, and lengths without blank edges."""
    asked = replace(petition("停水", " 一二三 \n", name="甲公司", uscc="91"), uscc_valid=False)

    (anchor,) = of_kind(facts_of(pack, asked), "case")

    assert anchor == {
        "id": "case",
        "k": "case",
        "channel": "letter",
        "day": 20241010,
        "has_name": True,
        "has_uscc": True,
        "has_address": False,
        "has_contact": False,
        "has_phone": False,
        "has_title": True,
        "has_content": True,
        "title_length": 2,
        "content_length": 3,
        "uscc_valid": False,
    }


@pytest.mark.parametrize(("results", "said"), [({"dmarc": "fail"}, "refuted"), ({"dmarc": "pass"}, "confirmed"), ({"spf": "none"}, None)])
def test_checked_sender(pack: RuleBook, results: dict[str, str], said: str | None) -> None:
    """What the mail server in front found out is a fact; where it could not tell, there is none."""
    mail = automatic("bounce")
    checked = replace(mail, letter=replace(mail.letter, authentication=Authentication(**results, by="mx.gov.example")))
    (anchor,) = of_kind(facts_of(pack, checked), "case")
    assert anchor.get("authentication") == said
    (unchecked,) = of_kind(facts_of(pack, mail), "case")
    assert "authentication" not in unchecked


def test_automatic_mail_says_its_kind(pack: RuleBook) -> None:
    """What the headers prove is a fact; without it the property is left out."""
    (anchor,) = of_kind(facts_of(pack, automatic("bounce")), "case")

    assert (anchor["automatic"], anchor["channel"]) == ("bounce", Channel.MAIL)
    assert "uscc_valid" not in anchor


def test_mentions_are_merged_by_list_place_sentence_and_negation(pack: RuleBook) -> None:
    """Ten times the same word in a sentence is one fact; a negated one is another."""
    facts = of_kind(facts_of(pack, petition("停水", "停水停水断水。停水，没有停水")), "mention")

    assert [(fact["list"], fact["where"], fact["negated"]) for fact in facts] == [
        ("停水", "title", False),
        ("停水", "content", False),
        ("停水", "content", False),
        ("停水", "content", True),
    ]
    assert len({fact["sentence"] for fact in facts}) == 3


def test_every_place_has_its_own_mentions(pack: RuleBook) -> None:
    """Attachments and the sender's display name are searched too, and told apart."""
    asked = replace(from_sender("停水办", "停水"), attachment_texts={"a.docx": "停水"})

    found = facts_of(pack, asked)

    assert [fact["where"] for fact in of_kind(found, "mention")] == ["content", "sender", "attachment"]
    assert [found.evidence[str(fact["id"])][0].source for fact in of_kind(found, "mention")] == ["content", "sender", "attachment:a.docx"]


def test_counts_tell_different_words_in_their_scope(pack: RuleBook) -> None:
    """Two different words count two, the same word twice one; each question has its own scope."""
    found = of_kind(facts_of(pack, petition("没有停水", "停水，停水，断水")), "count")

    assert {(fact["list"], fact["words"]) for fact in found} == {("停水", 2), ("停水@title/any", 1)}


@pytest.mark.parametrize(
    ("content", "distance"), [("请停水", 0), ("停水了，请", 2), ("停水以后一直，请", None), ("停水。请", 1), ("停电，请", None)]
)
def test_distance_is_that_of_the_nearest_pair(pack: RuleBook, content: str, distance: int | None) -> None:
    """The distance is in characters between the two words, and only up to what the rule asks."""
    found = of_kind(facts_of(pack, petition("", content)), "near")

    assert [fact["distance"] for fact in found] == ([] if distance is None else [distance])


def test_quotations_are_slices_of_the_original(pack: RuleBook) -> None:
    """Whoever checks a quotation finds it where it is said to stand."""
    asked = petition("停　水", "昨天 断水 了，请处理")

    found = facts_of(pack, asked)

    for quotes in found.evidence.values():
        for quote in quotes:
            text = asked.title if quote.source == "title" else asked.content
            assert text[quote.start : quote.end] == quote.text


def test_own_name_and_address_say_nothing(pack: RuleBook) -> None:
    """A company called 停水 has not complained of it yet."""
    asked = petition("甲停水设备公司反映", "甲停水设备公司在停电路一号", name="甲停水设备公司", address="停电路一号")

    assert of_kind(facts_of(pack, asked), "mention") == []


def test_departments_named_are_told_but_are_no_facts(pack: RuleBook) -> None:
    """Names and aliases of departments are found without a list of the pack."""
    found = facts_of(pack, petition("", "请电力局和自来水办来看"))

    assert found.named == ("water", "power")
    assert all(fact["list"] == "请求词" for fact in of_kind(found, "mention"))


def test_candidate_is_as_like_as_its_matter(pack: RuleBook) -> None:
    """The same matter in other words is alike, another matter of the same enterprise is not."""
    same = candidate(1, title="一直断水", content="厂里三天无水可用")
    other = candidate(2, title="停电", content="线路坏了")

    found = {fact["id"]: fact for fact in of_kind(facts_of(pack, petition("停水", "车间停水"), [other, same]), "candidate")}

    assert found["p1"]["same_name"] is True
    assert (found["p1"]["likeness"], found["p2"]["likeness"]) == (1.0, 0.0)


def test_candidates_stand_in_order_of_worth(pack: RuleBook) -> None:
    """A number or a thread goes before likeness, likeness before age."""
    asked = petition("停水", "车间停水")
    old = replace(candidate(1, title="停水"), received_at=NOW - timedelta(days=30))
    rows = [candidate(2, title="停电"), old, candidate(3, title="停水"), candidate(4, keys=["thread"]), candidate(5, keys=["number"])]

    found = of_kind(facts_of(pack, asked, rows), "candidate")

    assert [fact["id"] for fact in found] == ["p5", "p4", "p3", "p1", "p2"]
    assert [fact["days"] for fact in found if fact["id"] == "p1"] == [30]


def test_too_long_a_text_is_cut_and_said_so(pack: RuleBook) -> None:
    """What is not searched is told to a person, never left out in silence."""
    found = facts_of(pack, petition("", "一" * LONGEST + "停水"))

    assert of_kind(found, "mention") == []
    assert found.notes == (f"来件太长，只分析了前 {LONGEST} 字",)


def test_stuffed_text_is_capped_and_said_so(pack: RuleBook) -> None:
    """A letter that repeats its words in thousands of sentences is capped, and a person is told how much was left out."""
    found = facts_of(pack, petition("", "停水。" * (MOST_MENTIONS + 5)))

    assert len(of_kind(found, "mention")) == MOST_MENTIONS
    assert found.notes == ("来件用词重复太多，有 5 处未交规则判断",)

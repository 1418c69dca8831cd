"""The pack of 呈贡 against the district's document and its own directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rules.language import Mention, leaves
from rules.lexicon import NEGATIONS
from store.model.arrival import Channel
from store.model.matching import Elsewhere, PlatformStatus
from tests.decisions.material import automatic, candidate, chenggong, decided, petition

GOLDEN = Path(__file__).parents[1] / "golden"
# 区委办〔2024〕48号 二（二）, word for word
GROUNDS = {
    1: "没有明确投诉对象或具体的事实、理由与请求的；",
    2: "属于经营主体之间的民事纠纷问题的；",
    3: "已进入监察机关、司法机关、公安机关、行政复议机关、仲裁机构等单位办理程序的投诉举报事项，包括已立案、尚未结案或已作出处理决定的；",
    4: "企业已就投诉事项向政府其他投诉平台反映且已受理的，原则上不再重复受理；",
    5: "其他不属于营商环境监督职责范围的问题。",
}


def test_grounds_stand_word_for_word_with_advice() -> None:
    """An enterprise that is refused reads the document's own words and where to turn."""
    grounds = chenggong().district.grounds

    assert {number: ground.text for number, ground in grounds.items()} == GROUNDS
    assert {ground.article for ground in grounds.values()} == {f"二（二）{number}" for number in GROUNDS}
    assert all(len(ground.advice) > 20 for ground in grounds.values())


def test_departments_are_those_of_the_directory() -> None:
    """Ids, names and duties are as the labelled cases use them."""
    expected = yaml.safe_load((GOLDEN / "departments.yaml").read_text(encoding="utf-8"))

    found = chenggong().district.departments

    assert {row["id"]: (row["name"], row["duty"]) for row in expected} == {key: (one.name, one.duty) for key, one in found.items()}


def test_every_department_can_be_named_and_reached() -> None:
    """Each name and alias stands in the department's list of names, and some rule of its own matters routes to it."""
    pack = chenggong()

    for department in pack.district.departments.values():
        assert {department.name, *department.aliases} <= set(pack.lists[f"点名_{department.id}"].words), department.id
        assert any(rule.then.route == department.id and rule.name.startswith("事项_") for rule in pack.rules.values()), department.id


def test_no_list_lies_unused() -> None:
    """A word list that no rule asks for is a mistake or a leftover."""
    pack = chenggong()
    asked = [leaf for rule in pack.rules.values() for leaf in leaves(rule.when) if isinstance(leaf, Mention)]

    used = {name for leaf in asked for name in (leaf.words, leaf.same_sentence, leaf.near) if name}

    assert set(pack.lists) - used == {NEGATIONS}


def test_refusals_cite_their_own_article() -> None:
    """A rule that refuses on a ground rests on that ground's article, and none refuses for good."""
    for rule in chenggong().rules.values():
        if rule.then.refuse is not None:
            assert rule.basis == f"二（二）{rule.then.refuse}", rule.name
            assert not rule.then.final, rule.name


@pytest.mark.parametrize(("kind", "proposed"), [("auto-reply", False), ("bounce", False), ("own", False), ("list", True)])
def test_automatic_mail_is_settled_and_bulk_mail_proposed(kind: str, proposed: bool) -> None:  # noqa: FBT001 - a column of the table
    """What the headers prove needs nobody; a mailing list might still carry an enterprise's petition."""
    decision = decided(chenggong(), automatic(kind))

    assert (decision.verdict.value, decision.proposed) == ("not_a_case", proposed)


@pytest.mark.parametrize(
    ("text", "keys", "verdict", "related"),
    [
        ("补充一张照片。", ["thread"], "follow_up", 7),
        ("CG-2024-00001 请尽快。", ["number"], "follow_up", 7),
        ("上次反映的停水问题还没有解决，请催办。", ["name"], "follow_up", 7),
        ("我公司对答复不满意，要求重新办理。", ["uscc"], "follow_up", 7),
        ("厂区又停水了，水压也低，请水务局处理。", ["name"], "accept", 7),
        ("不是上次反映的停水那件，是另一件事：门头招牌被城管要求拆除，请说明依据。", ["name"], "accept", None),
        ("公司想办理稳岗返还，请人社局告知条件。", ["name"], "accept", None),
    ],
)
def test_earlier_case_makes_a_follow_up_a_duplicate_or_nothing(text: str, keys: Sequence[str], verdict: str, related: int | None) -> None:
    """Speaking of the earlier matter makes a follow-up, the same matter again a duplicate, another matter neither."""
    earlier = candidate(keys=keys, title="厂区停水", content="我公司厂区经常停水，请水务局处理。", name="昆明某某食品有限公司")

    decision = decided(chenggong(), petition("情况反映", text, name="昆明某某食品有限公司"), [earlier])

    assert (decision.verdict.value, decision.related_case) == (verdict, related)


@pytest.mark.parametrize(
    ("name", "keys", "related"),
    [
        pytest.param("昆明某某食品有限公司", ["phone"], 7, id="the same enterprise, whatever key found it"),
        pytest.param("谋谋食品", ["masked", "sound"], 7, id="the name misheard, the telephone masked"),
        pytest.param("谋谋食品", ["sound"], None, id="a name that only sounds alike: 鸿泽 is not 泓泽"),
        pytest.param("昆明乙丙酒店有限公司", ["phone", "text"], None, id="an agent who speaks for two enterprises"),
        pytest.param("昆明乙丙酒店有限公司", ["text", "place"], None, id="two tenants of one building"),
        pytest.param("", ["phone"], 7, id="no name, the same telephone"),
        pytest.param("", ["text"], None, id="no name, the same words"),
    ],
)
def test_who_reports_decides_what_is_a_duplicate(name: str, keys: Sequence[str], related: int | None) -> None:
    """The same trouble of another enterprise is never the same matter, however like the words are."""
    earlier = candidate(keys=keys, title="厂区停水", content="我公司厂区经常停水，请水务局处理。", name="昆明某某食品有限公司")
    asked = petition("停水", "厂区又停水了，水压也低，请水务局处理。", name=name)

    decision = decided(chenggong(), asked, [earlier])

    assert (decision.verdict.value, decision.related_case) == ("accept", related)


@pytest.mark.parametrize(
    ("content", "level"),
    [
        pytest.param("我公司厂区经常停水，请水务局处理。", "", id="one department, nothing grave"),
        pytest.param(
            "政府项目竣工两年，工程款一直没有支付，请住建局督促付款。", "复杂", id="money of the district: the finance bureau as well"
        ),
        pytest.param("燃气管道泄漏，车间已全面停产，请住建局立即处理。", "重点", id="danger"),
        pytest.param("工人到项目部集体讨薪。工程款一直没有支付，请住建局督促付款。", "重点", id="both: the graver one"),
    ],
)
def test_the_level_is_proposed(content: str, level: str) -> None:
    """What one department cannot do alone, and what endangers people, is graded; the district's document has no classes, so none are given."""
    decision = decided(chenggong(), petition("情况反映", content, name="昆明某某食品有限公司"))

    assert (decision.level, decision.classes) == (level, ())


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (PlatformStatus.ACCEPTED, "昆明某某食品有限公司", ("refuse", 4, True, 3)),
        (PlatformStatus.CLOSED, "昆明某某食品有限公司", ("refuse", 4, True, 3)),
        (PlatformStatus.PENDING, "昆明某某食品有限公司", ("accept", None, False, 3)),
        (PlatformStatus.REFUSED, "昆明某某食品有限公司", ("accept", None, False, 3)),
        (PlatformStatus.ACCEPTED, "昆明乙丙酒店有限公司", ("accept", None, False, None)),
    ],
)
def test_record_of_another_platform(status: PlatformStatus, name: str, expected: tuple[str, int | None, bool, int | None]) -> None:
    """Ground 4 is proposed where another platform accepted the same matter of the same enterprise; where it did not, the matter is judged."""
    found = candidate(keys=["name"], title="厂区停水", content="我公司厂区经常停水，请水务局处理。", name="昆明某某食品有限公司")
    elsewhere = Elsewhere(record_id=3, platform="12345", number="5301", status=status, words="", since=found.received_at)
    record = replace(found, case_id=None, state=None, verdict=None, elsewhere=elsewhere)

    decision = decided(chenggong(), petition("停水", "厂区又停水了，水压也低，请水务局处理。", name=name), [record])

    assert (decision.verdict.value, decision.ground, decision.proposed, decision.related_record) == expected


def test_our_own_first_report_is_not_refused_for_a_later_one_elsewhere() -> None:
    """Who came to us first keeps his case, though he went to another platform afterwards."""
    ours = candidate(keys=["name"], title="厂区停水", content="我公司厂区经常停水，请水务局处理。", name="昆明某某食品有限公司")
    elsewhere = Elsewhere(record_id=3, platform="12345", number="5301", status=PlatformStatus.ACCEPTED, words="", since=ours.received_at)
    record = replace(ours, case_id=None, state=None, verdict=None, elsewhere=elsewhere)

    decision = decided(chenggong(), petition("停水", "厂区又停水了，水压也低，请水务局处理。", name="昆明某某食品有限公司"), [record, ours])

    assert (decision.verdict.value, decision.related_case) == ("accept", 7)


def test_follow_up_words_without_an_earlier_case_are_shown() -> None:
    """A follow-up whose case is not found is judged on its merits, and a person is told."""
    decision = decided(chenggong(), petition("停水", "上次反映的停水问题还没有解决，请水务局处理，我公司停产两天了。"))

    assert decision.verdict.value == "accept"
    assert any("没有找到对应的事项" in reason for reason in decision.review)


def test_invalid_code_and_danger_are_shown() -> None:
    """A wrong credit code is no ground of refusal, and danger goes first."""
    asked = petition("燃气泄漏", "我公司厂区燃气泄漏，请住建局马上处理。", channel=Channel.WINDOW, uscc="91530114MAA0000000")

    decision = decided(chenggong(), replace(asked, uscc_valid=False))

    assert (decision.verdict.value, decision.urgent, decision.department) == ("accept", True, "zjj")
    assert any("信用代码" in reason for reason in decision.review)

"""五华 and 晋宁 on their own labelled cases, and what their documents do not give: grounds of refusal (WH, JN-0)."""

from __future__ import annotations

from functools import cache

import pytest

from rules.rulebook import RuleBook, builtin_pack, load_pack
from rules.samples import candidates_of, petition_of
from store.model.decision import Verdict
from tests.decisions.material import NOW, PackCase, decided, pack_cases, petition

PACKS = ("jinning", "wuhua")
CASES = [pytest.param(pack, case, id=f"{pack}-{case.name}") for pack in PACKS for case in pack_cases(pack)]


@cache
def book(pack: str) -> RuleBook:
    """Return the pack of the product."""
    return load_pack(builtin_pack(pack))


@pytest.mark.parametrize(("pack", "case"), CASES)
def test_case_comes_out_as_labelled(pack: str, case: PackCase) -> None:
    """Each labelled case gets its verdict and a department that may lead it."""
    decision = decided(book(pack), case.petition, case.candidates)

    assert decision.verdict.value == case.verdict, decision.hits
    if case.departments:
        assert decision.department in case.departments, decision.scores


@pytest.mark.parametrize("pack", PACKS)
def test_examples_hold_in_every_pack_that_takes_them(pack: str) -> None:
    """The examples of a rule that a pack takes hold among that pack's own lists and departments."""
    for rule in book(pack).rules.values():
        for example in rule.examples:
            decision = decided(book(pack), petition_of(example.sample), candidates_of(example.sample, NOW))
            fired = {hit.rule for hit in decision.hits if not hit.overridden_by}
            assert (rule.name in fired) is example.fires, (rule.name, example.sample.text)


@pytest.mark.parametrize("pack", PACKS)
def test_nothing_is_refused_by_rule(pack: str) -> None:
    """These documents know no grounds: no rule refuses, and none quotes an article for what only the pack sets."""
    assert not book(pack).district.grounds
    assert not [rule.name for rule in book(pack).rules.values() if rule.then.refuse is not None]


QUARREL = "供应商收了定金不发货，对账单签了也不认，请帮我们把定金要回来。"


@pytest.mark.parametrize("pack", PACKS)
def test_what_seems_beyond_the_programme_is_put_to_a_person(pack: str) -> None:
    """A quarrel between two firms is accepted, with the doubt in words: a person answers it."""
    decision = decided(book(pack), petition("要求供应商退定金", QUARREL, name="昆明蔚禾商贸有限公司"))

    assert decision.verdict is Verdict.ACCEPT
    assert any("民事纠纷" in doubt for doubt in decision.review)
    assert {hit.basis for hit in decision.hits if hit.rule.startswith("疑_")} == {"本区规则包设定"}


VILLAGER = "我是村民，村小组把地租给公司种菜，去年的村社土地租金没有发，请街道协调。"


def test_jinning_hears_people_too() -> None:
    """JN-0: 群众 and 服务对象 are heard as enterprises are; 五华, whose plan hears enterprises, asks a person."""
    heard = decided(book("jinning"), petition("地租没有发", VILLAGER))
    doubted = decided(book("wuhua"), petition("地租没有发", VILLAGER))

    assert (heard.verdict, heard.department) == (Verdict.ACCEPT, "jd")
    assert not [doubt for doubt in heard.review if "个人" in doubt]
    assert [doubt for doubt in doubted.review if "个人" in doubt]


HARM = "我公司办临时用电，有人索要好处，不给就拖着不办，这是吃拿卡要，请派人来查。"
GRADED = [
    ("取水许可的材料退件三次，请水务局处理。", "一般", ("部门任务", "个性诉求", "程序规范")),
    ("技改补助公示了一年没有拨付，请科工信局督促。", "复杂", ("全局工作", "个性诉求", "政策措施")),
    (HARM, "重点", ("部门任务", "个性诉求")),
    ("园区企业普遍反映奖补没有到账，请财政局拨付。", "重大", ("全局工作", "共性需求", "政策措施")),
]


@pytest.mark.parametrize(("text", "level", "classes"), GRADED)
def test_jinning_grades_and_classes_each_matter(text: str, level: str, classes: tuple[str, ...]) -> None:
    """JN-1, JN-4: four levels by number of departments and gravity, one of each pair of classes, by the document's articles."""
    decision = decided(book("jinning"), petition("情况反映", text, name="昆明梧桐包装有限公司"))

    assert decision.level == level
    assert set(classes) <= set(decision.classes)
    assert {hit.basis for hit in decision.hits if hit.rule.startswith(("级别_", "分类_"))} == {"二（一）1", "二（二）3（2）"}


def test_harm_to_the_business_environment_is_told_at_once() -> None:
    """JN-4: 损害营商环境的问题第一时间报: the matter is urgent, and the coordinator is asked to look."""
    decision = decided(book("jinning"), petition("有人索要好处", HARM, name="昆明梧桐包装有限公司"))

    assert decision.urgent
    assert any("区营商环境办" in doubt for doubt in decision.review)

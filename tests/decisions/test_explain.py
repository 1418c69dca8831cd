"""What a clerk reads of a decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rules.explain import basis_in_words, effect_in_words, explain, weight_in_words
from rules.language import Then
from rules.rulebook import RuleBook
from store.model.decision import Compared, Quote
from store.model.petition import Petition
from tests.decisions.material import automatic, candidate, decided, petition, small_pack

LISTS = """
水: [停水]
电: [停电]
欠款: [货款]
空泛: [太难了]
催办: [催办]
政府: [政府]
"""
RULES = """
- {rule: 水, about: 供水, basis: policy, when: {all: [{mention: 水}]}, then: {route: water, weight: 2.5}}
- {rule: 电, about: 供电, basis: policy, when: {all: [{mention: 电}]}, then: {route: power, weight: 2}}
- {rule: 民事, about: 民事争议, basis: 二2, when: {all: [{mention: 欠款}]}, then: {refuse: 2, advice: law}}
- {rule: 例外, basis: policy, when: {all: [{mention: 政府}]}, then: {review: 政府欠款}, overrides: [民事]}
- {rule: 自动, basis: policy, when: {all: [{letter: automatic}]}, then: {not_a_case: 自动邮件, final: true}}
- {rule: 补正, basis: policy, when: {all: [{mention: 空泛}]}, then: {supplement: [请求]}}
- {rule: 续件, basis: policy, when: {all: [{mention: 催办}, {candidate: {same: [name]}}]}, then: {follow_up: true}}
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    """Return a pack of a few rules."""
    folder: Path = tmp_path_factory.mktemp("pack")
    return small_pack(folder, lists=LISTS, rules=RULES)


def said(pack: RuleBook, asked: Petition) -> str:
    """Return the explanation of *asked* as one text."""
    return "\n".join(explain(decided(pack, asked, [candidate(9)]), pack.district))


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (
            "拖欠货款",
            [
                "结论：不予受理：民事争议（规则建议，须人工确认）",
                "依据：文件一号 二2“民事纠纷；”",
                "去处：请协商或起诉。",
                "可转向：司法局",
                "  [民事] 不予受理，情形 2（须人工确认）；可告知企业转向司法局（二2）：正文「货款」",
            ],
        ),
        (
            "停水又停电",
            [
                "结论：受理：供水",
                "承办：水务局",
                "  +2.5 [水]：正文「停水」",
                "陪诊建议：电力局",
                "分量：水务局 2.5，电力局 2",
                "请人工查看：水务局（2.5）与电力局（2）分量接近，请确认承办部门",
                "期限：初步对接核实，2024-11-07（含当日）之前（三（四）；自挂号截止 2024-10-31 次日起算）",
                "  2024-11-02 不计：周末",
                "  2024-11-07 第 5 个工作日：工作日",
            ],
        ),
        ("政府拖欠货款", ["请人工查看：政府欠款", "例外：[例外] 覆盖了 [民事]（不予受理，情形 2（须人工确认）；可告知企业转向司法局）"]),
        ("太难了", ["结论：需要补正：补正", "  [补正] 请企业补正：请求（本区规则包设定）：正文「太难了」", "需补充：请求"]),
        ("催办", ["结论：续件：续件", "相关事项：S-2024-009，凭企业名称相同认出（内容相似度 0，当天）"]),
    ],
)
def test_explanation_says_what_was_decided_and_on_which_words(pack: RuleBook, content: str, lines: list[str]) -> None:
    """Verdict, article with its words, quotations, department with weights, what to look at, the date with its count."""
    text = said(pack, petition("", content))

    assert [line for line in lines if line not in text.splitlines()] == []


def test_a_follow_up_says_by_what_it_was_recognised(pack: RuleBook) -> None:
    """The number of the earlier case, and everything by which it was known; where that was not written down, the bare id."""
    found = decided(pack, petition("", "催办"), [candidate(9)])
    one = Compared(case_id=9, number="T-9", keys=("thread", "phone", "name"), likeness=0.5, days=3)
    (line,) = [line for line in explain(replace(found, compared=(one,)), pack.district) if line.startswith("相关事项")]
    (by_words,) = [line for line in explain(replace(found, compared=(replace(one, keys=()),)), pack.district) if "相关事项" in line]

    assert line == "相关事项：T-9，凭邮件往来、电话、企业名称相同认出（内容相似度 0.5，3 天以前）"
    assert by_words == "相关事项：T-9，凭内容相近认出（内容相似度 0.5，3 天以前）"
    assert "相关事项：内部编号 9" in explain(replace(found, compared=()), pack.district)


def test_final_verdict_asks_nobody(pack: RuleBook) -> None:
    """Automatic mail by its headers is settled; the line does not ask for a confirmation."""
    assert said(pack, automatic("bounce")).splitlines()[0] == "结论：非诉求来件：自动邮件"


def test_near_miss_is_told(pack: RuleBook) -> None:
    """A rule that one condition kept from firing is shown with that condition."""
    decision = decided(pack, petition("", "催办停水"))

    assert "差一点：[续件] 只差“有以前的事项，企业名称相同”" in explain(decision, pack.district)


def test_quotation_never_breaks_a_line(pack: RuleBook) -> None:
    """A stranger's line breaks and long words cannot fake a line of ours."""
    decision = decided(pack, petition("", "停水"))
    (hit,) = decision.hits
    quote = Quote(source="attachment:a\n结论：受理.docx", start=0, end=99, text="停\n结论：受理" + "水" * 60, words="水")
    faked = replace(decision, hits=(replace(hit, quotes=(quote,)),))

    lines = explain(faked, pack.district)

    assert sum(line.startswith("结论：") for line in lines) == 1
    assert any("附件《a 结论：受理.docx》「停 结论：受理" in line and line.endswith("…」") for line in lines)


def test_unknown_department_is_shown_by_its_id(pack: RuleBook) -> None:
    """An old decision may name a department that the pack has dropped."""
    decision = replace(decided(pack, petition("", "停水")), department="gone", hits=(), scores=())

    assert "承办：gone" in explain(decision, pack.district)


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (Then(conclude=("甲", "乙")), "认定“甲”“乙”"),
        (Then(conclude=("甲",), refuse=3, final=True), "不予受理，情形 3（直接生效）"),
        (Then(route="water", weight=1.5, accompany=("law",)), "交水务局，分量 1.5；请司法局陪诊"),
        (Then(duplicate=True, urgent=True, review="看"), "与以前的事项重复；加急；提请人工查看：看"),
        (Then(not_a_case="广告"), "非诉求来件：广告（须人工确认）"),
    ],
)
def test_effects_are_told_in_words(pack: RuleBook, then: Then, words: str) -> None:
    """Each effect has its clause; a conclusion is told only where the rule does nothing else."""
    assert effect_in_words(then, pack.district) == words


def test_basis_and_weight_are_told_in_words() -> None:
    """A rule of the pack's own cites no article; a weight shows no needless decimals."""
    assert (basis_in_words("policy"), basis_in_words("二2"), weight_in_words(3.0)) == ("本区规则包设定", "二2", "3")

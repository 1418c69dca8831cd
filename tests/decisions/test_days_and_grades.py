"""Rules that hold on some days, ask who sent the mail or how an earlier case ended, and grade, class and name a matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rules.decide import decide
from rules.explain import explain
from rules.reference import Reference
from rules.rulebook import RuleBook
from rules.trace import trace
from store.errors import ConfigError
from store.model.decision import Decision, Verdict
from store.model.letter import Address
from store.model.petition import Petition
from tests.decisions.material import calendar, candidate, decided, petition, small_pack

LISTS = "{水: [停水], 欠款: [货款], 加急词: [火灾]}"
EXTRA = "documents: {云南省优化营商环境条例: {第十条: 平等对待各类企业。}}\n"
RULES = """
- {rule: 旧法, basis: 二2, until: 2025-06-30, when: {all: [{mention: 欠款}]}, then: {refuse: 2}}
- rule: 新法
  basis: {document: 云南省优化营商环境条例, article: 第十条}
  from: 2025-07-01
  when: {all: [{mention: 欠款}]}
  then: {topic: 清欠, level: 重点, classes: [全局工作, 共性需求]}
- {rule: 水, about: 供水, basis: policy, when: {all: [{mention: 水}]}, then: {route: water, level: 复杂, classes: [部门任务]}}
- {rule: 汛期, basis: policy, when: {all: [{received: {from: 2025-06-01, until: 2025-09-30}}, {mention: 水}]}, then: {urgent: true}}
- {rule: 政府来信, basis: policy, when: {all: [{sender: [gov.cn, 局@km.example.org]}]}, then: {review: 机关来信}}
- {rule: 非政府, basis: policy, when: {none: [{sender: [gov.cn]}]}, then: {conclude: 外来}}
- {rule: 补过, basis: policy, when: {all: [{candidate: {same: [name], verdict: [supplement, refuse]}}]}, then: {review: 曾请补正}}
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    """Return a pack of such rules."""
    return small_pack(tmp_path_factory.mktemp("pack"), lists=LISTS, rules=RULES.replace("局@km", "ju@km"), extra=EXTRA)


def on(pack: RuleBook, moment: datetime, content: str) -> Decision:
    """Decide *content* as received at *moment*."""
    infer = Reference(pack.stages).infer
    return decide(petition("", content), [], rulebook=pack, calendar=calendar(), infer=infer, now=moment, engine="reference")


@pytest.mark.parametrize(
    ("moment", "verdict", "topic"),
    [
        (datetime(2025, 6, 30, 15, 59, tzinfo=UTC), Verdict.REFUSE, "旧法"),  # 23:59 of the last day there
        (datetime(2025, 6, 30, 16, 0, tzinfo=UTC), Verdict.ACCEPT, "清欠"),  # 00:00 of the next
    ],
)
def test_rules_in_force_when_it_came(pack: RuleBook, moment: datetime, verdict: Verdict, topic: str) -> None:
    """A petition is decided by the rules of the day on which it came in, as the district counts days."""
    decision = on(pack, moment, "货款")

    assert (decision.verdict, decision.topic) == (verdict, topic)


def test_season(pack: RuleBook) -> None:
    """A condition on the day holds from its first to its last day."""
    days = [datetime(2025, *day, 4, tzinfo=UTC) for day in [(5, 31), (6, 1), (9, 30), (10, 1)]]

    assert [on(pack, day, "停水").urgent for day in days] == [False, True, True, False]


def test_gravest_level_and_first_class_of_a_pair(pack: RuleBook) -> None:
    """Of several levels the gravest holds, of two classes of one pair that of the rule that stands first; both are told."""
    decision = on(pack, datetime(2025, 8, 1, tzinfo=UTC), "停水，货款")

    assert (decision.level, decision.classes) == ("重点", ("全局工作", "共性需求"))
    assert {"级别：重点", "分类：全局工作、共性需求"} <= set(explain(decision, pack.district))
    assert "    依据：《云南省优化营商环境条例》第十条" in trace(decision, pack.district, pack.rules)


@pytest.mark.parametrize(
    ("address", "is_government"),
    [("a@gov.cn", True), ("a@kmcg.GOV.cn", True), ("ju@km.example.org", True), ("a@km.example.org", False), ("a@notgov.cn", False)],
)
def test_sender(pack: RuleBook, address: str, is_government: bool) -> None:  # noqa: FBT001 - a column of a table
    """A domain means itself and what lies below it, an address only itself; a letter on paper has no sender."""
    mail = petition("", "停水")
    mail = replace(mail, letter=replace(mail.letter, sender=Address(name="", address=address)))

    assert ("机关来信" in decided(pack, mail).review) is is_government
    assert "机关来信" not in decided(pack, petition("", "停水")).review


def test_how_an_earlier_case_ended(pack: RuleBook) -> None:
    """A candidate may be asked for its verdict."""
    asked: Petition = petition("", "停水", name="甲")
    before = [replace(candidate(), verdict=verdict) for verdict in (Verdict.ACCEPT, Verdict.SUPPLEMENT, Verdict.REFUSE)]

    assert ["曾请补正" in decided(pack, asked, [one]).review for one in before] == [False, True, True]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("from: 七月一日, when: {all: [{mention: 水}]}, then: {urgent: true}", "0.from: “七月一日”不是日期（写成 2025-01-31 的样子）"),
        ("from: 2025-02-01, until: 2025-01-01, when: {all: [{mention: 水}]}, then: {urgent: true}", "0.until: until 早于 from"),
        ("when: {all: [{received: {}}]}, then: {urgent: true}", "0.when.all.0.received: received 没有写日期"),
        ("when: {all: [{sender: 税务局}]}, then: {urgent: true}", "0.when.all.0.sender: “税务局”不是域名，也不是邮箱地址"),
        ("when: {all: [{mention: 水}]}, then: {level: 严重}", "0.then.level: 没有名为“严重”的级别"),
        ("when: {all: [{mention: 水}]}, then: {classes: [全局工作, 部门任务]}", "0.then.classes: 不能既是全局工作又是部门任务"),
        ("when: {all: [{candidate: {verdict: 撤销}}]}, then: {urgent: true}", "0.when.all.0.candidate.verdict: 没有名为“撤销”的结论"),
    ],
)
def test_mistakes(tmp_path: Path, rule: str, problem: str) -> None:
    """Each mistake is told with where it stands and what may be written."""
    with pytest.raises(ConfigError) as caught:
        small_pack(tmp_path, lists=LISTS, rules=f"- {{rule: 甲, basis: policy, {rule}}}\n")

    assert any(problem in str(found) for found in caught.value.problems), caught.value.problems


def test_article_of_a_document_that_is_not_there(tmp_path: Path) -> None:
    """An article that the pack does not hold cannot be cited."""
    rule = "- {rule: 甲, basis: {document: 某条例, article: 第一条}, when: {all: [{mention: 水}]}, then: {urgent: true}}\n"
    with pytest.raises(ConfigError, match="没有条款“《某条例》第一条”"):
        small_pack(tmp_path, lists=LISTS, rules=rule)

"""The words of the rule language: scopes, and conditions as a clerk reads them."""

from __future__ import annotations

import pytest

from rules.clauses import describe
from rules.language import CountAsked, Mention, NearAsked, Scope, leaves
from tests.rule_text import rule, rules_of


@pytest.mark.parametrize(
    ("scope", "where", "negated", "holds"),
    [
        (Scope(), "title", False, True),
        (Scope(), "attachment", False, True),
        (Scope(), "sender", False, False),
        (Scope(), "content", True, False),
        (Scope(negated="yes"), "content", True, True),
        (Scope(negated="yes"), "content", False, False),
        (Scope(negated="any"), "content", True, True),
        (Scope(("sender",)), "sender", False, True),
        (Scope(("sender",)), "title", False, False),
    ],
)
def test_scope(scope: Scope, where: str, negated: bool, holds: bool) -> None:  # noqa: FBT001 - columns of a table
    """A scope holds where the place is one of its own and the negation is the one asked for."""
    assert scope.holds(where, negated) is holds


def test_content_of_a_transcript_is_what_the_caller_says() -> None:
    """Who asks for words in the content gets the caller's words of a transcript too; the other way round not."""
    (both,) = rules_of(rule("{all: [{mention: 甲, in: [content]}]}"))
    (caller,) = rules_of(rule("{all: [{mention: 甲, in: caller}]}"))

    assert [leaf.scope.places for leaf in leaves(both.when) if isinstance(leaf, Mention)] == [("content", "caller")]
    assert [leaf.scope.places for leaf in leaves(caller.when) if isinstance(leaf, Mention)] == [("caller",)]


def test_keys_tell_scopes_apart() -> None:
    """Counts and distances asked in the default scope go by the list's name, others by a name no list can have."""
    assert CountAsked("合同", Scope()).key == "合同"
    assert CountAsked("合同", Scope(("title",))).key == "合同@title/no"
    assert NearAsked("合同", Scope(negated="any"), "法院", 30).key == "合同@title+content+caller+attachment/any"


@pytest.mark.parametrize(
    ("when", "chinese"),
    [
        ("{all: [{mention: 合同}]}", "提到“合同”"),
        ("{all: [{mention: 合同, in: [sender, title]}]}", "在标题、发件人名称里提到“合同”"),
        ("{all: [{mention: 合同, negated: true}]}", "否定地提到“合同”"),
        ("{all: [{mention: 合同, negated: any}]}", "不论否定地提到“合同”"),
        ("{all: [{mention: 合同, same_sentence: 企业}]}", "提到“合同”，同句有“企业”"),
        ("{all: [{mention: 合同, near: 企业, within: 30}]}", "提到“合同”，30 字以内有“企业”"),
        ("{all: [{mention: 合同, at_least: 2}]}", "提到“合同”中至少 2 个不同的词"),
        ("{all: [{field: uscc, is: invalid}]}", "统一社会信用代码无效"),
        ("{all: [{field: name, is: missing}]}", "缺企业名称"),
        ("{all: [{field: content, shorter_than: 15}]}", "诉求内容少于 15 字"),
        ("{all: [{field: title, longer_than: 80}]}", "标题多于 80 字"),
        ("{all: [{channel: [letter, mail]}]}", "来自邮件或信函"),
        ("{all: [{letter: automatic}]}", "是自动邮件（自动回复、退信、群发邮件、本系统发出的邮件）"),
        ("{all: [{letter: {automatic: [bounce]}}]}", "是自动邮件（退信）"),
        ("{all: [{letter: {authentication: [refuted, confirmed]}}]}", "收信服务器检验发件人：属实、不符"),
        (
            "{all: [{candidate: {same: [name, uscc], likeness_at_least: 0.6, within_days: 90}}]}",
            "有以前的事项，信用代码或企业名称相同，内容相似度不低于 0.6，在 90 天以内",
        ),
        ("{all: [{concluded: 甲}]}", "已认定“甲”"),
        ("{none: [{mention: 合同}]}", "没有提到“合同”"),
        ("{any: [{mention: 合同}, {concluded: 甲}]}", "提到“合同”，或已认定“甲”"),
        ("{all: [{channel: mail}], none: [{mention: 合同}, {concluded: 甲}]}", "来自邮件，且没有（提到“合同”，或已认定“甲”）"),
        ("{all: [{channel: mail}, {any: [{mention: 合同}, {concluded: 甲}]}]}", "来自邮件，且（提到“合同”，或已认定“甲”）"),
        ("{all: [{channel: mail}, {all: [{mention: 合同}, {concluded: 甲}]}]}", "来自邮件，且提到“合同”，且已认定“甲”"),
    ],
)
def test_describe(when: str, chinese: str) -> None:
    """Every condition reads as a Chinese clause; groups of several stand in brackets."""
    (read,) = rules_of(rule(when) + rule("{all: [{channel: mail}]}", "{conclude: 甲}", "乙"))[:1]

    assert describe(read.when) == chinese


def test_aliases_number_the_leaves() -> None:
    """The conditions of a rule are c1, c2 … in the order of the file, however deep they stand."""
    (read,) = rules_of(rule("{all: [{mention: 合同}, {any: [{channel: mail}, {none: [{mention: 法院}]}]}], none: [{letter: automatic}]}"))

    assert [leaf.alias for leaf in leaves(read.when)] == ["c1", "c2", "c3", "c4"]

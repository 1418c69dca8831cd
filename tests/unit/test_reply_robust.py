"""Whatever comes back, reading it ends, in a time that grows with its length, and says nothing that does not stand there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.reply import read_reply
from rules.reply_words import product_words
from store.model.letter import Letter
from store.model.reply import EVENTS

_PIECES = """已解决 正在处理 ，限期 5 个工作日 无法解决 原因： 签收 退回 建议交由 区水务局 办理 申请延期 至 12月5日 13月45日 补充： 同意 不同意 改派 满意 基本满意 不满意 撤回 如 尚未
    是否 ？ 。 ； ： □ ☑ √ R \uf052 \uf0a3 ( ) （ ） 服务回执单 满意度评价表 “坐诊”领导 联系电话 企业意见 办理结果 自2024年2月30日受理之日起 十 廿 十十 ０ CG-2024-00001 发自我的iPhone
    -- —— > >> ------------------原始邮件------------------ 发件人： 主题： 写道： 请在此线以上回复 请直接回复本邮件 本邮件及其附件 您好！ 李明 13900012345 \u200b \u0000 𠮷 😀""".split()  # noqa: SIM905 - a list of words reads best as words
_texts = st.lists(st.one_of(st.sampled_from([*_PIECES, "\n", " ", "\t", "\r\n"]), st.text(max_size=6)), max_size=60).map("".join)


@settings(max_examples=150, deadline=None)
@given(_texts, st.dictionaries(st.text(max_size=8), _texts, max_size=2))
def test_reading_never_raises(text: str, documents: dict[str, str]) -> None:
    """Any text with any documents is read; each command is one of those there are, and quotes words that stand in its source."""
    reply = read_reply(Letter(text=text), product_words(), documents)
    sources = {"body": text.replace("\r", " ")} | {f"attachment:{name}": words for name, words in documents.items()}

    for command in reply.commands:
        span = command.span
        assert command.event in EVENTS
        assert span.text
        if span.source in sources:
            assert sources[span.source][span.start : span.end] == span.text


_HEAD = "签收。\n\n在 2024-11-19 10:02:33，坐诊接诉 <zz@d.example> 写道：\n"


@pytest.mark.parametrize(
    ("text", "events"),
    [
        pytest.param(_HEAD + "> 引用的一行话，说的是别的事情\n" * 600_000, ["acknowledge"], id="10-MB-quoted"),
        pytest.param("签收。\n" + "> 已解决。\n" * 20_000, ["acknowledge"], id="20000-lines-quoted"),
        pytest.param("已签收。\n" * 20_000, ["acknowledge"], id="20000-times-the-same"),
        pytest.param("正在处理，" * 40_000, [], id="one-sentence-of-phrases"),
        pytest.param("我局目前该公司反映的" * 40_000, [], id="one-clause"),
        pytest.param("□已解决☑正在处理" * 40_000, [], id="one-line-of-boxes"),
        pytest.param("□已解决 □正在处理\n" * 20_000, [], id="lines-of-empty-boxes"),
        pytest.param("请直接回复本邮件\n" * 20_000, [], id="our-own-words"),
        pytest.param("--\n" * 20_000 + "> \n" * 20_000, [], id="marks-alone"),
        pytest.param(" \t\u3000" * 200_000, [], id="white-space"),
    ],
)
def test_large_and_hostile_bodies(text: str, events: list[str]) -> None:
    """A body made to be slow is read within the time that any test has, and orders no more than its writer said."""
    assert [command.event for command in read_reply(Letter(text=text), product_words()).commands] == events


def test_what_is_new_below_so_much_that_nobody_writes_it_is_told() -> None:
    """Where the writer's own words are longer than is searched, a person is told."""
    reply = read_reply(Letter(text="这是一行普通的话，没有说什么。\n" * 4_000), product_words())

    assert reply.commands == ()
    assert reply.doubts == ("正文过长，只在前 40000 字里找了指令",)

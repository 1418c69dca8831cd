"""Own words and quoted mail are told apart for the clients that Chinese senders use."""

from __future__ import annotations

import pytest

from channels.passage import cut
from channels.quoting import clean_subject, is_forward, split

OWN = "补充说明：门口的水还没有退。\n昆明沐雨建材有限公司 成员\n"

QUOTATIONS = {
    "qq": '------------------ 原始邮件 ------------------\n发件人: "坐诊接诉" <zz@d.example>;\n发送时间: 2025年3月3日(星期一) 上午10:00\n收件人: "沐雨";\n\n旧的话',
    "qq-nbsp": "------------------&nbsp;原始邮件&nbsp;------------------\n发件人: 坐诊接诉\n\n旧的话",
    "163": '在 2025-03-03 10:00:12，"坐诊接诉" <zz@d.example> 写道：\n\n旧的话',
    "163-marked": 'At 2025-03-03 10:00:12, "zz" <zz@d.example> wrote:\n>旧的话\n>旧的第二句话',
    "163-reply": "---- 回复的原邮件 ----\n| 发件人 | 坐诊 |\n\n旧的话",
    "163-forward": "-------- 转发邮件信息 --------\n发件人：a <a@b.example>\n发送日期：2025-03-03\n主题：旧事\n旧的话",
    "139": '----邮件原文----\n发件人："坐诊接诉" <zz@d.example>\n收件人：沐雨  <m@u.example>\n抄 送： (无)\n发送时间：2025-03-03 10:00:12\n主题：补正\n\n旧的话',
    "dingtalk": "----------------------------------\n发件人：坐诊接诉<zz@d.example>\n日　期：2025年03月03日 10:00:12\n收件人：沐雨\n主　题：补正\n\n旧的话",
    "hotmail": "Date: Mon, 3 Mar 2025 10:00:12 +0800\nSubject: x\nFrom: zz@d.example\nTo: mu@u.example\n\n旧的话",
    "foxmail": "发件人： 坐诊接诉\n发送时间： 2025-03-03 10:02\n收件人： 沐雨\n主题： 补正\n\n旧的话",
    "outlook": "________________________________\n发件人: 坐诊接诉 <zz@d.example>\n发送时间: 2025年3月3日 10:02\n收件人: 沐雨\n主题: 补正\n\n旧的话",
    "outlook-english": "-----Original Message-----\nFrom: zz [mailto:zz@d.example]\nSent: Monday\nTo: mu\nSubject: re\n\n旧的话",
    "gmail": "坐诊接诉 <zz@d.example> 于2025年3月3日周一 10:02写道：\n\n> 旧的话",
    "apple": "> 在 2025年3月3日，10:02，坐诊接诉 <zz@d.example> 写道：\n>\n> 旧的话",
    "forwarded-message": "---------- Forwarded message ---------\nFrom: zz <zz@d.example>\nDate: Mon\nSubject: x\n\n旧的话",
    "attached-mail": "\n---------- 转发的邮件 ----------\n发件人：zz <zz@d.example>\n发送时间：Mon, 3 Mar 2025\n主题：旧事\n\n旧的话",
    "traditional": "寄件者: 坐診 <zz@d.example>\n日期: 2025年3月3日\n收件者: 沐雨\n主旨: 補正\n\n旧的话",
}


@pytest.mark.parametrize("quotation", QUOTATIONS.values(), ids=QUOTATIONS.keys())
def test_quotation_is_cut_off(quotation: str) -> None:
    """What the client put below the sender's words is not his; his own words stay whole."""
    text = OWN + "\n" + quotation
    parts = split(text)

    assert cut(text, parts.foreign).strip() == OWN.strip()
    assert any("旧的话" in text[part.start : part.end] for part in parts.quoted)


@pytest.mark.parametrize(
    ("text", "author", "is_forwarded"),
    [
        pytest.param(QUOTATIONS["qq"], '"坐诊接诉" <zz@d.example>;', False, id="divider"),
        pytest.param(QUOTATIONS["163-forward"], "a <a@b.example>", True, id="forward"),
        pytest.param(QUOTATIONS["apple"], "在 2025年3月3日,10:02,坐诊接诉 <zz@d.example> 写道:", False, id="attribution"),
        pytest.param("> 只有引用，没有抬头", "", False, id="marks-only"),
    ],
)
def test_author_of_a_quotation(text: str, author: str, *, is_forwarded: bool) -> None:
    """Who wrote the quoted mail is read from its header, so that our own notice is not taken for the enterprise's words."""
    (part,) = split(text).quoted

    assert (part.author, part.is_forward) == (author, is_forwarded)


@pytest.mark.parametrize("divider", [QUOTATIONS["qq"], QUOTATIONS["foxmail"], QUOTATIONS["attached-mail"]])
def test_body_of_a_quotation_begins_behind_its_header(divider: str) -> None:
    """The words of the quoted mail are found without dates and addresses."""
    (part,) = split(divider).quoted

    assert divider[part.body : part.end].strip() == "旧的话"


def test_words_below_and_between_marked_lines_are_own() -> None:
    """Who answers between the quoted lines is read to the end."""
    text = "> 请补充地址\n地址是春融街2号\n> 请补充电话\n电话已发\n"

    assert cut(text, split(text).foreign).split() == ["地址是春融街2号", "电话已发"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("通知上写道：\n逾期不予受理。我们不认可。", id="wrote-in-a-sentence"),
        pytest.param("------------------\n昆明沐雨建材有限公司 范", id="rule-before-signature"),
        pytest.param("发件人：昆明沐雨建材有限公司\n我们反映三件事。", id="sender-line-without-header"),
        pytest.param("主题：排水\n时间：3月5日\n来的人不少", id="labels-without-sender"),
    ],
)
def test_own_words_that_look_like_quotation(text: str) -> None:
    """A rule, a label or the word 写道 alone cuts nothing off."""
    assert split(text).quoted == ()


@pytest.mark.parametrize(
    "footer", ["发自我的iPhone", "发自我的华为手机", "来自QQ邮箱", "Sent from my Redmi", "获取 Outlook for iOS", "从 Windows 版邮件发送"]
)
def test_footer_of_the_client_is_dropped(footer: str) -> None:
    """The client's own line is nobody's words."""
    text = f"请尽快处理。\n\n{footer}\n"

    assert cut(text, split(text).foreign).strip() == "请尽快处理。"


@pytest.mark.parametrize(
    ("subject", "cleaned"),
    [
        ("回复：Re: 【补正通知】坐诊挂号", "【补正通知】坐诊挂号"),
        ("转发: Fw：Fwd: 厂房漏雨", "厂房漏雨"),
        ("答复[2]: 厂房漏雨", "厂房漏雨"),
        ("（无主题）", ""),
        ("回复：(no subject)", ""),
        ("Re-export 手续", "Re-export 手续"),
        ("", ""),
    ],
)
def test_subject_without_prefixes(subject: str, cleaned: str) -> None:
    """Reply and forward prefixes fall away, marks in brackets stay, an empty subject is empty."""
    assert clean_subject(subject) == cleaned


@pytest.mark.parametrize(("subject", "expected"), [("Fw: 表", True), ("转发：表", True), ("回复：转发：表", False), ("转发的表", False)])
def test_forward_by_subject(subject: str, *, expected: bool) -> None:
    """Only the outermost prefix says how this mail came about."""
    assert is_forward(subject) is expected

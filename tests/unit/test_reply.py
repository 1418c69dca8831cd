"""A reply's words become a command where a clause says nothing else, and nothing where they only look like one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from channels.reply import read_reply
from rules.reply_words import product_words
from store.model.letter import Letter
from store.model.reply import Command, Reply

_WRITTEN = datetime(2024, 11, 20, 9, 0, tzinfo=UTC)


def _read(text: str, documents: dict[str, str] | None = None) -> Reply:
    return read_reply(Letter(text=text, date=_WRITTEN), product_words(), documents)


def _only(text: str) -> Command:
    (command,) = _read(text).commands
    return command


@pytest.mark.parametrize(
    ("text", "event", "said"),
    [
        ("已签收。", "acknowledge", {}),
        ("已 收 到", "acknowledge", {}),
        ("正在处理，限期5个工作日。", "promise", {"limit": 5}),
        ("承诺七个工作日内答复企业。", "promise", {"days": 7}),
        ("已解决：已更换变压器。", "answer", {"result": "solved", "text": "已更换变压器。"}),
        ("无法解决，原因：规划未批复。", "answer", {"result": "explained", "text": "规划未批复。"}),
        ("退回：不属于我局职责，建议交由区水务局办理。", "return", {"department": "区水务局"}),
        ("因雨季施工，申请延期５个工作日。", "ask_extension", {"days": 5, "text": "因雨季施工"}),
        ("申请延期至12月5日。", "ask_extension", {"until": date(2024, 12, 5)}),
        ("補充：營業執照見附件。", "supplemented", {"text": "營業執照見附件。"}),
        ("不同意，改派区水务局", "disagree", {"department": "区水务局"}),
        ("不满意：至今没有人来过。", "rate", {"rating": "dissatisfied", "text": "至今没有人来过。"}),
        ("我公司撤回诉求，不再反映。", "withdraw", {}),
    ],
)
def test_command(text: str, event: str, said: dict[str, object]) -> None:
    """What departments, enterprises and the coordinator are told to answer is understood, with what belongs to it."""
    command = _only(text)

    assert command.event == event
    assert {name: getattr(command, name) for name in said} == said


@pytest.mark.parametrize(
    "text",
    [
        "尚未解决",
        "如已解决请告知。",
        "请问是否已解决？",
        "满意、基本满意或不满意；",
        "经业主大会表决，同意。",
        "请直接回复本邮件，写明：（1）已签收",
    ],
)
def test_no_command(text: str) -> None:
    """A negation, a condition, a question, a list of answers or another's words order nothing."""
    assert _read(text).commands == ()


def test_contradiction_orders_nothing() -> None:
    """Of two results neither is taken, and a person is told."""
    reply = _read("已解决。\n无法解决，原因：规划未批。")

    assert reply.commands == ()
    assert "都没有当作指令" in reply.doubts[0]


_OURS = """区水务局：

　　企业诉求（编号CG-2024-00031）已于2024年11月14日登记受理。现交贵单位办理。

三、诉求内容
您好！
已解决。同意。撤回。

九、答复方式
　　请直接回复本邮件，并保留主题中的编号CG-2024-00031，写明：（1）已签收。

（本邮件由“坐诊接诉”系统自动发出，发出时间以邮件所示为准。）"""


@pytest.mark.parametrize(
    ("text", "new"),
    [
        pytest.param(f"已签收。\n\n{_OURS}", "已签收。", id="below-the-answer"),
        pytest.param(f"您好！\n已签收。\n\n{_OURS}\n", "您好！\n已签收。", id="below-a-greeting"),
        pytest.param(f"{_OURS}\n\n已签收。", "已签收。", id="above-the-answer"),
        pytest.param(f"已签收。\n\n—— 请在此线以上回复 ——\n\n退回。\n{_OURS}", "已签收。", id="below-the-line-to-answer-above"),
        pytest.param(f"已签收。\n\n-----原始邮件-----\n发件人:a\n发送时间:b\n\n{_OURS}\n\n退回", "已签收。", id="marked-by-its-head"),
        pytest.param(f"-----原始邮件-----\n发件人:a\n发送时间:b\n\n{_OURS}\n\n已签收。", "已签收。", id="answer-below-its-head"),
    ],
)
def test_our_mail_carried_along_without_a_sign(text: str, new: str) -> None:
    """Our mail is known by what only it says, above or below the answer; the petition in it orders nothing."""
    reply = _read(text)

    assert reply.new_text == new
    assert [command.event for command in reply.commands] == ["acknowledge"]


def test_nothing_new_is_empty() -> None:
    """A reply that only carries our mail along is empty; one with a filled form is not."""
    assert _read(f"\n\n-----原始邮件-----\n发件人:a\n发送时间:b\n\n{_OURS}").is_empty
    assert not _read("", {"回执单": "服务回执单\n☑已解决\n□正在处理\n□无法解决"}).is_empty


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("正在处理。", "写了“正在处理”，没有写限期几个工作日，或承诺几个工作日内答复"),
        ("正在处理，限期7天。", "写的是“天”，按工作日读"),
        ("其中三户已解决，其余还在办。\n企业反映的问题已解决，但是路面没有恢复。", "像是只解决了一部分，没有当作指令"),
        ("☑满意 ☑不满意", "勾选了不止一项，没有当作指令"),
    ],
)
def test_doubt(text: str, doubt: str) -> None:
    """What may have been meant and was not taken, or was taken by a reading, is told to a person with its words."""
    assert any(doubt in one for one in _read(text).doubts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("√ 满意\n  基本满意\n  不满意", "satisfied"),
        ("满意\n基本满意\n不满意√", "dissatisfied"),
        ("已解决√\n正在处理，限期__个工作日\n无法解决，原因：____", "solved"),
    ],
)
def test_words_without_a_box_beside_a_ticked_one_are_not_said(text: str, said: str) -> None:
    """Of three words on lines of their own, one ticked, the others are what was printed."""
    assert said in {_only(text).rating, _only(text).result}


def test_three_that_contradict_order_nothing() -> None:
    """Of three ratings none is left over when two have been set aside."""
    assert _read("满意。\n基本满意。\n不满意。").commands == ()

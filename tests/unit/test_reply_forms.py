"""附件4 and 附件5 that come back with a reply: in a document, in a sheet, in the body, or filled in inside our quoted mail."""

from __future__ import annotations

from datetime import UTC, date, datetime

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from channels.documents import read_document
from channels.reply import read_reply
from rules.reply_words import product_words
from store.model.letter import Letter
from store.model.reply import RATING, SLIP, Command, Reply
from tests.unit.documents import sheet, word_bytes, word_table

_SLIP_TITLE = "昆明市呈贡区“区委书记、区长、局长坐诊接诉”“坐诊”服务回执单"
_RATING_TITLE = "昆明市呈贡区“区委书记、区长、局长坐诊接诉”“坐诊”服务满意度评价表"
_EMPTY, _TICKED = "\uf0a3", "\uf052"


def _slip(result: str, terms: str = "自2024年11月20日受理之日起，7个工作日内答复企业问题办理情况。") -> list[list[str]]:
    return [
        ["“接诊”部门", "区水务局", "“坐诊”领导", "木晓东"],
        ["部门联系人", "李明", "联系电话", "0871-65010203"],
        ["“坐诊”日期", "2024年11月19日", "", ""],
        ["“挂号”企业", "昆明云岫食品有限公司", "", ""],
        ["企业联系人", "陶维安", "联系电话", "13900012345"],
        ["办理结果", result, "", ""],
        ["问题办理承诺时限", terms, "", ""],
    ]


def _rating(*, satisfied: str = "满意", basically: str = "基本满意", dissatisfied: str = "不满意", why: str = "") -> list[list[str]]:
    return [
        ["“挂号”企业", "昆明云岫食品有限公司", "", ""],
        ["办理结果", "☑ 已解决\n□ 正在处理，限期__个工作日\n□ 无法解决，原因：____", "", ""],
        ["“接诊”部门", "区水务局", "“坐诊”领导", "木晓东"],
        ["企业意见（请在表格内打√）", satisfied, basically, dissatisfied],
        ["不满意原因：", why, "", ""],
        ["意见建议", "希望公开进度", "", ""],
    ]


def _text(name: str, data: bytes) -> str:
    document, doubt = read_document(name, "", data)
    assert document is not None, doubt
    return document.text


def _read(text: str, **documents: str) -> Reply:
    return read_reply(Letter(text=text, date=datetime(2024, 11, 20, tzinfo=UTC)), product_words(), documents)


def _only(reply: Reply) -> Command:
    (command,) = reply.commands
    return command


_PROMISED = f"{_EMPTY} 已解决\n{_TICKED} 正在处理，限期 5 个工作日\n{_EMPTY} 无法解决，原因："


@pytest.mark.parametrize("data", [word_table(_slip(_PROMISED), heading=_SLIP_TITLE), sheet([[_SLIP_TITLE], *_slip(_PROMISED)])])
def test_slip_attached(data: bytes) -> None:
    """A filled 附件4, as a document or a sheet, orders what is ticked in it, with both numbers of days."""
    reply = _read("见附件。", 回执单=_text("回执单", data))
    command = _only(reply)
    (form,) = reply.forms

    assert (command.event, command.limit, command.days, command.is_form) == ("promise", 5, 7, True)
    assert (form.kind, form.result, form.accepted) == (SLIP, "promised", date(2024, 11, 20))
    assert {name: found.value for name, found in form.fields.items() if name != "result"} == {
        "department": "区水务局",
        "leader": "木晓东",
        "contact": "李明",
        "phone": "0871-65010203",
        "session": "2024年11月19日",
        "enterprise": "昆明云岫食品有限公司",
        "enterprise_contact": "陶维安",
        "enterprise_phone": "13900012345",
    }


@pytest.mark.parametrize(
    ("result", "wanted", "text"),
    [
        ("☑ 已解决\n□ 正在处理，限期__个工作日\n□ 无法解决，原因：____", "solved", ""),
        ("□ 已解决\n□ 正在处理，限期__个工作日\n■ 无法解决，原因：规划为绿地", "explained", "规划为绿地"),
        ("已解决√\n正在处理，限期__个工作日\n无法解决，原因：____", "solved", ""),
    ],
)
def test_result_of_a_slip(result: str, wanted: str, text: str) -> None:
    """The ticked box of 办理结果 is the answer, with the reason written behind it."""
    command = _only(_read("", 回执单=_text("回执单.docx", word_table(_slip(result), heading=_SLIP_TITLE))))

    assert (command.event, command.result, command.text) == ("answer", wanted, text)


def test_boxes_of_symbol_fonts_in_word() -> None:
    """What Word draws as a symbol of Wingdings, and an old form field, is read as the box that one sees."""
    document = docx.Document()
    document.add_paragraph(_SLIP_TITLE)
    for char, words in (("F0A3", "已解决"), ("F052", "正在处理，限期6个工作日"), ("F0A3", "无法解决，原因：")):
        paragraph = document.add_paragraph()
        symbol = OxmlElement("w:sym")
        symbol.set(qn("w:font"), "Wingdings")
        symbol.set(qn("w:char"), char)
        paragraph.add_run()._r.append(symbol)
        paragraph.add_run(words)
    command = _only(_read("", 回执单=_text("回执单.docx", word_bytes(document))))

    assert (command.event, command.limit) == ("promise", 6)


@pytest.mark.parametrize(
    ("ticks", "wanted"),
    [
        ({"satisfied": "满意√"}, "satisfied"),
        ({"basically": "√基本满意"}, "basically"),
        ({"dissatisfied": "☑不满意", "satisfied": "□满意", "basically": "□基本满意"}, "dissatisfied"),
    ],
)
def test_rating_attached(ticks: dict[str, str], wanted: str) -> None:
    """A filled 附件5 orders the rating alone: its 办理结果 is what the department ticked before."""
    reply = _read("", 评价表=_text("评价表.docx", word_table(_rating(**ticks, why="来过一次"), heading=_RATING_TITLE)))
    command = _only(reply)

    assert (command.event, command.rating, command.text) == ("rate", wanted, "来过一次\n希望公开进度")
    assert reply.forms[0].kind == RATING


def test_both_forms_at_once() -> None:
    """The host department hands in 附件4 and 附件5 together: the answer and the rating are both read."""
    slip = _text("4.docx", word_table(_slip("☑已解决\n□正在处理\n□无法解决"), heading=_SLIP_TITLE))
    rating = _text("5.docx", word_table(_rating(satisfied="满意√"), heading=_RATING_TITLE))
    reply = _read("现报送附件4、附件5。", 回执单=slip, 评价表=rating)

    assert [command.event for command in reply.commands] == ["answer", "rate"]


@pytest.mark.parametrize("result", [_PROMISED.replace(_TICKED, _EMPTY), _PROMISED.replace(_EMPTY, _TICKED)])
def test_form_without_one_tick_orders_nothing(result: str) -> None:
    """Nothing ticked, or everything: a person is told, and the case stays."""
    reply = _read("见附件", 回执单=_text("回执单.docx", word_table(_slip(result), heading=_SLIP_TITLE)))

    assert reply.commands == ()
    assert reply.doubts == ("附件4（回执单）没有勾选，或勾选了不止一项",)


_QUOTED = "\n\n在 2024-11-19 10:02:33，坐诊接诉 <zz@d.example> 写道：\n\n"


@pytest.mark.parametrize("own", ["", "已填写，见下。"])
def test_form_filled_in_inside_the_quoted_mail(own: str) -> None:
    """Who ticks a box in our quoted 附件4 and writes no more has answered."""
    lines = [_SLIP_TITLE, "办理结果：□ 已解决 ☑ 正在处理，限期 5 个工作日 □ 无法解决，原因："]
    reply = _read(own + _QUOTED + "\n".join(f"> {line}" for line in lines))
    command = _only(reply)

    assert (command.event, command.limit, command.is_form) == ("promise", 5, True)


@pytest.mark.parametrize(("own", "mark"), [("签收。", ">"), ("请问这件后来怎么样了，我们一直在等贵局的消息，麻烦告知。", ">"), ("", ">>")])
def test_form_of_an_earlier_mail_is_no_answer(own: str, mark: str) -> None:
    """A filled form that is only carried along, or stands in a mail that the quoted one quotes, orders nothing."""
    lines = [_SLIP_TITLE, "办理结果：☑ 已解决 □ 正在处理，限期 个工作日 □ 无法解决，原因："]
    reply = _read(own + _QUOTED + "\n".join(f"{mark} {line}" for line in lines))

    assert [command.event for command in reply.commands] == (["acknowledge"] if own == "签收。" else [])


def test_answers_between_the_quoted_lines() -> None:
    """Who answers point by point between the marked lines is read in order."""
    reply = _read("> （1）已签收；\n已签收\n> （2）对接核实情况和办理意见；\n已与企业对接核实，正在处理，限期5个工作日\n> （3）建议。\n无")

    assert [(command.event, command.limit) for command in reply.commands] == [("acknowledge", None), ("verify", None), ("promise", 5)]


def test_text_and_form_that_contradict_order_nothing() -> None:
    """Where the body says one result and the form another, a person decides."""
    slip = _text("4.docx", word_table(_slip("☑已解决\n□正在处理\n□无法解决"), heading=_SLIP_TITLE))
    reply = _read("无法解决，原因：规划为绿地。", 回执单=slip)

    assert reply.commands == ()
    assert "都没有当作指令" in reply.doubts[0]

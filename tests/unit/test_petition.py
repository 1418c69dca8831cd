"""Which source of a field goes before which, and what becomes title, content and quotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from channels.petition import read_petition
from store.model.arrival import Channel
from store.model.petition import Petition
from tests.unit.documents import EMPTY, FILLED, attachment, word_form, word_lines
from tests.unit.letters import letter_of

SIGNED = "请帮我们看看附件。\n\n昆明另一家贸易有限公司\n文竹 13900000001\n"
NOTICE = (
    '\n------------------ 原始邮件 ------------------\n发件人: "坐诊接诉" <zuozhen@district.example>;\n发送时间: 2025年3月3日\n主题: 补正通知\n\n'
    "昆明官方通知有限公司：\n请补充材料。\n联系人：王科长\n联系电话：0871-67470000\n"
)


def _read(text: str, files: Mapping[str, bytes] = {}, *, channel: Channel = Channel.MAIL, subject: str = "", sender: str = "") -> Petition:
    attachments = [attachment(name, data, "text/plain" if name.endswith(".txt") else "") for name, data in files.items()]
    letter = replace(letter_of(text, subject=subject, sender=sender), attachments=tuple(attachments))
    return read_petition(channel, letter, {item.sha256: data for item, data in zip(attachments, files.values(), strict=True)})


def test_form_goes_before_the_body() -> None:
    """An agent's signature does not displace what the enterprise's form says."""
    petition = _read(SIGNED, {"表.docx": word_form(FILLED)}, subject="挂号")

    read = [found and found.value for found in (petition.name, petition.uscc, petition.address, petition.contact, petition.phone)]
    assert read == list(FILLED.values())[:5]
    assert (petition.name and petition.name.how, petition.uscc_valid) == ("form", True)


def test_body_fills_what_the_form_leaves_out() -> None:
    """An empty cell is filled from the signature, nothing from the hints."""
    petition = _read(SIGNED, {"表.docx": word_form({**EMPTY, "企业名称": "昆明澄湖净水科技有限公司"})})

    assert (petition.name and petition.name.value) == "昆明澄湖净水科技有限公司"
    assert (petition.contact and petition.contact.value, petition.phone and petition.phone.value) == ("文竹", "13900000001")
    assert petition.uscc is None
    assert petition.uscc_valid is None


def test_span_in_a_form_quotes_the_attachment() -> None:
    """The place of a value is an offset in the text that is kept for the attachment."""
    petition = _read("见附件", {"挂号表.docx": word_form(FILLED)})

    assert petition.contact is not None
    span = petition.contact.span
    assert (span.source, petition.attachment_texts["挂号表.docx"][span.start : span.end]) == ("attachment:挂号表.docx", "冉静")


@pytest.mark.parametrize("word", ["来信", "来函", "来访", "来电"])
def test_letter_that_opens_with_who_writes(word: str) -> None:
    """A note that begins with whose letter, visit or call it is names the enterprise."""
    petition = _read(f"昆明霁月汉服文化有限公司{word}：在公园拍摄被驱离，没有书面规定。", channel=Channel.LETTER)
    assert petition.name is not None
    assert petition.name.value == "昆明霁月汉服文化有限公司"


def test_wrong_code_is_kept_and_marked() -> None:
    """The code stays as written; whether it can be one is said apart."""
    petition = _read("企业名称：昆明澄湖净水科技有限公司\n统一社会信用代码：91530114MAA0KMNA28")

    assert (petition.uscc and petition.uscc.value, petition.uscc_valid) == ("91530114MAA0KMNA28", False)


def test_full_width_code_is_checked_by_its_meaning() -> None:
    """Full-width digits are kept as written and still checked."""
    petition = _read("统一社会信用代码：９１５３０１１４ＭＡＡ０ＫＭＮＡ２９")

    assert (petition.uscc and petition.uscc.value, petition.uscc_valid) == ("９１５３０１１４ＭＡＡ０ＫＭＮＡ２９", True)


def test_second_form_is_said_not_mixed() -> None:
    """Of two enterprises' forms the first is read, and a clerk is told."""
    second = word_form({**FILLED, "企业名称": "昆明第二家有限公司", "联系电话": "13900000002"})
    petition = _read("两家一起报", {"甲.docx": word_form({**FILLED, "联系电话": ""}), "乙.docx": second})

    assert (petition.name and petition.name.value, petition.phone) == (FILLED["企业名称"], None)
    assert any("2 份信息表" in doubt for doubt in petition.letter.doubts)


def test_two_attachments_of_one_name() -> None:
    """Neither of two files that bear the same name is lost."""
    first, second = word_lines(["第一份说明"]), word_lines(["第二份说明"])
    letter = replace(letter_of("见附件"), attachments=(attachment("说明.docx", first), attachment("说明.docx", second)))
    petition = read_petition(
        Channel.MAIL, letter, {item.sha256: data for item, data in zip(letter.attachments, (first, second), strict=True)}
    )

    assert petition.attachment_texts == {"说明.docx": "第一份说明\n", "说明.docx (2)": "第二份说明\n"}


def test_missing_bytes_of_an_attachment_are_survived() -> None:
    """An attachment whose bytes are not at hand is passed over."""
    letter = replace(letter_of("见附件"), attachments=(attachment("表.docx", word_form(FILLED)),))

    assert read_petition(Channel.MAIL, letter, {}).attachment_texts == {}


def test_unreadable_document_is_a_doubt() -> None:
    """What could not be opened is noted beside what the reader of mail had noted."""
    letter = replace(letter_of("见附件"), attachments=(attachment("函.pdf", b"%PDF-1.4"),), doubts=("正文未声明字符集",))
    petition = read_petition(Channel.MAIL, letter, {letter.attachments[0].sha256: b"%PDF-1.4"})

    assert petition.letter.doubts[0] == "正文未声明字符集"
    assert "函.pdf" in petition.letter.doubts[1]


def test_attached_letter_speaks_where_the_body_is_silent() -> None:
    """A body that only points to its attachment takes fields and content from there."""
    lines = ["关于园区停水的情况说明", "我公司自三月起停水五次，停产三天。", "昆明澄湖净水科技有限公司", "冉静 13900098765"]
    petition = _read("详见附件，请查收。", {"情况说明.docx": word_lines(lines)})

    assert (petition.name and petition.name.value, petition.contact and petition.contact.value) == ("昆明澄湖净水科技有限公司", "冉静")
    assert "停产三天" in petition.content
    assert "冉静" not in petition.content


@pytest.mark.parametrize("name", ["租赁合同.docx", "行政处罚决定书.docx", "12345工单.docx"])
def test_papers_of_others_introduce_nobody(name: str) -> None:
    """The parties of a contract and the authority of a decision are not the sender."""
    lines = [name.removesuffix(".docx"), "我公司昆明出租方置业有限公司", "联系人：房东", "电话：13900000009"]
    petition = _read("物业不让我们进货，请协调。", {name: word_lines(lines)})

    assert (petition.name, petition.contact, petition.phone) == (None, None, None)
    assert name in petition.attachment_texts


def test_our_own_notice_below_a_reply_is_nobodys_introduction() -> None:
    """A reply quotes our notice: its names and numbers are not the enterprise's."""
    petition = _read("材料已补，谢谢。" + NOTICE, subject="回复：补正通知")

    assert (petition.name, petition.contact, petition.phone) == (None, None, None)
    assert petition.content == "材料已补，谢谢。"
    assert "王科长" in petition.quoted


def test_colleagues_mail_carried_along_fills_the_fields() -> None:
    """Who forwards a colleague's mail with a few covering words is introduced by it, and asks what it asks."""
    below = "\n---------- 转发的邮件 ----------\n发件人：财务 <cw@a.example>\n主题：退税\n\n出口退税三个月没有到。\n昆明澄湖净水科技有限公司\n冉静 13900098765\n"
    petition = _read("请看下面同事的邮件，麻烦协调。" + below, subject="转发：退税")

    assert (petition.name and petition.name.value, petition.phone and petition.phone.value) == ("昆明澄湖净水科技有限公司", "13900098765")
    assert petition.content == "请看下面同事的邮件，麻烦协调。\n\n出口退税三个月没有到。"
    assert petition.quoted == ""


def test_who_tells_his_matter_himself_carries_along_its_history() -> None:
    """Below more than a cover, a mail passed on stays quoted: it is not asked again."""
    below = "\n---------- 转发的邮件 ----------\n发件人：财务 <cw@a.example>\n主题：退税\n\n出口退税三个月没有到。\n"
    own = "我公司出口退税申报已经四个月，税务局两次要求补充单证，都已按时补齐，系统里仍显示函调未回。" * 3
    petition = _read(own + below, subject="转发：退税")

    assert petition.content == own
    assert "三个月没有到" in petition.quoted


def test_forward_without_words_of_its_own_is_the_content() -> None:
    """Who only passes a mail on says what it says."""
    text = "\n---------- 转发的邮件 ----------\n发件人：财务 <cw@a.example>\n发送时间：3月3日\n主题：退税\n\n出口退税三个月没有到，请核实。\n\n> 更早的话\n"
    petition = _read(text, subject="Fw: 退税")

    assert petition.content == "出口退税三个月没有到，请核实。"


def test_header_is_the_last_resort() -> None:
    """The display name gives the contact only where nothing else does."""
    text = "我们昆明澄湖净水科技有限公司的厂门口积水。"

    assert [(p.contact.value, p.contact.how) for p in [_read(text, sender="冉静")] if p.contact] == [("冉静", "header")]
    assert [(p.contact.value, p.contact.how) for p in [_read(f"{text}\n联系人：文竹", sender="冉静")] if p.contact] == [("文竹", "label")]


@pytest.mark.parametrize("shown", ["守望者", "综合部", "Mail Delivery System", "昆明澄湖净水", "天道酬勤", "", "noreply", "小草"])
def test_display_names_that_are_no_person(shown: str) -> None:
    """Anybody can be called anything: only what is surely a name counts."""
    assert _read("厂门口积水。", sender=shown).contact is None


@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        pytest.param("诉求标题：厂门口积水\n其他的话。", "挂号", "厂门口积水", id="label"),
        pytest.param("厂门口积水。", "回复：【坐诊挂号】排水不畅", "【坐诊挂号】排水不畅", id="subject"),
        pytest.param("领导您好！\n厂门口积水三个月，没有人管。", "附件2", "厂门口积水三个月，没有人管", id="silent-subject"),
        pytest.param(
            "尊敬的领导：\n您好！\n我是开店的。请求水务局疏通门口的管道。", "（无主题）", "请求水务局疏通门口的管道", id="request"
        ),
        pytest.param("区水务局：\n\n关于疏通厂门口排水管的请示\n\n我厂门口积水。", "", "关于疏通厂门口排水管的请示", id="heading"),
        pytest.param("事由：" + "门口积水" * 20, "排水不畅", "排水不畅", id="long-label"),
        pytest.param("好", "投诉", "投诉", id="nothing-better"),
        pytest.param("", "", "", id="nothing"),
    ],
)
def test_title(text: str, subject: str, expected: str) -> None:
    """The matter in one line comes from label, subject, heading or the sentence that asks, in this order."""
    assert _read(text, subject=subject).title == expected


def test_title_of_the_form_goes_first() -> None:
    """The form's title stands before the subject; its printed hint does not."""
    assert _read("见附件", {"表.docx": word_form(FILLED)}, subject="挂号表").title == FILLED["诉求标题"]
    assert _read("见附件", {"表.docx": word_form(EMPTY)}, subject="关于排水的挂号").title == "关于排水的挂号"


def test_content_is_the_form_and_the_own_words() -> None:
    """What the form tells comes first, then what the mail adds, without signature and hints."""
    petition = _read("另外补充：昨天又停水了。\n\n昆明澄湖净水科技有限公司\n冉静 13900098765", {"表.docx": word_form(FILLED)})

    assert petition.content == f"{FILLED['诉求内容']}\n\n另外补充：昨天又停水了。"
    assert _read("见附件", {"表.docx": word_form(EMPTY)}).content == "见附件"


def test_content_of_a_form_in_the_body_is_what_it_asks() -> None:
    """The labelled lines that say who writes are not the matter."""
    text = "".join(f"{label}：{value}\n" for label, value in FILLED.items()) + "涉及部门：区水务局\n"
    content = _read(text).content

    assert "请区水务局明确移交时间。" in content
    assert "涉及部门：区水务局" in content
    assert not any(FILLED[label] in content for label in ("企业名称", "统一社会信用代码", "联系电话", "诉求标题"))


def test_wrapped_lines_are_joined() -> None:
    """A letter broken at full lines is read without the breaks, so that no word is cut in two; lists keep theirs."""
    text = "我公司于二〇二三年向商业银行贷款二百万元并按照政策申报了贴\n息，公示期满一年零三个月仍未兑付，银行利息已经全部由我公司自\n己垫付，资金十分紧张，员工工资都快发不出来了，现提出以下的请\n求：\n1.尽快兑付；\n2.书面答复。\n"
    content = _read(text, channel=Channel.LETTER).content

    assert content.splitlines() == [text.split("1.", 1)[0].replace("\n", ""), "1.尽快兑付；", "2.书面答复。"]


def test_clerks_note_is_kept_whole() -> None:
    """A note of the window is content from its first to its last line."""
    text = "来访登记\n来访人：冉静，昆明澄湖净水科技有限公司，13900098765\n反映：门口积水。\n经办：高"

    assert _read(text, channel=Channel.WINDOW).content == text


HOSTILE = {
    "spaces": " " * 500_000,
    "newlines": "\n" * 500_000,
    "marks": "> " * 250_000,
    "marked-lines": "> a\n" * 125_000,
    "headers": "发件人：\n主题：\n" * 55_000,
    "rules": "--\n" * 160_000,
    "wrote": "写道：\n" * 120_000,
    "labels": "企业名称：\n" * 80_000,
    "labels-in-one-line": "联系人：" * 120_000,
    "wide-labels": "联 " * 250_000,
    "companies": "昆明甲有限公司" * 70_000,
    "company-ends": "有限公司" * 120_000,
    "brackets": "(" * 250_000 + ")" * 250_000,
    "nested-brackets": "昆明(" * 160_000 + "有限公司",
    "digits": "1" * 500_000,
    "spaced-digits": "1 3 " * 120_000,
    "codes": "91530114MAA0KMNA29" * 27_000,
    "phones": "13900098765，" * 40_000,
    "signatures": "冉静 13900098765\n" * 30_000,
    "addresses": "位于呈贡区雨花街道春融街" * 40_000,
    "claims": "我公司" * 160_000,
    "people": "我叫冉静，" * 100_000,
    "closings": "此致\n敬礼\n" * 80_000,
    "quotes": "我们“" * 160_000,
    "sentences": "请求解决。" * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_half_a_million_hostile_characters_are_read(text: str) -> None:
    """No text makes reading hang: the petition comes, whatever is in it."""
    assert read_petition(Channel.MAIL, letter_of(text[:500_000], subject=text[:2_000], sender=text[:2_000]), {}).letter.text


def test_ends_of_a_long_letter_are_both_read() -> None:
    """Of a very long letter who writes is read from its head and its end; its words are all kept."""
    text = "我公司昆明澄湖净水科技有限公司反映停水。\n" + "每天都停水。\n" * 30_000 + "冉静 13900098765\n"
    petition = _read(text)

    assert (petition.name and petition.name.value, petition.contact and petition.contact.value) == ("昆明澄湖净水科技有限公司", "冉静")
    assert petition.content.count("每天都停水。") == 30_000

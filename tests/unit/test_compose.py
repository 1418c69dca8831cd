"""Who is told what about a case, and in which words: recipients, contents, and what hostile texts cannot do to a letter."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.address_book import Addresses
from notifier.compose import Composer
from store.errors import ConfigError
from store.model.case import Case
from store.model.letter import Address, Automatic, Letter
from store.model.notice import Notice, Purpose
from store.model.petition import Speaker, Turn
from tests.sample_case import (
    ADDRESSES,
    AWAITING,
    CASE,
    COORDINATOR,
    DISTRICT,
    DUE,
    FLOWERS,
    LETTER,
    PETITION,
    REFUSED,
    SENDER,
    UNDER_REVIEW,
    found,
    with_letter,
    with_petition,
)

COMPOSER = Composer(DISTRICT, ADDRESSES)
NO_COORDINATOR = Composer(DISTRICT, replace(ADDRESSES, coordinator=None))
NO_DEPARTMENTS = Composer(DISTRICT, replace(ADDRESSES, departments={}))
ALONE = Composer(DISTRICT, Addresses(sender=SENDER))
ENTERPRISE = "dianrui@qq.example"
TO_ENTERPRISE = {Purpose.ACKNOWLEDGE, Purpose.SUPPLEMENT, Purpose.REFERRAL}


def _routes(notices: list[Notice]) -> list[tuple[Purpose, str]]:
    return [(notice.purpose, notice.to.address) for notice in notices]


def _one(notices: list[Notice], purpose: Purpose) -> Notice:
    (notice,) = [notice for notice in notices if notice.purpose is purpose]
    return notice


def _everything(composer: Composer, case: Case) -> list[Notice]:
    """Return all that can be written about a case in any state."""
    notices = [
        notice for state in (CASE, UNDER_REVIEW, AWAITING, REFUSED) for notice in composer.for_new_case(replace(case, state=state.state))
    ]
    notices += composer.for_accompanying(case, ["scj"], "1")
    notices += composer.for_follow_up(case, case.petition)
    return notices


def _letter(**changes: object) -> Letter:
    return replace(LETTER, **changes)  # type: ignore[arg-type]  # the tests name the fields


# ---------------------------------------------------------------- who


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (CASE, [(Purpose.ASSIGN, "dnhh@gov.example"), (Purpose.ACKNOWLEDGE, ENTERPRISE)]),
        (UNDER_REVIEW, [(Purpose.REVIEW, "zwj@gov.example"), (Purpose.ACKNOWLEDGE, ENTERPRISE)]),
        (AWAITING, [(Purpose.SUPPLEMENT, ENTERPRISE)]),
        (REFUSED, [(Purpose.REFERRAL, ENTERPRISE)]),
    ],
    ids=["accepted", "under review", "supplement", "refused for good"],
)
def test_a_new_case_owes_these_notices(case: Case, expected: list[tuple[Purpose, str]]) -> None:
    """Each state of a new case tells exactly those who must act or wait."""
    assert _routes(COMPOSER.for_new_case(case)) == expected


@pytest.mark.parametrize("case", [CASE, UNDER_REVIEW, AWAITING, REFUSED])
def test_mail_to_an_enterprise_is_capped_and_answers_its_message(case: Case) -> None:
    """What goes to a stranger's address is capped, threads with the stranger's message, carries no original and no name from it."""
    (notice,) = [notice for notice in COMPOSER.for_new_case(case) if notice.to.address == ENTERPRISE]

    assert notice.capped
    assert notice.reply_to_message == LETTER.message_id
    assert not notice.attach_original
    assert notice.to.name == ""


def test_official_mail_carries_the_original_and_is_not_capped() -> None:
    """A department gets the original with its letter, always."""
    notice = _one(COMPOSER.for_new_case(CASE), Purpose.ASSIGN)

    assert notice.attach_original
    assert not notice.capped
    assert notice.reply_to_message == ""
    assert notice.to.name == "区斗南花卉产业综合服务中心"


def test_reply_to_is_answered_before_from() -> None:
    """An enterprise that names an address for answers gets them there."""
    case = with_letter(CASE, _letter(reply_to=Address(name="", address="office@co.example")))

    assert _one(COMPOSER.for_new_case(case), Purpose.ACKNOWLEDGE).to.address == "office@co.example"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "no at sign",
        "a@b",
        "张三@qq.example",
        "a@例子.example",
        "a@b.example\r\nBcc: c@d.example",
        '"a b"@c.example',
        "x" * 65 + "@c.example",
        "MAILER-DAEMON@qq.example",
        "postmaster@qq.example",
        "no-reply@qq.example",
        "noreply@qq.example",
        "news-request@qq.example",
        "owner-news@qq.example",
        "Zuozhen@GOV.example",  # our own
    ],
)
def test_an_address_that_cannot_or_must_not_be_answered_gets_nothing(address: str) -> None:
    """No mail goes to an unusable address, to a machine's, or to ourselves; the case shows it, and the department is told all the same."""
    case = with_letter(CASE, _letter(sender=Address(name="", address=address)))

    assert _routes(COMPOSER.for_new_case(case)) == [(Purpose.ASSIGN, "dnhh@gov.example")]
    assert COMPOSER.problems(case) == ("来件没有可用的邮箱，未向企业发信，请以电话等方式告知",)


def test_automatic_mail_is_not_answered() -> None:
    """RFC 3834: an automatic message gets no reply, whatever it was decided to be."""
    case = with_letter(CASE, _letter(automatic=Automatic(kind="auto-reply", evidence="Auto-Submitted: auto-replied")))

    assert _routes(COMPOSER.for_new_case(case)) == [(Purpose.ASSIGN, "dnhh@gov.example")]
    assert COMPOSER.problems(case) == ("来件是自动邮件，按规定不予回信",)


@pytest.mark.parametrize(("case", "words"), [(AWAITING, "需请企业补充："), (REFUSED, "需告知企业不予受理")])
def test_the_coordinator_tells_an_enterprise_without_mail(case: Case, words: str) -> None:
    """A supplement or a refusal that cannot be mailed becomes a task for the coordinator, so that nobody waits in vain."""
    (notice,) = COMPOSER.for_new_case(with_letter(case, _letter(sender=None)))

    assert (notice.purpose, notice.to) == (Purpose.REVIEW, COORDINATOR)
    assert words in notice.text
    phone = case.petition.phone
    assert phone is not None
    assert f"请打电话 {phone.value} 告知" in notice.text


def test_of_a_call_the_whole_conversation_is_shown() -> None:
    """The department reads question and answer: half of a call is not to be understood."""
    turns = (
        Turn(number=1, speaker=Speaker.AGENT, at_s=1, text="停水几天了？"),
        Turn(number=2, speaker=Speaker.CALLER, at_s=3, text="三天。"),
    )
    letter = _letter(text="00:01 坐席：停水几天了？\n00:03 来电人：三天。", sender=None)
    case = replace(CASE, petition=replace(CASE.petition, content="三天。", turns=turns, letter=letter))

    notice = _one(COMPOSER.for_new_case(case), Purpose.ASSIGN)

    assert "00:01 坐席：停水几天了？" in notice.text
    assert "00:03 来电人：三天。" in notice.html


def test_a_department_without_an_address_is_reached_through_the_coordinator() -> None:
    """The coordinator gets the letter, its subject and first lines say for whom it is, and the case shows it."""
    notice = _one(NO_DEPARTMENTS.for_new_case(CASE), Purpose.ASSIGN)

    assert notice.to == COORDINATOR
    assert "（请转区斗南花卉产业综合服务中心）" in notice.subject
    assert "本件应送区斗南花卉产业综合服务中心" in notice.text
    assert "现交区斗南花卉产业综合服务中心办理" in notice.text
    assert NO_DEPARTMENTS.problems(CASE) == ("未登记区斗南花卉产业综合服务中心的邮箱，交办邮件改送区政务服务局",)


def test_without_any_official_address_nothing_is_written_and_the_case_says_so() -> None:
    """No department's address and no coordinator's: no notice, no exception, two problems to show."""
    assert _routes(ALONE.for_new_case(CASE)) == [(Purpose.ACKNOWLEDGE, ENTERPRISE)]
    assert ALONE.problems(CASE) == ("未登记区斗南花卉产业综合服务中心的邮箱，也未登记区政务服务局的邮箱，交办邮件未发出",)
    assert ALONE.problems(UNDER_REVIEW) == ("未登记区政务服务局的邮箱，复核提醒未发出，请直接在系统中复核",)


def test_a_case_in_order_has_no_problems() -> None:
    """Where everybody can be reached there is nothing to show."""
    assert COMPOSER.problems(CASE) == ()


def test_the_coordinator_as_lead_department_needs_no_second_address() -> None:
    """A case for the coordinator itself goes to its address without a line about passing on."""
    notice = _one(COMPOSER.for_new_case(replace(CASE, department="zwj")), Purpose.ASSIGN)

    assert notice.to == COORDINATOR
    assert "转交说明" not in notice.text


def test_a_department_that_left_the_directory_is_named_by_its_id() -> None:
    """An old case of a department that a newer pack no longer knows can still be written about."""
    notice = _one(COMPOSER.for_new_case(replace(CASE, department="gone")), Purpose.ASSIGN)

    assert "（请转gone）" in notice.subject


def test_an_assignment_by_a_person_tells_the_enterprise_too() -> None:
    """After a review the department gets the case and the enterprise the word it was promised, both under the new round."""
    notices = COMPOSER.for_assignment(CASE, "2")

    assert _routes(notices) == [(Purpose.ASSIGN, "dnhh@gov.example"), (Purpose.ACKNOWLEDGE, ENTERPRISE)]
    assert {notice.round for notice in notices} == {"2"}
    assert "诉求已交办" in notices[1].subject


def test_accompanying_departments_never_share_one_notice() -> None:
    """Two departments reached at one address get two notices: the round tells them apart in the outbox."""
    notices = NO_DEPARTMENTS.for_accompanying(CASE, ["scj", "sfj"], "1")

    assert _routes(notices) == [(Purpose.ACCOMPANY, "zwj@gov.example")] * 2
    assert len({notice.round for notice in notices}) == 2
    assert "请转区市场监管局" in notices[0].subject


@pytest.mark.parametrize(
    ("case", "sender", "to", "words"),
    [
        (CASE, ENTERPRISE, FLOWERS.address, "请并入原件办理，原定时限不变"),
        (CASE, "other@qq.example", FLOWERS.address, "发件邮箱与原件不同"),
        (CASE, "DNHH@gov.example", COORDINATOR.address, "区斗南花卉产业综合服务中心就企业诉求（编号CG-2024-00012）来信"),
        (CASE, COORDINATOR.address, FLOWERS.address, "区政务服务局就企业诉求（编号CG-2024-00012）来信"),
        (AWAITING, ENTERPRISE, COORDINATOR.address, "尚未交办"),
        (replace(AWAITING, department="dnhh"), ENTERPRISE, COORDINATOR.address, "尚未交办"),
        (REFUSED, ENTERPRISE, COORDINATOR.address, "已答复不予受理，现又收到来件，请据以重新审核"),
    ],
    ids=["the enterprise", "a stranger", "the department itself", "the coordinator", "no department yet", "only proposed", "refused"],
)
def test_a_follow_up_goes_to_whoever_must_act(case: Case, sender: str, to: str, words: str) -> None:
    """It is handed to the department of the case, to the coordinator where there is none, and never back to the office that wrote it."""
    petition = replace(
        PETITION, content="补充如下", letter=_letter(message_id="second@qq.example", sender=Address(name="", address=sender))
    )

    (notice,) = COMPOSER.for_follow_up(case, petition)

    assert (notice.purpose, notice.to.address) == (Purpose.FORWARD, to)
    assert words in notice.text
    assert "补充如下" in notice.text


def test_an_office_named_by_its_address_may_be_forged_and_the_letter_says_so() -> None:
    """Whoever writes as the coordinator is quoted with the warning that a sender's address proves nothing."""
    petition = replace(PETITION, letter=_letter(sender=COORDINATOR))

    assert "发件邮箱可能被冒用" in COMPOSER.for_follow_up(CASE, petition)[0].text


def test_each_follow_up_is_a_notice_of_its_own() -> None:
    """Two follow-ups differ in their round, the same one twice does not; a caller may name the round."""
    first = replace(PETITION, content="一", letter=_letter(message_id="1@qq.example"))
    second = replace(PETITION, content="二", letter=_letter(message_id="2@qq.example"))

    rounds = [COMPOSER.for_follow_up(CASE, petition)[0].round for petition in (first, second, first)]

    assert rounds[0] == rounds[2] != rounds[1]
    assert COMPOSER.for_follow_up(CASE, first, "7")[0].round == "7"


def test_an_automatic_follow_up_is_not_handed_on() -> None:
    """An out-of-office reply to our letter must not start a circle."""
    automatic = replace(PETITION, letter=_letter(automatic=Automatic(kind="auto-reply", evidence="X-Autoreply")))

    assert COMPOSER.for_follow_up(CASE, automatic) == []


# ---------------------------------------------------------------- what


def test_the_department_reads_everything_it_needs() -> None:
    """Number, enterprise, petition, reasons with quotes, basis, accompanying departments, task, date with its count, doubts, how to answer."""
    notice = _one(COMPOSER.for_new_case(CASE), Purpose.ASSIGN)

    assert notice.subject == "【坐诊接诉·交办】CG-2024-00012 关于斗南公共预冷库4间长期停用、排号不透明的情况反映"
    for words in (
        "企业诉求（编号CG-2024-00012）已于2024年9月28日登记受理",
        "企业名称：昆明滇蕊鲜花有限公司",
        "统一社会信用代码：91530114MA3CXG217X（校验不符，请向企业核实）",
        "联 系 人：普艳红（据来件落款）",
        "联系电话：13800000000",
        "竖线右侧为来件原文，所述情况有待核实",
        "1. 花卉冷链与出口通关协调：来件写有「预冷库」「斗南花卉市场」。\n　　2. 提到区斗南花卉产业综合服务中心。",
        "区委办〔2024〕48号文件二（一）“服务对象”、二（二）“诉求范围”",
        "区市场监管局（由贵单位确认）",
        "在2024年10月12日（星期六）前（含当日）与企业完成初步对接核实（区委办〔2024〕48号文件三（四））",
        "挂号截止日为2024年9月30日（星期一），当日不计，自次日起计5个工作日",
        "计入：10月8日至11日（工作日）；10月12日（国庆节调休上班，国办发明电〔2023〕7号）",
        "不计：10月1日至7日（国庆节放假，国办发明电〔2023〕7号）",
        "统一社会信用代码校验不符，请核对企业主体",
        "来件未声明字符编码，按 GB18030 读取",
        "请直接回复本邮件，并保留主题中的编号CG-2024-00012",
        "附件：原始来件1份，内含所附文件：排号单.jpg（240 KB）",
        "昆明市呈贡区政务服务局",
    ):
        assert words in notice.text, words


def test_a_rule_that_was_set_aside_is_no_reason() -> None:
    """Only rules in force, and only those for this department, are given as reasons."""
    notice = _one(COMPOSER.for_new_case(CASE), Purpose.ASSIGN)

    assert "窗口排队" not in notice.text


def test_the_letter_does_not_show_the_inner_life_of_the_rules() -> None:
    """Weights and names of rules mean nothing to a department; a topic that is a rule's name reads as words."""
    case = replace(CASE, decision=replace(CASE.decision, topic="斗南_冷链"))

    text = _one(COMPOSER.for_new_case(case), Purpose.ASSIGN).text

    assert "分量" not in text
    assert "斗南_冷链" not in text
    assert "事项类别：斗南·冷链" in text


def test_the_department_reads_level_and_classes() -> None:
    """What the rules grade is told as a proposal, in the text and in the page; where they grade nothing, nothing is said of it."""
    graded = replace(CASE, decision=replace(CASE.decision, level="复杂", classes=("部门任务", "共性需求")))

    notice, plain = (_one(COMPOSER.for_new_case(case), Purpose.ASSIGN) for case in (graded, CASE))

    for words in ("级别（系统建议）：复杂。", "分类（系统建议）：部门任务、共性需求。"):
        assert words in notice.text
        assert words in notice.html
    assert "系统建议" not in plain.text + plain.html


def test_rules_without_words_about_them_share_one_line() -> None:
    """A pack need not say what each rule is about: then the quoted words speak, each once, and none that is only a part of another."""
    first, named, _ = CASE.decision.hits
    short = replace(first, about="", quotes=(replace(first.quotes[0], text="冷库"), first.quotes[0]))
    hits = (replace(first, about=""), short, replace(named, about=""))

    text = _one(COMPOSER.for_new_case(replace(CASE, decision=replace(CASE.decision, hits=hits))), Purpose.ASSIGN).text

    assert "\n　　1. 来件写有「预冷库」「斗南花卉市场」。\n\n五、" in text


def test_the_verdict_comes_before_mere_conclusions() -> None:
    """Where many rules fired, the clerk reads first those on the verdict, then those on departments."""
    (refusal,) = UNDER_REVIEW.decision.hits
    conclusions = tuple(replace(refusal, rule=f"认定_{n}", effect="认定“民事”", about="") for n in range(20))
    routes = (replace(CASE.decision.hits[0], about="花卉"),)
    case = replace(UNDER_REVIEW, decision=replace(UNDER_REVIEW.decision, hits=(*conclusions, *routes, refusal)))

    text = _one(COMPOSER.for_new_case(case), Purpose.REVIEW).text

    assert text.index("1. 企业之间的合同争议") < text.index("2. 花卉；") < text.index("3. 来件写有「合同纠纷」；认定“民事”")
    assert text.count("认定“民事”") == 6


def test_a_department_chosen_by_a_person_is_said_to_be() -> None:
    """Where no rule speaks for the department, the letter does not pretend one did."""
    notice = _one(COMPOSER.for_assignment(replace(CASE, department="scj"), "2"), Purpose.ASSIGN)

    assert "由区政务服务局研究确定" in notice.text


def test_a_provisional_date_says_so() -> None:
    """A date that a notice yet to come may move is marked, to the department and to the enterprise."""
    assign, receipt = COMPOSER.for_new_case(replace(CASE, due=replace(DUE, provisional=True)))

    assert "上述日期为暂定，待国务院办公厅公布放假安排后核定" in assign.text
    assert "（该日期为暂定）" in receipt.text


def test_an_urgent_case_shows_in_the_subject() -> None:
    """The head of a department sees it in the list of mails."""
    notice = _one(COMPOSER.for_new_case(replace(CASE, decision=replace(CASE.decision, urgent=True))), Purpose.ASSIGN)

    assert notice.subject.startswith("【坐诊接诉·急件交办】")


def test_a_receipt_under_review_tells_no_verdict() -> None:
    """Before a person has confirmed, the enterprise reads neither a refusal nor a department."""
    notice = _one(COMPOSER.for_new_case(replace(UNDER_REVIEW, department="scj")), Purpose.ACKNOWLEDGE)

    assert "正在审核是否受理" in notice.text
    assert not re.search("不予受理|民事纠纷|区市场监管局|区司法局", notice.text + notice.html)


def test_the_coordinator_reads_what_is_proposed_and_why() -> None:
    """A review names the proposal with its ground word for word, the rules with their quotes, and what is doubtful."""
    notice = _one(COMPOSER.for_new_case(UNDER_REVIEW), Purpose.REVIEW)

    assert notice.subject.startswith("【坐诊接诉·待复核】CG-2024-00012")
    assert "系统意见：不予受理，依据二（二）2“属于经营主体之间的民事纠纷问题的”" in notice.text
    assert "企业之间的合同争议；来件写有「合同纠纷」；不予受理，情形 2（须人工确认）（依据：二（二）2；规则：民事纠纷_合同）" in notice.text
    assert "确认后告知企业：可与对方协商，或申请调解、仲裁，或向人民法院提起诉讼。" in notice.text
    assert "来件同时提到请求行政机关查处" in notice.text


def test_a_refusal_names_the_ground_and_where_to_turn() -> None:
    """The ground stands word for word with its article, then the person's reason, the advice, the office to ask, and how to object."""
    (notice,) = COMPOSER.for_referral(REFUSED, "货款争议已约定仲裁。\n\n")

    for words in (
        "区委办〔2024〕48号文件规定不予受理的下列情形（二（二）2）：",
        "“属于经营主体之间的民事纠纷问题的”",
        "具体情况：货款争议已约定仲裁。",
        "建议：可与对方协商，或申请调解、仲裁，或向人民法院提起诉讼。",
        "可以咨询的部门：区司法局（行政复议、行政执法监督、企业法律服务）。",
        "如对本答复有不同意见，或有新的事实和材料，请直接回复本邮件说明",
    ):
        assert words in notice.text, words


def test_a_supplement_lists_what_is_missing() -> None:
    """The request is the receipt too: it has the number, and every missing thing as its own item."""
    (notice,) = COMPOSER.for_new_case(AWAITING)

    assert "1. 投诉对象（所反映的是哪个部门、单位或哪项业务）；\n　　2. 希望解决什么问题。" in notice.text
    assert "登记编号：CG-2024-00012" in notice.text


def test_what_a_person_asks_for_replaces_the_rules_list() -> None:
    """A person's own list of missing things is what the enterprise reads."""
    (notice,) = COMPOSER.for_supplement(AWAITING, ["营业执照复印件"], "2")

    assert "1. 营业执照复印件。" in notice.text
    assert "投诉对象（" not in notice.text
    assert notice.round == "2"


def test_a_long_petition_is_cut_with_a_note() -> None:
    """Of a very long text the beginning stands in the letter, with its length and a word on where the rest is."""
    notice = _one(COMPOSER.for_new_case(with_petition(CASE, replace(PETITION, content="很长。" * 5_000))), Purpose.ASSIGN)

    assert "原文约15000字，以上为开头部分，全文见原始来件" in notice.text
    assert notice.text.count("很长。") == notice.html.count("很长。") == 1_000


def test_a_case_of_which_nothing_is_known_is_written_all_the_same() -> None:
    """An anonymous letter without title, content and sender makes a letter that says so."""
    nothing = replace(PETITION, name=None, uscc=None, uscc_valid=None, address=None, contact=None, phone=None, title="", content="")
    notice = _one(COMPOSER.for_new_case(with_letter(with_petition(CASE, nothing), _letter(sender=None, attachments=()))), Purpose.ASSIGN)

    assert notice.text.count("来件未写明") == 5
    assert notice.subject.endswith("CG-2024-00012 （无标题）")
    assert "来件邮箱" not in notice.text


def test_the_same_case_gives_the_same_letters() -> None:
    """Composing is pure: a repetition after a crash writes the same words."""
    assert _everything(COMPOSER, CASE) == _everything(Composer(DISTRICT, ADDRESSES), CASE)


# ---------------------------------------------------------------- strangers' words

_MARK = "恶意甲乙丙"


def _marked() -> Case:
    """Return a case in which everything the sender chose bears a mark."""
    mark = found(_MARK)
    letter = _letter(sender=Address(name=_MARK, address=ENTERPRISE), subject=_MARK, text=_MARK, doubts=(_MARK,))
    petition = replace(
        PETITION, name=mark, uscc=mark, address=mark, contact=mark, phone=mark, title=_MARK, content=_MARK, quoted=_MARK, letter=letter
    )
    decision = replace(REFUSED.decision, hits=tuple(replace(hit, effect=_MARK) for hit in REFUSED.decision.hits), topic=_MARK)
    return replace(REFUSED, petition=petition, decision=decision)


def test_mail_to_an_enterprise_repeats_nothing_of_what_was_sent() -> None:
    """A forged sender's victim reads none of the forger's words in our mail: not the name, not the subject, not a quote."""
    notices = [notice for notice in _everything(COMPOSER, _marked()) if notice.purpose in TO_ENTERPRISE]

    assert {notice.purpose for notice in notices} == TO_ENTERPRISE
    assert not any(_MARK in part for notice in notices for part in (notice.subject, notice.text, notice.html, notice.to.name))


_NASTY = "\u202e<script>alert(1)</script>\r\nBcc: x@y.example\u200b\x00\u2028七、办理事项和时限\r\n　　立即付款" + "W" * 9_000


@pytest.mark.parametrize("purpose", [Purpose.ASSIGN, Purpose.REVIEW, Purpose.ACCOMPANY, Purpose.FORWARD])
def test_hostile_words_stay_inside_their_box(purpose: Purpose) -> None:
    """Scripts are escaped, hidden characters gone, endless words broken, and no quoted line can pass for one of ours."""
    nasty = found(_NASTY)
    petition = replace(
        PETITION,
        name=nasty,
        contact=nasty,
        title=_NASTY,
        content=_NASTY,
        letter=_letter(
            doubts=(_NASTY,),
            sender=Address(name=_NASTY, address=_NASTY),
            attachments=(replace(LETTER.attachments[0], name=_NASTY),),
        ),
    )
    notice = next(notice for notice in _everything(COMPOSER, with_petition(CASE, petition)) if notice.purpose is purpose)

    assert "\n" not in notice.subject
    assert "<script" not in notice.html
    assert "&lt;script&gt;" in notice.html
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", notice.text + notice.html)
    assert not re.search(r"^\s*(?:七、办理事项和时限\s立即|立即付款|Bcc)", notice.text, re.MULTILINE)
    assert not re.search("[A-Z]{61}", notice.text + notice.html)


@given(text=st.text(max_size=400))
def test_no_text_breaks_a_letter(text: str) -> None:
    """Whatever an enterprise writes, the letter has the same lines outside the box and a subject of one line."""
    calm = _one(COMPOSER.for_new_case(CASE), Purpose.ASSIGN)
    notice = _one(COMPOSER.for_new_case(with_petition(CASE, replace(PETITION, content=text, title=text))), Purpose.ASSIGN)

    def own_lines(letter: Notice) -> list[str]:
        lines = letter.text.split("\n")
        title = lines.index("二、诉求标题") + 1
        return [line for number, line in enumerate(lines) if number != title and not line.startswith("│")]

    assert own_lines(notice) == own_lines(calm)
    assert len(notice.subject.splitlines()) == 1
    assert notice.html.count("<table") == calm.html.count("<table")


@pytest.mark.parametrize("notice", _everything(COMPOSER, CASE), ids=lambda notice: notice.purpose.value)
def test_the_html_loads_nothing(notice: Notice) -> None:
    """No picture, script, style sheet, link or form: the letter is whole, and nobody learns when it is opened."""
    assert not re.search(r"https?:|src=|url\(|<(?:script|img|link|style|a|form|iframe)\b", notice.html, re.IGNORECASE)


@pytest.mark.parametrize("notice", _everything(COMPOSER, CASE), ids=lambda notice: notice.purpose.value)
def test_the_letters_are_in_chinese(notice: Notice) -> None:
    """But for numbers, codes and addresses no Latin word stands in a letter, and its punctuation is Chinese."""
    own = re.sub(r"CG-\d{4}-\d{5}|GB18030|[\w.]{1,40}@[\w.]{1,40}|91530114MA3CXG217X|排号单\.jpg（240 KB）", "甲", notice.text)

    assert not re.search("[A-Za-z]{2,}", own)
    assert not re.search("[\u4e00-\u9fff][,:;?!()]", own)
    assert not re.search("。。|，。|；。|：。|、。|（）|“”|None|\\{|\\}", own)


# ---------------------------------------------------------------- the pack's wording


def _composer_with(changes: Mapping[str, str]) -> Composer:
    return Composer(replace(DISTRICT, wording={**DISTRICT.wording, **changes}), ADDRESSES)


@pytest.mark.parametrize(
    ("name", "template", "place", "message"),
    [
        ("assign.txt", "{{ number", "wording/assign.txt:1", "文案模板有误"),
        ("assign.txt", "\n{% if %}", "wording/assign.txt:2", "文案模板有误"),
        ("assign.subject", "{{ nummer }}", "wording/assign.subject", "nummer"),
        ("review.html", "{{ petition.nmae }}", "wording/review.html", "nmae"),
        ("referral.txt", '{% include "_missing.txt" %}', "wording/_missing.txt", "文案模板有误"),
        ("forward.txt", "{{ number.__class__.__mro__ }}", "wording/forward.txt", "文案模板有误"),
        ("acknowledge.txt", "{{ missing[9] / 0 }}", "wording/acknowledge.txt", "文案模板有误"),
        ("progress.txt", '{% include "progress.txt" %}', "wording/progress.txt", "文案模板有误"),
    ],
    ids=[
        "syntax",
        "syntax in line 2",
        "unknown name",
        "unknown part",
        "missing part",
        "outside the sandbox",
        "failing expression",
        "including itself",
    ],
)
def test_a_faulty_template_is_found_before_any_mail(name: str, template: str, place: str, message: str) -> None:
    """A slip in a pack's wording raises ConfigError when the composer is made, with the template and what is wrong."""
    with pytest.raises(ConfigError) as caught:
        _composer_with({name: template})

    assert place in [problem.place for problem in caught.value.problems]
    assert any(message in problem.message for problem in caught.value.problems)


def test_all_missing_templates_are_named_at_once() -> None:
    """A pack without wording learns the names of all the templates it needs."""
    with pytest.raises(ConfigError) as caught:
        Composer(replace(DISTRICT, wording={}), ADDRESSES)

    assert len(caught.value.problems) == 3 * len(Purpose)
    assert str(caught.value.problems[0]).startswith("wording/accompany.html: 缺少这个文案模板")


def test_a_name_without_a_value_prints_nothing() -> None:
    """Where there is no date, a template that prints it leaves a gap, not the word None."""
    composer = _composer_with({"assign.txt": "期限：{{ due }}。"})

    assert _one(composer.for_new_case(replace(CASE, due=None)), Purpose.ASSIGN).text == "期限：。\n"


def test_a_sentence_of_the_district_stands_in_both_forms() -> None:
    """A district writes a sentence once, as plain text: indented in the text, and in the web page with nothing of it taken for markup."""
    mail = _one(_composer_with({"_basis.txt": "本区<文件>第一条。\n"}).for_new_case(CASE), Purpose.ASSIGN)

    assert "\n　　本区<文件>第一条。\n" in mail.text
    assert ">本区&lt;文件&gt;第一条。</p>" in mail.html


def test_a_coordinator_of_another_kind_signs_with_its_own_name() -> None:
    """Only where district and office share the word 区 are they drawn together in the signature."""
    composer = Composer(replace(DISTRICT, coordinator="营商环境办"), ADDRESSES)

    assert "昆明市呈贡区营商环境办" in _one(composer.for_new_case(CASE), Purpose.ASSIGN).text


def test_a_programme_without_quotation_marks_gets_them() -> None:
    """Whether a pack writes the programme's name with its marks or without, the letter has them once."""
    composer = Composer(replace(DISTRICT, programme="局长坐诊接诉"), ADDRESSES)

    assert "专区“局长坐诊接诉”窗口" in _one(composer.for_new_case(CASE), Purpose.ACKNOWLEDGE).text
    assert "专区“区委书记、区长、局长坐诊接诉”窗口" in _one(COMPOSER.for_new_case(CASE), Purpose.ACKNOWLEDGE).text


def test_no_coordinator_means_no_review_mail() -> None:
    """Without a coordinator's address a case under review still acknowledges, and raises nothing."""
    assert _routes(NO_COORDINATOR.for_new_case(UNDER_REVIEW)) == [(Purpose.ACKNOWLEDGE, ENTERPRISE)]

"""What a call says: fields with their turns, corrections, read-backs, spelled characters; the agent's words are no evidence."""

from __future__ import annotations

import json

import pytest

from channels.call_reading import read_call
from channels.hotline import read_petition
from channels.reader import answer
from rules.explain import explain
from store.codec import from_json
from store.model.arrival import Channel
from store.model.petition import CallShape, Petition
from tests.decisions.material import chenggong, decided

HEAD = "热线：区政务服务局坐诊热线\n通话编号：HL01\n来电号码：13888010021\n话务员备注：疑似欠薪\n\n"


def read(*turns: str, head: str = HEAD) -> Petition:
    """Read a call whose turns are by agent and caller in turn, the agent first."""
    lines = (f"[00:{second:02d}] {'坐席' if second % 2 == 0 else '来电人'}：{text}" for second, text in enumerate(turns))
    return read_petition(read_call((head + "\n".join(lines)).encode(), CallShape()))


def value(petition: Petition, field: str) -> str | None:
    """Return the value of a field."""
    found = getattr(petition, field)
    return found.value if found else None


def test_fields_and_where_they_stand() -> None:
    """Each field quotes the turn that proves it, with its time."""
    petition = read("您是哪家企业？", "昆明瑞钰模具有限公司。", "您贵姓？", "姓汪，汪建波。", "地址在哪里？", "在七甸路12号，厂房3栋。")

    assert petition.channel is Channel.HOTLINE
    assert [value(petition, field) for field in ("name", "contact", "address")] == ["昆明瑞钰模具有限公司", "汪建波", "七甸路12号，厂房3栋"]
    assert petition.name is not None
    assert (petition.name.span.source, petition.name.how) == ("turn:2@00:01", "said")
    for found in (petition.name, petition.contact, petition.address):
        assert found is not None
        turn = petition.turns[int(found.span.source.split("@")[0].removeprefix("turn:")) - 1]
        assert turn.text[found.span.start : found.span.end] == found.span.text


@pytest.mark.parametrize(
    ("said", "phone"),
    [
        ("没有别的事。", "13888010021"),
        ("电话幺三九，八七幺二，零零九九。", "13987120099"),
        ("我媳妇的电话是13987120099。", "13888010021"),
        ("打我手机，不是13987120098，是13987120099。", "13987120099"),
        ("打座机，零八七幺六七四幺八八九九。", "0871-67418899"),
        ("我的手机是1398712。", "13888010021"),
    ],
)
def test_phone(said: str, phone: str) -> None:
    """A number the caller gives as his own is the one to call, the last where he corrects himself; else the one he calls from."""
    assert value(read("电话多少？", said), "phone") == phone


def test_caller_number_is_said_to_be_one() -> None:
    """Nobody said the number: it is told apart from one that was said."""
    petition = read("您好，请讲。", "我们厂停电了。")

    assert petition.phone is not None
    assert (petition.phone.how, petition.phone.span.source) == ("caller_number", "caller_number")


def test_read_back_that_is_denied_does_not_count() -> None:
    """A number the agent reads back wrong gives way to the one the caller says; one he agrees to stands."""
    wrong = read("电话？", "13987120099。", "13987120090对吗？", "不对，13987120099。")
    right = read("电话是13987120099对吗？", "对对。")

    assert value(wrong, "phone") == "13987120099"
    assert value(right, "phone") == "13987120099"
    assert right.phone is not None
    assert right.phone.how == "read_back"


def test_name_is_put_right_by_what_was_spelled() -> None:
    """A misheard full name gives way to the one with the character that was meant."""
    petition = read(
        "企业名称？", "昆明林羽广告有限公司。", "森林的林？", "令旗的令加羽毛的羽，翎，翎羽。", "昆明翎羽广告，什么事？", "拖欠货款。"
    )

    assert value(petition, "name") == "昆明翎羽广告"


def test_property_company_is_named_in_full() -> None:
    """物业 ends what is said of somebody (the 物业 of the house), and stands in the name of a company of that trade."""
    assert value(read("您好，请讲。", "昆明启明物业有限公司，我们厂门口的路灯坏了半个月。"), "name") == "昆明启明物业有限公司"


@pytest.mark.parametrize("said", ["我现在开车不方便，回头再打。", "回头再打", "等一下再说"])
def test_an_answer_that_puts_off_is_no_name(said: str) -> None:
    """Who asks for the name and hears that the caller will ring again has none."""
    assert value(read("您好，请问是哪家企业？", said), "name") is None


def test_surname_is_put_right_and_said_so() -> None:
    """我姓张，立早章: the surname is the spelled one, and a person reads why."""
    petition = read("您贵姓？", "姓张，立早章。")

    assert value(petition, "contact") == "章"
    assert any("立早章" in doubt for doubt in petition.letter.doubts)


def test_others_are_not_the_caller() -> None:
    """The debtor's name, asked for by the agent, is not the caller's."""
    petition = read("您好，请讲。", "我是隆鑫五金的老板，对面欠我货款。", "是哪家公司欠的？", "昆明华庭装饰工程有限公司。")

    assert value(petition, "name") == "隆鑫五金"


def test_correction_is_noted_and_both_values_kept() -> None:
    """The value that was taken back stays in the content; a note says which one counts."""
    petition = read("损失多少？", "三十一万是料，加上设备维修七万，不是三十万，是三十八万。")

    assert "不是三十万，是三十八万" in petition.content
    assert "来电人在 00:01 更正：先说“三十万”，后说“三十八万”，以后说的为准" in petition.letter.doubts


def test_wrong_amount_of_the_agent_is_noted() -> None:
    """An amount the agent reads back and the caller denies is not the caller's."""
    petition = read("损失多少？", "十三万。", "三十万是吧？", "不是，十三万。")

    assert "坐席说的“三十万”来电人没有认可，以来电人说的为准" in petition.letter.doubts


def test_note_of_the_agent_is_shown_and_decides_nothing() -> None:
    """The agent's note stands among what is to be noticed, and in nothing the rules read."""
    petition = read("您好，请讲。", "我们厂停电三天了，请供电局尽快恢复。")

    assert "话务员备注（仅供参考）：疑似欠薪" in petition.letter.doubts
    assert "欠薪" not in petition.title + petition.content + "".join(turn.text for turn in petition.turns)


def test_only_the_caller_is_evidence() -> None:
    """What the agent says – 仲裁, 法院 – refuses nothing; what the caller says does, quoted with turn and time."""
    story = "昆明瑞钰模具有限公司，员工要双倍工资，我想请工商联出面。"
    agent_only = decided(chenggong(), read("您好", story, "劳动仲裁委员会受理了吗，开庭了吗？", "没有，就是在扯。"))
    caller = decided(
        chenggong(), read("您好", story, "现在到哪一步？", "他们去仲裁了，劳动人事争议仲裁委员会3月3号的受理通知书，开庭定在4月9号。")
    )

    assert agent_only.ground != 3
    assert (caller.verdict.value, caller.ground, caller.proposed) == ("refuse", 3, True)
    assert "通话第 4 句（00:03）" in "\n".join(explain(caller, chenggong().district))


def test_reading_in_the_child() -> None:
    """The reader's child answers a call of a shape it is told with the petition."""
    question = json.dumps({"channel": "hotline", "envelope_from": None, "shape": '{"names": {"turns": ["zhuanxie"]}}'})
    record = {"zhuanxie": [{"role": "来电人", "text": "我们厂停电三天了"}]}

    petition, blobs = answer(question, [json.dumps(record).encode()])

    assert from_json(Petition, petition).content == "我们厂停电三天了"
    assert blobs == []

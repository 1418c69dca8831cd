"""The shapes in which calls come, what is done with broken and hostile ones, and who is taken for whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from channels.call import MAX_TURNS, Call
from channels.call_reading import read_call
from store.errors import MalformedMessageError
from store.model.petition import CallShape, Speaker

PLAIN = CallShape()
TEXT = """通话编号：HL001
来电号码：13888010021
话务员备注：来电人要求保密

[00:01] 坐席：您好，坐诊热线。
[00:05] 来电人：你好，我跟他说：不要再拖了。
他说知道了。
[01:10] 坐席：好的。
"""
SRT = """1
00:00:01,000 --> 00:00:03,000
坐席：您好，坐诊热线。

2
00:00:05,000 --> 00:00:09,500
来电人：你好，我们厂停电了。
已经三天了。
"""
VTT = """WEBVTT

00:01.000 --> 00:03.000
<v 坐席>您好，坐诊热线。

00:05.000 --> 00:09.000
<v 来电人>你好，我们厂停电了。
"""
ROWS = "call_id,caller_number,speaker,t,text\nHL1,13888010021,坐席,1,您好\nHL1,13888010021,来电人,5,我们厂停电了\n"
WHOLE = 'call_id,来电号码,通话内容\nHL1,13888010021,"坐席：您好\n来电人：我们厂停电了"\n'


def read(text: str, encoding: str = "utf-8", shape: CallShape = PLAIN) -> Call:
    """Read a call of *text*."""
    return read_call(text.encode(encoding), shape)


def said(call: Call) -> list[tuple[str, str, str]]:
    """Return the turns: who, when, what."""
    return [(turn.speaker.value, turn.clock, turn.text) for turn in call.turns]


def test_text_with_speakers() -> None:
    """A line with a label begins a turn, one without goes on with it; words before a colon are no label."""
    call = read(TEXT)

    assert (call.call_id, call.caller_number, call.note) == ("HL001", "13888010021", "来电人要求保密")
    assert said(call) == [
        ("agent", "00:01", "您好，坐诊热线。"),
        ("caller", "00:05", "你好，我跟他说：不要再拖了。 他说知道了。"),
        ("agent", "01:10", "好的。"),
    ]


@pytest.mark.parametrize("text", [SRT, VTT, ROWS, WHOLE])
def test_other_shapes(text: str) -> None:
    """Subtitles and CSV, a row a turn or a row a call, say the same as text."""
    call = read(text)

    assert {turn.speaker for turn in call.turns} == {Speaker.AGENT, Speaker.CALLER}
    assert "停电" in next(turn.text for turn in call.turns if turn.speaker is Speaker.CALLER)


def test_gb18030() -> None:
    """A file in GB18030 reads as one in UTF-8."""
    assert said(read(TEXT, "gb18030")) == said(read(TEXT))


def test_times_that_cannot_be_read() -> None:
    """A cue whose time is broken keeps its words and has no time."""
    call = read(SRT.replace("00:00:05,000 --> 00:00:09,500", "00:0x:05 --> 99"))

    assert [turn.at_s for turn in call.turns] == [1.0, None, None]
    assert "停电" in call.turns[1].text


def test_without_speakers() -> None:
    """Where nobody is named, all is taken for the caller's words, and a person is told to check."""
    call = read("你好，我们厂停电了。\n请协调一下。")

    assert {turn.speaker for turn in call.turns} == {Speaker.CALLER}
    assert "没有区分坐席与来电人" in call.doubts[0]


def test_unknown_speakers_are_told_apart_by_who_answers() -> None:
    """说话人1 and 说话人2: whoever answers the telephone is the agent, which is said."""
    call = read("说话人1：喂，你好。\n说话人2：您好，坐诊热线，请讲。\n说话人1：我们厂停电了。\n说话人2：好的。")

    assert [turn.speaker for turn in call.turns] == [Speaker.CALLER, Speaker.AGENT, Speaker.CALLER, Speaker.AGENT]
    assert "按“说话人2”为坐席" in call.doubts[0]


def test_shape_of_the_pack() -> None:
    """Other software's names for things are data of the pack: keys, inner keys, milliseconds, words for voices."""
    shape = CallShape(
        names={"call_id": ("task.id",), "turns": ("result.list",), "text": ("w",), "at_ms": ("b",), "speaker": ("rl",)},
        speakers={"0": Speaker.AGENT, "1": Speaker.CALLER},
    )
    record = {"task": {"id": "T9"}, "result": {"list": [{"rl": "0", "b": 900, "w": "您好"}, {"rl": "1", "b": 65_500, "w": "停电了"}]}}

    call = read(json.dumps(record), shape=shape)

    assert call.call_id == "T9"
    assert said(call) == [("agent", "00:00", "您好"), ("caller", "01:05", "停电了")]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "没有文字"),
        (b"{", "第 1 行第 2 个字符"),
        (b"[" * 200_000, "嵌套太深"),
        (b"{}", "没有通话内容"),
        (b'{"transcript": []}', "没有说话内容"),
        (b"RIFF\0\0\0\0WAVEfmt ", "录音请先转写成文字"),
        (b"call_id,text\n", "只有表头"),
        (b"[1, 2, 3]", "应是一次通话"),
    ],
)
def test_what_is_no_call(raw: bytes, words: str) -> None:
    """What cannot be read as a call is refused with words that say what and where."""
    with pytest.raises(MalformedMessageError, match=words):
        read_call(raw, PLAIN)


@pytest.mark.parametrize(
    "turns",
    [
        [{"speaker": ["a"], "t": "abc", "text": "停电"}, {"speaker": None, "t": float("1e300"), "text": "x"}, 7, None, "停水"],
        [{"speaker": "来电人", "t": -5, "text": {"a": 1}}, {"text": "停电", "t": True}],
    ],
)
def test_odd_values(turns: list[object]) -> None:
    """A turn without text is passed over, a time that is none is none."""
    call = read(json.dumps({"call_id": {"a": 1}, "transcript": turns}))

    assert call.call_id == ""
    assert all(turn.at_s is None for turn in call.turns)


def test_a_million_turns() -> None:
    """An endless call is read up to a limit, and what is left out is counted."""
    call = read("坐席：您好\n" + "来电人：停电\n" * 1_000_000)

    assert len(call.turns) == MAX_TURNS
    assert f"只读前 {MAX_TURNS} 句" in call.doubts[0]


def test_thirty_megabytes_in_one_turn() -> None:
    """One turn of 30 MB is cut, and the call is read."""
    call = read(
        json.dumps(
            {"transcript": [{"speaker": "来电人", "text": "停电了" * 3_400_000}, {"speaker": "坐席", "text": "好"}]}, ensure_ascii=False
        )
    )

    assert len(call.turns[0].text) == 200_000
    assert "只读前 1 句" in call.doubts[0]


SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "hotline_transcripts" / "transcripts.jsonl"


@pytest.mark.skipif(not SAMPLES.exists(), reason=f"第三方样本不在项目旁：{SAMPLES}")
def test_calls_of_others() -> None:
    """Transcripts written by others are read with their speakers told apart."""
    for line in SAMPLES.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        call = read(json.dumps({"id": record["id"], "turns": record["turns"]}, ensure_ascii=False))
        assert {turn.speaker for turn in call.turns} == {Speaker.AGENT, Speaker.CALLER}, record["id"]

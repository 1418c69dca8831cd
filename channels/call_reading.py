"""From the bytes of a call to its turns: the only module that knows which shape a file has. Runs in the reader's child process.

Shapes: a JSON object, CSV (one row a call or one row a turn), SRT, WebVTT, and text with or without speakers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from channels.call import Call, Spoken, field, role_of, turns_of
from channels.call_record import load_json, named, rows_of, spoken_in
from channels.call_text import head, is_subtitles, speech, subtitles
from channels.charset import decode
from store.errors import MalformedMessageError
from store.model.petition import CallShape, Speaker

MAX_BYTES = 64 << 20
_NOTE = 2_000  # code points of an agent's note
_USUAL = frozenset({"ascii", "utf_8", "gb18030", "utf_16"})
_NOTHING = "通话记录里没有说话内容"


def read_call(raw: bytes, shape: CallShape) -> Call:
    """Return the call that *raw* holds. Raises MalformedMessageError (Chinese, what and where) where it holds none."""
    if len(raw) > MAX_BYTES:
        raise MalformedMessageError(f"通话记录有 {len(raw)} 字节，超过上限 {MAX_BYTES} 字节")
    text, doubts = text_of(raw)
    start = text.lstrip()[:1]
    if start in {"{", "["}:
        return _from_json(load_json(text), shape, doubts)
    rows = rows_of(text, shape)
    if rows is not None:
        return _from_rows(rows, shape, doubts)
    if is_subtitles(text):
        return _call({}, subtitles(text, _known(shape)), shape, doubts)
    particulars, rest = head(text)
    return _call(particulars, speech(rest, _known(shape)), shape, doubts)


def text_of(raw: bytes) -> tuple[str, list[str]]:
    """Return *raw* as text with plain line ends, and a note where its encoding had to be guessed. Raises MalformedMessageError."""
    decoded = decode(raw)
    if b"\0" in raw[:4096] and decoded.codec[:4] != "utf_":
        raise MalformedMessageError("不是文本文件；录音请先转写成文字（JSON、CSV、SRT、VTT 或 .txt）")
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff\n ")
    if not text.strip():
        raise MalformedMessageError("文件里没有文字")
    return text, [] if decoded.codec in _USUAL else [decoded.doubt]


def _known(shape: CallShape) -> Any:  # noqa: ANN401 - a predicate
    return lambda who: role_of(who, dict(shape.speakers)) is not None


def _from_json(value: object, shape: CallShape, doubts: list[str]) -> Call:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list) and named_turns(value):
        value = {"turns": value}
    if not isinstance(value, Mapping):
        raise MalformedMessageError("JSON 里应是一次通话（一个对象），多次通话请分开提交或放进 CSV")
    turns = named(value, "turns", shape)
    if isinstance(turns, str):
        return _call(value, speech(turns, _known(shape)), shape, doubts)
    if not isinstance(turns, list):
        raise MalformedMessageError("JSON 里没有通话内容：应有 transcript（或规则包 hotline.yaml 里登记的名称），是一个列表")
    return _call(value, spoken_in(turns, shape), shape, doubts)


def named_turns(values: list[Any]) -> bool:
    """Whether a list holds turns rather than calls."""
    return bool(values) and all(isinstance(value, Mapping) and "text" in value for value in values[:3])


def _from_rows(rows: list[dict[str, str]], shape: CallShape, doubts: list[str]) -> Call:
    if not rows:
        raise MalformedMessageError("CSV 里只有表头，没有通话")
    whole = named(rows[0], "turns", shape)
    if whole is not None and named(rows[0], "text", shape) is None:
        if len(rows) > 1:
            raise MalformedMessageError(f"CSV 里有 {len(rows)} 次通话，应先逐次拆开")
        return _call(rows[0], speech(whole, _known(shape)), shape, doubts)
    return _call(rows[0], spoken_in(rows, shape), shape, doubts)


def _call(particulars: Mapping[str, Any], spoken: Iterable[Spoken], shape: CallShape, doubts: list[str]) -> Call:
    turns = turns_of(spoken, dict(shape.speakers), doubts)
    if not turns:
        raise MalformedMessageError(_NOTHING)
    if not any(turn.speaker is Speaker.CALLER for turn in turns):
        doubts.append("通话记录里没有来电人的话")
    note = named(particulars, "note", shape)
    return Call(
        call_id=field(named(particulars, "call_id", shape)),
        line=field(named(particulars, "line", shape)),
        caller_number=field(named(particulars, "caller_number", shape)),
        started_at=_moment(field(named(particulars, "started_at", shape))),
        note=note.strip()[:_NOTE] if isinstance(note, str) else "",
        turns=turns,
        doubts=tuple(doubts),
    )


def _moment(text: str) -> datetime | None:
    """Return a time with its zone; one without says too little to be kept."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None

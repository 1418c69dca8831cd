"""Calls written as records: JSON objects and rows of CSV. The only module that knows under which names their particulars stand."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from channels.call import Spoken
from store.errors import MalformedMessageError
from store.model.petition import CallShape

# The particulars of a call, and the names each is tried under, ours first; a pack's hotline.yaml adds others.
NAMES: Mapping[str, tuple[str, ...]] = {
    "call_id": ("call_id", "callId", "通话编号", "通话流水号", "流水号", "录音编号", "工单编号"),
    "line": ("line", "热线", "热线名称", "线路", "被叫号码"),
    "started_at": ("started_at", "startTime", "start_time", "开始时间", "通话时间", "来电时间"),
    "caller_number": ("caller_number", "callerNumber", "caller", "来电号码", "主叫号码", "来电电话"),
    "note": ("agent_note", "note", "remark", "坐席备注", "话务员备注", "备注", "小结"),
    "turns": ("transcript", "turns", "sentences", "segments", "dialogue", "通话内容", "转写内容", "转写文本", "通话记录", "内容"),
    "speaker": ("speaker", "role", "who", "channel", "说话人", "角色"),
    "text": ("text", "content", "sentence", "words", "话语", "文本"),
    "at": ("t", "at", "start", "begin", "offset", "时间", "起始秒"),
    "at_ms": ("begin_ms", "start_ms", "bg", "起始毫秒"),
}
_MAX_CELL = 1 << 24
_MAX_SECONDS = 1_000_000  # a time beyond is none
_LEAST_COLUMNS = 2
_MAX_ROWS = 200_000
_NO_JSON = "通话记录不是完整的 JSON"


def load_json(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return what the JSON *text* holds. Raises MalformedMessageError with the line and column where it breaks."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise MalformedMessageError(f"{_NO_JSON}：第 {error.lineno} 行第 {error.colno} 个字符处读不下去") from error
    except (RecursionError, ValueError) as error:  # nested without end; a number of a million digits
        raise MalformedMessageError(f"{_NO_JSON}：嵌套太深或数字太长") from error


def named(record: Mapping[str, Any], name: str, shape: CallShape) -> Any:  # noqa: ANN401 - likewise
    """Return the particular *name* of *record* under the first of its names that is there; None where none is."""
    for key in (*shape.names.get(name, ()), *NAMES[name]):
        value = _inside(record, key)
        if value is not None and value != "":
            return value
    return None


def _inside(record: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - likewise
    if key in record:
        return record[key]
    value: Any = record
    for step in key.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def spoken_in(turns: Sequence[Any], shape: CallShape) -> Iterator[Spoken]:
    """Yield the turns of a list of records (or of plain strings, whose voice is not told)."""
    for turn in turns:
        if isinstance(turn, str):
            yield Spoken(who="", at_s=None, text=turn)
        elif isinstance(turn, Mapping):
            text = named(turn, "text", shape)
            if isinstance(text, str):
                yield Spoken(who=str(named(turn, "speaker", shape) or "")[:40], at_s=_seconds(turn, shape), text=text)


def _seconds(turn: Mapping[str, Any], shape: CallShape) -> float | None:
    at, milliseconds = named(turn, "at", shape), named(turn, "at_ms", shape)
    value = _number(at) if at is not None else None
    if value is None and milliseconds is not None and (thousandths := _number(milliseconds)) is not None:
        value = thousandths / 1000
    return value if value is not None and 0 <= value < _MAX_SECONDS else None


def _number(value: object) -> float | None:
    """Return a number, or a text like 01:35 or 95.2, in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        steps = [float(step) for step in str(value).replace(",", ".").split(":")[:3]]
    except ValueError:
        return None
    total = 0.0
    for step in steps:
        total = total * 60 + step
    return total if math.isfinite(total) else None


# ---------------------------------------------------------------- CSV


def rows_of(text: str, shape: CallShape) -> list[dict[str, str]] | None:
    """Return the rows of a CSV *text* by column; None where its first line does not name what was said. Raises MalformedMessageError."""
    first = text.split("\n", 1)[0]
    delimiter = "\t" if "\t" in first else ";" if first.count(";") > first.count(",") else ","
    columns = [column.strip().strip('"') for column in first.split(delimiter)]
    known = {key for name in ("turns", "text") for key in (*shape.names.get(name, ()), *NAMES[name])}
    if len(columns) < _LEAST_COLUMNS or not known & set(columns):
        return None
    csv.field_size_limit(_MAX_CELL)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [
            {(key or "").strip(): value for key, value in row.items() if isinstance(value, str)} for row in islice(reader, _MAX_ROWS + 1)
        ]
    except csv.Error as error:
        raise MalformedMessageError(f"CSV 读不下去：{error}") from error
    if len(rows) > _MAX_ROWS:
        raise MalformedMessageError(f"CSV 超过 {_MAX_ROWS} 行，请分成几个文件")
    return rows

"""Files with many calls: the only module that takes them apart, each call with bytes that hold it alone. Runs in the reader's child process."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from channels.call import field
from channels.call_reading import named_turns, read_call, text_of
from channels.call_record import load_json, named, rows_of
from store.errors import MalformedMessageError
from store.model.petition import CallShape

MAX_CALLS = 10_000


def calls_in(raw: bytes, shape: CallShape) -> list[tuple[str, bytes]]:
    """Return number ("" where it has none) and bytes of each call in *raw*, in order.

    Every one is read, so that a file with a call of no use is refused as a whole, with the place. Raises MalformedMessageError.
    """
    text, _ = text_of(raw)
    pieces = _pieces(text, shape)
    if pieces is None:
        return [(read_call(raw, shape).call_id, raw)]
    if not pieces:
        raise MalformedMessageError("文件里没有通话")
    if len(pieces) > MAX_CALLS:
        raise MalformedMessageError(f"一个文件里有 {len(pieces)} 次通话，超过 {MAX_CALLS} 次，请分成几个文件")
    return [_read(number, piece, shape) for number, piece in enumerate(pieces, start=1)]


def _read(number: int, piece: bytes, shape: CallShape) -> tuple[str, bytes]:
    try:
        return read_call(piece, shape).call_id, piece
    except MalformedMessageError as error:
        raise MalformedMessageError(f"第 {number} 次通话：{error}") from error


def _pieces(text: str, shape: CallShape) -> list[bytes] | None:
    """Return the bytes of each call, None where the file is one call."""
    if text[:1] == "[":
        value = load_json(text)
        return None if named_turns(value) else [_json(one) for one in value]
    if text[:1] == "{":
        return None
    rows = rows_of(text, shape)
    if not rows:
        return None
    groups: dict[str, list[dict[str, str]]] = {}
    for number, row in enumerate(rows):
        whole = named(row, "turns", shape) is not None and named(row, "text", shape) is None
        call_id = field(named(row, "call_id", shape))
        groups.setdefault(f"{number} {call_id}" if whole else call_id, []).append(row)
    return [_csv(group) for group in groups.values()] if len(groups) > 1 else None


def _json(value: Any) -> bytes:  # noqa: ANN401 - whatever the list holds
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _csv(rows: list[dict[str, str]]) -> bytes:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()

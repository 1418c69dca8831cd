"""Runs labelled rows through the daemon's own path into a fresh store, for `zuozhen rules evaluate`.

Of a row only `input`, `channel` and `received_at` are used before the decision; everything else is compared afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.pipeline import Outcome
from daemon.rehearsal import Message, take, temporary_house
from rules.explain import explain
from rules.workbench.evaluate import FIELDS, Label, Result, Row
from store.errors import MalformedMessageError, UsageError
from store.model import Channel, District, Petition, Verdict

_CHANNELS = frozenset(channel.value for channel in Channel)


async def evaluate(labels: Path, pack: str, progress: Callable[[int, int], None]) -> list[Row]:
    """Return every row of *labels* with its result, in order; *progress* is told how many of how many are done.

    Raises UsageError where the file or an input cannot be read, or a row is not of the schema.
    """
    records = _records(labels)
    clock = {"now": datetime.now(UTC)}
    rows: list[Row] = []
    async with temporary_house(pack, now=lambda: clock["now"]) as house:
        (room,) = house.rooms.values()
        opened: dict[int, str] = {}  # case → the row that opened it
        for record in records:
            progress(len(rows), len(records))
            label = _label(record)
            message = _message(record, labels)
            clock["now"] = message.received_at if message else clock["now"]
            try:
                outcome = await take(house, message) if message else None
            except MalformedMessageError:
                outcome = None
            if outcome and outcome.case:
                opened.setdefault(outcome.case.id, label.id)
            rows.append(Row(label, _result(outcome, opened, room.rulebook.district) if outcome else None))
    progress(len(rows), len(records))
    return rows


def _records(labels: Path) -> list[dict[str, Any]]:
    try:
        lines = labels.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"读不了 {labels}：{getattr(error, 'strerror', None) or '不是 UTF-8 文本'}") from error
    records = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                record = json.loads(line)
                _label(record)
                datetime.fromisoformat(record["received_at"])
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{labels}:{number}: 不是合格的标注行（{type(error).__name__}: {error}）；格式见 tests/golden/SCHEMA.md"
                ) from error
            records.append(record)
    return records


def _label(record: Mapping[str, Any]) -> Label:
    return Label(
        id=record["id"],
        channel=record["channel"],
        verdict=Verdict(record["verdict"]),
        ground=record["ground"],
        department=record["department"],
        co_departments=tuple(record["co_departments"]),
        related=record["duplicate_of"],
        same_problem=record["same_problem"],
        fields={name: record["enterprise"][name] for name in FIELDS},
    )


def _message(record: Mapping[str, Any], labels: Path) -> Message | None:
    """Return the row's input as a message, None where its channel does not exist yet."""
    if record["channel"] not in _CHANNELS:
        return None
    path = labels.parent / "inputs" / record["input"]
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{labels}: {record['id']} 的输入 {path} 读不了：{error.strerror}") from error
    received_at = datetime.fromisoformat(record["received_at"])
    return Message(source=record["id"], channel=Channel(record["channel"]), received_at=received_at, raw=raw)


def _result(outcome: Outcome, opened: Mapping[int, str], district: District) -> Result:
    decision, petition = outcome.decision, outcome.petition
    case = outcome.case.id if outcome.case and decision.verdict is Verdict.FOLLOW_UP else decision.related_case
    return Result(
        verdict=decision.verdict,
        proposed=decision.proposed,
        ground=decision.ground,
        department=decision.department,
        co_departments=decision.accompanying,
        related=opened.get(case) if case is not None else None,
        same_problem=None,
        fields=_fields(petition),
        why="；".join(line.strip() for line in explain(decision, district)[:4]),
    )


def _fields(petition: Petition) -> dict[str, str | None]:
    found = {"name": petition.name, "uscc": petition.uscc, "phone": petition.phone, "contact": petition.contact}
    return {name: value.value if value else None for name, value in found.items()}

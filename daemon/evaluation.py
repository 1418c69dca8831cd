"""Runs labelled rows through the daemon's own path into a fresh store, for `zuozhen rules evaluate`.

Of a row only `input`, `channel` and `received_at` are used before the decision; everything else is compared afterwards, in
`rules.workbench.evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from daemon.pipeline import Outcome
from daemon.rehearsal import Message, take, temporary_house
from rules.explain import explain
from rules.rulebook import RuleBook
from rules.workbench.evaluate import Label, Result, read_labels
from store.errors import ConfigError, MalformedMessageError, Problem, UsageError
from store.model.arrival import Channel
from store.model.decision import Verdict
from store.model.district import District
from store.model.petition import Petition
from store.trouble import reason

_CHANNELS = frozenset(channel.value for channel in Channel)
_UNDECIDED = datetime(1970, 1, 1, tzinfo=UTC)  # the clock before the first row


async def evaluate(path: Path, book: RuleBook, progress: Callable[[int, int], None]) -> tuple[list[Label], dict[str, Result | None]]:
    """Return the labels in *path* and what came of each row, taken in order; *progress* is told how many of how many are done.

    A row whose channel is not built, or whose input cannot be read as a message, has the result None. Raises UsageError where a file
    cannot be opened, ConfigError with every bad line.
    """
    labels = _labels(path)
    messages = {label.id: _message(label, path) for label in labels}
    results: dict[str, Result | None] = {}
    now = _UNDECIDED
    async with temporary_house(book, now=lambda: now) as house:
        opened: dict[int, str] = {}  # case → the row that opened it
        for label in labels:
            progress(len(results), len(labels))
            message, outcome = messages[label.id], None
            if message is not None:
                now = message.received_at
                try:
                    outcome = await take(house, message)
                except MalformedMessageError:
                    outcome = None
            if outcome and outcome.case:
                opened.setdefault(outcome.case.id, label.id)
            results[label.id] = _result(outcome, opened, book.district) if outcome else None
    progress(len(results), len(labels))
    return labels, results


def _labels(path: Path) -> list[Label]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"打不开标注文件 {path}：{reason(error)}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"标注文件 {path} 不是 UTF-8 文本，请另存为 UTF-8") from error
    labels = read_labels(lines, str(path))
    if len({label.id for label in labels}) < len(labels):
        raise ConfigError([Problem(place=str(path), key="id", message="有编号重复的行", remedy="每行的 id 不得相同")])
    return labels


def _message(label: Label, path: Path) -> Message | None:
    """Return the row's input as a message, None where its channel does not exist yet."""
    if label.channel not in _CHANNELS:
        return None
    source = path.parent / "inputs" / label.input
    try:
        raw = source.read_bytes()
        received_at = datetime.fromisoformat(label.received_at)
    except OSError as error:
        raise UsageError(f"{label.id} 的输入 {source} 打不开：{reason(error)}") from error
    except ValueError as error:
        raise UsageError(f"{label.id} 的 received_at 不是 ISO 8601 时间：{label.received_at}") from error
    if received_at.tzinfo is None:
        raise UsageError(f"{label.id} 的 received_at 没有时区，应形如 2024-09-27T10:11:37+08:00")
    return Message(source=label.id, channel=Channel(label.channel), received_at=received_at, raw=raw)


def _result(outcome: Outcome, opened: Mapping[int, str], district: District) -> Result:
    decision = outcome.decision
    is_follow_up = decision.verdict is Verdict.FOLLOW_UP
    related = opened.get(decision.related_case) if decision.related_case is not None else None
    return Result(
        verdict=decision.verdict.value,
        final=not decision.proposed,
        ground=decision.ground,
        department=decision.department,
        co_departments=decision.accompanying,
        duplicate_of=None if is_follow_up else related,
        follow_up_of=related if is_follow_up else None,
        same_problem=None,
        fields=_fields(outcome.petition),
        why="；".join(line.strip() for line in explain(decision, district)[:4]),
    )


def _fields(petition: Petition) -> dict[str, str | None]:
    found = {"name": petition.name, "uscc": petition.uscc, "phone": petition.phone, "contact": petition.contact}
    return {name: value.value if value else None for name, value in found.items()}

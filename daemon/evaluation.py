"""Runs labelled rows through the daemon's own path into a fresh store, for `zuozhen rules evaluate`.

Of a row only `input`, `channel` and `received_at` are used before the decision; everything else is compared afterwards, in
`rules.workbench.evaluate`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from channels.passage import tidy
from daemon.pipeline import Outcome
from daemon.rehearsal import Message, keep_record, take, temporary_house
from daemon.wiring import House
from rules.explain import explain
from rules.rulebook import RuleBook
from rules.workbench.evaluate import Label, Result, read_labels
from store.errors import ConfigError, MalformedMessageError, Problem, UsageError
from store.model.arrival import Channel
from store.model.decision import Decision, Verdict
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
    labels = labels_of(path)
    messages = {label.id: _message(label, path) for label in labels}
    now = _UNDECIDED
    rows = Rows()
    async with temporary_house(book, now=lambda: now) as house:
        for count, label in enumerate(labels):
            progress(count, len(labels))
            message = messages[label.id]
            if message is not None:
                now = message.received_at
                with contextlib.suppress(MalformedMessageError):
                    await (_take_record(house, message, rows) if message.channel is Channel.PLATFORM else _take(house, message, rows))
            await house.grouping.catch_up(book.district.id)
        groups = await house.stores.problems.groups_of(book.district.id)
    progress(len(labels), len(labels))
    return labels, {label.id: rows.result(label.id, book.district, groups) for label in labels}


@dataclass(frozen=True, slots=True)
class Rows:
    """What came of the rows, told in their order: which opened a case, and which told first of another platform's record."""

    by_case: dict[int, str] = field(default_factory=dict)
    by_record: dict[int, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def took(self, row: str, outcome: Outcome, *, record: int | None = None) -> None:
        """Note what came of a row; *record* is the record of another platform that it was."""
        self.outcomes[row] = outcome
        if outcome.case:
            self.by_case.setdefault(outcome.case.id, row)
        if record is not None:
            self.by_record.setdefault(record, row)

    def result(self, row: str, district: District, groups: Mapping[str, int]) -> Result | None:
        """Return what is compared with the label of a row, None where nothing came of it; *groups* are the common problems of cases and records."""
        outcome = self.outcomes.get(row)
        if outcome is None:
            return None
        decision = outcome.decision
        is_follow_up = decision.verdict is Verdict.FOLLOW_UP
        related = self.related(decision)
        return Result(
            verdict=decision.verdict.value,
            final=not decision.proposed,
            ground=decision.ground,
            department=decision.department,
            co_departments=decision.accompanying,
            duplicate_of=None if is_follow_up else related,
            follow_up_of=related if is_follow_up else None,
            same_problem=self._problem(row, outcome, groups),
            fields=_fields(outcome.petition),
            why="；".join(line.strip() for line in explain(decision, district)[:4]),
        )

    def _problem(self, row: str, outcome: Outcome, groups: Mapping[str, int]) -> str | None:
        """Return the common problem of a row: that of its case or record, or else of what it repeats or goes on with."""
        records = [f"record {record}" for record, first in self.by_record.items() if first == row]
        cases = [f"case {outcome.case.id}"] if outcome.case else []
        decision = outcome.decision
        related = [f"case {decision.related_case}", f"record {decision.related_record}"]
        return next((str(groups[one]) for one in (*records, *cases, *related) if one in groups), None)

    def related(self, decision: Decision) -> str | None:
        """Return the row of the earlier report that *decision* names."""
        if decision.related_case is not None:
            return self.by_case.get(decision.related_case)
        return self.by_record.get(decision.related_record) if decision.related_record is not None else None


async def _take(house: House, message: Message, rows: Rows) -> None:
    rows.took(message.source, await take(house, message))


async def _take_record(house: House, message: Message, rows: Rows) -> None:
    """Judge the record of another platform as if it had been handed to the district. Raises as `keep_record`."""
    record = await keep_record(house, message)
    rows.took(message.source, await house.pipeline.process(await house.stores.arrivals.get(record.arrival_id)), record=record.id)


def labels_of(path: Path) -> list[Label]:
    """Return the labels in the file at *path*, in its order; raises UsageError where it cannot be opened, ConfigError with every bad line."""
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


def _fields(petition: Petition) -> dict[str, str | None]:
    """Return the fields as the labels have them: of what a machine read off a page, the signs as they stand, before any was put right."""
    found = {"name": petition.name, "uscc": petition.uscc, "phone": petition.phone, "contact": petition.contact}
    as_read = petition.recognition is not None
    return {name: (tidy(value.span.text) if as_read else value.value) if value else None for name, value in found.items()}

"""From an entry at the window to an arrival: the same entry twice is one, whoever runs the command again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import yaml

from channels import registration
from channels.registration import LABELS, Entry
from store.errors import ConfigError, MalformedMessageError, Problem, UsageError
from store.model.arrival import Arrival, Channel
from store.trouble import reason

DOOR = "register"
_MOST = 1_000
_LARGEST = 4 << 20
_TEXT = ".txt"
_FIELD_OF = {**{label: field for field, label in LABELS.items()}, **{field: field for field in LABELS}}


def kept_arrival(entry: Entry, channel: Channel, district: str, now: datetime) -> Arrival:
    """Return what is kept of *entry*, received *now*. Who wrote it down makes it no other: two clerks who enter one form open one case."""
    raw = registration.write(entry)
    digest = hashlib.sha256(f"{channel.value}\n".encode() + registration.write(replace(entry, clerk=""))).hexdigest()
    return Arrival(
        district=district,
        channel=channel,
        door=DOOR,
        source_key=f"{DOOR}:{digest}",
        content_key=digest,
        message_id="",
        envelope_from="",
        envelope_to=(),
        received_at=now,
        raw=raw,
        peer=entry.clerk,
    )


def entries_of(path: Path, clerk: str) -> list[Entry]:
    """Return the entries of a YAML or JSON file: one table, or a list of them, under Chinese labels or English names; a .txt is one, as it stands.

    Raises UsageError where the file cannot be opened, ConfigError with every mistake of it.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"打不开 {path}：{reason(error)}") from error
    if len(raw) > _LARGEST:
        raise UsageError(f"{path} 有 {len(raw):,} 字节，超过 {_LARGEST >> 20} 兆")
    if path.suffix.lower() == _TEXT:
        try:
            return [registration.as_written(raw, clerk)]
        except MalformedMessageError as error:
            raise UsageError(f"{path}：{error}") from error
    try:
        loaded = yaml.safe_load(raw.decode("utf-8-sig"))  # JSON is YAML as well
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"第 {mark.line + 1} 行" if mark else "编码"
        raise ConfigError([Problem(place=str(path), key=where, message="不是 UTF-8 的 YAML 或 JSON", remedy="按文档里的例子改")]) from error
    tables = loaded if isinstance(loaded, list) else [loaded]
    if len(tables) > _MOST:
        raise UsageError(f"{path} 里有 {len(tables)} 件，一次最多登记 {_MOST} 件")
    problems: list[Problem] = []
    entries = [_entry(table, f"第 {number} 件", str(path), clerk, problems) for number, table in enumerate(tables, start=1)]
    problems += [problem for number, entry in enumerate(entries, start=1) if entry.fields for problem in _wrong(entry, number, str(path))]
    if problems:
        raise ConfigError(problems)
    return entries


def _wrong(entry: Entry, number: int, place: str) -> list[Problem]:
    """Return what is wrong with the values of *entry*: none of a file is registered before all are right."""
    remedy = "改好后再登记，还没有存下任何一件"
    return [Problem(place=place, key=f"第 {number} 件", message=message, remedy=remedy) for message in registration.problems_of(entry)]


def _entry(table: object, key: str, place: str, clerk: str, problems: list[Problem]) -> Entry:
    if not isinstance(table, Mapping) or not table:
        problems.append(Problem(place=place, key=key, message="不是一件登记", remedy=f"写成“{LABELS['name']}：……”这样一行一项"))
        return Entry(fields={}, clerk=clerk)
    fields: dict[str, str] = {}
    for label, value in table.items():
        field = _FIELD_OF.get(str(label).replace(" ", ""))
        if field is None:
            remedy = f"可用的有：{'、'.join(LABELS.values())}"
            problems.append(Problem(place=place, key=key, message=f"不认识“{label}”", remedy=remedy))
        elif isinstance(value, list | dict | bool | date):
            problems.append(Problem(place=place, key=f"{key} {label}", message="应是文字", remedy="加上引号"))
        else:
            fields[field] = "" if value is None else str(value).strip()
    return Entry(fields=fields, clerk=clerk)

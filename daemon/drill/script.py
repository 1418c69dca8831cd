"""What happens in a drill, read from its folder: mails with the moment they arrive, and what people do, in the order of time.

The folder holds `.eml` and `.txt` files named after their moment (`2024-09-29_1618 工程款.eml`), or `inputs.yaml` that says where they lie,
and, beside them, `events.yaml` or `events.jsonl`; docs/演练.md describes all of them. A mistake is told with file and line, all of them at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from daemon.drill.events import Deed, read_events
from daemon.drill.inputs import read_inputs
from daemon.rehearsal import Message, channel_of
from rules.packfiles import Node, Problems
from store.errors import ConfigError, UsageError
from store.trouble import reason

_ENDINGS = (".eml", ".txt")
_EVENTS = ("events.yaml", "events.jsonl")
_INPUTS = "inputs.yaml"
_LISTS = (_INPUTS, *_EVENTS)
_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})[_T ](\d{2})[:.]?(\d{2})(?:[:.]?(\d{2}))?[_ ]*(.*)", re.DOTALL)
_LARGEST = 50 << 20  # bytes, as at the doors


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything that happens, oldest first. `digest` names it: the same files give the same one."""

    items: Sequence[Message | Deed]
    digest: str


@dataclass(slots=True)
class _Reading:
    folder: Path
    zone: ZoneInfo
    problems: Problems = field(default_factory=Problems)


def moment_of(item: Message | Deed) -> datetime:
    """Return when *item* happens."""
    return item.received_at if isinstance(item, Message) else item.at


def read_script(folder: Path, timezone: str) -> Script:
    """Read the drill in *folder*; moments without a zone are of *timezone*. Raises ConfigError with every mistake, UsageError for no folder."""
    reading = _Reading(folder, ZoneInfo(timezone))
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        contents = {path.name: _content(path, reading) for path in files if path.suffix.lower() in _ENDINGS or path.name in _LISTS}
    except OSError as error:
        raise UsageError(f"读不了演练目录 {folder}：{reason(error)}") from error
    mails = [mail for name, raw in contents.items() if Path(name).suffix.lower() in _ENDINGS and (mail := _mail(name, raw, reading))]
    if _INPUTS in contents:
        mails += read_inputs(contents[_INPUTS], _INPUTS, reading.zone, reading.problems, lambda file: _content(folder / file, reading))
    _check_names(mails, reading)
    events = [event for name in _EVENTS if name in contents for event in read_events(contents[name], name, reading.zone, reading.problems)]
    _check_cases(events, {mail.source: mail.received_at for mail in mails}, reading)
    if not (mails or events or reading.problems.found):
        reading.problems.add(
            Node(str(folder), ""),
            "演练目录里没有来件（.eml、.txt、inputs.yaml），也没有 events.yaml",
            "放入来件或场次、活动，写法见 docs/演练.md",
        )
    if reading.problems.found:
        raise ConfigError(reading.problems.found)
    return Script(items=sorted([*mails, *events], key=moment_of), digest=_digest({**contents, **{mail.source: mail.raw for mail in mails}}))


def _content(path: Path, reading: _Reading) -> bytes:
    if path.stat().st_size > _LARGEST:
        reading.problems.add(Node(path.name, ""), f"文件超过 {_LARGEST >> 20} 兆字节")
        return b""
    return path.read_bytes()


def _mail(name: str, raw: bytes, reading: _Reading) -> Message | None:
    """Return a mail under its name without moment and ending; the moment stands in the name, or else in the mail's own Date."""
    path = Path(name)
    stamped = _STAMP.fullmatch(path.stem)
    moment = _stamped(stamped, reading.zone) if stamped else _dated(raw, reading.zone) if path.suffix.lower() == ".eml" else None
    if moment is None:
        remedy = "在文件名前写上到达时间，如 2024-09-29_1618 工程款.eml"
        reading.problems.add(Node(name, ""), "不知道这封来件几时到达", remedy)
        return None
    case = (stamped[5] if stamped else "") or path.stem
    return Message(source=case, channel=channel_of(path), received_at=moment, raw=raw)


def _stamped(match: re.Match[str], zone: ZoneInfo) -> datetime | None:
    day, hour, minute, second, _ = match.groups()
    try:
        return datetime.fromisoformat(f"{day}T{hour}:{minute}:{second or '00'}").replace(tzinfo=zone)
    except ValueError:
        return None


def _dated(raw: bytes, zone: ZoneInfo) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(BytesHeaderParser(policy=compat32).parsebytes(raw).get("Date", "")))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _check_names(mails: Sequence[Message], reading: _Reading) -> None:
    seen: set[str] = set()
    for mail in mails:
        if mail.source in seen:
            reading.problems.add(Node(mail.source, ""), f"有两封来件都叫“{mail.source}”", "文件名在时间之后的部分不能相同")
        seen.add(mail.source)


def _check_cases(events: Sequence[Deed], arrived: Mapping[str, datetime], reading: _Reading) -> None:
    """Hold every event to a mail that came before it, and let none stand twice."""
    seen: set[tuple[object, ...]] = set()
    for event in events:
        for name in filter(None, (event.case, event.details.of)):
            if name not in arrived:
                reading.problems.unknown(Node(event.place, "case"), "来件", name, list(arrived))
            elif arrived[name] > event.at:
                reading.problems.add(Node(event.place, "at"), f"发生在来件“{name}”到达之前")
        identity = (event.at, event.case) if event.case else (event.at, event.happening)
        if identity in seen:
            reading.problems.add(Node(event.place, "at"), "同一件在同一时刻已有一件事", "两件事至少隔一秒；写重了的去掉一次")
        seen.add(identity)


def _digest(contents: Mapping[str, bytes]) -> str:
    parts = [f"{name} {hashlib.sha256(raw).hexdigest()}" for name, raw in sorted(contents.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

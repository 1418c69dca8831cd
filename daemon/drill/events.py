"""What people do in a drill, as `events.yaml` or `events.jsonl` says it: when, to which case, what, by whom, resting on what.

- at: 2024-09-30 10:00
  case: 工程款              # the mail's name; left out for what concerns no case (a session, an activity …)
  event: acknowledge        # of store.life, or note; without a case a trigger of the pack's kinds
  by: 李明
  as: department            # by default the first who may do it
  reason: 已签收
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from daemon.casework import RATINGS, RESULTS, Details
from daemon.review import Correction
from rules.deadline_kinds import TRIGGERS
from rules.packfiles import Node, Problems, Reader, Table, read_yaml
from store.life import BY_NAME, Role
from store.model.decision import Verdict

NOTE = "note"
_MOST_DAYS = 250
_LONGEST = 1_000
_NINE = time(9)  # where an event has a date only


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happens at a moment. `place` is where it stands in the file; `case` the name of a mail, "" where it concerns none.

    `about` are the facts of what concerns no case (department, theme, place …), as written.
    """

    place: str
    at: datetime
    event: str
    by: str
    case: str = ""
    role: Role = Role.COORDINATOR
    reason: str = ""
    details: Details = field(default_factory=Details)
    correction: Correction | None = None
    accompany: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


def read_events(raw: bytes, name: str, zone: ZoneInfo, problems: Problems) -> list[Happening]:
    """Return what the file *name* says, in its order; moments without a zone are of *zone*. Mistakes go to *problems*."""
    if name.endswith(".jsonl"):  # a line of JSON is an entry of a YAML list, and keeps its number
        raw = b"\n".join(b"- " + line if line.strip() else b"" for line in raw.split(b"\n"))
    root = read_yaml(raw, name, problems)
    if root is None:
        return []
    reader = Reader(problems)
    return [event for node in reader.items(root, what="事件") if (event := _event(node, zone, reader)) is not None]


def _event(node: Node, zone: ZoneInfo, reader: Reader) -> Happening | None:
    before = len(reader.problems.found)
    entries = reader.table(node, (*_READERS, "about"), ("at", "event", "by"))
    said = {key: read(entries[key], reader) for key, read in _READERS.items() if key in entries}
    known = (*BY_NAME, NOTE) if "case" in entries else TRIGGERS
    if "event" in entries:
        reader.choice(entries["event"], known, "事件" if "case" in entries else "不属于某一件的事件")
    at = _moment(entries["at"], str(said.get("at") or ""), zone, reader) if "at" in entries else None
    about = _about(entries["about"], reader) if "about" in entries else {}
    if len(reader.problems.found) > before or at is None:
        return None
    return _happening(node.place, at, said, about)


def _happening(place: str, at: datetime, said: Mapping[str, Any], about: Mapping[str, str]) -> Happening:
    event = said["event"]
    step = BY_NAME.get(event)
    details = {key: said[key] for key in Details.__dataclass_fields__ if said.get(key) is not None}
    correction = None
    if event == "overrule":
        verdict = Verdict(said.get("verdict") or Verdict.ACCEPT)
        correction = Correction(
            verdict=verdict, ground=said.get("ground"), department=said.get("department"), missing=said.get("missing") or ()
        )
    return Happening(
        place=place,
        at=at,
        event=event,
        by=said["by"],
        case=said.get("case") or "",
        role=Role(said.get("as") or (step.roles[0] if step else Role.COORDINATOR)),
        reason=said.get("reason") or said.get("evidence") or (step.words if step else "演练"),
        details=Details(**details),
        correction=correction,
        accompany=said.get("accompany") or (),
        about=about,
    )


def _moment(node: Node, text: str, zone: ZoneInfo, reader: Reader) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.combine(date.fromisoformat(text), _NINE) if len(text) == len("2024-09-30") else datetime.fromisoformat(text)
    except ValueError:
        reader.problems.add(node, f"“{text}”不是时间", "写成 2024-09-30 10:00")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _about(node: Node, reader: Reader) -> dict[str, str]:
    if not isinstance(node, Table):
        reader.any_table(node)
        return {}
    return {key: reader.text(value) or "" for key, value in node.entries.items()}


def _text(node: Node, reader: Reader) -> str | None:
    return reader.text(node, longest=_LONGEST)


def _names(node: Node, reader: Reader) -> tuple[str, ...]:
    return reader.several(node, reader.text, what="名称")


def _number(node: Node, reader: Reader) -> int | None:
    return reader.integer(node, 1, _MOST_DAYS)


_READERS: Mapping[str, Callable[[Node, Reader], object]] = {
    "at": _text,
    "case": _text,
    "event": _text,
    "by": _text,
    "as": lambda node, reader: reader.choice(node, [role.value for role in Role], "身份"),
    "reason": _text,
    "evidence": _text,
    "department": _text,
    "accompany": _names,
    "days": _number,
    "limit": _number,
    "result": lambda node, reader: reader.choice(node, RESULTS, "办理结果"),
    "rating": lambda node, reader: reader.choice(node, RATINGS, "评价"),
    "missing": _names,
    "to": _text,
    "of": _text,
    "verdict": lambda node, reader: reader.choice(node, [Verdict.ACCEPT, Verdict.REFUSE, Verdict.SUPPLEMENT], "结论"),
    "ground": _number,
}

"""What people do in a drill, as `events.yaml` or `events.jsonl` says it: when, to which case, what, by whom, resting on what.

- at: 2024-09-30 10:00
  case: 工程款              # the mail's name
  event: acknowledge        # of store.life, or note
  by: 李明
  as: department            # by default the first who may do it
  reason: 已签收
- {at: 2024-10-11, key: 第2期, sort: session, event: announced, day: 2024-10-31, department: scj, by: 王芳}  # store.owing.HAPPENINGS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from daemon.casework import Details
from daemon.review import Correction
from rules.packfiles import Node, Problems, Reader, read_yaml
from store.life import BY_NAME, RATINGS, RESULTS, Role
from store.model.decision import Verdict
from store.owing import HAPPENINGS, Happening, SubjectSort

NOTE = "note"
_MOST_DAYS = 250
_LONGEST = 1_000
_SORTS = (SubjectSort.SESSION.value, SubjectSort.ACTIVITY.value)
_NINE = time(9)  # where an event has a date only


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that is done at a moment. `place` is where it stands in the file.

    `case` is the name of a mail, "" where it concerns none; then `happening` says what happened to a session, an activity or a period.
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
    happening: Happening | None = None


def read_events(raw: bytes, name: str, zone: ZoneInfo, problems: Problems) -> list[Deed]:
    """Return what the file *name* says, in its order; moments without a zone are of *zone*. Mistakes go to *problems*."""
    if name.endswith(".jsonl"):  # a line of JSON is an entry of a YAML list, and keeps its number
        raw = b"\n".join(b"- " + line if line.strip() else b"" for line in raw.split(b"\n"))
    root = read_yaml(raw, name, problems)
    if root is None:
        return []
    reader = Reader(problems)
    return [event for node in reader.items(root, what="事件") if (event := _event(node, zone, reader)) is not None]


def _event(node: Node, zone: ZoneInfo, reader: Reader) -> Deed | None:
    before = len(reader.problems.found)
    entries = reader.table(node, tuple(_READERS), ("at", "event", "by"))
    said = {key: read(entries[key], reader) for key, read in _READERS.items() if key in entries}
    is_of_a_case = "case" in entries
    if is_of_a_case == ("key" in entries):
        reader.problems.add(node, "case 与 key 应写一个", "属于一件的写 case: 来件的名字；场次、活动、定期事项写 key: 名称")
    elif "event" in entries:
        known, what = ((*BY_NAME, NOTE), "事件") if is_of_a_case else (HAPPENINGS, "场次、活动的事件")
        reader.choice(entries["event"], known, what)
    at = moment_in(entries["at"], str(said.get("at") or ""), zone, reader) if "at" in entries else None
    if len(reader.problems.found) > before or at is None:
        return None
    return _of_a_case(node.place, at, said) if is_of_a_case else _of_a_subject(node.place, at, said)


def _of_a_subject(place: str, at: datetime, said: Mapping[str, Any]) -> Deed:
    named = {name: said[name] for name in ("event", "key", "day", "of", "title", "department", "kind") if said.get(name) is not None}
    happening = Happening(**named, sort=SubjectSort(said["sort"]) if said.get("sort") else None)
    reason = said.get("reason") or said.get("evidence") or "登记"
    return Deed(place=place, at=at, event=said["event"], by=said["by"], reason=reason, happening=happening)


def _of_a_case(place: str, at: datetime, said: Mapping[str, Any]) -> Deed:
    event = said["event"]
    step = BY_NAME.get(event)
    details = {key: said[key] for key in Details.__dataclass_fields__ if said.get(key) is not None}
    correction = None
    if event == "overrule":
        verdict = Verdict(said.get("verdict") or Verdict.ACCEPT)
        correction = Correction(
            verdict=verdict, ground=said.get("ground"), department=said.get("department"), missing=said.get("missing") or ()
        )
    return Deed(
        place=place,
        at=at,
        event=event,
        by=said["by"],
        case=said["case"],
        role=Role(said.get("as") or (step.roles[0] if step else Role.COORDINATOR)),
        reason=said.get("reason") or said.get("evidence") or (step.words if step else "演练"),
        details=Details(**details),
        correction=correction,
        accompany=said.get("accompany") or (),
    )


def moment_in(node: Node, text: str, zone: ZoneInfo, reader: Reader) -> datetime | None:
    """Return the moment written as *text* at *node*, of *zone* where it names none; None, and a problem, where it is none."""
    if not text:
        return None
    try:
        moment = datetime.combine(date.fromisoformat(text), _NINE) if len(text) == len("2024-09-30") else datetime.fromisoformat(text)
    except ValueError:
        reader.problems.add(node, f"“{text}”不是时间", "写成 2024-09-30 10:00")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _day(node: Node, reader: Reader) -> date | None:
    text = reader.text(node)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        reader.problems.add(node, f"“{text}”不是日期", "写成 2024-09-30")
        return None


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
    "key": _text,
    "sort": lambda node, reader: reader.choice(node, _SORTS, "种类"),
    "title": _text,
    "day": _day,
    "kind": _text,
}

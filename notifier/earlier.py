"""What happened to a matter before a sister district handed it over, in lines: when, what, who, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.dates import local_date, plain_date
from notifier.plain import line
from store.life import ROLE_WORDS, STEPS, Role
from store.model.case import Case, Event
from store.model.district import District

_WORDS = {
    "case.opened": "登记",
    "case.follow_up": "收到续件",
    "case.replied": "收到回信",
    "case.noted": "备注",
    **{step.kind: step.words for step in STEPS},
}
_MOST = 40  # lines; what is older stays readable with `case show`
_LONGEST = 300  # code points of a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One case before this one: whose it was, its number, and what persons did to it, the oldest first."""

    district: str  # 呈贡区
    number: str
    lines: tuple[str, ...]


def earlier_lines(case: Case, history: Sequence[Event], district: District | None, zone: str) -> Earlier:
    """Return *history* of *case*, which was *district*'s (None where it is served no longer), with days as in the time *zone* of who reads it."""
    told = [event for event in history if event.kind in _WORDS]
    left_out = [f"（以前还有{len(told) - _MOST}项）"] if len(told) > _MOST else []
    lines = [_line(event, district, zone) for event in told[-_MOST:]]
    name = district.name.rpartition("市")[2] if district else case.district
    return Earlier(district=name, number=case.number, lines=(*left_out, *lines))


def _line(event: Event, district: District | None, zone: str) -> str:
    day = plain_date(local_date(event.at, zone))
    role = event.data.get("role")
    office = f"（{ROLE_WORDS[Role(role)]}）" if isinstance(role, str) and role in set(Role) else ""
    who = "" if event.actor in {"system", "rules"} else f"　{line(event.actor, _LONGEST)}{office}"
    reason = f"：{line(event.reason, _LONGEST).rstrip('。')}" if event.reason else ""
    return f"{day}　{_WORDS[event.kind]}{_department(event, district)}{who}{reason}"


def _department(event: Event, district: District | None) -> str:
    """Return the department that an event gave the case to, in brackets; "" where it gave it to none."""
    new = event.data.get("new")
    id_ = new.get("department") if isinstance(new, dict) else None
    if not id_:
        return ""
    known = district.departments.get(str(id_)) if district else None
    return f"（{known.name if known else id_}）"

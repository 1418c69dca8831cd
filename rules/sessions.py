"""When bookings are taken for a session, and what its letters say of it: a pack's `sessions` (三（二）–三（五）, 附件1). Reads no clock.

| key | meaning | default |
|---|---|---|
| sessions | a district whose pack has it books enterprises for its sessions (挂号); one without does not | none |
| sessions.serves | whose session the booking at the end of a month serves: `next_month` or `this_month` | next_month |
| sessions.since | cases received from this day on are booked, earlier ones never | after the close of the booking before the first session's |
| sessions.windows | sessions whose booking lies otherwise: name → `opens`, `closes` (dates) | none |
| sessions.hours | from when to when it sits: `[9:00, 12:00]` | none: left out of letters |
| sessions.place | its place as letters say it | empty: left out |
| sessions.forms | the pack's forms that go with the letters of a step: step → files, such as `附件3.docx` | none |
| sessions.receipt | the deadline that is met once all has come in after a session: `kind`, and `needs` of each case besides its outcome: `slip` (附件4), `rating` (附件5) | none: a person says so |
| sessions.early_minutes | so many minutes before it enterprises are to be there | 15 |
| sessions.call_days | so many calendar days before the session they are called up | 3 |
| sessions.notice_days | so many working days before booking opens the notice is drafted | 3 |
| sessions.undated_days | so many working days before that whoever is to fix the day of a session is first reminded | 10 |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from rules.calendar import Calendar
from rules.deadlines import BookingWindow, VerificationRule
from rules.moments import Hours, read_date, read_hours
from rules.packfiles import Node, Reader

Serves = Literal["next_month", "this_month"]
_SERVES = ("next_month", "this_month")
_STEPS = ("notice", "service_list", "call_list", "outcome")
_NEEDS = ("slip", "rating")
_ENDINGS = (".docx", ".xlsx")
_NUMBERS = {"early_minutes": (0, 120), "call_days": (1, 14), "notice_days": (0, 20), "undated_days": (0, 60)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is to come in after a session: by the deadline called `kind`, of each case its outcome and what stands in `needs` ("slip", "rating")."""

    kind: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRule:
    """What a pack says of booking and sessions; what each means stands above."""

    serves: Serves = "next_month"
    since: date | None = None
    windows: Mapping[str, tuple[date, date]] = field(default_factory=dict)
    hours: Hours | None = None
    place: str = ""
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    receipt: Receipt | None = None
    early_minutes: int = 15
    call_days: int = 3
    notice_days: int = 3
    undated_days: int = 10


def window_of(key: str, day: date, rule: SessionRule, settings: VerificationRule, calendar: Calendar, timezone: str) -> BookingWindow:
    """Return when bookings are taken for the session called *key* on *day*: the pack's dates for it, else the last working days of its month."""
    zone = ZoneInfo(timezone)
    days: tuple[date, ...]
    if key in rule.windows:
        days = rule.windows[key]
    else:
        month = day if rule.serves == "this_month" else day.replace(day=1) - timedelta(days=1)
        days = calendar.last_working_days_of_month(month.year, month.month, settings.booking_window_working_days)
    return BookingWindow(
        opens=datetime.combine(days[0], time(settings.booking_opens_at), zone),
        closes=datetime.combine(days[-1], time(settings.booking_closes_at), zone),
        provisional=any(calendar.day(one).provisional for one in days),
    )


def call_up_at(day: date, rule: SessionRule, calendar: Calendar, timezone: str) -> datetime:
    """Return when enterprises are called up for a session on *day*: that many days before, on a rest day the working day before it."""
    wanted = day - timedelta(days=rule.call_days)
    return datetime.combine(calendar.working_days_back(wanted, 1)[0], time(9), ZoneInfo(timezone))


def over_at(day: date, rule: SessionRule, calendar: Calendar, timezone: str) -> datetime:
    """Return when a session on *day* is over: at the end of its hours, of the office's where the pack has none."""
    closes = rule.hours[1] if rule.hours else calendar.closing_time(day)
    return datetime.combine(day, closes, ZoneInfo(timezone))


def notice_at(opens: datetime, rule: SessionRule, calendar: Calendar) -> datetime:
    """Return when the notice is drafted: so many working days before booking *opens*, a moment in the district's time zone."""
    day = calendar.subtract_working_days(opens.date(), rule.notice_days).due if rule.notice_days else opens.date()
    return datetime.combine(day, time(9), opens.tzinfo)


def reminded_from(drafted: datetime, rule: SessionRule, calendar: Calendar) -> datetime:
    """Return when those who are to fix the day of a session are first reminded, its notice being *drafted* then."""
    day = calendar.subtract_working_days(drafted.date(), rule.undated_days).due if rule.undated_days else drafted.date()
    return datetime.combine(day, time(9), drafted.tzinfo)


def read_sessions(node: Node, reader: Reader) -> SessionRule:
    """Return what `sessions` under *node* says; its mistakes go to the reader's problems."""
    entries = reader.table(node, tuple(SessionRule.__dataclass_fields__))
    default = SessionRule()
    numbers = {key: reader.integer(entries[key], *span) for key, span in _NUMBERS.items() if key in entries}
    known: dict[str, Any] = {key: value for key, value in numbers.items() if value is not None}
    serves = reader.choice(entries["serves"], _SERVES, "哪个月的场次") if "serves" in entries else None
    rule = SessionRule(
        serves=cast("Serves", serves) if serves else default.serves,
        since=read_date(entries["since"], reader) if "since" in entries else None,
        windows=_windows(entries["windows"], reader) if "windows" in entries else {},
        hours=read_hours(entries["hours"], reader) if "hours" in entries else None,
        place=(reader.text(entries["place"]) or "") if "place" in entries else "",
        forms=_forms(entries["forms"], reader) if "forms" in entries else {},
        receipt=_receipt(entries["receipt"], reader) if "receipt" in entries else None,
    )
    return replace(rule, **known)


def _windows(node: Node, reader: Reader) -> dict[str, tuple[date, date]]:
    found = {}
    for key, value in reader.any_table(node).items():
        entries = reader.table(value, ("opens", "closes"), ("opens", "closes"))
        days = [read_date(entries[name], reader) for name in ("opens", "closes") if name in entries]
        if len(days) != 2 or days[0] is None or days[1] is None:  # noqa: PLR2004 - the first day and the last
            continue
        if days[1] < days[0]:
            reader.problems.add(value, "挂号截止早于开始", "opens 写首日，closes 写末日")
            continue
        found[key] = (days[0], days[1])
    return found


def _forms(node: Node, reader: Reader) -> dict[str, tuple[str, ...]]:
    """Read which files go with which step; whether the pack has these forms is asked where all of it is known (`rules.rulebook`)."""
    entries = reader.table(node, _STEPS)
    return {step: reader.several(value, lambda one: _file(one, reader), what="表格文件") for step, value in entries.items()}


def _receipt(node: Node, reader: Reader) -> Receipt | None:
    """Read what is to come in after a session; whether the pack has this deadline is asked where all of it is known (`rules.rulebook`)."""
    entries = reader.table(node, ("kind", "needs"), ("kind",))
    kind = reader.text(entries["kind"]) if "kind" in entries else None
    needs = reader.several(entries["needs"], lambda one: reader.choice(one, _NEEDS, "材料"), what="材料") if "needs" in entries else ()
    return Receipt(kind=kind, needs=needs) if kind else None


def _file(node: Node, reader: Reader) -> str | None:
    text = reader.text(node)
    if text is None or text.endswith(_ENDINGS):
        return text
    reader.problems.add(node, f"“{text}”不是表格文件", "写表格名称和 .docx 或 .xlsx，如 附件3.docx")
    return None

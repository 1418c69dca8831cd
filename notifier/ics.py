"""A calendar file (RFC 5545) of a district's lines, for the calendar program of whoever wants to see them there. Pure.

Each line keeps its UID for good, so that a program that reads the file again puts the new event in the place of the old one (3.8.4.7); what
was called off stays in the file as cancelled. Moments are written in UTC, days as days; nothing needs a VTIMEZONE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.timetable import Line, Standing, responsible, standing_words

_LONGEST = 75  # octets of one line without its end, 3.1
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})  # 3.3.11
_STATUS = {Standing.CANCELLED: "CANCELLED", Standing.PLANNED: "TENTATIVE", Standing.UNDATED: "TENTATIVE"}


def calendar_file(name: str, lines: Iterable[Line], timezone: str, now: datetime) -> bytes:
    """Return the file of the calendar called *name*, written at *now*; days and hours are those of *timezone*."""
    written = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//zuozhen//schedule//ZH",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(name)}",
    ]
    for line in sorted(lines, key=lambda line: (line.first, line.uid)):
        written += _event(line, timezone, now)
    return b"".join(_folded(line) for line in [*written, "END:VCALENDAR"])


def _event(line: Line, timezone: str, now: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{line.uid}"
    yield f"DTSTAMP:{_moment(now)}"
    yield from _when(line, timezone)
    yield f"SUMMARY:{_text(_summary(line))}"
    if line.place:
        yield f"LOCATION:{_text(line.place)}"
    yield f"DESCRIPTION:{_text(_description(line))}"
    yield f"STATUS:{_STATUS.get(line.standing, 'CONFIRMED')}"
    yield "END:VEVENT"


def _when(line: Line, timezone: str) -> Iterator[str]:
    """Yield from when to when: the hours of a day that is known, else whole days, of which the end is the morrow of the last (3.6.1)."""
    if line.hours and line.first == line.last:
        for name, hour in zip(("DTSTART", "DTEND"), line.hours, strict=True):
            yield f"{name}:{_moment(datetime.combine(line.first, hour, ZoneInfo(timezone)))}"
        return
    yield f"DTSTART;VALUE=DATE:{_day(line.first)}"
    yield f"DTEND;VALUE=DATE:{_day(line.last + timedelta(days=1))}"
    yield "TRANSP:TRANSPARENT"  # keeps nobody's day busy


def _summary(line: Line) -> str:
    undated = "（日期待定）" if line.first != line.last else ""
    return f"{'截止：' if line.is_due else ''}{line.title}{undated}{f'：{line.theme}' if line.theme else ''}"


def _description(line: Line) -> str:
    told = {
        "由谁办": responsible(line),
        "参加": "、".join(line.company),
        "依据": line.basis,
        "状态": standing_words(line),
        "说明": line.note + ("（放假安排尚未公布，日期暂定）" if line.unsure else ""),
    }
    return "\n".join(f"{what}：{words}" for what, words in told.items() if words)


def _text(text: str) -> str:
    """Return *text* as a value: line ends and what separates values escaped, other control characters left out."""
    shown = (" " if sign != "\n" and sign.isspace() else sign for sign in text)
    return "".join(sign for sign in shown if sign == "\n" or sign.isprintable()).translate(_ESCAPES)


def _day(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _folded(line: str) -> bytes:
    """Return a line with its end, broken where it is too long, never inside a character (3.1)."""
    parts, room = [bytearray()], _LONGEST
    for sign in line:
        raw = sign.encode()
        if len(parts[-1]) + len(raw) > room:
            parts.append(bytearray())
            room = _LONGEST - 1  # the space that a continued line begins with
        parts[-1] += raw
    return b"\r\n ".join(bytes(part) for part in parts) + b"\r\n"

"""The files that go with letters about a session: the pack's forms filled for it, and a calendar entry. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from notifier.dates import in_full, plain_date
from notifier.form_values import cleaned, content_of, label_of, values_of
from notifier.ics import calendar_file
from notifier.timetable import Line, Share, Standing, uid_of
from notifier.view import department
from store.model.booking import Booking
from store.model.case import Case
from store.model.enclosure import Enclosure, Values

if TYPE_CHECKING:
    from notifier.session_letters import Sitting
    from store.model.district import District

Placed = tuple[Booking, Case]
_ISSUE = re.compile(r"(\d{4})年第(\d{1,3})期")


def notice_of(sitting: Sitting, district: District) -> tuple[Enclosure, ...]:
    """Return the forms that the pack sends with the draft of the notice."""
    return tuple(_enclosure(file, sitting.subject.key, (), about(sitting, district)) for file in sitting.forms.get("notice", ()))


def rows_of_notice(sitting: Sitting, district: District) -> list[tuple[str, list[str]]]:
    """Return what the draft of the notice says, word for word as its form: each label with its lines; nothing where the pack has no such form."""
    values = about(sitting, district)
    cells = [cell for row in sitting.draft.rows for cell in row.cells] if sitting.draft else []
    return [(label_of(cell), content_of(cell, values).splitlines()) for cell in cells]


def lists_of(step: str, sitting: Sitting, placed: Sequence[Placed], district: District) -> tuple[Enclosure, ...]:
    """Return the forms that the pack sends with *step* of a session, with a line for each that is *placed*, in this order; none for nobody."""
    entries = [{**values_of(case, district), "备注": f"第{booking.number}号"} for booking, case in placed]
    files = sitting.forms.get(step, ()) if entries else ()
    return tuple(_enclosure(file, sitting.subject.key, entries, about(sitting, district)) for file in files)


def slips_of(step: str, sitting: Sitting, case: Case, district: District) -> tuple[Enclosure, ...]:
    """Return the forms that the pack sends with *step* for one case, filled with what is known of both."""
    values = {**values_of(case, district), **about(sitting, district)}
    return tuple(_enclosure(file, case.number, (values,), values) for file in sitting.forms.get(step, ()))


def invitation(sitting: Sitting, district: District, now: datetime) -> Enclosure:
    """Return the calendar entry of a session (RFC 5545), which takes the place of an earlier one; *now* is when it is written, to the day.

    To the day, so that a letter composed twice on one day is the same letter (ADR 0017).
    """
    subject = sitting.subject
    host = Share(key=subject.key, department=subject.department, name=_host(sitting, district), standing=Standing.ANNOUNCED)
    line = Line(
        uid=uid_of(district.id, subject.key),
        title=f"{subject.key}坐诊",
        first=subject.day,
        last=subject.day,
        is_due=False,
        theme=subject.title,
        place=sitting.place,
        hours=sitting.hours,
        shares=(host,),
        note=f"请提前{sitting.early_minutes}分钟到场" if sitting.early_minutes else "",
    )
    written = now.replace(hour=0, minute=0, second=0, microsecond=0)
    text = calendar_file(f"{district.name}{district.programme}", [line], district.timezone, written).decode()
    return Enclosure(name=f"{subject.key}.ics", text=text)


def about(sitting: Sitting, district: District) -> Values:
    """Return what a session says for the fields of a form."""
    subject, issue = sitting.subject, _ISSUE.fullmatch(sitting.subject.key)
    values = {
        "主题": subject.title,
        "部门": _host(sitting, district),
        "年": issue[1] if issue else str(subject.day.year),
        "期": issue[2] if issue else "",
        "挂号时间": f"{_moment(sitting.opens)}—{_moment(sitting.closes)}",
        "坐诊时间": in_full(subject.day),
        "坐诊日期": in_full(subject.day),
        "线上渠道": f"电子邮箱{sitting.mailbox}" if sitting.mailbox else "",
    }
    return {field: clean for field, value in values.items() if (clean := cleaned(field, value))}


def _enclosure(file: str, of: str, entries: Sequence[Values], head: Values) -> Enclosure:
    form, _, ending = file.rpartition(".")
    return Enclosure(name=f"{form} {of}.{ending}", form=form, entries=tuple(entries), head=head)


def _host(sitting: Sitting, district: District) -> str:
    return department(sitting.subject.department, district).name if sitting.subject.department else district.coordinator


def _moment(at: datetime) -> str:
    return f"{plain_date(at.date())} {at.hour}:{at:%M}"

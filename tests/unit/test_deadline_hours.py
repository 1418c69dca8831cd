"""Kinds that count hours, and reminders by the share of the time: which moment, how it is explained, and counted again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from notifier.reminders import due_view
from rules.calendar import Calendar
from rules.calendar_folder import load_calendar
from rules.calendar_overlay import read_overlay
from rules.deadline_kinds import Kind, Kinds, Rung, Unit
from rules.deadline_plan import Ground, deadline_of, due_of, moved, schedule
from rules.office import OfficeHours

ZONE = ZoneInfo("Asia/Shanghai")
HALF_DAY = 'half_days:\n  - {name: 搬迁, date: 2024-09-30, closes: "12:00", by: 区政务服务局通知}\n'


def ground(calendar: Calendar | None = None) -> Ground:
    """Return a ground without kinds."""
    return Ground(kinds=Kinds(), calendar=calendar or load_calendar(), timezone="Asia/Shanghai", mark="one")


def half_day(folder: Path) -> Ground:
    """Return a ground whose office closes at noon on 30 September 2024, the eve of the National Day, and pauses for lunch."""
    path = folder / "small.yaml"
    path.write_text(HALF_DAY, encoding="utf-8")
    return ground(load_calendar().of_district(read_overlay(path), OfficeHours(pause=(time(12), time(13, 30)))))


def hours(unit: Unit, **more: object) -> Kind:
    """Return a kind that counts hours."""
    return Kind(id="call", label="电话联系", since=("assigned",), unit=unit, until=("verify",), days=4, **more)  # type: ignore[arg-type]  # by keyword


def local(*moment: int) -> datetime:
    """Return a moment of 2024 in the district."""
    return datetime(2024, *moment, tzinfo=ZONE)  # type: ignore[misc, arg-type]  # of integers


@pytest.mark.parametrize(
    ("unit", "since", "amount", "end"),
    [
        ("hours", local(9, 26, 22), 4, local(9, 27, 2)),  # across the night
        ("hours", local(9, 27, 16), 24, local(9, 28, 16)),  # into a Saturday
        ("office_hours", local(9, 26, 10), 4, local(9, 26, 14)),
        ("office_hours", local(9, 26, 13), 4, local(9, 26, 17)),  # to the closing hour, not to the next morning
        ("office_hours", local(9, 26, 16), 4, local(9, 27, 12)),  # across the night
        ("office_hours", local(9, 26, 17), 4, local(9, 27, 13)),  # begun as the office closes
        ("office_hours", local(9, 27, 16), 4, local(9, 29, 12)),  # across a Saturday, into a Sunday that is worked
        ("office_hours", local(9, 28, 10), 4, local(9, 29, 13)),  # begun on a rest day
        ("office_hours", local(9, 30, 15), 4, local(10, 8, 11)),  # across the National Day
        ("office_hours", local(9, 26, 10), 20, local(9, 29, 14)),  # 7, 8 and 5
    ],
)
def test_hours_end_at_their_moment(unit: Unit, since: datetime, amount: int, end: datetime) -> None:
    """Hours by the clock run day and night; office hours only while the office is open. The explanation has both moments and the unit."""
    due = due_of(hours(unit), since, amount, ground())
    assert (due.since, due.at, due.due, due.provisional) == (since, end, end.date(), False)
    word = "小时" if unit == "hours" else "办公小时"
    assert due.notes == (f"自 9月{since.day}日 {since:%H:%M} 起 {amount} {word}，至 {end.month}月{end.day}日 {end:%H:%M}",)
    assert (due.days[0].day, due.days[-1].day) == (since.date(), end.date())
    deadline = deadline_of(hours(unit), due, amount, since, ground())
    assert deadline.due_at == end


def test_a_half_day_has_fewer_hours(tmp_path: Path) -> None:
    """On a day that ends at noon, and over lunch on others, no hour runs."""
    since = local(9, 30, 11)
    assert due_of(hours("office_hours"), since, 4, half_day(tmp_path)).at == local(10, 8, 12)
    assert due_of(hours("office_hours"), local(9, 29, 11), 4, half_day(tmp_path)).at == local(9, 29, 16, 30)
    assert due_of(hours("office_hours"), local(9, 30, 13), 4, half_day(tmp_path)).at == local(10, 8, 14, 30)


def test_hours_of_a_date_begin_as_the_office_opens() -> None:
    """A session's day has no hour of its own."""
    due = due_of(hours("office_hours"), date(2024, 9, 26), 4, ground())
    assert (due.since, due.at, due.start_label) == (local(9, 26, 9), local(9, 26, 13), "起算 09:00")


def test_only_office_hours_depend_on_a_notice() -> None:
    """In a year without notice office hours are provisional; hours by the clock are what they are."""
    since = datetime(2031, 2, 3, 16, tzinfo=ZONE)
    assert due_of(hours("office_hours"), since, 4, ground()).provisional
    assert not due_of(hours("hours"), since, 4, ground()).provisional


def test_hours_are_counted_again_from_their_moment(tmp_path: Path) -> None:
    """A half day announced later moves the moment; where the count began, and how that is called, stays."""
    kind, since = hours("office_hours"), local(9, 30, 11)
    first = due_of(kind, since, 4, ground(), start_label="登记")
    assert first.at == local(9, 30, 15)
    deadline = deadline_of(kind, first, 4, since, ground())
    assert moved(deadline, kind, ground()) == deadline
    again = moved(deadline, kind, replace(half_day(tmp_path), mark="two"))
    assert (again.due.at, again.due_at, again.due.since) == (local(10, 8, 12), local(10, 8, 12), since)
    assert (again.due.start_label, again.counted_by) == ("登记 11:00", "two")
    assert again.due.notes == ("自 9月30日 11:00 起 4 办公小时，至 10月8日 12:00",)


def test_a_mail_names_the_moment() -> None:
    """Whoever owes something by the hour reads that hour."""
    notes = due_view(due_of(hours("office_hours"), local(9, 26, 10), 4, ground()))["notes"]
    assert notes == ("自 9月26日 10:00 起 4 办公小时，至 9月26日 14:00",)


# ---------------------------------------------------------------- reminders by the share of the time


def test_reminders_by_share_fall_between_beginning_and_end() -> None:
    """Half and nine tenths of ten hours by the clock; then the ladder, on working mornings."""
    kind = hours("hours", remind_share=(50, 90), ladder=(Rung(after=1, to="head"),))
    since = local(9, 26, 8)
    steps = schedule(kind, due_of(kind, since, 10, ground()), ground())
    assert [(step.at, step.what) for step in steps] == [
        (local(9, 26, 13), "remind"),
        (local(9, 26, 17), "remind"),
        (local(9, 27, 9), "overdue"),
    ]


def test_the_share_of_days_falls_on_a_day_at_its_hour() -> None:
    """Half of the time of a date counted in days may be a night; it is told in the morning, with all that is told that day."""
    kind = Kind(id="x", label="x", since=("assigned",), days=1, until=("verify",), remind_share=(50,))
    due = due_of(kind, local(9, 26, 15), 1, ground())
    assert local(9, 26, 9) + (local(9, 27, 17) - local(9, 26, 9)) / 2 == local(9, 27, 1)
    (step,) = schedule(kind, due, ground())
    assert step.at == local(9, 27, 9)


def test_a_share_that_passed_before_the_beginning_is_not_reminded_of() -> None:
    """Begun in the afternoon, a deadline whose quarter lay in the morning starts with the next reminder."""
    kind = Kind(id="x", label="x", since=("assigned",), days=1, until=("verify",), remind_share=(10, 90))
    at = local(9, 26, 16)
    due = due_of(kind, at, 1, ground())
    deadline = deadline_of(kind, due, 1, at, ground())
    assert (deadline.fired, deadline.next_at) == (1, local(9, 27, 9))


def test_a_share_follows_a_date_that_moves(tmp_path: Path) -> None:
    """Counted again, what is left of the reminders moves along; the one behind stays behind."""
    kind, since = hours("office_hours", remind_share=(25, 75)), local(9, 30, 11)
    first = deadline_of(kind, due_of(kind, since, 4, ground()), 4, since, ground())
    assert first.next_at == local(9, 30, 12)
    taken = replace(first, fired=1, next_at=local(9, 30, 14))
    later = moved(taken, kind, half_day(tmp_path))
    assert (later.fired, later.next_at) == (1, since + (local(10, 8, 12) - since) * 0.75)

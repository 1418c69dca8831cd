"""When something is owed: first contact and verification within five working days (CG-3.4). Knows no calendar file and reads no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from rules.calendar import Calendar
from rules.office import day_zero
from store.model.due import Due

_POLICY = "本区规则包设定"  # where a pack names no article for its date, none is cited


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationRule:
    """The pack's setting for CG-3.4: how many working days, and from when they count.

    `start` is "booking_close" (the close of the booking window into which the arrival falls) or "received" (the day of arrival).
    """

    working_days: int = 5
    start: Literal["booking_close", "received"] = "booking_close"
    booking_window_working_days: int = 10
    booking_opens_at: int = 9  # full hour of the first day
    booking_closes_at: int = 17  # full hour of the last day
    label: str = "初步对接核实"
    basis: str = _POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingWindow:
    """When bookings are taken for one session (三（三）, 附件1), in the district's time zone. `provisional` as in `DayInfo`."""

    opens: datetime
    closes: datetime
    provisional: bool


def booking_window(
    received_at: datetime, *, working_days: int, calendar: Calendar, timezone: str, opens_at: int = 9, closes_at: int = 17
) -> BookingWindow:
    """Return the window that an arrival belongs to: the next one to close, be it open already or not.

    *opens_at* and *closes_at* are full hours. An arrival at the closing hour sharp of the last day is in time, a moment later it belongs to the next month. Raises ValueError where
    *received_at* has no time zone or *working_days* is less than one.
    """
    if working_days < 1:
        raise ValueError("挂号时间至少要有一个工作日")
    local = _local(received_at, timezone)

    def of_month(year: int, month: int) -> BookingWindow:
        days = calendar.last_working_days_of_month(year, month, working_days)
        return BookingWindow(
            opens=datetime.combine(days[0], time(opens_at), local.tzinfo),
            closes=datetime.combine(days[-1], time(closes_at), local.tzinfo),
            provisional=any(calendar.day(day).provisional for day in days),
        )

    window = of_month(local.year, local.month)
    return of_month(local.year + local.month // 12, local.month % 12 + 1) if local > window.closes else window


def verification_due(received_at: datetime, *, settings: VerificationRule, calendar: Calendar, timezone: str) -> Due:
    """Return by when the department must have contacted the enterprise and verified the matter (三（四）).

    *received_at* is aware, *timezone* the district's (an IANA name). Raises ValueError where *received_at* has no time zone.
    """
    start, start_label, doubtful = _day_zero(received_at, settings, calendar, timezone)
    count = calendar.add_working_days(start, settings.working_days)
    provisional = count.provisional or doubtful
    return Due(
        kind="verification",
        label=settings.label,
        basis=settings.basis,
        start=start,
        start_label=start_label,
        due=count.due,
        provisional=provisional,
        days=count.days,
        earliest=count.earliest if provisional else None,
        latest=count.latest if provisional else None,
    )


def _day_zero(received_at: datetime, settings: VerificationRule, calendar: Calendar, timezone: str) -> tuple[date, str, bool]:
    zero = day_zero(received_at, calendar, timezone)
    if settings.start == "received":
        return zero.day, f"来件，{zero.shifted}" if zero.shifted else "来件", False
    # With the pack's shift, what comes after hours comes at the opening of the next working day, for a booking as well.
    opening = datetime.combine(zero.day, calendar.hours.opens, ZoneInfo(timezone))
    window = booking_window(
        opening if zero.shifted else received_at,
        working_days=settings.booking_window_working_days,
        calendar=calendar,
        timezone=timezone,
        opens_at=settings.booking_opens_at,
        closes_at=settings.booking_closes_at,
    )
    return window.closes.date(), f"挂号截止，{zero.shifted}" if zero.shifted else "挂号截止", window.provisional


def _local(moment: datetime, timezone: str) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("来件时间没有时区")
    return moment.astimezone(ZoneInfo(timezone))

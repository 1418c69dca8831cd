"""Says in the log that the State Council's notice of the year to come is missing, while there is time to get it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from rules.calendar_watch import missing_notice

if TYPE_CHECKING:
    from daemon.review import Office

log = structlog.get_logger()


def report_calendar(room: Office, now: datetime) -> None:
    """Log, once for each call (the clock calls it daily), a warning from 1 November on, an error from 15 December, nothing where the notice is there."""
    district = room.rulebook.district
    concern = missing_notice(room.calendar, now.astimezone(ZoneInfo(district.timezone)).date())
    if concern and concern.is_alarm:
        log.error("calendar.missing", district=district.id, year=concern.year)
    elif concern:
        log.warning("calendar.missing", district=district.id, year=concern.year)

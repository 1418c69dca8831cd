"""A session with what its letters tell of it: when it is booked by the pack, where it sits, what goes with its mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from notifier.session_letters import SessionLetters, Sitting
from rules.sessions import SessionRule, notice_at, window_of

if TYPE_CHECKING:
    from daemon.review import Office
    from store.bookings import Placed
    from store.model.notice import Notice
    from store.owing import Subject


def sitting_of(room: Office, rule: SessionRule, subject: Subject) -> Sitting:
    """Return a session as its letters tell of it."""
    settings, district = room.rulebook.settings, room.rulebook.district
    window = window_of(subject.key, subject.day, rule, settings.verification, room.calendar, district.timezone)
    return Sitting(
        subject=subject,
        opens=window.opens,
        closes=window.closes,
        hours=rule.hours,
        place=rule.place,
        drafted=notice_at(window.opens, rule, room.calendar),
        early_minutes=rule.early_minutes,
        forms=rule.forms,
        mailbox=room.composer.recipients.mailbox,
        draft=next((form for file in rule.forms.get("notice", ()) if (form := room.rulebook.forms.get(file.rpartition(".")[0]))), None),
    )


def booked_since(room: Office, rule: SessionRule, first: Subject) -> datetime:
    """Return after which moment a case must have come to be booked at all: `rule.since`, else the close of the booking before that of the *first* session.

    Whoever came before had asked for no place, and its matter is under way: the day on which a district begins with sessions would call all of
    them in (docs/adr/0033).
    """
    settings, district = room.rulebook.settings, room.rulebook.district
    if rule.since is not None:
        return datetime.combine(rule.since, time.min, ZoneInfo(district.timezone)) - timedelta(microseconds=1)
    before = first.day.replace(day=1) - timedelta(days=1)
    return window_of("", before, rule, settings.verification, room.calendar, district.timezone).closes


def compose_step(
    letters: SessionLetters, event: str, sitting: Sitting, name: str, subject: Subject, placed: Sequence[Placed]
) -> Sequence[Notice]:
    """Return the letters of the step called *name*; *subject* and *placed* are as the transaction that takes the step finds them."""
    return letters.to_offices(event, replace(sitting, subject=subject), placed, name)

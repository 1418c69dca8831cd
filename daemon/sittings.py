"""A session with what its letters tell of it: when it is booked by the pack, where it sits, what goes with its mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

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


def compose_step(
    letters: SessionLetters, event: str, sitting: Sitting, name: str, subject: Subject, placed: Sequence[Placed]
) -> Sequence[Notice]:
    """Return the letters of the step called *name*; *subject* and *placed* are as the transaction that takes the step finds them."""
    return letters.to_offices(event, replace(sitting, subject=subject), placed, name)

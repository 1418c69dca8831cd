"""An enterprise gives up its place in a session by answering our mail: the place alone goes, its matter goes on (三（五）)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.sittings import sitting_of
from notifier.dates import plain_date
from notifier.session_letters import SessionLetters
from store.bookings import Leave
from store.errors import UsageError
from store.life import Role
from store.model.case import Case
from store.model.notice import Notice
from store.owing import SubjectState

if TYPE_CHECKING:
    from daemon.reply_acts import Acting
    from store.bookings import Bookings
    from store.model.reply import Command

_LONGEST_REASON = 200  # characters, as of a cancellation by a person


async def give_up(acting: Acting, bookings: Bookings, command: Command) -> None:
    """Let the drafted case leave the session in which it has a place. Raises UsageError where it has none, or where its writer has no say in it."""
    office, now = acting.office, acting.moment
    if acting.author.role is Role.DEPARTMENT:
        coordinator = office.rulebook.district.coordinator
        raise UsageError(f"挂号由企业自己取消；企业来电说不能到场的，请告知{coordinator}登记")
    found, rule = await bookings.place_of(acting.draft.case.id), office.rulebook.settings.sessions
    if found is None or rule is None:
        raise UsageError("这件现在没有挂号，不必取消")
    booking, subject = found
    if subject.state is SubjectState.ENDED or subject.day < office.planner.day(now):
        raise UsageError(f"{subject.key}已于{plain_date(subject.day)}举行，不必取消")
    sitting = sitting_of(office, rule, subject)
    letters = SessionLetters(office.composer, office.rulebook.district, now)

    def compose(case: Case) -> list[Notice]:
        return letters.to_enterprise("cancelled", sitting, booking, case, 0, f"cancelled {subject.key}")

    reason = " ".join((command.text or command.span.text).split())[:_LONGEST_REASON]
    acting.draft.leave(Leave(subject_id=subject.id, by=acting.author.name, reason=f"回信取消：{reason}", at=now, compose=compose))

"""Each step of each session as planned beside as sent, and what enterprises with a place in it were to hear: as `daemon.drill.ledger` does for dates.

Planned is counted again here, from the days of a session as its history has them; sent is what the outbox holds about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from daemon.drill.tallies import KindTally, Line, Named
from daemon.pipeline import DistrictRoom
from daemon.wiring import House
from rules.deadline_plan import after_quiet
from rules.sessions import SessionRule, call_up_at, notice_at, window_of
from store.model.case import Event
from store.model.notice import Purpose, QueuedNotice
from store.owing import Subject, SubjectSort

_MOMENT = timedelta(seconds=1)
_BOOKED, _CALLED = "booked", "called"
_KINDS = (
    Named(id="session.notice", label="场次：通告拟稿"),
    Named(id="session.service_list", label="场次：服务事项清单"),
    Named(id="session.call_list", label="场次：叫号名单"),
    Named(id="session.booked", label="场次：告知企业挂号"),
    Named(id="session.called", label="场次：提醒企业到场"),
)
_ENDS = {"subject.ended", "subject.cancelled"}
_DATED = {"subject.announced", "subject.planned"}
_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spell:
    """A session while it stood on one day: since when that was known, and until when it was so."""

    subject: Subject
    day: date
    since: datetime
    until: datetime


async def session_tallies(house: House, sent: Sequence[QueuedNotice], end: datetime) -> list[KindTally]:
    """Return what was planned and sent of the sessions up to *end*; nothing for a district that does not book."""
    ((district, room),) = house.rooms.items()
    rule = room.rulebook.settings.sessions
    if rule is None:
        return []
    lines: list[Line] = []
    subjects = await house.stores.subjects.list(district, sort=SubjectSort.SESSION, limit=_MOST)
    for subject in reversed(subjects):
        history = await house.stores.subjects.history(subject.id)
        own = [queued for queued in sent if queued.case_number == subject.key and queued.notice.purpose is Purpose.SESSION]
        for spell in _spells(subject, history, end):
            lines += _steps(room, rule, spell, own)
        lines += _words(subject, history, sent)
    return [_tally(kind, [line for line in lines if line.kind == kind.id], len(subjects)) for kind in _KINDS]


def _tally(kind: Named, lines: Sequence[Line], sessions: int) -> KindTally:
    return KindTally(kind=kind, deadlines=sessions, lines=sorted(lines, key=lambda line: line.planned), extra=0)


def _spells(subject: Subject, history: Sequence[Event], end: datetime) -> Iterator[_Spell]:
    """Yield the days on which a session stood, each with the time during which it did."""
    turns = [event for event in history if event.kind in _DATED | _ENDS]
    for event, following in zip(turns, [*turns[1:], None], strict=True):
        if event.kind in _DATED and not event.data.get("until"):
            until = following.at if following else end
            yield _Spell(subject=subject, day=date.fromisoformat(str(event.data["day"])), since=event.at, until=until)


def _steps(room: DistrictRoom, rule: SessionRule, spell: _Spell, own: Sequence[QueuedNotice]) -> Iterator[Line]:
    calendar, zone = room.calendar, room.rulebook.district.timezone
    window = window_of(spell.subject.key, spell.day, rule, room.rulebook.settings.verification, calendar, zone)
    moments = {
        "notice": notice_at(window.opens, rule, calendar),
        "service_list": window.closes + _MOMENT,
        "call_list": call_up_at(spell.day, rule, calendar, zone),
    }
    for step, moment in moments.items():
        planned = after_quiet(max(moment, spell.since), calendar, zone)
        has_sense = planned < window.closes if step == "notice" else room.planner.day(planned) <= spell.day
        mails = [queued for queued in own if queued.notice.round.startswith(f"{step} {spell.day}")]
        if mails or (has_sense and planned < spell.until):
            yield _line(step, spell.subject.key, spell.day, planned, mails)


def _words(subject: Subject, history: Sequence[Event], sent: Sequence[QueuedNotice]) -> Iterator[Line]:
    """Yield what each enterprise with a mail address was to hear: its place when it got it, and the call where it still had it."""
    heard = {queued.case_number for queued in sent if queued.notice.purpose is Purpose.ACKNOWLEDGE}
    words = [queued for queued in sent if queued.notice.purpose is Purpose.BOOKING]
    freed = {str(event.data["case"]): event.at for event in history if event.kind == "subject.freed"}
    called = [event.at for event in history if event.kind == "subject.step" and str(event.data["step"]).startswith("call_list ")]
    for event in history:
        case = str(event.data.get("case", ""))
        if event.kind != "subject.booked" or case not in heard:
            continue
        moments: Mapping[str, Sequence[datetime]] = {
            _BOOKED: [event.at],
            _CALLED: [at for at in called if event.at <= at < freed.get(case, at + _MOMENT)],
        }
        for word, planned in moments.items():
            for at in planned:
                mails = [
                    one
                    for one in words
                    if one.case_number == case and one.notice.round.startswith(f"{word} {subject.key}") and one.created_at == at
                ]
                yield _line(word, f"{subject.key} {case}", subject.day, at, mails)


def _line(kind: str, about: str, day: date, planned: datetime, mails: Sequence[QueuedNotice]) -> Line:
    taken = min((mail.created_at for mail in mails), default=None)
    return Line(kind=f"session.{kind}", about=about, due=day, what=kind, to="", planned=planned, taken=taken, mails=mails)

"""What a drill sent, day by day, and each step of each deadline as planned beside as sent: the proof that nothing was missed or doubled.

The plan is counted again here, from each deadline's date by its kind; what was sent is read from the mails themselves, which name the
case (or session, activity, period) and the deadline they speak of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from daemon.drill.session_ledger import session_tallies
from daemon.drill.tallies import KindTally, Line, Named
from daemon.wiring import House
from rules.deadline_kinds import Kind
from rules.deadline_plan import Ground, Step, schedule
from store.drills import Drills, Run, Taken
from store.model.notice import NoticeState, Purpose, QueuedNotice

_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a drill sent (oldest first), and how that stands to what was planned."""

    sent: Sequence[QueuedNotice]
    unsent: Sequence[QueuedNotice]
    kinds: Sequence[KindTally]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was missed and nothing doubled."""
        return not any(tally.missed or tally.doubled for tally in self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What is to be held against each other. `reminders` are the mails by the moment they were written, `numbers` finds what they are about."""

    taken: Sequence[Taken]
    reminders: Mapping[datetime, Sequence[QueuedNotice]]
    numbers: re.Pattern[str]
    ground: Ground
    end: datetime


async def ledger_of(house: House, end: datetime) -> Ledger:
    """Return the ledger of a drill that went to *end*."""
    (room,) = house.rooms.values()
    drills = Drills(house.stores.database)
    runs = await drills.runs()
    listed = sorted(await house.stores.outbox.list(limit=_MOST), key=lambda queued: (queued.created_at, queued.id))
    sent = [queued for queued in listed if queued.state is NoticeState.SENT]
    evidence = _Evidence(
        taken=await drills.taken(),
        reminders=_by_moment(sent),
        numbers=_finding({run.about for run in runs}),
        ground=room.planner.ground,
        end=end,
    )
    tallies = [_tally(kind, [run for run in runs if run.kind == kind.id], evidence) for kind in evidence.ground.kinds.by_id.values()]
    return Ledger(
        sent=sent,
        unsent=[queued for queued in listed if queued.state is not NoticeState.SENT],
        kinds=[*tallies, *await session_tallies(house, sent, end)],
    )


def _finding(numbers: Collection[str]) -> re.Pattern[str]:
    """Return what finds any of *numbers* in a mail; of two that begin alike the longer one."""
    return re.compile(f"({'|'.join(map(re.escape, sorted(numbers, key=len, reverse=True))) or '$.'})")


def _by_moment(sent: Sequence[QueuedNotice]) -> Mapping[datetime, Sequence[QueuedNotice]]:
    reminders: dict[datetime, list[QueuedNotice]] = {}
    for queued in sent:
        if queued.notice.purpose is Purpose.REMINDER:
            reminders.setdefault(queued.created_at, []).append(queued)
    return reminders


def _tally(kind: Kind, runs: Sequence[Run], evidence: _Evidence) -> KindTally:
    lines = [line for run in runs for line in _lines(kind, run, evidence)]
    named = Named(id=kind.id, label=kind.label, basis=kind.basis)
    return KindTally(
        kind=named, deadlines=len(runs), lines=sorted(lines, key=lambda line: line.planned), extra=_extra(kind, evidence.taken)
    )


def _lines(kind: Kind, run: Run, evidence: _Evidence) -> Iterator[Line]:
    """Yield the steps of one deadline: those taken, and those that should have been."""
    own = [one for one in evidence.taken if one.data["deadline"] == run.id]
    yield from (_taken_line(kind, run, one, evidence) for one in own)
    yield from (_missed_line(run, step) for step in _missed(run, schedule(kind, run.due, evidence.ground), own, evidence))


def _extra(kind: Kind, taken: Sequence[Taken]) -> int:
    """Return how many steps of *kind* were taken more than once."""
    steps = [(one.data["deadline"], one.data["step"]) for one in taken if one.data["kind"] == kind.id]
    return len(steps) - len(set(steps))


def _taken_line(kind: Kind, run: Run, one: Taken, evidence: _Evidence) -> Line:
    written = evidence.reminders.get(one.at, ())
    mails = [mail for mail in written if _speaks_of(mail.notice.text, run.about, kind.label, evidence.numbers)]
    return Line(
        kind=run.kind,
        about=run.about,
        due=run.due.due,
        what=str(one.data["what"]),
        to=str(one.data["to"]),
        planned=datetime.fromisoformat(str(one.data["planned"])),
        taken=one.at,
        mails=mails,
    )


def _speaks_of(text: str, about: str, label: str, numbers: re.Pattern[str]) -> bool:
    """Say whether a mail names *label* behind *about* (a case's number, the name of a session …) and before the next of these."""
    pieces = numbers.split(text)
    return any(number == about and label in said for number, said in zip(pieces[1::2], pieces[2::2], strict=True))


def _missed(run: Run, steps: Sequence[Step], own: Sequence[Taken], evidence: _Evidence) -> Iterator[Step]:
    """Yield the steps of *run* that were planned for a moment at which it still ran, and not taken."""
    until = min(run.ended_at or evidence.end, _paused(run, evidence.ground) or evidence.end)
    yield from (step for step in steps[run.fired :] if step.at < until)
    for one in own:  # the newest of several is taken after a standstill; the others were planned all the same
        number, missed = one.data["step"], one.data["missed"]
        if isinstance(number, int) and isinstance(missed, int):
            yield from steps[number - 1 - missed : number - 1]


def _paused(run: Run, ground: Ground) -> datetime | None:
    return datetime.combine(date.fromisoformat(run.paused_on), time(), ZoneInfo(ground.timezone)) if run.paused_on else None


def _missed_line(run: Run, step: Step) -> Line:
    return Line(kind=run.kind, about=run.about, due=run.due.due, what=step.what, to=step.to, planned=step.at, taken=None, mails=())

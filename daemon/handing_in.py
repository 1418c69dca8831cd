"""What one mail of an office comes to: what of the owed it ticks off, which days it tells of, what a person must look at, and what is answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from notifier.plain import line
from notifier.return_letters import Counted, Item, Receipt
from rules.deadline_kinds import Kind
from rules.returns import Found, Handed, Owed, find, kinds_in
from rules.visit_logs import Visit, logged
from store.model.arrival import StoredArrival
from store.model.decision import Decision, Verdict, without_rules
from store.model.petition import Reading
from store.owing import Happening, Subject, SubjectSort
from store.returning import RETURN_TOPIC

_TITLE = 60  # signs of an entry that name a visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail under work: what it hands in, for which offices its writer may speak (ids, "" for the coordinator), and why not where for none."""

    arrival: StoredArrival
    reading: Reading
    handed: Handed
    owners: tuple[str, ...]
    doubt: str
    heeds: bool  # says that a reminder was heard, and hands in nothing
    today: date

    @property
    def sender(self) -> str:
        """The address in From, "" where there is none."""
        letter = self.reading.petition.letter
        return letter.sender.address if letter.sender else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a mail comes to."""

    found: Found = field(default_factory=Found)
    visits: tuple[tuple[Kind, Owed, Visit], ...] = ()
    left_out: tuple[str, ...] = ()  # of a log that tells of other days, what counts for nothing: told, and nobody need look
    heeded: tuple[Owed, ...] = ()

    @property
    def has_something(self) -> bool:
        """Whether anything of it was known, now or before."""
        return bool(self.found.matched or self.found.already or self.visits)


def named_in(lines: frozenset[str], owed: Sequence[Owed]) -> frozenset[str]:
    """Return the keys of what is owed that stand in *lines*, those of the mail that is answered."""
    return frozenset(one.subject.key for one in owed if any(one.subject.key in words for words in lines))


def result_of(mail: Mail, owed: Sequence[Owed], kinds: Sequence[Kind]) -> Result:
    """Return what *mail* comes to by what its offices owe, and owed, of *kinds*."""
    if not mail.owners:
        return Result(found=Found(doubts=(mail.doubt,) if mail.doubt else ()))
    if mail.heeds:
        return Result(heeded=tuple(one for one in owed if one.runs and one.subject.key in mail.handed.answers))
    logs, others = [kind for kind in kinds if kind.counts], [kind for kind in kinds if not kind.counts]
    mentioned = kinds_in(mail.handed, kinds)
    visits, left = list[tuple[Kind, Owed, Visit]](), list[str]()
    for kind in (kind for kind in logs if kind.id in mentioned):
        of_kind, of_others = _visits(mail, kind, owed)
        visits += of_kind
        left += of_others
    found = Found() if mentioned and mentioned.keys() <= {kind.id for kind in logs} else find(mail.handed, owed, others, mail.today)
    if left and not visits:
        found, left = replace(found, doubts=(*found.doubts, *left)), []
    return Result(found=found, visits=tuple(visits), left_out=tuple(left))


def _visits(mail: Mail, kind: Kind, owed: Sequence[Owed]) -> tuple[list[tuple[Kind, Owed, Visit]], list[str]]:
    """Return the days of a log, each with the period it counts towards, and why others count for nothing."""
    days, doubts = logged(mail.handed, kind, mail.today)
    found: list[tuple[Kind, Owed, Visit]] = []
    for visit in days:
        period = next((one for one in owed if one.kind.id == kind.id and one.subject.day <= visit.day <= one.subject.until), None)
        if period is None:
            doubts.append(f"{visit.day} 不在本单位在计的“{kind.label}”各期里")
        else:
            found.append((kind, period, visit))
    if not days and not doubts:
        doubts.append(f"像是“{kind.label}”的记录，但没有看出哪一天")
    return found, doubts


def happenings_of(result: Result, name: str) -> list[Happening]:
    """Return what happens by the word of the office called *name*, in an order that all services keep: each locks what it touches."""
    happenings = [Happening(event="heeded", key=key) for key in {one.subject.key for one in result.heeded}]
    happenings += [Happening(event="received", key=one.owed.subject.key, kind=one.owed.kind.id) for one in result.found.matched]
    for kind, period, visit in result.visits:
        words = line(visit.words, _TITLE)
        happenings.append(
            Happening(
                event="ended",
                key=f"{visit.day} {name} {words}",
                day=visit.day,
                sort=SubjectSort.ACTIVITY,
                of=kind.counts[0],
                title=words,
                department=period.subject.department,
            )
        )
    return sorted(happenings, key=lambda one: (one.key, one.kind))


def evidence_of(mail: Mail, result: Result) -> str:
    """Return on what ground it is noted: the arrival, and the words by which it was known."""
    words = dict.fromkeys(word for one in result.found.matched for word in one.words)
    return f"来件 A-{mail.arrival.id}" + (f"，据其中的{''.join(f'“{word}”' for word in words)}" if words else "")


def first_of(result: Result, owed: Sequence[Owed]) -> Subject | None:
    """Return at what the letters about it are kept: what it speaks of first, else what is owed; None where nothing ever was."""
    found = result.found
    named = [*(one.owed for one in found.matched), *(period for _, period, _ in result.visits), *found.already]
    return next((one.subject for one in (*named, *(one for one in owed if one.runs), *owed)), None)


def receipt_of(mail: Mail, result: Result, owed: Sequence[Owed]) -> Receipt:
    """Return what is answered: what came and what did not, the days counted, and what is still owed."""
    found = result.found
    ticked = {(one.owed.subject.key, one.owed.kind.id) for one in found.matched}
    after: dict[str, Counted] = {}
    days: dict[str, set[date]] = {}
    for kind, period, visit in result.visits:
        key = period.subject.key
        days.setdefault(key, set(period.subject.done)).add(visit.day)
        after[key] = Counted(key=key, done=len(days[key]), times=kind.times)
    enough = {key for key, counted in after.items() if counted.done >= counted.times}
    left = [one for one in owed if one.runs and (one.subject.key, one.kind.id) not in ticked and one.subject.key not in enough]
    return Receipt(
        arrival=mail.arrival.id,
        title=mail.reading.petition.letter.subject,
        received=[Item(key=_called(one.owed), words=one.words, lacks=one.lacks) for one in found.matched],
        already=[_called(one) for one in found.already],
        visits=[(visit.day, visit.words) for _, _, visit in result.visits],
        counted=list(after.values()),
        doubts=(*found.doubts, *result.left_out),
        owed=[(_called(one), one.due) for one in sorted(left, key=lambda one: one.due)],
        candidates=[(one.subject.key, one.kind.id) for one in left if not one.kind.counts],
    )


def _called(one: Owed) -> str:
    """Return what people call it: a period by its key, which names its kind, an activity with the kind."""
    return one.subject.key if one.subject.sort is SubjectSort.PERIOD else f"{one.subject.key}　{one.kind.label}"


def decision_of(result: Result, rulebook: str) -> Decision:
    """Return the decision that stands for a return: no case, and a person's to look at where something of it was not clear."""
    return without_rules(Verdict.NOT_A_CASE, RETURN_TOPIC, rulebook, review=result.found.doubts)

"""Decides a whole history again by another pack: child processes read the database themselves, each a stretch of arrivals at a time.

The parent hands out ids and adds up summaries, so that memory does not grow with the history. Petitions that nothing of what differs
between the packs can reach (`rules.workbench.reach`) are counted as unchanged without being decided. The plain evaluator decides; a share
of all petitions is decided by durable-rules as well and must come out the same, and of those not decided, by both packs alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.past import Ids, Reader, Span, count, stretches
from rules.decide import decide
from rules.engine import Engine
from rules.reference import Reference
from rules.rulebook import RuleBook
from rules.workbench.backtest import Change, Summary, kinds_of, outcome_in_words, rules_of, traces
from rules.workbench.pool import Files, Kit, run
from rules.workbench.reach import Beside, Marks, Reach
from store.errors import MalformedMessageError
from store.history import Past, Recorded
from store.model.decision import Compared, Decision
from store.model.matching import Candidate

_MARKS_KEPT = 20_000  # earlier cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be rehearsed. Of every `recheck` petitions one is decided by durable-rules too, none where that is 0.

    `recorded`: compare with what was recorded whatever pack it was made with, instead of deciding again by the old pack. `every`: decide
    each petition, also where nothing that differs can reach it.
    """

    span: Span
    old: Files
    old_digest: str
    new: Files
    recorded: bool
    recheck: int
    every: bool = False
    processes: int = 0


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some arrivals for a child, and what is asked."""

    ids: Ids
    asked: Asked


def backtest(asked: Asked, progress: Callable[[int, int], None]) -> Summary:
    """Return what the new pack would have decided otherwise; *progress* is told how many petitions of how many are done."""
    whole = Summary()
    total = count(asked.span)
    progress(0, total)
    parts = ([_Stretch(ids, asked)] for ids in stretches(asked.span))
    for part in run([asked.old, asked.new], _decide_again, parts, processes=asked.processes):
        whole.add(part)
        progress(whole.total + len(whole.failed), total)
    return whole


# ---------------------------------------------------------------- in the child


class _Desk:
    """What a child keeps from one stretch to the next: the database, what differs between the packs, and the evaluators."""

    def __init__(self, kit: Kit, asked: Asked) -> None:
        self.asked = asked
        self.reader = Reader.of_child(kit, asked.span.store)
        self.old, self.new = kit.books
        self._calendar = kit.calendar
        self._reach = Reach(self.old, self.new)
        self._answers = {id(book): Reference(book.stages) for book in kit.books}
        self._engine = Engine(self.new) if asked.recheck else None
        self._marks: dict[int, Marks] = {}  # of earlier cases

    @classmethod
    def of_child(cls, kit: Kit, asked: Asked) -> _Desk:
        desk = kit.held.get("desk")
        if not isinstance(desk, cls):
            desk = kit.held["desk"] = cls(kit, asked)
        return desk

    def is_recorded(self, one: Recorded) -> bool:
        """Tell whether what was recorded is what to compare with; what the old pack itself decided need not be decided by it again."""
        return self.asked.recorded or one.rulebook == self.asked.old_digest

    def is_sampled(self, one: Recorded) -> bool:
        return bool(self.asked.recheck) and one.arrival_id % self.asked.recheck == 0

    def before(self, past: Past) -> Decision:
        return past.recorded.decision if self.is_recorded(past.recorded) else self.decide(past, self.old)

    def decide(self, past: Past, book: RuleBook, *, near_misses: bool = False) -> Decision:
        """Decide by the plain evaluator; near misses, a fifth of the work, are wanted only where two decisions are shown."""
        return self._decide(past, book, self._answers[id(book)], near_misses=near_misses)

    def decide_by_engine(self, past: Past) -> Decision | None:
        return None if self._engine is None or self._engine.degraded else self._decide(past, self.new, self._engine)

    def _decide(self, past: Past, book: RuleBook, answers: Reference | Engine, *, near_misses: bool = False) -> Decision:
        return decide(
            past.recorded.petition,
            past.candidates,
            rulebook=book,
            calendar=self._calendar,
            infer=answers.infer,
            now=past.recorded.received_at,
            engine="",
            near_misses=near_misses,
        )

    def out_of_reach(self, some: Sequence[Recorded]) -> set[int]:
        """Return those arrivals which the old pack decided, beside the cases named there, and on which the new one is proven to agree."""
        if self.asked.every or self._reach.everything:
            return set()
        ours = [one for one in some if one.rulebook == self.asked.old_digest and all(seen.record_id is None for seen in one.compared)]
        marks = self._marks_of({seen.case_id for one in ours for seen in one.compared if seen.case_id is not None})
        return {
            one.arrival_id
            for one in ours
            if not self._reach.may_touch(one.petition, [_beside(seen, marks) for seen in one.compared], one.received_at)
        }

    def beside_candidates(self, some: Sequence[Recorded]) -> list[Past]:
        """Return *some* with their earlier cases: where the old pack decided those it saw then, else as they are found today."""
        ours = [one for one in some if one.rulebook == self.asked.old_digest]
        others = [one for one in some if one.rulebook != self.asked.old_digest]
        found = [*self.reader.as_seen(ours), *self.reader.with_candidates(self.new, others)]
        return sorted(found, key=lambda past: past.recorded.arrival_id)

    def agree(self, past: Past) -> bool:
        """Tell whether the packs are proven to agree on a petition, beside the earlier cases as they are found today."""
        if self._reach.everything:
            return False
        self._forget_marks()
        earlier = [Beside(marks=self._marks_at(candidate), keys=candidate.keys) for candidate in past.candidates]
        return not self._reach.may_touch(past.recorded.petition, earlier, past.recorded.received_at)

    def _marks_at(self, candidate: Candidate) -> Marks:
        if candidate.case_id is None:
            return self._reach.marks(candidate.title, candidate.content)
        if candidate.case_id not in self._marks:
            self._marks[candidate.case_id] = self._reach.marks(candidate.title, candidate.content)
        return self._marks[candidate.case_id]

    def _marks_of(self, cases: set[int]) -> Mapping[int, Marks]:
        """Return the marks of *cases*; those of the last ones asked for are kept, since a case is compared with many that follow."""
        self._forget_marks()
        for case_id, (title, content) in self.reader.words(cases - self._marks.keys()).items():
            self._marks[case_id] = self._reach.marks(title, content)
        return self._marks

    def _forget_marks(self) -> None:
        """Keep memory bounded however long the history is."""
        if len(self._marks) > _MARKS_KEPT:
            self._marks.clear()


def _beside(seen: Compared, marks: Mapping[int, Marks]) -> Beside:
    return Beside(
        marks=marks.get(seen.case_id or 0, frozenset()), keys=seen.keys, days=seen.days, enterprise=seen.enterprise, details=seen.details
    )


def _decide_again(kit: Kit, chunk: list[_Stretch]) -> Summary:
    """Decide one stretch by both packs, as far as needed, and return what differs."""
    (stretch,) = chunk
    desk = _Desk.of_child(kit, stretch.asked)
    summary = Summary()
    some = desk.reader.recorded(stretch.ids)
    unreached = desk.out_of_reach(some)
    looked_at = [one for one in some if one.arrival_id not in unreached or desk.is_sampled(one)]
    summary.total += len(some) - len(looked_at)
    for past in desk.beside_candidates(looked_at):
        try:
            _look_at(past, desk, summary, is_unreached=past.recorded.arrival_id in unreached)
        except MalformedMessageError as error:
            summary.failed.append(f"来件 {past.recorded.arrival_id}：{error}")
    return summary


def _look_at(past: Past, desk: _Desk, summary: Summary, *, is_unreached: bool) -> None:
    """Decide one petition by both packs, unless they are proven to agree; of those, a share nevertheless, to see whether they do."""
    one = past.recorded
    agreed = is_unreached or (not desk.asked.every and not desk.is_recorded(one) and desk.agree(past))
    if agreed and not desk.is_sampled(one):
        summary.count(None)
        return
    after = desk.decide(past, desk.new)
    if agreed:
        summary.count(None)
        if desk.agree(past) and kinds_of(desk.decide(past, desk.old), after):
            summary.unlike.append(f"来件 {one.arrival_id}：推断新旧规则包判断相同，逐件判断却不同")
    else:
        before = desk.before(past)
        summary.count(_change(past, before, desk) if kinds_of(before, after) else None)
    if desk.is_sampled(one):
        _recheck(past, after, desk, summary)


def _recheck(past: Past, after: Decision, desk: _Desk, summary: Summary) -> None:
    again = desk.decide_by_engine(past)
    if again is None:
        return
    summary.rechecked += 1
    if again != replace(after, engine=again.engine):
        summary.unlike.append(f"来件 {past.recorded.arrival_id}：durable-rules 与内置判断不同")


def _change(past: Past, before: Decision, desk: _Desk) -> Change:
    """Return how two decisions differ, both decided once more for what nearly fired where that was left out."""
    one = past.recorded
    after = desk.decide(past, desk.new, near_misses=True)
    before = before if desk.is_recorded(one) else desk.decide(past, desk.old, near_misses=True)
    trace_before, trace_after = traces(before, after, desk.old, desk.new)
    return Change(
        arrival_id=one.arrival_id,
        number=one.number,
        received_at=one.received_at,
        title=one.petition.title or one.petition.content[:40],
        kinds=kinds_of(before, after),
        before=outcome_in_words(before, desk.old),
        after=outcome_in_words(after, desk.new),
        came=tuple(sorted(rules_of(after) - rules_of(before))),
        went=tuple(sorted(rules_of(before) - rules_of(after))),
        trace_before=trace_before,
        trace_after=trace_after,
    )

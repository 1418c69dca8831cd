"""Decides a whole history again by another pack: child processes read the database themselves, each a stretch of arrivals at a time.

The parent hands out ids and adds up summaries, so that memory does not grow with the history. The plain evaluator decides; a share of
the petitions is decided by durable-rules as well and must come out the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from daemon.past import Ids, Reader, Span, count, stretches
from rules.decide import decide
from rules.engine import Engine
from rules.reference import Reference
from rules.rulebook import RuleBook
from rules.workbench.backtest import Change, Summary, kinds_of, outcome_in_words, rules_of, traces
from rules.workbench.pool import Files, Kit, run
from store.errors import MalformedMessageError
from store.history import Past
from store.model.decision import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be rehearsed. Of every `recheck` petitions one is decided by durable-rules too, none where that is 0.

    `recorded`: compare with what was recorded whatever pack it was made with, instead of deciding again by the old pack.
    """

    span: Span
    old: Files
    old_digest: str
    new: Files
    recorded: bool
    recheck: int
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
    """What a child keeps from one stretch to the next: the database and the engines."""

    def __init__(self, kit: Kit, asked: Asked) -> None:
        self.reader = Reader.of_child(kit, asked.span.store)
        self.old, self.new = kit.books
        self.calendar = kit.calendar
        self.answers = {id(book): Reference(book.stages) for book in kit.books}
        self.engine = Engine(self.new) if asked.recheck else None

    def decide(self, past: Past, book: RuleBook, *, near_misses: bool = False) -> Decision:
        """Decide by the plain evaluator; near misses, a fifth of the work, are wanted only where two decisions are shown."""
        return self._decide(past, book, self.answers[id(book)], near_misses=near_misses)

    def decide_by_engine(self, past: Past) -> Decision | None:
        return None if self.engine is None or self.engine.degraded else self._decide(past, self.new, self.engine)

    def _decide(self, past: Past, book: RuleBook, answers: Reference | Engine, *, near_misses: bool = False) -> Decision:
        return decide(
            past.petition,
            past.candidates,
            rulebook=book,
            calendar=self.calendar,
            infer=answers.infer,
            now=past.received_at,
            engine="",
            near_misses=near_misses,
        )


def _decide_again(kit: Kit, chunk: list[_Stretch]) -> Summary:
    """Decide one stretch by both packs, as far as needed, and return what differs."""
    (stretch,) = chunk
    asked = stretch.asked
    desk = kit.held.get("desk")
    if not isinstance(desk, _Desk):
        desk = kit.held["desk"] = _Desk(kit, asked)
    summary = Summary()
    for past in desk.reader.load(desk.new, stretch.ids):
        try:
            after = desk.decide(past, desk.new)
            before = past.decision if _is_recorded(past, asked) else desk.decide(past, desk.old)
        except MalformedMessageError as error:
            summary.failed.append(f"来件 {past.arrival_id}：{error}")
            continue
        summary.count(_change(past, before, desk, asked) if kinds_of(before, after) else None)
        if asked.recheck and past.arrival_id % asked.recheck == 0:
            _recheck(past, after, desk, summary)
    return summary


def _recheck(past: Past, after: Decision, desk: _Desk, summary: Summary) -> None:
    again = desk.decide_by_engine(past)
    if again is None:
        return
    summary.rechecked += 1
    if again != replace(after, engine=again.engine):
        summary.unlike.append(f"来件 {past.arrival_id}：durable-rules 与内置判断不同")


def _is_recorded(past: Past, asked: Asked) -> bool:
    """Tell whether what was recorded is what to compare with; what the old pack itself decided need not be decided by it again."""
    return asked.recorded or past.decision.rulebook == asked.old_digest


def _change(past: Past, before: Decision, desk: _Desk, asked: Asked) -> Change:
    """Return how two decisions differ, both decided once more for what nearly fired where that was left out."""
    after = desk.decide(past, desk.new, near_misses=True)
    before = before if _is_recorded(past, asked) else desk.decide(past, desk.old, near_misses=True)
    trace_before, trace_after = traces(before, after, desk.old, desk.new)
    return Change(
        arrival_id=past.arrival_id,
        number=past.number,
        received_at=past.received_at,
        title=past.petition.title or past.petition.content[:40],
        kinds=kinds_of(before, after),
        before=outcome_in_words(before, desk.old),
        after=outcome_in_words(after, desk.new),
        came=tuple(sorted(rules_of(after) - rules_of(before))),
        went=tuple(sorted(rules_of(before) - rules_of(after))),
        trace_before=trace_before,
        trace_after=trace_after,
    )

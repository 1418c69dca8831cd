"""What the past of a district says of a pack: in how many petitions each word list occurs, and which rules and branches ever mattered.

Child processes read the database themselves and hand back counts alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from daemon.past import Ids, Reader, Span, count, stretches
from rules.decide import decide
from rules.facts import facts_from
from rules.rulebook import RuleBook
from rules.workbench.coverage import Seen, Watch
from rules.workbench.lint import History
from rules.workbench.pool import Kit, run
from store.errors import UsageError

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some arrivals for a child, and of which past."""

    ids: Ids
    span: Span


def occurrence(book: RuleBook, span: Span, progress: Progress, *, processes: int = 0) -> History:
    """Return in how many petitions of *span* the lists of *book* occur; UsageError where it has none."""
    total, done = _begin(span, progress), 0
    found: Counter[str] = Counter()
    for petitions, lists in run([(book.district.id, book.files)], _lists_in, _parts(span), processes=processes):
        found.update(lists)
        done += petitions
        progress(done, total)
    return History(total=done, found=found)


def watched(book: RuleBook, span: Span, progress: Progress, *, processes: int = 0) -> tuple[int, Seen]:
    """Decide *span* again by *book*; return how many petitions there were and what of the rules mattered. UsageError where there is none."""
    total, done = _begin(span, progress), 0
    whole = Seen()
    for petitions, seen in run([(book.district.id, book.files)], _rules_in, _parts(span), processes=processes):
        whole.add(seen)
        done += petitions
        progress(done, total)
    return done, whole


def _begin(span: Span, progress: Progress) -> int:
    total = count(span)
    if not total:
        raise UsageError(f"数据库里这段时间没有 {span.period.district} 判断过的来件，说不出历史；检查规则包的 district.id 和 --since")
    progress(0, total)
    return total


def _parts(span: Span) -> Iterator[list[_Part]]:
    return ([_Part(ids, span)] for ids in stretches(span))


# ---------------------------------------------------------------- in the child


def _lists_in(kit: Kit, chunk: list[_Part]) -> tuple[int, Counter[str]]:
    """Return how many petitions there are and in how many of them each list occurs, denied or not: its words are what is asked about."""
    (part,), (book,) = chunk, kit.books
    found: Counter[str] = Counter()
    some = Reader.of_child(kit, part.span.store).recorded(part.ids)
    for one in some:
        facts = facts_from(one.petition, (), rulebook=book, now=one.received_at).facts
        found.update({str(fact["list"]) for fact in facts if fact["k"] == "mention"})
    return len(some), found


def _rules_in(kit: Kit, chunk: list[_Part]) -> tuple[int, Seen]:
    """Decide them by the rules as they stand, with the earlier cases of the time."""
    (part,), (book,) = chunk, kit.books
    watch = Watch(book)
    reader = Reader.of_child(kit, part.span.store)
    pasts = reader.with_candidates(book, reader.recorded(part.ids))
    for past in pasts:
        decide(
            past.recorded.petition,
            past.candidates,
            rulebook=book,
            calendar=kit.calendar,
            infer=watch.infer,
            now=past.recorded.received_at,
            near_misses=False,
        )
    return len(pasts), watch.seen

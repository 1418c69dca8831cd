"""The past of a district as child processes read it: the parent hands out ids of arrivals, each child loads a stretch of them itself.

The parent holds a page of ids and never a petition, so that memory does not grow with the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from daemon.config import StoreSection
from daemon.stores import open_database
from rules.rulebook import RuleBook
from rules.workbench.pool import Kit
from store.history import History, Past, Period, Recorded

Ids: TypeAlias = tuple[int, ...]

_STRETCH = 100  # petitions a child does between two reports
_PAGE = 5_000  # ids the parent holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which part of which past: the database as the configuration names it, the period, and at most how many petitions of it."""

    store: StoreSection
    period: Period
    limit: int | None = None


def count(span: Span) -> int:
    """Return how many petitions *span* has."""
    reader = Reader(span.store)
    try:
        total = reader.count(span.period)
    finally:
        reader.close()
    return total if span.limit is None else min(total, span.limit)


def stretches(span: Span) -> Iterator[Ids]:
    """Yield the arrivals of *span* some at a time, the oldest first."""
    reader = Reader(span.store)
    after, left = 0, span.limit if span.limit is not None else 1 << 62
    try:
        while left > 0 and (ids := reader.ids(span.period, after=after, limit=min(_PAGE, left))):
            after, left = ids[-1], left - len(ids)
            for start, end in pairwise([*range(0, len(ids), _STRETCH), len(ids)]):
                yield tuple(ids[start:end])
    finally:
        reader.close()


class Reader:
    """The history of a database, for code that does not wait on a loop."""

    def __init__(self, store: StoreSection) -> None:
        """Open the database; raises as `Database.start` does, ConfigError where its password cannot be read."""
        self._runner = asyncio.Runner()
        self._database = open_database(store)
        self._runner.run(self._database.start())
        self._history = History(self._database)

    @classmethod
    def of_child(cls, kit: Kit, store: StoreSection) -> Reader:
        """Return the one of this child, which it keeps from one stretch to the next."""
        reader = kit.held.get("reader")
        if not isinstance(reader, Reader):
            reader = kit.held["reader"] = cls(store)
        return reader

    def count(self, period: Period) -> int:
        """Return how many petitions there are in *period*."""
        return self._runner.run(self._history.count(period))

    def ids(self, period: Period, *, after: int, limit: int) -> list[int]:
        """Return up to *limit* arrivals of *period* above *after*, the oldest first."""
        return self._runner.run(self._history.ids(period, after=after, limit=limit))

    def recorded(self, ids: Sequence[int]) -> list[Recorded]:
        """Return these petitions."""
        return self._runner.run(self._history.recorded(ids))

    def with_candidates(self, book: RuleBook, some: Sequence[Recorded]) -> list[Past]:
        """Return *some*, each with the candidates as they were before it came in."""
        return self._runner.run(self._history.with_candidates(book.district, some))

    def as_seen(self, some: Sequence[Recorded]) -> list[Past]:
        """Return *some*, each with what its decision says it was compared with."""
        return self._runner.run(self._history.as_seen(some))

    def words(self, cases: Collection[int]) -> dict[int, tuple[str, str]]:
        """Return title and content of these cases by their ids."""
        return self._runner.run(self._history.words(cases))

    def close(self) -> None:
        """Let go of the database."""
        self._runner.run(self._database.close())
        self._runner.close()

"""Keeps matching cheap and sharp: which words are common is counted again from time to time, and keys that tell nothing are reported.

The count reads a sample of the newest reports, so that it costs the same however long the history is. Nothing is lost where it never
runs: rare words are then chosen in a fixed order instead (`store.matching_grams`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import structlog

from daemon.waiting import first_of

if TYPE_CHECKING:
    from store.matching import Matching

log = structlog.get_logger()

_EVERY_S = 3_600.0
_WORTH = 100  # what must have been added to a district before counting again is worth its while


class Upkeep:
    """Looks after the matching of all districts, one after the other."""

    def __init__(self, *, districts: Iterable[str], matching: Matching) -> None:
        """Keep the parts; nothing runs before `run`."""
        self._districts, self._matching = tuple(districts), matching
        self._counted: dict[str, int] = {}
        self._reported: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Count at once and then every hour until *stop* is set; raises StoreUnavailableError where the database is away."""
        while not stop.is_set():
            for district in self._districts:
                await self.count(district)
            self.report()
            await first_of(stop, timeout_s=_EVERY_S)

    async def count(self, district: str) -> None:
        """Count the words of *district* again, unless hardly anything came since the last time."""
        known = await self._matching.known(district)
        if district in self._counted and known < self._counted[district] + _WORTH:
            return
        common, changed = await self._matching.recount(district)
        self._counted[district] = known
        log.info("matching.counted", district=district, common=common, changed=changed)

    def report(self) -> Mapping[str, int]:
        """Log how often keys fitted too many reports since the last report, by kind, and return that."""
        fresh = self._matching.skipped - self._reported
        if fresh:
            log.info("matching.keys_skipped", kinds=dict(sorted(fresh.items())))
        self._reported = Counter(self._matching.skipped)
        return fresh

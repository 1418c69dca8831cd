"""Decide: a petition to its decision with durable-rules in a child process, against the plain evaluator in the same process.

Both sides do all of `decide`: words, facts, every stage, verdict, weights, dates, near misses. No earlier cases are given.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from client import rate_and_waits
from corpus import mails
from machine import cpu_seconds
from reading import read_all
from result import Result, Sample, compare

from channels.reader import Reader
from rules.calendar_folder import load_calendar
from rules.decide import decide
from rules.engine import Engine
from rules.language import Fact, Firing, Infer
from rules.reference import Reference
from rules.rulebook import RuleBook, builtin_pack, load_pack
from store.model.petition import Petition

_CASES, _WARM_UP, _ROUNDS = 200, 10, 3
_NOW = datetime(2026, 11, 16, tzinfo=UTC)


def measure() -> Result:
    """Measure both sides in turn on the same petitions, read beforehand."""
    petitions = asyncio.run(_petitions(_CASES))
    book = load_pack(builtin_pack("chenggong"))
    engine = Engine(book)
    try:
        if engine.degraded:
            raise RuntimeError(engine.degraded)
        return compare(
            "decide",
            f"{len(book.rules)} rules, {len(book.stages)} stages, {len(book.lists)} word lists",
            "plain evaluator",
            lambda: _sample(petitions, book, _Stopwatch(engine.infer)),
            lambda: _sample(petitions, book, _Stopwatch(Reference(book.stages).infer)),
            rounds=_ROUNDS,
        )
    finally:
        engine.close()


class _Stopwatch:
    """Infers, and adds up the time that takes."""

    def __init__(self, infer: Infer) -> None:
        self.seconds = 0.0
        self._infer = infer

    def infer(self, stage: int, facts: Iterable[Fact]) -> list[Firing]:
        begun = time.perf_counter()
        try:
            return self._infer(stage, facts)
        finally:
            self.seconds += time.perf_counter() - begun


def _sample(petitions: Sequence[Petition], book: RuleBook, stopwatch: _Stopwatch) -> Sample:
    calendar = load_calendar()

    def wait(petition: Petition) -> float:
        begun = time.perf_counter()
        decide(petition, (), rulebook=book, calendar=calendar, infer=stopwatch.infer, now=_NOW)
        return time.perf_counter() - begun

    for petition in petitions[:_WARM_UP]:
        wait(petition)
    stopwatch.seconds, cpu = 0.0, cpu_seconds(os.getpid())
    waits = [wait(petition) for petition in petitions]
    count = len(waits)
    rate, middle, worst = rate_and_waits(count, sum(waits), waits)
    cpu_ms = (cpu_seconds(os.getpid()) - cpu) / count * 1e3
    return Sample(rate=rate, cpu_ms=cpu_ms, waits=(middle, worst), details={"ms of inference": stopwatch.seconds / count * 1e3})


async def _petitions(count: int) -> Sequence[Petition]:
    reader = Reader(2)
    try:
        return [reading.petition for reading in await read_all(reader, mails(count))]
    finally:
        await reader.close()

"""Decide by packs of 200 and of 1,000 rules, and load such a pack again and again: time and memory.

Both sides do all of `decide` on petitions that mention twenty word lists. Waits are those of one case after another; the rate is that of two
processes at once, each with an evaluator of its own, as a backtest uses them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import synthetic
from client import rate_and_waits
from machine import cpu_seconds, resident
from result import Result, Sample, compare

from rules.calendar_folder import load_calendar
from rules.decide import decide
from rules.engine import Engine
from rules.language import Infer
from rules.reference import Reference
from rules.rulebook import RuleBook, load_pack
from store.model.petition import Petition

_CASES, _WARM_UP, _ROUNDS, _PROCESSES = 300, 20, 2, 2
_RELOADS, _RELOADED_RULES = 200, 200
_NOW = datetime(2026, 11, 16, tzinfo=UTC)


def measure(rules: int) -> Result:
    """Measure decisions by a pack of so many *rules*."""
    with TemporaryDirectory() as folder, ProcessPoolExecutor(_PROCESSES, get_context("spawn")) as pool:
        pack = Path(folder)
        synthetic.write_pack(pack, rules)
        return compare(
            f"decide-{rules}",
            f"{rules} rules, 20 facts a case",
            "plain evaluator",
            lambda: _sample(pool, pack, rules, native=True),
            lambda: _sample(pool, pack, rules, native=False),
            rounds=_ROUNDS,
        )


def _sample(pool: ProcessPoolExecutor, pack: Path, rules: int, *, native: bool) -> Sample:
    one = _decide_all(pack, rules, native=native)
    both = list(pool.map(partial(_decide_all, pack, rules, native=native), range(1, _PROCESSES + 1)))
    return replace(one, rate=sum(sample.rate for sample in both), details={"a second in one process": one.rate})


def _decide_all(pack: Path, rules: int, seed: int = 0, *, native: bool) -> Sample:
    """Load the pack and decide one case after another."""
    book = load_pack(pack)
    cases = synthetic.petitions(rules, _CASES + seed)
    if not native:
        return _decided(cases, book, Reference(book.stages).infer)
    engine = Engine(book)
    try:
        if engine.degraded:
            raise RuntimeError(engine.degraded)
        return _decided(cases, book, engine.infer)
    finally:
        engine.close()


def _decided(cases: Sequence[Petition], book: RuleBook, infer: Infer) -> Sample:
    calendar = load_calendar()

    def wait(petition: Petition) -> float:
        begun = time.perf_counter()
        decide(petition, (), rulebook=book, calendar=calendar, infer=infer, now=_NOW)
        return time.perf_counter() - begun

    for petition in cases[:_WARM_UP]:
        wait(petition)
    cpu = cpu_seconds(os.getpid())
    waits = [wait(petition) for petition in cases]
    cpu_ms = (cpu_seconds(os.getpid()) - cpu) / len(waits) * 1e3
    rate, middle, worst = rate_and_waits(len(waits), sum(waits), waits)
    return Sample(rate=rate, cpu_ms=cpu_ms, waits=(middle, worst))


def measure_reloads() -> Result:
    """Measure how long a pack takes to load with its engine, and whether memory stays."""
    with TemporaryDirectory() as folder:
        pack = Path(folder)
        synthetic.write_pack(pack, _RELOADED_RULES)
        (petition,) = synthetic.petitions(_RELOADED_RULES, 1)
        return compare(
            "reload",
            f"pack of {_RELOADED_RULES} rules and its engine, {_RELOADS} times, one case each",
            "the pack without an engine, a tenth as often",
            lambda: _reloaded(_RELOADS, partial(_reload, pack, petition)),
            lambda: _reloaded(_RELOADS // 10, lambda: load_pack(pack)),
            rounds=1,
        )


def _reload(pack: Path, petition: Petition) -> None:
    book = load_pack(pack)
    engine = Engine(book)
    try:
        decide(petition, (), rulebook=book, calendar=load_calendar(), infer=engine.infer, now=_NOW)
    finally:
        engine.close()


def _reloaded(times: int, reload: Callable[[], object]) -> Sample:
    for _ in range(10):  # what is kept of the last eight rule books is kept now
        reload()
    memory, cpu, begun = resident(os.getpid()), cpu_seconds(os.getpid()), time.perf_counter()
    for _ in range(times):
        reload()
    seconds = time.perf_counter() - begun
    cpu_ms = (cpu_seconds(os.getpid()) - cpu) / times * 1e3
    return Sample(rate=times / seconds, cpu_ms=cpu_ms, details={"MB more at the end": (resident(os.getpid()) - memory) / 1e6})

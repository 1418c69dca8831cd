"""Backtest: a whole history decided again by a pack that a clerk has changed, against deciding every petition of it.

The history is mails of `corpus.py` that the service's own path decided, multiplied inside the database (`history.py`). The change is that of an
ordinary Monday: one rule weighs more, one list gets a word, a new list and its rule come in. The other side decides every petition, though
nothing of the change can reach most of them; it is given few, since it costs each the same.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context

import structlog
from corpus import mails
from history import multiply
from result import Result, Sample, compare

from daemon.backtest import Asked, backtest
from daemon.config import StoreSection
from daemon.past import Span
from daemon.rehearsal import Message, take, temporary_house
from rules.rulebook import builtin_pack, load_pack
from store.history import Period
from store.model.arrival import Channel

_PACK, _FIRST = "chenggong", 300  # petitions that are really decided
_EVERY = 500  # petitions that the other side decides
_RECHECK = 100  # of so many one is decided by durable-rules too, as `zuozhen rules backtest` does unless told otherwise
_BEGIN = datetime(2026, 10, 12, 1, 0, tzinfo=UTC)
_CHANGES = {
    "rules/route_rsj.yaml": (
        "then: {route: rsj, weight: 4, conclude: 有具体事项}\n\n- rule: 事项_招聘",
        "then: {route: rsj, weight: 5, conclude: 有具体事项}\n\n- rule: 事项_招聘",
    ),
    "lists/topics_swj.yaml": ("数电票, 增值税专用发票", "数电票, 发票增额, 增值税专用发票"),
}
_ADDED = {
    "lists/topics_low.yaml": "低空飞行: [无人机表演, 低空飞行, 起降场]\n",
    "rules/route_low.yaml": "- {rule: 事项_低空飞行, basis: policy, when: {all: [{mention: 低空飞行}]}, then: {route: fgj, weight: 3}}\n",
}


def measure(petitions: int) -> Result:
    """Rehearse a change over a history of so many *petitions*."""
    return asyncio.run(_measure(petitions))


async def _measure(petitions: int) -> Result:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    async with temporary_house(load_pack(builtin_pack(_PACK)), now=lambda: _BEGIN) as house:
        for number, mail in enumerate(mails(_FIRST, seed=4)):
            received = _BEGIN + timedelta(minutes=7 * number)
            await take(house, Message(source=f"{number}", channel=Channel.MAIL, received_at=received, raw=mail.raw))
        await multiply(house.stores.database, petitions)
        rehearse = partial(_rehearsed, house.config.store.url)
        return await asyncio.to_thread(
            compare,
            f"backtest, {petitions:,} petitions",
            "one rule, one word and one new list differ",
            f"every petition decided, {_EVERY:,} of them",
            lambda: rehearse(limit=petitions, every=False),
            lambda: rehearse(limit=_EVERY, every=True),
            rounds=1,
        )


def _rehearsed(url: str, *, limit: int, every: bool) -> Sample:
    """Run a backtest in a process of its own, so that its memory is that of nothing else."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_backtest, url, limit, every).result()


def _backtest(url: str, limit: int, every: bool) -> Sample:  # noqa: FBT001 - crosses a process by position
    book = load_pack(builtin_pack(_PACK))
    asked = Asked(
        span=Span(store=StoreSection(url=url), period=Period(district=book.district.id), limit=limit),
        old=("old", book.files),
        old_digest=book.digest,
        new=("new", _changed(book.files)),
        recorded=False,
        recheck=_RECHECK,
        every=every,
    )
    begun, cpu = time.perf_counter(), _cpu()
    summary = backtest(asked, lambda _finished, _total: None)
    seconds = time.perf_counter() - begun
    assert not summary.failed, summary.failed[:3]
    assert not summary.unlike, summary.unlike[:3]
    return Sample(
        rate=summary.total / seconds,
        cpu_ms=(_cpu() - cpu) / summary.total * 1e3,
        details={
            "petitions": summary.total,
            "of them changed": summary.changed,
            "MB at most in the parent": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
            "MB at most in a child": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3,
        },
    )


def _cpu() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _changed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the pack as the clerk leaves it."""
    changed = dict(files)
    for name, (text, other) in _CHANGES.items():
        assert changed[name].count(text.encode()) == 1, name
        changed[name] = changed[name].replace(text.encode(), other.encode())
    return changed | {name: text.encode() for name, text in _ADDED.items()}

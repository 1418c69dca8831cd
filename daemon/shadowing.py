"""Lets a second pack decide silently beside the live one, and writes down where it would have decided otherwise.

The live decision is recorded before any of this hears of it. What waits here is bounded and in memory alone: where too much waits, where
the child fails, where the process dies, a petition is not compared, and nothing else happens.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from daemon.review import set_aside_key
from daemon.shadow_child import Question, ShadowDesk
from daemon.waiting import first_of
from store.errors import MalformedMessageError, StoreUnavailableError, WorkerFailedError
from store.model.arrival import StoredArrival
from store.shadows import Divergence, Finding, ShadowRun, Tally

if TYPE_CHECKING:
    from daemon.pipeline import Outcome
    from daemon.wiring import House

log = structlog.get_logger()

WAITING = 200  # petitions of a district, with their words: some megabytes
_LOOK_S = 2.0  # between two looks for a start or a stop, and two reports


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """One recorded decision that waits to be compared."""

    arrival: StoredArrival
    outcome: Outcome


@dataclass(slots=True, kw_only=True)
class _Shadow:
    """The shadow of one district in this service, what waits for it, and what it has not told yet."""

    run: ShadowRun
    desk: ShadowDesk
    waiting: deque[_Heard] = field(default_factory=deque)
    tally: Tally = field(default_factory=Tally)
    complained: set[str] = field(default_factory=set)

    def complain(self, error: Exception) -> None:
        """Count a petition that could not be decided; the log hears of each kind of trouble once, the operator of the last."""
        problem = str(error) if isinstance(error, MalformedMessageError | WorkerFailedError | OSError) else type(error).__name__
        self.tally = self.tally.plus(Tally(failed=1, problem=problem))
        kind = type(error).__name__
        if kind not in self.complained:
            self.complained.add(kind)
            log.error("shadow.failed", district=self.run.district, digest=self.run.digest, error=kind)

    def hear(self, heard: _Heard) -> None:
        """Let a decision wait, or count it as dropped where too many do."""
        if len(self.waiting) >= WAITING:
            self.tally = self.tally.plus(Tally(dropped=1))
        else:
            self.waiting.append(heard)

    def note(self, heard: _Heard, divergence: Divergence | None) -> None:
        """Count a petition that was compared."""
        found = (_finding(heard, divergence),) if divergence else ()
        self.tally = self.tally.plus(Tally(decided=1, found=found))


class Shadowing:
    """The shadows of all districts in this service."""

    def __init__(self, house: House) -> None:
        """Work for *house*; nothing runs before `run`."""
        self._house, self._shadows = house, house.stores.shadows
        self._running: dict[str, _Shadow] = {}  # by district
        self._woken = asyncio.Event()
        self._failed = False

    def heard(self, arrival: StoredArrival, outcome: Outcome) -> None:
        """Take note of a recorded decision (a listener of `Pipeline`); returns at once."""
        shadow = self._running.get(arrival.district)
        if shadow is None or outcome.decision.rulebook == shadow.run.digest:  # the shadow has been put in force meanwhile
            return
        shadow.hear(_Heard(arrival=arrival, outcome=outcome))
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*. Nothing that goes wrong here gets out: the log says so, and the service goes on."""
        ending = asyncio.create_task(self._abort_at(stop))
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            self._woken.clear()
            if loop.time() >= due:
                await self._safely()
                due = loop.time() + _LOOK_S
            if not await self.compare_next():
                await first_of(self._woken, stop, timeout_s=max(0.0, due - loop.time()))
        await ending
        await self._safely(last=True)

    async def compare_next(self) -> bool:
        """Compare one petition of each district; tell whether there was any."""
        ready = [shadow for shadow in self._running.values() if shadow.waiting]
        for shadow in ready:
            await _compare(shadow, shadow.waiting.popleft())
        return bool(ready)

    async def look(self) -> None:
        """Tell what was found, then see which shadows are wanted now. Raises StoreUnavailableError."""
        await self.tell()
        for district in self._house.rooms:
            await self._follow(district, await self._shadows.newest(district))

    async def tell(self) -> None:
        """Write down what was found since the last time. Raises StoreUnavailableError; it is then told the next time."""
        for shadow in list(self._running.values()):
            tally, shadow.tally = shadow.tally, Tally()
            if tally == Tally():
                continue
            try:
                await self._shadows.note(shadow.run, tally)
            except StoreUnavailableError:
                shadow.tally = tally.plus(shadow.tally)  # decisions were heard meanwhile
                raise
            if tally.found:
                log.info("shadow.differs", district=shadow.run.district, digest=shadow.run.digest, cases=len(tally.found))

    async def close(self) -> None:
        """End the children."""
        for shadow in self._running.values():
            await asyncio.to_thread(shadow.desk.close)
        self._running.clear()

    async def _follow(self, district: str, wanted: ShadowRun | None) -> None:
        running = self._running.get(district)
        wanted = wanted if wanted is not None and wanted.stopped_at is None else None
        if (wanted and wanted.seq) == (running and running.run.seq):
            return
        if running is not None:
            del self._running[district]
            await asyncio.to_thread(running.desk.close)
            log.info("shadow.stopped", district=district, digest=running.run.digest)
        if wanted is not None:
            kept = await self._house.stores.packs.load(district, wanted.digest)
            self._running[district] = _Shadow(run=wanted, desk=ShadowDesk(kept.digest, kept.files))
            log.info("shadow.started", district=district, digest=wanted.digest)

    async def _safely(self, *, last: bool = False) -> None:
        try:
            await (self.tell() if last else self.look())
            self._failed = False
        except StoreUnavailableError as error:
            log.warning("store.unavailable", part="shadow", error=str(error))
        except Exception:  # a bug here is no reason to stop taking petitions
            if not self._failed:
                log.exception("shadow.broken")
            self._failed = True
        if last:
            await self.close()

    async def _abort_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        for shadow in self._running.values():
            shadow.desk.abort()


async def _compare(shadow: _Shadow, heard: _Heard) -> None:
    question = Question(
        petition=heard.outcome.petition,
        candidates=tuple(heard.outcome.candidates),
        received_at=heard.arrival.received_at,
        decision=heard.outcome.decision,
    )
    try:
        divergence = await asyncio.to_thread(shadow.desk.compare, question)
    except Exception as error:  # noqa: BLE001 - whatever it is, the live decision stands and the next is compared
        shadow.complain(error)
    else:
        shadow.note(heard, divergence)


def _finding(heard: _Heard, divergence: Divergence) -> Finding:
    case, arrival = heard.outcome.case, heard.arrival
    if case is None:
        key = set_aside_key(arrival.id)
    else:
        key = case.number if case.arrival_id == arrival.id else f"{case.number}（续件，来件 {arrival.id}）"
    return Finding(
        key=key,
        arrival_id=arrival.id,
        at=arrival.received_at,
        live_digest=heard.outcome.decision.rulebook,
        divergence=divergence,
    )

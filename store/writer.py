"""The only thread that writes: it gathers what waits into one transaction, so that one flush to disk serves many (group commit)."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from store import dialects
from store.errors import StoreUnavailableError

T = TypeVar("T")
Unit = Callable[[Connection], T]

_TRIES = 3  # for a unit that another service's transaction was in the way of
_BATCH = 256  # units in one transaction at most: beyond, the flush no longer dominates


@dataclass(frozen=True, slots=True)
class _Job:
    unit: Unit[Any]
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    future: Future[Any]
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


@dataclass(slots=True)
class WriterStatus:
    """What the writer's thread has done since it began; read by others for display, never exact to the last unit."""

    batches: int = 0
    units: int = 0
    seconds: float = 0.0  # spent in transactions, their flush to disk included
    failed: int = 0  # transactions that were lost as a whole


class Writer:
    """Runs units one after another, each in a SAVEPOINT, and answers only after COMMIT.

    A unit that raises loses its own writes and nobody else's. Where the transaction itself fails, nothing of it stands and every unit
    in it is answered with StoreUnavailableError; but where it was undone because another service was in its way (a deadlock), its units
    are run again, one by one.
    """

    def __init__(self, engine: Engine) -> None:
        """Keep *engine*; the thread runs from `start` to `close`."""
        self.status = WriterStatus()
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # nothing may be queued behind the mark that ends the thread
        self._is_open = False
        # A daemon thread, since a process that dies without `close` must not hang on it: what is not committed was not promised.
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        with self._gate:
            self._is_open = True
            self._thread.start()

    @property
    def queued(self) -> int:
        """How many units wait for the next transaction."""
        return self._jobs.qsize()

    def submit(self, unit: Unit[T]) -> Future[T]:
        """Queue *unit* and return its future; raises StoreUnavailableError where the writer does not run."""
        future: Future[T] = Future()
        with self._gate:
            if not self._is_open:
                raise StoreUnavailableError("数据库未打开或正在关闭，请稍后再试")
            self._jobs.put(_Job(unit, future))
        return future

    def close(self) -> None:
        """Refuse new units, finish the queued ones, end the thread. Blocks meanwhile; a second call does nothing."""
        with self._gate:
            was_open, self._is_open = self._is_open, False
            if was_open:
                self._jobs.put(None)
        if was_open:
            self._thread.join()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            batch, is_last = self._gather()
            self._work(batch)

    def _gather(self) -> tuple[list[_Job], bool]:
        """Wait for a job and take along what else waits; the flag says that nothing comes after these."""
        batch: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _BATCH:
                return batch, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _work(self, batch: list[_Job]) -> None:
        # A caller that gave up before its turn is not served; from here on its future can no longer be cancelled.
        running = [job for job in batch if job.future.set_running_or_notify_cancel()]
        if not running:
            return
        began = time.monotonic()
        outcomes = self._transact(running)
        if outcomes is None:  # one by one they hold fewer rows, and less can be in the way
            outcomes = [self._alone(job) for job in running]
        self.status.batches += 1
        self.status.units += len(running)
        self.status.seconds += time.monotonic() - began
        for outcome in outcomes:
            outcome.tell()

    def _alone(self, job: _Job) -> _Outcome:
        for _ in range(_TRIES):
            outcomes = self._transact([job])
            if outcomes is not None:
                return outcomes[0]
        return _Outcome(job.future, error=StoreUnavailableError("几个服务同时要改同一处数据，几次都没有轮到；请稍后再试"))

    def _transact(self, jobs: list[_Job]) -> list[_Outcome] | None:
        """Run *jobs* in one transaction; None where it was undone because another service's stood in its way: it is worth repeating."""
        try:
            with self._engine.begin() as connection:
                return [_attempt(connection, job) for job in jobs]
        except BaseException as error:  # noqa: BLE001 - nobody waits in vain, whatever happened, and the thread lives on
            if dialects.is_lost_to_another(error):
                return None
            self.status.failed += 1
            with contextlib.suppress(Exception):
                self._engine.dispose()  # the next transaction begins on a fresh connection
            return _all_failed(jobs, error)


def _attempt(connection: Connection, job: _Job) -> _Outcome:
    """Run one unit in its own savepoint; raises only where the whole transaction is lost."""
    try:
        with dialects.explained(), _savepoint(connection):
            return _Outcome(job.future, result=run(job.unit, connection))
    except Exception as error:
        if not dialects.transaction_survives(connection) or dialects.is_lost_to_another(error):
            raise
        return _Outcome(job.future, error=error)


def run(unit: Unit[T], connection: Connection) -> T:
    """Return what *unit* returns; a StopIteration would never reach the coroutine that waits for it, so it comes as RuntimeError."""
    try:
        return unit(connection)
    except StopIteration as error:
        raise RuntimeError("a unit let StopIteration out") from error


@contextlib.contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    """As `connection.begin_nested`, which on this path would cost as much as the unit inside."""
    connection.exec_driver_sql("SAVEPOINT unit")
    try:
        yield
    except BaseException:
        if dialects.transaction_survives(connection):
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
            connection.exec_driver_sql("RELEASE SAVEPOINT unit")
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT unit")


def _all_failed(jobs: list[_Job], error: BaseException) -> list[_Outcome]:
    """Answer every job of a lost transaction, each with an exception of its own."""
    return [_Outcome(job.future, error=_lost(error)) for job in jobs]


def _lost(error: BaseException) -> StoreUnavailableError:
    if dialects.is_unavailable(error):
        return dialects.unavailable(error)
    failure = StoreUnavailableError(f"数据库未能提交，本次写入已全部撤销：{error}")
    failure.__cause__ = error
    return failure

"""Watches one mailbox in a thread of its own: connect, look into every folder, wait for more, start again after trouble.

Polling is the truth and IDLE a hint. Trouble with one mailbox is that mailbox's alone: it pauses, longer each time, and the others go on.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from channels.imap import Account, Connection, readable
from channels.imap_intake import Book, Intake, Treatment
from store.errors import CommandRefusedError, ConfigError, LoginRefusedError, TemporaryError, ZuozhenError

log = structlog.get_logger()

_PAUSES = (5.0, 15.0, 60.0, 180.0, 300.0)
_REFUSED_PAUSES = (60.0, 300.0, 900.0)  # a provider locks an account that tries a wrong password too often
_STANDBY_S = 5.0  # until we ask again whether it is our turn
_GRACE_S = 10.0  # how long a mailbox may finish what it has in hand


@dataclass(slots=True, kw_only=True)
class MailboxStatus:
    """How a mailbox is doing; written by its thread, read by whoever wants to know. Plain values only."""

    name: str
    district: str
    connected: bool = False
    standing_by: bool = False  # another service reads it
    polled_at: datetime | None = None  # the last time every folder was looked into
    problem: str = ""  # Chinese, what keeps it from being polled; "" while all is well
    failing_since: datetime | None = None
    errors: int = 0  # polls that failed since the start
    unaccounted: int = 0  # messages on the server that were not in the ledger behind the last look that came to its end
    reconciled_at: datetime | None = None  # when all folders were last compared as a whole
    uidvalidity: dict[str, int] = field(default_factory=dict)  # by folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """What is to be watched, and how. *password* is asked for at every login, so that a new one needs no restart."""

    account: Account
    password: Callable[[], str]
    treatments: Sequence[Treatment]
    poll: timedelta
    reconcile: timedelta
    idle: bool = True


class Turn(Protocol):
    """Whose turn it is, where several services read one mailbox: one of them at a time."""

    def acquire(self) -> bool:
        """Say whether the turn is ours, taking it where nobody has it. Raises StoreUnavailableError."""

    def is_held(self) -> bool:
        """Say whether it still is ours; cheap."""

    def release(self) -> None:
        """Let others have it at once."""


class Watcher:
    """One mailbox and its thread, from `start` to `stop`."""

    def __init__(
        self,
        mailbox: Mailbox,
        book: Book,
        *,
        turn: Turn,
        now: Callable[[], datetime],
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        """Watch *mailbox*, one pause of *pauses* (seconds) longer after each failure. Nothing is opened before `start`."""
        first = mailbox.treatments[0]
        self.status = MailboxStatus(name=first.mailbox, district=first.district)
        self._mailbox = mailbox
        self._turn = turn
        self._now = now
        self._pauses = pauses
        self._failures = 0
        self._intakes = [Intake(treatment, book, now) for treatment in mailbox.treatments]
        self._connection: Connection | None = None
        self._is_stopping = threading.Event()
        self._sleeper, self._waker = socket.socketpair()
        self._sleeper.settimeout(0)
        self._thread = threading.Thread(target=self._run, name=f"imap-{first.mailbox}", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def wake(self) -> None:
        """Look now instead of later."""
        with contextlib.suppress(OSError):
            self._waker.send(b"!")

    def stop(self, *, grace_s: float = _GRACE_S) -> None:
        """Let the thread finish what it has in hand for *grace_s* seconds, then break its connection off. Blocks meanwhile."""
        self._is_stopping.set()
        self.wake()
        self._thread.join(grace_s)
        if self._thread.is_alive() and (connection := self._connection):
            connection.abort()
        self._thread.join(grace_s)
        if not self._thread.is_alive():
            self._sleeper.close()
            self._waker.close()

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            try:
                if not self._turn.acquire():
                    self._stand_by()
                    continue
                with self._connected() as connection:
                    self._watch(connection)
            except (LoginRefusedError, ConfigError) as error:
                pause = self._failed(error, _REFUSED_PAUSES)
                log.error("imap.login_refused", mailbox=self.status.name, problem=str(error), retry_in_s=pause)  # noqa: TRY400 - no bug
                self._sleep(pause)
            except TemporaryError as error:
                pause = self._failed(error, self._pauses)
                log.warning("imap.unavailable", mailbox=self.status.name, problem=str(error), retry_in_s=pause)
                self._sleep(pause)
            except Exception as error:
                pause = self._failed(error, self._pauses)
                log.exception("imap.broken", mailbox=self.status.name, exc_info=error, retry_in_s=pause)
                self._sleep(pause)
        self._turn.release()

    def _stand_by(self) -> None:
        """Leave the mailbox to the service that has it, ready to take over; what we knew of it grows old meanwhile."""
        status = self.status
        if not status.standing_by:
            log.info("imap.standing_by", mailbox=status.name)
        status.standing_by, status.problem, status.failing_since = True, "", None
        status.polled_at, status.reconciled_at, status.unaccounted = None, None, 0
        self._sleep(_STANDBY_S)

    def _watch(self, connection: Connection) -> None:
        self.status.standing_by = False
        while not self._is_stopping.is_set() and self._turn.is_held():
            self._look(connection)
            self._failures = 0
            if not self._is_stopping.is_set():
                self._rest(connection)

    def _look(self, connection: Connection) -> None:
        """Look into every folder; one that is missing does not keep the others from being read."""
        status = self.status
        begun = self._now()
        everything = status.reconciled_at is None or begun - status.reconciled_at >= self._mailbox.reconcile
        problems = list[str]()
        for intake in self._intakes:
            try:
                intake.look(connection, everything=everything)
            except CommandRefusedError as error:
                problems.append(str(error))
        status.uidvalidity = {intake.treatment.folder: intake.uidvalidity for intake in self._intakes if intake.uidvalidity is not None}
        status.unaccounted = sum(intake.unaccounted for intake in self._intakes)
        self._tell_problems(problems)
        if not problems:
            status.polled_at = begun
        if everything and not problems:
            self._reconciled(begun)

    def _tell_problems(self, problems: Sequence[str]) -> None:
        status, problem = self.status, "；".join(problems)
        if problem and problem != status.problem:  # once, not at every poll
            log.error("imap.folder_failed", mailbox=status.name, problem=problem)
        status.problem = problem
        status.errors += bool(problem)
        status.failing_since = (status.failing_since or self._now()) if problem else None

    def _reconciled(self, at: datetime) -> None:
        status = self.status
        status.reconciled_at = at
        if status.unaccounted:
            log.error("imap.unaccounted", mailbox=status.name, district=status.district, unaccounted=status.unaccounted)
        else:
            log.info("imap.reconciled", mailbox=status.name, district=status.district)

    def _failed(self, error: Exception, pauses: Sequence[float]) -> float:
        self.status.errors += 1
        self.status.problem = str(error) if isinstance(error, ZuozhenError) else f"程序内部错误：{type(error).__name__}"
        self.status.failing_since = self.status.failing_since or self._now()
        pause = pauses[min(self._failures, len(pauses) - 1)]
        self._failures += 1
        return pause

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        connection = Connection.open(self._mailbox.account, self._mailbox.password())
        self._connection = connection
        self.status.connected = True
        log.info("imap.connected", mailbox=self.status.name, host=self._mailbox.account.host)
        try:
            yield connection
        finally:
            self._connection = None
            self.status.connected = False
            connection.close()

    def _rest(self, connection: Connection) -> None:
        seconds = self._mailbox.poll.total_seconds()
        if self._mailbox.idle:
            connection.wait(seconds, self._sleeper)
            self._drain()
        else:
            self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        readable([self._sleeper], seconds)
        self._drain()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._sleeper.recv(4_096)

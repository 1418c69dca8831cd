"""From the [[mailbox]] sections to watchers: who watches what, under which password, and how their threads reach the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as LateError
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from channels.imap import Account
from channels.imap_after import After
from channels.imap_intake import Treatment
from channels.imap_watch import Mailbox, Watcher
from daemon.config import MIB, Config, MailboxSection
from daemon.config_reader import read_secret
from daemon.trust import trusting
from store.errors import ConfigError, Problem, StoreUnavailableError
from store.leases import Lease, Leases
from store.ledger import Ledger
from store.model.arrival import Accepted, Arrival
from store.model.district import District
from store.model.mailbox import Folder, LedgerState, Taken

T = TypeVar("T")
Kept = Callable[[Sequence[Arrival], Sequence[Accepted]], None]

_PATIENCE_S = 300.0  # for one commit; beyond, the messages are fetched again


class ThreadsLedger:
    """The ledger for threads: each call waits until the event loop's store has committed."""

    def __init__(
        self,
        ledger: Ledger,
        loop: asyncio.AbstractEventLoop,
        *,
        kept: Kept = lambda _arrivals, _receipts: None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """Hand every call to *loop*, in which *ledger* lives; *kept* is told there of every commit with arrivals.

        Before anything is written *may_write* is asked: a service whose turn is over must not begin another step.
        """
        self._ledger = ledger
        self._loop = loop
        self._kept = kept
        self._may_write = may_write

    def keep(self, folder: Folder, taken: Sequence[Taken]) -> list[Accepted]:
        """Keep arrivals and enter them, all or none."""

        async def keep_and_tell() -> list[Accepted]:
            receipts = await self._ledger.keep(folder, taken)
            self._kept([one.arrival for one in taken], receipts)
            return receipts

        return self._written(keep_and_tell())

    def note(self, folder: Folder, uids: Collection[int], state: LedgerState) -> None:
        """Enter messages that become no arrival."""
        self._written(self._ledger.note(folder, uids, state))

    def change(self, folder: Folder, uids: Collection[int], state: LedgerState) -> None:
        """Say what is now owed."""
        self._written(self._ledger.change(folder, uids, state))

    def forget(self, folder: Folder, uids: Collection[int]) -> None:
        """Drop what has left the folder."""
        self._written(self._ledger.forget(folder, uids))

    def forget_earlier(self, folder: Folder) -> None:
        """Drop what stands under another UIDVALIDITY."""
        self._written(self._ledger.forget_earlier(folder))

    def entries(self, folder: Folder) -> Mapping[int, LedgerState]:
        """Return what is accounted for."""
        return self._done(self._ledger.entries(folder))

    def validities(self, folder: Folder) -> set[int]:
        """Return the UIDVALIDITY values known."""
        return self._done(self._ledger.validities(folder))

    def _written(self, work: Coroutine[Any, Any, T]) -> T:
        if not self._may_write():
            work.close()
            raise StoreUnavailableError("这个邮箱已由另一个服务接手")
        return self._done(work)

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        return _from_thread(work, self._loop)


class LeasedTurn:
    """The turn of reading one mailbox, as a lease in the database that the services share."""

    def __init__(self, leases: Leases, account: Account, loop: asyncio.AbstractEventLoop) -> None:
        """Ask *leases*, which live in *loop*. The account names the turn: two services may call one mailbox differently."""
        self._leases = leases
        self._name = f"mailbox:{account.user}@{account.host}"
        self._loop = loop
        self._lease: Lease | None = None

    def acquire(self) -> bool:
        """Say whether the turn is ours, taking it where nobody has it."""
        if not self.is_held():
            self.release()
            self._lease = _from_thread(self._leases.try_acquire(self._name), self._loop)
        return self._lease is not None

    def is_held(self) -> bool:
        """Say whether it still is ours."""
        return self._lease is not None and self._lease.is_held()

    def release(self) -> None:
        """Let others have it at once; where the loop is gone it lapses by itself."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with contextlib.suppress(StoreUnavailableError):
                _from_thread(lease.release(), self._loop)


def _from_thread(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """Return what *work* returns in *loop*; raises StoreUnavailableError where the loop ends or does not answer."""
    try:
        future = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError as error:  # the loop is closed
        work.close()
        raise StoreUnavailableError("服务正在停止") from error
    try:
        return future.result(_PATIENCE_S)
    except (CancelledError, LateError) as error:
        future.cancel()
        raise StoreUnavailableError("数据库没有及时写入，或服务正在停止") from error


def open_watchers(
    mailboxes: Sequence[Mailbox], ledger: Ledger, leases: Leases, *, now: Callable[[], datetime], kept: Kept
) -> tuple[Watcher, ...]:
    """Return a watcher for each mailbox, not yet started. To be called in the running loop, in which *kept* is told of every commit."""
    loop = asyncio.get_running_loop()

    def watcher(mailbox: Mailbox) -> Watcher:
        turn = LeasedTurn(leases, mailbox.account, loop)
        return Watcher(mailbox, ThreadsLedger(ledger, loop, kept=kept, may_write=turn.is_held), turn=turn, now=now)

    return tuple(map(watcher, mailboxes))


def checking_servers(config: Config) -> dict[str, str]:
    """Return the mail server in front of each door whose Authentication-Results count, by the door ("smtp", "imap:NAME"), where one is named."""
    doors = {"smtp": config.smtp, "lmtp": config.lmtp, **{f"imap:{section.name}": section for section in config.mailbox}}
    return {door: section.authserv_id for door, section in doors.items() if section is not None and section.authserv_id}


def mailboxes_of(sections: Sequence[MailboxSection], districts: Mapping[str, District]) -> list[Mailbox]:
    """Return what the sections ask for, without connecting; raises ConfigError with the problems of all of them."""
    problems = _doubles(sections)
    found: list[Mailbox] = []
    for index, section in enumerate(sections):
        try:
            found.append(_mailbox(section, _district(section, index, districts)))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return found


def _mailbox(section: MailboxSection, district: District) -> Mailbox:
    read_secret(section)  # found out now rather than at night
    begin = datetime.combine(section.begin, datetime.min.time(), ZoneInfo(district.timezone)) if section.begin else None
    return Mailbox(
        account=Account(
            host=section.host, port=section.port, security=section.security, user=section.user, tls=trusting(section.authority)
        ),
        password=lambda: _password(section),
        treatments=[
            Treatment(
                district=district.id,
                mailbox=section.name,
                address=section.user,
                folder=folder,
                max_size=section.max_size_mb * MIB,
                after=After(kind=section.after, move_to=section.move_to),
                begin=begin,
            )
            for folder in section.folders
        ],
        poll=timedelta(seconds=section.poll_seconds),
        reconcile=timedelta(minutes=section.reconcile_minutes),
    )


def _password(section: MailboxSection) -> str:
    secret = read_secret(section)
    return secret.get_secret_value() if secret else ""


def _district(section: MailboxSection, index: int, districts: Mapping[str, District]) -> District:
    if section.district in districts:
        return districts[section.district]
    if not section.district and len(districts) == 1:
        return next(iter(districts.values()))
    known = "、".join(districts)
    message = f"没有代号为 {section.district} 的区" if section.district else "有几个区，须写明归哪个区"
    raise ConfigError([Problem(place="zuozhen.toml", key=f"mailbox.{index}.district", message=message, remedy=f"可用的有：{known}")])


def _doubles(sections: Sequence[MailboxSection]) -> list[Problem]:
    """Two sections with one name would share a ledger; two that read one folder would each take its mail."""
    problems: list[Problem] = []
    names: set[str] = set()
    folders: set[tuple[str, str, str]] = set()
    for index, section in enumerate(sections):
        if section.name in names:
            message = f"已有一个邮箱叫 {section.name}"
            problems.append(Problem(place="zuozhen.toml", key=f"mailbox.{index}.name", message=message, remedy="各用各的名字"))
        names.add(section.name)
        for folder in section.folders:
            place = (section.host.lower(), section.user.lower(), folder)
            if place in folders:
                message = f"{section.user} 的 {folder} 已有另一节在收"
                problems.append(Problem(place="zuozhen.toml", key=f"mailbox.{index}.folders", message=message, remedy="合成一节"))
            folders.add(place)
    return problems

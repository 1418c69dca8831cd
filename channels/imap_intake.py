"""What is to be fetched from one folder, and how it is taken in: what the server has and the ledger has not, and nothing else decides.

Not UNSEEN (a person may have opened the mail), not a date (an outage may last), not the newest few (old ones would starve). A poll costs
as much as there is news: SELECT says whether anything has happened, and then only the UIDs above the mark are asked for. The mark is set
where everything below is accounted for and the server's count agrees; where it does not, and now and then anyway, the whole sets are
compared, so that a message which turns up late with a low UID, or failed before, is found.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from channels.identity import mail_keys
from channels.imap import Connection, Head, LiteralTooLargeError, Selected
from channels.imap_after import After, Afterwards
from store.errors import ChannelUnavailableError, CommandRefusedError, TemporaryError
from store.model.arrival import Accepted, Arrival, Channel
from store.model.mailbox import Folder, LedgerState, Taken

log = structlog.get_logger()

DOOR = "imap"
_AT_ONCE = 200  # UIDs named in one command
_BUNCH = 8 << 20  # octets fetched and committed together
_BUNCH_MAILS = 50
_SLACK = 1 << 20  # octets by which a server may be wrong about a size
_TRIES = 4  # to fetch one message alone
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # a server that says less does not know
_RETURN_PATH = re.compile(rb"(?im)\AReturn-Path:[ \t]*<([^<>\s]{0,320})>|^Return-Path:[ \t]*<([^<>\s]{0,320})>")
_HEAD = 8_192
_MIB = 1 << 20


class Book(Protocol):
    """The ledger as the mailbox's thread sees it: each call returns once it is committed; raises StoreUnavailableError."""

    def keep(self, folder: Folder, taken: Sequence[Taken]) -> list[Accepted]:
        """Keep arrivals and enter them, all or none."""

    def note(self, folder: Folder, uids: Collection[int], state: LedgerState) -> None:
        """Enter messages that become no arrival."""

    def change(self, folder: Folder, uids: Collection[int], state: LedgerState) -> None:
        """Say what is now owed."""

    def forget(self, folder: Folder, uids: Collection[int]) -> None:
        """Drop what has left the folder."""

    def forget_earlier(self, folder: Folder) -> None:
        """Drop what stands under another UIDVALIDITY."""

    def entries(self, folder: Folder) -> Mapping[int, LedgerState]:
        """Return what is accounted for."""

    def validities(self, folder: Folder) -> set[int]:
        """Return the UIDVALIDITY values known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How one folder of a mailbox is treated."""

    district: str
    mailbox: str  # its name
    address: str  # the account, as recipient of what comes in
    folder: str
    max_size: int  # octets
    after: After
    begin: datetime | None = None  # what came before is left alone


@dataclass(frozen=True, slots=True)
class _Mark:
    """Below `next` everything was accounted for when the folder held `exists` messages."""

    next: int
    exists: int


class Intake:
    """One folder of one mailbox, over as many connections as it takes."""

    def __init__(self, treatment: Treatment, book: Book, now: Callable[[], datetime]) -> None:
        """Work by *treatment*; nothing is asked yet."""
        self.treatment = treatment
        self.unaccounted = 0  # messages on the server that are not in the ledger, behind a look
        self.uidvalidity: int | None = None
        self._book = book
        self._now = now
        self._afterwards = Afterwards(treatment.after, book)
        self._mark: _Mark | None = None
        self._alone: dict[int, int] = {}  # what failed in company, or several times: uid → tries
        self._tried_again: set[int] = set()
        self._top = 0  # the highest UID seen: where a server does not say what comes next

    def look(self, connection: Connection, *, everything: bool = False) -> int:
        """Take in what is new and return how many messages that were; with *everything* compare the whole sets first.

        Raises StoreUnavailableError, and ChannelUnavailableError where the server fails; whatever was committed until then is safe, and
        the rest is found again.
        """
        selected = connection.select(self.treatment.folder, to_change=self.treatment.after.kind != "leave")
        folder = self._folder(selected)
        self._recognise(folder)
        work = None if everything or self._mark is None else self._news(connection, selected, self._mark)
        owed: Mapping[int, LedgerState] = {}
        if work is None:
            work, owed = self._compare(connection, folder, selected)
        elif not work:
            return 0
        self._mark, self.unaccounted = None, len(work)
        self._afterwards.begin(keeps_keywords=selected.keeps_keywords)
        left = self._take(connection, folder, work)
        self._afterwards.see_to(connection, folder, owed)
        self._try_again(connection, folder, [uid for uid, state in owed.items() if state is LedgerState.SET_ASIDE])
        self._conclude(selected, work, left)
        return len(work) - len(left)

    def missing(self, connection: Connection) -> tuple[list[int], int]:
        """Return the UIDs that the server has and the ledger has not, and how many the server has. Changes nothing anywhere."""
        selected = connection.select(self.treatment.folder, to_change=False)
        server = _all(connection, selected)
        return sorted(server - self._book.entries(self._folder(selected)).keys()), len(server)

    # ------------------------------------------------------------ what is to be done

    def _folder(self, selected: Selected) -> Folder:
        known = self.treatment
        return Folder(district=known.district, mailbox=known.mailbox, name=known.folder, uidvalidity=selected.uidvalidity)

    def _recognise(self, folder: Folder) -> None:
        """Begin anew where the folder's UIDs mean something else than before."""
        if folder.uidvalidity == self.uidvalidity:
            return
        known = self._book.validities(folder)
        if known - {folder.uidvalidity}:
            # Everything is fetched once more; what was taken in before is known by its content.
            log.warning("imap.renumbered", mailbox=folder.mailbox, folder=folder.name, uidvalidity=folder.uidvalidity)
            self._book.forget_earlier(folder)
        self.uidvalidity, self._mark = folder.uidvalidity, None
        self._alone, self._tried_again, self._top = {}, set(), 0

    def _news(self, connection: Connection, selected: Selected, mark: _Mark) -> list[int] | None:
        """Return what came since *mark*; None where the counts do not agree, so that only a comparison helps."""
        if selected.uidnext == mark.next:
            return [] if selected.exists == mark.exists else None
        last = selected.uidnext - 1 if selected.uidnext else None
        news = connection.uids(mark.next, last) if selected.exists else []
        return news if selected.exists == mark.exists + len(news) else None

    def _compare(self, connection: Connection, folder: Folder, selected: Selected) -> tuple[list[int], Mapping[int, LedgerState]]:
        """Return what the ledger has not, and what is still owed to what it has."""
        server = _all(connection, selected)
        entries = self._book.entries(folder)
        self._book.forget(folder, entries.keys() - server)
        self._top = max(server, default=self._top)
        return sorted(server - entries.keys()), {uid: state for uid, state in entries.items() if uid in server}

    def _conclude(self, selected: Selected, work: Sequence[int], left: Collection[int]) -> None:
        self.unaccounted = len(left)
        self._alone = {uid: tries for uid, tries in self._alone.items() if uid in left}
        if not left:
            self._top = max([self._top, *work])
            self._mark = _Mark(selected.uidnext or self._top + 1, selected.exists - self._afterwards.taken_away)

    # ------------------------------------------------------------ taking in

    def _take(self, connection: Connection, folder: Folder, work: Sequence[int]) -> set[int]:
        """Take in *work*, the difficult ones last; return what could not be taken in this time."""
        left: set[int] = set()
        for some in _some([uid for uid in work if uid not in self._alone]):
            for bunch in self._sorted_out(connection, folder, some):
                left |= self._take_bunch(connection, folder, bunch)
        for uid in sorted(set(work) & self._alone.keys(), key=lambda uid: (self._alone[uid], uid)):
            left |= self._take_alone(connection, folder, uid)
        return left

    def _sorted_out(self, connection: Connection, folder: Folder, uids: Sequence[int]) -> Iterator[dict[int, Head]]:
        """See to what is not fetched at all, and yield the rest in bunches of bounded size. Whatever gave no size is tried alone."""
        try:
            heads = connection.heads(uids)
        except CommandRefusedError:
            heads = {}
        begin = self.treatment.begin
        before = {uid for uid, head in heads.items() if begin and head.at and head.at < begin}
        self._book.note(folder, before, LedgerState.BEFORE)
        self._alone |= {uid: 0 for uid in uids if uid not in heads}
        for uid in sorted(heads.keys() - before):
            if heads[uid].size > self.treatment.max_size:
                self._set_aside(connection, folder, uid, heads[uid], self._too_large(heads[uid].size))
        fit = {uid: heads[uid] for uid in sorted(heads.keys() - before) if heads[uid].size <= self.treatment.max_size}
        yield from _bunches(fit)

    def _take_bunch(self, connection: Connection, folder: Folder, bunch: Mapping[int, Head]) -> set[int]:
        try:
            raws = connection.raws(bunch, most=2 * sum(head.size for head in bunch.values()) + _SLACK)
        except CommandRefusedError:
            raws = {}
        except ChannelUnavailableError:
            self._alone |= dict.fromkeys(bunch, 0)  # one of them may be the reason; the next connection tells
            raise
        self._alone |= {uid: 0 for uid in bunch if uid not in raws}
        return self._keep(connection, folder, [self._taken(folder, uid, raw, bunch[uid]) for uid, raw in raws.items()])

    def _take_alone(self, connection: Connection, folder: Folder, uid: int) -> set[int]:
        """Take in one message that failed before. After some tries a stub goes to the quarantine: it must not hold up the others for ever."""
        head = Head(size=0, at=None)
        if self._alone[uid] >= _TRIES:
            self._set_aside(connection, folder, uid, head, f"试了 {_TRIES} 次，邮件服务器都没有交出这封邮件；原件还在邮箱里，请人查看")
            return set()
        self._alone[uid] += 1
        try:
            head = connection.heads([uid]).get(uid, head)
            if head.size > self.treatment.max_size:
                self._set_aside(connection, folder, uid, head, self._too_large(head.size))
                return set()
            raw = connection.raws([uid], most=self.treatment.max_size).get(uid)
        except LiteralTooLargeError:
            self._alone[uid] = _TRIES
            raise
        except CommandRefusedError:
            raw = None
        return {uid} if raw is None else self._keep(connection, folder, [self._taken(folder, uid, raw, head)])

    def _try_again(self, connection: Connection, folder: Folder, aside: Sequence[int]) -> None:
        """Try once in this process to have what was set aside: the limit may have been raised, the server mended."""
        fresh = [uid for uid in aside if uid not in self._tried_again]
        self._tried_again |= set(fresh)
        for some in _some(fresh):
            for uid, head in connection.heads(some).items():
                if head.size <= self.treatment.max_size:
                    self._alone[uid] = 0
                    self._take_alone(connection, folder, uid)

    def _keep(self, connection: Connection, folder: Folder, taken: Sequence[Taken]) -> set[int]:
        """Commit, and only then let the mailbox show it; return what failed by a fault of ours, one bad message not taking others along."""
        try:
            receipts = self._book.keep(folder, taken)
        except TemporaryError:
            raise
        except Exception as error:
            if len(taken) > 1:
                return {uid for one in taken for uid in self._keep(connection, folder, [one])}
            log.exception("imap.failed", exc_info=error, mailbox=folder.mailbox, folder=folder.name, uid=taken[0].uid)
            self._alone[taken[0].uid] = self._alone.get(taken[0].uid, 0) + 1
            return {taken[0].uid}
        for one, receipt in zip(taken, receipts, strict=True):
            noted = {"mailbox": folder.mailbox, "folder": folder.name, "uid": one.uid, "door": DOOR, "district": folder.district}
            log.info("mail.accepted", arrival_id=receipt.arrival_id, size=len(one.arrival.raw), is_new=receipt.is_new, **noted)
        self._afterwards.see_to(connection, folder, {one.uid: one.state for one in taken})
        return set()

    def _set_aside(self, connection: Connection, folder: Folder, uid: int, head: Head, problem: str) -> None:
        """Enter a stub: the header alone, in quarantine, where a person sees it. The message stays where it is."""
        header, lost = b"", None
        try:
            header = connection.header(uid)
        except CommandRefusedError:
            pass
        except ChannelUnavailableError as error:
            lost = error
        stub = self._taken(folder, uid, header, head, problem)
        self._book.keep(folder, [stub])
        self._tried_again.add(uid)
        log.warning("imap.set_aside", mailbox=folder.mailbox, folder=folder.name, uid=uid, problem=problem)
        if lost:
            raise lost

    def _too_large(self, size: int) -> str:
        most = self.treatment.max_size
        return (
            f"这封邮件有 {size / _MIB:.1f} 兆字节，超过上限 {most / _MIB:.0f} 兆字节，没有取回；原件还在邮箱 {self.treatment.mailbox} 的"
            f"“{self.treatment.folder}”里，请人查看，或调大 max_size_mb 后重新启动"
        )

    def _taken(self, folder: Folder, uid: int, raw: bytes, head: Head, problem: str = "") -> Taken:
        message_id, content_key = mail_keys(raw)
        source = f"{folder.mailbox}/{folder.name}/{folder.uidvalidity}/{uid}"
        if problem:  # a header is not the message: they must never be taken for each other
            content_key = hashlib.sha256(f"{DOOR}:{source}:{content_key}".encode()).hexdigest()
        arrival = Arrival(
            district=folder.district,
            channel=Channel.MAIL,
            door=DOOR,
            # With the content, since a server may give a UID twice against the rules; that would be another message.
            source_key=f"{DOOR}:{source}:{content_key}",
            content_key=content_key,
            message_id=message_id,
            envelope_from=_return_path(raw),
            envelope_to=(self.treatment.address,),
            received_at=_received_at(head.at, self._now()),
            raw=raw,
        )
        state = LedgerState.SET_ASIDE if problem else self._afterwards.first_state
        return Taken(uid=uid, arrival=arrival, state=state, problem=problem)


def _all(connection: Connection, selected: Selected) -> set[int]:
    """Return the UIDs of the folder as it was when selected; what has come since is left to the next poll."""
    if not selected.exists:
        return set()
    return set(connection.uids(1, selected.uidnext - 1 if selected.uidnext else None))


def _received_at(at: datetime | None, now: datetime) -> datetime:
    """Return the moment from which days are counted: when the mail came into the mailbox, though we may have fetched it days later."""
    return now if at is None or at > now or at < _EARLIEST else at


def _return_path(raw: bytes) -> str:
    match = _RETURN_PATH.search(raw[:_HEAD])
    return (match[1] or match[2] or b"").decode("ascii", "replace") if match else ""


def _some(uids: Iterable[int]) -> Iterator[list[int]]:
    listed = sorted(uids)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]


def _bunches(heads: Mapping[int, Head]) -> Iterator[dict[int, Head]]:
    bunch: dict[int, Head] = {}
    size = 0
    for uid, head in heads.items():
        if bunch and (size + head.size > _BUNCH or len(bunch) == _BUNCH_MAILS):
            yield bunch
            bunch, size = {}, 0
        bunch[uid] = head
        size += head.size
    if bunch:
        yield bunch

"""Proves that every message on the server is accounted for, or tells which are not. Changes nothing, neither there nor here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from channels.headers import addresses, date_of, parse_head
from channels.identity import content_start
from channels.imap import Connection
from channels.imap_intake import Book, Intake
from channels.imap_watch import Mailbox
from store.errors import TemporaryError

MOST_LISTED = 200
_PAUSE_S = 2.0
_MOST_LINES = 1 << 20  # of a header that is bounded by its size


@dataclass(frozen=True, slots=True, kw_only=True)
class Unaccounted:
    """A message that the server has and the ledger has not, so that a person can look for it."""

    uid: int
    date: str  # as people here write it, "" where the message has none
    sender: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How one folder adds up. Where `problem` (Chinese) is set nothing could be proved."""

    mailbox: str
    district: str
    folder: str
    messages: int = 0
    unaccounted: int = 0
    listed: tuple[Unaccounted, ...] = ()  # the first of them
    problem: str = ""


def accounts(mailbox: Mailbox, book: Book, *, patience_s: float, waiting: Callable[[int], None]) -> list[Account]:
    """Compare every folder of *mailbox*. Blocks; a running service gets *patience_s* seconds to take in what has just come.

    *waiting* is told how many messages it is waited for.
    """
    try:
        connection = Connection.open(mailbox.account, mailbox.password())
    except TemporaryError as error:
        return [
            Account(mailbox=each.mailbox, district=each.district, folder=each.folder, problem=str(error)) for each in mailbox.treatments
        ]
    try:
        intakes = [Intake(treatment, book, lambda: datetime.now(UTC)) for treatment in mailbox.treatments]
        return [_account(intake, connection, patience_s, waiting) for intake in intakes]
    finally:
        connection.close()


def _account(intake: Intake, connection: Connection, patience_s: float, waiting: Callable[[int], None]) -> Account:
    known = intake.treatment
    try:
        missing, messages = _missing(intake, connection, patience_s, waiting)
        listed = tuple(_summaries(connection, missing[:MOST_LISTED]))
    except TemporaryError as error:
        return Account(mailbox=known.mailbox, district=known.district, folder=known.folder, problem=str(error))
    return Account(
        mailbox=known.mailbox,
        district=known.district,
        folder=known.folder,
        messages=messages,
        unaccounted=len(missing),
        listed=listed,
    )


def _missing(intake: Intake, connection: Connection, patience_s: float, waiting: Callable[[int], None]) -> tuple[list[int], int]:
    """Return what is missing and stays so: what came a moment ago is the running service's, which needs until its next poll."""
    missing, messages = intake.missing(connection)
    deadline = time.monotonic() + patience_s
    if missing and patience_s:
        waiting(len(missing))
    while missing and time.monotonic() < deadline:
        threading.Event().wait(_PAUSE_S)
        still, messages = intake.missing(connection)
        missing = [uid for uid in missing if uid in set(still)]
    return missing, messages


def _summaries(connection: Connection, uids: Sequence[int]) -> Iterator[Unaccounted]:
    for uid in uids:
        head, _, _ = parse_head(content_start(connection.header(uid)), 0, lambda _: False, _MOST_LINES)
        moment = date_of(head.first("date"))
        sender = addresses(head.first("from"), 1)
        yield Unaccounted(
            uid=uid,
            date=moment.isoformat() if moment else "",
            sender=sender[0].address if sender else "",
            subject=head.words("subject"),
        )

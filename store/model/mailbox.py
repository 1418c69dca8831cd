"""What the ledger knows of a message in a mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from store.model.arrival import Arrival


class LedgerState(StrEnum):
    """What is still owed to a message in a mailbox that stands in the ledger. Every one of these states counts as accounted for."""

    KEPT = "kept"  # its arrival is committed; the mailbox does not show it yet (flag, move)
    COPYING = "copying"  # a copy to another folder was begun; whether it was made is not known
    COPIED = "copied"  # the copy is made; the original is still to be removed
    DONE = "done"  # nothing owed
    SET_ASIDE = "set_aside"  # too large or not to be had: its arrival is a stub in quarantine, the message stays where it is
    BEFORE = "before"  # older than the day from which the mailbox is ours; never fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One folder of a mailbox for as long as its UIDs mean the same (RFC 3501 2.3.1.1: until UIDVALIDITY changes)."""

    district: str
    mailbox: str  # its name in the configuration
    name: str  # in Chinese as people see it, not in modified UTF-7
    uidvalidity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message as fetched from a folder; `problem` (Chinese) is set where the arrival is a stub that goes to the quarantine."""

    uid: int
    arrival: Arrival
    state: LedgerState
    problem: str = ""

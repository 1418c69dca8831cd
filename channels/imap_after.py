"""What the mailbox shows of a message that is safely ours: moved, flagged, or nothing. Repeatable after a crash, and never a copy twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from channels.imap import Connection
from store.errors import CommandRefusedError
from store.model.mailbox import Folder, LedgerState

log = structlog.get_logger()

KEYWORD = "$Zuozhen"
_SEEN = "\\Seen"
_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What is done with a message once its arrival is committed. *move_to* is the folder where *kind* is "move"."""

    kind: Literal["move", "flag", "seen", "leave"]
    move_to: str = ""


class States(Protocol):
    """Where the ledger keeps what is owed."""

    def change(self, folder: Folder, uids: Collection[int], state: LedgerState) -> None:
        """Say what is now owed."""


class Afterwards:
    """Does what is owed in one folder. What the server refuses is tried again when the folder is next compared as a whole."""

    def __init__(self, after: After, states: States) -> None:
        """Do *after* and keep its state in *states*."""
        self._after = after
        self._states = states
        self._keeps_keywords = True
        self.taken_away = 0  # messages that have left the folder by our hand since `begin`

    @property
    def first_state(self) -> LedgerState:
        """What is owed to a message that was just taken in."""
        return LedgerState.DONE if self._after.kind == "leave" else LedgerState.KEPT

    def begin(self, *, keeps_keywords: bool) -> None:
        """Begin with a folder as it was just selected; it says whether it takes flags of our own."""
        self._keeps_keywords, self.taken_away = keeps_keywords, 0

    def see_to(self, connection: Connection, folder: Folder, owed: Mapping[int, LedgerState]) -> None:
        """Do what is owed to the messages in *owed*; the others in it are passed over.

        Raises ChannelUnavailableError where the connection fails half-way; the states then tell where to go on.
        """
        try:
            for some in _some(owed, LedgerState.COPIED):
                self._remove(connection, folder, some)
            for some in _some(owed, LedgerState.COPYING):
                self._give_up_moving(connection, folder, some)
            for some in _some(owed, LedgerState.KEPT):
                self._do(connection, folder, some)
        except CommandRefusedError as error:
            log.warning("imap.not_marked", mailbox=folder.mailbox, folder=folder.name, action=self._after.kind, problem=str(error))

    def _do(self, connection: Connection, folder: Folder, uids: Collection[int]) -> None:
        kind = self._after.kind
        if kind == "move" and "MOVE" in connection.abilities:
            connection.move(uids, self._after.move_to)
            self._states.change(folder, uids, LedgerState.DONE)
            self.taken_away += len(uids)
        elif kind == "move" and "UIDPLUS" in connection.abilities:
            self._copy(connection, folder, uids)
            self._remove(connection, folder, uids)
        else:
            if kind != "leave":
                self._flag(connection, uids)
            self._states.change(folder, uids, LedgerState.DONE)

    def _copy(self, connection: Connection, folder: Folder, uids: Collection[int]) -> None:
        """Copy, having written down that we do: if we die in between, nobody can know whether the copy was made."""
        self._states.change(folder, uids, LedgerState.COPYING)
        try:
            connection.copy(uids, self._after.move_to)
        except CommandRefusedError:
            self._states.change(folder, uids, LedgerState.KEPT)  # all or none: none
            raise
        self._states.change(folder, uids, LedgerState.COPIED)

    def _remove(self, connection: Connection, folder: Folder, uids: Collection[int]) -> None:
        connection.remove(uids)
        self._states.change(folder, uids, LedgerState.DONE)
        self.taken_away += len(uids)

    def _give_up_moving(self, connection: Connection, folder: Folder, uids: Collection[int]) -> None:
        """Leave the message where it is, flagged: a second copy for every crash would fill the disk of its owner."""
        self._flag(connection, uids)
        self._states.change(folder, uids, LedgerState.DONE)
        log.warning("imap.not_moved", mailbox=folder.mailbox, folder=folder.name, uids=sorted(uids))

    def _flag(self, connection: Connection, uids: Collection[int]) -> None:
        connection.flag(uids, KEYWORD if self._after.kind != "seen" and self._keeps_keywords else _SEEN)


def _some(owed: Mapping[int, LedgerState], state: LedgerState) -> Iterator[list[int]]:
    listed = sorted(uid for uid, owes in owed.items() if owes is state)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]

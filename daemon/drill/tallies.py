"""What a drill counts: the steps that were planned, each beside the mails that were sent for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from store.model.notice import QueuedNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A kind of what is to be sent: its name in data and in Chinese, and the article that asks for it, "" where the pack's settings do."""

    id: str
    label: str
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step of one deadline: when it was planned, when it was taken (None: never), and the mails that say so."""

    kind: str
    about: str
    due: date
    what: str
    to: str
    planned: datetime
    taken: datetime | None
    mails: Sequence[QueuedNotice]

    @property
    def is_missed(self) -> bool:
        """Whether nobody was written to."""
        return not self.mails

    @property
    def doubled(self) -> int:
        """How many mails too many an addressee got about this step."""
        return len(self.mails) - len({mail.notice.to.address for mail in self.mails})


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTally:
    """All steps of all deadlines of one kind. `extra` steps were taken though nothing planned them, or twice."""

    kind: Named
    deadlines: int
    lines: Sequence[Line]
    extra: int

    @property
    def missed(self) -> int:
        """How many planned steps nobody heard of."""
        return sum(line.is_missed for line in self.lines)

    @property
    def doubled(self) -> int:
        """How many mails or steps there are too many."""
        return self.extra + sum(line.doubled for line in self.lines)

    @property
    def late_s(self) -> float:
        """The longest time between plan and deed, in seconds."""
        return max((abs((line.taken - line.planned).total_seconds()) for line in self.lines if line.taken), default=0.0)

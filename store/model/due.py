"""A date somebody owes something by, and how its days were counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDay:
    """One day of a deadline's count: whether it counted, and why in Chinese (with the State Council notice where it is one)."""

    day: date
    counted: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A date somebody owes something by. `provisional` where a year on the way has no State Council notice yet."""

    kind: str  # "verification": CG-3.4
    label: str  # 初步对接核实
    basis: str  # "三（四）"
    start: date  # day zero
    start_label: str  # 挂号截止 / 来件
    due: date
    provisional: bool
    days: tuple[CountedDay, ...]
    earliest: date | None = None  # where provisional: between which days it may fall once the notice is out
    latest: date | None = None
    notes: tuple[str, ...] = ()  # what else made this date, Chinese: a promise, an extension, days on which the count stood still
    since: datetime | None = None  # where hours are counted: from which moment, to which
    at: datetime | None = None
    known_at: datetime | None = None  # where it was over before anybody knew of it: when that was

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of it beside the count: the notes, and that it came late."""
        known = self.known_at
        late = f"{known.month}月{known.day}日登记时期限已过，此前的提醒和督促不再补发" if known else ""
        return (*self.notes, late) if late else self.notes

    @property
    def last(self) -> date:
        """The day that escalation goes by: the latest possible one."""
        return self.latest or self.due

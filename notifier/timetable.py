"""One line of a district's calendar, as it is printed, written to a calendar file and read by programs; no history, no rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time
from enum import StrEnum


class Standing(StrEnum):
    """Where a line stands."""

    PLANNED = "planned"  # in the pack alone
    UNDATED = "undated"  # announced without a day
    ANNOUNCED = "announced"
    HELD = "held"
    CANCELLED = "cancelled"
    UNTOLD = "untold"  # its day is over and nobody has said anything
    OWED = "owed"
    OVERDUE = "overdue"
    MET = "met"


STANDING_WORDS = {
    Standing.PLANNED: "未登记",
    Standing.UNDATED: "日期待定",
    Standing.ANNOUNCED: "已定",
    Standing.HELD: "已举行",
    Standing.CANCELLED: "已取消",
    Standing.UNTOLD: "已过，没有登记举行",
    Standing.OWED: "待办",
    Standing.OVERDUE: "逾期",
    Standing.MET: "已办到",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of those who are responsible for a line has done: his part under its own name, `late` what he owes and is overdue with."""

    key: str
    department: str  # id, "" for the coordinator
    name: str
    standing: Standing
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A session, an activity, or a date by which something is owed (`is_due`).

    From `first` to `last` where the day is one of them; `shares` are of those who are responsible, none where the document leaves them to
    an annex that is not filled in. `company` are the names of those who take part. `note` says why it is on this day, `unsure` that a notice
    still to come may move it.
    """

    uid: str
    title: str
    first: date
    last: date
    is_due: bool
    theme: str = ""
    place: str = ""
    hours: tuple[time, time] | None = None
    shares: tuple[Share, ...] = ()
    company: tuple[str, ...] = ()
    company_ids: tuple[str, ...] = ()
    basis: str = ""
    note: str = ""
    unsure: bool = False

    @property
    def standing(self) -> Standing:
        """Where the line as a whole stands: where its parts differ, what is worst of them."""
        found = {share.standing for share in self.shares}
        return next((one for one in _WORST_FIRST if one in found), Standing.PLANNED)

    def concerns(self, department: str) -> bool:
        """Say whether *department* is responsible or takes part."""
        return department in self.company_ids or any(share.department == department for share in self.shares)


_WORST_FIRST = (
    Standing.OVERDUE,
    Standing.UNTOLD,
    Standing.OWED,
    Standing.UNDATED,
    Standing.ANNOUNCED,
    Standing.PLANNED,
    Standing.HELD,
    Standing.MET,
    Standing.CANCELLED,
)


def uid_of(district: str, name: str) -> str:
    """Return what names a line in every calendar for good: whichever its day, its title and the machine."""
    return f"{hashlib.sha256(f'{district} {name}'.encode()).hexdigest()[:32]}@{district}.zuozhen"


def standing_words(line: Line) -> str:
    """Return where a line stands in words, with how many of several have done it, and what is overdue."""
    words = "未开始计时" if line.is_due and line.standing is Standing.PLANNED else STANDING_WORDS[line.standing]
    done = sum(share.standing in {Standing.HELD, Standing.MET} for share in line.shares)
    if len(line.shares) > 1 and line.standing in {Standing.OWED, Standing.OVERDUE, Standing.UNTOLD}:
        open_ = [share.name for share in line.shares if share.standing not in {Standing.HELD, Standing.MET, Standing.CANCELLED}]
        words += f"（{done}／{len(line.shares)} 已办；还有{_few(open_)}）"
    late = list(dict.fromkeys(what for share in line.shares for what in share.late))
    return words + (f"；逾期未办：{'、'.join(late)}" if late and not line.is_due else "")


def responsible(line: Line) -> str:
    """Return who is responsible, in words."""
    return _few([share.name for share in line.shares]) if line.shares else "（待本区填入）"


def _few(names: list[str]) -> str:
    most = 4
    return "、".join(names[:most]) + (f"等 {len(names)} 家" if len(names) > most else "")


def together(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield *lines* in the order of their days, those that several hold on the same day under the same title as one."""
    found: dict[object, Line] = {}
    for line in lines:
        same = (line.title, line.theme, line.first, line.last, line.is_due, line.company, line.note)
        known = found.get(same)
        found[same] = line if known is None else replace(known, shares=(*known.shares, *line.shares))
    yield from sorted(found.values(), key=lambda line: (line.first, line.is_due, line.last, line.title))

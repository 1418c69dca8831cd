"""The days that a log tells of: 走访记录：10月12日走访××公司，了解用工情况。 Pure.

Days are counted, not entries: two visits on one day are one day. What is planned, called off or in the future counts for nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from rules.deadline_kinds import Kind
from rules.period_words import Named, named
from rules.returns import SEARCHED, Handed, mentions

_END_OF_PIECE = re.compile(r"[。;\n]|,(?=[^,。;\n]{0,8}月)")
_PLANNED = re.compile(r"拟|计划|将(?:于|在|赴|到|前往)|下次|下周|下月|准备|预计|改期|改在|取消|未能|没有|推迟")
_LEAST_ABOUT = 4  # signs beside its date that an entry has: a date alone is that of the letter
_FAR_AHEAD = 180  # days
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Visit:
    """One day of a log, and what its first entry says."""

    day: date
    words: str


def logged(handed: Handed, kind: Kind, today: date) -> tuple[list[Visit], list[str]]:
    """Return the days that a log of *kind* tells of, received on *today*, and in Chinese which of its days count for nothing.

    An entry is a piece of the text with a day in it: of a mail whose subject or file is called a log, every such piece, else those that say so.
    """
    is_log = bool(mentions("\n".join((handed.title, *handed.files)), [kind]))
    visits: dict[date, Visit] = {}
    doubts: list[str] = []
    for piece in _pieces(handed):
        days = [one for one in named(piece, today) if one.unit == "day"]
        if not days or not _is_entry(piece, days) or not (is_log or mentions(piece, [kind])):
            continue
        for one in days:
            day = _past(one, today)
            if _PLANNED.search(piece) or day > today:
                doubts.append(f"“{one.words}”还没有到，或没有办成：{piece[:_SHOWN]}")
            else:
                visits.setdefault(day, Visit(day, piece[:_SHOWN]))
    return [visits[day] for day in sorted(visits)], doubts


def _pieces(handed: Handed) -> Iterator[str]:
    for text in (handed.title, handed.body[:SEARCHED], *(words[:SEARCHED] for words in handed.documents.values())):
        for piece in _END_OF_PIECE.split(unicodedata.normalize("NFKC", text)):
            yield piece.strip()


def _is_entry(piece: str, days: list[Named]) -> bool:
    for one in days:
        piece = piece.replace(one.words, "")
    return len(re.findall(r"\w", piece)) >= _LEAST_ABOUT


def _past(one: Named, today: date) -> date:
    """Return the day; where its year is not written and it would lie far ahead, that of the year before (12月30日 in a letter of January)."""
    if one.has_year or (one.first - today).days < _FAR_AHEAD:
        return one.first
    return one.in_year(today.year - 1).first

"""What a mail about deadlines says: one person's cases, each with its date, how far off it is, and how it was counted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from notifier.dates import in_full, numbered_days
from notifier.plain import line
from store.model.case import Case
from store.model.due import Due
from store.owing import Deadline, Subject

_MOST = 50  # cases told one by one in one mail
_COUNTED = 3  # so many are explained day by day
_TITLE = 60
_PRECEDENCE = {"督办": 0, "抄报": 1, "督办情况": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One deadline: what it is about, its date, how many earlier steps were missed while the system stood still; `was` what stood before it moved.

    `lacking` are lines on what has not come in, where that is known one by one.
    """

    about: Case | Subject
    due: Due
    missed: int
    was: str = ""
    lacking: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why the mail is written. `role` says in words who gets it where that is not simply the one who owes ("分管领导", "抄报").

    `by_mail` where some of it may be handed in by answering.
    """

    what: str  # "remind", "late", "overdue", "moved"
    role: str
    items: Sequence[Item]
    by_mail: bool = False


def strongest(roles: Collection[str]) -> str:
    """Return the capacity in which one mail speaks to somebody whom several steps concern: supervision before anything else."""
    return min(roles, key=lambda role: (_PRECEDENCE.get(role, len(_PRECEDENCE)), -len(role), role))


def view_of(occasion: Occasion) -> dict[str, object]:
    """Return the names that a template may use about *occasion*."""
    explained = len(occasion.items) <= _COUNTED
    return {
        "occasion": occasion.what,
        "role": occasion.role,
        "count": len(occasion.items),
        "items": [_item(item, explained=explained) for item in occasion.items[:_MOST]],
        "more": max(0, len(occasion.items) - _MOST),
        "missed": sum(item.missed for item in occasion.items),
        "by_mail": occasion.by_mail,
        "of_cases": any(isinstance(item.about, Case) for item in occasion.items),
    }


def _item(item: Item, *, explained: bool) -> dict[str, object]:
    return {
        "number": number_of(item.about),
        "title": _title(item.about),
        "was": item.was,
        "lacking": item.lacking[:_MOST],
        "more_lacking": max(0, len(item.lacking) - _MOST),
        **due_view(item.due, explained=explained),
    }


def was_in_words(old: Deadline, new: Deadline, timezone: str) -> str:
    """Return what stood in place of *new*, as its reader was told; "" where he reads what he had read.

    Where only the hour has moved (a half day), both hours are told, because the date does not show it.
    """
    before, after = (_told(one.due) for one in (old, new))
    if before != after:
        return before
    closed, closes = (one.due_at.astimezone(ZoneInfo(timezone)) for one in (old, new))
    return f"{closed:%H:%M}届满，现为{closes:%H:%M}届满" if closed.date() == closes.date() and closed != closes else ""


def _told(due: Due) -> str:
    return in_full(due.due) + (f"（暂定，最晚{in_full(due.last)}）" if due.provisional and due.last != due.due else "")


def due_view(due: Due, *, explained: bool = True) -> dict[str, object]:
    """Return what a template may say of a date: day by day how it was counted where it is to be *explained*."""
    return {
        "label": due.label,
        "basis": due.basis,
        "date": in_full(due.due),
        "provisional": due.provisional,
        "latest": in_full(due.last),
        "start": in_full(due.start),
        "start_label": due.start_label,
        "notes": due.remarks,
        "days": numbered_days(due.days) if explained else [],
    }


def number_of(about: Case | Subject) -> str:
    """Return by what people know it: a case's number, the name of a session, an activity or a period's return."""
    return about.number if isinstance(about, Case) else about.key


def _title(about: Case | Subject) -> str:
    if isinstance(about, Subject):
        return line(about.title, _TITLE) if about.title != about.key else ""
    return line(about.petition.title, _TITLE) or "（无标题）"

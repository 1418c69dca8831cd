"""What an examination says: fine, worth knowing, or to be mended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    HINT = "hint"  # works, but somebody should know
    TROUBLE = "trouble"  # does not work, or will not for long


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `about` says where (邮箱 x、发信 …); words are Chinese; `remedy` is the next step where one is needed."""

    about: str
    level: Level
    message: str
    remedy: str = ""


def fine(about: str, message: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(about=about, level=Level.OK, message=message)


def hint(about: str, message: str, remedy: str = "") -> Finding:
    """Say what somebody should know."""
    return Finding(about=about, level=Level.HINT, message=message, remedy=remedy)


def trouble(about: str, message: str, remedy: str = "") -> Finding:
    """Say what is to be mended."""
    return Finding(about=about, level=Level.TROUBLE, message=message, remedy=remedy)

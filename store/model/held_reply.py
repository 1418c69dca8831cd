"""A reply whose sender is in doubt: it waits until the registered address, or a person, says what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from store.life import Role


class HeldState(StrEnum):
    """What became of a reply that was held."""

    HELD = "held"
    DONE = "done"  # confirmed, and what it orders was done as far as it was possible
    DROPPED = "dropped"  # not to be done


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a reply is held (`why`, Chinese), for whom its writer claims to act, and what it orders in words."""

    why: str
    role: Role
    department: str  # id, "" for others
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldReply:
    """A reply that is or was held, by the arrival that brought it."""

    arrival_id: int
    district: str
    case_id: int
    case_number: str
    hold: Hold
    state: HeldState
    held_at: datetime
    sender: str  # the address it came from, "" where it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What becomes of a held reply, who says so and why. `arrival_id` is that of the reply that was held."""

    arrival_id: int
    state: HeldState
    by: str
    reason: str

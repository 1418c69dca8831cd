"""A place that an enterprise has booked for a session (挂号)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from store.model.case import Case


class BookingState(StrEnum):
    """Whether the place is still wanted."""

    BOOKED = "booked"
    FREED = "freed"  # cancelled, or the case is over before the session
    MOVED = "moved"  # the session was called off: the case books for the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The `number`-th booking of a session. Numbers are given once each and stay: who stands before somebody is counted, not renumbered.

    `told` names what the enterprise was told last of its place, `call` what came of telephoning it.
    """

    id: int
    district: str
    subject_id: int
    case_id: int
    number: int
    state: BookingState
    booked_at: datetime
    told: str
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What has been heard of a booked case: which `forms` have come back (`store.model.reply.SLIP`, `RATING`), and since its session whether it was given back."""

    booking: Booking
    case: Case
    forms: frozenset[str] = frozenset()
    given_back: bool = False  # not the department's matter at all: to the coordinator, who assigns it (三（六）)

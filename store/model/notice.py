"""One mail that a case owes, as composed and as the outbox keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from store.model.enclosure import Enclosure
from store.model.letter import Address


def _is_empty(value: object) -> bool:
    return not value


class Purpose(StrEnum):
    """Why a notice is sent; with case and recipient it names the notice once and for all."""

    ACKNOWLEDGE = "acknowledge"  # to the enterprise: registered under this number
    SUPPLEMENT = "supplement"  # to the enterprise: what is missing
    REFERRAL = "referral"  # to the enterprise: not accepted, where to turn (only once confirmed)
    ASSIGN = "assign"  # to the lead department
    ACCOMPANY = "accompany"  # to an accompanying department, once a person has named it
    EXTENSION = "extension"  # to the department that asked for more time: granted, or not
    RECALL = "recall"  # to the department that had it: withdrawn, given to another, refused …
    COPY = "copy"  # to the oversight offices: handled anew, called back (督办回访)
    REVIEW = "review"  # to the coordinator: a person is needed
    FORWARD = "forward"  # to the department: a follow-up came in
    REMINDER = "reminder"  # to whoever owes something, and those above him
    PROBLEM = "problem"  # to the coordinator: so many enterprises have one problem; to the department that leads it
    BOOKING = "booking"  # to the enterprise: its number for a session, called up, moved up
    SESSION = "session"  # to the host of a session and those who accompany: notice, service list, call-up list
    RETURN = "return"  # to whoever handed something in: received, and what is still owed; to the coordinator where it was not clear
    SURVEY = "survey"  # to an enterprise: what it thinks of a department, or of a policy
    PROGRESS = "progress"  # to the enterprise: promised, answered, handed over, closed …
    HELP = "help"  # to whoever answered a mail of ours: what was not done, and what may be written
    CONFIRM = "confirm"  # to the registered address: whether a reply in its name is its own


class NoticeState(StrEnum):
    """Where a notice stands in the outbox."""

    QUEUED = "queued"
    SENT = "sent"
    REFUSED = "refused"  # the relay said no for good, or every try was used up
    SUPPRESSED = "suppressed"  # a cap per address held it back
    BOUNCED = "bounced"  # the relay took it, a server behind it could not deliver it


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One mail to one address as composed; the outbox adds the fixed Message-ID. `round` tells a repeated purpose apart (second assignment …).

    `office` is in what capacity the addressee may act by answering (`store.model.reply_sender`), "" where in none. It has a column of its own
    and no part in the text from which the Message-ID is drawn (ADR 0017). `enclosures` are the files that go with it; one without any is
    written as it was before there were any, so that it keeps its Message-ID.
    """

    purpose: Purpose
    to: Address
    subject: str
    text: str
    html: str
    attach_original: bool
    enclosures: Annotated[tuple[Enclosure, ...], Field(exclude_if=_is_empty)] = ()
    round: str = ""
    reply_to_message: str = ""  # Message-ID this answers, for In-Reply-To
    office: Annotated[str, Field(exclude=True)] = ""
    capped: bool = False  # True for mail to an address a stranger gave us: caps per address apply


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedNotice:
    """A notice as the outbox keeps it.

    About a session, an activity or a period it has no case and no arrival; `case_number` is then the key of what it is about.
    """

    id: int
    district: str
    case_id: int | None
    case_number: str
    arrival_id: int | None
    notice: Notice
    message_id: str  # without angle brackets
    state: NoticeState
    tries: int
    problem: str
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None
    reply: str = ""  # what the relay said when it took it, with its queue number for the most part


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A notice that came back, for the log and for those who must hear of it."""

    notice_id: int
    case_number: str
    purpose: str
    recipient: str
    office: str  # in what capacity the addressee may answer
    problem: str  # Chinese

"""What came in, as a door hands it over and as the pipeline claims it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """How an enterprise reached us (CG-3.1)."""

    MAIL = "mail"
    LETTER = "letter"
    WINDOW = "window"
    PLATFORM = "platform"  # the record of another government platform: compared with what comes to us, no case of its own
    HOTLINE = "hotline"
    FAX = "fax"


CHANNEL_WORDS = {
    Channel.MAIL: "邮件",
    Channel.HOTLINE: "热线",
    Channel.WINDOW: "窗口",
    Channel.LETTER: "信函",
    Channel.FAX: "传真",
    Channel.PLATFORM: "其他平台的记录",
}


class ArrivalState(StrEnum):
    """Where an arrival stands. Failed and done are different states."""

    ACCEPTED = "accepted"  # safely kept, not yet decided
    DONE = "done"  # decided and recorded
    QUARANTINED = "quarantined"  # cannot be read or decided; a person is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One thing received on one channel, as a door hands it over. Nothing of it has been trusted or read yet.

    `source_key` makes a redelivery on the same door harmless; `content_key` recognises the same message by any door
    (see `channels.identity`). Both are unique per district in the store.
    """

    district: str
    channel: Channel
    door: str  # "smtp", "lmtp", "imap", "file", "folder", "http"
    source_key: str
    content_key: str
    message_id: str  # without angle brackets; "" where the message has none
    envelope_from: str  # MAIL FROM; of a fax the number it came from, as the door knows it
    envelope_to: tuple[str, ...]
    received_at: datetime
    raw: bytes
    peer: str = ""  # who handed it in, as the door knows him: an address of the network, a mailbox's server


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The store's receipt for one arrival. `is_new` is False where the same message had been accepted before."""

    arrival_id: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArrival:
    """An accepted arrival as the pipeline claims it. `tries` counts earlier attempts that failed."""

    id: int
    district: str
    channel: Channel
    door: str
    message_id: str
    envelope_from: str
    envelope_to: tuple[str, ...]
    received_at: datetime
    state: ArrivalState
    tries: int
    problem: str  # why it is in quarantine or had to be tried again; Chinese, "" if none
    raw: bytes
    source_key: str = ""  # as its door named it
    peer: str = ""  # as of `Arrival`

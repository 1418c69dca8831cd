"""The earlier reports that a petition is compared with, ours and those of other platforms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from store.model.case import CaseState
from store.model.decision import Verdict


class PlatformStatus(StrEnum):
    """What another government platform made of a report, whatever its own words for it."""

    ACCEPTED = "accepted"  # 已受理, 办理中
    PENDING = "pending"  # 待审核
    REFUSED = "refused"  # 不予受理
    CLOSED = "closed"  # 已办结


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where a report stands at another government platform, as its record told us last. `words` is the platform's own word for `status`."""

    record_id: int
    platform: str  # its id in the pack
    number: str  # the platform's own number
    status: PlatformStatus
    words: str
    since: datetime  # from when it stands so


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An earlier report that shares a key with a petition. `keys` says which, the strongest first.

    "thread", "number", "uscc", "document", "phone", "name", "masked" (a masked number that fits), "sound" (a name that sounds alike), "text"
    (rare words), "amount", "sender", "contact", "place": see `store.matching_keys`.

    It is a case of ours (`case_id`, `state`, `verdict`), a record of another platform (`elsewhere`), or a case that such a record opened:
    then it has both. `number` is our case number, or the platform's where there is no case.
    """

    case_id: int | None
    number: str
    keys: tuple[str, ...]
    state: CaseState | None
    verdict: Verdict | None
    name: str
    title: str
    content: str
    received_at: datetime
    elsewhere: Elsewhere | None = None
    uscc: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideRow:
    """One line of two reports side by side: what each says, words that both have in 【】, and whether they agree, in Chinese, "" where nobody knows."""

    label: str
    this: str
    other: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The earlier report that a case may repeat, beside it, as people read it: which it is and where it stands, line by line, how it was found."""

    standing: str
    received_at: datetime
    rows: tuple[BesideRow, ...]
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a person said of a case and another report, seen from that case: `is_same` or not, who, when and why.

    The other one is a case of ours (`case_id`) or a record of another platform (`record_id`, `platform`); `number` is its number there.
    """

    number: str
    case_id: int | None
    record_id: int | None
    platform: str
    is_same: bool
    actor: str
    reason: str
    at: datetime

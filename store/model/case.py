"""One matter under one number, where it stands, and its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from store.model.decision import Decision, Verdict
from store.model.due import Due
from store.model.petition import Petition


class CaseState(StrEnum):
    """Where a case stands; what leads from one to another stands in `store.life`."""

    UNDER_REVIEW = "under_review"  # a person must confirm: refusal proposed, or no department certain
    ACCEPTED = "accepted"  # 受理, not yet with a department
    ASSIGNED = "assigned"  # 交办: with the department
    ACKNOWLEDGED = "acknowledged"  # 签收
    HANDLING = "handling"  # 承办, with a promise
    ANSWERED = "answered"  # 答复
    RATED = "rated"  # 评价
    CLOSED = "closed"  # 销号
    AWAITING_SUPPLEMENT = "awaiting_supplement"  # 补正
    REFUSED = "refused"  # 不予受理, confirmed
    RETURNED = "returned"  # 退回, the coordinator decides
    HANDED_OVER = "handed_over"  # 转交 to a body outside the directory
    DUPLICATE = "duplicate"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the events of its life have left in a case, beside its state.

    `limit_days` (限期) and `promised_days` (承诺时限) are the two numbers of 附件4, in working days with starts of their own. `resume` is
    the state that a supplement interrupted; `other` the number of the case that this one repeats, went into, or is in a sister district.
    """

    returns: int = 0
    proposed: str = ""  # the department that the returning one named
    limit_days: int | None = None
    promised_days: int | None = None
    extended_days: int = 0
    resume: str = ""
    result: str = ""
    rating: str = ""
    orders: int = 0  # 重点督办单 issued
    reopened_at: str = ""  # when the last of them was, ISO 8601
    other: str = ""
    elsewhere: str = ""
    sister: str = ""  # id of the district of this deployment that it was handed over to
    from_number: str = ""  # of the case in a sister district that this one goes on with …
    from_district: str = ""  # … and what that district was called


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One matter under one number."""

    id: int
    district: str
    number: str
    state: CaseState
    opened_at: datetime
    arrival_id: int
    petition: Petition
    decision: Decision  # as the rules made it; corrections by a person stand in the fields below and in the events
    verdict: Verdict
    ground: int | None
    department: str | None
    accompanying: tuple[str, ...]
    due: Due | None
    progress: Progress = field(default_factory=Progress)
    received_at: datetime | None = None  # of the arrival that opened it, from which the CG-3.4 date counts; None in samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a case's append-only history; `digest` chains over `previous` (see `store.audit`)."""

    seq: int  # 1, 2, 3 … within the case
    kind: str  # "case.opened", "case.confirmed", …
    at: datetime
    actor: str  # "rules", "system", or a person's name
    reason: str
    data: Mapping[str, object]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotACase:
    """An arrival that opened no case, for the review list: what the rules took it for and why."""

    arrival_id: int
    received_at: datetime
    petition: Petition
    decision: Decision
    confirmed: bool

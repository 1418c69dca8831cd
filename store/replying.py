"""What is written when a reply has been acted on: the reply, what it did to its case, and the notices that follow, in one transaction.

The arrival is the key: where it is decided already nothing is written, so that a crash at any line neither loses an act nor does it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from store import arrivals, audit, bookings, casebook, kept_files, knowledge, matching, matching_keys, recording, subject_rows
from store.audit import Entry
from store.bookings import Leave
from store.codec import from_json
from store.database import Database
from store.errors import OutrunError, UsageError
from store.life import Role
from store.model.case import Case
from store.model.held_reply import HeldReply, HeldState, Hold, Settled
from store.model.petition import Petition
from store.outbox import Outbox
from store.owing import Planner
from store.recording import Change, Compose, Filing
from store.tables import CASES, DECISIONS, HELD_REPLIES
from store.tables.replies import REPLY_HELD

_HELD = (
    select(HELD_REPLIES, CASES.c.number, DECISIONS.c.petition)
    .join(CASES, CASES.c.id == HELD_REPLIES.c.case_id)
    .join(DECISIONS, DECISIONS.c.arrival_id == HELD_REPLIES.c.arrival_id)
)

_WAITING = select(HELD_REPLIES.c.arrival_id).where(REPLY_HELD)  # by itself: the words of its index name no table


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What a reply comes to. `seen` is its case as all the rest was worked out from it.

    `event` tells what was done and what not, `notices` are those that no change brings, `needs_a_person` puts the case on the review list.
    """

    seen: Case
    event: Entry
    changes: Sequence[Change | Leave] = ()
    notices: Compose = lambda _: ()
    needs_a_person: bool = False
    hold: Hold | None = None
    settled: Settled | None = None


class Replies:
    """The replies to our mails in one database."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*, started by its owner; notices go to *outbox* in the transaction that causes them."""
        self._db, self._outbox = db, outbox

    async def record(self, filing: Filing, handled: Handled, *, now: datetime, planner: Planner | None) -> Case:
        """Write what a reply comes to, and return its case; where it is decided already, nothing.

        Raises OutrunError where the case is no longer as it was seen, StoreUnavailableError, MalformedMessageError.
        """
        return await self._db.write(lambda connection: _record(connection, filing, handled, now=now, outbox=self._outbox, planner=planner))

    async def settle(self, handled: Handled, *, now: datetime, planner: Planner | None) -> Case:
        """Write what becomes of a held reply by a person's word, and return its case. Raises UsageError where it is held no more, OutrunError."""
        return await self._db.write(lambda connection: _do(connection, handled, now=now, outbox=self._outbox, planner=planner))

    async def held(self, *, limit: int = 500) -> list[HeldReply]:
        """Return the replies that wait for somebody to vouch for them, the oldest first."""
        query = _HELD.where(HELD_REPLIES.c.arrival_id.in_(_WAITING)).order_by(HELD_REPLIES.c.arrival_id).limit(limit)
        return await self._db.read(lambda connection: [_held(row) for row in connection.execute(query).mappings()])

    async def held_one(self, arrival_id: int) -> HeldReply:
        """Return a reply that is or was held. Raises UsageError where it never was."""
        query = _HELD.where(HELD_REPLIES.c.arrival_id == arrival_id)
        row = await self._db.read(lambda connection: connection.execute(query).mappings().first())
        if row is None:
            raise UsageError(f"来件 {arrival_id} 不是等候核实的回信；用 zuozhen review list 查看")
        return _held(row)

    async def held_since(self, case_id: int, moment: datetime) -> int:
        """Return how many replies to the case were held since *moment*: for each we might ask whether it is theirs."""
        this = (HELD_REPLIES.c.case_id == case_id, HELD_REPLIES.c.held_at > moment)
        query = select(func.count()).select_from(HELD_REPLIES).where(*this)
        return await self._db.read(lambda connection: connection.execute(query).scalar_one())


def _record(connection: Connection, filing: Filing, handled: Handled, *, now: datetime, outbox: Outbox, planner: Planner | None) -> Case:
    arrival, case_id = filing.arrival, handled.seen.id
    if not arrivals.finish(connection, arrival.id):
        return casebook.of_arrival(connection, arrival.id) or handled.seen
    knowledge.add(connection, arrival.district)
    kept_files.of_arrival(connection, arrival.district, arrival.id, filing.reading)
    recording.set_aside(connection, filing, case_id, now)
    case = _do(connection, handled, now=now, outbox=outbox, planner=planner, arrival_id=arrival.id)
    if handled.hold is not None:
        _hold(connection, arrival.id, arrival.district, case_id, handled.hold, now)
    keys = matching_keys.thread_keys(filing.reading.petition)
    if case.petition is not handled.seen.petition:
        keys |= matching_keys.keys_of(case.petition)
    matching.remember(connection, case_id, arrival.id, arrival.district, keys)
    return case


def _do(
    connection: Connection,
    handled: Handled,
    *,
    now: datetime,
    outbox: Outbox,
    planner: Planner | None,
    arrival_id: int | None = None,
) -> Case:
    """Note the reply at its case and let its changes happen, one after another."""
    for change in handled.changes:  # a session is locked before its cases, by everybody (`store.bookings`)
        if isinstance(change, Leave):
            subject_rows.load(connection, change.subject_id, lock=True)
    case = casebook.load(connection, handled.seen.id, lock=True)
    if casebook.standing_values(case) != casebook.standing_values(handled.seen):
        raise OutrunError(f"{case.number} 刚被别人改过；将重新判断")
    audit.append(connection, case.id, [handled.event])
    for change in handled.changes:
        if isinstance(change, Leave):
            bookings.leave(connection, case, change, outbox)
        else:
            case = recording.apply(connection, case, change, outbox=outbox, planner=planner)
    if handled.needs_a_person:
        since = func.coalesce(CASES.c.review_since, now)
        connection.execute(update(CASES).where(CASES.c.id == case.id).values(review_since=since))
    if handled.settled is not None:
        _settle(connection, handled.settled, now)
    outbox.put(connection, case, handled.notices(case), arrival_id=arrival_id or case.arrival_id, now=now)
    return case


def _hold(connection: Connection, arrival_id: int, district: str, case_id: int, hold: Hold, now: datetime) -> None:
    values: dict[str, Any] = {"arrival_id": arrival_id, "district": district, "case_id": case_id, "state": HeldState.HELD, "held_at": now}
    said = {"why": hold.why, "role": hold.role, "department": hold.department, "says": hold.says, "settled_by": "", "settled_reason": ""}
    connection.execute(HELD_REPLIES.insert(), {**values, **said})


def _settle(connection: Connection, settled: Settled, now: datetime) -> None:
    """Settle a held reply. Raises UsageError where it is held no more: of two who settle it the second changes nothing."""
    values = {"state": settled.state, "settled_at": now, "settled_by": settled.by, "settled_reason": settled.reason}
    this = (HELD_REPLIES.c.arrival_id == settled.arrival_id, HELD_REPLIES.c.state == HeldState.HELD.value)
    if not connection.execute(update(HELD_REPLIES).where(*this).values(values)).rowcount:
        raise UsageError(f"A-{settled.arrival_id} 已经处理过，不再办理")


def _held(row: RowMapping) -> HeldReply:
    sender = from_json(Petition, row["petition"]).letter.sender
    return HeldReply(
        arrival_id=row["arrival_id"],
        district=row["district"],
        case_id=row["case_id"],
        case_number=row["number"],
        hold=Hold(why=row["why"], role=Role(row["role"]), department=row["department"], says=row["says"]),
        state=HeldState(row["state"]),
        held_at=row["held_at"],
        sender=sender.address if sender else "",
    )

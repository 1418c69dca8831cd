"""What we owe people in writing: queued with the case in one transaction, claimed, sent, and never twice under different names."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, or_, select, update

from store import addresses, audit, casebook, dialects, subject_rows, tokens, tries
from store.audit import Entry
from store.codec import from_json, to_json
from store.database import Database
from store.errors import UsageError
from store.model.case import Case
from store.model.letter import Bounce
from store.model.notice import Notice, NoticeState, QueuedNotice, Returned
from store.owing import Subject
from store.tables import CASES, NOTICES

TellReturned = Callable[[Case, Returned], Sequence[Notice]]
Listed = list  # the class below has a method of that name

_DAY, _THREE_HOURS = timedelta(days=1), timedelta(minutes=180)
_FREE = {"owner": None, "leased_until": None}
_ENDED = {**_FREE, "due_at": None}
_IS_QUEUED = NOTICES.c.due_at.is_not(None)

# The hot path's statements are built once: building one costs several times what running it does.
_ONE = NOTICES.c.id == bindparam("notice_id")
_COUNTED = (
    select(func.count(), func.count().filter(NOTICES.c.created_at > bindparam("three_hours_ago")))
    .where(NOTICES.c.district == bindparam("district"), NOTICES.c.cap_key == bindparam("cap_key"))
    .where(NOTICES.c.created_at > bindparam("day_ago"))
)
_DUE = (
    select(NOTICES)
    .where(NOTICES.c.due_at <= bindparam("now"), or_(NOTICES.c.leased_until.is_(None), NOTICES.c.leased_until <= bindparam("now")))
    .order_by(NOTICES.c.due_at, NOTICES.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LEASE_OUT = (
    update(NOTICES)
    .where(NOTICES.c.id.in_(bindparam("ids", expanding=True)))
    .values(owner=bindparam("new_owner"), leased_until=bindparam("until"))
)
_END = (
    update(NOTICES)
    .where(_ONE, _IS_QUEUED)
    .values({**_ENDED, "state": bindparam("end"), "problem": bindparam("why"), "reply": bindparam("said"), "sent_at": bindparam("at")})
    .returning(*(NOTICES.c[name] for name in ("case_id", "district", "case_number", "purpose", "recipient", "message_id", "office")))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many capped notices one address of a district may get in a day and in 180 minutes: neither a loop nor a bomb."""

    day: int = 40
    three_hours: int = 10


class Outbox:
    """The notices of all districts in one database."""

    def __init__(self, db: Database, *, domain: str, key: bytes, caps: Caps | None = None) -> None:
        """Work on *db*, started by its owner; *domain* stands behind the @ of our Message-IDs, which *key* makes hard to guess."""
        self._db = db
        self._domain, self._key = domain, key
        self._caps = caps or Caps()

    def put(
        self, connection: Connection, about: Case | Subject, notices: Sequence[Notice], *, arrival_id: int | None, now: datetime
    ) -> None:
        """Queue *notices* of a case, about the arrival, or of a session, an activity or a period (a unit of `Database.write`).

        A notice whose purpose, recipient and round the case has already is left as it is. One that a cap holds back stays visible,
        suppressed, and as an event; one to an address that is dead goes out, and the event warns that it may not arrive.
        """
        noted, queued = [], {}
        for notice in notices:
            problem = self._cap_problem(connection, about.district, notice, now)
            row = {**self._row(about, notice, problem), "arrival_id": arrival_id, "created_at": now, "due_at": None if problem else now}
            notice_id = connection.execute(dialects.insert_new(connection, NOTICES, returning_id=True), row).scalar()
            if notice_id is not None and problem:
                data = {"notice": notice_id, "purpose": notice.purpose.value}
                noted.append(Entry(kind="notice.suppressed", at=now, actor="system", reason=problem, data=data))
            elif notice_id is not None:
                queued[notice_id] = notice
        noted += _doubtful(connection, about.district, queued, now)
        if noted:
            chain = audit.OF_CASES if isinstance(about, Case) else audit.OF_SUBJECTS
            audit.append(connection, about.id, noted, chain=chain)

    async def claim_due(self, *, owner: str, now: datetime, limit: int, lease: timedelta) -> Listed[QueuedNotice]:
        """Return up to *limit* notices that are due, longest waiting first, for *owner* to send until *now* + *lease*."""
        return await self._db.write(lambda connection: _claim(connection, owner, now, limit, now + lease))

    async def release(self, *, owner: str) -> int:
        """Free what *owner*, who has nothing in hand, claimed, and return how many notices that were; see `Arrivals.release`."""
        unknown = update(NOTICES).where(NOTICES.c.owner == owner).values(_FREE)
        return await self._db.write(lambda connection: connection.execute(unknown).rowcount)

    async def sent(self, notice_id: int, now: datetime, *, reply: str = "") -> None:
        """Note that the relay took the notice and what it said, as an event of its case too. Said again, nothing happens."""
        await self._db.write(lambda connection: _settle(connection, notice_id, NoticeState.SENT, reply, now))

    async def refused(self, notice_id: int, problem: str, now: datetime) -> None:
        """Note that the notice will not be sent, and why (Chinese), as an event of its case too. Said again, nothing happens."""
        await self._db.write(lambda connection: _settle(connection, notice_id, NoticeState.REFUSED, problem, now))

    async def address_refused(self, notice_id: int, bounce: Bounce, problem: str, now: datetime, *, compose: TellReturned) -> None:
        """Note as `refused` that the relay takes no mail for the notice's address, and of the address what a returned mail would say of it.

        *compose* writes to those who must hear of it at once, in the same transaction.
        """

        def work(connection: Connection) -> None:
            row = _settle(connection, notice_id, NoticeState.REFUSED, problem, now)
            if row is None:
                return
            addresses.note(connection, row["district"], row["recipient"], bounce, problem, now)
            if row["case_id"] is not None:
                case = casebook.load(connection, row["case_id"])
                about = {name: row[name] for name in ("case_number", "purpose", "recipient", "office")}
                returned = Returned(notice_id=notice_id, problem=problem, **about)
                self.put(connection, case, compose(case, returned), arrival_id=case.arrival_id, now=now)

        await self._db.write(work)

    async def deferred(self, notice_id: int, problem: str, now: datetime, next_try_at: datetime) -> None:
        """Free a notice that the relay did not take now, to be claimed again from *next_try_at*; the relay's words are kept."""
        await self._db.write(lambda connection: _defer(connection, notice_id, problem, now, next_try_at))

    async def retry(self, notice_id: int, now: datetime) -> None:
        """Queue a notice again, at once and as if never tried; the operator's word overrules a cap. Raises UsageError where it was sent."""
        await self._db.write(lambda connection: _retry(connection, notice_id, now))

    async def get(self, notice_id: int) -> QueuedNotice:
        """Return one notice. Raises UsageError where there is none."""
        row = await self._db.read(
            lambda connection: connection.execute(select(NOTICES).where(NOTICES.c.id == notice_id)).mappings().first()
        )
        if row is None:
            raise _unknown(notice_id)
        return _queued(row)

    async def list(self, *, case_id: int | None = None, state: NoticeState | None = None, limit: int = 100) -> Listed[QueuedNotice]:
        """Return notices, newest first, of one case or in one state where asked for."""
        query = select(NOTICES).order_by(NOTICES.c.id.desc()).limit(limit)
        if case_id is not None:
            query = query.where(NOTICES.c.case_id == case_id)
        if state is not None:
            query = query.where(NOTICES.c.state == state.value)
        return await self._db.read(lambda connection: [_queued(row) for row in connection.execute(query).mappings()])

    def _cap_problem(self, connection: Connection, district: str, notice: Notice, now: datetime) -> str:
        """Say why a cap holds *notice* back, "" where none does. What this transaction has queued counts too."""
        if not notice.capped:
            return ""
        spans = {"day_ago": now - _DAY, "three_hours_ago": now - _THREE_HOURS}
        of_day, recent = connection.execute(_COUNTED, {"district": district, "cap_key": _cap_key(notice), **spans}).one()
        for count, limit, words in ((recent, self._caps.three_hours, "180 分钟"), (of_day, self._caps.day, "24 小时")):
            if count >= limit:
                return f"{words}内发往该地址的通知已达 {limit} 封上限，未发送；确需发送请手工重发"
        return ""

    def _row(self, about: Case | Subject, notice: Notice, problem: str) -> dict[str, Any]:
        written = to_json(notice)
        mark = self._mark(about, written)
        return {
            "district": about.district,
            "case_id": about.id if isinstance(about, Case) else None,
            "case_number": _number(about),
            "purpose": notice.purpose,
            "recipient": _cap_key(notice),
            "round": notice.round,
            "notice": written,
            "cap_key": _cap_key(notice) if notice.capped and not problem else None,
            "message_id": f"{mark}.{notice.purpose}@{self._domain}",
            "token_key": tokens.key_of(mark),
            "office": notice.office,
            "state": NoticeState.SUPPRESSED if problem else NoticeState.QUEUED,
            "tries": 0,
            "problem": problem,
            "reply": "",
        }

    def _mark(self, about: Case | Subject, written: str) -> str:
        """Return what names a notice for good: the same words to the same address have the same mark, others never.

        128 bits by our key: only who has seen the mail knows them (`store.bounces` rests on that).
        """
        return hmac.digest(self._key, f"{about.district}\n{_number(about)}\n{written}".encode(), "sha256").hex()[: tokens.HEX]


def _doubtful(connection: Connection, district: str, queued: Mapping[int, Notice], now: datetime) -> Listed[Entry]:
    """Return a warning for each of the notices just queued whose address was reported dead."""
    dead = addresses.dead_among(connection, district, {_cap_key(notice) for notice in queued.values()}) if queued else {}
    return [
        Entry(
            kind="notice.doubtful",
            at=now,
            actor="system",
            reason=f"发往 {_cap_key(notice)}，该地址此前退信，可能收不到：{dead[_cap_key(notice)]}",
            data={"notice": notice_id, "purpose": notice.purpose.value, "recipient": _cap_key(notice)},
        )
        for notice_id, notice in queued.items()
        if _cap_key(notice) in dead
    ]


def _number(about: Case | Subject) -> str:
    return about.number if isinstance(about, Case) else about.key


def _cap_key(notice: Notice) -> str:
    """Return the address as it counts: nobody in practice gives two people addresses that differ in case only."""
    return notice.to.address.casefold()


def _claim(connection: Connection, owner: str, now: datetime, limit: int, until: datetime) -> Listed[QueuedNotice]:
    claimed = [_queued(row) for row in connection.execute(_DUE, {"now": now, "limit": limit}).mappings()]
    if claimed:
        connection.execute(_LEASE_OUT, {"ids": [queued.id for queued in claimed], "new_owner": owner, "until": until})
    return claimed


def _settle(connection: Connection, notice_id: int, state: NoticeState, words: str, now: datetime) -> RowMapping | None:
    """Bring a queued notice to its end and note that in the history of what it is about; *words* are the relay's reply, or why it was not sent.

    Returns what identifies the notice; None where it is not queued any more.
    """
    at, problem, reply = (now, "", words) if state is NoticeState.SENT else (None, words, "")
    values = {"notice_id": notice_id, "end": state, "why": problem, "said": reply, "at": at}
    row = connection.execute(_END, values).mappings().first()
    if row is None:
        return None
    if state is NoticeState.REFUSED:  # somebody was not reached: a person must see to it
        since = func.coalesce(CASES.c.review_since, now)
        connection.execute(update(CASES).where(CASES.c.id == row["case_id"]).values(review_since=since))
    data = {"notice": notice_id, "purpose": row["purpose"], "message_id": row["message_id"]}
    owner_id, chain = subject_rows.history_of(connection, row)
    entry = Entry(kind=f"notice.{state.value}", at=now, actor="system", reason=problem, data=data)
    audit.append(connection, owner_id, [entry], chain=chain)
    return row


def _defer(connection: Connection, notice_id: int, problem: str, now: datetime, next_try_at: datetime) -> None:
    values = {**_FREE, "tries": NOTICES.c.tries + 1, "problem": problem, "due_at": next_try_at}
    later = update(NOTICES).where(NOTICES.c.id == notice_id, _IS_QUEUED).values(values).returning(NOTICES.c.district, NOTICES.c.arrival_id)
    row = connection.execute(later).first()
    if row is not None and row.arrival_id is not None:
        about = (row.arrival_id, notice_id)
        tries.note(connection, district=row.district, about=about, kind="notice.deferred", words=problem, now=now)


def _retry(connection: Connection, notice_id: int, now: datetime) -> None:
    values = {**_FREE, "state": NoticeState.QUEUED, "tries": 0, "problem": "", "due_at": NOTICES.c.created_at}
    again = update(NOTICES).where(NOTICES.c.id == notice_id, NOTICES.c.state != NoticeState.SENT.value).values(values)
    row = connection.execute(again.returning(NOTICES.c.district, NOTICES.c.arrival_id)).first()
    if row is not None:
        if row.arrival_id is not None:
            about = (row.arrival_id, notice_id)
            tries.note(connection, district=row.district, about=about, kind="notice.retried", words="", now=now)
        return
    if connection.scalar(select(NOTICES.c.id).where(NOTICES.c.id == notice_id)) is None:
        raise _unknown(notice_id)
    raise UsageError(f"通知 {notice_id} 已发出，不再重发；如需再次通知，请对事项重新交办")


def _unknown(notice_id: int) -> UsageError:
    return UsageError(f"没有编号为 {notice_id} 的通知，请核对编号")


def _queued(row: RowMapping) -> QueuedNotice:
    return QueuedNotice(
        id=row["id"],
        district=row["district"],
        case_id=row["case_id"],
        case_number=row["case_number"],
        arrival_id=row["arrival_id"],
        notice=replace(from_json(Notice, row["notice"]), office=row["office"]),
        message_id=row["message_id"],
        state=NoticeState(row["state"]),
        tries=row["tries"],
        problem=row["problem"],
        created_at=row["created_at"],
        next_try_at=row["due_at"],
        sent_at=row["sent_at"],
        reply=row["reply"],
    )

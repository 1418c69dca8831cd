"""Everything that happened to one message, in the order of time: from the door to the relay's answer and what came back.

It is told from what is kept anyway (arrivals, deliveries, tries, decisions, events, notices); nothing is written for it alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from store import audit, casebook, tries
from store.codec import from_json
from store.database import Database
from store.errors import UsageError
from store.model.arrival import Channel
from store.model.case import Case
from store.model.decision import Decision
from store.tables import ARRIVALS, DECISIONS, DELIVERIES, NOTICES, RAWS

_MOST = 500  # arrivals of a case, further deliveries of an arrival
_HEAD = 16_000  # bytes in which the uppermost Received field and the From field stand
_WITH_ENVELOPE = frozenset({"smtp", "lmtp"})  # elsewhere "" as its sender is not the null sender: nobody said
_QUEUE_ID = re.compile(rb"\s(?:id|ID)\s+([A-Za-z0-9._-]{4,60})")
_ARRIVAL = re.compile(r"(?:A-)?([0-9]{1,18})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened. `about` holds figures and addresses; `words` is why, or what somebody said."""

    at: datetime
    kind: str  # "arrival.accepted", "case.opened", "notice.deferred" …
    about: Mapping[str, object]
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLog:
    """What happened, and to what: the case that the message belongs to, None where it opened or continued none."""

    case: str | None
    steps: tuple[Step, ...]


Author = Callable[[bytes], str]


async def read(database: Database, key: str, *, author: Author = lambda _: "") -> MessageLog:
    """Return the log of *key*: a Message-ID, a case's number, or an arrival as `A-12`. Raises UsageError where there is none such.

    *author* finds the address in the From field at the beginning of a mail, which is for those who know headers.
    """
    return await database.read(lambda connection: _read(connection, key.strip(), author))


def _read(connection: Connection, key: str, author: Author) -> MessageLog:
    case, arrivals = _meant(connection, key)
    if case is not None:
        arrivals = list(dict.fromkeys([*arrivals, *casebook.arrivals_of(connection, case.id)]))[:_MOST]
    steps = [*_arrivals(connection, arrivals, author), *_tries(connection, arrivals), *_decisions(connection, arrivals)]
    if case is not None:
        steps += [*_notices(connection, case.id), *_events(connection, case)]
    return MessageLog(case=case.number if case else None, steps=tuple(sorted(steps, key=_order)))


def _order(step: Step) -> tuple[datetime, int]:
    """Return where a step stands: of one commit the arrival first, then its case, then the letters, then what became of them."""
    ranks = (step.kind.startswith("arrival."), step.kind.startswith("case."), step.kind == "notice.queued", True)
    return step.at, ranks.index(True)


def _meant(connection: Connection, key: str) -> tuple[Case | None, list[int]]:
    """Return the case and the arrivals that *key* names."""
    if (number := _ARRIVAL.fullmatch(key)) is not None:
        ids = list(connection.scalars(select(ARRIVALS.c.id).where(ARRIVALS.c.id == int(number[1]))))
        if not ids:
            raise UsageError(f"没有编号为 {key} 的来件，请核对编号")
        return casebook.of_arrival(connection, ids[0]), ids
    if "@" not in key:
        return casebook.find(connection, key), []
    message = key.strip("<> ")
    named = (ARRIVALS.c.message_id == message, ARRIVALS.c.message_id != "")
    ids = list(connection.scalars(select(ARRIVALS.c.id).where(*named).order_by(ARRIVALS.c.id).limit(_MOST)))
    if ids:
        return next((case for id_ in ids if (case := casebook.of_arrival(connection, id_))), None), ids
    notice = connection.execute(select(NOTICES.c.case_id, NOTICES.c.case_number).where(NOTICES.c.message_id == message).limit(1)).first()
    if notice is None:
        raise UsageError(f"没有 Message-ID 为 {message} 的邮件：没有收到过，也不是本系统发出的")
    if notice.case_id is None:
        raise UsageError(f"这是关于“{notice.case_number}”的提醒，不属于哪一件；用 zuozhen activity show '{notice.case_number}' 查看")
    return casebook.load(connection, notice.case_id), []


def _arrivals(connection: Connection, ids: Sequence[int], author: Author) -> Iterator[Step]:
    same = (RAWS.c.district == ARRIVALS.c.district) & (RAWS.c.arrival_id == ARRIVALS.c.id)
    content = (func.length(RAWS.c.content).label("size"), func.substr(RAWS.c.content, 1, _HEAD).label("head"))
    for row in connection.execute(select(ARRIVALS, *content).join(RAWS, same).where(ARRIVALS.c.id.in_(ids))).mappings():
        yield Step(at=row["received_at"], kind="arrival.accepted", about=_accepted(row, author))
    further = select(DELIVERIES).where(DELIVERIES.c.arrival_id.in_(ids)).order_by(DELIVERIES.c.id).limit(_MOST)
    for row in connection.execute(further).mappings():
        yield Step(at=row["at"], kind="arrival.repeated", about={"arrival": row["arrival_id"], "door": row["door"], "peer": row["peer"]})


def _accepted(row: RowMapping, author: Author) -> dict[str, object]:
    head = bytes(row["head"])
    about = {
        "arrival": row["id"],
        "door": row["door"],
        "peer": row["peer"],
        "envelope_from": row["envelope_from"],
        "envelope_to": json.loads(row["envelope_to"]),
        "author": author(head) if row["channel"] == Channel.MAIL else "",
        "message_id": row["message_id"],
        "queue_id": _queue_id(head),
        "size": row["size"],
    }
    if not row["envelope_from"] and row["door"] not in _WITH_ENVELOPE:
        del about["envelope_from"]
    return about | ({"source": row["source_key"]} if row["door"] == "imap" else {})


def _queue_id(head: bytes) -> str:
    """Return under which number the server before us knew the message, by its uppermost trace line; "" where there is none."""
    if not head[:9].lower().startswith(b"received:"):
        return ""
    folded = re.match(rb"[^\n]*(?:\n[ \t][^\n]*)*", head)
    found = _QUEUE_ID.search(folded[0]) if folded else None
    return found[1].decode() if found else ""


def _decisions(connection: Connection, ids: Sequence[int]) -> Iterator[Step]:
    for row in connection.execute(select(DECISIONS).where(DECISIONS.c.arrival_id.in_(ids))).mappings():
        about = {"arrival": row["arrival_id"], "verdict": row["verdict"], "topic": from_json(Decision, row["decision"]).topic}
        if row["decided_at"] is not None and row["case_id"] is None:  # a follow-up stands in the history of its case
            yield Step(at=row["decided_at"], kind="arrival.decided", about=about)
        if row["settled_at"] is not None:
            about = {"arrival": row["arrival_id"], "by": row["settled_by"]}
            yield Step(at=row["settled_at"], kind=f"arrival.{row['standing']}", about=about, words=row["settled_reason"])


def _tries(connection: Connection, ids: Sequence[int]) -> Iterator[Step]:
    for one in tries.of(connection, ids):
        about: dict[str, object] = {"arrival": one.arrival_id} if one.notice_id is None else {"notice": one.notice_id}
        again = {"times": one.times, "first_at": one.first_at.isoformat()} if one.times > 1 else {}
        yield Step(at=one.last_at, kind=one.kind, about=about | again, words=one.words)


def _notices(connection: Connection, case_id: int) -> Iterator[Step]:
    for row in connection.execute(select(NOTICES).where(NOTICES.c.case_id == case_id).order_by(NOTICES.c.id)).mappings():
        about = {"notice": row["id"], "purpose": row["purpose"], "recipient": row["recipient"], "message_id": row["message_id"]}
        yield Step(at=row["created_at"], kind="notice.queued", about=about)


def _events(connection: Connection, case: Case) -> Iterator[Step]:
    notices = connection.execute(select(NOTICES.c.id, NOTICES.c.reply).where(NOTICES.c.case_id == case.id))
    replies = {row.id: row.reply for row in notices}
    for event in audit.read(connection, case.id):
        about: dict[str, Any] = {"case": case.number, "by": event.actor}
        about |= {
            name: event.data[name] for name in ("notice", "purpose", "arrival", "status", "recipient", "verdict") if name in event.data
        }
        reply = replies.get(about.get("notice", 0), "") if event.kind == "notice.sent" else ""
        yield Step(at=event.at, kind=event.kind, about=about, words=event.reason or reply)

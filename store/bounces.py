"""A mail of ours that came back: which notice it was, what that means for it, and the event at its case.

A report is a stranger's claim. What ties it to a notice is the Message-ID, 128 bits by our key that only the notice's addressees have seen; and
what it can do is bounded: a notice comes back once for good and is once reported late, however many reports there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update

from store import addresses, audit, casebook, subject_rows, tokens
from store.audit import Entry
from store.model.arrival import StoredArrival
from store.model.letter import Bounce, Letter
from store.model.notice import NoticeState, Returned
from store.outbox import Outbox, TellReturned
from store.tables import CASES, NOTICES

_AUTO_REPLIED = "notice.auto_replied"
_MAX_SUBJECT = 100  # code points
_NOT_OVER = (NoticeState.SENT.value, NoticeState.QUEUED.value)  # queued: the report outran the note that the relay took it


def note(
    connection: Connection, arrival: StoredArrival, bounce: Bounce, now: datetime, *, outbox: Outbox, compose: TellReturned
) -> Returned | None:
    """Note what *arrival* reports (a unit of `Database.write`); None where it concerns no notice of ours, or is no news about it.

    *compose* says who must hear at once that a case's mail did not arrive, for good.
    """
    row = _concerned(connection, arrival.district, bounce)
    if row is None or not _change(connection, row, bounce):
        return None
    if bounce.is_permanent:  # somebody was not reached: a person must see to it
        since = func.coalesce(CASES.c.review_since, now)
        connection.execute(update(CASES).where(CASES.c.id == row["case_id"]).values(review_since=since))
    data = {
        "notice": row["id"],
        "purpose": row["purpose"],
        "message_id": row["message_id"],
        "arrival": arrival.id,
        "permanent": bounce.is_permanent,
        "recipient": bounce.recipient or row["recipient"],
        "status": bounce.status,
    }
    owner_id, chain = subject_rows.history_of(connection, row)
    entry = Entry(kind="notice.bounced", at=now, actor="system", reason=_problem(bounce), data=data)
    audit.append(connection, owner_id, [entry], chain=chain)
    addresses.note(connection, arrival.district, row["recipient"], bounce, _problem(bounce), now)
    about = {name: row[name] for name in ("case_number", "purpose", "recipient", "office")}
    returned = Returned(notice_id=row["id"], problem=_problem(bounce), **about)
    if bounce.is_permanent and row["case_id"] is not None:
        case = casebook.load(connection, row["case_id"])
        outbox.put(connection, case, compose(case, returned), arrival_id=case.arrival_id, now=now)
    return returned


def note_automatic_reply(connection: Connection, arrival: StoredArrival, letter: Letter, now: datetime) -> int | None:
    """Note at its case that a machine answered a mail of ours (a unit of `Database.write`); return that mail's notice, None where there is none.

    It moves nothing: a machine has not read what it answers. Repeating is harmless.
    """
    row = _of_messages(connection, arrival.district, (*letter.in_reply_to, *reversed(letter.references)))
    if row is None or row["case_id"] is None:
        return None
    history = audit.read(connection, row["case_id"])
    if not any(event.kind == _AUTO_REPLIED and event.data.get("arrival") == arrival.id for event in history):
        sender = letter.sender.address if letter.sender else row["recipient"]
        subject = tokens.removed(letter.subject).removeprefix("自动回复").lstrip("：: ")[:_MAX_SUBJECT]
        data = {"notice": row["id"], "purpose": row["purpose"], "arrival": arrival.id}
        entry = Entry(kind=_AUTO_REPLIED, at=now, actor="system", reason=f"{sender} 自动回复：{subject or '（无主题）'}", data=data)
        audit.append(connection, row["case_id"], [entry])
    return int(row["id"])


def _concerned(connection: Connection, district: str, bounce: Bounce) -> RowMapping | None:
    """Return the notice that the report names first."""
    return _of_messages(connection, district, bounce.messages)


def _of_messages(connection: Connection, district: str, messages: Sequence[str]) -> RowMapping | None:
    names = ("id", "district", "case_id", "case_number", "purpose", "recipient", "message_id", "office")
    columns = tuple(NOTICES.c[name] for name in names)
    for message in messages:
        this = (NOTICES.c.message_id == message, NOTICES.c.district == district)
        row = connection.execute(select(*columns).where(*this)).mappings().first()
        if row is not None:
            return row
    return None


def _change(connection: Connection, row: RowMapping, bounce: Bounce) -> bool:
    """Put the news at the notice; False where it has come back or been reported late before, or was never sent."""
    values: dict[str, Any] = {"problem": _problem(bounce)}
    if bounce.is_permanent:
        values |= {"state": NoticeState.BOUNCED, "due_at": None, "owner": None, "leased_until": None}
        fits: list[ColumnElement[bool]] = [NOTICES.c.state.in_(_NOT_OVER)]
    else:
        fits = [NOTICES.c.state == NoticeState.SENT.value, NOTICES.c.problem == ""]
    return bool(connection.execute(update(NOTICES).where(NOTICES.c.id == row["id"], *fits).values(values)).rowcount)


def _problem(bounce: Bounce) -> str:
    status = f"（{bounce.status}）" if bounce.status else ""
    what = "对方服务器未能送达，已退回" if bounce.is_permanent else "对方服务器暂时没有送达，仍在尝试"
    return f"{what}{status}{f'：{bounce.words}' if bounce.words else ''}"

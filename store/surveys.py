"""Surveys: who was asked, once each, and the newest answer of each; asked and answered in one transaction with the mail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, RowMapping, select, update

from store import arrivals, dialects, kept_files, recording, subject_rows
from store.codec import from_json
from store.database import Database
from store.model.notice import Notice
from store.model.petition import Petition
from store.model.survey import Asked, Sheet
from store.outbox import Outbox
from store.owing import Subject
from store.recording import Filing
from store.tables import CASES, SURVEY_SHEETS

Compose = Callable[[Subject, Asked], Sequence[Notice]]
_BATCH = 200  # sheets of one transaction: nobody else writes meanwhile


class Surveys:
    """The surveys of all districts in one database."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*, started by its owner; letters go to *outbox* in the transaction that causes them."""
        self._db, self._outbox = db, outbox

    async def enterprises(self, district: str, since: datetime) -> list[Asked]:
        """Return who has brought a matter by mail since that moment, each address once, with the department of its newest matter."""
        query = select(CASES.c.petition, CASES.c.department).where(CASES.c.district == district, CASES.c.received_at >= since)
        ordered = query.order_by(CASES.c.received_at, CASES.c.id)

        def work(connection: Connection) -> list[Asked]:
            found = {}
            for petition_json, department in connection.execute(ordered):
                petition = from_json(Petition, petition_json)
                sender = petition.letter.reply_to or petition.letter.sender
                if sender is not None and not petition.letter.automatic:
                    name = petition.name.value if petition.name else ""
                    found[sender.address.casefold()] = Asked(recipient=sender.address, enterprise=name, department=department or "")
            return list(found.values())

        return await self._db.read(work)

    async def ask(self, subject_id: int, survey: str, some: Sequence[Asked], *, now: datetime, compose: Compose) -> int:
        """Write to those of *some* who were not asked in this survey before, and return how many that were. Safe to repeat after a crash."""
        asked = 0
        for start in range(0, len(some), _BATCH):
            batch = some[start : start + _BATCH]
            asked += await self._db.write(partial(self._ask, subject_id=subject_id, survey=survey, some=batch, now=now, compose=compose))
        return asked

    async def sheets(self, subject_id: int) -> list[Sheet]:
        """Return the sheets of a survey in the order in which they were sent."""
        query = select(SURVEY_SHEETS).where(SURVEY_SHEETS.c.subject_id == subject_id).order_by(SURVEY_SHEETS.c.id)
        return await self._db.read(lambda connection: [_sheet(row) for row in connection.execute(query).mappings()])

    async def sheet(self, district: str, key: str, recipient: str) -> tuple[Subject, Sheet] | None:
        """Return the sheet that was sent to *recipient* in the survey kept at the subject called *key*, None where there is none."""

        def work(connection: Connection) -> tuple[Subject, Sheet] | None:
            subject = subject_rows.named(connection, district, [key]).get(key)
            if subject is None:
                return None
            this = (SURVEY_SHEETS.c.subject_id == subject.id, SURVEY_SHEETS.c.recipient == recipient.casefold())
            row = connection.execute(select(SURVEY_SHEETS).where(*this)).mappings().first()
            return (subject, _sheet(row)) if row is not None else None

        return await self._db.read(work)

    async def answered(self, filing: Filing, sheet: Sheet, marks: Mapping[str, str], remarks: str, *, now: datetime) -> None:
        """Keep an answer with the decision about its arrival; a later one takes its place. Where the arrival is decided already, nothing."""

        def work(connection: Connection) -> None:
            arrival = filing.arrival
            if not arrivals.finish(connection, arrival.id):
                return
            kept_files.of_arrival(connection, arrival.district, arrival.id, filing.reading)
            recording.set_aside(connection, filing, None, now)
            values = {
                "arrival_id": arrival.id,
                "marks": json.dumps(dict(marks), ensure_ascii=False),
                "remarks": remarks,
                "answered_at": arrival.received_at,
            }
            earlier = SURVEY_SHEETS.c.answered_at.is_(None) | (SURVEY_SHEETS.c.answered_at <= arrival.received_at)
            connection.execute(update(SURVEY_SHEETS).where(SURVEY_SHEETS.c.id == sheet.id, earlier).values(values))

        await self._db.write(work)

    def _ask(self, connection: Connection, *, subject_id: int, survey: str, some: Sequence[Asked], now: datetime, compose: Compose) -> int:
        subject = subject_rows.load(connection, subject_id, lock=True)
        asked = 0
        for one in some:
            row = {
                "district": subject.district,
                "subject_id": subject_id,
                "survey": survey,
                "recipient": one.recipient.casefold(),
                "enterprise": one.enterprise,
                "department": one.department,
                "sent_at": now,
            }
            if connection.execute(dialects.insert_new(connection, SURVEY_SHEETS, returning_id=True), row).scalar() is not None:
                self._outbox.put(connection, subject, compose(subject, one), arrival_id=None, now=now)
                asked += 1
        return asked


def _sheet(row: RowMapping) -> Sheet:
    return Sheet(
        id=row["id"],
        subject_id=row["subject_id"],
        survey=row["survey"],
        asked=Asked(recipient=row["recipient"], enterprise=row["enterprise"], department=row["department"]),
        sent_at=row["sent_at"],
        arrival_id=row["arrival_id"],
        marks=json.loads(row["marks"] or "{}"),
        remarks=row["remarks"],
        answered_at=row["answered_at"],
    )

"""Who has booked a place in a session (挂号), and which step of a session has been taken: numbers given once, words said once.

Every act is one transaction that holds the session's lock first, then the case's: of two services one gives the number, the other finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update

from store import audit, casebook, subject_rows
from store.audit import Entry
from store.database import Database
from store.errors import OutrunError, UsageError
from store.life import FINISHED, WITH_DEPARTMENT
from store.model.booking import Booking, BookingState
from store.model.case import Case, CaseState
from store.model.notice import Notice
from store.outbox import Outbox
from store.owing import Subject, SubjectSort, SubjectState
from store.recording import Compose as ComposeOfCase
from store.tables import BOOKINGS, CASES, SUBJECT_EVENTS, SUBJECTS
from store.tables.bookings import BOOKING_STANDS

_BOOKS = WITH_DEPARTMENT | {CaseState.ACCEPTED}  # admitted, and not answered yet
_STEP, _BOOKED, _FREED = "subject.step", "subject.booked", "subject.freed"
Placed = tuple[Booking, Case]
Compose = Callable[[Booking, Case, int], Sequence[Notice]]  # the int: how many stand before


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """An enterprise's wish, in a reply, to give up its place in the session `subject_id`, and what is written to it about that."""

    subject_id: int
    by: str
    reason: str
    at: datetime
    compose: ComposeOfCase

    @property
    def kind(self) -> str:
        """The kind of its event in the history of the session."""
        return _FREED


class Bookings:
    """The places booked in the sessions of all districts in one database."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*, started by its owner; letters go to *outbox* in the transaction that causes them."""
        self._db, self._outbox = db, outbox

    async def planned(self, district: str) -> list[Subject]:
        """Return the sessions that are still to come and whose day is known, by day."""
        return await self._sessions(district, SUBJECTS.c.day == SUBJECTS.c.until)

    async def undated(self, district: str) -> list[Subject]:
        """Return the sessions that are still to come and of which only the days are known on which they may be, by the first of these."""
        return await self._sessions(district, SUBJECTS.c.day != SUBJECTS.c.until)

    async def _sessions(self, district: str, which: ColumnElement[bool]) -> list[Subject]:
        sessions = (SUBJECTS.c.district == district, SUBJECTS.c.sort == SubjectSort.SESSION.value, which)
        query = select(SUBJECTS).where(*sessions, SUBJECTS.c.state == SubjectState.PLANNED.value).order_by(SUBJECTS.c.day, SUBJECTS.c.id)
        return await self._db.read(lambda connection: [subject_rows.subject_of(row) for row in connection.execute(query).mappings()])

    async def first(self, district: str) -> Subject | None:
        """Return the earliest session that is still to come, or that was booked, or its booking closed, here; not one that is kept only as a record."""
        kind, data = SUBJECT_EVENTS.c.kind, SUBJECT_EVENTS.c.data
        event = (kind == _BOOKED) | ((kind == _STEP) & data.contains('"service_list ', autoescape=True))
        ran = select(SUBJECT_EVENTS.c.seq).where(SUBJECT_EVENTS.c.subject_id == SUBJECTS.c.id, event).exists()
        counts = ran | (SUBJECTS.c.state == SubjectState.PLANNED.value)
        sessions = (SUBJECTS.c.district == district, SUBJECTS.c.sort == SubjectSort.SESSION.value, counts)
        query = select(SUBJECTS).where(*sessions).order_by(SUBJECTS.c.day, SUBJECTS.c.id).limit(1)
        row = await self._db.read(lambda connection: connection.execute(query).mappings().first())
        return None if row is None else subject_rows.subject_of(row)

    async def unbooked(self, district: str, since: datetime, until: datetime) -> list[tuple[int, datetime]]:
        """Return the admitted cases without a place received after *since*, up to *until*, in the order in which they came: id and moment."""
        held = select(BOOKINGS.c.id).where(BOOKINGS.c.case_id == CASES.c.id, BOOKINGS.c.state != BookingState.MOVED.value)
        query = select(CASES.c.id, CASES.c.received_at).where(
            CASES.c.district == district,
            CASES.c.state.in_(sorted(_BOOKS)),
            CASES.c.received_at > since,
            CASES.c.received_at <= until,
            ~held.exists(),
        )
        ordered = query.order_by(CASES.c.received_at, CASES.c.id)
        return await self._db.read(lambda connection: [(id_, at) for id_, at in connection.execute(ordered).all()])

    async def book(self, subject_id: int, case_id: int, *, now: datetime, told: str, compose: Compose) -> Booking | None:
        """Give the case the next number of the session; None where it has one, or one of the two is over meanwhile."""
        return await self._db.write(lambda connection: self._book(connection, subject_id, case_id, now, told, compose))

    async def free_ended(self, district: str, now: datetime) -> int:
        """Free the places of cases that are over, and of sessions called off, and return how many that were."""
        of = BOOKINGS.join(CASES, CASES.c.id == BOOKINGS.c.case_id).join(SUBJECTS, SUBJECTS.c.id == BOOKINGS.c.subject_id)
        is_over = CASES.c.state.in_(sorted(FINISHED)) & (SUBJECTS.c.state == SubjectState.PLANNED.value)
        is_off = SUBJECTS.c.state == SubjectState.CANCELLED.value
        query = select(BOOKINGS.c.subject_id, BOOKINGS.c.case_id, SUBJECTS.c.state).select_from(of)
        query = query.where(BOOKINGS.c.district == district, BOOKINGS.c.state == BookingState.BOOKED.value, is_over | is_off)

        def work(connection: Connection) -> int:
            found = connection.execute(query.order_by(BOOKINGS.c.subject_id, BOOKINGS.c.id)).all()
            ends = {
                SubjectState.CANCELLED.value: (BookingState.MOVED, "本期取消"),
                SubjectState.PLANNED.value: (BookingState.FREED, "事项已结束"),
            }
            return sum(_free(connection, subject_id, case_id, *ends[state], "system", now) for subject_id, case_id, state in found)

        return await self._db.write(work)

    async def cancel(self, subject_id: int, case_id: int, *, by: str, reason: str, now: datetime) -> None:
        """Free one place; its number is not given again. Raises UsageError where the case has none in the session."""
        if not await self._db.write(lambda connection: _free(connection, subject_id, case_id, BookingState.FREED, reason, by, now)):
            raise UsageError("这件在本期没有挂号，或已经取消；用 zuozhen session show 查看")

    async def place_of(self, case_id: int) -> tuple[Booking, Subject] | None:
        """Return the place that a case has, or had when its session was held, None where it has none."""
        has = (BOOKINGS.c.case_id == case_id, BOOKING_STANDS)

        def work(connection: Connection) -> tuple[Booking, Subject] | None:
            row = connection.execute(select(BOOKINGS).where(*has)).mappings().first()
            return None if row is None else (_booking(row), subject_rows.load(connection, row["subject_id"]))

        return await self._db.read(work)

    async def call(self, subject_id: int, case_id: int, *, by: str, result: str, now: datetime) -> None:
        """Note what came of telephoning. Raises UsageError where the case has no place in the session."""

        def work(connection: Connection) -> bool:
            subject_rows.load(connection, subject_id, lock=True)
            done = connection.execute(update(BOOKINGS).where(*_stands(subject_id, case_id)).values(call=result)).rowcount
            if done:
                _note(connection, subject_id, "subject.called", by, result, now, {"case": casebook.load(connection, case_id).number})
            return bool(done)

        if not await self._db.write(work):
            raise UsageError("这件在本期没有挂号，或已经取消；用 zuozhen session show 查看")

    async def of_session(self, subject_id: int) -> list[Placed]:
        """Return all places of a session, freed ones too, by number, each with its case."""
        return await self._db.read(lambda connection: placed_in(connection, subject_id))

    async def tell(self, subject_id: int, case_id: int, *, now: datetime, told: str, compose: Compose) -> bool:
        """Write to the enterprise about its place unless it was *told* just that; *compose* gets how many stand before it."""

        def work(connection: Connection) -> bool:
            subject_rows.load(connection, subject_id, lock=True)
            row = connection.execute(select(BOOKINGS).where(*_stands(subject_id, case_id))).mappings().first()
            if row is None or row["told"] == told:
                return False
            case = casebook.load(connection, case_id)
            booking = _booking(row)
            connection.execute(update(BOOKINGS).where(BOOKINGS.c.id == booking.id).values(told=told))
            notices = compose(booking, case, _ahead(connection, booking))
            self._outbox.put(connection, case, notices, arrival_id=case.arrival_id, now=now)
            return True

        return await self._db.write(work)

    async def steps(self, subject_id: int) -> dict[str, datetime]:
        """Return the steps that a session has taken, as `step` was told them, and when."""
        history = await self._db.read(lambda connection: audit.read(connection, subject_id, chain=audit.OF_SUBJECTS))
        taken = {str(event.data["step"]): event.at for event in history if event.kind == _STEP}
        return taken | {event.kind.removeprefix("subject."): event.at for event in history if event.kind == "subject.booking_closed"}

    async def step(
        self,
        subject_id: int,
        name: str,
        *,
        now: datetime,
        compose: Callable[[Subject, Sequence[Placed]], Sequence[Notice]],
        state: SubjectState = SubjectState.PLANNED,
    ) -> bool:
        """Take the step *name* of a session once: its letters and its event in one transaction; False where it was taken, or the session is not in *state*."""

        def work(connection: Connection) -> bool:
            subject = subject_rows.load(connection, subject_id, lock=True)
            history = audit.read(connection, subject_id, chain=audit.OF_SUBJECTS)
            if subject.state is not state or any(one.kind == _STEP and one.data["step"] == name for one in history):
                return False
            notices = compose(subject, [one for one in placed_in(connection, subject_id) if one[0].state is BookingState.BOOKED])
            _note(connection, subject_id, _STEP, "system", "", now, {"step": name, "letters": str(len(notices))})
            self._outbox.put(connection, subject, notices, arrival_id=None, now=now)
            return True

        return await self._db.write(work)

    def _book(self, connection: Connection, subject_id: int, case_id: int, now: datetime, told: str, compose: Compose) -> Booking | None:
        subject = subject_rows.load(connection, subject_id, lock=True)
        case = casebook.load(connection, case_id, lock=True)
        has = select(BOOKINGS.c.id).where(BOOKINGS.c.case_id == case_id, BOOKINGS.c.state != BookingState.MOVED.value)
        if subject.state is not SubjectState.PLANNED or case.state not in _BOOKS or connection.scalar(has) is not None:
            return None
        last = connection.scalar(select(func.max(BOOKINGS.c.number)).where(BOOKINGS.c.subject_id == subject_id)) or 0
        values = {
            "district": subject.district,
            "subject_id": subject_id,
            "case_id": case_id,
            "number": last + 1,
            "state": BookingState.BOOKED.value,
            "booked_at": now,
            "told": told,
            "call": "",
        }
        id_ = connection.execute(BOOKINGS.insert().returning(BOOKINGS.c.id), values).scalar_one()
        booking = Booking(**{**values, "id": id_, "state": BookingState.BOOKED})
        _note(connection, subject_id, _BOOKED, "system", "", now, {"case": case.number, "number": str(booking.number)})
        self._outbox.put(connection, case, compose(booking, case, _ahead(connection, booking)), arrival_id=case.arrival_id, now=now)
        return booking


def leave(connection: Connection, case: Case, wish: Leave, outbox: Outbox) -> None:
    """Do what *wish* says for *case*, in the transaction of the reply. Raises OutrunError where somebody has freed the place meanwhile."""
    if not _free(connection, wish.subject_id, case.id, BookingState.FREED, wish.reason, wish.by, wish.at):
        raise OutrunError(f"{case.number} 的挂号刚被取消；将重新判断")
    outbox.put(connection, case, wish.compose(case), arrival_id=case.arrival_id, now=wish.at)


def _free(  # noqa: PLR0913, PLR0917 - which place, into what, and who says so
    connection: Connection, subject_id: int, case_id: int, state: BookingState, reason: str, by: str, now: datetime
) -> bool:
    subject_rows.load(connection, subject_id, lock=True)
    done = connection.execute(update(BOOKINGS).where(*_stands(subject_id, case_id)).values(state=state.value)).rowcount
    if done:
        _note(connection, subject_id, _FREED, by, reason, now, {"case": casebook.load(connection, case_id).number})
    return bool(done)


def placed_in(connection: Connection, subject_id: int) -> list[Placed]:
    """Return all places of a session, freed ones too, by number, each with its case (a unit of `Database.read`)."""
    query = select(BOOKINGS).where(BOOKINGS.c.subject_id == subject_id).order_by(BOOKINGS.c.number)
    bookings = [_booking(row) for row in connection.execute(query).mappings().all()]
    return [(booking, casebook.load(connection, booking.case_id)) for booking in bookings]


def _ahead(connection: Connection, booking: Booking) -> int:
    before = (BOOKINGS.c.subject_id == booking.subject_id, BOOKINGS.c.number < booking.number, BOOKING_STANDS)
    return connection.scalar(select(func.count()).select_from(BOOKINGS).where(*before)) or 0


def _stands(subject_id: int, case_id: int) -> tuple[ColumnElement[bool], ...]:
    return (BOOKINGS.c.subject_id == subject_id, BOOKINGS.c.case_id == case_id, BOOKINGS.c.state == BookingState.BOOKED.value)


def _note(  # noqa: PLR0913, PLR0917 - what happened, who says so, and what of it is kept
    connection: Connection, subject_id: int, kind: str, by: str, reason: str, now: datetime, data: dict[str, str]
) -> None:
    audit.append(connection, subject_id, [Entry(kind=kind, at=now, actor=by, reason=reason, data=data)], chain=audit.OF_SUBJECTS)


def _booking(row: RowMapping) -> Booking:
    return Booking(**{**{name: row[name] for name in Booking.__dataclass_fields__}, "state": BookingState(row["state"])})

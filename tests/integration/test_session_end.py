"""After a session: what became of each case is asked once, the department's duty ends when all has come in, and who is missing is named."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage

import docx
import pytest
import pytest_asyncio

from daemon.activities import Activities, Told
from daemon.casework import Details
from daemon.clock import Clock
from daemon.review import Act
from daemon.session_end import SessionEnd
from notifier.enclosures import make
from notifier.session_outcome import all_lacking, outcome_of
from store.errors import UsageError
from store.life import Role
from store.model.booking import BookingState
from store.model.case import Case, CaseState
from store.model.notice import Purpose, QueuedNotice
from store.owing import DeadlineState, Happening, Subject, SubjectState
from tests.integration.houses import COORDINATOR, bench, office
from tests.integration.test_replies import reply
from tests.integration.test_sessions import SECOND, THIRD, Hall, moment

TICKS = {"附件4": ("□ 正在处理，限期　　", "√ 正在处理，限期5"), "附件5": ("基本满意", "基本满意√")}


@pytest_asyncio.fixture
async def hall(database_url: str) -> AsyncIterator[Hall]:
    """Open the house on each kind of database on 18 September 2024, two sessions announced: 25 October and 22 November."""
    async with bench(database_url) as shared:
        shared.clock.now = moment(2024, 9, 18, 9)
        one = Hall(shared=shared)
        await one.announce(SECOND, date(2024, 10, 25))
        await one.announce(THIRD, date(2024, 11, 22))
        yield one


async def booked(hall: Hall, count: int) -> list[Case]:
    """Return so many cases with a place in the second session, as they stand the evening before it."""
    cases = [await hall.admitted(2024, 9, 18, 9, minute) for minute in range(count)]
    await hall.at(2024, 9, 18, 10)
    await hall.at(2024, 10, 24, 16)
    return cases


async def asked_at(hall: Hall, *parts: int) -> list[QueuedNotice]:
    """Return the letters that ask what became of cases, written at this moment."""
    return [one for one in await hall.at(*parts) if "办理结果" in one.notice.subject]


async def session(hall: Hall) -> Subject:
    """Return the second session as it stands."""
    return await hall.shared.house.stores.subjects.get("chenggong", SECOND)


async def receipt(hall: Hall) -> DeadlineState:
    """Return where the duty to hand in 附件4 and 附件5 stands."""
    owed = await hall.shared.house.stores.deadlines.of_subject((await session(hall)).id)
    return next(one.state for one in owed if one.kind == "receipt")


async def lacking(hall: Hall) -> list[str]:
    """Return what has not come in, a line for each case."""
    room, stores = hall.shared.room, hall.shared.house.stores
    end = SessionEnd(bookings=stores.bookings, subjects=stores.subjects, hearings=stores.hearings)
    return all_lacking(await end.heard(await session(hall), room.rulebook.district.timezone), ("slip", "rating"), room.rulebook.district)


async def do(hall: Hall, case: Case, event: str, details: Details, role: Role = Role.DEPARTMENT) -> Case:
    """Let something happen to a case, by the console."""
    return await hall.shared.house.casework.do(case.number, event, role, Act(by="李明", reason="现场办理"), details)


def returned(hall: Hall, asked: QueuedNotice, case: Case, form: str) -> bytes:
    """Return a form of ours as it comes back: made as the sender makes it, with a tick put in."""
    files = dict(make(asked.notice.enclosures, hall.shared.room.rulebook.forms).files)
    paper = docx.Document(io.BytesIO(files[f"{form} {case.number}.docx"]))
    old, new = TICKS[form]
    for paragraph in {id(one._p): one for row in paper.tables[0].rows for cell in row.cells for one in cell.paragraphs}.values():
        if old in paragraph.text:
            paragraph.text = paragraph.text.replace(old, new)
    out = io.BytesIO()
    paper.save(out)
    return out.getvalue()


async def hand_in(hall: Hall, case: Case, text: str, files: Sequence[tuple[str, bytes]], *, sender: str = "") -> None:
    """Let the case's department, or *sender*, answer the mail by which it got the case, with these files."""
    sent = await hall.shared.notice(case, Purpose.ASSIGN)
    message = message_from_bytes(reply(sender or office(case.department or ""), sent, text), policy=policy.default)
    assert isinstance(message, EmailMessage)
    for name, raw in files:
        kind = "vnd.openxmlformats-officedocument.wordprocessingml.document"
        message.add_attachment(raw, maintype="application", subtype=kind, filename=name)
    await hall.shared.take(bytes(message))


async def test_when_its_hours_are_over_each_outcome_is_asked_once(hall: Hall) -> None:
    """CG-3.6: at 12:00 the session is held, the department owes 附件4 and 附件5 for three working days, and one mail asks for every case."""
    cases = await booked(hall, 2)
    assert await hall.at(2024, 10, 25, 11, 59) == []
    assert (await session(hall)).state is SubjectState.PLANNED
    written = await hall.at(2024, 10, 25, 12)
    assert (await session(hall)).state is SubjectState.ENDED
    holder = cases[0].department or ""
    assert [one.notice.to.address for one in written] == [office(hall.host), COORDINATOR, office(holder)]
    for one in written:
        assert all(case.number in one.notice.text for case in cases)
        assert "2024年10月30日（星期三）前（含当日）" in one.notice.text
        assert [file.name.split(" ")[0] for file in one.notice.enclosures] == ["附件4", "附件5"] * 2
    name = hall.shared.room.rulebook.district.departments[holder].name
    assert f"承办：{name}" in written[0].notice.text
    assert "承办：" not in written[2].notice.text
    assert "不要回复本邮件" in written[2].notice.text
    assert await hall.at(2024, 10, 25, 12, 1) == []
    stores = hall.shared.house.stores
    assert await stores.subjects.verify((await session(hall)).id) == []


async def test_the_forms_that_come_back_end_what_is_owed(hall: Hall) -> None:
    """CG-3.7: 附件4 and 附件5 of every case are in, so nobody is reminded any more; a rating that the case cannot take yet is kept as a form."""
    first, second = await booked(hall, 2)
    asked = (await hall.at(2024, 10, 25, 12))[0]
    hall.shared.clock.now = moment(2024, 10, 25, 15)
    papers = [(f"{form}.docx", returned(hall, asked, first, form)) for form in TICKS]
    await hand_in(hall, first, "现报送回执单和评价表。", papers)
    case = await hall.shared.house.stores.cases.get(first.number)
    assert (case.state, case.progress.limit_days, case.progress.rating) == (CaseState.HANDLING, 5, "")
    assert [line.split("　")[0] for line in await lacking(hall)] == [second.number]
    await hall.at(2024, 10, 25, 15, 30)
    assert await receipt(hall) is DeadlineState.OPEN

    await hand_in(hall, second, "", [("回执.docx", returned(hall, asked, second, "附件4"))])
    assert [line.rpartition("：")[2] for line in await lacking(hall)] == ["满意度评价表"]
    await do(hall, second, "answer", Details(result="solved"))
    await do(hall, second, "rate", Details(rating="satisfied"), Role.ENTERPRISE)
    assert await lacking(hall) == []
    await hall.at(2024, 10, 25, 16)
    assert await receipt(hall) is DeadlineState.MET
    events = await hall.shared.house.stores.subjects.history((await session(hall)).id)
    assert [(one.actor, one.reason) for one in events if one.kind == "subject.received"] == [("system", "2 件的结果和材料已齐")]


async def test_forms_of_a_held_reply_count_once_it_is_vouched_for(hall: Hall) -> None:
    """From an address that nobody knows they count for nothing, until a person lets the reply be done."""
    (case,) = await booked(hall, 1)
    asked = (await hall.at(2024, 10, 25, 12))[0]
    hall.shared.clock.now = moment(2024, 10, 25, 15)
    papers = [(f"{form}.docx", returned(hall, asked, case, form)) for form in TICKS]
    await hand_in(hall, case, "现报送回执单和评价表。", papers, sender="someone@elsewhere.example")
    assert [line.rpartition("：")[2] for line in await lacking(hall)] == ["办理结果、回执单、满意度评价表"]
    house = hall.shared.house
    (held,) = [one for one in await house.stores.replies.held() if one.case_id == case.id]
    await house.replies.settle(hall.shared.room, held.arrival_id, Act(by="李明", reason="已电话核实"), do=True)
    assert await lacking(hall) == []


async def test_a_reminder_names_what_is_missing(hall: Hall) -> None:
    """The day before the date the host is told which case lacks what; what was given back at the session is not asked of it."""
    first, second, third = await booked(hall, 3)
    await hall.at(2024, 10, 25, 12)
    await do(hall, second, "promise", Details(limit=5))
    await do(hall, third, "withdraw", Details(), Role.ENTERPRISE)
    stores, shared = hall.shared.house.stores, hall.shared
    end = SessionEnd(bookings=stores.bookings, subjects=stores.subjects, hearings=stores.hearings)
    shared.clock.now = moment(2024, 10, 29, 9)
    await Clock(
        rooms=shared.house.rooms, deadlines=stores.deadlines, subjects=stores.subjects, now=shared.clock, lacking=end.lacking
    ).tick()
    found = await stores.outbox.list(limit=1_000)
    (reminder,) = [one.notice for one in found if one.notice.purpose is Purpose.REMINDER and "还没有到齐的" in one.notice.text]
    assert reminder.to.address == office(hall.host)
    name = first.petition.name.value if first.petition.name else ""
    department = shared.room.rulebook.district.departments[first.department or ""].name
    assert f"{first.number}　{name}（{department}）：办理结果、回执单、满意度评价表\n" in reminder.text
    assert f"{second.number}　" in reminder.text
    assert "：回执单、满意度评价表\n" in reminder.text
    assert third.number not in reminder.text
    assert first.number in reminder.html
    heard = await end.heard(await session(hall), "Asia/Shanghai")
    assert [outcome_of(one) for one in heard] == ["", "正在处理，限期5个工作日", "企业已撤回"]


async def test_what_is_not_the_department_s_goes_back_at_the_session(hall: Hall) -> None:
    """CG-3.6: weeks after its assignment, and only with its session, a case is given back by reply; the coordinator decides, and no form is asked for."""
    (case,) = await booked(hall, 1)
    other = next(one.name for id_, one in hall.shared.room.rulebook.district.departments.items() if id_ not in {case.department, hall.host})
    await hand_in(hall, case, f"退回：不属我局职责，建议交由{other}", [])
    stores = hall.shared.house.stores
    assert (await stores.cases.get(case.number)).state is CaseState.ASSIGNED
    await hall.at(2024, 10, 25, 12)
    hall.shared.clock.now = moment(2024, 10, 25, 15)
    await hand_in(hall, case, f"退回：完全不属我局职责，建议交由{other}", [])
    assert (await stores.cases.get(case.number)).state is CaseState.RETURNED
    assert [one.notice.to.address for one in await hall.shared.notices(case) if one.notice.purpose is Purpose.REVIEW][-1] == COORDINATOR
    assert await lacking(hall) == []
    await hall.at(2024, 10, 25, 16)
    assert await receipt(hall) is DeadlineState.MET


async def test_a_session_without_bookings_is_for_a_person_to_end(hall: Hall) -> None:
    """Nobody has a place: nothing says that it was held, and nothing is owed, until somebody says so; then nobody is asked for outcomes."""
    assert await asked_at(hall, 2024, 10, 25, 13) == []
    assert (await session(hall)).state is SubjectState.PLANNED
    house = hall.shared.house
    activities = Activities(offices=house.rooms, subjects=house.stores.subjects, now=hall.shared.clock)
    await activities.happen("chenggong", Happening(event="ended", key=SECOND, day=date(2024, 10, 25)), Told(by="王芳"))
    assert await asked_at(hall, 2024, 10, 25, 14) == []
    assert await receipt(hall) is DeadlineState.OPEN
    with pytest.raises(UsageError, match="已结束"):
        await activities.happen("chenggong", Happening(event="cancelled", key=SECOND), Told(by="王芳"))


async def test_a_session_taken_as_held_may_be_called_off(hall: Hall) -> None:
    """It did not take place: a person who says so afterwards is believed, nothing is owed, and the cases book for the next one."""
    (case,) = await booked(hall, 1)
    await hall.at(2024, 10, 25, 12)
    house = hall.shared.house
    activities = Activities(offices=house.rooms, subjects=house.stores.subjects, now=hall.shared.clock)
    await activities.happen("chenggong", Happening(event="cancelled", key=SECOND), Told(by="王芳", reason="停电，未举行"))
    await hall.at(2024, 10, 25, 14)
    assert await receipt(hall) is DeadlineState.VOID
    assert await hall.numbers(THIRD) == {case.number: 1}
    placed = await house.stores.bookings.of_session((await session(hall)).id)
    assert [booking.state for booking, _ in placed] == [BookingState.MOVED]

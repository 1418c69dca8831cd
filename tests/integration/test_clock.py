"""The clock and the deadlines of cases: who is written to when, each step once, not at night, and not in a flood after an outage."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from daemon.casework import Details
from daemon.clock import Clock
from daemon.review import Act
from notifier.dates import plain_date
from notifier.reminders import was_in_words
from rules.calendar import Calendar
from rules.calendar_file import read_year
from rules.calendar_folder import BUILTIN, year_files
from rules.deadline_plan import schedule
from rules.provisional import load_festivals
from store import casebook
from store.errors import StoreUnavailableError, UsageError
from store.life import Role
from store.model.case import Case, CaseState
from store.model.notice import NoticeState, Purpose, QueuedNotice
from store.owing import Deadline, DeadlineState
from store.tables import DEADLINES
from tests.integration.houses import COORDINATOR, REFUSED, Bench, bench, office

ZONE = ZoneInfo("Asia/Shanghai")
ACT = Act(by="李明", reason="按程序办理")
WEDNESDAY = datetime(2024, 9, 25, 10, tzinfo=ZONE)  # before the National Day, and a make-up Sunday


@pytest_asyncio.fixture
async def shared(database_url: str) -> AsyncIterator[Bench]:
    """Open a house for each test on each kind of database, on a Wednesday morning."""
    async with bench(database_url) as opened:
        opened.clock.now = WEDNESDAY.astimezone(UTC)
        yield opened


def clock(shared: Bench) -> Clock:
    """Return a fresh clock of the house, as after a restart."""
    return Clock(rooms=shared.house.rooms, deadlines=shared.house.stores.deadlines, subjects=shared.house.stores.subjects, now=shared.clock)


async def at(shared: Bench, moment: datetime) -> list[QueuedNotice]:
    """Let a clock just started tick at *moment*; return what it wrote."""
    before = {queued.id for queued in await reminders(shared)}
    shared.clock.now = moment.astimezone(UTC)
    await clock(shared).tick()
    return [queued for queued in await reminders(shared) if queued.id not in before]


async def reminders(shared: Bench) -> list[QueuedNotice]:
    """Return all mails about deadlines, the oldest first."""
    listed = await shared.house.stores.outbox.list(limit=10_000)
    return sorted((queued for queued in listed if queued.notice.purpose is Purpose.REMINDER), key=lambda queued: queued.id)


async def running(shared: Bench, case: Case) -> dict[str, Deadline]:
    """Return the deadlines of a case that still run, by kind."""
    owed = await shared.house.stores.deadlines.of_case(case.id)
    return {deadline.kind: deadline for deadline in owed if deadline.state in {DeadlineState.OPEN, DeadlineState.PAUSED}}


async def do(shared: Bench, case: Case, event: str, role: Role = Role.DEPARTMENT, **said: object) -> Case:
    """Let an event happen a minute later."""
    shared.clock.advance(timedelta(minutes=1))
    return await shared.house.casework.do(case.number, event, role, ACT, Details(**said))  # type: ignore[arg-type]  # by keyword


async def test_an_assigned_case_owes_what_the_pack_says(shared: Bench) -> None:
    """Acknowledgement in one working day, a return within two, verification by the CG-3.4 date: each ends when it is done."""
    case = await shared.opened()
    assert case.due is not None
    owed = await running(shared, case)
    assert {kind: deadline.due.due for kind, deadline in owed.items()} == {
        "acknowledge": date(2024, 9, 26),
        "return": date(2024, 9, 27),
        "verification": case.due.due,
    }
    assert owed["acknowledge"].due_at == datetime(2024, 9, 26, 17, tzinfo=ZONE)

    case = await do(shared, case, "acknowledge")
    assert set(await running(shared, case)) == {"return", "verification"}
    case = await do(shared, case, "verify")
    assert set(await running(shared, case)) == set()
    case = await do(shared, case, "promise", days=7, limit=5)
    owed = await running(shared, case)
    assert {kind: deadline.due.due for kind, deadline in owed.items()} == {"answer": date(2024, 10, 10), "handling": date(2024, 10, 8)}
    case = await do(shared, case, "answer", result="solved")
    assert await running(shared, case) == {}


async def test_a_review_is_owed_by_the_coordinator(shared: Bench) -> None:
    """A refusal to be confirmed is the coordinator's to settle within a working day."""
    case = await shared.opened(REFUSED)
    assert {kind: deadline.owes for kind, deadline in (await running(shared, case)).items()} == {"review": "coordinator"}
    (mail,) = await at(shared, datetime(2024, 9, 26, 9, tzinfo=ZONE))
    assert mail.notice.to.address == COORDINATOR


async def test_each_step_is_taken_once_however_often_the_clock_starts(shared: Bench) -> None:
    """The reminder comes at its hour, not before, and not again from a second clock or a later tick."""
    case = await shared.opened()
    assert await at(shared, datetime(2024, 9, 26, 8, 59, tzinfo=ZONE)) == []
    (mail,) = await at(shared, datetime(2024, 9, 26, 9, 0, tzinfo=ZONE))
    assert case.department is not None
    assert (mail.notice.to.address, mail.case_number) == (office(case.department), case.number)
    assert mail.notice.subject == f"【坐诊接诉·时限提醒】{case.number} 签收"
    assert await at(shared, datetime(2024, 9, 26, 9, 0, tzinfo=ZONE)) == []
    assert await at(shared, datetime(2024, 9, 26, 12, 0, tzinfo=ZONE)) == []


async def test_every_step_of_every_kind_comes_when_planned(shared: Bench) -> None:
    """Over ten weeks with the National Day, hour by hour: nothing missed, nothing doubled, nothing early or late."""
    case = await shared.opened()
    case = await do(shared, case, "acknowledge")
    ground = shared.room.planner.ground
    planned = {
        (deadline.kind, step.at.astimezone(UTC))
        for kind, deadline in (await running(shared, case)).items()
        for step in schedule(ground.kinds.by_id[kind], deadline.due, ground)
        if step.at > shared.clock()
    }
    assert len(planned) > 8
    moment = WEDNESDAY.replace(minute=0)
    while moment < WEDNESDAY + timedelta(weeks=10):
        moment += timedelta(hours=3)
        await at(shared, moment.replace(hour=moment.hour // 3 * 3))
    acted = [event for event in await shared.house.stores.cases.history(case.id) if event.kind.startswith("deadline.")]

    actual = [(str(event.data["kind"]), event.at) for event in acted]
    assert len(actual) == len(set(actual)) == len(planned)
    assert {(kind, at.astimezone(ZONE).replace(hour=0, minute=0)) for kind, at in actual} == {
        (kind, at.astimezone(ZONE).replace(hour=0, minute=0)) for kind, at in planned
    }
    assert all(event.data["missed"] == 0 for event in acted)
    assert await shared.house.stores.cases.verify(case.id) == []


async def test_an_outage_ends_in_one_mail_that_says_what_was_missed(shared: Bench) -> None:
    """After three weeks of standstill a department gets one mail about what is overdue, not one for each step it was spared."""
    cases = [await shared.opened() for _ in range(3)]
    assert len({case.department for case in cases}) == 1
    written = await at(shared, datetime(2024, 11, 5, 10, tzinfo=ZONE))

    by_address = [queued.notice.to.address for queued in written]
    assert len(by_address) == len(set(by_address)) <= 2
    own = next(queued.notice for queued in written if queued.notice.to.address == office(str(cases[0].department)))
    assert all(case.number in own.text for case in cases)
    assert "不再逐次补发" in own.text


async def test_nobody_is_written_to_at_night_or_on_a_rest_day(shared: Bench) -> None:
    """What falls due while nobody works waits for the next working morning."""
    await shared.opened()
    for moment in (
        datetime(2024, 9, 28, 10, tzinfo=ZONE),  # a Saturday
        datetime(2024, 10, 3, 10, tzinfo=ZONE),  # the National Day
        datetime(2024, 9, 27, 22, tzinfo=ZONE),
        datetime(2024, 9, 27, 6, tzinfo=ZONE),
    ):
        assert await at(shared, moment) == []
    assert await at(shared, datetime(2024, 9, 29, 9, tzinfo=ZONE)) != []  # a Sunday that is worked


async def test_the_clock_says_when_it_has_something_to_do(shared: Bench) -> None:
    """The next moment is that of the earliest step; one that lies in quiet hours is put to their end, an urgent one is not."""
    asked = clock(shared)
    assert await asked.next_moment() is None
    case = await shared.opened()
    assert await asked.next_moment() == datetime(2024, 9, 26, 9, tzinfo=ZONE)
    for moment, opens in (
        (datetime(2024, 9, 27, 6, tzinfo=ZONE), datetime(2024, 9, 27, 8, tzinfo=ZONE)),
        (datetime(2024, 9, 27, 22, tzinfo=ZONE), datetime(2024, 9, 29, 8, tzinfo=ZONE)),  # a Sunday that is worked
        (datetime(2024, 10, 3, 10, tzinfo=ZONE), datetime(2024, 10, 8, 8, tzinfo=ZONE)),
    ):
        shared.clock.now = moment
        assert await asked.next_moment() == opens
    shared.clock.now = datetime(2024, 9, 27, 10, tzinfo=ZONE)
    case = await do(shared, case, "answer", result="solved")
    case = await do(shared, case, "reopen", Role.COORDINATOR, days=1)  # due on Sunday the 29th, urgent
    await asked.tick()
    shared.clock.now = datetime(2024, 9, 30, 23, tzinfo=ZONE)
    assert await asked.next_moment() == shared.clock.now


async def test_one_person_gets_one_mail(shared: Bench) -> None:
    """Three cases that fall due at once make one mail to their department, with each case's count of days."""
    cases = [await shared.opened() for _ in range(3)]
    (mail,) = await at(shared, datetime(2024, 9, 26, 9, tzinfo=ZONE))
    assert mail.notice.subject == "【坐诊接诉·时限提醒】3件时限提醒"
    assert all(case.number in mail.notice.text for case in cases)
    assert "第1日 9月26日（周四，工作日）" in mail.notice.text


async def test_a_supplement_stops_the_clock(shared: Bench) -> None:
    """While the enterprise's supplement is awaited the promise does not run; the working days of waiting are added to it."""
    case = await do(shared, await shared.opened(), "promise", days=7)
    before = (await running(shared, case))["answer"].due.due
    case = await do(shared, case, "supplement", missing=("合同",))
    paused = (await running(shared, case))["answer"]
    assert (paused.state, paused.next_at) == (DeadlineState.PAUSED, None)
    shared.clock.now = datetime(2024, 9, 29, 10, tzinfo=ZONE).astimezone(UTC)  # three working days later: 26, 27 and Sunday 29
    case = await do(shared, case, "supplemented", Role.COORDINATOR)
    again = (await running(shared, case))["answer"]

    assert case.state is CaseState.HANDLING
    assert (before, again.due.due, again.state) == (date(2024, 10, 10), date(2024, 10, 14), DeadlineState.OPEN)


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_days_that_were_waited_stay_whoever_has_the_case_then(shared: Bench, acknowledged: bool) -> None:  # noqa: FBT001
    """The first contact waits for a supplement asked before it was acknowledged too, and the wait counts for the department that gets it next."""
    case = await shared.opened()
    if acknowledged:
        case = await do(shared, case, "acknowledge")
    case = await do(shared, case, "supplement", missing=("合同",))
    shared.clock.now = datetime(2024, 9, 29, 10, tzinfo=ZONE).astimezone(UTC)  # three working days later
    case = await do(shared, case, "supplemented", Role.COORDINATOR)
    longer = (await running(shared, case))["verification"]
    assert case.due is not None
    assert longer.due.due == shared.room.calendar.add_working_days(case.due.start, 8).due
    assert longer.due.notes == ("等企业补正，9月25日至9月29日停止计时，顺延 3 个工作日",)

    case = await shared.house.review.assign(case.number, "zjj", (), ACT)
    again = (await running(shared, case))["verification"]
    assert (again.due, again.amount, again.waited) == (longer.due, 8, 3)


async def test_the_second_number_of_a_promise_leaves_the_first_as_it_is(shared: Bench) -> None:
    """限期 named first does not begin anew, nor lose its wait, when 承诺时限 is named later."""
    case = await do(shared, await shared.opened(), "promise", limit=5)
    case = await do(shared, case, "supplement", missing=("合同",))
    shared.clock.now = datetime(2024, 9, 29, 10, tzinfo=ZONE).astimezone(UTC)
    case = await do(shared, case, "supplemented", Role.COORDINATOR)
    before = (await running(shared, case))["handling"]
    case = await do(shared, case, "promise", days=7)
    after = (await running(shared, case))["handling"]
    assert (after.due, after.amount) == (before.due, 8)


async def test_a_return_does_not_restart_the_clock_and_has_its_time(shared: Bench) -> None:
    """The verification date stands through a return; after two working days a return is refused."""
    case = await shared.opened()
    due = (await running(shared, case))["verification"].due.due
    case = await do(shared, case, "return", department="zjj")
    case = await shared.house.review.assign(case.number, "zjj", (), ACT)
    assert (await running(shared, case))["verification"].due.due == due

    shared.clock.now = datetime(2024, 9, 30, 10, tzinfo=ZONE).astimezone(UTC)
    with pytest.raises(UsageError, match="退回期限 2024-09-27 已过"):
        await do(shared, case, "return", department="fgj")


async def test_what_is_handled_anew_has_its_own_limit(shared: Bench) -> None:
    """A supervision order sets its limit; the date of the first handling, which has passed, does not run again."""
    case = await do(shared, await shared.opened(), "answer", result="explained")
    shared.clock.now = datetime(2024, 12, 2, 10, tzinfo=ZONE)
    case = await do(shared, case, "reopen", Role.COORDINATOR, days=3)
    assert set(await running(shared, case)) == {"acknowledge", "return", "order"}

    case = await do(shared, case, "promise", days=2)
    before = (await running(shared, case))["order"]
    assert set(await running(shared, case)) == {"answer", "order"}  # the limit is the order's; the promise sets none beside it
    shared.clock.now = datetime(2024, 12, 4, 10, tzinfo=ZONE)
    case = await do(shared, case, "extend", Role.COORDINATOR, days=2)
    owed = await running(shared, case)
    assert (owed["order"].due.start, before.due.due, owed["order"].due.due) == (date(2024, 12, 2), date(2024, 12, 5), date(2024, 12, 9))
    assert set(owed) == {"answer", "order"}


async def test_an_order_says_why_and_by_when(shared: Bench) -> None:
    """重点督办单: the department's mail bears the coordinator's reason and the date of the order, not the first contact of long ago; both are told it is anew."""
    case = await do(shared, await shared.opened(), "answer", result="explained")
    shared.clock.now = datetime(2024, 12, 2, 10, tzinfo=ZONE)
    case = await do(shared, case, "reopen", Role.COORDINATOR, days=3)
    to_department = (await shared.notice(case, Purpose.ASSIGN)).notice
    to_enterprise = (await shared.notice(case, Purpose.ACKNOWLEDGE)).notice
    assert to_department.subject.startswith("【坐诊接诉·重点督办】")
    for written in (to_department.text, to_department.html):
        assert "2024年12月5日（星期四）" in written
        assert f"督办理由：{ACT.reason}" in written
        assert "第3日 12月5日（周四，工作日）" in written
    assert "重新办理" in to_enterprise.subject
    assert "重新办理" in to_enterprise.text
    assert case.due is not None
    assert plain_date(case.due.due) not in to_department.text + to_enterprise.text


async def test_a_reminder_that_was_heard_spares_the_next_rung(shared: Bench) -> None:
    """收悉 after the date has passed leaves out the next rung, not those after it."""
    case = await shared.opened()
    await at(shared, datetime(2024, 9, 26, 9, tzinfo=ZONE))
    shared.clock.now = datetime(2024, 9, 27, 8, tzinfo=ZONE).astimezone(UTC)
    await do(shared, case, "heed")
    await do(shared, case, "heed")  # said once more, it does not silence the rung after
    assert await at(shared, datetime(2024, 9, 27, 9, 30, tzinfo=ZONE)) == []  # section head
    (mail,) = await at(shared, datetime(2024, 9, 29, 9, 30, tzinfo=ZONE))  # deputy
    assert "请呈分管领导阅" in mail.notice.text


async def test_a_notice_moves_the_right_dates_and_tells_who_owes(shared: Bench) -> None:
    """A date guessed while the year had no notice is counted again when it is there: moved where it differs, with an event and a mail."""
    plans = {int(path.stem): read_year(path) for path in year_files(BUILTIN)}

    def known(*years: int) -> Calendar:
        special = {day: what for year in years for day, what in plans[year].special.items()}
        return Calendar(years=years, special=special, festivals=load_festivals())

    shared.room.calendar = known(2023, 2024)
    shared.clock.now = datetime(2024, 12, 30, 10, tzinfo=ZONE).astimezone(UTC)
    first = await do(shared, await shared.opened(), "promise", days=7)  # over New Year 2025: off by law, so nothing moves
    shared.clock.now = datetime(2025, 1, 21, 10, tzinfo=ZONE).astimezone(UTC)
    second = await do(shared, await shared.opened(), "promise", days=7)  # over the Spring Festival
    guessed = (await running(shared, second))["answer"]
    assert guessed.due.provisional
    assert guessed.due_at.date() == guessed.due.last
    kept = (await running(shared, first))["answer"].due.due

    shared.room.calendar = known(2023, 2024, 2025)
    again = clock(shared)
    assert await again.count_again() >= 1
    final = (await running(shared, second))["answer"]
    assert (final.due.due, final.due.provisional) == (date(2025, 2, 6), False)
    assert guessed.due.earliest is not None
    assert guessed.due.earliest <= final.due.due <= guessed.due.last
    moved = [event for event in await shared.house.stores.cases.history(second.id) if event.kind == "deadline.moved"]
    assert [(event.data["kind"], event.data["new"]) for event in moved if event.data["kind"] == "answer"] == [("answer", "2025-02-06")]
    told = [queued.notice for queued in await reminders(shared) if "时限变动" in queued.notice.subject]
    about = [notice.text.partition(second.number)[2] for notice in told if second.number in notice.text]
    assert any("2025年2月6日（星期四），原为" in text for text in about)
    assert (await running(shared, first))["answer"].due.due == kept
    assert await again.count_again() == 0


async def test_dates_that_move_to_and_fro_are_told_each_time_and_one_mail_a_person(shared: Bench) -> None:
    """A notice taken in, taken back and taken in again: each time one mail to a department about all its dates, with what they were."""
    plans = {int(path.stem): read_year(path) for path in year_files(BUILTIN)}
    special = [{day: what for year in (2023, 2024, *more) for day, what in plans[year].special.items()} for more in ((), (2025,))]
    unknown, known = (
        Calendar(years=years, special=days, festivals=load_festivals())
        for years, days in zip(((2023, 2024), (2023, 2024, 2025)), special, strict=True)
    )
    shared.room.calendar = unknown
    shared.clock.now = datetime(2025, 1, 21, 10, tzinfo=ZONE).astimezone(UTC)
    cases = [await do(shared, await shared.opened(), "promise", days=7) for _ in range(3)]
    assert len({case.department for case in cases}) == 1

    async def told(calendar: Calendar) -> str:
        before = {queued.id for queued in await reminders(shared)}
        shared.room.calendar = calendar
        shared.clock.advance(timedelta(minutes=1))
        assert await clock(shared).count_again()
        to_department = [
            queued.notice
            for queued in await reminders(shared)
            if queued.id not in before and queued.notice.to.address == office(str(cases[0].department))
        ]
        (mail,) = to_department
        return mail.text

    there, back, again = [await told(calendar) for calendar in (known, unknown, known)]
    assert all(case.number in text for case in cases for text in (there, back, again))
    assert "2025年2月6日（星期四），原为2025年2月5日（星期三）（暂定，最晚" in there
    assert "原为2025年2月6日（星期四）" in back
    assert "2025年2月6日（星期四），原为2025年2月5日（星期三）（暂定，最晚" in again


async def test_a_mail_about_a_moved_date_says_what_its_reader_did_not_know(shared: Bench) -> None:
    """A half day moves the hour, which the date does not show; a notice that confirms a guess, its latest day included, moves nothing."""
    case = await do(shared, await shared.opened(), "promise", days=2)  # Sunday 29 September is worked
    (old,) = [one for kind, one in (await running(shared, case)).items() if kind == "answer"]
    noon = replace(old, due_at=old.due_at - timedelta(hours=5))
    assert was_in_words(old, noon, "Asia/Shanghai") == "17:00届满，现为12:00届满"
    guess = replace(old, due=replace(old.due, provisional=True, earliest=old.due.due, latest=old.due.due))
    assert was_in_words(guess, old, "Asia/Shanghai") == ""
    wide = replace(guess, due=replace(guess.due, latest=date(2024, 10, 8)))
    assert was_in_words(wide, old, "Asia/Shanghai") == "2024年9月27日（星期五）（暂定，最晚2024年10月8日（星期二））"


async def test_a_calendar_that_changes_while_the_old_one_is_counted_is_counted_too(shared: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload in the middle of a long count is not forgotten when that count ends, nor is one whose count failed."""
    ticking, counted = clock(shared), list[str]()

    async def count() -> int:
        counted.append("again")
        if len(counted) == 1:
            ticking.calendar_changed()
        if len(counted) == 2:
            raise StoreUnavailableError("away")
        return 0

    monkeypatch.setattr(ticking, "count_again", count)
    await ticking.tick()
    with pytest.raises(StoreUnavailableError):
        await ticking.tick()
    await ticking.tick()
    await ticking.tick()
    assert counted == ["again"] * 3


async def test_a_date_counted_by_a_notice_that_the_service_has_not_read_is_not_given_up(shared: Bench) -> None:
    """`calendar import` moves a date before the service is reloaded: at a moment that its own calendar does not know, the step waits."""
    plans = {int(path.stem): read_year(path) for path in year_files(BUILTIN)}

    def known(*years: int) -> Calendar:
        special = {day: what for year in years for day, what in plans[year].special.items()}
        return Calendar(years=years, special=special, festivals=load_festivals())

    new, old = known(2023, 2024, 2025), known(2023, 2024)
    shared.room.calendar = new
    shared.clock.now = datetime(2025, 1, 23, 10, tzinfo=ZONE).astimezone(UTC)  # Sunday 26 January is worked, by the notice of 2025
    case = await do(shared, await shared.opened(), "acknowledge")
    case = await do(shared, case, "promise", days=1)
    first = schedule(
        shared.room.planner.ground.kinds.by_id["answer"], (await running(shared, case))["answer"].due, shared.room.planner.ground
    )
    rung = next(step for step in first if step.what == "overdue")
    assert rung.at.date() == date(2025, 1, 26)
    shared.room.calendar = old
    await at(shared, datetime(2025, 1, 24, 10, tzinfo=ZONE))
    await shared.house.stores.database.write(
        lambda connection: connection.execute(
            update(DEADLINES).where(DEADLINES.c.case_id == case.id, DEADLINES.c.kind == "answer").values(next_at=rung.at.astimezone(UTC))
        )
    )
    ticking = clock(shared)
    await ticking.tick()
    shared.clock.now = datetime(2025, 1, 27, 8, 30, tzinfo=ZONE).astimezone(UTC)  # a working day by both
    await ticking.tick()
    waiting = (await running(shared, case))["answer"]
    assert waiting.next_at == datetime(2025, 1, 27, 9, tzinfo=ZONE)
    assert waiting.counted_by == shared.room.planner.ground.mark  # so that the reload counts it by the notice


async def test_what_was_closed_in_time_is_kept_as_met(shared: Bench) -> None:
    """The event that ends a case also fulfils what was owed until it; what was owed besides is void."""
    case = await do(shared, await shared.opened(), "answer", result="solved")
    case = await do(shared, case, "rate", Role.ENTERPRISE, rating="satisfied")
    case = await do(shared, case, "close", Role.COORDINATOR)
    refused = await do(shared, await shared.opened(), "withdraw", Role.ENTERPRISE)

    states = {deadline.kind: deadline.state for deadline in await shared.house.stores.deadlines.of_case(case.id)}
    assert states["closing"] is DeadlineState.MET
    states = {deadline.kind: deadline.state for deadline in await shared.house.stores.deadlines.of_case(refused.id)}
    assert states["verification"] is DeadlineState.VOID


# ------------------------------------------------------------ death, and company


async def killed(url: str, moment: datetime, when: str) -> None:
    """Let a process of its own tick at *moment*, and be killed *when* it says."""
    words = (sys.executable, "-m", "tests.integration.dying_clock", url, moment.isoformat(), when)
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_killed_in_a_step_loses_and_doubles_nothing(database_url: str, when: str) -> None:
    """Killed before the commit nothing was done, and the next start does it; killed after it, the mail waits in the outbox, once."""
    moment = datetime(2024, 9, 26, 9, 0, tzinfo=ZONE)
    async with bench(database_url) as first:
        first.clock.now = WEDNESDAY.astimezone(UTC)
        case = await first.opened()
    await killed(database_url, moment.astimezone(UTC), when)
    async with bench(database_url) as second:
        left = await reminders(second)
        written = await at(second, moment)
        assert (len(left), len(written)) == ((0, 1) if when == "before" else (1, 0))
        assert [queued.state for queued in [*left, *written]] == [NoticeState.QUEUED]
        history = await second.house.stores.cases.history(case.id)
        assert [event.kind for event in history].count("deadline.reminded") == 1
        assert await second.house.stores.cases.verify(case.id) == []


async def test_two_services_take_each_step_once(postgresql_url: str) -> None:
    """Two services that tick at the same moment, and count again at the same moment, act once on each deadline between them."""
    async with bench(postgresql_url) as one, bench(postgresql_url) as other:
        one.clock.now = other.clock.now = WEDNESDAY.astimezone(UTC)
        cases = [await one.opened() for _ in range(5)]
        for moment in (datetime(2024, 9, 26, 9, tzinfo=ZONE), datetime(2024, 9, 27, 9, tzinfo=ZONE)):
            one.clock.now = other.clock.now = moment.astimezone(UTC)
            assert sum(await asyncio.gather(clock(one).tick(), clock(other).tick())) == len(cases)
        for case in cases:
            acted = [event.kind for event in await one.house.stores.cases.history(case.id) if event.kind.startswith("deadline.")]
            assert acted == ["deadline.reminded", "deadline.escalated"]
            assert await one.house.stores.cases.verify(case.id) == []
        told = [case.number for queued in await reminders(one) for case in cases if case.number in queued.notice.text]
        assert sorted(told) == sorted([case.number for case in cases] * 2)


async def test_two_services_move_a_date_once(postgresql_url: str) -> None:
    """A new calendar that both services take up at once moves each date once, with one event and one mail."""
    plans = {int(path.stem): read_year(path) for path in year_files(BUILTIN)}

    def known(*years: int) -> Calendar:
        special = {day: what for year in years for day, what in plans[year].special.items()}
        return Calendar(years=years, special=special, festivals=load_festivals())

    async with bench(postgresql_url) as one, bench(postgresql_url) as other:
        one.clock.now = other.clock.now = datetime(2025, 1, 21, 10, tzinfo=ZONE).astimezone(UTC)
        one.room.calendar = known(2023, 2024)
        case = await do(one, await one.opened(), "promise", days=7)
        one.room.calendar = other.room.calendar = known(2023, 2024, 2025)
        await asyncio.gather(clock(one).count_again(), clock(other).count_again())
        moved = [str(event.data["kind"]) for event in await one.house.stores.cases.history(case.id) if event.kind == "deadline.moved"]
        assert "answer" in moved
        assert len(moved) == len(set(moved))
        assert len([queued for queued in await reminders(one) if "时限变动" in queued.notice.subject]) == len(moved)


async def test_a_case_in_somebody_s_hand_waits_for_the_next_tick(postgresql_url: str) -> None:
    """The clock never waits for a person while it holds what that person needs next: what he has in hand it leaves alone."""
    async with bench(postgresql_url) as shared:
        shared.clock.now = WEDNESDAY.astimezone(UTC)
        first, second = await shared.opened(), await shared.opened()
        shared.clock.now = datetime(2024, 9, 26, 9, tzinfo=ZONE).astimezone(UTC)
        beside = shared.house.stores.database.beside(patience=timedelta(seconds=5))
        try:
            with beside.begin() as person:
                casebook.load(person, first.id, lock=True)
                assert await clock(shared).tick() == 1
                # This would wait for ever, did the clock hold what it waits for.
                person.execute(update(DEADLINES).where(DEADLINES.c.case_id == first.id).values(fired=0))
        finally:
            beside.dispose()
        assert await clock(shared).tick() == 1
        for case in (first, second):
            kinds = [event.kind for event in await shared.house.stores.cases.history(case.id)]
            assert kinds.count("deadline.reminded") == 1


async def test_a_case_older_than_deadlines_gets_those_of_its_history(shared: Bench) -> None:
    """Registered, acknowledged and promised without deadlines, a case has after the start of this version what it would have had."""
    case = await do(shared, await shared.opened(), "acknowledge")
    case = await do(shared, case, "promise", days=7, limit=5)
    untouched, before = await shared.opened(), await shared.house.stores.deadlines.of_case(case.id)
    await shared.house.stores.database.write(lambda connection: connection.execute(delete(DEADLINES).where(DEADLINES.c.case_id == case.id)))

    await clock(shared).tick()
    after = await shared.house.stores.deadlines.of_case(case.id)
    assert [(one.kind, one.state, one.due, one.round) for one in after] == [(one.kind, one.state, one.due, one.round) for one in before]
    assert await shared.house.stores.deadlines.without("chenggong") == []
    assert len(await running(shared, untouched)) == 3


async def test_the_date_of_verification_moves_with_a_notice_too(shared: Bench) -> None:
    """CG-3.4 begins with the close of booking, the last working day of the month: a notice that takes that day off moves both."""
    plans = {int(path.stem): read_year(path) for path in year_files(BUILTIN)}

    def known(*years: int) -> Calendar:
        special = {day: what for year in years for day, what in plans[year].special.items()}
        return Calendar(years=years, special=special, festivals=load_festivals())

    shared.room.calendar = known(2023, 2024)
    shared.clock.now = datetime(2025, 1, 8, 10, tzinfo=ZONE).astimezone(UTC)
    case = await shared.opened()
    guessed = (await running(shared, case))["verification"]
    assert guessed.due.provisional
    shared.room.calendar = known(2023, 2024, 2025)
    await clock(shared).count_again()
    final = (await running(shared, case))["verification"].due
    again = await shared.house.stores.cases.get(case.number)
    assert (final.start, final.due, final.provisional) == (
        date(2025, 1, 27),
        date(2025, 2, 10),
        False,
    )  # 26th worked, 28th to 4 February off
    assert again.due is not None
    assert (again.due.start, again.due.due, again.due.kind) == (final.start, final.due, "verification")


async def test_an_extension_keeps_the_days_that_were_waited(shared: Bench) -> None:
    """A promise that stood still for a supplement and was extended then counts both, and its explanation and the letter say so."""
    case = await do(shared, await shared.opened(), "promise", days=7)
    case = await do(shared, case, "supplement", missing=("合同",))
    shared.clock.now = datetime(2024, 9, 29, 10, tzinfo=ZONE).astimezone(UTC)
    case = await do(shared, case, "supplemented", Role.COORDINATOR)
    case = await do(shared, case, "extend", Role.COORDINATOR, days=3)
    due = (await running(shared, case))["answer"].due
    assert due.due == date(2024, 10, 17)  # 13 working days from 25 September, make-up days 29 September and 12 October counted
    assert due.notes == (
        "承诺 7 个工作日，批准延期 3 个工作日，共 10 个工作日",
        "等企业补正，9月25日至9月29日停止计时，顺延 3 个工作日",
    )
    assert sum(day.counted for day in due.days) == 13
    letter = (await shared.notice(case, Purpose.PROGRESS)).notice.text
    assert "2024年10月17日（星期四）前（含当日）" in letter
    assert "第13日 10月17日" in letter

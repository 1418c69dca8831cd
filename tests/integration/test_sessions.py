"""Sessions of a district that books: numbers, words to enterprises, lists to offices, each once whoever runs and however often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest_asyncio

from channels.documents import read_document
from daemon.activities import Activities, Told
from daemon.review import Act, Correction
from daemon.session_end import SessionEnd
from daemon.sessions import Sessions
from daemon.sittings import booked_since
from notifier.enclosures import make
from store.life import Role
from store.model.booking import BookingState
from store.model.case import Case
from store.model.decision import Verdict
from store.model.notice import Purpose, QueuedNotice
from store.owing import Happening, SubjectSort, SubjectState
from tests.integration.houses import COORDINATOR, MAILBOX, PUBLISHER, REFUSED, Bench, Enterprise, bench, office

ZONE = ZoneInfo("Asia/Shanghai")
SECOND, THIRD = "2024年第2期", "2024年第3期"


def moment(*parts: int) -> datetime:
    """Return a moment of the district's clock."""
    return datetime(*parts, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc, arg-type]  # of integers


@dataclass(slots=True, kw_only=True)
class Hall:
    """呈贡 with its sessions of October and November announced."""

    shared: Bench

    @property
    def sessions(self) -> Sessions:
        """A service just started, which knows only what the database knows."""
        house = self.shared.house
        stores = house.stores
        end = SessionEnd(bookings=stores.bookings, subjects=stores.subjects, hearings=stores.hearings)
        return Sessions(rooms=house.rooms, bookings=stores.bookings, subjects=stores.subjects, end=end, now=self.shared.clock)

    async def announce(self, key: str, day: date) -> None:
        """Announce a session."""
        house = self.shared.house
        activities = Activities(offices=house.rooms, subjects=house.stores.subjects, now=self.shared.clock)
        happening = Happening(event="announced", key=key, sort=SubjectSort.SESSION, title="花卉产业", department=self.host, day=day)
        await activities.happen("chenggong", happening, Told(by="王芳"))

    @property
    def host(self) -> str:
        """The department that sits: one of the directory that the petitions here do not concern."""
        return list(self.shared.room.rulebook.district.departments)[-1]

    async def at(self, *parts: int) -> list[QueuedNotice]:
        """Let a service just started look at this moment; return the letters about sessions that it wrote."""
        before = {queued.id for queued in await self.letters()}
        self.shared.clock.now = moment(*parts)
        await self.sessions.tick()
        return [queued for queued in await self.letters() if queued.id not in before]

    async def letters(self) -> list[QueuedNotice]:
        """Return the letters about sessions, the oldest first."""
        found = await self.shared.house.stores.outbox.list(limit=10_000)
        return sorted((one for one in found if one.notice.purpose in {Purpose.BOOKING, Purpose.SESSION}), key=lambda one: one.id)

    async def admitted(self, *parts: int) -> Case:
        """Take a mail in at this moment that opens a case with a department."""
        self.shared.clock.now = moment(*parts)
        case = await self.shared.opened(enterprise=Enterprise())
        assert case.department is not None
        return case

    async def numbers(self, key: str) -> dict[str, int]:
        """Return the numbers that stand in a session, by case."""
        bookings = self.shared.house.stores.bookings
        subject = await self.shared.house.stores.subjects.get("chenggong", key)
        assert await self.shared.house.stores.subjects.verify(subject.id) == []
        placed = await bookings.of_session(subject.id)
        return {case.number: booking.number for booking, case in placed if booking.state is BookingState.BOOKED}

    def text(self, queued: QueuedNotice, nth: int) -> str:
        """Return what the file at place *nth* of a letter says, made as the sender makes it and read as our reader reads it."""
        name, content = make(queued.notice.enclosures, self.shared.room.rulebook.forms).files[nth]
        if name.endswith(".ics"):
            return content.decode()
        document, doubt = read_document(name, "", content)
        assert document is not None, doubt
        return document.text

    async def withdrawn(self, case: Case) -> None:
        """Let the enterprise withdraw its matter."""
        await self.shared.house.casework.do(case.number, "withdraw", Role.COORDINATOR, Act(by="王芳", reason="企业来电撤回"))


async def announced(shared: Bench) -> Hall:
    """Return the house as a hall on 9 September 2024, two sessions announced: 25 October and 22 November."""
    shared.clock.now = moment(2024, 9, 9, 9)
    one = Hall(shared=shared)
    await one.announce(SECOND, date(2024, 10, 25))
    await one.announce(THIRD, date(2024, 11, 22))
    return one


@pytest_asyncio.fixture
async def hall(database_url: str) -> AsyncIterator[Hall]:
    """Open the house on each kind of database on 9 September 2024, two sessions announced: 25 October and 22 November."""
    async with bench(database_url) as shared:
        yield await announced(shared)


async def test_numbers_go_by_arrival_and_say_early_in_time_or_late(hall: Hall) -> None:
    """CG-3.3: the booking of September's last ten working days serves October; early is booked at once, late goes to November, and each is told."""
    early, in_time, late = (
        await hall.admitted(2024, 9, 10, 9),
        await hall.admitted(2024, 9, 27, 10),
        await hall.admitted(2024, 9, 30, 17, 1),
    )
    written = await hall.at(2024, 9, 30, 17, 2)

    assert await hall.numbers(SECOND) == {early.number: 1, in_time.number: 2}
    assert await hall.numbers(THIRD) == {late.number: 1}
    texts = {one.case_number: one.notice.text for one in written if one.notice.purpose is Purpose.BOOKING}
    assert f"已直接为您挂在{SECOND}" in texts[early.number]
    assert f"您的诉求已经挂号，挂在{SECOND}。" in texts[in_time.number]
    assert "挂号序号：第2号（前面还有1家企业）" in texts[in_time.number]
    assert f"来件时{SECOND}的挂号已经截止，因此挂在{THIRD}" in texts[late.number]
    assert [one for one in await hall.at(2024, 9, 30, 17, 3) if one.notice.purpose is Purpose.BOOKING] == []


async def test_two_services_give_no_number_twice(hall: Hall) -> None:
    """Both look at the same moment: every case has one number, every number one case, every enterprise one mail."""
    cases = [await hall.admitted(2024, 9, 18, 9, minute) for minute in range(6)]
    await asyncio.gather(*(hall.sessions.tick() for _ in range(3)))
    numbers = await hall.numbers(SECOND)
    assert sorted(numbers.values()) == [1, 2, 3, 4, 5, 6]
    assert set(numbers) == {case.number for case in cases}
    assert len([one for one in await hall.letters() if one.notice.purpose is Purpose.BOOKING]) == 6


async def test_a_number_is_not_given_again(hall: Hall) -> None:
    """A matter withdrawn frees its place, not its number: the next is number 3."""
    first, second = await hall.admitted(2024, 9, 18, 9, 0), await hall.admitted(2024, 9, 18, 9, 1)
    await hall.at(2024, 9, 18, 9, 2)
    await hall.withdrawn(second)
    third = await hall.admitted(2024, 9, 18, 9, 3)
    await hall.at(2024, 9, 18, 9, 4)
    assert await hall.numbers(SECOND) == {first.number: 1, third.number: 3}


async def test_a_session_called_off_hands_its_places_on(hall: Hall) -> None:
    """Whoever had booked it is booked for the next one, and told."""
    case = await hall.admitted(2024, 9, 18, 9)
    await hall.at(2024, 9, 18, 9, 1)
    house = hall.shared.house
    activities = Activities(offices=house.rooms, subjects=house.stores.subjects, now=hall.shared.clock)
    await activities.happen("chenggong", Happening(event="cancelled", key=SECOND), Told(by="王芳"))
    written = await hall.at(2024, 9, 18, 9, 2)
    assert await hall.numbers(THIRD) == {case.number: 1}
    assert [one.notice.subject for one in written if one.case_number == case.number] == [f"【坐诊接诉】{case.number} 已挂号：{THIRD} 第1号"]


async def test_the_offices_get_notice_service_list_and_call_list(hall: Hall) -> None:
    """CG-3.2, 3.4, 3.5: each step comes at its moment, once, to those it is for; the close of booking begins the date of 附件3."""
    notice = await hall.at(2024, 9, 12, 9)
    assert {one.notice.to.address for one in notice} == {office(hall.host), COORDINATOR, PUBLISHER[1]}
    assert all("挂号自2024年9月18日9:00起，至2024年9月30日17:00止" in one.notice.text for one in notice)
    case = await hall.admitted(2024, 9, 18, 9)
    await hall.at(2024, 9, 18, 9, 1)
    lists = [one for one in await hall.at(2024, 10, 8, 9) if one.case_number == SECOND]
    assert {one.notice.to.address for one in lists} == {office(hall.host), COORDINATOR, office(case.department or "")}
    assert all(case.number in one.notice.text and "服务事项清单" in one.notice.subject for one in lists)
    stores = hall.shared.house.stores
    subject = await stores.subjects.get("chenggong", SECOND)
    due = {one.kind: one.due for one in await stores.deadlines.of_subject(subject.id)}
    assert due["service_list"].start == date(2024, 9, 30)
    assert [one for one in await hall.at(2024, 10, 21, 9) if one.case_number in {SECOND, case.number}] == []
    called = await hall.at(2024, 10, 22, 9)
    assert {one.notice.to.address for one in called if one.case_number == SECOND} == {office(hall.host), COORDINATOR}
    (mine,) = [one.notice for one in called if one.case_number == case.number]
    assert "2024年10月25日（星期五）举行，请提前15分钟到现场候诊" in mine.text
    assert await hall.at(2024, 10, 22, 9, 1) == []


async def test_the_draft_of_the_notice_says_all_that_is_published(hall: Hall) -> None:
    """附件1: whom it serves, the ways to book with our own mailbox, the five grounds word for word; the publishers read that the host has yet to approve it."""
    drafts = {one.notice.to.address: one.notice for one in await hall.at(2024, 9, 12, 9)}
    district = hall.shared.room.rulebook.district
    for draft in drafts.values():
        assert len(district.grounds) == 5
        for ground in district.grounds.values():
            assert f"\n　　　　{ground.number}.{ground.text}\n" in draft.text
            assert f"<br>{ground.number}.{ground.text}" in draft.html
        assert "服务对象：在呈贡区范围内开展生产经营活动的各类企业，以及拟在呈贡区投资兴业的区外企业。" in draft.text
        assert f"“挂号”渠道：线上：电子邮箱{MAILBOX}\n　　　　线下：区政务服务中心大厅（区政务中心 B区）" in draft.text
        assert [one.name for one in draft.enclosures] == [f"附件1 {SECOND}.docx"]
    published = drafts[PUBLISHER[1]]
    assert published.text.startswith(f"{PUBLISHER[0]}：\n")
    assert f"请在{district.departments[hall.host].name}核定后、挂号开始之前发布" in published.text
    assert f"拟稿已同时送{PUBLISHER[0]}" in drafts[office(hall.host)].text
    assert published.office == ""  # an answer from there moves nothing


async def test_letters_bring_the_forms_and_the_calendar_entry(hall: Hall) -> None:
    """The draft brings 附件1, the service list 附件3 with who has booked and the day as a calendar entry, which the enterprise has when called up."""
    notice = await hall.at(2024, 9, 12, 9)
    assert [one.name for one in notice[0].notice.enclosures] == [f"附件1 {SECOND}.docx"]
    draft = hall.text(notice[0], 0)
    assert "昆明市呈贡区 2024年第2期" in draft
    assert "花卉产业" in draft
    assert "2024年9月18日 9:00—2024年9月30日 17:00" in draft
    assert "2024年10月25日（星期五）" in draft
    assert "4.企业已就投诉事项向政府其他投诉平台反映且已受理的" in draft
    case = await hall.admitted(2024, 9, 18, 9)
    await hall.at(2024, 9, 18, 9, 1)
    lists = [one for one in await hall.at(2024, 10, 8, 9) if one.case_number == SECOND]
    for one in lists:
        assert [file.name for file in one.notice.enclosures] == [f"附件3 {SECOND}.docx", f"附件3 {SECOND}.xlsx", f"{SECOND}.ics"]
        assert f"附件：附件3 {SECOND}.docx、附件3 {SECOND}.xlsx、{SECOND}.ics" in one.notice.text
    assert case.petition.title in hall.text(lists[0], 0)
    assert "第1号" in hall.text(lists[0], 1)
    called = await hall.at(2024, 10, 22, 9)
    (mine,) = [one for one in called if one.case_number == case.number]
    entry = hall.text(mine, 0)
    assert [line for line in entry.splitlines() if line.startswith(("UID", "DTSTART", "DTEND", "STATUS"))] == [
        next(line for line in lists[0].notice.enclosures[2].text.splitlines() if line.startswith("UID")),
        "DTSTART:20241025T010000Z",
        "DTEND:20241025T040000Z",
        "STATUS:CONFIRMED",
    ]
    assert "请提前15分钟到场" in entry.replace("\r\n ", "")


async def test_a_form_that_the_pack_no_longer_has_is_named_in_the_letter(hall: Hall) -> None:
    """The letter goes out without it and says so: of two evils the smaller, and the log tells."""
    (written, *_) = await hall.at(2024, 9, 12, 9)
    made = make(written.notice.enclosures, {})
    assert (made.files, made.missing) == ((), (f"附件1 {SECOND}.docx",))


async def test_who_moves_up_after_the_call_is_told(hall: Hall) -> None:
    """CG-3.5: the first cancels after the call-up, the two behind move up and hear it once; the matter itself goes on."""
    cases = [await hall.admitted(2024, 9, 18, 9, minute) for minute in range(3)]
    await hall.at(2024, 9, 18, 9, 5)
    await hall.at(2024, 10, 22, 9)
    stores = hall.shared.house.stores
    subject = await stores.subjects.get("chenggong", SECOND)
    await stores.bookings.call(subject.id, cases[1].id, by="李明", result="已通知", now=hall.shared.clock())
    await stores.bookings.cancel(subject.id, cases[0].id, by="李明", reason="企业来电", now=hall.shared.clock())
    written = [one for one in await hall.at(2024, 10, 22, 10) if one.notice.purpose is Purpose.BOOKING]
    assert [(one.case_number, "顺序前移" in one.notice.subject) for one in written] == [(case.number, True) for case in cases[1:]]
    assert "第2号（前面还有0家企业）" in written[0].notice.text
    assert await hall.at(2024, 10, 22, 10, 1) == []
    assert (await stores.cases.get(cases[0].number)).state is cases[0].state
    assert {booking.number: booking.call for booking, _ in await stores.bookings.of_session(subject.id)} == {1: "", 2: "已通知", 3: ""}


async def test_a_session_without_a_day_is_asked_for_once_a_week(hall: Hall) -> None:
    """Host and coordinator are told in time to fix the day, with the command; once a week whoever looks, late where nothing ran, until it is fixed."""
    house, key = hall.shared.house, "2024年第4期"
    month = Happening(
        event="planned",
        key=key,
        sort=SubjectSort.SESSION,
        title="花卉产业",
        department=hall.host,
        day=date(2024, 12, 1),
        until=date(2024, 12, 31),
    )
    await house.stores.subjects.plan("chenggong", [month], hall.shared.clock(), hall.shared.room.planner)

    async def asked(*parts: int) -> list[QueuedNotice]:
        return [one for one in await hall.at(*parts) if one.case_number == key]

    # Booking for December opens on 18 November, the notice is drafted on 13 November, ten working days before which is 30 October.
    assert await asked(2024, 10, 30, 8, 59) == []
    assert await house.sessions.next_moment() == moment(2024, 10, 30, 9)
    first = await asked(2024, 10, 30, 9)
    assert {one.notice.to.address for one in first} == {office(hall.host), COORDINATOR}
    for one in first:
        assert one.notice.subject == f"【坐诊接诉·请定坐诊日期】{key} 花卉产业"
        assert f"{key}安排在2024年12月内，哪一天还没有定。挂号自2024年11月18日9:00开始" in one.notice.text
        assert "通告拟稿将在2024年11月13日发出，请在此之前定下日期" in one.notice.text
        assert f"　　登记日期：zuozhen activity announce {key} --day 年-月-日 --by 姓名\n" in one.notice.text
        assert "本期没有企业挂号" not in one.notice.text
    assert await asked(2024, 11, 6, 8, 59) == []
    await asyncio.gather(*(hall.sessions.tick() for _ in range(3)))
    assert len(await asked(2024, 11, 6, 9)) == 2
    late = await asked(2024, 11, 18, 10)  # nothing ran for twelve days
    assert all("因日期未定还没有发出，企业也还不能挂号" in one.notice.text for one in late)
    assert len(late) == 2
    assert await asked(2024, 11, 20, 9) == []
    await hall.announce(key, date(2024, 12, 27))
    assert [one.notice.subject for one in await asked(2024, 11, 25, 10)] == [f"【坐诊接诉·通告拟稿】{key} 花卉产业"] * 3
    assert await asked(2024, 11, 29, 10) == []


async def test_a_session_called_off_or_past_is_asked_for_no_more(hall: Hall) -> None:
    """Nobody is asked for the day of a session that does not take place, or whose last possible day is over."""
    house = hall.shared.house
    planned = [
        Happening(event="planned", key=key, sort=SubjectSort.SESSION, department=hall.host, day=first, until=last)
        for key, first, last in (("甲", date(2024, 12, 1), date(2024, 12, 31)), ("乙", date(2024, 9, 10), date(2024, 9, 12)))
    ]
    await house.stores.subjects.plan("chenggong", planned, hall.shared.clock(), hall.shared.room.planner)
    assert {one.case_number for one in await hall.at(2024, 9, 12, 16)} >= {"乙"}
    activities = Activities(offices=house.rooms, subjects=house.stores.subjects, now=hall.shared.clock)
    await activities.happen("chenggong", Happening(event="cancelled", key="甲"), Told(by="王芳"))
    assert {one.case_number for one in await hall.at(2024, 11, 20, 10)} & {"甲", "乙"} == set()


async def test_what_came_before_the_first_booking_is_not_called_in(database_url: str) -> None:
    """A district that begins with sessions books who came since the booking before its first one closed (30 August, 17:00), and nobody older.

    A session kept as a record of the past moves nothing; who is admitted late is booked all the same.
    """
    async with bench(database_url) as shared:
        hall = Hall(shared=shared)
        old, last = await hall.admitted(2024, 5, 10, 9), await hall.admitted(2024, 8, 30, 17)
        first, refused = await hall.admitted(2024, 8, 30, 17, 1), await shared.opened(REFUSED)
        await hall.at(2024, 9, 9, 9)
        activities = Activities(offices=shared.house.rooms, subjects=shared.house.stores.subjects, now=shared.clock)
        record = Happening(event="ended", key="试办", sort=SubjectSort.SESSION, department=hall.host, day=date(2024, 3, 22))
        await activities.happen("chenggong", record, Told(by="王芳"))
        await announced(shared)
        written = await hall.at(2024, 9, 9, 10)
        assert await hall.numbers(SECOND) == {first.number: 1}
        assert not {one.case_number for one in written} & {old.number, last.number}
        await hall.at(2024, 10, 26, 9)  # the first session is over …
        act = Act(by="王芳", reason="属营商环境问题")
        corrected = Correction(verdict=Verdict.ACCEPT, department=hall.host)
        await shared.house.review.overrule(refused.number, corrected, act)
        await hall.at(2024, 10, 28, 9)  # … and who came in time for it, admitted only now, is booked for the next
        assert await hall.numbers(THIRD) == {refused.number: 1}


async def test_a_session_that_nobody_booked_stays_the_first(hall: Hall) -> None:
    """Who came in time for it and is admitted only after it would be left out, were the next session taken for the first."""
    await hall.at(2024, 10, 8, 9)
    hall.shared.clock.now = moment(2024, 10, 26, 9)
    house, stores = hall.shared.house, hall.shared.house.stores
    activities = Activities(offices=house.rooms, subjects=stores.subjects, now=hall.shared.clock)
    await activities.happen("chenggong", Happening(event="ended", key=SECOND), Told(by="王芳"))
    first = await stores.bookings.first("chenggong")
    assert first is not None
    assert (first.key, first.state) == (SECOND, SubjectState.ENDED)
    assert await stores.bookings.of_session(first.id) == []


async def test_the_pack_may_say_since_when(hall: Hall) -> None:
    """`sessions.since` of the pack is the first day whose cases are booked, whatever the first session is."""
    room = hall.shared.room
    rule = room.rulebook.settings.sessions
    assert rule is not None
    subject = await hall.shared.house.stores.subjects.get("chenggong", SECOND)
    since = booked_since(room, replace(rule, since=date(2024, 9, 18)), subject)
    assert moment(2024, 9, 17, 23, 59) < since < moment(2024, 9, 18, 0)
    early, booked = await hall.admitted(2024, 9, 17, 23, 59), await hall.admitted(2024, 9, 18, 0)
    found = await hall.shared.house.stores.bookings.unbooked("chenggong", since, moment(2024, 9, 30, 17))
    assert [id_ for id_, _ in found] == [booked.id]
    assert early.id not in {id_ for id_, _ in found}

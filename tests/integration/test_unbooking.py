"""An enterprise gives up its place in a session by reply: the place alone goes, once, and everybody concerned hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest_asyncio

from store.life import Role
from store.model.booking import BookingState
from store.model.case import Case, CaseState
from store.model.notice import Purpose, QueuedNotice
from tests.integration.houses import COORDINATOR, Enterprise, bench, office
from tests.integration.test_replies import reply
from tests.integration.test_sessions import SECOND, Hall, announced, moment


@dataclass(slots=True, kw_only=True)
class Booked:
    """A hall, and the enterprises that have booked its first session, in order."""

    hall: Hall
    enterprises: list[Enterprise]
    cases: list[Case]

    async def mail(self, nth: int) -> QueuedNotice:
        """Return the newest mail about its place that an enterprise has had."""
        return await self.hall.shared.notice(self.cases[nth], Purpose.BOOKING)

    async def says(self, nth: int, text: str, *, sender: str = "") -> Case:
        """Let an enterprise answer the newest mail about its place a minute later; return its case, its history intact."""
        shared = self.hall.shared
        shared.clock.advance(timedelta(minutes=1))
        await shared.take(reply(sender or self.enterprises[nth].address, await self.mail(nth), text))
        assert await shared.house.stores.cases.verify(self.cases[nth].id) == []
        return await shared.house.stores.cases.get(self.cases[nth].number)

    async def told(self, nth: int, purpose: Purpose) -> list[QueuedNotice]:
        """Return the mails of one purpose about a case."""
        return [queued for queued in await self.hall.shared.notices(self.cases[nth]) if queued.notice.purpose is purpose]


@pytest_asyncio.fixture
async def booked(database_url: str) -> AsyncIterator[Booked]:
    """Three enterprises have booked the session of 25 October, on each kind of database."""
    async with bench(database_url) as shared:
        hall = await announced(shared)
        one = Booked(hall=hall, enterprises=[Enterprise() for _ in range(3)], cases=[])
        for minute, enterprise in enumerate(one.enterprises):
            shared.clock.now = moment(2024, 9, 18, 9, minute)
            one.cases.append(await shared.opened(enterprise=enterprise))
        await hall.at(2024, 9, 18, 9, 5)
        yield one


async def test_the_place_goes_and_the_matter_goes_on(booked: Booked) -> None:
    """取消挂号 frees the place with the writer's name and words, answers him, and leaves the state of his case alone; the number is not given again."""
    before = booked.cases[0]
    case = await booked.says(0, "取消挂号，负责人当天出差")
    assert case.state is before.state
    assert await booked.hall.numbers(SECOND) == {booked.cases[1].number: 2, booked.cases[2].number: 3}
    answered = (await booked.mail(0)).notice
    assert answered.subject.startswith(f"【坐诊接诉】{case.number} 已取消挂号：{SECOND} 第1号")
    assert "2024年10月25日（星期五）不必到场" in answered.text
    assert "您的诉求照常办理" in answered.text
    assert "坐诊地点" not in answered.text
    assert answered.to.address == booked.enterprises[0].address
    stores = booked.hall.shared.house.stores
    (freed,) = [
        one for one in await stores.subjects.history((await stores.subjects.get("chenggong", SECOND)).id) if one.kind == "subject.freed"
    ]
    assert freed.reason == "回信取消：负责人当天出差"
    assert freed.actor == booked.enterprises[0].name
    replied = [one for one in await stores.cases.history(case.id) if one.kind == "case.replied"]
    assert [one.data["done"] for one in replied] == [["取消挂号"]]
    assert [one for one in await booked.hall.at(2024, 9, 18, 9, 30) if one.case_number == SECOND] == []  # no list has gone out yet


async def test_after_the_call_up_the_host_hears_and_the_others_move_up(booked: Booked) -> None:
    """CG-3.5: who cancels after the list went out is named to the host and the coordinator, once, with the list as it is now; those behind move up."""
    hall = booked.hall
    await hall.at(2024, 10, 22, 9)
    assert "回复本邮件，只写“取消挂号”" in (await booked.mail(0)).notice.text
    case = await booked.says(0, "那天来不了，抱歉。")
    written = await hall.at(2024, 10, 22, 9, 2)
    offices = [one for one in written if one.notice.purpose is Purpose.SESSION]
    assert {one.notice.to.address for one in offices} == {office(hall.host), COORDINATOR}
    for one in offices:
        assert one.notice.subject.startswith("【坐诊接诉·叫号名单变动】")
        assert f"第1号　{booked.enterprises[0].name}（{case.number}）不再到场，其诉求照常办理" in one.notice.text
        assert f"　　第2号　{booked.enterprises[1].name}" in one.notice.text
        assert f"　　第1号　{booked.enterprises[0].name}　" not in one.notice.text
    moved = [one for one in written if one.notice.purpose is Purpose.BOOKING]
    assert [(one.case_number, "顺序前移" in one.notice.subject) for one in moved] == [(late.number, True) for late in booked.cases[1:]]
    assert await hall.at(2024, 10, 22, 9, 3) == []


async def test_what_ends_after_the_call_up_is_told_as_ended(booked: Booked) -> None:
    """撤回诉求 is another act: it ends the case, its place goes with it, and the host reads that there is nothing to go on with."""
    await booked.hall.at(2024, 10, 22, 9)
    case = await booked.says(2, "撤回诉求，问题已自行解决")
    assert case.state is CaseState.WITHDRAWN
    offices = [one for one in await booked.hall.at(2024, 10, 22, 9, 2) if one.notice.purpose is Purpose.SESSION]
    assert len(offices) == 2
    assert all("不再到场，该件已经结束" in one.notice.text for one in offices)


async def test_a_second_time_and_too_late(booked: Booked) -> None:
    """Who has no place, or whose session is over, is told so; nothing changes, and a person sees it."""
    await booked.says(0, "取消挂号")
    await booked.says(0, "不去坐诊了")
    (helping,) = await booked.told(0, Purpose.HELP)
    assert "取消挂号：这件现在没有挂号，不必取消。" in helping.notice.text
    booked.hall.shared.clock.now = moment(2024, 10, 26, 10)
    await booked.says(1, "取消挂号")
    await booked.hall.at(2024, 10, 26, 10, 5)  # by now the service has put it down as held
    await booked.says(2, "不去坐诊了")
    for nth in (1, 2):
        (helping,) = await booked.told(nth, Purpose.HELP)
        assert f"{SECOND}已于2024年10月25日举行，不必取消" in helping.notice.text
    assert booked.cases[1].number in await booked.hall.numbers(SECOND)


async def test_what_is_not_clear_is_for_a_person(booked: Booked) -> None:
    """A wish for another day keeps the place; its writer reads what he may write, and a person has the case on the list."""
    for text in ("那天来不了，能不能改期？", "想改到下一期"):
        await booked.says(0, text)
    assert booked.cases[0].number in await booked.hall.numbers(SECOND)
    (helping,) = await booked.told(0, Purpose.HELP)
    assert "已请人查看" in helping.notice.text
    assert "　　　　取消挂号\n" in helping.notice.text
    assert booked.cases[0].number in {waiting.number for waiting in await booked.hall.shared.house.stores.cases.review()}


async def test_who_says_that_he_comes_gets_no_answer(booked: Booked) -> None:
    """收到，准时参加 is noted at the case and disturbs nobody."""
    await booked.says(0, "收到，准时参加")
    assert await booked.told(0, Purpose.HELP) == []
    assert await booked.told(0, Purpose.FORWARD) == []
    assert booked.cases[0].number in await booked.hall.numbers(SECOND)


async def test_a_stranger_frees_nothing_until_the_enterprise_vouches(booked: Booked) -> None:
    """The right token from a wrong address is held; the registered address's 确认 does it."""
    await booked.says(0, "取消挂号", sender="someone@elsewhere.example")
    assert booked.cases[0].number in await booked.hall.numbers(SECOND)
    question = await booked.hall.shared.notice(booked.cases[0], Purpose.CONFIRM)
    assert "取消挂号" in question.notice.text
    await booked.hall.shared.take(reply(booked.enterprises[0].address, question, "确认"))
    assert booked.cases[0].number not in await booked.hall.numbers(SECOND)


async def test_a_department_is_told_whose_word_it_is(booked: Booked) -> None:
    """A department that has the case frees no place by its reply."""
    shared, case = booked.hall.shared, booked.cases[0]
    await shared.take(reply(office(case.department or ""), await shared.notice(case, Purpose.ASSIGN), "取消挂号"))
    (helping,) = await booked.told(0, Purpose.HELP)
    assert "挂号由企业自己取消" in helping.notice.text
    assert case.number in await booked.hall.numbers(SECOND)


async def test_raced_by_a_person_and_by_booking(booked: Booked) -> None:
    """The reply, a person's cancellation, a new booking and a look of the service meet: the place is freed once, and nobody waits for ever."""
    hall, stores = booked.hall, booked.hall.shared.house.stores
    subject = await stores.subjects.get("chenggong", SECOND)
    arrivals = [await hall.shared.accept(reply(booked.enterprises[nth].address, await booked.mail(nth), "取消挂号")) for nth in (0, 1)]
    late = await hall.admitted(2024, 9, 18, 10)
    cancelled = stores.bookings.cancel(subject.id, booked.cases[2].id, by="李明", reason="企业来电", now=hall.shared.clock())
    work = [hall.shared.house.pipeline.process(await hall.shared.arrival(arrival)) for arrival in arrivals]
    await asyncio.gather(*work, hall.sessions.tick(), hall.sessions.tick(), cancelled)
    assert await hall.numbers(SECOND) == {late.number: 4}
    freed = [one for one in await stores.subjects.history(subject.id) if one.kind == "subject.freed"]
    assert sorted(str(one.data["case"]) for one in freed) == sorted(case.number for case in booked.cases)


async def test_the_coordinator_may_say_it_for_the_enterprise(booked: Booked) -> None:
    """An enterprise that telephones has its place freed by the coordinator's reply, and reads so."""
    shared, case = booked.hall.shared, booked.cases[0]
    notices = await shared.notices(case)
    asked = shared.room.composer.for_decision(case, "示例", "asked")
    await shared.house.stores.cases.change(
        case.id, kind="case.confirmed", actor="王芳", reason="示例", now=shared.clock(), compose=lambda _: asked
    )
    question = next(one for one in await shared.notices(case) if one.id not in {sent.id for sent in notices})
    await shared.take(reply(COORDINATOR, question, "取消挂号，企业来电不能到场"))
    assert case.number not in await booked.hall.numbers(SECOND)
    assert "已取消挂号" in (await booked.mail(0)).notice.subject
    placed = await shared.house.stores.bookings.place_of(case.id)
    assert placed is None
    assert {booking.state for booking, one in await shared.house.stores.bookings.of_session(1) if one.id == case.id} <= {BookingState.FREED}
    assert Role.COORDINATOR.value in {one.data.get("role") for one in await shared.house.stores.cases.history(case.id)}

"""Enterprises are asked by mail, once each, and their answers counted: by token and sender together, on both kinds of database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import pytest_asyncio

from daemon.cli.survey import counted
from daemon.pipeline import Outcome
from daemon.surveys import Order, sample, send
from rules.surveys import Survey
from store.errors import UsageError
from store.model.arrival import ArrivalState
from store.model.decision import Verdict
from store.model.notice import Purpose, QueuedNotice
from store.model.survey import Asked, Sheet
from store.owing import SubjectSort
from tests.integration.houses import ACCEPTED, Bench, Enterprise, bench
from tests.integration.test_replies import reply

KEY = "2024年民营企业评价"
SURVEY = Survey(name="民营企业评价政府职能部门", of="民营企业评价", asks=("挂钩联系", "解难帮扶"))
FREE = Survey(name="政策征求意见", of="政策征求意见")


@dataclass(slots=True, kw_only=True)
class Asking:
    """A house whose pack has both kinds of survey."""

    shared: Bench

    async def send(self, **more: object) -> int:
        """Send the survey as a person orders it; returns how many were asked."""
        stores = self.shared.house.stores
        order = replace(Order(key=KEY, survey=SURVEY, by="王芳"), **more)  # type: ignore[arg-type]  # the tests name the fields
        return (await send(order, self.shared.room, stores.surveys, stores.subjects, self.shared.clock()))[1]

    async def sheets(self, key: str = KEY) -> list[Sheet]:
        """Return the sheets of a survey, its subject's history intact."""
        stores = self.shared.house.stores
        subject = await stores.subjects.get("chenggong", key)
        assert await stores.subjects.verify(subject.id) == []
        return await stores.surveys.sheets(subject.id)

    async def letters(self) -> dict[str, QueuedNotice]:
        """Return the letters that ask, by address."""
        found = await self.shared.house.stores.outbox.list(limit=10_000)
        return {one.notice.to.address: one for one in found if one.notice.purpose is Purpose.SURVEY}

    async def answers(self, address: str, text: str, *, sender: str = "", message_id: str = "") -> Outcome:
        """Let an enterprise answer the letter it had, a minute later."""
        self.shared.clock.advance(timedelta(minutes=1))
        return await self.shared.take(reply(sender or address, (await self.letters())[address], text, message_id=message_id))


@pytest_asyncio.fixture
async def asking(database_url: str) -> AsyncIterator[Asking]:
    """Open a house on each kind of database."""
    async with bench(database_url) as shared:
        book = shared.room.rulebook
        surveys = {one.name: one for one in (SURVEY, FREE)}
        shared.room.rulebook = replace(book, settings=replace(book.settings, surveys=surveys))
        yield Asking(shared=shared)


async def test_those_who_brought_a_matter_are_asked_of_the_department_that_had_it(asking: Asking) -> None:
    """The sample is drawn among them; each is asked once however often it is sent, and by two people at once."""
    enterprises = [Enterprise() for _ in range(3)]
    cases = [await asking.shared.opened(enterprise=one) for one in enterprises]
    assert sorted(await asyncio.gather(asking.send(sample=50), asking.send(sample=50))) == [0, 3]
    assert await asking.send(sample=50) == 0

    letters = await asking.letters()
    assert set(letters) == {one.address for one in enterprises}
    names = asking.shared.room.rulebook.district.departments
    for one, case in zip(enterprises, cases, strict=True):
        text = letters[one.address].notice.text
        assert f"请您对{names[case.department or ''].name}的工作作出评价" in text
        assert "1. 挂钩联系：" in text
        assert "如“挂钩联系：满意”" in text
    subject = await asking.shared.house.stores.subjects.get("chenggong", KEY)
    assert (subject.sort, subject.of) == (SubjectSort.ACTIVITY, "民营企业评价")


def test_a_sample_is_drawn_the_same_again() -> None:
    """By a digest of the survey's name and the address, whatever their order; another survey draws others."""
    some = [Asked(recipient=f"office{number}@enterprise.example") for number in range(40)]
    drawn = sample(KEY, some, 10)
    assert sample(KEY, some[::-1], 10) == drawn
    assert {one.recipient for one in sample("2025年民营企业评价", some, 10)} != {one.recipient for one in drawn}


async def test_answers_are_counted_and_the_newest_of_one_counts(asking: Asking) -> None:
    """No case is opened, nobody is written to; remarks that may hold a matter are put before a person, others are not."""
    first, second = Enterprise(), Enterprise()
    for one in (first, second):
        await asking.shared.opened(enterprise=one)
    await asking.send(sample=9)
    before = len(await asking.shared.house.stores.outbox.list(limit=10_000))
    outcome = await asking.answers(first.address, "挂钩联系：满意\n解难帮扶：基本满意")
    assert (outcome.case, outcome.decision.verdict, outcome.decision.proposed) == (None, Verdict.NOT_A_CASE, False)
    outcome = await asking.answers(second.address, "都不满意。\n意见建议：去年反映的厂房用电增容问题，到现在还没有人来现场看过。")
    assert outcome.decision.proposed
    assert outcome.decision.review == (f"对“{KEY}”的答复附有意见建议，请看其中有没有要办的事",)
    await asking.answers(first.address, "更正：解难帮扶：满意，挂钩联系：满意")
    sheets = await asking.sheets()
    assert counted(sheets, SURVEY)["marks"] == {
        "挂钩联系": {"满意": 1, "基本满意": 0, "不满意": 1},
        "解难帮扶": {"满意": 1, "基本满意": 0, "不满意": 1},
    }
    assert [sheet.remarks for sheet in sheets if sheet.remarks] == ["去年反映的厂房用电增容问题，到现在还没有人来现场看过。"]
    assert len(await asking.shared.house.stores.outbox.list(limit=10_000)) == before


async def test_what_answers_nothing_goes_the_way_of_all_mail(asking: Asking) -> None:
    """A trouble told in answer to a survey opens a case; another's mail with the same token counts for nothing."""
    one = Enterprise()
    await asking.shared.opened(enterprise=one)
    await asking.send(sample=9)
    stranger = await asking.answers(one.address, "都不满意", sender="somebody@else.example")
    assert [sheet.answered_at for sheet in await asking.sheets()] == [None]
    assert stranger.decision.topic != "征询答复"
    told = await asking.answers(one.address, ACCEPTED)
    assert told.case is not None
    assert [sheet.answered_at for sheet in await asking.sheets()] == [None]


async def test_a_consultation_takes_free_words(asking: Asking) -> None:
    """JN-9: the person's words stand in the letter, what comes back is kept as it was written."""
    to = [Asked(recipient="chamber@enterprise.example", enterprise="某商会")]
    asked = await asking.send(
        key="某某办法征求意见", survey=FREE, title="《某某办法》（征求意见稿）", words="第五条：期限为20个工作日。", to=to
    )
    assert asked == 1
    notice = (await asking.letters())["chamber@enterprise.example"].notice
    assert notice.subject == "【坐诊接诉】征求意见：《某某办法》（征求意见稿）"
    assert "第五条：期限为20个工作日。" in notice.text
    await asking.answers("chamber@enterprise.example", "第五条的期限建议改为10个工作日。")
    assert [sheet.remarks for sheet in await asking.sheets("某某办法征求意见")] == ["第五条的期限建议改为10个工作日。"]


async def test_a_crash_after_the_commit_keeps_an_answer_once(asking: Asking) -> None:
    """The arrival is decided in the transaction that keeps the answer: taken up again, it changes nothing."""
    one = Enterprise()
    await asking.shared.opened(enterprise=one)
    await asking.send(sample=9)
    outcome = await asking.answers(one.address, "都满意")
    (sheet,) = await asking.sheets()
    arrival = await asking.shared.house.stores.arrivals.get(sheet.arrival_id or 0)
    assert arrival.state is ArrivalState.DONE
    assert await asking.shared.house.pipeline.process(arrival) == outcome
    assert await asking.sheets() == [sheet]


async def test_nobody_to_ask_is_told(asking: Asking) -> None:
    """An empty house has no enterprises; a name that another activity has is refused."""
    with pytest.raises(UsageError, match="抽不出样本"):
        await asking.send(sample=5)
    to = [Asked(recipient="chamber@enterprise.example")]
    await asking.send(to=to)
    with pytest.raises(UsageError, match="已经是别的活动"):
        await asking.send(survey=FREE, to=to)

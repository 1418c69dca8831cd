"""News of another platform about an open case: decided again, put before a person, and nothing takes effect by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from daemon.pipeline import Outcome
from daemon.platform_intake import Delivery
from daemon.review import Act, Correction
from store.model.case import Case, CaseState, Event
from store.model.decision import Verdict
from store.model.notice import Purpose
from tests.integration.houses import ACCEPTED, COORDINATOR, Bench, Enterprise, bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACT = Act(by="王芳", reason="已电话核实")
MATTER = "上月申请增值税专用发票增版增量，办税服务厅两次退回，至今二十天，三笔订单无法开票，请求明确受理时限，尽快办理发票增量"
WORDS = {"pending": "待审核", "accepted": "办理中", "refused": "不予受理", "closed": "已办结"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database."""
    async with bench(module_database_url) as opened:
        yield opened


class Reporting:
    """An enterprise that reports one matter to us and to 12345."""

    def __init__(self, house: Bench) -> None:
        """Report in *house*."""
        self.house, self.enterprise = house, Enterprise()
        self.number = f"530100{self.enterprise.number:012d}"

    async def tell(self, status: str, *, reported: datetime | None = None, phone: str = "", name: str = "") -> Outcome:
        """Let 12345 say how its record stands, an hour later; by default it was reported there long before."""
        house, enterprise = self.house, self.enterprise
        house.clock.advance(timedelta(hours=1))
        moment = (reported or house.clock() - timedelta(days=200)).isoformat(timespec="seconds")
        heads = "工单编号,工单状态,企业名称,来电号码,工单标题,工单内容,受理时间"
        row = (self.number, WORDS[status], name or enterprise.name, phone or enterprise.phone, "发票增量被退回", MATTER, moment)
        raw = f"{heads}\n{','.join(row)}\n".encode()
        (district,) = house.house.rooms
        key = f"{self.number}-{house.clock().isoformat()}"
        await house.house.intake.accept(Delivery(district=district, platform="12345", door="file", key=key, raw=raw))
        while await house.house.intake.take_some(asyncio.Event()):
            pass
        record = await house.house.stores.platforms.record(self.number)
        return await house.house.pipeline.process(await house.arrival(record.arrival_id))

    async def write(self) -> Case:
        """Send us the mail, and return its case."""
        self.house.clock.advance(timedelta(hours=1))
        return await self.house.opened(ACCEPTED, self.enterprise)

    async def now(self, case: Case) -> Case:
        """Return the case as it stands."""
        return await self.house.house.stores.cases.get(case.number)

    async def said(self, case: Case) -> list[Event]:
        """Return what platforms did to the case."""
        history = await self.house.house.stores.cases.history(case.id)
        assert await self.house.house.stores.cases.verify(case.id) == []
        return [event for event in history if event.kind in {"case.reconsidered", "case.reported_elsewhere"}]

    async def awaits(self, case: Case) -> bool:
        """Say whether the case stands on the review list."""
        return await self.house.house.stores.cases.awaits_review(case.id)


async def test_accepted_there_is_proposed_as_a_refusal(house: Bench) -> None:
    """A case at work stays with its department; the coordinator is asked, with the platform's number and the article."""
    reporting = Reporting(house)
    await reporting.tell("pending")
    case = await reporting.write()
    assert (case.state, case.verdict) == (CaseState.ASSIGNED, Verdict.ACCEPT)

    await reporting.tell("accepted")

    again = await reporting.now(case)
    assert (again.state, again.verdict, again.department) == (case.state, case.verdict, case.department)
    assert await reporting.awaits(case)
    (event,) = [event for event in await reporting.said(case) if event.kind == "case.reconsidered"]
    assert (event.data["verdict"], event.data["ground"], event.data["status"]) == ("refuse", 4, "accepted")
    assert f"12345政务服务便民热线 {reporting.number} 现为“办理中”" in event.reason
    assert "现建议“不予受理（二（二）4）”" in event.reason
    notice = await house.notice(case, Purpose.REVIEW)
    assert notice.notice.to.address == COORDINATOR
    assert reporting.number in notice.notice.text


async def test_refused_there_withdraws_the_proposal(house: Bench) -> None:
    """A refusal that was only proposed is taken back when its reason is gone: the person then assigns, and can no longer confirm it."""
    reporting = Reporting(house)
    await reporting.tell("accepted")
    case = await reporting.write()
    assert (case.state, case.verdict, case.ground) == (CaseState.UNDER_REVIEW, Verdict.REFUSE, 4)

    await reporting.tell("refused")

    again = await reporting.now(case)
    assert (again.state, again.verdict, again.ground) == (CaseState.UNDER_REVIEW, Verdict.ACCEPT, None)
    assert again.department == "swj"
    assert await reporting.awaits(case)
    assert "原为“不予受理（二（二）4）”，现建议“受理”" in (await reporting.said(case))[-1].reason
    assigned = await house.house.review.assign(case.number, "swj", (), ACT)
    assert assigned.state is CaseState.ASSIGNED

    await reporting.tell("accepted")
    assert (await reporting.now(case)).state is CaseState.ASSIGNED
    assert await reporting.awaits(case)


async def test_a_confirmed_refusal_comes_back_when_the_platform_refuses_too(house: Bench) -> None:
    """Nobody falls between two chairs: the refused case returns to the review list, unchanged, and may be overruled."""
    reporting = Reporting(house)
    await reporting.tell("closed")
    case = await reporting.write()
    await house.house.review.confirm(case.number, ACT)
    assert not await reporting.awaits(case)

    await reporting.tell("refused")

    again = await reporting.now(case)
    assert (again.state, again.verdict, again.ground) == (CaseState.REFUSED, Verdict.REFUSE, 4)
    assert await reporting.awaits(case)
    accepted = await house.house.review.overrule(case.number, Correction(verdict=Verdict.ACCEPT, department="swj"), ACT)
    assert accepted.state is CaseState.ASSIGNED


async def test_reported_there_later_is_only_noted(house: Bench) -> None:
    """Who came to us first is not refused because he also went elsewhere."""
    reporting = Reporting(house)
    case = await reporting.write()
    await reporting.tell("accepted", reported=house.clock() + timedelta(hours=2))

    again = await reporting.now(case)
    assert (again.state, again.verdict) == (case.state, case.verdict)
    assert not await reporting.awaits(case)
    (event,) = await reporting.said(case)
    assert (event.kind, event.data["status"]) == ("case.reported_elsewhere", "accepted")


async def test_what_a_person_has_decided_is_not_asked_again(house: Bench) -> None:
    """A person who overruled the proposal is not asked anew because the platform goes from accepted to closed."""
    reporting = Reporting(house)
    await reporting.tell("accepted")
    case = await reporting.write()
    await house.house.review.overrule(case.number, Correction(verdict=Verdict.ACCEPT, department="swj"), ACT)

    await reporting.tell("closed")

    assert not await reporting.awaits(case)
    assert [event.kind for event in await reporting.said(case)] in ([], ["case.reported_elsewhere"])


async def test_repeating_changes_nothing(house: Bench) -> None:
    """A crash between telling the case and settling the arrival repeats harmlessly."""
    reporting = Reporting(house)
    await reporting.tell("pending")
    case = await reporting.write()
    outcome = await reporting.tell("accepted")
    events, notices = await reporting.said(case), await house.notices(case)

    record = await house.house.stores.platforms.record(reporting.number)
    arrival = await house.arrival(record.arrival_id)
    (room,) = house.house.rooms.values()
    await house.house.pipeline._reconsideration.run(room, arrival, outcome.petition)

    assert outcome.case is None
    assert await reporting.said(case) == events
    assert await house.notices(case) == notices


async def test_another_enterprise_is_not_touched(house: Bench) -> None:
    """A record of somebody else with the same matter says nothing of this case."""
    reporting, other = Reporting(house), Reporting(house)
    case = await reporting.write()
    await other.tell("accepted")

    assert await reporting.said(case) == []
    assert not await reporting.awaits(case)


async def test_a_masked_number_is_recognised(house: Bench) -> None:
    """The platform hides four digits of the telephone number and shortens the name: it is the same enterprise all the same."""
    reporting = Reporting(house)
    phone = reporting.enterprise.phone
    short = reporting.enterprise.name.removeprefix("昆明").removesuffix("有限公司")
    await reporting.tell("accepted", phone=f"{phone[:3]}****{phone[-4:]}", name=short)
    case = await reporting.write()

    assert (case.state, case.verdict, case.ground) == (CaseState.UNDER_REVIEW, Verdict.REFUSE, 4)
    assert case.decision.related_record is not None

"""Supervision and call-backs are told to the oversight offices at once (呈贡 三（八）), and what must be handled anew is answered anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from daemon.casework import Details
from daemon.review import Act
from notifier.compose import Composer
from store.errors import UsageError
from store.life import Role
from store.model.case import Case, CaseState
from store.model.letter import Address
from store.model.notice import Purpose, QueuedNotice
from tests.integration.houses import Bench, Enterprise, bench
from tests.integration.test_replies import answer, assigned

OFFICES = {"区纪委监委": "jw@gov.example", "区委目督办": "wdb@gov.example", "区政府目督办": "zdb@gov.example"}


@pytest_asyncio.fixture
async def shared(database_url: str) -> AsyncIterator[Bench]:
    """Open a house on each kind of database whose address book has the three oversight offices."""
    async with bench(database_url) as opened:
        room = opened.room
        book = replace(room.composer._addresses, oversight=tuple(Address(name=name, address=box) for name, box in OFFICES.items()))
        opened.house.rooms[room.rulebook.district.id] = replace(room, composer=Composer(room.rulebook.district, book))
        yield opened


async def copies(shared: Bench, case: Case) -> list[QueuedNotice]:
    """Return the copies about a case, the oldest first."""
    return [one for one in await shared.notices(case) if one.notice.purpose is Purpose.COPY]


async def do(shared: Bench, case: Case, event: str, reason: str, details: Details) -> Case:
    """Let the coordinator do something to a case."""
    return await shared.house.casework.do(case.number, event, Role.COORDINATOR, Act(by="王芳", reason=reason), details)


async def test_an_important_matter_is_reported_at_once(shared: Bench) -> None:
    """Those above hear of it in the coordinator's words, whatever state the case is in, and no oversight office does; without an address the act says so."""
    case, _, _ = await assigned(shared, Enterprise())
    with pytest.raises(UsageError, match=r"\[leaders\]"):
        await do(shared, case, "report_up", "停产", Details())
    room = shared.house.rooms["chenggong"]
    book = replace(room.composer._addresses, leaders=(Address(name="区委办公室", address="qwb@gov.example"),))
    shared.house.rooms["chenggong"] = replace(room, composer=Composer(room.rulebook.district, book))
    told = await do(shared, case, "report_up", "涉及二十余家企业停产", Details())
    assert (told.state, told.department) == (case.state, case.department)
    (report,) = await copies(shared, case)
    assert (report.notice.to.address, report.notice.office) == ("qwb@gov.example", "")
    assert report.notice.subject.startswith(f"【坐诊接诉·重要情况】{case.number} 报告：")
    assert "重要情况：涉及二十余家企业停产" in report.notice.text
    assert await shared.house.stores.cases.verify(case.id) == []


async def test_a_call_back_and_what_follows_it(shared: Bench) -> None:
    """The call is kept with who made it and what was heard, and copied; so is the order to handle the case anew, which is answered and closed."""
    enterprise = Enterprise()
    case, sent, own = await assigned(shared, enterprise)
    case = await answer(shared, own, sent, "已解决：发票增量已经办结")
    assert await copies(shared, case) == []
    case = await do(shared, case, "close", "销号", Details())
    case = await do(shared, case, "call_back", "电话回访，企业称仍不能开票", Details(rating="dissatisfied"))
    assert case.state is CaseState.CLOSED
    called = await copies(shared, case)
    assert {one.notice.to.name: one.notice.to.address for one in called} == OFFICES
    for one in called:
        assert one.notice.office == ""
        assert "回访情况：电话回访，企业称仍不能开票" in one.notice.text
        assert "回访评价：不满意" in one.notice.text
        assert "办理结果：已解决" in one.notice.text
        assert enterprise.name in one.notice.html
    history = await shared.house.stores.cases.history(case.id)
    heard = next(event for event in history if event.kind == "case.called_back")
    assert (heard.actor, heard.reason, heard.data["rating"]) == ("王芳", "电话回访，企业称仍不能开票", "dissatisfied")

    case = await do(shared, case, "reopen", "回访发现问题没有解决", Details(days=5))
    assert case.state is CaseState.ASSIGNED
    ordered = (await copies(shared, case))[len(called) :]
    assert [one.notice.to.address for one in ordered] == list(OFFICES.values())
    assert "督办理由：回访发现问题没有解决" in ordered[0].notice.text
    assert "重点督办：2024年10月15日（星期二）前（含当日）" in ordered[0].notice.text
    case = await answer(shared, own, await shared.notice(case, Purpose.ASSIGN), "已解决：已重新核定，企业已开出发票")
    assert (case.state, case.progress.result) == (CaseState.ANSWERED, "solved")
    case = await do(shared, case, "call_back", "再次回访，企业满意", Details(rating="satisfied"))
    assert len(await copies(shared, case)) == 3 * len(OFFICES)
    assert await shared.house.stores.cases.verify(case.id) == []

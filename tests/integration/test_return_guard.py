"""退单拉锯: a case that nobody wants. Within two working days, the date stands, the second return is decided, and the enterprise is told."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from daemon.casework import Details
from daemon.review import Act
from daemon.wiring import open_house
from rules.rulebook import builtin_pack
from store.errors import UsageError
from store.life import Role
from store.model.case import Case, CaseState
from store.model.notice import Purpose
from store.owing import Deadline, DeadlineState
from tests.integration.houses import COORDINATOR, Bench, Clock, Enterprise, bench, office, write_config

ZONE = ZoneInfo("Asia/Shanghai")
WEDNESDAY = datetime(2024, 9, 25, 10, tzinfo=ZONE)
END = datetime(2024, 9, 27, 17, tzinfo=ZONE)  # two working days later, as the office closes
ACT = Act(by="李明", reason="不属本局职责")


@pytest_asyncio.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Bench]:
    """Open a house on a Wednesday morning."""
    async with bench(f"sqlite:///{tmp_path}/house.db") as opened:
        opened.clock.now = WEDNESDAY.astimezone(UTC)
        yield opened


@pytest_asyncio.fixture
async def direct(tmp_path: Path) -> AsyncIterator[Bench]:
    """Open a house whose pack passes a first return on at once (晋宁: 转送)."""
    pack = Path(shutil.copytree(builtin_pack("chenggong"), tmp_path / "direct"))
    text = (pack / "pack.yaml").read_text(encoding="utf-8")
    changed = text.replace("pass_on_directly: false", "pass_on_directly: true")
    assert changed != text
    (pack / "pack.yaml").write_text(changed, encoding="utf-8")
    clock = Clock(WEDNESDAY.astimezone(UTC))
    async with open_house(write_config(tmp_path, pack=str(pack)), now=clock) as house:
        yield Bench(house=house, clock=clock)


async def do(shared: Bench, case: Case, event: str, **said: object) -> Case:
    """Let the department do something a minute later."""
    shared.clock.advance(timedelta(minutes=1))
    return await shared.house.casework.do(case.number, event, Role.DEPARTMENT, ACT, Details(**said))  # type: ignore[arg-type]  # by keyword


async def assign(shared: Bench, case: Case, department: str) -> Case:
    """Let the coordinator decide a minute later."""
    shared.clock.advance(timedelta(minutes=1))
    return await shared.house.review.assign(case.number, department, (), Act(by="王芳", reason="按三定方案"))


async def running(shared: Bench, case: Case) -> dict[str, Deadline]:
    """Return what the case owes, by kind."""
    owed = await shared.house.stores.deadlines.of_case(case.id)
    return {deadline.kind: deadline for deadline in owed if deadline.state is DeadlineState.OPEN}


async def told(shared: Bench, case: Case, address: str) -> list[str]:
    """Return what was written to *address* about the case, the oldest first."""
    return [queued.notice.text for queued in await shared.notices(case) if queued.notice.to.address == address]


def other(case: Case) -> str:
    """Return a department that does not have the case."""
    return "zjj" if case.department != "zjj" else "fgj"


async def test_the_last_moment_is_the_close_of_the_second_working_day(shared: Bench) -> None:
    """A return at 17:00 is in time, one a second later is not, and says who can still decide."""
    first, second = await shared.opened(), await shared.opened()
    assert (await running(shared, first))["return"].due_at == END
    shared.clock.now = (END - timedelta(minutes=1)).astimezone(UTC)
    assert (await do(shared, first, "return", department=other(first))).state is CaseState.RETURNED
    shared.clock.now = (END - timedelta(minutes=1, seconds=-1)).astimezone(UTC)
    with pytest.raises(UsageError, match="退回期限 2024-09-27 已过，不能退回；确需改派的，请统筹部门用 zuozhen case assign"):
        await do(shared, second, "return", department=other(second))
    assert (await assign(shared, second, other(second))).department == other(second)


@pytest.mark.parametrize("done", [("acknowledge",), ("verify",), ("acknowledge", "verify")])
async def test_what_was_done_meanwhile_does_not_lift_the_limit(shared: Bench, done: tuple[str, ...]) -> None:
    """Acknowledged, or even verified, a case can be returned within its two days, and not after them."""
    early, late = await shared.opened(), await shared.opened()
    for event in done:
        early, late = await do(shared, early, event), await do(shared, late, event)
    assert (await do(shared, early, "return", department=other(early))).state is CaseState.RETURNED
    shared.clock.now = (END + timedelta(days=3)).astimezone(UTC)
    with pytest.raises(UsageError, match="退回期限 2024-09-27 已过"):
        await do(shared, late, "return", department=other(late))


async def test_nothing_is_returned_without_a_ground_and_an_owner(shared: Bench) -> None:
    """A blank reason is none; no department, an unknown one and the own one are no proposal; the case is as it was."""
    case = await shared.opened()
    with pytest.raises(UsageError, match="理由"):
        Act(by="李明", reason=" ")
    for department, words in (("", "退回要写明：--department"), ("nowhere", "没有部门代号"), (str(case.department), "退回的部门自己")):
        with pytest.raises(UsageError, match=words):
            await do(shared, case, "return", department=department)
    assert await shared.house.stores.cases.get(case.number) == case


async def test_the_coordinator_is_told_reason_and_proposal_and_the_enterprise_both_ways(shared: Bench) -> None:
    """Whoever decides reads why and whom the department proposes; the enterprise hears that it is being settled, and then with whom its matter is."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    proposed = other(case)
    name = shared.room.rulebook.district.departments[proposed].name
    case = await do(shared, case, "return", department=proposed)
    (asked,) = await told(shared, case, COORDINATOR)
    assert "第1次退回：不属本局职责" in asked
    assert f"建议由{name}承办" in asked
    assert "正在确定承办部门" in (await told(shared, case, enterprise.address))[-1]
    owed = await running(shared, case)
    assert (owed["review"].owes, owed["review"].due.due) == ("coordinator", date(2024, 9, 26))
    case = await assign(shared, case, proposed)
    assert name in (await told(shared, case, enterprise.address))[-1]
    assert len(await told(shared, case, office(proposed))) == 1


async def test_each_department_has_its_own_two_days_and_the_same_date(shared: Bench) -> None:
    """Given to another, a case is acknowledged and may be returned anew; the date of verification has not moved, nor been counted again."""
    case = await shared.opened()
    before = (await running(shared, case))["verification"].due
    shared.clock.now = (END - timedelta(hours=1)).astimezone(UTC)
    case = await assign(shared, await do(shared, case, "return", department=other(case)), other(case))
    owed = await running(shared, case)
    assert set(owed) == {"acknowledge", "return", "verification"}
    assert owed["return"].due.due == date(2024, 9, 30)  # Friday evening, and Sunday the 29th is worked
    assert owed["verification"].due == before


async def test_a_return_passed_on_at_once_begins_with_the_new_department(direct: Bench) -> None:
    """Where the pack lets departments pass on, the first return needs no decision: the new one has its mail and its dates, the enterprise its word."""
    enterprise = Enterprise()
    case = await direct.opened(enterprise=enterprise)
    due, first = case.due, str(case.department)
    proposed = other(case)
    direct.clock.now = (END - timedelta(hours=1)).astimezone(UTC)
    case = await do(direct, case, "return", department=proposed)
    assert (case.state, case.department, case.due) == (CaseState.ASSIGNED, proposed, due)
    assert len(await told(direct, case, office(proposed))) == 1
    assert await told(direct, case, COORDINATOR) == []
    assert direct.room.rulebook.district.departments[proposed].name in (await told(direct, case, enterprise.address))[-1]
    owed = await running(direct, case)
    assert {kind: deadline.due.due for kind, deadline in owed.items() if kind != "verification"} == {
        "acknowledge": date(2024, 9, 29),
        "return": date(2024, 9, 30),
    }
    assert due is not None
    assert owed["verification"].due.due == due.due

    shared_end = datetime(2024, 9, 30, 16, tzinfo=ZONE)  # past the days of the first department, within those of the second
    direct.clock.now = shared_end.astimezone(UTC)
    case = await do(direct, case, "return", department=first)
    assert (case.state, case.progress.returns) == (CaseState.RETURNED, 2)
    assert "第2次退回" in (await told(direct, case, COORDINATOR))[-1]
    assert "正在确定承办部门" in (await told(direct, case, enterprise.address))[-1]
    case = await assign(direct, case, first)
    with pytest.raises(UsageError, match="已退回 2 次，承办部门由区政务服务局裁定，不能再退回"):
        await do(direct, case, "return", department=proposed)
    assert [queued.notice.purpose for queued in await direct.notices(case)].count(Purpose.ASSIGN) == 3
    assert await direct.house.stores.cases.verify(case.id) == []

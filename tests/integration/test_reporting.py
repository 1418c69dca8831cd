"""Reports from the histories of cases: the figures fit the tables counted by hand, and one moment gives one report, whatever came later."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import Connection, text

from daemon.casework import Details
from daemon.reporting import Report, make, month, quarter
from daemon.review import Act
from notifier.figures import Table
from store.errors import UsageError
from store.life import Role
from store.model.case import Case
from store.model.report import Outcome, Window
from store.reporting import Reporting
from tests.integration.houses import ADVERT, REFUSED, Bench, bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACT = Act(by="李明", reason="按程序办理")
C, D, E = Role.COORDINATOR, Role.DEPARTMENT, Role.ENTERPRISE
DAY = timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lived(module_database_url: str) -> AsyncIterator[tuple[Bench, dict[str, Case], datetime]]:
    """Let a district live a month on each kind of database; yield it, its cases by what became of them, and the moment in its middle."""
    async with bench(module_database_url) as shared:
        cases = {name: await shared.opened() for name in ("solved", "late", "waiting", "returned", "withdrawn", "later")}
        cases["refused"] = await shared.opened(REFUSED)
        await shared.take(b"From: a@b.example\r\nSubject: =?utf-8?b?5Luj5byA5Y+R56Wo?=\r\n\r\n" + ADVERT.encode())
        for event, role, said in (
            ("acknowledge", D, {}),
            ("promise", D, {"days": 7}),
            ("answer", D, {"result": "solved"}),
            ("rate", E, {"rating": "satisfied"}),
            ("close", C, {}),
        ):
            await do(shared, cases["solved"], event, role, **said)
        await do(shared, cases["withdrawn"], "withdraw", E)
        await do(shared, cases["waiting"], "supplement", D, missing=("合同",))
        await do(shared, cases["returned"], "return", D, department="zjj")
        shared.clock.advance(timedelta(minutes=1))
        await shared.house.review.confirm(cases["refused"].number, ACT)
        shared.clock.advance(14 * DAY)
        middle = shared.clock()
        await do(shared, cases["late"], "acknowledge", D)
        await do(shared, cases["late"], "answer", D, result="explained")
        await do(shared, cases["late"], "rate", E, rating="dissatisfied")
        await do(shared, cases["waiting"], "supplemented", E)
        shared.clock.advance(60 * DAY)
        yield shared, cases, middle


async def do(shared: Bench, case: Case, event: str, role: Role, **said: object) -> None:
    """Let an event happen a minute later."""
    shared.clock.advance(timedelta(minutes=1))
    await shared.house.casework.do(case.number, event, role, ACT, Details(**said))  # type: ignore[arg-type]  # by keyword


async def report(shared: Bench, at: datetime) -> Report:
    """Return the report of the quarter as known at a moment."""
    return await make(Reporting(shared.house.stores.database), quarter("2024Q4"), shared.room.rulebook, at)


def table(report_: Report, key: str) -> Table:
    """Return one table of a report."""
    found = report_.figures
    return next(one for one in (*found.tables, *found.lists, *found.rows) if one.key == key)


async def overview(shared: Bench, at: datetime) -> dict[object, object]:
    """Return the figures of the first table by their names."""
    return {row[0]: row[1] for row in table(await report(shared, at), "overview").rows}


async def test_the_figures_are_those_of_the_tables(lived: tuple[Bench, dict[str, Case], datetime]) -> None:
    """What stands now, counted a second time by plain SQL over the rows of the cases and the deadlines."""
    shared, _cases, _middle = lived
    said = await overview(shared, shared.clock())

    def count(connection: Connection) -> tuple[dict[str, int], Counter[str], tuple[int, int]]:
        states = Counter[str](connection.scalars(text("SELECT state FROM cases")).all())
        aside = {"arrivals": connection.scalar(text("SELECT count(*) FROM arrivals")) or 0}
        dates = connection.execute(
            text("SELECT state, ended_at <= due_at FROM deadlines WHERE owes = 'department' AND case_id IS NOT NULL AND kind <> 'return'")
        ).all()
        over = [(state, bool(early)) for state, early in dates if (state, bool(early)) != ("void", True)]
        return aside, states, (over.count(("met", True)), len(over))

    aside, states, (kept, over) = await shared.house.stores.database.read(count)
    assert said["收到来件"] == aside["arrivals"] == 8
    assert said["登记"] == states.total() == 7
    assert said["其中：非诉求"] == 1
    assert (said["不予受理"], said["企业撤回"], said["已销号"], said["已答复"]) == (states["refused"], states["withdrawn"], 1, 2)
    assert (said["解决率"], said["满意率"]) == ("50.0%", "50.0%")
    assert 0 < kept < over
    assert said["按期率"] == f"{kept / over:.1%}"


async def test_an_earlier_moment_knows_nothing_of_what_came_later(lived: tuple[Bench, dict[str, Case], datetime]) -> None:
    """The same quarter as of two moments differs by the events between them: an answer, a rating, a supplement that came."""
    shared, cases, middle = lived
    before, now = await overview(shared, middle), await overview(shared, shared.clock())
    assert {name for name in now if now[name] != before[name]} == {"待补正", "已答复", "解决率", "满意率", "按期率"}
    assert (before["待补正"], now["待补正"]) == (1, 0)
    assert (before["已答复"], now["已答复"]) == (1, 2)
    assert (before["解决率"], before["满意率"]) == ("100.0%", "100.0%")
    late = {row[0] for row in table(await report(shared, middle), "late").rows}
    assert cases["late"].number in late
    assert cases["waiting"].number not in late  # its days stood still


async def test_a_date_that_moved_later_stands_where_it_stood(lived: tuple[Bench, dict[str, Case], datetime]) -> None:
    """A supplement moves the date of the verification; a report of the time before it tells the date that held then."""
    shared, cases, middle = lived

    async def due_at(as_of: datetime) -> dict[str, datetime]:
        window = Window(district="chenggong", since=middle - 60 * DAY, until=middle + 90 * DAY, as_of=as_of)
        found = (await Reporting(shared.house.stores.database).read(window)).deadlines
        return {one.kind: one.due_at for one in found if one.number == cases["waiting"].number}

    then, now = await due_at(middle), await due_at(shared.clock())
    assert then["verification"] < now["verification"]


async def test_one_moment_gives_one_report(lived: tuple[Bench, dict[str, Case], datetime]) -> None:
    """Made again after something happened, figure by figure the same."""
    shared, cases, middle = lived
    first = await report(shared, middle)
    await do(shared, cases["later"], "acknowledge", D)
    again = await report(shared, middle)
    assert again.figures == first.figures
    assert again.heading == first.heading
    assert again.name == first.name == "坐诊接诉季度报告-chenggong-2024年第四季度"


async def test_a_department_answers_for_what_it_had(lived: tuple[Bench, dict[str, Case], datetime]) -> None:
    """What fell due is put down to whoever had the case then, and the sums of the tables agree with the rows behind them."""
    shared, _cases, _middle = lived
    made = await report(shared, shared.clock())
    rows = table(made, "deadlines").rows
    assert rows
    by_department = {row[0]: row[4:8] for row in table(made, "departments").rows}
    for name, (over, kept, late, missed) in by_department.items():
        outcomes = Counter(row[5] for row in rows if row[2] == name)
        assert (kept, late, missed) == (outcomes["按期"], outcomes["逾期办结"], outcomes["逾期未办"])
        assert over == outcomes.total() - outcomes["在办（未到期或待补正）"]
    assert {row[1] for row in rows}.isdisjoint({"退回（不属本部门的）"})
    assert sum(int(row[2] or 0) for row in table(made, "channels").rows) == len(table(made, "cases").rows) == 7
    assert {str(outcome) for outcome in Outcome} == {"kept", "late", "missed", "running"}


async def test_other_months_and_other_districts_have_nothing(lived: tuple[Bench, dict[str, Case], datetime]) -> None:
    """An empty month is told as such, and one that has not begun is refused in plain words."""
    shared, _cases, middle = lived
    reporting = Reporting(shared.house.stores.database)
    empty = await make(reporting, month("2024-08"), shared.room.rulebook, middle)
    assert {row[0]: row[1] for row in empty.figures.tables[0].rows}["按期率"] == "—"
    assert not empty.figures.rows[0].rows
    with pytest.raises(UsageError, match=r"2025年1月到统计时刻（2024-10-23 .*）还没有开始"):
        await make(reporting, month("2025-01"), shared.room.rulebook, middle)
    elsewhere = await reporting.read(Window(district="wuhua", since=middle - 60 * DAY, until=middle + DAY, as_of=middle))
    assert (elsewhere.cases, elsewhere.deadlines, elsewhere.arrivals) == ((), (), {})

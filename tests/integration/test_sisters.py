"""A matter handed over to a sister district of the same deployment: it ends here, begins there with its history, and neither is lost nor doubled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
import structlog

from daemon.casework import Details
from daemon.cli.show import case_lines
from daemon.config import DistrictSection
from daemon.review import Act
from daemon.sisters import earlier_of
from daemon.wiring import open_house
from store.errors import UsageError
from store.life import Role
from store.model.arrival import StoredArrival
from store.model.case import Case, CaseState
from store.model.notice import Purpose, QueuedNotice
from tests.integration.houses import COORDINATOR, REFUSED, Bench, Clock, Enterprise, write_config
from tests.integration.test_replies import answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACT = Act(by="李明", reason="企业在五华区经营，不在本区")
THERE = "coordinator@wh.example"
ADDRESSES = f"""
[sender]
name = "五华区坐诊接诉"
address = "zuozhen@wh.example"
[coordinator]
address = "{THERE}"
[departments]
swj = "swj@wh.example"
"""


@asynccontextmanager
async def two_districts(url: str) -> AsyncIterator[Bench]:
    """Open a house that serves 呈贡 and 五华."""
    clock, loud = Clock(), structlog.get_config()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    try:
        with TemporaryDirectory(prefix="sisters-") as name:
            folder = Path(name)
            (folder / "wuhua.toml").write_text(ADDRESSES, encoding="utf-8")
            config = write_config(folder, url=url)
            there = DistrictSection(pack="wuhua", mailboxes=("zuozhen@wh.example",), addresses=folder / "wuhua.toml")
            async with open_house(config.model_copy(update={"district": (*config.district, there)}), now=clock) as house:
                yield Bench(house=house, clock=clock)
    finally:
        structlog.configure(**loud)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database."""
    async with two_districts(module_database_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def shared(house: Bench) -> Bench:
    """Return the house a day later."""
    house.clock.advance(timedelta(days=1))
    return house


async def hand_over(shared: Bench, case: Case, to: str = "五华区") -> Case:
    """Hand *case* over a minute later."""
    shared.clock.advance(timedelta(minutes=1))
    return await shared.house.casework.do(case.number, "hand_over", Role.COORDINATOR, ACT, Details(to=to))


async def waiting(shared: Bench) -> list[StoredArrival]:
    """Return what is accepted and undecided."""
    shared.clock.advance(timedelta(minutes=30))
    owner = shared.house.leases.service().owner
    return await shared.house.stores.arrivals.claim(owner=owner, now=shared.clock(), limit=10, lease=timedelta(minutes=10))


async def taken_over(shared: Bench) -> Case:
    """Let the other district take what waits for it; return its case."""
    (arrival,) = await waiting(shared)
    case = (await shared.house.pipeline.process(arrival)).case
    assert case is not None
    return case


def told(notices: list[QueuedNotice], purpose: Purpose) -> list[QueuedNotice]:
    """Return the notices with one purpose."""
    return [queued for queued in notices if queued.notice.purpose is purpose]


async def test_it_goes_on_there_with_its_history(shared: Bench) -> None:
    """It ends here and begins there under a number of its own, the same petition and bytes, dates from receipt there; both name each other."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    await shared.house.casework.do(case.number, "acknowledge", Role.DEPARTMENT, Act(by="王伟", reason="已签收，正在了解"))
    before = await shared.notices(case)
    case = await hand_over(shared, case)
    assert (case.state, case.progress.elsewhere, case.progress.sister) == (CaseState.HANDED_OVER, "昆明市五华区", "wuhua")
    assert not told((await shared.notices(case))[len(before) :], Purpose.PROGRESS)
    assert told(await shared.notices(case), Purpose.RECALL)

    new = await taken_over(shared)
    old = await shared.house.stores.cases.get(case.number)
    assert (old.progress.other, new.progress.from_number, new.progress.from_district) == (new.number, old.number, "呈贡区")
    assert (new.district, new.number[:3], new.petition) == ("wuhua", "WH-", old.petition)
    assert new.received_at == (await shared.house.stores.cases.history(old.id))[-2].at
    arrivals = shared.house.stores.arrivals
    assert await arrivals.raw(new.arrival_id) == await arrivals.raw(old.arrival_id)
    review = told(await shared.notices(new), Purpose.REVIEW)[0].notice
    assert review.to.address == THERE
    assert "王伟（承办部门）：已签收，正在了解" in review.text
    assert "由呈贡区转来（该区编号" in review.text
    assert "王伟（承办部门）：已签收，正在了解" in review.html
    (receipt,) = told(await shared.notices(new), Purpose.ACKNOWLEDGE)
    assert receipt.notice.to.address == enterprise.address
    assert f"您向呈贡区反映的事项（登记编号{old.number}）已连同经过转交本区" in receipt.notice.text
    assert new.number in receipt.notice.text
    assert new.number in {one.number for one in (await shared.house.review.pending())[0]}


async def test_both_show_each_other(shared: Bench) -> None:
    """`case show` of the new one has what happened before, that of the old one the number there; both histories are intact."""
    case = await hand_over(shared, await shared.opened())
    stores = shared.house.stores
    districts = {id_: room.rulebook.district for id_, room in shared.house.rooms.items()}
    lines = case_lines(case, districts["chenggong"], await stores.cases.history(case.id), [], [])
    assert "  已转交昆明市五华区，该区编号：尚未登记（来件已转到，等候处理）" in lines
    new = await taken_over(shared)
    old = await stores.cases.get(case.number)
    shown = case_lines(old, districts["chenggong"], await stores.cases.history(old.id), [], [])
    assert f"  已转交昆明市五华区，该区编号：{new.number}" in shown
    assert any("对方区已登记" in text and new.number in text for text in shown)
    earlier = await earlier_of(new, stores.cases, districts)
    shown = case_lines(new, districts["wuhua"], await stores.cases.history(new.id), [], [], (), earlier)
    assert f"  由呈贡区转来，该区编号：{old.number}" in shown
    assert any("转交区外单位　李明（统筹部门）：企业在五华区经营，不在本区" in text for text in shown)
    assert (await stores.cases.verify(old.id), await stores.cases.verify(new.id)) == ([], [])


async def test_a_crash_between_loses_and_doubles_nothing(shared: Bench) -> None:
    """Processed again after a crash at either end there is one case; a second handing over is refused."""
    case = await hand_over(shared, await shared.opened())
    (arrival,) = await waiting(shared)
    first = (await shared.house.pipeline.process(arrival)).case
    again = (await shared.house.pipeline.process(arrival)).case
    assert first is not None
    assert again == first
    with pytest.raises(UsageError, match="现为“已转交”"):
        await hand_over(shared, case)
    assert not await waiting(shared)
    history = await shared.house.stores.cases.history(case.id)
    assert [event.kind for event in history].count("case.taken_over") == 1


async def test_there_and_back(shared: Bench) -> None:
    """Handed back, it is a new case here that does not repeat the first one, and the whole way stands in its history."""
    first = await hand_over(shared, await shared.opened())
    there = await hand_over(shared, await taken_over(shared), "呈贡")
    back = await taken_over(shared)
    assert (back.district, back.progress.from_number) == ("chenggong", there.number)
    assert back.number != first.number
    assert back.decision.related_case is None
    districts = {id_: room.rulebook.district for id_, room in shared.house.rooms.items()}
    earlier = await earlier_of(back, shared.house.stores.cases, districts)
    assert [(one.district, one.number) for one in earlier] == [("五华区", there.number), ("呈贡区", first.number)]


@pytest.mark.parametrize("to", ["盘龙区", "市税务局", "五华区税务局"])
async def test_who_is_not_served_here_is_some_other_body(shared: Bench, to: str) -> None:
    """Where this deployment does not serve it, the enterprise is told where the matter went, and nothing comes in anywhere."""
    case = await hand_over(shared, await shared.opened(), to)
    assert (case.state, case.progress.elsewhere, case.progress.sister) == (CaseState.HANDED_OVER, to, "")
    assert f"已转交{to}" in (await shared.notice(case, Purpose.PROGRESS)).notice.text
    assert not await waiting(shared)


async def test_not_to_itself_and_not_when_finished(shared: Bench) -> None:
    """The own district is no sister, and what is withdrawn goes nowhere; both are said, and nothing is changed."""
    case = await shared.opened()
    with pytest.raises(UsageError, match="就是本区"):
        await hand_over(shared, case, "呈贡区")
    await shared.house.casework.do(case.number, "withdraw", Role.ENTERPRISE, ACT)
    with pytest.raises(UsageError, match="企业已撤回"):
        await hand_over(shared, case)
    assert not await waiting(shared)


async def test_what_both_districts_were_told_is_no_follow_up(shared: Bench) -> None:
    """An enterprise that wrote there as well gets a case of what is handed over, for a person to put together with the other."""
    enterprise = Enterprise()
    mail = enterprise.mail()
    own = (await shared.take(mail, district="wuhua")).case
    assert own is not None
    assert own.progress.from_number == ""
    case = (await shared.take(mail)).case
    assert case is not None
    await hand_over(shared, case)
    new = await taken_over(shared)
    assert new.number != own.number
    assert new.state is CaseState.ASSIGNED


async def test_by_answering_the_mail(shared: Bench) -> None:
    """转交五华区政务服务局, in answer to the mail that asks the coordinator, hands over as the command does."""
    case = await shared.opened(REFUSED)
    case = await answer(shared, COORDINATOR, await shared.notice(case, Purpose.REVIEW), "转交五华区政务服务局")
    assert (case.state, case.progress.sister) == (CaseState.HANDED_OVER, "wuhua")
    assert (await taken_over(shared)).progress.from_number == case.number

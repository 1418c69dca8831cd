"""Reports of the same problem come together in the background: proposed once to a person, opened, closed; different matters stay apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import Connection, func, select

from daemon.grouping import Grouping
from daemon.review import Act, Correction
from store import audit
from store.errors import UsageError
from store.model.case import Case
from store.model.decision import Verdict
from store.model.notice import Notice, Purpose, QueuedNotice
from store.model.problem import Dossier, Problem, ProblemState
from store.problem_placing import Waiting
from store.subjects import Said
from store.tables import PROBLEM_MEMBERS, PROBLEM_QUEUE, PROBLEMS
from tests.integration.houses import COORDINATOR, REFUSED, Bench, Enterprise, bench

pytestmark = pytest.mark.asyncio(loop_scope="function")

FLOWERS = """尊敬的领导：

我是{name}的负责人。斗南公共预冷库停了四间，每天下午排队入库要等六七个小时，鲜花在外面晒烂，报损四成。

请求区斗南花卉产业综合服务中心尽快修好预冷库，公布排队办法。

联系人：{person}
联系电话：{phone}
"""
OTHER_TRADE = """尊敬的领导：

我是{name}的财务。我公司出口退税申报已经四个月，系统里一直是疑点核实中，税务所互相推诿，周转资金被压住。

请求区税务局尽快审核退库。

联系人：{person}
联系电话：{phone}
"""
SAID = Said(by="王芳", reason="四家企业说的是同一个冷库", at=datetime(2024, 10, 20, tzinfo=UTC))


@pytest_asyncio.fixture
async def house(database_url: str) -> AsyncIterator[Bench]:
    """Open a fresh house on each kind of database."""
    async with bench(database_url) as opened:
        yield opened


async def report(house: Bench, text: str = FLOWERS, enterprise: Enterprise | None = None, **headers: str) -> Case:
    """Let an enterprise report, a day after the last one, and group what came."""
    house.clock.advance(timedelta(days=1))
    case = await house.opened(text, enterprise, **headers)
    await house.house.grouping.catch_up("chenggong")
    return case


async def problems(house: Bench, *states: ProblemState) -> list[Problem]:
    """Return the problems of these states, by default of all that are not closed."""
    wanted = states or (ProblemState.GATHERING, ProblemState.PROPOSED, ProblemState.OPEN)
    return await house.house.stores.problems.list("chenggong", wanted)


async def mails(house: Bench) -> list[QueuedNotice]:
    """Return the mails about common problems, the oldest first."""
    found = await house.house.stores.outbox.list(limit=1_000)
    return sorted((queued for queued in found if queued.notice.purpose is Purpose.PROBLEM), key=lambda queued: queued.id)


async def test_four_flower_traders_with_the_same_text(house: Bench) -> None:
    """Different enterprises are never one case: each keeps its own, none repeats another, and together they are a common problem."""
    cases = [await report(house) for _ in range(4)]

    assert len({case.number for case in cases}) == 4
    assert [(case.verdict, case.decision.related_case) for case in cases] == [(Verdict.ACCEPT, None)] * 4
    (problem,) = await problems(house)
    assert (problem.state, problem.size, problem.enterprises) == (ProblemState.PROPOSED, 4, 4)
    assert problem.name.startswith("花卉冷链出口、")
    dossier = await house.house.stores.problems.get(problem.key, house.clock())
    assert [member.number for member in dossier.members] == [case.number for case in reversed(cases)]
    assert (dossier.problem.recent, dossier.problem.before) == (4, 0)


async def test_it_is_proposed_once(house: Bench) -> None:
    """The third enterprise makes it a proposal to the coordinator, with names and the next step; the fourth is no second mail."""
    for _ in range(2):
        await report(house)
    assert await mails(house) == []

    for _ in range(2):
        await report(house)

    (mail,) = await mails(house)
    (problem,) = await problems(house)
    assert mail.notice.to.address == COORDINATOR
    assert (mail.case_id, mail.case_number) == (None, problem.key)
    for words in (mail.notice.text, mail.notice.html):
        assert f"zuozhen problems open {problem.key} --lead dnhh" in words
        assert "3件，3家企业" in words
    assert '<td width="112" style=' in mail.notice.html
    assert not any(part[0].isnumeric() for part in problem.name.split("、"))
    (event,) = await house.house.stores.problems.history(problem.key)
    assert (event.kind, event.data["enterprises"]) == ("problem.proposed", 3)


async def test_too_slow_for_a_proposal(house: Bench) -> None:
    """Three enterprises over half a year are a group, and nobody is asked: the pack says three within ninety days."""
    for _ in range(3):
        house.clock.advance(timedelta(days=60))
        await report(house)

    (problem,) = await problems(house)
    assert (problem.state, problem.enterprises) == (ProblemState.GATHERING, 3)
    assert await mails(house) == []


async def test_one_enterprise_that_writes_often_is_one(house: Bench) -> None:
    """Who tells his matter three times counts once: told again, it stands beside the first, and no common problem is made of it."""
    enterprise = Enterprise()
    for _ in range(3):
        await report(house, enterprise=enterprise)

    (problem,) = await problems(house)
    assert (problem.size, problem.enterprises, problem.state) == (3, 1, ProblemState.GATHERING)


async def test_two_tenants_of_one_building(house: Bench) -> None:
    """The same address and another matter: neither a repeat nor a common problem."""
    at = "我公司在彩云南路2218号写字楼。"
    one = await report(house, FLOWERS.replace("斗南", f"{at}斗南", 1))
    other = await report(house, OTHER_TRADE.replace("我公司出口", f"{at}我公司出口", 1))

    assert (one.decision.related_case, other.decision.related_case) == (None, None)
    assert sorted((problem.size, problem.enterprises) for problem in await problems(house)) == [(1, 1), (1, 1)]


async def test_what_a_person_accepts_is_grouped_too(house: Bench) -> None:
    """A refusal that is overruled is a report like others; what stays refused is none."""
    case = await report(house, REFUSED)
    assert await problems(house) == []

    act = Act(by="王芳", reason="买方是政府投资项目")
    await house.house.review.overrule(case.number, Correction(verdict=Verdict.ACCEPT, department="zjj"), act)
    await house.house.grouping.catch_up("chenggong")

    ((problem,), other) = await problems(house), await house.house.grouping.catch_up("chenggong")
    assert (problem.size, problem.departments, other) == (1, {"zjj": 1}, 0)


async def test_killed_in_the_middle(house: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies while the third report is written: nothing of it is there, it still waits, and after the start it is one mail."""
    for _ in range(2):
        await report(house)
    house.clock.advance(timedelta(days=1))
    await house.opened(FLOWERS)
    outbox = house.house.stores.outbox
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put", _die)
        with pytest.raises(KeyError, match="killed"):
            await house.house.grouping.catch_up("chenggong")
    assert await _count(house) == (2, 1, 1)

    await house.house.grouping.catch_up("chenggong")
    await house.house.grouping.catch_up("chenggong")

    assert await _count(house) == (3, 0, 1)
    assert len(await mails(house)) == 1


async def test_a_report_that_cannot_be_placed(house: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug over one report: it is left, the others are grouped, the service goes on; after another start it is placed."""
    cases = []
    for _ in range(3):
        house.clock.advance(timedelta(days=1))
        cases.append(await house.opened(FLOWERS))
    grouping, place, stop = house.house.grouping, house.house.grouping._place, asyncio.Event()

    async def place_but_the_first(district: str, waiting: Waiting) -> None:
        if waiting.case_id == cases[0].id:
            raise KeyError("bug")
        await place(district, waiting)
        if waiting.case_id == cases[2].id:
            stop.set()

    monkeypatch.setattr(grouping, "_place", place_but_the_first)
    await grouping.run(stop)
    assert await _count(house) == (2, 1, 1)

    monkeypatch.undo()
    await grouping.catch_up("chenggong")
    assert await _count(house) == (2, 1, 1)  # this process does not try it again
    await Grouping(rooms=house.house.rooms, problems=house.house.stores.problems, now=house.clock).catch_up("chenggong")
    assert await _count(house) == (3, 0, 1)


async def test_two_services_place_one_report(house: Bench) -> None:
    """Two that read the same waiting report place it once."""
    house.clock.advance(timedelta(days=1))
    await house.opened(FLOWERS)
    stores, grouping = house.house.stores, house.house.grouping
    (waiting,) = await stores.problems.waiting("chenggong", 5)

    await grouping.catch_up("chenggong")
    await grouping._place("chenggong", waiting)

    assert await _count(house) == (1, 0, 1)


async def test_opened_with_a_lead_department_and_closed(house: Bench) -> None:
    """The department gets the list, later reports come to it, closing ends it; what comes afterwards begins anew. Each act stands in a chain."""
    for _ in range(3):
        await report(house)
    (problem,) = await problems(house)
    stores, room = house.house.stores, house.room

    def tell(dossier: Dossier) -> list[Notice]:
        return room.composer.for_problem(dossier, 3, 90)

    opened = await stores.problems.open(problem.key, "dnhh", "斗南预冷库停用", SAID, tell)
    assert (opened.problem.state, opened.problem.lead, opened.problem.name) == (ProblemState.OPEN, "dnhh", "斗南预冷库停用")
    mail = (await mails(house))[-1]
    assert "牵头" in mail.notice.text
    with pytest.raises(UsageError, match="已由 dnhh 牵头"):
        await stores.problems.open(problem.key, "swj", "", SAID, tell)

    await report(house)
    (grown,) = await problems(house)
    assert (grown.size, grown.name) == (4, "斗南预冷库停用")

    await stores.problems.close(problem.key, SAID)
    with pytest.raises(UsageError, match="已经办结"):
        await stores.problems.close(problem.key, SAID)
    await report(house)
    (fresh,) = await problems(house)
    assert (fresh.size, fresh.state) == (1, ProblemState.GATHERING)
    kinds = [event.kind for event in await stores.problems.history(problem.key)]
    assert kinds == ["problem.proposed", "problem.opened", "problem.closed"]
    assert await house.house.stores.database.read(lambda connection: _verified(connection, problem.id)) == []
    for wrong in ("LT-x", "LT-99999"):
        with pytest.raises(UsageError, match="zuozhen problems list"):
            await stores.problems.get(wrong)


def _die(*_: object, **__: object) -> None:
    raise KeyError("killed")


async def _count(house: Bench) -> tuple[int, int, int]:
    """Return how many reports have their place, how many wait, and how many groups there are."""

    def unit(connection: Connection) -> tuple[int, int, int]:
        return tuple(
            connection.scalar(select(func.count()).select_from(table)) or 0 for table in (PROBLEM_MEMBERS, PROBLEM_QUEUE, PROBLEMS)
        )  # type: ignore[return-value]

    return await house.house.stores.database.read(unit)


def _verified(connection: Connection, problem_id: int) -> list[str]:
    subject = connection.scalar(select(PROBLEMS.c.subject_id).where(PROBLEMS.c.id == problem_id))
    assert subject is not None
    chain = audit.OF_SUBJECTS
    return audit.verify(audit.read(connection, subject, chain=chain), audit.read_tail(connection, subject, chain=chain))

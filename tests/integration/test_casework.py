"""A case from assignment to closing, and all that may come between: each step is one event, told to whom it concerns."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from daemon.casework import Details
from daemon.cli.show import case_lines
from daemon.review import Act, Correction
from store.errors import UsageError
from store.life import Role
from store.model.case import Case, CaseState
from store.model.decision import Verdict
from store.model.notice import Purpose
from store.owing import Deadline, DeadlineState
from tests.integration.houses import COORDINATOR, REFUSED, Bench, Enterprise, bench, office

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACT = Act(by="李明", reason="按程序办理")
C, D, E = Role.COORDINATOR, Role.DEPARTMENT, Role.ENTERPRISE


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database."""
    async with bench(module_database_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def shared(house: Bench) -> Bench:
    """Return the house a day later, so that no two acts of different tests fall on one moment."""
    house.clock.advance(timedelta(days=1))
    return house


async def do(shared: Bench, case: Case, event: str, role: Role, **said: object) -> Case:
    """Let an event happen a minute later; the history grows by exactly it, names role and person, and stays intact."""
    cases = shared.house.stores.cases
    before = len(await cases.history(case.id))
    shared.clock.advance(timedelta(minutes=1))
    changed = await shared.house.casework.do(case.number, event, role, ACT, Details(**said))  # type: ignore[arg-type]  # by keyword
    (added,) = (await cases.history(case.id))[before:]
    assert (added.actor, added.reason, added.data["role"]) == (ACT.by, ACT.reason, role.value)
    assert await cases.verify(case.id) == []
    assert await cases.get(case.number) == changed
    return changed


async def test_from_assignment_to_closing(shared: Bench) -> None:
    """签收、承诺、答复、评价、销号: the enterprise hears of promise, answer and end; both numbers of 附件4 are kept apart."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    assert case.state is CaseState.ASSIGNED
    case = await do(shared, case, "acknowledge", D)
    case = await do(shared, case, "promise", D, days=7, limit=5)
    assert (case.state, case.progress.promised_days, case.progress.limit_days) == (CaseState.HANDLING, 7, 5)
    case = await do(shared, case, "answer", D, result="solved", files={"答复函.txt": "已办妥".encode()})
    case = await do(shared, case, "rate", E, rating="satisfied")
    case = await do(shared, case, "close", C)

    assert (case.state, case.progress.result, case.progress.rating) == (CaseState.CLOSED, "solved", "satisfied")
    told = [queued.notice for queued in await shared.notices(case) if queued.notice.purpose is Purpose.PROGRESS]
    assert [notice.subject for notice in told] == [
        f"【坐诊接诉】{words}，编号{case.number}" for words in ("办理时限已告知", "办理答复", "事项已办结")
    ]
    assert {notice.to.address for notice in told} == {enterprise.address}
    assert "承诺自受理之日起7个工作日内答复办理情况。办理限期为5个工作日。" in told[0].text
    history = await shared.house.stores.cases.history(case.id)
    digest = hashlib.sha256("已办妥".encode()).hexdigest()
    assert [event.data["files"] for event in history if event.kind == "case.answered"] == [[{"name": "答复函.txt", "sha256": digest}]]


async def test_a_return_goes_to_the_coordinator_and_keeps_the_date(shared: Bench) -> None:
    """A return names another department; the coordinator is asked, the enterprise told, and the date does not move.

    After the second return the coordinator's word is final.
    """
    case = await shared.opened()
    due = case.due
    for number in (1, 2):
        other = "zjj" if case.department != "zjj" else "fgj"
        case = await do(shared, case, "return", D, department=other)
        assert (case.state, case.progress.returns, case.progress.proposed, case.due) == (CaseState.RETURNED, number, other, due)
        asked = (await shared.notice(case, Purpose.REVIEW)).notice
        assert asked.to.address == COORDINATOR
        assert f"第{number}次退回" in asked.text
        assert "退回不影响原定时限" in asked.text
        assert "正在确定承办部门" in (await shared.notice(case, Purpose.PROGRESS)).notice.text
        assert case.number in {waiting.number for waiting in (await shared.house.review.pending())[0]}
        shared.clock.advance(timedelta(minutes=1))
        case = await shared.house.review.assign(case.number, other, (), ACT)
        assert (case.state, case.department, case.due) == (CaseState.ASSIGNED, other, due)
        assert (await shared.notice(case, Purpose.ASSIGN)).notice.to.address == office(other)

    with pytest.raises(UsageError, match="已退回 2 次，承办部门由区政务服务局裁定，不能再退回"):
        await do(shared, case, "return", D, department="swj")


async def test_a_supplement_comes_back_to_where_it_interrupted(shared: Bench) -> None:
    """What was acknowledged is acknowledged again once the enterprise has added what was missing."""
    case = await do(shared, await shared.opened(), "acknowledge", D)
    case = await do(shared, case, "supplement", D, missing=("租赁合同复印件",))
    assert case.state is CaseState.AWAITING_SUPPLEMENT
    assert "租赁合同复印件" in (await shared.notice(case, Purpose.SUPPLEMENT)).notice.text
    case = await do(shared, case, "supplemented", E)
    assert (case.state, case.progress.resume) == (CaseState.ACKNOWLEDGED, "")


async def test_a_poor_case_is_handled_anew_under_an_order(shared: Bench) -> None:
    """A closed case is reopened with a limit (重点督办单), its old result and rating no longer stand, and the department has it again."""
    case = await shared.opened()
    case = await do(shared, case, "answer", D, result="explained")
    case = await do(shared, case, "rate", E, rating="dissatisfied")
    case = await do(shared, case, "close", C)
    case = await do(shared, case, "reopen", C, days=5)

    assert (case.state, case.progress.orders, case.progress.limit_days) == (CaseState.ASSIGNED, 1, 5)
    assert (case.progress.result, case.progress.rating) == ("", "")
    assert [queued.notice.purpose for queued in await shared.notices(case)].count(Purpose.ASSIGN) == 2


@pytest.mark.parametrize(
    ("event", "role", "said", "state"),
    [
        ("withdraw", E, {}, CaseState.WITHDRAWN),
        ("hand_over", C, {"to": "<b>省税务局</b>"}, CaseState.HANDED_OVER),
    ],
)
async def test_ends_without_an_answer(shared: Bench, event: str, role: Role, said: dict[str, str], state: CaseState) -> None:
    """A matter withdrawn or handed to a body outside is finished; the enterprise and the department that had it hear it, free of markup."""
    case = await do(shared, await shared.opened(), event, role, **said)

    assert case.state is state
    told, recalled = [(await shared.notice(case, purpose)).notice for purpose in (Purpose.PROGRESS, Purpose.RECALL)]
    assert "<b>" not in told.html + recalled.html
    assert recalled.to.address == office(str(case.department))
    assert "不再办理本件，不必再答复企业" in recalled.text
    with pytest.raises(UsageError, match="不能答复企业"):
        await do(shared, case, "answer", D, result="solved")


async def test_a_case_given_to_another_department_is_recalled_from_the_first(shared: Bench) -> None:
    """Whoever had it in hand is told who has it now; assigned to the same once more, or returned by itself before, it hears nothing."""
    case = await shared.opened()
    first = str(case.department)
    case = await shared.house.review.assign(case.number, first, (), ACT)
    assert [queued for queued in await shared.notices(case) if queued.notice.purpose is Purpose.RECALL] == []
    second = "zjj" if first != "zjj" else "fgj"
    case = await shared.house.review.assign(case.number, second, (), ACT)
    recalled = (await shared.notice(case, Purpose.RECALL)).notice
    assert recalled.to.address == office(first)
    assert f"现该诉求改由{shared.house.rooms[case.district].rulebook.district.departments[second].name}承办" in recalled.text
    case = await do(shared, case, "return", D, department=first)
    await shared.house.review.assign(case.number, first, (), ACT)
    assert len([queued for queued in await shared.notices(case) if queued.notice.purpose is Purpose.RECALL]) == 1


async def test_a_duplicate_names_the_case_it_repeats(shared: Bench) -> None:
    """The other case must exist, be another one, and not be merged itself."""
    first, second, third = [await shared.opened() for _ in range(3)]
    second = await do(shared, second, "merge", C, of=first.number.lower())
    assert (second.state, second.progress.other) == (CaseState.MERGED, first.number)
    assert "已并入该件办理" in (await shared.notice(second, Purpose.PROGRESS)).notice.text

    for of, words in ((third.number, "不能是"), (second.number, f"已并入 {first.number}"), ("CG-1999-00001", "没有编号为")):
        with pytest.raises(UsageError, match=words):
            await do(shared, third, "duplicate", C, of=of)


@pytest.mark.parametrize(
    ("event", "role", "said", "words"),
    [
        ("promise", D, {}, "承诺时限要写明：--days"),
        ("promise", D, {"days": 0}, "承诺时限要写明：--days"),
        ("promise", D, {"days": 251}, "工作日数应为 1 至 250"),
        ("answer", D, {"result": "done"}, "--result solved"),
        ("return", D, {}, "--department"),
        ("return", D, {"department": "nowhere"}, "没有部门代号 nowhere"),
        ("close", C, {}, "不能销号；现在可以：.*answer（答复企业）"),
        ("acknowledge", E, {}, "只能由承办部门"),
        ("assign", C, {}, "zuozhen case assign"),
        ("hand_over", C, {"to": "单" * 201}, "不超过 200 字"),
        ("nothing", C, {}, "没有名为 nothing 的事件"),
    ],
)
async def test_what_is_not_possible_changes_nothing(shared: Bench, event: str, role: Role, said: dict[str, object], words: str) -> None:
    """An event that is not possible, not this person's, or lacks something is refused in Chinese with the next step."""
    case = await shared.opened()
    before = await shared.house.stores.cases.history(case.id)

    with pytest.raises(UsageError, match=words):
        await shared.house.casework.do(case.number, event, role, ACT, Details(**said))  # type: ignore[arg-type]  # by keyword

    assert await shared.house.stores.cases.history(case.id) == before
    assert await shared.house.stores.cases.get(case.number) == case


async def test_returning_to_itself_is_no_return(shared: Bench) -> None:
    """The department that returns a case cannot propose itself."""
    case = await shared.opened()
    with pytest.raises(UsageError, match="不能是退回的部门自己"):
        await do(shared, case, "return", D, department=case.department)


async def test_extensions_have_a_cap(shared: Bench) -> None:
    """Extensions add up to the pack's cap and not a day more."""
    case = await do(shared, await shared.opened(), "promise", D, days=7)
    case = await do(shared, case, "extend", C, days=6)
    with pytest.raises(UsageError, match=r"累计不得超过 10 个工作日.*还可延 4 个"):
        await do(shared, case, "extend", C, days=5)
    assert (await do(shared, case, "extend", C, days=4)).progress.extended_days == 10


async def test_a_date_is_promised_once(shared: Bench) -> None:
    """Neither number of 附件4 can be promised anew, not even by the coordinator: that would be an extension without a cap."""
    case = await do(shared, await shared.opened(), "promise", D, days=7)
    for role in (D, C):
        with pytest.raises(UsageError, match=r"已承诺 7 个工作日，是否逾期以此为准，不能重新承诺.*ask_extension --as department"):
            await do(shared, case, "promise", role, days=250, evidence="再议")
    case = await do(shared, case, "promise", D, limit=5)  # the other number was open yet
    with pytest.raises(UsageError, match=r"限期 5 个工作日已定"):
        await do(shared, case, "promise", D, limit=6)
    assert (case.progress.promised_days, case.progress.limit_days) == (7, 5)


async def test_a_department_asks_for_an_extension_and_the_coordinator_grants_it(shared: Bench) -> None:
    """The request reaches the coordinator with the words that grant it, stands for review, and moves no date; the cap holds for it too."""
    case = await shared.opened()
    with pytest.raises(UsageError, match="还没有承诺时限，没有可延的"):
        await do(shared, case, "ask_extension", D, days=3)
    case = await do(shared, case, "promise", D, days=7)
    before = await shared.house.stores.deadlines.of_case(case.id)
    case = await do(shared, case, "ask_extension", D, days=3)

    assert (case.state, case.progress.extended_days) == (CaseState.HANDLING, 0)
    assert await shared.house.stores.deadlines.of_case(case.id) == before
    asked = (await shared.notice(case, Purpose.REVIEW)).notice
    assert asked.to.address == COORDINATOR
    assert "申请延期 3 个工作日（已承诺 7 个工作日）" in asked.text
    assert "同意的，回复“同意”" in asked.text
    assert "理由：按程序办理" in asked.text
    assert case.number in {waiting.number for waiting in (await shared.house.review.pending())[0]}
    with pytest.raises(UsageError, match=r"累计不得超过 10 个工作日.*还可延 10 个"):
        await do(shared, case, "ask_extension", D, days=11)

    case = await do(shared, case, "extend", C, days=3)
    assert case.progress.extended_days == 3
    assert case.number not in {waiting.number for waiting in (await shared.house.review.pending())[0]}


async def test_the_history_names_days_grounds_and_documents(shared: Bench) -> None:
    """What 【经过】 shows is enough for an auditor: who for whom, how many days, why more than seven, on which paper, and where a return should go."""
    case = await do(shared, await shared.opened(), "return", D, department="zjj")
    case = await shared.house.review.assign(case.number, "zjj", (), ACT)
    case = await do(shared, case, "promise", D, days=10, limit=8, evidence="土地权属需到\n市档案馆核查", files={"核查函.pdf": b"%PDF"})
    case = await do(shared, case, "ask_extension", D, days=3)
    case = await do(shared, case, "extend", C, days=3)
    case = await do(shared, case, "supplement", D, missing=("租赁合同", "付款凭证"))
    case = await do(shared, case, "supplemented", E)
    case = await do(shared, case, "answer", D, result="solved")
    case = await do(shared, case, "rate", E, rating="basically")
    stores = shared.house.stores
    district = shared.room.rulebook.district
    text = "\n".join(case_lines(case, district, await stores.cases.history(case.id), [], await stores.deadlines.of_case(case.id)))

    for said in (
        f"退回　李明（承办部门）：按程序办理　〔建议由{district.departments['zjj'].name}承办〕",
        f"交办　李明：按程序办理　〔承办部门：{district.departments['zjj'].name}〕",
        "承诺时限　李明（承办部门）：按程序办理　〔承诺 10 个工作日；限期 8 个工作日；原因：土地权属需到 市档案馆核查；附件：核查函.pdf〕",
        "申请延期　李明（承办部门）：按程序办理　〔申请延期 3 个工作日〕",
        "批准延期　李明（统筹部门）：按程序办理　〔延期 3 个工作日〕",
        "请企业补正　李明（承办部门）：按程序办理　〔缺：租赁合同、付款凭证〕",
        "收到补正　李明（企业）：按程序办理",
        "答复企业　李明（承办部门）：按程序办理　〔已解决〕",
        "企业评价　李明（企业）：按程序办理　〔基本满意〕",
    ):
        assert said in text


async def test_a_promise_that_is_over_already_is_none(shared: Bench) -> None:
    """Counted from registration, seven days may have passed: nobody promises the enterprise a day of last week."""
    case = await shared.opened()
    shared.clock.advance(timedelta(days=20))
    with pytest.raises(UsageError, match=r"（登记）起算，这样到 \S+ 为止，已经过去"):
        await do(shared, case, "promise", D, days=7)


async def test_what_is_handled_anew_is_promised_anew(shared: Bench) -> None:
    """Under an order the promise counts from the order, and the limit is the order's own, which no promise replaces."""
    case = await do(shared, await shared.opened(), "promise", D, days=7)
    case = await do(shared, case, "answer", D, result="explained")
    shared.clock.advance(timedelta(days=60))
    case = await do(shared, case, "reopen", C, days=5)
    with pytest.raises(UsageError, match="限期 5 个工作日已定"):
        await do(shared, case, "promise", D, days=7, limit=30)
    case = await do(shared, case, "promise", D, days=7)

    (owed,) = [
        one for one in await shared.house.stores.deadlines.of_case(case.id) if one.kind == "answer" and one.state is DeadlineState.OPEN
    ]
    assert owed.due.start_label == "重新办理"
    assert "承诺自重新办理之日起7个工作日内答复" in (await shared.notice(case, Purpose.PROGRESS)).notice.text
    assert owed.due.due > shared.clock().date()


async def test_an_extension_goes_on_from_the_first_day(shared: Bench) -> None:
    """Extended on the fourth day by three, a limit of five days ends on the eighth working day, not eight days from now."""
    case = await do(shared, await shared.opened(), "promise", D, limit=5)

    async def limit() -> Deadline:
        owed = await shared.house.stores.deadlines.of_case(case.id)
        return next(one for one in owed if one.kind == "handling" and one.state is DeadlineState.OPEN)

    before = await limit()
    shared.clock.advance(timedelta(days=4))
    await do(shared, case, "extend", C, days=3)
    after = await limit()
    assert (after.due.start, after.amount) == (before.due.start, 8)
    assert after.due.due == shared.room.calendar.add_working_days(before.due.start, 8).due


async def test_the_old_acts_go_by_the_same_table(shared: Bench) -> None:
    """A closed case is not overruled, and a refusal that was never confirmed is not answered."""
    case = await shared.opened()
    case = await do(shared, case, "answer", D, result="solved")
    case = await do(shared, case, "close", C)
    with pytest.raises(UsageError, match="现为“已销号”，不能改判"):
        await shared.house.review.overrule(case.number, Correction(verdict=Verdict.REFUSE, ground=2), ACT)
    refused = await shared.opened(REFUSED)
    with pytest.raises(UsageError, match="现为“待审核”，不能答复企业"):
        await do(shared, refused, "answer", D, result="solved")

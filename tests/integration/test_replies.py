"""A case moved by answers to our mails: who may, what is done, what is told, and that nothing is done twice or by a stranger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from email.message import EmailMessage
from itertools import count

import pytest
import pytest_asyncio

from channels.reply import read_reply
from daemon.pipeline import Outcome
from daemon.review import Act
from store.errors import UsageError
from store.model.case import Case, CaseState
from store.model.letter import Letter
from store.model.notice import Purpose, QueuedNotice
from store.model.reply import Reply, ReplyWords
from tests.integration.houses import ACCEPTED, COORDINATOR, MAILBOX, PATIENCE_S, REFUSED, VAGUE, Bench, Enterprise, bench, office

pytestmark = pytest.mark.asyncio(loop_scope="module")

_numbers = count()


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


def reply(sender: str, notice: QueuedNotice, text: str, *, message_id: str = "", **headers: str) -> bytes:
    """Return the answer of *sender* to a mail of ours, as his mail program writes it: our mail quoted below."""
    message = EmailMessage()
    message["From"] = f"<{sender}>"
    message["To"] = MAILBOX
    message["Subject"] = f"回复：{notice.notice.subject}"
    message["Message-ID"] = message_id or f"<reply-{next(_numbers)}@gov.example>"
    message["In-Reply-To"] = f"<{notice.message_id}>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    quoted = "\n".join(f"> {line}" for line in notice.notice.text.splitlines())
    message.set_content(f"{text}\n\n在 2024-10-10 09:30:00，坐诊接诉 <{MAILBOX}> 写道：\n{quoted}\n")
    return bytes(message)


async def answer(shared: Bench, sender: str, notice: QueuedNotice, text: str, **headers: str) -> Case:
    """Let *sender* answer *notice* a minute later, and return the case as it stands then, its history intact."""
    shared.clock.advance(timedelta(minutes=1))
    outcome: Outcome = await shared.take(reply(sender, notice, text, **headers))
    assert outcome.case is not None
    case = await shared.house.stores.cases.get(outcome.case.number)
    assert await shared.house.stores.cases.verify(case.id) == []
    return case


async def assigned(shared: Bench, enterprise: Enterprise | None = None) -> tuple[Case, QueuedNotice, str]:
    """Return a case with its department, the mail that told it so, and the department's address."""
    case = await shared.opened(enterprise=enterprise)
    assert case.department is not None
    return case, await shared.notice(case, Purpose.ASSIGN), office(case.department)


async def kinds(shared: Bench, case: Case) -> list[str]:
    """Return the kinds of the events of a case."""
    return [event.kind for event in await shared.house.stores.cases.history(case.id)]


async def told(shared: Bench, case: Case, purpose: Purpose) -> list[QueuedNotice]:
    """Return the mails of one purpose about a case."""
    return [queued for queued in await shared.notices(case) if queued.notice.purpose is purpose]


async def test_a_department_answers(shared: Bench) -> None:
    """签收、限期、已解决 by reply, the enterprise's 满意 by reply, 销号 by the coordinator's: each is the event of the life table, named and proven."""
    enterprise = Enterprise()
    case, sent, own = await assigned(shared, enterprise)
    case = await answer(shared, own, sent, "签收")
    assert case.state is CaseState.ACKNOWLEDGED
    case = await answer(shared, own, sent, "正在处理，限期5个工作日")
    assert (case.state, case.progress.limit_days) == (CaseState.HANDLING, 5)
    case = await answer(shared, own, sent, "已解决：发票增量已经办结，企业可正常开票")
    assert (case.state, case.progress.result) == (CaseState.ANSWERED, "solved")
    (answered,) = [one for one in await told(shared, case, Purpose.PROGRESS) if "办理答复" in one.notice.subject]
    assert "发票增量已经办结" in answered.notice.text
    case = await answer(shared, enterprise.address, answered, "满意，谢谢")
    assert (case.state, case.progress.rating) == (CaseState.RATED, "satisfied")
    history = await shared.house.stores.cases.history(case.id)
    acknowledged = next(event for event in history if event.kind == "case.acknowledged")
    replied = next(event for event in history if event.kind == "case.replied")
    assert acknowledged.actor == replied.actor == shared.room.rulebook.district.departments[str(case.department)].name
    assert acknowledged.data["role"] == "department"
    assert acknowledged.data["arrival"] == replied.data["arrival"]
    assert replied.data["done"] == ["签收"]
    assert replied.data["standing"] == "fits"
    assert await told(shared, case, Purpose.HELP) == []


async def test_several_commands(shared: Bench) -> None:
    """Commands of one reply are done in their order; what is not possible is left out, told to its writer once a day, and to a person."""
    case, sent, own = await assigned(shared)
    case = await answer(shared, own, sent, "签收。\n正在处理，限期5个工作日。")
    assert case.state is CaseState.HANDLING
    assert [kind for kind in await kinds(shared, case) if kind in {"case.acknowledged", "case.promised"}] == [
        "case.acknowledged",
        "case.promised",
    ]

    case, sent, own = await assigned(shared)
    for text in ("签收。\n申请延期3个工作日。", "申请延期3个工作日"):
        case = await answer(shared, own, sent, text)
        assert case.state is CaseState.ACKNOWLEDGED
    (helping,) = await told(shared, case, Purpose.HELP)
    assert helping.notice.to.address == own
    assert "已经办理：签收" in helping.notice.text
    assert "没有办成的：\n　　　　1. 申请延期（3个工作日）：" in helping.notice.text
    assert "zuozhen" not in helping.notice.text
    assert case.number in {waiting.number for waiting in await shared.house.stores.cases.review()}
    assert len(await told(shared, case, Purpose.FORWARD)) == 2  # the coordinator sees both


async def test_redelivered_and_raced(shared: Bench) -> None:
    """A reply that comes twice, or is processed by two services at once, does its work once."""
    case, sent, own = await assigned(shared)
    raw = reply(own, sent, "签收。\n正在处理，限期5个工作日。", message_id="<once@gov.example>")
    first = await shared.accept(raw)
    assert await shared.accept(raw) == first
    arrival = await shared.arrival(first)
    outcomes = await asyncio.gather(*(shared.house.pipeline.process(arrival) for _ in range(3)))
    assert len({outcome.case.state for outcome in outcomes if outcome.case}) == 1
    found = await kinds(shared, case)
    assert (found.count("case.replied"), found.count("case.acknowledged"), found.count("case.promised")) == (1, 1, 1)


async def test_a_long_reply_holds_up_no_other(shared: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one reply is still being read, another case is moved by its own; both are done in the end."""
    (case, sent, own), (_, its, also) = await assigned(shared), await assigned(shared)
    begun, goes_on = threading.Event(), threading.Event()

    def slow(letter: Letter, words: ReplyWords, documents: Mapping[str, str] | None = None) -> Reply:
        if letter.text.startswith("签收，附长文"):
            begun.set()
            assert goes_on.wait(PATIENCE_S)
        return read_reply(letter, words, documents)

    monkeypatch.setattr("daemon.replies.read_reply", slow)
    first = asyncio.create_task(shared.take(reply(own, sent, "签收，附长文。")))
    try:
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            moved = await answer(shared, also, its, "签收")
    finally:
        goes_on.set()
    assert moved.state is CaseState.ACKNOWLEDGED
    assert (await first).case is not None
    assert (await shared.house.stores.cases.get(case.number)).state is CaseState.ACKNOWLEDGED


async def test_nothing_understood(shared: Bench) -> None:
    """Words without a command lie at the case, a person is told, and the writer gets one help a day; an automatic mail gets none and does nothing."""
    case, sent, own = await assigned(shared)
    for text in ("我们先研究一下再说。", "此事比较复杂，容后再报。"):
        after = await answer(shared, own, sent, text)
        assert after.state is CaseState.ASSIGNED
    (helping,) = await told(shared, case, Purpose.HELP)
    assert "没有看出要办什么" in helping.notice.text
    assert "签收" in helping.notice.text
    assert case.number in {waiting.number for waiting in await shared.house.stores.cases.review()}
    assert {queued.notice.to.address for queued in await told(shared, case, Purpose.FORWARD)} == {COORDINATOR}

    outcome = await shared.take(reply(own, sent, "签收", Auto_Submitted="auto-replied"))
    assert outcome.case is None or outcome.case.state is CaseState.ASSIGNED
    assert "case.acknowledged" not in await kinds(shared, case)
    assert len(await told(shared, case, Purpose.HELP)) == 1


async def test_a_return_and_what_the_coordinator_says(shared: Bench) -> None:
    """退回 with a proposal goes to the coordinator; 改派 by his reply assigns; a unit that nobody is called is asked for again."""
    case, sent, own = await assigned(shared)
    departments = shared.room.rulebook.district.departments
    other = next(one for one in departments.values() if one.id not in {case.department, *case.accompanying})
    case = await answer(shared, own, sent, "退回：不属我局职责，建议交由某某不存在的办公室办理")
    assert case.state is CaseState.ASSIGNED
    (helping,) = await told(shared, case, Purpose.HELP)
    assert "不是部门名录里的名称" in helping.notice.text

    case = await answer(shared, own, sent, f"退回：不属我局职责，建议交由{other.name}办理")
    assert (case.state, case.progress.proposed) == (CaseState.RETURNED, other.id)
    asked = await shared.notice(case, Purpose.REVIEW)
    case = await answer(shared, COORDINATOR, asked, "同意")
    assert (case.state, case.department) == (CaseState.ASSIGNED, other.id)
    # The first department has it no more.
    after = await answer(shared, own, sent, "已解决：已办妥")
    assert after.state is CaseState.ASSIGNED


async def test_a_refusal(shared: Bench) -> None:
    """A proposed refusal takes effect by the coordinator's 同意, and becomes an assignment by 不同意，改派X; an older question is not answered."""
    case = await shared.opened(REFUSED)
    assert case.state is CaseState.UNDER_REVIEW
    case = await answer(shared, COORDINATOR, await shared.notice(case, Purpose.REVIEW), "同意")
    assert case.state is CaseState.REFUSED
    assert "具体情况" not in (await shared.notice(case, Purpose.REFERRAL)).notice.text

    case = await shared.opened(REFUSED)
    case = await answer(shared, COORDINATOR, await shared.notice(case, Purpose.REVIEW), "同意，双方合同已约定仲裁。")
    assert "具体情况：双方合同已约定仲裁" in (await shared.notice(case, Purpose.REFERRAL)).notice.text

    other = next(iter(shared.room.rulebook.district.departments.values()))
    case = await shared.opened(REFUSED)
    case = await answer(shared, COORDINATOR, await shared.notice(case, Purpose.REVIEW), f"不同意，改派{other.name}")
    assert (case.state, case.department) == (CaseState.ASSIGNED, other.id)


async def test_an_extension(shared: Bench) -> None:
    """申请延期 asks the coordinator, and moves nothing until he agrees by reply."""
    case, sent, own = await assigned(shared)
    await answer(shared, own, sent, "正在处理，限期5个工作日")
    case = await answer(shared, own, sent, "申请延期3个工作日，原因：需与税务总局系统核对")
    assert case.progress.extended_days == 0
    case = await answer(shared, COORDINATOR, await shared.notice(case, Purpose.REVIEW), "同意")
    assert case.progress.extended_days == 3
    granted = (await shared.notice(case, Purpose.EXTENSION)).notice
    assert granted.to.address == own
    assert "延期获准" in granted.subject
    assert "已经批准，累计延长3个工作日，请按下列日期办理。\n" in granted.text
    assert "前（含当日）" in granted.text
    assert "说明：" not in granted.text  # 同意 alone explains nothing


async def test_an_extension_that_is_not_granted(shared: Bench) -> None:
    """不同意 leaves the dates as they are, and the department hears so, with the coordinator's words; the enterprise hears nothing."""
    case, sent, own = await assigned(shared)
    await answer(shared, own, sent, "正在处理，限期5个工作日")
    case = await answer(shared, own, sent, "申请延期3个工作日，原因：需与税务总局系统核对")
    before = len(await told(shared, case, Purpose.PROGRESS))
    case = await answer(shared, COORDINATOR, await shared.notice(case, Purpose.REVIEW), "不同意，系统核对不影响先行答复企业。")
    assert (case.state, case.progress.extended_days) == (CaseState.HANDLING, 0)
    refused = (await shared.notice(case, Purpose.EXTENSION)).notice
    assert (refused.to.address, "延期未获准" in refused.subject) == (own, True)
    assert "没有批准，原定时限不变，请按时办理。\n" in refused.text
    assert "系统核对不影响先行答复企业" in refused.text
    assert len(await told(shared, case, Purpose.PROGRESS)) == before


async def test_a_supplement_is_decided_again(shared: Bench) -> None:
    """What was missing comes by reply: the case is decided again on all of it, and goes to a department without a person."""
    enterprise = Enterprise()
    case = await shared.opened(VAGUE, enterprise)
    assert case.state is CaseState.AWAITING_SUPPLEMENT
    asked = await shared.notice(case, Purpose.SUPPLEMENT)
    words = ACCEPTED.format(name=enterprise.name, person=enterprise.person, phone=enterprise.phone)
    case = await answer(shared, enterprise.address, asked, words)
    assert (case.state, case.verdict.value) == (CaseState.ASSIGNED, "accept")
    assert case.department is not None
    assert "两次退回" in (await shared.notice(case, Purpose.ASSIGN)).notice.text
    assert case.due is not None
    assert "case.supplemented" in await kinds(shared, case)
    assert (await shared.house.stores.cases.get(case.number)).petition.content.startswith(VAGUE)


async def test_a_poor_rating(shared: Bench) -> None:
    """不满意 by reply puts the case before the coordinator, whose 同意 reopens it under an order with the pack's limit."""
    enterprise = Enterprise()
    case, sent, own = await assigned(shared, enterprise)
    case = await answer(shared, own, sent, "无法解决，原因：税务总局系统正在升级")
    (answered,) = await told(shared, case, Purpose.PROGRESS)
    case = await answer(shared, enterprise.address, answered, "不满意：发票仍然没有开出来")
    assert (case.state, case.progress.rating) == (CaseState.RATED, "dissatisfied")
    assert case.number in {waiting.number for waiting in await shared.house.stores.cases.review()}
    asked = await shared.notice(case, Purpose.REVIEW)
    assert "发票仍然没有开出来" in asked.notice.text
    case = await answer(shared, COORDINATOR, asked, "同意")
    assert (case.state, case.progress.orders, case.progress.limit_days) == (CaseState.ASSIGNED, 1, 5)
    assert "重点督办" in (await shared.notice(case, Purpose.ASSIGN)).notice.subject


async def test_the_enterprise_withdraws(shared: Bench) -> None:
    """撤回 by the enterprise's reply ends the case, and the enterprise hears so."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    case = await answer(shared, enterprise.address, await shared.notice(case, Purpose.ACKNOWLEDGE), "撤回诉求，问题已自行解决")
    assert case.state is CaseState.WITHDRAWN
    assert "已经撤回" in (await shared.notice(case, Purpose.PROGRESS)).notice.text


async def test_a_forged_sender_is_held(shared: Bench) -> None:
    """The right token from a wrong address does nothing; the registered address is asked, and its 确认 does what was ordered, once."""
    case, sent, own = await assigned(shared)
    case = await answer(shared, "someone@elsewhere.example", sent, "已解决：已办妥")
    assert case.state is CaseState.ASSIGNED
    (held,) = [one for one in await shared.house.stores.replies.held() if one.case_id == case.id]
    assert (held.sender, held.hold.department) == ("someone@elsewhere.example", case.department)
    question = await shared.notice(case, Purpose.CONFIRM)
    assert question.notice.to.address == own
    assert "答复企业" in question.notice.text
    case = await answer(shared, "someone@elsewhere.example", question, "确认")
    assert case.state is CaseState.ASSIGNED
    case = await answer(shared, own, question, "确认")
    assert (case.state, case.progress.result) == (CaseState.ANSWERED, "solved")
    again = await answer(shared, own, question, "确认。")
    assert (await kinds(shared, again)).count("case.answered") == 1


async def test_a_held_reply_and_a_person(shared: Bench) -> None:
    """A person may do or drop what is held, once; nothing of it is done before."""
    act = Act(by="李明", reason="已电话核实")
    for do, state in ((True, CaseState.ACKNOWLEDGED), (False, CaseState.ASSIGNED)):
        case, sent, _ = await assigned(shared)
        await answer(shared, "someone@elsewhere.example", sent, "签收")
        (held,) = [one for one in await shared.house.stores.replies.held() if one.case_id == case.id]
        changed, done = await shared.house.replies.settle(shared.room, held.arrival_id, act, do=do)
        assert (changed.state, [one.words for one in done]) == (state, ["签收"] if do else [])
        with pytest.raises(UsageError, match="已经处理过"):
            await shared.house.replies.settle(shared.room, held.arrival_id, act, do=do)
        assert held.arrival_id not in {one.arrival_id for one in await shared.house.stores.replies.held()}

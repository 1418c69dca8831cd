"""A mail of ours that came back, through the real pipeline: seen at notice, case and review list; never answered, never a case."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
import pytest_asyncio

from daemon.cli import show
from store import message_log
from store.model.case import Case
from store.model.decision import Verdict
from store.model.notice import NoticeState, Purpose
from tests.integration.houses import COORDINATOR, Bench, Enterprise, bench, office
from tests.unit.test_bounce import COREMAIL, OURS, dsn


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house() -> AsyncIterator[Bench]:
    """One house for the module."""
    async with bench() as opened:
        yield opened


async def sent(house: Bench) -> tuple[Case, int, str]:
    """Return a case whose letter to the department went out, and that notice's id and Message-ID."""
    case = await house.opened()
    notice = await house.notice(case, Purpose.ASSIGN)
    await house.house.stores.outbox.sent(notice.id, house.clock(), reply="250 2.0.0 Ok: queued as 4F2C1A0B")
    return case, notice.id, notice.message_id


async def report(house: Bench, text: str) -> None:
    """Take a report in from the null sender: it opens no case and gets no answer; the coordinator at most hears of it."""
    before = {queued.id for queued in await house.house.stores.outbox.list(limit=10_000)}
    outcome = await house.take(text.encode(), envelope_from="")
    assert outcome.case is None
    assert outcome.decision.verdict is Verdict.NOT_A_CASE
    new = [queued for queued in await house.house.stores.outbox.list(limit=10_000) if queued.id not in before]
    assert {queued.notice.to.address for queued in new} <= {COORDINATOR}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("text", [dsn(), COREMAIL], ids=["rfc3464", "coremail"])
async def test_bounce_for_good(house: Bench, text: str) -> None:
    """The notice is marked, its case has the event with the other server's words and is on the review list, the log tells it; once."""
    case, notice_id, message_id = await sent(house)
    stores = house.house.stores
    assert not await stores.cases.awaits_review(case.id)
    for number in (1, 2):
        await report(house, text.replace(OURS, message_id).replace("Subject:", f"X-Number: {number}\nSubject:", 1))

    notice = await stores.outbox.get(notice_id)
    assert notice.state is NoticeState.BOUNCED
    assert notice.problem.startswith("对方服务器未能送达，已退回")
    assert await stores.cases.awaits_review(case.id)
    (event,) = [event for event in await stores.cases.history(case.id) if event.kind == "notice.bounced"]
    assert (event.data["notice"], event.data["permanent"], event.actor) == (notice_id, True, "system")
    assert event.reason == notice.problem
    assert await stores.cases.verify(case.id) == []
    shown = "\n".join(show.case_lines(case, house.room.rulebook.district, await stores.cases.history(case.id), [notice], []))
    assert f"收到退信：{notice.problem}" in shown
    assert "被退信  交办 → " in shown
    (step,) = [step for step in (await message_log.read(stores.database, message_id)).steps if step.kind == "notice.bounced"]
    assert step.words == notice.problem


@pytest.mark.asyncio(loop_scope="module")
async def test_delay_then_failure(house: Bench) -> None:
    """A delay is noted without calling anybody, once; the failure that follows is noted too, and a delay behind it is no news."""
    case, notice_id, message_id = await sent(house)
    stores = house.house.stores
    late = dsn(message_id=message_id, action="delayed", status="4.4.1", diagnostic="connection timed out")
    await report(house, late)
    await report(house, late.replace("Subject:", "X-Number: 2\nSubject:", 1))
    notice = await stores.outbox.get(notice_id)
    assert (notice.state, notice.problem) == (NoticeState.SENT, "对方服务器暂时没有送达，仍在尝试（4.4.1）：connection timed out")
    assert not await stores.cases.awaits_review(case.id)
    await report(house, dsn(message_id=message_id, status="5.4.7", diagnostic="delivery time expired"))
    await report(house, late.replace("Subject:", "X-Number: 3\nSubject:", 1))
    notice = await stores.outbox.get(notice_id)
    assert (notice.state, notice.problem) == (NoticeState.BOUNCED, "对方服务器未能送达，已退回（5.4.7）：delivery time expired")
    kinds = [event.data["permanent"] for event in await stores.cases.history(case.id) if event.kind == "notice.bounced"]
    assert kinds == [False, True]


@pytest.mark.asyncio(loop_scope="module")
async def test_bounce_that_outruns_the_mark(house: Bench) -> None:
    """A report that comes before we have noted that the relay took the mail is not lost: the late note changes nothing any more."""
    case = await house.opened()
    notice = await house.notice(case, Purpose.ACKNOWLEDGE)
    await report(house, dsn(message_id=notice.message_id))
    await house.house.stores.outbox.sent(notice.id, house.clock())
    found = await house.house.stores.outbox.get(notice.id)
    assert (found.state, found.next_try_at) == (NoticeState.BOUNCED, None)


@pytest.mark.asyncio(loop_scope="module")
async def test_bounced_mail_can_be_sent_again(house: Bench) -> None:
    """Once the address is put right, a person sends the letter again."""
    _, notice_id, message_id = await sent(house)
    await report(house, dsn(message_id=message_id))
    await house.house.stores.outbox.retry(notice_id, house.clock())
    assert (await house.house.stores.outbox.get(notice_id)).state is NoticeState.QUEUED


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "text",
    [dsn(), dsn(message_id="somebody@else.example"), dsn(action="delivered")],
    ids=["unknown id", "of another sender", "success"],
)
async def test_report_about_no_notice_of_ours(house: Bench, text: str) -> None:
    """A report about anybody else's mail is set aside like other automatic mail."""
    before = {case.id: len(await house.house.stores.cases.history(case.id)) for case in await house.house.stores.cases.list(limit=1000)}
    await report(house, text)
    after = {case.id: len(await house.house.stores.cases.history(case.id)) for case in await house.house.stores.cases.list(limit=1000)}
    assert after == before


@pytest.mark.asyncio(loop_scope="module")
async def test_letter_of_a_person_with_our_message_id(house: Bench) -> None:
    """A person who answers our letter, or passes a bounce on, changes nothing at the notice."""
    _, notice_id, message_id = await sent(house)
    await house.take(Enterprise().mail(References=f"<{message_id}>"))
    assert (await house.house.stores.outbox.get(notice_id)).state is NoticeState.SENT


async def told(house: Bench, case: Case) -> list[str]:
    """Return what the coordinator was told of mail about *case* that did not arrive."""
    return [queued.notice.text for queued in await house.notices(case) if queued.notice.round.startswith("undelivered.")]


async def troubles(house: Bench) -> dict[str, bool]:
    """Return the addresses that mail did not reach, and whether they are dead."""
    return {one.address: one.is_dead for one in await house.house.stores.addresses.list()}


@pytest.mark.asyncio(loop_scope="module")
async def test_department_address_is_dead(house: Bench) -> None:
    """The coordinator is told at once and once a case, later mail to the address is flagged, and a letter from there clears it."""
    case, _, message_id = await sent(house)
    address = office(str(case.department))
    for number in (1, 2):
        await report(house, dsn(message_id=message_id).replace("Subject:", f"X-Number: 9{number}\nSubject:", 1))
    (words,) = await told(house, case)
    assert f"（{address}）的邮件没有送达" in words
    assert "5.1.1" in words
    assert (await troubles(house))[address]

    later, _, _ = await sent(house)
    assert later.department == case.department
    (flagged,) = [event for event in await house.house.stores.cases.history(later.id) if event.kind == "notice.doubtful"]
    assert flagged.reason.startswith(f"发往 {address}，该地址此前退信，可能收不到：对方服务器未能送达")
    assert await house.house.stores.cases.verify(later.id) == []

    reply = Enterprise().mail("已收到。").replace(b"<office", b"<nobody", 1)
    await house.take(reply)
    assert address in await troubles(house)
    automatic = EmailMessage()
    automatic["From"], automatic["Subject"], automatic["Auto-Submitted"] = address, "自动回复", "auto-replied"
    await house.take(bytes(automatic))
    assert address in await troubles(house), "a machine's answer does not clear it"
    written = EmailMessage()
    written["From"], written["Subject"], written["Message-ID"] = address, f"回复 {case.number}", "<alive@gov.example>"
    written.set_content("已签收")
    await house.take(bytes(written))
    assert address not in await troubles(house)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("status", "is_dead"), [("5.1.1", True), ("5.4.4", True), ("5.2.2", False), ("5.7.1", False), ("5.4.7", False)])
async def test_dead_or_temporary(house: Bench, status: str, *, is_dead: bool) -> None:
    """A mailbox that is full or refuses one mail is no dead one; the coordinator hears of each mail that did not arrive all the same."""
    case, _, message_id = await sent(house)
    await house.house.stores.addresses.heard_from(case.district, office(str(case.department)))
    await report(house, dsn(message_id=message_id, status=status))
    assert (await troubles(house))[office(str(case.department))] is is_dead
    assert len(await told(house, case)) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_bounces_of_the_coordinator_tell_nobody(house: Bench) -> None:
    """What does not reach the coordinator is not told to the coordinator by mail: it would go on for ever."""
    case, _, message_id = await sent(house)
    await report(house, dsn(message_id=message_id))
    word = next(queued for queued in await house.notices(case) if queued.notice.round.startswith("undelivered."))
    await house.house.stores.outbox.sent(word.id, house.clock())
    before = len(await house.notices(case))
    await report(house, dsn(message_id=word.message_id))
    assert len(await house.notices(case)) == before
    assert (await house.house.stores.outbox.get(word.id)).state is NoticeState.BOUNCED
    assert await house.house.stores.cases.awaits_review(case.id)

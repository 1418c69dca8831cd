"""Two daemons that write to each other, and machines that answer ours: it dies out, and the case knows of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import pytest_asyncio

from daemon.pipeline import Outcome
from store.model.case import CaseState
from store.model.decision import Verdict
from store.model.notice import NoticeState, Purpose
from tests.integration.houses import ACCEPTED, MAILBOX, Bench, Enterprise, bench, office

PEER = "peer@daemon.example"  # as which each of the two knows the other
_OURS = re.compile(rb"^(?:Auto-Submitted|X-Zuozhen|X-Auto-Response-Suppress):[^\n]*\n(?:[ \t][^\n]*\n)*", re.MULTILINE)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pair() -> AsyncIterator[tuple[Bench, Bench]]:
    """Two houses, each with a database of its own."""
    async with bench() as one, bench() as other:
        yield one, other


def to_the_peer(house: Bench, seen: set[Path], peer: str = PEER) -> list[bytes]:
    """Return the mails to the other daemon that have left since the last look."""
    folder = house.house.config.relay.folder
    assert folder is not None
    new = sorted(set(folder.glob("*.eml")) - seen)
    seen.update(new)
    return [raw for path in new if peer.encode() in (raw := path.read_bytes()).partition(b"\r\n\r\n")[0]]


def in_transit(raw: bytes, *, strips: bool, peer: str = PEER) -> bytes:
    """Return *raw* as the other daemon gets it: from its *peer*, to itself; a bad relay on the way *strips* what marks it as a machine's."""
    head, end, body = raw.partition(b"\r\n\r\n")
    if strips:
        head = _OURS.sub(b"", head + b"\r\n").rstrip(b"\r\n")
    swapped = head.replace(peer.encode(), b"\0").replace(MAILBOX.encode(), peer.encode()).replace(b"\0", MAILBOX.encode())
    return swapped + end + body


async def drain(house: Bench) -> None:
    """Let everything leave that is due."""
    while await house.house.sender.send_due():
        pass


async def hour(pair: tuple[Bench, Bench], first: bytes, *, strips: bool, peer: str = PEER) -> list[list[Outcome]]:
    """Let the *first* mail come to the first daemon, then an hour pass; return, minute by minute, what became of each mail between the two."""
    minutes, seen = [], (set[Path](), set[Path]())
    for house, known in zip(pair, seen, strict=True):
        house.clock.advance(timedelta(days=2))  # no cap remembers another test
        await drain(house)
        to_the_peer(house, known, peer)
    await pair[0].take(first)
    for _ in range(60):
        outcomes = []
        for number, house in enumerate(pair):
            await drain(house)
            mails = [in_transit(raw, strips=strips, peer=peer) for raw in to_the_peer(house, seen[number], peer)]
            outcomes += [await pair[1 - number].take(raw, envelope_from=peer) for raw in mails]
            house.clock.advance(timedelta(minutes=1))
        minutes.append(outcomes)
    return minutes


def from_the_peer() -> bytes:
    """Return a petition that comes from the other daemon's address."""
    return Enterprise().mail(ACCEPTED).replace(b"From: ", f"From: {PEER}\r\nX-Was: ".encode(), 1)


@pytest.mark.asyncio(loop_scope="module")
async def test_two_daemons(pair: tuple[Bench, Bench]) -> None:
    """The first writes once; the other knows it for a daemon's mail and says nothing."""
    before = await pair[1].house.stores.cases.list()
    ((outcome,),) = filter(None, await hour(pair, from_the_peer(), strips=False))
    assert (outcome.case, outcome.decision.verdict) == (None, Verdict.NOT_A_CASE)
    assert outcome.petition.letter.automatic is not None
    assert await pair[1].house.stores.cases.list() == before


@pytest.mark.asyncio(loop_scope="module")
async def test_two_daemons_behind_a_relay_that_strips_headers(pair: tuple[Bench, Bench]) -> None:
    """Even where nothing marks their mails as a machine's, it ends, by the caps per address (10 in three hours each) at the latest."""
    minutes = await hour(pair, from_the_peer(), strips=True)
    assert 1 <= sum(map(len, minutes)) <= 20
    assert not any(minutes[30:])
    waiting = [queued for house in pair for queued in await house.house.stores.outbox.list(state=NoticeState.QUEUED)]
    assert not [queued for queued in waiting if queued.notice.to.address == PEER]


@pytest.mark.asyncio(loop_scope="module")
async def test_two_daemons_that_are_each_others_department(pair: tuple[Bench, Bench]) -> None:
    """Each writes to the other as to its tax office: the assignment is known for a daemon's mail and answered by nothing; the case waits as it did."""
    ((outcome,),) = filter(None, await hour(pair, Enterprise().mail(ACCEPTED), strips=False, peer=office("swj")))
    assert (outcome.case, outcome.decision.verdict) == (None, Verdict.NOT_A_CASE)


@pytest.mark.asyncio(loop_scope="module")
async def test_two_departments_behind_a_relay_that_strips_headers(pair: tuple[Bench, Bench]) -> None:
    """With nothing that marks them the mails bring tokens back from the right address; none is an order, one help a day is all the answer, a person is told."""
    minutes = await hour(pair, Enterprise().mail(ACCEPTED), strips=True, peer=office("swj"))
    assert 1 <= sum(map(len, minutes)) <= 20
    assert not any(minutes[30:])
    stores = pair[0].house.stores
    (case,) = {
        outcome.case.number: outcome.case for minute in minutes for outcome in minute if outcome.case and outcome.decision.topic == "回信"
    }.values()
    case = await stores.cases.get(case.number)
    assert (case.state, case.department) == (CaseState.ASSIGNED, "swj")
    replied = [event.reason for event in await stores.cases.history(case.id) if event.kind == "case.replied"]
    assert replied
    assert all(reason.startswith("没有看出要办什么") for reason in replied)
    assert [queued.notice.purpose for queued in await pair[0].notices(case)].count(Purpose.HELP) == 1
    assert await stores.cases.awaits_review(case.id)


@pytest.mark.asyncio(loop_scope="module")
async def test_vacation_reply_is_noted(pair: tuple[Bench, Bench]) -> None:
    """A department's automatic answer is no case, moves nothing and is not answered; its case has it as an event, once, with its subject."""
    house = pair[0]
    case = await house.opened()
    sent = await house.notice(case, Purpose.ASSIGN)
    away = EmailMessage()
    away["From"], away["Subject"] = office(str(case.department)), "自动回复：外出学习，10月15日返岗"
    away["Auto-Submitted"], away["In-Reply-To"], away["Message-ID"] = "auto-replied", f"<{sent.message_id}>", "<away@gov.example>"
    away.set_content("已签收。")
    before = len(await house.notices(case))
    arrival_id = await house.accept(bytes(away), envelope_from="")
    for _ in range(2):  # the second time as after a crash between the two commits
        outcome = await house.house.pipeline.process(await house.arrival(arrival_id))
    assert (outcome.case, outcome.decision.verdict) == (None, Verdict.NOT_A_CASE)
    (event,) = [event for event in await house.house.stores.cases.history(case.id) if event.kind == "notice.auto_replied"]
    assert event.reason == f"{office(str(case.department))} 自动回复：外出学习，10月15日返岗"
    assert (event.data["notice"], event.data["arrival"]) == (sent.id, arrival_id)
    assert len(await house.notices(case)) == before
    assert (await house.house.stores.cases.get(case.number)).state is case.state
    assert await house.house.stores.cases.verify(case.id) == []

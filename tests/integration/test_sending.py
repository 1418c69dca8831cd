"""From the outbox to the relay with the real parts: what waits, what is refused, what is said twice, and always the same bytes."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from daemon.sending import Sender
from daemon.wiring import open_leases
from notifier.backoff import PAUSES
from notifier.transport import FolderTransport, SmtpTransport, Transport
from store.arrivals import Arrivals
from store.errors import AddressRefusedError, DeliveryDeferredError, DeliveryRefusedError, StoreUnavailableError
from store.model.case import Case
from store.model.letter import Address
from store.model.notice import NoticeState, Purpose, QueuedNotice
from store.outbox import Outbox
from tests.e2e.instance import sink
from tests.integration.houses import COORDINATOR, MAILBOX, PATIENCE_S, Bench, Enterprise, bench, office

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEPARTMENT = office("swj")  # to which the mails of these tests belong
LEASE = timedelta(minutes=10)
LONGEST = timedelta(days=2)  # longer than every pause


class Relay:
    """A way out that remembers what it took. *answers* are raised first, one a try, for mail to the address they stand under."""

    def __init__(self, answers: Mapping[str, list[Exception]] | None = None) -> None:
        """Answer so."""
        self.taken: list[tuple[str, bytes]] = []
        self.tried: list[tuple[str, bytes]] = []
        self._answers = {address: list(errors) for address, errors in (answers or {}).items()}

    async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
        """Take a mail, or do not."""
        assert sender == MAILBOX
        assert f"Message-ID: <{envelope_id}>".encode() in message
        self.tried.append((recipient, message))
        if self._answers.get(recipient):
            raise self._answers[recipient].pop(0)
        self.taken.append((recipient, message))
        return "250 2.0.0 Ok: queued"

    async def close(self) -> None:
        """Nothing to close."""

    def to(self, address: str) -> list[bytes]:
        """Return what it took for one address."""
        return [message for recipient, message in self.taken if recipient == address]


class Forgetful(Outbox):
    """An outbox whose database goes away just when a mail is to be marked as sent, as often as *times*."""

    times = 1

    async def sent(self, notice_id: int, now: Any, *, reply: str = "") -> None:
        """Fail first."""
        if self.times:
            self.times -= 1
            raise StoreUnavailableError("数据库被占用")
        await super().sent(notice_id, now, reply=reply)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database."""
    async with bench(module_database_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def shared(house: Bench) -> Bench:
    """Return the house with an empty outbox, whatever an earlier test left in it."""
    house.clock.advance(LONGEST)
    while await sender(house, Relay()).send_due():
        pass
    return house


def sender(shared: Bench, transport: Transport, **parts: Any) -> Sender:
    """Return a sender of the house over *transport*; *parts* stand in for its own."""
    usual = {
        "outbox": shared.house.stores.outbox,
        "arrivals": shared.house.stores.arrivals,
        "senders": {"chenggong": Address(name="坐诊接诉", address=MAILBOX)},
        "offices": shared.house.rooms,
        "now": shared.clock,
        "leases": shared.house.leases,
        "at_once": 2,
        "max_original": 1 << 20,
    }
    return Sender(transport=transport, **{**usual, **parts})


def forgetful(shared: Bench) -> Forgetful:
    """Return the outbox of the house, with a database that goes away once."""
    return Forgetful(shared.house.stores.database, domain="example.org", key=b"invented")


async def states(shared: Bench, case: Case) -> dict[Purpose, NoticeState]:
    """Return where the notices of a case stand."""
    return {queued.notice.purpose: queued.state for queued in await shared.notices(case)}


async def sendings(shared: Bench, case: Case) -> list[str]:
    """Return the events of a case that are about its mail."""
    return [event.kind for event in await shared.house.stores.cases.history(case.id) if event.kind.startswith("notice.")]


def parsed(message: bytes) -> EmailMessage:
    """Return a mail as its reader's program sees it."""
    return email.message_from_bytes(message, policy=email.policy.default)


async def test_sent_once(shared: Bench) -> None:
    """What is queued goes out once, to the right people, is marked and noted in the history; nothing is left to do."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    relay = Relay()
    with capture_logs() as events:
        assert [await sender(shared, relay).send_due() for _ in range(2)] == [2, 0]
    assert {recipient for recipient, _ in relay.taken} == {DEPARTMENT, enterprise.address}
    assert await states(shared, case) == {Purpose.ASSIGN: NoticeState.SENT, Purpose.ACKNOWLEDGE: NoticeState.SENT}
    assert await sendings(shared, case) == ["notice.sent", "notice.sent"]
    assert await shared.house.stores.cases.verify(case.id) == []
    assert [event["event"] for event in events] == ["notice.sent", "notice.sent"]


async def test_department_gets_the_original_byte_for_byte(shared: Bench) -> None:
    """The department's mail carries the petition as it came; the enterprise's answer carries nothing of it and names its own mail."""
    enterprise = Enterprise()
    raw = enterprise.mail(subject="关于发票增量的反映")
    case = (await shared.take(raw)).case
    assert case is not None
    relay = Relay()
    await sender(shared, relay).send_due()
    (attached,) = parsed(relay.to(DEPARTMENT)[0]).iter_attachments()
    assert attached.get_content() == raw
    answer = parsed(relay.to(enterprise.address)[0])
    assert list(answer.iter_attachments()) == []
    assert answer["In-Reply-To"] == parsed(raw)["Message-ID"]
    assert answer["Auto-Submitted"] == "auto-replied"


async def test_deferred_is_sent_later_with_the_same_bytes(shared: Bench) -> None:
    """A relay that says "later" gets the same mail later: same Message-ID, same bytes, not before the pause is over; the others do not wait."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    relay = Relay({DEPARTMENT: [DeliveryDeferredError("暂不接收：451 4.7.1 greylisted")]})
    carrying = sender(shared, relay)
    assert await carrying.send_due() == 2
    assert len(relay.to(enterprise.address)) == 1
    waiting = await shared.notice(case, Purpose.ASSIGN)
    assert (waiting.state, waiting.tries, waiting.problem) == (NoticeState.QUEUED, 1, "暂不接收：451 4.7.1 greylisted")
    assert waiting.next_try_at is not None
    shared.clock.now = waiting.next_try_at - timedelta(seconds=1)
    assert await carrying.send_due() == 0
    shared.clock.now = waiting.next_try_at
    assert await carrying.send_due() == 1
    first, second = [message for recipient, message in relay.tried if recipient == DEPARTMENT]
    assert first == second
    assert parsed(second)["Message-ID"] == f"<{waiting.message_id}>"
    settled = await shared.notice(case, Purpose.ASSIGN)
    assert (settled.state, settled.problem) == (NoticeState.SENT, "")


async def test_refused_stays_visible(shared: Bench) -> None:
    """A mailbox that does not exist is not tried again; the refusal stands in the outbox and in the history, and the others are sent."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    relay = Relay({enterprise.address: [DeliveryRefusedError("邮件服务器拒收：550 5.1.1 no such user")]})
    await sender(shared, relay).send_due()
    shared.clock.advance(LONGEST)
    assert await sender(shared, relay).send_due() == 0
    assert await states(shared, case) == {Purpose.ASSIGN: NoticeState.SENT, Purpose.ACKNOWLEDGE: NoticeState.REFUSED}
    (listed,) = await shared.house.stores.outbox.list(case_id=case.id, state=NoticeState.REFUSED)
    assert listed.problem == "邮件服务器拒收：550 5.1.1 no such user"
    assert sorted(await sendings(shared, case)) == ["notice.refused", "notice.sent"]
    assert await shared.house.stores.cases.verify(case.id) == []


async def test_a_department_that_the_relay_does_not_know_is_told_to_the_coordinator(shared: Bench) -> None:
    """The address is marked dead and the coordinator has a mail, once, in the transaction of the refusal; its own refusal tells nobody."""
    case = await shared.opened()
    address = office(case.department or "")
    gone = AddressRefusedError("邮件服务器拒收：550 5.1.1 no such user", status="5.1.1")
    relay = Relay({address: [gone, gone], COORDINATOR: [gone]})
    await sender(shared, relay).send_due()
    stores = shared.house.stores
    assert [trouble.is_dead for trouble in await stores.addresses.list() if trouble.address == address] == [True]
    (word,) = [one for one in await shared.notices(case) if one.notice.round.startswith("undelivered.")]
    assert word.notice.to.address == COORDINATOR
    assert f"（{address}）的邮件没有送达：邮件服务器拒收：550 5.1.1 no such user" in word.notice.text
    await sender(shared, relay).send_due()
    await stores.outbox.retry((await shared.notice(case, Purpose.ASSIGN)).id, shared.clock())
    await sender(shared, relay).send_due()
    found = [one for one in await shared.notices(case) if one.notice.round.startswith("undelivered.")]
    assert [(one.id, one.state) for one in found] == [(word.id, NoticeState.REFUSED)]
    assert await stores.cases.verify(case.id) == []
    await stores.addresses.heard_from("chenggong", address)
    await stores.addresses.heard_from("chenggong", COORDINATOR)


async def test_retry_by_a_person_sends_the_same_mail(shared: Bench) -> None:
    """Once the person has mended the address's trouble, the refused mail goes out under its own Message-ID."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    relay = Relay({enterprise.address: [DeliveryRefusedError("拒收")]})
    await sender(shared, relay).send_due()
    await shared.house.stores.outbox.retry((await shared.notice(case, Purpose.ACKNOWLEDGE)).id, shared.clock())
    assert await sender(shared, relay).send_due() == 1
    first, second = [message for recipient, message in relay.tried if recipient == enterprise.address]
    assert first == second
    assert sorted(await sendings(shared, case)) == ["notice.refused", "notice.sent", "notice.sent"]


async def test_given_up_after_every_pause(shared: Bench) -> None:
    """A relay that is down for days is tried nine times with growing pauses; then the mail is given up, visibly."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    relay = Relay({enterprise.address: [DeliveryDeferredError("连不上")] * 99})
    carrying = sender(shared, relay)
    began, moments = shared.clock(), []
    with capture_logs() as events:
        while (queued := await shared.notice(case, Purpose.ACKNOWLEDGE)).state is NoticeState.QUEUED:
            assert queued.next_try_at is not None
            shared.clock.now = queued.next_try_at
            moments.append(shared.clock() - began)
            await carrying.send_due()
    assert len(moments) == len(PAUSES) == 9
    assert moments[-1] >= sum(PAUSES, timedelta())
    assert (queued.state, queued.problem) == (NoticeState.REFUSED, "多次发送未成，已停止尝试：连不上")
    assert [event["event"] for event in events].count("notice.given_up") == 1
    assert len({message for recipient, message in relay.tried if recipient == enterprise.address}) == 1
    assert "notice.refused" in await sendings(shared, case)


async def test_crash_between_send_and_mark_says_the_same_again(shared: Bench) -> None:
    """Where the mark could not be written the mail is sent once more after the lease, byte for byte, and noted once."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    relay = Relay()
    with capture_logs() as events:
        assert await sender(shared, relay, outbox=forgetful(shared)).send_due() == 2
    assert [event["event"] for event in events].count("notice.left") == 1
    another = sender(shared, relay)  # for that one is dead
    shared.clock.advance(LEASE - timedelta(seconds=1))
    assert await another.send_due() == 0
    shared.clock.advance(timedelta(seconds=1))
    assert await another.send_due() == 1
    assert len(relay.taken) == 3
    assert len(set(relay.taken)) == 2
    assert await sendings(shared, case) == ["notice.sent", "notice.sent"]


async def test_database_away_at_the_mark_sends_nothing_twice(shared: Bench) -> None:
    """A service that lives on notes what has left as soon as the database answers, and sends it no second time."""
    case = await shared.opened()
    relay = Relay()
    carrying = sender(shared, relay, outbox=forgetful(shared))
    assert await carrying.send_due() == 2
    assert NoticeState.QUEUED in (await states(shared, case)).values()
    assert await carrying.send_due() == 0
    assert set((await states(shared, case)).values()) == {NoticeState.SENT}
    assert len(relay.taken) == 2


async def test_database_away_before_the_send_costs_no_wait(shared: Bench) -> None:
    """A notice whose original could not be read is free again at once, not only when its claim has run out."""
    case = await shared.opened()
    relay = Relay()

    class Away(Arrivals):
        failures = 1

        async def raw(self, arrival_id: int) -> bytes:
            if self.failures:
                self.failures -= 1
                raise StoreUnavailableError("数据库被占用")
            return await super().raw(arrival_id)

    carrying = sender(shared, relay, arrivals=Away(shared.house.stores.database))
    await carrying.send_due()
    assert NoticeState.QUEUED in (await states(shared, case)).values()
    assert await carrying.send_due() == 1
    assert set((await states(shared, case)).values()) == {NoticeState.SENT}
    assert len(set(relay.taken)) == 2


async def test_service_that_was_away_too_long_sends_nothing(shared: Bench) -> None:
    """Between claim and send the lease was lost, as when the process was stopped: another one may be sending, so this one does not."""
    case = await shared.opened()
    relay = Relay()
    async with open_leases(shared.house.stores.database, "stopped") as leases:

        class Slow(Outbox):
            async def claim_due(self, **asked: Any) -> list[QueuedNotice]:
                claimed = await super().claim_due(**asked)
                leases._life.end()
                return claimed

        with capture_logs() as events:
            await sender(
                shared, relay, outbox=Slow(shared.house.stores.database, domain="example.org", key=b"invented"), leases=leases
            ).send_due()
    assert relay.taken == []
    assert {event["event"] for event in events} == {"notice.left"}
    assert set((await states(shared, case)).values()) == {NoticeState.QUEUED}


async def test_start_sends_at_once_what_an_earlier_life_left(shared: Bench) -> None:
    """A daemon that died behind a send repeats it when it starts, without waiting for the lease: same bytes, noted once."""
    case = await shared.opened()
    relay = Relay()
    async with open_leases(shared.house.stores.database, "bench") as earlier:
        await sender(shared, relay, outbox=forgetful(shared), leases=earlier).send_due()
    stop = asyncio.Event()

    class UntilQuiet(Outbox):
        async def claim_due(self, **asked: Any) -> list[QueuedNotice]:
            claimed = await super().claim_due(**asked)
            if not claimed:
                stop.set()
            return claimed

    async with asyncio.timeout(PATIENCE_S), open_leases(shared.house.stores.database, "bench") as leases:
        outbox = UntilQuiet(shared.house.stores.database, domain="example.org", key=b"invented")
        await sender(shared, relay, outbox=outbox, leases=leases).run(stop)
    assert (len(relay.taken), len(set(relay.taken))) == (3, 2)
    assert await sendings(shared, case) == ["notice.sent", "notice.sent"]


async def test_bug_in_one_mail_does_not_stop_the_others(shared: Bench) -> None:
    """A mail over which our own code fails is put off like any other; the rest goes out."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    relay = Relay({DEPARTMENT: [ZeroDivisionError()]})  # the first try only
    with capture_logs() as events:
        await sender(shared, relay).send_due()
    assert await states(shared, case) == {Purpose.ASSIGN: NoticeState.QUEUED, Purpose.ACKNOWLEDGE: NoticeState.SENT}
    assert (await shared.notice(case, Purpose.ASSIGN)).problem == "程序内部错误（ZeroDivisionError）"
    assert "notice.failed" in [event["event"] for event in events]
    shared.clock.advance(LONGEST)
    await sender(shared, relay).send_due()
    assert (await shared.notice(case, Purpose.ASSIGN)).state is NoticeState.SENT


async def test_mail_of_a_district_no_longer_configured_waits(shared: Bench) -> None:
    """Nobody knows in whose name such a mail would go, so it waits, and its problem says why."""
    case = await shared.opened()
    await sender(shared, Relay(), senders={}).send_due()
    waiting = await shared.notice(case, Purpose.ASSIGN)
    assert (waiting.state, waiting.problem) == (NoticeState.QUEUED, "配置里没有区 chenggong，不知道以谁的名义发出")


async def test_held_back_by_the_cap_is_sent_on_a_persons_word_only(shared: Bench) -> None:
    """A notice above the cap is never sent by itself; the operator's retry overrules."""
    enterprise = Enterprise()
    for number in range(11):
        last = await shared.opened(enterprise=enterprise, subject=f"{number}号门店发票增量未办")
    held = await shared.notice(last, Purpose.ACKNOWLEDGE)
    assert held.state is NoticeState.SUPPRESSED
    relay = Relay()
    while await sender(shared, relay).send_due():
        pass
    assert len(relay.to(enterprise.address)) == 10
    await shared.house.stores.outbox.retry(held.id, shared.clock())
    assert await sender(shared, relay).send_due() == 1
    assert len(relay.to(enterprise.address)) == 11


async def test_store_away_sends_nothing_and_tries_again(shared: Bench) -> None:
    """A claim that fails ends nothing: the sender says so and goes on with the next."""

    class Away(Outbox):
        async def claim_due(self, **_asked: Any) -> list[QueuedNotice]:
            raise StoreUnavailableError("数据库被占用")

    with capture_logs() as events:
        assert (
            await sender(shared, Relay(), outbox=Away(shared.house.stores.database, domain="example.org", key=b"invented")).send_due() == 0
        )
    assert events == [{"event": "store.unavailable", "part": "sender", "error": "数据库被占用", "log_level": "warning"}]


async def test_slow_mail_does_not_hold_up_its_neighbour(shared: Bench) -> None:
    """Two connections carry two mails at the same time: the one that waits ends only because the other went through."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    other_went_through = asyncio.Event()

    class Slow(Relay):
        async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
            if recipient == DEPARTMENT:
                await other_went_through.wait()
            reply = await super().send(message, sender=sender, recipient=recipient, envelope_id=envelope_id)
            other_went_through.set()
            return reply

    async with asyncio.timeout(PATIENCE_S):
        await sender(shared, Slow()).send_due()
    assert set((await states(shared, case)).values()) == {NoticeState.SENT}


async def test_stop_finishes_what_is_in_hand(shared: Bench) -> None:
    """Asked to stop in the middle of a mail, the sender ends it, marks it, and takes no further one."""
    first, second = await shared.opened(), await shared.opened()
    stop = asyncio.Event()

    class Stopping(Relay):
        async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
            stop.set()
            return await super().send(message, sender=sender, recipient=recipient, envelope_id=envelope_id)

    async with asyncio.timeout(PATIENCE_S):
        await sender(shared, Stopping(), at_once=1).run(stop)
    found = [*(await states(shared, first)).values(), *(await states(shared, second)).values()]
    assert sorted(found) == [NoticeState.QUEUED] * 3 + [NoticeState.SENT]


async def test_over_a_real_relay(shared: Bench) -> None:
    """Over SMTP: 451 waits and comes again as the same mail, 550 is final, the connection serves the next."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    replies = {DEPARTMENT: ["451 4.3.0 later", "250 OK"], enterprise.address: ["550 5.1.1 no such user"]}
    async with sink() as relay:
        relay.answer = lambda recipient: replies[recipient].pop(0)
        transport = SmtpTransport(host="127.0.0.1", port=relay.port, security="none")
        try:
            await sender(shared, transport).send_due()
            shared.clock.advance(LONGEST)
            assert await sender(shared, transport).send_due() == 1
        finally:
            await transport.close()
    assert await states(shared, case) == {Purpose.ASSIGN: NoticeState.SENT, Purpose.ACKNOWLEDGE: NoticeState.REFUSED}
    assert relay.envelopes == [(MAILBOX, DEPARTMENT)]
    assert relay.ids() == {f"<{(await shared.notice(case, Purpose.ASSIGN)).message_id}>"}
    assert "550 5.1.1 no such user" in (await shared.notice(case, Purpose.ACKNOWLEDGE)).problem


async def test_folder_that_cannot_be_written_is_tried_again(shared: Bench, tmp_path: Path) -> None:
    """In a trial run a folder in the way of the mail is trouble that may pass: the mail waits."""
    case = await shared.opened()
    (tmp_path / "outgoing").write_text("a file", encoding="utf-8")
    await sender(shared, FolderTransport(tmp_path / "outgoing")).send_due()
    waiting = await shared.notice(case, Purpose.ASSIGN)
    assert waiting.state is NoticeState.QUEUED
    assert str(tmp_path / "outgoing") in waiting.problem

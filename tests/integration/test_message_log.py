"""The log of one message: everything that happened to it, in the order of time, from what the house keeps anyway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from daemon.cli import mail
from store import message_log
from store.errors import DeliveryDeferredError, DeliveryRefusedError, TemporaryError, UsageError
from store.message_log import Step
from store.model.arrival import Arrival, Channel
from store.model.notice import NoticeState, Purpose
from store.tries import _LONGEST, _MOST
from tests.integration.houses import MAILBOX, Bench, Enterprise, bench, failing, office
from tests.integration.test_sending import Relay, sender

DEPARTMENT = office("swj")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house() -> AsyncIterator[Bench]:
    """One house for the module."""
    async with bench() as opened:
        yield opened


async def log(house: Bench, key: str) -> tuple[Step, ...]:
    """Return the steps of *key*."""
    return (await message_log.read(house.house.stores.database, key)).steps


@pytest.mark.asyncio(loop_scope="module")
async def test_whole_way_of_a_petition(house: Bench) -> None:
    """From the door to the relay's answer, in the order of time, each with who said what: what fails again and again is one line."""
    while await sender(house, Relay({}), at_once=20).send_due():  # what the others left would take the answers meant for this one
        house.clock.advance(timedelta(hours=2))
    enterprise = Enterprise()
    raw = enterprise.mail(Message_ID_2="x").replace(b"Message-ID-2: x", b"X-Test: x")
    raw = b"Received: from gate.example by mx.example (Postfix)\n\twith LMTP id 4F2C1A0B\n\tfor <x@y.example>;\n" + raw
    arrival_id = await house.accept(raw)
    assert await house.accept(raw) == arrival_id
    await house.run(reader=failing(house, {arrival_id: [TemporaryError("磁盘忙"), TemporaryError("磁盘忙")]}))
    number = (await message_log.read(house.house.stores.database, f"A-{arrival_id}")).case
    assert number is not None
    case = await house.house.stores.cases.get(number)
    busy = [DeliveryDeferredError("451 请稍后"), DeliveryDeferredError("451 请稍后"), DeliveryDeferredError("连不上")]
    relay = Relay({DEPARTMENT: [*busy], enterprise.address: [DeliveryRefusedError("550 5.1.1 no such user")]})
    for _ in range(5):
        house.clock.advance(timedelta(hours=2))
        await sender(house, relay, at_once=20).send_due()
    steps = await log(house, case.number)

    assert [step.kind for step in steps if not step.kind.startswith("notice.")] == [
        *("arrival.accepted", "arrival.repeated", "arrival.postponed", "case.opened", "case.decided"),
    ]
    accepted, repeated, postponed = steps[:3]
    assert (accepted.about["queue_id"], accepted.about["size"]) == ("4F2C1A0B", len(raw))
    assert (accepted.about["envelope_from"], accepted.about["envelope_to"]) == ("office@enterprise.example", [MAILBOX])
    assert (repeated.about["door"], postponed.words, postponed.about["times"]) == ("smtp", "磁盘忙", 2)
    (assign,) = [step for step in steps if step.kind == "notice.queued" and step.about["purpose"] == "assign"]
    mine = [step for step in steps if step.about.get("notice") == assign.about["notice"]]
    assert [(step.kind, step.words, step.about.get("times", 1)) for step in mine] == [
        ("notice.queued", "", 1),
        ("notice.deferred", "451 请稍后", 2),
        ("notice.deferred", "连不上", 1),
        ("notice.sent", "250 2.0.0 Ok: queued", 1),
    ]
    (refused,) = [step for step in steps if step.kind == "notice.refused"]
    assert refused.words == "550 5.1.1 no such user"
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert await log(house, f"a-{arrival_id}") == await log(house, str(arrival_id)) == steps
    named = (await house.arrival(arrival_id)).message_id
    assert await log(house, f"<{named}>") == steps
    assert await log(house, str(assign.about["message_id"])) == steps

    told = repr(steps)
    for word in (enterprise.name, enterprise.phone, enterprise.person, "增值税", "有关情况的反映"):
        assert word not in told


@pytest.mark.asyncio(loop_scope="module")
async def test_what_opened_no_case(house: Bench) -> None:
    """An automatic answer has its decision and no case; what was quarantined and put back by a person says so, and by which reason."""
    arrival_id = await house.accept(Enterprise().mail(Auto_Submitted="auto-replied"))
    arrivals = house.house.stores.arrivals
    house.clock.advance(timedelta(minutes=1))
    await arrivals.quarantine(arrival_id, "邮件嵌套超过 600 层", house.clock())
    house.clock.advance(timedelta(minutes=1))
    await arrivals.retry(arrival_id, house.clock())
    await house.run()
    found = await message_log.read(house.house.stores.database, f"A-{arrival_id}")
    assert found.case is None
    assert [(step.kind, step.words) for step in found.steps] == [
        ("arrival.accepted", ""),
        ("arrival.quarantined", "邮件嵌套超过 600 层"),
        ("arrival.retried", ""),
        ("arrival.decided", ""),
    ]
    assert found.steps[-1].about["verdict"] == "not_a_case"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("door", ["imap", "smtp"])
async def test_sender_that_nobody_named(house: Bench, door: str) -> None:
    """A mailbox knows no envelope: an empty one is not shown as that of a bounce, and the author is the one in the mail."""
    raw = Enterprise().mail()
    arrival = Arrival(
        district="chenggong",
        channel=Channel.MAIL,
        door=door,
        source_key=f"{door}:坐诊信箱/INBOX/7/12:{'ab' * 32}",
        content_key=f"{door}:author",
        message_id="",
        envelope_from="",
        envelope_to=(MAILBOX,),
        received_at=house.clock(),
        raw=raw,
    )
    (receipt,) = await house.house.stores.arrivals.accept([arrival])
    found = await message_log.read(house.house.stores.database, f"A-{receipt.arrival_id}", author=lambda head: head[:5].decode())
    about = found.steps[0].about
    assert ("envelope_from" in about) is (door == "smtp")
    assert about["author"] == "From:"
    line = mail._line(found.steps[0])
    assert ("信封发件人 <>" in line) is (door == "smtp")
    assert ("邮箱中的位置 坐诊信箱/INBOX/7/12，摘要 abababababab…" in line) is (door == "imap")
    assert mail._author(raw) == raw.split(b"<", 1)[1].split(b">", 1)[0].decode()
    await house.run()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("key", ["A-99999", "99999", "nobody@enterprise.example", "CG-1999-00001", "<>@", "'; DROP TABLE arrivals; --"])
async def test_key_of_nothing(house: Bench, key: str) -> None:
    """What names nothing is told in words."""
    with pytest.raises(UsageError, match="没有"):
        await log(house, key)


@pytest.mark.asyncio(loop_scope="module")
async def test_log_stays_bounded(house: Bench) -> None:
    """Tries that alternate for ever fill no disk: a hundred rows of a notice are kept, and of a relay's speech five hundred characters."""
    case = await house.opened()
    notice = await house.notice(case, Purpose.ASSIGN)
    outbox = house.house.stores.outbox
    for number in range(_MOST + 20):
        await outbox.deferred(notice.id, f"{number} " + "长" * 2 * _LONGEST, house.clock(), house.clock())
    kept = [step for step in await log(house, case.number) if step.kind == "notice.deferred"]
    assert len(kept) == _MOST
    assert {len(step.words) for step in kept} == {_LONGEST}
    await outbox.sent(notice.id, house.clock(), reply="250 ok")
    assert (await outbox.get(notice.id)).state is NoticeState.SENT


@pytest.mark.parametrize(
    ("head", "queue_id"),
    [
        (b"Received: from a by b (Postfix) with ESMTP id 4Xy\r\n", ""),  # too short for anybody's number
        (b"Received: from a by b (Coremail) with SMTP id AQAAfwD3_1.2-3;\r\n", "AQAAfwD3_1.2-3"),
        (b"RECEIVED: from a\r\n by b\r\n\tID 4F2C1A0B;\r\nReceived: x id WRONG0\r\n", "4F2C1A0B"),
        (b"Received: from a by b; x\r\nReceived: by c id 4F2C1A0B\r\n", ""),
        (b"From: id 4F2C1A0B\r\n", ""),
        (b"", ""),
    ],
)
def test_queue_id(head: bytes, queue_id: str) -> None:
    """The number by which the server before us knew the message stands in its own trace line, the uppermost, and nowhere else."""
    assert message_log._queue_id(head) == queue_id

"""Claims that were committed while their answer was lost with the connection: nobody knows of them, and yet nothing stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from channels.reader import PLAIN_CALL, Reader
from daemon.pipeline import LEASE
from daemon.sending import Sender
from store.arrivals import Arrivals
from store.errors import StoreUnavailableError
from store.model.arrival import ArrivalState, StoredArrival
from store.model.letter import Address
from store.model.notice import NoticeState, QueuedNotice
from store.model.petition import CallShape, Reading
from store.outbox import Outbox
from tests.integration.houses import MAILBOX, PATIENCE_S, Attended, Bench, Enterprise, bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE = StoreUnavailableError("与数据库服务器的连接断了")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database; every test leaves nothing undecided."""
    async with bench(module_database_url) as opened:
        yield opened


async def test_claimed_arrivals_are_worked_on_all_the_same(shared: Bench) -> None:
    """The daemon that claimed arrivals without hearing of it takes them again at once, not when its claim has run out."""
    arrivals = sorted([await shared.accept(Enterprise().mail()) for _ in range(3)])
    stop, lost = asyncio.Event(), list[int]()

    class Unheard(Attended):
        async def claim(self, **asked: Any) -> list[StoredArrival]:
            claimed = await super().claim(**asked)
            if not lost:
                lost.extend(arrival.id for arrival in claimed)
                pipeline.wake()  # in place of the poll
                raise GONE
            return claimed

    pipeline = shared.pipeline(arrivals=Unheard(shared.house, shared.clock, stop, 4))
    began = shared.clock()
    with capture_logs() as events:
        async with asyncio.timeout(PATIENCE_S):
            await pipeline.run(stop)
    assert sorted(lost) == arrivals
    assert [await shared.state(arrival) for arrival in arrivals] == [ArrivalState.DONE] * 3
    assert shared.clock() - began < LEASE
    assert [event for event in events if event["event"] != "arrival.decided"] == [
        {"event": "store.unavailable", "part": "pipeline", "error": str(GONE), "log_level": "warning"},
        {"event": "claim.released", "part": "pipeline", "count": 3, "log_level": "info"},
    ]


async def test_what_is_in_hand_is_not_taken_twice(shared: Bench) -> None:
    """Freeing what nobody knows of leaves alone the arrival that is being read meanwhile."""
    slow = await shared.accept(Enterprise().mail())
    stop, claims, decided = asyncio.Event(), list[list[int]](), list[int]()
    gate = _Gate(shared.house.pipeline._reader, slow)

    class Unheard(Arrivals):
        async def claim(self, **asked: Any) -> list[StoredArrival]:
            claimed = await super().claim(**asked)
            if claimed:
                claims.append([arrival.id for arrival in claimed])
            if len(claims) == 2 and claimed:
                pipeline.wake()
                raise GONE
            return claimed

    def recorded(arrival: StoredArrival, _outcome: object) -> None:
        decided.append(arrival.id)
        gate.opened.set()
        if len(decided) == 2:
            stop.set()

    pipeline = shared.pipeline(arrivals=Unheard(shared.house.stores.database), reader=gate)
    pipeline.on_recorded(recorded)
    with capture_logs():
        async with asyncio.timeout(PATIENCE_S):
            running = asyncio.create_task(pipeline.run(stop))
            await gate.reached.wait()
            other = await shared.accept(Enterprise().mail())
            pipeline.wake()
            await running
    assert claims == [[slow], [other], [other]]
    assert decided == [other, slow]


async def test_claimed_notices_are_sent_all_the_same(shared: Bench) -> None:
    """The same holds of notices: they leave with the next round, each once."""
    case = await shared.opened()
    relay = _Relay()

    class Unheard(Outbox):
        is_lost = False

        async def claim_due(self, **asked: Any) -> list[QueuedNotice]:
            claimed = await super().claim_due(**asked)
            if not self.is_lost:
                self.is_lost = True
                raise GONE
            return claimed

    sender = Sender(
        outbox=Unheard(shared.house.stores.database, domain="example.org", key=b"invented"),
        arrivals=shared.house.stores.arrivals,
        transport=relay,
        senders={"chenggong": Address(name="坐诊接诉", address=MAILBOX)},
        offices=shared.house.rooms,
        now=shared.clock,
        leases=shared.house.leases,
        at_once=50,
        max_original=1 << 20,
    )
    queued = {notice.message_id for notice in await shared.house.stores.outbox.list(state=NoticeState.QUEUED)}
    with capture_logs() as events:
        assert [await sender.send_due() for _ in range(3)] == [0, len(queued), 0]
    assert sorted(relay.taken) == sorted(queued)
    assert {notice.state for notice in await shared.notices(case)} == {NoticeState.SENT}
    assert [event for event in events if event["event"] != "notice.sent"] == [
        {"event": "store.unavailable", "part": "sender", "error": str(GONE), "log_level": "warning"},
        {"event": "claim.released", "part": "sender", "count": len(queued), "log_level": "info"},
    ]


class _Gate(Reader):
    """A reader that holds one arrival back until it is opened."""

    def __init__(self, real: Reader, held: int) -> None:
        self._real, self._held = real, held
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def read(self, arrival: StoredArrival, shape: CallShape = PLAIN_CALL) -> Reading:
        if arrival.id == self._held:
            self.reached.set()
            await self.opened.wait()
        return await self._real.read(arrival, shape)


class _Relay:
    """A way out that remembers the Message-IDs it took."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def send(self, message: bytes, *, sender: str, recipient: str, envelope_id: str = "") -> str:
        del message, sender, recipient
        self.taken.append(envelope_id)
        return "250 2.0.0 Ok: queued"

    async def close(self) -> None:
        """Nothing to close."""

"""Records of other platforms in either database: every version kept, nothing twice, in order, and found by what comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from channels.platform_petition import petition_of
from store.arrivals import Arrivals
from store.errors import RepeatedKeyError, UsageError
from store.matching import Matching
from store.model.arrival import ArrivalState
from store.model.matching import PlatformStatus
from store.model.platforms import BadRow, Batch, GoodRow, Handed, KeptBatch, PlatformRecord
from store.platforms import Platforms, Taken
from tests.integration.store_values import DISTRICT, LEASE, NOW, Store, found, opened, petition

ACCEPTED, PENDING, CLOSED, REFUSED = PlatformStatus.ACCEPTED, PlatformStatus.PENDING, PlatformStatus.CLOSED, PlatformStatus.REFUSED


def record(number: str = "1", status: PlatformStatus = ACCEPTED, **changes: object) -> PlatformRecord:
    """Return a record; *changes* go to its fields."""
    usual: dict[str, object] = {
        "platform": "12345",
        "number": number,
        "status": status,
        "status_words": status.value,
        "name": f"昆明青岚{number}花卉有限公司",
        "uscc": "",
        "contact": "尹先生",
        "phone": f"1380000{int(number):04d}",
        "address": "",
        "title": "补贴未拨付",
        "content": f"补贴未到账 {number}",
        "department": "",
        "reported_at": NOW,
        "changed_at": None,
        "cells": {"工单编号": number},
    }
    return PlatformRecord(**{**usual, **changes})  # type: ignore[arg-type]  # the test names fields of the record


@dataclass(slots=True)
class Bench:
    """A store, and the records in it."""

    store: Store
    platforms: Platforms
    now: datetime = NOW
    _count: int = field(default=0)

    async def keep(self, *records: PlatformRecord, key: str = "", raw: bytes = b"file", bad: Sequence[BadRow] = ()) -> int:
        """Keep a batch of *records* and return its id."""
        self._count += 1
        good = tuple(GoodRow(place=place, record=one) for place, one in enumerate(records, 2))
        batch = Batch(form="CSV", columns={}, unread=(), good=good, bad=tuple(bad))
        handed = Handed(
            district=DISTRICT.id, platform="12345", door="folder", key=key or f"k{self._count}", name="a.csv", peer="", raw=raw, batch=batch
        )
        return (await self.platforms.keep(handed, self.now)).arrival_id

    async def take(self, batch_id: int, *, piece: int = 100) -> KeptBatch:
        """Take all rows of a batch and return what became of them."""
        while (pending := await self.platforms.pending(batch_id)).rows:
            rows = [(row, petition_of(row.record)) for row in pending.rows[:piece]]
            assert await self.platforms.take(batch_id, pending.at, rows, self.now) is not None
        return await self.platforms.batch(batch_id)

    async def tell(self, *records: PlatformRecord) -> KeptBatch:
        """Keep and take a batch."""
        self.now += timedelta(days=1)
        return await self.take(await self.keep(*records))


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """Give a fresh store."""
    async with opened(database_url) as store:
        yield Bench(store, Platforms(store.db))


def counts(batch: KeptBatch) -> tuple[int, int, int, int, int]:
    """Return how many rows were new, changed, the same, out of date, and went back."""
    return batch.added, batch.changed, batch.same, batch.older, batch.turned_back


async def test_rows_become_records_and_arrivals(bench: Bench) -> None:
    """Each new row is a record and an arrival with the row as its bytes; the batch is kept as it came."""
    batch = await bench.tell(record("1"), record("2", PENDING))

    assert counts(batch) == (2, 0, 0, 0, 0)
    assert batch.is_done
    assert await bench.platforms.content(batch.id) == b"file"
    two, one = await bench.platforms.records()
    assert [(kept.number, kept.status, kept.name) for kept in (one, two)] == [
        ("1", ACCEPTED, "昆明青岚1花卉有限公司"),
        ("2", PENDING, "昆明青岚2花卉有限公司"),
    ]
    claimed = await bench.store.arrivals.claim(owner="a", now=bench.now, limit=5, lease=LEASE)
    assert [(arrival.channel.value, arrival.door, arrival.state) for arrival in claimed] == [
        ("platform", "folder", ArrivalState.ACCEPTED)
    ] * 2
    assert '"工单编号":"1"' in claimed[0].raw.decode()


async def test_the_same_rows_again_leave_no_trace(bench: Bench) -> None:
    """A daily export with nothing new makes no arrivals and no versions."""
    await bench.tell(record("1"))
    batch = await bench.tell(record("1"), record("1", cells={"another column": "x"}))

    assert counts(batch) == (0, 0, 2, 0, 0)
    assert await bench.store.arrivals.undecided_count() == 1
    assert [version.version for version in (await bench.platforms.record("1")).versions] == [1]


async def test_a_status_that_goes_back_is_a_change_and_flagged(bench: Bench) -> None:
    """Closed, then pending again: the record says what the platform says now, and the way back stays visible."""
    for status in (ACCEPTED, CLOSED, PENDING, ACCEPTED):
        await bench.tell(record("1", status))

    kept = await bench.platforms.record("1")
    assert kept.status is ACCEPTED
    assert [(version.status, version.turned_from) for version in kept.versions] == [
        (ACCEPTED, None),
        (PENDING, CLOSED),
        (CLOSED, None),
        (ACCEPTED, None),
    ]
    assert [one.number for one in await bench.platforms.records(turned_only=True)] == ["1"]
    assert [batch.turned_back for batch in await bench.platforms.batches()] == [0, 1, 0, 0]
    assert await bench.store.arrivals.undecided_count() == 4


async def test_an_earlier_state_does_not_overtake(bench: Bench) -> None:
    """Where the platform says when a record changed, an old export that comes late changes nothing."""
    await bench.tell(record("1", CLOSED, changed_at=datetime(2024, 9, 10, tzinfo=UTC)))
    batch = await bench.tell(record("1", ACCEPTED, changed_at=datetime(2024, 9, 9, tzinfo=UTC)))

    assert counts(batch) == (0, 0, 0, 1, 0)
    assert (await bench.platforms.record("1")).status is CLOSED


async def test_one_number_twice_in_a_file(bench: Bench) -> None:
    """Rows count in their order."""
    batch = await bench.tell(record("1", PENDING), record("1", ACCEPTED))

    assert counts(batch) == (1, 1, 0, 0, 0)
    assert [version.place for version in (await bench.platforms.record("1")).versions] == [3, 2]


async def test_a_batch_is_kept_once_under_its_key(bench: Bench) -> None:
    """The same file again is the same batch; the same key with other bytes is refused."""
    first = await bench.keep(record("1"), key="k", raw=b"one")
    assert await bench.keep(record("1"), key="k", raw=b"one") == first
    with pytest.raises(RepeatedKeyError, match=f"第 {first} 批"):
        await bench.keep(record("1"), key="k", raw=b"two")
    assert len(await bench.platforms.batches()) == 1


async def test_a_piece_is_taken_once(bench: Bench) -> None:
    """Two services at one batch: the second finds the piece taken and writes nothing."""
    batch_id = await bench.keep(*(record(str(number)) for number in range(1, 6)))
    pending = await bench.platforms.pending(batch_id)
    rows = [(row, petition_of(row.record)) for row in pending.rows[:3]]
    outcomes: list[Taken | None] = list(await asyncio.gather(*(bench.platforms.take(batch_id, 0, rows, bench.now) for _ in range(2))))

    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    assert counts(await bench.take(batch_id, piece=1)) == (5, 0, 0, 0, 0)
    assert await bench.store.arrivals.undecided_count() == 5


async def test_batches_are_taken_in_order(bench: Bench) -> None:
    """Only the oldest batch with rows left is offered, so that none overtakes an earlier one."""
    first = await bench.keep(record("1", PENDING))
    second = await bench.keep(record("1", ACCEPTED))
    assert [batch.id for batch in await bench.platforms.open_batches()] == [first]
    await bench.take(first)
    assert [batch.id for batch in await bench.platforms.open_batches()] == [second]
    await bench.take(second)
    assert await bench.platforms.open_batches() == []


async def test_bad_rows_are_kept_with_the_batch(bench: Bench) -> None:
    """What could not be taken is listed with row and column, also where no row was good."""
    bad = BadRow(place=7, column="状态", cell="？", problem="不认识这个状态")
    batch_id = await bench.keep(bad=[bad])
    await bench.tell(record("1"))

    (listed,) = await bench.platforms.batches(bad_only=True)
    assert (listed.id, listed.bad, listed.is_done) == (batch_id, (bad,), True)


async def test_unknown_things_are_told(bench: Bench) -> None:
    """A number, a batch that is not there: words and the next step."""
    with pytest.raises(UsageError, match="没有编号为 9 的平台记录"):
        await bench.platforms.record("9")
    with pytest.raises(UsageError, match="没有第 9 批"):
        await bench.platforms.batch(9)
    with pytest.raises(UsageError, match="没有第 9 批"):
        await bench.platforms.content(9)
    assert await bench.platforms.of_arrival(9) is None


async def test_a_petition_finds_the_record_as_it_stands_now(bench: Bench) -> None:
    """What comes in finds the record by its enterprise, with the status told last; an enterprise it no longer names is forgotten."""
    await bench.tell(record("1", PENDING))
    await bench.tell(record("1", ACCEPTED, phone="13912345678"))
    matching = Matching(bench.store.db)

    (candidate,), _ = await matching.candidates(DISTRICT, petition("9", phone=found("13912345678")), exclude_arrival=0)
    assert candidate.elsewhere is not None
    assert (candidate.case_id, candidate.number, candidate.elsewhere.status) == (None, "1", ACCEPTED)
    gone, _ = await matching.candidates(DISTRICT, petition("9", phone=found("13800000001")), exclude_arrival=0)
    assert [one for one in gone if "phone" in one.keys] == []


async def test_an_arrival_knows_its_record(bench: Bench) -> None:
    """Each version's arrival leads to the record, which names the arrival that told it last."""
    await bench.tell(record("1", PENDING))
    await bench.tell(record("1", ACCEPTED))
    last, first = [version.arrival_id for version in (await bench.platforms.record("1")).versions]

    told_first, told_last = await bench.platforms.of_arrival(first), await bench.platforms.of_arrival(last)
    assert told_first is not None
    assert told_first == told_last
    assert told_first.arrival_id == last
    assert (await Arrivals(bench.store.db).get(first)).state is ArrivalState.ACCEPTED

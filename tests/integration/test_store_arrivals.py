"""Arrivals: accepted once however often they come, claimed under a lease, put off, quarantined, tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from store.errors import StoreUnavailableError, UsageError
from store.model.arrival import Arrival, ArrivalState, Channel
from store.model.petition import Reading
from store.tables import DELIVERIES
from tests.integration.store_values import DISTRICT, HOUR, LEASE, NOW, Store, arrival, blob, decision, opened, petition


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind."""
    async with opened(database_url) as store:
        yield store


async def claimed(store: Store, now: datetime = NOW, *, owner: str = "daemon", limit: int = 10) -> list[int]:
    """Return the ids that a claim at *now* gets."""
    return [taken.id for taken in await store.arrivals.claim(owner=owner, now=now, limit=limit, lease=LEASE)]


async def test_accepted_arrival_comes_back_as_it_came(store: Store) -> None:
    """What a door hands over is what the pipeline gets, moments aware and in UTC."""
    local = datetime.fromisoformat("2024-09-02T09:30:00.000001+08:00")
    given = arrival(
        channel=Channel.LETTER,
        door="file",
        message_id="",
        envelope_from="",
        envelope_to=("a@gov.example", "b@gov.example"),
        received_at=local,
        raw=bytes(range(256)),
    )

    stored = await store.accept(given)

    assert (stored.district, stored.channel, stored.door) == (given.district, Channel.LETTER, "file")
    assert (stored.message_id, stored.envelope_from, stored.envelope_to) == ("", "", ("a@gov.example", "b@gov.example"))
    assert (stored.received_at, stored.received_at.tzinfo) == (local, UTC)
    assert (stored.state, stored.tries, stored.problem) == (ArrivalState.ACCEPTED, 0, "")
    assert stored.raw == bytes(range(256))


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(arrival(), id="same delivery"),
        pytest.param(arrival(source_key="other"), id="sent twice"),
        pytest.param(arrival(door="lmtp", source_key="other"), id="by another door"),
        pytest.param(arrival(content_key="other"), id="the door's key says it is the same"),
    ],
)
async def test_same_mail_is_one_arrival(store: Store, again: Arrival) -> None:
    """A mail that comes again, by its content or by the door's own key, is another delivery of the arrival we have."""
    (first,) = await store.arrivals.accept([arrival()])

    (second,) = await store.arrivals.accept([again])

    assert (first.is_new, second.is_new) == (True, False)
    assert second.arrival_id == first.arrival_id
    deliveries = await store.db.read(
        lambda connection: [
            tuple(row) for row in connection.execute(select(DELIVERIES.c.arrival_id, DELIVERIES.c.door, DELIVERIES.c.source_key))
        ]
    )
    assert deliveries == [(first.arrival_id, again.door, again.source_key)]


async def test_other_district_is_another_arrival(store: Store) -> None:
    """One mail to mailboxes of two districts is one arrival in each."""
    receipts = await store.arrivals.accept([arrival(), arrival(district="wuhua")])

    assert [receipt.is_new for receipt in receipts] == [True, True]


async def test_two_of_one_bunch_may_be_the_same(store: Store) -> None:
    """A bunch that holds one mail twice gives two receipts for one arrival, in order."""
    receipts = await store.arrivals.accept([arrival("a"), arrival("b"), arrival("a")])

    assert [receipt.is_new for receipt in receipts] == [True, True, False]
    assert receipts[0].arrival_id == receipts[2].arrival_id
    assert await store.arrivals.accept([]) == []


async def test_bunch_is_all_or_none(store: Store) -> None:
    """If one arrival of a bunch cannot be kept, none is: the door must not say 250 to any recipient."""
    with pytest.raises(TypeError):
        await store.arrivals.accept([arrival("a"), arrival("b", received_at=datetime(2024, 9, 2))])  # noqa: DTZ001 - the mistake in question

    assert await store.arrivals.undecided_count() == 0


async def test_parallel_redeliveries_make_one_arrival_each(store: Store) -> None:
    """200 deliveries at once of 50 different mails become 50 arrivals, and every sender is told the same id for the same mail."""
    receipts = await asyncio.gather(*(store.arrivals.accept([arrival(str(i % 50))]) for i in range(200)))

    ids = [receipt.arrival_id for (receipt,) in receipts]
    assert len(set(ids)) == 50
    assert all(ids[i] == ids[i % 50] for i in range(200))
    assert sum(receipt.is_new for (receipt,) in receipts) == 50


async def test_hostile_text_is_kept_plain(store: Store) -> None:
    """Lone surrogates and NUL in an envelope stop nothing; the bytes stay as they were."""
    stored = await store.accept(arrival(envelope_from="\udce4\0@x", envelope_to=("\udcff@y",), raw=b"\0\xff"))

    assert (stored.envelope_from, stored.envelope_to, stored.raw) == ("?\N{REPLACEMENT CHARACTER}@x", ("?@y",), b"\0\xff")


async def test_claims_go_oldest_first_and_once(store: Store) -> None:
    """Claims hand out due arrivals by age, each to one owner until its lease ends."""
    late = await store.accept(arrival("late", received_at=NOW + timedelta(seconds=1)))
    early = await store.accept(arrival("early"))
    later = NOW + timedelta(seconds=2)

    assert await claimed(store, later, limit=1) == [early.id]
    assert await claimed(store, later, owner="other") == [late.id]
    assert await claimed(store, later) == []
    assert await claimed(store, later + LEASE, owner="other") == [early.id, late.id]


async def test_claims_at_once_share_without_overlap(database_url: str) -> None:
    """Two daemons on one database never get the same arrival."""
    async with opened(database_url) as one, opened(database_url) as two:
        await one.arrivals.accept([arrival(str(i)) for i in range(40)])

        shares = await asyncio.gather(*(claimed((one, two)[i % 2], owner=f"daemon{i % 2}") for i in range(6)))

        taken = [arrival_id for share in shares for arrival_id in share]
        assert len(taken) == len(set(taken)) == 40


async def test_arrival_dated_ahead_is_not_left_lying(store: Store) -> None:
    """A letter whose date a clerk typed into the future is decided now, not then."""
    stored = await store.accept(arrival(received_at=datetime(2990, 1, 1, tzinfo=UTC)))

    assert await claimed(store, datetime.now(UTC)) == [stored.id]


async def test_postponed_arrival_comes_back_in_time(store: Store) -> None:
    """An arrival that could not be decided waits for its next try, the try counted and the problem shown."""
    stored = await store.accept(arrival())
    await claimed(store)

    await store.arrivals.postpone(stored.id, problem="读取进程退出", now=NOW, next_try_at=NOW + HOUR)

    assert await claimed(store, NOW + HOUR - timedelta(seconds=1)) == []
    (again,) = await store.arrivals.claim(owner="x", now=NOW + HOUR, limit=1, lease=LEASE)
    assert (again.id, again.tries, again.problem) == (stored.id, 1, "读取进程退出")


async def test_quarantine_and_retry(store: Store) -> None:
    """A quarantined arrival is visible with its problem, is not claimed, and goes first once a person asks for another try."""
    await store.accept(arrival("waiting"))
    stored = await store.accept(arrival("broken"))

    await store.arrivals.quarantine(stored.id, "邮件结构无法解析", NOW)

    assert stored.id not in await claimed(store)
    (listed,) = await store.arrivals.quarantined()
    assert (listed.id, listed.state, listed.problem, listed.raw) == (stored.id, ArrivalState.QUARANTINED, "邮件结构无法解析", b"")

    await store.arrivals.retry(stored.id, NOW)

    assert await store.arrivals.quarantined() == []
    (again,) = await store.arrivals.claim(owner="x", now=NOW, limit=1, lease=LEASE)
    assert (again.id, again.tries, again.problem, again.raw) == (stored.id, 0, "", stored.raw)


async def test_quarantine_lists_the_newest_first(store: Store) -> None:
    """The operator sees what went wrong last at the top."""
    stored = [await store.accept(arrival(str(i))) for i in range(3)]
    for one in stored:
        await store.arrivals.quarantine(one.id, "坏", NOW)

    assert [listed.id for listed in await store.arrivals.quarantined(limit=2)] == [stored[2].id, stored[1].id]


async def test_decided_arrival_stays_decided(store: Store) -> None:
    """A slow worker whose lease ran out cannot put off or quarantine what another one has decided; retrying is refused."""
    case = await store.open_case()

    await store.arrivals.postpone(case.arrival_id, problem="晚到", now=NOW, next_try_at=NOW)
    await store.arrivals.quarantine(case.arrival_id, "晚到", NOW)

    stored = await store.arrivals.get(case.arrival_id)
    assert (stored.state, stored.problem) == (ArrivalState.DONE, "")
    with pytest.raises(UsageError, match="已办理完毕"):
        await store.arrivals.retry(case.arrival_id, NOW)


async def test_undecided_count_counts_those_put_off(store: Store) -> None:
    """Accepted, claimed and put-off arrivals are undecided; quarantined and decided ones are not."""
    await store.open_case("done")
    stored = [await store.accept(arrival(str(i))) for i in range(4)]
    await store.arrivals.quarantine(stored[0].id, "坏", NOW)
    await store.arrivals.postpone(stored[1].id, problem="", now=NOW, next_try_at=NOW + HOUR)

    assert await store.arrivals.undecided_count() == 3


async def test_attachment_by_its_hash(store: Store) -> None:
    """An attachment is kept once under its hash and asked for by it."""
    blobs = blob(b"annex")
    for name in ("1", "2"):
        reading = Reading(petition=petition(name), blobs=blobs)
        stored = await store.accept(arrival(name))
        await store.cases.record(stored, reading, decision(), district=DISTRICT, now=NOW, compose=lambda _: ())

    assert await store.arrivals.blob(next(iter(blobs))) == b"annex"


async def test_what_is_not_there_is_said_in_chinese(store: Store) -> None:
    """Asking for an arrival or attachment that does not exist is the person's error, named as such."""
    for question in (store.arrivals.get(99), store.arrivals.retry(99, NOW), store.arrivals.blob("0" * 64)):
        with pytest.raises(UsageError, match="没有"):
            await question


async def test_store_that_was_not_started_defers(tmp_path: Path) -> None:
    """Before start and after close a door gets the error that means 451."""
    async with opened(tmp_path / "zuozhen.db") as store:
        pass
    with pytest.raises(StoreUnavailableError):
        await store.arrivals.accept([arrival()])

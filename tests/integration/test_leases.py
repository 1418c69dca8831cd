"""Several services on one database: who is alive, what the dead leave, what one has alone, and decisions that see each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from sqlalchemy import Connection, text

from store import knowledge, leases
from store.database import Database
from store.errors import OutrunError, StoreUnavailableError
from store.leases import Leases
from store.model.decision import Verdict
from store.model.petition import Reading
from tests.integration.store_values import DISTRICT, LEASE, NOW, Store, arrival, decision, notice, opened, petition


@dataclass
class Heard:
    """Remembers what was told."""

    lives_lost: list[str] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)
    troubles: list[StoreUnavailableError] = field(default_factory=list)

    def lost(self, owner: str) -> None:
        """Remember a life of ours."""
        self.lives_lost.append(owner)

    def took_over(self, arrivals: int, notices: int) -> None:
        """Remember how much was freed."""
        self.taken.append((arrivals, notices))

    def away(self, error: StoreUnavailableError) -> None:
        """Remember that the sign of life failed."""
        self.troubles.append(error)


@asynccontextmanager
async def service(db: Database, name: str = "one", heard: Heard | None = None) -> AsyncIterator[Leases]:
    """Join the services on *db*; its heart beats when the test says so, by `beat`."""
    joined = Leases(db, name=name, news=heard or Heard())
    joined._stop.set()  # its thread ends at once
    await joined.start()
    try:
        yield joined
    finally:
        await joined.close()


def beat(member: Leases) -> None:
    """Let one service give a sign of life and look around, as it does every few seconds."""
    assert member._engine is not None
    member._beat(member._engine)


def lapse(store: Store, member: Leases) -> None:
    """Let the time of a service's leases pass, as when it was stopped for long."""
    assert member._engine is not None
    with member._engine.begin() as connection:
        connection.execute(
            text("UPDATE leases SET until = now() - interval '1 second' WHERE owner = :owner"), {"owner": member._life.owner}
        )
    member._life._believed_until = 0.0


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind."""
    async with opened(database_url) as store:
        yield store


@pytest.fixture
async def shared(postgresql_url: str) -> AsyncIterator[Store]:
    """Open a store on a database that several services may share."""
    async with opened(postgresql_url) as store:
        yield store


async def test_named_lease_is_held_by_one(store: Store) -> None:
    """Who asks for a lease that is held gets none, within one service too; once released, anybody may have it."""
    async with service(store.db) as one:
        lease = await one.try_acquire("mailbox:a@example.org")
        assert lease is not None
        assert lease.is_held()
        assert await one.try_acquire("mailbox:a@example.org") is None
        other = await one.try_acquire("mailbox:b@example.org")
        assert other is not None

        await lease.release()

        assert not lease.is_held()
        again = await one.try_acquire("mailbox:a@example.org")
        assert again is not None
        assert again.is_held()


async def test_two_services_share_the_mailboxes(shared: Store) -> None:
    """What one service holds another one cannot have, until the first one says goodbye."""
    async with service(shared.db, "same name") as one:
        async with service(shared.db, "same name") as two:
            assert one.service().owner != two.service().owner
            held = await two.try_acquire("mailbox:a")
            assert held is not None
            assert await one.try_acquire("mailbox:a") is None
        assert not held.is_held()
        assert await one.try_acquire("mailbox:a") is not None


async def test_lease_of_a_dead_service_passes_on(shared: Store) -> None:
    """A service that gives no sign of life loses its lease to the next who asks; back again, it knows that it is not its own."""
    heard = Heard()
    async with service(shared.db, "stopped", heard) as stopped, service(shared.db) as other:
        lease, own = await stopped.try_acquire("mailbox:a"), stopped.service()
        assert lease is not None
        lapse(shared, stopped)
        assert await other.try_acquire("mailbox:a") is not None

        with pytest.raises(StoreUnavailableError, match="恢复"):
            stopped.service()
        beat(stopped)

        assert heard.lives_lost == [own.owner]
        assert not lease.is_held()
        assert not own.is_held()
        assert stopped.service().owner != own.owner
        assert await stopped.try_acquire("mailbox:a") is None
        await lease.release()  # of no effect: it is another's now
        assert await stopped.try_acquire("mailbox:a") is None


async def test_believing_ends_before_the_lease(shared: Store) -> None:
    """A service trusts its last sign of life for a shorter time than the others wait, and again once the database has heard it."""
    assert leases._BEAT_S < leases._BELIEF_S < leases.LEASE.total_seconds()
    async with service(shared.db) as one:
        lease = one.service()
        one._life._believed_until -= leases._BELIEF_S
        assert not lease.is_held()
        beat(one)
        assert lease.is_held()


async def test_work_of_the_dead_is_freed_and_of_the_living_not(shared: Store) -> None:
    """Arrivals and notices that a dead service had in hand are free as soon as another one looks around; those of the living are not."""
    await shared.open_case("1", notices=[notice("a@gov.example"), notice("b@gov.example")])
    await shared.arrivals.accept([arrival("2"), arrival("3")])
    heard = Heard()
    async with service(shared.db, "dying") as dying, service(shared.db, "living", heard) as living:
        for member in (dying, living):
            owner = member.service().owner
            await shared.arrivals.claim(owner=owner, now=NOW, limit=1, lease=LEASE)
            await shared.outbox.claim_due(owner=owner, now=NOW, limit=1, lease=LEASE)
        beat(living)
        assert heard.taken == []

        lapse(shared, dying)
        beat(living)

        assert heard.taken == [(1, 1)]
        assert len(await shared.arrivals.claim(owner="x", now=NOW, limit=9, lease=LEASE)) == 1
        assert len(await shared.outbox.claim_due(owner="x", now=NOW, limit=9, lease=LEASE)) == 1


async def test_start_on_a_file_frees_everything(store: Store) -> None:
    """The one service of a file takes back at once what its earlier life had in hand; elsewhere nobody called so is alive."""
    await shared_claim(store)
    async with service(store.db):
        assert len(await store.arrivals.claim(owner="x", now=NOW, limit=9, lease=LEASE)) == 1


async def shared_claim(store: Store) -> None:
    """Claim an arrival as a service that has died since."""
    await store.arrivals.accept([arrival()])
    assert len(await store.arrivals.claim(owner="dead", now=NOW, limit=9, lease=LEASE)) == 1


@pytest.mark.parametrize("verdict", [Verdict.ACCEPT, Verdict.NOT_A_CASE])
async def test_decision_on_an_older_state_is_not_recorded(store: Store, verdict: Verdict) -> None:
    """Who decided without seeing what was recorded since must decide again: nothing of his decision stands."""
    late = await store.accept(arrival("late"))
    _, seen = await store.matching.candidates(DISTRICT, petition("late"), exclude_arrival=late.id)
    await record(store, "first", seen)

    with pytest.raises(OutrunError):
        await record_as(store, late.id, seen, verdict)

    assert (await store.arrivals.get(late.id)).state.value == "accepted"
    _, seen = await store.matching.candidates(DISTRICT, petition("late"), exclude_arrival=late.id)
    await record_as(store, late.id, seen, verdict)
    assert (await store.arrivals.get(late.id)).state.value == "done"


async def test_what_is_no_case_outruns_nobody(store: Store) -> None:
    """An advert adds nothing that a later petition could belong to; decisions beside it stand."""
    _, seen = await store.matching.candidates(DISTRICT, petition("1"), exclude_arrival=0)
    advert = await store.accept(arrival("advert"))
    await record_as(store, advert.id, seen, Verdict.NOT_A_CASE)
    await record(store, "1", seen)

    assert await store.db.read(lambda connection: knowledge.read(connection, DISTRICT.id)) == seen + 1


async def test_of_services_that_decide_at_once_each_sees_the_one_before(database_url: str) -> None:
    """Two services decide for one district at once: none records on an older state, numbers have no gap and no double."""
    async with opened(database_url) as one, opened(database_url) as two:

        async def decide(store: Store, name: str) -> int:
            for outrun in range(1000):
                _, seen = await store.matching.candidates(DISTRICT, petition(name), exclude_arrival=0)
                try:
                    await record(store, name, seen)
                except OutrunError:
                    continue
                return outrun
            raise AssertionError("never its turn")

        async def work(store: Store, name: str) -> None:
            for number in range(10):
                await decide(store, f"{name}{number}")

        await asyncio.gather(work(one, "a"), work(two, "b"))

        numbers = sorted(case.number for case in await one.cases.list(limit=100))
        assert numbers == [f"CG-2024-{number:05d}" for number in range(1, 21)]


async def test_deadlock_with_another_service_is_tried_again(shared: Store, postgresql_url: str) -> None:
    """Two services that write the same two rows in opposite order both succeed: the one that is thrown out writes again."""
    async with opened(postgresql_url) as other:
        for year in (1, 2):
            await shared.db.write(partial(counter, year=year))
        both = asyncio.Barrier(2)
        loop = asyncio.get_running_loop()
        runs: list[str] = []

        def crossing(name: str, years: tuple[int, int]) -> Callable[[Connection], str]:
            def unit(connection: Connection) -> str:
                first = runs.count(name) == 0
                runs.append(name)
                bump(connection, years[0])
                if first:  # each holds one row before it asks for the other
                    asyncio.run_coroutine_threadsafe(wait(both), loop).result(30)
                bump(connection, years[1])
                return name

            return unit

        names = await asyncio.gather(shared.db.write(crossing("a", (1, 2))), other.db.write(crossing("b", (2, 1))))

        assert list(names) == ["a", "b"]
        # More than three where the one that was thrown out was quicker than the one it let go on: then it has the first row again.
        assert len(runs) >= 3
        assert await shared.db.read(counters) == [2, 2]


async def wait(barrier: asyncio.Barrier) -> None:
    """Wait until all are there."""
    await barrier.wait()


def counter(connection: Connection, year: int) -> None:
    """Make a row."""
    connection.execute(text("INSERT INTO case_numbers (district, year, last) VALUES ('d', :year, 0)"), {"year": year})


def bump(connection: Connection, year: int) -> None:
    """Change a row."""
    connection.execute(text("UPDATE case_numbers SET last = last + 1 WHERE year = :year"), {"year": year})


def counters(connection: Connection) -> list[int]:
    """Return the rows."""
    return list(connection.scalars(text("SELECT last FROM case_numbers ORDER BY year")))


async def record(store: Store, name: str, seen: int) -> None:
    """Accept an arrival called *name* and record that it opens a case."""
    stored = await store.accept(arrival(name))
    await record_as(store, stored.id, seen, Verdict.ACCEPT)


async def record_as(store: Store, arrival_id: int, seen: int, verdict: Verdict) -> None:
    """Record a decision about an arrival, made on the state *seen*."""
    stored = await store.arrivals.get(arrival_id)
    reading = Reading(petition=petition(str(arrival_id)), blobs={})
    chosen = decision(verdict=verdict)
    await store.cases.record(stored, reading, chosen, district=DISTRICT, now=NOW, compose=lambda _: (), seen=seen)

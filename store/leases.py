"""Who is at work on a shared database: each service's sign of life, what it alone may do meanwhile, and what the dead leave behind.

A service renews its leases every few seconds in rows of the database, by the server's clock. It believes in them for a shorter time than
the others grant it, by a clock of its own that runs on while the process is stopped: whoever was away too long knows it before anybody
takes over. On a file there is one service only (`daemon.single`), and nothing to renew.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import Connection, DateTime, Engine, Function, Select, Table, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from store import dialects
from store.database import Database
from store.errors import StoreUnavailableError
from store.tables import ARRIVALS, LEASES, NOTICES
from store.tables.columns import plain

T = TypeVar("T")

LEASE = timedelta(seconds=15)  # after its last sign of life a service's work is given to others
_BELIEF_S = 10.0  # for how long a service trusts its last sign of life
_BEAT_S = 3.0
_FORGET = timedelta(hours=1)  # a row of a dead service is of no use to anybody
_PATIENCE = timedelta(seconds=2)
_EVERYWHERE = ""  # the district of a lease that concerns them all
_FREE = {"owner": None, "leased_until": None}


class News(Protocol):
    """Is told, from a thread of ours, what an operator may want to know."""

    def lost(self, owner: str) -> None:
        """Tell that our own leases have lapsed: the database did not hear of us in time."""

    def took_over(self, arrivals: int, notices: int) -> None:
        """Tell how much work of dead services was freed."""

    def away(self, error: StoreUnavailableError) -> None:
        """Tell that the sign of life could not be given."""


class _Life:
    """The time from a first sign of life to the last; what was begun in one life is not ended in the next."""

    def __init__(self, name: str) -> None:
        self.owner = f"{name}#{secrets.token_hex(4)}"  # unique, however many services are called *name*
        self.has_begun = False
        self._believed_until = 0.0

    def renewed(self, started: float) -> None:
        """Believe on; *started* is when the renewal was asked for, since nobody knows when it took effect."""
        self.has_begun, self._believed_until = True, started + _BELIEF_S

    def end(self) -> None:
        """Believe no more."""
        self._believed_until = 0.0

    def is_believed(self) -> bool:
        """Say whether nobody else can have taken over."""
        return _clock() < self._believed_until


class Lease:
    """A right that one service has at a time. Once lost it never comes back: ask for a new one."""

    def __init__(self, leases: Leases, name: str, life: _Life) -> None:
        """Hold *name* for as long as *life* lasts."""
        self.name, self._leases, self._life = name, leases, life
        self._is_released = False

    @property
    def owner(self) -> str:
        """Under which name work is claimed while the lease is held."""
        return self._life.owner

    def is_held(self) -> bool:
        """Say whether the right is still ours; cheap, to be asked before each step that must not be done by two."""
        return not self._is_released and self._life.is_believed()

    async def release(self) -> None:
        """Let others have it at once. Does nothing where it is lost or released; where the database is away it lapses by itself."""
        if not self._is_released:
            self._is_released = True
            await self._leases.give_back(self)


class Leases:
    """The leases of this service; started once, before anything is claimed."""

    def __init__(self, db: Database, *, name: str, news: News) -> None:
        """Work on *db* as a service called *name*, which others may be called too."""
        self._db, self._name, self._news = db, plain(name), news
        self._engine: Engine | None = db.beside(patience=_PATIENCE) if db.is_shared else None
        self._life = _Life(self._name)
        self._held: set[str] = set()
        self._lock = threading.Lock()  # around the life, what is held in it, and the one connection
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Give the first sign of life and free what dead services left. Raises StoreUnavailableError."""
        if self._engine is None:
            self._life.renewed(float("inf"))  # nobody else is there to doubt it
            await self._db.write(lambda connection: _free(connection, [self._life.owner]))
            return
        await asyncio.to_thread(self._beat, self._engine)
        self._thread = threading.Thread(target=self._run, args=[self._engine], name="store-leases", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Say goodbye: what we hold and what we claimed is free for others at once, as far as the database hears it."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        if self._engine is not None:
            await asyncio.to_thread(self._say_goodbye, self._engine)

    def service(self) -> Lease:
        """Return the service's own lease, under whose `owner` it claims work. Raises StoreUnavailableError while the database is away."""
        life = self._life
        if not life.is_believed():
            raise StoreUnavailableError("与数据库的联系中断过久，正在恢复；手上的件可能已由别的服务接手")
        return Lease(self, _service(life.owner), life)

    async def try_acquire(self, name: str) -> Lease | None:
        """Return the lease called *name*, None where somebody holds it, this service included. Raises StoreUnavailableError.

        The names are the callers' own; `mailbox:` and the mailbox's address, for one.
        """
        return await asyncio.to_thread(self._acquire, plain(name))

    async def give_back(self, lease: Lease) -> None:
        """Free *lease*; see `Lease.release`."""
        with contextlib.suppress(StoreUnavailableError):
            await asyncio.to_thread(self._release, lease)

    def _acquire(self, name: str) -> Lease | None:
        with self._lock:
            life = self._life
            if name in self._held:
                return None
            if self._engine is not None:
                if not life.is_believed():
                    raise StoreUnavailableError("与数据库的联系中断过久，正在恢复")
                if not _transact(self._engine, lambda connection: _take(connection, name, life.owner)):
                    return None
            self._held.add(name)
            return Lease(self, name, life)

    def _release(self, lease: Lease) -> None:
        with self._lock:
            if lease.owner != self._life.owner:
                return
            self._held.discard(lease.name)
            if self._engine is not None:
                _transact(self._engine, lambda connection: _drop(connection, lease.owner, lease.name))

    def _run(self, engine: Engine) -> None:
        while not self._stop.wait(_BEAT_S):
            try:
                self._beat(engine)
            except StoreUnavailableError as error:
                self._news.away(error)

    def _beat(self, engine: Engine) -> None:
        """Renew what we hold, or begin a new life where that is too late; then free what the dead left."""
        with self._lock:
            if not self._life.has_begun or not self._renew(engine, self._life):
                self._begin(engine)
            freed = _transact(engine, lambda connection: _free(connection, _alive()))
        if any(freed):
            self._news.took_over(*freed)

    def _renew(self, engine: Engine, life: _Life) -> bool:
        started, names = _clock(), {*self._held, _service(life.owner)}
        if _transact(engine, lambda connection: _prolong(connection, names, life.owner)) < len(names):
            life.end()
            self._held.clear()
            self._news.lost(life.owner)
            return False
        life.renewed(started)
        return True

    def _begin(self, engine: Engine) -> None:
        started, life = _clock(), _Life(self._name)
        _transact(engine, lambda connection: _take(connection, _service(life.owner), life.owner))
        life.renewed(started)
        self._life = life

    def _say_goodbye(self, engine: Engine) -> None:
        with self._lock, contextlib.suppress(StoreUnavailableError):
            self._life.end()
            _transact(engine, lambda connection: _drop(connection, self._life.owner))
        engine.dispose()


async def at_work(db: Database) -> list[str]:
    """Return the names of the services that are alive on *db*. On a file they are not known here; see `daemon.single`."""
    if not db.is_shared:
        return []
    mark = _service("")
    query = select(LEASES.c.owner).where(LEASES.c.until > _now(), LEASES.c.name.startswith(mark, autoescape=True)).order_by(LEASES.c.owner)
    return await db.read(lambda connection: list(connection.scalars(query)))


def _clock() -> float:
    """Return seconds that also pass while the process or the machine is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _service(owner: str) -> str:
    return f"service:{owner}"


def _transact(engine: Engine, unit: Callable[[Connection], T]) -> T:
    with dialects.explained(), engine.begin() as connection:
        return unit(connection)


def _now() -> Function[datetime]:
    """Return the server's clock: that of a service may be wrong."""
    return func.clock_timestamp(type_=DateTime(timezone=True))


def _take(connection: Connection, name: str, owner: str) -> bool:
    """Write the lease for *owner* unless another service holds it; say whether it did."""
    values = {"owner": owner, "until": _now() + LEASE}
    fresh = insert(LEASES).values(district=_EVERYWHERE, name=name, **values)
    is_free = or_(LEASES.c.until <= _now(), LEASES.c.owner == owner)
    taken = fresh.on_conflict_do_update(index_elements=[LEASES.c.name, LEASES.c.district], set_=values, where=is_free)
    return connection.execute(taken.returning(LEASES.c.name)).first() is not None


def _prolong(connection: Connection, names: Collection[str], owner: str) -> int:
    """Return how many of the leases could be prolonged: those of *owner* that have not lapsed."""
    ours = and_(LEASES.c.name.in_(names), LEASES.c.owner == owner, LEASES.c.until > _now())
    return connection.execute(update(LEASES).where(ours).values(until=_now() + LEASE)).rowcount


def _drop(connection: Connection, owner: str, name: str | None = None) -> None:
    """Take away the lease called *name*, or all of *owner*'s."""
    ours = LEASES.c.owner == owner
    connection.execute(delete(LEASES).where(ours if name is None else and_(ours, LEASES.c.name == name)))


def _alive() -> Select[str]:
    return select(LEASES.c.owner).where(LEASES.c.until > _now())


def _free(connection: Connection, alive: Select[str] | Sequence[str]) -> tuple[int, int]:
    """Free what services other than the *alive* ones claimed; return how many arrivals and notices that were."""
    if connection.dialect.name == "postgresql":
        connection.execute(delete(LEASES).where(LEASES.c.until <= _now() - _FORGET))
    return _free_in(connection, ARRIVALS, alive), _free_in(connection, NOTICES, alive)


def _free_in(connection: Connection, table: Table, alive: Select[str] | Sequence[str]) -> int:
    # What somebody is just writing is skipped: it is not left behind, or will be looked at in a moment again.
    left = select(table.c.id).where(table.c.owner.is_not(None), table.c.owner.not_in(alive)).with_for_update(skip_locked=True)
    return connection.execute(update(table).where(table.c.id.in_(left)).values(_FREE)).rowcount

"""Mail keeps coming by either door while the daemons are killed again and again; at the end server, ledger, cases and notices agree."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiosmtplib
import pytest

from tests.e2e.instance import MAILBOX, Daemon, Sink, add_mailbox, ask, daemon, sink, without_own_mail, write_instance
from tests.e2e.test_several_daemons import NOTICES, letters
from tests.servers.dovecot import Box, Dovecot
from tests.servers.postgres import Postgres

_PATIENCE_S = 300.0
_SEED = 20241009
_LULL_S = (0.2, 6.0)  # between two kills


@dataclass
class Watch:
    """Keeps daemons running as systemd would, and kills one now and then."""

    config: Path
    chance: random.Random
    running: list[Daemon] = field(default_factory=list)
    kills: int = 0

    @asynccontextmanager
    async def keep(self, count: int) -> AsyncIterator[None]:
        """Run *count* daemons until the end of the block; whichever dies is started again."""
        tasks = [asyncio.create_task(self._one()) for _ in range(count)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def kill(self) -> None:
        """Kill one of those whose doors are open, wherever it happens to be."""
        await asyncio.sleep(self.chance.uniform(*_LULL_S))
        if self.running:
            self.chance.choice(self.running).process.send_signal(signal.SIGKILL)
            self.kills += 1

    async def _one(self) -> None:
        while True:
            async with daemon(self.config) as member:
                self.running.append(member)
                try:
                    await member.process.wait()
                finally:
                    self.running.remove(member)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of a fresh PostgreSQL; "" where the instance keeps its own file."""
    if request.param == "sqlite":
        yield ""
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh() as address:
        yield address


@pytest.mark.timeout(2_000)
@pytest.mark.parametrize(("seconds", "kills"), [(0, 4), pytest.param(600, 4, marks=pytest.mark.long)])
async def test_mail_and_random_kills(seconds: int, kills: int, database: str, dovecot: Dovecot, tmp_path: Path) -> None:
    """Every mail that was handed in or lay in the mailbox is one arrival with one case; each notice left under one Message-ID."""
    box = dovecot.box()
    async with sink() as relay:
        config = without_own_mail(write_instance(tmp_path, relay.port, database=database))
        add_mailbox(config, box)
        watch = Watch(config, random.Random(_SEED))  # noqa: S311 - the same kills each time, as far as the machine allows
        async with watch.keep(2 if database else 1):
            count = await _trouble(watch, box, seconds, kills)
            await _all_out(relay, NOTICES * count)
            await _settled(config, database, box)
        assert watch.kills >= kills
        assert_nothing_lost_or_doubled(config, database, relay, count)
    print(f"\n{seconds} s, {watch.kills} kills, {count} mails, {len(relay.messages)} sendings of {len(relay.ids())} notices")  # noqa: T201 - its result


async def _trouble(watch: Watch, box: Box, seconds: int, kills: int) -> int:
    """Let mail come and daemons die for *seconds* and at least *kills* times; return how many mails came."""
    supply = letters(10 * (seconds + 20))
    end, came = time.monotonic() + seconds, 0
    while (time.monotonic() < end or watch.kills < kills) and came + 6 <= len(supply):
        by_smtp, by_imap = supply[came : came + 3], supply[came + 3 : came + 6]
        came += 6
        await asyncio.gather(_hand_in(watch, by_smtp), asyncio.to_thread(box.put, *by_imap), watch.kill())
    return came


async def _hand_in(watch: Watch, raws: list[bytes]) -> None:
    """Hand mails in at whichever daemon answers; what is not answered 250 comes again, as from a mail server."""
    waiting = list(raws)
    async with asyncio.timeout(_PATIENCE_S):
        while waiting:
            ports = [member.port for member in watch.running if member.port]
            if not ports:
                await asyncio.sleep(0.2)
                continue
            with suppress(aiosmtplib.SMTPException, OSError):
                async with aiosmtplib.SMTP(hostname="127.0.0.1", port=ports[-1], use_tls=False, start_tls=False, timeout=30) as client:
                    while waiting:
                        await client.sendmail("qy@enterprise.example", [MAILBOX], waiting[-1])
                        waiting.pop()


async def _settled(config: Path, database: str, box: Box) -> None:
    """Wait until every sending is noted and every mark in the mailbox is made."""
    async with asyncio.timeout(_PATIENCE_S):
        while ask(config, "SELECT 1 FROM notices WHERE state != 'sent'", database=database) or _unaccounted(config, database, box):  # noqa: ASYNC110 - other processes have no event to wait for
            await asyncio.sleep(0.5)


async def _all_out(relay: Sink, count: int) -> None:
    async with asyncio.timeout(_PATIENCE_S), relay.arrived:
        await relay.arrived.wait_for(lambda: len(relay.ids()) >= count)


def _unaccounted(config: Path, database: str, box: Box) -> set[int]:
    """Return the UIDs that stand only on the server or only in the ledger, or whose mark is still owed."""
    entered = {uid for uid, state in ask(config, "SELECT uid, state FROM mailbox_ledger", database=database) if state == "done"}
    return entered ^ set(box.uids())


def assert_nothing_lost_or_doubled(config: Path, database: str, relay: Sink, count: int) -> None:
    """One arrival and one case a mail, numbers without gap, two notices a case, each sent under its one Message-ID."""

    def rows(query: str) -> list[tuple[object, ...]]:
        return ask(config, query, database=database)

    assert rows("SELECT state, count(*) FROM arrivals GROUP BY state") == [("done", count)]
    assert rows("SELECT count(*), count(DISTINCT arrival_id) FROM cases") == [(count, count)]
    assert sorted(str(number)[-5:] for (number,) in rows("SELECT number FROM cases")) == [f"{n:05d}" for n in range(1, count + 1)]
    notices = rows("SELECT case_id, purpose, message_id FROM notices")
    assert len({notice[:2] for notice in notices}) == len(notices) == NOTICES * count
    assert relay.ids() == {f"<{notice[2]}>" for notice in notices}

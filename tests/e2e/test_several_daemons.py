"""Two real daemons on one PostgreSQL: shared work, one killed, one stopped and let go on, the server restarted under them."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
import pytest

from tests.e2e.instance import MAILBOX, Daemon, Sink, daemon, sink, without_own_mail, write_instance
from tests.e2e.mails import TAX, mail
from tests.integration.houses import Enterprise
from tests.servers.patience import patience
from tests.servers.postgres import Postgres

PATIENCE_S = 150.0  # for one thing that must come: a test waits for several, and shall say what did not come before it is ended
LONG_S = 600.0
NOTICES = 2  # that an accepted case owes: to the department and to the enterprise
_STANDING = (
    "SELECT state, count(*) FROM arrivals GROUP BY state",
    "SELECT id, state, due_at, owner, leased_until, tries, problem FROM arrivals WHERE state != 'done' ORDER BY id LIMIT 20",
    "SELECT state, count(*) FROM notices GROUP BY state",
    "SELECT id, purpose, state, due_at, owner, leased_until, tries, problem FROM notices WHERE state != 'sent' ORDER BY id LIMIT 20",
    "SELECT * FROM leases",
    "SELECT pid, state, wait_event, now() - xact_start, query FROM pg_stat_activity WHERE application_name = 'zuozhen'",
)


@dataclass
class Company:
    """The daemons, what they send to, and the database they share."""

    postgres: Postgres
    database: str
    relay: Sink
    daemons: list[Daemon]
    news: asyncio.Condition  # of the daemons' logs
    patience_s: float

    async def hand_in(self, to: Daemon, raws: Sequence[bytes]) -> None:
        """Hand mails in over one connection as a mail server does: what is not answered 250 comes again, until it is."""
        waiting = list(raws)
        async with patience(self.patience_s, f"250 for each of {len(raws)} mails", self.said):
            while waiting:
                try:
                    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=to.port, use_tls=False, start_tls=False, timeout=100) as client:
                        while waiting:
                            await client.sendmail("qy@enterprise.example", [MAILBOX], waiting[-1])
                            waiting.pop()
                except aiosmtplib.SMTPResponseException as error:
                    assert 400 <= error.code < 500, error  # noqa: PT017 - a deferral is the only answer that may come beside 250
                    await asyncio.sleep(0.2)  # a mail server waits longer

    async def sent(self, count: int) -> None:
        """Wait until *count* different mails have reached the relay."""
        async with patience(self.patience_s, f"mail number {count}", self.said), self.relay.arrived:
            await self.relay.arrived.wait_for(lambda: len(self.relay.ids()) >= count)

    async def decided(self, count: int) -> None:
        """Wait until the daemons have decided *count* arrivals between them."""
        async with patience(self.patience_s, f"decision number {count}", self.said), self.news:
            await self.news.wait_for(lambda: sum(len(member.decided()) for member in self.daemons) >= count)

    def said(self) -> str:
        """Return how the work stands in the database, and what the daemons and the server said last."""
        lines = [f"{len(self.relay.ids())} mails at the relay"]
        for query in _STANDING:
            lines += [query, *map(str, self.rows(query))]
        for member in self.daemons:
            lines += [f"--- daemon {member.process.pid}, exit code {member.process.returncode}:", member.said()]
        return "\n".join([*lines, "--- PostgreSQL:", self.postgres.said()])

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        return self.postgres.sql(query, database=self.database)


@asynccontextmanager
async def company(postgres: Postgres, url: str, folder: Path, *, patience_s: float = PATIENCE_S) -> AsyncIterator[Company]:
    """Start two daemons of the same name on the database at *url*; *patience_s* is for each thing that is waited for."""
    async with AsyncExitStack() as opened:
        relay = await opened.enter_async_context(sink())
        config = without_own_mail(write_instance(folder, relay.port, database=url))
        news = asyncio.Condition()
        daemons = [await opened.enter_async_context(daemon(config, news=news)) for _ in range(2)]
        yield Company(postgres, url.partition("@/")[2].partition("?")[0], relay, daemons, news, patience_s)


def letters(count: int) -> list[bytes]:
    """Return mails of *count* enterprises that have nothing to do with each other."""
    return [_letter(Enterprise(), f"<{number}@enterprise.example>") for number in range(count)]


def _letter(enterprise: Enterprise, message_id: str) -> bytes:
    text = TAX.replace("昆明青岚办公用品有限公司", enterprise.name).replace("，统一社会信用代码 91530114MA6P0X7R2L", "")
    raw = mail(text.replace("13700001234", enterprise.phone), message_id=message_id)
    return raw.replace(b"qy@enterprise.example", enterprise.address.encode())


def assert_all_is_done_once(shared: Company, count: int) -> None:
    """Every arrival has one case, numbers have no gap and no double, every case has its notices, each sent under one Message-ID."""
    assert shared.rows("SELECT state, count(*) FROM arrivals GROUP BY state") == [("done", count)]
    assert shared.rows("SELECT count(*), count(DISTINCT arrival_id) FROM cases") == [(count, count)]
    numbers = [str(row[0]) for row in shared.rows("SELECT number FROM cases")]
    assert sorted(number[-5:] for number in numbers) == [f"{number:05d}" for number in range(1, count + 1)]
    notices = shared.rows("SELECT case_id, purpose, state, message_id FROM notices")
    assert Counter((row[1], row[2]) for row in notices) == {("assign", "sent"): count, ("acknowledge", "sent"): count}
    assert len({row[:2] for row in notices}) == NOTICES * count
    assert shared.relay.ids() == {f"<{row[3]}>" for row in notices}


def sent_twice(relay: Sink) -> int:
    """Return how many mails reached the relay more than once."""
    return sum(times > 1 for times in Counter(str(message["Message-ID"]) for message in relay.messages).values())


@pytest.mark.timeout(2 * LONG_S + 200)
@pytest.mark.parametrize("count", [40, pytest.param(400, marks=pytest.mark.long)])
async def test_two_daemons_share_the_work(count: int, postgres: Postgres, postgresql_url: str, tmp_path: Path) -> None:
    """Mails come in at two daemons of the same name: each is decided by one of them, each notice leaves once, both have worked."""
    raws = letters(count)
    async with company(postgres, postgresql_url, tmp_path, patience_s=PATIENCE_S * max(1, count / 80)) as shared:
        one, two = shared.daemons
        await asyncio.gather(shared.hand_in(one, raws[::2]), shared.hand_in(two, raws[1::2]))
        await shared.sent(NOTICES * count)
        assert [await member.stop() for member in shared.daemons] == [0, 0]

        assert_all_is_done_once(shared, count)
        assert sent_twice(shared.relay) == 0
        decided = [member.decided() for member in shared.daemons]
        assert {*decided[0], *decided[1]} == {row[0] for row in shared.rows("SELECT id FROM arrivals")}
        assert len(decided[0]) + len(decided[1]) == count
        assert min(map(len, decided)) > 0
        assert shared.rows("SELECT count(*) FROM leases") == [(0,)]


@pytest.mark.timeout(LONG_S)
async def test_two_reports_of_one_matter_see_each_other(postgres: Postgres, postgresql_url: str, tmp_path: Path) -> None:
    """An enterprise writes the same to two daemons at once: exactly one of the two is judged to belong to the other."""
    pairs = [Enterprise() for _ in range(10)]
    async with company(postgres, postgresql_url, tmp_path) as shared:
        boxes = [
            [_letter(enterprise, f"<{number}.{side}@enterprise.example>") for number, enterprise in enumerate(pairs)] for side in (0, 1)
        ]
        await asyncio.gather(*(shared.hand_in(member, raws) for member, raws in zip(shared.daemons, boxes, strict=True)))
        await shared.decided(2 * len(pairs))
        assert [await member.stop() for member in shared.daemons] == [0, 0]

        decisions = shared.rows("SELECT name, decision::json ->> 'related_case' FROM cases")
        decisions += shared.rows("SELECT petition::json -> 'name' ->> 'value', case_id::text FROM decisions")
        related = Counter(name for name, case in decisions if case is not None)
        assert Counter(name for name, _ in decisions) == dict.fromkeys((enterprise.name for enterprise in pairs), 2)
        assert related == dict.fromkeys((enterprise.name for enterprise in pairs), 1)


@pytest.mark.timeout(LONG_S)
async def test_one_is_killed_and_the_other_takes_over(postgres: Postgres, postgresql_url: str, tmp_path: Path) -> None:
    """Kill -9 in the midst of work: what the dead one had accepted and claimed the other one brings to its end, nothing twice."""
    count = 40
    raws = letters(count)
    async with company(postgres, postgresql_url, tmp_path) as shared:
        dying, living = shared.daemons
        await asyncio.gather(shared.hand_in(dying, raws[::2]), shared.hand_in(living, raws[1::2]))
        dying.process.send_signal(signal.SIGKILL)
        assert await dying.died() == -signal.SIGKILL
        await shared.sent(NOTICES * count)
        assert await living.stop() == 0

        assert_all_is_done_once(shared, count)
        assert sent_twice(shared.relay) <= 2  # only what was on the wire in that moment


@pytest.mark.timeout(LONG_S)
async def test_one_is_stopped_and_goes_on_later(postgres: Postgres, postgresql_url: str, tmp_path: Path) -> None:
    """A daemon is stopped until another has taken over its work, then let go on: it knows that its time has passed; nothing twice."""
    count = 30
    raws = letters(count)
    async with company(postgres, postgresql_url, tmp_path) as shared:
        stopped, living = shared.daemons
        await asyncio.gather(shared.hand_in(stopped, raws[::2]), shared.hand_in(living, raws[1::2]))
        stopped.process.send_signal(signal.SIGSTOP)
        await shared.sent(NOTICES * count)
        await living.logged("lease.taken_over")
        stopped.process.send_signal(signal.SIGCONT)
        await stopped.logged("lease.lost")
        assert [await member.stop() for member in shared.daemons] == [0, 0]

        assert_all_is_done_once(shared, count)
        assert sent_twice(shared.relay) <= 2


@pytest.mark.timeout(LONG_S)
async def test_server_restarted_under_load(postgres: Postgres, postgresql_url: str, tmp_path: Path) -> None:
    """PostgreSQL crashes and comes back while mail comes in: senders hear 451 and come again, both daemons go on, nothing is lost."""
    count = 40
    raws = letters(count)
    async with company(postgres, postgresql_url, tmp_path) as shared:
        one, two = shared.daemons
        coming = asyncio.gather(shared.hand_in(one, raws[::2]), shared.hand_in(two, raws[1::2]))
        await one.logged("arrival.decided", 3)
        postgres.restart()
        await coming
        await shared.sent(NOTICES * count)
        assert [await member.stop() for member in shared.daemons] == [0, 0]

        assert_all_is_done_once(shared, count)
        assert sent_twice(shared.relay) <= 4


async def test_daemon_that_cannot_come_in_says_why(tmp_path: Path, postgres: Postgres) -> None:
    """A database that is not there ends the start with the remedy, and the exit code that tells systemd to try again."""
    config = write_instance(tmp_path, 1, database=postgres.url("not_there"))
    with pytest.raises(AssertionError, match="数据库不存在"):
        async with daemon(config):
            pass

"""Mailboxes watched by their threads: mail comes at once, one in trouble leaves the others alone, everything ends when told to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from channels.imap import Account
from channels.imap_after import After
from channels.imap_intake import Treatment
from channels.imap_watch import Mailbox, Watcher
from daemon.mailboxes import LeasedTurn, ThreadsLedger, open_watchers
from daemon.wiring import open_leases
from store.errors import StoreUnavailableError
from store.ledger import Ledger
from store.model.arrival import Accepted, Arrival
from store.model.mailbox import Folder, LedgerState
from tests.integration.mailboxes import mail
from tests.integration.store_values import DISTRICT, Store, opened
from tests.servers.cutting import line
from tests.servers.dovecot import Box, Dovecot, running
from tests.servers.ground import HOST, free_ports

HOUR = timedelta(hours=1)


def mailbox(box: Box, *, name: str = "坐诊信箱", port: int | None = None, password: Callable[[], str] | None = None) -> Mailbox:
    """Return *box* as it would be configured, polled so seldom that only IDLE and waking matter."""
    return Mailbox(
        account=Account(host=HOST, port=port or box.server.plain, security="none", user=box.user, timeout_s=20),
        password=password or (lambda: box.password),
        treatments=[
            Treatment(district=DISTRICT.id, mailbox=name, address=box.user, folder="INBOX", max_size=1 << 20, after=After(kind="leave"))
        ],
        poll=timedelta(minutes=20),
        reconcile=HOUR,
    )


class Office:
    """A store with watchers on it, and what they brought."""

    def __init__(self, store: Store, watchers: Sequence[Watcher], came: asyncio.Queue[str]) -> None:
        """Wait for what *came*."""
        self.store = store
        self.watchers = watchers
        self._came = came

    async def next(self) -> str:
        """Return the source key of the next arrival."""
        async with asyncio.timeout(60):
            return await self._came.get()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so that a thread brings about without telling."""
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - a thread sets no asyncio.Event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(
    place: Path | str, mailboxes: Sequence[Mailbox], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[Office]:
    """Watch *mailboxes*, with pauses after trouble that a test can wait for."""
    async with opened(place) as store, open_leases(store.db, "test") as leases:
        came: asyncio.Queue[str] = asyncio.Queue()

        def kept(arrivals: Sequence[Arrival], _receipts: Sequence[Accepted]) -> None:
            for arrival in arrivals:
                came.put_nowait(arrival.source_key)

        watchers = open_watchers(mailboxes, Ledger(store.db), leases, now=now, kept=kept)
        for watcher in watchers:
            watcher._pauses = (0.05,)
            watcher.start()
        try:
            yield Office(store, watchers, came)
        finally:
            await asyncio.gather(*(asyncio.to_thread(watcher.stop) for watcher in watchers))
            assert not any(watcher._thread.is_alive() for watcher in watchers)


async def test_mail_comes_in_when_it_arrives(dovecot: Dovecot, tmp_path: Path) -> None:
    """What lies there at the start comes in, and what arrives later at once, though the next poll is twenty minutes away."""
    box = dovecot.box()
    box.put(mail("one"))
    async with watched(tmp_path / "zuozhen.db", [mailbox(box)]) as office:
        assert "/INBOX/" in await office.next()
        status = office.watchers[0].status
        await office.until(lambda: status.reconciled_at is not None)
        assert (status.connected, status.problem, status.unaccounted, status.errors) == (True, "", 0, 0)
        assert list(status.uidvalidity) == ["INBOX"]
        box.put(mail("two"))
        await office.next()
    assert status.connected is False


async def test_one_mailbox_in_trouble_leaves_the_others_alone(dovecot: Dovecot, tmp_path: Path) -> None:
    """A server away and a wrong password, each with its own words, and a third mailbox that works meanwhile."""
    boxes = [dovecot.box() for _ in range(3)]
    (nobody,) = free_ports(1)
    with capture_logs() as logs:
        mailboxes = [
            mailbox(boxes[0], name="away", port=nobody),
            mailbox(boxes[1], name="refused", password=lambda: "wrong"),
            mailbox(boxes[2], name="well"),
        ]
        async with watched(tmp_path / "zuozhen.db", mailboxes) as office:
            away, refused, well = (watcher.status for watcher in office.watchers)
            boxes[2].put(mail("one"))
            assert "/INBOX/" in await office.next()
            await office.until(lambda: away.errors > 1 and refused.errors == 1)

            assert "连不上" in away.problem
            assert "授权码" in refused.problem
            assert away.failing_since is not None
            assert (well.problem, well.failing_since) == ("", None)
    levels = {(entry["event"], entry["log_level"], entry["mailbox"]) for entry in logs if entry["event"].startswith("imap.")}
    assert {("imap.unavailable", "warning", "away"), ("imap.login_refused", "error", "refused")} <= levels


async def test_password_that_is_mended_needs_no_restart(dovecot: Dovecot, tmp_path: Path) -> None:
    """Login refused at first: the password is read again at each try, and nothing that came meanwhile is lost."""
    box = dovecot.box()
    box.put(mail("one"))
    passwords = iter(["wrong", "also wrong"])
    async with watched(tmp_path / "zuozhen.db", [mailbox(box, password=lambda: next(passwords, box.password))]) as office:
        (watcher,) = office.watchers
        await office.until(lambda: watcher.status.errors == 1)
        watcher.wake()
        await office.until(lambda: watcher.status.errors == 2)
        watcher.wake()
        await office.next()
        await office.until(lambda: watcher.status.problem == "")
        assert watcher.status.failing_since is None


async def test_server_that_is_restarted(tmp_path: Path) -> None:
    """Connections that die with the server are made anew once it is back."""
    with running() as server:
        box = server.box()
        async with watched(tmp_path / "zuozhen.db", [mailbox(box)]) as office:
            status = office.watchers[0].status
            await office.until(lambda: status.reconciled_at is not None)
            await asyncio.to_thread(server.stop)
            await office.until(lambda: status.errors > 1)
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(box.put, mail("one"))
            await office.next()


async def test_line_that_is_cut_while_idle(dovecot: Dovecot, tmp_path: Path) -> None:
    """A line that breaks while nothing happens is noticed, and what came meanwhile comes in."""
    box = dovecot.box()
    with line(dovecot.plain) as wire:
        async with watched(tmp_path / "zuozhen.db", [mailbox(box, port=wire.port)]) as office:
            status = office.watchers[0].status
            await office.until(lambda: status.reconciled_at is not None)
            wire.cut()
            box.put(mail("one"))
            await office.next()
            await office.until(lambda: status.problem == "")


async def test_missing_folder_does_not_hold_up_the_others(dovecot: Dovecot, tmp_path: Path) -> None:
    """A folder that was renamed is told once, as trouble of the mailbox; the other folders are read."""
    box = dovecot.box()
    box.put(mail("one"))
    there = mailbox(box)
    missing = replace(there.treatments[0], folder="没有的")
    with capture_logs() as logs:
        async with watched(tmp_path / "zuozhen.db", [replace(there, treatments=[missing, *there.treatments])]) as office:
            await office.next()
            (watcher,) = office.watchers
            await office.until(lambda: "没有的" in watcher.status.problem)
            for _ in range(2):
                before = watcher.status.errors
                watcher.wake()
                await office.until(lambda before=before: watcher.status.errors > before)  # type: ignore[misc]  # bound at once
            assert watcher.status.polled_at is None
    assert [entry["event"] for entry in logs].count("imap.folder_failed") == 1


async def test_reconciled_now_and_then(dovecot: Dovecot, tmp_path: Path) -> None:
    """Each hour of the clock the whole folder is compared, and the result is told."""
    box = dovecot.box()
    moments = [datetime(2026, 11, 27, 8, tzinfo=UTC)]
    with capture_logs() as logs:
        async with watched(tmp_path / "zuozhen.db", [mailbox(box)], now=lambda: moments[-1]) as office:
            (watcher,) = office.watchers
            await office.until(lambda: watcher.status.reconciled_at == moments[0])
            moments.append(moments[0] + HOUR)
            watcher.wake()
            await office.until(lambda: watcher.status.reconciled_at == moments[1])
    assert [entry["event"] for entry in logs].count("imap.reconciled") == 2


async def test_ends_while_the_server_hangs(dovecot: Dovecot, tmp_path: Path) -> None:
    """A server that says nothing any more does not hold up the end of the service."""
    async with AsyncExitStack() as opened_:
        box = dovecot.box()
        office = await opened_.enter_async_context(watched(tmp_path / "zuozhen.db", [mailbox(box)]))
        (watcher,) = office.watchers
        await office.until(lambda: watcher.status.reconciled_at is not None)
        stop = watcher.stop
        begun = time.monotonic()
        connection = watcher._connection
        assert connection is not None
        connection.wait = lambda *_: connection._client._imap.file.read(1)  # type: ignore[method-assign]
        watcher.wake()
        await asyncio.to_thread(stop, grace_s=0.2)
        assert not watcher._thread.is_alive()
        assert begun > 0


async def test_two_services_on_one_mailbox(dovecot: Dovecot, postgresql_url: str) -> None:
    """One reads, the other stands by; when the first goes, the second takes over, and every mail is taken in once."""
    box = dovecot.box()
    box.put(mail("one"))
    async with watched(postgresql_url, [mailbox(box)]) as first:
        await first.next()
        async with watched(postgresql_url, [mailbox(box, name="another name for it")]) as second:
            status = second.watchers[0].status
            await second.until(lambda: status.standing_by)
            await asyncio.to_thread(first.watchers[0].stop)
            box.put(mail("two"))
            await second.until(lambda: status.reconciled_at is not None)
            assert (status.standing_by, status.connected, status.unaccounted) == (False, True, 0)
            assert await second.store.arrivals.undecided_count() == 2


async def test_service_whose_turn_is_over_writes_nothing(dovecot: Dovecot, tmp_path: Path) -> None:
    """A service that was stopped too long finds, before its next step, that the mailbox is another's by now."""
    async with opened(tmp_path / "zuozhen.db") as store, open_leases(store.db, "test") as leases:
        loop = asyncio.get_running_loop()
        account = mailbox(dovecot.box()).account
        turn, other = LeasedTurn(leases, account, loop), LeasedTurn(leases, account, loop)
        book = ThreadsLedger(Ledger(store.db), loop, may_write=turn.is_held)
        assert await asyncio.to_thread(turn.acquire)
        assert not await asyncio.to_thread(other.acquire)
        await asyncio.to_thread(turn.release)
        assert await asyncio.to_thread(other.acquire)
        folder = Folder(district=DISTRICT.id, mailbox="坐诊信箱", name="INBOX", uidvalidity=1)
        with pytest.raises(StoreUnavailableError, match="接手"):
            await asyncio.to_thread(book.change, folder, [1], LedgerState.COPYING)
        assert await asyncio.to_thread(book.entries, folder) == {}


@pytest.mark.timeout(400)  # some ten seconds of work, on a machine that may have other things to do
@pytest.mark.parametrize("count", [10_000])
async def test_ten_thousand_messages(dovecot: Dovecot, tmp_path: Path, count: int) -> None:
    """A folder with ten thousand messages comes in whole and adds up; the next look asks for nothing."""
    box = dovecot.box()
    box.pour([b"Subject: %d\nMessage-ID: <%d@enterprise.example>\n\n%d\n" % (number, number, number) for number in range(count)])
    with capture_logs():  # not to measure how fast lines are written
        await _all_come(box, tmp_path, count)


async def _all_come(box: Box, folder: Path, count: int) -> None:
    async with watched(folder / "zuozhen.db", [mailbox(box)]) as office:
        status = office.watchers[0].status
        for _ in range(count):
            await office.next()
        await office.until(lambda: status.reconciled_at is not None)
        assert status.unaccounted == 0
        assert await office.store.arrivals.undecided_count() == count

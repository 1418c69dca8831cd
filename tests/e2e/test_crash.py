"""kill -9 at every marked place between a message's coming and its notices' going, by either door, on either database."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.crashing import AFTERWARDS, BY_IMAP, BY_SMTP
from tests.e2e.instance import Sink, add_mailbox, ask, daemon, deliver, sink, write_instance
from tests.e2e.mails import mail
from tests.servers.dovecot import Box, Dovecot
from tests.servers.postgres import Postgres

_ALL_SENT = [("acknowledge", "sent"), ("assign", "sent")]


def _places(door: str, marks: dict[str, Any]) -> list[Any]:
    """Return mark and database. What follows the door is the same code for either: run each once as a rule, both in `make test-long`."""
    usual = {"smtp": "sqlite", "imap": "postgresql"}[door]
    return [
        pytest.param(mark, kind, id=f"{mark}-{kind}", marks=[pytest.mark.long] if mark in AFTERWARDS and kind != usual else [])
        for mark in marks
        for kind in ("sqlite", "postgresql")
    ]


@pytest.fixture
def database(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of a fresh PostgreSQL; "" where the instance keeps its own file."""
    if kind == "sqlite":
        yield ""
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh() as address:
        yield address


@pytest.mark.parametrize(("mark", "kind"), _places("smtp", BY_SMTP | AFTERWARDS))
async def test_killed_with_a_mail_handed_in(mark: str, database: str, tmp_path: Path) -> None:
    """Whatever the place of death: one arrival, one case, one notice a purpose with one Message-ID, and all of them sent."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port, database=database)
        async with daemon(config, dying_at=mark) as first:
            await deliver(first.port, mail())  # whether a 250 was heard depends on the place, and on who is faster
            assert await first.died() == -signal.SIGKILL
        _let_leases_lapse(config, database)
        async with daemon(config) as second:
            # A sender who heard no 250 comes again, and so does one whose 250 was lost on the way: both look the same from here.
            assert await deliver(second.port, mail())
            await relay.has(2)
            assert await second.stop() == 0
        assert_once(config, database, relay)


@pytest.mark.parametrize(("mark", "kind"), _places("imap", BY_IMAP | AFTERWARDS))
async def test_killed_with_a_mail_fetched(mark: str, database: str, dovecot: Dovecot, tmp_path: Path) -> None:
    """Likewise for a mail in a mailbox; behind it the ledger holds just what the server holds, and the mail is marked as read."""
    box = dovecot.box()
    box.put(mail())
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port, database=database)
        add_mailbox(config, box)
        async with daemon(config, dying_at=mark) as first:
            assert await first.died() == -signal.SIGKILL
        _let_leases_lapse(config, database)
        async with daemon(config) as second:
            await relay.has(2)
            await second.logged("imap.reconciled")
            assert await second.stop() == 0
        assert_once(config, database, relay)
        assert_accounted_for(config, database, box)


def assert_once(config: Path, database: str, relay: Sink) -> None:
    """One arrival, one case, each notice sent under one Message-ID."""
    assert ask(config, "SELECT state FROM arrivals", database=database) == [("done",)]
    assert ask(config, "SELECT count(*) FROM cases", database=database) == [(1,)]
    notices = ask(config, "SELECT purpose, state, message_id FROM notices ORDER BY purpose", database=database)
    assert [row[:2] for row in notices] == _ALL_SENT
    assert relay.ids() == {f"<{row[2]}>" for row in notices}


def assert_accounted_for(config: Path, database: str, box: Box) -> None:
    """Server against ledger, and the mark that was asked for."""
    assert sorted(ask(config, "SELECT uid, state FROM mailbox_ledger", database=database)) == [(uid, "done") for uid in sorted(box.uids())]
    assert all("\\Seen" in flags for flags in box.flags().values())


def _let_leases_lapse(config: Path, database: str) -> None:
    """On a shared database the dead service's work is free after a quarter of a minute: let that time have passed."""
    if database:
        ask(config, "UPDATE leases SET until = now()", database=database)

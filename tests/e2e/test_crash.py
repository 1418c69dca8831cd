"""kill -9 at every marked place between accept and sent: nothing lost, nothing doubled."""

import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.crashing import MARKS
from tests.e2e.instance import daemon, deliver, sink, write_instance
from tests.e2e.mails import mail


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the database that the daemon left behind."""
    connection = sqlite3.connect(folder / "data" / "zuozhen.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("mark", MARKS)
async def test_killed_and_started_again(mark: str, tmp_path: Path) -> None:
    """Whatever the place of death: one arrival, one case, one notice a purpose with one Message-ID, and all of them sent."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        async with daemon(config, dying_at=mark) as first:
            await deliver(first.port, mail())  # whether a 250 was heard depends on the place, and on who is faster
            assert await first.died() == -signal.SIGKILL
        async with daemon(config) as second:
            # A sender who heard no 250 comes again, and so does one whose 250 was lost on the way: both look the same from here.
            assert await deliver(second.port, mail())
            await relay.has(2)
            assert await second.stop() == 0
        assert rows(tmp_path, "SELECT state FROM arrivals") == [("done",)]
        assert rows(tmp_path, "SELECT count(*) FROM cases") == [(1,)]
        notices = rows(tmp_path, "SELECT purpose, state, message_id FROM notices ORDER BY purpose")
        assert [row[:2] for row in notices] == [("acknowledge", "sent"), ("assign", "sent")]
        assert relay.ids() == {f"<{row[2]}>" for row in notices}

"""kill -9 at every marked place of the path of a reply: after the restart what it orders is done once, and every notice has left under one name."""

from __future__ import annotations

import signal
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.e2e.crashing import BY_HELD_REPLY, BY_REPLY
from tests.e2e.instance import MAILBOX, Daemon, Sink, ask, daemon, deliver, sink, write_instance
from tests.e2e.mails import mail

OWN, STRANGER = "swj@cg.example", "stranger@elsewhere.example"
ORDERS = "签收。\n正在处理，限期5个工作日。\n申请延期3个工作日，原因：需与市级系统核对。"
_OF_THE_PETITION = 2  # notices


def reply(to: EmailMessage, text: str, sender: str = OWN) -> bytes:
    """Return an answer to a mail of ours, the same each time."""
    written = EmailMessage()
    written["From"], written["To"], written["Subject"] = sender, MAILBOX, f"回复：{to['Subject']}"
    written["In-Reply-To"], written["Message-ID"] = str(to["Message-ID"]), f"<{len(text)}@client.example>"
    written.set_content(text)
    return bytes(written)


def to_the_office(relay: Sink, purpose: str) -> EmailMessage:
    """Return the mail of one purpose that the department got."""
    return next(one for one in relay.messages if str(one["X-Zuozhen"]).endswith(purpose) and OWN in str(one["To"]))


async def opened(running: Daemon, relay: Sink) -> EmailMessage:
    """Let a petition become a case, and return the mail that gave it to the department."""
    assert await deliver(running.port, mail())
    await running.logged("notice.sent", _OF_THE_PETITION)  # and marked so: none of them is meant to be on its way when the process dies
    return to_the_office(relay, "assign")


def assert_each_left(config: Path, relay: Sink, purposes: list[str], *, on_the_way: int = 0) -> None:
    """Each notice is there once, is sent, and has left under the one Message-ID of its row; twice only where it was *on the way* as the process died."""
    rows = ask(config, "SELECT purpose, state, message_id FROM notices")
    assert sorted(purpose for purpose, _, _ in rows) == sorted(purposes)
    assert {state for _, state, _ in rows} == {"sent"}
    left = Counter(str(message["Message-ID"]).strip("<>") for message in relay.messages)
    assert set(left) == {message_id for _, _, message_id in rows}
    assert left.total() - len(rows) <= on_the_way


@pytest.mark.parametrize("mark", BY_REPLY)
async def test_killed_over_a_reply(mark: str, tmp_path: Path) -> None:
    """Three orders in one reply are done once each, whatever the place of death; both notices that follow leave, under one Message-ID each."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        async with daemon(config, dying_at=mark) as first:
            raw = reply(await opened(first, relay), ORDERS)
            await deliver(first.port, raw, sender=OWN)
            assert await first.died() == -signal.SIGKILL
        async with daemon(config) as second:
            assert await deliver(second.port, raw, sender=OWN)  # whoever heard no 250 sends it again
            await relay.has(_OF_THE_PETITION + 2)
            assert await second.stop() == 0
        assert ask(config, "SELECT state FROM arrivals") == [("done",), ("done",)]
        assert ask(config, "SELECT state FROM cases") == [("handling",)]
        kinds = Counter(kind for (kind,) in ask(config, "SELECT kind FROM events WHERE kind LIKE 'case.%'"))
        once = ("case.opened", "case.decided", "case.replied", "case.acknowledged", "case.promised", "case.extension_asked")
        assert kinds == dict.fromkeys(once, 1)
        assert_each_left(config, relay, ["acknowledge", "assign", "progress", "review"], on_the_way=2 if "notice" in mark else 0)


@pytest.mark.parametrize("mark", BY_HELD_REPLY)
async def test_killed_over_a_held_reply(mark: str, tmp_path: Path) -> None:
    """A doubtful reply is held once and asked about once, and done once when the registered address vouches for it, whatever the place of death."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        async with daemon(config, dying_at=mark) as first:
            doubtful = reply(await opened(first, relay), "签收", STRANGER)
            await deliver(first.port, doubtful, sender=STRANGER)
            if "done" in mark:  # it dies over the answer
                await first.logged("notice.sent", _OF_THE_PETITION + 1)
                await deliver(first.port, reply(to_the_office(relay, "confirm"), "确认"), sender=OWN)
            assert await first.died() == -signal.SIGKILL
        async with daemon(config) as second:
            assert await deliver(second.port, doubtful, sender=STRANGER)
            await relay.has(_OF_THE_PETITION + 1)
            assert await deliver(second.port, reply(to_the_office(relay, "confirm"), "确认"), sender=OWN)
            await second.heard(lambda: ask(config, "SELECT state FROM cases") == [("acknowledged",)], "the case acknowledged")
            assert await second.stop() == 0
        assert ask(config, "SELECT state FROM arrivals") == [("done",)] * 3
        assert ask(config, "SELECT state FROM held_replies") == [("done",)]
        kinds = Counter(kind for (kind,) in ask(config, "SELECT kind FROM events WHERE kind LIKE 'case.%'"))
        assert kinds == {"case.opened": 1, "case.decided": 1, "case.replied": 2, "case.acknowledged": 1}
        assert_each_left(config, relay, ["acknowledge", "assign", "confirm"], on_the_way=int("question" in mark))

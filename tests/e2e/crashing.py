"""Runs the zuozhen command and kills its process (SIGKILL) at one marked place between accept and sent.

Run as `python -m tests.e2e.crashing MARK run --config …`. The marks wrap the product's own functions from outside, so that the product carries no
test code; a mark that no longer exists fails the start, and a mark that is never reached fails the test that waits for the death.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

# name → (module, attribute, die before its call, after it, or after one that found something; at which such call)
Marks = dict[str, tuple[str, str, str, int]]

BY_SMTP: Marks = {
    "before-insert-of-arrival": ("store.arrivals", "accept_one", "before", 1),
    "arrival-inserted-not-committed": ("store.arrivals", "accept_one", "after", 1),
    "arrival-committed-before-250": ("store.arrivals", "Arrivals.accept", "after", 1),
}
BY_IMAP: Marks = {
    "sizes-known": ("channels.imap", "Connection.heads", "after", 1),
    "fetched": ("channels.imap", "Connection.raws", "after", 1),
    "fetched-arrival-inserted-not-committed": ("store.ledger", "accept_one", "after", 1),
    "ledger-written-not-committed": ("store.ledger", "_keep", "after", 1),
    "ledger-committed-mailbox-untouched": ("channels.imap", "Connection.flag", "before", 1),
    "mailbox-marked-ledger-not-told": ("channels.imap", "Connection.flag", "after", 1),
    "ledger-told": ("store.ledger", "Ledger.change", "after", 1),
}
BY_FOLDER: Marks = {
    "file-read": ("channels.platform_reader", "PlatformReader.read", "after", 1),
    "batch-inserted-not-committed": ("store.platforms", "_keep", "after", 1),
    "batch-committed-file-not-moved": ("store.platforms", "Platforms.keep", "after", 1),
    "file-moved": ("channels.dropfolder", "DropFolder.taken", "after", 1),
    "rows-written-not-committed": ("store.platforms", "_take", "after", 1),
    "rows-taken": ("store.platforms", "Platforms.take", "after", 1),
    "record-read": ("channels.reader", "Reader.read", "after", 1),
    "cases-told": ("daemon.reconsidering", "Reconsideration.run", "after", 1),
    "record-settled": ("store.cases", "Cases.record", "after", 1),
}
AFTERWARDS: Marks = {
    "claimed": ("store.arrivals", "Arrivals.claim", "finding", 1),
    "read": ("channels.reader", "Reader.read", "after", 1),
    "matched": ("store.matching", "Matching.candidates", "after", 1),
    "decided": ("daemon.pipeline", "decide", "after", 1),
    "arrival-marked-done-not-committed": ("store.arrivals", "finish", "after", 1),
    "case-inserted-not-committed": ("store.recording", "_open_case", "after", 1),
    "notices-queued-not-committed": ("store.outbox", "Outbox.put", "after", 1),
    "recorded": ("store.cases", "Cases.record", "after", 1),
    "notice-claimed": ("store.outbox", "Outbox.claim_due", "finding", 1),
    "before-send": ("notifier.transport", "SmtpTransport.send", "before", 1),
    "sent-not-marked": ("notifier.transport", "SmtpTransport.send", "after", 1),
    "second-sent-not-marked": ("notifier.transport", "SmtpTransport.send", "after", 2),
    "marked-sent": ("store.outbox", "Outbox.sent", "after", 1),
}
BY_REPLY: Marks = {  # a petition has gone the same way before: what both pass is counted on
    "reply-claimed": ("store.arrivals", "Arrivals.claim", "finding", 2),
    "reply-parsed": ("channels.reader", "Reader.read", "after", 2),
    "its-address-looked-up": ("store.addresses", "Addresses.heard_from", "after", 2),
    "first-to-say-not-committed": ("store.reply_tokens", "_first_to_say", "after", 1),
    "author-known": ("store.reply_tokens", "ReplyTokens.authority", "after", 1),
    "orders-read": ("daemon.replies", "read_reply", "after", 1),
    "acts-drafted": ("daemon.reply_acts", "Acting.all", "after", 1),
    "filing-prepared": ("daemon.reply_filing", "prepare", "after", 1),
    "reply-marked-done-not-committed": ("store.arrivals", "finish", "after", 2),
    "reply-set-aside-not-committed": ("store.recording", "set_aside", "after", 1),
    "first-act-not-committed": ("store.recording", "apply", "after", 1),
    "last-act-not-committed": ("store.recording", "apply", "after", 3),
    "all-acts-not-committed": ("store.replying", "_do", "after", 1),
    "reply-remembered-not-committed": ("store.matching", "remember", "after", 2),
    "reply-recorded": ("store.replying", "Replies.record", "after", 1),
    "before-its-notice-is-sent": ("notifier.transport", "SmtpTransport.send", "before", 3),
    "its-notice-sent-not-marked": ("notifier.transport", "SmtpTransport.send", "after", 3),
    "its-second-notice-sent-not-marked": ("notifier.transport", "SmtpTransport.send", "after", 4),
    "its-notice-marked-sent": ("store.outbox", "Outbox.sent", "after", 3),
}
BY_HELD_REPLY: Marks = {
    "held-not-committed": ("store.replying", "_hold", "after", 1),
    "held": ("store.replying", "Replies.record", "after", 1),
    "question-sent-not-marked": ("notifier.transport", "SmtpTransport.send", "after", 3),
    "held-reply-done-not-committed": ("store.replying", "_settle", "after", 1),
    "held-reply-done": ("store.replying", "Replies.record", "after", 2),
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(function: Callable[..., Any], when: str, at_call: int) -> Callable[..., Any]:
    calls = 0

    def count(moment: str, result: object = None) -> None:
        """Die at the call that is meant."""
        nonlocal calls
        if moment == when or (moment == "after" and when == "finding" and result):
            calls += 1
            if calls == at_call:
                _die()

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        count("before")
        result = await function(*args, **kwargs)
        count("after", result)
        return result

    def called(*args: Any, **kwargs: Any) -> Any:
        count("before")
        result = function(*args, **kwargs)
        count("after", result)
        return result

    return awaited if inspect.iscoroutinefunction(function) else called


def plant(mark: str) -> None:
    """Wrap the function that *mark* names."""
    module_name, path, when, at_call = (BY_SMTP | BY_IMAP | BY_FOLDER | AFTERWARDS | BY_REPLY | BY_HELD_REPLY)[mark]
    *parents, name = path.split(".")
    place: Any = import_module(module_name)
    for parent in parents:
        place = getattr(place, parent)
    setattr(place, name, _wrap(getattr(place, name), when, at_call))


if __name__ == "__main__":
    from daemon.cli import run

    plant(sys.argv[1])
    sys.exit(run(sys.argv[2:]))

"""Checks senders in capped child processes: keys and records come from strangers, and an answer of DNS may take seconds.

Child: `python -m channels.sender_checker`. Parent: `SenderChecker`, two such children, started with the first mail to check.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from store.codec import from_json, to_json
from store.errors import WorkerFailedError
from store.model.letter import Authentication
from store.model.sender_check import OURSELVES, SenderCheck
from store.workers import Answer, Caps, Worker, serve

if TYPE_CHECKING:
    from channels.name_service import DnsResolver

DEFAULT_CAPS = Caps(seconds=20, memory=1 << 30, patience=90)
_CHILDREN = 2
_PROBE = b"From: probe@example.invalid\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How senders are checked: which name servers are asked (none: those of the machine), for how many seconds a mail, and whose ARC counts."""

    nameservers: tuple[str, ...] = ()
    seconds: float = 10.0
    sealers: tuple[str, ...] = ()


class SenderChecker:
    """The children that check senders; further mails wait for a free one."""

    def __init__(
        self, settings: Settings, caps: Caps = DEFAULT_CAPS, *, command: Sequence[str] = ("-m", "channels.sender_checker")
    ) -> None:
        """Prepare the children; each starts, as the interpreter with *command*, with its first mail."""
        self._settings = settings
        self.workers = [Worker(command, caps) for _ in range(_CHILDREN)]
        self._free: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in self.workers:
            self._free.put_nowait(worker)

    async def check(self, raw: bytes, *, peer: str, envelope_from: str, author: str) -> SenderCheck:
        """Return what is found about *raw*, handed in by *peer*. A mail that two children die of has proved nothing and is refuted.

        Raises WorkerFailedError where no child can check anything just now.
        """
        about = {"peer": peer, "sender": envelope_from, "author": author, "settings": to_json(self._settings)}
        worker = await self._free.get()
        checking = asyncio.ensure_future(asyncio.to_thread(_check, worker, json.dumps(about), raw))
        checking.add_done_callback(lambda _: self._free.put_nowait(worker))
        return await asyncio.shield(checking)  # a cancelled caller leaves; the child is free once it has finished

    async def close(self) -> None:
        """End the children; waits for those at work, at most as long as the caps allow."""
        await asyncio.gather(*(asyncio.to_thread(worker.close) for worker in self.workers))


def _check(worker: Worker, question: str, raw: bytes) -> SenderCheck:
    for _ in range(2):
        try:
            return from_json(SenderCheck, worker.ask(question, [raw])[0])
        except (WorkerFailedError, ValueError):
            worker.close()
    probe = {"peer": "", "sender": "", "author": "probe@example.invalid", "settings": to_json(Settings(seconds=0.0))}
    worker.ask(json.dumps(probe), [_PROBE])  # raises WorkerFailedError where not this mail is to blame but the machine
    return SenderCheck(authentication=Authentication(dmarc="fail", by=OURSELVES), saw=("检验此信的子进程两次中断",))


def answer(question: str, blobs: Sequence[bytes]) -> Answer:
    """Check the mail that is the first of *blobs* (child side)."""
    from channels.name_service import Names  # noqa: PLC0415 - the parent needs none of what checking imports
    from channels.sender_check import Envelope, check  # noqa: PLC0415 - likewise

    asked = json.loads(question)
    settings = from_json(Settings, asked["settings"])
    envelope = Envelope(peer=asked["peer"], sender=asked["sender"], author=asked["author"])
    names = Names(_resolver(settings.nameservers), seconds=settings.seconds)
    return to_json(check(blobs[0], envelope, names, sealers=settings.sealers)), []


@cache
def _resolver(nameservers: tuple[str, ...]) -> DnsResolver:
    from channels.name_service import DnsResolver  # noqa: PLC0415 - as above

    return DnsResolver(nameservers)


if __name__ == "__main__":
    serve(answer)

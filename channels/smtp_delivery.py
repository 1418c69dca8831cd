"""From a complete message and its envelope to the reply: knows what an SMTP or LMTP arrival is, and that only a commit is a 250."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from channels.identity import mail_keys
from channels.smtp_body import Body
from store.errors import TemporaryError
from store.model.arrival import Accepted, Arrival, Channel

log = structlog.get_logger()

Accept = Callable[[Sequence[Arrival]], Awaitable[list[Accepted]]]

STORED = "250 2.0.0 OK, stored"
DEFERRED = "451 4.3.0 Temporary trouble here, please try again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One message on its way to the store: who sent it, from which connection, and for which recipients of which district."""

    body: Body
    peer: str
    sender: str  # "" for the null sender
    recipients: Mapping[str, Sequence[str]]  # district → addresses as the client wrote them


class Deliveries:
    """Hands complete messages to the store. A delivery once begun goes on when the client has gone: to store too much loses nothing."""

    def __init__(self, *, door: str, accept: Accept, now: Callable[[], datetime], timeout_s: float) -> None:
        """*accept* commits all arrivals of one message in one transaction and returns a receipt for each; it gets *timeout_s*."""
        self.running: set[asyncio.Task[str]] = set()
        self._door = door
        self._accept = accept
        self._now = now
        self._timeout_s = timeout_s
        # Own thread: hashing 50 MB must not block the loop, nor wait behind readings in the loop's default threads.
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix=door)

    def begin(self, transaction: Transaction) -> asyncio.Task[str]:
        """Begin to store a message. The task returns the reply, releases the body, and fails only by being cancelled."""
        task = asyncio.get_running_loop().create_task(self._deliver(transaction))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        task.add_done_callback(lambda _: transaction.body.release())
        return task

    def close(self) -> None:
        """Give up what still runs: no 250 was said for it."""
        for task in tuple(self.running):
            task.cancel()
        self._hasher.shutdown(wait=False)

    async def _deliver(self, transaction: Transaction) -> str:
        noted = {"door": self._door, "peer": transaction.peer, "sender_domain": domain(transaction.sender)}
        try:
            async with asyncio.timeout(self._timeout_s):
                arrivals = await asyncio.get_running_loop().run_in_executor(self._hasher, self._arrivals, transaction)
                receipts = await self._accept(arrivals)
            for arrival, receipt in zip(arrivals, receipts, strict=True):
                facts = {"arrival_id": receipt.arrival_id, "district": arrival.district, "size": len(arrival.raw), "is_new": receipt.is_new}
                log.info("mail.accepted", **facts, **noted)
        except (TemporaryError, TimeoutError) as error:
            log.warning("smtp.deferred", error=type(error).__name__, problem=str(error), **noted)
            return DEFERRED
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender shall keep the message and try again
            report(error, **noted)
            return DEFERRED
        return STORED

    def _arrivals(self, transaction: Transaction) -> list[Arrival]:
        """Make one arrival for each district. Runs in the hasher's thread.

        The source key rests on the content: SMTP numbers nothing, and a client that lost our 250 sends the same octets again.
        """
        raw = transaction.body.message()
        message_id, content_key = mail_keys(raw)
        received_at = self._now()
        return [
            Arrival(
                district=district,
                channel=Channel.MAIL,
                door=self._door,
                source_key=f"{self._door}:{content_key}",
                content_key=content_key,
                message_id=message_id,
                envelope_from=transaction.sender,
                envelope_to=tuple(dict.fromkeys(recipients)),
                received_at=received_at,
                raw=raw,
                peer=transaction.peer,
            )
            for district, recipients in transaction.recipients.items()
        ]


def report(error: BaseException, **noted: str) -> None:
    """Log a bug: its class and where it was raised. Not its text, which may hold words of the message."""
    trace = traceback.walk_tb(error.__traceback__)
    places = [f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}" for frame, line in trace]
    log.error("smtp.deferred", error=type(error).__name__, places=places, **noted)


def domain(address: str) -> str:
    """Return what may be logged of an address."""
    return address.rpartition("@")[2][:255]

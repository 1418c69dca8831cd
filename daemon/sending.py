"""Sends what lies in the outbox: claim → build → hand to the relay → mark. At least once on the wire, one fixed Message-ID however often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

import structlog

from channels.passing_on import without_tokens
from daemon.waiting import first_of
from notifier.backoff import next_pause
from notifier.enclosures import NOTHING, make
from notifier.mail import build, is_mail
from notifier.pictures import shown_in
from store.errors import (
    AddressRefusedError,
    DeliveryDeferredError,
    DeliveryRefusedError,
    MailTooLargeError,
    StoreUnavailableError,
    UsageError,
)
from store.model.letter import Bounce

if TYPE_CHECKING:
    from daemon.review import Office
    from notifier.enclosures import Enclosed
    from notifier.transport import Transport
    from store.arrivals import Arrivals
    from store.leases import Lease, Leases
    from store.model.letter import Address
    from store.model.notice import QueuedNotice
    from store.outbox import Outbox

log = structlog.get_logger()

_LEASE = timedelta(minutes=10)  # longer than the relay may take over one mail
_POLL_S = 5.0
_SMALL = 256 << 10  # bytes of an original that takes a millisecond or two
_GIVEN_UP = "多次发送未成，已停止尝试"


class Try(StrEnum):
    """How one try to send a notice ended."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
    FAILED = "failed"  # a bug of ours; tried again


Listener = Callable[["QueuedNotice", Try, float], None]


class Sender:
    """Carries queued notices to the relay, a few at a time; a refusal for good stays visible at its case."""

    def __init__(  # noqa: PLR0913 - the parts named one by one are the point of wiring
        self,
        *,
        outbox: Outbox,
        arrivals: Arrivals,
        transport: Transport,
        senders: Mapping[str, Address],
        offices: Mapping[str, Office],
        now: Callable[[], datetime],
        leases: Leases,
        at_once: int,
        max_original: int,
        plus_address: bool = False,
    ) -> None:
        """Keep the parts. *senders* maps a district to the address its mail comes from; *max_original* is in bytes.

        *offices* has for each district the forms of which enclosures are made, and writes to those who must hear that nobody was reached.

        *plus_address* says that our mail server takes mail for an address with something behind a plus sign.
        """
        self._outbox, self._arrivals, self._transport = outbox, arrivals, transport
        self.senders, self._offices = senders, offices
        self._now, self._leases, self._at_once, self._max_original = now, leases, at_once, max_original
        self._plus_address = plus_address
        self._woken = asyncio.Event()
        self._listeners: list[Listener] = []
        self._unnoted: dict[int, Callable[[], Awaitable[None]]] = {}  # what became of notices while the database was away
        self._is_in_doubt = False  # a claim failed, and nobody knows whether it holds

    def on_tried(self, listener: Listener) -> None:
        """Tell *listener* of each try: the notice, how it ended, and the seconds it took."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Say that a notice was queued."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send notices until *stop* is set, then finish those in hand."""
        while not stop.is_set():
            self._woken.clear()
            if not await self.send_due():
                await first_of(self._woken, stop, timeout_s=_POLL_S)
        with suppress(StoreUnavailableError):
            await self._catch_up()

    async def send_due(self) -> int:
        """Send what is due now and return how many notices were taken."""
        try:
            await self._catch_up()
            lease = self._leases.service()
            if self._is_in_doubt and (freed := await self._outbox.release(owner=lease.owner)):
                log.info("claim.released", part="sender", count=freed)
            self._is_in_doubt = True
            due = await self._outbox.claim_due(owner=lease.owner, now=self._now(), limit=self._at_once, lease=_LEASE)
        except StoreUnavailableError as error:
            log.warning("store.unavailable", part="sender", error=str(error))
            return 0
        self._is_in_doubt = False
        async with asyncio.TaskGroup() as group:
            for queued in due:
                group.create_task(self._send(queued, lease), name=f"notice-{queued.id}")
        return len(due)

    async def _send(self, queued: QueuedNotice, lease: Lease) -> None:
        try:
            await self._settle(queued, lease)
        except StoreUnavailableError as error:
            log.warning("notice.left", notice_id=queued.id, error=str(error))
            self._unnoted.setdefault(queued.id, partial(self._give_back, queued, lease, str(error)))

    async def _catch_up(self) -> None:
        """Note what could not be noted, now that the database answers: what has left is not sent again, the rest need not wait."""
        for notice_id, note in list(self._unnoted.items()):
            await note()
            del self._unnoted[notice_id]

    async def _give_back(self, queued: QueuedNotice, lease: Lease, problem: str) -> None:
        if lease.is_held():  # else it is another's, or will be free as soon as somebody looks
            await self._outbox.deferred(queued.id, problem, self._now(), self._now())

    async def _settle(self, queued: QueuedNotice, lease: Lease) -> None:
        about = {"notice_id": queued.id, "case": queued.case_number, "purpose": queued.notice.purpose.value, "tries": queued.tries + 1}
        began = time.monotonic()
        try:
            reply = await self._deliver(queued, lease)
        except DeliveryDeferredError as error:
            self._tell(queued, Try.DEFERRED, began)
            await self._defer(queued, str(error), about)
        except DeliveryRefusedError as error:
            self._tell(queued, Try.REFUSED, began)
            log.error("notice.refused", **about, problem=str(error))  # noqa: TRY400 - the relay's answer, no traceback
            await self._refused(queued, error)
        except StoreUnavailableError:
            raise
        except Exception as error:  # a bug in building one mail must not stop the others
            self._tell(queued, Try.FAILED, began)
            log.exception("notice.failed", **about)
            await self._defer(queued, f"程序内部错误（{type(error).__name__}）", about)
        else:
            self._tell(queued, Try.SENT, began)
            log.info("notice.sent", **about, recipient=queued.notice.to.address)
            self._unnoted[queued.id] = partial(self._outbox.sent, queued.id, self._now(), reply=reply)
            await self._unnoted[queued.id]()
            del self._unnoted[queued.id]

    def _tell(self, queued: QueuedNotice, ended: Try, began: float) -> None:
        for listener in self._listeners:
            listener(queued, ended, time.monotonic() - began)

    async def _deliver(self, queued: QueuedNotice, lease: Lease) -> str:
        """Hand a notice to the relay and return what it said."""
        sender = self.senders.get(queued.district)
        if sender is None:
            raise DeliveryDeferredError(f"配置里没有区 {queued.district}，不知道以谁的名义发出")
        wanted = queued.arrival_id if queued.notice.attach_original else None
        original = None if wanted is None else await self._original(wanted)
        pictures = {sha256: picture for sha256 in shown_in(queued.notice.html) if (picture := await self._picture(sha256)) is not None}
        enclosed = await self._enclosed(queued)
        build_it = partial(
            build, queued, sender=sender, original=original, pictures=pictures, enclosed=enclosed, plus_address=self._plus_address
        )
        try:
            return await self._hand_over(queued, lease, sender, original, partial(build_it, max_original=self._max_original))
        except MailTooLargeError:
            if original is None:
                raise
            # The letter matters more than its enclosure; it says that one is missing.
            return await self._hand_over(queued, lease, sender, original, partial(build_it, max_original=0))

    async def _refused(self, queued: QueuedNotice, error: DeliveryRefusedError) -> None:
        if not isinstance(error, AddressRefusedError):
            await self._outbox.refused(queued.id, str(error), self._now())
            return
        bounce = Bounce(is_permanent=True, recipient=queued.notice.to.address, status=error.status, words=str(error), messages=())
        compose = self._offices[queued.district].composer.for_undelivered
        await self._outbox.address_refused(queued.id, bounce, str(error), self._now(), compose=compose)
        self.wake()

    async def _enclosed(self, queued: QueuedNotice) -> Enclosed:
        if not queued.notice.enclosures:
            return NOTHING
        made = await asyncio.to_thread(make, queued.notice.enclosures, self._offices[queued.district].rulebook.forms)
        if made.missing:
            log.warning("notice.enclosure_missing", notice_id=queued.id, case=queued.case_number, files=[*made.missing])
        return made

    async def _original(self, arrival_id: int) -> bytes:
        """Return what came in as it may be passed on: a mail without the tokens that its author brought back."""
        raw = await self._arrivals.raw(arrival_id)
        if not is_mail(raw):
            return raw
        return without_tokens(raw) if len(raw) <= _SMALL else await asyncio.to_thread(without_tokens, raw)

    async def _picture(self, sha256: str) -> bytes | None:
        """Return a picture that a page shows; None where it was erased since: the letter goes without it."""
        try:
            return await self._arrivals.blob(sha256)
        except UsageError:
            return None

    async def _hand_over(
        self, queued: QueuedNotice, lease: Lease, sender: Address, original: bytes | None, build_it: Callable[[], bytes]
    ) -> str:
        # A thread costs more than a usual mail; what a large one costs, the others must not wait for.
        message = build_it() if len(original or b"") <= _SMALL else await asyncio.to_thread(build_it)
        if not lease.is_held():  # we were away too long, and another service may be sending it
            raise StoreUnavailableError("与数据库的联系中断过久，这封通知可能已由别的服务接手")
        return await self._transport.send(message, sender=sender.address, recipient=queued.notice.to.address, envelope_id=queued.message_id)

    async def _defer(self, queued: QueuedNotice, problem: str, about: Mapping[str, object]) -> None:
        pause = next_pause(queued.tries + 1, queued.message_id)
        if pause is None:
            log.error("notice.given_up", **about, problem=problem)
            await self._outbox.refused(queued.id, f"{_GIVEN_UP}：{problem}", self._now())
            return
        log.warning("notice.deferred", **about, problem=problem, retry_in_s=pause.total_seconds())
        await self._outbox.deferred(queued.id, problem, self._now(), self._now() + pause)

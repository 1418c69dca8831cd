"""Takes in what other platforms hand over: read by the pack's mapping, kept whole, then row by row into the records.

`accept` is what every door calls (folder, HTTP, command); after it the file is safe. `run` takes the rows of what was accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from channels.platform_petition import petition_of
from channels.platform_reader import PlatformReader
from daemon.waiting import first_of
from store.errors import TemporaryError, UsageError, WorkerFailedError
from store.model.platforms import Batch, Handed, KeptBatch, PlatformMapping
from store.platforms import Platforms, Taken

if TYPE_CHECKING:
    from rules.rulebook import RuleBook

log = structlog.get_logger()

_PIECE = 100  # rows in one transaction: few enough that mail does not wait for them
_POLL_S = 5.0  # another process may have accepted something


class Room(Protocol):
    """What reading a platform's files needs of a district; `daemon.pipeline.DistrictRoom` has it."""

    @property
    def rulebook(self) -> RuleBook:
        """The pack in force."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file or body as it came to a door, not yet read."""

    district: str
    platform: str
    door: str
    key: str
    raw: bytes
    name: str = ""
    peer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The receipt for a delivery, which is now safe: the number of its batch, whether it is new, and how it was read."""

    batch_id: int
    is_new: bool
    batch: Batch


def mapping_of(rulebook: RuleBook, platform: str) -> PlatformMapping:
    """Return the mapping of a platform. Raises UsageError where the pack has none of that name."""
    if platform not in rulebook.platforms:
        known = "、".join(rulebook.platforms) or "（没有）"
        raise UsageError(f"{rulebook.district.name}的规则包里没有平台 {platform} 的映射文件（platforms/{platform}.yaml）；有：{known}")
    return rulebook.platforms[platform]


class PlatformIntake:
    """The records of other platforms, from the door to the database."""

    def __init__(
        self,
        *,
        rooms: Mapping[str, Room],
        platforms: Platforms,
        reader: PlatformReader,
        now: Callable[[], datetime],
        taken: Callable[[Taken], None] = lambda _: None,
    ) -> None:
        """Keep the parts; *taken* is told of every piece of a batch whose rows are in the records."""
        self._rooms, self._platforms, self._reader, self._now = rooms, platforms, reader, now
        self._taken = taken
        self._woken = asyncio.Event()

    async def accept(self, delivery: Delivery) -> Receipt:
        """Read and keep what came to a door; after it the delivery is safe.

        Raises MalformedMessageError where it is no file of that platform, RepeatedKeyError, a TemporaryError where it cannot be kept now.
        """
        rulebook = self._rooms[delivery.district].rulebook
        try:
            mapping = mapping_of(rulebook, delivery.platform)
        except UsageError as error:  # a pack without it was put in force meanwhile: the next one may have it again
            raise TemporaryError(str(error)) from error
        try:
            batch = await self._reader.read(delivery.raw, mapping, rulebook.district.timezone)
        except WorkerFailedError as error:
            raise TemporaryError(f"暂时无法读取文件：{error}") from error
        handed = Handed(
            district=delivery.district,
            platform=delivery.platform,
            door=delivery.door,
            key=delivery.key,
            name=delivery.name,
            peer=delivery.peer,
            raw=delivery.raw,
            batch=batch,
        )
        receipt = await self._platforms.keep(handed, self._now())
        self._tell(delivery, receipt.arrival_id, batch, is_new=receipt.is_new)
        self._woken.set()
        return Receipt(batch_id=receipt.arrival_id, is_new=receipt.is_new, batch=batch)

    async def run(self, stop: asyncio.Event) -> None:
        """Take the rows of what is kept until *stop*; a piece in hand is finished. Raises StoreUnavailableError."""
        while not stop.is_set():
            self._woken.clear()
            if not await self.take_some(stop):
                await first_of(self._woken, stop, timeout_s=_POLL_S)

    async def take_some(self, stop: asyncio.Event) -> bool:
        """Take all rows of the oldest batch of each platform; False where there was nothing to take."""
        batches = await self._platforms.open_batches()
        for batch in batches:
            await self._take_batch(batch, stop)
        return bool(batches)

    async def _take_batch(self, batch: KeptBatch, stop: asyncio.Event) -> None:
        pending = await self._platforms.pending(batch.id)
        for start in range(0, len(pending.rows), _PIECE):
            if stop.is_set():
                return
            piece = [(row, petition_of(row.record)) for row in pending.rows[start : start + _PIECE]]
            taken = await self._platforms.take(batch.id, pending.at + start, piece, self._now())
            if taken is None:  # another service is at it
                return
            self._taken(taken)
            for turned in taken.turned:
                about = {"before": turned.before.value, "after": turned.after.value}
                log.warning("platform.turned_back", platform=turned.platform, record_id=turned.record_id, **about)
            if taken.batch.is_done:
                done = taken.batch
                counts = {"added": done.added, "changed": done.changed, "same": done.same, "older": done.older}
                log.info("platform.taken", platform=done.platform, batch_id=done.id, turned_back=done.turned_back, **counts)

    def _tell(self, delivery: Delivery, batch_id: int, batch: Batch, *, is_new: bool) -> None:
        about = {"platform": delivery.platform, "door": delivery.door, "batch_id": batch_id}
        log.info("platform.accepted", is_new=is_new, good=len(batch.good), bad=len(batch.bad), **about)
        if is_new and batch.bad:
            log.warning("platform.bad_rows", bad=len(batch.bad), good=len(batch.good), **about)


@dataclass(frozen=True, slots=True)
class _Desk:
    """A district without an engine, for a command."""

    rulebook: RuleBook


async def import_delivery(
    platforms: Platforms, books: Mapping[str, RuleBook], delivery: Delivery, now: Callable[[], datetime]
) -> KeptBatch:
    """Take one file in as a command does, its rows included, and return what became of it. Raises as `PlatformIntake.accept`.

    Rows of earlier files that still wait are taken first.
    """
    reader = PlatformReader()
    try:
        rooms = {id_: _Desk(rulebook) for id_, rulebook in books.items()}
        intake = PlatformIntake(rooms=rooms, platforms=platforms, reader=reader, now=now)
        receipt = await intake.accept(delivery)
        while not (await platforms.batch(receipt.batch_id)).is_done:
            await intake.take_some(asyncio.Event())
        return await platforms.batch(receipt.batch_id)
    finally:
        await reader.close()

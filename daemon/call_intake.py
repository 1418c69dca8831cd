"""Takes in what a hotline hands over: one call or many, each kept as an arrival of its own, all of a file in one commit or none.

`accept` is what every door calls (folder, HTTP); after it the calls are safe, and the pipeline decides them like mails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from store.errors import RepeatedKeyError, TemporaryError, WorkerFailedError
from store.model.arrival import Accepted, Arrival, Channel

if TYPE_CHECKING:
    from channels.reader import OneCall, Reader
    from rules.rulebook import RuleBook
    from store.arrivals import Arrivals

log = structlog.get_logger()

Kept = Callable[[Sequence[Arrival], Sequence[Accepted]], None]


class Room(Protocol):
    """What taking in calls needs of a district; `daemon.pipeline.DistrictRoom` has it."""

    @property
    def rulebook(self) -> RuleBook:
        """The pack in force."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedCalls:
    """One file or body as it came to a door, not yet read. `key` is the same whenever this very one comes again."""

    district: str
    hotline: str
    door: str  # "http" or "folder"
    key: str
    raw: bytes
    peer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCall:
    """The receipt for one call: its own number ("" where it has none), that of its arrival, and whether it is new."""

    call_id: str
    arrival_id: int
    is_new: bool


class CallIntake:
    """The calls of hotlines, from the door to the database."""

    def __init__(self, *, rooms: Mapping[str, Room], arrivals: Arrivals, reader: Reader, now: Callable[[], datetime], kept: Kept) -> None:
        """Keep the parts; *kept* is told of the arrivals that were accepted."""
        self._rooms, self._arrivals, self._reader, self._now, self._kept = rooms, arrivals, reader, now, kept

    async def accept(self, handed: HandedCalls) -> list[KeptCall]:
        """Keep the calls of *handed*, in order; after it they are safe.

        Raises MalformedMessageError where one cannot be read (none is kept then), RepeatedKeyError where a number or key came before with
        other words, a TemporaryError where it cannot be kept now.
        """
        try:
            calls = await self._reader.split(handed.raw, self._rooms[handed.district].rulebook.call_shape)
        except WorkerFailedError as error:
            raise TemporaryError(f"暂时无法读取通话记录：{error}") from error
        arrivals = [self._arrival(handed, place, call) for place, call in enumerate(calls)]
        receipts = await self._arrivals.accept(arrivals)
        self._kept(arrivals, receipts)
        await self._compare(calls, arrivals, receipts)
        count = sum(receipt.is_new for receipt in receipts)
        log.info("calls.accepted", hotline=handed.hotline, door=handed.door, calls=len(calls), new=count)
        return [
            KeptCall(call_id=call.call_id, arrival_id=receipt.arrival_id, is_new=receipt.is_new)
            for call, receipt in zip(calls, receipts, strict=True)
        ]

    def _arrival(self, handed: HandedCalls, place: int, call: OneCall) -> Arrival:
        """Return the arrival of a call: known again by its number on this hotline, or by its bytes, and by the door's own key."""
        known_by = f"{handed.hotline}\n{call.call_id}".encode() if call.call_id else call.raw
        return Arrival(
            district=handed.district,
            channel=Channel.HOTLINE,
            door=handed.door,
            source_key=f"hotline:{handed.hotline}:{handed.key}:{place}",
            content_key=hashlib.sha256(b"call\n" + known_by).hexdigest(),
            message_id="",
            envelope_from="",
            envelope_to=(),
            received_at=self._now(),
            raw=call.raw,
            peer=handed.peer,
        )

    async def _compare(self, calls: Sequence[OneCall], arrivals: Sequence[Arrival], receipts: Sequence[Accepted]) -> None:
        """Refuse what bears the number or key of a call that was kept with other words: one of the two would be lost in silence."""
        for call, arrival, receipt in zip(calls, arrivals, receipts, strict=True):
            if not receipt.is_new and await self._arrivals.raw(receipt.arrival_id) != arrival.raw:
                by_key = (await self._arrivals.get(receipt.arrival_id)).source_key == arrival.source_key
                raise RepeatedKeyError(
                    f"{'这个幂等键' if by_key else f'通话编号 {call.call_id}'} 以前收过（来件 A-{receipt.arrival_id}），内容不同；"
                    f"以前的没有改动。{'如是另一次通话，请换一个幂等键再交' if by_key else '如是更正后的记录，请换一个编号再交'}"
                )

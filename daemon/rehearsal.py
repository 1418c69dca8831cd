"""Messages that did not come through a door: files handed to a command, taken the daemon's own path in a throw-away house."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from channels.identity import mail_keys
from channels.platforms import read_batch
from daemon.config import Config, DistrictSection, LimitsSection, RelaySection, StoreSection
from daemon.pipeline import Outcome
from daemon.platform_intake import Delivery
from daemon.wiring import House, open_house
from rules.rulebook import RuleBook
from store.errors import MalformedMessageError
from store.model.arrival import Arrival, Channel, StoredArrival
from store.model.platforms import KeptRecord

_DOOR = "file"
_BY_ENDING = {
    ".eml": Channel.MAIL,
    **dict.fromkeys((".json", ".srt", ".vtt"), Channel.HOTLINE),
    **dict.fromkeys((".tif", ".tiff", ".pdf", ".jpg", ".jpeg", ".png"), Channel.FAX),
}
_ADDRESSES = """
[sender]
name = "坐诊接诉"
address = "zuozhen@example.org"
[coordinator]
address = "coordinator@example.org"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message from a file; *source* names it (a file name, a row's id)."""

    source: str
    channel: Channel
    received_at: datetime
    raw: bytes


def channel_of(path: Path) -> Channel:
    """Return what kind of message a file is by its ending: .eml is mail, .json, .srt and .vtt a call, pictures and .pdf a fax, anything else the text of a letter."""
    return _BY_ENDING.get(path.suffix.lower(), Channel.LETTER)


async def keep(house: House, message: Message) -> StoredArrival:
    """Take *message* in for the only district of *house*, and return it as it is stored."""
    (district,) = house.rooms
    (accepted,) = await house.stores.arrivals.accept([_arrival(message, district)])
    return await house.stores.arrivals.get(accepted.arrival_id)


async def keep_record(house: House, message: Message) -> KeptRecord:
    """Take the record of another platform in for the only district of *house*, by the mapping of its pack that reads it.

    Raises MalformedMessageError where none does.
    """
    ((district, room),) = house.rooms.items()
    platform = _platform_of(message.raw, room.rulebook)
    receipt = await house.intake.accept(Delivery(district=district, platform=platform, door=_DOOR, key=message.source, raw=message.raw))
    await house.intake.take_some(asyncio.Event())
    return await house.stores.platforms.record(receipt.batch.good[0].record.number, platform)


def _platform_of(raw: bytes, book: RuleBook) -> str:
    for mapping in book.platforms.values():
        with suppress(MalformedMessageError):
            if read_batch(raw, mapping, book.district.timezone).good:
                return mapping.id
    raise MalformedMessageError("规则包里没有一个平台的映射文件读得了这一行")


async def take(house: House, message: Message) -> Outcome:
    """Take *message* in and process it at once; raises as `Pipeline.process` does."""
    return await house.pipeline.process(await keep(house, message))


@asynccontextmanager
async def temporary_house(book: RuleBook, *, now: Callable[[], datetime], readers: int = 2) -> AsyncIterator[House]:
    """Open a whole house that decides by *book*, on a throw-away SQLite, its mail in a throw-away folder."""
    with TemporaryDirectory(prefix="zuozhen-") as name:
        folder = Path(name)
        pack = folder / book.district.id
        for file, content in book.files.items():
            (pack / file).parent.mkdir(parents=True, exist_ok=True)
            (pack / file).write_bytes(content)
        (folder / "addresses.toml").write_text(_ADDRESSES, encoding="utf-8")
        config = Config(
            store=StoreSection(url=f"sqlite:///{folder}/zuozhen.db"),
            relay=RelaySection(folder=folder / "outgoing"),
            limits=LimitsSection(readers=readers),
            district=(DistrictSection(pack=str(pack), mailboxes=("zuozhen@example.org",), addresses=folder / "addresses.toml"),),
        )
        async with open_house(config, now=now) as house:
            yield house


def _arrival(message: Message, district: str) -> Arrival:
    is_mail = message.channel is Channel.MAIL
    message_id, content_key = mail_keys(message.raw) if is_mail else ("", hashlib.sha256(message.raw).hexdigest())
    return Arrival(
        district=district,
        channel=message.channel,
        door=_DOOR,
        source_key=message.source,
        content_key=content_key,
        message_id=message_id,
        envelope_from="",  # without recipients there was no envelope, so this is no null sender
        envelope_to=(),
        received_at=message.received_at,
        raw=message.raw,
    )

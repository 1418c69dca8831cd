"""From the [[fax]] sections to drop folders, and to the addresses whose mail is a fax: which line's pages come in where."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from channels.dropfolder import DropFolder, Dropped
from channels.folder_watch import FolderWatch
from daemon.config import MIB, Config, FaxSection
from daemon.platform_doors import Doors, WatchedFolder, district_of
from store.errors import ConfigError, MalformedMessageError, Problem
from store.model.arrival import Accepted, Arrival, Channel
from store.page_files import is_page

if TYPE_CHECKING:
    from store.arrivals import Arrivals

log = structlog.get_logger()

_FILE = "zuozhen.toml"
_FROM = re.compile(r"_from_([0-9]{3,20})(?![0-9])")  # how the dispatch script of HylaFAX names a file (systemd/zuozhen-faxdispatch)
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16, the one encoding of a text with zero bytes

Kept = Callable[[Sequence[Arrival], Sequence[Accepted]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedPages:
    """One file as it came to a line, not yet read. `key` is the same whenever this very one comes again, `number` is where it came from."""

    district: str
    line: str
    channel: Channel
    key: str
    number: str
    raw: bytes


class FaxIntake:
    """Pages from the door to the database; the pipeline reads and decides them like mails."""

    def __init__(self, arrivals: Arrivals, *, now: Callable[[], datetime], kept: Kept) -> None:
        """Keep the parts; *kept* is told of the arrivals that were accepted."""
        self._arrivals, self._now, self._kept = arrivals, now, kept

    async def accept(self, handed: HandedPages) -> Accepted:
        """Keep *handed*; after it the pages are safe. The same file put in twice is one.

        Raises MalformedMessageError where it is neither pages nor text, a TemporaryError where it cannot be kept now.
        """
        if not is_page(handed.raw) and (not handed.raw.strip() or (b"\0" in handed.raw and not handed.raw.startswith(_WIDE))):
            raise MalformedMessageError("不是传真或扫描件；能收的有 TIFF、PDF、JPEG、PNG，以及 .txt 文字")
        arrival = Arrival(
            district=handed.district,
            channel=handed.channel,
            door="folder",
            source_key=f"fax:{handed.line}:folder:{handed.key}",
            content_key=hashlib.sha256(f"{handed.channel.value}\n".encode() + handed.raw).hexdigest(),
            message_id="",
            envelope_from=handed.number,
            envelope_to=(),
            received_at=self._now(),
            raw=handed.raw,
        )
        (receipt,) = await self._arrivals.accept([arrival])
        self._kept([arrival], [receipt])
        log.info("fax.accepted", line=handed.line, arrival_id=receipt.arrival_id, is_new=receipt.is_new, size=len(handed.raw))
        return receipt


def open_faxes(config: Config, districts: Sequence[str], intake: FaxIntake) -> Doors:
    """Return the folders of the fax lines; raises ConfigError with the problems of all of them."""
    belongs = check_faxes(config, districts)
    folders = tuple(
        WatchedFolder(watch=_watch(section, belongs[section.id], intake), poll_s=section.poll_seconds)
        for section in config.fax
        if section.folder is not None
    )
    return Doors(folders=folders, http=None, signed={})


def gateways_of(config: Config) -> dict[str, Channel]:
    """Return the addresses and domains whose mail is a fax or a scanned letter."""
    return {sender.casefold(): Channel(section.kind) for section in config.fax for sender in section.senders}


def check_faxes(config: Config, districts: Sequence[str]) -> dict[str, str]:
    """Return the district of each line; raises ConfigError with the problems of all of them."""
    problems: list[Problem] = []
    belongs: dict[str, str] = {}
    folders = {section.folder for section in (*config.platform, *config.hotline) if section.folder is not None}
    senders = set[str]()
    for index, section in enumerate(config.fax):
        key = f"fax.{index}"
        if section.id in belongs:
            problems.append(Problem(place=_FILE, key=f"{key}.id", message=f"传真线路 {section.id} 写了两次", remedy="合成一节"))
        if section.folder is not None and section.folder in folders:
            problems.append(Problem(place=_FILE, key=f"{key}.folder", message=f"目录 {section.folder} 已有别的用处", remedy="各用各的目录"))
        if section.folder is not None:
            folders.add(section.folder)
        own = {sender.casefold() for sender in section.senders}
        if own & senders:
            words = "、".join(sorted(own & senders))
            problems.append(Problem(place=_FILE, key=f"{key}.senders", message=f"{words} 写在了两条线路里", remedy="只留一处"))
        senders |= own
        try:
            belongs[section.id] = district_of(section, key, districts)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return belongs


def _watch(section: FaxSection, district: str, intake: FaxIntake) -> FolderWatch:
    assert section.folder is not None  # noqa: S101 - the caller asks only those that have one
    folder = DropFolder(section.folder, after=section.after, max_size=section.max_size_mb * MIB)

    async def take(dropped: Dropped) -> str:
        match = _FROM.search(dropped.name)
        receipt = await intake.accept(
            HandedPages(
                district=district,
                line=section.id,
                channel=Channel(section.kind),
                key=dropped.key,
                number=match[1] if match else "",
                raw=dropped.raw,
            )
        )
        return f"来件 A-{receipt.arrival_id}{'' if receipt.is_new else '（以前收过，没有重复立件）'}"

    return FolderWatch(f"fax:{section.id}", folder, take)

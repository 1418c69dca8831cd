"""Invented enterprises and their mails, and a whole house whose clock the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import structlog

from channels.identity import mail_keys
from channels.reader import PLAIN_CALL, Reader
from daemon.config import Config, DistrictSection, DoorSection, RelaySection, StoreSection
from daemon.pipeline import DistrictRoom, Outcome, Pipeline
from daemon.wiring import House, open_house
from rules.rulebook import builtin_pack, load_pack
from store.arrivals import Arrivals
from store.model.arrival import Arrival, ArrivalState, Channel, StoredArrival
from store.model.case import Case
from store.model.notice import Purpose, QueuedNotice
from store.model.petition import CallShape, Reading

MAILBOX = "zuozhen@example.org"
COORDINATOR = "coordinator@gov.example"
PUBLISHER = ("区融媒体中心", "media@gov.example")
START = datetime(2024, 10, 9, 1, 30, tzinfo=UTC)
PATIENCE_S = 60.0
_NAMES = "青岚远帆禾木云溪晨光瑞丰恒泰嘉鼎博景明华盛启航卓越思贤海川"  # no two sound alike
_numbers = count()

_ADDRESSES = f"""
[sender]
name = "坐诊接诉"
address = "{MAILBOX}"
[coordinator]
address = "{COORDINATOR}"
[publishers]
"{PUBLISHER[0]}" = "{PUBLISHER[1]}"
[departments]
"""

ACCEPTED = """尊敬的领导：

我是{name}的财务。我公司上月向区税务局申请增值税专用发票增版增量，办税服务厅两次退回，第一次说资料不全，第二次说系统在升级，
至今已经二十天，导致三笔订单无法开票。

请求区税务局明确受理时限，尽快办理发票增量。

联系人：{person}
联系电话：{phone}
"""
REFUSED = """尊敬的领导：

我公司{name}与昆明高塬商贸有限公司签订了买卖合同，货已交付，对方公司拖欠货款三十八万元，多次催要不付。

请求协调对方公司支付拖欠的货款并赔偿违约金。

联系人：{person}
联系电话：{phone}
"""
VAGUE = "营商环境太差了，希望领导重视。"
ADVERT = "本公司可代开各类增值税发票，点数优惠，先验票后付款，需要请加微信。"


@dataclass(frozen=True, slots=True)
class Enterprise:
    """Somebody who writes; no two share a name, a number or an address."""

    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def name(self) -> str:
        """Its registered name."""
        rest, last = divmod(self.number, len(_NAMES))
        first, middle = divmod(rest, len(_NAMES))
        return f"昆明{_NAMES[first] if first else ''}{_NAMES[middle]}{_NAMES[last]}办公用品有限公司"

    @property
    def address(self) -> str:
        """Its mail address."""
        return f"office{self.number}@enterprise.example"

    @property
    def person(self) -> str:
        """Who signs."""
        return "沈秋实"

    @property
    def phone(self) -> str:
        """The number to call."""
        return f"138{self.number:08d}"

    def mail(self, text: str = ACCEPTED, *, subject: str = "有关情况的反映", **headers: str) -> bytes:
        """Return a mail of this enterprise; *headers* are added to it, `_` standing for `-`."""
        message = EmailMessage()
        message["From"] = f"{self.person} <{self.address}>"
        message["To"] = MAILBOX
        message["Subject"] = subject
        message["Date"] = "Wed, 09 Oct 2024 09:30:00 +0800"
        message["Message-ID"] = f"<{next(_numbers)}@enterprise.example>"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(text.format(name=self.name, person=self.person, phone=self.phone))
        return bytes(message)


class Clock:
    """The moment as the test wants it."""

    def __init__(self, now: datetime = START) -> None:
        """Begin at *now*."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


class Attended(Arrivals):
    """The arrivals of a house for one run: time passes only when nothing is due, and the run ends when nothing is left."""

    def __init__(self, house: House, clock: Clock, stop: asyncio.Event, at_once: int) -> None:
        """Attend a run of a pipeline that takes *at_once* arrivals at a time."""
        super().__init__(house.stores.database)
        self._clock, self._stop, self._at_once = clock, stop, at_once

    async def claim(self, *, owner: str, now: datetime, limit: int, lease: timedelta, with_papers: bool = True) -> list[StoredArrival]:
        """Claim; where nothing is due and nothing is in hand, turn the clock or end the run."""
        claimed = await super().claim(owner=owner, now=now, limit=limit, lease=lease, with_papers=with_papers)
        while not claimed and limit == self._at_once:
            if not await self.undecided_count():
                self._stop.set()
                break
            self._clock.advance(timedelta(seconds=1))
            claimed = await super().claim(owner=owner, now=self._clock(), limit=limit, lease=lease)
        return claimed


@dataclass(slots=True, kw_only=True)
class Bench:
    """A house and the clock it goes by."""

    house: House
    clock: Clock

    @property
    def room(self) -> DistrictRoom:
        """The only district."""
        (room,) = self.house.rooms.values()
        return room

    async def accept(self, raw: bytes, *, envelope_from: str = "office@enterprise.example", district: str = "chenggong") -> int:
        """Take a mail in as the SMTP door does and return the arrival's id."""
        message_id, content_key = mail_keys(raw)
        arrival = Arrival(
            district=district,
            channel=Channel.MAIL,
            door="smtp",
            source_key=f"smtp:{content_key}",
            content_key=content_key,
            message_id=message_id,
            envelope_from=envelope_from,
            envelope_to=(MAILBOX,),
            received_at=self.clock(),
            raw=raw,
        )
        (receipt,) = await self.house.stores.arrivals.accept([arrival])
        return receipt.arrival_id

    async def take(self, raw: bytes, **envelope: str) -> Outcome:
        """Accept a mail and process it at once."""
        arrival_id = await self.accept(raw, **envelope)
        return await self.house.pipeline.process(await self.arrival(arrival_id))

    async def opened(self, text: str = ACCEPTED, enterprise: Enterprise | None = None, **headers: str) -> Case:
        """Take a mail that opens a case and return the case."""
        case = (await self.take((enterprise or Enterprise()).mail(text, **headers))).case
        assert case is not None
        return case

    async def arrival(self, arrival_id: int) -> StoredArrival:
        """Return an arrival as it stands."""
        return await self.house.stores.arrivals.get(arrival_id)

    async def state(self, arrival_id: int) -> ArrivalState:
        """Return where an arrival stands."""
        return (await self.arrival(arrival_id)).state

    async def notices(self, case: Case) -> list[QueuedNotice]:
        """Return the notices of a case, the oldest first."""
        return sorted(await self.house.stores.outbox.list(case_id=case.id), key=lambda queued: queued.id)

    async def notice(self, case: Case, purpose: Purpose) -> QueuedNotice:
        """Return the newest notice of a case with one purpose."""
        return [queued for queued in await self.notices(case) if queued.notice.purpose is purpose][-1]

    async def run(self, *, tries: int = 3, at_once: int = 4, attended: type[Attended] = Attended, **parts: Any) -> list[int]:
        """Run a pipeline until nothing is undecided; return the arrivals in the order in which they were recorded.

        *parts* (reader, cases, matching, rooms, leases) stand in for those of the house.
        """
        stop, recorded = asyncio.Event(), list[int]()
        arrivals = attended(self.house, self.clock, stop, at_once)
        pipeline = self.pipeline(arrivals=arrivals, tries=tries, at_once=at_once, **parts)
        pipeline.on_recorded(lambda arrival, _outcome: recorded.append(arrival.id))
        async with asyncio.timeout(PATIENCE_S):
            await pipeline.run(stop)
        return recorded

    def pipeline(self, **parts: Any) -> Pipeline:
        """Return a pipeline with the parts of the house but for *parts*."""
        stores = self.house.stores
        usual: Mapping[str, Any] = {
            "rooms": self.house.rooms,
            "arrivals": stores.arrivals,
            "cases": stores.cases,
            "matching": stores.matching,
            "addresses": stores.addresses,
            "reconsideration": self.house.pipeline._reconsideration,
            "replies": self.house.replies,
            "returns": self.house.pipeline._returns,
            "surveys": self.house.pipeline._surveys,
            "reader": self.house.pipeline._reader,
            "senders": self.house.pipeline._senders,
            "pages": self.house.reader.pages,
            "now": self.clock,
            "leases": self.house.leases,
            "tries": 3,
            "at_once": 4,
        }
        return Pipeline(**{**usual, **parts})


class Failing(Reader):
    """A reader in place of the real one that fails over some arrivals: each call takes the next of the errors meant for it."""

    def __init__(self, real: Reader, errors: Mapping[int, Iterator[Exception]]) -> None:
        """Fail by arrival id; where the errors are used up, and for the others, read."""
        self._real, self._errors = real, errors

    async def read(self, arrival: StoredArrival, shape: CallShape = PLAIN_CALL) -> Reading:
        """Read, or raise."""
        error = next(self._errors.get(arrival.id, iter(())), None)
        if error is not None:
            raise error
        return await self._real.read(arrival, shape)


def failing(bench: Bench, errors: Mapping[int, Sequence[Exception] | Iterator[Exception]]) -> Reader:
    """Return a reader of *bench* that raises *errors* over the arrivals with these ids."""
    return cast(Reader, Failing(bench.house.pipeline._reader, {key: iter(value) for key, value in errors.items()}))


@asynccontextmanager
async def bench(url: str = "") -> AsyncIterator[Bench]:
    """Open a house on the database at *url*, a file of its own by default, with a clock of its own; what it logs is heard by `capture_logs` only."""
    clock, loud = Clock(), structlog.get_config()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    try:
        with TemporaryDirectory(prefix="bench-") as folder:
            async with open_house(write_config(Path(folder), url=url), now=clock) as house:
                yield Bench(house=house, clock=clock)
    finally:
        structlog.configure(**loud)


def write_config(folder: Path, *, pack: str = "chenggong", url: str = "") -> Config:
    """Write the addresses of the district, all of whose departments can be mailed; return the configuration with *pack*, it or a copy.

    The database is a file in *folder* unless it has an *url*.
    """
    lines = "".join(f'{id_} = "{office(id_)}"\n' for id_ in _departments())
    (folder / "addresses.toml").write_text(_ADDRESSES + lines, encoding="utf-8")
    return Config(
        store=StoreSection(url=url or f"sqlite:///{folder}/zuozhen.db"),
        smtp=DoorSection(listen="127.0.0.1:0", hostname="test.example"),
        relay=RelaySection(folder=folder / "outgoing"),
        district=(DistrictSection(pack=pack, mailboxes=(MAILBOX,), addresses=folder / "addresses.toml"),),
    )


@cache
def _departments() -> tuple[str, ...]:
    """Return the ids of all departments; loading a pack takes half a second."""
    return tuple(load_pack(builtin_pack("chenggong")).district.departments)


def office(department: str) -> str:
    """Return the mailbox of a department."""
    return f"{department}@gov.example"

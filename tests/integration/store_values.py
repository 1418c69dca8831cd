"""Invented arrivals, petitions and decisions for the store's tests, and a store on a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from store.arrivals import Arrivals
from store.cases import Cases
from store.database import Database
from store.matching import Matching
from store.model.arrival import Arrival, Channel, StoredArrival
from store.model.case import Case
from store.model.decision import Decision, Verdict
from store.model.district import District
from store.model.due import Due
from store.model.letter import Address, Letter
from store.model.notice import Notice, Purpose
from store.model.petition import Found, Petition, Reading, Span
from store.outbox import Caps, Outbox

T = TypeVar("T", Arrival, Decision, Letter, Notice, Petition)

NOW = datetime(2024, 9, 2, 1, 30, tzinfo=UTC)
LEASE = timedelta(minutes=5)
HOUR = timedelta(hours=1)

DISTRICT = District(
    id="chenggong",
    name="昆明市呈贡区",
    programme="坐诊接诉",
    document="",
    coordinator="区政务服务局",
    case_number="CG-{year}-{seq:05d}",
    timezone="Asia/Shanghai",
    departments={},
    grounds={},
    wording={},
)


@dataclass(frozen=True, slots=True)
class Store:
    """Everything of one database."""

    db: Database
    arrivals: Arrivals
    outbox: Outbox
    cases: Cases
    matching: Matching

    async def accept(self, arrival: Arrival) -> StoredArrival:
        """Accept *arrival* and return it as it lies in the store."""
        (receipt,) = await self.arrivals.accept([arrival])
        return await self.arrivals.get(receipt.arrival_id)

    async def open_case(self, name: str = "1", *, notices: Sequence[Notice] = (), now: datetime = NOW, **changes: object) -> Case:
        """Accept an arrival called *name* and record an accepting decision for it; *changes* go to the decision."""
        stored = await self.accept(arrival(name))
        reading = Reading(petition=petition(name), blobs={})
        case = await self.cases.record(stored, reading, decision(**changes), district=DISTRICT, now=now, compose=lambda _: notices)
        assert case is not None
        return case


def url_of(path: Path) -> str:
    """Return the database URL of a file."""
    return f"sqlite:///{path}"


def store_on(db: Database, *, caps: Caps | None = None) -> Store:
    """Return the nouns of *db*."""
    outbox = Outbox(db, domain="mail.example", key=b"invented", caps=caps)
    return Store(db, Arrivals(db), outbox, Cases(db, outbox), Matching(db))


@asynccontextmanager
async def opened(place: Path | str, *, caps: Caps | None = None, patience: timedelta = timedelta(seconds=30)) -> AsyncIterator[Store]:
    """Yield a store on a file, made where there is none, or on the database at an URL, and close it."""
    db = Database(url_of(place) if isinstance(place, Path) else place, patience=patience)
    await db.upgrade()
    await db.start()
    try:
        yield store_on(db, caps=caps)
    finally:
        await db.close()


def arrival(name: str = "1", /, **changes: object) -> Arrival:
    """Return a mail whose keys all derive from *name*."""
    usual = Arrival(
        district=DISTRICT.id,
        channel=Channel.MAIL,
        door="smtp",
        source_key=f"source-{name}",
        content_key=f"content-{name}",
        message_id=f"{name}@sender.example",
        envelope_from="office@sender.example",
        envelope_to=("suqiu@gov.example",),
        received_at=NOW,
        raw=f"Subject: {name}\r\n\r\nletter {name}".encode(),
    )
    return _changed(usual, changes)


def found(value: str) -> Found:
    """Return *value* as a field read from the body."""
    return Found(value=value, how="label", span=Span(source="body", start=0, end=len(value), text=value))


def letter(name: str = "1", /, **changes: object) -> Letter:
    """Return a letter with its own Message-ID and sender."""
    usual = Letter(
        message_id=f"{name}@sender.example",
        sender=Address(name="", address=f"office{name}@sender.example"),
        subject=f"诉求 {name}",
        date=NOW,
    )
    return _changed(usual, changes)


def petition(name: str = "1", /, **changes: object) -> Petition:
    """Return a petition that shares no key with one of another *name*."""
    usual = Petition(
        channel=Channel.MAIL,
        name=found(f"昆明示例{name}号商贸有限公司"),
        title=f"标题 {name}",
        content=f"内容 {name}",
        letter=letter(name),
    )
    return _changed(usual, changes)


def decision(**changes: object) -> Decision:
    """Return a decision that accepts and assigns, unless *changes* say otherwise."""
    usual = Decision(
        verdict=Verdict.ACCEPT,
        proposed=False,
        ground=None,
        topic="",
        department="zjj",
        accompanying=("scj",),
        advice=None,
        missing=(),
        related_case=None,
        urgent=False,
        review=(),
        named_departments=(),
        scores=(("zjj", 3.0),),
        hits=(),
        near_misses=(),
        due=due(9),
        rulebook="f" * 64,
        engine="reference",
    )
    return _changed(usual, changes)


def due(day: int) -> Due:
    """Return a verification due on that day of September."""
    return Due(
        kind="verification",
        label="初步对接核实",
        basis="三（四）",
        start=date(2024, 9, 2),
        start_label="来件",
        due=date(2024, 9, day),
        provisional=False,
        days=(),
    )


def notice(to: str = "zjj@gov.example", *, purpose: Purpose = Purpose.ASSIGN, **changes: object) -> Notice:
    """Return a notice to one address."""
    usual = Notice(purpose=purpose, to=Address(name="", address=to), subject="交办", text="请办理", html="", attach_original=False)
    return _changed(usual, changes)


def blob(content: bytes) -> dict[str, bytes]:
    """Return *content* under its own hash, as a reading carries it."""
    return {sha256(content).hexdigest(): content}


def _changed(usual: T, changes: Mapping[str, Any]) -> T:
    return replace(usual, **changes)

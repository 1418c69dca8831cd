"""The history of a case as a chain of digests: an event that was changed, removed or moved breaks every later one.

A digest covers number, kind, moment, actor and data of an event and the digest before it. Texts of people enter as digests of their own,
inside the data, so that a text can be erased by law one day without breaking the chain. The case keeps the length and the last digest of
its chain, so that events missing at the end are found as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, bindparam, select, update

from store.model.case import Event
from store.tables import CASES, EVENTS, SUBJECT_EVENTS, SUBJECTS
from store.tables.columns import plain

_START = "0" * 64  # what the first event names as the digest before it
_REASON = "reason_sha256"

_NAMES = tuple(Event.__dataclass_fields__)


class Chain:
    """Where histories lie: whose they are, their links, and the column by which a link names its owner. Its statements are built once."""

    def __init__(self, owners: Table, links: Table, key: str) -> None:
        """Keep the histories of *owners* in *links*, where the column *key* names them."""
        this = owners.c.id == bindparam("this")
        self.key = key
        self.remembered = select(owners.c.district, owners.c.events, owners.c.head).where(this).with_for_update()
        self.tail = select(owners.c.events, owners.c.head).where(this)
        self.add = links.insert()
        self.remember = update(owners).where(this).values(events=bindparam("length"), head=bindparam("last"))
        self.links = select(*(links.c[name] for name in _NAMES)).where(links.c[key] == bindparam("this")).order_by(links.c.seq)


OF_CASES = Chain(CASES, EVENTS, "case_id")
OF_SUBJECTS = Chain(SUBJECTS, SUBJECT_EVENTS, "subject_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened to a case, before it has its place in the chain. `data` holds what JSON holds, without floats."""

    kind: str
    at: datetime
    actor: str
    reason: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tail:
    """How far a chain has come: the number of its events and the digest of the last."""

    length: int = 0
    head: str = _START


def digest_of(content: str | bytes) -> str:
    """Return the SHA-256 (hex) under which *content* enters a chain."""
    return hashlib.sha256(plain(content).encode() if isinstance(content, str) else content).hexdigest()


def link(tail: Tail, entry: Entry) -> Event:
    """Return *entry* as the event that follows *tail*."""
    reason = plain(entry.reason)
    data = {**entry.data, _REASON: digest_of(reason)} if reason else dict(entry.data)
    draft = Event(
        seq=tail.length + 1,
        kind=entry.kind,
        at=entry.at.astimezone(UTC),
        actor=plain(entry.actor),
        reason=reason,
        data=data,
        previous=tail.head,
        digest="",
    )
    return replace(draft, digest=_seal(draft))


def verify(history: Sequence[Event], tail: Tail | None = None) -> list[str]:
    """Return what is wrong with *history*, Chinese lines in order; an intact one gives an empty list.

    *tail*, where given, is what the case itself remembers of its chain; without it events missing at the end are not noticed.
    """
    problems: list[str] = []
    reached = Tail()
    for event in history:
        problems += _problems(event, reached)
        reached = Tail(event.seq, event.digest)
    if tail is not None and tail != reached:
        problems.append(f"末尾缺失或多出记录：登记为 {tail.length} 条，实到第 {reached.length} 条")
    return problems


def begin(entries: Iterable[Entry]) -> tuple[list[Event], Tail]:
    """Return the first events of a history and its tail, which belongs into the row of the case; `keep` then writes the events."""
    return _linked(Tail(), entries)


def append(connection: Connection, owner_id: int, entries: Iterable[Entry], *, chain: Chain = OF_CASES) -> None:
    """Add *entries* (one at least) to the history of the case (or of another owner), in this order (a unit of `Database.write`)."""
    district, length, head = connection.execute(chain.remembered, {"this": owner_id}).one()
    events, tail = _linked(Tail(length, head), entries)
    keep(connection, owner_id, district, events, chain=chain)
    connection.execute(chain.remember, {"this": owner_id, "length": tail.length, "last": tail.head})


def keep(connection: Connection, owner_id: int, district: str, events: Iterable[Event], *, chain: Chain = OF_CASES) -> None:
    """Write *events*, which follow those written before (a unit of `Database.write`)."""
    of = {chain.key: owner_id, "district": district}
    connection.execute(chain.add, [{**_fields(event), "data": _canonical(event.data), **of} for event in events])


def read(connection: Connection, owner_id: int, *, chain: Chain = OF_CASES) -> list[Event]:
    """Return the history of the case (or of another owner), oldest first (a unit of `Database.read`)."""
    rows = connection.execute(chain.links, {"this": owner_id})
    return [Event(**{**row, "data": data_of(row["data"])}) for row in rows.mappings()]


def read_tail(connection: Connection, owner_id: int, *, chain: Chain = OF_CASES) -> Tail:
    """Return what the case (or another owner) remembers of its chain (a unit of `Database.read`)."""
    length, head = connection.execute(chain.tail, {"this": owner_id}).one()
    return Tail(length, head)


def data_of(text: str) -> Mapping[str, object]:
    """Return the data of an event as it lies there in *text*; what is none shows as such, so that `verify` reports it instead of failing."""
    try:
        value = json.loads(text, parse_constant=str)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"unreadable": text}


def _linked(tail: Tail, entries: Iterable[Entry]) -> tuple[list[Event], Tail]:
    """Return *entries* as the events that follow *tail*, and the tail behind them."""
    events = []
    for entry in entries:
        event = link(tail, entry)
        tail = Tail(event.seq, event.digest)
        events.append(event)
    return events, tail


def _problems(event: Event, before: Tail) -> list[str]:
    problems = []
    if event.seq != before.length + 1 or event.previous != before.head:
        problems.append(f"第 {event.seq} 条与第 {before.length} 条不衔接：中间的记录缺失、被移动或被替换")
    if event.digest != _seal(event):
        problems.append(f"第 {event.seq} 条（{event.kind}）的内容与摘要不符：记录被改动")
    if event.data.get(_REASON, digest_of("")) != digest_of(event.reason):
        problems.append(f"第 {event.seq} 条（{event.kind}）的理由被改动")
    return problems


def _seal(event: Event) -> str:
    """Return the digest of all that *event* says; the reason counts through its digest in the data."""
    said = {**_fields(event), "at": event.at.isoformat(timespec="microseconds")}
    del said["reason"], said["digest"]
    return digest_of(_canonical(said))


def _fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in _NAMES}


def _canonical(value: Mapping[str, object]) -> str:
    """Return the one JSON text of *value*: sorted keys, no spaces, ASCII only, so that no encoding can change it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)

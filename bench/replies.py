"""Replies: answers to mails of ours wait in the queue, ten thousand to a thousand cases; how fast they are worked off, and how long anything is locked.

The cases and the mails that are answered are the product's own work, before the measurement. A case gets ten letters in the order of its life:
seven of its department that order something, one that orders nothing, one of a stranger with the right token, one of the enterprise; the whole
queue has the first ones of all cases before the second ones. The floor parses the same letters with the standard library and writes letter,
event and new state of the case in one transaction each, on the same kind of database, waiting for the disk each time.
"""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from corpus import MAILBOX, mails
from machine import cpu_seconds
from result import Result, Sample, compare
from service import ground

from channels.identity import mail_keys
from daemon import logs
from daemon.config import Config, DistrictSection, LimitsSection, RelaySection, StoreSection
from daemon.wiring import House, open_house
from rules.rulebook import builtin_pack, load_pack
from store import tokens
from store.database import Database
from store.model.arrival import Arrival, Channel
from store.model.case import Case, CaseState
from store.model.notice import Purpose, QueuedNotice
from store.tables import EVENTS, HELD_REPLIES

_FLOOR, _PART = 200, 250  # cases of the floor, letters laid into the queue at once
_PATIENCE_S = 1_200.0
_DISTRICT, _STRANGER, _PACK = "chenggong", "stranger@elsewhere.example", "chenggong"
_START = datetime(2026, 11, 16, 2, tzinfo=UTC)  # a Monday, 10 o'clock in China
_OWN, _ENTERPRISE = "department", "enterprise"
# Who writes what, in the order of a case's life; {n} makes the words of a letter its own.
_LETTERS: Sequence[tuple[str, str]] = (
    (_OWN, "签收。"),
    (_OWN, "正在处理，限期5个工作日。"),
    (_OWN, "收悉，会抓紧办理。"),
    (_OWN, "我们先到现场看一看再说，第{n}号。"),
    (_OWN, "申请延期3个工作日，原因：需与市级系统核对。"),
    (_STRANGER, "已解决：已办妥。"),
    (_OWN, "收悉，请放心。"),
    (_OWN, "已解决：已于今日当面办结，企业表示认可。"),
    (_ENTERPRISE, "满意，谢谢。"),
    (_OWN, "已解决：已于今日当面办结，企业表示认可。"),  # sent twice
)
_ACTS = {"case.acknowledged": 1, "case.promised": 1, "case.heeded": 2, "case.extension_asked": 1, "case.answered": 1, "case.rated": 1}
_ADDRESSES = """
[sender]
name = "坐诊"
address = "{mailbox}"
[coordinator]
address = "coordinator@bench.example"
[departments]
{departments}
"""


def measure(kind: str, cases: int) -> Result:
    """Measure both sides once, each in a fresh database of *kind*, the product with ten letters to each of *cases*. The log is off, which costs a service a few in a hundred."""
    logs.configure("error", "json")
    return compare(
        f"replies, {kind}, {cases * len(_LETTERS):,} waiting",
        f"to {cases:,} cases, queue to recorded",
        "email.message_from_bytes, one transaction each",
        lambda: _ours(kind, cases),
        lambda: _theirs(kind),
        rounds=1,
    )


# ---------------------------------------------------------------- the product


def _ours(kind: str, cases: int) -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as folder, ground(kind, Path(folder)) as place:
        pids = [os.getpid(), *([place.server] if place.server else [])]
        return asyncio.run(_measured(_config(Path(folder), place.url), cases, pids))


async def _measured(config: Config, cases: int, pids: Sequence[int]) -> Sample:
    begun = time.monotonic()
    async with open_house(config, now=lambda: _START + timedelta(seconds=time.monotonic() - begun)) as house:
        letters = _queue([(case, await _notices(house, case)) for case in await _cases(house, cases)])
        await _put(house, letters)
        with _watched() as locks:
            cpu, begun_at = sum(map(cpu_seconds, pids)), time.perf_counter()
            await _work_off(house, len(letters))
            seconds = time.perf_counter() - begun_at
            cpu = sum(map(cpu_seconds, pids)) - cpu
        lasted = sorted(locks)
        return Sample(
            rate=len(letters) / seconds,
            cpu_ms=cpu / len(letters) * 1e3,
            details={
                **await _became(house, cases),
                "write transactions": len(lasted),
                "write transaction, ms, p50": lasted[len(lasted) // 2] * 1e3,
                "write transaction, ms, p99": lasted[int(len(lasted) * 0.99)] * 1e3,
                "longest write transaction, ms": lasted[-1] * 1e3,
            },
        )


async def _cases(house: House, wanted: int) -> list[Case]:
    """Let petitions be decided until *wanted* cases are with a department and their enterprise can be mailed."""
    load, found = iter(mails(4 * wanted, seed=5)), list[Case]()
    while len(found) < wanted:
        raws = [("office@enterprise.example", next(load).raw) for _ in range(_PART)]
        await _put(house, raws)
        await _work_off(house, len(raws))
        found = await house.stores.cases.list(limit=4 * wanted)
        found = [
            one for one in found if one.state is CaseState.ASSIGNED and one.petition.letter.sender and not one.petition.letter.reply_to
        ]
    return found[:wanted]


async def _notices(house: House, case: Case) -> Mapping[str, QueuedNotice]:
    """Return the mails of ours that each side answers."""
    queued = {one.notice.purpose: one for one in await house.stores.outbox.list(case_id=case.id)}
    return {_OWN: queued[Purpose.ASSIGN], _STRANGER: queued[Purpose.ASSIGN], _ENTERPRISE: queued[Purpose.ACKNOWLEDGE]}


def _queue(asked: Sequence[tuple[Case, Mapping[str, QueuedNotice]]]) -> list[tuple[str, bytes]]:
    """Return sender and bytes of all letters, in the order in which they wait."""
    found = []
    for place, (who, words) in enumerate(_LETTERS):
        for number, (_, notices) in enumerate(asked):
            notice = notices[who]
            sender = who if who == _STRANGER else notice.notice.to.address
            found.append((sender, _letter(f"{place}.{number}", sender, notice, words.format(n=number))))
    return found


def _letter(name: str, sender: str, notice: QueuedNotice, words: str) -> bytes:
    """Return an answer as QQ mail writes it: ours quoted below, the body in base64."""
    subject = f"回复：{notice.notice.subject}{tokens.shown(notice.message_id)}"
    quoted = "\n".join(f"> {line}" for line in notice.notice.text.splitlines())
    body = f'{words}\n\n------------------ 原始邮件 ------------------\n发件人: "坐诊" <{MAILBOX}>;\n主题: {subject}\n\n{quoted}\n'
    head = (
        f"From: <{sender}>\r\nTo: <{MAILBOX}>\r\nSubject: =?utf-8?B?{base64.b64encode(subject.encode()).decode()}?=\r\n"
        f"Date: Mon, 16 Nov 2026 10:30:00 +0800\r\nMessage-ID: <{name}@client.example>\r\nIn-Reply-To: <{notice.message_id}>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    return head.encode() + base64.encodebytes(body.encode())


async def _put(house: House, letters: Sequence[tuple[str, bytes]]) -> None:
    """Lay letters into the queue as a door does, many with one commit."""
    for first in range(0, len(letters), _PART):
        await house.stores.arrivals.accept([_arrival(sender, raw) for sender, raw in letters[first : first + _PART]])


def _arrival(sender: str, raw: bytes) -> Arrival:
    message_id, content_key = mail_keys(raw)
    return Arrival(
        district=_DISTRICT,
        channel=Channel.MAIL,
        door="smtp",
        source_key=f"smtp:{content_key}",
        content_key=content_key,
        message_id=message_id,
        envelope_from=sender,
        envelope_to=(MAILBOX,),
        received_at=_START,
        raw=raw,
    )


async def _work_off(house: House, count: int) -> None:
    """Run the pipeline until *count* arrivals are recorded."""
    stop, left = asyncio.Event(), [count]

    def recorded(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            stop.set()

    house.pipeline.on_recorded(recorded)
    async with asyncio.timeout(_PATIENCE_S):
        await house.pipeline.run(stop)


async def _became(house: House, cases: int) -> dict[str, float]:
    """Return what the letters came to. Raises RuntimeError where anything was quick because it failed."""
    database = house.stores.database
    kinds = sa.select(EVENTS.c.kind, sa.func.count()).group_by(EVENTS.c.kind)
    events = dict(map(tuple, await database.read(lambda connection: connection.execute(kinds).all())))
    held = await database.read(lambda connection: connection.scalar(sa.select(sa.func.count()).select_from(HELD_REPLIES)) or 0)
    done = {kind: events.get(kind, 0) for kind in _ACTS}
    wanted = {kind: count * cases for kind, count in _ACTS.items()}
    if done != wanted or held != cases or await house.stores.arrivals.quarantined(limit=1):
        raise RuntimeError(f"{done} instead of {wanted}, {held} held")
    return {"acts": sum(done.values()), "held": held, "replies on record": events["case.replied"]}


@contextmanager
def _watched() -> Iterator[list[float]]:
    """Gather how long each transaction of the writer lasts, from its beginning until its commit is on disk: so long is the longest lock in it."""
    found, since = list[float](), dict[int, float]()

    def begins(_: sa.Connection) -> None:
        if threading.current_thread().name == "store-writer":
            since[threading.get_ident()] = time.perf_counter()

    def ends(*_: object) -> None:
        if (begun := since.pop(threading.get_ident(), None)) is not None:
            found.append(time.perf_counter() - begun)

    sa.event.listen(sa.Engine, "begin", begins)
    sa.event.listen(sa.Pool, "checkin", ends)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "begin", begins)
        sa.event.remove(sa.Pool, "checkin", ends)


def _config(folder: Path, url: str) -> Config:
    (folder / "data").mkdir(exist_ok=True)
    departments = "\n".join(f'{id_} = "{id_}@gov.example"' for id_ in load_pack(builtin_pack(_PACK)).district.departments)
    (folder / "addresses.toml").write_text(_ADDRESSES.format(mailbox=MAILBOX, departments=departments), encoding="utf-8")
    return Config(
        store=StoreSection(url=url),
        relay=RelaySection(folder=folder / "outgoing"),
        limits=LimitsSection(mails_a_day=1_000, mails_in_3_hours=1_000),  # a mail that a cap holds back costs less than one that is queued
        district=(DistrictSection(pack=_PACK, mailboxes=(MAILBOX,), addresses=folder / "addresses.toml"),),
    )


# ---------------------------------------------------------------- the floor


_TABLES = (
    "CREATE TABLE floor_letters (number INTEGER PRIMARY KEY, subject TEXT, words TEXT)",
    "CREATE TABLE floor_cases (number INTEGER PRIMARY KEY, state TEXT)",
    "CREATE TABLE floor_events (letter INTEGER, of_case INTEGER, kind TEXT)",
)
_WRITTEN = (
    "INSERT INTO floor_letters VALUES (:number, :subject, :words)",
    "INSERT INTO floor_events VALUES (:number, :case, 'replied')",
    "UPDATE floor_cases SET state = 'replied' WHERE number = :case",
)


def _theirs(kind: str) -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as folder, ground(kind, Path(folder)) as place:
        config = _config(Path(folder), place.url)
        letters = [raw for _, raw in asyncio.run(_letters(config))]
        pids = [os.getpid(), *([place.server] if place.server else [])]
        engine = Database(place.url).beside(patience=timedelta(seconds=10))
        with engine.begin() as connection:
            for table in _TABLES:
                connection.exec_driver_sql(table)
            connection.execute(sa.text("INSERT INTO floor_cases VALUES (:case, '')"), [{"case": case} for case in range(_FLOOR)])
        written = [sa.text(query) for query in _WRITTEN]
        cpu, begun = sum(map(cpu_seconds, pids)), time.perf_counter()
        for number, raw in enumerate(letters):
            message = email.message_from_bytes(raw, policy=email.policy.default)
            values = {"number": number, "case": number % _FLOOR, "subject": str(message["Subject"]), "words": message.get_content()}
            with engine.begin() as connection:
                for query in written:
                    connection.execute(query, values)
        seconds = time.perf_counter() - begun
        engine.dispose()
        return Sample(rate=len(letters) / seconds, cpu_ms=(sum(map(cpu_seconds, pids)) - cpu) / len(letters) * 1e3)


async def _letters(config: Config) -> list[tuple[str, bytes]]:
    """Return the letters to some cases, as the product gets them."""
    async with open_house(config, now=lambda: _START) as house:
        return _queue([(case, await _notices(house, case)) for case in await _cases(house, _FLOOR)])

"""Find earlier reports among many: what it costs among ten thousand cases, a hundred thousand and a million, in one store that grows.

Only what matching costs is measured: writing the keys of one case, and looking up the candidates of one petition, in wall and CPU time of
this process (on PostgreSQL the server's time is in the wall time alone). The floor is the smallest size: a ratio of 1 says that history
costs nothing. Enterprises repeat as in life (few are known well, most report once), texts are made of what the word lists of 呈贡 speak of,
so that most pieces of three characters are common. Planted are tellings of one matter by the same enterprise: the name misheard and
shortened, the telephone masked, half of what it says left out, the rest in another order.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import sqlalchemy as sa
from client import rate_and_waits
from result import Result, Sample
from service import ground

from rules.rulebook import builtin_pack, load_pack
from store import matching, matching_grams
from store.database import Database
from store.matching import Matching
from store.matching_keys import keys_of
from store.model.arrival import Channel
from store.model.district import District
from store.model.letter import Letter
from store.model.petition import Found, Petition, Span
from store.tables import ARRIVALS, CASES, GRAM_COUNTS, GRAMS, KEYS

_DISTRICT = "chenggong"
_NOW = datetime(2026, 11, 16, tzinfo=UTC)
_BATCH = 500  # cases in one transaction
_MANY = 5_000  # the same where they only fill the store
_UNCOUNTED = 1_000  # cases of each size that are written before it is counted which pieces are common
_INSERTED, _PLANTED, _WARM_UP, _ASKED = 1_000, 200, 20, 500  # of each size
_HEARD = str.maketrans("宁林诗志城尚启岭晨", "林宁师至成上起领陈")
_OWN = "宁林诗志城尚启岭晨瑞丰华泰永盛博远佳和云岚泽坤凯锋沃途捷智禾昱辰铭澜樾栖恒彩穿骏蓝岫鑫宇滇蕊博岭屹川晶曜"
_TRADES = ("商贸", "建筑工程", "文化传媒", "花卉", "餐饮管理", "信息技术", "物流", "机电设备", "生物科技", "劳务派遣")
_FILLING = (
    "我公司多次到窗口询问，至今没有书面答复",
    "工作人员每次说法都不一样",
    "请相关部门尽快核实处理并回复",
    "材料已经按要求全部提交",
    "严重影响了企业正常经营",
    "希望协调解决",
)


class _World:
    """Enterprises and what they report, always the same."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        lists = load_pack(builtin_pack(_DISTRICT)).lists
        self._words = [
            word for name, some in lists.items() if "事项" in name or len(some.words) > 8 for word in some.words if len(word) > 2
        ]

    def petition(self) -> Petition:
        """Return what some enterprise reports."""
        dice = self._dice
        number = int(dice.paretovariate(0.6)) if dice.random() < 0.3 else dice.randrange(1_000_000)
        own = random.Random(number)
        name = f"昆明{''.join(own.choices(_OWN, k=3))}{own.choice(_TRADES)}有限公司"
        phone = f"1{own.choice('3578')}{own.randrange(10**9):09}"
        said = [
            f"{dice.choice(('关于', '因', '就'))}{dice.choice(self._words)}{dice.choice(('一事', '的问题', '未办结'))}" for _ in range(7)
        ]
        said.append(f"涉及{dice.choice(self._words)}金额{dice.randrange(10_000, 9_999_999) / 100:.2f}万元")
        said.append(f"位于{''.join(dice.choices(_OWN, k=2))}路{dice.randrange(1, 400)}号")
        return _petition(name, phone, [*said, *dice.sample(_FILLING, 3)])

    def retold(self, first: Petition) -> Petition:
        """Return the same matter as a call taker writes it down."""
        said = first.content.split("，")
        kept = self._dice.sample(said, k=len(said) // 2)
        name, phone = first.name.value if first.name else "", first.phone.value if first.phone else ""
        return _petition(name[2:5].translate(_HEARD), f"{phone[:3]}****{phone[-4:]}", kept)


def _petition(name: str, phone: str, said: Sequence[str]) -> Petition:
    letter = Letter(
        message_id="",
        in_reply_to=(),
        references=(),
        sender=None,
        reply_to=None,
        to=(),
        subject="",
        date=None,
        text="",
        attachments=(),
        automatic=None,
        doubts=(),
    )
    return Petition(
        channel=Channel.LETTER,
        name=_found(name),
        uscc=None,
        uscc_valid=None,
        address=None,
        contact=None,
        phone=_found(phone),
        title=said[0],
        content="，".join(said),
        quoted="",
        attachment_texts={},
        letter=letter,
    )


def _found(value: str) -> Found:
    return Found(value=value, how="label", span=Span(source="body", start=0, end=len(value), text=value))


async def _grow(database: Database, world: _World, begin: int, end: int) -> tuple[list[float], float]:
    """Write cases *begin* to *end* and return how long writing the keys of each took (s), and the CPU time of one (ms)."""
    took: list[float] = []
    cpu = 0.0
    for first in range(begin, end, _BATCH):
        petitions = [world.petition() for _ in range(min(_BATCH, end - first))]

        def unit(connection: sa.Connection, first: int = first, petitions: Sequence[Petition] = petitions) -> float:
            _write_cases(connection, first, petitions)
            spent = time.thread_time()
            for place, one in enumerate(petitions, start=1):
                start = time.perf_counter()
                matching.remember_case(connection, first + place, first + place, _DISTRICT, one)
                took.append(time.perf_counter() - start)
            return time.thread_time() - spent

        cpu += await database.write(unit)
        print(f"\r{first + len(petitions)}", end="", file=sys.stderr)
    return took, cpu / max(end - begin, 1) * 1000


async def _fill(database: Database, world: _World, begin: int, end: int) -> None:
    """Write cases *begin* to *end* with the same keys and pieces, but many of them at once and in order."""
    counted = sa.select(GRAM_COUNTS.c.gram, GRAM_COUNTS.c.reports)
    counts = await database.read(lambda connection: {row.gram: row.reports for row in connection.execute(counted)})
    for first in range(begin, end, _MANY):
        petitions = [world.petition() for _ in range(min(_MANY, end - first))]
        rows = dict(enumerate(petitions, start=first + 1))
        keys = sorted((key.kind, key.value, case) for case, one in rows.items() for key in keys_of(one))
        pieces = {case: matching_grams.grams_in(one.title, one.content) for case, one in rows.items()}
        kept = sorted((gram, case) for case, some in pieces.items() for gram in matching_grams.rarest_by(counts, some, matching_grams.KEPT))

        def unit(connection: sa.Connection, first: int = first, petitions: Sequence[Petition] = petitions) -> None:
            _write_cases(connection, first, petitions)
            _put(connection, KEYS, [_key(*key) for key in keys])  # noqa: B023 - it runs before the next turn
            _put(connection, GRAMS, [{"district": _DISTRICT, "gram": gram, "case_id": case} for gram, case in kept])  # noqa: B023

        await database.write(unit)
        print(f"\r{first + len(petitions)}", end="", file=sys.stderr)


def _put(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Write *rows*, each with the same columns; to PostgreSQL by COPY, which takes a tenth of the time of single rows."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        connection.execute(table.insert(), rows)
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(rows[0])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


def _key(kind: str, value: str, case: int) -> dict[str, object]:
    return {"district": _DISTRICT, "kind": kind, "value": value, "case_id": case, "arrival_id": case}


def _write_cases(connection: sa.Connection, first: int, petitions: Sequence[Petition]) -> None:
    connection.execute(ARRIVALS.insert(), [_arrival(first + place) for place in range(1, len(petitions) + 1)])
    connection.execute(CASES.insert(), [_case(first + place, one) for place, one in enumerate(petitions, start=1)])


def _arrival(number: int) -> dict[str, object]:
    texts = dict.fromkeys(("message_id", "envelope_from", "envelope_to", "problem", "peer"), "")
    keys = {"source_key": f"s{number}", "content_key": f"c{number}", "channel": "letter", "door": "file", "state": "done"}
    return {"id": number, "district": _DISTRICT, "received_at": _NOW, "due_at": _NOW, "tries": 0, **texts, **keys}


def _case(number: int, petition: Petition) -> dict[str, object]:
    return {
        **dict.fromkeys(("petition", "decision", "head"), ""),
        "id": number,
        "district": _DISTRICT,
        "number": f"CG-{number}",
        "number_key": f"cg-{number}",
        "state": "accepted",
        "opened_at": _NOW,
        "received_at": _NOW,
        "arrival_id": number,
        "name": petition.name.value if petition.name else "",
        "phone": petition.phone.value if petition.phone else "",
        "title": petition.title,
        "content": petition.content,
        "verdict": "accept",
        "accompanying": "[]",
        "progress": "{}",
        "events": 1,
    }


async def _measure(database: Database, sizes: Sequence[int]) -> list[Sample]:
    """Grow the store from size to size and measure it at each."""
    district = load_pack(builtin_pack(_DISTRICT)).district
    world, samples, begin = _World(1), [], 0
    for size in sizes:
        await _grow(database, world, begin, begin + _UNCOUNTED)
        common = await database.read(lambda connection: matching_grams.common_in(connection, district.id))
        await database.write(partial(matching_grams.keep_counts, district=district.id, told=common))
        await _fill(database, world, begin + _UNCOUNTED, size - _INSERTED - _PLANTED)
        took, cpu = await _grow(database, world, size - _INSERTED - _PLANTED, size - _PLANTED)
        planted = [world.petition() for _ in range(_PLANTED)]
        await _grow(database, _Fixed(planted), size - _PLANTED, size)
        await database.write(_settle)
        samples.append(await _asked(database, district, world, size, planted, {"insert CPU ms": cpu, **_named(took)}))
        begin = size
    return samples


async def _asked(
    database: Database, district: District, world: _World, size: int, planted: Sequence[Petition], inserted: Mapping[str, float]
) -> Sample:
    """Look up petitions that nobody planted, timed, and the retellings of those that were."""
    finder, asking = Matching(database), _World(2)
    asked = [asking.petition() for _ in range(_ASKED)]
    for petition in asked[:_WARM_UP]:
        await finder.candidates(district, petition, exclude_arrival=0)
    waits, cpu = [], time.process_time()
    for petition in asked:
        begun = time.perf_counter()
        await finder.candidates(district, petition, exclude_arrival=0)
        waits.append(time.perf_counter() - begun)
    cpu = (time.process_time() - cpu) / len(waits) * 1e3
    hits = 0
    for place, one in enumerate(planted, start=1):
        found, _ = await finder.candidates(district, world.retold(one), exclude_arrival=0)
        hits += any(candidate.case_id == size - _PLANTED + place for candidate in found)
    rate, middle, worst = rate_and_waits(len(waits), sum(waits), waits)
    details = {**inserted, "recall of the planted": hits / len(planted), "MB": await database.read(_megabytes)}
    return Sample(rate=rate, cpu_ms=cpu, waits=(middle, worst), details=details)


def _named(took: Sequence[float]) -> dict[str, float]:
    _, middle, worst = rate_and_waits(len(took), sum(took), took)
    return {"insert p50 ms": middle, "insert p99 ms": worst}


def _settle(connection: sa.Connection) -> None:
    """Let PostgreSQL know how many rows there are, as it does by itself in time."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")


class _Fixed(_World):
    """A world that reports what it is given."""

    def __init__(self, petitions: Sequence[Petition]) -> None:
        self._left: Iterator[Petition] = iter(petitions)

    def petition(self) -> Petition:
        """Return the next one."""
        return next(self._left)


def _megabytes(connection: sa.Connection) -> float:
    """Return the size of the keys and pieces, in millions of bytes."""
    if connection.dialect.name == "postgresql":
        sizes = "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(ARRAY['match_keys', 'match_grams', 'gram_counts']) AS name"
        return float(connection.exec_driver_sql(sizes).scalar_one()) / 1e6
    pages = connection.exec_driver_sql("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()").scalar_one()
    return float(pages) / 1e6  # of the whole file: SQLite tells no more


async def _run(url: str, sizes: Sequence[int]) -> list[Sample]:
    database = Database(url)
    await database.upgrade()
    await database.start()
    try:
        return await _measure(database, sizes)
    finally:
        await database.close()


def measure(kind: str, *sizes: int) -> Result:
    """Measure one store of *kind* that grows to the last of *sizes*; those between stand among the details."""
    with TemporaryDirectory(prefix="zuozhen-bench-") as name:
        (Path(name) / "data").mkdir()
        with ground(kind, Path(name)) as place:
            first, *between, last = asyncio.run(_run(place.url, sizes))
    middle = {
        f"{size:,} cases, {key}": value
        for size, sample in zip(sizes[1:-1], between, strict=True)
        for key, value in {
            **dict(zip(("p50 ms", "p99 ms"), sample.waits or (), strict=False)),
            "CPU ms": sample.cpu_ms,
            **sample.details,
        }.items()
    }
    return Result(
        name=f"find, {kind}",
        what=f"earlier reports of one petition among {sizes[-1]:,} cases",
        floor=f"among {sizes[0]:,}",
        ours=replace(last, details={**last.details, **middle}),
        theirs=first,
        ratio=last.rate / first.rate,
    )

"""Find earlier reports among many: `python bench/finding.py --cases 10000 100000 --kind sqlite`. Prints a table, leaves nothing.

Only what matching costs is measured: writing the keys of one case, and looking up the candidates of one petition, in wall and CPU time of
this process (on PostgreSQL the server's time is in the wall time alone). Enterprises repeat as in life (few are known well, most report
once), texts are made of what the word lists of 呈贡 speak of, so that most pieces of three characters are common. Planted are tellings of
one matter by the same enterprise: the name misheard and shortened, the telephone masked, half of what it says left out, the rest in
another order, the sums rounded.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from service import ground

from rules.rulebook import builtin_pack, load_pack
from store import matching, matching_grams
from store.database import Database
from store.matching import Matching
from store.model.arrival import Channel
from store.model.letter import Letter
from store.model.petition import Found, Petition, Span
from store.tables import ARRIVALS, CASES

_NOW = datetime(2026, 11, 16, tzinfo=UTC)
_BATCH = 500  # cases in one transaction
_PLANTED, _ASKED = 200, 500  # of each size
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


@dataclass(frozen=True, slots=True)
class _Sizes:
    cases: int
    insert: tuple[float, float, float]  # p50, p99, CPU of one, ms
    look_up: tuple[float, float, float]
    recall: float
    megabytes: float


class _World:
    """Enterprises and what they report, always the same."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        lists = load_pack(builtin_pack("chenggong")).lists
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
    """Write cases *begin* to *end* and return how long writing the keys of each took (ms), and the CPU time of one."""
    took: list[float] = []
    cpu = 0.0
    for first in range(begin, end, _BATCH):
        petitions = [world.petition() for _ in range(min(_BATCH, end - first))]

        def unit(connection: sa.Connection, first: int = first, petitions: Sequence[Petition] = petitions) -> float:
            connection.execute(ARRIVALS.insert(), [_arrival(first + place) for place in range(1, len(petitions) + 1)])
            connection.execute(CASES.insert(), [_case(first + place, one) for place, one in enumerate(petitions, start=1)])
            spent = time.thread_time()
            for place, one in enumerate(petitions, start=1):
                start = time.perf_counter()
                matching.remember_case(connection, first + place, first + place, "chenggong", one)
                took.append((time.perf_counter() - start) * 1000)
            return time.thread_time() - spent

        cpu += await database.write(unit)
        print(f"\r{first + len(petitions)}", end="", file=sys.stderr)
    return took, cpu / max(end - begin, 1) * 1000


def _arrival(number: int) -> dict[str, object]:
    texts = dict.fromkeys(("message_id", "envelope_from", "envelope_to", "problem", "peer"), "")
    keys = {"source_key": f"s{number}", "content_key": f"c{number}", "channel": "letter", "door": "file", "state": "done"}
    return {"id": number, "district": "chenggong", "received_at": _NOW, "due_at": _NOW, "tries": 0, **texts, **keys}


def _case(number: int, petition: Petition) -> dict[str, object]:
    return {
        **dict.fromkeys(("petition", "decision", "head"), ""),
        "id": number,
        "district": "chenggong",
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


async def _measure(database: Database, sizes: Sequence[int]) -> list[_Sizes]:
    district = load_pack(builtin_pack("chenggong")).district
    world, asked = _World(1), _World(2)
    rows, begin = [], 0
    for size in sizes:
        if size > 1_000:
            await _grow(database, world, begin, begin + 1_000)
            begin += 1_000
            common = await database.read(lambda connection: matching_grams.common_in(connection, "chenggong"))
            await database.write(lambda connection, common=common: matching_grams.keep_counts(connection, "chenggong", common))
        took, cpu = await _grow(database, world, begin, size - _PLANTED)
        planted = [world.petition() for _ in range(_PLANTED)]
        first = size - _PLANTED
        await _grow(database, _Fixed(planted), first, size)
        begin = size
        finder = Matching(database)
        waits, spent = [], time.process_time()
        for _ in range(_ASKED):
            start = time.perf_counter()
            await finder.candidates(district, asked.petition(), exclude_arrival=0)
            waits.append((time.perf_counter() - start) * 1000)
        spent = (time.process_time() - spent) / _ASKED * 1000
        hits = 0
        for place, one in enumerate(planted, start=1):
            found, _ = await finder.candidates(district, world.retold(one), exclude_arrival=0)
            hits += any(candidate.case_id == first + place for candidate in found)
        megabytes = await database.read(_megabytes)
        rows.append(_Sizes(size, (*_points(took), cpu), (*_points(waits), spent), hits / _PLANTED, megabytes))
    return rows


class _Fixed(_World):
    """A world that reports what it is given."""

    def __init__(self, petitions: Sequence[Petition]) -> None:
        self._left: Iterator[Petition] = iter(petitions)

    def petition(self) -> Petition:
        """Return the next one."""
        return next(self._left)


def _points(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]


def _megabytes(connection: sa.Connection) -> float:
    """Return the size of the keys and pieces, in millions of bytes."""
    if connection.dialect.name == "postgresql":
        sizes = "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(ARRAY['match_keys', 'match_grams', 'gram_counts']) AS name"
        return float(connection.exec_driver_sql(sizes).scalar_one()) / 1e6
    pages = connection.exec_driver_sql("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()").scalar_one()
    return float(pages) / 1e6  # of the whole file: SQLite tells no more


async def _run(url: str, sizes: Sequence[int]) -> list[_Sizes]:
    database = Database(url)
    await database.upgrade()
    await database.start()
    try:
        return await _measure(database, sizes)
    finally:
        await database.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What matching costs among many cases.")
    parser.add_argument("--cases", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--kind", choices=("SQLite", "PostgreSQL"), default="SQLite")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        (Path(folder) / "data").mkdir()
        with ground(asked.kind, Path(folder)) as place:
            rows = asyncio.run(_run(place.url, asked.cases))
    print(
        "\n| cases | insert p50 | p99 | CPU ms | look-up p50 | p99 | CPU ms | recall | MB |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    for row in rows:
        cells = [*(f"{value:.2f}" for value in (*row.insert, *row.look_up)), f"{row.recall:.3f}", f"{row.megabytes:.0f}"]
        print(f"| {row.cases} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

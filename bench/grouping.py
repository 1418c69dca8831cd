"""Group: real letters as a stream through the product's own grouping, and how well the groups fit what people said is one problem.

The letters (2020 泰迪杯 C题, citizens of another city) lie beside the repository in ../shared and are not part of it. Each is decided by the pack,
taken as accepted, and grouped before the next one comes. The floor is splitting the same letters into words, without which nothing is grouped.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

from machine import cpu_seconds
from result import Result, Sample, compare

from daemon.rehearsal import temporary_house
from daemon.wiring import House
from rules.decide import decide
from rules.problems import words_in
from rules.reference import Reference
from rules.rulebook import RuleBook, builtin_pack, load_pack
from store.matching_grams import grams_in
from store.model.arrival import Arrival, Channel
from store.model.decision import Decision, Verdict
from store.model.letter import Letter
from store.model.petition import Petition, Reading

_LETTERS = Path(__file__).parents[1].parent / "shared" / "data" / "taidi2020c"
_FILES = ("letters_stream.jsonl", "same_problem_groups_dev.json")
_NEAR = 0.5  # Jaccard of pieces of three characters: a near copy
_RARE = 6  # letters; a piece that more have finds no near copy
_LARGEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One letter."""

    id: str
    title: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Which group each letter came into, the ten largest of them, and what it cost."""

    groups: Mapping[str, int]
    largest: Sequence[tuple[int, str, Mapping[str, int]]]  # letters, name, departments
    rate: float
    cpu_ms: float


def folder() -> Path:
    """Return where the letters lie. Raises FileNotFoundError (Chinese) where they do not."""
    place = Path(os.environ.get("ZUOZHEN_LETTERS", _LETTERS))
    missing = [name for name in _FILES if not (place / name).is_file()]
    if missing:
        raise FileNotFoundError(f"没有第三方样本 {place}/{missing[0]}，不测类题归集；样本放在别处时写 ZUOZHEN_LETTERS=目录")
    return place


def measure() -> Result:
    """Group the whole stream once; precision, recall and copies stand among the details, the largest groups go to standard error."""
    place = folder()
    letters = read_letters(place)
    said = json.loads((place / _FILES[1]).read_text(encoding="utf-8"))
    book = load_pack(builtin_pack("chenggong"))
    kept: list[Grouped] = []

    def ours() -> Sample:
        grouped = asyncio.run(group(letters, book))
        kept.append(grouped)
        details = {**fit(grouped.groups, said), **copies(grouped.groups, letters)}
        return Sample(rate=grouped.rate, cpu_ms=grouped.cpu_ms, details=details)

    result = compare("group", f"{len(letters)} letters, decided and grouped", "words alone", ours, lambda: _words(letters), rounds=1)
    for size, name, departments in kept[0].largest:
        print(f"{size:>5}  {name}  {dict(departments)}", file=sys.stderr)
    return result


def read_letters(place: Path) -> list[Written]:
    """Return the letters in the order of their time."""
    rows = [json.loads(line) for line in (place / _FILES[0]).read_text(encoding="utf-8").splitlines()]
    zone = ZoneInfo("Asia/Shanghai")
    letters = [
        Written(id=row["id"], title=row["subject"], text=row["text"], at=datetime.fromisoformat(row["time"]).replace(tzinfo=zone))
        for row in rows
    ]
    return sorted(letters, key=lambda letter: (letter.at, letter.id))


async def group(letters: Sequence[Written], book: RuleBook) -> Grouped:
    """Let *letters* come one after the other, each grouped before the next."""
    now = [letters[0].at]
    infer = Reference(book.stages)
    began, cpu = time.perf_counter(), cpu_seconds(os.getpid())
    async with temporary_house(book, now=lambda: now[0]) as house:
        cases: dict[str, int] = {}
        for letter in letters:
            now[0] = letter.at
            cases[letter.id] = await _take(house, letter, book, infer)
            await house.grouping.catch_up(book.district.id)
        seconds, used = time.perf_counter() - began, cpu_seconds(os.getpid()) - cpu
        found = await house.stores.problems.groups_of(book.district.id, least=1)
        groups = {id_: found[f"case {case}"] for id_, case in cases.items()}
        largest = []
        for problem, size in Counter(groups.values()).most_common(_LARGEST):
            told = (await house.stores.problems.get(str(problem))).problem
            largest.append((size, told.name, told.departments))
    return Grouped(groups=groups, largest=largest, rate=len(letters) / seconds, cpu_ms=used * 1_000 / len(letters))


async def _take(house: House, letter: Written, book: RuleBook, infer: Reference) -> int:
    """Record *letter* as an accepted case and return its id."""
    petition = _petition(letter)
    ((_, room),) = house.rooms.items()
    decision: Decision = decide(
        petition, (), rulebook=book, calendar=room.calendar, infer=infer.infer, now=letter.at, engine=infer.name, near_misses=False
    )
    decision = replace(decision, verdict=Verdict.ACCEPT, proposed=False, ground=None)
    arrival = Arrival(
        district=book.district.id,
        channel=Channel.LETTER,
        door="bench",
        source_key=letter.id,
        content_key=letter.id,
        message_id="",
        envelope_from="",
        envelope_to=(),
        received_at=letter.at,
        raw=letter.text.encode(),
    )
    (receipt,) = await house.stores.arrivals.accept([arrival])
    stored = await house.stores.arrivals.get(receipt.arrival_id)
    reading = Reading(petition=petition, blobs={})
    case = await house.stores.cases.record(stored, reading, decision, district=book.district, now=letter.at, compose=lambda _: [])
    if case is None:
        raise AssertionError(letter.id)
    return case.id


def _petition(letter: Written) -> Petition:
    empty = Letter(
        message_id="",
        in_reply_to=(),
        references=(),
        sender=None,
        reply_to=None,
        to=(),
        subject=letter.title,
        date=None,
        text=letter.text,
        attachments=(),
        automatic=None,
        doubts=(),
    )
    return Petition(
        channel=Channel.LETTER,
        name=None,
        uscc=None,
        uscc_valid=None,
        address=None,
        contact=None,
        phone=None,
        title=letter.title,
        content=letter.text,
        quoted="",
        attachment_texts={},
        letter=empty,
    )


def fit(groups: Mapping[str, int], said: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Return precision and recall over the pairs of all letters that *said* speaks of, those among them that look alike and are not, too."""
    labels: dict[str, str] = {}
    for cluster in said:
        for id_ in _ids(cluster, "ids"):
            labels[id_] = str(cluster["cluster"]) if cluster["kind"] == "same-problem" else f"alone {id_}"
    for cluster in said:
        for id_ in _ids(cluster, "hard_negative_ids"):
            labels.setdefault(id_, f"alone {id_}")
    pairs = list(combinations([id_ for id_ in labels if id_ in groups], 2))
    same = {pair for pair in pairs if labels[pair[0]] == labels[pair[1]]}
    found = {pair for pair in pairs if groups[pair[0]] == groups[pair[1]]}
    both = len(same & found)
    return {
        "precision": both / len(found) if found else 0.0,
        "recall": both / len(same),
        "pairs said": len(same),
        "pairs found": len(found),
    }


def _ids(cluster: Mapping[str, object], key: str) -> list[str]:
    listed = cluster[key]
    return [str(id_) for id_ in listed] if isinstance(listed, list) else []


def copies(groups: Mapping[str, int], letters: Sequence[Written]) -> dict[str, float]:
    """Return how many exact and near copies there are, and which share of them is in one group."""
    pieces = {letter.id: grams_in(letter.title, letter.text) for letter in letters}
    exact, near = 0, 0
    together = Counter[str]()
    for one, other in _alike(pieces):
        likeness = len(pieces[one] & pieces[other]) / len(pieces[one] | pieces[other])
        kind = "exact" if likeness == 1.0 else "near" if likeness >= _NEAR else ""
        exact, near = exact + (kind == "exact"), near + (kind == "near")
        together[kind] += groups[one] == groups[other]
    return {
        "exact copies": exact,
        "of them together": together["exact"] / exact if exact else 0.0,
        "near copies": near,
        "of near ones together": together["near"] / near if near else 0.0,
    }


def _alike(pieces: Mapping[str, set[int]]) -> Iterator[tuple[str, str]]:
    """Yield the pairs that share a rare piece, each once."""
    by_piece: defaultdict[int, list[str]] = defaultdict(list)
    for id_, own in pieces.items():
        for piece in own:
            by_piece[piece].append(id_)
    yield from {pair for ids in by_piece.values() if 2 <= len(ids) <= _RARE for pair in combinations(ids, 2)}


def _words(letters: Sequence[Written]) -> Sample:
    began, cpu = time.perf_counter(), cpu_seconds(os.getpid())
    for letter in letters:
        words_in(f"{letter.title}\n{letter.text}")
    seconds, used = time.perf_counter() - began, cpu_seconds(os.getpid()) - cpu
    return Sample(rate=len(letters) / seconds, cpu_ms=used * 1_000 / len(letters))

"""The rarest pieces of three characters of a report, by which it is found again in other words; measured in docs/重复与类题.md.

A report keeps 32 of them, fixed when it is written. Which are rare is known from counts over a sample of the newest reports, taken again in
the background (`recount`): its cost is bounded by the sample, however long the history. Where nothing is counted yet, or pieces are equally
rare, their order is one and the same for every report, so that two tellings of one matter tend to keep the same.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import repeat

from sqlalchemy import Connection, Select, Table, bindparam, delete, func, select

from store import prepared
from store.tables import CASES, GRAM_COUNTS, PLATFORM_RECORDS

KEPT = 32  # of one report
PROBED = 64  # of a petition: it may tell more than the report did, and the report may have kept other pieces of what both say
COMMON = 32  # reports; a piece that fits more tells nothing and is skipped
SHARED = 3  # pieces that two reports share before it means anything
SAMPLE = 5_000  # reports, the newest, that are counted
_SIZE = 3  # code points
_READ = 4_000  # characters of a report
_COUNTED_FROM = 3  # reports of the sample; rarer pieces are not written down
_SHARE = 500  # … nor are those that fewer than one report in so many has
_BITS = 21  # of a code point
_SCRAMBLE = 0x9E3779B97F4A7C15  # an odd number: a fixed order that has nothing to do with the signs
_MASK = (1 << 61) - 1
_AT_ONCE = 500  # values of one statement

# Asked in pieces of one size, the last one filled up with what nobody has.
_ASKED = 128
_COUNTS = select(GRAM_COUNTS.c.gram, GRAM_COUNTS.c.reports).where(
    GRAM_COUNTS.c.district == bindparam("here"), GRAM_COUNTS.c.gram.in_([bindparam(f"gram_{place}") for place in range(_ASKED)])
)

_ALL_COUNTS = select(GRAM_COUNTS.c.gram, GRAM_COUNTS.c.reports).where(GRAM_COUNTS.c.district == bindparam("here"))
_FORGET = delete(GRAM_COUNTS).where(GRAM_COUNTS.c.district == bindparam("here"), GRAM_COUNTS.c.gram.in_(bindparam("grams", expanding=True)))


def _newest(table: Table) -> Select[str, str]:
    """Return the query for the newest reports in *table*: those of the district among the last `SAMPLE` of all."""
    last = select(func.max(table.c.id)).scalar_subquery()
    return select(table.c.title, table.c.content).where(table.c.district == bindparam("here"), table.c.id > last - SAMPLE)


_NEWEST_CASES, _NEWEST_RECORDS = _newest(CASES), _newest(PLATFORM_RECORDS)


def grams_in(title: str, content: str) -> set[int]:
    """Return the pieces of a report as numbers; layout and punctuation do not count."""
    letters = [ord(char) for char in unicodedata.normalize("NFKC", f"{title}\n{content}"[:_READ]).casefold() if char.isalnum()]
    return {(one << 2 * _BITS) | (two << _BITS) | three for one, two, three in zip(letters, letters[1:], letters[2:], strict=False)}


def rarest(connection: Connection, district: str, grams: Iterable[int], limit: int) -> list[int]:
    """Return the *limit* rarest of *grams* by the counts of *district*."""
    wanted = list(grams)
    counts: dict[int, int] = {}
    for start in range(0, len(wanted), _ASKED):
        some = [*wanted[start : start + _ASKED], *repeat(-1, _ASKED)]
        rows = prepared.run(connection, _COUNTS, {"here": district, **{f"gram_{place}": some[place] for place in range(_ASKED)}})
        counts.update((row[0], row[1]) for row in rows)
    return rarest_by(counts, wanted, limit)


def rarest_by(counts: Mapping[int, int], grams: Iterable[int], limit: int) -> list[int]:
    """Return the *limit* rarest of *grams* where *counts* says how many reports have the common ones."""
    return sorted(grams, key=lambda gram: (counts.get(gram, 0), _scrambled(gram)))[:limit]


def common_in(connection: Connection, district: str) -> dict[int, int]:
    """Return the pieces that are common among the newest reports of *district*, each with how many have it (a unit of `Database.read`)."""
    counts: Counter[int] = Counter()
    reports = 0
    for query in (_NEWEST_CASES, _NEWEST_RECORDS):
        for row in connection.execute(query, {"here": district}):
            counts.update(grams_in(row.title, row.content))
            reports += 1
    floor = max(_COUNTED_FROM, reports // _SHARE)
    return {gram: count for gram, count in counts.items() if count >= floor}


def keep_counts(connection: Connection, district: str, told: Mapping[int, int]) -> int:
    """Put *told* in place of the counts of *district* and return how many rows that changed (a unit of `Database.write`).

    Reports written before keep the pieces they have.
    """
    known = {row.gram: row.reports for row in connection.execute(_ALL_COUNTS, {"here": district})}
    changed = [gram for gram in known if gram not in told or told[gram] != known[gram]]
    for start in range(0, len(changed), _AT_ONCE):
        connection.execute(_FORGET, {"here": district, "grams": changed[start : start + _AT_ONCE]})
    rows = [{"district": district, "gram": gram, "reports": count} for gram, count in told.items() if known.get(gram) != count]
    if rows:
        connection.execute(GRAM_COUNTS.insert(), rows)
    return len(changed) + len(rows)


def _scrambled(gram: int) -> int:
    return gram * _SCRAMBLE & _MASK

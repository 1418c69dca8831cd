"""How often a pack is right: the figures of `zuozhen rules evaluate` from labels and results. Pure.

Definitions: verdict over all rows; ground over rows labelled refuse; department over rows labelled accept or supplement that name one;
co-departments as micro-F1 over those; duplicates as (row, first row of its group) links without follow-ups; same problem as pairs of rows;
fields over rows whose label is not null, equal after removing white space. A proposed refusal counts as refuse. A row whose channel does
not exist yet has no result and is wrong in everything it is asked. A figure over no rows is None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from store.model import Verdict

FIELDS = ("name", "uscc", "phone", "contact")
Figure = float | None
Figures = dict[str, Any]  # as JSON: names of figures → numbers, None, or further such objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a person says of one row (`tests/golden/SCHEMA.md`). `related` is its duplicate_of."""

    id: str
    channel: str
    verdict: Verdict
    ground: int | None
    department: str | None
    co_departments: tuple[str, ...]
    related: str | None
    same_problem: str | None
    fields: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the product said of one row. `related` is the row that opened the case it belongs to, or whose matter it repeats."""

    verdict: Verdict
    proposed: bool
    ground: int | None
    department: str | None
    co_departments: tuple[str, ...]
    related: str | None
    same_problem: str | None
    fields: Mapping[str, str | None]
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """A label with its result; None where the product has no such channel yet, or could not read the input."""

    label: Label
    result: Result | None


def figures(rows: Sequence[Row]) -> Figures:
    """Return all figures over *rows*, by channel too, and what was wrong."""
    return {
        **_figures(rows),
        "by_channel": {name: _figures(group) for name, group in _grouped(rows, lambda row: row.label.channel).items()},
        "by_ground": {
            str(ground): _share(group, _ground_right)
            for ground, group in sorted(_grouped(_refused(rows), lambda row: row.label.ground or 0).items())
        },
        "wrong": [wrong for row in rows if (wrong := _wrong(row))],
    }


def confusion(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    """Return how often a labelled verdict got which result; a missing result is "none"."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        counts[row.label.verdict.value, row.result.verdict.value if row.result else "none"] += 1
    return dict(counts)


def _figures(rows: Sequence[Row]) -> Figures:
    routed = [row for row in rows if row.label.verdict in {Verdict.ACCEPT, Verdict.SUPPLEMENT} and row.label.department]
    followed = [row for row in rows if row.label.verdict is Verdict.FOLLOW_UP]
    precision, recall, f1 = _prf(_duplicate_links(rows, lambda row: row.label), _duplicate_links(rows, lambda row: row.result))
    return {
        "rows": len(rows),
        "verdict_accuracy": _share(rows, _verdict_right),
        "ground_accuracy": _share(_refused(rows), _ground_right),
        "department_accuracy": _share(routed, _department_right),
        "co_department_f1": _prf(_co_departments(routed, lambda row: row.label), _co_departments(routed, lambda row: row.result))[2],
        "follow_up_accuracy": _share(followed, _follow_up_right),
        "finally_refused_accepts": sum(_finally_refused(row) for row in rows),
        "duplicate_precision": precision,
        "duplicate_recall": recall,
        "duplicate_f1": f1,
        "same_problem_f1": _prf(_problem_pairs(rows, lambda row: row.label), _problem_pairs(rows, lambda row: row.result))[2],
        "field_accuracy": {name: _field_accuracy(rows, name) for name in FIELDS},
    }


def _verdict_right(row: Row) -> bool:
    return row.result is not None and row.result.verdict is row.label.verdict


def _ground_right(row: Row) -> bool:
    return row.result is not None and row.result.verdict is Verdict.REFUSE and row.result.ground == row.label.ground


def _department_right(row: Row) -> bool:
    return row.result is not None and row.result.department == row.label.department


def _follow_up_right(row: Row) -> bool:
    return row.result is not None and row.result.verdict is Verdict.FOLLOW_UP and row.result.related == row.label.related


def _finally_refused(row: Row) -> bool:
    return (
        row.label.verdict is Verdict.ACCEPT and row.result is not None and row.result.verdict is Verdict.REFUSE and not row.result.proposed
    )


def _field_accuracy(rows: Iterable[Row], name: str) -> Figure:
    labelled = [row for row in rows if row.label.fields[name] is not None]
    return _share(labelled, lambda row: row.result is not None and _bare(row.result.fields[name]) == _bare(row.label.fields[name]))


def _bare(value: str | None) -> str:
    return "".join((value or "").split())


def _refused(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.label.verdict is Verdict.REFUSE]


Side = Callable[[Row], Label | Result | None]


def _duplicate_links(rows: Iterable[Row], side: Side) -> set[Hashable]:
    """Return (row, row it repeats); what either side calls a follow-up is another figure."""
    return {
        (row.label.id, said.related)
        for row in rows
        if row.label.verdict is not Verdict.FOLLOW_UP and (said := side(row)) and said.related and said.verdict is not Verdict.FOLLOW_UP
    }


def _co_departments(rows: Iterable[Row], side: Side) -> set[Hashable]:
    return {(row.label.id, id_) for row in rows if (said := side(row)) for id_ in said.co_departments}


def _problem_pairs(rows: Iterable[Row], side: Side) -> set[Hashable]:
    named = [(said.same_problem, row.label.id) for row in rows if (said := side(row)) and said.same_problem]
    groups = _grouped(named, lambda item: item[0])
    return {pair for group in groups.values() for pair in combinations(sorted(id_ for _, id_ in group), 2)}


def _prf(expected: set[Hashable], got: set[Hashable]) -> tuple[Figure, Figure, Figure]:
    """Return precision, recall and F1 of a set of statements; None where nothing was said, or nothing was to be said."""
    right = len(expected & got)
    precision = right / len(got) if got else None
    recall = right / len(expected) if expected else None
    return precision, recall, 2 * right / (len(expected) + len(got)) if expected or got else None


def _share(rows: Sequence[Row], is_right: Callable[[Row], bool]) -> Figure:
    return sum(map(is_right, rows)) / len(rows) if rows else None


def _grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def _wrong(row: Row) -> dict[str, object] | None:
    """Return what was expected and got where a row is wrong in verdict, ground, department or the case it belongs to."""
    label, result = row.label, row.result
    asked = {"verdict": label.verdict.value, "ground": label.ground}
    if label.verdict in {Verdict.ACCEPT, Verdict.SUPPLEMENT} and label.department:
        asked["department"] = label.department
    if label.verdict is Verdict.FOLLOW_UP:
        asked["follow_up_of"] = label.related
    if label.verdict is not Verdict.REFUSE:
        del asked["ground"]
    got = _said(result, asked)
    if got == asked:
        return None
    return {"id": label.id, "expected": asked, "got": got, "why": result.why if result else "没有结果：此渠道尚未建成，或来件读不出来"}


def _said(result: Result | None, asked: Mapping[str, object]) -> dict[str, object]:
    if result is None:
        return dict.fromkeys(asked)
    said = {
        "verdict": result.verdict.value,
        "ground": result.ground,
        "department": result.department,
        "follow_up_of": result.related if result.verdict is Verdict.FOLLOW_UP else None,
    }
    return {name: said[name] for name in asked}

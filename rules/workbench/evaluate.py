"""How good decisions are against labels: the only module that knows what each figure of `zuozhen rules evaluate` means. Pure.

| figure | over which rows | counts as right |
|---|---|---|
| verdict_accuracy | all | the verdict; a proposed refusal is a refusal |
| ground_accuracy, by_ground | labelled refuse | the ground |
| department_accuracy | labelled accept or supplement, with a department | the lead |
| co_department_f1 | all | micro-averaged over (row, department) |
| follow_up_accuracy | labelled follow_up | the verdict, and the case it belongs to |
| finally_refused_accepts | labelled accept | a number: refused without a person asked |
| duplicate_precision, _recall, _f1 | not labelled follow_up | links (row, first row of its group) |
| same_problem_f1 | labelled with a group | pairs of rows in one group |
| field_accuracy | where the label has the field | equal without white space |

`without_platform_repeats` are the same figures without the rows labelled refuse, ground 4, whose first report is a record of another
platform: they can only come out right where the records of that platform are taken in.

A row without a result (its channel is not built, it could not be read) is wrong everywhere. A figure without any row is null.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from store.errors import ConfigError, Problem

FIELDS = ("name", "uscc", "phone", "contact")
GROUNDS = (1, 2, 3, 4, 5)
_ELSEWHERE, _PLATFORM = 4, "platform"

Figure: TypeAlias = float | None
Figures: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What is right for one row. `enterprise` maps fields to their value, None where the input does not say it."""

    id: str
    channel: str
    input: str
    received_at: str
    enterprise: Mapping[str, str | None]
    verdict: str
    ground: int | None
    department: str | None
    co_departments: tuple[str, ...]
    duplicate_of: str | None
    same_problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one row. Rows and groups are named by the ids of the labels; `final` is False where a person must confirm."""

    verdict: str
    final: bool
    ground: int | None
    department: str | None
    co_departments: tuple[str, ...]
    duplicate_of: str | None
    follow_up_of: str | None
    same_problem: str | None
    fields: Mapping[str, str | None]
    why: str


Results: TypeAlias = Mapping[str, Result | None]


_labels: TypeAdapter[Label] = TypeAdapter(Label)


def read_labels(lines: Iterable[str], place: str) -> list[Label]:
    """Return the labels in *lines* (JSONL); raises ConfigError with every bad line of *place*."""
    labels: list[Label] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            labels.append(_labels.validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(step) for step in first["loc"])
            problems.append(Problem(place=f"{place}:{number}", key=key, message="这一行不是完整的标注", remedy=str(first["msg"])))
    if problems:
        raise ConfigError(problems)
    return labels


def evaluate(labels: Sequence[Label], results: Results, *, everything: Sequence[Label] = ()) -> Figures:
    """Return all figures, of all rows and by channel, and the rows that are wrong with what was expected and what came.

    *everything* are all rows of the file where *labels* are only those of some channels: it tells which reports platforms had first.
    """
    own = [label for label in labels if not _repeats_a_platform(label, {row.id: row.channel for row in everything or labels})]
    channels = dict.fromkeys(label.channel for label in labels)
    return {
        **_figures(labels, results, labels),
        "without_platform_repeats": _figures(own, results, labels),
        "by_channel": {name: _figures([label for label in labels if label.channel == name], results, labels) for name in channels},
        "by_ground": {str(ground): _ground([label for label in labels if label.ground == ground], results) for ground in GROUNDS},
        "wrong": [_wrong(label, results.get(label.id)) for label in labels if _is_wrong(label, results, labels)],
    }


def _repeats_a_platform(label: Label, channels: Mapping[str, str]) -> bool:
    return label.verdict == "refuse" and label.ground == _ELSEWHERE and channels.get(label.duplicate_of or "") == _PLATFORM


def confusion(labels: Iterable[Label], results: Results) -> dict[str, dict[str, int]]:
    """Return how often each labelled verdict (with its ground) came out as which; "none" where there is no result."""
    table: dict[str, dict[str, int]] = {}
    for label in labels:
        result = results.get(label.id)
        row = table.setdefault(_verdict_name(label.verdict, label.ground), {})
        column = "none" if result is None else _verdict_name(result.verdict, result.ground)
        row[column] = row.get(column, 0) + 1
    return table


def _verdict_name(verdict: str, ground: int | None) -> str:
    return f"{verdict} {ground}" if verdict == "refuse" and ground is not None else verdict


# ---------------------------------------------------------------- figures


def _figures(labels: Sequence[Label], results: Results, everything: Sequence[Label]) -> Figures:
    """Return the figures of *labels*; *everything* tells to which group any row belongs."""
    roots = _roots(everything)
    precision, recall, f1 = _link_figures(_duplicate_links(labels, roots), _found_links(labels, results, roots))
    return {
        "rows": len(labels),
        "verdict_accuracy": _share(labels, lambda label: _verdict_of(results, label) == label.verdict),
        "ground_accuracy": _ground(labels, results),
        "department_accuracy": _share(filter(_has_department, labels), lambda label: _department_of(results, label) == label.department),
        "co_department_f1": _link_figures(_co_departments(labels), _found_co_departments(labels, results))[2],
        "follow_up_accuracy": _share(filter(_is_follow_up, labels), lambda label: _follows(label, results.get(label.id), roots)),
        "finally_refused_accepts": sum(_is_finally_refused(label, results.get(label.id)) for label in labels),
        "duplicate_precision": precision,
        "duplicate_recall": recall,
        "duplicate_f1": f1,
        "same_problem_f1": _same_problem(labels, results),
        "field_accuracy": {field: _field(labels, results, field) for field in FIELDS},
    }


def _share(rows: Iterable[Label], is_right: Callable[[Label], bool]) -> Figure:
    outcomes = [is_right(label) for label in rows]
    return round(sum(outcomes) / len(outcomes), 4) if outcomes else None


def _verdict_of(results: Results, label: Label) -> str | None:
    result = results.get(label.id)
    return None if result is None else result.verdict


def _department_of(results: Results, label: Label) -> str | None:
    result = results.get(label.id)
    return None if result is None else result.department


def _has_department(label: Label) -> bool:
    return label.verdict in {"accept", "supplement"} and label.department is not None


def _is_follow_up(label: Label) -> bool:
    return label.verdict == "follow_up"


def _ground(labels: Iterable[Label], results: Results) -> Figure:
    refused = [label for label in labels if label.verdict == "refuse"]
    return _share(refused, lambda label: _has_ground(label, results.get(label.id)))


def _has_ground(label: Label, result: Result | None) -> bool:
    return result is not None and result.verdict == "refuse" and result.ground == label.ground


def _is_finally_refused(label: Label, result: Result | None) -> bool:
    return label.verdict == "accept" and result is not None and result.verdict == "refuse" and result.final


def _field(labels: Iterable[Label], results: Results, field: str) -> Figure:
    rows = [label for label in labels if label.enterprise.get(field) is not None]
    return _share(rows, lambda label: _same_field(label.enterprise[field], results.get(label.id), field))


def _same_field(expected: str | None, result: Result | None, field: str) -> bool:
    found = result.fields.get(field) if result is not None else None
    return found is not None and expected is not None and "".join(found.split()) == "".join(expected.split())


# ---------------------------------------------------------------- links between rows

_Link: TypeAlias = tuple[str, str]


def _link_figures(expected: set[_Link], found: set[_Link]) -> tuple[Figure, Figure, Figure]:
    """Return precision, recall and F1; each None where nothing stands below the line."""
    right = len(expected & found)
    precision = round(right / len(found), 4) if found else None
    recall = round(right / len(expected), 4) if expected else None
    f1 = round(2 * right / (len(expected) + len(found)), 4) if expected or found else None
    return precision, recall, f1


def _roots(labels: Iterable[Label]) -> dict[str, str]:
    """Return the first row of the group of each row that has an earlier one."""
    return {label.id: label.duplicate_of for label in labels if label.duplicate_of is not None}


def _duplicate_links(labels: Iterable[Label], roots: Mapping[str, str]) -> set[_Link]:
    return {(label.id, roots[label.id]) for label in labels if label.id in roots and label.verdict != "follow_up"}


def _found_links(labels: Iterable[Label], results: Results, roots: Mapping[str, str]) -> set[_Link]:
    """Return the links found, each to the first row of the group of the row that was named."""
    found = ((label, results.get(label.id)) for label in labels if label.verdict != "follow_up")
    return {
        (label.id, roots.get(result.duplicate_of, result.duplicate_of))
        for label, result in found
        if result is not None and result.duplicate_of is not None
    }


def _follows(label: Label, result: Result | None, roots: Mapping[str, str]) -> bool:
    if result is None or result.verdict != "follow_up" or result.follow_up_of is None:
        return False
    return roots.get(result.follow_up_of, result.follow_up_of) == label.duplicate_of


def _co_departments(labels: Iterable[Label]) -> set[_Link]:
    return {(label.id, department) for label in labels for department in label.co_departments}


def _found_co_departments(labels: Iterable[Label], results: Results) -> set[_Link]:
    found = ((label, results.get(label.id)) for label in labels)
    return {(label.id, department) for label, result in found if result is not None for department in result.co_departments}


def _same_problem(labels: Sequence[Label], results: Results) -> Figure:
    expected = _pairs((label.id, label.same_problem) for label in labels)
    found = _pairs((label.id, result.same_problem) for label in labels if (result := results.get(label.id)) is not None)
    return _link_figures(expected, found)[2] if expected else None


def _pairs(rows: Iterable[tuple[str, str | None]]) -> set[_Link]:
    """Return every two rows of one group, in the order in which they came."""
    groups: dict[str, list[str]] = {}
    for row, group in rows:
        if group is not None:
            groups.setdefault(group, []).append(row)
    return {pair for members in groups.values() for pair in itertools.combinations(members, 2)}


# ---------------------------------------------------------------- wrong rows


def _is_wrong(label: Label, results: Results, everything: Sequence[Label]) -> bool:
    result = results.get(label.id)
    if result is None or result.verdict != label.verdict:
        return True
    if label.verdict == "refuse":
        return result.ground != label.ground
    if label.verdict == "follow_up":
        return not _follows(label, result, _roots(everything))
    return _has_department(label) and result.department != label.department


def _wrong(label: Label, result: Result | None) -> dict[str, object]:
    return {
        "id": label.id,
        "expected": {
            "verdict": label.verdict,
            "ground": label.ground,
            "department": label.department,
            "co_departments": list(label.co_departments),
            "duplicate_of": label.duplicate_of,
        },
        "got": {
            "verdict": result.verdict if result else None,
            "final": result.final if result else None,
            "ground": result.ground if result else None,
            "department": result.department if result else None,
            "co_departments": list(result.co_departments) if result else [],
            "duplicate_of": result.duplicate_of or result.follow_up_of if result else None,
        },
        "why": result.why if result else "没有结果：此渠道尚未建成，或来件读不出来",
    }

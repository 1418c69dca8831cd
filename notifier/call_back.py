"""Whom to telephone after a case: everybody who was not helped or not content, and some of the others (督办回访). Pure.

Drawn from the numbers of the cases, so that nobody chooses whom he asks and the same list comes out whoever makes it again.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from notifier.figures import Cell, Table, department_words
from store.life import RATINGS, RESULTS
from store.model.case import Case
from store.model.district import District
from store.model.report import ReportedCase

_CONTENT, _SOLVED = "satisfied", "solved"
_DRAWN = "抽样"
_COLUMNS = (
    *("序号", "件号", "企业名称", "联系人", "联系电话", "诉求标题", "承办部门", "办理结果", "企业评价", "为什么回访"),
    *("回访日期", "回访情况", "企业意见"),
)


class Chosen(NamedTuple):
    """One case to ask about, and why."""

    case: ReportedCase
    why: str


def chosen(cases: Iterable[ReportedCase], share: int) -> list[Chosen]:
    """Return the answered ones of *cases* to be asked about, in order of their numbers.

    All that were not solved, or rated less than content; of the others of each department *share* per cent, at least one.
    """
    asked, others = [], defaultdict(list)
    for case in cases:
        if case.progress.result:
            if why := _reason(case):
                asked.append(Chosen(case, why))
            else:
                others[case.department].append(case)
    for some in others.values():
        count = math.ceil(len(some) * share / 100)
        asked += [Chosen(case, _DRAWN) for case in sorted(some, key=_lot)[:count]]
    return sorted(asked, key=lambda one: one.case.id)


def call_back_table(some: Iterable[Chosen], cases: Mapping[int, Case], district: District, share: int) -> Table:
    """Return the list to telephone by, with room for what is heard; *cases* has those of *some* by id."""
    rows: list[tuple[Cell, ...]] = []
    for number, (case, why) in enumerate(some, start=1):
        petition = cases[case.id].petition
        person = [found.value if found else "" for found in (petition.contact, petition.phone)]
        department = department_words(case.department, district)
        told = (RESULTS[case.progress.result], RATINGS.get(case.progress.rating, "未评价"))
        rows.append((number, case.number, case.enterprise, *person, case.title, department, *told, why, "", "", ""))
    return Table(
        key="call_back",
        title="回访名单",
        columns=_COLUMNS,
        rows=tuple(rows),
        definition=f"本期登记、已经答复的件：没有解决的、评价基本满意或不满意的，全部回访；其余按承办部门各抽{share}%，至少一件，按件号算出，不由人挑",
        empty="本期没有已答复的件。",
    )


def _reason(case: ReportedCase) -> str:
    """Return why a case is asked about in any event, "" where it is not."""
    if case.progress.rating and case.progress.rating != _CONTENT:
        return f"评价{RATINGS[case.progress.rating]}"
    return "没有解决" if case.progress.result != _SOLVED else ""


def _lot(case: ReportedCase) -> bytes:
    return hashlib.sha256(case.number.encode()).digest()

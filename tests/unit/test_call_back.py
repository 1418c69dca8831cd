"""Who is telephoned after a month: all that were not helped or not content, a drawn share of the others, the same whoever draws."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from python_calamine import CalamineWorkbook

from notifier.call_back import call_back_table, chosen
from notifier.report_sheets import list_sheet
from store.model.arrival import Channel
from store.model.case import CaseState, Progress
from store.model.decision import Verdict
from store.model.report import ReportedCase
from tests.sample_case import CASE, DISTRICT

AT = datetime(2024, 10, 9, 2, 0, tzinfo=UTC)


def _case(id_: int, result: str = "solved", rating: str = "", department: str = "swuj") -> ReportedCase:
    return ReportedCase(
        id=id_,
        number=f"CG-2024-{id_:05}",
        opened_at=AT,
        received_at=AT,
        channel=Channel.MAIL,
        enterprise="=昆明某商贸有限公司",
        title="停水",
        level="",
        state=CaseState.CLOSED,
        verdict=Verdict.ACCEPT,
        ground=None,
        department=department,
        accompanying=(),
        progress=Progress(result=result, rating=rating),
        answered_at=AT,
        closed_at=AT,
    )


@pytest.mark.parametrize(
    ("result", "rating", "why"),
    [
        ("explained", "", "没有解决"),
        ("against_policy", "satisfied", "没有解决"),
        ("solved", "dissatisfied", "评价不满意"),
        ("solved", "basically", "评价基本满意"),
    ],
)
def test_who_was_not_helped_or_not_content_is_always_asked(result: str, rating: str, why: str) -> None:
    """With no share drawn at all, these are on the list with the reason."""
    assert chosen([_case(1, result, rating), _case(2, "solved", "satisfied")], 0) == [(_case(1, result, rating), why)]


def test_of_the_others_a_share_of_each_department_is_drawn() -> None:
    """Ten per cent of thirty are three, of two is one; an unanswered case is none; the same ones whatever the order."""
    cases = [*(_case(number) for number in range(1, 31)), _case(31, department="scj"), _case(32, department="scj"), _case(33, "")]
    drawn = chosen(cases, 10)
    assert sorted(one.case.department or "" for one in drawn) == ["scj", "swuj", "swuj", "swuj"]
    assert drawn == chosen(reversed(cases), 10)
    assert [one.case.id for one in chosen(cases, 100)] == list(range(1, 33))


def test_the_sheet_has_whom_to_ring_and_room_for_what_is_heard() -> None:
    """Contact and telephone stand in the row, the last three cells are empty, and a name that looks like a formula is a name."""
    some = chosen([_case(CASE.id, "explained")], 10)
    table = call_back_table(some, {CASE.id: replace(CASE)}, DISTRICT, 10)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(list_sheet(table, DISTRICT))).get_sheet_by_index(0).to_python()
    petition = CASE.petition
    assert petition.contact is not None
    assert petition.phone is not None
    assert rows[0] == list(table.columns)
    assert rows[1][2:5] == ["=昆明某商贸有限公司", petition.contact.value, petition.phone.value]
    assert rows[1][-4:] == ["没有解决", "", "", ""]


def test_an_empty_month() -> None:
    """Where nothing was answered the list says so."""
    assert call_back_table([], {}, DISTRICT, 10).empty == "本期没有已答复的件。"

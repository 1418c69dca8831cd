"""The pack of 呈贡 on its own labelled cases, written from the departments' duties and from what enterprises write."""

from __future__ import annotations

import pytest

from tests.decisions.material import PackCase, chenggong, decided, pack_cases

ALL = pack_cases()


def test_cases_cover_every_department_and_ground() -> None:
    """A duty or a ground without a case would be a promise nobody keeps."""
    assert {case.departments[0] for case in ALL if case.departments} == set(chenggong().district.departments)
    assert {case.ground for case in ALL if case.ground} == {2, 3, 4, 5}
    assert {case.verdict for case in ALL} == {"accept", "refuse", "supplement", "not_a_case", "follow_up"}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ALL])
def test_case_comes_out_as_labelled(case: PackCase) -> None:
    """Each labelled case gets its verdict, its ground, and a department that may lead it."""
    decision = decided(chenggong(), case.petition, case.candidates)

    assert (decision.verdict.value, decision.ground) == (case.verdict, case.ground), decision.hits
    if case.departments:
        assert decision.department in case.departments, decision.scores


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ALL if case.verdict == "refuse"])
def test_no_refusal_is_final(case: PackCase) -> None:
    """A refusal takes a right away: the pack only proposes it, with words to show for it, or the record of another platform."""
    decision = decided(chenggong(), case.petition, case.candidates)

    assert decision.proposed
    assert any(hit.quotes or any("以前的事项" in why for why in hit.because) for hit in decision.hits if "不予受理" in hit.effect)

"""Cases written from the directory, the grounds and the documents alone, by somebody who had not read the rules or the word lists.

The figures before any tuning stand in the next commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from store.model import Decision
from tests.decisions.material import PackCase, cases_of, chenggong, decided

FRESH = Path(__file__).parent / "fresh"

Judged = list[tuple[PackCase, Decision]]


def judged(half: str) -> Judged:
    """Return the cases of *half* (open, held_out) with the decision on each."""
    return [(case, decided(chenggong(), case.petition, case.candidates)) for case in cases_of(FRESH / f"{half}.yaml")]


def share(right: Iterable[bool]) -> float:
    """Return the share that is right."""
    marks = list(right)
    return sum(marks) / len(marks)


def figures(cases: Judged) -> dict[str, float]:
    """Return the shares of right verdicts, right grounds of the refusals, and right departments of the acceptances."""
    return {
        "verdict": share(got.verdict.value == case.verdict for case, got in cases),
        "ground": share((got.verdict.value, got.ground) == ("refuse", case.ground) for case, got in cases if case.ground),
        "department": share(got.department in case.departments for case, got in cases if case.departments),
    }

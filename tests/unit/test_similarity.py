"""How alike two matters are."""

from __future__ import annotations

import pytest

from rules.similarity import shared_matters, shared_wording


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("厂区停水三天", "厂区停水三天", 1.0),
        ("厂区停水", "我们厂区停水三天，请处理", 1.0),
        ("廠區 停水", "厂区停水", 1.0),
        ("厂区停水", "招牌被拆", 0.0),
        ("", "厂区停水", 0.0),
        ("！！", "？？", 0.0),
    ],
)
def test_shared_wording_is_the_share_of_the_shorter_text(one: str, other: str, share: float) -> None:
    """A repeated or contained text is wholly alike, layout and traditional characters do not matter, nothing is alike to nothing."""
    assert shared_wording(one, other) == share
    assert shared_wording(other, one) == share


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ({"停水": 3.0}, {"停水": 1.0}, 1.0),
        ({"停水": 3.0}, {"停电": 3.0}, 0.0),
        ({"停水": 3.0, "停电": 4.0}, {"停水": 3.0}, 0.6),
        ({}, {"停水": 3.0}, 0.0),
        ({}, {}, 0.0),
    ],
)
def test_shared_matters_is_the_cosine(one: dict[str, float], other: dict[str, float], share: float) -> None:
    """Matters weigh as the pack weighs them; without any matter nothing is alike."""
    assert shared_matters(one, other) == pytest.approx(share)
    assert shared_matters(other, one) == pytest.approx(share)

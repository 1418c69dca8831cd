"""How alike two matters are: by their wording, and by what the pack's words say they are about.

People tell the same matter twice in quite different words, so that shared wording finds few of them; what they speak of stays the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from rules.lexicon import shadow
from store.enterprise_names import parted

_GRAM = 2  # code points
_NUMBER = re.compile(r"[0-9A-Z*-]{7,}")
_LONGEST = 20_000  # code points of each text that are compared


def shared_wording(one: str, other: str) -> float:
    """Return the share of the shorter text's pairs of characters that stand in the other one too: 0 (nothing) to 1 (contained)."""
    first, second = _grams(one), _grams(other)
    fewer = min(len(first), len(second))
    return len(first & second) / fewer if fewer else 0.0


def shared_matters(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the cosine of two profiles (matter → weight, none negative): 0 where they share no matter, 1 where they are proportional."""
    product = sum(weight * other.get(matter, 0.0) for matter, weight in one.items())
    size = math.sqrt(sum(weight**2 for weight in one.values()) * sum(weight**2 for weight in other.values()))
    return min(product / size, 1.0) if size else 0.0


@lru_cache(maxsize=64)  # one petition is compared with many earlier ones
def without_names(text: str, names: tuple[str, ...]) -> str:
    """Return *text* without the enterprises' *names*, telephone numbers and codes: who reports is no part of what is reported."""
    for name in names:
        for known in (name, *(own for own, _ in parted(name)[:1])):
            text = text.replace(known, " ") if known else text
    return _NUMBER.sub(" ", text)


@lru_cache(maxsize=32)  # one petition is compared with many earlier ones
def _grams(text: str) -> frozenset[str]:
    letters = "".join(filter(str.isalnum, shadow(text[:_LONGEST]).text))
    return frozenset(letters[at : at + _GRAM] for at in range(len(letters) - _GRAM + 1))

"""How alike two texts are: the one measure of likeness, on shadow copies, so that layout, width and traditional characters do not matter."""

from __future__ import annotations

from rules.lexicon import shadow

_GRAM = 2  # code points; pairs still meet where two people tell the same matter in other words
_LONGEST = 20_000  # code points of each text that are compared


def likeness(one: str, other: str) -> float:
    """Return the share of the shorter text's pairs of characters that stand in the other one too: 0 (nothing) to 1 (contained)."""
    first, second = _grams(one), _grams(other)
    fewer = min(len(first), len(second))
    return len(first & second) / fewer if fewer else 0.0


def _grams(text: str) -> set[str]:
    letters = "".join(character for character in shadow(text[:_LONGEST]).text if character.isalnum())
    return {letters[at : at + _GRAM] for at in range(len(letters) - _GRAM + 1)}

"""One text prepared for reading: signature, labels and enterprise names found once, and the way candidates for a field compete.

Every candidate for a field gets points for the words around it and for where it stands. What nobody claims as his own is nobody's: below
`LEAST` points a value is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from channels import enterprises, labels
from channels.enterprises import Name
from channels.labels import Labelled
from channels.passage import Passage
from channels.signing import Signature, signature
from store.model.petition import Found

LEAST = 10
_MAX_NAMES = 300  # enterprise names looked at in one text


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible value: code points [start, end), its points, and how it was found (see `store.model.petition.Found`)."""

    start: int
    end: int
    points: int
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the readers of the fields look at.

    `foreign` are the ranges that are not the writer's own words (blank in the passage); `is_note` where a clerk wrote the text down;
    `aliases` are names the sender goes by in the header.
    """

    passage: Passage
    foreign: tuple[tuple[int, int], ...]
    signature: Signature
    labelled: tuple[Labelled, ...]
    names: tuple[Name, ...]
    is_note: bool
    aliases: tuple[str, ...]

    @classmethod
    def of(cls, passage: Passage, *, foreign: Sequence[tuple[int, int]] = (), is_note: bool = False, aliases: tuple[str, ...] = ()) -> View:
        """Prepare *passage* without its *foreign* ranges. A clerk's note has no signature of the enterprise."""
        passage = passage.without(foreign)
        return cls(
            passage=passage,
            foreign=tuple(foreign),
            signature=Signature((), ()) if is_note else signature(passage.plain),
            labelled=tuple(labels.labelled(passage.plain)),
            names=tuple(islice(enterprises.names(passage.plain), _MAX_NAMES)),
            is_note=is_note,
            aliases=aliases,
        )

    @property
    def plain(self) -> str:
        """The shadow that patterns search."""
        return self.passage.plain

    def choose(self, candidates: Iterable[Candidate]) -> Found | None:
        """Return the candidate with most points, the first of equals; None where none has enough."""
        best: Candidate | None = None
        for candidate in candidates:
            if candidate.points >= LEAST and (best is None or candidate.points > best.points):
                best = candidate
        return self.passage.found(best.start, best.end, best.how) if best else None

    def is_signed(self, at: int) -> bool:
        """Whether *at* lies in the signature block."""
        return any(start <= at < end for start, end in self.signature.lines)

"""Whether a text speaks of an enterprise by a short name, written or heard: 果汐农业的冷库, 我是牧野户外的. Pure.

A call or a few lines often hold a name that nobody can tell from other words. Beside a registered name that is known from elsewhere it can
be told: by its core together with what follows it there, or with another word of trade.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from store.enterprise_names import KINDS, core, parted, sound

_READ = 2_000  # characters
_MOST = 6  # places of one text at which a name may stand
_SIZES = (2, 3)  # characters of a core that is sought without knowing it
_HAN = r"\u3400-\u9fff"
_KIND = re.compile(KINDS)
_I_AM = "(?:我们?是|我们?叫|这[里边]是|单位是|公司是)"
_SAID = re.compile(_I_AM)
_LINE = re.compile(r"(?:^|[\n::])\s*(?=\w)")
_CLAIM = re.compile(rf"(?:{_I_AM}|[::\n]|^)\s*$")
_AFTER = re.compile(r"[::]|来信|的|这[里边]")
_NO_CORE = re.compile(r"[的了在是有我你他她们这那个不和与向请把被给去来到从对为因就都也还没说要会能做搞开办]|[^\u3400-\u9fff]")


class Mention(StrEnum):
    """How a text speaks of an enterprise."""

    WRITTEN = "written"
    HEARD = "heard"
    NONE = "none"


def mention_of(name: str, text: str) -> Mention:
    """Return how *text* speaks of the enterprise registered as *name*."""
    return _mention_in(name, text[:_READ])


@lru_cache(maxsize=2_000)
def _mention_in(name: str, text: str) -> Mention:
    plain = _plain(text)
    found = {_mention(plain, own, rest) for own, rest in parted(name)}
    return next((mention for mention in (Mention.WRITTEN, Mention.HEARD) if mention in found), Mention.NONE)


def _mention(plain: str, own: str, rest: str) -> Mention:
    size = len(own)
    follows = re.compile(rf"{re.escape(rest[:2])}|{KINDS}") if len(rest) > 1 else _KIND
    if any(_is_spoken_of(plain, at, at + size, follows) for at in _places(plain, own)):
        return Mention.WRITTEN
    pieces = {plain[match.start() - size : match.start()] for match in follows.finditer(plain, size)}
    pieces |= {plain[at : at + size] for at in _begins(_SAID, plain)}
    pieces |= {plain[at : at + size] for at in _begins(_LINE, plain) if _AFTER.match(plain, at + size)}
    heard = sound(own)
    return Mention.HEARD if any(sound(piece) == heard for piece in pieces if not _NO_CORE.search(piece)) else Mention.NONE


def _is_spoken_of(plain: str, start: int, end: int, follows: re.Pattern[str]) -> bool:
    """Whether what stands there is a name: a word of trade follows, or somebody says that he is it."""
    return follows.match(plain, end) is not None or (_CLAIM.search(plain, 0, start) is not None and _AFTER.match(plain, end) is not None)


def possible_cores(text: str) -> list[str]:
    """Return what could be the core of a short name in *text*, which names no enterprise in full: a few, most of them wrong."""
    plain = _plain(text)
    ends = [match.start() for match in _KIND.finditer(plain) if len(match[0]) > 1][:_MOST]
    behind = (plain[end - size : end] for end in ends for size in _SIZES if end >= size)
    starts = [*_begins(_SAID, plain), *_begins(_LINE, plain)][:_MOST]
    ahead = (plain[at : at + size] for at in starts for size in _SIZES)
    found = dict.fromkeys(piece for piece in (*behind, *ahead) if not _NO_CORE.search(piece))
    return [piece for piece in found if core(piece) == piece]


def _places(plain: str, own: str) -> Iterator[int]:
    at = plain.find(own)
    while at >= 0:
        yield at
        at = plain.find(own, at + 1)


def _begins(saying: re.Pattern[str], plain: str) -> Iterator[int]:
    """Yield where a name may begin behind *saying*."""
    return (match.end() for match in saying.finditer(plain))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_READ]).casefold()

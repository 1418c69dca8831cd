"""The facts of one case, checked as they come in and put in order: the only module that knows what is a fact and what is not.

Both evaluators look facts up here. What is no fact gets no further, whoever made it: nothing of it reaches an engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from rules.compile import CHANNELS
from rules.language import (
    AUTHENTICATION_KINDS,
    AUTOMATIC_KINDS,
    CANDIDATE_KEYS,
    CASE_VERDICTS,
    DETAILS,
    ENTERPRISES,
    FIELDS,
    MEASURED_FIELDS,
    ORIGINS,
    PLACES,
    PLATFORM_STATUSES,
    Fact,
)
from store.errors import MalformedMessageError

Key: TypeAlias = tuple[str, object]  # kind of a fact, and the list or the conclusion it is about (None: neither)

_MAX_NUMBER = 1 << 53
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

_COMPARED: Mapping[str, type | tuple[str, ...]] = {
    **{f"same_{key}": bool for key in CANDIDATE_KEYS},
    "likeness": float,
    "days": int,
    "enterprise": ENTERPRISES,
    "details": DETAILS,
}

# What a property must be: a type, or one of these values. The second table is of those which may be left out.
REQUIRED: Mapping[str, Mapping[str, type | tuple[str, ...]]] = {
    "case": {
        "channel": CHANNELS,
        **{f"has_{name}": bool for name in FIELDS},
        **{f"{name}_length": int for name in MEASURED_FIELDS},
        "day": int,
    },
    "mention": {"list": str, "where": PLACES, "sentence": int, "negated": bool},
    "count": {"list": str, "words": int},
    "near": {"list": str, "other": str, "distance": int},
    "candidate": {},
    "elsewhere": {},
    "sender": {"list": str},
    "derived": {"name": str},
}
OPTIONAL: Mapping[str, Mapping[str, type | tuple[str, ...]]] = {
    "case": {"uscc_valid": bool, "automatic": AUTOMATIC_KINDS, "authentication": AUTHENTICATION_KINDS},
    "candidate": {**_COMPARED, "verdict": CASE_VERDICTS, "origin": ORIGINS},
    "elsewhere": {**_COMPARED, "status": PLATFORM_STATUSES},
}
_ABOUT = {"mention": "list", "count": "list", "near": "list", "sender": "list", "derived": "name"}


class CaseFacts:
    """The facts of one case in their order; each is checked when it is added."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        """Take *facts*; raises MalformedMessageError unless they are as `rules.language` says, each id is there once, and one is the anchor."""
        self._facts: list[Fact] = []
        self._ids: set[str] = set()
        self._by_key: dict[Key, list[tuple[int, Fact]]] = {}
        for fact in facts:
            self.add(fact)
        anchors = self.of("case")
        if len(anchors) != 1:
            raise MalformedMessageError("事实里须有且只有一个 case")
        self.anchor = anchors[0][1]

    @classmethod
    def of_all(cls, facts: Iterable[Fact]) -> CaseFacts:
        """Return *facts* checked: as they are where they have been checked before."""
        return facts if isinstance(facts, CaseFacts) else cls(facts)

    def add(self, fact: Fact) -> None:
        """Add one *fact*; MalformedMessageError where it is none, or its id is taken."""
        identity = fact.get("id")
        if not isinstance(identity, str) or not _ID.fullmatch(identity):
            raise MalformedMessageError(f"事实的编号不合格：{identity!r:.80}")
        _check(fact, identity)
        if identity in self._ids:
            raise MalformedMessageError("两个事实用了同一个编号")
        self._ids.add(identity)
        kind = str(fact["k"])
        self._by_key.setdefault((kind, fact[_ABOUT[kind]] if kind in _ABOUT else None), []).append((len(self._facts), fact))
        self._facts.append(fact)

    def __iter__(self) -> Iterator[Fact]:
        """Yield the facts in their order."""
        return iter(self._facts)

    def of(self, kind: str, about: object = None) -> list[tuple[int, Fact]]:
        """Return the facts of *kind* about one list or conclusion, each with its place in the order of all."""
        return self._by_key.get((kind, about), [])

    def subjects(self) -> Iterable[Key]:
        """Return what there are facts about."""
        return self._by_key.keys()


def _check(fact: Fact, identity: str) -> None:
    kind = fact.get("k")
    fits = _FITS.get(kind) if isinstance(kind, str) else None
    if fits is None:
        raise MalformedMessageError(f"事实 {identity} 的种类不认识：{kind!r:.80}")
    for name, is_fit in fits:
        if not is_fit(fact.get(name)):
            raise MalformedMessageError(f"事实 {identity}（{kind}）的 {name} 不合格：{fact.get(name)!r:.80}")


def _is_whole(value: object) -> bool:
    return type(value) is int and -_MAX_NUMBER < value < _MAX_NUMBER


def _is_number(value: object) -> bool:
    return (type(value) is float or type(value) is int) and -_MAX_NUMBER < value < _MAX_NUMBER  # NaN is neither


_TYPES: Mapping[type, Callable[[object], bool]] = {
    str: lambda value: isinstance(value, str),
    bool: lambda value: value is True or value is False,
    int: _is_whole,  # numbers are finite, and far below what the engine saturates at
    float: _is_number,
}


def _fit(wanted: type | tuple[str, ...], *, optional: bool) -> Callable[[object], bool]:
    """Return the test whether a value is one of, or of the type, *wanted*; None passes where it is *optional*."""
    if isinstance(wanted, tuple):
        values = frozenset(wanted)
        is_fit: Callable[[object], bool] = lambda value: isinstance(value, str) and value in values  # noqa: E731
    else:
        is_fit = _TYPES[wanted]
    return (lambda value: value is None or is_fit(value)) if optional else is_fit


_FITS: Mapping[str, tuple[tuple[str, Callable[[object], bool]], ...]] = {
    kind: (
        *((name, _fit(wanted, optional=False)) for name, wanted in required.items()),
        *((name, _fit(wanted, optional=True)) for name, wanted in OPTIONAL.get(kind, {}).items()),
    )
    for kind, required in REQUIRED.items()
}

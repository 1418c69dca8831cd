"""Values of `store.model` as JSON text and back: the one form in which they cross a pipe or lie in a column."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)  # building one costs milliseconds


def to_json(value: object) -> str:
    """Return *value*, a frozen dataclass of `store.model`, as compact JSON text (non-ASCII kept)."""
    return _adapter(type(value)).dump_json(value).decode()


def from_json(kind: type[T], text: str | bytes) -> T:
    """Return the *kind* that `to_json` wrote as *text*; raises pydantic.ValidationError (a ValueError) where it is none."""
    adapter: TypeAdapter[T] = _adapter(kind)
    return adapter.validate_json(text)

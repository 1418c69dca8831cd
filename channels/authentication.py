"""What a mail server that we trust found out about where a mail comes from: its Authentication-Results (RFC 8601), nobody else's.

Anybody may write such a field. Ours stands above whatever the mail brought with it, and names the server; of all fields only the uppermost
with the configured name counts. A signature or an envelope of another domain than that in From says nothing about From (RFC 7489 3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from channels.headers import Head
from channels.organisations import same_organisation
from store.model.letter import Address, Authentication

FIELD = "authentication-results"
_METHODS = ("spf", "dkim", "dmarc", "arc")
_RESULTS = frozenset({"none", "pass", "fail", "policy", "neutral", "temperror", "permerror", "softfail", "hardfail", "bestguesspass"})
_MAX_FIELD = 8_000  # characters looked at
_TOKEN = re.compile(r'"((?:[^"\\]|\\.){0,500}+)"|([^\s;="()]{1,500}+)|([;=])')
_OWN = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom", "smtp.helo"), "dmarc": ("header.from",)}  # which domain each speaks of


@dataclass(frozen=True, slots=True)
class _Result:
    """One method with its result and its properties, all in lower case."""

    method: str
    result: str
    properties: dict[str, str]


def found_by(server: str, head: Head, sender: Address | None) -> Authentication | None:
    """Return what *server* (an authserv-id) found out about the mail with *head*, None where it says nothing."""
    for value in head.values(FIELD):
        name, results = _parsed(value[:_MAX_FIELD])
        if name == server.lower():
            return _summed(list(results), _domain_of(sender), by=name)
    return None


def found_in(value: str, sender: Address) -> Authentication:
    """Return what the field *value* says, whoever wrote it: for a seal that has been checked."""
    name, results = _parsed(value[:_MAX_FIELD])
    return _summed(list(results), _domain_of(sender), by=name)


def _domain_of(sender: Address | None) -> str:
    return sender.address.rpartition("@")[2] if sender else ""


def _summed(results: list[_Result], domain: str, *, by: str) -> Authentication:
    """Return the best result of each method that speaks of *domain*."""
    said = {method: [one.result for one in results if one.method == method and _speaks_of(one, domain)] for method in _METHODS}
    best = {method: "pass" if "pass" in found else found[0] if found else "" for method, found in said.items()}
    return Authentication(**best, by=by)


def _speaks_of(one: _Result, domain: str) -> bool:
    about = [one.properties[name].rpartition("@")[2] for name in _OWN.get(one.method, ()) if one.properties.get(name)]
    if not about:  # a failure names no domain at times, and counts; a success that names none proves nothing
        return one.method not in {"dkim", "spf"} or one.result != "pass"
    return any(same_organisation(name, domain) for name in about)


def _parsed(value: str) -> tuple[str, Iterator[_Result]]:
    """Return the server that wrote *value*, and its results."""
    name, *parts = _split(_without_comments(value))
    return (name[0].lower() if name else ""), (found for part in parts if (found := _result(part)) is not None)


def _split(value: str) -> list[list[str]]:
    """Return the words of *value* between its semicolons; an equals sign is a word."""
    parts: list[list[str]] = [[]]
    for quoted, word, mark in _TOKEN.findall(value):
        if mark == ";":
            parts.append([])
        else:
            parts[-1].append(mark or word or quoted)
    return parts


def _result(words: list[str]) -> _Result | None:
    pairs = {words[at - 1].lower(): words[at + 1].lower() for at in range(1, len(words) - 1) if words[at] == "="}
    if not pairs:
        return None
    method, result = next(iter(pairs.items()))
    method = method.partition("/")[0]
    if method not in _METHODS or result not in _RESULTS:
        return None
    return _Result(method, {"hardfail": "fail", "bestguesspass": "none"}.get(result, result), pairs)


def _without_comments(value: str) -> str:
    """Return *value* without what stands in (nested) brackets; quoted text keeps its own."""
    kept, depth, is_quoted, is_escaped = [], 0, False, False
    for char in value:
        if is_escaped:
            is_escaped = False
        elif char == "\\":
            is_escaped = True
        elif char == '"' and not depth:
            is_quoted = not is_quoted
        elif char in "()" and not is_quoted:
            depth = max(0, depth + (1 if char == "(" else -1))
            continue
        if not depth:
            kept.append(char)
    return "".join(kept)

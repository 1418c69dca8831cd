"""Whether two reports are by one enterprise, and whether what they name agrees: what no single key tells. Pure.

| enterprise | where |
|---|---|
| same | one valid code, or one written name |
| likely | one core of the name; a name that sounds alike or is the shorter form, with one telephone; no name on one side, and one telephone or address |
| sounds | a name that sounds alike or is the shorter form, and nothing else |
| other | two valid codes, or two names that have nothing in common, whatever telephone they share (an agent speaks for many) |
| unknown | all else |
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from store.enterprise_names import core, sound
from store.model.matching import Candidate
from store.model.petition import Found, Petition
from store.particulars import code_key, document_keys, name_key, project_keys, sums_in

_CONTACTS = frozenset({"phone", "masked", "sender"})
_SHORTEST = 2  # characters of a core that may be the shorter form of another
_READ = 6_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a text names that another telling of the same matter should name, too."""

    documents: frozenset[str]
    amounts: frozenset[str]
    projects: frozenset[str]


def enterprise(petition: Petition, candidate: Candidate) -> str:
    """Return how sure it is that the enterprise of *petition* made the earlier report: see the table above."""
    codes = code_key(_value(petition.uscc)), code_key(candidate.uscc)
    if all(codes):
        return "same" if codes[0] == codes[1] else "other"
    names = _value(petition.name), candidate.name
    cores = core(names[0]), core(names[1])
    has_contact = not _CONTACTS.isdisjoint(candidate.keys)
    if not all(cores):
        return "likely" if has_contact else "unknown"
    if name_key(names[0]) == name_key(names[1]):
        return "same"
    if cores[0] == cores[1]:
        return "likely"
    if sound(cores[0]) == sound(cores[1]) or _is_shorter(*cores):
        return "likely" if has_contact else "sounds"
    return "other"


def details(petition: Named, candidate: Named) -> str:
    """Return whether two tellings name the same: "shared", "differ", or "none" where nothing can be concluded.

    They differ where both name documents, and no one in common; or both sums and projects, and neither agrees. Sums alone say little: one
    tells what is owed, the other what was agreed or paid.
    """
    documents = petition.documents, candidate.documents
    amounts = petition.amounts, candidate.amounts
    projects = petition.projects, candidate.projects
    if any(one & other for one, other in (documents, amounts, projects)):
        return "shared"
    return "differ" if all(documents) or (all(amounts) and all(projects)) else "none"


@lru_cache(maxsize=2_000)
def named_in(text: str) -> Named:
    """Return what *text* names."""
    read = unicodedata.normalize("NFKC", text[:_READ])
    return Named(documents=frozenset(document_keys(read)), amounts=frozenset(sums_in(read)), projects=frozenset(project_keys(read)))


def _is_shorter(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORTEST and long.startswith(short)


def _value(found: Found | None) -> str:
    return found.value if found else ""

"""Whether two reports are by one enterprise, and whether what they name agrees: what no single key tells. Pure.

| enterprise | where |
|---|---|
| same | one valid code, or one written name; one core of the name, a name that sounds alike or is the shorter form, with one whole telephone number |
| likely | one core; a name that sounds alike, with one masked number or address; no name on one side, and one number or address |
| sounds | a name that sounds alike or is the shorter form, and nothing else |
| other | two valid codes, or two names that have nothing in common, whatever telephone they share (an agent speaks for many) |
| unknown | all else |

Who gives no name may still speak of himself by a short one in the text: then it counts as his name.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import product, starmap

from store.enterprise_names import core, sound
from store.mentions import Mention, mention_of
from store.model.matching import Candidate
from store.model.petition import Found, Petition
from store.particulars import code_key, document_keys, large_sums, name_key, project_keys
from store.sums import agree

_CONTACTS = frozenset({"masked", "sender"})
_SHORTEST = 2  # characters of a core that may be the shorter form of another
_READ = 6_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a text names that another telling of the same matter should name, too."""

    documents: frozenset[str]
    amounts: frozenset[int]
    projects: frozenset[str]


def enterprise(petition: Petition, candidate: Candidate) -> str:
    """Return how sure it is that the enterprise of *petition* made the earlier report: see the table above."""
    codes = code_key(_value(petition.uscc)), code_key(candidate.uscc)
    if all(codes):
        return "same" if codes[0] == codes[1] else "other"
    names = _value(petition.name), candidate.name
    cores = core(names[0]), core(names[1])
    if not all(cores):
        return _ALIKE[_mention(petition, candidate), _contact(candidate)]
    if name_key(names[0]) == name_key(names[1]):
        return "same"
    if cores[0] == cores[1]:
        return _ALIKE[Mention.WRITTEN, _contact(candidate)]
    return _ALIKE[Mention.HEARD, _contact(candidate)] if _is_shorter_or_sounds_alike(*cores) else "other"


# How a name agrees, and what else does: a whole telephone number, a masked one or an address, nothing.
_ALIKE = {
    (Mention.WRITTEN, "phone"): "same",
    (Mention.WRITTEN, "some"): "likely",
    (Mention.WRITTEN, ""): "likely",
    (Mention.HEARD, "phone"): "same",
    (Mention.HEARD, "some"): "likely",
    (Mention.HEARD, ""): "sounds",
    (Mention.NONE, "phone"): "likely",
    (Mention.NONE, "some"): "likely",
    (Mention.NONE, ""): "unknown",
}


def _contact(candidate: Candidate) -> str:
    return "phone" if "phone" in candidate.keys else "" if _CONTACTS.isdisjoint(candidate.keys) else "some"


def _mention(petition: Petition, candidate: Candidate) -> Mention:
    """Return how the text of the one that gives no name speaks of the other one's."""
    name = _value(petition.name)
    if core(name):
        return mention_of(name, f"{candidate.title}\n{candidate.content}")
    return mention_of(candidate.name, f"{petition.title}\n{petition.content}")


def details(petition: Named, candidate: Named) -> str:
    """Return whether two tellings name the same: "shared", "differ", or "none" where nothing can be concluded.

    They differ where both name documents, and no one in common; or both sums and projects, and neither agrees. Sums alone say little: one
    tells what is owed, the other what was agreed or paid.
    """
    documents = petition.documents, candidate.documents
    amounts = petition.amounts, candidate.amounts
    projects = petition.projects, candidate.projects
    if petition.documents & candidate.documents or petition.projects & candidate.projects or any(starmap(agree, product(*amounts))):
        return "shared"
    return "differ" if all(documents) or (all(amounts) and all(projects)) else "none"


@lru_cache(maxsize=2_000)
def named_in(text: str) -> Named:
    """Return what *text* names."""
    read = unicodedata.normalize("NFKC", text[:_READ])
    return Named(documents=frozenset(document_keys(read)), amounts=frozenset(large_sums(read)), projects=frozenset(project_keys(read)))


def _is_shorter_or_sounds_alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORTEST and sound(long[: len(short)]) == sound(short)


def _value(found: Found | None) -> str:
    return found.value if found else ""

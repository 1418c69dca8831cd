"""By which keys a petition and an earlier report recognise each other. Pure.

How codes, numbers and names are normalised stands in `store.particulars`: both sides of a comparison must pass the same door.

| kind | what it is | value |
|---|---|---|
| message, reference | own Message-ID, Message-IDs referred to | bare |
| uscc | a code that GB 32100 accepts, as read or with the signs mended that scanners confuse | 18 signs |
| phone | a whole number | digits without +86 and area code |
| shape, masked | first three and last four digits of a mobile number: of any, of one whose middle is masked | 138-0001 |
| name | the enterprise's name | as `name_key` |
| sound | the name's core as it sounds, and the short forms of a long one | syllables |
| mention | where there is no name: what may be the core of a short one in the text | syllables |
| contact | a person's name of three characters or more, without 先生, 经理 | as it is |
| sender | the sender's address | as it is |
| document | numbers of documents, contracts, orders: 昆环罚〔2024〕12号, GF-2024-0012 | as `document_keys` |
| place | projects, roads, buildings, markets | the word before and its kind |
| amount | sums of three digits or more, others with the month named beside them | yuan, yuan@2024-10 |
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from store.audit import digest_of
from store.enterprise_names import sound
from store.mentions import possible_cores
from store.model.petition import Found, Petition
from store.particulars import (
    amount_keys,
    code_key,
    contact_key,
    document_keys,
    masked_shapes,
    name_key,
    phone_keys,
    phone_shapes,
    place_keys,
    sound_keys,
)

_MENTIONED = 20  # case numbers looked up for one petition
_REFERENCES = 50  # Message-IDs looked up for one petition: the newest ones, which stand last
_LONGEST = 200  # characters of a key; a longer one enters by its digest, since an index entry has limits
_SEARCHED = 6_000  # characters of title and content in which documents, places and amounts are sought


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its `kind` (see the table above) and the normalised `value`."""

    kind: str
    value: str


def keys_of(petition: Petition) -> set[Key]:
    """Return every key by which a later petition may find the case of *petition*."""
    return {*field_keys(petition), *matter_keys(petition), *thread_keys(petition)}


def thread_keys(petition: Petition) -> set[Key]:
    """Return the keys of *petition*'s place in a mail thread alone: what a follow-up adds to its case."""
    own = [Key("message", message) for message in messages([petition.letter.message_id])]
    return {*own, *(Key("reference", message) for message in referred(petition))}


def field_keys(petition: Petition) -> list[Key]:
    """Return the keys of what *petition* says of its enterprise, and of its sender's address."""
    sender, name, phone = petition.letter.sender, _value(petition.name), _value(petition.phone)
    sounds = [Key("sound", heard) for heard in sound_keys(name)]
    mentions = [] if sounds else [Key("mention", sound(one)) for one in possible_cores(f"{petition.title}\n{petition.content}")]
    keys = [
        Key("uscc", code_key(_value(petition.uscc))),
        Key("name", name_key(name)),
        *(sounds or mentions),
        Key("contact", contact_key(_value(petition.contact))),
        Key("sender", sender.address.casefold() if sender else ""),
        *(Key("phone", number) for number in sorted(phone_keys(phone))),
        *(Key("shape", shape) for shape in sorted(phone_shapes(phone))),
        *(Key("masked", shape) for shape in sorted(masked_shapes(phone))),
    ]
    return [Key(key.kind, _bounded(key.value)) for key in keys if key.value]


def matter_keys(petition: Petition) -> list[Key]:
    """Return the keys of what *petition*'s own words name: documents, places, sums."""
    text = unicodedata.normalize("NFKC", f"{petition.title}\n{petition.content}"[:_SEARCHED])
    found = (("document", document_keys(text)), ("place", place_keys(text)), ("amount", amount_keys(text)))
    return [Key(kind, _bounded(value)) for kind, values in found for value in values]


# ---------------------------------------------------------------- threads and our own numbers


def number_key(number: str) -> str:
    """Return a case number as it is compared: width and case do not count."""
    return unicodedata.normalize("NFKC", number).strip().casefold()


def numbers_in(pattern: str, text: str) -> list[str]:
    """Return the keys of the case numbers of the form *pattern* (`CG-{year}-{seq:05d}`) that stand in *text*, each once, in order."""
    found = _number_pattern(pattern).finditer(unicodedata.normalize("NFKC", text))
    numbers = (number_key(pattern.format(year=int(match["year"]), seq=int(match["seq"]))) for match in found)
    return list(dict.fromkeys(numbers))


def referred(petition: Petition) -> list[str]:
    """Return the Message-IDs that *petition* answers or refers to, each once."""
    return messages([*petition.letter.in_reply_to[-_REFERENCES:], *petition.letter.references[-_REFERENCES:]])


def messages(ids: Iterable[str]) -> list[str]:
    """Return Message-IDs as they are compared: bare, each once."""
    bare = (message.strip("<> \t\r\n") for message in ids)
    return [_bounded(message) for message in dict.fromkeys(bare) if message]


def mentioned_numbers(pattern: str, petition: Petition) -> list[str]:
    """Return the keys of the case numbers of the form *pattern* that *petition* mentions, the first ones."""
    return numbers_in(pattern, f"{petition.letter.subject}\n{petition.title}\n{petition.content}")[:_MENTIONED]


def _value(found: Found | None) -> str:
    return found.value if found else ""


def _bounded(value: str) -> str:
    return value if len(value) <= _LONGEST else digest_of(value)


@cache
def _number_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression that finds numbers of the form *pattern* between characters that could not belong to one."""
    digits = {"year": "[0-9]{4}", "seq": "[0-9]{1,9}"}
    parts = [
        re.escape(literal) + (f"(?P<{name}>{digits[name]})" if name else "") for literal, name, _, _ in string.Formatter().parse(pattern)
    ]
    return re.compile(r"(?<![0-9A-Za-z])" + "".join(parts) + r"(?![0-9])", re.IGNORECASE)

"""By which keys a petition and an earlier report recognise each other. Pure.

Normalising is done here and nowhere else: both sides of a comparison must pass the same door.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from store.audit import digest_of
from store.model import Found, Petition

_MENTIONED = 20  # case numbers looked up for one petition
_REFERENCES = 50  # Message-IDs looked up for one petition: the newest ones, which stand last
_LONGEST = 200  # characters of a key; a longer one enters by its digest, since an index entry has limits

_NOT_NAME = re.compile(r"[\W_]+")
_PHONE_BREAK = re.compile(r"[、,;/|\n]|转|或")
_MASKED = re.compile(r"[*Xx]{3}")
_ABROAD = re.compile(r"^(?:00)?86(?=0?[1-9][0-9]{9})")
_AREA_CODE = re.compile(r"^0(?:10|2[0-9]|[3-9][0-9]{2})(?=[2-9])")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 12


@dataclass(frozen=True, slots=True)
class Key:
    """One key: `kind` is "uscc", "phone", "name", "sender", "message" (own Message-ID) or "reference" (Message-IDs referred to)."""

    kind: str
    value: str


def keys_of(petition: Petition) -> set[Key]:
    """Return every key by which a later petition may find the case of *petition*."""
    return {*field_keys(petition), *thread_keys(petition)}


def thread_keys(petition: Petition) -> set[Key]:
    """Return the keys of *petition*'s place in a mail thread alone: what a follow-up adds to its case."""
    own = [Key("message", message) for message in messages([petition.letter.message_id])]
    return {*own, *(Key("reference", message) for message in referred(petition))}


def name_key(name: str) -> str:
    """Return an enterprise's name without what people write differently: width, case, spaces, punctuation, 责任."""
    return _NOT_NAME.sub("", unicodedata.normalize("NFKC", name).casefold()).replace("有限责任公司", "有限公司")


def phone_keys(phone: str) -> set[str]:
    """Return the numbers in *phone* as bare digits, without +86 and area code; masked and incomplete ones tell nothing."""
    text = unicodedata.normalize("NFKC", phone)
    numbers = (_digits(part) for part in _PHONE_BREAK.split(text) if not _MASKED.search(part))
    return {number for number in numbers if _FEWEST_DIGITS <= len(number) <= _MOST_DIGITS}


def number_key(number: str) -> str:
    """Return a case number as it is compared: width and case do not count."""
    return unicodedata.normalize("NFKC", number).strip().casefold()


def numbers_in(pattern: str, text: str) -> list[str]:
    """Return the keys of the case numbers of the form *pattern* (`CG-{year}-{seq:05d}`) that stand in *text*, each once, in order."""
    found = _number_pattern(pattern).finditer(unicodedata.normalize("NFKC", text))
    numbers = (number_key(pattern.format(year=int(match["year"]), seq=int(match["seq"]))) for match in found)
    return list(dict.fromkeys(numbers))


def field_keys(petition: Petition) -> list[Key]:
    """Return the keys of what *petition* says of its enterprise, and of its sender's address."""
    sender = petition.letter.sender
    keys = [
        Key("uscc", _NOT_NAME.sub("", unicodedata.normalize("NFKC", _value(petition.uscc)).upper())),
        Key("name", name_key(_value(petition.name))),
        Key("sender", sender.address.casefold() if sender else ""),
        *(Key("phone", number) for number in sorted(phone_keys(_value(petition.phone)))),
    ]
    return [Key(key.kind, _bounded(key.value)) for key in keys if key.value]


def _value(found: Found | None) -> str:
    return found.value if found else ""


def referred(petition: Petition) -> list[str]:
    """Return the Message-IDs that *petition* answers or refers to, each once."""
    return messages([*petition.letter.in_reply_to[-_REFERENCES:], *petition.letter.references[-_REFERENCES:]])


def messages(ids: Iterable[str]) -> list[str]:
    """Return Message-IDs as they are compared: bare, each once."""
    bare = (message.strip("<> \t\r\n") for message in ids)
    return [_bounded(message) for message in dict.fromkeys(bare) if message]


def _bounded(value: str) -> str:
    return value if len(value) <= _LONGEST else digest_of(value)


def _digits(part: str) -> str:
    digits = "".join(char for char in part if char in string.digits)
    return _AREA_CODE.sub("", _ABROAD.sub("", digits))


def mentioned_numbers(pattern: str, petition: Petition) -> list[str]:
    """Return the keys of the case numbers of the form *pattern* that *petition* mentions, the first ones."""
    return numbers_in(pattern, f"{petition.letter.subject}\n{petition.title}\n{petition.content}")[:_MENTIONED]


@cache
def _number_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression that finds numbers of the form *pattern* between characters that could not belong to one."""
    digits = {"year": "[0-9]{4}", "seq": "[0-9]{1,9}"}
    parts = [
        re.escape(literal) + (f"(?P<{name}>{digits[name]})" if name else "") for literal, name, _, _ in string.Formatter().parse(pattern)
    ]
    return re.compile(r"(?<![0-9A-Za-z])" + "".join(parts) + r"(?![0-9])", re.IGNORECASE)

"""By which keys a petition and an earlier report recognise each other. Pure.

Normalising is done here and nowhere else: both sides of a comparison must pass the same door.

| kind | what it is | value |
|---|---|---|
| message, reference | own Message-ID, Message-IDs referred to | bare |
| uscc | a code that GB 32100 accepts, as read or with the signs mended that scanners confuse | 18 signs |
| phone | a whole number | digits without +86 and area code |
| shape, masked | first three and last four digits of a mobile number: of any, of one whose middle is masked | 138-0001 |
| name | the enterprise's name | as `name_key` |
| sound | the name's core as it sounds | syllables |
| sender | the sender's address | as it is |
| document | numbers of documents, contracts, orders: 昆环罚〔2024〕12号, GF-2024-0012 | as `document_keys` |
| place | projects, roads, buildings, markets | the word before and its kind |
| amount | sums of three digits or more, others with the month named beside them | yuan, yuan@2024-10 |
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from stdnum.cn import uscc as code_standard

from store.audit import digest_of
from store.enterprise_names import core, plain_name, sound
from store.model.petition import Found, Petition

_MENTIONED = 20  # case numbers looked up for one petition
_REFERENCES = 50  # Message-IDs looked up for one petition: the newest ones, which stand last
_LONGEST = 200  # characters of a key; a longer one enters by its digest, since an index entry has limits
_SEARCHED = 6_000  # characters of title and content in which documents, places and amounts are sought
_MOST = 12  # keys of one such kind; the first ones stand where the matter is told

_NOT_SIGN = re.compile(r"[\W_]+")
_PHONE_BREAK = re.compile(r"[、,;/|\n]|转|或")
_MASKED = re.compile(r"[*Xx#]{3}")
_MASKED_MOBILE = re.compile(r"(?<![0-9])(1[3-9][0-9])[0-9*Xx#]*[*Xx#][0-9*Xx#]*([0-9]{4})(?![0-9])")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_ABROAD = re.compile(r"^(?:00)?86(?=0?[1-9][0-9]{9})")
_AREA_CODE = re.compile(r"^0(?:10|2[0-9]|[3-9][0-9]{2})(?=[2-9])")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 12
_SCANNED_DIGITS = str.maketrans("OoQIl|SsB", "000111558")  # how OCR reads digits
_SCANNED_CODE = str.maketrans("oOqQlIisSzZ", "00001115522")  # a small l, and letters that GB 32100 does not use, as the signs they were
_VARIED = 4  # different signs of a code that is one
_SCANNED_NUMBER = re.compile(r"[0-9OoQIl|SsB][0-9OoQIl|SsB \-]{5,18}[0-9OoQIl|SsB]")

_HAN = r"\u3400-\u9fff"
_OFFICIAL = re.compile(rf"([{_HAN}]{{2,10}})[〔\[(【]\s*((?:19|20)[0-9]{{2}})\s*[〕\])】]\s*第?\s*([0-9]{{1,6}})\s*号")
_CODED = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9-]*[0-9]{4})(?:[A-Za-z]{1,8}[-/]?)?[0-9][A-Za-z0-9]*(?:[-/][A-Za-z0-9]+)*(?![A-Za-z0-9])"
)
_SHORTEST_CODE, _PLAIN_DIGITS = 8, 13  # signs; bare digits below that may be a telephone number, a date, a sum
_PLACE = re.compile(
    rf"(?P<own>[{_HAN}]{{2,4}}|[{_HAN}]{{0,3}}[0-9A-Za-z一二三四五六七八九十]{{1,4}})"
    r"(?P<kind>标段|标|地块|号路|号楼|大道|支路|路|街|巷|大厦|广场|商场|市场|小区|家园|花园|园区|产业园|工业园|科技园|泵站|冷库|预冷库|厂房|项目)"
)
_AMOUNT = re.compile(r"(?<![0-9.])([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(\.[0-9]{1,4})?\s*(亿|千万|百万|万|千)?余?多?\s*(?:元|块)")
_MONTH = re.compile(r"((?:19|20)[0-9]{2})\s*[年./-]\s*(1[0-2]|0?[1-9])(?![0-9])")
_SENTENCE = re.compile(r"[。；;!?！？\n]")
_TIMES = {"亿": 10**8, "千万": 10**7, "百万": 10**6, "万": 10**4, "千": 10**3, None: 1}
_TELLING_DIGITS = 3  # of a sum that is a key by itself


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
    keys = [
        Key("uscc", code_key(_value(petition.uscc))),
        Key("name", name_key(name)),
        Key("sound", sound_key(name)),
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


# ---------------------------------------------------------------- the enterprise


def name_key(name: str) -> str:
    """Return an enterprise's name without what people write differently: width, case, spaces, punctuation, 责任."""
    return plain_name(name).replace("有限责任公司", "有限公司")


def sound_key(name: str) -> str:
    """Return how the core of *name* sounds; "" where it has none."""
    own = core(name)
    return sound(own) if own else ""


def code_key(code: str) -> str:
    """Return a uscc that GB 32100 accepts, if need be with the signs mended that scanners confuse; "" for any other, and for 000…."""
    bare = _NOT_SIGN.sub("", unicodedata.normalize("NFKC", code))
    if len(set(bare)) < _VARIED:
        return ""
    return next((one for one in (bare.upper(), bare.translate(_SCANNED_CODE).upper()) if code_standard.is_valid(one)), "")


def phone_keys(phone: str) -> set[str]:
    """Return the numbers in *phone* as bare digits, without +86 and area code; masked and incomplete ones tell nothing."""
    text = _SCANNED_NUMBER.sub(lambda match: match[0].translate(_SCANNED_DIGITS), unicodedata.normalize("NFKC", phone))
    numbers = (_digits(part) for part in _PHONE_BREAK.split(text) if not _MASKED.search(part))
    return {number for number in numbers if _FEWEST_DIGITS <= len(number) <= _MOST_DIGITS}


def phone_shapes(phone: str) -> set[str]:
    """Return what a mask would leave of the mobile numbers in *phone*: first three and last four digits."""
    whole = {f"{number[:3]}-{number[-4:]}" for number in phone_keys(phone) if _MOBILE.fullmatch(number)}
    return whole | masked_shapes(phone)


def masked_shapes(phone: str) -> set[str]:
    """Return the same of those mobile numbers in *phone* alone whose middle is masked."""
    text = unicodedata.normalize("NFKC", phone).replace(" ", "").replace("-", "")
    return {f"{match[1]}-{match[2]}" for match in _MASKED_MOBILE.finditer(text)}


# ---------------------------------------------------------------- the matter


def document_keys(text: str) -> list[str]:
    """Return the numbers of documents, contracts and orders in *text*, each once; no telephone numbers, codes of enterprises, sums."""
    official = (f"{match[1][-4:]}{match[2]}-{int(match[3])}" for match in _OFFICIAL.finditer(text))
    return _first([*official, *_coded(text)])


def _coded(text: str) -> Iterator[str]:
    for match in _CODED.finditer(text):
        code = match[0].casefold()
        digits = sum(char in string.digits for char in code)
        is_plain = digits == len(code.replace("-", "").replace("/", ""))
        if len(code) >= (_PLAIN_DIGITS if is_plain else _SHORTEST_CODE) and not code_key(code) and not _MONTH.match(code):
            yield code


def place_keys(text: str) -> list[str]:
    """Return the projects, roads, buildings and markets that *text* names, each once."""
    return _first(f"{match['own'][-3:]}{match['kind']}" for match in _PLACE.finditer(text))


def amount_keys(text: str) -> list[str]:
    """Return the sums in *text* in yuan, each once: those that tell something by themselves, others with a month of the same sentence."""
    return _first(key for sentence in _SENTENCE.split(text) for key in _amounts(sentence))


def _amounts(sentence: str) -> Iterator[str]:
    months = [f"{match[1]}-{int(match[2]):02}" for match in _MONTH.finditer(sentence)]
    for match in _AMOUNT.finditer(sentence):
        number = match[1].replace(",", "") + (match[2] or "")
        if (yuan := round(float(number) * _TIMES[match[3]])) < 1:
            continue
        if len(str(yuan).strip("0")) >= _TELLING_DIGITS:
            yield str(yuan)
        else:
            yield from (f"{yuan}@{month}" for month in months[:2])


def _first(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))[:_MOST]


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


def _digits(part: str) -> str:
    digits = "".join(char for char in part if char in string.digits)
    return _AREA_CODE.sub("", _ABROAD.sub("", digits))


@cache
def _number_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression that finds numbers of the form *pattern* between characters that could not belong to one."""
    digits = {"year": "[0-9]{4}", "seq": "[0-9]{1,9}"}
    parts = [
        re.escape(literal) + (f"(?P<{name}>{digits[name]})" if name else "") for literal, name, _, _ in string.Formatter().parse(pattern)
    ]
    return re.compile(r"(?<![0-9A-Za-z])" + "".join(parts) + r"(?![0-9])", re.IGNORECASE)

"""What can be compared exactly in what people write: codes, telephone numbers, documents, places, sums. Pure.

Both sides of a comparison pass through here, whether they are keys in the database or words before a rule.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TypeVar

from stdnum.cn import uscc as code_standard

from store.enterprise_names import parted, plain_name, sound
from store.sums import as_told, digits_of, sums_in

_Value = TypeVar("_Value")

_MOST = 12  # documents, places, sums of one text; the first ones stand where the matter is told

_NOT_SIGN = re.compile(r"[\W_]+")
_PHONE_BREAK = re.compile(r"[、,;/|\n]|转|或")
_MASKED = re.compile(r"[*Xx#]{3}")
_MASKED_MOBILE = re.compile(r"(?<![0-9])(1[3-9][0-9])[0-9*Xx#]*[*Xx#][0-9*Xx#]*([0-9]{4})(?![0-9])")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_ABROAD = re.compile(r"^(?:00)?86(?=0?[1-9][0-9]{9})")
_AREA_CODE = re.compile(r"^0(?:10|2[0-9]|[3-9][0-9]{2})(?=[2-9])")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 12
SCANNED_DIGITS = str.maketrans("OoQIl|SsB", "000111558")
"""Letters that recognition takes digits for, to these."""
_SCANNED_CODE = str.maketrans("oOqQlIisSzZ", "00001115522")  # a small l, and letters that GB 32100 does not use, as the signs they were
_TITLE = re.compile(r"(?:先生|女士|小姐|老师|经理|会计|总经理|店长|主任|老板|厂长|校长|财务|总)$")
_SHORTEST_PERSON, _LONGEST_PERSON = 3, 8  # characters
_VARIED = 4  # different signs of a code that is one
_SCANNED_NUMBER = re.compile(r"[0-9OoQIl|SsB][0-9OoQIl|SsB \-]{5,18}[0-9OoQIl|SsB]")

_HAN = r"\u3400-\u9fff"
_OFFICIAL = re.compile(rf"([{_HAN}]{{2,10}})[〔\[(【]\s*((?:19|20)[0-9]{{2}})\s*[〕\])】]\s*第?\s*([0-9]{{1,6}})\s*号")
_BEFORE_OFFICIAL = re.compile(r".*[对就到的了照据因该送为是出将把及和与以收有于](?=..)")  # 对昆环罚〔2025〕17号
_CODED = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9-]*[0-9]{4})(?:[A-Za-z]{1,8}[-/]?)?[0-9][A-Za-z0-9]*(?:[-/][A-Za-z0-9]+)*(?![A-Za-z0-9])"
)
_SHORTEST_CODE, _PLAIN_DIGITS = 8, 13  # signs; bare digits below that may be a telephone number, a date, a sum
_PLACE = re.compile(
    rf"(?P<own>[{_HAN}]{{2,4}}|[{_HAN}]{{0,3}}[0-9A-Za-z一二三四五六七八九十]{{1,4}})"
    r"(?P<kind>标段|标|地块|号路|号楼|大道|支路|路|街|巷|大厦|广场|商场|市场|小区|家园|花园|园区|产业园|工业园|科技园|泵站|冷库|预冷库|厂房|项目)"
)
_NUMBERED = re.compile(r"[0-9A-Za-z一二三四五六七八九十]+$")
_MONTH = re.compile(r"((?:19|20)[0-9]{2})\s*[年./-]\s*(1[0-2]|0?[1-9])(?![0-9])")
_SENTENCE = re.compile(r"[。；;!?！？\n]")
_SMALLEST_SUM = 1_000  # yuan
_PROJECTS = ("标段", "标", "地块", "号路", "号楼", "泵站", "项目", "冷库")
_TELLING_DIGITS = 3  # of a sum that is a key by itself


# ---------------------------------------------------------------- the enterprise


def name_key(name: str) -> str:
    """Return an enterprise's name without what people write differently: width, case, spaces, punctuation, 责任."""
    return plain_name(name).replace("有限责任公司", "有限公司")


def sound_keys(name: str) -> list[str]:
    """Return how the core of *name* sounds, and the short forms of a long one; none where it has no core."""
    return [sound(own) for own, _ in parted(name)]


def contact_key(name: str) -> str:
    """Return a person's whole name without title; "" for 施女士 or 王总, who are many."""
    bare = _TITLE.sub("", plain_name(name))
    return bare if _SHORTEST_PERSON <= len(bare) <= _LONGEST_PERSON else ""


def code_key(code: str) -> str:
    """Return a uscc that GB 32100 accepts, if need be with the signs mended that scanners confuse; "" for any other, and for 000…."""
    bare = _NOT_SIGN.sub("", unicodedata.normalize("NFKC", code))
    if len(set(bare)) < _VARIED:
        return ""
    return next((one for one in (bare.upper(), bare.translate(_SCANNED_CODE).upper()) if code_standard.is_valid(one)), "")


def phone_keys(phone: str) -> set[str]:
    """Return the numbers in *phone* as bare digits, without +86 and area code; masked and incomplete ones tell nothing."""
    text = _SCANNED_NUMBER.sub(lambda match: match[0].translate(SCANNED_DIGITS), unicodedata.normalize("NFKC", phone))
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
    official = (f"{_BEFORE_OFFICIAL.sub('', match[1])[-4:]}{match[2]}-{int(match[3])}" for match in _OFFICIAL.finditer(text))
    return _first([*official, *_coded(text)])


def _coded(text: str) -> Iterator[str]:
    for match in _CODED.finditer(text):
        code = match[0].casefold()
        digits = sum(char in string.digits for char in code)
        is_plain = digits == len(code.replace("-", "").replace("/", ""))
        if (digits >= _PLAIN_DIGITS if is_plain else len(code) >= _SHORTEST_CODE) and not code_key(code) and not _MONTH.match(code):
            yield code


def place_keys(text: str) -> list[str]:
    """Return the projects, roads, buildings and markets that *text* names, each once."""
    return _first(f"{_own_of(match['own'])}{match['kind']}" for match in _PLACE.finditer(text))


def _own_of(place: str) -> str:
    """Return what of the words before a place's kind is its own name: its number, or the two characters next to the kind (在古滇|路)."""
    number = _NUMBERED.search(place)
    return number[0] if number else place[-2:]


def project_keys(text: str) -> list[str]:
    """Return those of the places that are a project or a lot, hardly shared by two matters of one enterprise."""
    return [key for key in place_keys(text) if key.endswith(_PROJECTS)]


def amount_keys(text: str) -> list[str]:
    """Return the sums in *text* in yuan, each once: those that tell something by themselves, then as somebody may tell them in three digits.

    A sum that tells little by itself stands with a month of the same sentence.
    """
    exact = _first(key for sentence in _SENTENCE.split(text) for key in _amounts(sentence))
    short = (str(told) for key in exact if key.isdecimal() for told in as_told(int(key), _TELLING_DIGITS))
    return list(dict.fromkeys((*exact, *short)))


def _amounts(sentence: str) -> Iterator[str]:
    months = [f"{match[1]}-{int(match[2]):02}" for match in _MONTH.finditer(sentence)]
    for yuan in sums_in(sentence):
        if digits_of(yuan) >= _TELLING_DIGITS:
            yield str(yuan)
        else:
            yield from (f"{yuan}@{month}" for month in months[:2])


def large_sums(text: str) -> list[int]:
    """Return the sums in *text* in yuan that are worth comparing where the enterprise is known: of two digits or more, each once."""
    return _first(yuan for yuan in sums_in(text) if yuan >= _SMALLEST_SUM and digits_of(yuan) > 1)


def _first(values: Iterable[_Value]) -> list[_Value]:
    return list(dict.fromkeys(values))[:_MOST]


def _digits(part: str) -> str:
    digits = "".join(char for char in part if char in string.digits)
    return _AREA_CODE.sub("", _ABROAD.sub("", digits))

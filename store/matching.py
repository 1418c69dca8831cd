"""By which keys a petition and an earlier case recognise each other, and how the cases behind a key are found.

Keys are rows written with the case, so that a look-up costs the same after ten years as on the first day. Normalising is done here and
nowhere else: both sides of a comparison must pass the same door.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import BindParameter, ColumnElement, CompoundSelect, Connection, Select, bindparam, literal, select, union_all

from store import dialects, knowledge
from store.audit import digest_of
from store.database import Database
from store.model import Candidate, CaseState, Compared, District, Found, Petition, Verdict
from store.tables import CASES, KEYS, NOTICES

_COMMON = 200  # cases; a key that fits more (a platform's address, 有限公司) tells nothing and is skipped
_MENTIONED = 20  # case numbers looked up for one petition
_REFERENCES = 50  # Message-IDs looked up for one petition: the newest ones, which stand last
_LONGEST = 200  # characters of a key; a longer one enters by its digest, since an index entry has limits

# From the strongest evidence to the weakest; the order ranks the candidates.
_RANK = ("thread", "number", "uscc", "phone", "name", "sender")

_OWN = -1  # place of the arrival's own case among the look-ups
_SHOWN = ("id", "number", "state", "verdict", "name", "title", "content", "received_at")
_CANDIDATES = select(*(CASES.c[name] for name in _SHOWN)).where(CASES.c.id.in_(bindparam("ids", expanding=True)))

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
    return {*_field_keys(petition), *thread_keys(petition)}


def thread_keys(petition: Petition) -> set[Key]:
    """Return the keys of *petition*'s place in a mail thread alone: what a follow-up adds to its case."""
    own = [Key("message", message) for message in _messages([petition.letter.message_id])]
    return {*own, *(Key("reference", message) for message in _referred(petition))}


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


def remember(connection: Connection, case_id: int, arrival_id: int, district: str, keys: Iterable[Key]) -> None:
    """Write *keys*, brought by the arrival, for the case (a unit of `Database.write`); those it has already stay as they are."""
    rows = [
        {"district": district, "kind": key.kind, "value": key.value, "case_id": case_id, "arrival_id": arrival_id}
        for key in sorted(keys, key=lambda key: (key.kind, key.value))
    ]
    if rows:
        connection.execute(dialects.insert_new(connection, KEYS), rows)


class Matching:
    """Finds earlier cases that share a key with a petition."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def candidates(
        self, district: District, petition: Petition, *, exclude_arrival: int, limit: int = 20
    ) -> tuple[list[Candidate], int]:
        """Return up to *limit* cases of *district* that share a key with *petition*: strongest keys first, then the newest.

        What *exclude_arrival* itself brought does not count, so that an arrival decided again does not find itself. The number returned
        with them lets `Cases.record` tell whether there are others meanwhile.
        """

        def unit(connection: Connection) -> tuple[list[Candidate], int]:
            seen = knowledge.read(connection, district.id)  # first: what is recorded in between makes it too small, never too large
            return _candidates(connection, district, petition, exclude_arrival, limit), seen

        return await self._db.read(unit)

    async def again(self, compared: Sequence[Compared]) -> list[Candidate]:
        """Return the cases an earlier decision compared, as candidates of the same petition; one that is gone is left out."""
        shared = {one.case_id: set(one.keys) for one in compared}
        return await self._db.read(lambda connection: _load(connection, list(shared), shared))


def candidates_before(connection: Connection, district: District, petition: Petition, arrival_id: int, limit: int) -> list[Candidate]:
    """Return what `Matching.candidates` gave when the arrival came: only what earlier arrivals brought counts (a unit of `Database.read`)."""
    shared = _shared(connection, district, petition, arrival_id, earlier=True)
    earlier = select(CASES.c.id).where(CASES.c.id.in_(list(shared)), CASES.c.arrival_id < arrival_id)
    known = set(connection.scalars(earlier)) if shared else set()
    return _best(connection, {case_id: keys for case_id, keys in shared.items() if case_id in known}, limit)


def _candidates(connection: Connection, district: District, petition: Petition, exclude: int, limit: int) -> list[Candidate]:
    return _best(connection, _shared(connection, district, petition, exclude), limit)


def _best(connection: Connection, shared: Mapping[int, set[str]], limit: int) -> list[Candidate]:
    best = sorted(shared, key=lambda case_id: (_weight(shared[case_id]), case_id), reverse=True)[:limit]
    return _load(connection, best, shared)


def _shared(
    connection: Connection, district: District, petition: Petition, arrival_id: int, *, earlier: bool = False
) -> dict[int, set[str]]:
    """Return the cases that share a key with *petition*, each with the names of these keys; what is too common tells nothing.

    What the arrival itself brought does not count; with *earlier* nor does what came after it.
    """
    probes = _probes(district, petition)
    values = {f"value_{place}": probe.value for place, probe in enumerate(probes)}
    found: dict[int, list[int]] = defaultdict(list)
    statement = _look_up(tuple(probe.kind for probe in probes), earlier)
    for place, case_id in connection.execute(statement, {"district": district.id, "arrival": arrival_id, **values}):
        found[place].append(case_id)
    own = found.pop(_OWN, [])
    shared: dict[int, set[str]] = defaultdict(set)
    for place, cases in found.items():
        for case_id in cases if len(cases) <= _COMMON else ():
            if case_id not in own:
                shared[case_id].add(probes[place].how)
    return shared


@dataclass(frozen=True, slots=True)
class _Probe:
    """One look-up: by which `kind` of key (see `_sources`), for which value or values, and how a candidate names what it shares then."""

    kind: str
    value: str | list[str]
    how: str


def _probes(district: District, petition: Petition) -> list[_Probe]:
    own, referred = _messages([petition.letter.message_id]), _referred(petition)
    numbers = _numbers(district.case_number, petition)
    lists = (("ours", referred, "thread"), ("message", referred, "thread"), ("number", numbers, "number"))
    return [
        *(_Probe(kind, values, how) for kind, values, how in lists if values),
        *(_Probe("reference", message, "thread") for message in own),
        *(_Probe(key.kind, key.value, key.kind) for key in _field_keys(petition)),
    ]


@cache  # a handful of shapes: which keys a petition has
def _look_up(kinds: tuple[str, ...], earlier: bool) -> CompoundSelect[int, int]:  # noqa: FBT001 - private, for the cache
    """Return the one statement that runs a look-up on an index for each of *kinds*: rows of its place among them, and a case id.

    Place `_OWN` is the case that the arrival opened itself, where it is decided again.
    """
    arrival: BindParameter[int] = bindparam("arrival")
    counts = KEYS.c.arrival_id < arrival if earlier else KEYS.c.arrival_id != arrival
    own = select(literal(_OWN).label("place"), CASES.c.id).where(CASES.c.arrival_id == arrival)
    return union_all(own, *(_found_by(kind, place, counts) for place, kind in enumerate(kinds)))


def _found_by(kind: str, place: int, counts: ColumnElement[bool]) -> Select[int, int]:
    """Return one look-up of case ids, limited to a few more than tell anything; *counts* says which rows of keys do."""
    here: BindParameter[str] = bindparam("district")
    one: BindParameter[str] = bindparam(f"value_{place}")
    many: BindParameter[str] = bindparam(f"value_{place}", expanding=True)
    match kind:
        case "ours":
            found = select(NOTICES.c.case_id).where(NOTICES.c.message_id.in_(many), NOTICES.c.district == here)
        case "number":
            found = select(CASES.c.id.label("case_id")).where(CASES.c.number_key.in_(many), CASES.c.district == here)
        case _:
            value = KEYS.c.value.in_(many) if kind == "message" else KEYS.c.value == one
            found = select(KEYS.c.case_id).where(KEYS.c.district == here, KEYS.c.kind == kind, value, counts)
    limited = found.limit(_COMMON + 1).subquery()
    return select(literal(place), limited.c.case_id)


def _load(connection: Connection, ids: Sequence[int], shared: Mapping[int, set[str]]) -> list[Candidate]:
    found = {row["id"]: row for row in connection.execute(_CANDIDATES, {"ids": ids}).mappings()} if ids else {}
    return [
        Candidate(
            case_id=case_id,
            number=found[case_id]["number"],
            keys=tuple(key for key in _RANK if key in shared[case_id]),
            state=CaseState(found[case_id]["state"]),
            verdict=Verdict(found[case_id]["verdict"]),
            name=found[case_id]["name"],
            title=found[case_id]["title"],
            content=found[case_id]["content"],
            received_at=found[case_id]["received_at"],
        )
        for case_id in ids
        if case_id in found
    ]


def _weight(keys: set[str]) -> int:
    """Return a number that puts one strong key above all weaker ones together."""
    return sum(1 << (len(_RANK) - place) for place, key in enumerate(_RANK) if key in keys)


def _field_keys(petition: Petition) -> list[Key]:
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


def _referred(petition: Petition) -> list[str]:
    return _messages([*petition.letter.in_reply_to[-_REFERENCES:], *petition.letter.references[-_REFERENCES:]])


def _messages(ids: Iterable[str]) -> list[str]:
    bare = (message.strip("<> \t\r\n") for message in ids)
    return [_bounded(message) for message in dict.fromkeys(bare) if message]


def _bounded(value: str) -> str:
    return value if len(value) <= _LONGEST else digest_of(value)


def _digits(part: str) -> str:
    digits = "".join(char for char in part if char in string.digits)
    return _AREA_CODE.sub("", _ABROAD.sub("", digits))


def _numbers(pattern: str, petition: Petition) -> list[str]:
    return numbers_in(pattern, f"{petition.letter.subject}\n{petition.title}\n{petition.content}")[:_MENTIONED]


@cache
def _number_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression that finds numbers of the form *pattern* between characters that could not belong to one."""
    digits = {"year": "[0-9]{4}", "seq": "[0-9]{1,9}"}
    parts = [
        re.escape(literal) + (f"(?P<{name}>{digits[name]})" if name else "") for literal, name, _, _ in string.Formatter().parse(pattern)
    ]
    return re.compile(r"(?<![0-9A-Za-z])" + "".join(parts) + r"(?![0-9])", re.IGNORECASE)

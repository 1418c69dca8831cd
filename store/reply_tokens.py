"""What a reply proves about who wrote it: the tokens it brings back, what they were given for, and whether its sender is whom they were given to.

A token names a notice; the notice says which case, to whom, and in what capacity he may act. A token alone moves nothing: it may have been
forwarded, or read over a shoulder. A sender alone moves nothing either: anybody may write any address into From.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select

from store import casebook, dialects, tokens
from store.database import Database
from store.life import Role
from store.model.arrival import StoredArrival
from store.model.case import Case
from store.model.letter import Authentication, Letter
from store.model.notice import Purpose
from store.model.reply_sender import NOBODY, Authority, Registered, Standing, acting, same_address
from store.tables import NOTICES, REPLIES_SEEN

_MOST = 40  # tokens of one letter that are looked up; a thread of a year has fewer
_COLUMNS = tuple(
    NOTICES.c[name] for name in ("id", "case_id", "case_number", "purpose", "recipient", "office", "message_id", "created_at", "token_key")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a district goes by: the addresses in its file, and for how long a token is good."""

    registered: Registered
    valid: timedelta


class ReplyTokens:
    """The look-up of tokens for all districts in one database."""

    def __init__(self, db: Database, *, valid: timedelta) -> None:
        """Ask *db*, started by its owner; a token is good for as long as *valid*."""
        self._db, self._valid = db, valid

    async def authority(self, arrival: StoredArrival, letter: Letter, registered: Registered) -> Authority:
        """Return what *letter*, which came as *arrival*, proves about its sender; *registered* are the addresses of its district.

        What may be acted on is remembered: whoever plays the same letter to us once more, under whatever Message-ID, is told from its author.
        """
        given = Given(registered=registered, valid=self._valid)
        found = await self._db.read(
            lambda connection: authority(
                connection, arrival.district, letter, envelope_to=arrival.envelope_to, given=given, received_at=arrival.received_at
            )
        )
        if not found.may_act:
            return found
        first = await self._db.write(lambda connection: _first_to_say(connection, arrival, found, _digest(letter)))
        return found if first == arrival.id else replace(found, repeats=first, evidence=f"{found.evidence}；与来件 {first} 内容相同")


def brings_token(letter: Letter, envelope_to: Collection[str]) -> bool:
    """Say whether *letter*, received for *envelope_to*, brings anything that looks like a token of ours: an answer to a mail of ours does."""
    return any(_brought(letter, envelope_to))


def authority(
    connection: Connection, district: str, letter: Letter, *, envelope_to: Collection[str], given: Given, received_at: datetime
) -> Authority:
    """Return what *letter*, received for *envelope_to*, proves about its sender (a unit of `Database.read`). Who stands in Cc has no part in it."""
    found = dict(_brought(letter, envelope_to))
    if not found:
        return NOBODY
    known = [(row, found[tokens.mark_of(row["message_id"])]) for row in _rows(connection, district, list(found))]
    if not known:
        return Authority(standing=Standing.UNKNOWN, evidence="来信带的回执码不是本系统发出的")
    if len({row["case_number"] for row, _ in known}) > 1:
        numbers = "、".join(dict.fromkeys(row["case_number"] for row, _ in known))
        return Authority(standing=Standing.CONTRADICTS, evidence=f"来信带有不止一件的回执码（{numbers}），说不清是答复哪一件")
    judged = [_judged(connection, row, place, letter, given, received_at) for row, place in known]
    return next((one for one in judged if one.standing is Standing.FITS), judged[0])


def _first_to_say(connection: Connection, arrival: StoredArrival, found: Authority, digest: str) -> int:
    """Return the arrival that said this first in answer to the same notice: *arrival* itself where it is news, also when asked again."""
    about = {"district": arrival.district, "notice_id": found.notice_id, "digest": digest}
    connection.execute(dialects.insert_new(connection, REPLIES_SEEN), {**about, "arrival_id": arrival.id})
    this = [REPLIES_SEEN.c[name] == value for name, value in about.items()]
    return int(connection.execute(select(REPLIES_SEEN.c.arrival_id).where(*this)).scalar_one())


def _digest(letter: Letter) -> str:
    """Return what is the same of two letters that say the same, with all that they quote and enclose."""
    said = "\n".join(["".join(letter.text.split()), *sorted(file.sha256 for file in letter.attachments)])
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


def _brought(letter: Letter, envelope_to: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each token of *letter* once with where it stood, the surest place first."""
    places = (
        *((tokens.mark_of(one), "In-Reply-To") for one in letter.in_reply_to),
        *((tokens.mark_of(one), "References") for one in reversed(letter.references)),
        *((mark, "主题") for mark in tokens.in_text(letter.subject)),
        *((tokens.in_address(one), "收件地址") for one in (*envelope_to, *(to.address for to in letter.to))),
    )
    seen: set[str] = set()
    for mark, place in places:
        if mark and mark not in seen and len(seen) < _MOST:
            seen.add(mark)
            yield mark, place


def _rows(connection: Connection, district: str, marks: list[str]) -> list[RowMapping]:
    """Return the notices with these tokens, in their order. Found under a digest, then compared in constant time."""
    keys = {tokens.key_of(mark): mark for mark in marks}
    query = select(*_COLUMNS).where(NOTICES.c.token_key.in_(keys), NOTICES.c.district == district)
    rows = [
        row
        for row in connection.execute(query).mappings()
        if hmac.compare_digest(tokens.mark_of(row["message_id"]), keys[row["token_key"]])
    ]
    return sorted(rows, key=lambda row: marks.index(keys[row["token_key"]]))


def _judged(connection: Connection, row: RowMapping, place: str, letter: Letter, given: Given, received_at: datetime) -> Authority:
    role, department = acting(row["office"])
    case = casebook.load(connection, row["case_id"]) if row["case_id"] is not None else None
    leads = case is not None and department != "" and case.department == department
    standing, why = _standing(row, role, department, case, letter, given, received_at)
    authentication = letter.authentication or Authentication()
    if authentication.is_refuted:
        why = f"{why}，但 {authentication.by} 检验认为此信不是从该地址的服务器发出的"
    return Authority(
        standing=standing,
        evidence=f"{place}中的回执码是发给 {row['recipient']} 的（{row['case_number']}）；{why}",
        notice_id=row["id"],
        case_id=row["case_id"],
        case_number=row["case_number"],
        recipient=row["recipient"],
        purpose=Purpose(row["purpose"]),
        role=role,
        department=department,
        leads=leads,
        authentication=authentication,
    )


def _standing(  # noqa: PLR0913, PLR0917 - all that counts
    row: RowMapping, role: Role | None, department: str, case: Case | None, letter: Letter, given: Given, received_at: datetime
) -> tuple[Standing, str]:
    sender = same_address(letter.sender.address) if letter.sender else ""
    allowed = {same_address(row["recipient"]), *given.registered.of(role, department), *_of_enterprise(role, case)}
    if role is None or sender not in allowed:
        return Standing.SENDER_DIFFERS, f"来信地址 {sender or '（没有）'} 不是发给的地址，也不是同一单位登记的地址"
    if received_at - row["created_at"] > given.valid:
        return Standing.EXPIRED, f"已超过 {given.valid.days} 天的有效期"
    if case is not None and department and department not in {case.department, *case.accompanying}:
        return Standing.SUPERSEDED, "此件现已不由该单位承办"
    return Standing.FITS, "来信地址相符"


def _of_enterprise(role: Role | None, case: Case | None) -> set[str]:
    """Return the addresses under which the enterprise itself wrote to open the case."""
    if role is not Role.ENTERPRISE or case is None:
        return set()
    letter = case.petition.letter
    return {same_address(one.address) for one in (letter.sender, letter.reply_to) if one is not None}

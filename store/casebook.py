"""How a case lies in its row, and how cases are looked up. Units of `Database.read`, or parts of larger ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from store.codec import from_json, to_json
from store.errors import UsageError
from store.matching_keys import number_key
from store.model.case import Case, CaseState, NotACase, Progress
from store.model.decision import Decision, Verdict
from store.model.due import Due
from store.model.petition import Petition
from store.tables import ARRIVALS, CASES, DECISIONS
from store.tables.cases import DECISION_PROPOSED

_LONGEST_ID = 18  # digits that surely fit the column
_OPENED_NONE = select(
    DECISIONS.c.arrival_id, DECISIONS.c.petition, DECISIONS.c.decision, DECISIONS.c.standing, ARRIVALS.c.received_at
).join(ARRIVALS, ARRIVALS.c.id == DECISIONS.c.arrival_id)
_NOT_CASES = _OPENED_NONE.where(DECISIONS.c.verdict == Verdict.NOT_A_CASE.value)


def standing_values(case: Case) -> dict[str, Any]:
    """Return the columns of what a person may correct, as *case* has them."""
    return {
        "state": case.state,
        "verdict": case.verdict,
        "ground": case.ground,
        "department": case.department,
        "accompanying": to_json(case.accompanying),
        "due": to_json(case.due) if case.due else None,
        "progress": to_json(case.progress),
    }


def load(connection: Connection, case_id: int, *, lock: bool = False) -> Case:
    """Return the case with this id, its row kept from other writers where *lock*. Raises UsageError where there is none."""
    query = select(CASES).where(CASES.c.id == case_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise UsageError(f"没有内部编号为 {case_id} 的事项，请核对编号")
    return _case(row)


def lock_free(connection: Connection, ids: Collection[int]) -> list[Case]:
    """Lock these cases, in the order of their ids, and return those that nobody else has in hand."""
    if not ids:
        return []
    query = select(CASES).where(CASES.c.id.in_(ids)).order_by(CASES.c.id).with_for_update(skip_locked=True)
    return [_case(row) for row in connection.execute(query).mappings()]


def find(connection: Connection, key: str) -> Case:
    """Return the case with *key* as its number or, where no number is like that, as its id. Raises UsageError where there is none."""
    rows = connection.execute(select(CASES).where(CASES.c.number_key == number_key(key)).limit(2)).mappings().all()
    if len(rows) > 1:
        raise UsageError(f"编号 {key} 在不止一个区存在，请改用内部编号")
    if rows:
        return _case(rows[0])
    if key.isascii() and key.isdigit() and len(key) <= _LONGEST_ID:
        return load(connection, int(key))
    raise UsageError(f"没有编号为 {key} 的事项，请核对编号")


def of_arrival(connection: Connection, arrival_id: int) -> Case | None:
    """Return the case that the arrival opened or continued, None where it is no case or not decided yet."""
    opened = connection.scalar(select(CASES.c.id).where(CASES.c.arrival_id == arrival_id))
    case_id = opened or connection.scalar(select(DECISIONS.c.case_id).where(DECISIONS.c.arrival_id == arrival_id))
    return load(connection, case_id) if case_id else None


def newest(connection: Connection, state: CaseState | None, department: str | None, limit: int) -> list[Case]:
    """Return the newest cases, of one state or one lead department where asked for."""
    query = select(CASES).order_by(CASES.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(CASES.c.state == state.value)
    if department is not None:
        query = query.where(CASES.c.department == department)
    return [_case(row) for row in connection.execute(query).mappings()]


def awaits_review(connection: Connection, case_id: int) -> bool:
    """Say whether the case waits for a person."""
    return connection.scalar(select(CASES.c.review_since).where(CASES.c.id == case_id)) is not None


def awaiting_review(connection: Connection, limit: int) -> list[Case]:
    """Return the cases that need a person, the oldest first."""
    query = select(CASES).where(CASES.c.review_since.is_not(None)).order_by(CASES.c.id).limit(limit)
    return [_case(row) for row in connection.execute(query).mappings()]


def arrivals_of(connection: Connection, case_id: int) -> list[int]:
    """Return the arrivals of the case: the one that opened it, then its follow-ups."""
    opening = connection.scalars(select(CASES.c.arrival_id).where(CASES.c.id == case_id))
    later = connection.scalars(select(DECISIONS.c.arrival_id).where(DECISIONS.c.case_id == case_id).order_by(DECISIONS.c.arrival_id))
    return [*opening, *later]


def not_cases(connection: Connection, limit: int, *, unconfirmed_only: bool) -> list[NotACase]:
    """Return the newest arrivals that opened no case, except those for which a person opened one after all."""
    wanted = DECISION_PROPOSED if unconfirmed_only else DECISIONS.c.standing != "overruled"
    query = _NOT_CASES.where(wanted).order_by(DECISIONS.c.arrival_id.desc()).limit(limit)
    return [_not_a_case(row) for row in connection.execute(query).mappings()]


def not_a_case(connection: Connection, arrival_id: int) -> NotACase:
    """Return what was decided about one of them. Raises UsageError where the arrival is none."""
    this = _NOT_CASES.where(DECISIONS.c.arrival_id == arrival_id, DECISIONS.c.standing != "overruled")
    row = connection.execute(this).mappings().first()
    if row is None:
        raise not_among(connection, arrival_id)
    return _not_a_case(row)


def set_aside(connection: Connection, arrival_id: int) -> NotACase:
    """Return what was decided about an arrival that opened no case, follow-ups among them. Raises UsageError where it is none."""
    this = _OPENED_NONE.where(DECISIONS.c.arrival_id == arrival_id, DECISIONS.c.standing != "overruled")
    row = connection.execute(this).mappings().first()
    if row is None:
        raise not_among(connection, arrival_id)
    return _not_a_case(row)


def not_among(connection: Connection, arrival_id: int) -> UsageError:
    """Return the error for an arrival that is not among them: it has a case, or nothing of the kind was decided."""
    case = of_arrival(connection, arrival_id)
    if case is not None:
        return UsageError(f"来件 {arrival_id} 已属于事项 {case.number}，请用这个件号")
    return UsageError(f"来件 {arrival_id} 不在“非诉求来件”之列，请核对编号")


def _case(row: RowMapping) -> Case:
    return Case(
        id=row["id"],
        district=row["district"],
        number=row["number"],
        state=CaseState(row["state"]),
        opened_at=row["opened_at"],
        arrival_id=row["arrival_id"],
        petition=from_json(Petition, row["petition"]),
        decision=from_json(Decision, row["decision"]),
        verdict=Verdict(row["verdict"]),
        ground=row["ground"],
        department=row["department"],
        accompanying=tuple(from_json(list[str], row["accompanying"])),
        due=from_json(Due, row["due"]) if row["due"] else None,
        progress=from_json(Progress, row["progress"]),
        received_at=row["received_at"],
    )


def _not_a_case(row: RowMapping) -> NotACase:
    return NotACase(
        arrival_id=row["arrival_id"],
        received_at=row["received_at"],
        petition=from_json(Petition, row["petition"]),
        decision=from_json(Decision, row["decision"]),
        confirmed=row["standing"] == "confirmed",
    )

"""How `case show` and `review show` lay a case beside the earlier report that the rules took for the same matter."""

from __future__ import annotations

from dataclasses import asdict

from daemon.cli.output import done, local, table
from daemon.wiring import Stores
from rules.clauses import DETAIL_NAMES, ENTERPRISE_NAMES, KEY_NAMES, STATUS_NAMES
from rules.evidence import Comparison, compare
from store.model.case import Case

_AGREES = {True: "相同", False: "不同", None: ""}


async def related(stores: Stores, case: Case) -> Comparison | None:
    """Return *case* beside the report that it repeats by the rules, None where they found none or it is gone."""
    decision = case.decision
    one = next((one for one in decision.compared if _is_related(one.case_id, one.record_id, case)), None)
    found = await stores.matching.again([one]) if one else []
    return compare(case.petition, found[0]) if found else None


def _is_related(case_id: int | None, record_id: int | None, case: Case) -> bool:
    decision = case.decision
    if decision.related_case is not None:
        return case_id == decision.related_case
    return decision.related_record is not None and record_id == decision.related_record


def show(comparison: Comparison) -> None:
    """Print the two reports in two columns."""
    other = comparison.candidate
    where = other.elsewhere
    rows = [(row.label, row.this, row.other, row.note or _AGREES[row.agrees]) for row in comparison.rows]
    standing = f"{where.platform} {where.number}，{where.words}（{STATUS_NAMES[where.status.value]}）" if where else other.number
    done("")
    table(("", "本件", f"{standing}，{local(other.received_at)}", "异同"), rows, title="与以前的一件对照（【】里是两边都有的话）")
    keys = "、".join(KEY_NAMES[key] for key in other.keys)
    done(f"{ENTERPRISE_NAMES[comparison.enterprise]}；{DETAIL_NAMES[comparison.details]}；按{keys}找到")


def as_json(comparison: Comparison | None) -> dict[str, object] | None:
    """Return the comparison as a program reads it, None where there is none."""
    if comparison is None:
        return None
    other, where = comparison.candidate, comparison.candidate.elsewhere
    return {
        "case": other.number if other.case_id is not None else None,
        "platform": {"id": where.platform, "number": where.number, "status": where.status.value, "words": where.words} if where else None,
        "keys": list(other.keys),
        "enterprise": comparison.enterprise,
        "details": comparison.details,
        "rows": [asdict(row) for row in comparison.rows],
    }

"""Two reports side by side in the words of officials: what `case show` prints and what the coordinator reads in the mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rules.clauses import DETAIL_NAMES, ENTERPRISE_NAMES, KEY_NAMES, STATUS_NAMES
from rules.evidence import Comparison, compare
from store.model.decision import Decision
from store.model.matching import Beside, BesideRow, Candidate
from store.model.petition import Petition
from store.model.platforms import PlatformMapping

_AGREES = {True: "相同", False: "不同", None: ""}


def beside_of(petition: Petition, candidate: Candidate, platforms: Mapping[str, PlatformMapping]) -> Beside:
    """Return *petition* beside *candidate*."""
    return in_words(compare(petition, candidate), platforms)


def related(decision: Decision, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return which of *candidates* the rules took for the same matter, None where none."""
    return next((one for one in candidates if is_related(decision, one.case_id, one.elsewhere.record_id if one.elsewhere else None)), None)


def is_related(decision: Decision, case_id: int | None, record_id: int | None) -> bool:
    """Say whether the rules took this case of ours, or else this record of another platform, for the same matter."""
    if decision.related_case is not None:
        return case_id == decision.related_case
    return decision.related_record is not None and record_id == decision.related_record


def in_words(comparison: Comparison, platforms: Mapping[str, PlatformMapping]) -> Beside:
    """Return *comparison* as people read it."""
    other = comparison.candidate
    found = f"按{'、'.join(KEY_NAMES[key] for key in other.keys)}找到" if other.keys else "由人认定是同一件"
    return Beside(
        standing=_standing(other, platforms),
        received_at=other.received_at,
        rows=tuple(
            BesideRow(label=row.label, this=row.this, other=row.other, note=row.note or _AGREES[row.agrees]) for row in comparison.rows
        ),
        finding=f"{ENTERPRISE_NAMES[comparison.enterprise]}；{DETAIL_NAMES[comparison.details]}；{found}",
    )


def _standing(other: Candidate, platforms: Mapping[str, PlatformMapping]) -> str:
    where = other.elsewhere
    if where is None:
        return other.number
    known = platforms.get(where.platform)
    return f"{known.name if known else where.platform} {where.number}，{where.words}（{STATUS_NAMES[where.status.value]}）"

"""How `case show` and `review show` lay a case beside the earlier report that the rules took for the same matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from daemon.cli.output import done, local, table
from daemon.comparison import in_words, is_related
from daemon.stores import Stores
from rules.evidence import Comparison, compare
from store.model.case import Case
from store.model.decision import Compared
from store.model.matching import Pair


async def related(stores: Stores, case: Case, pairs: Sequence[Pair] = ()) -> Comparison | None:
    """Return *case* beside the report that it repeats: by a person's word, else by the rules; None where there is none or it is gone.

    *pairs* is what persons said; what they separated is not shown as one.
    """
    one = next((_as_compared(pair) for pair in reversed(pairs) if pair.is_same), None) or next(
        (one for one in case.decision.compared if is_related(case.decision, one.case_id, one.record_id) and not _is_apart(one, pairs)), None
    )
    found = await stores.matching.again([one]) if one else []
    return compare(case.petition, found[0]) if found else None


def _as_compared(pair: Pair) -> Compared:
    return Compared(case_id=pair.case_id, record_id=pair.record_id, number=pair.number, keys=(), likeness=0.0, days=0)


def _is_apart(one: Compared, pairs: Sequence[Pair]) -> bool:
    return any(not pair.is_same and (pair.case_id, pair.record_id) in {(one.case_id, None), (None, one.record_id)} for pair in pairs)


def show(comparison: Comparison) -> None:
    """Print the two reports in two columns."""
    beside = in_words(comparison, {})
    rows = [(row.label, row.this, row.other, row.note) for row in beside.rows]
    done("")
    table(("", "本件", f"{beside.standing}，{local(beside.received_at)}", "异同"), rows, title="与以前的一件对照（【】里是两边都有的话）")
    done(beside.finding)


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

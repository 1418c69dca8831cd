"""How a reply lies at its case: with the decision that stands for it, made ready to be written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from store.model.case import Case
from store.model.decision import Decision, Verdict, without_rules
from store.recording import Filing, prepare

if TYPE_CHECKING:
    from daemon.pipeline import DistrictRoom
    from store.model.arrival import StoredArrival
    from store.model.petition import Reading

_SMALL = 256 << 10  # bytes of an arrival that takes a millisecond or two to digest


async def prepared(arrival: StoredArrival, reading: Reading, decision: Decision, room: DistrictRoom) -> Filing:
    """Return the filing of a reply, a large one digested beside the loop."""
    if len(arrival.raw) <= _SMALL:
        return prepare(arrival, reading, decision, room.rulebook.district)
    return await asyncio.to_thread(prepare, arrival, reading, decision, room.rulebook.district)


def filed(case: Case, rulebook: str) -> Decision:
    """Return the decision that stands for a reply: it belongs to *case*, by the mail of ours that it answers; no rule was asked."""
    return without_rules(Verdict.FOLLOW_UP, "回信", rulebook, related_case=case.id)

"""What a new or changed record of another platform means for the cases that are open: each is decided again beside what is known now.

The outcome is a proposal or a note at the case (`store.reconsidering`), never a change that takes effect. Repeating it is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from daemon.comparison import beside_of
from store.model.arrival import StoredArrival
from store.model.case import Case
from store.model.decision import Decision, Verdict
from store.model.matching import Candidate
from store.model.petition import Petition
from store.model.platforms import KeptRecord
from store.reconsidering import SETTLED, News, last_proposal

if TYPE_CHECKING:
    from daemon.pipeline import DistrictRoom
    from store.cases import Cases
    from store.matching import Matching
    from store.platforms import Platforms
    from store.reconsidering import Reconsidering

log = structlog.get_logger()

_VERDICTS = {
    Verdict.ACCEPT: "受理",
    Verdict.REFUSE: "不予受理",
    Verdict.SUPPLEMENT: "请企业补正",
    Verdict.NOT_A_CASE: "不是诉求",
    Verdict.FOLLOW_UP: "续件",
}


class Reconsideration:
    """Decides open cases again when another platform has news."""

    def __init__(
        self,
        *,
        cases: Cases,
        matching: Matching,
        platforms: Platforms,
        reconsidering: Reconsidering,
        now: Callable[[], datetime],
    ) -> None:
        """Keep the parts."""
        self._cases, self._matching, self._platforms = cases, matching, platforms
        self._reconsidering, self._now = reconsidering, now

    async def run(self, room: DistrictRoom, arrival: StoredArrival, petition: Petition) -> None:
        """Decide again what hangs on the record that *arrival* told of; *petition* is what the record says. Raises what deciding raises."""
        record = await self._platforms.of_arrival(arrival.id)
        if record is None or record.arrival_id != arrival.id:  # a later version has come: that one tells
            return
        found, _ = await self._matching.candidates(room.rulebook.district, petition, exclude_arrival=arrival.id)
        for candidate in found:
            if candidate.case_id is not None and candidate.state not in SETTLED:
                await self._look(room, record, candidate)

    async def _look(self, room: DistrictRoom, record: KeptRecord, ours: Candidate) -> None:
        case = await self._cases.get(ours.number)
        found, _ = await self._matching.candidates(room.rulebook.district, case.petition, exclude_arrival=case.arrival_id)
        # Only what was reported before it can be a reason against a case; what came later is told.
        earlier = [one for one in found if one.received_at <= ours.received_at]
        others = [one for one in earlier if not _is(one, record)]
        if len(others) == len(earlier):
            again = await _again(room, case, ours, found)
            news = self._note(room, record) if again.related_record == record.id else None
        else:
            news = await self._weigh(room, record, case, ours, earlier, others)
        if news is None:
            return
        why = news.words
        round_ = f"record.{record.id}.{record.versions[0].version}"
        candidate = next((one for one in found if _is(one, record)), None)
        asks = news.proposal is not None  # else nobody is written to
        beside = await asyncio.to_thread(beside_of, case.petition, candidate, room.rulebook.platforms) if candidate and asks else None
        told = await self._reconsidering.tell(
            case.id, news, now=self._now(), compose=lambda new: room.composer.for_decision(new, why, round_, beside)
        )
        if told is not None:
            proposed = news.proposal.verdict.value if news.proposal else None
            log.info("case.reconsidered", case=case.number, record_id=record.id, proposed=proposed)

    async def _weigh(
        self,
        room: DistrictRoom,
        record: KeptRecord,
        case: Case,
        ours: Candidate,
        earlier: Sequence[Candidate],
        others: Sequence[Candidate],
    ) -> News | None:
        """Return what the record, reported before the case, means for it: a proposal where it makes the difference, or once made it."""
        now = await _again(room, case, ours, earlier)
        without = await _again(room, case, ours, others)
        history = await self._cases.history(case.id)
        at_first = _outcome(case.decision) if case.decision.related_record == record.id else None
        before = last_proposal(history, record.id) or at_first
        makes_the_difference = _outcome(now) != _outcome(without) or before is not None
        if makes_the_difference and _outcome(now) not in {(case.verdict.value, case.ground), before}:
            return News(record=record, proposal=now, words=self._proposal(room, record, case, now))
        return self._note(room, record) if now.related_record == record.id else None

    def _note(self, room: DistrictRoom, record: KeptRecord) -> News:
        return News(record=record, proposal=None, words=f"{_called(room, record)}，与本件是同一事项")

    def _proposal(self, room: DistrictRoom, record: KeptRecord, case: Case, now: Decision) -> str:
        was, is_ = _words(room, case.verdict, case.ground), _words(room, now.verdict, now.ground)
        return f"{_called(room, record)}，规则重新判断：原为{was}，现建议{is_}，请复核"


async def _again(room: DistrictRoom, case: Case, ours: Candidate, candidates: Sequence[Candidate]) -> Decision:
    """Decide on *case* as of when it came in."""
    return await room.decide(case.petition, candidates, now=ours.received_at, near_misses=False)


def _called(room: DistrictRoom, record: KeptRecord) -> str:
    mapping = room.rulebook.platforms.get(record.platform)
    return f"{mapping.name if mapping else record.platform} {record.number} 现为“{record.status_words}”"


def _words(room: DistrictRoom, verdict: Verdict, ground: int | None) -> str:
    found = room.rulebook.district.grounds.get(ground) if ground else None
    return f"“{_VERDICTS[verdict]}{f'（{found.article}）' if found else ''}”"


def _outcome(decision: Decision) -> tuple[object, object]:
    return decision.verdict.value, decision.ground


def _is(candidate: Candidate, record: KeptRecord) -> bool:
    return candidate.elsewhere is not None and candidate.elsewhere.record_id == record.id

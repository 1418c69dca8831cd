"""What an enterprise adds when it was asked to: its petition as it now is, decided again, so that the case moves on without a person.

Only what was missing is taken from the answer: a field that the petition has stays as the enterprise first wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.casework import Details
from daemon.review import Act
from store.life import Role
from store.model.arrival import StoredArrival
from store.model.case import Case, CaseState
from store.model.decision import Decision, Verdict
from store.model.notice import Notice
from store.model.petition import FIELD_WORDS, Petition
from store.model.reply import Reply
from store.recording import opening_state

if TYPE_CHECKING:
    from daemon.pipeline import DistrictRoom
    from daemon.reply_acts import Acting
    from store.matching import Matching

_LONGEST = 20_000  # code points of a petition's own words, with all that was added
_DECIDED = frozenset({Verdict.ACCEPT, Verdict.REFUSE})


class Supplements:
    """Puts what came in beside what there was, and lets the rules decide on both."""

    def __init__(self, matching: Matching) -> None:
        """Compare with what *matching* finds."""
        self._matching = matching

    def concerns(self, case: Case, role: Role, reply: Reply) -> bool:
        """Say whether *reply* may be what *case* waits for: from the enterprise, with words or a file, and no wish to withdraw."""
        others = any(command.event != "supplemented" for command in reply.commands)
        return case.state is CaseState.AWAITING_SUPPLEMENT and role is Role.ENTERPRISE and not others

    async def add(
        self, room: DistrictRoom, acting: Acting, petition: Petition, reply: Reply, arrival: StoredArrival
    ) -> Callable[[Case], Sequence[Notice]]:
        """Let what the enterprise sent count for the drafted case; returns which notices follow."""
        case = acting.draft.case
        if case.progress.resume:  # a department or a person had asked: whoever did goes on with it
            await self._resume(acting, case)
            return lambda new: room.composer.for_follow_up(new, petition)
        whole = merged(case.petition, petition, reply.new_text)
        decision = await self._decide(room, case, whole, arrival)
        if decision.verdict is Verdict.SUPPLEMENT:
            day = room.planner.day(acting.moment).isoformat()
            return lambda new: room.composer.for_supplement(new, decision.missing, day)
        if decision.verdict not in _DECIDED:
            await self._resume(acting, case)
            return lambda new: room.composer.for_follow_up(new, petition)
        await self._decided(room, acting, whole, decision)
        return lambda _: ()

    async def _resume(self, acting: Acting, case: Case) -> None:
        await acting.by_casework("supplemented", Act(by=acting.author.name, reason="企业回信补正"), Details(files=acting.files))
        if not acting.draft.changes:
            raise ValueError(f"a supplement that changed nothing: {case.number}")

    async def _decided(self, room: DistrictRoom, acting: Acting, whole: Petition, decision: Decision) -> None:
        """Put the fuller petition and what the rules make of it in place; a refusal is only proposed, as of any case."""
        case = acting.draft.case
        if decision.verdict is Verdict.REFUSE:
            decision = replace(decision, proposed=True)
        round_ = acting.moment.isoformat()

        def compose(new: Case) -> Sequence[Notice]:
            if new.state is CaseState.ASSIGNED:
                return room.composer.for_assignment(new, round_)
            return room.composer.for_new_case(new)

        await acting.draft.change(
            case.id,
            kind="case.supplemented",
            actor=acting.author.name,
            reason="企业回信补正，按补正后的诉求重新判断",
            now=acting.moment,
            compose=compose,
            seen=case.state,
            evidence={"role": Role.ENTERPRISE.value, "rules": [hit.rule for hit in decision.hits if not hit.overridden_by]},
            state=opening_state(decision),
            verdict=decision.verdict,
            ground=decision.ground,
            department=decision.department,
            accompanying=decision.accompanying,
            due=decision.due,
            petition=whole,
            decision=decision,
        )

    async def _decide(self, room: DistrictRoom, case: Case, whole: Petition, arrival: StoredArrival) -> Decision:
        """Decide on the whole petition as of the day on which it became whole; its own case is none to be compared with."""
        candidates, _ = await self._matching.candidates(room.rulebook.district, whole, exclude_arrival=case.arrival_id)
        return await room.decide(whole, candidates, now=arrival.received_at)


def merged(first: Petition, later: Petition, new_text: str) -> Petition:
    """Return *first* with the fields that only *later* has, and *new_text* behind its own words."""
    fields = {name: getattr(first, name) or getattr(later, name) for name in FIELD_WORDS}
    content = f"{first.content}\n\n{new_text or later.content}".strip()[:_LONGEST]
    return replace(
        first,
        **fields,
        uscc_valid=first.uscc_valid if first.uscc else later.uscc_valid,
        title=first.title or later.title,
        content=content,
        attachment_texts={**later.attachment_texts, **first.attachment_texts},
    )

"""What the news of another platform does to a case of ours: one transaction with the event, the proposal, and who is asked.

Nothing takes effect by it. A case that waits for a person gets the new opinion in the place of the old one; a case that is at work, or was
refused, keeps what holds and comes to the review list with the proposal in its history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, update

from store import audit, casebook, pairs
from store.audit import Entry
from store.database import Database
from store.life import FINISHED
from store.model.case import Case, CaseState, Event
from store.model.decision import Decision
from store.model.platforms import KeptRecord
from store.outbox import Outbox
from store.recording import Compose
from store.tables import CASES

NOTED, RECONSIDERED = "case.reported_elsewhere", "case.reconsidered"
SETTLED = FINISHED - {CaseState.REFUSED}  # a refusal may have rested on what the platform has now taken back


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a record means for one case: `proposal` is the decision made anew, None where only the record itself is worth knowing.

    `words` (Chinese) tell it to the person who looks.
    """

    record: KeptRecord
    proposal: Decision | None
    words: str


class Reconsidering:
    """Tells cases what other platforms say."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*; notices go to *outbox* in the same transaction."""
        self._db, self._outbox = db, outbox

    async def tell(self, case_id: int, news: News, *, now: datetime, compose: Compose) -> Case | None:
        """Write *news* at the case; None where this version of the record is told already, the case is settled, or a person separated them."""
        return await self._db.write(lambda connection: _tell(connection, case_id, news, now, compose, self._outbox))


def last_proposal(history: list[Event], record_id: int) -> tuple[object, object] | None:
    """Return verdict and ground as they were last proposed because of the record, None where they never were."""
    said = [event.data for event in history if event.kind == RECONSIDERED and event.data.get("record") == record_id]
    return (said[-1].get("verdict"), said[-1].get("ground")) if said else None


def _tell(connection: Connection, case_id: int, news: News, now: datetime, compose: Compose, outbox: Outbox) -> Case | None:
    case = casebook.load(connection, case_id, lock=True)
    record, proposal = news.record, news.proposal
    about = {"record": record.id, "version": record.versions[0].version}
    told = (event.data for event in audit.read(connection, case_id) if event.kind in {NOTED, RECONSIDERED})
    if case.state in SETTLED or any(about.items() <= data.items() for data in told) or pairs.are_apart(connection, case.id, record.id):
        return None
    data: dict[str, object] = {**about, "platform": record.platform, "number": record.number, "status": record.status.value}
    if proposal is None:
        audit.append(connection, case_id, [Entry(kind=NOTED, at=now, actor="rules", reason=news.words, data=data)])
        return case
    new = _standing(case, proposal) if case.state is CaseState.UNDER_REVIEW else case
    data |= {
        "verdict": proposal.verdict.value,
        "ground": proposal.ground,
        "department": proposal.department,
        "rules": [hit.rule for hit in proposal.hits if not hit.overridden_by],
        "rulebook": proposal.rulebook,
        "old": {"verdict": case.verdict.value, "ground": case.ground, "department": case.department},
    }
    since = func.coalesce(CASES.c.review_since, now)
    values = {**casebook.standing_values(new), "review_since": since}
    connection.execute(update(CASES).where(CASES.c.id == case_id).values(values))
    audit.append(connection, case_id, [Entry(kind=RECONSIDERED, at=now, actor="rules", reason=news.words, data=data)])
    outbox.put(connection, new, compose(new), arrival_id=record.arrival_id, now=now)
    return new


def _standing(case: Case, proposal: Decision) -> Case:
    """Return *case* with the new opinion in the place of the old, which no person has confirmed."""
    return replace(
        case,
        verdict=proposal.verdict,
        ground=proposal.ground,
        department=proposal.department,
        accompanying=proposal.accompanying,
        due=proposal.due,
    )

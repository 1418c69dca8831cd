"""The cases: record a decision, let a person correct it, find a case, tell its history."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Unpack

from store import arrivals, audit, bounces, casebook, recording
from store.database import Database
from store.model.arrival import StoredArrival
from store.model.case import Case, CaseState, Event, NotACase, Progress
from store.model.decision import Decision
from store.model.district import District
from store.model.letter import Bounce, Letter
from store.model.notice import Returned
from store.model.petition import Reading
from store.outbox import Outbox, TellReturned
from store.owing import Planner
from store.recording import Act, Compose, Corrections

_SMALL = 256 << 10  # bytes of an arrival that takes a millisecond or two to digest
Listed = list  # the class below has a method of that name


class Cases:
    """The cases of all districts in one database. `compose` of a method writes the notices a case owes; it runs inside the transaction."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        """Work on *db*, started by its owner; notices go to *outbox* in the transaction that causes them."""
        self.db = db
        self.outbox = outbox

    async def record(  # noqa: PLR0913 - what was decided about what, and when
        self,
        arrival: StoredArrival,
        reading: Reading,
        decision: Decision,
        *,
        district: District,
        now: datetime,
        compose: Compose,
        seen: int | None = None,
        planner: Planner | None = None,
        begun: Progress | None = None,
    ) -> Case | None:
        """Write in one transaction what was decided about *arrival*, and return its case; None where it is no case.

        Accept, refuse and supplement open a case under the next number; a follow-up is added to `related_case`. An arrival that is
        decided already returns its case and nothing is written, so that repeating after a crash is harmless.
        *seen* is what `Matching.candidates` returned with the candidates; where more can be found since, nothing is written.
        *begun* is what the case is marked with where it goes on with one of a sister district (`store.handing_over`).
        Raises OutrunError for that, StoreUnavailableError, MalformedMessageError (a blob is not what its hash says), and what *compose* raises.
        """
        # A thread costs more than a usual mail; what a large one costs, the others must not wait for.
        prepare = partial(recording.prepare, arrival, reading, decision, district, begun)
        filing = prepare() if len(arrival.raw) <= _SMALL else await asyncio.to_thread(prepare)
        return await self.db.write(
            lambda connection: recording.record(
                connection, filing, now=now, compose=compose, outbox=self.outbox, seen=seen, planner=planner
            )
        )

    async def change(  # noqa: PLR0913 - who, when and why belong to the act, the rest to the case
        self,
        case_id: int,
        *,
        kind: str,
        actor: str,
        reason: str,
        now: datetime,
        compose: Compose,
        seen: CaseState | None = None,
        evidence: Mapping[str, object] | None = None,
        files: Mapping[str, bytes] | None = None,
        planner: Planner | None = None,
        **corrected: Unpack[Corrections],
    ) -> Case:
        """Set the fields in *corrected* (`state`, `verdict`, `ground`, `department`, `accompanying`, `due`, `progress`) and return the case.

        One transaction with an event of *kind* that says who, why, old and new, and the *evidence*; the bytes of *files* (by SHA-256) are
        kept. The case leaves the review list unless its state keeps
        it there. Raises UsageError where there is no such case, where `store.life` does not allow this event now, or where its state is no longer the one the person has *seen*: of two
        clerks at once the second one must look again.
        """
        act = Act(kind=kind, actor=actor, reason=reason, at=now, evidence=evidence or {}, files=files or {})
        return await self.db.write(
            lambda connection: recording.change(
                connection, case_id, act, corrected, seen=seen, compose=compose, outbox=self.outbox, planner=planner
            )
        )

    async def note(self, case_id: int, *, actor: str, reason: str, now: datetime) -> None:
        """Add a note to the history of the case. Raises UsageError where there is no such case."""
        act = Act(kind="case.noted", actor=actor, reason=reason, at=now)
        await self.db.write(lambda connection: recording.note(connection, case_id, act))

    async def confirm_not_a_case(self, arrival_id: int, *, actor: str, reason: str, now: datetime) -> None:
        """Note that a person agrees that the arrival is no case. Raises UsageError where it was not decided so."""
        act = Act(kind="arrival.confirmed", actor=actor, reason=reason, at=now)
        await self.db.write(lambda connection: recording.confirm(connection, arrival_id, act))

    async def open_from_not_a_case(  # noqa: PLR0913 - who, when and why belong to the act, the rest to the case
        self,
        arrival_id: int,
        decision: Decision,
        *,
        district: District,
        actor: str,
        reason: str,
        now: datetime,
        compose: Compose,
        planner: Planner | None = None,
    ) -> Case:
        """Open a case, with *decision* in place of the rules' one, for an arrival that was taken for no case.

        Raises UsageError where it was not decided so, or has a case meanwhile.
        """
        arrival, item = await self.db.read(
            lambda connection: (arrivals.load_one(connection, arrival_id), casebook.not_a_case(connection, arrival_id))
        )
        reading = Reading(petition=item.petition, blobs={})  # the attachments were kept when the arrival was recorded
        filing = await asyncio.to_thread(recording.prepare, arrival, reading, decision, district)
        act = Act(kind="case.decided", actor=actor, reason=reason, at=now)
        return await self.db.write(
            lambda connection: recording.overrule(connection, filing, act, compose=compose, outbox=self.outbox, planner=planner)
        )

    async def bounced(self, arrival: StoredArrival, bounce: Bounce, now: datetime, *, compose: TellReturned) -> Returned | None:
        """Note at its case that a mail of ours came back, as *arrival* reports; None where that is no news. Repeating is harmless.

        *compose* writes to those who must hear of it at once, in the same transaction.
        """
        return await self.db.write(lambda connection: bounces.note(connection, arrival, bounce, now, outbox=self.outbox, compose=compose))

    async def automatically_answered(self, arrival: StoredArrival, letter: Letter, now: datetime) -> int | None:
        """Note at its case that a machine answered a mail of ours; return that mail's notice, None where it answers none. Repeating is harmless."""
        return await self.db.write(lambda connection: bounces.note_automatic_reply(connection, arrival, letter, now))

    async def get(self, key: str) -> Case:
        """Return the case with *key* as its number (in any case or width) or id. Raises UsageError where there is none."""
        return await self.db.read(lambda connection: casebook.find(connection, key))

    async def of_arrival(self, arrival_id: int) -> Case | None:
        """Return the case that an arrival opened or was added to; None where there is none (yet)."""
        return await self.db.read(lambda connection: casebook.of_arrival(connection, arrival_id))

    async def list(self, *, state: CaseState | None = None, department: str | None = None, limit: int = 100) -> Listed[Case]:
        """Return the newest cases, of one state or one lead department where asked for."""
        return await self.db.read(lambda connection: casebook.newest(connection, state, department, limit))

    async def review(self, *, limit: int = 500) -> Listed[Case]:
        """Return the cases that need a person, the oldest first: under review, or with reasons to look that nobody has settled."""
        return await self.db.read(lambda connection: casebook.awaiting_review(connection, limit))

    async def awaits_review(self, case_id: int) -> bool:
        """Return whether the case needs a person, as `review` would list it."""
        return await self.db.read(lambda connection: casebook.awaits_review(connection, case_id))

    async def not_cases(self, *, unconfirmed_only: bool = True, limit: int = 500) -> Listed[NotACase]:
        """Return the newest arrivals decided to be no case: by default those proposed so that nobody has confirmed yet."""
        return await self.db.read(lambda connection: casebook.not_cases(connection, limit, unconfirmed_only=unconfirmed_only))

    async def not_a_case(self, arrival_id: int) -> NotACase:
        """Return what was decided about one arrival that is no case. Raises UsageError where it was not decided so, or has a case."""
        return await self.db.read(lambda connection: casebook.not_a_case(connection, arrival_id))

    async def set_aside(self, arrival_id: int) -> NotACase:
        """Return what was decided about one arrival that opened no case: it is none, or follows up on one. Raises UsageError otherwise."""
        return await self.db.read(lambda connection: casebook.set_aside(connection, arrival_id))

    async def arrivals(self, case_id: int) -> Listed[int]:
        """Return the ids of the arrivals of the case: the one that opened it, then its follow-ups."""
        return await self.db.read(lambda connection: casebook.arrivals_of(connection, case_id))

    async def history(self, case_id: int) -> Listed[Event]:
        """Return the events of the case, oldest first."""
        return await self.db.read(lambda connection: audit.read(connection, case_id))

    async def verify(self, case_id: int) -> Listed[str]:
        """Return what is wrong with the history of the case, in Chinese; an intact one gives an empty list."""
        return await self.db.read(lambda connection: audit.verify(audit.read(connection, case_id), audit.read_tail(connection, case_id)))

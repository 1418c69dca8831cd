"""What a reply does to its case, worked out step by step and written in one go.

`daemon.casework` and `daemon.review` work on a `Draft` as they do on the cases themselves: each act sees what the one before has done, and
nothing lies in the database before the reply itself does (`store.replying`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Unpack

from store import life
from store.bookings import Leave
from store.cases import Cases
from store.errors import UsageError
from store.model.case import Case, CaseState
from store.owing import Planner
from store.recording import Act, Change, Compose, Corrections


class Draft(Cases):
    """The cases, of which one is as the changes gathered so far will leave it. For one reply; then it is done with."""

    def __init__(self, cases: Cases, case: Case, *, arrival_id: int) -> None:
        """Begin with *case* as it stands in *cases*; every change names the arrival that orders it."""
        super().__init__(cases.db, cases.outbox)
        self.case, self._arrival_id = case, arrival_id
        self.changes: list[Change | Leave] = []

    async def get(self, key: str) -> Case:
        """Return the case with *key*, the drafted one as it will be. Raises UsageError where there is none."""
        found = await super().get(key)
        return self.case if found.id == self.case.id else found

    async def change(  # noqa: PLR0913 - as of the cases themselves
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
        planner: Planner | None = None,  # noqa: ARG002 - the one that records the reply is given it
        **corrected: Unpack[Corrections],
    ) -> Case:
        """Gather a change of the drafted case and return the case as it will be. Raises UsageError as `Cases.change` does."""
        if case_id != self.case.id or seen not in {None, self.case.state}:
            raise UsageError(f"一封回信只能办理它所答复的一件：{self.case.number}")
        new = replace(self.case, **corrected)
        life.require(kind, self.case.state, new.state, new.number)
        act = Act(
            kind=kind, actor=actor, reason=reason, at=now, evidence={**(evidence or {}), "arrival": self._arrival_id}, files=files or {}
        )
        self.changes.append(Change(act=act, corrected=corrected, compose=compose))
        self.case = new
        return new

    def leave(self, wish: Leave) -> None:
        """Gather that the drafted case gives up its place in a session; the case itself stays as it is."""
        self.changes.append(wish)

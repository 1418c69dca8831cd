"""How a case goes over to a sister district of the same deployment. Parts of larger units of `Database.write`.

The transaction that ends the case here accepts it there as an arrival: its own bytes, at the door `handover`, under a key that names the
case, so that it can come only once. What that district makes of it is recorded as of any arrival, and notes at the case here what number it
has now. A crash between the two leaves an arrival that waits.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, update

from store import arrivals, audit, casebook
from store.audit import Entry
from store.model.arrival import Arrival, StoredArrival
from store.model.case import Case, CaseState, Progress
from store.tables import CASES

DOOR = "handover"


def number_of(arrival: StoredArrival) -> str:
    """Return the number of the case that *arrival* is handed over from, "" where it came in by another door."""
    return arrival.source_key.removeprefix(f"{DOOR}:") if arrival.door == DOOR else ""


def accept(connection: Connection, old: Case, new: Case, at: datetime) -> None:
    """Hand *new* to its sister district where it has just been given to one."""
    if new.state is not CaseState.HANDED_OVER or old.state is CaseState.HANDED_OVER or not new.progress.sister:
        return
    first, key = arrivals.load_one(connection, old.arrival_id), f"{DOOR}:{old.number}"
    arrivals.accept_one(
        connection,
        Arrival(
            district=new.progress.sister,
            channel=first.channel,
            door=DOOR,
            source_key=key,
            content_key=key,  # that the enterprise wrote to both districts is for the rules there to find
            message_id=first.message_id,
            envelope_from=first.envelope_from,
            envelope_to=first.envelope_to,
            received_at=at,
            raw=first.raw,
            peer=first.peer,
        ),
    )


def coming_from(old: Case, district: str) -> Progress:
    """Return what a case that goes on with *old* is marked with; *district* is what the district is called that hands it over."""
    return Progress(from_number=old.number, from_district=district)


def note_taken(connection: Connection, case: Case) -> None:
    """Note at the case that *case* goes on with where that is handed over, and under what number it is found there."""
    old = casebook.find(connection, case.progress.from_number)
    old = casebook.load(connection, old.id, lock=True)
    progress = replace(old.progress, other=case.number)
    connection.execute(update(CASES).where(CASES.c.id == old.id).values(casebook.standing_values(replace(old, progress=progress))))
    data = {"district": case.district, "number": case.number}
    audit.append(connection, old.id, [Entry(kind="case.taken_over", at=case.opened_at, actor="system", data=data)])


def said_of(case: Case) -> dict[str, str]:
    """Return what the history of *case* says of where it was before, as its first event."""
    progress = case.progress
    return {"from_number": progress.from_number, "from_district": progress.from_district} if progress.from_number else {}

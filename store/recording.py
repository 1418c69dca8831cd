"""What is written when a decision is recorded or corrected: each public function but `prepare` is a unit of `Database.write`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TypedDict

from sqlalchemy import Connection, func, select, update

from store import (
    arrivals,
    audit,
    casebook,
    deadline_rows,
    handing_over,
    kept_files,
    knowledge,
    life,
    matching,
    matching_keys,
    numbering,
    problems,
)
from store.audit import Entry, digest_of
from store.codec import to_json
from store.errors import MalformedMessageError, UsageError
from store.model.arrival import Channel, StoredArrival
from store.model.case import Case, CaseState, Progress
from store.model.decision import Decision, Verdict
from store.model.district import District
from store.model.due import Due
from store.model.notice import Notice
from store.model.petition import Petition, Reading
from store.outbox import Outbox
from store.owing import Planner
from store.tables import CASES, DECISIONS

_NEED_A_PERSON = frozenset({CaseState.UNDER_REVIEW, CaseState.ACCEPTED, CaseState.RETURNED})
Compose = Callable[[Case], Sequence[Notice]]

# The hot path's statements are built once: building one costs several times what running it does.
_OPEN = CASES.insert().returning(CASES.c.id)
_SET_ASIDE = DECISIONS.insert()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A decided arrival ready to be written: what costs time is done, so that the writer's thread only writes.

    `begun` is what its case is marked with from the first, where it goes on with one of a sister district.
    """

    arrival: StoredArrival
    reading: Reading
    decision: Decision
    district: District
    petition_json: str
    decision_json: str
    raw_sha256: str
    begun: Progress = field(default_factory=Progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person did to a case: a kind of event, who, when, and why in his own words.

    `evidence` is what the act rests on (for whom it was done, a document's name and digest …), `files` the bytes of documents by SHA-256.
    """

    kind: str
    actor: str
    reason: str
    at: datetime
    evidence: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


class Corrections(TypedDict, total=False):
    """The fields of a case that a person may set; what is left out stays. A supplement brings a fuller petition, and a decision on that."""

    state: CaseState
    verdict: Verdict
    ground: int | None
    department: str | None
    accompanying: tuple[str, ...]
    due: Due | None
    progress: Progress
    petition: Petition
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an act does to a case: the fields it sets, and the notices that follow."""

    act: Act
    corrected: Corrections
    compose: Compose

    @property
    def kind(self) -> str:
        """The kind of its event in the history of the case."""
        return self.act.kind


def prepare(arrival: StoredArrival, reading: Reading, decision: Decision, district: District, begun: Progress | None = None) -> Filing:
    """Return a filing. Raises MalformedMessageError where a blob is not what its hash says.

    The blobs come from the process that reads strangers' mail: if a message took it over, it might store its own bytes under the hash of
    somebody else's file.
    """
    if arrival.district != district.id:
        raise ValueError(f"an arrival of {arrival.district} decided as one of {district.id}")
    for sha256, blob in reading.blobs.items():
        if digest_of(blob) != sha256:
            raise MalformedMessageError(f"附件内容与其摘要不符（{sha256[:12]}…）")
    return Filing(
        arrival=arrival,
        reading=reading,
        decision=decision,
        district=district,
        petition_json=to_json(reading.petition),
        decision_json=to_json(decision),
        raw_sha256=digest_of(arrival.raw),
        begun=begun or Progress(),
    )


def record(  # noqa: PLR0913 - what was decided, and all that follows from it
    connection: Connection, filing: Filing, *, now: datetime, compose: Compose, outbox: Outbox, seen: int | None, planner: Planner | None
) -> Case | None:
    """Write everything that follows from *filing*; where the arrival is decided already, write nothing and return its case."""
    if not arrivals.finish(connection, filing.arrival.id):
        return casebook.of_arrival(connection, filing.arrival.id)
    verdict = filing.decision.verdict
    if seen is not None:
        opens = verdict is not Verdict.NOT_A_CASE and filing.arrival.channel is not Channel.PLATFORM
        knowledge.check(connection, filing.district.id, seen, adds=opens)
    kept_files.of_arrival(connection, filing.district.id, filing.arrival.id, filing.reading)
    if (
        verdict is Verdict.NOT_A_CASE or filing.arrival.channel is Channel.PLATFORM
    ):  # a record of others is compared with, and opens no case
        set_aside(connection, filing, None, now)
        _group_later(connection, filing.district.id, filing.arrival.id, verdict)
        return None
    if verdict is Verdict.FOLLOW_UP:
        case = _continue_case(connection, filing, now)
    else:
        case = _open_case(connection, filing, now, Act(kind="case.decided", actor="rules", reason="", at=now))
        _plan(connection, case, "opened", None, now, planner)
        _group_later(connection, case.district, case.arrival_id, verdict)
    outbox.put(connection, case, compose(case), arrival_id=filing.arrival.id, now=now)
    return case


def _group_later(connection: Connection, district: str, arrival_id: int, verdict: Verdict) -> None:
    """Let what is accepted be put beside reports of the same problem."""
    if verdict is Verdict.ACCEPT:
        problems.wait(connection, district, arrival_id)


def overrule(connection: Connection, filing: Filing, act: Act, *, compose: Compose, outbox: Outbox, planner: Planner | None) -> Case:
    """Open a case for an arrival that was decided to be none. Raises UsageError where it is not among those."""
    _settle(connection, filing.arrival.id, "overruled", act)
    knowledge.add(connection, filing.district.id)
    case = _open_case(connection, filing, act.at, act)
    _plan(connection, case, "opened", None, act.at, planner)
    _group_later(connection, case.district, case.arrival_id, case.verdict)
    outbox.put(connection, case, compose(case), arrival_id=filing.arrival.id, now=act.at)
    return case


def confirm(connection: Connection, arrival_id: int, act: Act) -> None:
    """Note that a person agrees that the arrival is no case; again, nothing changes. Raises UsageError where it is not among those."""
    _settle(connection, arrival_id, "confirmed", act)


def change(  # noqa: PLR0913 - the case, the act and its effects, each by name
    connection: Connection,
    case_id: int,
    act: Act,
    corrected: Corrections,
    *,
    seen: CaseState | None,
    compose: Compose,
    outbox: Outbox,
    planner: Planner | None,
) -> Case:
    """Put *corrected* in place, note old and new, queue the notices that follow. A person has now looked at the case."""
    old = casebook.load(connection, case_id, lock=True)
    if seen is not None and old.state is not seen:
        raise UsageError(f"{old.number} 的状态刚被别人改过，请先用 zuozhen case show {old.number} 查看，再作决定")
    return apply(connection, old, Change(act=act, corrected=corrected, compose=compose), outbox=outbox, planner=planner)


def apply(connection: Connection, old: Case, change: Change, *, outbox: Outbox, planner: Planner | None) -> Case:
    """Let *change* happen to the case *old*, whose row is locked, and return it as it is now. Raises UsageError as `store.life` does."""
    act, compose = change.act, change.compose
    new = replace(old, **change.corrected)
    life.require(act.kind, old.state, new.state, old.number)
    kept_files.keep(connection, old.district, act.files)
    # Left waiting for review it still needs a person, and since the same moment as before.
    waits = new.state in _NEED_A_PERSON or life.asks(act.kind) or life.is_poorly_rated(new)
    since = func.coalesce(CASES.c.review_since, act.at) if waits else None
    values = {**casebook.standing_values(new), **_read_anew(old, new), "review_since": since}
    connection.execute(update(CASES).where(CASES.c.id == old.id).values(values))
    before, after = _standing(old), _standing(new)
    changed = [name for name in after if after[name] != before[name]]
    data = {"old": {name: before[name] for name in changed}, "new": {name: after[name] for name in changed}, **act.evidence}
    audit.append(connection, old.id, [Entry(kind=act.kind, at=act.at, actor=act.actor, reason=act.reason, data=data)])
    handing_over.accept(connection, old, new, act.at)
    _plan(connection, new, life.name_of(act.kind), old.state, act.at, planner)
    if new.verdict is not old.verdict:
        _group_later(connection, new.district, new.arrival_id, new.verdict)
    outbox.put(connection, new, compose(new), arrival_id=new.arrival_id, now=act.at)
    return new


def _plan(connection: Connection, case: Case, event: str, old: CaseState | None, at: datetime, planner: Planner | None) -> None:
    """Let an event end and begin the deadlines of the case; without a planner (a tool, a test of something else) it has none."""
    if planner is not None:
        deadline_rows.apply(connection, case, planner.owing(case, event, old, at), planner=planner, at=at)


def note(connection: Connection, case_id: int, act: Act) -> None:
    """Add a person's note to the history of the case. Raises UsageError where there is no such case."""
    casebook.load(connection, case_id, lock=True)
    audit.append(connection, case_id, [Entry(kind=act.kind, at=act.at, actor=act.actor, reason=act.reason)])


def opening_state(decision: Decision) -> CaseState:
    """Return where a new case stands: nothing takes effect that a person must confirm, and nothing is assigned to nobody."""
    if decision.proposed:
        return CaseState.UNDER_REVIEW
    if decision.verdict is Verdict.SUPPLEMENT:
        return CaseState.AWAITING_SUPPLEMENT
    if decision.verdict is Verdict.REFUSE:
        return CaseState.REFUSED
    return CaseState.UNDER_REVIEW if decision.department is None else CaseState.ASSIGNED


def _open_case(connection: Connection, filing: Filing, now: datetime, act: Act) -> Case:
    petition, decision = filing.reading.petition, filing.decision
    number = numbering.next_number(connection, filing.district, now)
    case = Case(
        id=0,
        district=filing.district.id,
        number=number,
        state=opening_state(decision),
        opened_at=now,
        arrival_id=filing.arrival.id,
        petition=petition,
        decision=decision,
        verdict=decision.verdict,
        ground=decision.ground,
        department=decision.department,
        accompanying=decision.accompanying,
        due=decision.due,
        received_at=filing.arrival.received_at,
        progress=filing.begun,
    )
    events, tail = audit.begin([_opened(case, filing), _decided(case, filing, act)])
    values = {
        **casebook.standing_values(case),
        "district": case.district,
        "number": number,
        "number_key": matching_keys.number_key(number),
        "opened_at": now,
        "received_at": filing.arrival.received_at,
        "arrival_id": case.arrival_id,
        **_petition_values(petition),
        "petition": filing.petition_json,
        "decision": filing.decision_json,
        "review_since": now if case.state is CaseState.UNDER_REVIEW or decision.review else None,
        "events": tail.length,
        "head": tail.head,
    }
    case = replace(case, id=connection.execute(_OPEN, values).scalar_one())
    audit.keep(connection, case.id, case.district, events)
    matching.remember_case(connection, case.id, case.arrival_id, case.district, petition)
    if case.progress.from_number:
        handing_over.note_taken(connection, case)
    return case


def _continue_case(connection: Connection, filing: Filing, now: datetime) -> Case:
    """Add a follow-up to its case. Unless a department has the case in hand, a person must look at what came."""
    decision = filing.decision
    if decision.related_case is None:
        raise ValueError("a follow-up without the case it belongs to")
    case = casebook.load(connection, decision.related_case, lock=True)
    if case.district != filing.district.id:
        raise ValueError("a follow-up to a case of another district")
    if case.state not in life.WITH_DEPARTMENT or decision.proposed or decision.review:
        since = func.coalesce(CASES.c.review_since, now)
        connection.execute(update(CASES).where(CASES.c.id == case.id).values(review_since=since))
    set_aside(connection, filing, case.id, now)
    data = {**sources(filing), **_grounds_of(decision)}
    audit.append(connection, case.id, [Entry(kind="case.follow_up", at=now, actor="rules", data=data)])
    matching.remember(connection, case.id, filing.arrival.id, case.district, matching_keys.thread_keys(filing.reading.petition))
    return case


def set_aside(connection: Connection, filing: Filing, case_id: int | None, now: datetime) -> None:
    """Keep what was decided about an arrival that opens no case; it belongs to *case_id*, if to any."""
    is_record = filing.arrival.channel is Channel.PLATFORM
    values = {
        "arrival_id": filing.arrival.id,
        "district": filing.district.id,
        "case_id": case_id,
        "verdict": filing.decision.verdict,
        "petition": filing.petition_json,
        "decision": filing.decision_json,
        "decided_at": now,
        "standing": "proposed" if filing.decision.proposed and case_id is None and not is_record else "final",
        "settled_by": "",
        "settled_reason": "",
    }
    connection.execute(_SET_ASIDE, values)


def _settle(connection: Connection, arrival_id: int, standing: str, act: Act) -> None:
    """Give the decision "not a case" a new standing, unless it has that already or a case was opened meanwhile."""
    this = (DECISIONS.c.arrival_id == arrival_id, DECISIONS.c.verdict == Verdict.NOT_A_CASE.value)
    values = {"standing": standing, "settled_at": act.at, "settled_by": act.actor, "settled_reason": act.reason}
    changeable = DECISIONS.c.standing.not_in([standing, "overruled"])
    if connection.execute(update(DECISIONS).where(*this, changeable).values(values)).rowcount:
        return
    if standing == "overruled" or connection.scalar(select(DECISIONS.c.standing).where(*this)) != standing:
        raise casebook.not_among(connection, arrival_id)


def _opened(case: Case, filing: Filing) -> Entry:
    received = filing.arrival.received_at.isoformat()
    data = {"district": case.district, "number": case.number, "channel": filing.arrival.channel.value, "received_at": received}
    return Entry(kind="case.opened", at=case.opened_at, actor="system", data={**data, **handing_over.said_of(case), **sources(filing)})


def _decided(case: Case, filing: Filing, act: Act) -> Entry:
    data = {**_standing(case), **_grounds_of(filing.decision), "decision_sha256": digest_of(filing.decision_json)}
    return Entry(kind=act.kind, at=act.at, actor=act.actor, reason=act.reason, data=data)


def sources(filing: Filing) -> Mapping[str, object]:
    """Return by digest what a decision was made from."""
    return {
        "arrival": filing.arrival.id,
        "raw_sha256": filing.raw_sha256,
        "petition_sha256": digest_of(filing.petition_json),
        "attachments_sha256": [attachment.sha256 for attachment in filing.reading.petition.letter.attachments],
    }


def _grounds_of(decision: Decision) -> Mapping[str, object]:
    """Return by which rules of which pack a decision was made."""
    return {
        "proposed": decision.proposed,
        "rules": [hit.rule for hit in decision.hits if not hit.overridden_by],
        "rulebook": decision.rulebook,
        "engine": decision.engine,
    }


def _read_anew(old: Case, new: Case) -> dict[str, str]:
    """Return the columns of the petition and its decision, where a supplement changed them."""
    if new.petition is old.petition and new.decision is old.decision:
        return {}
    return {**_petition_values(new.petition), "petition": to_json(new.petition), "decision": to_json(new.decision)}


def _petition_values(petition: Petition) -> dict[str, str]:
    """Return the columns that repeat the petition."""
    return {
        "name": petition.name.value if petition.name else "",
        "uscc": petition.uscc.value if petition.uscc else "",
        "phone": petition.phone.value if petition.phone else "",
        "title": petition.title,
        "content": petition.content,
    }


def _standing(case: Case) -> dict[str, object]:
    """Return what stands in *case*, as an event says it."""
    due = {"kind": case.due.kind, "due": case.due.due.isoformat(), "provisional": case.due.provisional} if case.due else None
    return {
        "state": case.state.value,
        "verdict": case.verdict.value,
        "ground": case.ground,
        "department": case.department,
        "accompanying": list(case.accompanying),
        "due": due,
        "progress": {name: value for name, value in asdict(case.progress).items() if value},
    }

"""Cases: one transaction a decision, no number twice or left out, every change in the history, nothing written twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, func, select, update

from store.errors import MalformedMessageError, UsageError
from store.model.arrival import StoredArrival
from store.model.case import Case, CaseState
from store.model.decision import Decision, Verdict
from store.model.letter import Attachment
from store.model.notice import Notice
from store.model.petition import Reading
from store.recording import opening_state
from store.tables import EVENTS
from store.tables.columns import Row
from tests.integration.store_values import DISTRICT, HOUR, NOW, Store, arrival, blob, decision, due, letter, notice, opened, petition

NOTHING: Callable[[Case], Sequence[Notice]] = lambda _: ()  # noqa: E731 - a constant of a type
NOT_A_CASE = decision(verdict=Verdict.NOT_A_CASE, proposed=True, topic="广告推销", department=None, due=None)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind."""
    async with opened(database_url) as store:
        yield store


async def record(
    store: Store, stored: StoredArrival, made: Decision, *, now: datetime = NOW, notices: Sequence[Notice] = ()
) -> Case | None:
    """Record a decision about an accepted arrival, read as a petition named like its Message-ID."""
    reading = Reading(petition=petition(stored.message_id.partition("@")[0]), blobs={})
    return await store.cases.record(stored, reading, made, district=DISTRICT, now=now, compose=lambda _: notices)


async def contents(store: Store) -> dict[str, int]:
    """Return how many rows each table holds."""

    def count(connection: Connection) -> dict[str, int]:
        return {name: connection.scalar(select(func.count()).select_from(table)) or 0 for name, table in Row.metadata.tables.items()}

    return await store.db.read(count)


async def test_recorded_case_comes_back_as_decided(store: Store) -> None:
    """A case holds the whole petition and decision, and stands as decided until a person changes it."""
    stored = await store.accept(arrival())
    made = decision(urgent=True, review=("金额较大",))

    case = await record(store, stored, made)

    assert case is not None
    assert case == await store.cases.get(case.number)
    assert (case.number, case.arrival_id, case.opened_at) == ("CG-2024-00001", stored.id, NOW)
    assert (case.petition, case.decision) == (petition(), made)
    assert (case.state, case.verdict, case.ground) == (CaseState.ASSIGNED, Verdict.ACCEPT, None)
    assert (case.department, case.accompanying, case.due) == ("zjj", ("scj",), due(9))
    assert await store.arrivals.undecided_count() == 0


@pytest.mark.parametrize(
    ("made", "state"),
    [
        pytest.param(decision(), CaseState.ASSIGNED, id="accepted"),
        pytest.param(decision(department=None), CaseState.UNDER_REVIEW, id="accepted, no department"),
        pytest.param(decision(verdict=Verdict.REFUSE, ground=2, proposed=True), CaseState.UNDER_REVIEW, id="refusal proposed"),
        pytest.param(decision(verdict=Verdict.REFUSE, ground=2), CaseState.REFUSED, id="refusal final"),
        pytest.param(decision(verdict=Verdict.SUPPLEMENT, department=None), CaseState.AWAITING_SUPPLEMENT, id="supplement"),
    ],
)
def test_where_a_case_begins(made: Decision, state: CaseState) -> None:
    """Nothing takes effect that a person must confirm, and nothing is assigned to nobody."""
    assert opening_state(made) is state


async def test_numbers_have_no_gap_and_no_double(store: Store) -> None:
    """Cases recorded at once, some of them failing, are numbered one after another."""

    def fail(_: Case) -> Sequence[Notice]:
        raise ZeroDivisionError

    async def attempt(i: int) -> Case | None:
        stored = await store.accept(arrival(str(i)))
        reading = Reading(petition=petition(str(i)), blobs={})
        compose = fail if i % 3 == 0 else NOTHING
        return await store.cases.record(stored, reading, decision(), district=DISTRICT, now=NOW, compose=compose)

    results = await asyncio.gather(*(attempt(i) for i in range(30)), return_exceptions=True)

    numbers = sorted(case.number for case in results if isinstance(case, Case))
    assert numbers == [f"CG-2024-{seq:05d}" for seq in range(1, 21)]
    assert sum(isinstance(result, ZeroDivisionError) for result in results) == 10


@pytest.mark.parametrize(
    ("now", "number"),
    [
        pytest.param(datetime(2024, 12, 31, 15, 59, tzinfo=UTC), "CG-2024-00001", id="before midnight there"),
        pytest.param(datetime(2024, 12, 31, 16, 0, tzinfo=UTC), "CG-2025-00001", id="after midnight there"),
    ],
)
async def test_year_of_a_number_is_the_districts(store: Store, now: datetime, number: str) -> None:
    """The year turns at midnight of the district, not of Greenwich."""
    assert (await store.open_case(now=now)).number == number


async def test_districts_count_for_themselves(store: Store) -> None:
    """Another district has its own numbers; a number that two districts share must be asked for by id."""
    first = await store.open_case()
    stored = await store.accept(arrival(district="wuhua"))
    second = await store.cases.record(
        stored, Reading(petition=petition(), blobs={}), decision(), district=replace(DISTRICT, id="wuhua"), now=NOW, compose=NOTHING
    )

    assert second is not None
    assert (first.number, first.district, second.number, second.district) == ("CG-2024-00001", "chenggong", "CG-2024-00001", "wuhua")
    with pytest.raises(UsageError, match="内部编号"):
        await store.cases.get("CG-2024-00001")
    assert await store.cases.get(str(second.id)) == second


@pytest.mark.parametrize(
    "made", [decision(), NOT_A_CASE, decision(verdict=Verdict.FOLLOW_UP, related_case=1)], ids=lambda made: made.verdict
)
async def test_recording_again_writes_nothing(store: Store, made: Decision) -> None:
    """After a crash between commit and answer the same record is repeated: same case, no row more."""
    await store.open_case("first")
    stored = await store.accept(arrival())
    case = await record(store, stored, made, notices=[notice()])
    before = await contents(store)

    again = await record(store, stored, made, now=NOW + HOUR, notices=[notice("other@gov.example")])

    assert again == case
    assert await contents(store) == before


async def test_failing_notice_leaves_nothing(store: Store) -> None:
    """If a notice cannot be written, neither case nor number nor key stands, and the arrival is still to be decided."""
    stored = await store.accept(arrival())
    before = await contents(store)

    def fail(_: Case) -> Sequence[Notice]:
        raise ZeroDivisionError

    reading = Reading(petition=petition(), blobs=blob(b"annex"))
    with pytest.raises(ZeroDivisionError):
        await store.cases.record(stored, reading, decision(), district=DISTRICT, now=NOW, compose=fail)

    assert await contents(store) == before
    assert await store.arrivals.undecided_count() == 1


async def test_blob_under_a_false_hash_is_refused(store: Store) -> None:
    """A reader process taken over by a message cannot plant its bytes under the hash of somebody else's file."""
    stored = await store.accept(arrival())
    reading = Reading(petition=petition(), blobs={next(iter(blob(b"contract"))): b"forged"})

    with pytest.raises(MalformedMessageError, match="摘要不符"):
        await store.cases.record(stored, reading, decision(), district=DISTRICT, now=NOW, compose=NOTHING)


async def test_history_tells_opening_and_decision(store: Store) -> None:
    """A case begins with what it was made from, by digest, and what was decided by which rules; no word of the petition is in it."""
    content = b"annex"
    (digest,) = blob(content)
    attached = letter(attachments=(Attachment(name="附件.docx", content_type="", size=len(content), sha256=digest),))
    stored = await store.accept(arrival())
    reading = Reading(petition=petition(letter=attached), blobs={digest: content})
    case = await store.cases.record(stored, reading, decision(), district=DISTRICT, now=NOW, compose=NOTHING)

    assert case is not None
    opening, decided = await store.cases.history(case.id)
    assert (opening.seq, opening.kind, opening.actor, opening.at) == (1, "case.opened", "system", NOW)
    assert opening.data["attachments_sha256"] == [digest]
    assert (decided.seq, decided.kind, decided.actor) == (2, "case.decided", "rules")
    assert (decided.data["verdict"], decided.data["department"], decided.data["engine"]) == ("accept", "zjj", "reference")
    assert "内容" not in f"{opening.data}{decided.data}"
    assert await store.cases.verify(case.id) == []


async def test_not_a_case_waits_for_confirmation(store: Store) -> None:
    """What the rules take for no case opens none, and stays listed until a person agrees; agreeing twice changes nothing."""
    stored = await store.accept(arrival())

    assert await record(store, stored, NOT_A_CASE) is None

    (listed,) = await store.cases.not_cases()
    assert (listed.arrival_id, listed.received_at, listed.confirmed) == (stored.id, NOW, False)
    assert (listed.petition, listed.decision) == (petition(), NOT_A_CASE)
    assert await store.cases.not_a_case(stored.id) == listed

    await store.cases.confirm_not_a_case(stored.id, actor="李", reason="广告", now=NOW)
    await store.cases.confirm_not_a_case(stored.id, actor="王", reason="", now=NOW)

    assert await store.cases.not_cases() == []
    (kept,) = await store.cases.not_cases(unconfirmed_only=False)
    assert kept.confirmed


async def test_final_not_a_case_asks_nobody(store: Store) -> None:
    """What a final rule takes for no case (a bounce) is kept and not put before a person."""
    await record(store, await store.accept(arrival()), replace(NOT_A_CASE, proposed=False))

    assert await store.cases.not_cases() == []
    assert len(await store.cases.not_cases(unconfirmed_only=False)) == 1


async def test_person_opens_a_case_after_all(store: Store) -> None:
    """A person overrules "not a case": the case is opened under his name and reason, once, and leaves the list."""
    stored = await store.accept(arrival())
    await record(store, stored, NOT_A_CASE)

    async def overrule() -> Case:
        return await store.cases.open_from_not_a_case(
            stored.id, decision(), district=DISTRICT, actor="李", reason="确为诉求", now=NOW, compose=lambda _: [notice()]
        )

    case = await overrule()

    assert (case.arrival_id, case.petition, case.state) == (stored.id, petition(), CaseState.ASSIGNED)
    assert [(event.actor, event.reason) for event in await store.cases.history(case.id)] == [("system", ""), ("李", "确为诉求")]
    assert [queued.case_id for queued in await store.outbox.list()] == [case.id]
    assert await store.cases.not_cases(unconfirmed_only=False) == []
    assert await store.cases.verify(case.id) == []
    for again in (overrule(), store.cases.confirm_not_a_case(stored.id, actor="李", reason="", now=NOW)):
        with pytest.raises(UsageError, match=case.number):
            await again


async def test_only_what_is_no_case_can_be_settled(store: Store) -> None:
    """Confirming or overruling something else is a person's slip, told as such."""
    case = await store.open_case()

    for arrival_id in (case.arrival_id, 99):
        with pytest.raises(UsageError):
            await store.cases.confirm_not_a_case(arrival_id, actor="李", reason="", now=NOW)
        with pytest.raises(UsageError):
            await store.cases.open_from_not_a_case(
                arrival_id, decision(), district=DISTRICT, actor="李", reason="", now=NOW, compose=NOTHING
            )


async def test_follow_up_joins_its_case(store: Store) -> None:
    """A follow-up becomes an event of its case, belongs to it, and causes that case's notices; no number is used."""
    case = await store.open_case()
    stored = await store.accept(arrival("2"))
    forwarded: list[Case] = []

    def compose(to: Case) -> Sequence[Notice]:
        forwarded.append(to)
        return [notice(round="2")]

    made = decision(verdict=Verdict.FOLLOW_UP, related_case=case.id)
    got = await store.cases.record(stored, Reading(petition=petition("2"), blobs={}), made, district=DISTRICT, now=NOW, compose=compose)

    assert got == case
    assert forwarded == [case]
    assert await store.cases.arrivals(case.id) == [case.arrival_id, stored.id]
    history = await store.cases.history(case.id)
    assert [(event.kind, event.data.get("arrival")) for event in history[2:]] == [("case.follow_up", stored.id)]
    assert [queued.arrival_id for queued in await store.outbox.list()] == [stored.id]
    assert (await store.open_case("3")).number == "CG-2024-00002"
    assert await store.cases.review() == []


async def test_follow_up_to_a_case_without_a_department_needs_a_person(store: Store) -> None:
    """When the supplement asked for arrives, the case comes up for review: nobody else has it in hand."""
    case = await store.open_case(verdict=Verdict.SUPPLEMENT, department=None)
    assert await store.cases.review() == []

    await record(store, await store.accept(arrival("2")), decision(verdict=Verdict.FOLLOW_UP, related_case=case.id))

    assert [waiting.id for waiting in await store.cases.review()] == [case.id]


@pytest.mark.parametrize("related", [None, 99])
async def test_follow_up_to_nothing_is_not_recorded(store: Store, related: int | None) -> None:
    """A follow-up without a case of its district is a mistake of ours: the arrival stays undecided."""
    stored = await store.accept(arrival())

    with pytest.raises((ValueError, UsageError)):
        await record(store, stored, decision(verdict=Verdict.FOLLOW_UP, related_case=related))

    assert await store.arrivals.undecided_count() == 1


async def test_change_is_one_event_with_old_and_new(store: Store) -> None:
    """A correction changes the case and says who, why, from what and to what; the rules' decision stays as it was."""
    case = await store.open_case(verdict=Verdict.REFUSE, ground=2, proposed=True, department=None, due=None)

    changed = await store.cases.change(
        case.id,
        kind="case.overruled",
        actor="李",
        reason="请求行政机关履职",
        now=NOW + HOUR,
        compose=lambda after: [notice(subject=after.number)],
        state=CaseState.ASSIGNED,
        verdict=Verdict.ACCEPT,
        ground=None,
        department="scj",
        due=due(10),
    )

    assert changed == await store.cases.get(case.number)
    assert (changed.state, changed.verdict, changed.ground) == (CaseState.ASSIGNED, Verdict.ACCEPT, None)
    assert (changed.department, changed.accompanying, changed.due) == ("scj", ("scj",), due(10))
    assert changed.decision == case.decision
    event = (await store.cases.history(case.id))[-1]
    assert (event.kind, event.actor, event.reason, event.at) == ("case.overruled", "李", "请求行政机关履职", NOW + HOUR)
    assert event.data["old"] == {"state": "under_review", "verdict": "refuse", "ground": 2, "department": None, "due": None}
    assert [queued.notice.subject for queued in await store.outbox.list()] == [case.number]
    assert await store.cases.verify(case.id) == []


async def test_change_that_fails_leaves_the_case(store: Store) -> None:
    """If the notice of a correction cannot be written, the correction does not stand either."""
    case = await store.open_case()

    def fail(_: Case) -> Sequence[Notice]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.cases.change(case.id, kind="case.assigned", actor="李", reason="", now=NOW, compose=fail, department="scj")

    assert await store.cases.get(case.number) == case
    assert len(await store.cases.history(case.id)) == 2


async def test_review_lists_what_needs_a_person(store: Store) -> None:
    """Listed are cases under review and cases with reasons to look, oldest first, until a person has looked."""
    proposed = await store.open_case("1", verdict=Verdict.REFUSE, ground=2, proposed=True)
    doubtful = await store.open_case("2", review=("牵头部门不明显",))
    await store.open_case("3")
    assert [case.id for case in await store.cases.review()] == [proposed.id, doubtful.id]

    for case in (proposed, doubtful):
        await store.cases.change(case.id, kind="case.confirmed", actor="李", reason="", now=NOW, compose=NOTHING)

    assert [case.id for case in await store.cases.review()] == [proposed.id]  # looked at, and still under review


async def test_note_is_history_only(store: Store) -> None:
    """A note adds an event and changes nothing else."""
    case = await store.open_case()

    await store.cases.note(case.id, actor="李", reason="已电话联系", now=NOW)

    assert [(event.kind, event.reason) for event in await store.cases.history(case.id)][-1] == ("case.noted", "已电话联系")
    assert await store.cases.get(case.number) == case
    with pytest.raises(UsageError):
        await store.cases.note(99, actor="李", reason="", now=NOW)


@pytest.mark.parametrize("key", ["CG-2024-00001", "cg-2024-00001", " ＣＧ－2024－00001 ", "1"])
async def test_case_is_found_as_people_write_it(store: Store, key: str) -> None:
    """Case and width of a number do not count; a bare number is an id."""
    case = await store.open_case()

    assert (await store.cases.get(key)).id == case.id


@pytest.mark.parametrize("key", ["CG-2024-00009", "", "9" * 40, "²", "-1", "1 OR 1=1"])
async def test_unknown_case_is_a_usage_error(store: Store, key: str) -> None:
    """Whatever a person types, the answer for no case is a plain Chinese sentence."""
    await store.open_case()
    with pytest.raises(UsageError, match="没有"):
        await store.cases.get(key)


async def test_list_filters_and_limits(store: Store) -> None:
    """Cases are listed newest first, by state and by department."""
    first = await store.open_case("1")
    second = await store.open_case("2", department="scj")
    third = await store.open_case("3", verdict=Verdict.REFUSE, ground=1, department="scj")

    every = await store.cases.list()
    assert [case.id for case in every] == [third.id, second.id, first.id]
    assert await store.cases.list(limit=1) == every[:1]
    assert await store.cases.list(state=CaseState.ASSIGNED) == every[1:]
    assert await store.cases.list(department="scj", state=CaseState.REFUSED) == every[:1]


async def test_tampering_with_the_database_is_found(store: Store) -> None:
    """An event changed behind our back, and one removed from the end, are both named."""
    case = await store.open_case()
    await store.cases.note(case.id, actor="李", reason="已电话联系", now=NOW)

    await store.db.write(lambda connection: connection.execute(update(EVENTS).where(EVENTS.c.seq == 2).values(actor="nobody")).close())
    assert any("第 2 条" in problem for problem in await store.cases.verify(case.id))

    await store.db.write(lambda connection: connection.execute(EVENTS.delete().where(EVENTS.c.seq == 3)).close())
    assert any("末尾" in problem for problem in await store.cases.verify(case.id))

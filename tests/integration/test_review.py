"""What a person does to a case: each act takes effect at once, is told to whom it concerns, and stands in the history for good."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from daemon.review import Act, Correction, Review, set_aside_key
from store.errors import UsageError
from store.model.case import Case, CaseState, Event
from store.model.decision import Verdict
from store.model.notice import NoticeState, Purpose, QueuedNotice
from tests.integration.houses import ADVERT, COORDINATOR, REFUSED, VAGUE, Bench, Enterprise, bench, office

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACT = Act(by="王芳", reason="已电话核实")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database."""
    async with bench(module_database_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def shared(house: Bench) -> Bench:
    """Return the house a day later, so that no two acts of different tests fall on one moment."""
    house.clock.advance(timedelta(days=1))
    return house


async def act(shared: Bench, case: Case, doing: Callable[[Review], Awaitable[Any]]) -> tuple[Case, Event, list[QueuedNotice]]:
    """Let a person act on *case* a minute later; return the case, the one event and the notices that came of it.

    The history stays intact, and names who did it and why.
    """
    stores = shared.house.stores
    events, notices = await stores.cases.history(case.id), await shared.notices(case)
    shared.clock.advance(timedelta(minutes=1))
    await doing(shared.house.review)
    (event,) = (await stores.cases.history(case.id))[len(events) :]
    assert (event.actor, event.reason, event.at) == (ACT.by, ACT.reason, shared.clock())
    assert await stores.cases.verify(case.id) == []
    return await stores.cases.get(case.number), event, (await shared.notices(case))[len(notices) :]


def sent_to(notices: list[QueuedNotice]) -> list[tuple[Purpose, str]]:
    """Return purpose and address of each notice."""
    return [(queued.notice.purpose, queued.notice.to.address) for queued in notices]


async def waiting(shared: Bench) -> set[str]:
    """Return the numbers of the cases that wait for a person."""
    return {case.number for case in (await shared.house.review.pending())[0]}


async def set_aside(shared: Bench, enterprise: Enterprise | None = None) -> str:
    """Take an advertisement in and return the key under which it waits."""
    outcome = await shared.take((enterprise or Enterprise()).mail(ADVERT, subject="代开发票"))
    assert outcome.case is None
    return set_aside_key((await shared.house.review.pending())[1][0].arrival_id)


# ------------------------------------------------------------ confirm


async def test_refusal_reaches_the_enterprise_only_once_confirmed(shared: Bench) -> None:
    """The enterprise hears "registered" while a refusal is proposed, and of the refusal, with the person's reason, once it is confirmed."""
    enterprise = Enterprise()
    case = await shared.opened(REFUSED, enterprise)
    assert case.number in await waiting(shared)
    before = await shared.notices(case)
    assert sent_to(before) == [(Purpose.REVIEW, COORDINATOR), (Purpose.ACKNOWLEDGE, enterprise.address)]
    assert "不予受理" not in before[1].notice.text + before[1].notice.html + before[1].notice.subject
    changed, event, notices = await act(shared, case, lambda review: review.confirm(case.number.lower(), ACT))
    assert (changed.state, changed.verdict, changed.ground) == (CaseState.REFUSED, Verdict.REFUSE, 2)
    assert (event.kind, dict(event.data)["new"]) == ("case.confirmed", {"state": "refused"})
    assert sent_to(notices) == [(Purpose.REFERRAL, enterprise.address)]
    assert ACT.reason in notices[0].notice.text
    assert case.number not in await waiting(shared)


async def test_second_confirmation_is_refused(shared: Bench) -> None:
    """Two clerks on one list: the second hears that nothing waits, and the enterprise gets one referral."""
    case = await shared.opened(REFUSED)
    await act(shared, case, lambda review: review.confirm(case.number, ACT))
    before = await shared.notices(case)
    with pytest.raises(UsageError, match=r"没有等待确认的结论.*zuozhen review list"):
        await shared.house.review.confirm(case.number, ACT)
    assert await shared.notices(case) == before


async def test_confirm_settles_a_reason_to_look(shared: Bench) -> None:
    """A case that is assigned and yet doubtful leaves the list once a person has agreed; nobody is mailed again."""
    enterprise = Enterprise()
    await shared.opened(enterprise=enterprise)
    case = await shared.opened(enterprise=enterprise)  # the same matter again
    assert case.state is CaseState.ASSIGNED
    assert case.number in await waiting(shared)
    changed, event, notices = await act(shared, case, lambda review: review.confirm(case.number, ACT))
    assert (changed, event.kind, notices) == (case, "case.confirmed", [])
    assert case.number not in await waiting(shared)


async def test_confirm_where_nothing_waits(shared: Bench) -> None:
    """What took effect by itself needs no confirmation, and saying so leaves no event."""
    case = await shared.opened()
    with pytest.raises(UsageError, match="没有等待确认的结论"):
        await shared.house.review.confirm(case.number, ACT)
    assert "case.confirmed" not in [event.kind for event in await shared.house.stores.cases.history(case.id)]


async def test_case_without_department_is_assigned_not_confirmed(shared: Bench) -> None:
    """Where the rules found no department there is nothing to agree to: the person is told to assign."""
    case = await _unassigned(shared)
    assert (case.state, case.verdict, case.department) == (CaseState.UNDER_REVIEW, Verdict.ACCEPT, None)
    with pytest.raises(UsageError, match=f"zuozhen case assign {case.number} --department"):
        await shared.house.review.confirm(case.number, ACT)
    changed, event, notices = await act(shared, case, lambda review: review.assign(case.number, "zjj", (), ACT))
    assert (changed.state, changed.department, event.kind) == (CaseState.ASSIGNED, "zjj", "case.assigned")
    assert changed.due is not None
    assert [purpose for purpose, _ in sent_to(notices)] == [Purpose.ASSIGN, Purpose.ACKNOWLEDGE]


async def _unassigned(shared: Bench) -> Case:
    """Return a case that the rules accepted without knowing a department, by taking the departments out of their decision."""
    arrival = await shared.arrival(await shared.accept(Enterprise().mail()))
    reading = await shared.house.pipeline._reader.read(arrival)
    decision = await shared.room.decide(reading.petition, (), now=arrival.received_at)
    case = await shared.house.stores.cases.record(
        arrival,
        reading,
        replace(decision, department=None, scores=(), review=("没有规则指向承办部门，请人工确定",)),
        district=shared.room.rulebook.district,
        now=shared.clock(),
        compose=shared.room.composer.for_new_case,
    )
    assert case is not None
    return case


async def test_who_cannot_be_mailed_is_told_by_the_coordinator(shared: Bench) -> None:
    """A refusal is confirmed of somebody without an address: the coordinator, who was asked to review before, is now asked to tell him."""
    case = await shared.opened(REFUSED, Reply_To="no-reply@enterprise.example")
    shared.clock.advance(timedelta(hours=1))
    await shared.house.review.confirm(case.number, ACT)
    asked = [queued.notice for queued in await shared.notices(case)]
    assert [notice.purpose for notice in asked] == [Purpose.REVIEW, Purpose.REVIEW]
    assert f"需告知企业不予受理（{ACT.reason}）" in asked[1].text


# ------------------------------------------------------------ overrule


async def test_overrule_to_accept_mails_the_department_and_sets_the_date(shared: Bench) -> None:
    """The department gets the case, the enterprise is told, and the five working days count from the acceptance, not from the arrival."""
    enterprise = Enterprise()
    case = await shared.opened(REFUSED, enterprise)
    assert case.due is None
    shared.clock.advance(timedelta(days=30))
    correction = Correction(verdict=Verdict.ACCEPT, department="stj")
    changed, event, notices = await act(shared, case, lambda review: review.overrule(case.number, correction, ACT))
    assert (changed.state, changed.verdict, changed.ground, changed.department) == (CaseState.ASSIGNED, Verdict.ACCEPT, None, "stj")
    assert changed.due is not None
    assert changed.due.start >= shared.clock().date() - timedelta(days=1)
    assert changed.due.due > shared.clock().date()
    assert sent_to(notices) == [(Purpose.ASSIGN, office("stj")), (Purpose.ACKNOWLEDGE, enterprise.address)]
    assert f"{changed.due.due.year}年{changed.due.due.month}月{changed.due.due.day}日" in notices[0].notice.text
    assert event.kind == "case.overruled"
    assert dict(event.data)["old"] == {"state": "under_review", "verdict": "refuse", "ground": 2, "department": None, "due": None}
    assert changed.decision == case.decision  # what the rules said stays as they said it


async def test_overrule_to_refuse(shared: Bench) -> None:
    """A case taken back from its department is refused at once, with the ground and the reason; department and date are gone."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    correction = Correction(verdict=Verdict.REFUSE, ground=3)
    changed, event, notices = await act(shared, case, lambda review: review.overrule(case.number, correction, ACT))
    assert (changed.state, changed.verdict, changed.ground) == (CaseState.REFUSED, Verdict.REFUSE, 3)
    assert (changed.department, changed.due, event.kind) == (None, None, "case.overruled")
    assert sent_to(notices) == [(Purpose.REFERRAL, enterprise.address), (Purpose.RECALL, office("swj"))]
    assert shared.room.rulebook.district.grounds[3].text.rstrip("；。") in notices[0].notice.text
    assert ACT.reason in notices[0].notice.text


async def test_overrule_to_supplement(shared: Bench) -> None:
    """The enterprise is asked for what is missing, in the pack's words where it has some, in the person's own where not."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    correction = Correction(verdict=Verdict.SUPPLEMENT, missing=("请求", "退票通知书复印件"))
    changed, event, notices = await act(shared, case, lambda review: review.overrule(case.number, correction, ACT))
    assert (changed.state, changed.verdict, changed.due) == (CaseState.AWAITING_SUPPLEMENT, Verdict.SUPPLEMENT, None)
    assert event.kind == "case.overruled"
    assert sent_to(notices) == [(Purpose.SUPPLEMENT, enterprise.address)]
    assert shared.room.rulebook.district.supplements["请求"] in notices[0].notice.text
    assert "退票通知书复印件" in notices[0].notice.text


async def test_overrule_back_and_forth_mails_each_time(shared: Bench) -> None:
    """Every act is told anew: a case refused, accepted and refused again sends each letter, and none is held for a repetition."""
    enterprise = Enterprise()
    case = await shared.opened(REFUSED, enterprise)
    await act(shared, case, lambda review: review.confirm(case.number, ACT))
    purposes = []
    for correction in (Correction(verdict=Verdict.ACCEPT, department="scj"), Correction(verdict=Verdict.REFUSE, ground=5)) * 2:
        _, _, notices = await act(shared, case, partial(_overrule, case.number, correction))
        purposes.append([purpose for purpose, _ in sent_to(notices)])
    assert purposes == [[Purpose.ASSIGN, Purpose.ACKNOWLEDGE], [Purpose.REFERRAL, Purpose.RECALL]] * 2
    assert {queued.state for queued in await shared.notices(case)} == {NoticeState.QUEUED}


async def _overrule(key: str, correction: Correction, review: Review) -> Case:
    return await review.overrule(key, correction, ACT)


# ------------------------------------------------------------ assign, note


async def test_assign_with_accompanying(shared: Bench) -> None:
    """Lead and accompanying departments are mailed, each once; nobody accompanies itself."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    changed, event, notices = await act(shared, case, lambda review: review.assign(case.number, "scj", ("zfj", "scj", "zfj", "swj"), ACT))
    assert (changed.state, changed.department, changed.accompanying) == (CaseState.ASSIGNED, "scj", ("zfj", "swj"))
    assert (changed.due, event.kind) == (case.due, "case.assigned")
    assert sent_to(notices) == [
        (Purpose.ASSIGN, office("scj")),
        (Purpose.ACKNOWLEDGE, enterprise.address),
        (Purpose.ACCOMPANY, office("zfj")),
        (Purpose.ACCOMPANY, office("swj")),
    ]


async def test_assign_to_an_accompanying_department(shared: Bench) -> None:
    """A department that becomes the lead no longer accompanies."""
    case = await shared.opened()
    await act(shared, case, lambda review: review.assign(case.number, "scj", ("zfj", "swj"), ACT))
    changed, _, _ = await act(shared, case, lambda review: review.assign(case.number, "zfj", (), ACT))
    assert (changed.department, changed.accompanying) == ("zfj", ("swj",))


async def test_assign_to_the_same_department_mails_only_who_is_new(shared: Bench) -> None:
    """Naming who accompanies does not send the lead its case a second time."""
    case = await shared.opened()
    _, _, notices = await act(shared, case, lambda review: review.assign(case.number, case.department or "", ("zfj",), ACT))
    assert sent_to(notices) == [(Purpose.ACCOMPANY, office("zfj"))]


async def test_assign_what_waits_for_a_supplement(shared: Bench) -> None:
    """A person may take a vague petition as it is: it is accepted and dated."""
    case = await shared.opened(VAGUE, subject="情况反映")
    assert case.state is CaseState.AWAITING_SUPPLEMENT
    changed, _, notices = await act(shared, case, lambda review: review.assign(case.number, "zwj", (), ACT))
    assert (changed.state, changed.verdict) == (CaseState.ASSIGNED, Verdict.ACCEPT)
    assert changed.due is not None
    assert Purpose.ASSIGN in [purpose for purpose, _ in sent_to(notices)]


async def test_note(shared: Bench) -> None:
    """A note stands in the history, changes nothing and mails nobody."""
    case = await shared.opened()
    changed, event, notices = await act(shared, case, lambda review: review.note(case.number, ACT))
    assert (changed, event.kind, notices) == (case, "case.noted", [])


# ------------------------------------------------------------ arrivals that opened no case


async def test_set_aside_confirmed(shared: Bench) -> None:
    """A person agrees that an advertisement is none of our business: it leaves the list, and stays findable as confirmed."""
    key = await set_aside(shared)
    assert await shared.house.review.confirm(key.lower(), ACT) is None
    assert key not in [set_aside_key(item.arrival_id) for item in (await shared.house.review.pending())[1]]
    item = await shared.house.review.set_aside(key)
    assert item is not None
    assert item.confirmed


async def test_set_aside_overruled_opens_a_case(shared: Bench) -> None:
    """What was taken for an advertisement and is a petition gets its number, department, date and answer, with the person's name on it."""
    enterprise = Enterprise()
    key = await set_aside(shared, enterprise)
    case = await shared.house.review.overrule(key, Correction(verdict=Verdict.ACCEPT, department="swj"), ACT)
    assert (case.state, case.verdict, case.department) == (CaseState.ASSIGNED, Verdict.ACCEPT, "swj")
    assert case.due is not None
    assert sent_to(await shared.notices(case)) == [(Purpose.ASSIGN, office("swj")), (Purpose.ACKNOWLEDGE, enterprise.address)]
    history = await shared.house.stores.cases.history(case.id)
    assert [(event.kind, event.actor, event.reason) for event in history][1:] == [("case.decided", ACT.by, ACT.reason)]
    assert await shared.house.stores.cases.verify(case.id) == []
    with pytest.raises(UsageError, match=f"已属于事项 {case.number}"):
        await shared.house.review.overrule(key, Correction(verdict=Verdict.ACCEPT, department="swj"), ACT)


@pytest.mark.parametrize(
    ("correction", "state", "purpose"),
    [
        (Correction(verdict=Verdict.REFUSE, ground=5), CaseState.REFUSED, Purpose.REFERRAL),
        (Correction(verdict=Verdict.SUPPLEMENT, missing=("事实",)), CaseState.AWAITING_SUPPLEMENT, Purpose.SUPPLEMENT),
    ],
)
async def test_set_aside_overruled_otherwise(correction: Correction, state: CaseState, purpose: Purpose, shared: Bench) -> None:
    """It may also be opened to be refused or to be completed; the enterprise gets that letter and no other."""
    enterprise = Enterprise()
    case = await shared.house.review.overrule(await set_aside(shared, enterprise), correction, ACT)
    assert case.state is state
    assert sent_to(await shared.notices(case)) == [(purpose, enterprise.address)]


# ------------------------------------------------------------ what is not allowed


REFUSALS: dict[str, tuple[Callable[[Review, str], Awaitable[object]], str]] = {
    "unknown department": (lambda review, key: review.assign(key, "nowhere", (), ACT), "没有部门代号 nowhere；可用的有：.*swj（区税务局）"),
    "unknown accompanying": (lambda review, key: review.assign(key, "swj", ("nowhere",), ACT), "没有部门代号 nowhere；可用的有："),
    "accept by unknown": (
        lambda review, key: review.overrule(key, Correction(verdict=Verdict.ACCEPT, department="nowhere"), ACT),
        "没有部门代号 nowhere；可用的有：",
    ),
    "no ground": (lambda review, key: review.overrule(key, Correction(verdict=Verdict.REFUSE), ACT), "--ground 1 至 5"),
    "unknown ground": (lambda review, key: review.overrule(key, Correction(verdict=Verdict.REFUSE, ground=6), ACT), "--ground 1 至 5"),
    "nothing missing": (lambda review, key: review.overrule(key, Correction(verdict=Verdict.SUPPLEMENT), ACT), "--missing"),
    "to no case": (lambda review, key: review.overrule(key, Correction(verdict=Verdict.NOT_A_CASE), ACT), "只能改为 accept"),
    "to a follow-up": (lambda review, key: review.overrule(key, Correction(verdict=Verdict.FOLLOW_UP), ACT), "只能改为 accept"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_mistake_changes_nothing_and_says_the_next_step(name: str, shared: Bench) -> None:
    """An unknown department, ground or missing item is refused in Chinese with what to write instead; nothing is changed or mailed."""
    doing, words = REFUSALS[name]
    case = await shared.opened()
    before = await shared.house.stores.cases.history(case.id), await shared.notices(case)
    with pytest.raises(UsageError, match=words):
        await doing(shared.house.review, case.number)
    assert await shared.house.stores.cases.get(case.number) == case
    assert (await shared.house.stores.cases.history(case.id), await shared.notices(case)) == before


async def test_accept_needs_a_department(shared: Bench) -> None:
    """A refusal turned into an acceptance must say who takes it, since the rules named nobody."""
    case = await shared.opened(REFUSED)
    with pytest.raises(UsageError, match="--department"):
        await shared.house.review.overrule(case.number, Correction(verdict=Verdict.ACCEPT), ACT)


async def test_assign_of_a_refused_matter(shared: Bench) -> None:
    """What is (to be) refused is not assigned by the way: the person must overrule first, and is told how."""
    case = await shared.opened(REFUSED)
    with pytest.raises(UsageError, match=f"zuozhen case overrule {case.number} --verdict accept"):
        await shared.house.review.assign(case.number, "swj", (), ACT)


@pytest.mark.parametrize(("by", "reason"), [("", "理由"), ("王芳", ""), (" ", "理由"), ("王芳", "\n")])
async def test_act_needs_name_and_reason(by: str, reason: str) -> None:
    """Nobody acts nameless or without saying why."""
    with pytest.raises(UsageError, match=r"--by 姓名.*--reason 理由"):
        Act(by=by, reason=reason)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("CG-2024-99999", "没有编号为 CG-2024-99999 的事项"),
        ("nonsense", "没有编号为 nonsense 的事项"),
        ("9" * 40, "没有编号为"),
        ("A-999999", "来件 999999 不在“非诉求来件”之列"),
        ("A-x", "应形如 A-12.*zuozhen review list"),
        ("A-", "应形如 A-12"),
        ("A-" + "9" * 40, "应形如 A-12"),
    ],
)
async def test_unknown_key(key: str, words: str, shared: Bench) -> None:
    """A number that does not exist is answered in words, however odd it looks."""
    with pytest.raises(UsageError, match=words):
        await shared.house.review.confirm(key, ACT)


async def test_case_of_an_unconfigured_district(shared: Bench) -> None:
    """Where the configuration no longer has the case's district, the person is told so."""
    case = await shared.opened()
    review = Review(
        offices={},
        arrivals=shared.house.stores.arrivals,
        cases=shared.house.stores.cases,
        now=shared.clock,
    )
    with pytest.raises(UsageError, match="配置里没有这个区"):
        await review.assign(case.number, "swj", (), ACT)


async def test_reason_of_a_refusal_is_one_harmless_line(shared: Bench) -> None:
    """What the person writes is read by the enterprise: no markup and no line of its own gets through."""
    case = await shared.opened(REFUSED)
    said = Act(by="王芳", reason="法院已立案\n<script>alert(1)</script>{{ case }}")
    await shared.house.review.confirm(case.number, said)
    notice = (await shared.notice(case, Purpose.REFERRAL)).notice
    assert "<script>" not in notice.html
    assert "法院已立案 <script>alert(1)</script>{{ case }}" in notice.text


async def test_pending_lists_the_oldest_first(shared: Bench) -> None:
    """Who came first is looked at first."""
    cases = [await shared.opened(REFUSED) for _ in range(2)]
    listed = [case.number for case in (await shared.house.review.pending())[0]]
    assert [number for number in listed if number in {case.number for case in cases}] == [case.number for case in cases]


async def test_date_of_acceptance_follows_the_calendar_of_the_state_council(shared: Bench) -> None:
    """A case that a person accepts on the eve of the National Day of 2024 is due on the make-up Saturday, not within the holidays."""
    case = await shared.opened(REFUSED)
    shared.clock.now = datetime(2024, 9, 30, 2, tzinfo=UTC)
    changed = await shared.house.review.overrule(case.number, Correction(verdict=Verdict.ACCEPT, department="scj"), ACT)
    assert changed.due is not None
    assert (changed.due.start, changed.due.due) == (date(2024, 9, 30), date(2024, 10, 12))
    assert await shared.house.stores.cases.get(case.number) == changed

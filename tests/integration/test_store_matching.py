"""Candidates: which earlier cases a petition may belong to, by which key, in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from store.model import Address, Candidate, CaseState, Petition, Reading, Verdict
from tests.integration.store_values import DISTRICT, NOW, Store, arrival, decision, found, letter, notice, opened, petition


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind."""
    async with opened(database_url) as store:
        yield store


async def keys(store: Store, asked: Petition, *, exclude_arrival: int = 0) -> dict[int, tuple[str, ...]]:
    """Return the candidates of a petition as case id → keys, in order."""
    found_cases, _ = await store.matching.candidates(DISTRICT, asked, exclude_arrival=exclude_arrival)
    return {candidate.case_id: candidate.keys for candidate in found_cases}


async def open_case_of(store: Store, name: str, asked: Petition) -> int:
    """Open a case for a petition and return its id."""
    stored = await store.accept(arrival(name))
    reading = Reading(petition=asked, blobs={})
    case = await store.cases.record(stored, reading, decision(), district=DISTRICT, now=NOW, compose=lambda _: ())
    assert case is not None
    return case.id


async def test_stranger_has_no_candidates(store: Store) -> None:
    """A petition that shares nothing with earlier ones has no candidates, its own wording notwithstanding."""
    await store.open_case("1")

    assert await keys(store, petition("2")) == {}


FIRST = petition("1", uscc=found("91530114MA6K0000X1"), phone=found("0871-65551234、138 0000 0001"))


@pytest.mark.parametrize(
    ("later", "shared"),
    [
        pytest.param(petition("2", uscc=found("91530114ma6k 0000x1")), ("uscc",), id="uscc"),
        pytest.param(petition("2", phone=found("+86-13800000001")), ("phone",), id="mobile"),
        pytest.param(petition("2", phone=found("65551234")), ("phone",), id="land line without area code"),
        pytest.param(petition("2", name=found("昆明示例１号 商贸有限责任公司")), ("name",), id="name"),
        pytest.param(petition("2", letter=replace(letter("2"), sender=letter("1").sender)), ("sender",), id="sender"),
        pytest.param(petition("2", letter=letter("2", in_reply_to=("<1@sender.example>",))), ("thread",), id="answers it"),
        pytest.param(petition("2", letter=letter("2", references=("0@x", "1@sender.example", "9@x"))), ("thread",), id="refers to it"),
        pytest.param(petition("2", letter=letter("2", subject="回复：cg-2024-1 号")), ("number",), id="number in subject"),
        pytest.param(petition("2", content="我司ＣＧ－2024－00001尚未答复"), ("number",), id="number in content"),
        pytest.param(petition("1"), ("name", "sender"), id="several, and a mail is not its own thread"),
    ],
)
async def test_each_key_finds_the_case(store: Store, later: Petition, shared: tuple[str, ...]) -> None:
    """A case is found by what an enterprise writes differently each time: code, phone, name, address, thread, our number."""
    case_id = await open_case_of(store, "1", FIRST)

    assert await keys(store, later) == {case_id: shared}


async def test_answer_to_our_notice_finds_the_case(store: Store) -> None:
    """A reply to a notice of ours is in the case's thread."""
    case = await store.open_case("1", notices=[notice()])
    (queued,) = await store.outbox.list()

    assert await keys(store, petition("2", letter=letter("2", in_reply_to=(queued.message_id,)))) == {case.id: ("thread",)}


async def test_original_that_comes_after_its_answer(store: Store) -> None:
    """If the answer arrives first, the mail it answers still finds its case."""
    case_id = await open_case_of(store, "2", petition("2", letter=letter("2", in_reply_to=("1@sender.example",))))

    assert await keys(store, petition("1")) == {case_id: ("thread",)}


async def test_common_root_is_no_thread(store: Store) -> None:
    """Two enterprises that answer the same circular are not in one thread."""
    await open_case_of(store, "1", petition("1", letter=letter("1", references=("circular@gov.example",))))

    assert await keys(store, petition("2", letter=letter("2", references=("circular@gov.example",)))) == {}


async def test_follow_up_extends_the_thread(store: Store) -> None:
    """An answer to a follow-up finds the case that the follow-up belongs to."""
    case = await store.open_case("1")
    stored = await store.accept(arrival("2"))
    made = decision(verdict=Verdict.FOLLOW_UP, related_case=case.id)
    await store.cases.record(stored, Reading(petition=petition("2"), blobs={}), made, district=DISTRICT, now=NOW, compose=lambda _: ())

    assert await keys(store, petition("3", letter=letter("3", in_reply_to=("2@sender.example",)))) == {case.id: ("thread",)}


async def test_arrival_does_not_find_itself(store: Store) -> None:
    """Decided again, an arrival finds neither the case it opened nor what it brought to another."""
    case = await store.open_case("1")

    assert await keys(store, petition("1"), exclude_arrival=case.arrival_id) == {}


async def test_other_district_is_not_asked(store: Store) -> None:
    """Keys match within a district only."""
    await store.open_case("1", notices=[notice()])
    (queued,) = await store.outbox.list()
    asked = petition("1", title="CG-2024-00001", letter=letter("1", in_reply_to=(queued.message_id,)))

    assert await store.matching.candidates(replace(DISTRICT, id="wuhua"), asked, exclude_arrival=0) == ([], 0)


async def test_stronger_keys_then_newer_cases_come_first(store: Store) -> None:
    """Candidates are ordered by their strongest keys, then by age, the newest first; the limit cuts the weakest."""
    by_name = [await open_case_of(store, str(i), replace(petition(str(i)), name=petition("x").name)) for i in range(1, 4)]
    by_code = await open_case_of(store, "5", petition("5", uscc=found("91530114MA6K0000X1")))
    asked = petition("x", uscc=found("91530114MA6K0000X1"))

    assert list(await keys(store, asked)) == [by_code, *reversed(by_name)]
    best, _ = await store.matching.candidates(DISTRICT, asked, exclude_arrival=0, limit=2)
    assert [candidate.case_id for candidate in best] == [by_code, by_name[-1]]


async def test_key_of_everybody_is_no_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that too many cases share (a platform's address) is skipped; the other keys still count."""
    monkeypatch.setattr("store.matching._COMMON", 2)
    platform = Address(name="", address="12345@platform.example")
    cases = [await open_case_of(store, str(i), petition(str(i), letter=letter(str(i), sender=platform))) for i in range(2)]
    asked = petition("0", letter=letter("9", sender=replace(platform, address="12345@PLATFORM.example")))
    assert set(await keys(store, asked)) == set(cases)

    await open_case_of(store, "2", petition("2", letter=letter("2", sender=platform)))

    assert await keys(store, asked) == {cases[0]: ("name",)}


async def test_candidate_tells_what_the_rules_compare(store: Store) -> None:
    """A candidate carries state, verdict, name, own words and date of its case."""
    case = await store.open_case("1", verdict=Verdict.REFUSE, ground=2)

    (candidate,), _ = await store.matching.candidates(DISTRICT, petition("1"), exclude_arrival=0)

    assert candidate == Candidate(
        case_id=case.id,
        number=case.number,
        keys=("name", "sender"),
        state=CaseState.REFUSED,
        verdict=Verdict.REFUSE,
        name="昆明示例1号商贸有限公司",
        title="标题 1",
        content="内容 1",
        received_at=NOW,
    )


async def test_thousands_of_references_cost_little(store: Store) -> None:
    """A mail with a hostile number of references and numbers is looked up by its last references only."""
    case = await store.open_case("1")
    hostile = letter("2", references=(*(f"{i}@x" for i in range(5_000)), "1@sender.example"))
    numbers = " ".join(f"CG-2023-{i}" for i in range(5_000))

    assert await keys(store, petition("2", content=numbers, letter=hostile)) == {case.id: ("thread",)}

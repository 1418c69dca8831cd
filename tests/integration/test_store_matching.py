"""Candidates: which earlier cases a petition may belong to, by which key, in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select
from structlog.testing import capture_logs

from daemon.upkeep import Upkeep
from store import matching, matching_grams
from store.model.case import CaseState
from store.model.decision import Verdict
from store.model.letter import Address
from store.model.matching import Candidate, Elsewhere, PlatformStatus
from store.model.petition import Petition, Reading
from store.tables import PLATFORM_RECORDS
from tests.integration.store_values import DISTRICT, NOW, Store, arrival, decision, found, letter, notice, opened, petition


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind."""
    async with opened(database_url) as store:
        yield store


async def keys(store: Store, asked: Petition, *, exclude_arrival: int = 0) -> dict[int, tuple[str, ...]]:
    """Return the candidates of a petition as case id → keys, in order."""
    found_cases, _ = await store.matching.candidates(DISTRICT, asked, exclude_arrival=exclude_arrival)
    return {candidate.case_id: candidate.keys for candidate in found_cases if candidate.case_id is not None}


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


FIRST = petition("1", uscc=found("91530114MA6K0000X3"), phone=found("0871-65551234、138 0000 0001"))


@pytest.mark.parametrize(
    ("later", "shared"),
    [
        pytest.param(petition("2", uscc=found("91530114ma6k 0000x3")), ("uscc",), id="uscc"),
        pytest.param(petition("2", phone=found("+86-13800000001")), ("phone",), id="mobile"),
        pytest.param(petition("2", phone=found("65551234")), ("phone",), id="land line without area code"),
        pytest.param(petition("2", name=found("昆明示例１号 商贸有限责任公司")), ("name",), id="name"),
        pytest.param(petition("2", name=found("实力1号商贸")), ("sound",), id="name misheard and shortened"),
        pytest.param(petition("2", phone=found("138****0001")), ("masked",), id="masked mobile"),
        pytest.param(petition("2", letter=replace(letter("2"), sender=letter("1").sender)), ("sender",), id="sender"),
        pytest.param(petition("2", letter=letter("2", in_reply_to=("<1@sender.example>",))), ("thread",), id="answers it"),
        pytest.param(petition("2", letter=letter("2", references=("0@x", "1@sender.example", "9@x"))), ("thread",), id="refers to it"),
        pytest.param(petition("2", letter=letter("2", subject="回复：cg-2024-1 号")), ("number",), id="number in subject"),
        pytest.param(petition("2", content="我司ＣＧ－2024－00001尚未答复"), ("number",), id="number in content"),
        pytest.param(petition("1"), ("name", "text", "sender"), id="several, and a mail is not its own thread"),
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


async def test_masked_number_does_not_match_what_it_cannot_be(store: Store) -> None:
    """A masked number fits a whole one with the same ends; two whole numbers with the same ends are two numbers."""
    masked = await open_case_of(store, "1", petition("1", phone=found("138****0001")))
    await open_case_of(store, "2", petition("2", phone=found("13911110001")))

    assert await keys(store, petition("3", phone=found("13822220001"))) == {masked: ("masked",)}
    assert await keys(store, petition("4", phone=found("138****0002"))) == {}


TOLD = "我司承建雨花片区11号路市政道路，2021年12月竣工验收，审定金额2486.7万元，尚欠613.3万元，合同GF-2020-0117约定的付款期已过一年。"
RETOLD = "来电人称做完雨花那边11号路已三年，审计也审完了，还差六百多万，合同编号gf-2020-0117，要求尽快付款。"


async def test_matter_is_found_by_what_it_names(store: Store) -> None:
    """Another telling by nobody we know is found by the contract and the road it names, and by its rare words."""
    case_id = await open_case_of(store, "1", petition("1", title="工程款长期拖欠", content=TOLD))

    assert await keys(store, petition("2", content=RETOLD)) == {case_id: ("document", "place")}
    assert await keys(store, petition("2", title="工程款", content=f"{TOLD[:40]}请处理")) == {case_id: ("text", "place")}
    assert await keys(store, petition("2", title="工程", content="差额为6133000元整")) == {case_id: ("amount",)}


async def test_rare_words_are_told_from_common_ones(store: Store) -> None:
    """Once counted, what most reports say is no longer kept for one, nor asked for; a recount with nothing new writes nothing."""
    for i in range(8):
        await open_case_of(
            store, f"{i}", petition(f"{i}", title="", content=f"来电人反映请相关部门尽快核实处理并回复{'甲乙丙丁戊己庚辛'[i] * 12}")
        )

    def recount(connection: Connection) -> int:
        return matching_grams.keep_counts(connection, DISTRICT.id, matching_grams.common_in(connection, DISTRICT.id))

    assert await store.db.write(recount) == len("来电人反映请相关部门尽快核实处理并回复") - 2
    assert await store.db.write(recount) == 0
    words = matching_grams.grams_in("", "请相关部门壬癸壬癸")
    kept = await store.db.read(lambda connection: matching_grams.rarest(connection, DISTRICT.id, words, 4))
    assert set(kept).isdisjoint(matching_grams.grams_in("", "请相关部门"))


async def test_upkeep_counts_what_came_and_reports_what_was_passed_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service counts common words at once, not again while nothing came, and tells once of keys that fitted too many reports."""
    monkeypatch.setattr("store.matching_lookup._COMMON", 2)
    for i in range(4):
        await open_case_of(store, f"{i}", petition(f"{i}", title="", content="来电人反映请相关部门尽快核实", phone=found("13800000001")))
    upkeep = Upkeep(districts=[DISTRICT.id], matching=store.matching)

    with capture_logs() as told:
        await upkeep.count(DISTRICT.id)
        await upkeep.count(DISTRICT.id)
    assert [(entry["event"], entry["common"], entry["changed"]) for entry in told] == [("matching.counted", 12, 12)]

    await keys(store, petition("9", phone=found("13800000001")))
    assert upkeep.report() == {"phone": 1}
    assert upkeep.report() == {}


async def test_stronger_keys_then_newer_cases_come_first(store: Store) -> None:
    """Candidates are ordered by their strongest keys, then by age, the newest first; the limit cuts the weakest."""
    by_name = [await open_case_of(store, str(i), replace(petition(str(i)), name=petition("x").name)) for i in range(1, 4)]
    by_code = await open_case_of(store, "5", petition("5", uscc=found("91530114MA6K0000X3")))
    asked = petition("x", uscc=found("91530114MA6K0000X3"))

    assert list(await keys(store, asked)) == [by_code, *reversed(by_name)]
    best, _ = await store.matching.candidates(DISTRICT, asked, exclude_arrival=0, limit=2)
    assert [candidate.case_id for candidate in best] == [by_code, by_name[-1]]


async def test_key_of_everybody_is_no_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that too many cases share (a platform's address) is skipped; the other keys still count."""
    monkeypatch.setattr("store.matching_lookup._COMMON", 2)
    platform = Address(name="", address="12345@platform.example")
    cases = [await open_case_of(store, str(i), petition(str(i), letter=letter(str(i), sender=platform))) for i in range(2)]
    asked = petition("0", letter=letter("9", sender=replace(platform, address="12345@PLATFORM.example")))
    assert set(await keys(store, asked)) == set(cases)

    await open_case_of(store, "2", petition("2", letter=letter("2", sender=platform)))

    assert await keys(store, asked) == {cases[0]: ("name", "text")}
    assert store.matching.skipped == {"sender": 1}


async def record_of(store: Store, name: str, told: Petition, *, case_id: int | None = None) -> int:
    """Take in a record of another platform, or what it says now where it is known, and return its id."""
    stored = await store.accept(arrival(name))
    values = {
        "district": DISTRICT.id,
        "platform": "12345",
        "number": "5301-1",
        "status": "accepted",
        "status_words": "办理中",
        "status_since": NOW,
        "reported_at": NOW,
        "name": told.name.value if told.name else "",
        "title": told.title,
        "content": told.content,
        "arrival_id": stored.id,
        "case_id": case_id,
    }

    def unit(connection: Connection) -> int:
        made = PLATFORM_RECORDS.insert().returning(PLATFORM_RECORDS.c.id)
        known: int = connection.scalar(select(PLATFORM_RECORDS.c.id)) or connection.execute(made, values).scalar_one()
        matching.remember_record(connection, known, stored.id, DISTRICT.id, told)
        return known

    return await store.db.write(unit)


async def test_record_of_another_platform_is_found(store: Store) -> None:
    """A petition finds what its enterprise reported elsewhere, with the platform's number and where it stands there."""
    record_id = await record_of(store, "1", FIRST)

    (candidate,), _ = await store.matching.candidates(DISTRICT, petition("2", phone=found("13800000001")), exclude_arrival=0)

    elsewhere = Elsewhere(record_id=record_id, platform="12345", number="5301-1", status=PlatformStatus.ACCEPTED, words="办理中", since=NOW)
    assert (candidate.case_id, candidate.state, candidate.verdict, candidate.elsewhere) == (None, None, None, elsewhere)
    assert (candidate.number, candidate.keys, candidate.content) == ("5301-1", ("phone",), "内容 1")


async def test_record_does_not_find_itself(store: Store) -> None:
    """Decided on its own content, a record is not its own earlier report."""
    record_id = await record_of(store, "1", FIRST)
    (arrival_id,) = await store.db.read(lambda connection: connection.scalars(select(PLATFORM_RECORDS.c.arrival_id)).all())

    assert (await store.matching.candidates(DISTRICT, FIRST, exclude_arrival=arrival_id))[0] == []
    assert [
        one.elsewhere and one.elsewhere.record_id for one in (await store.matching.candidates(DISTRICT, FIRST, exclude_arrival=0))[0]
    ] == [record_id]


async def test_record_and_its_case_are_one_candidate(store: Store) -> None:
    """A report that another platform handed to us counts once, as our case that also stands elsewhere."""
    case = await store.open_case("1")
    await record_of(store, "2", replace(FIRST, letter=letter("x", sender=None)), case_id=case.id)

    (candidate,), _ = await store.matching.candidates(DISTRICT, replace(petition("1"), phone=found("13800000001")), exclude_arrival=0)

    assert (candidate.case_id, candidate.number, candidate.keys) == (case.id, case.number, ("phone", "name", "text", "sender"))
    assert candidate.elsewhere is not None
    assert candidate.elsewhere.number == "5301-1"


async def test_record_that_changes_is_found_by_what_it_says_now(store: Store) -> None:
    """A platform that corrects its record is found by the correction alone, and whoever decided on the old one is told."""
    await record_of(store, "1", FIRST)
    _, seen = await store.matching.candidates(DISTRICT, FIRST, exclude_arrival=0)

    await record_of(store, "2", petition("2", phone=found("13900000002")))

    assert (await store.matching.candidates(DISTRICT, petition("3", phone=found("13800000001")), exclude_arrival=0))[0] == []
    found_now, now = await store.matching.candidates(DISTRICT, petition("3", phone=found("13900000002")), exclude_arrival=0)
    assert ([one.keys for one in found_now], now) == ([("phone",)], seen + 1)


async def test_candidate_tells_what_the_rules_compare(store: Store) -> None:
    """A candidate carries state, verdict, name, own words and date of its case."""
    case = await store.open_case("1", verdict=Verdict.REFUSE, ground=2)

    (candidate,), _ = await store.matching.candidates(DISTRICT, petition("1"), exclude_arrival=0)

    assert candidate == Candidate(
        case_id=case.id,
        number=case.number,
        keys=("name", "text", "sender"),
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

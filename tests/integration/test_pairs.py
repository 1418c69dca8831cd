"""A person says of two reports that they are one matter or two: remembered, told in both histories, never proposed again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from daemon.cli import case_pairs, comparison
from daemon.explaining import decide_again, find
from store.errors import UsageError
from store.model.case import Case
from store.model.decision import Verdict
from store.pairs import Word
from tests.integration.houses import START, Bench, Enterprise, bench
from tests.integration.test_reconsidering import Reporting

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database."""
    async with bench(module_database_url) as opened:
        yield opened


def word(*, is_same: bool = False, minute: int = 0) -> Word:
    """Return what 王芳 says."""
    return Word(is_same=is_same, actor="王芳", reason="已电话核实：两个门店", at=START + timedelta(minutes=minute))


async def repeated(house: Bench) -> tuple[Case, Case]:
    """Return a case, and a second one by the same enterprise that the rules take for a repeat."""
    enterprise = Enterprise()
    first, second = await house.opened(enterprise=enterprise), await house.opened(enterprise=enterprise)
    assert second.decision.related_case == first.id
    return first, second


async def candidates(house: Bench, case: Case) -> list[int | None]:
    """Return what *case* is compared with when it is decided anew."""
    found, _ = await house.house.stores.matching.candidates(
        house.room.rulebook.district, case.petition, exclude_arrival=case.arrival_id, limit=1
    )
    return [one.case_id for one in found]


@pytest.mark.parametrize("turned", [False, True], ids=["named first", "named second"])
async def test_what_is_separated_is_not_found_again(house: Bench, *, turned: bool) -> None:
    """Whichever of the two is named first: each is no longer compared with the other, and both histories say who decided so and why."""
    pair = await repeated(house)
    case, other = reversed(pair) if turned else pair
    assert await candidates(house, pair[1]) == [pair[0].id]

    await house.house.stores.pairs.tell(case, word(), other=other)

    for this, that in (pair, reversed(pair)):
        assert that.id not in await candidates(house, this)
        (said,) = await house.house.stores.pairs.of_case(this.id)
        assert (said.number, said.is_same, said.actor) == (that.number, False, "王芳")
        event = (await house.house.stores.cases.history(this.id))[-1]
        assert (event.kind, event.actor, event.reason) == ("case.separated", "王芳", "已电话核实：两个门店")
        assert event.data["other"] == that.number
        assert await house.house.stores.cases.verify(this.id) == []


async def test_the_last_word_counts(house: Bench) -> None:
    """Who was wrong says the opposite: one word stands, and both are in the history."""
    first, second = await repeated(house)
    await house.house.stores.pairs.tell(first, word(), other=second)
    await house.house.stores.pairs.tell(second, word(is_same=True, minute=1), other=first)

    (said,) = await house.house.stores.pairs.of_case(first.id)
    assert said.is_same
    assert await candidates(house, second) == [first.id]
    kinds = [event.kind for event in await house.house.stores.cases.history(first.id)]
    assert kinds[-2:] == ["case.separated", "case.found_same"]


async def test_a_case_is_not_paired_with_itself(house: Bench) -> None:
    """A slip of the pen is refused, and nothing is written."""
    case = await house.opened()
    with pytest.raises(UsageError, match="另一件"):
        await house.house.stores.pairs.tell(case, word(), other=case)
    assert await house.house.stores.pairs.of_case(case.id) == []


async def test_explained_again_without_what_was_separated(house: Bench) -> None:
    """Today's rules no longer call it a repeat; the record of then stays what it was, and the person's word is told."""
    first, second = await repeated(house)
    await house.house.stores.pairs.tell(second, word(), other=first)

    record = await find(house.house.stores, second.number)
    book, calendar = house.room.rulebook, house.room.calendar

    assert decide_again(record, book, calendar).decision.related_case == first.id
    assert decide_again(record.without_separated(), book, calendar).decision.related_case is None
    assert f"与 {first.number} 不是同一件" in "\n".join(case_pairs.lines(record.pairs))


async def test_shown_beside_it_only_while_nobody_separated_them(house: Bench) -> None:
    """The comparison follows the person's word: gone when separated, there when confirmed, also where the rules had found nothing."""
    first, second = await repeated(house)
    stores = house.house.stores
    assert await comparison.related(stores, second, await stores.pairs.of_case(second.id))

    await stores.pairs.tell(second, word(), other=first)
    assert await comparison.related(stores, second, await stores.pairs.of_case(second.id)) is None

    alone = await house.opened()
    await stores.pairs.tell(alone, word(is_same=True), other=first)
    found = await comparison.related(stores, alone, await stores.pairs.of_case(alone.id))
    assert found is not None
    assert found.candidate.number == first.number


async def test_a_separated_record_is_never_proposed_again(house: Bench) -> None:
    """Another platform changes its record after a person said it is another matter: the case is left in peace, whatever the record says."""
    reporting = Reporting(house)
    await reporting.tell("pending")
    case = await reporting.write()
    record = await house.house.stores.platforms.record(reporting.number)
    await house.house.stores.pairs.tell(case, word(), record_id=record.id)

    await reporting.tell("accepted")
    await reporting.tell("closed")

    assert await reporting.said(case) == []
    assert (await reporting.now(case)).verdict is Verdict.ACCEPT
    (said,) = await house.house.stores.pairs.of_case(case.id)
    assert (said.platform, said.number, said.case_id) == ("12345", reporting.number, None)


async def test_separated_while_the_rules_were_still_thinking(house: Bench) -> None:
    """A person separates the two between the decision made anew and its being written: nothing is proposed."""
    reporting = Reporting(house)
    await reporting.tell("pending")
    case = await reporting.write()
    record = await house.house.stores.platforms.record(reporting.number)
    pairs, reconsidering = house.house.stores.pairs, house.house.stores.reconsidering
    tell = reconsidering.tell

    async def separated_first(*args: object, **named: object) -> object:
        await pairs.tell(case, word(), record_id=record.id)
        return await tell(*args, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconsidering, "tell", separated_first)
        await reporting.tell("accepted")

    assert await reporting.said(case) == []

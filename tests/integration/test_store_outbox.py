"""The outbox: each notice once under one Message-ID, leases, caps that hold back visibly, ends noted in the case's history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from store.cases import Cases
from store.errors import UsageError
from store.instance import Instance
from store.model.case import Case
from store.model.notice import Notice, NoticeState, Purpose, QueuedNotice
from store.outbox import Caps, Outbox
from tests.integration.store_values import HOUR, LEASE, NOW, Store, notice, opened

STRANGER = "boss@enterprise.example"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind, with small caps."""
    async with opened(database_url, caps=Caps(day=4, three_hours=2)) as store:
        yield store


def to_stranger(round_: str = "", to: str = STRANGER) -> Notice:
    """Return a capped notice."""
    return notice(to, purpose=Purpose.ACKNOWLEDGE, capped=True, round=round_)


async def claim(store: Store, *, owner: str = "daemon", after: timedelta = timedelta(), limit: int = 10) -> list[QueuedNotice]:
    """Claim what is due."""
    return await store.outbox.claim_due(owner=owner, now=NOW + after, limit=limit, lease=LEASE)


async def put(store: Store, case: Case, *notices: Notice, after: timedelta = timedelta()) -> None:
    """Queue more notices of a case as a correction does."""
    await store.cases.change(case.id, kind="case.assigned", actor="李", reason="", now=NOW + after, compose=lambda _: notices)


async def states(store: Store) -> list[NoticeState]:
    """Return the states of all notices, in the order in which they were written."""
    return [queued.state for queued in reversed(await store.outbox.list())]


async def events(store: Store, case: Case) -> list[str]:
    """Return the kinds of the notice events in the history of a case, which must be intact."""
    assert await store.cases.verify(case.id) == []
    return [event.kind for event in await store.cases.history(case.id) if event.kind.startswith("notice.")]


async def test_notice_comes_back_as_composed(store: Store) -> None:
    """A claimed notice carries what was composed and a Message-ID of our domain that names its purpose."""
    composed = notice(attach_original=True, html="<p>请办理</p>", reply_to_message="1@sender.example", round="2")
    case = await store.open_case(notices=[composed])

    (claimed,) = await claim(store)

    assert claimed.notice == composed
    assert (claimed.case_id, claimed.case_number, claimed.arrival_id) == (case.id, case.number, case.arrival_id)
    assert (claimed.state, claimed.tries, claimed.created_at, claimed.sent_at) == (NoticeState.QUEUED, 0, NOW, None)
    unique, _, rest = claimed.message_id.partition(".")
    assert (len(unique), rest) == (32, "assign@mail.example")
    assert await store.outbox.get(claimed.id) == claimed


async def test_the_same_words_have_the_same_message_id(tmp_path: Path) -> None:
    """Written again in another database with the same key, a notice has the Message-ID it had; other words, or another key, another one."""

    async def written(name: str, key: bytes, *notices: Notice) -> list[str]:
        async with opened(tmp_path / name) as store:
            outbox = Outbox(store.db, domain="mail.example", key=key)
            case = await Store(store.db, store.arrivals, outbox, Cases(store.db, outbox), store.matching).open_case(notices=notices)
            return [queued.message_id for queued in await outbox.list(case_id=case.id)]

    (first,) = await written("1.db", b"a", notice())
    assert await written("2.db", b"a", notice()) == [first]
    assert await written("3.db", b"a", notice(text="别的话")) != [first]
    assert await written("4.db", b"b", notice()) != [first]


async def test_a_database_keeps_the_key_of_its_message_ids(store: Store) -> None:
    """The key is drawn once, by whoever comes first, and is the same for all who come later."""
    drawn = await Instance(store.db).message_key()
    assert len(drawn) == 32
    assert await Instance(store.db).message_key(b"another") == drawn


async def test_same_notice_is_queued_once(store: Store) -> None:
    """Purpose, recipient and round of a case name a notice once and for all; another round is another notice."""
    case = await store.open_case(notices=[notice(), notice("ZJJ@gov.example", subject="又一次")])
    (first,) = await store.outbox.list()

    await put(store, case, notice(text="改过"), notice(round="2"))

    second, again = await store.outbox.list(case_id=case.id)
    assert again == first
    assert (second.notice.round, second.message_id != first.message_id) == ("2", True)


async def test_sent_notice_is_history(store: Store) -> None:
    """Sending ends a notice, once, with its moment and an event of the case."""
    case = await store.open_case(notices=[notice()])
    (claimed,) = await claim(store)

    await store.outbox.sent(claimed.id, NOW + HOUR)
    await store.outbox.sent(claimed.id, NOW + 2 * HOUR)
    await store.outbox.refused(claimed.id, "晚到的答复", NOW + 2 * HOUR)

    sent = await store.outbox.get(claimed.id)
    assert (sent.state, sent.sent_at, sent.next_try_at) == (NoticeState.SENT, NOW + HOUR, None)
    assert await events(store, case) == ["notice.sent"]
    assert await claim(store, after=24 * HOUR) == []


async def test_refused_notice_stays_visible_until_retried(store: Store) -> None:
    """What the relay refused for good is listed with its reason; a person may have it tried again under the same Message-ID."""
    case = await store.open_case(notices=[notice()])
    (claimed,) = await claim(store)

    await store.outbox.refused(claimed.id, "550 无此用户", NOW)

    (listed,) = await store.outbox.list(state=NoticeState.REFUSED)
    assert (listed.id, listed.problem) == (claimed.id, "550 无此用户")
    assert await events(store, case) == ["notice.refused"]
    assert await claim(store, after=24 * HOUR) == []

    await store.outbox.retry(claimed.id, NOW)

    (again,) = await claim(store)
    assert (again.message_id, again.tries, again.problem) == (claimed.message_id, 0, "")


async def test_deferred_notice_waits(store: Store) -> None:
    """A notice the relay did not take now is due again at the given moment, the try counted."""
    await store.open_case(notices=[notice()])
    (claimed,) = await claim(store)

    await store.outbox.deferred(claimed.id, "451 请稍后", NOW, NOW + HOUR)

    assert await claim(store, after=HOUR - timedelta(seconds=1)) == []
    (again,) = await claim(store, after=HOUR)
    assert (again.tries, again.problem, again.next_try_at) == (1, "451 请稍后", NOW + HOUR)


async def test_claims_share_and_leases_end(store: Store) -> None:
    """Claims of two senders do not overlap; what one of them left comes back after its lease."""
    await store.open_case(notices=[notice(f"{i}@gov.example") for i in range(6)])

    shares = await asyncio.gather(*(claim(store, owner=f"sender{i % 2}", limit=2) for i in range(4)))

    ids = [queued.id for share in shares for queued in share]
    assert len(ids) == len(set(ids)) == 6
    assert await claim(store) == []
    assert len(await claim(store, after=LEASE)) == 6


async def test_caps_hold_back_and_show(store: Store) -> None:
    """Beyond the cap of an address a notice is kept unsent with the reason and an event; the address's case does not count."""
    case = await store.open_case(notices=[to_stranger("1"), to_stranger("2", STRANGER.upper()), to_stranger("3")])

    assert await states(store) == [NoticeState.QUEUED, NoticeState.QUEUED, NoticeState.SUPPRESSED]
    assert len(await claim(store)) == 2
    (held,) = await store.outbox.list(state=NoticeState.SUPPRESSED)
    assert "180 分钟" in held.problem
    assert await events(store, case) == ["notice.suppressed"]


async def test_caps_count_over_cases_and_end_with_their_span(store: Store) -> None:
    """Caps count an address over all cases of the district: first in 180 minutes, then in a day."""
    first = await store.open_case("1", notices=[to_stranger("1"), to_stranger("2")])
    second = await store.open_case("2", notices=[to_stranger("1")])
    await put(store, second, to_stranger("2"), to_stranger("3"), after=3 * HOUR)
    await put(store, first, to_stranger("4"), after=7 * HOUR)
    await put(store, first, to_stranger("5"), after=24 * HOUR)

    queued, held = NoticeState.QUEUED, NoticeState.SUPPRESSED
    assert await states(store) == [queued, queued, held, queued, queued, held, queued]
    assert [one.problem[:5] for one in await store.outbox.list(state=held)] == ["24 小时", "180 分"]


async def test_caps_are_for_strangers_addresses(store: Store) -> None:
    """Another address and our own departments have nothing to do with one address's cap."""
    departments: Sequence[Notice] = [notice(STRANGER, round=str(i)) for i in range(5)]
    await store.open_case(notices=[*departments, to_stranger("1"), to_stranger("2"), to_stranger("1", "other@enterprise.example")])

    assert set(await states(store)) == {NoticeState.QUEUED}


async def test_caps_hold_for_cases_recorded_at_once(store: Store) -> None:
    """Twenty cases of one sender recorded at the same time cannot slip past the cap together."""
    await asyncio.gather(*(store.open_case(str(i), notices=[to_stranger()]) for i in range(20)))

    assert (await states(store)).count(NoticeState.QUEUED) == 2


async def test_operator_overrules_a_cap(store: Store) -> None:
    """A suppressed notice that a person asks for is sent."""
    await store.open_case(notices=[to_stranger(str(i)) for i in range(3)])
    (held,) = await store.outbox.list(state=NoticeState.SUPPRESSED)

    await store.outbox.retry(held.id, NOW)

    assert held.id in [queued.id for queued in await claim(store)]


async def test_what_cannot_be_is_said_in_chinese(store: Store) -> None:
    """Asking for a notice that is not there, or to send again what was sent, is the person's error."""
    await store.open_case(notices=[notice()])
    (claimed,) = await claim(store)
    await store.outbox.sent(claimed.id, NOW)

    with pytest.raises(UsageError, match="已发出"):
        await store.outbox.retry(claimed.id, NOW)
    for question in (store.outbox.get(99), store.outbox.retry(99, NOW)):
        with pytest.raises(UsageError, match="没有"):
            await question

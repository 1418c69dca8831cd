"""One message's path to its recorded decision, with the real parts: what is poison, what passes, what is answered and what never is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from channels.reader import PLAIN_CALL, Reader
from daemon.pipeline import LEASE
from daemon.wiring import open_leases
from notifier.mail import build
from store.cases import Cases
from store.errors import MalformedMessageError, StoreUnavailableError, WorkerFailedError
from store.model.arrival import ArrivalState, StoredArrival
from store.model.case import CaseState
from store.model.decision import Verdict
from store.model.letter import Address
from store.model.notice import NoticeState, Purpose
from store.model.petition import CallShape, Reading
from tests.integration.houses import (
    ACCEPTED,
    ADVERT,
    MAILBOX,
    PATIENCE_S,
    REFUSED,
    VAGUE,
    Attended,
    Bench,
    Enterprise,
    bench,
    failing,
    office,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUG = ZeroDivisionError("division by zero")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for the module on each kind of database; every test brings enterprises of its own and leaves nothing undecided."""
    async with bench(module_database_url) as opened:
        yield opened


# ------------------------------------------------------------ what goes wrong, and who pays for it


async def test_poison_is_set_aside_and_the_next_go_on(shared: Bench) -> None:
    """A message that cannot be read is quarantined at once, with its bytes and the reason; those behind it are decided."""
    raw = b"X: a\r\n" * 100_001 + Enterprise().mail()
    poison = await shared.accept(raw)
    others = [await shared.accept(Enterprise().mail()) for _ in range(2)]
    assert sorted(await shared.run()) == others
    kept = await shared.arrival(poison)
    assert (kept.state, kept.raw) == (ArrivalState.QUARANTINED, raw)
    assert "信头过多" in kept.problem
    assert poison in [arrival.id for arrival in await shared.house.stores.arrivals.quarantined()]


@pytest.mark.parametrize("tries", [1, 3])
async def test_bug_is_tried_again_then_set_aside(tries: int, shared: Bench) -> None:
    """A message that meets a bug of ours gets its tries, with others decided meanwhile, and then goes to a person."""
    stricken = await shared.accept(Enterprise().mail())
    others = [await shared.accept(Enterprise().mail()) for _ in range(3)]
    with capture_logs([merge_contextvars]) as events:
        assert sorted(await shared.run(tries=tries, reader=failing(shared, {stricken: repeat(BUG)}))) == others
    left = await shared.arrival(stricken)
    assert left.state is ArrivalState.QUARANTINED
    assert left.problem == f"程序内部错误（ZeroDivisionError），详见日志；已尝试 {tries} 次"
    assert [event["event"] for event in events if event.get("arrival_id") == stricken].count("arrival.failed") == tries


async def test_bug_that_passes_costs_only_time(shared: Bench) -> None:
    """Where a later try succeeds the message is decided as if nothing had been."""
    arrival = await shared.accept(Enterprise().mail())
    assert await shared.run(reader=failing(shared, {arrival: [BUG, BUG]})) == [arrival]
    assert await shared.state(arrival) is ArrivalState.DONE


async def test_quarantined_is_decided_after_retry(shared: Bench) -> None:
    """Once a person asks for another try, a message is decided, with all its tries before it again."""
    arrival = await shared.accept(Enterprise().mail())
    await shared.run(reader=failing(shared, {arrival: [MalformedMessageError("读不出来")]}))
    await shared.house.stores.arrivals.retry(arrival, shared.clock())
    assert await shared.run(reader=failing(shared, {arrival: [BUG, BUG]})) == [arrival]


async def test_engine_that_dies_over_a_message_counts(shared: Bench) -> None:
    """The engine may die of what this message says: its failures count, and end in quarantine."""
    stricken = await shared.accept(Enterprise().mail())

    def infer(_stage: int, _facts: Sequence[object]) -> list[object]:
        raise WorkerFailedError("子进程两次退出")

    room = replace(shared.room, engine=SimpleNamespace(infer=infer, name="durable-rules"))  # type: ignore[arg-type]  # a stand-in
    assert await shared.run(rooms={"chenggong": room}) == []
    assert (await shared.arrival(stricken)).problem == "子进程两次退出；已尝试 3 次"


@pytest.mark.parametrize("error", [StoreUnavailableError("数据库被占用"), WorkerFailedError("子进程起不来")])
async def test_trouble_of_ours_is_never_the_messages_fault(error: Exception, shared: Bench) -> None:
    """However often the database is away or the machine cannot start a reader, no message goes into quarantine for it."""
    arrival = await shared.accept(Enterprise().mail())
    assert await shared.run(tries=1, reader=failing(shared, {arrival: [error] * 8})) == [arrival]
    assert (await shared.arrival(arrival)).tries == 0


async def test_trouble_of_ours_between_two_bugs_does_not_count(shared: Bench) -> None:
    """Three tries means three failures of the message's own, whatever happened in between."""
    arrival = await shared.accept(Enterprise().mail())
    away = StoreUnavailableError("数据库被占用")
    assert await shared.run(tries=3, reader=failing(shared, {arrival: [away, BUG, away, away, BUG, away]})) == [arrival]


async def test_what_could_not_be_settled_is_given_back_at_once(shared: Bench) -> None:
    """Where the database is away so that not even the failure can be noted, the message does not wait for its lease to run out."""
    arrival = await shared.accept(Enterprise().mail())

    stop = asyncio.Event()

    class Away(Attended):
        refusals = 3

        async def postpone(self, *args: Any, **kwargs: Any) -> None:
            if self.refusals:
                self.refusals -= 1
                pipeline.wake()  # in place of the poll
                raise StoreUnavailableError("数据库被占用")
            await super().postpone(*args, **kwargs)

    reader = failing(shared, {arrival: [StoreUnavailableError("数据库被占用")]})
    pipeline = shared.pipeline(arrivals=Away(shared.house, shared.clock, stop, 4), reader=reader)
    began = shared.clock()
    with capture_logs() as events:
        await pipeline.run(stop)
    assert await shared.state(arrival) is ArrivalState.DONE
    assert shared.clock() - began < LEASE
    assert [event["event"] for event in events if event["event"] != "arrival.decided"] == [
        "arrival.postponed",
        "arrival.left",
        "store.unavailable",
        "store.unavailable",
    ]


async def test_record_that_fails_leaves_nothing_behind(shared: Bench) -> None:
    """A commit that fails takes case, events and notices with it; the next try writes each once."""
    enterprise = Enterprise()
    arrival = await shared.accept(enterprise.mail())
    stores = shared.house.stores

    class Full(Cases):
        failed = False

        async def record(self, *args: Any, compose: Any, **kwargs: Any) -> Any:
            def compose_then_fail(case: Any) -> Any:
                notices = compose(case)
                if not self.failed:
                    self.failed = True
                    raise StoreUnavailableError("磁盘已满")
                return notices

            return await super().record(*args, compose=compose_then_fail, **kwargs)

    before = {case.id for case in await stores.cases.list()}
    assert await shared.run(tries=1, cases=Full(stores.database, stores.outbox)) == [arrival]
    (case,) = [case for case in await stores.cases.list() if case.id not in before]
    assert [event.kind for event in await stores.cases.history(case.id)] == ["case.opened", "case.decided"]
    assert [queued.notice.purpose for queued in await shared.notices(case)] == [Purpose.ASSIGN, Purpose.ACKNOWLEDGE]


async def test_unknown_district_does_not_hold_up_the_others(shared: Bench) -> None:
    """What was accepted for a district that is no longer configured is set aside; those of the others are decided."""
    foreign = await shared.accept(Enterprise().mail(), district="elsewhere")
    ours = await shared.accept(Enterprise().mail())
    assert await shared.run() == [ours]
    assert (await shared.arrival(foreign)).problem.startswith("配置里没有区 elsewhere；")
    assert await shared.state(foreign) is ArrivalState.QUARANTINED


async def test_listener_that_fails_undoes_nothing(shared: Bench) -> None:
    """A recorded decision stands, whatever those who are told of it do."""
    arrival = await shared.accept(Enterprise().mail())
    stop = asyncio.Event()
    pipeline = shared.pipeline(arrivals=Attended(shared.house, shared.clock, stop, 4))
    pipeline.on_recorded(lambda _arrival, _outcome: 1 // 0)  # type: ignore[arg-type]  # it raises
    with capture_logs():
        await pipeline.run(stop)
    assert await shared.state(arrival) is ArrivalState.DONE


# ------------------------------------------------------------ several at once, and stopping


class _Gate(Reader):
    """A reader that holds some arrivals back until it is opened."""

    def __init__(self, real: Reader, held: set[int]) -> None:
        self._real, self._held = real, held
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def read(self, arrival: StoredArrival, shape: CallShape = PLAIN_CALL) -> Reading:
        if arrival.id in self._held:
            self.reached.set()
            await self.opened.wait()
        return await self._real.read(arrival, shape)


async def test_slow_reading_holds_up_nobody(shared: Bench) -> None:
    """While one message takes its time in the reader, those that came later are decided."""
    slow = await shared.accept(Enterprise().mail())
    others = [await shared.accept(Enterprise().mail()) for _ in range(6)]
    gate = _Gate(shared.house.pipeline._reader, {slow})
    order: list[int] = []
    stop = asyncio.Event()
    pipeline = shared.pipeline(arrivals=Attended(shared.house, shared.clock, stop, 2), reader=gate, at_once=2)

    def recorded(arrival: StoredArrival, _outcome: object) -> None:
        order.append(arrival.id)
        if len(order) == len(others):
            gate.opened.set()

    pipeline.on_recorded(recorded)
    async with asyncio.timeout(PATIENCE_S):
        await pipeline.run(stop)
    assert (sorted(order[:-1]), order[-1]) == (others, slow)


async def test_stop_finishes_what_is_in_hand_and_takes_nothing_more(shared: Bench) -> None:
    """Asked to stop, a pipeline ends the messages it has begun and leaves the rest for the next start."""
    begun = await shared.accept(Enterprise().mail())
    gate = _Gate(shared.house.pipeline._reader, {begun})
    stop = asyncio.Event()
    running = asyncio.create_task(shared.pipeline(reader=gate, at_once=1).run(stop))
    async with asyncio.timeout(PATIENCE_S):
        await gate.reached.wait()
        waiting = await shared.accept(Enterprise().mail())
        stop.set()
        gate.opened.set()
        await running
    assert [await shared.state(id_) for id_ in (begun, waiting)] == [ArrivalState.DONE, ArrivalState.ACCEPTED]
    assert await shared.run() == [waiting]


async def test_work_of_a_service_that_died_is_taken_up(shared: Bench) -> None:
    """What a daemon had in hand when it died is free at once when it starts again, and not only after its claim has run out."""
    arrival = await shared.accept(Enterprise().mail())
    claimed = await shared.house.stores.arrivals.claim(owner="dead", now=shared.clock(), limit=9, lease=LEASE)
    assert [item.id for item in claimed] == [arrival]
    began = shared.clock()
    async with open_leases(shared.house.stores.database, "bench") as leases:
        assert await shared.run(leases=leases) == [arrival]
    assert shared.clock() == began


async def test_claim_of_a_living_service_is_left_alone(shared: Bench) -> None:
    """What a colleague is working on is free only once its claim has run out, which is when it hangs."""
    async with open_leases(shared.house.stores.database, "colleague") as colleague:
        arrival = await shared.accept(Enterprise().mail())
        await shared.house.stores.arrivals.claim(owner=colleague.service().owner, now=shared.clock(), limit=9, lease=LEASE)
        began = shared.clock()
        assert await shared.run() == [arrival]
    assert shared.clock() - began >= LEASE


async def test_claim_that_fails_is_repeated(shared: Bench) -> None:
    """A database that is away for a moment ends no run: the next claim finds what waits."""
    arrival = await shared.accept(Enterprise().mail())
    stop = asyncio.Event()

    class Away(Attended):
        failed = False

        async def claim(self, **asked: Any) -> list[StoredArrival]:
            if not self.failed:
                self.failed = True
                pipeline.wake()  # as the door does with its next mail
                raise StoreUnavailableError("数据库被占用")
            return await super().claim(**asked)

    pipeline = shared.pipeline(arrivals=Away(shared.house, shared.clock, stop, 4))
    with capture_logs() as events:
        await pipeline.run(stop)
    assert events[0] == {"event": "store.unavailable", "part": "pipeline", "error": "数据库被占用", "log_level": "warning"}
    assert await shared.state(arrival) is ArrivalState.DONE


# ------------------------------------------------------------ twice is once


async def test_process_twice_is_once(shared: Bench) -> None:
    """A message decided again after a crash gives the same case, and no event or notice more."""
    arrival = await shared.accept(Enterprise().mail())
    first = (await shared.house.pipeline.process(await shared.arrival(arrival))).case
    assert first is not None
    before = await shared.notices(first), await shared.house.stores.cases.history(first.id)
    again = (await shared.house.pipeline.process(await shared.arrival(arrival))).case
    assert again == first
    assert (await shared.notices(first), await shared.house.stores.cases.history(first.id)) == before


async def test_mail_delivered_twice_is_one_case(shared: Bench) -> None:
    """A relay that heard no 250 delivers again: one arrival, one case."""
    raw = Enterprise().mail()
    first = await shared.accept(raw)
    assert await shared.accept(b"Received: from relay2.example\r\n" + raw) == first
    assert await shared.run() == [first]


async def test_two_reports_of_one_matter_see_each_other(shared: Bench) -> None:
    """Two mails on one matter that come at the same moment are decided one after another: the later is marked as a repetition."""
    enterprise = Enterprise()
    both = [await shared.accept(enterprise.mail()) for _ in range(2)]
    assert sorted(await shared.run()) == both
    cases = [case for case in await shared.house.stores.cases.list() if case.arrival_id in both]
    assert sorted(case.decision.related_case is not None for case in cases) == [False, True]


async def test_decision_names_the_engine_that_made_it(shared: Bench) -> None:
    """Where the plain evaluator stands in for the engine, the decision says so."""
    engine = SimpleNamespace(infer=shared.room.engine._reference.infer, name="reference")
    room = replace(shared.room, engine=engine)  # type: ignore[arg-type]  # a stand-in
    arrival = await shared.accept(Enterprise().mail())
    outcome = await shared.pipeline(rooms={"chenggong": room}).process(await shared.arrival(arrival))
    assert outcome.decision.engine == "reference"
    assert (await shared.take(Enterprise().mail())).decision.engine == "durable-rules"


# ------------------------------------------------------------ who is answered


@pytest.mark.parametrize(
    ("text", "verdict", "state", "purposes"),
    [
        (ACCEPTED, Verdict.ACCEPT, CaseState.ASSIGNED, [Purpose.ASSIGN, Purpose.ACKNOWLEDGE]),
        (REFUSED, Verdict.REFUSE, CaseState.UNDER_REVIEW, [Purpose.REVIEW, Purpose.ACKNOWLEDGE]),
        (VAGUE, Verdict.SUPPLEMENT, CaseState.AWAITING_SUPPLEMENT, [Purpose.SUPPLEMENT]),
    ],
)
async def test_who_is_told_of_a_new_case(text: str, verdict: Verdict, state: CaseState, purposes: list[Purpose], shared: Bench) -> None:
    """The department gets what is accepted, the coordinator what must be confirmed, the enterprise an answer; a proposed refusal is not told."""
    case = await shared.opened(text, subject="情况反映")
    assert (case.verdict, case.state) == (verdict, state)
    assert [queued.notice.purpose for queued in await shared.notices(case)] == purposes
    assert await shared.house.stores.cases.verify(case.id) == []


async def test_answer_repeats_nothing_of_the_message(shared: Bench) -> None:
    """A forged sender must not make us carry a message to somebody: the answers to two petitions differ in the number alone."""
    mine = Enterprise()
    first = await shared.opened(enterprise=mine, subject="点此领奖 http://evil.example 张三")
    other = await shared.opened(REFUSED.replace("三十八万元", "三十九万元"), subject="加微信 evil88")
    again = await shared.opened()
    written = {}
    for case in (first, other, again):
        notice = (await shared.notice(case, Purpose.ACKNOWLEDGE)).notice
        words = f"{notice.to.name}{notice.subject}{notice.text}{notice.html}"
        for theirs in ("evil", "领奖", "张三", "发票", "货款", "有限公司", mine.person, mine.phone, mine.name):
            assert theirs not in words
        written[case.number] = words.replace(case.number, "NUMBER")
    assert written[first.number] == written[again.number]


@pytest.mark.parametrize(
    ("headers", "envelope_from"),
    [
        ({"Auto_Submitted": "auto-replied"}, "office@enterprise.example"),
        ({"Auto_Submitted": "auto-generated"}, "office@enterprise.example"),
        ({"X_Autoreply": "yes"}, "office@enterprise.example"),
        ({"Precedence": "bulk"}, "office@enterprise.example"),
        ({"List_Id": "<news.enterprise.example>"}, "office@enterprise.example"),
        ({}, ""),
    ],
)
async def test_automatic_mail_gets_no_answer(headers: dict[str, str], envelope_from: str, shared: Bench) -> None:
    """What a machine sent is never answered and opens no case, whatever it says (RFC 3834)."""
    outcome = await shared.take(Enterprise().mail(**headers), envelope_from=envelope_from)
    assert (outcome.case, outcome.decision.verdict) == (None, Verdict.NOT_A_CASE)


async def test_our_own_mail_coming_back_ends_there(shared: Bench) -> None:
    """Our acknowledgement, sent back by a loop with its References intact, opens no case, is no follow-up and gets no answer."""
    case = await shared.opened()
    events = len(await shared.house.stores.cases.history(case.id))
    queued = await shared.notice(case, Purpose.ACKNOWLEDGE)
    sender = Address(name="坐诊接诉", address=MAILBOX)
    for raw in (
        build(queued, sender=sender, original=None, max_original=0),
        _forwarded(build(queued, sender=sender, original=None, max_original=0)),
    ):
        outcome = await shared.take(raw)
        assert (outcome.case, outcome.decision.verdict, outcome.decision.proposed) == (None, Verdict.NOT_A_CASE, False)
    assert len(await shared.house.stores.cases.history(case.id)) == events
    assert len(await shared.notices(case)) == 2


def _forwarded(raw: bytes) -> bytes:
    """Return a mail as a forwarding rule sends it on: new envelope, new Message-ID, the other headers kept."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"message-id:")]
    return b"\r\n".join([b"Resent-From: office@enterprise.example", *lines]) + b"\r\n\r\n" + body


async def test_reply_to_our_mail_is_filed_to_its_case(shared: Bench) -> None:
    """An answer to our acknowledgement is filed to the case, with what it says handed to the department; it opens none."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    ours = (await shared.notice(case, Purpose.ACKNOWLEDGE)).message_id
    outcome = await shared.take(
        enterprise.mail("补充：发票系统今天又报错了，请一并处理。", subject="Re: 已登记", In_Reply_To=f"<{ours}>", References=f"<{ours}>")
    )
    assert outcome.decision.verdict is Verdict.FOLLOW_UP
    assert outcome.case is not None
    assert outcome.case.number == case.number
    assert [event.kind for event in await shared.house.stores.cases.history(case.id)][-1] == "case.follow_up"
    assert len(await shared.house.stores.cases.arrivals(case.id)) == 2
    forward = (await shared.notice(case, Purpose.FORWARD)).notice
    assert forward.to.address == office(case.department or "")
    assert "又报错了" in forward.text
    assert await shared.house.stores.cases.verify(case.id) == []


@pytest.mark.parametrize("form", ["{number} 补充材料", "关于{lower}的补充", "Re: 【{wide}】"])
async def test_mail_with_the_case_number_is_filed_to_its_case(form: str, shared: Bench) -> None:
    """A mail that names our number in its subject, in any case or width, belongs to that case even without a thread."""
    case = await shared.opened()
    wide = case.number.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    subject = form.format(number=case.number, lower=case.number.lower(), wide=wide)
    outcome = await shared.take(Enterprise().mail("补充说明一点情况，请查收。", subject=subject))
    assert outcome.decision.verdict is Verdict.FOLLOW_UP
    assert outcome.case is not None
    assert outcome.case.id == case.id


async def test_reply_of_a_machine_to_our_mail_is_not_filed(shared: Bench) -> None:
    """An absence notice to our acknowledgement belongs to the thread, and yet nobody is mailed about it."""
    enterprise = Enterprise()
    case = await shared.opened(enterprise=enterprise)
    ours = f"<{(await shared.notice(case, Purpose.ACKNOWLEDGE)).message_id}>"
    before = await shared.notices(case)
    outcome = await shared.take(
        enterprise.mail("我正在休假。", subject="自动回复：已登记", In_Reply_To=ours, Auto_Submitted="auto-replied")
    )
    assert outcome.decision.verdict is Verdict.NOT_A_CASE
    assert await shared.notices(case) == before


async def test_advert_waits_for_a_person_unanswered(shared: Bench) -> None:
    """What looks like an advertisement opens no case and gets no answer; a person is asked to agree."""
    arrival = await shared.accept(Enterprise().mail(ADVERT, subject="代开发票"))
    assert await shared.run() == [arrival]
    waiting = [item.arrival_id for item in (await shared.house.review.pending())[1]]
    assert arrival in waiting


async def test_cap_of_mails_to_one_address(shared: Bench) -> None:
    """A stranger's address gets ten mails in three hours and no more: the rest is held back, visibly, and the departments miss nothing."""
    enterprise = Enterprise()
    arrivals = [await shared.accept(enterprise.mail(subject=f"{number}号门店发票增量未办")) for number in range(12)]
    await shared.run()
    cases = [case for case in await shared.house.stores.cases.list() if case.arrival_id in arrivals]
    mine = [queued for case in cases for queued in await shared.notices(case) if queued.notice.to.address == enterprise.address]
    held = [queued for queued in mine if queued.state is NoticeState.SUPPRESSED]
    assert (len(mine) - len(held), len(held)) == (10, len(cases) - 10)
    assert len(cases) == 12
    assert all("已达 10 封上限" in queued.problem for queued in held)
    for case in cases:
        assert Purpose.ASSIGN in {queued.notice.purpose for queued in await shared.notices(case)}

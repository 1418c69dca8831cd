"""Sessions, activities and periods: who is reminded of what, what fulfils it, said twice, and read from a file."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from daemon.activities import Activities, Told, read_happenings
from daemon.clock import Clock
from daemon.wiring import Desk
from notifier.address_book import Addresses
from notifier.compose import Composer
from rules.calendar_folder import load_calendar
from rules.rulebook import builtin_pack, load_files, load_pack
from store.errors import ConfigError, UsageError
from store.model.letter import Address
from store.model.notice import QueuedNotice
from store.owing import Deadline, DeadlineState, Happening, SubjectSort, SubjectState
from tests.integration.houses import Bench, bench

ZONE = ZoneInfo("Asia/Shanghai")
ACT = Told(by="王芳", reason="公文交换系统")
COORDINATOR = "ysb@jn.example"


@dataclass(slots=True, kw_only=True)
class Office:
    """晋宁 with the lists filled in that its document does not give, on the database of a house."""

    shared: Bench
    desk: Desk
    activities: Activities

    async def at(self, *moment: int) -> list[QueuedNotice]:
        """Let a clock just started tick at *moment*; return what it wrote."""
        before = {queued.id for queued in await self.mails()}
        self.shared.clock.now = datetime(*moment, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc, arg-type]  # of integers
        stores = self.shared.house.stores
        rooms = {"jinning": self.desk}
        await Clock(rooms=rooms, deadlines=stores.deadlines, subjects=stores.subjects, now=self.shared.clock).tick()
        return [queued for queued in await self.mails() if queued.id not in before]

    async def mails(self) -> list[QueuedNotice]:
        """Return all mails, the oldest first."""
        return sorted(await self.shared.house.stores.outbox.list(limit=10_000), key=lambda queued: queued.id)

    async def happen(self, event: str, key: str, **said: object) -> bool:
        """Let something happen."""
        return await self.activities.happen("jinning", Happening(event=event, key=key, **said), ACT)  # type: ignore[arg-type]  # by keyword

    async def held(self, key: str, day: date, of: str = "企业接待日", department: str = "tzfw") -> bool:
        """Say that an activity was held that nobody had announced."""
        return await self.happen("ended", key, sort=SubjectSort.ACTIVITY, of=of, department=department, day=day)

    async def owed(self, key: str) -> dict[str, Deadline]:
        """Return the deadlines of one subject by kind."""
        stores = self.shared.house.stores
        subject = await stores.subjects.get("jinning", key)
        assert await stores.subjects.verify(subject.id) == []
        return {deadline.kind: deadline for deadline in await stores.deadlines.of_subject(subject.id)}


@pytest_asyncio.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Open the office on each kind of database, on a Wednesday morning."""
    pack = Path(shutil.copytree(builtin_pack("jinning"), tmp_path / "jinning"))
    settings = pack / "pack.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("owed_by: []", "owed_by: [tzfw]"), encoding="utf-8")
    book = load_pack(pack)
    addresses = Addresses(
        sender=Address(name="", address="from@jn.example"),
        coordinator=Address(name="", address=COORDINATOR),
        departments={id_: Address(name="", address=f"{id_}@jn.example") for id_ in ("tzfw", "zxqy")},
    )
    desk = Desk(rulebook=book, composer=Composer(book.district, addresses), calendar=load_calendar())
    async with bench(database_url) as shared:
        shared.clock.now = datetime(2024, 9, 11, 9, tzinfo=ZONE).astimezone(UTC)
        activities = Activities(offices={"jinning": desk}, subjects=shared.house.stores.subjects, now=shared.clock)
        yield Office(shared=shared, desk=desk, activities=activities)


async def test_periods_begin_by_themselves_and_once(office: Office) -> None:
    """JN-6: the monthly return of September is reminded of, each department by its own mail; a restarted clock begins nothing twice."""
    await office.at(2024, 9, 11, 9, 0)
    written = await office.at(2024, 9, 12, 9, 0)
    due = (await office.owed("2024年9月 报送活动开展情况（月报） 区投资服务中心"))["monthly"].due
    assert (due.due, due.provisional) == (date(2024, 9, 15), False)  # a Sunday of the Mid-Autumn festival: it does not move
    to = [queued.notice.to.address for queued in written if "月报" in queued.notice.text]
    assert to == ["tzfw@jn.example", "zxqy@jn.example", COORDINATOR]  # at last for the departments that have no address
    assert all("遇休息日不顺延" in queued.notice.text for queued in written if "月报" in queued.notice.text)
    listed = await office.shared.house.stores.subjects.list("jinning")
    assert await office.at(2024, 9, 12, 9, 0) == []
    assert await office.shared.house.stores.subjects.list("jinning") == listed


async def test_what_was_received_is_not_asked_for_any_more(office: Office) -> None:
    """Who has reported is left alone; who has not hears of it, and then those above him; received twice is received once."""
    await office.at(2024, 9, 11, 9, 0)
    key = "2024年9月 报送活动开展情况（月报） 区投资服务中心"
    assert await office.happen("received", key)
    assert not await office.happen("received", key)
    assert (await office.owed(key))["monthly"].state is DeadlineState.MET
    late = await office.at(2024, 9, 18, 9, 0)  # the first working day after the 15th
    asked = {queued.notice.to.address: queued.notice.text for queued in late if "月报" in queued.notice.text}
    assert list(asked) == ["zxqy@jn.example", COORDINATOR]  # the latter for the departments that have no address
    assert "请呈科室负责人阅" in asked["zxqy@jn.example"]
    assert "区投资服务中心" not in asked[COORDINATOR]
    assert late[0].case_id is None
    assert late[0].arrival_id is None


async def test_visits_are_counted_by_days(office: Office) -> None:
    """JN-7: three visits on two days are two days; the third day fulfils the month, and nobody is reminded of it any more."""
    await office.at(2024, 9, 2, 9, 0)
    key = "2024年9月 企业专员、项目管家走访 区投资服务中心"
    office.shared.clock.now = datetime(2024, 9, 12, 18, tzinfo=ZONE).astimezone(UTC)
    for number, day in enumerate((date(2024, 9, 3), date(2024, 9, 3), date(2024, 9, 10)), start=1):
        assert await office.held(f"走访{number}", day, of="走访企业")
    assert (await office.shared.house.stores.subjects.get("jinning", key)).done == (date(2024, 9, 3), date(2024, 9, 10))
    assert (await office.owed(key))["visits"].state is DeadlineState.OPEN
    assert not await office.held("走访3", date(2024, 9, 10), of="走访企业")
    await office.held("走访4", date(2024, 9, 12), of="走访企业")
    assert (await office.owed(key))["visits"].state is DeadlineState.MET


async def test_an_activity_counts_even_before_the_clock_has_seen_its_period(office: Office) -> None:
    """JN-2, JN-3: an 企业接待日 logged while nothing ran fulfils its half month, and its report is owed in two working days."""
    assert await office.held("九月上半月接待日", date(2024, 9, 10))
    await office.at(2024, 9, 12, 9, 0)
    assert (await office.owed("2024年9月上半月 “企业接待日” 区投资服务中心"))["reception_day"].state is DeadlineState.MET
    report = (await office.owed("九月上半月接待日"))["activity_report"]
    assert (report.due.due, report.state) == (date(2024, 9, 12), DeadlineState.OPEN)
    (mail,) = [queued for queued in await office.mails() if "报送活动书面报告" in queued.notice.text]
    assert "九月上半月接待日" in mail.notice.subject
    assert "第1日 9月11日" in mail.notice.text
    assert "收悉本提醒也请回复" not in mail.notice.text


async def test_a_day_that_moves_takes_its_deadlines_along(office: Office) -> None:
    """Announced anew, the old date is void and the new one counts; called off, nothing is owed; what is over cannot be called off."""
    await office.happen("announced", "政企同心谈九月", sort=SubjectSort.ACTIVITY, of="政企同心谈", department="tzfw", day=date(2024, 9, 20))
    assert not await office.happen("announced", "政企同心谈九月", day=date(2024, 9, 20))
    assert await office.happen("announced", "政企同心谈九月", day=date(2024, 9, 24))
    subject = await office.shared.house.stores.subjects.get("jinning", "政企同心谈九月")
    assert (subject.day, subject.department, subject.of) == (date(2024, 9, 24), "tzfw", "政企同心谈")
    await office.happen("cancelled", "政企同心谈九月")
    subject = await office.shared.house.stores.subjects.get("jinning", "政企同心谈九月")
    assert subject.state is SubjectState.CANCELLED
    with pytest.raises(UsageError, match="已取消"):
        await office.happen("ended", "政企同心谈九月", day=date(2024, 9, 11))


async def test_what_is_told_late_begins_with_a_plain_word_and_no_rung(office: Office) -> None:
    """An activity of September that is told in November: one mail to its department that the date was over, nothing to anybody above it."""
    await office.at(2024, 11, 6, 8, 59)  # the periods that begin by then have their mails
    await office.held("接待日九月", date(2024, 9, 11))
    written = [queued.notice for queued in await office.at(2024, 11, 6, 9, 30) if "接待日九月" in queued.notice.text]

    (mail,) = written
    assert mail.to.address == "tzfw@jn.example"
    assert "期限已过" in mail.subject
    assert "登记时期限已过，请尽快办理" in mail.text
    assert "11月6日登记时期限已过，此前的提醒和督促不再补发" in mail.text
    assert "逾期" not in mail.subject
    assert not [queued for queued in await office.at(2024, 11, 6, 12) if "接待日九月" in queued.notice.text]


@pytest.mark.parametrize(
    ("event", "said", "words"),
    [
        ("received", {}, "没有名为“X”"),
        ("announced", {}, "要写明种类和日期"),
        ("announced", {"sort": SubjectSort.ACTIVITY, "day": date(2024, 10, 1), "department": "xyz"}, "不在部门名录"),
        ("received", {"kind": "nothing"}, "没有名为 nothing 的时限"),
        ("ended", {"sort": SubjectSort.ACTIVITY, "day": date(2024, 10, 1)}, "还没有到"),
    ],
)
async def test_what_is_not_possible_is_told(office: Office, event: str, said: dict[str, object], words: str) -> None:
    """The message says what is missing; nothing is written."""
    with pytest.raises(UsageError, match=words):
        await office.happen(event, "X", **said)
    assert await office.shared.house.stores.subjects.list("jinning") == []


async def test_a_month_asleep_loses_no_period(office: Office) -> None:
    """Down over the 15th of October: the return of October is still asked for in November, once, with what is overdue."""
    await office.at(2024, 9, 11, 9, 0)
    written = await office.at(2024, 11, 5, 10, 0)
    owed = await office.owed("2024年10月 报送活动开展情况（月报） 区投资服务中心")
    assert owed["monthly"].state is DeadlineState.OPEN
    own = [queued for queued in written if queued.notice.to.address == "tzfw@jn.example"]
    assert len([queued for queued in own if "2024年10月 报送活动开展情况" in queued.notice.text]) == 1
    assert len(written) == len({(queued.notice.to.address, queued.notice.subject) for queued in written})


async def test_a_file_of_events_is_read_and_read_again(office: Office, tmp_path: Path) -> None:
    """Its lines take effect in order, once; a mistake names its place, and nothing of such a file is taken."""
    path = tmp_path / "九月.yaml"
    path.write_text(
        "- {at: 2024-09-02T10:00, event: announced, sort: activity, of: 企业接待日, key: 上半月接待日, department: tzfw, day: 2024-09-10}\n"
        "- {at: 2024-09-10T18:00, event: ended, key: 上半月接待日}\n"
        "- {event: received, key: 上半月接待日, kind: activity_report}\n",
        encoding="utf-8",
    )
    happenings = read_happenings(path, "Asia/Shanghai")
    assert [await office.activities.happen("jinning", happening, ACT) for happening in happenings] == [True, True, True]
    assert [await office.activities.happen("jinning", happening, ACT) for happening in happenings] == [False, False, False]
    assert (await office.owed("上半月接待日"))["activity_report"].state is DeadlineState.MET
    path.write_text("- {event: done, key: x}\n- {event: ended, day: 明天}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_happenings(path, "Asia/Shanghai")
    assert [(problem.place.rpartition(":")[2], problem.key) for problem in caught.value.problems] == [
        ("第1件", "event"),
        ("第2件", "key"),
        ("第2件", "day"),
    ]


async def test_two_people_who_say_the_same_at_once(office: Office) -> None:
    """The visit is logged once and counts once; whoever came second is told that it stands already, or to look again."""
    await office.at(2024, 9, 11, 9, 0)
    said = await asyncio.gather(*(office.held("走访1", date(2024, 9, 10), of="走访企业") for _ in range(2)), return_exceptions=True)
    assert said.count(True) == 1
    assert all(one is False or isinstance(one, UsageError) for one in said if one is not True)
    key = "2024年9月 企业专员、项目管家走访 区投资服务中心"
    assert (await office.shared.house.stores.subjects.get("jinning", key)).done == (date(2024, 9, 10),)


# ------------------------------------------------------------ what the pack plans


def plan(office: Office, entry: str) -> None:
    """Give the office a schedule of one entry, as a new pack would."""
    files = {**office.desk.rulebook.files, "schedule.yaml": f"entries:\n  - {{{entry}}}\n".encode()}
    office.desk = Desk(rulebook=load_files("jinning", files), composer=office.desk.composer, calendar=office.desk.calendar)
    subjects = office.shared.house.stores.subjects
    office.activities = Activities(offices={"jinning": office.desk}, subjects=subjects, now=office.shared.clock)


async def planned(office: Office, key: str) -> tuple[str, str, SubjectState, list[str]]:
    """Return first and last day, state and history of a subject."""
    subjects = office.shared.house.stores.subjects
    subject = await subjects.get("jinning", key)
    assert await subjects.verify(subject.id) == []
    return str(subject.day), str(subject.until), subject.state, [event.kind for event in await subjects.history(subject.id)]


async def test_what_the_pack_plans_is_announced_ahead_and_once(office: Office) -> None:
    """JN-2: ten days before the 25th the reception day stands there by itself, moved by no restart and no second service; the 10th is over."""
    key = "2024年9月下半月企业接待日"
    await office.at(2024, 9, 14, 9, 0)
    with pytest.raises(UsageError, match="没有名为"):
        await office.shared.house.stores.subjects.get("jinning", key)
    stores = office.shared.house.stores
    clock = Clock(rooms={"jinning": office.desk}, deadlines=stores.deadlines, subjects=stores.subjects, now=office.shared.clock)
    await clock.tick()
    assert await clock.next_moment() == datetime(2024, 9, 15, tzinfo=ZONE)
    await office.at(2024, 9, 15, 0, 0)
    expected = ("2024-09-25", "2024-09-25", SubjectState.PLANNED, ["subject.planned"])
    assert await planned(office, key) == expected
    await office.at(2024, 9, 15, 0, 1)
    both = [
        Clock(rooms={"jinning": office.desk}, deadlines=stores.deadlines, subjects=stores.subjects, now=office.shared.clock) for _ in "ab"
    ]
    await asyncio.gather(*(clock.tick() for clock in both))
    assert await planned(office, key) == expected
    assert "2024年9月上半月企业接待日" not in {subject.key for subject in await stores.subjects.list("jinning")}


async def test_a_plan_that_changes_moves_what_nobody_has_touched(office: Office) -> None:
    """Another day in the pack is taken over; a day that a person announced, and what was called off, stay."""
    for day, moved in ((25, "2024-09-25"), (26, "2024-09-26")):
        plan(office, f"what: 企业接待日, every: half_month, on: {day}, host: tzfw, ahead: 12")
        await office.at(2024, 9, 15, 9, 0)
        assert (await planned(office, "2024年9月下半月企业接待日"))[0] == moved
    await office.happen("announced", "2024年9月下半月企业接待日", day=date(2024, 9, 27))
    plan(office, "what: 企业接待日, every: half_month, on: 24, host: tzfw, ahead: 12")
    await office.at(2024, 9, 15, 10, 0)
    assert (await planned(office, "2024年9月下半月企业接待日"))[0] == "2024-09-27"
    await office.happen("cancelled", "2024年9月下半月企业接待日")
    plan(office, "what: 企业接待日, every: half_month, on: 23, host: tzfw, ahead: 12")
    await office.at(2024, 9, 15, 11, 0)
    told = ["subject.planned", "subject.planned", "subject.announced", "subject.cancelled"]
    assert await planned(office, "2024年9月下半月企业接待日") == ("2024-09-27", "2024-09-27", SubjectState.CANCELLED, told)


async def test_a_session_without_a_day_waits_for_one(office: Office) -> None:
    """A month alone is kept as a month: it counts nothing and cannot be held until somebody says the day."""
    plan(office, "what: 坐诊, sort: session, key: 第1期, month: 2024-09, host: tzfw, theme: 花卉")
    await office.at(2024, 9, 11, 9, 0)
    assert await planned(office, "第1期") == ("2024-09-01", "2024-09-30", SubjectState.PLANNED, ["subject.planned"])
    assert await office.owed("第1期") == {}
    with pytest.raises(UsageError, match="哪一天还没有定"):
        await office.happen("ended", "第1期")
    await office.happen("announced", "第1期", day=date(2024, 9, 12))
    assert (await planned(office, "第1期"))[:2] == ("2024-09-12", "2024-09-12")


async def test_a_planned_activity_is_asked_for_its_report(office: Office) -> None:
    """JN-3: held under the name that the pack gave it, it counts for the half month and its report is owed two working days after."""
    await office.at(2024, 9, 15, 9, 0)
    office.shared.clock.now = datetime(2024, 9, 25, 17, tzinfo=ZONE).astimezone(UTC)
    await office.happen("ended", "2024年9月下半月企业接待日")
    assert (await office.owed("2024年9月下半月企业接待日"))["activity_report"].due.due == date(2024, 9, 27)
    assert (await office.owed("2024年9月下半月 “企业接待日” 区投资服务中心"))["reception_day"].state is DeadlineState.MET

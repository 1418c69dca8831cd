"""A new year's notice: asked for daily while it is missing, and what `zuozhen calendar import` moves; what may be sent at night, what not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from daemon.activities import Activities, Told
from daemon.casework import Details
from daemon.cli import run
from daemon.clock import Clock
from daemon.config_reader import load_config
from daemon.review import Act
from daemon.wiring import open_house
from rules.calendar import Calendar
from rules.calendar_file import read_year
from rules.calendar_folder import BUILTIN, year_files
from rules.provisional import load_festivals
from store.life import Role
from store.model.case import Case
from store.model.notice import Purpose, QueuedNotice
from store.owing import Deadline, DeadlineState, Happening, SubjectSort
from tests.e2e.instance import write_instance
from tests.integration import houses
from tests.integration.houses import Bench, bench, office

ZONE = ZoneInfo("Asia/Shanghai")
ACT = Act(by="李明", reason="按程序办理")
SESSION = "2027年第1期"
NOTICE = """国务院办公厅关于2027年部分节假日安排的通知
国办发明电〔2026〕99号
一、元旦：1月1日（周五）至3日（周日）放假，共3天。
二、春节：2月5日（周五）至11日（周四）放假调休，共7天。1月31日（周日）、2月20日（周六）上班。
"""  # invented: it is not out


@pytest_asyncio.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Bench]:
    """Open a house."""
    async with bench(f"sqlite:///{tmp_path}/house.db") as opened:
        yield opened


async def do(shared: Bench, case: Case, event: str, role: Role = Role.DEPARTMENT, **said: object) -> Case:
    """Let an event happen a minute later."""
    shared.clock.advance(timedelta(minutes=1))
    return await shared.house.casework.do(case.number, event, role, ACT, Details(**said))  # type: ignore[arg-type]  # by keyword


async def mails(shared: Bench) -> list[QueuedNotice]:
    """Return all mails about deadlines, the oldest first."""
    listed = await shared.house.stores.outbox.list(limit=10_000)
    return sorted((queued for queued in listed if queued.notice.purpose is Purpose.REMINDER), key=lambda queued: queued.id)


async def at(shared: Bench, *moment: int) -> list[QueuedNotice]:
    """Let a clock just started tick at *moment*; return what it wrote."""
    before = {queued.id for queued in await mails(shared)}
    shared.clock.now = datetime(*moment, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc, arg-type]  # of integers
    await clock(shared).tick()
    return [queued for queued in await mails(shared) if queued.id not in before]


def clock(shared: Bench) -> Clock:
    """Return a fresh clock of the house, as after a restart."""
    stores = shared.house.stores
    return Clock(rooms=shared.house.rooms, deadlines=stores.deadlines, subjects=stores.subjects, now=shared.clock)


# ------------------------------------------------------------ import


class Instance:
    """An instance on which commands run while nobody serves; `visit` opens its house with a clock that the test turns."""

    def __init__(self, config: Path) -> None:
        """Keep where it is."""
        self.config = config
        self.clock = houses.Clock()

    async def promised(self, now: datetime, days: int) -> Case:
        """Take a mail at *now* and let the department promise."""
        self.clock.now = now.astimezone(UTC)
        async with open_house(load_config(self.config), now=self.clock) as house:
            shared = Bench(house=house, clock=self.clock)
            return await do(shared, await shared.opened(), "promise", days=days)

    async def owed(self) -> dict[tuple[str, str], Deadline]:
        """Return everything that runs, by number or name, and kind."""
        async with open_house(load_config(self.config), now=self.clock) as house:
            stores = house.stores
            found: dict[tuple[str, str], Deadline] = {}
            for case in await stores.cases.list():
                found |= {(case.number, one.kind): one for one in await stores.deadlines.of_case(case.id)}
            for subject in await stores.subjects.list("chenggong"):
                found |= {(subject.key, one.kind): one for one in await stores.deadlines.of_subject(subject.id)}
            return {key: one for key, one in found.items() if one.state is DeadlineState.OPEN}

    async def moved(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Return what the histories say has moved, from where to where; they are intact."""
        async with open_house(load_config(self.config), now=self.clock) as house:
            stores = house.stores
            found: dict[tuple[str, str], tuple[str, str]] = {}
            for case in await stores.cases.list():
                assert await stores.cases.verify(case.id) == []
                events = [event for event in await stores.cases.history(case.id) if event.kind == "deadline.moved"]
                found |= {(case.number, str(event.data["kind"])): (str(event.data["old"]), str(event.data["new"])) for event in events}
            for subject in await stores.subjects.list("chenggong"):
                assert await stores.subjects.verify(subject.id) == []
                events = [event for event in await stores.subjects.history(subject.id) if event.kind == "deadline.moved"]
                found |= {(subject.key, str(event.data["kind"])): (str(event.data["old"]), str(event.data["new"])) for event in events}
            return found

    async def told(self) -> list[QueuedNotice]:
        """Return the mails that say that a date has moved."""
        async with open_house(load_config(self.config), now=self.clock) as house:
            return [one for one in await mails(Bench(house=house, clock=self.clock)) if "时限变动" in one.notice.subject]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """Return an instance of its own, with a notice beside it."""
    (tmp_path / "通知.txt").write_text(NOTICE, encoding="utf-8")
    return Instance(write_instance(tmp_path, 25))


async def announced(instance: Instance) -> None:
    """Let a session close its booking on the last Friday of January 2027."""
    instance.clock.now = datetime(2027, 1, 29, 18, tzinfo=ZONE).astimezone(UTC)
    async with open_house(load_config(instance.config), now=instance.clock) as house:
        activities = Activities(offices=house.rooms, subjects=house.stores.subjects, now=instance.clock)
        said = {"key": SESSION, "sort": SubjectSort.SESSION, "department": "swj"}
        for event, day in (("announced", date(2027, 2, 22)), ("booking_closed", date(2027, 1, 29))):
            await activities.happen("chenggong", Happening(event=event, day=day, **said), Told(by="王芳"))  # type: ignore[arg-type]  # by keyword


def imported(instance: Instance, capsys: pytest.CaptureFixture[str]) -> str:
    """Take the notice in, as an operator does; return what was printed."""
    words = ("calendar", "import", str(instance.config.parent / "通知.txt"), "--config", str(instance.config), "--yes")
    code = run(words)
    heard = capsys.readouterr()
    assert code == 0, heard.err
    return heard.out


@pytest.mark.timeout(300)  # the pack is loaded a dozen times
def test_import_moves_the_right_dates_and_no_others(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    """Cases and a session whose days the notice changes move, each with an event and one mail; what it does not touch stays, unmentioned."""
    over = asyncio.run(instance.promised(datetime(2027, 1, 29, 10, tzinfo=ZONE), 7))  # over the Spring Festival
    before = asyncio.run(instance.promised(datetime(2026, 10, 9, 10, tzinfo=ZONE), 3))  # this year
    clear = asyncio.run(instance.promised(datetime(2027, 1, 11, 10, tzinfo=ZONE), 3))  # next year, no festival near
    asyncio.run(announced(instance))
    old = asyncio.run(instance.owed())
    assert old[clear.number, "answer"].due.provisional

    said = imported(instance, capsys)

    new = asyncio.run(instance.owed())
    moved = asyncio.run(instance.moved())
    assert moved[over.number, "answer"] == ("2027-02-11", "2027-02-15")  # 31 January to 4 February, 12 and 15 February
    assert moved[SESSION, "service_list"] == ("2027-02-09", "2027-02-04")
    for key in ((before.number, "answer"), (clear.number, "answer"), (SESSION, "call_up")):
        assert key not in moved
        assert new[key].due.due == old[key].due.due
    assert not new[clear.number, "answer"].due.provisional  # known now, and on the same day
    assert set(new) == set(old)
    assert {key for key in new if (new[key].due.due, new[key].due_at) != (old[key].due.due, old[key].due_at)} == set(moved)
    assert f"进行中的时限已重新计算，{len(moved)} 个换了日期，已告知责任方" in said
    told = asyncio.run(instance.told())
    assert len({mail.notice.to.address for mail in told}) == len(told) <= len(moved)  # each person one mail about all that is his
    about = {(key[0], old[key].due.label) for key in moved}
    assert all(any(number in mail.notice.text and label in mail.notice.text for mail in told) for number, label in about)
    (session,) = [mail for mail in told if SESSION in mail.notice.text]
    assert session.notice.to.address == "swj@cg.example"
    assert "2027年2月4日（星期四）" in session.notice.text
    assert "2027年2月9日" in session.notice.text

    assert "不必再导入" in imported(instance, capsys)
    assert asyncio.run(instance.moved()) == moved
    assert len(asyncio.run(instance.told())) == len(told)


def test_import_says_that_nothing_moved(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no running date lies in the year, nobody is written to."""
    asyncio.run(instance.promised(datetime(2026, 10, 9, 10, tzinfo=ZONE), 3))
    assert "进行中的时限已重新计算，没有一个换了日期。" in imported(instance, capsys)
    assert asyncio.run(instance.moved()) == {}
    assert asyncio.run(instance.told()) == []


# ------------------------------------------------------------ while it is missing


def known(*years: int) -> Calendar:
    """Return a calendar of these years alone."""
    plans = {int(path.stem): read_year(path) for path in year_files(BUILTIN) if int(path.stem) in years}
    special = {day: what for plan in plans.values() for day, what in plan.special.items()}
    return Calendar(years=years, special=special, festivals=load_festivals())


async def test_a_missing_notice_is_told_once_a_day_until_it_is_there(shared: Bench) -> None:
    """From 1 November, each day once however often the clock ticks, on rest days too; an alarm from 15 December; silent when installed."""
    shared.room.calendar = known(2023, 2024)
    running = clock(shared)

    async def day(*moment: int) -> list[tuple[str, int]]:
        with capture_logs() as logs:
            for hour in (0, 9, 23):
                shared.clock.now = datetime(*moment, hour, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc, arg-type]  # of integers
                await running.tick()
        return [(entry["log_level"], entry["year"]) for entry in logs if entry["event"] == "calendar.missing"]

    assert await day(2024, 10, 31) == []
    for number in (1, 2, 3, 4):  # Friday to Monday
        assert await day(2024, 11, number) == [("warning", 2025)]
    assert await day(2024, 12, 14) == [("warning", 2025)]
    assert await day(2024, 12, 15) == [("error", 2025)]
    assert await day(2025, 1, 1) == [("error", 2025)]
    shared.room.calendar = known(2023, 2024, 2025)
    running.calendar_changed()
    assert await day(2025, 1, 2) == []


# ------------------------------------------------------------ night, and after an outage


async def test_what_is_urgent_comes_at_night_and_the_rest_waits(shared: Bench) -> None:
    """A supervision order that is overdue is told on a rest day and at night; a reminder beside it waits for the working morning."""
    shared.clock.now = datetime(2024, 9, 25, 10, tzinfo=ZONE).astimezone(UTC)
    urgent = await do(shared, await shared.opened(), "answer", result="explained")
    urgent = await do(shared, urgent, "reopen", Role.COORDINATOR, days=1)
    usual = await shared.opened()
    written = await at(shared, 2024, 10, 1, 23)
    assert written
    assert all(urgent.number in mail.notice.text and usual.number not in mail.notice.text for mail in written)
    assert any("重点督办" in mail.notice.text for mail in written)
    later = await at(shared, 2024, 10, 8, 8, 30)
    assert any(usual.number in mail.notice.text for mail in later)


async def test_an_outage_that_ends_at_night_ends_in_one_mail_in_the_morning(shared: Bench) -> None:
    """Four weeks stood still, started again on a Saturday night: nothing before Monday, then one mail to each, and nothing on the next ticks."""
    shared.clock.now = datetime(2024, 9, 25, 10, tzinfo=ZONE).astimezone(UTC)
    cases = [await do(shared, await shared.opened(), "promise", days=7, limit=5) for _ in range(3)]
    assert await at(shared, 2024, 11, 2, 22) == []
    assert await at(shared, 2024, 11, 3, 10) == []
    written = await at(shared, 2024, 11, 4, 8)
    to = [mail.notice.to.address for mail in written]
    assert len(to) == len(set(to))
    (own,) = [mail.notice for mail in written if mail.notice.to.address == office(str(cases[0].department))]
    assert all(case.number in own.text for case in cases)
    assert own.text.count("不再逐次补发") == 1
    assert await at(shared, 2024, 11, 4, 8, 1) == []
    assert await at(shared, 2024, 11, 4, 20, 30) == []

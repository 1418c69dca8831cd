"""Plans, reports and logs by mail, on real databases: ticked off once, answered in plain words, and what is not clear put before a person."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import structlog

from channels.identity import mail_keys
from daemon.activities import Activities, Told
from daemon.clock import Clock
from daemon.config import Config, DistrictSection, RelaySection, StoreSection
from daemon.pipeline import Outcome
from daemon.wiring import House, open_house
from rules.rulebook import builtin_pack
from store.errors import StoreUnavailableError
from store.model.arrival import Arrival, ArrivalState, Channel
from store.model.decision import Verdict
from store.model.notice import Purpose, QueuedNotice
from store.owing import DeadlineState, Happening, Subject, SubjectSort
from tests.integration.houses import ACCEPTED, Enterprise
from tests.integration.houses import Clock as Turned

ZONE = ZoneInfo("Asia/Shanghai")
MAILBOX, RETURNS, COORDINATOR = "zuozhen@jn.example", "baosong@jn.example", "ysb@jn.example"
MONTHLY = "2024年10月 报送活动开展情况（月报） 区投资服务中心"
VISITS = "2024年10月 企业专员、项目管家走访 区投资服务中心"
_ADDRESSES = f"""
[sender]
name = "坐诊接诉"
address = "{MAILBOX}"
[coordinator]
address = "{COORDINATOR}"
[departments]
tzfw = "tzfw@jn.example"
zxqy = "zxqy@jn.example"
"""
_numbers = count()


def mail(
    subject: str, body: str = "请查收。", *, sender: str = "tzfw@jn.example", files: Sequence[str] = ("材料.txt",), to: str = RETURNS
) -> EmailMessage:
    """Return a mail of a department with *files*."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"], message["Message-ID"] = "Mon, 14 Oct 2024 10:00:00 +0800", f"<{next(_numbers)}@jn.example>"
    message.set_content(body)
    for name in files:
        message.add_attachment("一、开展情况\n本月举办两场。".encode(), maintype="text", subtype="plain", filename=name)
    return message


@dataclass(slots=True, kw_only=True)
class Office:
    """A house with one pack, its clock, and what was handed in."""

    house: House
    clock: Turned
    district: str

    def turn(self, *moment: int) -> None:
        """Let it be *moment* in China."""
        self.clock.now = datetime(*moment, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc, arg-type]  # of integers

    async def tick(self) -> list[QueuedNotice]:
        """Let the clock act, and return what it wrote."""
        before = {queued.id for queued in await self.mails()}
        stores = self.house.stores
        await Clock(rooms=self.house.rooms, deadlines=stores.deadlines, subjects=stores.subjects, now=self.clock).tick()
        return [queued for queued in await self.mails() if queued.id not in before]

    async def mails(self, purpose: Purpose | None = None) -> list[QueuedNotice]:
        """Return all mails, the oldest first."""
        found = await self.house.stores.outbox.list(limit=10_000)
        return sorted((one for one in found if purpose in {None, one.notice.purpose}), key=lambda one: one.id)

    async def told(self, address: str) -> str:
        """Return the text of the newest letter about a return to *address*, with its subject."""
        letters = [one.notice for one in await self.mails(Purpose.RETURN) if one.notice.to.address == address]
        return f"{letters[-1].subject}\n{letters[-1].text}" if letters else ""

    async def accept(self, message: EmailMessage, to: str = RETURNS) -> int:
        """Take a mail in as the SMTP door does, and return the arrival's id."""
        raw = bytes(message)
        message_id, content_key = mail_keys(raw)
        arrival = Arrival(
            district=self.district,
            channel=Channel.MAIL,
            door="smtp",
            source_key=f"smtp:{content_key}",
            content_key=content_key,
            message_id=message_id,
            envelope_from=str(message["From"]),
            envelope_to=(to,),
            received_at=self.clock(),
            raw=raw,
        )
        (receipt,) = await self.house.stores.arrivals.accept([arrival])
        return receipt.arrival_id

    async def take(self, message: EmailMessage, to: str = RETURNS) -> Outcome:
        """Accept a mail and process it at once."""
        return await self.house.pipeline.process(await self.house.stores.arrivals.get(await self.accept(message, to)))

    async def subject(self, key: str) -> Subject:
        """Return a subject, its history intact."""
        subject = await self.house.stores.subjects.get(self.district, key)
        assert await self.house.stores.subjects.verify(subject.id) == []
        return subject

    async def state(self, key: str, kind: str = "") -> DeadlineState:
        """Return where what is owed stands: of a period the one thing, of an activity *kind*."""
        owed = await self.house.stores.deadlines.of_subject((await self.subject(key)).id)
        return next(one.state for one in owed if kind in {"", one.kind})

    async def said(self, key: str) -> list[str]:
        """Return what people said of a subject, with the ground."""
        history = await self.house.stores.subjects.history((await self.subject(key)).id)
        return [f"{event.kind} {event.actor} {event.reason}" for event in history if event.kind.startswith("subject.")]

    async def unread(self) -> list[str]:
        """Return why arrivals wait for a person."""
        return ["；".join(one.decision.review) for one in await self.house.stores.cases.not_cases() if one.decision.topic == "报送"]


@asynccontextmanager
async def opened(pack: str, url: str, folder: Path, *moment: int) -> AsyncIterator[Office]:
    """Open a house of *pack* with the lists filled in that its document does not give."""
    copy = Path(shutil.copytree(builtin_pack(pack), folder / pack))
    settings = copy / "pack.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("owed_by: []", "owed_by: [tzfw]"), encoding="utf-8")
    if pack == "wuhua":
        settings.write_text(settings.read_text(encoding="utf-8").replace("owed_by: [tzfw]", "owed_by: [swj]"), encoding="utf-8")
    addresses = _ADDRESSES if pack == "jinning" else _ADDRESSES.replace("tzfw", "swj").replace("zxqy", "zwzx")
    (folder / "addresses.toml").write_text(addresses, encoding="utf-8")
    section = DistrictSection(pack=str(copy), mailboxes=(MAILBOX,), returns=RETURNS, addresses=folder / "addresses.toml")
    config = Config(store=StoreSection(url=url), relay=RelaySection(folder=folder / "outgoing"), district=(section,))
    clock, loud = Turned(), structlog.get_config()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    clock.now = datetime(*moment, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc, arg-type]  # of integers
    try:
        async with open_house(config, now=clock) as house:
            office = Office(house=house, clock=clock, district=pack)
            await office.tick()
            yield office
    finally:
        structlog.configure(**loud)


@pytest_asyncio.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Open 晋宁 on each kind of database, on the 14th of October."""
    async with opened("jinning", database_url, tmp_path, 2024, 10, 1, 9) as office:
        office.turn(2024, 10, 14, 10)
        yield office


async def test_a_monthly_return_is_ticked_off_and_answered(office: Office) -> None:
    """JN-6: the mail is no case; the month is met, with who and by which words; the sender hears that, and what he still owes."""
    outcome = await office.take(mail("区投资服务中心10月月报"))

    assert (outcome.case, outcome.decision.verdict, outcome.decision.proposed) == (None, Verdict.NOT_A_CASE, False)
    assert await office.state(MONTHLY) is DeadlineState.MET
    (received,) = [said for said in await office.said(MONTHLY) if "received" in said]
    assert received.startswith("subject.received 区投资服务中心 来件 A-")
    assert "“月报”“10月”" in received
    told = await office.told("tzfw@jn.example")
    assert told.startswith(f"【坐诊接诉·已收到】{MONTHLY}")
    assert f"已收到：{MONTHLY}" in told
    assert "2024年第4季度 报送工作开展情况报告和附件1、附件2（季报） 区投资服务中心　2024年12月13日" in told
    assert await office.state("2024年10月 报送活动开展情况（月报） 区中小企业服务中心") is DeadlineState.OPEN
    assert await office.unread() == []


async def test_the_same_once_more_ticks_off_nothing_twice(office: Office) -> None:
    """A second mail about the month is told that it was received; the history says it once; November is not touched by it."""
    await office.take(mail("10月月报"))
    office.turn(2024, 11, 4, 10)
    await office.tick()
    await office.take(mail("10月月报（再次报送）"))

    assert len([said for said in await office.said(MONTHLY) if "received" in said]) == 1
    assert await office.state(MONTHLY.replace("10月", "11月")) is DeadlineState.OPEN
    assert "先前已经登记" in await office.told("tzfw@jn.example")
    assert await office.unread() == []


async def test_what_is_not_clear_is_put_before_a_person(office: Office) -> None:
    """A report of September ticks off nothing in October: it is listed, the sender and the coordinator hear why, with the command that would."""
    outcome = await office.take(mail("9月月报"))

    assert outcome.decision.proposed
    assert await office.state(MONTHLY) is DeadlineState.OPEN
    assert "没有在等的" in (await office.unread())[0]
    assert "还没有登记" in await office.told("tzfw@jn.example")
    asked = await office.told(COORDINATOR)
    assert "【坐诊接诉·报送待认】A-1 9月月报" in asked
    assert f"zuozhen activity receive '{MONTHLY}' monthly --by 姓名 --arrival A-1" in asked
    assert "zuozhen case confirm A-1" in asked


async def test_a_stranger_ticks_off_nothing(office: Office) -> None:
    """Whoever is in no address file is kept and listed, and gets no answer."""
    await office.take(mail("10月月报", sender="stranger@elsewhere.example"))

    assert await office.state(MONTHLY) is DeadlineState.OPEN
    assert "不在部门邮箱文件里" in (await office.unread())[0]
    assert await office.mails(Purpose.RETURN) == []


@pytest.mark.parametrize("sender", ["office@enterprise.example", "tzfw@jn.example"])
async def test_a_petition_sent_there_is_a_case(office: Office, sender: str) -> None:
    """An enterprise that writes to the address for returns, or whose letter a department passes on, loses nothing: no tick, but a case."""
    enterprise = Enterprise()
    text = ACCEPTED.format(name=enterprise.name, person=enterprise.person, phone=enterprise.phone)
    outcome = await office.take(mail("关于增值税发票增量的情况反映", text, sender=sender, files=()))

    assert outcome.case is not None
    assert await office.state(MONTHLY) is DeadlineState.OPEN
    assert await office.mails(Purpose.RETURN) == []
    assert await office.unread() == []


async def test_a_reminder_answered_with_the_file_ticks_off(office: Office) -> None:
    """The answer to the usual address, with the file, fulfils what was reminded of; the reminder says so; replayed it does nothing."""
    office.turn(2024, 10, 15, 9)
    (reminder,) = [one for one in await office.tick() if "tzfw" in one.notice.to.address and "月报" in one.notice.text]
    assert f"请直接回复本邮件并附上文件，或寄到{RETURNS}" in reminder.notice.text
    answer = mail(f"Re: {reminder.notice.subject}", "请查收附件。", to=MAILBOX)
    answer["In-Reply-To"] = f"<{reminder.message_id}>"
    stranger = mail(f"Re: {reminder.notice.subject}", "请查收附件。", to=MAILBOX, sender="x@elsewhere.example")
    stranger["In-Reply-To"] = f"<{reminder.message_id}>"

    await office.take(stranger, MAILBOX)
    assert await office.state(MONTHLY) is DeadlineState.OPEN
    await office.take(answer, MAILBOX)
    assert await office.state(MONTHLY) is DeadlineState.MET
    del answer["Message-ID"]
    answer["Message-ID"] = "<again@jn.example>"
    await office.take(answer, MAILBOX)
    assert len([one for one in await office.mails(Purpose.RETURN) if one.notice.to.address == "tzfw@jn.example"]) == 1
    assert len(await office.unread()) == 1  # the stranger's


async def test_what_no_mail_can_tick_off_is_reminded_of_without_asking_for_one(office: Office) -> None:
    """A reception day is noted by a person: its reminder names him, and no address for files."""
    office.turn(2024, 10, 24, 9)
    await office.tick()
    office.turn(2024, 10, 28, 9)
    (reminder,) = [one.notice for one in await office.tick() if "时限提醒" in one.notice.subject and "tzfw" in one.notice.to.address]

    assert "企业接待日" in reminder.text
    assert "报送或办理后，由区营商环境办登记" in reminder.text
    assert RETURNS not in reminder.text


async def test_a_reminder_that_was_heard_is_heeded(office: Office) -> None:
    """“收悉” in answer to a reminder hands in nothing: it is noted, and nothing is ticked off."""
    office.turn(2024, 10, 15, 9)
    (reminder,) = [one for one in await office.tick() if "tzfw" in one.notice.to.address and "月报" in one.notice.text]
    answer = mail(f"回复：{reminder.notice.subject}", "收悉。", to=MAILBOX, files=())
    answer["In-Reply-To"] = f"<{reminder.message_id}>"
    await office.take(answer, MAILBOX)

    assert await office.state(MONTHLY) is DeadlineState.OPEN
    assert any(said.startswith("subject.heeded 区投资服务中心") for said in await office.said(MONTHLY))
    assert await office.mails(Purpose.RETURN) == []


async def test_visits_are_counted_by_days(office: Office) -> None:
    """JN-7: two visits on one day are one day, said twice they stay it; the third day fulfils the month, and the answers say how many lack."""
    await office.take(mail("走访记录：10月9日走访甲公司", "10月9日走访乙公司；10月10日走访丙公司。", files=()))
    assert (await office.subject(VISITS)).done == (date(2024, 10, 9), date(2024, 10, 10))
    assert f"{VISITS}：已计2天，还差1天" in await office.told("tzfw@jn.example")

    await office.take(mail("走访记录", "10月10日走访丙公司。10月20日走访丁公司", files=()))
    assert (await office.subject(VISITS)).done == (date(2024, 10, 9), date(2024, 10, 10))
    assert "还没有到" in await office.told("tzfw@jn.example")
    assert await office.unread() == []
    assert await office.state(VISITS) is DeadlineState.OPEN

    await office.take(mail("走访记录", "10月11日走访丁公司", files=()))
    assert await office.state(VISITS) is DeadlineState.MET
    assert "已够3天" in await office.told("tzfw@jn.example")


async def test_a_visit_that_a_person_called_off_is_not_counted_again(office: Office) -> None:
    """What a person has said of a visit stands: a log that says the opposite is put before a person, and its arrival is not lost."""
    activities = Activities(offices=office.house.rooms, subjects=office.house.stores.subjects, now=office.clock)
    key = "2024-10-09 区投资服务中心 10月9日走访甲公司"
    about = Happening(event="announced", key=key, sort=SubjectSort.ACTIVITY, of="走访企业", department="tzfw", day=date(2024, 10, 9))
    await activities.happen(office.district, about, Told(by="王芳"))
    await activities.happen(office.district, Happening(event="cancelled", key=key), Told(by="王芳"))
    await office.take(mail("走访记录", "10月9日走访甲公司", files=()))

    assert (await office.subject(VISITS)).done == ()
    assert "已取消" in (await office.unread())[0]


async def test_the_report_of_an_activity(office: Office) -> None:
    """JN-3: the written report of the one activity that was held is ticked off; of two that its words do not tell apart neither is."""
    activities = Activities(offices=office.house.rooms, subjects=office.house.stores.subjects, now=office.clock)
    for day in (10, 11):
        held = Happening(
            event="ended", key=f"接待日{day}", sort=SubjectSort.ACTIVITY, of="企业接待日", department="tzfw", day=date(2024, 10, day)
        )
        await activities.happen(office.district, held, Told(by="王芳"))

    await office.take(mail("企业接待日书面报告"))
    assert "说不清是哪一项" in (await office.unread())[0]
    await office.take(mail("10月11日企业接待日书面报告"))
    assert [await office.state(f"接待日{day}", "activity_report") for day in (10, 11)] == [DeadlineState.OPEN, DeadlineState.MET]


async def test_whoever_has_not_is_told_to_the_coordinator_by_name(office: Office) -> None:
    """Three working days after the date the coordinator gets one mail with every unit that has not, and not the one that has."""
    await office.take(mail("10月月报"))
    office.turn(2024, 10, 16, 9)
    await office.tick()
    office.turn(2024, 10, 18, 9)
    late = [one.notice for one in await office.tick() if one.notice.to.address == COORDINATOR and "月报" in one.notice.text]

    assert len(late) == 1
    assert "区中小企业服务中心" in late[0].text
    assert "区投资服务中心" not in late[0].text


async def test_a_crash_repeats_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the database goes away in the middle of the writing, nothing of it stands; the next try does all of it once."""
    arrival = await office.accept(mail("10月月报"))
    stored = await office.house.stores.arrivals.get(arrival)
    with monkeypatch.context() as broken:
        broken.setattr(office.house.stores.outbox, "put", _gone)
        with pytest.raises(StoreUnavailableError):
            await office.house.pipeline.process(stored)
    assert await office.state(MONTHLY) is DeadlineState.OPEN
    assert (await office.house.stores.arrivals.get(arrival)).state is ArrivalState.ACCEPTED

    for _ in range(2):
        await office.house.pipeline.process(stored)
    assert len([said for said in await office.said(MONTHLY) if "received" in said]) == 1
    assert len(await office.mails(Purpose.RETURN)) == 1


def _gone(*_: object, **__: object) -> None:
    raise StoreUnavailableError("数据库没有了")


async def test_a_report_of_a_round_is_told_what_it_leaves_out(database_url: str, tmp_path: Path) -> None:
    """WH-2: plan, report and list of a round come by mail; the report counts, and its sender hears which of the three it does not mention."""
    async with opened("wuhua", database_url, tmp_path, 2026, 9, 14, 9) as office:
        activities = Activities(offices=office.house.rooms, subjects=office.house.stores.subjects, now=office.clock)
        key = "2026年花卉产业巡诊"
        about = Happening(event="announced", key=key, sort=SubjectSort.ACTIVITY, of="链式巡诊", department="swj", day=date(2026, 9, 18))
        await activities.happen("wuhua", about, Told(by="王芳"))
        await office.take(mail("报送链式巡诊活动方案", sender="swj@jn.example"))
        assert await office.state(key, "round_plan") is DeadlineState.MET, (await office.unread(), await office.told("swj@jn.example"))

        office.turn(2026, 9, 21, 9)
        await activities.happen("wuhua", replace(about, event="ended"), Told(by="王芳"))
        body = "一、送政策。二、类题破解。"
        await office.take(mail("报送材料", body, sender="swj@jn.example", files=("链式巡诊开展情况报告.txt", "服务事项清单.txt")))

        assert [await office.state(key, kind) for kind in ("round_report", "round_list")] == [DeadlineState.MET] * 2
        assert "报告中没有看到：服务企业" in await office.told("swj@jn.example")

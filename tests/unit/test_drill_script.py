"""The folder of a drill: what arrives when, what people do, and every mistake in it told with its place."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.drill.events import Deed
from daemon.drill.script import moment_of, read_script
from daemon.rehearsal import Message
from store.errors import ConfigError, UsageError
from store.life import Role
from store.model.arrival import Channel
from store.model.decision import Verdict
from store.owing import Happening, SubjectSort

CHINA = "Asia/Shanghai"
ZONE = ZoneInfo(CHINA)
MAIL = b"From: a@b.example\r\nDate: Mon, 30 Sep 2024 02:00:00 +0000\r\nSubject: x\r\n\r\ny\r\n"


def folder(place: Path, events: str = "", name: str = "events.yaml", **mails: bytes) -> Path:
    """Write a drill: *mails* by name, and one that arrives by its Date."""
    for file, raw in {"冷库": MAIL, **mails}.items():
        (place / f"{file}.eml").write_bytes(raw)
    if events:
        (place / name).write_text(events, encoding="utf-8")
    return place


def problems(place: Path) -> list[str]:
    """Return what is told of a drill with mistakes, each with its place."""
    with pytest.raises(ConfigError) as error:
        read_script(place, CHINA)
    return [f"{problem.place} {problem.key}：{problem.message}" for problem in error.value.problems]


def test_mails_arrive_as_their_names_or_their_dates_say(tmp_path: Path) -> None:
    """The moment in a file's name counts, else the mail's own Date; the rest of the name is what the events call it."""
    place = folder(tmp_path)
    (place / "2024-09-29_1618 工程款.eml").write_bytes(MAIL)
    (place / "2024-10-01_090030 来信.txt").write_text("来信", encoding="utf-8")
    (place / "说明.md").write_text("不是来件", encoding="utf-8")
    mails = [item for item in read_script(place, CHINA).items if isinstance(item, Message)]
    assert [(mail.source, mail.channel, mail.received_at) for mail in mails] == [
        ("工程款", Channel.MAIL, datetime(2024, 9, 29, 16, 18, tzinfo=ZONE)),
        ("冷库", Channel.MAIL, datetime(2024, 9, 30, 10, 0, tzinfo=ZONE)),
        ("来信", Channel.LETTER, datetime(2024, 10, 1, 9, 0, 30, tzinfo=ZONE)),
    ]


def test_events_stand_in_the_order_of_time(tmp_path: Path) -> None:
    """An event without a time is at nine; whoever may do it first does it; what is said goes into details, a correction, or a happening."""
    text = """
- {at: 2024-11-12, event: ended, key: 第2期, sort: session, department: swj, title: 花卉, day: 2024-11-11, by: 王芳}
- {at: 2024-10-08, case: 冷库, event: promise, by: 李明, days: 7, limit: 5}
- {at: 2024-10-01 10:00, case: 冷库, event: overrule, by: 王芳, verdict: refuse, ground: 2, reason: 民事纠纷}
"""
    mail, overrule, promise, session = read_script(folder(tmp_path, text), CHINA).items
    assert isinstance(mail, Message)
    assert isinstance(overrule, Deed)
    assert overrule.correction is not None
    assert (overrule.correction.verdict, overrule.correction.ground, overrule.reason) == (Verdict.REFUSE, 2, "民事纠纷")
    assert isinstance(promise, Deed)
    assert (promise.role, promise.details.days, promise.details.limit) == (Role.DEPARTMENT, 7, 5)
    assert moment_of(promise) == datetime(2024, 10, 8, 9, tzinfo=ZONE)
    assert isinstance(session, Deed)
    assert session.happening == Happening(
        event="ended", key="第2期", day=date(2024, 11, 11), sort=SubjectSort.SESSION, title="花卉", department="swj"
    )


def test_lines_of_json_do_as_well(tmp_path: Path) -> None:
    """`events.jsonl` says the same, an object a line; a mistake is told with its line."""
    good = '{"at": "2024-10-08 10:00", "case": "冷库", "event": "acknowledge", "by": "李明"}\n'
    assert len(read_script(folder(tmp_path, good, "events.jsonl"), CHINA).items) == 2
    bad = good + '\n{"at": "2024-10-09", "case": "冷库", "event": "签收", "by": "李明"}\n'
    (found,) = problems(folder(tmp_path, bad, "events.jsonl"))
    assert found.startswith("events.jsonl:3 ")
    assert "没有名为“签收”的事件" in found


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("{at: 10月8日, case: 冷库, event: acknowledge, by: 李明}", "不是时间"),
        ("{at: 2024-10-08, case: 冷窖, event: acknowledge, by: 李明}", "没有名为“冷窖”的来件"),
        ("{at: 2024-09-01, case: 冷库, event: acknowledge, by: 李明}", "到达之前"),
        ("{at: 2024-10-08, case: 冷库, event: acknowledge}", "缺少“by”"),
        ("{at: 2024-10-08, event: acknowledge, by: 李明}", "应写一个"),
        ("{at: 2024-10-08, key: 第2期, event: acknowledge, by: 李明}", "没有名为“acknowledge”的场次、活动的事件"),
        ("{at: 2024-10-08, key: 第2期, event: ended, day: 昨天, by: 李明}", "不是日期"),
        ("{at: 2024-10-08, case: 冷库, event: promise, by: 李明, days: 七}", "应是整数"),
        ("{at: 2024-10-08, case: 冷库, event: merge, of: 别的, by: 李明}", "没有名为“别的”的来件"),
        ("{at: 2024-10-08, case: 冷库, event: note, by: 李明}\n- {at: 2024-10-08, case: 冷库, event: heed, by: 周敏}", "同一时刻"),
    ],
)
def test_a_mistake_is_told_with_its_line(event: str, told: str, tmp_path: Path) -> None:
    """What makes no sense is told before anything is played."""
    (found,) = problems(folder(tmp_path, f"# 演练\n- {event}\n"))
    assert found.startswith("events.yaml:")
    assert told in found


def test_a_drill_may_have_no_mails(tmp_path: Path) -> None:
    """Sessions and activities alone are a drill too: most dates of 五华 and 晋宁 hang on them."""
    place = folder(
        tmp_path, "- {at: 2026-05-20 18:00, key: 巡诊一, event: ended, sort: activity, of: 链式巡诊, day: 2026-05-20, by: 王芳}\n"
    )
    for mail in place.glob("*.eml"):
        mail.unlink()
    assert len(read_script(place, "Asia/Shanghai").items) == 1


def test_a_mail_must_say_when_it_comes(tmp_path: Path) -> None:
    """A file with neither a moment nor a date, and two mails of one name, are told by their names; so is an empty folder."""
    place = folder(tmp_path, 无日期=b"Subject: x\r\n\r\ny", 错日期=b"Date: gestern\r\n\r\ny")
    assert len(problems(place)) == 2
    for file in place.iterdir():
        file.unlink()
    assert "没有来件" in problems(place)[0]
    (place / "2024-10-01_0900 甲.eml").write_bytes(MAIL)
    (place / "2024-10-02_0900 甲.eml").write_bytes(MAIL)
    assert "都叫“甲”" in problems(place)[0]
    with pytest.raises(UsageError, match="读不了演练目录"):
        read_script(tmp_path / "没有", CHINA)

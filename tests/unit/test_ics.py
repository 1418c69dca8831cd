"""Calendar files: read back by the rules of RFC 5545, their lines short, their events the same ones each time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.ics import calendar_file
from notifier.timetable import Line, Share, Standing

NOW = datetime(2024, 9, 12, 2, 3, 4, tzinfo=UTC)
ZONE = "Asia/Shanghai"


def line(**changes: object) -> Line:
    """Return a session of one morning, with *changes*."""
    share = Share(key="第2期", department="kfq", name="数字经济开发区管委会", standing=Standing.ANNOUNCED)
    usual: dict[str, object] = {
        "uid": "abc@chenggong.zuozhen",
        "title": "2024年第2期 坐诊接诉",
        "first": date(2024, 10, 25),
        "last": date(2024, 10, 25),
        "is_due": False,
        "theme": "电子信息制造与数字经济产业",
        "place": "营商环境会客厅",
        "hours": (time(9), time(12)),
        "shares": (share,),
        "company": ("区发展改革局", "区市场监管局"),
        "basis": "附件6",
    }
    return Line(**{**usual, **changes})  # type: ignore[arg-type]  # by keyword


def read(raw: bytes) -> list[tuple[str, str]]:
    """Return names and values of a file, unfolded (3.1); each line ends as it must and has at most 75 octets."""
    assert raw.endswith(b"\r\n")
    physical = raw[:-2].split(b"\r\n")
    assert all(len(one) <= 75 and b"\n" not in one and b"\r" not in one for one in physical)
    for one in physical:
        one.decode()  # no character is broken
    return [(name, value) for name, _, value in (one.partition(":") for one in raw[:-2].decode().replace("\r\n ", "").split("\r\n"))]


def values(raw: bytes) -> dict[str, str]:
    """Return the values of the one event of a file, by name with parameters."""
    told = read(raw)
    begin, end = told.index(("BEGIN", "VEVENT")), told.index(("END", "VEVENT"))
    assert len({name for name, _ in told[begin + 1 : end]}) == end - begin - 1
    return dict(told[begin + 1 : end])


def test_a_morning() -> None:
    """Its hours in UTC, place, theme, who is responsible and who takes part, one to a line."""
    raw = calendar_file("呈贡区日程", [line()], ZONE, NOW)
    assert read(raw)[0] == ("BEGIN", "VCALENDAR")
    assert read(raw)[-1] == ("END", "VCALENDAR")
    assert values(raw) == {
        "UID": "abc@chenggong.zuozhen",
        "DTSTAMP": "20240912T020304Z",
        "DTSTART": "20241025T010000Z",
        "DTEND": "20241025T040000Z",
        "SUMMARY": "2024年第2期 坐诊接诉：电子信息制造与数字经济产业",
        "LOCATION": "营商环境会客厅",
        "DESCRIPTION": "由谁办：数字经济开发区管委会\\n参加：区发展改革局、区市场监管局\\n依据：附件6\\n状态：已定",
        "STATUS": "CONFIRMED",
    }


@pytest.mark.parametrize(
    ("changes", "start", "end", "status"),
    [
        ({"hours": None}, "20241025", "20241026", "CONFIRMED"),
        ({"first": date(2024, 12, 1), "last": date(2024, 12, 31), "shares": ()}, "20241201", "20250101", "TENTATIVE"),
        ({"hours": None, "is_due": True}, "20241025", "20241026", "CONFIRMED"),
    ],
)
def test_whole_days_end_on_the_morrow(changes: dict[str, object], start: str, end: str, status: str) -> None:
    """A day without hours, a month in which the day is not known, a date by which something is owed: nobody is busy by them."""
    told = values(calendar_file("日程", [line(**changes)], ZONE, NOW))
    assert (told["DTSTART;VALUE=DATE"], told["DTEND;VALUE=DATE"], told["STATUS"], told["TRANSP"]) == (start, end, status, "TRANSPARENT")
    assert told["SUMMARY"].startswith("截止：") == line(**changes).is_due
    assert ("日期待定" in told["SUMMARY"]) == (line(**changes).first != line(**changes).last)


def test_what_was_called_off_is_cancelled_under_its_old_name() -> None:
    """A program that has the event strikes it out: the UID is the same."""
    share = Share(key="第2期", department="kfq", name="管委会", standing=Standing.CANCELLED)
    told = values(calendar_file("日程", [line(shares=(share,))], ZONE, NOW))
    assert (told["UID"], told["STATUS"]) == ("abc@chenggong.zuozhen", "CANCELLED")


@given(st.text(max_size=300))
def test_any_text_is_read_back(text: str) -> None:
    """Commas, semicolons, backslashes and ends of lines are escaped, and no text becomes a line of its own."""
    told = values(calendar_file("日程", [line(place=f"x{text}")], ZONE, NOW))
    spaced = "".join(" " if sign != "\n" and sign.isspace() else sign for sign in f"x{text}")
    plain = "".join(sign for sign in spaced if sign == "\n" or sign.isprintable())
    out, marked = [], False
    for sign in told["LOCATION"]:
        if marked:
            out.append("\n" if sign == "n" else sign)
        elif sign != "\\":
            assert sign not in ",;"
            out.append(sign)
        marked = sign == "\\" and not marked
    assert "".join(out) == plain

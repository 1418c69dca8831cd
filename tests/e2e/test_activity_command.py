"""`zuozhen activity` as an operator calls it: a session from its announcement to the receipt, what a program reads, and mistakes."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from daemon import districts, rulebooks
from daemon.wiring import utc_now
from rules.rulebook import load_pack
from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here

KEY = "2024年第1期"
ANNOUNCED = ("announce", KEY, "--sort", "session", "--day", "2024-09-27", "--department", "swj", "--title", "助推民营经济发展")

_quick_load = cache(load_pack)


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all commands load the product's own pack once."""
    for module in (districts, rulebooks):
        monkeypatch.setattr(module, "load_pack", _quick_load)


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on an instance that never ran."""
    return Here(capsys, write_instance(tmp_path, 25))


def act(here: Here, *words: str, by: str = "王芳") -> str:
    """Let somebody say something, which succeeds without a reason; return what was printed."""
    said = here("activity", *words, "--by", by)
    assert (said.code, said.err) == (0, ""), said
    return said.out


def states(here: Here) -> dict[str, str]:
    """Return how each deadline of the session stands, by kind."""
    return {deadline["kind"]: deadline["state"] for deadline in here("activity", "show", KEY, "--json").data["deadlines"]}


def test_a_session_from_announcement_to_receipt(here: Here) -> None:
    """As the page has it: each act says what is owed now, is told apart where it changes nothing, and stands in the history."""
    said = act(here, *ANNOUNCED)
    assert f"{KEY}　场次　进行中" in said
    assert "助推民营经济发展　区税务局　2024-09-27" in said
    assert "电话叫号" in said
    assert "2024-09-24" in said
    assert act(here, *ANNOUNCED) == f"“{KEY}”没有变化：先前已登记，或没有在等的这一样。\n"
    assert "2024-09-27" in act(here, "close-booking", KEY, "--day", "2024-09-20")  # five working days, with none off on the way
    assert states(here) == {"call_up": "open", "service_list": "open"}
    act(here, "receive", KEY, "call_up", "--reason", "电话已打，记录在册")
    assert "没有变化" in act(here, "receive", KEY, "call_up")
    act(here, "end", KEY)
    act(here, "heed", KEY, by="李明")
    assert states(here) == {"call_up": "met", "service_list": "open", "receipt": "open"}
    act(here, "receive", KEY, "receipt", "--reason", "公文交换系统第12号")
    assert states(here)["receipt"] == "met"

    shown = here("activity", "show", KEY).out
    for words in (
        "登记日期（2024-09-27）　王芳\n",
        "挂号截止（2024-09-20）　王芳\n",
        "收到（call_up、2024-09-27）　王芳：电话已打，记录在册\n",
        "收悉催办（2024-09-27）　李明\n",
        "已举行（2024-09-27）　王芳\n",
    ):
        assert words in shown, shown
    assert "警报" not in shown


def test_a_program_reads_what_is_owed(here: Here) -> None:
    """The JSON has the subject, its deadlines with every counted day, its history, and what is wrong with that: nothing."""
    act(here, *ANNOUNCED)
    found = here("activity", "show", KEY, "--json").data
    assert (found["key"], found["sort"], found["day"], found["department"]) == (KEY, "session", "2024-09-27", "swj")
    (owed,) = found["deadlines"]
    assert (owed["kind"], owed["due"]["due"], owed["due"]["basis"]) == ("call_up", "2024-09-24", "三（五）")
    assert [day["day"] for day in owed["due"]["days"]] == ["2024-09-26", "2024-09-25", "2024-09-24"]
    assert [(event["kind"], event["actor"]) for event in found["history"]] == [("subject.announced", "王芳")]
    assert found["problems"] == []
    (listed,) = here("activity", "list", "--json").data
    assert listed == {name: value for name, value in found.items() if name not in {"history", "problems"}}


def test_the_list_has_the_newest_first_and_an_empty_one_says_so(here: Here) -> None:
    """What was held without having been announced is logged by one command; sorts are told apart; a limit holds."""
    assert "还没有场次、活动或定期事项。" in here("activity", "list").out
    assert here("activity", "list", "--json").data == []
    act(here, *ANNOUNCED)
    act(here, "end", "走访云南某公司", "--of", "企业走访", "--department", "swj", "--day", "2024-10-15", by="李明")
    assert [one["key"] for one in here("activity", "list", "--json").data] == ["走访云南某公司", KEY]
    assert [one["key"] for one in here("activity", "list", "--sort", "session", "--json").data] == [KEY]
    assert [one["key"] for one in here("activity", "list", "--limit", "1", "--json").data] == ["走访云南某公司"]
    shown = here("activity", "list").out
    for words in ("走访云南某公司", "已结束", "场次", "2024-09-24（周二）"):
        assert words in shown, shown


def test_a_day_that_moves_and_a_session_called_off(here: Here) -> None:
    """Announced anew the old date is void; called off nothing is owed, and it can no longer be held."""
    act(here, *ANNOUNCED)
    assert "2024-10-07" in act(here, "announce", KEY, "--day", "2024-10-10")
    assert [owed["state"] for owed in here("activity", "show", KEY, "--json").data["deadlines"]] == ["void", "open"]
    assert "已取消" in act(here, "cancel", KEY, "--reason", "改在下月")
    assert set(states(here).values()) == {"void"}
    refused = here("activity", "end", KEY, "--by", "王芳")
    assert refused.code == 2
    assert f"“{KEY}”已取消，不能再改" in refused.err


def test_nothing_is_held_before_its_day(here: Here) -> None:
    """Also where the day was given when it was announced and is not said again."""
    tomorrow = (utc_now() + timedelta(days=2)).date()
    act(here, "announce", KEY, "--sort", "session", "--day", str(tomorrow))
    refused = here("activity", "end", KEY, "--by", "王芳")
    assert refused.code == 2
    assert f"“{KEY}”在 {tomorrow}，还没有到，不能登记为已结束" in refused.err
    assert states(here) == {"call_up": "open"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", "没有的"), "没有名为“没有的”"),
        (("receive", "没有的", "receipt", "--by", "王芳"), "没有名为“没有的”"),
        (("receive", KEY, "recept", "--by", "王芳"), "没有名为 recept 的时限；场次、活动有：call_up、service_list、receipt"),
        (("announce", "甲", "--by", "王芳"), "缺少选项 --day"),
        (("announce", "甲", "--day", "9月27日", "--by", "王芳"), "应写成 2024-09-26"),
        (("announce", "甲", "--day", "2024-09-27", "--department", "xyz", "--by", "王芳"), "部门代号 xyz 不在部门名录里"),
        (("announce", "甲", "--day", "2024-09-27"), "缺少选项 --by"),
        (("announce", "甲", "--day", "2024-09-27", "--by", " "), "要写明由谁决定"),
        (("announce", " ", "--day", "2024-09-27", "--by", "王芳"), "名称不能是空的"),
        (("announce", "甲\n乙", "--day", "2024-09-27", "--by", "王芳"), "名称要写在一行里"),
        (("announce", "甲" * 121, "--day", "2024-09-27", "--by", "王芳"), "名称超过 120 字"),
        (("announce", "甲", "--day", "2024-09-27", "--title", "乙\n丙", "--by", "王芳"), "主题要写在一行里"),
        (("end", "甲", "--by", "王芳"), "“甲”还没有登记，要写明种类和日期"),
        (("close-booking", KEY, "--day", "2099-01-01", "--by", "王芳"), "还没有到"),
        (("list", "--district", "wuhua"), "配置里没有区 wuhua；有：chenggong"),
        (("list", "--sort", "case"), "--sort"),
        (("import", "没有这个文件.yaml", "--by", "王芳"), "没有这个文件"),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(here: Here, words: tuple[str, ...], expected: str) -> None:
    """The code is 2, the message says what is wrong or what to write, and nothing is kept."""
    act(here, *ANNOUNCED)
    before = here("activity", "list", "--json").data
    said = here("activity", *words)
    assert said.code == 2, said
    assert expected in said.err, said.err
    assert here("activity", "list", "--json").data == before


def test_a_file_of_events_is_taken_in_once(here: Here, tmp_path: Path) -> None:
    """Read again it changes nothing; where one is not possible the message says which, and those before it stand."""
    path = tmp_path / "九月.yaml"
    good = (
        f"- {{at: 2024-09-12T10:00, event: announced, sort: session, key: {KEY}, department: swj, day: 2024-09-27}}\n"
        f"- {{event: booking_closed, key: {KEY}, day: 2024-09-20}}\n"
    )
    path.write_text(f"{good}- {{event: booking_closed, key: {KEY}}}\n- {{event: ended, key: {KEY}}}\n", encoding="utf-8")
    stopped = here("activity", "import", str(path), "--by", "王芳")
    assert stopped.code == 2
    assert f"九月.yaml 第3件：“{KEY}”的挂号在哪一天截止，要写明日期" in stopped.err
    assert states(here) == {"call_up": "open", "service_list": "open"}
    path.write_text(f"{good}- {{event: ended, key: {KEY}}}\n", encoding="utf-8")
    assert act(here, "import", str(path)) == "3 件事，新登记 1 件，其余先前已登记。\n"
    assert act(here, "import", str(path)) == "3 件事，新登记 0 件，其余先前已登记。\n"
    history = here("activity", "show", KEY, "--json").data["history"]
    assert [(event["kind"], event["reason"]) for event in history] == [
        ("subject.announced", "九月.yaml第1件"),
        ("subject.booking_closed", "九月.yaml第2件"),
        ("subject.ended", "九月.yaml第3件"),
    ]
    path.write_text("- {event: 举行, key: 甲}\n- 乙\n", encoding="utf-8")
    refused = here("activity", "import", str(path), "--by", "王芳")
    assert refused.code == 2
    assert "第1件" in refused.err
    assert "第2件" in refused.err
    assert len(here("activity", "list", "--json").data) == 1

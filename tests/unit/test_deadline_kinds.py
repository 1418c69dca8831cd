"""Mistakes in a pack's `deadlines.kinds`: each is told with its file, line, place and remedy, and none hides another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rules.deadline_kinds import Rung
from rules.rulebook import load_pack
from store.errors import ConfigError

SMALL = Path(__file__).parents[1] / "packs" / "small"
GOOD = "label: 答复, since: [promise], days: promised_days, owes: department, until: [answer]"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a copy of the small pack, which declares no kinds."""
    return Path(shutil.copytree(SMALL, tmp_path / "small"))


def declare(pack: Path, kind: str) -> list[str]:
    """Declare one kind in the pack, and return the problems as printed."""
    with (pack / "pack.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  kinds:\n    answer: {{{kind}}}\n")
    try:
        load_pack(pack)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_a_good_kind_is_read_with_its_ladder_in_order(pack: Path) -> None:
    """Rungs and reminders stand in the order in which they come, however they are written."""
    assert declare(pack, f"{GOOD}, remind: [0, 3], ladder: [{{after: 5, to: coordinator, copies: true}}, {{after: 1, to: head}}]") == []
    kind = load_pack(pack).settings.kinds.by_id["answer"]
    assert kind.remind == (3, 0)
    assert kind.ladder == (Rung(after=1, to="head"), Rung(after=5, to="coordinator", copies=True))
    assert kind.of_a_case


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (GOOD.replace("label: 答复, ", ""), "缺少“label”"),
        (GOOD.replace(", owes: department", ""), "缺少“owes”"),
        (GOOD.replace("since: [promise], ", ""), "缺少起算事件或天数"),
        (GOOD.replace("days: promised_days, ", ""), "缺少起算事件或天数"),
        (GOOD.replace(", until: [answer]", ""), "没有写怎样算办到了"),
        (GOOD.replace("[promise]", "[promised]"), "promised"),
        (GOOD.replace("until: [answer]", "until: []"), "列表是空的（事件）"),
        (GOOD.replace("promised_days", "promise_days"), "这里应是整数"),
        (GOOD.replace("promised_days", "-1"), "0 到 250"),
        (GOOD.replace("owes: department", "owes: 部门"), "责任方"),
        (f"{GOOD}, unit: weeks", "单位"),
        (f"{GOOD}, words: [答复件]", "words 只用于场次、活动和每个周期报送的"),
        ("label: 月报, every: month, owes: department, words: [报]", "至少 2 个字"),
        ("label: 月报, every: month, owes: department, covers: [送政策]", "covers 只用于"),
        (
            "label: 月报, every: month, owes: department, words: [月报]}\n    other: {label: 年报, every: year, owes: department, words: [年报, 月报]",
            "“月报”也是 answer 的词",
        ),
        (f"{GOOD}, pauses: 是", "这里只能写 true 或 false"),
        (f"{GOOD}, remind: 3", "这里应是列表（工作日数）"),
        (f"{GOOD}, remind_at: 22", "7 到 20"),
        (f"{GOOD}, ladder: [{{after: 1, to: boss}}]", "层级"),
        (f"{GOOD}, ladder: [{{after: 0, to: head}}]", "1 到 250"),
        (f"{GOOD}, ladder: [{{to: head}}]", "缺少“after”"),
        (f"{GOOD}, repeat_every: 5", "重复催办没有上限"),
        (f"{GOOD}, remnid: [1]", "不认识的键“remnid”"),
        ("label: 月报, every: month, days: 3, owes: department", "every 与 since、days 不能同写"),
        ("label: 月报, every: half_month, day: 3, owes: department", "不能另写 day"),
        ("label: 走访, since: [activity], days: 3, times: 2, owes: department", "只用于每个周期一次的"),
        ("label: 报告, since: [activity_end, promise], days: 3, owes: department, until: [answer]", "不能与一件的事件混写"),
        (f"{GOOD}, of: [走访]", "of 只用于从场次、活动起算的"),
        (f"{GOOD}, unit: hours", "按小时的时限要写明小时数"),
        (f"{GOOD}, remind_share: [120]", "1 到 99"),
        ("label: 叫号, since: [session], days: 3, before: true, remind_share: [50], owes: department", "往回数的没有起点"),
        ("label: 月报, every: month, day: 31, owes: department", "1 到 28"),
        ("label: 月报, every: week, day: 5, owes: department", "周期"),
    ],
)
def test_a_mistake_is_told_with_its_place(pack: Path, kind: str, expected: str) -> None:
    """The message names file and line, says in Chinese what is wrong, and how it should read."""
    problems = declare(pack, kind)
    assert any(expected in problem for problem in problems), problems
    assert all("pack.yaml:" in problem for problem in problems)


def test_two_mistakes_are_two_messages(pack: Path) -> None:
    """Whoever mends the first does not meet the second on the next try."""
    assert len(declare(pack, f"{GOOD}, unit: weeks, remind_at: 22")) == 2

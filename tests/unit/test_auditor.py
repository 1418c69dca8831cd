"""The five answers to an auditor in docs/工作日与时限.md: each is what the product says today, line by line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.cli.show import deadline_lines
from rules.calendar import Calendar
from rules.calendar_folder import load_calendar
from rules.calendar_overlay import read_overlay
from rules.office import OfficeHours
from rules.planner import Planner, plans
from rules.rulebook import builtin_pack, load_pack
from store.model.case import Case, CaseState, Progress
from store.owing import Deadline
from tests.sample_case import CASE

PAGE = Path(__file__).parents[2] / "docs" / "工作日与时限.md"
ZONE = ZoneInfo("Asia/Shanghai")
OVERLAY = """
closures:
  - {name: 停电检修, from: 2025-03-03, to: 2025-03-03, by: 区政府办通知〔2025〕3号}
half_days:
  - {name: 搬迁, date: 2025-03-04, closes: "12:00", by: 区政务服务局通知}
"""


def answers() -> list[str]:
    """Return what stands on the page, one text for each answer."""
    text = PAGE.read_text(encoding="utf-8").partition("## 审计问起：为什么是这一天")[2].partition("\n## ")[0]
    return [block.strip("\n") for block in re.findall(r"```\n(.*?)```", text, re.DOTALL)]


def planner(calendar: Calendar | None = None) -> Planner:
    """Return the planner of 呈贡."""
    return plans(load_pack(builtin_pack("chenggong")), calendar or load_calendar())


def promised(by: Planner, day: datetime, days: int, *, event: str = "promise", extended: int = 0) -> Deadline:
    """Return the deadline of the answer that a promise on *day*, the day of registration, begins."""
    case: Case = replace(
        CASE, state=CaseState.HANDLING, opened_at=day, progress=Progress(promised_days=days, extended_days=extended), due=None
    )
    (deadline,) = [one for one in by.owing(case, event, CaseState.ACKNOWLEDGED, day).begins if one.kind == "answer"]
    return deadline


def across_the_national_day(_: Path) -> Deadline:
    """Return seven working days from 25 September 2024, with two make-up days."""
    return promised(planner(), datetime(2024, 9, 27, 10, tzinfo=ZONE), 7)


def around_a_closure(folder: Path) -> Deadline:
    """Return two working days around a day without power, ending on a half day."""
    (folder / "chenggong.yaml").write_text(OVERLAY, encoding="utf-8")
    calendar = load_calendar().of_district(read_overlay(folder / "chenggong.yaml"), OfficeHours())
    return promised(planner(calendar), datetime(2025, 2, 27, 10, tzinfo=ZONE), 2)


def in_a_year_without_notice(_: Path) -> Deadline:
    """Return seven working days over a Spring Festival whose notice is not out."""
    return promised(planner(), datetime(2027, 2, 1, 10, tzinfo=ZONE), 7)


def waited_and_extended(_: Path) -> Deadline:
    """Return a promise that stood still for a supplement and was then extended."""
    by = planner()
    start, back = datetime(2024, 9, 25, 10, tzinfo=ZONE), datetime(2024, 9, 29, 10, tzinfo=ZONE)
    paused = replace(promised(by, start, 7), paused_on=start.date())
    resumed = by.resumed(paused, back)
    return by.carried(resumed, promised(by, start, 7, event="extend", extended=3), back)


def longer_than_in_principle(_: Path) -> Deadline:
    """Return a promise of ten working days, for which a reason was given."""
    return promised(planner(), datetime(2026, 4, 24, 10, tzinfo=ZONE), 10)


ASKED: list[Callable[[Path], Deadline]] = [
    across_the_national_day,
    around_a_closure,
    in_a_year_without_notice,
    waited_and_extended,
    longer_than_in_principle,
]


@pytest.mark.parametrize(("number", "asked"), list(enumerate(ASKED)), ids=[one.__name__ for one in ASKED])
def test_an_answer_stands_on_the_page_as_the_product_gives_it(number: int, asked: Callable[[Path], Deadline], tmp_path: Path) -> None:
    """`case show` explains each day with its ground; the page shows exactly that."""
    assert "\n".join(deadline_lines(asked(tmp_path))) == answers()[number]


def test_every_day_of_an_answer_has_its_ground(tmp_path: Path) -> None:
    """A day that a notice makes differ names the notice by its number, one that the district makes differ who ordered it."""
    texts = [" ".join(deadline_lines(asked(tmp_path))) for asked in ASKED]
    assert "国办发明电〔2023〕7号" in texts[0]
    assert "区政府办通知〔2025〕3号" in texts[1]
    assert "区政务服务局通知" in texts[1]
    assert "暂定" in texts[2]
    assert "最晚" in texts[2]
    assert "停止计时" in texts[3]
    assert "国办发明电〔2025〕7号" in texts[4]

"""The drills of the three districts: what their documents ask for is produced or said to be lacking, nothing planned is missed or doubled."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from daemon import logs
from daemon.cli.drill_files import Asked, asked_of, disagreements, shown_by, write_all
from daemon.cli.drill_files import rows as table_rows
from daemon.drill.play import Outcome
from tests.drills.months import ALL, CHENGGONG, FOLDER, JINNING, WUHUA, Months

PAGE = FOLDER.parents[1] / "docs" / "对照.md"
PREFIXES = {"chenggong": "CG", "wuhua": "WH", "jinning": "JN"}
LATER = {  # what happens behind the days that are played here
    "chenggong": {
        "确认后告知来信人该向哪里反映",
        "情形2 民事纠纷：告知",
        "情形5 不属营商环境：告知",
        "不符合政策法规，说明",
        "没有报的督促到科室负责人、统筹部门",
        "拟立类题",
    },
    "jinning": {"季报迟报的督促", "提醒开展抽样调查"},
}
pytestmark = pytest.mark.timeout(600)  # each plays months


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """Log as the command does: thousands of lines are written otherwise."""
    logs.configure("error", "auto")


def assert_nothing_amiss(outcome: Outcome) -> None:
    """All that was planned was sent once, and all that the script says happened."""
    assert outcome.ledger.is_clean
    assert outcome.ledger.unsent == []
    assert not outcome.refused
    assert sum(len(tally.lines) for tally in outcome.ledger.kinds) > 0


def assert_papers_open(outcome: Outcome, asked: Asked) -> None:
    """Every document is there, and is what its ending says."""
    assert set(outcome.papers) == {paper.file for paper in asked.papers}
    for file, content in outcome.papers.items():
        if file.endswith(".ics"):
            assert content.startswith(b"BEGIN:VCALENDAR")
        else:
            assert zipfile.ZipFile(BytesIO(content)).testzip() is None, file


async def whole(months: Months, work: Path) -> None:
    """Play a district's months to their end: every claim of its table is true, and its folder holds the files of which the table speaks."""
    with months.at(work) as place:
        outcome, asked = await months.played(place)
        found = shown_by(outcome, asked)
        assert disagreements(found) == []
        assert_nothing_amiss(outcome)
        assert_papers_open(outcome, asked)
        listed = table_rows(outcome, found)
        write_all(outcome, place, work / "out", listed)
    named = [re.sub(" 的附件.*", "", row[3]) for row in listed]
    assert [file for file in named if not file.startswith("没有：") and not (work / "out" / file).is_file()] == []
    assert any(file.startswith("没有：") for file in named)


async def test_the_year_of_wuhua(tmp_path: Path) -> None:
    """WH-1 to WH-6: a year's mails and documents are those that the table claims."""
    await whole(WUHUA, tmp_path)


@pytest.mark.parametrize(("months", "last"), [(CHENGGONG, date(2024, 11, 25)), (JINNING, date(2023, 6, 5))], ids=["chenggong", "jinning"])
async def test_the_first_months_of_a_district(months: Months, last: date, tmp_path: Path) -> None:
    """CG-1 to CG-4 up to the third session, JN-0 to JN-9 of spring: every mail that is claimed was sent, but for what happens later."""
    with months.at(tmp_path) as place:
        outcome, asked = await months.played(place, last)
    assert_nothing_amiss(outcome)
    wrong = {one.proof.made for _, one in shown_by(outcome, asked) if not one.is_as_said and not one.proof.paper}
    assert wrong == LATER[months.district]


@pytest.mark.long
@pytest.mark.parametrize("months", [CHENGGONG, JINNING], ids=lambda months: months.district)
async def test_all_months_of_a_district(months: Months, tmp_path: Path) -> None:
    """CG-1 to CG-4 with all golden inputs, 2024-09-24 to 2025-03-31, and JN-0 to JN-9 in 2023, documents too."""
    await whole(months, tmp_path)


@pytest.mark.parametrize("months", ALL, ids=lambda months: months.district)
def test_no_requirement_is_left_out(months: Months) -> None:
    """Each id of a district stands in its table once, and docs/对照.md has the same rows with the same gaps."""
    prefix, requirements = PREFIXES[months.district], asked_of(months.cases).requirements
    assert {one.id.split("-")[0] for one in requirements} == {prefix}
    assert len({one.id for one in requirements}) == len(requirements)
    (part,) = [piece for piece in PAGE.read_text(encoding="utf-8").split("\n## ") if f"\n| {prefix}-" in piece]
    written = [line.split(" | ") for line in part.splitlines() if line.startswith("| ")][1:]
    said = [(re.sub(r"（\d+封）$", "", made), file.startswith("没有：")) for _, _, made, file in written]
    assert said == [(proof.made, bool(proof.lacks)) for one in requirements for proof in one.proofs]

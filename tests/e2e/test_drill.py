"""`zuozhen drill` as an operator runs it: killed at random places it goes on and ends with the identical mails; nothing missed, nothing doubled."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from dataclasses import dataclass, field
from datetime import datetime
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

import pytest

from tests.integration.houses import Enterprise

ROOT = Path(__file__).parents[2]
SIX_MONTHS = ("--from", "2024-09-25", "--until", "2025-03-31")
_EARLY = 4  # commits that the start itself makes at least
ACTS = """
- {at: 2025-01-21 10:00, case: 节前, event: acknowledge, by: 孙莉}
- {at: 2025-01-22 10:00, case: 节前, event: promise, by: 孙莉, days: 7, limit: 4, reason: 需函询}
- {at: 2025-02-13 10:00, case: 节前, event: answer, by: 孙莉, result: solved, reason: 已办}
- {at: 2025-02-14 10:00, case: 节前, event: rate, by: 企业, rating: satisfied, reason: 满意}
- {at: 2025-01-21 09:00, key: 第1期, event: announced, sort: session, day: 2025-01-24, department: scj, by: 王芳}
- {at: 2025-01-24 17:30, key: 第1期, event: ended, by: 王芳}
- {at: 2025-02-06 10:00, key: 第1期, event: heeded, by: 李明}
- {at: 2025-02-10 10:00, key: 第1期, event: received, kind: receipt, by: 王芳}
"""


@dataclass(slots=True, kw_only=True)
class Life:
    """One process: its end, and what it said."""

    code: int | None
    out: str
    error: str


@dataclass(slots=True)
class Tried:
    """A drill in a folder of its own."""

    work: Path
    words: tuple[str, ...]
    kills: int = 0
    counted: Path = field(init=False)

    def __post_init__(self) -> None:
        """Give the count a place beside the folder."""
        self.counted = self.work.with_suffix(".count")

    async def live(self, nth: int = 0, how: str = "") -> Life:
        """Run until it ends, or dies at its *nth* commit or mail."""
        words = ("-m", "tests.e2e.dying_drill", str(nth), how or "never", str(self.counted), "drill", *self.words, "--work", str(self.work))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, error = await process.communicate()
        return Life(code=process.returncode, out=out.decode(), error=error.decode())

    async def die(self, chance: random.Random, kills: int, commits: int) -> None:
        """Be killed *kills* times, at random over the *commits* that a whole drill takes."""
        cuts = sorted(chance.sample(range(commits * 9 // 10), kills))
        for gap in [after - before for before, after in zip([0, *cuts], cuts, strict=False)]:
            life = await self.live(max(gap, 1), chance.choice(["before", "after", "soon"] if gap > _EARLY else ["before", "early"]))
            assert life.code == -signal.SIGKILL, f"not killed at {gap} of {commits}: {life}"
            self.kills += 1

    async def end(self) -> dict[str, Any]:
        """Run to the end and return what is told."""
        life = await self.live()
        assert life.code == 0, life
        told: dict[str, Any] = json.loads(life.out)
        return told

    def mails(self) -> dict[str, bytes]:
        """Return the mails that were caught, by Message-ID; each lies there once."""
        raws = [path.read_bytes() for path in (self.work / "outgoing").glob("*.eml")]
        found = {str(BytesHeaderParser().parsebytes(raw)["Message-ID"]): raw for raw in raws}
        assert len(found) == len(raws)
        return found


def small(folder: Path) -> Path:
    """Write a drill of two matters around the Spring Festival, one of which nobody looks at."""
    folder.mkdir()
    (folder / "2025-01-20_1010 节前.eml").write_bytes(Enterprise().mail())
    (folder / "2025-01-27_1650 除夕.eml").write_bytes(Enterprise().mail())
    (folder / "events.yaml").write_text(ACTS, encoding="utf-8")
    return folder


async def compare(tmp_path: Path, words: tuple[str, ...], kills: int, seed: int) -> dict[str, Any]:
    """Run a drill undisturbed and again killed *kills* times; the mails are the same, byte for byte. Returns what the second one told."""
    whole, killed = Tried(tmp_path / "whole", (*words, "--json")), Tried(tmp_path / "killed", (*words, "--json"))
    told = await whole.end()
    chance = random.Random(seed)  # noqa: S311 - nothing is kept secret by it
    await killed.die(chance, kills, int(whole.counted.read_text("utf-8")))
    assert await killed.end() == told
    assert killed.kills == kills
    assert killed.mails() == whole.mails()
    assert {f"<{mail['message_id']}>" for mail in told["sent"]} == set(whole.mails())
    return told


def assert_clean(told: dict[str, Any]) -> None:
    """Nothing was missed, nothing doubled, and everything went out at the minute for which it was planned, on a working day."""
    assert [(kind["kind"], kind["missed"], kind["doubled"]) for kind in told["kinds"] if kind["missed"] or kind["doubled"]] == []
    assert told["unsent"] == []
    assert told["refused"] == []
    steps = [step for kind in told["kinds"] for step in kind["steps"]]
    assert steps
    assert [step for step in steps if datetime.fromisoformat(step["sent"]) != datetime.fromisoformat(step["planned"])] == []
    reminders = [mail for mail in told["sent"] if mail["purpose"] == "reminder"]
    assert all(mail["working_day"] and mail["at"][11:16] == "09:00" for mail in reminders)


@pytest.mark.timeout(600)  # six processes, each of which starts a whole house
async def test_killed_at_random_it_sends_the_same_mails(tmp_path: Path) -> None:
    """A drill over the Spring Festival, killed three times: the identical mails, by Message-ID and byte for byte, none missed, none doubled."""
    cases = small(tmp_path / "cases")
    told = await compare(tmp_path, ("--cases", str(cases), "--until", "2025-03-20"), kills=3, seed=20250128)
    assert_clean(told)
    written = Tried(tmp_path / "killed", ("--cases", str(cases), "--until", "2025-03-20", "--mails", str(tmp_path / "mails")))
    life = await written.live()
    assert life.code == 0, life
    assert "2025-01-28 周二　春节放假（国办发明电〔2024〕12号）" in life.out
    assert sorted(path.read_bytes() for path in (tmp_path / "mails").iterdir()) == sorted(written.mails().values())
    kinds = {kind["kind"]: kind for kind in told["kinds"]}
    first, second = told["cases"]["节前"], told["cases"]["除夕"]
    assert [step["planned"][:10] for step in kinds["answer"]["steps"] if step["about"] == first] == [
        *("2025-01-24", "2025-01-27", "2025-02-05"),  # seven working days from the 20th, a Sunday among them: the first behind the festival
        *("2025-02-06", "2025-02-07", "2025-02-08", "2025-02-11"),  # the ladder: after 1, 2, 3 and 5 working days, the 8th a Saturday
    ]
    assert [step["planned"][:10] for step in kinds["receipt"]["steps"]] == [
        *("2025-01-27", "2025-02-05"),  # three working days behind a Friday, a Sunday among them: over the festival
        "2025-02-06",  # the section head; the coordinator on the 8th is spared, since it was heard
    ]
    assert [step["planned"][:10] for step in kinds["acknowledge"]["steps"] if step["about"] == second] == [
        "2025-02-05",
        "2025-02-06",
        "2025-02-07",
    ]


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_six_months_killed_fifty_times(tmp_path: Path) -> None:
    """The sample over National Day and Spring Festival, killed fifty times at random: the identical mails, none missed, none doubled."""
    assert_clean(await compare(tmp_path, SIX_MONTHS, kills=50, seed=20240925))

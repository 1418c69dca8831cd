"""Three districts drilled over the months of their documents: the packs as shipped, with what a district fills in itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from daemon.cli.drill_files import Asked, asked_of
from daemon.drill.play import Outcome, play
from daemon.drill.workplace import Workplace, workplace
from rules.rulebook import builtin_pack

FOLDER = Path(__file__).parent
_OPEN = re.compile(r"owed_by: \[\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """A drill of one district: from when to when."""

    district: str
    first: date
    last: date

    @property
    def cases(self) -> Path:
        """Where its script lies."""
        return FOLDER / self.district

    @contextmanager
    def at(self, work: Path) -> Iterator[Workplace]:
        """Yield a workplace below *work*, with the pack filled in."""
        with workplace(work / "work", self.cases, str(self._pack(work))) as place:
            yield place

    async def played(self, place: Workplace, last: date | None = None) -> tuple[Outcome, Asked]:
        """Play it, to the end or to an earlier *last* day; without documents where it ends earlier, since they are of days to come."""
        asked = asked_of(self.cases)
        papers = asked.papers if last is None else ()
        return await play(place, self.cases, self.first, last or self.last, papers=papers), asked

    def _pack(self, work: Path) -> Path:
        """Copy the pack and write in what it leaves to the district (`filled.yaml`): who owes what has no names, and further lines of the schedule."""
        pack = shutil.copytree(builtin_pack(self.district), work / self.district)
        filled = self.cases / "filled.yaml"
        if filled.is_file():
            said = yaml.safe_load(filled.read_text(encoding="utf-8"))
            settings, schedule = pack / "pack.yaml", pack / "schedule.yaml"
            named = f"owed_by: [{', '.join(said['owed_by'])}]"
            settings.write_text(_OPEN.sub(named, settings.read_text(encoding="utf-8")), encoding="utf-8")
            lines = "".join(f"  {line}\n" for line in said.get("schedule", "").splitlines())
            schedule.write_text(schedule.read_text(encoding="utf-8") + lines, encoding="utf-8")
        return pack


CHENGGONG = Months(district="chenggong", first=date(2024, 9, 24), last=date(2025, 3, 31))
WUHUA = Months(district="wuhua", first=date(2026, 1, 1), last=date(2026, 12, 31))
JINNING = Months(district="jinning", first=date(2023, 1, 1), last=date(2023, 12, 31))
ALL = (CHENGGONG, WUHUA, JINNING)

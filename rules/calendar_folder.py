"""Which files make a calendar: the product's years, an instance's own in front of them, and a district's days on top.

An instance keeps what it imported (`2027.yaml`) and its districts' days (`chenggong.yaml`) in one folder, apart from the product, so that
an update of the product takes nothing away; a year that stands in both is the instance's.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rules.calendar import Calendar
from rules.calendar_file import SpecialDay, YearPlan, read_year
from rules.calendar_overlay import Overlay, read_overlay
from rules.office import OfficeHours
from rules.provisional import load_festivals
from store.errors import ConfigError, Problem

BUILTIN = Path(__file__).parent / "calendars"


def load_calendar(*folders: Path) -> Calendar:
    """Read the years of the product, or those of *folders*, a later folder's year in place of an earlier one's.

    Raises ConfigError with the problems of all files.
    """
    problems: list[Problem] = []
    plans: dict[int, YearPlan] = {}
    for path in [path for folder in folders or (BUILTIN,) for path in year_files(folder)]:
        try:
            plans[int(path.stem)] = read_year(path)
        except ConfigError as error:
            problems += error.problems
    if not plans and not problems:
        place = str((folders or (BUILTIN,))[0])
        problems.append(Problem(place=place, key="", message="没有放假安排文件", remedy="应至少有一个年份的文件，如 2026.yaml"))
    special = _merged(list(plans.values()), problems)
    if problems:
        raise ConfigError(problems)
    return Calendar(years=list(plans), special=special, festivals=load_festivals())


def load_for_district(folder: Path | None, district: str, hours: OfficeHours) -> Calendar:
    """Return the calendar of *district* in an instance whose own files lie in *folder* (none where it has no such folder)."""
    if folder is None or not folder.is_dir():
        return load_calendar().of_district(Overlay(), hours)
    return load_calendar(BUILTIN, folder).of_district(read_overlay(folder / f"{district}.yaml"), hours)


def year_files(folder: Path) -> list[Path]:
    """Return the files of *folder* that are named after a year, oldest first."""
    return sorted(path for path in folder.glob("*.yaml") if path.stem.isascii() and path.stem.isdigit())


def _merged(plans: list[YearPlan], problems: list[Problem]) -> dict[date, SpecialDay]:
    """Put the years together; a December day that two years' files claim is a mistake in one of them."""
    special: dict[date, SpecialDay] = {}
    for plan in sorted(plans, key=lambda plan: plan.year):
        problems += [
            Problem(place=plan.place, key="holidays", message=f"{day} 在另一个年份的文件里已有安排", remedy="删去其中一处")
            for day in sorted(special.keys() & plan.special.keys())
        ]
        special |= plan.special
    return special

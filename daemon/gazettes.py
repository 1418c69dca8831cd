"""Takes a notice of the State Council in: read, held against what is known, and put among the instance's own data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rules.calendar import Calendar, DayInfo, days_of, first_unsure_day
from rules.calendar_file import YearPlan, read_year
from rules.gazette import read_gazette, to_yaml
from rules.witnesses import disagreements, known_to
from store.errors import ConfigError, Problem, UsageError
from store.trouble import reason

_MAX_BYTES = 1_000_000
_YEAR_FILE = {".yaml", ".yml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A notice read and checked but not yet believed: its days, the file it makes, and what two libraries say of them."""

    plan: YearPlan
    text: str
    witnesses: Mapping[str, bool]  # library → whether it knows the year
    differences: tuple[str, ...]


def draft(file: Path) -> Draft:
    """Read *file*, a notice's text or a year's file; raises ConfigError with every mistake in it, UsageError where it cannot be opened."""
    text = _text(file) if file.suffix in _YEAR_FILE else to_yaml(read_gazette(_text(file), file.name))
    with tempfile.TemporaryDirectory() as folder:
        # One reader for both ways in: what a notice becomes is checked as strictly as what an operator wrote.
        copy = Path(folder) / f"{_year_in(text, file)}.yaml"
        copy.write_text(text, encoding="utf-8")
        plan = read_year(copy)
    return Draft(plan=plan, text=text, witnesses=known_to(plan.year), differences=tuple(disagreements(plan)))


def changes(found: Draft, calendar: Calendar) -> list[tuple[date, DayInfo, DayInfo]]:
    """Return the days that the draft makes different from *calendar*: the day, before, after."""
    plan = found.plan
    after = Calendar(years=[plan.year, plan.year + 1], special=plan.special)
    days = sorted({*plan.special, *(day for day in days_of(plan.year) if calendar.is_special(day) and day < first_unsure_day(plan.year))})
    pairs = [(day, calendar.day(day), after.day(day)) for day in days]
    return [(day, old, new) for day, old, new in pairs if (old.counted, old.why) != (new.counted, new.why)]


def is_installed(found: Draft, folder: Path) -> bool:
    """Say whether the instance has exactly this file."""
    path = folder / f"{found.plan.year}.yaml"
    return path.exists() and path.read_text(encoding="utf-8") == found.text


def install(found: Draft, folder: Path) -> Path:
    """Write the year's file into *folder* all at once, and return its path; raises UsageError where that fails."""
    path = folder / f"{found.plan.year}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".", delete=False) as file:
            file.write(found.text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise UsageError(f"写不了 {path}：{reason(error)}；检查目录权限") from error
    return path


def _text(file: Path) -> str:
    """Return the text of *file*, UTF-8 or the encoding Chinese editors save in."""
    try:
        raw = file.read_bytes() if file.stat().st_size <= _MAX_BYTES else b""
    except OSError as error:
        raise UsageError(f"打不开 {file}：{reason(error)}") from error
    for charset in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(charset)
        except UnicodeDecodeError:
            continue
        if text.strip():
            return text
    problem = Problem(
        place=str(file), key="", message="不是一份可读的文字文件", remedy="从中国政府网复制通知全文，存为文本文件（不超过 1 MB）"
    )
    raise ConfigError([problem])


def _year_in(text: str, file: Path) -> str:
    """Return the year a file is for: its own word, whatever it is called (a copy is often called 2027 (1).yaml)."""
    first = next((line for line in text.splitlines() if line.startswith("year:")), "")
    return first.removeprefix("year:").split("#")[0].strip() or file.stem

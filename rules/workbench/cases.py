"""Case files: petitions with what is right for them, written by hand.

A file is a list of samples (`rules.samples`) with these keys besides:

| key | meaning |
|---|---|
| verdict | accept, refuse, supplement, not_a_case or follow_up; required |
| ground | the ground, with refuse only |
| department | the department that should lead |
| other | departments that would be right as well |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rules.language import Sample
from rules.packfiles import Node, Problems, Reader, Table, read_yaml
from rules.samples import SAMPLE_KEYS, read_sample
from store.errors import ConfigError, Problem, UsageError
from store.model.decision import Verdict
from store.model.district import District
from store.trouble import reason

FOLDER = "cases"  # of a pack, no part of its rules
_EXPECTED = ("verdict", "ground", "department", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. `departments` are those that may lead, the best first; none where nobody said."""

    name: str
    sample: Sample
    verdict: str
    ground: int | None
    departments: tuple[str, ...]


def case_files(folder: Path, named: Sequence[Path]) -> list[Path]:
    """Return the case files to use: *named* (files, or folders of .yaml files), else those in the pack's own folder `cases`."""
    found = [file for path in (named or [folder / FOLDER]) for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    missing = next((path for path in named if not path.exists()), None)
    if missing is not None:
        raise UsageError(f"没有用例文件 {missing}，请检查路径")
    return [path for path in found if path.exists()]


def read_cases(paths: Sequence[Path], district: District) -> list[Case]:
    """Return the cases in *paths*; raises ConfigError with every mistake of every file, names unknown to *district* included."""
    problems = Problems()
    reader = Reader(problems)
    cases: list[Case] = []
    for path in paths:
        root = _root(path, problems)
        if root is not None:
            cases += cases_in(root, path.stem, district, reader)
    if problems.found:
        raise ConfigError(problems.found)
    return cases


def cases_in(root: Node, stem: str, district: District, reader: Reader) -> list[Case]:
    """Return the cases of one file, called *stem*; mistakes go to the reader's problems."""
    return [case for number, item in enumerate(reader.items(root, what="用例"), 1) for case in _case(stem, number, item, district, reader)]


def _root(path: Path, problems: Problems) -> Node | None:
    try:
        return read_yaml(path.read_bytes(), str(path), problems)
    except OSError as error:
        raise ConfigError([Problem(place=str(path), key="", message=f"读不了：{reason(error)}", remedy="检查路径和权限")]) from error


def _case(stem: str, number: int, node: Node, district: District, reader: Reader) -> Iterator[Case]:
    entries = reader.table(node, (*SAMPLE_KEYS, *_EXPECTED), ("verdict",))
    if not isinstance(node, Table) or "verdict" not in entries:
        return
    sample = read_sample({key: value for key, value in entries.items() if key in SAMPLE_KEYS}, node, reader)
    verdict = reader.choice(entries["verdict"], tuple(verdict.value for verdict in Verdict), "结论")
    yield Case(
        name=f"{stem}-{number}{f' {sample.title}' if sample.title else ''}",
        sample=sample,
        verdict=verdict or "",
        ground=_ground(entries, district, reader),
        departments=_departments(entries, district, reader),
    )


def _ground(entries: Mapping[str, Node], district: District, reader: Reader) -> int | None:
    number = reader.integer(entries["ground"], 1, 99) if "ground" in entries else None
    if number is not None and number not in district.grounds:
        reader.problems.add(entries["ground"], f"grounds.yaml 里没有情形 {number}", f"可以写：{'、'.join(map(str, district.grounds))}")
    return number


def _departments(entries: Mapping[str, Node], district: District, reader: Reader) -> tuple[str, ...]:
    def department(node: Node) -> str | None:
        return reader.choice(node, district.departments, "部门编号")

    lead = (department(entries["department"]),) if "department" in entries else ()
    return tuple(
        name for name in (*lead, *(reader.several(entries["other"], department, what="部门") if "other" in entries else ())) if name
    )

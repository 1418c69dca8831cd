"""The documents that a drill leaves behind: forms, reports, lists for calling back, the calendar; which, `documents.yaml` says.

- {file: 附件4 市政工程款.docx, form: 附件4, cases: [市政工程款], fill: {坐诊日期: 2024年10月28日}}
- {file: 2024年第四季度报告.docx, report: 2024Q4, as_of: 2025-01-10}
- {file: 2024年12月回访名单.xlsx, call_back: 2024-12}
- {file: 日程.ics, schedule: 2024-09-24 至 2025-03-31}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath

from daemon.pipeline import DistrictRoom
from daemon.reporting import make, moment, month, quarter, read, year
from daemon.timetable import known_of, timetable
from daemon.wiring import House
from notifier import enclosures
from notifier.call_back import call_back_table, chosen
from notifier.form_values import cleaned, values_of
from notifier.ics import calendar_file
from notifier.report_sheets import list_sheet
from rules.packfiles import Node, Problems, Reader, read_yaml
from store.drills import Drills
from store.errors import UsageError
from store.model.enclosure import Enclosure
from store.model.form import FORM_FIELDS
from store.reporting import Reporting

FILE = "documents.yaml"
_SORTS = ("form", "report", "call_back", "schedule")
_ENDINGS: Mapping[str, Sequence[str]] = {
    "form": (".docx", ".xlsx"),
    "report": (".docx", ".xlsx"),
    "call_back": (".xlsx",),
    "schedule": (".ics",),
}
_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2}) *至 *(\d{4}-\d{2}-\d{2})")
_SHARE = 10  # per cent of the contented that are called back, as `zuozhen report call-back` has it
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One document: its file, of which `sort` (form, report …), which one of that, and what it is made of. `cases` are names of mails."""

    place: str
    file: str
    sort: str
    which: str
    cases: tuple[str, ...] = ()
    fill: Mapping[str, str] = field(default_factory=dict)
    as_of: str = ""


def read_papers(raw: bytes, problems: Problems) -> list[Paper]:
    """Return what `documents.yaml` lists; mistakes go to *problems*."""
    root = read_yaml(raw, FILE, problems)
    reader = Reader(problems)
    found = [] if root is None else [paper for node in reader.items(root, what="文书") if (paper := _paper(node, reader)) is not None]
    for nth, paper in enumerate(found):
        if paper.file in {other.file for other in found[:nth]}:
            problems.add(Node(paper.place, "file"), f"有两份文书都叫“{paper.file}”", "改其中一份的名称")
    return found


def _paper(node: Node, reader: Reader) -> Paper | None:
    entries = reader.table(node, ("file", *_SORTS, "cases", "fill", "as_of"), ("file",))
    file = reader.text(entries["file"], longest=_LONGEST) if "file" in entries else None
    sorts = [sort for sort in _SORTS if sort in entries]
    if len(sorts) != 1:
        reader.problems.add(node, "要写是哪一种文书", f"写 {'、'.join(_SORTS)} 中的一个")
        return None
    (sort,) = sorts
    which = reader.text(entries[sort])
    fill = (
        {key: reader.text(value, longest=_LONGEST) or "" for key, value in reader.any_table(entries["fill"]).items()}
        if "fill" in entries
        else {}
    )
    for key in fill:
        if key not in FORM_FIELDS:
            reader.problems.unknown(entries["fill"], "栏目", key, FORM_FIELDS)
    if file is None or which is None:
        return None
    if file != PurePath(file).name or not file.endswith(tuple(_ENDINGS[sort])):
        reader.problems.add(entries["file"], f"“{file}”不是这种文书的文件名", f"以 {'、'.join(_ENDINGS[sort])} 结尾，不带目录")
    return Paper(
        place=node.place,
        file=file,
        sort=sort,
        which=which,
        cases=reader.several(entries["cases"], reader.text, what="来件的名字") if "cases" in entries else (),
        fill=fill,
        as_of=(reader.text(entries["as_of"]) or "") if "as_of" in entries else "",
    )


async def made(house: House, papers: Sequence[Paper]) -> dict[str, bytes]:
    """Return the documents by file, of the only district of *house*. Raises UsageError, with the place, where one cannot be made."""
    makers: Mapping[str, Callable[..., object]] = {"form": _form, "report": _report, "call_back": _call_back, "schedule": _schedule}
    found: dict[str, bytes] = {}
    for paper in papers:
        try:
            found[paper.file] = await makers[paper.sort](house, paper)  # type: ignore[misc]  # each of them is a coroutine function
        except UsageError as error:
            raise UsageError(f"{paper.place}　{paper.file}：{error}") from error
    return found


async def _form(house: House, paper: Paper) -> bytes:
    room, drills = _room(house), Drills(house.stores.database)
    entries = []
    for name in paper.cases:
        number = await drills.case_of(name)
        if not number or number.startswith("A-"):
            raise UsageError(f"来件“{name}”没有登记成一件")
        entries.append({**values_of(await house.stores.cases.get(number), room.rulebook.district), **_filled(paper)})
    head = {**(entries[0] if len(entries) == 1 else {}), **_filled(paper)}
    done = enclosures.make([Enclosure(name=paper.file, form=paper.which, entries=tuple(entries), head=head)], room.rulebook.forms)
    if done.missing:
        raise UsageError(f"规则包里没有表格“{paper.which}”；有：{'、'.join(room.rulebook.forms)}")
    return done.files[0][1]


def _filled(paper: Paper) -> dict[str, str]:
    return {key: cleaned(key, value) for key, value in paper.fill.items()}


async def _report(house: House, paper: Paper) -> bytes:
    book = _room(house).rulebook
    period = quarter(paper.which) if "Q" in paper.which.upper() else month(paper.which) if "-" in paper.which else year(paper.which)
    at = moment(paper.as_of, book.district.timezone) if paper.as_of else house.now()
    if at > house.now():
        raise UsageError(f"统计时刻 {paper.as_of} 在演练的止日之后")
    files = (await make(Reporting(house.stores.database), period, book, at)).files()
    return next(content for name, content in files.items() if PurePath(name).suffix == PurePath(paper.file).suffix)


async def _call_back(house: House, paper: Paper) -> bytes:
    book = _room(house).rulebook
    some = chosen((await read(Reporting(house.stores.database), month(paper.which), book, house.now())).cases, _SHARE)
    cases = {one.case.id: await house.stores.cases.get(one.case.number) for one in some}
    return list_sheet(call_back_table(some, cases, book.district, _SHARE), book.district)


async def _schedule(house: House, paper: Paper) -> bytes:
    room, span = _room(house), _SPAN.fullmatch(paper.which)
    if not span:
        raise UsageError(f"“{paper.which}”不是起止日期，写成 2024-09-24 至 2025-03-31")
    first, last = date.fromisoformat(span[1]), date.fromisoformat(span[2])
    known = await known_of(room.rulebook, room.calendar, first, last, house.stores.subjects, house.stores.deadlines)
    lines = timetable(room.rulebook, room.calendar, first, last, house.now(), known)
    return calendar_file(f"{room.rulebook.district.name}日程", lines, room.rulebook.district.timezone, house.now())


def _room(house: House) -> DistrictRoom:
    (room,) = house.rooms.values()
    return room

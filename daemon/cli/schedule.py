"""`zuozhen schedule`: the calendar of a district: what its document plans, by whom, and where it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, table
from daemon.cli.place import ConfigOption, JsonOption, with_stores
from daemon.cli.workbench import folder_of
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from daemon.timetable import known_of, timetable
from daemon.wiring import utc_now
from notifier.ics import calendar_file
from notifier.timetable import Line, responsible, standing_words, together
from rules.calendar_folder import load_for_district
from rules.occurrences import bounds
from rules.packfiles import meant
from rules.rulebook import RuleBook, load_pack
from rules.spans import last_of
from store.errors import UsageError
from store.trouble import reason
from store.week import weekday

_MOST_DAYS = 3660
_FORMATS = ["%Y-%m-%d"]

DistrictOption = Annotated[str | None, typer.Option("--district", metavar="区代号", help="只看哪个区；不写则配置里的各区都列")]
PackOption = Annotated[str | None, typer.Option("--pack", metavar="规则包", help="只看规则包的日程，不看库里；规则包目录或随产品的名称")]
FromOption = Annotated[datetime | None, typer.Option("--from", metavar="日期", formats=_FORMATS, help="从哪一天起")]
ToOption = Annotated[datetime | None, typer.Option("--to", metavar="日期", formats=_FORMATS, help="到哪一天为止")]
YearOption = Annotated[int | None, typer.Option("--year", metavar="年份", min=1950, max=2199, help="哪一年；都不写则是今年")]
DepartmentOption = Annotated[str | None, typer.Option("--department", metavar="部门代号", help="只看这个部门办的、参加的")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The calendar of one district."""

    rulebook: RuleBook
    lines: Sequence[Line]


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    schedule = group(summary)
    schedule.command("show", cls=Command)(show)
    schedule.command("ics", cls=Command)(ics)
    app.add_typer(schedule, name=name)


def show(
    config: ConfigOption = None,
    district: DistrictOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    year: YearOption = None,
    department: DepartmentOption = None,
    pack: PackOption = None,
    json_: JsonOption = False,
) -> None:
    """按日期列出场次、活动和定期报送：哪天、什么事、什么主题、由谁办、谁参加、依据哪一条、到了哪一步。

    规则包写的和人登记的都在内；登记过的以登记的日期为准。状态“未登记”的，库里还没有，只是规则包这样写。

    例：zuozhen schedule show

    例：zuozhen schedule show --from 2026-06-01 --to 2026-09-30 --department swj

    例：zuozhen schedule show --pack chenggong --year 2024
    """
    days = span_asked(from_, to, year)
    drawn = draw(config, district, pack, days, department)
    if json_:
        as_json([_json(one.rulebook, line) for one in drawn for line in together(one.lines)])
        return
    for one in drawn:
        _print(one, days)


def ics(
    to_file: Annotated[Path, typer.Option("--out", "-o", metavar="文件", help="写到哪个文件，如 日程.ics；已有的换成新的")],
    config: ConfigOption = None,
    district: DistrictOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    year: YearOption = None,
    department: DepartmentOption = None,
    pack: PackOption = None,
) -> None:
    """把日程写成日历文件（.ics），导入 Outlook、手机日历等；日期改了再导出、再导入，更新原来的，不会重复。

    例：zuozhen schedule ics -o 日程.ics

    例：zuozhen schedule ics -o 港务局.ics --year 2026 --department gwj
    """
    days = span_asked(from_, to, year)
    drawn = draw(config, district, pack, days, department)
    name = "、".join(f"{one.rulebook.district.name}日程" for one in drawn)
    lines = [line for one in drawn for line in one.lines]
    if not lines:
        raise UsageError("\n".join(_nothing(one, days) for one in drawn) + "没有写出文件。")
    _write(to_file, calendar_file(name, lines, drawn[0].rulebook.district.timezone, utc_now()))
    done(f"已写出 {to_file}：{len(lines)} 项，{days[0]} 至 {days[1]}。")


def _write(path: Path, raw: bytes) -> None:
    """Put *raw* in the place of what *path* was, whole or not at all. Raises UsageError where that is not possible."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(raw)
        fresh.replace(path)
    except OSError as error:
        raise UsageError(f"写不了 {path}：{reason(error)}") from error


def span_asked(first: datetime | None, last: datetime | None, year: int | None) -> tuple[date, date]:
    """Return the days that are asked for; raises UsageError where they are none."""
    if year is not None and (first or last):
        raise UsageError("--year 与 --from、--to 不能同写")
    shown = year or (first or last or utc_now()).year
    begin = first.date() if first else date(shown, 1, 1)
    end = last.date() if last else date(begin.year if first else shown, 12, 31)
    if begin > end:
        raise UsageError(f"--from {begin} 在 --to {end} 之后，请对调")
    if (end - begin).days > _MOST_DAYS:
        raise UsageError("一次至多看十年，请缩短 --from 至 --to")
    return begin, end


def draw(config: Path | None, district: str | None, pack: str | None, days: tuple[date, date], department: str | None) -> list[Drawn]:
    """Return the calendars that are asked for, from the pack alone where one is named; raises UsageError."""
    if pack is not None:
        book = load_pack(folder_of(pack))
        calendar = load_for_district(None, book.district.id, book.settings.hours)
        return [_only(department, Drawn(rulebook=book, lines=timetable(book, calendar, *days, utc_now())))]

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> list[Drawn]:
        if district is not None and district not in districts:
            raise UsageError(f"配置里没有区 {district}；有：{'、'.join(districts)}")
        return [
            _only(department, await _of(stores, files, days)) for id_, files in districts.items() if district is None or id_ == district
        ]

    return with_stores(config, work)


async def _of(stores: Stores, files: DistrictFiles, days: tuple[date, date]) -> Drawn:
    book, calendar = files.rulebook, files.calendar
    known = await known_of(book, calendar, *days, stores.subjects, stores.deadlines)
    return Drawn(rulebook=book, lines=timetable(book, calendar, *days, utc_now(), known))


def _only(department: str | None, drawn: Drawn) -> Drawn:
    """Return what concerns *department*, all where None. Raises UsageError where the district has no such department."""
    if department is None:
        return drawn
    departments = drawn.rulebook.district.departments
    if department not in departments:
        raise UsageError(f"{drawn.rulebook.district.name}没有代号为 {department} 的部门；{meant(department, departments)}")
    return dataclasses.replace(drawn, lines=[line for line in drawn.lines if line.concerns(department)])


def _print(one: Drawn, days: tuple[date, date]) -> None:
    district = one.rulebook.district
    columns = ("日期", "星期", "事项", "主题", "由谁办", "参加", "依据", "状态")
    rows = [_row(line) for line in together(one.lines)]
    table(columns, rows, title=f"{district.name}日程　{days[0]} 至 {days[1]}", empty=_nothing(one, days), widest=160)
    if rows and one.rulebook.schedule.note:
        done(f"说明：{one.rulebook.schedule.note}")


def _nothing(one: Drawn, days: tuple[date, date]) -> str:
    planned = bounds(one.rulebook.schedule)
    hint = f"规则包里写有日期的日程从 {planned[0]:%Y年%-m月} 到 {planned[1]:%Y年%-m月}，用 --year 看别的年份。" if planned else ""
    return f"{one.rulebook.district.name} {days[0]} 至 {days[1]} 没有日程。{hint}"


def _row(line: Line) -> tuple[str, ...]:
    return (
        when(line),
        f"周{weekday(line.first)}" if line.first == line.last else "—",
        line.title + (f"\n（{line.note}）" if line.note else ""),
        line.theme or "—",
        responsible(line),
        "、".join(line.company) or "—",
        line.basis or "—",
        standing_words(line) + ("（日期暂定）" if line.unsure else ""),
    )


def when(line: Line) -> str:
    """Return the day of a line: a day, a month, from a day to a day, or the last day to do something."""
    if line.first == line.last:
        return f"{line.first}{' 前' if line.is_due else ''}"
    if line.first == line.first.replace(day=1) and line.last == last_of(line.first.year, line.first.month):
        return f"{line.first.year}年{line.first.month}月内"
    return f"{line.first} 至 {line.last:%m-%d}"


def _json(book: RuleBook, line: Line) -> dict[str, object]:
    value: dict[str, object] = {"district": book.district.id, **dataclasses.asdict(line), "standing": line.standing.value}
    value["hours"] = [f"{moment:%H:%M}" for moment in line.hours] if line.hours else None
    return value

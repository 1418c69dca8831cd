"""`zuozhen report`: what a month, a quarter or a year was like, as .docx to hand in and .xlsx to check it by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, table
from daemon.cli.place import ConfigOption, JsonOption, with_stores
from daemon.districts import DistrictFiles
from daemon.reporting import Period, Report, make, moment, read
from daemon.reporting import month as month_of
from daemon.reporting import quarter as quarter_of
from daemon.reporting import year as year_of
from daemon.stores import Stores
from daemon.wiring import utc_now
from notifier import charts
from notifier.call_back import call_back_table, chosen
from notifier.figures import Table
from notifier.report_paper import moment_words
from notifier.report_sheets import list_sheet
from rules.rulebook import RuleBook
from store.errors import UsageError
from store.reporting import Reporting
from store.trouble import reason

DistrictOption = Annotated[str, typer.Option("--district", metavar="区", help="哪个区的；配置里只有一个区时不用写")]
AsOf = Annotated[
    str, typer.Option("--as-of", metavar="时刻", help="按哪一时刻所知统计：2025-01-10（当日24时）或 2025-01-10T09:30；不写为现在")
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="目录", help="文件放在哪个目录，没有就新建；同名文件会被替换")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="只在屏幕上列出数字，不写文件")]


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    reports = group(summary)
    for command in (month, quarter, year, call_back):
        reports.command(command.__name__.replace("_", "-"), cls=Command)(command)
    app.add_typer(reports, name=name)


def month(
    which: Annotated[str, typer.Argument(metavar="月份", help="如 2024-10")],
    district: DistrictOption = "",
    as_of: AsOf = "",
    out: Out = Path(),
    dry_run: DryRun = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """一个月的情况：来件、登记、渠道、部门、时限、满意度、类题、逾期名单。

    例：zuozhen report month 2024-10

    例：zuozhen report month 2024-10 --as-of 2024-11-05 --dry-run
    """
    _report(month_of(which), district, as_of, None if dry_run or json_ else out, config, json_=json_)


def quarter(
    which: Annotated[str, typer.Argument(metavar="季度", help="如 2024Q4")],
    district: DistrictOption = "",
    as_of: AsOf = "",
    out: Out = Path(),
    dry_run: DryRun = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """一个季度的情况，供调度、评价、通报。同一统计时刻，任何时候再做一遍，数字都一样。

    例：zuozhen report quarter 2024Q4 -o 报告

    例：zuozhen report quarter 2024Q4 --as-of 2025-01-10 --json
    """
    _report(quarter_of(which), district, as_of, None if dry_run or json_ else out, config, json_=json_)


def year(
    which: Annotated[str, typer.Argument(metavar="年份", help="如 2024")],
    district: DistrictOption = "",
    as_of: AsOf = "",
    out: Out = Path(),
    dry_run: DryRun = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """一年的情况。

    例：zuozhen report year 2024 -o 报告
    """
    _report(year_of(which), district, as_of, None if dry_run or json_ else out, config, json_=json_)


def call_back(
    which: Annotated[str, typer.Argument(metavar="月份", help="如 2024-10")],
    share: Annotated[int, typer.Option("--share", metavar="百分比", min=0, max=100, help="满意和没有评价的，每个部门抽百分之几")] = 10,
    district: DistrictOption = "",
    out: Out = Path(),
    dry_run: DryRun = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """一个月的回访名单：没有解决的、不够满意的全部回访，其余按部门抽样；.xlsx 留有填写回访情况的栏。

    例：zuozhen report call-back 2024-10 -o 回访

    例：zuozhen report call-back 2024-10 --share 20 --dry-run
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        book = _chosen(district, districts)
        period = month_of(which)
        some = chosen((await read(Reporting(stores.database), period, book, utc_now())).cases, share)
        cases = {one.case.id: await stores.cases.get(one.case.number) for one in some}
        listed = call_back_table(some, cases, book.district, share)
        if json_:
            as_json([dict(zip(listed.columns, row, strict=True)) for row in listed.rows])
        elif dry_run:
            _show_table(listed)
        else:
            name = f"坐诊接诉{listed.title}-{book.district.id}-{period.words}.xlsx"
            await asyncio.to_thread(_write, {name: list_sheet(listed, book.district)}, out)

    with_stores(config, work)


def _report(period: Period, district: str, as_of: str, out: Path | None, config: Path | None, *, json_: bool) -> None:
    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        book = _chosen(district, districts)
        chosen = book.district
        at = moment(as_of, chosen.timezone) if as_of else utc_now()
        if at > utc_now():
            raise UsageError(f"统计时刻 {as_of} 还没有到，不能按它统计；不写 --as-of 就按现在")
        report = await make(Reporting(stores.database), period, book, at)
        if json_:
            as_json(_json(report))
        elif out is None:
            _show(report)
        else:
            await asyncio.to_thread(_write, report.files(), out)
            if charts.font() is None:
                done("本机没有中文字体，报告里没有画图；装上以后再做一遍：apt install fonts-noto-cjk")

    with_stores(config, work)


def _chosen(wanted: str, districts: dict[str, DistrictFiles]) -> RuleBook:
    if not wanted and len(districts) == 1:
        return next(iter(districts.values())).rulebook
    if wanted not in districts:
        said = f"配置里没有 {wanted}" if wanted else f"配置里有 {len(districts)} 个区，请用 --district 写明哪一个"
        raise UsageError(f"{said}；有：{'、'.join(districts)}")
    return districts[wanted].rulebook


def _show(report: Report) -> None:
    done(f"{report.district.name}　{report.heading.period}　统计时刻 {moment_words(report.heading.as_of, report.district)}")
    for one in (*report.figures.tables, *report.figures.lists):
        _show_table(one)


def _show_table(one: Table) -> None:
    rows = [["" if value is None else str(value) for value in row] for row in one.rows]
    table(one.columns, rows, title=one.title, empty=f"{one.title}：{one.empty}")
    if one.rows and one.definition:
        done(f"口径：{one.definition}\n")


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
            done(f"已写出 {folder / name}")
    except OSError as error:
        raise UsageError(f"{folder} 写不进去：{reason(error)}；请用 -o 换一个目录") from None


def _json(report: Report) -> dict[str, object]:
    heading, found = report.heading, report.figures
    return {
        "district": report.district.id,
        "period": heading.period,
        "since": heading.since,
        "last_day": heading.until.date(),
        "as_of": heading.as_of,
        **{
            one.key: [dict(zip(one.columns, row, strict=True)) for row in one.rows]
            for one in _tables(found.tables, found.lists, found.rows)
        },
    }


def _tables(*groups: tuple[Table, ...]) -> list[Table]:
    return [one for group_ in groups for one in group_]

"""`zuozhen calendar`: which days count and why, counting from a day, and taking the State Council's notice of a new year in."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon import gazettes
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, table
from daemon.cli.place import ConfigOption, JsonOption, config_at, config_path, districts_in_force, with_stores
from daemon.clock import Clock
from daemon.districts import DistrictFiles
from daemon.stores import Stores, open_database
from daemon.wiring import open_desk, utc_now
from notifier.dates import in_full, numbered_days
from rules.calendar import Calendar, Count, days_of
from rules.calendar_folder import load_calendar
from rules.calendar_watch import missing_notice
from store.errors import ConfigError, TemporaryError, UsageError
from store.week import is_weekend

Day = Annotated[datetime, typer.Argument(metavar="日期", formats=["%Y-%m-%d"], help="如 2024-09-30")]
Number = Annotated[int, typer.Argument(metavar="天数", min=-3660, max=3660, help="从次日起数；负数往回数")]
DistrictOption = Annotated[str | None, typer.Option("--district", metavar="区代号", help="配置里有几个区时，用哪个区的日历")]
RollOption = Annotated[bool, typer.Option("--roll-forward", help="自然日的最后一天是休息日时顺延到下一工作日")]
FileArgument = Annotated[Path, typer.Argument(metavar="文件", help="存下的通知全文（.txt），或 2027.yaml")]


_NEGATIVE = re.compile(r"-\d{1,4}")


class Unit(StrEnum):
    """What a count counts."""

    WORKING = "working"
    CALENDAR = "calendar"


UnitOption = Annotated[Unit, typer.Option("--unit", help="working 工作日、calendar 自然日")]


class _Counting(Command):
    """A command whose number of days may be negative: `-3` is that number, not an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - the type of typer's context is private
        """Put negative numbers behind `--`, where everything is an argument."""
        if "--" not in args:
            negative = [word for word in args if _NEGATIVE.fullmatch(word)]
            args = [*(word for word in args if word not in negative), *(["--", *negative] if negative else [])]
        return super().parse_args(ctx, args)


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    calendar = group(summary)
    for command in (show, explain, add, diff, import_):
        calendar.command(command.__name__.strip("_"), cls=_Counting if command in {explain, add} else Command)(command)
    app.add_typer(calendar, name=name)


def show(
    year: Annotated[int | None, typer.Argument(metavar="年份", min=1950, max=2199, help="不写则是今年")] = None,
    config: ConfigOption = None,
    district: DistrictOption = None,
    json_: JsonOption = False,
) -> None:
    """列出一年里与周一至周五不同的日子，和各自的依据。

    例：zuozhen calendar show 2026
    """
    calendar, today = _calendar(config, district), utc_now().date()
    shown = year or today.year
    days = [day for day in days_of(shown) if calendar.is_special(day) or calendar.day(day).counted == is_weekend(day)]
    listed = [(day, calendar.day(day)) for day in days]
    if json_:
        announced = shown in calendar.years
        as_json(
            {
                "year": shown,
                "announced": announced,
                "days": [{"date": day, "working": info.counted, "why": info.why} for day, info in listed],
            }
        )
        return
    rows = [(in_full(day), "上班" if info.counted else "休息", info.why) for day, info in listed]
    if rows or shown in calendar.years:
        table(("日期", "安排", "依据"), rows, title=f"{shown}年")
    if shown not in calendar.years:
        by = "周末和法定节日" if calendar.can_be_bounded(shown) else "周末"
        done(f"{shown}年放假安排{calendar.unknown(shown)}，按{by}推算，各日都是暂定。{_kept(calendar)}")
    concern = missing_notice(calendar, today)
    if concern:
        done(concern.words)


def explain(
    day: Day,
    number: Annotated[int | None, typer.Argument(metavar="天数", min=-3660, max=3660, help="写上则逐日说明怎样数到")] = None,
    unit: UnitOption = Unit.WORKING,
    roll_forward: RollOption = False,
    config: ConfigOption = None,
    district: DistrictOption = None,
    json_: JsonOption = False,
) -> None:
    """说明某一天为什么是（不是）工作日；写上天数，则逐日说明期限怎样数出来。

    例：zuozhen calendar explain 2024-10-12；zuozhen calendar explain 2024-09-30 5
    """
    calendar = _calendar(config, district)
    if number is None:
        info = calendar.day(day.date())
        if json_:
            as_json({"date": day.date(), "working": info.counted, "why": info.why, "provisional": info.provisional})
        else:
            done(f"{in_full(day.date())}：{'工作日' if info.counted else '不是工作日'}。依据：{info.why}")
        return
    count = _count(calendar, day.date(), number, unit, roll_forward=roll_forward)
    if json_:
        as_json({**_as_json(count), "earliest": count.earliest, "latest": count.latest})
    else:
        done("\n".join(_lines(day.date(), number, unit, count, calendar)))


def add(
    day: Day,
    number: Number,
    unit: UnitOption = Unit.WORKING,
    roll_forward: RollOption = False,
    config: ConfigOption = None,
    district: DistrictOption = None,
    json_: JsonOption = False,
) -> None:
    """从某一天起数若干天，得到哪一天；当天不计。

    例：zuozhen calendar add 2024-09-30 5；zuozhen calendar add 2024-09-30 5 --unit calendar --json；往回数：zuozhen calendar add 2024-10-15 -3
    """
    calendar = _calendar(config, district)
    count = _count(calendar, day.date(), number, unit, roll_forward=roll_forward)
    if json_:
        as_json(_as_json(count))
    else:
        done(_outcome(count, calendar))


def diff(file: FileArgument, config: ConfigOption = None) -> None:
    """看一份放假通知（或年份文件）会改动哪些日子；什么也不写。

    例：zuozhen calendar diff 国务院2027年通知.txt
    """
    _show_draft(gazettes.draft(file), _calendar(config, None, own_days=False))


def import_(
    file: FileArgument,
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问，直接写入")] = False,
    despite: Annotated[bool, typer.Option("--despite-differences", help="与核对用的日历不一致也写入（须先对照公报原文）")] = False,
) -> None:
    """导入国务院办公厅的放假通知：读出各天，与两个独立日历核对，列出改动，经确认后写入实例的日历目录。

    例：zuozhen calendar import 国务院2027年通知.txt
    """
    folder = config_at(config).calendar.folder
    draft = gazettes.draft(file)
    changed = _show_draft(draft, _calendar(config, None, own_days=False))
    if draft.differences and not despite:
        raise UsageError("与核对用的日历不一致，没有写入；对照国务院公报原文改正文件，确认原文无误则加 --despite-differences")
    if not changed and gazettes.is_installed(draft, folder):
        done("这一年已经是这样安排的，不必再导入。")
        return
    if not yes and not typer.confirm("以上无误，写入？", default=False):
        done("没有写入。")
        return
    done(f"已写入 {gazettes.install(draft, folder)}。")
    _count_again(config)
    done("运行中的服务执行 systemctl reload zuozhen（或发 SIGHUP）后采用。")


def _count_again(config: Path | None) -> None:
    """Count every running deadline by the new notice, tell who owes what moved, and say so. The service does the same when it takes it up."""
    store = open_database(config_at(config).store)
    if store.file is not None and not store.file.exists():
        return

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        rooms = {id_: open_desk(files) for id_, files in districts.items()}
        clock = Clock(rooms=rooms, deadlines=stores.deadlines, subjects=stores.subjects, now=utc_now)
        moved = await clock.count_again()
        done(f"进行中的时限已重新计算，{f'{moved} 个换了日期，已告知责任方' if moved else '没有一个换了日期'}。")

    try:
        with_stores(config, work)
    except TemporaryError as error:
        done(f"数据库现在用不了（{error}）；服务启动或 reload 时会自己重新计算。")


def _show_draft(draft: gazettes.Draft, calendar: Calendar) -> bool:
    """Print what a file says and would change; return whether it changes anything."""
    done(f"{draft.plan.year}年：{'；'.join(draft.plan.notices)}")
    changes = gazettes.changes(draft, calendar)
    rows = [
        (in_full(day), "上班" if before.counted else "休息", "上班" if after.counted else "休息", after.why)
        for day, before, after in changes
    ]
    table(("日期", "原来", "改为", "依据"), rows, empty="与现有日历没有不同。")
    for library, knows in draft.witnesses.items():
        differences = [line for line in draft.differences if library in line]
        said = "不知道这一年，无从核对" if not knows else f"有 {len(differences)} 天不一致" if differences else "逐日核对一致"
        done(f"{library}：{said}")
    for line in draft.differences:
        done(f"  {line}")
    return bool(changes)


def _kept(calendar: Calendar) -> str:
    return f"收录的是 {calendar.years[0]}—{calendar.years[-1]} 年。" if calendar.years else ""


def _calendar(config: Path | None, district: str | None, *, own_days: bool = True) -> Calendar:
    """Return the calendar of the (only, or asked) district; the product's own where there is no configuration."""
    if config is None and not os.environ.get("ZUOZHEN_CONFIG"):
        try:
            config_path(None)
        except ConfigError:
            return load_calendar()
    files = asyncio.run(districts_in_force(config_at(config)))
    wanted = district or next(iter(files))
    if wanted not in files:
        raise UsageError(f"配置里没有区 {wanted}；有：{'、'.join(files)}")
    if len(files) > 1 and district is None and own_days:
        done(f"（配置里有 {len(files)} 个区，这里用 {wanted} 的日历；另选用 --district）")
    return files[wanted].calendar


def _count(calendar: Calendar, day: date, number: int, unit: Unit, *, roll_forward: bool) -> Count:
    try:
        return _counted(calendar, day, number, unit, roll_forward=roll_forward)
    except OverflowError as error:
        raise UsageError("日历只到公元 9999 年（往回数只到公元 1 年），数不到那么远") from error


def _counted(calendar: Calendar, day: date, number: int, unit: Unit, *, roll_forward: bool) -> Count:
    if roll_forward and number < 0:
        raise UsageError("--roll-forward 只用于往后数：往回数的最后一天遇休息日不顺延")
    if unit is Unit.CALENDAR:
        return calendar.add_days(day, number, roll_forward=roll_forward)
    if roll_forward:
        raise UsageError("--roll-forward 只用于自然日（--unit calendar）：工作日数到的总是工作日")
    return calendar.add_working_days(day, number) if number >= 0 else calendar.subtract_working_days(day, -number)


def _as_json(count: Count) -> dict[str, object]:
    days = [{"date": day.day, "counted": day.counted, "why": day.why} for day in count.days]
    return {"date": count.due, "provisional": count.provisional, "days": days}


def _lines(day: date, number: int, unit: Unit, count: Count, calendar: Calendar) -> list[str]:
    what = "个工作日" if unit is Unit.WORKING else "日（自然日）"
    way = "起算日" if number >= 0 else "倒数的起点"
    return [
        f"{way} {in_full(day)}，当日不计；{'往后' if number >= 0 else '往前'}数 {abs(number)} {what}：",
        *numbered_days(count.days),
        _outcome(count, calendar),
    ]


def _outcome(count: Count, calendar: Calendar) -> str:
    if not count.provisional:
        return in_full(count.due)
    years = calendar.unsure_years(day.day for day in count.days)
    why = "、".join(f"{year}年放假安排{calendar.unknown(year)}" for year in years)
    if not all(map(calendar.can_be_bounded, years)):
        return f"{in_full(count.due)}（暂定：{why}，推算不出最早、最晚是哪一天）"
    return f"{in_full(count.due)}（暂定：{why}，最早 {in_full(count.earliest)}，最晚 {in_full(count.latest)}）"

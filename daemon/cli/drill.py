"""`zuozhen drill`: months of mail and acts at accelerated time, and the calendar of what was sent to whom."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import date, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from daemon import logs
from daemon.cli import drill_view
from daemon.cli.chinese import Command
from daemon.cli.output import as_json, done, table
from daemon.cli.place import JsonOption
from daemon.drill.play import Outcome, play
from daemon.drill.workplace import Workplace, workplace
from notifier.transport import caught_name
from store.errors import UsageError
from store.model.notice import QueuedNotice
from store.trouble import reason

_DAY = ["%Y-%m-%d"]
_FAILED = 1
_WIDEST = 100  # columns, so that the tables fit a page
_NOT_IN_NAMES = re.compile(r"[^\w.-]")


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(drill)


def drill(
    start: Annotated[
        datetime | None, typer.Option("--from", metavar="日期", formats=_DAY, help="从哪一天起；不写则从演练目录里最早的事那天起")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", metavar="日期", formats=_DAY, help="到哪一天止（含）；不写则到最后一件事之后 30 天")
    ] = None,
    cases: Annotated[Path | None, typer.Option("--cases", metavar="目录", help="演练目录：来件和经办的事；不写则用随产品的样例")] = None,
    pack: Annotated[str, typer.Option("--pack", metavar="规则包", help="随产品的规则包名称，或规则包目录")] = "chenggong",
    work: Annotated[
        Path | None, typer.Option("--work", metavar="目录", help="工作目录：演练的数据库和邮件留在那里，中断后可接着演练；不写则用临时目录")
    ] = None,
    mails: Annotated[Path | None, typer.Option("--mails", metavar="目录", help="把发出的邮件按时间逐封写成 .eml")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="不列日历和逐步对照，只列汇总")] = False,
    json_: JsonOption = False,
) -> None:
    """演练：让几个月的来件和办理几十秒走完全过程，看哪天给谁发了什么、有没有漏发重发。不对外发信，不动实例的数据。

    收件、判断、登记、时限、催办、组信都是真的，只有时间是模拟的，邮件留在工作目录。有漏发或重发时，退出码为 1。
    演练目录怎样写，见 docs/演练.md。

    例：zuozhen drill

    例：zuozhen drill --from 2024-09-25 --until 2025-03-31 --cases 我的演练 --work /tmp/drill --mails 发出的邮件
    """
    logs.configure("error", "auto")
    with as_file(files("daemon.drill") / "sample") as sample, workplace(work, cases or sample, pack) as place:
        outcome = asyncio.run(play(place, cases or sample, _date(start), _date(until), _progress))
        _show(outcome, quiet=quiet, json_=json_)
        if mails is not None:
            _write_mails(outcome, place, mails)
    if not outcome.ledger.is_clean:
        raise typer.Exit(_FAILED)


def _date(day: datetime | None) -> date | None:
    return day.date() if day else None


def _progress(day: date, finished: int, total: int) -> None:
    """Show the simulated day, on a terminal only."""
    if sys.stderr.isatty():
        print(f"演练到 {day}，{finished}/{total} 项", end="\r", file=sys.stderr, flush=True)


def _show(outcome: Outcome, *, quiet: bool, json_: bool) -> None:
    if json_:
        as_json(drill_view.drill_json(outcome))
        return
    if sys.stderr.isatty():
        print("\x1b[K", end="", file=sys.stderr, flush=True)
    if not quiet:
        done("\n".join(["———— 日历：哪天来了什么、办了什么（·），给谁发了什么（→） ————\n", *drill_view.calendar_lines(outcome)]))
        done("\n———— 逐步对照：计划与实发 ————\n")
        table(drill_view.STEP_COLUMNS, drill_view.step_rows(outcome), empty="没有到期的提醒或催办。", widest=_WIDEST)
    done("\n———— 各类时限 ————\n")
    table(drill_view.KIND_COLUMNS, drill_view.kind_rows(outcome), widest=_WIDEST)
    if outcome.refused:
        done("\n".join(["\n没有发生的事（请核对演练目录）：", *drill_view.refused_lines(outcome)]))
    done(f"\n{drill_view.summary_line(outcome)}")


def _write_mails(outcome: Outcome, place: Workplace, folder: Path) -> None:
    """Copy the mails that were caught, named after moment, case and purpose.

    Raises UsageError where that fails, or where the folder has mails of something else, which would pass for ours.
    """
    names = {_name(nth, queued, outcome): queued for nth, queued in enumerate(outcome.ledger.sent, 1)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = sorted({path.name for path in folder.glob("*.eml")} - set(names))
        if foreign:
            raise UsageError(f"{folder} 里有不是这次演练的邮件 {foreign[0]}，没有写入；请给 --mails 换一个空目录")
        for name, queued in names.items():
            (folder / name).write_bytes((place.outgoing / caught_name(queued.message_id)).read_bytes())
    except OSError as error:
        raise UsageError(f"写不了 {error.filename or folder}：{reason(error)}") from error


def _name(nth: int, queued: QueuedNotice, outcome: Outcome) -> str:
    at, number = queued.created_at.astimezone(outcome.zone), _NOT_IN_NAMES.sub("_", queued.case_number)
    return f"{nth:04d}_{at:%Y-%m-%d_%H%M}_{number}_{queued.notice.purpose.value}.eml"

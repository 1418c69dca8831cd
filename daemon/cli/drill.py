"""`zuozhen drill`: months of mail and acts at accelerated time, and the calendar of what was sent to whom."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import date, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from daemon import logs
from daemon.cli import drill_view
from daemon.cli.chinese import Command
from daemon.cli.drill_files import COLUMNS, Asked, asked_of, disagreements, rows, shown_by, write_all, write_mails
from daemon.cli.output import as_json, done, table
from daemon.cli.place import JsonOption
from daemon.drill.play import Outcome, play
from daemon.drill.proofs import Requirement, Shown
from daemon.drill.workplace import workplace

_DAY = ["%Y-%m-%d"]
_FAILED = 1
_WIDEST = 100  # columns, so that the tables fit a page


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
    documents: Annotated[
        Path | None,
        typer.Option(
            "--documents", metavar="目录", help="写出全部产出：邮件、文书（documents.yaml）、日历，与要求逐条对照（requirements.yaml）"
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="不列日历和逐步对照，只列汇总")] = False,
    json_: JsonOption = False,
) -> None:
    """演练：让几个月的来件和办理几十秒走完全过程，看哪天给谁发了什么、有没有漏发重发。不对外发信，不动实例的数据。

    收件、判断、登记、时限、催办、场次、组信都是真的，只有时间是模拟的，邮件留在工作目录。有漏发或重发，或产出与要求不符时，退出码为 1。
    演练目录怎样写，见 docs/演练.md。

    例：zuozhen drill

    例：zuozhen drill --from 2024-09-25 --until 2025-03-31 --cases 我的演练 --work /tmp/drill --mails 发出的邮件

    例：zuozhen drill --cases 我的演练 --quiet --documents 产出
    """
    logs.configure("error", "auto")
    with as_file(files("daemon.drill") / "sample") as sample, workplace(work, cases or sample, pack) as place:
        asked = asked_of(cases or sample) if documents is not None else Asked()
        outcome = asyncio.run(play(place, cases or sample, _date(start), _date(until), _progress, asked.papers))
        found = shown_by(outcome, asked)
        _show(outcome, found, quiet=quiet, json_=json_)
        if mails is not None:
            write_mails(outcome, place, mails)
        if documents is not None:
            write_all(outcome, place, documents, rows(outcome, found))
    if not outcome.ledger.is_clean or disagreements(found):
        raise typer.Exit(_FAILED)


def _date(day: datetime | None) -> date | None:
    return day.date() if day else None


def _progress(day: date, finished: int, total: int) -> None:
    """Show the simulated day, on a terminal only."""
    if sys.stderr.isatty():
        print(f"演练到 {day}，{finished}/{total} 项", end="\r", file=sys.stderr, flush=True)


def _show(outcome: Outcome, found: Sequence[tuple[Requirement, Shown]], *, quiet: bool, json_: bool) -> None:
    listed = rows(outcome, found)
    if json_:
        asked = [
            {"id": one.id, "made": shown.proof.made, "file": row[3], "lacks": shown.proof.lacks, "there": shown.is_there}
            for (one, shown), row in zip(found, listed, strict=True)
        ]
        as_json({**drill_view.drill_json(outcome), "requirements": asked, "disagreements": disagreements(found)})
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
    if found:
        done("\n———— 与要求对照 ————\n")
        table(COLUMNS, listed, widest=_WIDEST)
        done("\n".join(["", *(f"不符：{line}" for line in disagreements(found))]))
    done(f"\n{drill_view.summary_line(outcome)}")

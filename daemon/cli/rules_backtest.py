"""`zuozhen rules backtest`: which petitions of the past a new pack would have decided otherwise."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from daemon.backtest import Asked, backtest
from daemon.cli.output import as_json, done, failed, local, shorten, table
from daemon.cli.place import ConfigOption, JsonOption, config_at, with_stores
from daemon.cli.rules_history import midnight, progress
from daemon.cli.workbench import FAILED_GATE, folder_of
from daemon.districts import DistrictFiles
from daemon.past import Span
from daemon.stores import Stores
from daemon.wiring import utc_now
from rules.rulebook import RuleBook, load_pack
from rules.workbench.backtest import KINDS, Summary
from rules.workbench.report import Heading, report
from store.errors import UsageError
from store.history import Period
from store.trouble import reason

NOTHING_TO_SEE = 3  # exit code: there was no history
_LISTED = 20
_TITLE = 24


def backtest_pack(
    new: Annotated[str, typer.Argument(metavar="新规则包", help="要演练的规则包目录")],
    against: Annotated[str | None, typer.Option("--against", metavar="规则包", help="与哪个规则包比；不写则取现在启用的")] = None,
    recorded: Annotated[bool, typer.Option("--recorded", help="与当时登记的判断比，不论当时用的是哪一版规则")] = False,
    since: Annotated[datetime | None, typer.Option(metavar="日期", help="只看这天以后收到的")] = None,
    until: Annotated[datetime | None, typer.Option(metavar="日期", help="只看这天以前收到的")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="最多看多少件")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="文件", help="另写一份网页报告，逐件对照")] = None,
    recheck: Annotated[float, typer.Option(min=0, max=1, help="用推理引擎复核的比例")] = 0.01,
    every: Annotated[bool, typer.Option("--every", help="每件都重新判断；平时，两版规则的差别碰不到的来件只算作不变")] = False,
    at_most: Annotated[int | None, typer.Option("--at-most", min=0, help="结论或部门变了的超过这么多件时，退出码为 1")] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """用新规则包把登记过的来件重新判断一遍，列出会变的。不改数据库，不发信。

    退出码：0 演练完；1 有判不出来的、两种推理结果不一致的，或变了的超过 --at-most；3 一件可演练的都没有，什么也没有证明。

    例：zuozhen rules backtest ./chenggong-新 --since 2026-07-01 --html 演练.html

    例：zuozhen rules backtest ./chenggong-新 --at-most 0 --json
    """
    settings = config_at(config)
    book = load_pack(folder_of(new))
    old = load_pack(folder_of(against)) if against else _live(config, book)
    zone = ZoneInfo(book.district.timezone)
    period = Period(district=book.district.id, since=midnight(since, zone), until=midnight(until, zone))
    asked = Asked(
        span=Span(store=settings.store, period=period, limit=limit),
        old=("原规则包", old.files),
        old_digest=old.digest,
        new=("新规则包", book.files),
        recorded=recorded,
        recheck=round(1 / recheck) if recheck else 0,
        every=every,
    )
    summary = backtest(asked, progress)
    if html is not None:
        _write(html, report(summary, _heading(book, old, period, recorded=recorded)))
    if json_:
        as_json(as_data(summary))
    else:
        _print(summary, html)
    if not summary.total:
        failed(
            f"没有可演练的来件：数据库里没有区 {book.district.id} 在这段时间登记的来件，什么也没有证明。检查 --since、--until 和配置里的数据库。"
        )
        raise typer.Exit(NOTHING_TO_SEE)
    if summary.unlike or summary.failed or (at_most is not None and summary.grave > at_most):
        raise typer.Exit(FAILED_GATE)


def _live(config: Path | None, book: RuleBook) -> RuleBook:
    """Return the pack in force in the district of *book*."""

    async def find(_stores: Stores, districts: dict[str, DistrictFiles]) -> RuleBook:
        if book.district.id not in districts:
            raise UsageError(f"配置里没有区 {book.district.id}；检查新规则包的 district.id，或用 --against 指明与哪个规则包比")
        return districts[book.district.id].rulebook

    return with_stores(config, find)


def _heading(book: RuleBook, old: RuleBook, period: Period, *, recorded: bool) -> Heading:
    span = "、".join(
        words
        for moment, words in ((period.since, f"{local(period.since)} 以后收到"), (period.until, f"{local(period.until)} 以前收到"))
        if moment
    )
    return Heading(
        district=book.district.name,
        old="当时登记的判断" if recorded else f"规则包 {old.digest[:12]} ",
        new=book.digest[:12],
        period=span or "全部历史",
        made=local(utc_now(), book.district.timezone),
    )


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"写不了报告 {path}：{reason(error)}") from error


def as_data(summary: Summary) -> dict[str, object]:
    """Return what `--json` prints."""
    moves = [{"before": before, "after": after, "count": count} for (before, after), count in summary.moves.most_common()]
    counts = {"kinds": dict(summary.kinds), "came": dict(summary.came), "went": dict(summary.went)}  # asdict() counts a Counter's pairs
    return {**asdict(summary), **counts, "moves": moves, "grave": summary.grave}


def _print(summary: Summary, html: Path | None) -> None:
    for line in (*summary.failed, *summary.unlike):
        failed(line)
    if summary.kinds:
        table(("变化", "件"), [(words, str(summary.kinds[kind])) for kind, words in KINDS.items() if summary.kinds[kind]])
    if summary.moves:
        moves = [(before, after, str(count)) for (before, after), count in summary.moves.most_common(_LISTED)]
        table(("原来", "现在", "件"), moves, title="结论或承办部门")
    rules = sorted({*summary.came, *summary.went}, key=lambda name: -(summary.came[name] + summary.went[name]))[:_LISTED]
    if rules:
        table(("规则", "新成立", "不再成立"), [(rule, str(summary.came[rule] or ""), str(summary.went[rule] or "")) for rule in rules])
    if summary.changes:
        lines = [
            (change.number or f"来件 {change.arrival_id}", shorten(change.title, _TITLE), change.before, change.after)
            for change in summary.changes[:_LISTED]
        ]
        table(("件", "标题", "原来", "现在"), lines, title=f"变了的件（前 {len(lines)} 件，结论或部门变了的在前）")
    checked = f"，其中 {summary.rechecked} 件用推理引擎复核" if summary.rechecked else ""
    done(f"重新判断 {summary.total} 件{checked}；有变化 {summary.changed} 件，结论或承办部门变了 {summary.grave} 件。")
    if html is not None:
        done(f"逐件对照见 {html}。")

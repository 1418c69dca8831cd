"""`zuozhen rules test` and `coverage`: try every example and case, and tell what they leave untried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.output import as_json, done
from daemon.cli.place import ConfigOption, JsonOption
from daemon.cli.rules_history import HistoryOption, SinceOption, needs_history, past_of, progress
from daemon.cli.workbench import FAILED_GATE, PackArgument, chosen
from daemon.survey import watched
from daemon.wiring import utc_now
from rules.rulebook import RuleBook, load_pack
from rules.workbench.cases import case_files, read_cases
from rules.workbench.coverage import Coverage, Seen, coverage
from rules.workbench.trial import Tried, trials, try_all
from store.errors import UsageError

CasesArgument = Annotated[list[Path] | None, typer.Argument(metavar="用例…", help="用例文件或目录；不写则取规则包里的 cases 目录")]


def try_pack(pack: PackArgument = None, cases: CasesArgument = None, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """逐条试规则里的例子（examples）和用例文件。有一条不符，退出码为 1。

    例：zuozhen rules test ./chenggong ./用例
    """
    book = load_pack(chosen(pack, config).folder)
    tried, _ = run_trials(book, case_files(chosen(pack, config).folder, cases or []))
    failed = [one for one in tried if not one.passed]
    if json_:
        as_json({"tried": len(tried), "failed": [asdict(one) for one in failed]})
    else:
        _print(tried, failed)
    if failed:
        raise typer.Exit(FAILED_GATE)


def coverage_of(
    pack: PackArgument = None,
    cases: CasesArgument = None,
    history: HistoryOption = False,
    since: SinceOption = None,
    config: ConfigOption = None,
    at_least: Annotated[float, typer.Option("--at-least", min=0, max=1, help="覆盖不到这个比例时，退出码为 1")] = 0.0,
    json_: JsonOption = False,
) -> None:
    """列出例子和用例从没有试到的规则，和规则里从没有起过作用的分支（any、none 里的各项）；加 --history 则看登记过的来件。

    例：zuozhen rules coverage ./chenggong ./用例 --at-least 0.8

    例：zuozhen rules coverage ./chenggong --history --since 2026-01-01
    """
    needs_history(since, history=history)
    if history and cases:
        raise UsageError("--history 看的是登记过的来件，不要再给用例")
    folder = chosen(pack, config).folder
    book = load_pack(folder)
    if history:
        petitions, seen = watched(book, past_of(book, config, since), progress)
    else:
        tried, seen = run_trials(book, case_files(folder, cases or []))
        petitions = len(tried)
    found = coverage(book, seen)
    if json_:
        as_json({**asdict(found), "share": round(found.share, 4), "petitions": petitions})
    else:
        print_coverage(found, f"按登记过的 {petitions} 件来件，" if history else "")
    if found.share < at_least:
        raise typer.Exit(FAILED_GATE)


def run_trials(book: RuleBook, files: Sequence[Path]) -> tuple[list[Tried], Seen]:
    """Try everything, with a line of progress on a terminal."""
    cases = read_cases(files, book.district)
    total = len(trials(book, cases))
    tried: list[Tried] = []
    seen = Seen()
    for some, more in try_all(book, cases, now=utc_now()):
        tried += some
        seen.add(more)
        progress(len(tried), total)
    return tried, seen


def _print(tried: Sequence[Tried], failed: Sequence[Tried]) -> None:
    for one in failed:
        done(f"✗ {one.name}（{one.place}）\n  应为：{one.expected}\n  得到：{one.got}")
        done("\n".join(f"    {line}" for line in one.trace))
    if not tried:
        done("没有可试的：规则里没有例子（examples），也没有用例文件。")
    else:
        done(f"试了 {len(tried)} 条，{f'{len(failed)} 条不符' if failed else '全部相符'}。")


def print_coverage(found: Coverage, by: str) -> None:
    """Print the gaps, then the figures; *by* tells what they rest on."""
    for gap in found.gaps:
        done(f"{gap.place}: {gap.rule}: {gap.branch or '从没有成立过'}")
    done(
        f"{by}规则 {found.rules_fired}/{found.rules} 条成立过，分支 {found.branches_met}/{found.branches} 个起过作用，合计 {found.share:.1%}。"
    )

"""`zuozhen rules lint`: what loads and is yet probably not meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

import typer

from daemon.cli.output import as_json, done
from daemon.cli.place import ConfigOption
from daemon.cli.rules_history import HistoryOption, SinceOption, needs_history, past_of, progress
from daemon.cli.workbench import FAILED_GATE, UNREADABLE, Chosen, PackArgument, chosen, mailboxes_of
from daemon.survey import occurrence
from daemon.wiring import utc_now
from rules.rulebook import RuleBook, load_pack
from rules.workbench.checks import CHECKS, lint
from rules.workbench.lint import LOAD, Finding, History, Severity, Subject, from_problems
from store.errors import ConfigError

_SEVERITIES = {Severity.ERROR: "错误", Severity.WARNING: "警告", Severity.HINT: "提醒"}


def lint_pack(
    pack: PackArgument = None,
    config: ConfigOption = None,
    format_: Annotated[Literal["text", "json"], typer.Option("--format", help="text 给人看，json 给程序读")] = "text",
    hints: Annotated[bool, typer.Option("--hints", help="也列出提醒，和只报了总数的逐条")] = False,
    history: HistoryOption = False,
    since: SinceOption = None,
) -> None:
    """检查规则包里读得进来、却多半不是本意的写法。

    退出码：0 没有错误和警告；1 有；2 规则包读不进来（ZZ001），其余的检查做不了。

    加 --history，另按登记过的来件找太常见和从未出现的词表（ZZ206、ZZ207）。

    例：zuozhen rules lint ./chenggong

    例：zuozhen rules lint ./chenggong --history --since 2026-01-01 --hints
    """
    needs_history(since, history=history)
    asked = chosen(pack, config)
    past = (lambda book: occurrence(book, past_of(book, config, since), progress)) if history else None
    found = findings(asked, utc_now().date(), past)
    if format_ == "json":
        as_json({"pack": str(asked.folder), "checks": len(CHECKS), "findings": [asdict(one) for one in found]})
    else:
        _print(found, hints=hints)
    if any(one.check == LOAD for one in found):
        raise typer.Exit(UNREADABLE)
    if any(one.severity is not Severity.HINT for one in found):
        raise typer.Exit(FAILED_GATE)


def findings(asked: Chosen, today: date, past: Callable[[RuleBook], History] | None = None) -> list[Finding]:
    """Return what lint says of a pack, the mistakes for which it does not load included; *past* is asked for one that loads."""
    try:
        book = load_pack(asked.folder)
    except ConfigError as error:
        return from_problems(error.problems)
    history = past(book) if past else None
    return lint(Subject(book=book, label=asked.label, today=today, mailboxes=mailboxes_of(asked.section), history=history))


def _print(found: Sequence[Finding], *, hints: bool) -> None:
    for said in (line(one) for one in found) if hints else briefly(found):
        done(said)
    counts = Counter(one.severity for one in found)
    summary = "，".join(f"{_SEVERITIES[severity]} {counts[severity]} 处" for severity in Severity if counts[severity])
    hidden = "（提醒加 --hints 列出）" if counts[Severity.HINT] and not hints else ""
    done(f"{summary or '没有发现问题'}{hidden}。" + ("每项检查的说明见 docs/reference/规则检查.md。" if summary else ""))


def briefly(found: Sequence[Finding]) -> Iterator[str]:
    """Yield the findings but for hints, each on one line; many of a check that says the same of each are one line, where the first stands."""
    counts = Counter(one.check for one in found)
    told: set[str] = set()
    for one in found:
        if one.severity is Severity.HINT or one.check in told:
            continue
        if counts[one.check] == 1 or one.check not in CHECKS or not CHECKS[one.check].summed:
            yield line(one)
            continue
        told.add(one.check)
        remedy = f"（{one.remedy}；逐条加 --hints 列出）" if one.remedy else "（逐条加 --hints 列出）"
        place = one.place.rpartition(":")[0] or one.place
        yield f"{place}: {one.check} {_SEVERITIES[one.severity]}: {CHECKS[one.check].title}，{counts[one.check]} 处{remedy}"


def line(one: Finding) -> str:
    """Return a finding on one line: place, check, severity, what about, message, remedy."""
    about = f"{one.about}: " if one.about else ""
    remedy = f"（{one.remedy}）" if one.remedy else ""
    return f"{one.place}: {one.check} {_SEVERITIES[one.severity]}: {about}{one.message}{remedy}"

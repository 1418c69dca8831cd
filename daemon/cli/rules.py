"""`zuozhen rules`: the workbench of the rules; measuring against labels stands here, each other tool in a module of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon import logs
from daemon.cli import show
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, table
from daemon.cli.place import ConfigOption, JsonOption
from daemon.cli.rules_apply import apply, history, restore
from daemon.cli.rules_backtest import backtest_pack
from daemon.cli.rules_copy import copy_pack
from daemon.cli.rules_history import progress
from daemon.cli.rules_lint import lint_pack
from daemon.cli.rules_schema import schema
from daemon.cli.rules_shadow import list_shadow, start_shadow, stop_shadow
from daemon.cli.rules_try import coverage_of, try_pack
from daemon.cli.rules_view import diff_packs, format_pack, tree_of
from daemon.cli.workbench import PackOption, deciding
from daemon.evaluation import evaluate as evaluate_rows
from rules.workbench.evaluate import FIELDS, Label, Results, confusion
from rules.workbench.evaluate import evaluate as figures_of
from store.model.decision import Verdict

_FIGURES = {
    "rows": "行数",
    "verdict_accuracy": "结论",
    "ground_accuracy": "不予受理情形",
    "department_accuracy": "承办部门",
    "co_department_f1": "陪诊部门 F1",
    "follow_up_accuracy": "续件",
    "finally_refused_accepts": "误作最终不予受理",
    "duplicate_precision": "重复件查准",
    "duplicate_recall": "重复件查全",
    "duplicate_f1": "重复件 F1",
    "same_problem_f1": "类题 F1",
}
_EXIT_CODES = "退出码：0 做完，没有问题；1 做完，而结果不合格（各命令的说明写着怎样算不合格）；2 没有做：命令、配置写错了，或规则包读不进来；75 数据库暂时用不了，稍后再试。"
_FIELD_NAMES = {"name": "企业名称", "uscc": "信用代码", "phone": "电话", "contact": "联系人"}


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    rules = group(f"{summary}\n\n{_EXIT_CODES}")
    rules.command("lint", cls=Command)(lint_pack)
    rules.command("test", cls=Command)(try_pack)
    rules.command("coverage", cls=Command)(coverage_of)
    rules.command("backtest", cls=Command)(backtest_pack)
    rules.command("diff", cls=Command)(diff_packs)
    rules.command("fmt", cls=Command)(format_pack)
    rules.command("tree", cls=Command)(tree_of)
    rules.command("copy", cls=Command)(copy_pack)
    rules.command("apply", cls=Command)(apply)
    rules.command("restore", cls=Command)(restore)
    rules.command("history", cls=Command)(history)
    rules.command("schema", cls=Command)(schema)
    rules.command("evaluate", cls=Command)(evaluate)
    shadow = group("让另一个规则包在旁边悄悄试判，看它会判得哪里不一样。")
    shadow.command("start", cls=Command)(start_shadow)
    shadow.command("stop", cls=Command)(stop_shadow)
    shadow.command("list", cls=Command)(list_shadow)
    rules.add_typer(shadow, name="shadow")
    app.add_typer(rules, name=name)


def evaluate(
    path: Annotated[Path, typer.Argument(metavar="标注文件", help="JSON Lines；输入文件在它旁边的 inputs 目录里")],
    pack: PackOption = None,
    config: ConfigOption = None,
    channel: Annotated[list[str] | None, typer.Option(metavar="渠道", help="总数只算这些渠道的行（可重复）；各行仍按次序全部处理")] = None,
    json_: JsonOption = False,
) -> None:
    """用标注好的来件测量规则的准确率：逐行走真实流程，进一个全新的库。

    例：zuozhen rules evaluate tests/golden/labels.jsonl --channel mail --channel letter --channel window
    """
    logs.configure("error", "auto")
    book, which = deciding(pack, config)
    labels, results = asyncio.run(evaluate_rows(path, book, progress))
    counted = [label for label in labels if not channel or label.channel in channel]
    if json_:
        as_json({"rulebook": book.digest, **figures_of(counted, results, everything=labels)})
    else:
        done(which)
        _print(counted, results, labels)


def _print(labels: list[Label], results: Results, everything: list[Label]) -> None:
    whole: dict[str, Any] = figures_of(labels, results, everything=everything)
    columns = {"合计": whole, "不计平台重复": whole["without_platform_repeats"], **whole["by_channel"]}
    lines = [(title, *(_number(part[name]) for part in columns.values())) for name, title in _FIGURES.items()]
    lines += [(_FIELD_NAMES[name], *(_number(part["field_accuracy"][name]) for part in columns.values())) for name in FIELDS]
    table(("指标", *columns), lines)
    done("不予受理各情形：" + "，".join(f"（{ground}）{_number(share)}" for ground, share in whole["by_ground"].items()))
    done("“不计平台重复”不算情形 4 中首报在其他平台的行：接入那些平台的记录以后才可能判对。")
    _print_confusion(labels, results)
    if whole["wrong"]:
        wrong = [(item["id"], _brief(item["expected"]), _brief(item["got"]), item["why"]) for item in whole["wrong"]]
        table(("行", "应为", "得到", "为什么"), wrong, title=f"不符的 {len(wrong)} 行")


def _print_confusion(labels: list[Label], results: Results) -> None:
    counts = confusion(labels, results)
    columns = sorted({column for row in counts.values() for column in row})
    lines = [(_verdict_words(label), *(str(row.get(column, "·")) for column in columns)) for label, row in sorted(counts.items())]
    table(("应为＼得到", *map(_verdict_words, columns)), lines, title="结论对照")


def _verdict_words(name: str) -> str:
    """Return "refuse 2" as 不予受理 2."""
    verdict, _, ground = name.partition(" ")
    return "无结果" if verdict == "none" else f"{show.VERDICTS[Verdict(verdict)]} {ground}".strip()


def _number(value: float | None) -> str:
    if value is None:
        return "—"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _brief(said: dict[str, Any]) -> str:
    named = (said[name] for name in ("verdict", "ground", "department"))
    return " ".join(str(value) for value in named if value is not None) or "无结果"

"""`zuozhen rules diff`, `fmt` and `tree`: look at a pack, beside another one, evenly laid out, as a whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.output import as_json, done, failed
from daemon.cli.place import ConfigOption, JsonOption
from daemon.cli.workbench import FAILED_GATE, UNREADABLE, PackArgument, chosen, folder_of
from rules.rulebook import load_pack
from rules.workbench.diff import diff
from rules.workbench.fmt import formatted
from rules.workbench.tree import as_svg, as_text, tree
from store.errors import UsageError
from store.trouble import reason

_FOLDERS = ("lists", "rules", "cases")


def diff_packs(
    old: Annotated[str, typer.Argument(metavar="旧规则包", help="规则包目录，或随产品的规则包名称")],
    new: Annotated[str, typer.Argument(metavar="新规则包", help="同上")],
    json_: JsonOption = False,
) -> None:
    """列出两个规则包意思上的差别：规则、词、部门、时限；只改了注释、次序、排版的不算。

    例：zuozhen rules diff chenggong ./chenggong-新
    """
    found = diff(load_pack(folder_of(old)), load_pack(folder_of(new)))
    if json_:
        as_json([asdict(one) for one in found])
        return
    for one in found:
        done(f"{one.kind} {one.name}：{one.what}")
        for line in one.details:
            done(f"    {line}")
    done(f"共 {len(found)} 处不同。" if found else "意思上没有不同。")


def format_pack(
    pack: PackArgument = None,
    check: Annotated[bool, typer.Option("--check", help="只看，不改；有要整理的文件时退出码为 1")] = False,
    config: ConfigOption = None,
) -> None:
    """把规则包的 YAML 文件排整齐：空格、空行、行尾。注释和内容一字不动。有文件读不出来时退出码为 2，其余照样整理。

    例：zuozhen rules fmt ./chenggong
    """
    folder = chosen(pack, config).folder
    files = [*folder.glob("*.yaml"), *(file for name in _FOLDERS for file in (folder / name).glob("*.yaml"))]
    if not files:
        raise UsageError(f"{folder} 里没有 YAML 文件，请检查路径")
    changed, unreadable = 0, 0
    for file in sorted(files):
        name = file.relative_to(folder).as_posix()
        raw = file.read_bytes()
        even = formatted(raw, name)
        if even is None:
            failed(f"{name}：读不出来，没有动它；先用 zuozhen rules lint 看错在哪里")
            unreadable += 1
        elif even.encode() != raw:
            done(f"{'要整理' if check else '整理了'}：{name}")
            changed += 1
            if not check:
                _write(file, even)
    done(f"{len(files)} 个文件，{changed} 个{'要整理' if check else '整理了'}。")
    if unreadable:
        raise typer.Exit(UNREADABLE)
    if check and changed:
        raise typer.Exit(FAILED_GATE)


def tree_of(
    pack: PackArgument = None,
    whole: Annotated[bool, typer.Option("--all", help="也列出各部门的规则")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="文件", help="画成一张图")] = None,
    config: ConfigOption = None,
) -> None:
    """把规则包画成一棵树：先问什么、后问什么，哪些规则说了算，有哪些例外。

    例：zuozhen rules tree ./chenggong --svg 判断.svg
    """
    root = tree(load_pack(chosen(pack, config).folder), whole=whole)
    if svg is None:
        done("\n".join(as_text(root)))
        return
    _write(svg, as_svg(root))
    done(f"已画成 {svg}。")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"写不了 {path}：{reason(error)}") from error

"""`zuozhen rules schema`: the JSON Schema of rule files and word lists, for editors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.decide import BUILTIN, PackOption
from daemon.cli.output import as_json
from rules.rulebook import builtin_pack, load_pack
from rules.schema import lists_schema, rules_schema


class Kind(StrEnum):
    """Which files."""

    RULES = "rules"
    LISTS = "lists"


def schema(
    kind: Annotated[Kind, typer.Argument(metavar="rules|lists", help="规则文件，还是词表文件")] = Kind.RULES,
    pack: PackOption = BUILTIN,
) -> None:
    """输出规则文件或词表文件的 JSON Schema：编辑器据此边写边提示、标出写错的地方。词表、部门、条款的名称取自规则包。

    例：zuozhen rules schema rules --pack ./chenggong > chenggong/rules.schema.json
    """
    if kind is Kind.LISTS:
        as_json(lists_schema())
    else:
        as_json(rules_schema(load_pack(Path(pack) if "/" in pack else builtin_pack(pack))))

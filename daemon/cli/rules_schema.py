"""`zuozhen rules schema`: the JSON Schema of rule files and word lists, for editors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from daemon.cli.output import as_json, failed
from daemon.cli.place import ConfigOption
from daemon.cli.workbench import PackOption, deciding
from rules.schema import lists_schema, rules_schema


class Kind(StrEnum):
    """Which files."""

    RULES = "rules"
    LISTS = "lists"


def schema(
    kind: Annotated[Kind, typer.Argument(metavar="rules|lists", help="规则文件，还是词表文件")] = Kind.RULES,
    pack: PackOption = None,
    config: ConfigOption = None,
) -> None:
    """输出规则文件或词表文件的 JSON Schema：编辑器据此边写边提示、标出写错的地方。词表、部门、条款的名称取自规则包。

    例：zuozhen rules schema rules --pack ./chenggong > chenggong/rules.schema.json
    """
    if kind is Kind.LISTS:
        as_json(lists_schema())
    else:
        book, which = deciding(pack, config)
        failed(which)  # standard output goes into a file
        as_json(rules_schema(book))

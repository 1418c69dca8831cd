"""`zuozhen review`: what waits for a person."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.cli import show
from daemon.cli.case import show_case
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, local, shorten, table
from daemon.cli.place import ConfigOption, JsonOption, known_district, with_stores
from daemon.districts import DistrictFiles
from daemon.review import set_aside_key
from daemon.wiring import Stores


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    reviews = group(summary)
    reviews.command("list", cls=Command)(list_)
    reviews.command("show", cls=Command)(show_)
    app.add_typer(reviews, name=name)


def list_(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """列出等人审核的件（先来的在前），和规则认为不是诉求的来件。

    例：zuozhen review list
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        cases, set_aside = await stores.cases.review(), await stores.cases.not_cases()
        if json_:
            as_json(
                {"cases": [show.case_json(case) for case in cases], "set_aside": [set_aside_key(item.arrival_id) for item in set_aside]}
            )
            return
        rows = [(*show.case_row(case, known_district(districts, case.district))[:5], show.why_review(case)) for case in cases]
        table((*show.CASE_COLUMNS[:5], "为什么要人看"), rows, empty="没有等人审核的件。")
        if set_aside:
            aside = [
                (set_aside_key(item.arrival_id), local(item.received_at), item.decision.topic, shorten(item.petition.title, 40))
                for item in set_aside
            ]
            table(("编号", "收到", "规则认为是", "标题"), aside, title="规则认为不是诉求，等人确认")
        if cases or set_aside:
            done("看一件：zuozhen review show 件号；同意：zuozhen case confirm；改判：zuozhen case overrule（均见 --help）")

    with_stores(config, work)


def show_(
    key: Annotated[str, typer.Argument(metavar="件号", help="件号或 A- 开头的编号")],
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """看一件为什么要人审核。

    例：zuozhen review show CG-2024-00003
    """
    show_case(key, config, json_=json_)

"""`zuozhen review`: what waits for a person, and what becomes of replies whose sender is in doubt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import show
from daemon.cli.case import show_case
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, local, shorten, table
from daemon.cli.place import ConfigOption, JsonOption, files_of, known_district, with_stores
from daemon.districts import DistrictFiles
from daemon.review import Act, arrival_named, set_aside_key
from daemon.stores import Stores
from daemon.wiring import open_desk, open_replies, utc_now
from store.codec import to_json
from store.errors import UsageError

Key = Annotated[str, typer.Argument(metavar="编号", help="回信的编号，如 A-12，见 zuozhen review list")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人，记入经过")]
Reason = Annotated[str, typer.Option("--reason", metavar="理由", help="怎样核实的，记入经过")]


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    reviews = group(summary)
    reviews.command("list", cls=Command)(list_)
    reviews.command("show", cls=Command)(show_)
    reviews.command("do", cls=Command)(do)
    reviews.command("drop", cls=Command)(drop)
    app.add_typer(reviews, name=name)


def list_(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """列出等人审核的件（先来的在前），和规则认为不是诉求的来件。

    例：zuozhen review list
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        cases, set_aside, held = await stores.cases.review(), await stores.cases.not_cases(), await stores.replies.held()
        if json_:
            as_json(
                {
                    "cases": [show.case_json(case) for case in cases],
                    "set_aside": [set_aside_key(item.arrival_id) for item in set_aside],
                    "held": [json.loads(to_json(reply)) for reply in held],
                }
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
        if held:
            waiting = [
                (set_aside_key(one.arrival_id), local(one.held_at), one.case_number, one.hold.says, one.sender, shorten(one.hold.why, 80))
                for one in held
            ]
            table(("编号", "收到", "件号", "要办什么", "来信地址", "为什么存疑"), waiting, title="来信人存疑的回信，没有办理")
            done("核实后照办：zuozhen review do 编号；作废：zuozhen review drop 编号（均见 --help）")
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


def do(key: Key, by: By, reason: Reason, config: ConfigOption = None) -> None:
    """照办一封来信人存疑的回信：核实确是该单位或企业所发之后用。

    例：zuozhen review do A-12 --by 李明 --reason 已电话核实
    """
    _settle(key, config, Act(by=by, reason=reason), is_theirs=True)


def drop(key: Key, by: By, reason: Reason, config: ConfigOption = None) -> None:
    """作废一封来信人存疑的回信：原信仍留在原件，其中的话不办理。

    例：zuozhen review drop A-12 --by 李明 --reason 不是该单位所发
    """
    _settle(key, config, Act(by=by, reason=reason), is_theirs=False)


def _settle(key: str, config: Path | None, act: Act, *, is_theirs: bool) -> None:
    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        arrival_id = arrival_named(key)
        if arrival_id is None:
            raise UsageError(f"{key} 不是回信的编号，应形如 A-12；用 zuozhen review list 查看")
        held = await stores.replies.held_one(arrival_id)
        files_of(districts, held.district)
        offices = {id_: open_desk(files) for id_, files in districts.items()}
        case, acts = await open_replies(stores, offices, now=utc_now).settle(offices[held.district], arrival_id, act, do=is_theirs)
        if not is_theirs:
            done(f"{key} 已作废；{case.number} 不变")
        for one in acts:
            done(f"{case.number} {f'没有办成：{one.words}：{one.problem}' if one.problem else f'已办理：{one.words}'}")

    with_stores(config, work)

"""`zuozhen case separate` and `case same`: a person says whether two reports are one matter, and how that is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.output import done, local
from daemon.cli.place import ConfigOption, with_stores
from daemon.districts import DistrictFiles
from daemon.review import Act
from daemon.stores import Stores
from daemon.wiring import utc_now
from store.codec import to_json
from store.errors import UsageError
from store.model.case import Case, CaseState
from store.model.decision import Verdict
from store.model.matching import Pair
from store.pairs import Word

Key = Annotated[str, typer.Argument(metavar="件号", help="件号，如 CG-2024-00003")]
Other = Annotated[str, typer.Argument(metavar="另一件", help="另一件的件号，或其他平台的记录编号")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人，记入经过")]
Reason = Annotated[str, typer.Option("--reason", metavar="理由", help="凭什么这样认定，记入经过")]
Platform = Annotated[str | None, typer.Option("--platform", metavar="平台代号", help="几个平台有同一编号时，写明哪一个")]


def separate(key: Key, other: Other, by: By, reason: Reason, config: ConfigOption = None, platform: Platform = None) -> None:
    """认定两件不是同一件事：记入经过，以后重新判断时也不再提出。另一件可以是其他平台的记录。

    认错了，再用 zuozhen case same 认定，以最后一次为准。

    例：zuozhen case separate CG-2024-00003 CG-2024-00001 --by 王芳 --reason 两个门店，各有各的房东

    例：zuozhen case separate CG-2024-00003 530100202409270001 --by 王芳 --reason 那一件说的是路灯
    """
    _tell(key, other, platform, config, is_same=False, act=Act(by=by, reason=reason))


def same(key: Key, other: Other, by: By, reason: Reason, config: ConfigOption = None, platform: Platform = None) -> None:
    """认定两件是同一件事：记入两件的经过；件的状态不变，要按重复件办结另用 zuozhen case do 件号 duplicate。

    例：zuozhen case same CG-2024-00003 CG-2024-00001 --by 王芳 --reason 已电话核实
    """
    _tell(key, other, platform, config, is_same=True, act=Act(by=by, reason=reason))


def lines(pairs: Sequence[Pair]) -> list[str]:
    """Return what persons said of a case and others, with a heading; nothing where nobody said anything."""
    return ["", "【人的认定】", *(f"  {_line(pair)}" for pair in pairs)] if pairs else []


def as_json(pairs: Sequence[Pair]) -> list[object]:
    """Return the same as a program reads it."""
    return [json.loads(to_json(pair)) for pair in pairs]


def _line(pair: Pair) -> str:
    called = f"{pair.platform} {pair.number}" if pair.platform else pair.number
    verb = "是同一件" if pair.is_same else "不是同一件，不再提出"
    return f"与 {called} {verb}　{local(pair.at)}　{pair.actor}：{' '.join(pair.reason.split())}"


def _tell(key: str, other: str, platform: str | None, config: Path | None, *, is_same: bool, act: Act) -> None:
    async def work(stores: Stores, _districts: dict[str, DistrictFiles]) -> None:
        case = await stores.cases.get(key)
        partner, record, called = await _partner(stores, other, platform)
        word = Word(is_same=is_same, actor=act.by, reason=act.reason, at=utc_now())
        await stores.pairs.tell(case, word, other=partner, record_id=record)
        done(f"已记下：{case.number} 与 {called} {'是同一件' if is_same else '不是同一件，以后不再提出'}")
        for step in await _next_steps(stores, case, partner, record, is_same=is_same):
            done(step)

    with_stores(config, work)


async def _partner(stores: Stores, other: str, platform: str | None) -> tuple[Case | None, int | None, str]:
    """Return the case called *other*, or the record of another platform with that number, and how it is called."""
    if platform is None:
        try:
            case = await stores.cases.get(other)
        except UsageError:
            pass
        else:
            return case, None, case.number
    try:
        record = await stores.platforms.record(other, platform)
    except UsageError as error:
        raise UsageError(
            f"没有件号或平台记录编号是 {other} 的；件号用 zuozhen case list 查看，平台记录用 zuozhen platforms list。{error}"
        ) from error
    return None, record.id, f"{record.platform} {record.number}"


async def _next_steps(stores: Stores, case: Case, partner: Case | None, record: int | None, *, is_same: bool) -> list[str]:
    """Return what a person has to do beside it, where the standing of the case rests on the pair."""
    decision = case.decision
    hangs_on_it = partner.id == decision.related_case if partner else record == decision.related_record
    if is_same:
        of = f"；按重复件办结：zuozhen case do {case.number} duplicate --of {partner.number} …" if partner else ""
        return [f"件的状态没有变{of}"]
    if hangs_on_it and case.state is CaseState.UNDER_REVIEW and case.verdict is Verdict.REFUSE:
        return [
            f"{case.number} 原来因此拟不予受理，现在请改判：zuozhen case overrule {case.number} --verdict accept --department 部门代号 …"
        ]
    if hangs_on_it and await stores.cases.awaits_review(case.id):
        return [f"{case.number} 还在等人审核，核对完了请确认：zuozhen case confirm {case.number} …"]
    return []

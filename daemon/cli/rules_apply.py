"""`zuozhen rules apply`, `restore` and `history`: which pack is in force, by whose order, and who follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from daemon import logs
from daemon.cli.output import as_json, done, failed, local, table
from daemon.cli.place import SHORT, ByOption, ConfigOption, JsonOption, LimitOption, config_at, with_stores
from daemon.cli.rules_lint import findings, line
from daemon.cli.rules_overtaken import OverOption, may_replace
from daemon.cli.rules_try import run_trials
from daemon.cli.workbench import FAILED_GATE, Chosen, folder_of
from daemon.config import DistrictSection
from daemon.districts import DistrictFiles, load_district
from daemon.rulebooks import load_ordered
from daemon.stores import Stores
from daemon.wiring import open_room, utc_now
from rules.rulebook import BUILTIN_PACKS, RuleBook, load_pack
from rules.workbench.base import NAME, write_base
from rules.workbench.cases import case_files
from rules.workbench.lint import Severity
from store.errors import OvertakenError, UsageError
from store.orders import Follower, Order, Origin
from store.trouble import reason as reason_of

ReasonOption = Annotated[str, typer.Option("--reason", metavar="原因", help="为什么改，记入历史")]
WaitOption = Annotated[float, typer.Option("--wait", min=0, max=600, help="等运行中的服务换上，最多几秒")]

_LOOK_S = 0.5
_UNANSWERED = 75  # it may still be followed


def apply(
    folder: Annotated[str, typer.Argument(metavar="规则包目录", help="要启用的规则包")],
    by: ByOption,
    reason: ReasonOption = "",
    over: OverOption = "",
    config: ConfigOption = None,
    wait: WaitOption = 20.0,
) -> None:
    """启用一个规则包：先检查，再试全部例子和用例，都通过才换上；运行中的服务不停机，几个服务共用一个数据库时一起换。

    现用的不是这个目录当初取出的那一版时，不启用，说明是谁在此期间启用了什么、怎样合并；看过差别，仍要启用，加 --over。

    退出码：0 已启用；1 有不通过的，或别人启用过别的，仍用原来的；或有服务没有换上；2 规则包读不进来；75 已启用，但等到时限还有服务没有回音。

    例：zuozhen rules apply ./chenggong-新 --by 王芳 --reason 增加停水的说法
    """
    logs.configure("error", "auto")
    pack = folder_of(folder)
    settings = config_at(config)
    book = load_pack(pack)

    async def order(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        section = of_same_district(districts, book).section
        await may_replace(stores.orders, pack, district=book.district.id, digest=book.digest, over=over)  # trying takes a while
        files = await asyncio.to_thread(load_district, section, settings.calendar.folder, book)
        await asyncio.to_thread(_check, files, pack, section)
        await stores.packs.keep(book.district.id, book.digest, book.files, now=utc_now())
        given = await _ordered(stores, book, pack, by=by, reason=reason, over=over)
        _note_base(pack, book.digest)
        if given is None:
            done(f"规则包 {book.digest[:SHORT]} 已经在用。")
        else:
            await _wait_for(stores, given, wait)

    with_stores(config, order)


async def _ordered(stores: Stores, book: RuleBook, pack: Path, *, by: str, reason: str, over: str) -> Order | None:
    """Order the pack where nothing is lost by that, and return the order; None where a person had ordered just this pack."""
    id_, digest = book.district.id, book.digest
    while True:
        replacing = await may_replace(stores.orders, pack, district=id_, digest=digest, over=over)
        if await _is_ordered(stores, id_, digest):
            return None
        try:
            why = f"{reason}{replacing.note}"
            return await stores.orders.give(id_, digest, actor=by, reason=why, origin=Origin.PERSON, now=utc_now(), after=replacing.seq)
        except OvertakenError:  # between the look and the order; the next look tells who it was
            continue


def _note_base(pack: Path, digest: str) -> None:
    """Note in the folder that it now holds what is in force: the next change of it, or of a copy, starts from there.

    Not in a folder of the product: nobody changes that, other instances use it, and an upgrade would leave the note behind.
    """
    if pack.parent == BUILTIN_PACKS:
        return
    try:
        write_base(pack, digest)
    except OSError as error:
        failed(f"提醒：{pack / NAME} 写不了：{reason_of(error)}；下次从这个目录启用时，会看不出它是从哪一版改来的")


def restore(
    digest: Annotated[str, typer.Argument(metavar="摘要", help="zuozhen rules history 列出的摘要，至少写前 6 位")],
    by: ByOption,
    reason: ReasonOption = "",
    district: Annotated[str, typer.Option("--district", metavar="区", help="哪个区；配置里只有一个区时不必写")] = "",
    config: ConfigOption = None,
    wait: WaitOption = 20.0,
) -> None:
    """换回以前用过的一个规则包。数据库里存有用过的每一版，不需要当时的文件。

    退出码：0 已换回；1 有服务没有换上；2 没有这一版，或摘要不到 6 位；75 已换回，但等到时限还有服务没有回音。

    例：zuozhen rules restore 3f9a1c02 --by 王芳 --reason 新规则误判了几件
    """
    logs.configure("error", "auto")
    settings = config_at(config)

    async def order(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        files = only(districts, district)
        id_ = files.rulebook.district.id
        kept = await stores.packs.load(id_, digest)
        asked = Order(district=id_, seq=0, digest=kept.digest, at=utc_now(), actor=by, reason=reason, origin=Origin.PERSON)
        ordered = await load_ordered(stores.packs, asked, files.section, settings.calendar.folder)
        await asyncio.to_thread(_try_room, ordered)
        if await _is_ordered(stores, id_, kept.digest):
            done(f"规则包 {kept.digest[:SHORT]} 已经在用。")
            return
        given = await stores.orders.give(id_, kept.digest, actor=by, reason=reason, origin=Origin.PERSON, now=utc_now())
        await _wait_for(stores, given, wait)

    with_stores(config, order)


def history(
    district: Annotated[str, typer.Option("--district", metavar="区", help="哪个区；配置里只有一个区时不必写")] = "",
    config: ConfigOption = None,
    limit: LimitOption = 20,
    json_: JsonOption = False,
) -> None:
    """列出用过的规则包：何时、由谁、为什么换上，现在各个服务用的是哪一版。

    例：zuozhen rules history
    """

    async def load(stores: Stores, districts: dict[str, DistrictFiles]) -> tuple[list[Order], list[Follower]]:
        id_ = only(districts, district).rulebook.district.id
        return await stores.orders.list(id_, limit=limit), await stores.orders.followers(id_)

    orders, followers = with_stores(config, load)
    if json_:
        as_json({"orders": [asdict(order) for order in orders], "services": [asdict(one) for one in followers]})
        return
    table(("次", "摘要", "时间", "由谁", "原因"), [_row(order) for order in orders], empty="还没有启用过规则包；启动服务后再看。")
    services = [(one.service, one.digest[:SHORT], local(one.at), one.problem.split("\n")[0] or "在用") for one in followers]
    table(("服务", "摘要", "时间", "情况"), services, title="运行中的服务", empty="没有运行中的服务。")


def _row(order: Order) -> tuple[str, ...]:
    who = f"{order.actor}（配置里的目录）" if order.origin is Origin.FOLDER else order.actor
    return str(order.seq), order.digest[:SHORT], local(order.at), who, order.reason


def only(districts: dict[str, DistrictFiles], district: str) -> DistrictFiles:
    """Return the files of *district*, of the only one where none is named. Raises UsageError where that does not say which."""
    if district and district not in districts:
        raise UsageError(f"配置里没有区 {district}；有：{'、'.join(districts)}")
    if not district and len(districts) > 1:
        raise UsageError(f"配置里有几个区，请用 --district 写明：{'、'.join(districts)}")
    return districts[district or next(iter(districts))]


def of_same_district(districts: dict[str, DistrictFiles], book: RuleBook) -> DistrictFiles:
    """Return the files of the district that *book* is of. Raises UsageError where the configuration does not have it."""
    if book.district.id not in districts:
        raise UsageError(f"配置里没有区 {book.district.id}；检查规则包 pack.yaml 的 district.id，它在启用以后不能改")
    return districts[book.district.id]


def _check(files: DistrictFiles, pack: Path, section: DistrictSection) -> None:
    """End with 1 where lint finds an error, an example or case fails, or the engine or a template does not take the pack."""
    found = findings(Chosen(folder=pack, section=section), utc_now().date())
    errors = [one for one in found if one.severity is Severity.ERROR]
    warnings = sum(one.severity is Severity.WARNING for one in found)
    for one in errors:
        failed(line(one))
    tried, _ = run_trials(files.rulebook, case_files(pack, []))
    wrong = [one for one in tried if not one.passed]
    for trial in wrong:
        failed(f"✗ {trial.name}（{trial.place}）：应为 {trial.expected}，得到 {trial.got}")
    done(f"检查：错误 {len(errors)} 处，警告 {warnings} 处；例子和用例 {len(tried)} 条，不符 {len(wrong)} 条。")
    if errors or wrong:
        failed("没有启用，仍用原来的规则包。逐条的原因见 zuozhen rules lint 和 zuozhen rules test。")
        raise typer.Exit(FAILED_GATE)
    _try_room(files)


def _try_room(files: DistrictFiles) -> None:
    """Raise ConfigError where the engine or a template does not take the pack."""
    open_room(files, workers=1).engine.close()


async def _is_ordered(stores: Stores, district: str, digest: str) -> bool:
    newest = await stores.orders.newest(district)
    return newest is not None and newest.digest == digest and newest.origin is Origin.PERSON


async def _wait_for(stores: Stores, order: Order, wait: float) -> None:
    done(f"已启用规则包 {order.digest[:SHORT]}（第 {order.seq} 次）。")
    followers = await _followed(stores, order, wait)
    if not followers:
        done("没有运行中的服务；下次启动时生效。")
    for one in followers:
        _tell(one, order)
    if any(one.seq >= order.seq and one.problem for one in followers):
        raise typer.Exit(FAILED_GATE)
    if any(one.seq < order.seq for one in followers):
        raise typer.Exit(_UNANSWERED)


async def _followed(stores: Stores, order: Order, wait: float) -> Sequence[Follower]:
    """Wait until every running service has looked at *order*, at most *wait* seconds, and return how far they are."""
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        followers = await stores.orders.followers(order.district)
        if all(one.seq >= order.seq for one in followers) or asyncio.get_running_loop().time() >= deadline:
            return followers
        await asyncio.sleep(_LOOK_S)


def _tell(one: Follower, order: Order) -> None:
    if one.seq < order.seq:
        failed(f"服务 {one.service} 还没有回音（最后一次 {local(one.at)}）；用 zuozhen rules history 再看。")
    elif one.problem:
        failed(f"服务 {one.service} 没有换上，仍用 {one.digest[:SHORT]}：\n{one.problem}")
    else:
        done(f"服务 {one.service} 已换上。")

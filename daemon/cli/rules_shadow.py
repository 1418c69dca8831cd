"""`zuozhen rules shadow`: a second pack decides silently beside the one in force; where it would have decided otherwise is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from daemon import logs
from daemon.cli.output import as_json, done, failed, local, table
from daemon.cli.place import SHORT, ByOption, ConfigOption, JsonOption, LimitOption, with_stores
from daemon.cli.rules_apply import of_same_district, only
from daemon.cli.rules_lint import findings, line
from daemon.cli.workbench import FAILED_GATE, Chosen, folder_of
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from daemon.wiring import utc_now
from rules.compare import NOTHING, RELATED
from rules.rulebook import RuleBook, load_pack
from rules.workbench.lint import Severity
from store.errors import UsageError
from store.shadows import KEPT, Finding, ShadowRun

DistrictOption = Annotated[str, typer.Option("--district", metavar="区", help="哪个区；配置里只有一个区时不必写")]

_MOVES = 20
_CASES = 3  # named beside each change


def start_shadow(
    folder: Annotated[str, typer.Argument(metavar="规则包目录", help="要试判的规则包")],
    by: ByOption,
    district: DistrictOption = "",
    config: ConfigOption = None,
) -> None:
    """让一个规则包试判：以后每收到一件，先照现用的规则办，再用它悄悄判断一遍，只记下不一样的。不登记、不发信，不影响办件。

    检查出错误的规则包不能试判，退出码为 1；与现用的相同、或读不进来，退出码为 2。运行中的服务几秒内开始，重新启动以后继续，直到 stop。一个区同时只有一个试判；
    再 start 一个，从头记起，上一个记下的不再保留。

    例：zuozhen rules shadow start ./chenggong-新 --by 王芳
    """
    logs.configure("error", "auto")
    pack = folder_of(folder)
    book = load_pack(pack)
    if district and district != book.district.id:
        raise UsageError(f"{folder} 是区 {book.district.id} 的规则包，不是 {district} 的")
    with_stores(config, lambda stores, districts: _start(stores, of_same_district(districts, book), book, pack, by))


async def _start(stores: Stores, files: DistrictFiles, book: RuleBook, pack: Path, by: str) -> None:
    id_ = book.district.id
    errors = [one for one in findings(Chosen(folder=pack, section=files.section), utc_now().date()) if one.severity is Severity.ERROR]
    for one in errors:
        failed(line(one))
    if errors:
        failed("没有开始试判。逐条的原因见 zuozhen rules lint。")
        raise typer.Exit(FAILED_GATE)
    if files.rulebook.digest == book.digest:
        raise UsageError("这个规则包与现用的完全相同，没有可比的")
    await stores.packs.keep(id_, book.digest, book.files, now=utc_now())
    await stores.shadows.start(id_, book.digest, actor=by, now=utc_now())
    done(f"规则包 {book.digest[:SHORT]} 开始试判；运行中的服务几秒内换上。看结果：zuozhen rules shadow list")


def stop_shadow(by: ByOption, district: DistrictOption = "", config: ConfigOption = None) -> None:
    """结束试判。已经记下的仍可用 list 查看，直到下一次 start。

    例：zuozhen rules shadow stop --by 王芳
    """
    logs.configure("error", "auto")

    async def stop(stores: Stores, districts: dict[str, DistrictFiles]) -> ShadowRun | None:
        return await stores.shadows.stop(only(districts, district).rulebook.district.id, actor=by, now=utc_now())

    run = with_stores(config, stop)
    done(f"规则包 {run.digest[:SHORT]} 的试判已结束。" if run else "现在没有规则包在试判。")


def list_shadow(district: DistrictOption = "", config: ConfigOption = None, limit: LimitOption = 20, json_: JsonOption = False) -> None:
    """列出试判的规则包判得不一样的：哪些结论变成了什么，因哪些规则，是哪些件。没有在试判时列上一次的。

    一件为什么不一样，看 zuozhen explain 件号 --under 摘要。

    例：zuozhen rules shadow list
    """

    async def load(stores: Stores, districts: dict[str, DistrictFiles]) -> tuple[ShadowRun | None, list[Finding], str]:
        book = only(districts, district).rulebook
        run = await stores.shadows.newest(book.district.id)
        return run, await stores.shadows.found(run) if run else [], book.digest

    run, found, live = with_stores(config, load)
    if json_:
        as_json({"run": asdict(run) if run else None, "differences": [asdict(one) for one in found[:limit]]})
    elif run is None:
        done("还没有规则包试判过。开始：zuozhen rules shadow start 规则包目录 --by 姓名")
    else:
        _print(run, found, live, limit)


def _print(run: ShadowRun, found: Sequence[Finding], live: str, limit: int) -> None:
    if found:
        table(("原来", "试判", "件数", "例如"), _moves(found), title="变成了什么（一件变了几处的，只算最要紧的一处）")
        _print_rules(found)
        shown = found[:limit]
        rows = [(one.key, local(one.at), "\n".join(f"{what}：{old} → {new}" for what, old, new in one.divergence.changes)) for one in shown]
        table(("件", "收到", "哪里不一样"), rows, title=f"哪些件不一样（新的在前，列出 {len(shown)} 件，共 {len(found)} 件）")
        done(f"一件为什么不一样：zuozhen explain 件号 --under {run.digest[:SHORT]}")
    _print_run(run, live)


def _moves(found: Sequence[Finding]) -> list[tuple[str, str, str, str]]:
    """Return the changes, the most frequent first; of a petition the weightiest alone. Which earlier case is meant is no change by itself."""
    kinds = [_kind(*one.divergence.changes[0]) for one in found]
    rows = []
    for (what, old, new), count in Counter(kinds).most_common(_MOVES):
        keys = [one.key for one, kind in zip(found, kinds, strict=True) if kind == (what, old, new)]
        rows.append((f"{what}：{old}", new, str(count), _examples(keys)))
    return rows


def _kind(what: str, old: str, new: str) -> tuple[str, str, str]:
    """Return a change without the number of a case, which is another one each time."""
    if what != RELATED:
        return what, old, new
    return what, _whether(old), _whether(new) if NOTHING in {old, new} else "另一件"


def _whether(number: str) -> str:
    return number if number == NOTHING else "有"


def _examples(keys: Sequence[str]) -> str:
    """Return a few keys, with spaces, so that a narrow terminal breaks the line between two of them."""
    return " ".join(keys[:_CASES])


def _print_rules(found: Sequence[Finding]) -> None:
    came = Counter(rule for one in found for rule in one.divergence.came)
    went = Counter(rule for one in found for rule in one.divergence.went)
    names = sorted({*came, *went}, key=lambda rule: (-came[rule] - went[rule], rule))[:_MOVES]
    if names:
        rows = [(rule, str(came[rule] or "—"), str(went[rule] or "—"), _examples(_with(found, rule))) for rule in names]
        table(("规则", "只在试判成立", "只在现用成立", "例如"), rows, title="只在一边成立的规则")
    if any(not one.divergence.came and not one.divergence.went for one in found):
        done("有的件，两边成立的规则相同，是规则的效果或分量改了：zuozhen rules diff 现用的目录 试判的目录")


def _with(found: Sequence[Finding], rule: str) -> list[str]:
    return [one.key for one in found if rule in one.divergence.came or rule in one.divergence.went]


def _print_run(run: ShadowRun, live: str) -> None:
    ended = f"，{local(run.stopped_at)} 由{run.stopped_by}结束" if run.stopped_at else "，正在试判"
    done(f"规则包 {run.digest[:SHORT]}：{local(run.started_at)} 由{run.started_by}开始{ended}。")
    kept = f"（只保留最近 {KEPT} 件）" if run.different > KEPT else ""
    done(f"试判了 {run.decided} 件，{run.different} 件不一样{kept}。")
    if run.dropped:
        done(f"来件太密，略过 {run.dropped} 件没有试判。")
    if run.failed:
        done(f"{run.failed} 件没有判出来，最近一次的原因：{run.problem}")
    if run.stopped_at is None and run.digest == live:
        done("这一版已经启用，不再试判；结束：zuozhen rules shadow stop --by 姓名")

"""`zuozhen explain`: why something was decided, by which words, rules and articles, and whether today's rules would say otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import case_pairs, show
from daemon.cli.chinese import Command
from daemon.cli.decide import decide
from daemon.cli.output import as_json, done, local
from daemon.cli.place import SHORT, ConfigOption, JsonOption, files_of, with_stores
from daemon.districts import DistrictFiles
from daemon.explaining import Again, Record, decide_again, find, kept_rulebook
from daemon.stores import Stores
from rules.explain import explain as in_words
from rules.rulebook import RuleBook
from rules.trace import trace
from store.codec import to_json
from store.errors import UsageError

Key = Annotated[str, typer.Argument(metavar="件号或文件", help="件号，如 CG-2024-00001；非诉求来件、续件如 A-12；或 .eml、.txt 文件")]
Under = Annotated[str | None, typer.Option("--under", metavar="摘要", help="改用这个摘要的规则包判断，至少写前 6 位")]
Now = Annotated[bool, typer.Option("--now", help="改用现在的规则包判断，并列出全部理由")]


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(explain)


def explain(
    key: Key,
    config: ConfigOption = None,
    under: Under = None,
    now: Now = False,
    json_: JsonOption = False,
) -> None:
    """说明一件当时为什么这样判断：依据哪些原话、哪一条款、哪些规则，哪些规则被覆盖、哪些只差一点，现在的规则会不会判得不一样。

    给出文件时与 zuozhen decide 相同，用启用着的规则包（没有配置时用随产品的）看会怎么判断。

    例：zuozhen explain CG-2024-00003

    例：zuozhen explain CG-2024-00003 --now

    续件的编号见 zuozhen case show 的“经过”，说明里有它凭什么认出是哪一件的续件。

    例：zuozhen explain A-30
    """
    if under and now:
        raise UsageError("--under 和 --now 只能写一个")
    if Path(key).is_file():
        if under or now:
            raise UsageError("--under 和 --now 用于已登记的件；文件请用 zuozhen decide 文件 --pack 规则包")
        decide([Path(key)], config=config, json_=json_)
        return

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        record = await find(stores, key)
        files = files_of(districts, record.district)
        if under or now:
            book = await kept_rulebook(stores, record.district, under) if under else files.rulebook
            _tell_again(record, decide_again(record.without_separated(), book, files.calendar), json_=json_)
        else:
            await _tell(stores, record, files, json_=json_)

    with_stores(config, work)


async def _tell(stores: Stores, record: Record, files: DistrictFiles, *, json_: bool) -> None:
    """Print the record, and what the rules of then and of today make of it now."""
    today = files.rulebook
    problem, then = "", today if record.decision.rulebook == today.digest else None
    try:
        then = then or await kept_rulebook(stores, record.district, record.decision.rulebook)
    except UsageError as error:
        problem = str(error)
    proof = decide_again(record, then, files.calendar) if then else None
    is_as_then = then is today and not any(not pair.is_same for pair in record.pairs)
    current = proof if is_as_then else decide_again(record.without_separated(), today, files.calendar)
    if json_:
        as_json({**_record_json(record), "then": _again_json(proof), "then_problem": problem, "today": _again_json(current)})
        return
    district = (then or today).district
    lines = [
        *_head(record),
        "",
        "【当时的判断】",
        *in_words(record.decision, district),
        "",
        "【核对】",
        *_proof(proof, problem),
        *_today(record, current, today),
        *case_pairs.lines(record.pairs),
        "",
        "【逐条记录】",
        *trace(record.decision, district, then.rules if then else {}),
    ]
    done("\n".join(lines))


def _tell_again(record: Record, again: Again, *, json_: bool) -> None:
    """Print what another rule-book makes of the petition, with all reasons."""
    if json_:
        as_json({**_record_json(record), "again": _again_json(again)})
        return
    book = again.rulebook
    lines = [
        *_head(record),
        "",
        f"【按规则包 {book.digest[:SHORT]} 判断】",
        *in_words(again.decision, book.district),
        "",
        "【与当时相比】",
        *(_listed(again) or ["结论相同。"]),
        "",
        "【逐条记录】",
        *trace(again.decision, book.district, book.rules),
    ]
    done("\n".join(lines))


def _head(record: Record) -> list[str]:
    return [f"{record.key}　收到于 {local(record.received_at)}", "", *show.petition_lines(record.petition)]


def _proof(proof: Again | None, problem: str) -> list[str]:
    if proof is None:
        return [f"当时的规则包：不能重新判断。{problem}"]
    if proof.differences:
        return ["用当时的规则包重新判断，结果与记录不同（程序换过版本，或以前的事项已有变动）：", *_listed(proof)]
    return ["用当时的规则包重新判断：与记录一致。"]


def _today(record: Record, current: Again | None, today: RuleBook) -> list[str]:
    is_separated = any(not pair.is_same for pair in record.pairs)
    if current is None or (record.decision.rulebook == today.digest and not is_separated):
        return ["规则包没有变过，现在也会这样判断。"] if current and not current.differences else []
    if is_separated:
        return ["有人认定不是同一件的，现在不再拿来比较：", *(_listed(current) or ["  结果相同。"])]
    if not current.differences:
        return [f"用现在的规则包（{today.digest[:SHORT]}）判断：结果相同。"]
    return [
        f"用现在的规则包（{today.digest[:SHORT]}）判断，会不一样：",
        *_listed(current),
        f"  全部理由：zuozhen explain {record.key} --now",
    ]


def _listed(again: Again) -> list[str]:
    return [f"  {difference}" for difference in again.differences]


def _record_json(record: Record) -> dict[str, object]:
    return {
        "key": record.key,
        "received_at": record.received_at.isoformat(),
        "petition": json.loads(to_json(record.petition)),
        "decision": json.loads(to_json(record.decision)),
        "pairs": case_pairs.as_json(record.pairs),
    }


def _again_json(again: Again | None) -> dict[str, object] | None:
    if again is None:
        return None
    return {
        "rulebook": again.rulebook.digest,
        "decision": json.loads(to_json(again.decision)),
        "differences": [json.loads(to_json(difference)) for difference in again.differences],
    }

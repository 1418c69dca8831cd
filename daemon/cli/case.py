"""`zuozhen case`: look at cases; confirm, overrule, assign, note as a person with a name and a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from daemon.casework import Casework, Details
from daemon.cli import case_pairs, comparison, show
from daemon.cli.case_files import files
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, table
from daemon.cli.place import ConfigOption, JsonOption, LimitOption, files_of, known_district, with_stores
from daemon.districts import DistrictFiles
from daemon.review import Act, Correction, Review
from daemon.sisters import earlier_of
from daemon.stores import Stores
from daemon.wiring import open_desk, utc_now
from store.errors import UsageError
from store.life import BY_NAME, RATINGS, RESULTS, ROLE_WORDS, Role, Step, possible
from store.model.case import CaseState
from store.model.decision import Verdict
from store.trouble import reason as trouble

_LARGEST_FILE = 50 << 20

Key = Annotated[str, typer.Argument(metavar="件号", help="件号，如 CG-2024-00001；非诉求来件用 A-12 这样的编号")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人，记入经过")]
Reason = Annotated[str, typer.Option("--reason", metavar="理由", help="理由，记入经过；确认不予受理时企业会看到")]


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    cases = group(summary)
    for command in (list_, show_, confirm, overrule, assign, case_pairs.separate, case_pairs.same, note, do, events, files):
        cases.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(cases, name=name)


def list_(
    config: ConfigOption = None,
    state: Annotated[CaseState | None, typer.Option(help="只列某一状态")] = None,
    department: Annotated[str | None, typer.Option(metavar="部门代号", help="只列某一承办部门")] = None,
    limit: LimitOption = 50,
    json_: JsonOption = False,
) -> None:
    """列出最近的件，新的在前。

    例：zuozhen case list --state under_review
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        cases = await stores.cases.list(state=state, department=department, limit=limit)
        if json_:
            as_json([show.case_json(case) for case in cases])
        else:
            table(show.CASE_COLUMNS, (show.case_row(case, known_district(districts, case.district)) for case in cases), empty="还没有件。")

    with_stores(config, work)


def show_(key: Key, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """看一件的全部：企业、诉求、判断与依据、时限、经过、往来邮件。

    例：zuozhen case show CG-2024-00001
    """
    show_case(key, config, json_=json_)


def show_case(key: str, config: Path | None, *, json_: bool) -> None:
    """Print one case or one set-aside arrival."""

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        item = await _review(stores, districts).set_aside(key)
        if item is not None:
            if json_:
                as_json(show.set_aside_json(item))
                return
            arrival = await stores.arrivals.get(item.arrival_id)
            done("\n".join(show.set_aside_lines(item, files_of(districts, arrival.district).rulebook.district)))
            return
        case = await stores.cases.get(key)
        history = await stores.cases.history(case.id)
        notices = sorted(await stores.outbox.list(case_id=case.id, limit=1000), key=lambda queued: queued.id)
        owed = await stores.deadlines.of_case(case.id)
        pairs = await stores.pairs.of_case(case.id)
        beside = await comparison.related(stores, case, pairs)
        earlier = await earlier_of(case, stores.cases, {id_: one.rulebook.district for id_, one in districts.items()})
        if json_:
            more = {"repeats": comparison.as_json(beside), "pairs": case_pairs.as_json(pairs), "earlier": [asdict(one) for one in earlier]}
            as_json({**show.case_json(case, history, notices, owed), **more})
        else:
            files = files_of(districts, case.district)
            problems = open_desk(files).composer.problems(case)
            lines = show.case_lines(case, files.rulebook.district, history, notices, owed, problems, earlier)
            done("\n".join([*lines, *case_pairs.lines(pairs)]))
            if beside is not None:
                comparison.show(beside)

    with_stores(config, work)


def confirm(key: Key, by: By, reason: Reason, config: ConfigOption = None) -> None:
    """确认规则拟定的结论，使其生效；不予受理的告知书随即发给企业。

    例：zuozhen case confirm CG-2024-00003 --by 王芳 --reason 已电话核实，法院已立案
    """

    async def work(review: Review) -> str:
        case = await review.confirm(key, Act(by=by, reason=reason))
        return f"{case.number} 已确认，现为“{show.STATES[case.state]}”" if case else f"{key} 已确认为非诉求来件"

    _act(config, work)


def overrule(
    key: Key,
    verdict: Annotated[Verdict, typer.Option(help="改为：accept 受理、refuse 不予受理、supplement 补正")],
    by: By,
    reason: Reason,
    config: ConfigOption = None,
    ground: Annotated[int | None, typer.Option(help="改为不予受理时，第几种情形")] = None,
    department: Annotated[str | None, typer.Option(metavar="部门代号", help="改为受理时的承办部门")] = None,
    missing: Annotated[list[str] | None, typer.Option(metavar="所缺", help="改为补正时，缺什么；可重复")] = None,
) -> None:
    """改判：以人的结论代替规则的结论，立即生效。

    例：zuozhen case overrule CG-2024-00003 --verdict accept --department swj --by 王芳 --reason 要求的是税务部门答复
    """

    async def work(review: Review) -> str:
        correction = Correction(verdict=verdict, ground=ground, department=department, missing=tuple(missing or ()))
        case = await review.overrule(key, correction, Act(by=by, reason=reason))
        return f"{case.number} 已改为“{show.VERDICTS[case.verdict]}”，现为“{show.STATES[case.state]}”"

    _act(config, work)


def assign(
    key: Key,
    department: Annotated[str, typer.Option(metavar="部门代号", help="承办部门")],
    by: By,
    reason: Reason,
    config: ConfigOption = None,
    accompany: Annotated[list[str] | None, typer.Option(metavar="部门代号", help="陪诊部门；可重复，会发邮件告知")] = None,
) -> None:
    """交办或改派给一个部门，并可确定陪诊部门；邮件随即发出。

    例：zuozhen case assign CG-2024-00003 --department scj --accompany zfj --by 王芳 --reason 涉及店招
    """

    async def work(review: Review) -> str:
        case = await review.assign(key, department, tuple(accompany or ()), Act(by=by, reason=reason))
        return f"{case.number} 已交办"

    _act(config, work)


def note(key: Key, by: By, reason: Reason, config: ConfigOption = None) -> None:
    """在一件的经过中加一条备注。

    例：zuozhen case note CG-2024-00003 --by 王芳 --reason 企业来电，资料周五送到
    """

    async def work(review: Review) -> str:
        return f"{(await review.note(key, Act(by=by, reason=reason))).number} 已加备注"

    _act(config, work)


def do(
    key: Annotated[str, typer.Argument(metavar="件号", help="件号，如 CG-2024-00001")],
    event: Annotated[str, typer.Argument(metavar="事件", help=f"{'、'.join(BY_NAME)}")],
    by: By,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="理由", help="理由，记入经过；承诺、延期、答复、销号、转交、重复、并入、撤回时，企业在邮件里会看到"
        ),
    ],
    config: ConfigOption = None,
    role: Annotated[
        Role, typer.Option("--as", help="代表谁：coordinator 统筹部门、department 承办部门、enterprise 企业")
    ] = Role.COORDINATOR,
    department: Annotated[str, typer.Option(metavar="部门代号", help="退回时：建议的承办部门")] = "",
    days: Annotated[int | None, typer.Option(metavar="工作日数", help="承诺时限、延期或督办限期")] = None,
    limit: Annotated[int | None, typer.Option(metavar="工作日数", help="承诺时：附件4“正在处理，限期__个工作日”")] = None,
    result: Annotated[
        str,
        typer.Option(metavar=f"<{'|'.join(RESULTS)}>", help=f"答复时：{'、'.join(f'{name} {words}' for name, words in RESULTS.items())}"),
    ] = "",
    rating: Annotated[
        str,
        typer.Option(metavar=f"<{'|'.join(RATINGS)}>", help=f"评价时：{'、'.join(f'{name} {words}' for name, words in RATINGS.items())}"),
    ] = "",
    missing: Annotated[list[str] | None, typer.Option(metavar="所缺", help="请企业补正时：缺什么；可重复")] = None,
    to: Annotated[
        str, typer.Option(metavar="单位", help="转交时：转给谁；写同一部署的另一个区（如“五华区”），就连同经过转到那里登记")
    ] = "",
    of: Annotated[str, typer.Option(metavar="件号", help="认定重复、并入他件时：哪一件")] = "",
    evidence: Annotated[str, typer.Option(metavar="文字", help="依据，如“回执单2024年第3号”")] = "",
    file: Annotated[list[Path] | None, typer.Option(metavar="文件", help="作为依据的文件；原样存入数据库，可重复")] = None,
) -> None:
    """让一件发生一件事：签收、承诺、答复、评价、销号、退回、转交……每件事连同姓名、身份、理由、依据记入经过。

    现在能做什么：zuozhen case events 件号。
    例：zuozhen case do CG-2024-00003 acknowledge --as department --by 李明 --reason 已签收
    例：zuozhen case do CG-2024-00003 promise --as department --days 7 --limit 5 --by 李明 --reason 需现场勘验
    例：zuozhen case do CG-2024-00003 return --as department --department zjj --by 李明 --reason 不属本局职责
    例：zuozhen case do CG-2024-00003 hand_over --to 五华区 --by 李明 --reason 企业不在本区经营
    """
    files = {path.name: _bytes(path) for path in file or ()}
    details = Details(
        department=department,
        days=days,
        limit=limit,
        result=result,
        rating=rating,
        missing=tuple(missing or ()),
        to=to,
        of=of,
        evidence=evidence,
        files=files,
    )

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        offices = {id_: open_desk(files) for id_, files in districts.items()}
        case = await Casework(offices=offices, cases=stores.cases, deadlines=stores.deadlines, now=utc_now).do(
            key, event, role, Act(by=by, reason=reason), details
        )
        there = f"；{case.progress.elsewhere}由本系统登记，该区编号稍后见 zuozhen case show {case.number}" if case.progress.sister else ""
        done(f"{case.number} 已记入“{BY_NAME[event].words}”，现为“{show.STATES[case.state]}”{there}")

    with_stores(config, work)


def events(
    key: Annotated[str, typer.Argument(metavar="件号", help="不写则列出全部状态")] = "",
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """列出一件现在能发生什么、由谁来做、要写明什么；不写件号则列出每个状态下能做的。

    例：zuozhen case events CG-2024-00003
    """

    async def work(stores: Stores, _districts: dict[str, DistrictFiles]) -> None:
        case = await stores.cases.get(key)
        if json_:
            as_json({"number": case.number, **_state_json(case.state)})
        else:
            _print_events(case.state, f"{case.number}　{show.STATES[case.state]}")

    if key:
        with_stores(config, work)
    elif json_:
        as_json([_state_json(state) for state in CaseState])
    else:
        for state in CaseState:
            _print_events(state, show.STATES[state])


def _print_events(state: CaseState, title: str) -> None:
    table(_EVENT_COLUMNS, [_event_row(step) for step in possible(state)], title=title, empty=f"{title}：已办结。")


def _state_json(state: CaseState) -> dict[str, object]:
    """Return what is possible in *state*, as a program reads it."""
    return {"state": state, "events": [_event_json(step) for step in possible(state)]}


def _event_json(step: Step) -> dict[str, object]:
    return {
        "event": step.name,
        "words": step.words,
        "roles": step.roles,
        "needs": step.needs,
        "to": [state for state in CaseState if state in step.to],
    }


_EVENT_COLUMNS = ("事件", "含义", "由谁", "要写明", "到")


def _event_row(step: Step) -> tuple[str, ...]:
    to = "、".join(show.STATES[state] for state in CaseState if state in step.to) or "（状态不变）"
    return (
        step.name,
        step.words,
        "、".join(ROLE_WORDS[role] for role in step.roles),
        "、".join(f"--{need}" for need in step.needs) or "—",
        to,
    )


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{path} 超过 {_LARGEST_FILE >> 20} 兆字节")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"打不开 {path}：{trouble(error)}") from error


def _act(config: Path | None, work: Callable[[Review], Awaitable[str]]) -> None:
    async def run(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        done(await work(_review(stores, districts)))

    with_stores(config, run)


def _review(stores: Stores, districts: dict[str, DistrictFiles]) -> Review:
    offices = {id_: open_desk(files) for id_, files in districts.items()}
    return Review(offices=offices, arrivals=stores.arrivals, cases=stores.cases, now=utc_now)

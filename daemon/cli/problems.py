"""`zuozhen problems`: common problems (类题): look at them, open one with a lead department, close it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, local, shorten, table
from daemon.cli.place import ConfigOption, JsonOption, LimitOption, files_of, known_district, with_stores
from daemon.cli.show import department_name
from daemon.districts import DistrictFiles
from daemon.review import Act, known_department
from daemon.stores import Stores
from daemon.wiring import open_desk, utc_now
from store.codec import to_json
from store.model.case import Event
from store.model.district import District
from store.model.notice import Notice
from store.model.problem import Dossier, Member, Problem, ProblemState
from store.subjects import Said

STATES = {
    ProblemState.GATHERING: "归集中",
    ProblemState.PROPOSED: "建议立题",
    ProblemState.OPEN: "已立题",
    ProblemState.CLOSED: "已办结",
}
_EVENTS = {
    "problem.proposed": "建议立为类题",
    "problem.opened": "立为类题",
    "problem.closed": "办结",
    "notice.sent": "邮件发出",
    "notice.refused": "邮件未能发出",
}
_COLUMNS = ("编号", "状态", "用词", "件数", "企业", "近30天", "前30天", "部门", "最近")

Key = Annotated[str, typer.Argument(metavar="编号", help="类题编号，如 LT-00012")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人，记入经过")]
Reason = Annotated[str, typer.Option("--reason", metavar="理由", help="理由，记入经过")]


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    problems = group(summary)
    for command in (list_, show_, open_, close):
        problems.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(problems, name=name)


def list_(
    config: ConfigOption = None,
    gathering: Annotated[bool, typer.Option("--gathering", help="连同还没有到立题家数、已有两家以上企业的")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="连同已办结的")] = False,
    limit: LimitOption = 50,
    json_: JsonOption = False,
) -> None:
    """列出类题：建议立题的、已立题的；企业多的在前。

    例：zuozhen problems list

    例：zuozhen problems list --gathering --json
    """
    states = [ProblemState.PROPOSED, ProblemState.OPEN]
    states += [ProblemState.GATHERING] if gathering else []
    states += [ProblemState.CLOSED] if closed else []

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        found = [problem for id_ in districts for problem in await _listed(stores, id_, states, limit)]
        if json_:
            as_json([_json(problem) for problem in found])
            return
        rows = [_row(problem, known_district(districts, problem.district)) for problem in found]
        table(_COLUMNS, rows, empty="还没有类题。多少家企业、多少天内反映同样的问题才建议立题，见规则包 pack.yaml 的 problems。")
        if any(problem.state is ProblemState.PROPOSED for problem in found):
            done("看一题：zuozhen problems show 编号；立题：zuozhen problems open；不是一类：zuozhen problems close（均见 --help）")

    with_stores(config, work)


def show_(key: Key, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """看一题：用词、规模、增长、涉及的件、经过。

    例：zuozhen problems show LT-00012
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        dossier, history = await stores.problems.get(key, utc_now()), await stores.problems.history(key)
        if json_:
            members = [json.loads(to_json(member)) for member in dossier.members]
            as_json({**_json(dossier.problem), "reports": members, "history": [json.loads(to_json(event)) for event in history]})
            return
        district = known_district(districts, dossier.problem.district)
        done("\n".join(_lines(dossier.problem, district, history)))
        table(("收到", "编号", "企业", "反映", "部门"), [_member_row(one, district) for one in dossier.members], title="涉及的件，新的在前")

    with_stores(config, work)


def open_(
    key: Key,
    lead: Annotated[str, typer.Option("--lead", metavar="部门代号", help="牵头部门；会收到邮件")],
    by: By,
    reason: Reason,
    config: ConfigOption = None,
    name: Annotated[str, typer.Option("--name", metavar="名称", help="给这一题起个名字；不写则用归集出的用词")] = "",
) -> None:
    """立为类题，由一个部门牵头，邮件随即发给它；各件仍由各自的承办部门按时答复。

    例：zuozhen problems open LT-00012 --lead rsj --name 稳岗返还未到账 --by 王芳 --reason 四家企业同一批次
    """
    act = Act(by=by, reason=reason)

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        before = (await stores.problems.get(key)).problem
        desk = open_desk(files_of(districts, before.district))
        known_department(desk, lead)

        def tell(dossier: Dossier) -> Sequence[Notice]:
            setting = desk.rulebook.settings.problems
            return desk.composer.for_problem(dossier, setting.enterprises, setting.days)

        said = Said(by=act.by, reason=act.reason, at=utc_now())
        opened = (await stores.problems.open(key, lead, " ".join(name.split())[:60], said, tell)).problem
        leading = department_name(lead, desk.rulebook.district)
        done(f"{opened.key} 已立为类题“{opened.name}”，由{leading}牵头，{opened.size} 件、{opened.enterprises} 家企业")

    with_stores(config, work)


def close(key: Key, by: By, reason: Reason, config: ConfigOption = None) -> None:
    """办结一题，或认定不是一类；以后再有同样的反映，另成一题。

    例：zuozhen problems close LT-00012 --by 王芳 --reason 资金已全部拨付，逐家回访满意
    """
    act = Act(by=by, reason=reason)

    async def work(stores: Stores, _districts: dict[str, DistrictFiles]) -> None:
        closed = (await stores.problems.close(key, Said(by=act.by, reason=act.reason, at=utc_now()))).problem
        done(f"{closed.key}“{closed.name}”已办结")

    with_stores(config, work)


async def _listed(stores: Stores, district: str, states: Sequence[ProblemState], limit: int) -> list[Problem]:
    return await stores.problems.list(district, states, least=2, limit=limit, now=utc_now())


def _row(problem: Problem, district: District | None) -> tuple[str, ...]:
    usual = problem.lead or problem.usual_department
    return (
        problem.key,
        STATES[problem.state],
        shorten(problem.name, 30),
        str(problem.size),
        str(problem.enterprises),
        str(problem.recent),
        str(problem.before),
        f"{department_name(usual, district)}{'牵头' if problem.lead else ''}" if usual else "—",
        f"{local(problem.last_at)}",
    )


def _member_row(member: Member, district: District | None) -> tuple[str, ...]:
    return (
        local(member.at),
        f"{member.platform} {member.number}" if member.platform else member.number,
        shorten(member.name, 20) or "（未写明）",
        shorten(member.title, 36),
        department_name(member.department, district) if member.department else "—",
    )


def _lines(problem: Problem, district: District | None, history: Sequence[Event]) -> list[str]:
    departments = "、".join(f"{department_name(id_, district)} {count} 件" for id_, count in sorted(problem.departments.items(), key=_most))
    return [
        f"{problem.key}　{STATES[problem.state]}　{problem.name}",
        f"  规模：{problem.size} 件，{problem.enterprises} 家企业；{local(problem.first_at)} 至 {local(problem.last_at)}",
        f"  增长：近 30 天 {problem.recent} 件，再前 30 天 {problem.before} 件",
        f"  承办部门：{departments or '（未定）'}",
        *([f"  牵头部门：{department_name(problem.lead, district)}"] if problem.lead else []),
        "",
        "【经过】",
        *(f"  {local(event.at)}  {_event(event)}" for event in history),
        *([] if history else ["  （还没有人处理）"]),
        "",
    ]


def _most(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _event(event: Event) -> str:
    who = "" if event.actor in {"system", "rules"} else f"　{event.actor}"
    return f"{_EVENTS.get(event.kind, event.kind)}{who}{f'：{chr(32).join(event.reason.split())}' if event.reason else ''}"


def _json(problem: Problem) -> dict[str, object]:
    value: dict[str, object] = json.loads(to_json(problem))
    return value

"""The figures of a report: what is counted, by which definition, and the rows behind each number. Pure; the only module that counts.

Every table says how it counts, for whoever reads a figure must be able to check it by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from notifier.dates import local_date
from store.life import RATINGS, RESULTS, STATE_WORDS
from store.model.arrival import CHANNEL_WORDS
from store.model.case import CaseState
from store.model.decision import Verdict
from store.model.district import District
from store.model.problem import ProblemState
from store.model.report import Outcome, Reported, ReportedCase, ReportedDeadline

Cell = str | int | None

OUTCOMES = {Outcome.KEPT: "按期", Outcome.LATE: "逾期办结", Outcome.MISSED: "逾期未办", Outcome.RUNNING: "在办（未到期或待补正）"}
_PROBLEMS = {ProblemState.PROPOSED: "建议立题", ProblemState.OPEN: "已立题", ProblemState.CLOSED: "已办结"}
_REPEATED = frozenset({CaseState.DUPLICATE, CaseState.MERGED})
_NOBODY = "（未定部门）"
_TYPICAL, _LISTED = 10, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: what its rows are, its columns, how it was counted, and what stands there where it has no rows."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    definition: str
    empty: str = "本期没有。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A whole report before anybody lays it out: tables of figures, lists of names, and the rows behind them."""

    tables: tuple[Table, ...]
    lists: tuple[Table, ...]
    rows: tuple[Table, ...]


class Share(NamedTuple):
    """A part of a whole."""

    part: int
    whole: int

    @property
    def words(self) -> str:
        """Return it as a percentage with one decimal, — where there is no whole."""
        return f"{self.part / self.whole:.1%}" if self.whole else "—"


def figures(reported: Reported, district: District) -> Figures:
    """Return the figures of what was *reported* for *district*."""
    return Figures(
        tables=(
            _overview(reported),
            _by_channel(reported),
            _by_department(reported, district),
            _by_kind(reported),
            _by_ground(reported, district),
        ),
        lists=(_late(reported, district), _problems(reported, district), _important(reported, district), _typical(reported, district)),
        rows=(_case_rows(reported, district), _deadline_rows(reported, district)),
    )


def kept(deadlines: Iterable[ReportedDeadline]) -> Share:
    """Return how many of the dates that are over were kept."""
    over = [one for one in deadlines if one.outcome is not Outcome.RUNNING]
    return Share(sum(one.outcome is Outcome.KEPT for one in over), len(over))


def solved(cases: Iterable[ReportedCase]) -> Share:
    """Return how many of the answered cases were solved."""
    answered = [case for case in cases if case.answered_at is not None]
    return Share(sum(case.progress.result == "solved" for case in answered), len(answered))


def satisfied(cases: Iterable[ReportedCase]) -> Share:
    """Return how many of the rated cases were rated 满意 or 基本满意 (附件5)."""
    rated = [case for case in cases if case.progress.rating]
    return Share(sum(case.progress.rating != "dissatisfied" for case in rated), len(rated))


# ---------------------------------------------------------------- tables of figures


def _overview(reported: Reported) -> Table:
    cases, aside = reported.cases, reported.set_aside
    accepted = [case for case in cases if _is_accepted(case)]
    rows: list[tuple[Cell, ...]] = [
        ("收到来件", sum(reported.arrivals.values()), "本期内各渠道收到的来件，含其他平台的记录"),
        ("其中：续件", aside.get(Verdict.FOLLOW_UP, 0), "归入以前登记的件，含对本系统邮件的回复"),
        ("其中：非诉求", aside.get(Verdict.NOT_A_CASE, 0), "广告、自动回复等，不登记"),
        ("登记", len(cases), "本期内登记编号的件；以下各行（时限除外）都只数这些件"),
        ("受理", len(accepted), "结论为受理的件，含已转交的，不含重复件、并入他件和撤回的"),
        ("不予受理", _count(cases, lambda case: case.state is CaseState.REFUSED), "经人确认不予受理"),
        ("待补正", _count(cases, lambda case: case.state is CaseState.AWAITING_SUPPLEMENT), "等企业补充"),
        ("待审核", _count(cases, lambda case: case.state is CaseState.UNDER_REVIEW), "等人审核结论"),
        ("重复或并入他件", _count(cases, lambda case: case.state in _REPEATED), "与另一件是同一件事"),
        ("企业撤回", _count(cases, lambda case: case.state is CaseState.WITHDRAWN), ""),
        ("转交区外单位", _count(cases, lambda case: case.state is CaseState.HANDED_OVER), ""),
        ("已答复", _count(cases, lambda case: case.answered_at is not None), "截至统计时刻已答复企业，之后又重新办理的不算"),
        ("已销号", _count(cases, lambda case: case.state is CaseState.CLOSED), ""),
        ("解决率", solved(cases).words, "答复为“已解决”的，占已答复的"),
        ("满意率", satisfied(cases).words, "评价为满意、基本满意的，占已评价的"),
        ("按期率", kept(reported.deadlines).words, "本期到期的时限中按期办到的，占已到期的（不含因补正暂停的）"),
    ]
    return Table(key="overview", title="总体情况", columns=("指标", "数量", "说明"), rows=tuple(rows), definition="")


def _by_channel(reported: Reported) -> Table:
    opened = Counter(case.channel for case in reported.cases)
    rows = [
        (words, reported.arrivals.get(channel, 0), opened[channel], Share(opened[channel], len(reported.cases)).words)
        for channel, words in CHANNEL_WORDS.items()
        if opened[channel] or reported.arrivals.get(channel)
    ]
    definition = "来件按收到时间、登记按登记时间数。占比是该渠道登记的件占全部登记的件。其他平台的记录只作比对，不登记。"
    return Table(key="channels", title="渠道", columns=("渠道", "来件", "登记", "占比"), rows=tuple(rows), definition=definition)


def _by_department(reported: Reported, district: District) -> Table:
    ids = {case.department for case in reported.cases if _is_accepted(case)} | {one.department for one in reported.deadlines}
    rows = [_of_department(reported, id_, district) for id_ in ids]
    columns = ("承办部门", "受理", "已答复", "解决率", "到期时限", "按期", "逾期办结", "逾期未办", "按期率", "已评价", "满意率", "退回")
    definition = (
        "受理、答复、评价、退回数本期登记的件，按截至统计时刻的承办部门；时限数本期到期的，不论哪一期登记，按到期办结时（没有办结的，"
        "按统计时刻）的承办部门。到期时限＝按期＋逾期办结＋逾期未办。"
    )
    return Table(key="departments", title="承办部门", columns=columns, rows=tuple(sorted(rows, key=_largest_first)), definition=definition)


def _of_department(reported: Reported, id_: str | None, district: District) -> tuple[Cell, ...]:
    cases = [case for case in reported.cases if case.department == id_ and _is_accepted(case)]
    dates = [one for one in reported.deadlines if one.department == id_]
    outcomes, share = Counter(one.outcome for one in dates), kept(dates)
    return (
        department_words(id_, district),
        len(cases),
        _count(cases, lambda case: case.answered_at is not None),
        solved(cases).words,
        share.whole,
        outcomes[Outcome.KEPT],
        outcomes[Outcome.LATE],
        outcomes[Outcome.MISSED],
        share.words,
        satisfied(cases).whole,
        satisfied(cases).words,
        sum(case.progress.returns for case in cases),
    )


def _largest_first(row: tuple[Cell, ...]) -> tuple[int, str]:
    return -int(row[1] or 0), str(row[0])


def _by_kind(reported: Reported) -> Table:
    labels = {one.kind: one.label for one in reported.deadlines}
    rows = []
    for kind, label in sorted(labels.items()):
        dates = [one for one in reported.deadlines if one.kind == kind]
        outcomes, share = Counter(one.outcome for one in dates), kept(dates)
        running = outcomes[Outcome.RUNNING]
        rows.append((label, share.whole, outcomes[Outcome.KEPT], outcomes[Outcome.LATE], outcomes[Outcome.MISSED], share.words, running))
    columns = ("时限", "到期", "按期", "逾期办结", "逾期未办", "按期率", "在办")
    definition = (
        "到期日（最后一日下班时）在本期内的承办部门时限。没有提醒和督促的（如退回的期限）是权利不是任务，不数。到期前已失效的（改派、撤回、销号等）不数；逾期后才失效的算逾期未办。"
        "在办是统计时刻还没有到期，或正等企业补正的，不计入到期。"
    )
    return Table(key="kinds", title="各类时限", columns=columns, rows=tuple(rows), definition=definition)


def _by_ground(reported: Reported, district: District) -> Table:
    refused = [case for case in reported.cases if case.state is CaseState.REFUSED]
    by_ground = Counter(case.ground for case in refused)
    rows = [(ground.article, ground.text, by_ground[number]) for number, ground in sorted(district.grounds.items()) if by_ground[number]]
    return Table(
        key="grounds",
        title="不予受理的情形",
        columns=("条款", "情形", "件数"),
        rows=(*rows, *([("", "（没有写明情形）", by_ground[None])] if by_ground[None] else [])),
        definition="本期登记、截至统计时刻经人确认不予受理的件；规则只建议、还没有确认的不数。",
    )


# ---------------------------------------------------------------- lists


def _late(reported: Reported, district: District) -> Table:
    late = [one for one in reported.deadlines if one.outcome in {Outcome.LATE, Outcome.MISSED}]
    rows = [
        (
            one.number,
            department_words(one.department, district),
            one.label,
            one.due.isoformat(),
            _moment(one.ended_at, district) or "没有办",
            _days_over(one, reported.window.as_of, district),
        )
        for one in late[:_LISTED]
    ]
    columns = ("件号", "承办部门", "时限", "到期日", "办结", "逾期天数")
    more = f"这里只列前 {_LISTED} 项，共 {len(late)} 项，全部见表格文件。" if len(late) > _LISTED else ""
    definition = f"本期到期、逾期才办或没有办的时限，先到期的在前。逾期天数按日历日数到办结日或统计日。{more}"
    return Table(key="late", title="逾期名单", columns=columns, rows=tuple(rows), definition=definition, empty="本期到期的时限全部按期。")


def _days_over(one: ReportedDeadline, as_of: datetime, district: District) -> int:
    return (local_date(one.ended_at or as_of, district.timezone) - local_date(one.due_at, district.timezone)).days


def _problems(reported: Reported, district: District) -> Table:
    rows = [
        (
            one.key,
            one.name,
            _PROBLEMS[one.state],
            one.enterprises,
            one.size,
            one.new,
            department_words(one.lead, district) if one.lead else "",
        )
        for one in sorted(reported.problems, key=lambda one: (-one.enterprises, one.key))
    ]
    return Table(
        key="problems",
        title="类题",
        columns=("编号", "名称", "状态", "企业", "件数", "本期新增", "牵头部门"),
        rows=tuple(rows),
        definition="本期有新反映、已建议立题或已立题的；企业和件数自归集起累计到本期末（含其他平台的记录）。",
    )


def _important(reported: Reported, district: District) -> Table:
    found = [(case, why) for case in reported.cases if (why := _why_important(case))]
    rows = [(case.number, case.enterprise, case.title, department_words(case.department, district), why) for case, why in found[:_LISTED]]
    definition = "本期登记的件中，级别为重点、重大的，下达了重点督办单的，评价为不满意的，两次以上退回的。"
    return Table(
        key="important", title="重要情况", columns=("件号", "企业", "标题", "承办部门", "缘由"), rows=tuple(rows), definition=definition
    )


def _why_important(case: ReportedCase) -> str:
    reasons = {
        f"级别（建议）：{case.level}": case.level in {"重点", "重大"},
        "重点督办": case.progress.orders > 0,
        "评价不满意": case.progress.rating == "dissatisfied",
        f"退回 {case.progress.returns} 次": case.progress.returns > 1,
    }
    return "；".join(reason for reason, holds in reasons.items() if holds)


def _typical(reported: Reported, district: District) -> Table:
    good = [case for case in reported.cases if case.progress.result == "solved" and case.progress.rating == "satisfied"]
    rows = [
        (case.number, case.enterprise, case.title, department_words(case.department, district), _moment(case.answered_at, district))
        for case in sorted(good, key=_how_long)[:_TYPICAL]
    ]
    definition = f"本期登记、已解决且企业评价满意的，从登记到答复用时短的在前，至多 {_TYPICAL} 件；是否宣传由人挑选。"
    return Table(
        key="typical", title="典型案例", columns=("件号", "企业", "标题", "承办部门", "答复"), rows=tuple(rows), definition=definition
    )


def _how_long(case: ReportedCase) -> tuple[float, int]:
    return ((case.answered_at or case.opened_at) - case.opened_at).total_seconds(), case.id


# ---------------------------------------------------------------- the rows behind the figures


def _case_rows(reported: Reported, district: District) -> Table:
    columns = (
        "件号",
        "登记",
        "渠道",
        "企业",
        "标题",
        "状态",
        "结论",
        "情形",
        "承办部门",
        "陪诊部门",
        "答复",
        "结果",
        "评价",
        "退回",
        "销号",
    )
    return Table(
        key="cases",
        title="登记的件",
        columns=columns,
        rows=tuple(_case_row(case, district) for case in reported.cases),
        definition="本期登记的全部件，按登记先后。",
    )


_VERDICTS = {Verdict.ACCEPT: "受理", Verdict.REFUSE: "不予受理", Verdict.SUPPLEMENT: "补正"}


def _case_row(case: ReportedCase, district: District) -> tuple[Cell, ...]:
    return (
        case.number,
        _moment(case.opened_at, district),
        CHANNEL_WORDS[case.channel],
        case.enterprise,
        case.title,
        STATE_WORDS[case.state],
        _VERDICTS.get(case.verdict, case.verdict.value),
        case.ground,
        department_words(case.department, district),
        "、".join(department_words(id_, district) for id_ in case.accompanying),
        _moment(case.answered_at, district),
        RESULTS.get(case.progress.result, case.progress.result),
        RATINGS.get(case.progress.rating, case.progress.rating),
        case.progress.returns,
        _moment(case.closed_at, district),
    )


def _deadline_rows(reported: Reported, district: District) -> Table:
    return Table(
        key="deadlines",
        title="到期的时限",
        columns=("件号", "时限", "承办部门", "到期日", "办结", "结果"),
        rows=tuple(
            (
                one.number,
                one.label,
                department_words(one.department, district),
                one.due.isoformat(),
                _moment(one.ended_at, district),
                OUTCOMES[one.outcome],
            )
            for one in reported.deadlines
        ),
        definition="本期到期的承办部门时限，先到期的在前。",
    )


def _is_accepted(case: ReportedCase) -> bool:
    return case.verdict is Verdict.ACCEPT and case.state not in _REPEATED | {CaseState.WITHDRAWN, CaseState.UNDER_REVIEW}


def _count(cases: Sequence[ReportedCase], holds: Callable[[ReportedCase], bool]) -> int:
    return sum(map(holds, cases))


def department_words(id_: str | None, district: District) -> str:
    """Return the name of a department, or that there is none."""
    if not id_:
        return _NOBODY
    known = district.departments.get(id_)
    return known.name if known else id_


def _moment(moment: datetime | None, district: District) -> str:
    return moment.astimezone(ZoneInfo(district.timezone)).strftime("%Y-%m-%d %H:%M") if moment else ""

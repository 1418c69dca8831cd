"""What happens to a case between assignment and closing: one function for every event of `store.life`, whoever calls it.

The command line calls it now; replies by mail and a console will call the same. Each event is one transaction in the store: the state, what
it leaves in the case, an event with the person's name, his role and what he rests on, and the notices that follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from daemon.review import Act, Office, known_department
from daemon.sisters import sister_called
from store.errors import UsageError
from store.life import RATINGS, RESULTS, Role, Step, is_poorly_rated, step_for
from store.model.case import Case, CaseState, Progress
from store.model.due import Due
from store.model.notice import Notice
from store.owing import DeadlineState

if TYPE_CHECKING:
    from store.cases import Cases
    from store.deadlines import Deadlines

_BY_COMMAND = {"confirm": "confirm", "overrule": "overrule", "assign": "assign"}  # have acts of their own in `daemon.review`
_TAKES_AWAY = frozenset({"withdraw", "hand_over", "duplicate", "merge"})  # from whoever has the case in hand, unasked
_LONGEST_FACT = 200  # characters
_MOST_DAYS = 250  # working days; about a year


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What is said with an event; which of it is needed stands in the table. `files` are documents it rests on: name → bytes.

    `limit` is 限期 (附件4 row 6), `days` 承诺时限 (row 7), an extension or the limit of an order, in working days. `sister` is the id of the
    district that `to` is found to be where this deployment serves it; nobody says it.
    """

    department: str = ""
    days: int | None = None
    limit: int | None = None
    result: str = ""
    rating: str = ""
    missing: tuple[str, ...] = ()
    to: str = ""
    sister: str = ""
    of: str = ""
    evidence: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


class Casework:
    """The events of the cases of all districts."""

    def __init__(self, *, offices: Mapping[str, Office], cases: Cases, deadlines: Deadlines, now: Callable[[], datetime]) -> None:
        """Keep the parts."""
        self._offices, self._cases, self._deadlines, self._now = offices, cases, deadlines, now

    async def do(self, key: str, event: str, role: Role, act: Act, details: Details | None = None) -> Case:
        """Let *event* happen to the case with *key*, and return the case.

        Raises UsageError (Chinese, with what is possible instead) where it is not possible now, not for *role*, or lacks something.
        """
        said = details or Details()
        case = await self._cases.get(key)
        step = step_for(event, case.state, role, case.number)
        if event in _BY_COMMAND:
            raise UsageError(f"{step.words}请用 zuozhen case {_BY_COMMAND[event]} {case.number} …（见 --help）")
        office = self._office(case.district)
        _check(step, said, case, office)
        if event == "return":
            await self._check_in_time(case)
        if said.of:
            said = replace(said, of=await self._other(said.of, case))
        if step.name == "hand_over" and (sister := sister_called(said.to, case.district, self._offices)) is not None:
            said = replace(said, to=sister.name, sister=sister.id)
        now = self._now()
        state, progress, more = _outcome(step, said, case, office, now)
        round_, owed = now.isoformat(), await self._owed(office, case, replace(case, state=state, progress=progress), step, now)
        return await self._cases.change(
            case.id,
            kind=step.kind,
            actor=act.by,
            reason=act.reason,
            now=now,
            compose=lambda new: [
                *_notices(office, new, step, act, said, round_, owed),
                *_copies(office, new, step, act, said, round_, owed),
                *(office.composer.for_recall(case, new, round_) if step.name in _TAKES_AWAY else ()),
            ],
            seen=case.state,
            planner=office.planner,
            evidence=_evidence(role, said),
            files={_digest(raw): raw for raw in said.files.values()},
            state=state,
            progress=progress,
            **({"department": more} if more else {}),  # type: ignore[arg-type]  # a TypedDict by keyword
        )

    async def _owed(self, office: Office, old: Case, new: Case, step: Step, at: datetime) -> list[Due]:
        """Return the dates that a promise, an extension or an order sets, for the letters about it: as the store will keep them."""
        if step.name not in {"promise", "extend", "reopen"}:
            return []
        owing = office.planner.owing(new, step.name, old.state, at)
        before = await self._deadlines.of_case(old.id) if owing.carries else []
        running = {one.kind: one for one in before if one.state is DeadlineState.OPEN and one.kind in owing.carries}
        begun = [office.planner.carried(running[one.kind], one, at) if one.kind in running else one for one in owing.begins]
        kinds = office.rulebook.settings.kinds.by_id
        begun = [one for one in begun if one.owes == "department" and step.name in kinds[one.kind].since]
        moved = [one for one in begun if one.kind not in running or running[one.kind].amount != one.amount]
        past = next((one.due for one in moved if one.due_at <= at), None)
        if past is not None:
            words = f"{past.label}自 {past.start}（{past.start_label}）起算，这样到 {past.last} 为止，已经过去"
            raise UsageError(f"{words}，不能{step.words}；请把天数写多些")
        return [deadline.due for deadline in begun]

    async def _check_in_time(self, case: Case) -> None:
        """Raise UsageError where the time for a return (the pack's kind `return`) is over, also where it ended early by something done.

        After its session a matter that is not the department's at all is given back all the same (呈贡 三（六）), while the outcome is owed.
        """
        ends = [deadline for deadline in await self._deadlines.of_case(case.id) if deadline.kind == "return"]
        if ends and ends[-1].due_at < self._now() and not await self._deadlines.session_owes(case.id):
            raise UsageError(f"{case.number} 的退回期限 {ends[-1].due.last} 已过，不能退回；确需改派的，请统筹部门用 zuozhen case assign")

    async def _other(self, key: str, case: Case) -> str:
        """Return the number of the case that *case* repeats or goes into."""
        other = await self._cases.get(key)
        if other.id == case.id or other.district != case.district:
            raise UsageError(f"--of 应是本区的另一件，不能是 {other.number} 自己")
        if other.progress.other:
            raise UsageError(f"{other.number} 自己已并入 {other.progress.other}，请写后者")
        return other.number

    def _office(self, district: str) -> Office:
        office = self._offices.get(district)
        if office is None:
            raise UsageError(f"这件属于 {district}，而配置里没有这个区")
        return office


def _check(step: Step, said: Details, case: Case, office: Office) -> None:
    """Raise UsageError where something that *step* needs is not said, or makes no sense."""
    asked = {"department": "--department 部门代号", "days": "--days 工作日数", "result": f"--result {'、'.join(RESULTS)}"}
    asked |= {"rating": f"--rating {'、'.join(RATINGS)}", "missing": "--missing 所缺", "to": "--to 转交的单位", "of": "--of 件号"}
    lacking = [asked[need] for need in step.needs if not getattr(said, need) and not (need == "days" and said.limit)]
    if lacking:
        raise UsageError(f"{step.words}要写明：{'；'.join(lacking)}")
    for days in (said.days, said.limit):
        if days is not None and not 1 <= days <= _MOST_DAYS:
            raise UsageError(f"工作日数应为 1 至 {_MOST_DAYS}")
    if (said.result and said.result not in RESULTS) or (said.rating and said.rating not in RATINGS):
        raise UsageError(f"{step.words}只能写：{asked['result'] if said.result not in ('', *RESULTS) else asked['rating']}")
    if max(map(len, (said.to, said.evidence, *said.missing)), default=0) > _LONGEST_FACT:
        raise UsageError(f"每项不超过 {_LONGEST_FACT} 字")
    if said.department:
        known_department(office, said.department)
    _check_limits(step, said, case, office)


def _check_limits(step: Step, said: Details, case: Case, office: Office) -> None:
    """Hold a promise, an extension and a return to the pack's limits."""
    rule = office.rulebook.settings.casework
    if step.name in {"extend", "ask_extension"}:
        _check_extension(said.days or 0, case, rule.extension_cap)
    if step.name == "report_up" and not (step.name in rule.copies and office.composer.recipients.copied(step.name)):
        raise UsageError("重要情况没有地方可报：规则包 casework.copies 里要有 report_up，部门邮箱文件要有 [leaders]（区委、区政府的邮箱）")
    if step.name == "promise":
        _check_first(said, case)
    if step.name == "promise" and (said.days or 0) > rule.promise_cap and not said.evidence:
        raise UsageError(f"承诺时限原则上不超过 {rule.promise_cap} 个工作日，超过的要写明原因：--evidence 原因")
    if step.name != "return":
        return
    if said.department == case.department:
        raise UsageError("建议的承办部门不能是退回的部门自己")
    if case.progress.returns >= rule.returns:
        raise UsageError(
            f"{case.number} 已退回 {case.progress.returns} 次，承办部门由{office.rulebook.district.coordinator}裁定，不能再退回"
        )


def _check_extension(days: int, case: Case, cap: int) -> None:
    """Hold an extension, and the request for one, to the pack's cap. Raises UsageError, also where there is nothing to extend."""
    if not (case.progress.promised_days or case.progress.limit_days):
        raise UsageError(f"{case.number} 还没有承诺时限，没有可延的；先用 promise 承诺")
    left = cap - case.progress.extended_days
    if days > left:
        raise UsageError(f"延期累计不得超过 {cap} 个工作日（本区规则包设定），还可延 {left} 个工作日")


def _check_first(said: Details, case: Case) -> None:
    """Raise UsageError where a date is promised a second time: the first is what lateness is measured by, and more time is an extension.

    A promise that could be made anew would be a way round the cap on extensions, and would wipe out a date that is overdue.
    """
    old = case.progress
    standing = f"已承诺 {old.promised_days} 个工作日" if said.days and old.promised_days else ""
    if said.limit and old.limit_days:
        standing = f"{standing}，限期 {old.limit_days} 个工作日已定" if standing else f"限期 {old.limit_days} 个工作日已定"
    if standing:
        ask = f"zuozhen case do {case.number} ask_extension --as department --days 延长的工作日数"
        raise UsageError(
            f"{case.number} {standing}，是否逾期以此为准，不能重新承诺；确需延期，由承办部门申请：{ask} …，统筹部门用 extend 批准"
        )


def _outcome(step: Step, said: Details, case: Case, office: Office, now: datetime) -> tuple[CaseState, Progress, str]:
    """Return where *step* leads, what it leaves in the case, and the department it gives it to ("" where that stays)."""
    if step.name == "return":
        return _returned(said, case, office)
    if step.name == "supplemented":
        state = CaseState(case.progress.resume or CaseState.UNDER_REVIEW)
    else:
        (state,) = step.to or {case.state}
    return state, replace(case.progress, **_left(step, said, case, now)), ""


def _left(step: Step, said: Details, case: Case, now: datetime) -> dict[str, Any]:
    """Return the fields of the progress that *step* sets."""
    old = case.progress
    left: dict[str, dict[str, Any]] = {
        "promise": {"promised_days": said.days or old.promised_days, "limit_days": said.limit or old.limit_days},
        "extend": {"extended_days": old.extended_days + (said.days or 0)},
        "supplement": {"resume": case.state.value},
        "supplemented": {"resume": ""},
        "answer": {"result": said.result},
        "rate": {"rating": said.rating},
        "hand_over": {"elsewhere": said.to, "sister": said.sister},
        "duplicate": {"other": said.of},
        "merge": {"other": said.of},
        # 重点督办单: handled anew, under the order's own limit
        "reopen": {
            "orders": old.orders + 1,
            "limit_days": said.days,
            "promised_days": None,
            "extended_days": 0,
            "result": "",
            "rating": "",
            "reopened_at": now.isoformat(),
        },
    }
    return left.get(step.name, {})


def _returned(said: Details, case: Case, office: Office) -> tuple[CaseState, Progress, str]:
    """Pass a first return on where the pack lets departments do so; every other one is the coordinator's to decide."""
    progress = replace(case.progress, returns=case.progress.returns + 1, proposed=said.department)
    if office.rulebook.settings.casework.pass_on_directly and not case.progress.returns:
        return CaseState.ASSIGNED, progress, said.department
    return CaseState.RETURNED, progress, ""


def _notices(  # noqa: PLR0913, PLR0917 - what happened, to what, and what is said of it
    office: Office, case: Case, step: Step, act: Act, said: Details, round_: str, owed: Sequence[Due]
) -> Sequence[Notice]:
    composer, reason = office.composer, act.reason
    match step.name:
        case "supplement":
            return composer.for_supplement(case, said.missing, round_)
        case "return" | "reopen" if case.state is CaseState.ASSIGNED:
            return composer.for_assignment(case, round_, order=reason if step.name == "reopen" else "", owed=owed)
        case "return":
            proposed = office.rulebook.district.departments[said.department].name
            why = f"第{case.progress.returns}次退回：{reason.rstrip('。')}；退回部门建议由{proposed}承办，请裁定（退回不影响原定时限）"
            return [*composer.for_decision(case, why, round_), *composer.for_progress(case, step.name, "", round_)]
        case "ask_extension" | "rate":
            why = _request(case, said, reason, office) if step.name == "ask_extension" else _poorly_rated(case, reason, office)
            return composer.for_decision(case, why, round_) if why else []
        # Of what goes to a sister district the enterprise hears once, from there: with the number and who handles it.
        case "promise" | "extend" | "hand_over" | "answer" | "close" | "duplicate" | "merge" | "withdraw" if not case.progress.sister:
            told = "" if reason.strip("。 ") == step.words else act.told  # 销号, and no more: that is no explanation
            granted = composer.for_extension(case, step.name, told, round_, owed=owed) if step.name == "extend" else []
            return [*composer.for_progress(case, step.name, told, round_, owed=owed), *granted]
        case _:
            return []


def _copies(  # noqa: PLR0913, PLR0917 - likewise
    office: Office, case: Case, step: Step, act: Act, said: Details, round_: str, owed: Sequence[Due]
) -> Sequence[Notice]:
    """Return what the offices above get of it at once (呈贡 三（八）, 三（九）), nothing where the pack does not name the event."""
    if step.name not in office.rulebook.settings.casework.copies:
        return ()
    return office.composer.for_oversight(
        case, step.name, act.reason, f"{step.name} {round_}", heard=RATINGS.get(said.rating, ""), owed=owed
    )


def _request(case: Case, said: Details, reason: str, office: Office) -> str:
    """Return what the coordinator is asked where a department needs more time."""
    old, district = case.progress, office.rulebook.district
    department = district.departments.get(case.department or "")
    who = department.name if department else "承办部门"
    stands = "，".join(f"{word} {days} 个工作日" for word, days in (("已承诺", old.promised_days), ("限期", old.limit_days)) if days)
    so_far = f"，已批准延期 {old.extended_days} 个工作日" if old.extended_days else ""
    agree = "同意的，回复“同意”；不同意的，回复“不同意”并写明理由；未批准前，原定时限不变"
    return f"{who}申请延期 {said.days} 个工作日（{stands}{so_far}），理由：{reason.rstrip('。')}；{agree}"


def _poorly_rated(case: Case, reason: str, office: Office) -> str:
    """Return what the coordinator is asked where the enterprise is not satisfied (WH 一（五）3), "" where it is."""
    if not is_poorly_rated(case):
        return ""
    days = office.rulebook.settings.casework.order_days
    ask = f"同意重新办理（下达重点督办单，限期 {days} 个工作日）的，回复“同意”；不再办理的，回复“销号”并写明理由"
    return f"企业评价“不满意”：{reason.rstrip('。')}；{ask}"


def _evidence(role: Role, said: Details) -> dict[str, object]:
    """Return what the event says of its ground: for whom it was done, what was said, which documents."""
    facts = {
        "department": said.department,
        "days": said.days,
        "limit": said.limit,
        "result": said.result,
        "rating": said.rating,
        "missing": list(said.missing),
        "to": said.to,
        "of": said.of,
        "evidence": said.evidence,
        "files": [{"name": name, "sha256": _digest(raw)} for name, raw in said.files.items()],
    }
    return {"role": role.value, **{name: value for name, value in facts.items() if value}}


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()

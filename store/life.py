"""The life of a case: its events, from which state each is possible, where it leads, and who may do it. One table, and what is read off it.

Registration is the event `case.opened`: no case rests there, since it is decided in the same transaction (the rules, or a person).
Every change of a state in the store passes `require`, whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from store.errors import UsageError
from store.model.case import Case, CaseState

S = CaseState
STATE_WORDS = {
    S.UNDER_REVIEW: "待审核",
    S.ACCEPTED: "已受理，待交办",
    S.ASSIGNED: "已交办",
    S.ACKNOWLEDGED: "已签收",
    S.HANDLING: "办理中",
    S.ANSWERED: "已答复",
    S.RATED: "已评价",
    S.CLOSED: "已销号",
    S.AWAITING_SUPPLEMENT: "待补正",
    S.REFUSED: "不予受理",
    S.RETURNED: "已退回，待裁定",
    S.HANDED_OVER: "已转交",
    S.DUPLICATE: "重复件",
    S.MERGED: "已并入他件",
    S.WITHDRAWN: "企业已撤回",
}
RESULTS = {"solved": "已解决", "explained": "无法解决，已说明原因", "against_policy": "不符合政策法规，已说明"}
RATINGS = {"satisfied": "满意", "basically": "基本满意", "dissatisfied": "不满意"}
POOR = "dissatisfied"  # 不满意
FINISHED = frozenset({S.CLOSED, S.REFUSED, S.HANDED_OVER, S.DUPLICATE, S.MERGED, S.WITHDRAWN})
WITH_DEPARTMENT = frozenset({S.ASSIGNED, S.ACKNOWLEDGED, S.HANDLING})  # a department has it in hand
_BEFORE_ASSIGNMENT = frozenset({S.UNDER_REVIEW, S.ACCEPTED, S.AWAITING_SUPPLEMENT, S.RETURNED})
_UNANSWERED = _BEFORE_ASSIGNMENT | WITH_DEPARTMENT


class Role(StrEnum):
    """For whom a person acts."""

    COORDINATOR = "coordinator"  # 统筹部门
    DEPARTMENT = "department"  # 承办部门
    ENTERPRISE = "enterprise"  # 企业


ROLE_WORDS = {Role.COORDINATOR: "统筹部门", Role.DEPARTMENT: "承办部门", Role.ENTERPRISE: "企业"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event: its name, its kind in the history, its name in Chinese, from where to where, and who may do it.

    An empty `to` leaves the state as it is; several mean that the act itself says which. `needs` names what must be said with it. What
    `asks` leaves the coordinator something to decide.
    """

    name: str
    kind: str
    words: str
    sources: frozenset[CaseState]
    to: frozenset[CaseState]
    roles: tuple[Role, ...]
    needs: tuple[str, ...] = ()
    asks: bool = False


def _step(
    name: str, kind: str, words: str, sources: Iterable[CaseState], to: Iterable[CaseState], roles: Iterable[Role], *needs: str
) -> Step:
    return Step(name=name, kind=f"case.{kind}", words=words, sources=frozenset(sources), to=frozenset(to), roles=tuple(roles), needs=needs)


_C, _D, _E = Role.COORDINATOR, Role.DEPARTMENT, Role.ENTERPRISE
_OVERRULED = _UNANSWERED | {S.REFUSED, S.DUPLICATE, S.WITHDRAWN}

STEPS = (
    _step("confirm", "confirmed", "确认结论", {S.UNDER_REVIEW}, {S.REFUSED}, [_C]),
    _step("overrule", "overruled", "改判", _OVERRULED, {S.ASSIGNED, S.REFUSED, S.AWAITING_SUPPLEMENT}, [_C], "verdict"),
    _step("assign", "assigned", "交办或改派", _UNANSWERED, {S.ASSIGNED}, [_C], "department"),
    _step("accept", "accepted", "受理（部门另定）", {S.UNDER_REVIEW, S.AWAITING_SUPPLEMENT}, {S.ACCEPTED}, [_C]),
    _step("acknowledge", "acknowledged", "签收", {S.ASSIGNED}, {S.ACKNOWLEDGED}, [_D, _C]),
    _step("verify", "verified", "完成对接核实", WITH_DEPARTMENT, (), [_D, _C]),
    _step("heed", "heeded", "收悉催办", _UNANSWERED, (), [_D, _C]),
    _step("promise", "promised", "承诺时限", WITH_DEPARTMENT, {S.HANDLING}, [_D, _C], "days"),
    replace(_step("ask_extension", "extension_asked", "申请延期", WITH_DEPARTMENT, (), [_D], "days"), asks=True),
    _step("extend", "extended", "批准延期", WITH_DEPARTMENT, (), [_C], "days"),
    _step(
        "supplement", "supplement_asked", "请企业补正", _UNANSWERED - {S.AWAITING_SUPPLEMENT}, {S.AWAITING_SUPPLEMENT}, [_D, _C], "missing"
    ),
    _step("supplemented", "supplemented", "收到补正", {S.AWAITING_SUPPLEMENT}, WITH_DEPARTMENT | {S.UNDER_REVIEW, S.ACCEPTED}, [_E, _C]),
    _step("answer", "answered", "答复企业", WITH_DEPARTMENT, {S.ANSWERED}, [_D, _C], "result"),
    _step("rate", "rated", "企业评价", {S.ANSWERED}, {S.RATED}, [_E, _C], "rating"),
    _step("close", "closed", "销号", {S.ANSWERED, S.RATED}, {S.CLOSED}, [_C]),
    _step("return", "returned", "退回", {S.ASSIGNED, S.ACKNOWLEDGED}, {S.RETURNED, S.ASSIGNED}, [_D], "department"),
    _step("hand_over", "handed_over", "转交区外单位", _UNANSWERED, {S.HANDED_OVER}, [_C], "to"),
    _step("duplicate", "duplicate", "认定重复", _UNANSWERED, {S.DUPLICATE}, [_C], "of"),
    _step("merge", "merged", "并入他件", _UNANSWERED, {S.MERGED}, [_C], "of"),
    _step("withdraw", "withdrawn", "企业撤回", _UNANSWERED, {S.WITHDRAWN}, [_E, _C]),
    _step("reopen", "reopened", "重新办理（重点督办单）", {S.ANSWERED, S.RATED, S.CLOSED}, {S.ASSIGNED}, [_C], "days"),
    _step("call_back", "called_back", "回访", {S.ANSWERED, S.RATED, S.CLOSED}, (), [_C]),
    _step("report_up", "reported_up", "报告重要情况", _UNANSWERED | {S.ANSWERED, S.RATED, S.CLOSED}, (), [_C]),
)
BY_NAME = {step.name: step for step in STEPS}
_BY_KIND = {step.kind: step for step in STEPS}


def possible(state: CaseState) -> list[Step]:
    """Return what can happen to a case in *state*, in the order of the table."""
    return [step for step in STEPS if state in step.sources]


def step_for(name: str, state: CaseState, role: Role, number: str) -> Step:
    """Return the step called *name*. Raises UsageError (Chinese, with what is possible instead) where it is not possible now or not for *role*."""
    step = BY_NAME.get(name)
    if step is None:
        raise UsageError(f"没有名为 {name} 的事件；有：{'、'.join(BY_NAME)}")
    if state not in step.sources:
        raise UsageError(f"{number} 现为“{STATE_WORDS[state]}”，不能{step.words}；现在可以：{_listed(state)}")
    if role not in step.roles:
        allowed = "、".join(f"{ROLE_WORDS[one]}（--as {one.value}）" for one in step.roles)
        raise UsageError(f"{step.words}只能由{allowed}来做")
    return step


def require(kind: str, old: CaseState, new: CaseState, number: str) -> None:
    """Raise UsageError where an event of *kind* may not lead from *old* to *new*; what leaves the state alone is always allowed."""
    if old is new:
        return
    step = _BY_KIND.get(kind)
    if step is None or old not in step.sources or new not in step.to:
        words = step.words if step else kind
        raise UsageError(f"{number} 现为“{STATE_WORDS[old]}”，不能{words}；现在可以：{_listed(old)}")


def name_of(kind: str) -> str:
    """Return the name of the step whose kind in the history is *kind*, "" where it is none of the table."""
    step = _BY_KIND.get(kind)
    return step.name if step else ""


def asks(kind: str) -> bool:
    """Say whether an event of *kind* leaves the coordinator something to decide, wherever the case stands."""
    step = _BY_KIND.get(kind)
    return step is not None and step.asks


def is_poorly_rated(case: Case) -> bool:
    """Say whether the enterprise is not satisfied, and nobody has decided yet whether the case is to be handled anew (WH 一（五）3)."""
    return case.state is S.RATED and case.progress.rating == POOR


def held_by_department(case: Case) -> bool:
    """Say whether a department has *case* in hand, also while the enterprise is asked to complete it on its behalf."""
    return case.state in WITH_DEPARTMENT or (case.state is S.AWAITING_SUPPLEMENT and case.progress.resume in WITH_DEPARTMENT)


def _listed(state: CaseState) -> str:
    return "、".join(f"{step.name}（{step.words}）" for step in possible(state)) or "没有（此件已办结；如企业另有诉求，另行登记）"

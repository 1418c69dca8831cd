"""The lines that our mails offer for an answer: what its addressee may write, where the case stands now. A test reads each of them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from store.life import Role, held_by_department, is_poorly_rated, possible
from store.model.case import Case, CaseState
from store.model.decision import Verdict
from store.model.district import District
from store.model.reply_sender import acting

_DEPARTMENT = (
    ("acknowledge", "签收"),
    ("promise", "正在处理，限期5个工作日"),
    ("answer", "已解决：……"),
    ("answer", "无法解决，原因：……"),
    ("return", "退回：不属本单位职责，建议交由{other}"),
    ("ask_extension", "申请延期5个工作日，原因：……"),
)
_ENTERPRISE = (("supplemented", "补充：……"), ("withdraw", "撤回诉求"))
_RATINGS = ("满意", "基本满意", "不满意：……")
_REASSIGN = "改派{other}"


def reply_lines(case: Case, office: str, district: District, *, may_unbook: bool = False) -> list[str]:
    """Return the lines by which the addressee in capacity *office* (`Notice.office`) may answer mail about *case*; none where he may not.

    *may_unbook* where the mail is about a place in a session, which an enterprise may give up.
    """
    role, _ = acting(office)
    other = next((one.name for id_, one in district.departments.items() if id_ != case.department), "")
    unbook = ["取消挂号"] if may_unbook and role is Role.ENTERPRISE else []
    return [*unbook, *(line.format(other=other) for line in _lines(case, role))]


def _lines(case: Case, role: Role | None) -> Iterator[str]:
    now = {step.name for step in possible(case.state) if role in step.roles}
    if role is Role.COORDINATOR:
        yield from _for_the_coordinator(case)
    elif role is Role.DEPARTMENT:
        yield from _of(_DEPARTMENT, now)
    elif role is Role.ENTERPRISE:
        yield from _RATINGS if "rate" in now else ()
        yield from _of(_ENTERPRISE, now)
        if case.state in {CaseState.DUPLICATE, CaseState.MERGED}:
            yield "不是同一件"


def _for_the_coordinator(case: Case) -> Iterator[str]:
    if case.state is CaseState.UNDER_REVIEW and case.verdict is Verdict.REFUSE:
        yield from ("同意", f"不同意，{_REASSIGN}")
    elif case.state is CaseState.RETURNED:
        yield from ("同意", _REASSIGN)
    elif case.state in {CaseState.UNDER_REVIEW, CaseState.ACCEPTED}:
        yield _REASSIGN
    elif is_poorly_rated(case):
        yield from ("同意", "销号")
    elif case.state in {CaseState.ANSWERED, CaseState.RATED}:
        yield "销号"
    else:
        yield from ("同意", "不同意")
        yield from (_REASSIGN,) if held_by_department(case) else ()


def _of(offered: Sequence[tuple[str, str]], now: set[str]) -> Iterator[str]:
    return (line for event, line in offered if event in now)

"""One case, one set-aside arrival, one notice as people see them on a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence

from daemon.cli import history as of_history
from daemon.cli.output import local, shorten
from daemon.review import set_aside_key
from notifier.dates import numbered_days
from notifier.earlier import Earlier
from rules.explain import explain, turn_in_words
from store.codec import to_json
from store.life import STATE_WORDS, STEPS
from store.model.case import Case, CaseState, Event, NotACase, Progress
from store.model.decision import Verdict
from store.model.district import District
from store.model.due import Due
from store.model.letter import Authentication
from store.model.notice import NoticeState, QueuedNotice
from store.model.petition import FIELD_WORDS, Found, Petition
from store.owing import Deadline, DeadlineState
from store.week import weekday

VERDICTS = {
    Verdict.ACCEPT: "受理",
    Verdict.REFUSE: "不予受理",
    Verdict.SUPPLEMENT: "补正",
    Verdict.NOT_A_CASE: "非诉求来件",
    Verdict.FOLLOW_UP: "续件",
}
STATES = STATE_WORDS
NOTICE_STATES = {
    NoticeState.QUEUED: "待发",
    NoticeState.SENT: "已发",
    NoticeState.REFUSED: "未能发出",
    NoticeState.SUPPRESSED: "超出上限未发",
    NoticeState.BOUNCED: "被退信",
}
PURPOSES = {
    "acknowledge": "登记告知",
    "supplement": "补正通知",
    "referral": "不予受理告知",
    "assign": "交办",
    "accompany": "陪诊通知",
    "extension": "延期批复",
    "recall": "停办通知",
    "copy": "抄报",
    "review": "提请审核",
    "forward": "续件转送",
    "progress": "进展告知",
    "help": "回信说明",
    "confirm": "回信求证",
    "reminder": "时限提醒",
    "problem": "类题",
    "session": "场次",
    "booking": "挂号",
    "return": "报送回执",
    "survey": "征询",
}
EVENTS = {
    "case.opened": "登记",
    "case.decided": "判断",
    "case.follow_up": "收到续件",
    "case.replied": "收到回信",
    **{step.kind: step.words for step in STEPS},
    "case.confirmed": "确认",
    "case.assigned": "交办",
    "case.noted": "备注",
    "case.taken_over": "对方区已登记",
    "case.separated": "认定不是同一件",
    "case.found_same": "认定是同一件",
    "case.reported_elsewhere": "其他平台有同一事项",
    "case.reconsidered": "重新判断",
    "deadline.reminded": "时限提醒",
    "deadline.escalated": "逾期督促",
    "deadline.moved": "时限重新核定",
    "notice.sent": "邮件发出",
    "notice.refused": "邮件未能发出",
    "notice.suppressed": "邮件超出上限未发",
    "notice.bounced": "收到退信",
    "notice.doubtful": "邮件可能收不到",
    "notice.auto_replied": "收到自动回复",
}
_CALL = {"said": "来电人说的", "read_back": "坐席复述", "caller_number": "来电号码", "fax_number": "来传真的号码"}
_HOW = {"form": "信息表", "label": "正文栏目", "text": "正文", "header": "邮件头", "signature": "落款", **_CALL}


def case_lines(
    case: Case,
    district: District,
    history: Sequence[Event],
    notices: Sequence[QueuedNotice],
    owed: Sequence[Deadline],
    problems: Sequence[str] = (),
    earlier: Sequence[Earlier] = (),
) -> list[str]:
    """Return all that is known of a case, for reading from top to bottom; *problems* are notices that cannot reach their addressee.

    *earlier* is what happened to it in the sister districts it comes from.
    """
    return [
        f"{case.number}　{STATES[case.state]}",
        *standing_lines(case, district),
        *(f"  提醒：{problem}" for problem in problems),
        "",
        *petition_lines(case.petition),
        "",
        "【规则的判断】",
        *explain(case.decision, district),
        "",
        "【时限】",
        *(text for deadline in owed for text in deadline_lines(deadline)),
        *([] if owed else ["  （没有）"]),
        "",
        *(
            text
            for one in earlier
            for text in ("【转来以前的经过】", f"  {one.district}（编号{one.number}）", *(f"    {said}" for said in one.lines), "")
        ),
        "【经过】",
        *(f"  {local(event.at)}  {_event(event, owed, district)}" for event in history),
        "",
        "【往来邮件】",
        *(notice_line(notice) for notice in notices),
        *([] if notices else ["  （没有）"]),
    ]


def standing_lines(case: Case, district: District) -> list[str]:
    """Return what holds now, corrections by persons included."""
    ground = _article(case.ground, district) if case.ground else ""
    department = department_name(case.department, district) if case.department else "（未定）"
    accompanying = "、".join(department_name(id_, district) for id_ in case.accompanying) or "（无）"
    proposed = "拟" if _is_proposed(case) else ""
    return [
        f"  结论：{proposed}{VERDICTS[case.verdict]}{f'（{ground}）' if ground else ''}　登记于 {local(case.opened_at)}",
        f"  承办部门：{department}　拟陪诊部门：{accompanying}",
        *([f"  {graded}"] if (graded := _graded(case)) else []),
        *([f"  时限：{due_text(case.due)}"] if case.due else []),
        *_between_districts(case.progress),
    ]


def _between_districts(progress: Progress) -> list[str]:
    """Return where a case came from and where it went, among the districts served here."""
    came = f"  由{progress.from_district}转来，该区编号：{progress.from_number}" if progress.from_number else ""
    number = progress.other or "尚未登记（来件已转到，等候处理）"
    went = f"  已转交{progress.elsewhere}，该区编号：{number}" if progress.sister else ""
    return [text for text in (came, went) if text]


def _graded(case: Case) -> str:
    """Return level and classes as the rules propose them, "" where they propose none."""
    level, classes = case.decision.level, "、".join(case.decision.classes)
    return "　".join(part for part in (level and f"级别（建议）：{level}", classes and f"分类（建议）：{classes}") if part)


def petition_lines(petition: Petition) -> list[str]:
    """Return who asks what, each value with where it was found."""
    validity = {True: "（校验正确）", False: "（校验不通过，请核实）", None: ""}[petition.uscc_valid]
    notes = {"uscc": validity}
    fields = [(label, getattr(petition, field), notes.get(field, "")) for field, label in FIELD_WORDS.items()]
    return [
        "【来件】",
        *(f"  {label}：{_found(value)}{note}" for label, value, note in fields),
        f"  标题：{petition.title}",
        "  内容：",
        *(f"    {line}" for line in petition.content.splitlines()),
        *(f"  附件：{file.name}（{file.size:,} 字节）" for file in petition.letter.attachments),
        *(f"  注意：{doubt}" for doubt in petition.letter.doubts),
        *_origin_lines(petition.letter.authentication),
        *_recognition_lines(petition),
    ]


def _recognition_lines(petition: Petition) -> list[str]:
    """Return that a machine read the page, how sure it was, and where to look at what it was not sure of."""
    about = petition.recognition
    if about is None:
        return []
    sure = f"，平均把握 {about.confidence:.1%}" if about.confidence is not None else ""
    pieces = "、".join(f"{FIELD_WORDS[one.field]}（第 {one.page} 页）" for one in about.snippets)
    return [
        f"  识别：文字由机器从{f' {about.pages} 页' if about.pages else '传真'}图像认出{sure}",
        *([f"  存疑处的图像：{pieces}；zuozhen case files 件号 --to 目录 存下来看"] if pieces else []),
    ]


def due_text(due: Due) -> str:
    """Return a due date with its weekday, and 暂定 where the year's notice is not out."""
    return f"{due.label} {due.due:%Y-%m-%d}（周{weekday(due.due)}）{'暂定' if due.provisional else ''}"


def deadline_lines(deadline: Deadline) -> list[str]:
    """Return a deadline and, while it runs, its count day by day."""
    due, state = deadline.due, DEADLINE_STATES[deadline.state]
    span = f"，最早 {due.earliest}，最晚 {due.latest}" if due.provisional and due.latest else ""
    head = f"  {due_text(due)}{span}　{OWES[deadline.owes]}　{state}　依据：{due.basis}"
    if deadline.state in {DeadlineState.MET, DeadlineState.VOID}:
        return [head]
    counted = [f"      起算日 {due.start}（{due.start_label}），当日不计", *(f"      {line}" for line in numbered_days(due.days))]
    return [head, *(f"      {note}" for note in due.remarks), *(counted if due.days else [])]


DEADLINE_STATES = {
    DeadlineState.OPEN: "进行中",
    DeadlineState.PAUSED: "等企业补正，暂停计时",
    DeadlineState.MET: "已办到",
    DeadlineState.VOID: "已被取代或随件办结",
}
OWES = {"department": "承办部门", "coordinator": "统筹部门", "enterprise": "企业"}


def notice_line(queued: QueuedNotice) -> str:
    """Return one notice on one line."""
    problem = f"　{queued.problem}" if queued.problem else ""
    state, purpose = NOTICE_STATES[queued.state], PURPOSES[queued.notice.purpose.value]
    return f"  {queued.id:>4}  {state}  {purpose} → {queued.notice.to.address}　{local(queued.sent_at or queued.created_at)}{problem}"


def set_aside_lines(item: NotACase, district: District) -> list[str]:
    """Return an arrival that opened no case, with why."""
    return [
        f"{set_aside_key(item.arrival_id)}　{'已确认' if item.confirmed else '待确认'}　收到于 {local(item.received_at)}",
        "",
        *petition_lines(item.petition),
        "",
        "【规则的判断】",
        *explain(item.decision, district),
    ]


def case_json(
    case: Case, history: Sequence[Event] = (), notices: Sequence[QueuedNotice] = (), owed: Sequence[Deadline] = ()
) -> dict[str, object]:
    """Return a case as a program reads it."""
    value: dict[str, object] = json.loads(to_json(case))
    value["history"] = [json.loads(to_json(event)) for event in history]
    value["deadlines"] = [json.loads(to_json(deadline)) for deadline in owed]
    value["notices"] = [json.loads(to_json(notice)) for notice in notices]
    return value


def set_aside_json(item: NotACase) -> dict[str, object]:
    """Return an arrival that opened no case as a program reads it, under the key by which a person names it."""
    value: dict[str, object] = json.loads(to_json(item))
    return {"key": set_aside_key(item.arrival_id), **value}


def case_row(case: Case, district: District | None) -> tuple[str, ...]:
    """Return a case as a row of a table: number, state, enterprise, matter, department, due. *district* is None where not configured."""
    return (
        case.number,
        STATES[case.state],
        case.petition.name.value if case.petition.name else "（未写明）",
        shorten(case.petition.title, 28),
        conclusion(case.verdict, case.ground, district, proposed=_is_proposed(case)),
        department_name(case.department, district) if case.department else "—",
        case.due.due.isoformat() if case.due else "—",
    )


def _origin_lines(found: Authentication | None) -> list[str]:
    """Return what a mail server found out about the sender's domain."""
    if found is None:
        return []
    results = "，".join(f"{name.upper()} {result}" for name in ("spf", "dkim", "dmarc", "arc") if (result := getattr(found, name)))
    verdict = "与所称的发件人不符" if found.is_refuted else "确由所称的域名发出" if found.is_confirmed else "不能确认"
    return [f"  发件检验：{verdict}（{found.by}：{results or '没有涉及该域名的结果'}）"]


def why_review(case: Case) -> str:
    """Return in words why a case stands on the review list."""
    reasons = list(case.decision.review)
    if case.state is CaseState.UNDER_REVIEW and case.verdict is Verdict.REFUSE:
        reasons.insert(0, "拟不予受理，须由人确认")
    elif case.state is CaseState.UNDER_REVIEW and case.department is None:
        reasons.insert(0, "没有确定承办部门")
    return "；".join(reasons) or "有新情况（续件、其他平台的消息，或有邮件未能发出、被退回），请看经过"


CASE_COLUMNS = ("件号", "状态", "企业", "诉求", "结论", "承办部门", "初步对接")


def conclusion(verdict: Verdict, ground: int | None, district: District | None, *, proposed: bool) -> str:
    """Return a verdict in few words, with its article."""
    word = VERDICTS[verdict]
    if verdict is Verdict.REFUSE and ground:
        return f"{'拟' if proposed else ''}{word} {_article(ground, district)}"
    return word


def department_name(id_: str, district: District | None) -> str:
    """Return a department's name; one that has left the directory since keeps its id for a name."""
    found = district.departments.get(id_) if district else None
    return found.name if found else id_


def _article(ground: int, district: District | None) -> str:
    found = district.grounds.get(ground) if district else None
    return found.article if found else f"第 {ground} 种情形"


def _is_proposed(case: Case) -> bool:
    return case.state is CaseState.UNDER_REVIEW and case.decision.proposed


def _found(value: Found | None) -> str:
    if value is None:
        return "（未写明）"
    doubt = f"，把握 {value.confidence:.0%}" if value.is_unsure else ""
    return f"{value.value}　〔{_HOW.get(value.how, value.how)}{turn_in_words(value.span.source)}{doubt}〕"


def _event(event: Event, owed: Sequence[Deadline], district: District) -> str:
    """Return an event on one line: a reason of several lines must not look like several events."""
    who = "" if event.actor in {"system", "rules"} else f"　{_one_line(event.actor)}{of_history.role_of(event)}"
    said = of_history.particulars(event, owed, lambda id_: department_name(id_, district))
    more = f"　〔{_one_line('；'.join(said))}〕" if said else ""
    key = (
        f" {set_aside_key(arrival)}"
        if event.kind in {"case.follow_up", "case.replied"} and isinstance(arrival := event.data.get("arrival"), int)
        else ""
    )
    return f"{EVENTS.get(event.kind, event.kind)}{key}{who}{f'：{_one_line(event.reason)}' if event.reason else ''}{more}"


def _one_line(text: str) -> str:
    return " ".join(text.split())

"""A decision in plain Chinese, line by line, for a clerk: what was decided, on which words, what nearly was, and what to look at.

The only module that turns effects, weights and verdicts into words; it takes them as they are and judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rules.clauses import KEY_NAMES
from rules.language import POLICY, Then
from store.model.decision import Compared, Decision, Hit, Quote, Verdict
from store.model.district import District
from store.model.due import Due

POLICY_IN_WORDS = "本区规则包设定"
_TURN = re.compile(r"turn:([0-9]+)(?:@([0-9:]+))?")
_SHORT = 40  # code points of a quotation on one line
_NEAR_MISSES = 5

VERDICTS = {
    Verdict.ACCEPT: "受理",
    Verdict.REFUSE: "不予受理",
    Verdict.SUPPLEMENT: "需要补正",
    Verdict.NOT_A_CASE: "非诉求来件",
    Verdict.FOLLOW_UP: "续件",
}
_SOURCES = {"title": "标题", "content": "正文", "sender": "发件人名称"}


def explain(decision: Decision, district: District) -> list[str]:
    """Return *decision* in Chinese lines, details indented by two spaces. Quotations are the sender's words, one line each."""
    return [
        _verdict_line(decision),
        *_ground_lines(decision, district),
        *_verdict_hits(decision),
        *_missing_lines(decision),
        *_department_lines(decision, district),
        *_review_lines(decision),
        *_due_lines(decision.due),
        *_aside_lines(decision),
        *_near_miss_lines(decision),
    ]


# ---------------------------------------------------------------- single things in words


def basis_in_words(basis: str) -> str:
    """Return the article a rule rests on, or that it is the pack's own."""
    return POLICY_IN_WORDS if basis == POLICY else basis


def verdict_in_words(verdict: Verdict, ground: int | None = None) -> str:
    """Return a verdict, with the ground where it has one."""
    return f"{VERDICTS[verdict]}{f'（情形 {ground}）' if ground is not None else ''}"


def weight_in_words(weight: float) -> str:
    """Return a weight without needless decimals."""
    return f"{weight:g}"


def compared_in_words(one: Compared) -> str:
    """Return an earlier case and what it has in common with the petition."""
    shared = "、".join(KEY_NAMES.get(key, key) for key in one.keys)
    return f"以前的事项 {one.number}（{f'{shared}相同，' if shared else ''}内容相似度 {one.likeness:g}，{_ago(one.days)}）"


def _ago(days: int) -> str:
    return f"{days} 天以前" if days else "当天"


def related_case(decision: Decision) -> Compared | None:
    """Return the earlier case that *decision* belongs to, as it was compared; None where there is none, or where that was not written down."""
    return next((one for one in decision.compared if one.case_id is not None and one.case_id == decision.related_case), None)


def _related_line(decision: Decision) -> str:
    one = related_case(decision)
    if one is None:
        return f"相关事项：内部编号 {decision.related_case}"
    shared = "、".join(KEY_NAMES.get(key, key) for key in one.keys)
    by = f"，凭{shared}相同认出" if shared else "，凭内容相近认出"
    return f"相关事项：{one.number}{by}（内容相似度 {one.likeness:g}，{_ago(one.days)}）"


def effect_in_words(then: Then, district: District) -> str:
    """Return what a rule does, as a Chinese clause; what it concludes for other rules only where it does nothing else."""
    effects = (*_on_admission(then), *_on_departments(then, district), *_on_people(then))
    return "；".join(effects) or f"认定“{'”“'.join(then.conclude)}”"


def _on_admission(then: Then) -> Iterator[str]:
    if then.not_a_case:
        yield f"非诉求来件：{then.not_a_case}{_final(then)}"
    if then.follow_up:
        yield "属于以前的事项（续件）"
    if then.duplicate:
        yield "与以前的事项重复"
    if then.supplement:
        yield f"请企业补正：{'、'.join(then.supplement)}"
    if then.refuse is not None:
        yield f"不予受理，情形 {then.refuse}{_final(then)}"


def _on_departments(then: Then, district: District) -> Iterator[str]:
    if then.advice is not None:
        yield f"可告知企业转向{_department(then.advice, district)}"
    if then.route is not None:
        yield f"交{_department(then.route, district)}，分量 {weight_in_words(then.weight)}"
    if then.accompany:
        yield f"请{'、'.join(_department(other, district) for other in then.accompany)}陪诊"


def _on_people(then: Then) -> Iterator[str]:
    if then.topic:
        yield f"事项名称：{then.topic}"
    if then.level:
        yield f"级别：{then.level}"
    if then.classes:
        yield f"分类：{'、'.join(then.classes)}"
    if then.urgent:
        yield "加急"
    if then.review:
        yield f"提请人工查看：{then.review}"


def _final(then: Then) -> str:
    return "（直接生效）" if then.final else "（须人工确认）"


def _department(identity: str, district: District) -> str:
    department = district.departments.get(identity)
    return department.name if department else identity


def _quotes(quotes: Iterable[Quote]) -> str:
    """Return quotations as 「…」 with where they stand, without line breaks."""
    return "，".join(f"{source_in_words(quote.source)}「{one_line(quote.text)}」" for quote in quotes)


def source_in_words(source: str) -> str:
    """Return where a quotation stands: 标题, 正文, 通话第 7 句（01:35）, 附件《…》."""
    return turn_in_words(source) or _SOURCES.get(source) or f"附件《{one_line(source.removeprefix('attachment:'))}》"


def turn_in_words(source: str) -> str:
    """Return which turn of a call *source* names: 通话第 7 句（01:35）; "" where it names none."""
    turn = _TURN.fullmatch(source)
    return f"通话第 {turn[1]} 句{f'（{turn[2]}）' if turn[2] else ''}" if turn else ""


def one_line(text: str) -> str:
    """Return a quotation without line breaks, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else f"{line[:_SHORT]}…"


# ---------------------------------------------------------------- lines


def _verdict_line(decision: Decision) -> str:
    confirm = "（规则建议，须人工确认）" if decision.proposed else ""
    topic = f"：{decision.topic}" if decision.topic else ""
    return f"结论：{VERDICTS[decision.verdict]}{topic}{confirm}"


def _ground_lines(decision: Decision, district: District) -> Iterator[str]:
    ground = district.grounds.get(decision.ground) if decision.ground is not None else None
    if ground is not None:
        yield f"依据：{district.document} {ground.article}“{ground.text}”"
        yield f"去处：{ground.advice}"
    if decision.advice is not None:
        yield f"可转向：{_department(decision.advice, district)}"
    if decision.related_case is not None:
        yield _related_line(decision)


def _verdict_hits(decision: Decision) -> Iterator[str]:
    """Yield the rules that speak on admission rather than on departments; those that only conclude show in the quotations of others."""
    spoken = [hit for hit in decision.hits if not hit.overridden_by and hit.department is None and not hit.effect.startswith("认定")]
    if spoken:
        yield "理由："
    for hit in spoken:
        yield f"  [{hit.rule}] {hit.effect}（{hit.basis}）{_quoted(hit)}"


def _quoted(hit: Hit) -> str:
    return f"：{_quotes(hit.quotes)}" if hit.quotes else ""


def _missing_lines(decision: Decision) -> Iterator[str]:
    if decision.missing:
        yield f"需补充：{'、'.join(decision.missing)}"


def _department_lines(decision: Decision, district: District) -> Iterator[str]:
    if decision.department is not None:
        yield f"承办：{_department(decision.department, district)}"
        for hit in _for(decision.department, decision.hits):
            yield f"  +{weight_in_words(hit.weight)} [{hit.rule}]{_quoted(hit)}"
    if decision.accompanying:
        yield f"陪诊建议：{'、'.join(_department(other, district) for other in decision.accompanying)}"
    if len(decision.scores) > 1:
        yield "分量：" + "，".join(f"{_department(identity, district)} {weight_in_words(score)}" for identity, score in decision.scores)
    if decision.named_departments:
        yield f"来件点名：{'、'.join(_department(identity, district) for identity in decision.named_departments)}"


def _for(department: str, hits: Iterable[Hit]) -> list[Hit]:
    found = [hit for hit in hits if hit.department == department and not hit.overridden_by]
    return sorted(found, key=lambda hit: -hit.weight)


def _review_lines(decision: Decision) -> Iterator[str]:
    if decision.level:
        yield f"级别：{decision.level}"
    if decision.classes:
        yield f"分类：{'、'.join(decision.classes)}"
    if decision.urgent:
        yield "加急：是"
    for reason in decision.review:
        yield f"请人工查看：{reason}"


def _due_lines(due: Due | None) -> Iterator[str]:
    if due is None:
        return
    doubt = "（暂定）" if due.provisional else ""
    yield f"期限：{due.label}，{due.due:%Y-%m-%d}（含当日）之前{doubt}（{due.basis}；自{due.start_label} {due.start:%Y-%m-%d} 次日起算）"
    number = 0
    for day in due.days:
        number += day.counted
        count = f"第 {number} 个工作日" if day.counted else "不计"
        yield f"  {day.day:%Y-%m-%d} {count}：{day.why}"


def _aside_lines(decision: Decision) -> Iterator[str]:
    for hit in decision.hits:
        if hit.overridden_by:
            yield f"例外：[{hit.overridden_by}] 覆盖了 [{hit.rule}]（{hit.effect}）"


def _near_miss_lines(decision: Decision) -> Iterator[str]:
    for miss in decision.near_misses[:_NEAR_MISSES]:
        yield f"差一点：[{miss.rule}] 只差“{miss.missing}”"

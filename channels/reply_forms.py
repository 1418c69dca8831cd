"""附件4 and 附件5 as they come back: the only module that knows their rows, in an attached document, in the body, or filled in inside our quoted mail.

A document's text has the cells of a row parted by tabs (`channels.documents`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from channels.passage import Passage, shadow
from channels.reply_phrases import clear, date_of, number_of
from channels.reply_text import Own
from channels.reply_ticks import Choice, choices
from store.model.petition import Found
from store.model.reply import RATING, SLIP, Command, FilledForm

_TITLES = {SLIP: re.compile(r"服务\s{0,4}回执单"), RATING: re.compile(r"满意度\s{0,4}评价表")}
_CELL_WORDS = {
    "department": "接诊部门 坐诊部门",
    "leader": "坐诊领导",
    "post": "职务",
    "contact": "部门联系人",
    "phone": "联系电话",
    "session": "坐诊日期 坐诊时间",
    "enterprise": "挂号企业",
    "enterprise_contact": "企业联系人",
    "why": "不满意原因",
    "advice": "意见建议",
    "result": "办理结果",
    "rating": "企业意见",
    "terms": "问题办理承诺时限",
}
_FIELD_OF = {word: name for name, words in _CELL_WORDS.items() for word in words.split()}
_QUIET = re.compile(r"[\s\"“”'‘’「」*]")
_LABEL = re.compile(rf"^({'|'.join(sorted(_FIELD_OF, key=len, reverse=True))})(?:\([^()]*\))?:?(.*)$", re.DOTALL)
_LIMIT = re.compile(r"限期([0-9一二三四五六七八九十]{1,4})(?:\([^()]*\))?个?(?:工作日|天|日)")
_DAYS = re.compile(
    r"(?:自(?P<day>20[0-9]{2}年[0-9]{1,2}月[0-9]{1,2}日)?[年月日]{0,3}受理之日起|承诺时限)[,:]?(?P<days>[0-9一二三四五六七八九十]{1,4})(?:\([^()]*\))?个?(?:工作日|天)"
)
_REASON = re.compile(r"无法解决[^\n]{0,2}?[,，:： ]{0,3}原因[:： ]*([^\n\t□☐\uf0a3]*)")
_POINTS = re.compile(r"如下|见下|下方|以下|已填|填写|填好|回执|评价表|表格|附件")
_LITTLE = 60  # signs of own words beside which a form filled in inside our quoted mail counts
_READ = 60_000  # signs of one document
_NOTHING = re.compile(r"[-—_/\\.…无 ]{0,10}")


def filled_forms(own: Own, documents: Mapping[str, str], *, reads_quoted: bool) -> tuple[list[FilledForm], list[str]]:
    """Return the forms in which something is ticked, and doubts in Chinese: of attached documents, of the body, else of the quoted mail.

    What stands in the quoted mail counts only with *reads_quoted* and where the writer says little else, or points to it: a form of an
    earlier time is carried along with each later mail.
    """
    texts = [(f"attachment:{name}", text[:_READ]) for name, text in documents.items()]
    texts.append(("body", own.blanked[:_READ]))
    found = [form for source, text in texts if (form := _read(source, text)) is not None]
    if not found and reads_quoted and own.quoted and (not own.words or (len(own.words) <= _LITTLE and _POINTS.search(own.words))):
        found = [form for form in (_read("quoted", own.quoted[:_READ]),) if form is not None]
    filled = [form for form in found if form.result or form.rating]
    doubts = [f"{form.kind}（{_where(form.source)}）没有勾选，或勾选了不止一项" for form in found if form not in filled]
    return filled, doubts


def form_commands(forms: list[FilledForm]) -> Iterator[Command]:
    """Yield what the ticked boxes order."""
    for form in forms:
        if form.kind == RATING:
            if form.rating:
                text = "\n".join(form.fields[name].value for name in ("why", "advice") if name in form.fields)
                yield Command(event="rate", span=form.fields["rating"].span, rating=form.rating, text=text, is_form=True)
        elif form.result == "promised":
            if form.limit or form.days:
                yield Command(event="promise", span=form.fields["result"].span, limit=form.limit, days=form.days, is_form=True)
        else:
            reason = form.fields["reason"].value if "reason" in form.fields else ""
            result = "solved" if form.result == "solved" else "explained"
            yield Command(event="answer", span=form.fields["result"].span, result=result, text=reason, is_form=True)


def _where(source: str) -> str:
    return {"body": "正文", "quoted": "引用的原邮件"}.get(source, source.removeprefix("attachment:"))


def _read(source: str, text: str) -> FilledForm | None:
    """Return the form in *text*; None where there is none."""
    plain = shadow(text)
    title = next(((kind, match) for kind, pattern in _TITLES.items() if (match := pattern.search(plain))), None)
    if title is None:
        return None
    kind = title[0]
    ticked, _ = choices(plain)
    reason = _REASON.search(plain)
    days, limit = terms(text)
    passage = Passage(source=source, words=text, plain=plain)
    fields = dict(_cells(passage))
    if reason and not _NOTHING.fullmatch(reason[1].strip()) and (found := passage.found(*reason.span(1), "form")):
        fields["reason"] = found
    for choice in ticked:
        if (found := passage.found(choice.start, choice.end, "form")) is not None:
            fields[choice.group] = found
    return FilledForm(
        kind=kind,
        source=source,
        fields=fields,
        result=_one(ticked, "result"),
        rating=_one(ticked, "rating") if kind == RATING else "",
        accepted=_accepted(text),
        days=days,
        limit=limit,
    )


def terms(text: str) -> tuple[int | None, int | None]:
    """Return 承诺时限 and 限期 as *text* states them, in working days."""
    said = clear(text).text
    days, limit = _DAYS.search(said), _LIMIT.search(said)
    return number_of(days["days"]) if days else None, number_of(limit[1]) if limit else None


def _accepted(text: str) -> date | None:
    days = _DAYS.search(clear(text).text)
    return date_of(days["day"], None) if days and days["day"] else None


def _one(ticked: list[Choice], group: str) -> str:
    """Return what is ticked of a group, "" where that is not one thing."""
    values = {choice.value for choice in ticked if choice.group == group}
    return values.pop() if len(values) == 1 else ""


def _cells(passage: Passage) -> Iterator[tuple[str, Found]]:
    """Yield the fields with their values: in the same cell behind the label, or in the next cell of the row."""
    waiting, after_enterprise = "", False
    for match in re.finditer(r"[^\t\n]+", passage.plain):
        cell = _QUIET.sub("", match[0][:80])
        label = _LABEL.match(cell)
        if label:
            waiting = _FIELD_OF[label[1]]
            after_enterprise = after_enterprise or waiting in {"enterprise", "enterprise_contact"}
            if waiting == "phone" and after_enterprise:
                waiting = "enterprise_phone"
            if not label[2]:
                continue
            colon = match[0].find(":")
            start = match.start() + colon + 1 if colon >= 0 else match.end()
        else:
            start = match.start()
        if waiting and waiting not in {"result", "rating", "terms"} and (found := passage.found(start, match.end(), "form")):
            yield waiting, found
        waiting = ""

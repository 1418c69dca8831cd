"""What a wording template may say about a case: plain Chinese strings under fixed names, strangers' words already cleaned and capped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from notifier.dates import counted_days, in_full, local_date, plain_date, skipped_days
from notifier.pictures import content_id
from notifier.plain import boxed, excerpt, line
from store.life import WITH_DEPARTMENT
from store.model.case import Case, CaseState
from store.model.decision import Decision, Hit, Verdict
from store.model.district import Department, District
from store.model.due import Due
from store.model.letter import Attachment
from store.model.matching import Beside
from store.model.petition import FIELD_WORDS, Found, Petition
from store.model.problem import Dossier, ProblemState

View = Mapping[str, object]

_FIELD, _TITLE, _SUBJECT_TITLE, _CONTENT, _QUOTE = 120, 120, 40, 3_000, 40  # code points
_LAID_BESIDE = 400  # code points of each side of a comparison
_COMMON = re.compile(r"【([^【】]*)】")
_MAX_REPORTS = 30
_MAX_HITS, _MAX_REASONS, _MAX_QUOTES, _MAX_NAMES = 8, 3, 6, 20
_KIB, _MIB = 1 << 10, 1 << 20
_NOT_STATED = "来件未写明"
_HOW = {
    "header": "据发件人信息",
    "signature": "据来件落款",
    "caller_number": "来电号码",
    "read_back": "坐席复述，来电人未否认",
    "fax_number": "来传真的号码",
}

_OF_A_SITTING = "event key theme host accompanying day hours place opens closes drafted earlier files publishers left"
EMPTY_SITTING: View = {  # a session, and an enterprise's place in it
    **dict.fromkeys(_OF_A_SITTING.split(), ""),
    "number": 0,
    "ahead": 0,
    "early_minutes": 0,
    "rows": (),
    "draft": (),  # the rows of the notice's form: label, and its lines
    "is_late": False,  # whether the notice is to be out by now
    "publishes": False,  # whether the addressee is one of those who publish it
    "left_goes_on": False,  # whether the matter of who left the call list goes on
}
_OF_A_NOTICE: View = {
    "addressee": "",  # whom an official letter is written to
    "stands_in_for": "",  # the department that has no address, where the coordinator gets its letter
    "invited": "",  # the department asked to accompany
    "again": False,  # the enterprise has had a receipt before
    "occasion": "",  # of a mail about deadlines: remind, overdue, moved
    "role": "",  # in what capacity somebody else than the debtor gets it
    "count": 0,
    "items": (),
    "more": 0,
    "missed": 0,
    "of_cases": True,  # whether one of the items is a case, to be answered by mail
    "by_mail": False,  # whether one of the items may be handed in by answering
    "event": "",  # what happened to the case, a name of `store.life`
    "dates": (),  # by when the enterprise will have an answer, each as an item of a mail about deadlines
    "reason": "",  # a person's words to the enterprise
    "heard": "",  # how content the enterprise said it was when it was called back
    "order": "",  # the coordinator's words to the department: why the case is to be handled anew
    "advice": {"name": "", "duty": ""},  # the office to turn to instead
    "author": "",  # the office whose address a follow-up bears
    "sitting": EMPTY_SITTING,
    "returned": {  # what came by mail of what is owed without a case, lists of texts and of items
        **dict.fromkeys(("event", "arrival", "sender", "subject"), ""),
        **dict.fromkeys(("received", "already", "visits", "counted", "doubts", "owed", "commands"), ()),
        "more": 0,
    },
    "returns": "",  # the address to which the offices return what they owe
    "survey": {"name": "", "of": "", "asks": (), "scale": "", "words": (), "until": ""},  # what an enterprise is asked
    "problem": {  # several enterprises with one problem
        "key": "",
        "name": "",
        "size": 0,
        "enterprises": 0,
        "departments": "",
        "usual": "",
        "usual_id": "",
        "recent": 0,
        "before": 0,
        "first": "",
        "last": "",
        "lead": "",
        "is_open": False,
        "reports": (),
        "more": 0,
        "least": 0,
        "days": 0,
    },
    "beside": None,  # the earlier report that the case may repeat
    "earlier": (),  # what happened to the matter in the sister districts it comes from, the last one first: district, number, lines
    "stranger": False,  # a follow-up from another address than the case
    "replies": (),  # lines that the addressee may answer with
    "done": (),  # of a reply of his: what was done …
    "not_done": (),  # … and what not, with the reason
    "why": "",  # why nothing of it was understood
    "says": "",  # what a reply orders that came in his name
}


def of_case(case: Case, district: District) -> dict[str, object]:
    """Return every name that a template may use; `notifier.compose` sets those of `_OF_A_NOTICE` where a notice needs them."""
    petition = of_petition(case.petition)
    overruled = case.verdict is Verdict.ACCEPT and case.decision.verdict is Verdict.REFUSE
    return {
        **_OF_A_NOTICE,
        "arrival": petition,
        "district": _district(district),
        "number": case.number,
        "registered": plain_date(local_date(case.opened_at, district.timezone)),
        "assigned": case.state in WITH_DEPARTMENT,
        "under_review": case.state is CaseState.UNDER_REVIEW,
        "refused": case.state is CaseState.REFUSED,
        "withdrawn": case.state is CaseState.WITHDRAWN,
        "department": office(case.department, district),
        "accompanying": "、".join(department(id_, district).name for id_ in case.accompanying),
        "named": "、".join(department(id_, district).name for id_ in case.decision.named_departments if id_ != case.department),
        "urgent": case.decision.urgent,
        "anew": bool(case.progress.orders),
        "promised_days": case.progress.promised_days or 0,
        "limit_days": case.progress.limit_days or 0,
        "extended_days": case.progress.extended_days,
        "result": case.progress.result,
        "elsewhere": line(case.progress.elsewhere, _FIELD),
        "other": case.progress.other,
        "came_from": {"district": case.progress.from_district, "number": case.progress.from_number},
        "overruled": overruled,
        "topic": "" if overruled else case.decision.topic.replace("_", "·"),  # a rule without words about it lends its name
        "level": case.decision.level,
        "classes": "、".join(case.decision.classes),
        "petition": petition,
        "due": None if case.progress.orders else _due(case.due),  # the first contact; handled anew, a case has the limit of its order
        "ground": _ground(case.ground, district),
        "missing": asked_for(case.decision.missing, district),
        "proposed": _proposed(case, district),
        "reasons": _reasons(_routing(case.decision, case.department)),
        "findings": [_finding(hit) for hit in _standing(case.decision)],
        "scores": "、".join(f"{department(id_, district).name}（{score:g}）" for id_, score in case.decision.scores[:3]),
        "doubts": [line(doubt, _FIELD).rstrip("。") for doubt in case.petition.letter.doubts],
        "review": [reason.rstrip("。") for reason in case.decision.review],
    }


def of_beside(beside: Beside | None, district: District) -> dict[str, object] | None:
    """Return the names that a template may use about the report *beside* a case, None where there is none."""
    if beside is None:
        return None
    rows = [
        {
            "label": row.label,
            "this": line(row.this, _LAID_BESIDE) or _NOT_STATED,
            "other": line(row.other, _LAID_BESIDE) or _NOT_STATED,
            "note": row.note,
            "this_parts": _parts(line(row.this, _LAID_BESIDE) or _NOT_STATED),
            "other_parts": _parts(line(row.other, _LAID_BESIDE) or _NOT_STATED),
        }
        for row in beside.rows
    ]
    received = plain_date(local_date(beside.received_at, district.timezone))
    return {"standing": line(beside.standing, _FIELD), "received": received, "rows": rows, "finding": beside.finding}


def _parts(text: str) -> list[dict[str, object]]:
    """Return *text* in pieces, those between 【】 as what both reports have."""
    return [{"text": piece, "is_common": bool(number % 2)} for number, piece in enumerate(_COMMON.split(text)) if piece]


def of_subject(key: str, district: District) -> dict[str, object]:
    """Return the names that a template may use about a session, an activity or a period called *key*: those of a mail about deadlines."""
    return {**_OF_A_NOTICE, "district": _district(district), "number": key}


def of_problem(dossier: Dossier, district: District, least: int, days: int) -> dict[str, object]:
    """Return the names that a template may use about a common problem; it is proposed where *least* enterprises have it within *days*."""
    problem, shown = dossier.problem, dossier.members[:_MAX_REPORTS]
    counts = sorted(problem.departments.items(), key=lambda item: (-item[1], item[0]))
    reports = [
        {
            "number": line(one.number, _FIELD),
            "name": line(one.name, _FIELD) or _NOT_STATED,
            "title": line(one.title, _SUBJECT_TITLE) or "（无标题）",
            "department": department(one.department, district).name if one.department else "",
            "date": plain_date(local_date(one.at, district.timezone)),
        }
        for one in shown
    ]
    told = {
        "key": problem.key,
        "name": line(problem.name, _FIELD),
        "size": problem.size,
        "enterprises": problem.enterprises,
        "departments": "、".join(f"{department(id_, district).name}（{count}件）" for id_, count in counts),
        "usual": department(problem.usual_department, district).name if problem.usual_department else "",
        "usual_id": problem.usual_department,
        "recent": problem.recent,
        "before": problem.before,
        "first": plain_date(local_date(problem.first_at, district.timezone)),
        "last": plain_date(local_date(problem.last_at, district.timezone)),
        "lead": department(problem.lead, district).name if problem.lead else "",
        "is_open": problem.state is ProblemState.OPEN,
        "reports": reports,
        "more": max(problem.size - len(shown), 0),
        "least": least,
        "days": days,
    }
    return {**of_subject(problem.key, district), "problem": told}


def department(id_: str, district: District) -> Department:
    """Return the directory's entry; one that has left the directory since keeps its id for a name."""
    return district.departments.get(id_) or Department(id=id_, name=id_, duty="")


def office(id_: str | None, district: District) -> dict[str, str]:
    """Return a department as templates see it; empty where there is none."""
    found = department(id_, district) if id_ is not None else Department(id="", name="", duty="")
    return {"name": found.name, "duty": found.duty.rstrip("。")}


def of_petition(petition: Petition) -> dict[str, object]:
    """Return an enterprise's words, cleaned: one-line fields, and the content both as lines (HTML) and boxed (text).

    Of a call the whole conversation is shown: half of it answers questions that the other half asks.
    """
    content = excerpt(petition.letter.text if petition.turns else petition.content, _CONTENT)
    sender = petition.letter.reply_to or petition.letter.sender
    return {
        "name": _field(petition.name),
        "uscc": _field(petition.uscc),
        "uscc_wrong": petition.uscc_valid is False,
        "address": _field(petition.address),
        "contact": _field(petition.contact),
        "phone": _field(petition.phone),
        "mail": line(sender.address, _FIELD) if sender else "",
        "title": line(petition.title, _TITLE) or "（来件没有标题）",
        "short_title": line(petition.title, _SUBJECT_TITLE) or "（无标题）",
        "content_lines": list(content.lines) or ["（来件没有正文）"],
        "content_boxed": boxed(content.lines or ("（来件没有正文）",)),
        "content_length": content.length,
        "content_is_whole": content.is_whole,
        "attachments": _attachments(_sent(petition)),
        "pictures": _pictures(petition),
    }


def _sent(petition: Petition) -> Sequence[Attachment]:
    """Return the files that came; the pictures of pages behind them are our own."""
    files = petition.letter.attachments
    return files[: len(files) - petition.recognition.pages] if petition.recognition else files


def _pictures(petition: Petition) -> list[dict[str, object]]:
    """Return what of a page is shown beside the value read off it: label, page, and the content id of the picture (`notifier.pictures`)."""
    snippets = petition.recognition.snippets if petition.recognition else ()
    return [{"label": FIELD_WORDS[one.field], "page": one.page, "cid": content_id(one.sha256)} for one in snippets]


def programme(district: District) -> str:
    """Return what the district calls its programme, in quotation marks."""
    return district.programme if district.programme.startswith("“") else f"“{district.programme}”"


def _district(district: District) -> dict[str, object]:
    return {
        "name": district.name,
        "programme": programme(district),
        "document": district.document,
        "coordinator": district.coordinator,
        "signature": signature(district),
    }


def signature(district: District) -> str:
    """Return the coordinator's full name: 昆明市呈贡区 and 区政务服务局 make 昆明市呈贡区政务服务局."""
    shared = district.coordinator[:1]
    return district.name + (district.coordinator[1:] if shared and district.name.endswith(shared) else district.coordinator)


def _field(found: Found | None) -> str:
    value = line(found.value, _FIELD) if found else ""
    if not found or not value:
        return _NOT_STATED
    how = _HOW.get(found.how)
    return f"{value}（{how}）" if how else value


def _attachments(attachments: Sequence[Attachment]) -> list[str]:
    shown = [f"{line(item.name, _FIELD) or '（无文件名）'}（{_size(item.size)}）" for item in attachments[:_MAX_NAMES]]
    return [*shown, f"等共{len(attachments)}个文件"] if len(attachments) > _MAX_NAMES else shown


def _size(size: int) -> str:
    return f"{size / _MIB:.1f} MB" if size >= _MIB else f"{max(1, round(size / _KIB))} KB"


def _due(due: Due | None) -> dict[str, object] | None:
    if due is None:
        return None
    return {
        "label": due.label,
        "basis": due.basis,
        "start": in_full(due.start),
        "start_label": due.start_label,
        "date": in_full(due.due),
        "days": sum(day.counted for day in due.days),
        "counted": counted_days(due),
        "skipped": skipped_days(due),
        "provisional": due.provisional,
        "first": in_full(due.start + timedelta(days=1)),
    }


def _ground(number: int | None, district: District) -> dict[str, str]:
    """Return a ground as templates see it (its text without the list's semicolon); empty where there is none."""
    ground = district.grounds.get(number) if number is not None else None
    if ground is None:
        return {"article": "", "text": "", "advice": ""}
    return {"article": ground.article, "text": ground.text.rstrip("；。"), "advice": ground.advice.rstrip("。")}


def asked_for(missing: Sequence[str], district: District) -> list[str]:
    """Return what to ask the enterprise for, each with the pack's words on it where it has some."""
    words = {item: district.supplements.get(item, "").rstrip("。；") for item in missing}
    return [f"{item}（{words[item]}）" if words[item] else item.rstrip("。；") for item in missing]


def _proposed(case: Case, district: District) -> str:
    """Say in a few words what the rules propose and a person has yet to confirm."""
    if case.verdict is Verdict.REFUSE:
        ground = _ground(case.ground, district)
        return f"不予受理，依据{ground['article']}“{ground['text']}”" if ground["text"] else "不予受理"
    if case.verdict is Verdict.SUPPLEMENT:
        return f"请企业补充：{'、'.join(case.decision.missing)}"
    return "受理，承办部门待定" if case.department is None else f"受理，交{department(case.department, district).name}承办"


def _standing(decision: Decision) -> list[Hit]:
    """Return the rules in force, those on the verdict before those on departments, mere conclusions last."""
    hits = [hit for hit in decision.hits if not hit.overridden_by]
    return sorted(hits, key=lambda hit: (hit.effect.startswith("认定"), hit.department is not None, -hit.weight))[:_MAX_HITS]


def _routing(decision: Decision, department_id: str | None) -> list[Hit]:
    """Return the rules that speak for the department, the weightiest first."""
    own = [hit for hit in decision.hits if hit.department == department_id and department_id and not hit.overridden_by]
    return sorted(own, key=lambda hit: -hit.weight)[:_MAX_REASONS]


def _reasons(hits: Sequence[Hit]) -> list[str]:
    """Say what each rule is about and which words it found; rules without words about them share one line. Shows no weight, no rule's name."""
    told = [f"{hit.about}：{words}" if (words := _words([hit])) else hit.about for hit in hits if hit.about]
    rest = _words([hit for hit in hits if not hit.about])
    return [*dict.fromkeys(told), *([rest] if rest else [])]


def _finding(hit: Hit) -> str:
    """Say what a rule makes of which words, for the clerk who confirms or corrects it."""
    parts = (hit.about, _words([hit]), hit.effect.rstrip("。"))
    return f"{'；'.join(part for part in parts if part)}（依据：{hit.basis}；规则：{hit.rule}）"


def _words(hits: Sequence[Hit]) -> str:
    """Return the words that *hits* rest on, each once and none that is only a part of another; "" where there are none."""
    quotes = list(dict.fromkeys(line(quote.text, _QUOTE) for hit in hits for quote in hit.quotes))
    whole = [quote for quote in quotes if not any(quote != other and quote in other for other in quotes)][:_MAX_QUOTES]
    return f"来件写有{''.join(f'「{quote}」' for quote in whole)}" if whole else ""

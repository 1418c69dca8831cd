"""What a session has come to: the outcome of each booked case in words, what of it has not come in, and the letter that asks for it. Sends nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from notifier.plain import line
from notifier.reminders import due_view
from notifier.session_files import slips_of
from notifier.view import department
from store.life import FINISHED, RESULTS, STATE_WORDS
from store.model.booking import Heard
from store.model.case import Case, CaseState
from store.model.notice import Notice
from store.model.reply import RATING, SLIP

if TYPE_CHECKING:
    from notifier.session_letters import Placed, SessionLetters, Sitting
    from store.model.district import District
    from store.model.due import Due
    from store.model.enclosure import Enclosure

_NAME = 40  # code points
_NAMED = 6  # files named one by one in a letter
_OUTCOME = "办理结果"
_FORMS = {"slip": (SLIP, "回执单"), "rating": (RATING, "满意度评价表")}


def outcome_of(heard: Heard) -> str:
    """Return in words what became of a booked case, "" where nobody has said yet."""
    case = heard.case
    if heard.given_back:
        return "已转交统筹部门另行交办"
    if case.progress.result or case.state in FINISHED:
        return RESULTS.get(case.progress.result) or STATE_WORDS[case.state]
    if case.state is not CaseState.HANDLING:
        return ""
    days = (("限期", case.progress.limit_days), ("承诺", case.progress.promised_days))
    terms = "，".join(f"{word}{count}个工作日" for word, count in days if count)
    return f"正在处理，{terms}" if terms else ""


def lacking_of(heard: Heard, needs: Collection[str]) -> list[str]:
    """Return in words what has not come in of a booked case: its outcome, and those of *needs* ("slip", "rating").

    Nothing is owed of what was given back, or ended without an answer (withdrawn, handed over …). A rating by mail is one as well.
    """
    progress = heard.case.progress
    if heard.given_back or (heard.case.state in FINISHED and not progress.result):
        return []
    came = heard.forms | ({RATING} if progress.rating else set())
    forms = [words for need, (form, words) in _FORMS.items() if need in needs and form not in came]
    return [*([] if outcome_of(heard) else [_OUTCOME]), *forms]


def all_lacking(some: Sequence[Heard], needs: Collection[str], district: District) -> list[str]:
    """Return a line for each case of which something has not come in: which, whose, what."""
    found = [(one.case, lacking_of(one, needs)) for one in some]
    return [f"{case.number}　{_enterprise(case)}（{_holder(case, district)}）：{'、'.join(words)}" for case, words in found if words]


def ask_for_outcomes(
    letters: SessionLetters, sitting: Sitting, placed: Sequence[Placed], due: Due, round_: str, district: District
) -> list[Notice]:
    """Return the letters that ask what became of the cases: all of them to the host and to the coordinator, to each other department its own."""
    host = sitting.subject.department
    holders = dict.fromkeys(case.department for _, case in placed if case.department not in {None, host})
    whose: list[tuple[str, Sequence[Placed]]] = [(host, placed), ("", placed)] if host else [("", placed)]
    whose += [(id_, [one for one in placed if one[1].department == id_]) for id_ in holders if id_]
    found: dict[str, Notice] = {}
    for owner, mine in whose:
        files = tuple(slip for _, case in mine for slip in slips_of("outcome", sitting, case, district))
        rows = list(_rows(mine, owner, district))
        more = {"rows": rows, "due": due_view(due, explained=False), "files": _named(files)}
        for notice in letters.to_office("outcome", sitting, owner, files, more, round_):
            found.setdefault(notice.to.address.lower(), notice)
    return list(found.values())


def _rows(placed: Sequence[Placed], owner: str, district: District) -> Iterator[dict[str, object]]:
    for booking, case in placed:
        told = outcome_of(Heard(booking=booking, case=case))
        holder = "" if owner and case.department == owner else _holder(case, district)
        title = line(case.petition.title, 2 * _NAME) or "（无标题）"
        yield {"number": booking.number, "case": case.number, "name": _enterprise(case), "title": title, "holder": holder, "outcome": told}


def _named(files: Sequence[Enclosure]) -> str:
    some = "、".join(one.name for one in files[:_NAMED])
    return f"{some}等{len(files)}份" if len(files) > _NAMED else some


def _enterprise(case: Case) -> str:
    return line(case.petition.name.value, _NAME) if case.petition.name else "（企业名称未写明）"


def _holder(case: Case, district: District) -> str:
    return department(case.department, district).name if case.department else district.coordinator

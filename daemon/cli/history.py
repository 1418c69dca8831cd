"""What one event of a case's history says beside its name: numbers, grounds, documents, and which date it was about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from daemon.cli.output import local
from rules.deadline_kinds import RANK_WORDS
from store.life import RATINGS, RESULTS, ROLE_WORDS, Role
from store.model.case import Event
from store.owing import Deadline

_DAYS = {
    "case.promised": "承诺 {} 个工作日",
    "case.extension_asked": "申请延期 {} 个工作日",
    "case.extended": "延期 {} 个工作日",
    "case.reopened": "限期 {} 个工作日",
}
_TEXTS: Sequence[tuple[str, Callable[[str], str]]] = (
    ("limit", "限期 {} 个工作日".format),
    ("result", lambda result: RESULTS.get(result, result)),
    ("rating", lambda rating: RATINGS.get(rating, rating)),
    ("to", "转交：{}".format),
    ("of", "同 {}".format),
    ("from_number", "转来以前的编号：{}".format),
)


def role_of(event: Event) -> str:
    """Return for whom the person acted, in brackets; "" where the event does not say."""
    role = event.data.get("role")
    return f"（{ROLE_WORDS[Role(role)]}）" if isinstance(role, str) and role in {one.value for one in Role} else ""


def particulars(event: Event, owed: Sequence[Deadline], name: Callable[[str], str]) -> list[str]:
    """Return what the event says, each thing in a few words. *owed* are the case's deadlines, *name* gives a department's name by its id."""
    if event.kind.startswith("deadline."):
        return _of_deadline(event, owed)
    data = event.data
    found = [_DAYS[event.kind].format(data["days"])] if event.kind in _DAYS and "days" in data else []
    found += [words(str(data[key])) for key, words in _TEXTS if key in data]
    found += [f"缺：{'、'.join(map(str, missing))}"] if isinstance(missing := data.get("missing"), list) and missing else []
    found += [f"编号：{data['number']}"] if event.kind == "case.taken_over" else []
    found += _departments(event, name)
    if evidence := data.get("evidence"):
        found.append(f"{'原因' if event.kind == 'case.promised' else '依据'}：{evidence}")
    if isinstance(files := data.get("files"), list):
        found += [f"附件：{file['name']}" for file in files if isinstance(file, Mapping) and "name" in file]
    return found


def _departments(event: Event, name: Callable[[str], str]) -> list[str]:
    new, proposed = event.data.get("new"), event.data.get("department")
    lead = new.get("department") if isinstance(new, Mapping) else None
    found = [f"建议由{name(str(proposed))}承办"] if proposed and event.kind == "case.returned" else []
    return [*found, *([f"承办部门：{name(str(lead))}"] if lead else [])]


def _of_deadline(event: Event, owed: Sequence[Deadline]) -> list[str]:
    data = event.data
    found = [next((one.due.label for one in owed if one.id == data.get("deadline")), str(data.get("kind", "")))]
    if event.kind == "deadline.moved":
        return [*found, f"{_day(data, 'old')} 改为 {_day(data, 'new')}"]
    rank = str(data.get("to", ""))
    found += [RANK_WORDS.get(rank, rank)] if event.kind == "deadline.escalated" and rank else []
    return [*found, *([f"停机错过 {missed} 次"] if (missed := data.get("missed")) else [])]


def _day(data: Mapping[str, object], which: str) -> str:
    """Return a date that moved: with its latest day where it was no certain one, with the hour where only that moved."""
    latest, at = data.get(f"{which}_latest"), data.get(f"{which}_at")
    if latest and latest != data.get(which):
        return f"{data.get(which)}（暂定，最晚 {latest}）"
    same = data.get("old") == data.get("new") and not data.get("old_latest") and not data.get("new_latest")
    return local(datetime.fromisoformat(at)) if same and isinstance(at, str) else str(data.get(which))

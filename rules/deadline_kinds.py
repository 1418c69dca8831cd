"""The kinds of deadlines as a pack declares them: from which event, how long, who owes, what fulfils it, who hears of it and when.

    deadlines:
      kinds:
        answer:
          label: 答复企业（承诺时限）
          basis: 三（六）
          since: [promise, extend]      # events or states of store.life, or triggers of later channels (session_end …)
          start: opened                 # day zero: the event's own day (event), or registration (opened)
          days: promised_days           # a number, or the number that the department promised
          unit: working                 # working, calendar
          owes: department
          until: [answer]
          pauses: true                  # while the enterprise's supplement is awaited
          remind: [3, 1]                # working days before
          ladder: [{after: 1, to: head}, {after: 3, to: coordinator, copies: true}]

A kind whose basis is no article is policy of the pack. `before: true` counts back from its trigger (五华: 活动前3个工作日). A session or an
activity starts a kind by its triggers, only those named in `of` where there are such. `every` declares what each department (those of
`owed_by`, else all) owes once in a period, by the `day` of the period's last month, else by its last day; a fixed date does not roll forward
unless `roll_forward` is set. It is met when it is received, or where `counts` names activities, when such were held on `times` days.

`words` name what is returned, as senders call it: by them a mail is known as the return that is owed (`rules.returns`); a kind without any
is ticked off by people alone. `covers` is what a report must speak of; what it leaves out its sender is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from rules.language import POLICY
from rules.packfiles import Items, Node, Reader
from store.life import BY_NAME
from store.model.case import CaseState

Unit = Literal["working", "calendar", "hours", "office_hours"]
Owes = Literal["department", "coordinator", "enterprise"]
Rank = Literal["handler", "section_head", "deputy", "head", "coordinator"]
Source = Literal["promised_days", "limit_days", "case_due"]
Every = Literal["half_month", "month", "quarter", "half_year", "year"]

TRIGGERS = ("session", "session_end", "booking_close", "activity", "activity_end")  # of a session or an activity, no case
RANK_WORDS = {"handler": "承办人", "section_head": "科室负责人", "deputy": "分管领导", "head": "主要负责人", "coordinator": "统筹部门督办"}
_SINCE = (*BY_NAME, *(state.value for state in CaseState), *TRIGGERS)
_MOST_DAYS = 250
_SHORTEST_WORD = 2  # characters
HOURS = frozenset({"hours", "office_hours"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder: so many working days after the due day, to whom, and whether the oversight offices get a copy."""

    after: int
    to: Rank
    copies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of deadline. `days` is a number, a field of the case's progress, "case_due" (the CG-3.4 date), or None for fixed dates."""

    id: str
    label: str
    basis: str = POLICY
    since: tuple[str, ...] = ()
    start: Literal["event", "opened"] = "event"
    days: int | Source | None = None
    unit: Unit = "working"
    before: bool = False
    of: tuple[str, ...] = ()
    every: Every | None = None
    day: int | None = None
    owed_by: tuple[str, ...] | None = None  # None: every department but the coordinator
    counts: tuple[str, ...] = ()
    times: int = 1
    words: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    roll_forward: bool = False
    owes: Owes = "department"
    until: tuple[str, ...] = ()
    pauses: bool = False
    urgent: bool = False
    remind: tuple[int, ...] = ()
    remind_share: tuple[int, ...] = ()  # percent of the time from the beginning to the due moment
    remind_at: int = 9  # full hour
    ladder: tuple[Rung, ...] = ()
    repeat_every: int = 0  # working days after the last rung; 0: never
    repeat_cap: int = 0

    @property
    def of_a_case(self) -> bool:
        """Whether events of a case start it, as against sessions, activities and fixed dates."""
        return self.every is None and not set(self.since) <= set(TRIGGERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """The kinds of a pack, by id."""

    by_id: Mapping[str, Kind] = field(default_factory=dict)


def read_kinds(node: Node, reader: Reader) -> Kinds:
    """Return the kinds declared under `deadlines.kinds`; mistakes go to the reader's problems."""
    found: dict[str, Kind] = {}
    for name, entry in reader.any_table(node).items():
        kind = _kind(name, entry, reader)
        if kind is not None:
            _check_words(kind, found.values(), entry, reader)
            found[name] = kind
    return Kinds(by_id=found)


def _kind(name: str, node: Node, reader: Reader) -> Kind | None:
    keys = tuple(key for key in Kind.__dataclass_fields__ if key != "id")
    entries = reader.table(node, keys, ("label", "owes"))
    values: dict[str, object] = {"id": name}
    for key, read in _READERS.items():
        if key in entries and (value := read(entries[key], reader)) is not None:
            values[key] = value
    if "label" not in values:
        return None
    kind = Kind(**values)  # type: ignore[arg-type]  # each value was read by the reader of its key
    _check(kind, node, reader)
    return kind


def _check(kind: Kind, node: Node, reader: Reader) -> None:
    if kind.every is None and (kind.days is None or not kind.since):
        reader.problems.add(node, "缺少起算事件或天数", "写上 since 和 days；每月、每季一次的写 every")
    if kind.every is not None and (kind.since or kind.days is not None):
        reader.problems.add(node, "every 与 since、days 不能同写", "每个周期一次的只写 every（和 day）")
    if kind.every == "half_month" and kind.day is not None:
        reader.problems.add(node, "每半月一次的以 15 日和月末为限，不能另写 day", "删去 day")
    if kind.every is None and (kind.counts or kind.owed_by is not None or kind.day is not None or kind.times != 1):
        reader.problems.add(node, "counts、times、owed_by、day 只用于每个周期一次的", "加上 every，或删去")
    triggers = set(kind.since) & set(TRIGGERS)
    if triggers and triggers != set(kind.since):
        reader.problems.add(node, "场次、活动的起算点不能与一件的事件混写", "分成两种时限")
    if kind.of and not triggers:
        reader.problems.add(node, "of 只用于从场次、活动起算的", "删去 of，或把 since 写成 activity_end 等")
    if kind.unit in HOURS and (kind.before or kind.every or kind.pauses or not isinstance(kind.days, int)):
        reader.problems.add(node, "按小时的时限要写明小时数，不能往回数，也不停止计时", "days 写小时数，不写 before、pauses")
    if kind.of_a_case and not kind.until:
        reader.problems.add(node, "没有写怎样算办到了", "until 写一个或几个事件，如 [answer]")
    _check_reminders(kind, node, reader)


def _check_reminders(kind: Kind, node: Node, reader: Reader) -> None:
    if kind.before and kind.remind_share:
        reader.problems.add(node, "往回数的没有起点，不能按所占时间提醒", "删去 remind_share，用 remind 写提前几个工作日")
    if kind.repeat_every and not kind.repeat_cap:
        reader.problems.add(node, "重复催办没有上限", "加上 repeat_cap")


def _check_words(kind: Kind, others: Iterable[Kind], node: Node, reader: Reader) -> None:
    if kind.words and kind.of_a_case:
        reader.problems.add(node, "words 只用于场次、活动和每个周期报送的", "删去 words")
    if any(len(word) < _SHORTEST_WORD for word in kind.words):
        reader.problems.add(node, "words 里的词太短，会误认", f"每个词至少 {_SHORTEST_WORD} 个字，如 月报")
    if kind.covers and (not kind.words or kind.counts):
        reader.problems.add(node, "covers 只用于按 words 认出的报告", "加上 words，或删去 covers")
    for other in others:
        for word in set(kind.words) & set(other.words):
            reader.problems.add(node, f"“{word}”也是 {other.id} 的词，分不清是哪一种", "只留在一种里，或写得更长")


def _names(node: Node, reader: Reader) -> tuple[str, ...]:
    return reader.several(node, lambda item: reader.choice(item, _SINCE, "事件或状态"), what="事件")


def _days(node: Node, reader: Reader) -> int | str | None:
    sources = get_args(Source)
    if getattr(node, "text", "") in sources:
        return reader.choice(node, sources, "天数来源")
    return reader.integer(node, 0, _MOST_DAYS)


def _numbers(node: Node, reader: Reader) -> tuple[int, ...]:
    found = [reader.integer(item, 0, _MOST_DAYS) for item in reader.items(node, what="工作日数")]
    return tuple(sorted((number for number in found if number is not None), reverse=True))


def _shares(node: Node, reader: Reader) -> tuple[int, ...]:
    found = [reader.integer(item, 1, 99) for item in reader.items(node, what="百分数")]
    return tuple(sorted(number for number in found if number is not None))


def _texts(node: Node, reader: Reader) -> tuple[str, ...]:
    return reader.several(node, lambda item: reader.text(item, longest=60), what="名称")


def _nobody_or_texts(node: Node, reader: Reader) -> tuple[str, ...]:
    """Read names of which there may be none yet: a list that the document does not give, to be filled in by the district."""
    return () if isinstance(node, Items) and not node.items else _texts(node, reader)


def _ladder(node: Node, reader: Reader) -> tuple[Rung, ...]:
    rungs = []
    for item in reader.items(node, what="逐级督促"):
        entries = reader.table(item, ("after", "to", "copies"), ("after", "to"))
        after = reader.integer(entries["after"], 1, _MOST_DAYS) if "after" in entries else None
        to = reader.choice(entries["to"], get_args(Rank), "层级") if "to" in entries else None
        copies = reader.flag(entries["copies"]) if "copies" in entries else False
        if after is not None and to is not None:
            rungs.append(Rung(after=after, to=cast("Rank", to), copies=bool(copies)))
    return tuple(sorted(rungs, key=lambda rung: rung.after))


_READERS: Mapping[str, Callable[[Node, Reader], object]] = {
    "label": lambda node, reader: reader.text(node),
    "basis": lambda node, reader: reader.text(node),
    "since": _names,
    "start": lambda node, reader: reader.choice(node, ("event", "opened"), "起算点"),
    "days": _days,
    "unit": lambda node, reader: reader.choice(node, get_args(Unit), "单位"),
    "before": lambda node, reader: reader.flag(node),
    "of": _texts,
    "every": lambda node, reader: reader.choice(node, get_args(Every), "周期"),
    "day": lambda node, reader: reader.integer(node, 1, 28),
    "owed_by": _nobody_or_texts,
    "counts": _texts,
    "times": lambda node, reader: reader.integer(node, 1, 31),
    "words": _texts,
    "covers": _texts,
    "roll_forward": lambda node, reader: reader.flag(node),
    "owes": lambda node, reader: reader.choice(node, get_args(Owes), "责任方"),
    "until": _names,
    "pauses": lambda node, reader: reader.flag(node),
    "urgent": lambda node, reader: reader.flag(node),
    "remind": _numbers,
    "remind_share": _shares,
    "remind_at": lambda node, reader: reader.integer(node, 7, 20),
    "ladder": _ladder,
    "repeat_every": lambda node, reader: reader.integer(node, 1, _MOST_DAYS),
    "repeat_cap": lambda node, reader: reader.integer(node, 1, 20),
}

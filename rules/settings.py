"""The settings of a district: what may stand in pack.yaml, and what holds where it says nothing.

| key | meaning | default |
|---|---|---|
| district.id | short name in data and commands: a–z, 0–9, `_`, `-` | required |
| district.name, .programme, .document, .coordinator | names as they stand in letters | required |
| district.timezone | IANA name | Asia/Shanghai |
| case_number | how a case is numbered, from `{year}` and `{seq}`, e.g. `CG-{year}-{seq:05d}` | required |
| articles | article of the document → its text; with the articles of grounds.yaml what a rule's `basis` may name | none |
| documents | name of another document → article → its text; a rule names it by `basis: {document: …, article: …}` | none |
| taken | files that the pack takes from one of the product, see `rules.taken` | none |
| supplements | what may be missing → the sentence that asks for it | none |
| routing.margin | how much more weight the first department needs than the second, else a person looks | 1 |
| routing.accompany_share | a department with at least this share of the first one's weight accompanies it | 0.6 |
| calendar.opens, .closes | office hours, between which a day begins and ends; no document states them | 9:00, 17:00 |
| calendar.pause | lunch break, as [12:00, 13:30]; only hours counted by the office's clock know it | none |
| calendar.shift_after_hours | an arrival after the close of office or on a rest day counts as one of the next working day | false |
| casework.returns | how often departments may return a case; after that the coordinator's word is final | 2 |
| casework.pass_on_directly | the first return goes straight to the department it names, not to the coordinator | false |
| casework.promise_cap | working days; a longer promise needs a reason of its own | 7 |
| casework.extension_cap | working days by which a case may be extended in all | 10 |
| casework.order_days | working days proposed for handling anew what the enterprise is not satisfied with (重点督办单) | 5 |
| casework.copies | events of `store.life` of which the oversight offices (抄报单位) get a copy, such as `call_back` and `reopen` | none |
| casework.oversight | what the document calls these offices; their addresses are the instance's (`[oversight]` in its address file) | none |
| problems.enterprises, .days | so many enterprises with the same problem within so many days are proposed as a common problem | 3, 90 |
| problems.leave_out | lists that say who or where, not what; a name may end in `*` | none |
| deadlines.verification.working_days | working days for the first contact and verification | 5 |
| deadlines.verification.start | counted from the close of booking (`booking_close`) or from receipt (`received`) | booking_close |
| deadlines.verification.booking_window_working_days | booking is open in the last so many working days of a month | 10 |
| deadlines.verification.booking_opens_at, .booking_closes_at | full hours of its first and its last day | 9, 17 |
| sessions | booking for sessions and what their letters say; its keys stand in `rules.sessions` | none |
| surveys | what enterprises are asked by mail; its keys stand in `rules.surveys` | none |
| deadlines.verification.label, .basis | its name and its article | 初步对接核实, 本区规则包设定 (no article) |
"""

from __future__ import annotations

import re
import string
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal, TypeAlias, cast

from rules.calendar_overlay import time_of_day
from rules.deadline_kinds import Kinds, read_kinds
from rules.deadlines import VerificationRule
from rules.office import OfficeHours
from rules.packfiles import Node, Reader, Table
from rules.sessions import SessionRule, read_sessions
from rules.surveys import Survey, read_surveys
from rules.taken import KEY as TAKEN

Start: TypeAlias = Literal["booking_close", "received"]

PLAIN_ID = re.compile(r"[a-z][a-z0-9_-]{0,31}")
PLAIN_ID_RULE = "以小写字母开头，只用小写字母、数字、“_”和“-”"

_DISTRICT_TEXTS = ("name", "programme", "document", "coordinator")
COPIED = ("call_back", "reopen", "report_up")  # events of `store.life` that oversight offices may be told of
_STARTS = ("booking_close", "received")
_CASE_NUMBER_REMEDY = "由字母、数字、“-”和 {year}、{seq} 组成，例如 CG-{year}-{seq:05d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How a department is chosen from the summed weights of the rules that fired."""

    margin: float = 1.0
    accompany_share: float = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Casework:
    """Limits of a case's life that no document states: policy of the pack.

    `returns` is how often departments may return a case before the coordinator's word is final; with `pass_on_directly` (晋宁: 转送) the
    first return goes straight to the department it names. `extension_cap` is in working days, over all extensions of a case.
    """

    returns: int = 2
    pass_on_directly: bool = False
    extension_cap: int = 10
    promise_cap: int = 7  # 三（六）: in principle; a longer promise needs its reason
    order_days: int = 5  # 限期 of a 重点督办单, unless the coordinator writes another
    copies: tuple[str, ...] = ()  # of which events the oversight offices hear
    oversight: tuple[str, ...] = ()  # by name, whose addresses an instance should have


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonProblems:
    """When reports of several enterprises are proposed as a common problem (类题): so many `enterprises` within so many `days`.

    `leave_out` names lists that say who or where and not what, for which reports are not the same problem; a name may end in `*`.
    """

    enterprises: int = 3
    days: int = 90
    leave_out: tuple[str, ...] = ()

    def leaves_out(self, name: str) -> bool:
        """Say whether the list called *name* is left out."""
        return any(name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in self.leave_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What pack.yaml sets besides the names of the district."""

    routing: Routing = field(default_factory=Routing)
    verification: VerificationRule = field(default_factory=VerificationRule)  # CG-3.4
    hours: OfficeHours = field(default_factory=OfficeHours)
    casework: Casework = field(default_factory=Casework)
    kinds: Kinds = field(default_factory=Kinds)
    problems: CommonProblems = field(default_factory=CommonProblems)
    sessions: SessionRule | None = None  # None: nobody books
    surveys: Mapping[str, Survey] = field(default_factory=dict)  # by name
    supplements: Mapping[str, str] = field(default_factory=dict)  # 请求 → the sentence that asks for it
    articles: Mapping[str, str] = field(default_factory=dict)  # 三（四） → its words
    documents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # 云南省优化营商环境条例 → 第十条 → its words


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """What pack.yaml says; empty texts where it says it wrongly."""

    id: str = ""
    name: str = ""
    programme: str = ""
    document: str = ""
    coordinator: str = ""
    timezone: str = "Asia/Shanghai"
    case_number: str = ""
    settings: Settings = field(default_factory=Settings)


def read_pack(root: Node, reader: Reader) -> Pack:
    """Return what the file pack.yaml under *root* says; its mistakes go to the reader's problems."""
    required = ("district", "case_number")
    free = (
        "articles",
        "documents",
        "supplements",
        "routing",
        "calendar",
        "casework",
        "deadlines",
        "problems",
        "sessions",
        "surveys",
        TAKEN,
    )
    entries = reader.table(root, (*required, *free), required)
    names = _district(entries["district"], reader) if "district" in entries else {}
    articles = _texts(entries["articles"], reader) if "articles" in entries else {}
    settings = Settings(
        routing=_routing(entries["routing"], reader) if "routing" in entries else Routing(),
        verification=_deadlines(entries["deadlines"], reader) if "deadlines" in entries else VerificationRule(),
        hours=_hours(entries["calendar"], reader) if "calendar" in entries else OfficeHours(),
        kinds=_kinds(entries["deadlines"], reader) if "deadlines" in entries else Kinds(),
        casework=_casework(entries["casework"], reader) if "casework" in entries else Casework(),
        problems=_problems(entries["problems"], reader) if "problems" in entries else CommonProblems(),
        sessions=read_sessions(entries["sessions"], reader) if "sessions" in entries else None,
        surveys=read_surveys(entries["surveys"], articles, reader) if "surveys" in entries else {},
        supplements=_texts(entries["supplements"], reader) if "supplements" in entries else {},
        articles=articles,
        documents=_documents(entries["documents"], reader) if "documents" in entries else {},
    )
    number = _case_number(entries["case_number"], reader) if "case_number" in entries else None
    return Pack(**names, case_number=number or "", settings=settings)


def _district(node: Node, reader: Reader) -> dict[str, str]:
    entries = reader.table(node, ("id", *_DISTRICT_TEXTS, "timezone"), ("id", *_DISTRICT_TEXTS))
    found = {key: reader.text(entries[key]) for key in _DISTRICT_TEXTS if key in entries}
    if "id" in entries:
        found["id"] = reader.name(entries["id"], PLAIN_ID, PLAIN_ID_RULE)
    if "timezone" in entries:
        found["timezone"] = _timezone(entries["timezone"], reader)
    return {key: value for key, value in found.items() if value is not None}


def _timezone(node: Node, reader: Reader) -> str | None:
    name = reader.text(node)
    if name is None:
        return None
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        reader.problems.add(node, f"没有时区“{name}”", "一般写 Asia/Shanghai")
        return None
    return name


def _case_number(node: Node, reader: Reader) -> str | None:
    """Read a number format: `{year}` (plain or 04d) and `{seq}` (plain, or zero-padded to at most nine digits), each once."""
    pattern = reader.text(node, longest=60)
    if pattern is None:
        return None
    problem = _case_number_problem(pattern)
    if problem:
        reader.problems.add(node, problem, _CASE_NUMBER_REMEDY)
        return None
    return pattern


def _case_number_problem(pattern: str) -> str:
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError:
        return "编号格式的花括号不成对"
    fields = [name for _, name, _, _ in parts if name is not None]
    if sorted(fields) != ["seq", "year"]:
        return "编号格式里 {year} 和 {seq} 须各有一个，且没有别的花括号"
    specs = {"year": ("", "d", "04d"), "seq": ("", "d", *(f"0{digits}d" for digits in range(1, 10)))}
    if any(name is not None and (conversion or (spec or "") not in specs[name]) for _, name, spec, conversion in parts):
        return "编号格式里冒号后的写法不对"
    literal = "".join(text for text, _, _, _ in parts)
    if not all(char.isalnum() or char in "-_./" for char in literal):
        return "编号格式里有空格或符号"
    return ""


def _routing(node: Node, reader: Reader) -> Routing:
    entries = reader.table(node, ("margin", "accompany_share"))
    margin = reader.number(entries["margin"], 0, 100) if "margin" in entries else None
    share = reader.number(entries["accompany_share"], 0, 1) if "accompany_share" in entries else None
    return Routing(
        margin=Routing().margin if margin is None else margin,
        accompany_share=Routing().accompany_share if share is None else share,
    )


def _kinds(node: Node, reader: Reader) -> Kinds:
    entries = node.entries if isinstance(node, Table) else {}
    return read_kinds(entries["kinds"], reader) if "kinds" in entries else Kinds()


def _casework(node: Node, reader: Reader) -> Casework:
    default = Casework()
    entries = reader.table(node, tuple(Casework.__dataclass_fields__))
    returns = reader.integer(entries["returns"], 1, 9) if "returns" in entries else default.returns
    direct = reader.flag(entries["pass_on_directly"]) if "pass_on_directly" in entries else default.pass_on_directly
    cap = reader.integer(entries["extension_cap"], 0, 250) if "extension_cap" in entries else default.extension_cap
    promise = reader.integer(entries["promise_cap"], 1, 250) if "promise_cap" in entries else default.promise_cap
    order = reader.integer(entries["order_days"], 1, 250) if "order_days" in entries else default.order_days
    copies = (
        reader.several(entries["copies"], lambda one: reader.choice(one, COPIED, "抄报的事"), what="抄报的事")
        if "copies" in entries
        else ()
    )
    oversight = reader.several(entries["oversight"], reader.text, what="抄报单位") if "oversight" in entries else ()
    return Casework(
        copies=copies,
        oversight=oversight,
        order_days=order or default.order_days,
        promise_cap=promise or default.promise_cap,
        returns=returns or default.returns,
        pass_on_directly=bool(direct),
        extension_cap=default.extension_cap if cap is None else cap,
    )


def _problems(node: Node, reader: Reader) -> CommonProblems:
    default = CommonProblems()
    entries = reader.table(node, tuple(CommonProblems.__dataclass_fields__))
    enterprises = reader.integer(entries["enterprises"], 2, 1_000) if "enterprises" in entries else None
    days = reader.integer(entries["days"], 1, 3_650) if "days" in entries else None
    names = reader.several(entries["leave_out"], reader.text, what="词表名") if "leave_out" in entries else default.leave_out
    return CommonProblems(enterprises=enterprises or default.enterprises, days=days or default.days, leave_out=names)


def _hours(node: Node, reader: Reader) -> OfficeHours:
    default = OfficeHours()
    entries = reader.table(node, ("opens", "closes", "pause", "shift_after_hours"))
    opens = _time(entries["opens"], reader) if "opens" in entries else default.opens
    closes = _time(entries["closes"], reader) if "closes" in entries else default.closes
    pause = tuple(_time(item, reader) for item in reader.items(entries["pause"], what="起止时刻")) if "pause" in entries else ()
    shift = reader.flag(entries["shift_after_hours"]) if "shift_after_hours" in entries else False
    moments = [opens, *(pause or ()), closes]
    times = [moment for moment in moments if moment is not None]
    if len(times) < len(moments):
        return default
    if len(pause) not in {0, 2} or times != sorted(set(times)):
        reader.problems.add(node, "办公时间不成立", "上班、午休起止、下班依次写，如 opens: 9:00、pause: [12:00, 13:30]、closes: 17:00")
        return default
    lunch = (times[1], times[2]) if pause else None
    return OfficeHours(opens=times[0], closes=times[-1], pause=lunch, shift_after_hours=bool(shift))


def _time(node: Node, reader: Reader) -> time | None:
    text = reader.text(node)
    found = time_of_day(text) if text else None
    if text and found is None:
        reader.problems.add(node, f"“{text}”不是时刻", "写成 9:00 或 17:30 的样子")
    return found


def _deadlines(node: Node, reader: Reader) -> VerificationRule:
    default = VerificationRule()
    entries = reader.table(node, ("verification", "kinds"))
    if "verification" not in entries:
        return default
    entries = reader.table(entries["verification"], tuple(VerificationRule.__dataclass_fields__))
    days = reader.integer(entries["working_days"], 1, 60) if "working_days" in entries else None
    start = reader.choice(entries["start"], _STARTS, "起算点") if "start" in entries else None
    window = reader.integer(entries["booking_window_working_days"], 1, 15) if "booking_window_working_days" in entries else None
    hours = {key: reader.integer(entries[key], 0, 23) for key in ("booking_opens_at", "booking_closes_at") if key in entries}
    texts = {key: reader.text(entries[key]) for key in ("label", "basis") if key in entries}
    return VerificationRule(
        working_days=days or default.working_days,
        start=cast("Start", start) if start else default.start,
        booking_window_working_days=window or default.booking_window_working_days,
        booking_opens_at=default.booking_opens_at if (opens := hours.get("booking_opens_at")) is None else opens,
        booking_closes_at=default.booking_closes_at if (closes := hours.get("booking_closes_at")) is None else closes,
        label=texts.get("label") or default.label,
        basis=texts.get("basis") or default.basis,
    )


def _documents(node: Node, reader: Reader) -> dict[str, dict[str, str]]:
    """Read document → article → text."""
    return {name: _texts(articles, reader) for name, articles in reader.any_table(node).items()}


def _texts(node: Node, reader: Reader) -> dict[str, str]:
    """Read name → text, both free."""
    found = {}
    for name, value in reader.any_table(node).items():
        text = reader.text(value, longest=2_000)
        if not name.strip():
            reader.problems.add(value, "名称是空的")
        elif text is not None:
            found[name] = text
    return found

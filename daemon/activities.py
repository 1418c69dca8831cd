"""What happens to sessions, activities and the returns of periods: one function for each thing said, whoever says it, and a file of events.

    - {at: 2024-09-12T10:00, event: announced, sort: session, key: 2024年第1期, title: 助推民营经济发展, department: gsl, day: 2024-09-27}
    - {event: booking_closed, key: 2024年第1期, day: 2024-09-20}
    - {event: ended, key: 2024年第1期, day: 2024-09-27}
    - {event: received, key: 2024年第1期, kind: receipt}
    - {event: ended, sort: activity, of: 企业走访, key: 走访云南某公司, department: swj, day: 2024-10-15}

The console, and the sessions that the product will plan itself, call the same function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import yaml

from store.errors import ConfigError, Problem, UsageError
from store.owing import HAPPENINGS, Happening, SubjectSort
from store.subjects import Said
from store.trouble import reason

if TYPE_CHECKING:
    from daemon.review import Office
    from store.subjects import Subjects

_MOST_BYTES, _LONGEST = 4 << 20, 120
_LONGEST_NAME, _LONGEST_REASON = 50, 1000  # characters
_KEYS = ("at", "event", "key", "day", "sort", "of", "title", "department", "kind")
_SORTS = {SubjectSort.SESSION.value: SubjectSort.SESSION, SubjectSort.ACTIVITY.value: SubjectSort.ACTIVITY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who says that something happened, and on what ground where there is more to say: that it happened is ground enough."""

    by: str
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what nobody says; raises UsageError."""
        if not self.by.strip():
            raise UsageError("请写明经办人（--by 姓名），要记入经过")
        if len(self.by) > _LONGEST_NAME or len(self.reason) > _LONGEST_REASON:
            raise UsageError(f"经办人不超过 {_LONGEST_NAME} 字，理由不超过 {_LONGEST_REASON} 字")


class Activities:
    """What is owed without a case, in all districts."""

    def __init__(self, *, offices: Mapping[str, Office], subjects: Subjects, now: Callable[[], datetime]) -> None:
        """Keep the parts."""
        self._offices, self._subjects, self._now = offices, subjects, now

    async def happen(self, district: str, happening: Happening, told: Told) -> bool:
        """Let *happening* take effect; False where it had before. Raises UsageError (Chinese) where it is not possible."""
        office = self._offices.get(district)
        if office is None:
            raise UsageError(f"配置里没有区 {district}；有：{'、'.join(self._offices)}")
        now = self._now()
        if happening.at is not None and happening.at > now:
            raise UsageError(f"“{happening.key}”的时间 {happening.at:%Y-%m-%d %H:%M} 还没有到，不能先登记")
        _check_words(happening)
        self._check(office, happening, now)
        said = Said(by=told.by, at=happening.at or now, reason=told.reason, known_at=now)
        return await self._subjects.happen(district, happening, said, office.planner)

    def _check(self, office: Office, happening: Happening, now: datetime) -> None:
        known = office.rulebook.district.departments
        if happening.department and happening.department not in known:
            raise UsageError(f"“{happening.key}”的部门代号 {happening.department} 不在部门名录里")
        kinds = office.rulebook.settings.kinds.by_id
        if happening.kind and happening.kind not in kinds:
            without_case = [kind.id for kind in kinds.values() if not kind.of_a_case]
            raise UsageError(f"没有名为 {happening.kind} 的时限；场次、活动有：{'、'.join(without_case) or '（无）'}")
        if happening.event == "booking_closed" and happening.day is None:
            raise UsageError(f"“{happening.key}”的挂号在哪一天截止，要写明日期")
        today = now.astimezone(ZoneInfo(office.rulebook.district.timezone)).date()
        if happening.event in {"ended", "booking_closed"} and happening.day is not None and happening.day > today:
            raise UsageError(f"“{happening.key}”在 {happening.day}，还没有到，不能登记为已结束或已截止")


def _check_words(happening: Happening) -> None:
    """Raise UsageError where there is no name, or one that could not stand in the subject of a mail."""
    if not happening.key.strip():
        raise UsageError("名称不能是空的；写场次或活动的名称，如 2024年第1期")
    for what, text in (("名称", happening.key), ("主题", happening.title), ("活动种类", happening.of)):
        if len(text) > _LONGEST:
            raise UsageError(f"{what}超过 {_LONGEST} 字，请缩短")
        if not text.isprintable():
            raise UsageError(f"{what}要写在一行里，不能有换行或看不见的字符：{text[:20]!r}")


def read_happenings(path: Path, timezone: str) -> list[Happening]:
    """Read a file of events, in its order; moments without a zone are of *timezone*. Raises ConfigError with every mistake in it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"打不开 {path}：{reason(error)}") from error
    if len(raw) > _MOST_BYTES:
        raise UsageError(f"{path} 超过 4 MB，不像事件文件；请分成几份")
    try:
        entries = yaml.safe_load(raw.decode("utf-8-sig"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = Problem(place=str(path), key="", message=f"不是可读的 YAML：{error}", remedy="每行一件事，以“- ”开头；存为 UTF-8")
        raise ConfigError([problem]) from error
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ConfigError([Problem(place=str(path), key="", message="应是一个列表", remedy="每件事一行，以“- ”开头")])
    problems: list[Problem] = []
    found = [_happening(entry, f"{path}:第{number}件", timezone, problems) for number, entry in enumerate(entries, start=1)]
    if problems:
        raise ConfigError(problems)
    return [happening for happening in found if happening is not None]


def _happening(entry: object, place: str, timezone: str, problems: list[Problem]) -> Happening | None:
    if not isinstance(entry, Mapping):
        remedy = "如 {event: ended, key: 2024年第1期, day: 2024-09-27}"
        problems.append(Problem(place=place, key="", message="应是“键: 值”的样子", remedy=remedy))
        return None
    texts = {key: _text(entry.get(key)) for key in ("event", "key", "of", "title", "department", "kind", "sort")}
    wrong = [*_mistakes(entry, texts, timezone)]
    problems += [Problem(place=place, key=key, message=message, remedy=remedy) for key, message, remedy in wrong]
    if wrong:
        return None
    return Happening(
        event=texts["event"],
        key=texts["key"],
        day=entry.get("day"),
        sort=_SORTS.get(texts["sort"]),
        of=texts["of"],
        title=texts["title"],
        department=texts["department"],
        kind=texts["kind"],
        at=_moment(entry.get("at"), timezone),
    )


def _mistakes(entry: Mapping[object, object], texts: Mapping[str, str], timezone: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with one entry: the key, what is wrong, and the remedy."""
    for key in entry.keys() - set(_KEYS):
        yield str(key), "不认识这个键", f"只能写 {'、'.join(_KEYS)}"
    for key, text in texts.items():
        if len(text) > _LONGEST:
            yield key, f"超过 {_LONGEST} 字", "缩短它"
    if texts["event"] not in HAPPENINGS:
        yield "event", f"“{texts['event'][:20]}”不是事件", f"写 {'、'.join(HAPPENINGS)}"
    if not texts["key"]:
        yield "key", "缺少名称", "写场次或活动的名称"
    if texts["sort"] and texts["sort"] not in _SORTS:
        yield "sort", f"“{texts['sort'][:20]}”不是种类", "写 session（场次）或 activity（活动）"
    day, at = entry.get("day"), entry.get("at")
    if day is not None and (isinstance(day, datetime) or not isinstance(day, date)):
        yield "day", f"“{day}”不是日期", "写成 2024-09-27 的样子"
    if at is not None and _moment(at, timezone) is None:
        yield "at", f"“{at}”不是时刻", "写成 2024-09-12T10:00 的样子"


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _moment(value: object, timezone: str) -> datetime | None:
    """Return a moment written as 2024-09-12T10:00 or 2024-09-12 10:00:00, None where *value* is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(timezone))

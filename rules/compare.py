"""What two decisions on the same petition differ in, in Chinese: today's rules against those of then, a pack under trial against the live one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from rules.explain import VERDICTS, related_case
from store.model.decision import Decision
from store.model.district import District

NOTHING = "（无）"
RELATED = "相关事项"

_Tell: TypeAlias = Callable[[Decision, District], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that came out otherwise: `what` it is and both values in Chinese, `NOTHING` where there is none."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.what}：{self.before} → {self.after}"


def differences(before: Decision, after: Decision, district: District) -> list[Difference]:
    """Return what of *after* is not as in *before*, the weightiest first; names are those of *district*.

    What does not reach anybody – weights, near misses, which rule said it – is no difference.
    """
    told = ((what, tell(before, district) or NOTHING, tell(after, district) or NOTHING) for what, tell in _ASPECTS.items())
    return [Difference(what=what, before=old, after=new) for what, old, new in told if old != new]


def rules_changed(before: Decision, after: Decision) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the rules that held only before, and of those that hold only after; what an exception set aside does not hold."""
    old, new = _holding(before), _holding(after)
    return tuple(name for name in old if name not in new), tuple(name for name in new if name not in old)


def _holding(decision: Decision) -> dict[str, None]:
    return dict.fromkeys(hit.rule for hit in decision.hits if not hit.overridden_by)


# ---------------------------------------------------------------- what is compared


def _verdict(decision: Decision, _: District) -> str:
    return f"{VERDICTS[decision.verdict]}{'（须人工确认）' if decision.proposed else ''}"


def _ground(decision: Decision, district: District) -> str:
    found = district.grounds.get(decision.ground) if decision.ground is not None else None
    return found.article if found else str(decision.ground or "")


def _names(ids: Iterable[str], district: District) -> str:
    return "、".join(district.departments[id_].name if id_ in district.departments else id_ for id_ in ids)


def _related(decision: Decision) -> str:
    one = related_case(decision)
    return one.number if one else str(decision.related_case or "")


_ASPECTS: Mapping[str, _Tell] = {
    "结论": _verdict,
    "不予受理情形": _ground,
    "承办部门": lambda decision, district: _names([decision.department] if decision.department else [], district),
    "陪诊建议": lambda decision, district: _names(sorted(decision.accompanying), district),
    "可转向": lambda decision, district: _names([decision.advice] if decision.advice else [], district),
    "需补充": lambda decision, _: "、".join(decision.missing),
    RELATED: lambda decision, _: _related(decision),
    "级别": lambda decision, _: decision.level,
    "分类": lambda decision, _: "、".join(decision.classes),
    "加急": lambda decision, _: "是" if decision.urgent else "",
    "事项名称": lambda decision, _: decision.topic,
    "提请查看": lambda decision, _: "；".join(decision.review),
}

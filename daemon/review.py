"""What a person does to a case: confirm, overrule, assign, note. The command line calls these now; replies and a console will call the same.

Each is one transaction in the store: the changed fields, one event with the person's name and reason, the notices that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, Unpack

from rules.deadlines import verification_due
from store.errors import UsageError
from store.model.case import Case, CaseState, NotACase
from store.model.decision import Verdict
from store.model.due import Due
from store.model.notice import Notice

if TYPE_CHECKING:
    from notifier.compose import Composer
    from rules.calendar import Calendar
    from rules.planner import Planner
    from rules.rulebook import RuleBook
    from store.arrivals import Arrivals
    from store.cases import Cases
    from store.recording import Compose, Corrections

_LONGEST_NUMBER = 18  # digits that fit the database's integers
_LONGEST_NAME, _LONGEST_REASON = 50, 1000  # characters
_SET_ASIDE = "A-"  # keys of arrivals that opened no case: A-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does it and why, in the person's own words; the reason of a refusal is read by the enterprise."""

    by: str
    reason: str
    is_bare: bool = False  # the reason is the order itself (同意): it tells the enterprise nothing

    def __post_init__(self) -> None:
        """Refuse an act without a name or a reason; raises UsageError."""
        if not self.by.strip() or not self.reason.strip():
            raise UsageError("请写明经办人（--by 姓名）和理由（--reason 理由），都要记入经过")
        if len(self.by) > _LONGEST_NAME or len(self.reason) > _LONGEST_REASON:
            raise UsageError(f"经办人不超过 {_LONGEST_NAME} 字，理由不超过 {_LONGEST_REASON} 字")

    @property
    def told(self) -> str:
        """What of the reason the enterprise reads."""
        return "" if self.is_bare else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a person puts in place of the rules' verdict: `ground` goes with refuse, `department` with accept, `missing` with supplement."""

    verdict: Verdict
    ground: int | None = None
    department: str | None = None
    missing: tuple[str, ...] = ()


def set_aside_key(arrival_id: int) -> str:
    """Return the key under which a person names an arrival that opened no case."""
    return f"{_SET_ASIDE}{arrival_id}"


def arrival_named(key: str) -> int | None:
    """Return the arrival that *key* names, None where it is not of the form A-12. Raises UsageError where it begins so and goes on otherwise."""
    if not key.upper().startswith(_SET_ASIDE):
        return None
    number = key[len(_SET_ASIDE) :]
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
        raise UsageError(f"{key} 不是来件编号，应形如 {_SET_ASIDE}12；用 zuozhen review list 查看")
    return int(number)


class Office(Protocol):
    """What a person's act needs of a district: its names and dates, and its wording. `daemon.pipeline.DistrictRoom` has both."""

    @property
    def rulebook(self) -> RuleBook:
        """The pack in force."""
        ...

    @property
    def composer(self) -> Composer:
        """The pack's wording with the district's addresses."""
        ...

    @property
    def planner(self) -> Planner:
        """What an event means for the deadlines of its case."""
        ...

    @property
    def calendar(self) -> Calendar:
        """The district's working days."""
        ...


class Review:
    """The acts of persons on the cases of all districts."""

    def __init__(
        self,
        *,
        offices: Mapping[str, Office],
        arrivals: Arrivals,
        cases: Cases,
        now: Callable[[], datetime],
    ) -> None:
        """Keep the parts."""
        self._offices, self._arrivals, self._cases = offices, arrivals, cases
        self._now = now

    async def pending(self) -> tuple[list[Case], list[NotACase]]:
        """Return what waits for a person: cases, and arrivals taken for no case."""
        return await self._cases.review(), await self._cases.not_cases()

    async def set_aside(self, key: str) -> NotACase | None:
        """Return the arrival named `A-12`, None where *key* is not of that form. Raises UsageError where it is not set aside."""
        arrival_id = arrival_named(key)
        return None if arrival_id is None else await self._cases.not_a_case(arrival_id)

    async def confirm(self, key: str, act: Act) -> Case | None:
        """Let a proposed verdict take effect; returns the case, None for an arrival that is no case.

        A refusal then goes out to the enterprise. Raises UsageError where nothing waits to be confirmed.
        """
        item = await self.set_aside(key)
        if item is not None:
            await self._cases.confirm_not_a_case(item.arrival_id, actor=act.by, reason=act.reason, now=self._now())
            return None
        case = await self._cases.get(key)
        office = self._office(case.district)
        if case.state is CaseState.UNDER_REVIEW and case.verdict is Verdict.REFUSE:
            return await self._change(
                case, act, kind="case.confirmed", state=CaseState.REFUSED, compose=lambda new: office.composer.for_referral(new, act.told)
            )
        if case.state is CaseState.UNDER_REVIEW:
            raise UsageError(f"{case.number} 还没有确定承办部门，请用 zuozhen case assign {case.number} --department 部门代号 …")
        if not await self._cases.awaits_review(case.id):
            raise UsageError(f"{case.number} 没有等待确认的结论；等人审核的件用 zuozhen review list 查看，要改判用 zuozhen case overrule")
        return await self._change(case, act, kind="case.confirmed", state=case.state, compose=lambda _: [])

    async def refuse_extension(self, key: str, act: Act) -> Case:
        """Leave the dates of a case as they are, against its department's request, and tell the department."""
        case = await self._cases.get(key)
        composer, round_ = self._office(case.district).composer, self._round()
        compose = partial(composer.for_extension, event="", reason=act.told, round_=round_)
        return await self._change(case, act, kind="case.confirmed", state=case.state, compose=compose)

    async def overrule(self, key: str, correction: Correction, act: Act) -> Case:
        """Put a person's verdict in place of the rules'; it takes effect at once. Raises UsageError where it does not make sense."""
        item = await self.set_aside(key)
        if item is not None:
            return await self._open(item, correction, act)
        case = await self._cases.get(key)
        office = self._office(case.district)
        self._check(office, correction, case.department)
        department = correction.department or case.department
        match correction.verdict:
            case Verdict.ACCEPT:
                return await self._change(
                    case,
                    act,
                    kind="case.overruled",
                    state=CaseState.ASSIGNED,
                    verdict=Verdict.ACCEPT,
                    ground=None,
                    department=department,
                    accompanying=_without(department, case.accompanying),
                    due=self._due(office),
                    compose=lambda new: [
                        *office.composer.for_assignment(new, self._round()),
                        *office.composer.for_recall(case, new, self._round()),
                    ],
                )
            case Verdict.REFUSE:
                return await self._change(
                    case,
                    act,
                    kind="case.overruled",
                    state=CaseState.REFUSED,
                    verdict=Verdict.REFUSE,
                    ground=correction.ground,
                    department=None,
                    due=None,
                    compose=lambda new: [
                        *office.composer.for_referral(new, act.told, self._round()),
                        *office.composer.for_recall(case, new, self._round()),
                    ],
                )
            case _:
                return await self._change(
                    case,
                    act,
                    kind="case.overruled",
                    state=CaseState.AWAITING_SUPPLEMENT,
                    verdict=Verdict.SUPPLEMENT,
                    ground=None,
                    due=None,
                    compose=lambda new: office.composer.for_supplement(new, correction.missing, self._round()),
                )

    async def assign(self, key: str, department: str, accompanying: Sequence[str], act: Act) -> Case:
        """Give the case to *department* (and name who accompanies); mails them. Raises UsageError for an unknown or unsuitable one."""
        case = await self._cases.get(key)
        office = self._office(case.district)
        for id_ in (department, *accompanying):
            known_department(office, id_)
        if case.verdict is Verdict.REFUSE:
            raise UsageError(f"{case.number} 是（拟）不予受理的件，请先用 zuozhen case overrule {case.number} --verdict accept 改为受理")

        invited = _without(department, accompanying)

        def compose(new: Case) -> list[Notice]:
            round_ = self._round()
            lead = (
                office.composer.for_assignment(new, round_) if department != case.department or case.state is not CaseState.ASSIGNED else []
            )
            recalled = office.composer.for_recall(case, new, round_)
            return [*lead, *office.composer.for_accompanying(new, invited, round_), *recalled]

        return await self._change(
            case,
            act,
            kind="case.assigned",
            state=CaseState.ASSIGNED,
            verdict=Verdict.ACCEPT,
            department=department,
            accompanying=invited or _without(department, case.accompanying),
            due=case.due or self._due(office),
            compose=compose,
        )

    async def note(self, key: str, act: Act) -> Case:
        """Add a note to the history of the case and return it."""
        case = await self._cases.get(key)
        await self._cases.note(case.id, actor=act.by, reason=act.reason, now=self._now())
        return case

    async def _open(self, item: NotACase, correction: Correction, act: Act) -> Case:
        """Open a case for an arrival that the rules took for none."""
        arrival = await self._arrivals.get(item.arrival_id)
        office = self._office(arrival.district)
        self._check(office, correction, item.decision.department)
        decision = replace(
            item.decision,
            verdict=correction.verdict,
            proposed=False,
            ground=correction.ground,
            department=correction.department or item.decision.department,
            missing=correction.missing,
            due=self._due(office) if correction.verdict is Verdict.ACCEPT else None,
        )

        def compose(case: Case) -> Sequence[Notice]:
            if case.state is CaseState.REFUSED:
                return office.composer.for_referral(case, act.told)
            return office.composer.for_new_case(case)

        return await self._cases.open_from_not_a_case(
            item.arrival_id,
            decision,
            district=office.rulebook.district,
            actor=act.by,
            reason=act.reason,
            now=self._now(),
            compose=compose,
            planner=office.planner,
        )

    async def _change(self, case: Case, act: Act, *, kind: str, compose: Compose, **corrected: Unpack[Corrections]) -> Case:
        return await self._cases.change(
            case.id,
            kind=kind,
            actor=act.by,
            reason=act.reason,
            now=self._now(),
            compose=compose,
            seen=case.state,
            planner=self._office(case.district).planner,
            **corrected,
        )

    def _check(self, office: Office, correction: Correction, known: str | None) -> None:
        grounds = office.rulebook.district.grounds
        department = correction.department or known
        match correction.verdict:
            case Verdict.ACCEPT if department is None:
                raise UsageError("改为受理要指明承办部门：--department 部门代号")
            case Verdict.REFUSE if correction.ground not in grounds:
                raise UsageError(f"改为不予受理要指明情形：--ground {min(grounds)} 至 {max(grounds)}")
            case Verdict.SUPPLEMENT if not correction.missing:
                raise UsageError("改为补正要写明缺什么：--missing 请求（可重复）")
            case Verdict.NOT_A_CASE | Verdict.FOLLOW_UP:
                raise UsageError("已登记的件只能改为 accept（受理）、refuse（不予受理）或 supplement（补正）")
        if correction.department is not None:
            known_department(office, correction.department)

    def _due(self, office: Office) -> Due:
        """Return the CG-3.4 date counted from now: it is now that the matter is accepted."""
        book = office.rulebook
        return verification_due(self._now(), settings=book.settings.verification, calendar=office.calendar, timezone=book.district.timezone)

    def _round(self) -> str:
        """Return what tells this act's notices from those of an earlier one on the same case."""
        return self._now().isoformat()

    def _office(self, district: str) -> Office:
        office = self._offices.get(district)
        if office is None:
            raise UsageError(f"这件属于 {district}，而配置里没有这个区")
        return office


def _without(lead: str | None, accompanying: Sequence[str]) -> tuple[str, ...]:
    """Return who accompanies, each once and never the lead itself."""
    return tuple(id_ for id_ in dict.fromkeys(accompanying) if id_ != lead)


def known_department(office: Office, id_: str) -> None:
    """Raise UsageError, listing those there are, where the directory has no department *id_*."""
    departments = office.rulebook.district.departments
    if id_ not in departments:
        listed = "、".join(f"{key}（{department.name}）" for key, department in departments.items())
        raise UsageError(f"没有部门代号 {id_}；可用的有：{listed}")

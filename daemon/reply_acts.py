"""From what a reply orders to what is done: each command becomes an act of `Casework` or `Review`, for the role its writer has and no other.

Nothing is guessed. A unit that no department is called, an agreement to something that is not asked any more: the command is not done, and
why is said in words for its writer and for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daemon.casework import Casework, Details
from daemon.review import Act, Correction, Office, Review
from daemon.unbooking import give_up
from store.errors import UsageError
from store.life import BY_NAME, Role, is_poorly_rated
from store.model.case import Case, CaseState, Event
from store.model.decision import Verdict
from store.model.notice import Purpose
from store.model.reply import Command

if TYPE_CHECKING:
    from store.arrivals import Arrivals
    from store.bookings import Bookings
    from store.deadlines import Deadlines
    from store.drafting import Draft

_MOST_DAYS = 250
_ANSWERS = {"agree": "同意", "disagree": "不同意", "same": "是同一件", "separate": "不是同一件"}
_HEARD = frozenset({"attend"})
_WORDS = {**_ANSWERS, "unbook": "取消挂号", "attend": "届时到场"}
_ACCEPTED_AGAIN = frozenset({CaseState.REFUSED, CaseState.DUPLICATE, CaseState.WITHDRAWN})
_ACKNOWLEDGED = frozenset({CaseState.ACKNOWLEDGED, CaseState.HANDLING})
_LONGEST_REASON = 1000  # characters, as of any act
_LONGEST_FACT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who writes: for whom he may act, under what name the history knows him, and which mail of ours he answers (None: a person vouched for him)."""

    role: Role
    name: str
    department: str = ""  # id, where he acts for one
    notice_id: int | None = None
    newest_question: int | None = None  # the last mail by which the coordinator was asked to decide something about this case


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of one command: `problem` says why it was not done, "" where it was."""

    event: str
    words: str
    problem: str = ""


@dataclass(slots=True, kw_only=True)
class Acting:
    """One reply being acted on: its draft, the office of its district among those of all, and who it is from."""

    draft: Draft
    office: Office
    offices: Mapping[str, Office]
    arrivals: Arrivals
    bookings: Bookings
    deadlines: Deadlines
    author: Author
    moment: datetime
    files: Mapping[str, bytes] = field(default_factory=dict)

    async def all(self, commands: Sequence[Command]) -> list[Done]:
        """Do *commands* in their order; what cannot be done is left out, and the others go on."""
        found = []
        for command in commands:
            self.moment += timedelta(microseconds=1)  # notices of one purpose are told apart by the moment of the act that caused them
            words = in_words(command)
            try:
                await self._one(command)
            except UsageError as error:
                found.append(Done(event=command.event, words=words, problem=for_a_writer(str(error))))
            else:
                found.append(Done(event=command.event, words=words))
        return found

    async def _one(self, command: Command) -> None:
        if command.event in _HEARD or (command.event == "acknowledge" and self.author.role is Role.ENTERPRISE):
            return  # 收到，准时参加: nothing to be done, and nothing that was not understood
        if command.event in _ANSWERS:
            await self._answer(command)
        elif command.event == "unbook":
            await give_up(self, self.bookings, command)
        elif command.event == "assign":
            await self._assign(self._named(command), command)
        elif command.event == "rate" and self.author.role is Role.DEPARTMENT:
            raise UsageError(f"企业评价由企业作出，或由{self.office.rulebook.district.coordinator}核对后登记；评价表已收到并转去，不必再报")
        elif command.event == "acknowledge" and self.draft.case.state in _ACKNOWLEDGED:
            await self._do("heed", command, Details())  # 收悉 in answer to a reminder, or 签收 once more
        elif command.event == "extend" and self.author.role is Role.DEPARTMENT:
            await self._do("ask_extension", command, Details(days=self._days(command), files=self.files))
        else:
            await self._do(command.event, command, self._details(command))

    async def by_casework(self, event: str, act: Act, details: Details) -> None:
        """Let *event* happen to the drafted case. Raises UsageError as `Casework.do`."""
        casework = Casework(offices=self._offices, cases=self.draft, deadlines=self.deadlines, now=lambda: self.moment)
        await casework.do(self.draft.case.number, event, self.author.role, act, details)

    async def _do(self, event: str, command: Command, details: Details) -> None:
        await self.by_casework(event, self._act(command), details)

    def _details(self, command: Command) -> Details:
        is_return = command.event == "return"
        asked = tuple(line for line in (command.text or command.span.text).splitlines() if line.strip())
        return Details(
            department=self._named(command) if is_return else "",
            days=self._days(command),
            limit=command.limit,
            result=command.result,
            rating=command.rating,
            missing=tuple(line[:_LONGEST_FACT] for line in asked) if command.event == "supplement" else (),
            to=command.department[:_LONGEST_FACT] if command.event == "hand_over" else "",
            of=command.number if command.event in {"duplicate", "merge"} else "",
            evidence=command.text[:_LONGEST_FACT] if command.event == "promise" else "",
            files=self.files,
        )

    def _days(self, command: Command) -> int | None:
        """Return the working days that the command names; of a date, those from today until it."""
        if command.days is not None or command.until is None:
            return command.days
        return self._until(command)

    def _until(self, command: Command) -> int:
        """Return how many working days it takes, from the day from which they count, to get to the day that was written."""
        assert command.until is not None  # noqa: S101 - the caller has looked
        case, planner = self.draft.case, self.office.planner
        kinds = self.office.rulebook.settings.kinds.by_id
        for days in range(1, _MOST_DAYS + 1):
            then = replace(case, progress=replace(case.progress, promised_days=days))
            owing = planner.owing(then, "promise", case.state, self.moment)
            ends = [one.due.due for one in owing.begins if kinds[one.kind].days == "promised_days"]
            reached = ends[0] if ends else self.office.calendar.add_working_days(planner.day(self.moment), days).due
            if reached >= command.until:
                return days
        raise UsageError(f"{command.until} 太远，请写明几个工作日")

    # ------------------------------------------------------------ what the coordinator is asked

    async def _answer(self, command: Command) -> None:
        case = self.draft.case
        if self.author.role is not Role.COORDINATOR:
            if self.author.role is Role.ENTERPRISE and command.event == "separate":
                return  # what follows is for a person: `daemon.replies` puts the case before the coordinator
            raise UsageError(f"“{_ANSWERS[command.event]}”只能由{self.office.rulebook.district.coordinator}来定")
        if command.event == "same" and command.number:
            await self._do("duplicate", command, Details(of=command.number))
            return
        self._check_asked()
        agrees = command.event in {"agree", "separate" if _is_joined(case) else "agree"}
        if case.state is CaseState.UNDER_REVIEW:
            await self._of_review(case, command, agrees=agrees)
        elif case.state is CaseState.RETURNED:
            named = self._named(command) if command.department else case.progress.proposed if agrees else case.department or ""
            await self._assign(named, command)
        elif _is_joined(case) and agrees:
            await self._accept(self._named(command) if command.department else "", command)
        elif is_poorly_rated(case):
            if not agrees:
                raise UsageError("不重新办理的，请回复“销号”并写明理由")
            limit = command.limit or self._days(command) or self.office.rulebook.settings.casework.order_days
            act = self._act(command)
            bare = not command.text.strip()  # 同意 alone: the department is told what the enterprise said, not that somebody agrees
            await self.by_casework(
                "reopen", replace(act, reason=await self._complaint() or act.reason) if bare else act, Details(days=limit)
            )
        else:
            await self._of_progress(case, command, agrees=agrees)

    async def _complaint(self) -> str:
        """Return in what words the enterprise was not satisfied, "" where it gave none."""
        rated = [event for event in await self.draft.history(self.draft.case.id) if event.kind == "case.rated"]
        return f"企业评价“不满意”：{rated[-1].reason}"[:_LONGEST_REASON] if rated else ""

    async def _of_review(self, case: Case, command: Command, *, agrees: bool) -> None:
        """Answer what the rules propose."""
        named = self._named(command) if command.department else ""
        if case.verdict is not Verdict.REFUSE:
            await self._assign(named or (case.decision.department or "" if agrees else ""), command)
        elif agrees:
            await self._review.confirm(case.number, self._act(command))
        else:
            await self._accept(named, command)

    async def _of_progress(self, case: Case, command: Command, *, agrees: bool) -> None:
        """Answer what a department asks while it has the case, or take note."""
        days = _asked_extension(await self.draft.history(case.id))
        if days and agrees:
            await self._do("extend", command, Details(days=command.days or days))
        elif days:
            await self._review.refuse_extension(case.number, self._act(command))
        else:
            await self._review.confirm(case.number, self._act(command))

    async def _accept(self, department: str, command: Command) -> None:
        named = department or self.draft.case.department
        if not named:
            raise UsageError("改为受理要写明承办部门，例如：不同意，改派区住建局")
        await self._review.overrule(self.draft.case.number, Correction(verdict=Verdict.ACCEPT, department=named), self._act(command))

    async def _assign(self, department: str, command: Command) -> None:
        if self.author.role is not Role.COORDINATOR:
            raise UsageError(f"改派由{self.office.rulebook.district.coordinator}决定；不属本单位的，请回复“退回：理由，建议交由某某局”")
        if not department:
            raise UsageError("请写明承办部门，例如：改派区住建局")
        case = self.draft.case
        if case.state in _ACCEPTED_AGAIN or case.verdict is Verdict.REFUSE:
            await self._accept(department, command)
        else:
            await self._review.assign(case.number, department, (), self._act(command))

    def _check_asked(self) -> None:
        """Raise UsageError where the mail that is answered asks for something else than what is asked now."""
        answered, newest = self.author.notice_id, self.author.newest_question
        if answered is not None and newest is not None and answered < newest:
            raise UsageError("这封回信答复的是较早的一封提请；之后又有新的提请，请回复最近的一封")

    # ------------------------------------------------------------ names and reasons

    @property
    def _offices(self) -> Mapping[str, Office]:
        return {**self.offices, self.draft.case.district: self.office}

    @property
    def _review(self) -> Review:
        return Review(offices=self._offices, arrivals=self.arrivals, cases=self.draft, now=lambda: self.moment)

    def _act(self, command: Command) -> Act:
        reason = (command.text or command.span.text).strip()[:_LONGEST_REASON]
        return Act(by=self.author.name, reason=reason or in_words(command), is_bare=not command.text.strip())

    def _named(self, command: Command) -> str:
        """Return the id of the department that the command names. Raises UsageError where none, or more than one, is called so."""
        words = "".join(command.department.split())
        if not words:
            raise UsageError("请写明建议的承办部门，例如：退回：不属我局职责，建议交由区住建局")
        departments = self.office.rulebook.district.departments.values()
        exact = [one.id for one in departments if words in {one.name, *one.aliases}]
        found = exact or [one.id for one in departments if any(name in words or words in name for name in (one.name, *one.aliases))]
        if len(set(found)) != 1:
            raise UsageError(f"“{words}”不是部门名录里的名称，请写部门全称")
        return found[0]


def in_words(command: Command) -> str:
    """Return what is ordered, in few words, with what goes with it."""
    step = BY_NAME.get(command.event)
    name = _WORDS.get(command.event) or (step.words if step else command.event)
    days = command.days or command.limit
    more = (f"{days}个工作日" if days else "", f"到{command.until}" if command.until else "", command.department, command.number)
    said = "，".join(one for one in more if one)
    return f"{name}（{said}）" if said else name


def for_a_writer(problem: str) -> str:
    """Return a problem without the names of commands, which nobody who writes mails can use."""
    return (
        problem.split("；请用 zuozhen", maxsplit=1)[0]
        .split("，请用 zuozhen", maxsplit=1)[0]
        .split("；现在可以：", maxsplit=1)[0]
        .split("，请先用 zuozhen", maxsplit=1)[0]
    )


def newest_question(purposes: Sequence[tuple[int, Purpose]]) -> int | None:
    """Return the last of a case's notices (id and purpose) by which the coordinator is asked something, None without one."""
    return max((id_ for id_, purpose in purposes if purpose is Purpose.REVIEW), default=None)


def _is_joined(case: Case) -> bool:
    return case.state in {CaseState.DUPLICATE, CaseState.MERGED}


def _asked_extension(history: Sequence[Event]) -> int | None:
    """Return the working days of a request for more time that nobody has answered."""
    for event in reversed(history):
        if event.kind == "case.extension_asked":
            days = event.data.get("days")
            return days if isinstance(days, int) else None
        if event.kind in {"case.extended", "case.confirmed", "case.assigned", "case.reopened"}:
            return None
    return None

"""Who is told what about a case: one place that decides which notices are owed, to whom, and in which template. Sends nothing.

Mail to an enterprise goes to an address that a stranger gave us. So it repeats nothing of what was sent (a forged sender would make us a
relay of it), bears no name taken from the message, is capped, and is never written in answer to automatic mail (RFC 3834).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from notifier.address_book import Addresses
from notifier.earlier import Earlier
from notifier.plain import line
from notifier.recipients import Recipients, may_be_mailed
from notifier.rehearsal import rehearse
from notifier.reminders import Occasion, due_view, view_of
from notifier.reply_lines import reply_lines
from notifier.view import View, asked_for, department, of_beside, of_case, of_petition, of_problem, of_subject, office
from notifier.wording import Wording
from store.life import WITH_DEPARTMENT, Role, held_by_department
from store.model.case import Case, CaseState
from store.model.district import District
from store.model.due import Due
from store.model.letter import Address
from store.model.matching import Beside
from store.model.notice import Notice, Purpose, Returned
from store.model.petition import Petition
from store.model.problem import Dossier, ProblemState
from store.model.reply_sender import COORDINATOR, ENTERPRISE, acting, office_of_department, same_address
from store.owing import Subject

_MAX_NAME = 40  # code points of a name or a number in a sentence
_MAX_REASON = 600  # code points of what a person tells the enterprise


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a reply, in words for its writer: the commands done, those not done with the reason, and `why` where none was understood.

    `may_unbook` where it answers a mail about a place in a session.
    """

    done: tuple[str, ...] = ()
    not_done: tuple[str, ...] = ()
    why: str = ""
    may_unbook: bool = False


class Composer:
    """Writes the notices of one district. Pure: the same case gives the same notices."""

    def __init__(self, district: District, addresses: Addresses) -> None:
        """Compile the pack's wording and fill every template once; raises ConfigError with every template that fails."""
        self._district, self._addresses = district, addresses
        self.recipients = Recipients(district, addresses)
        self.wording = Wording(district.wording)
        rehearse(district, self.wording)
        self._viewed: tuple[Case, View] | None = None

    # ------------------------------------------------------------ what happened → notices

    def for_new_case(self, case: Case, beside: Beside | None = None, earlier: Sequence[Earlier] = ()) -> list[Notice]:
        """Return the notices owed for a case just registered; *beside* is the earlier report that it may repeat, for the coordinator alone.

        Where the enterprise is owed more than a receipt (supplement, referral) and cannot be mailed, the coordinator is asked to tell it.
        *earlier* is what happened in the sister district that handed it over: the coordinator reads it, whatever the rules made of the case.
        """
        asks = bool(earlier) or case.state is CaseState.UNDER_REVIEW
        return [*(self._review(case, (), "", beside, earlier) if asks else ()), *self._begun(case)]

    def _begun(self, case: Case) -> list[Notice]:
        match case.state:
            case CaseState.ASSIGNED:
                return [*self._assign(case, "", {}), *self._receipt(case, "")]
            case CaseState.UNDER_REVIEW:
                return self._receipt(case, "")
            case CaseState.AWAITING_SUPPLEMENT:
                return self.for_supplement(case, case.decision.missing)
            case CaseState.REFUSED:
                return self.for_referral(case, "")
            case _:
                return []  # no case begins further on

    def for_assignment(self, case: Case, round_: str, *, order: str = "", owed: Sequence[Due] = ()) -> list[Notice]:
        """Return the notices owed once a person has accepted or re-assigned a case: the department's, and word to the enterprise.

        Where it is to be handled anew (重点督办单), *order* says why, to the department alone, and *owed* are the dates it sets.
        """
        told = {"order": line(order, _MAX_REASON).rstrip("。"), "dates": [due_view(due) for due in owed]}
        return [*self._assign(case, round_, told), *self._receipt(case, round_)]

    def for_accompanying(self, case: Case, departments: Sequence[str], round_: str) -> list[Notice]:
        """Return one notice to each of *departments* (ids), once a person has named them to accompany."""
        return [
            notice
            for id_ in departments
            for notice in self._to_department(
                case, id_, Purpose.ACCOMPANY, f"{round_}.{id_}", {"invited": department(id_, self._district).name}
            )
        ]

    def for_recall(self, old: Case, case: Case, round_: str) -> list[Notice]:
        """Return the word to the department that had *old* in hand that this is over: *case*, as it now is, says why.

        One that is asked to accompany instead hears that, and nothing else.
        """
        lead = old.department if held_by_department(old) else None
        if lead is None or (held_by_department(case) and lead in {case.department, *case.accompanying}):
            return []
        return self._to_department(case, lead, Purpose.RECALL, round_, {})

    def for_supplement(self, case: Case, missing: Sequence[str], round_: str = "") -> list[Notice]:
        """Return the request for what is *missing*: names under the pack's `supplements`, or a person's own words."""
        asked = asked_for(missing, self._district)
        notices = self.to_enterprise(case, Purpose.SUPPLEMENT, round_, {"missing": asked, "again": bool(round_)})
        words = f"需请企业补充：{'；'.join(line(one, _MAX_REASON) for one in asked)}"
        return notices or self._review(case, (words, _by_telephone(case)), round_ or Purpose.SUPPLEMENT.value)

    def for_referral(self, case: Case, reason: str, round_: str = "") -> list[Notice]:
        """Return the word to the enterprise that its matter is not accepted. *reason* is a person's, and the enterprise reads it."""
        said = line(reason, _MAX_REASON)
        more = {"reason": said, "advice": office(case.decision.advice, self._district)}
        # What the coordinator must tell by telephone has a round of its own: the review before it has none, and of two alike one is sent.
        told = f"（{said.rstrip('。')}）" if said else ""
        notices = self.to_enterprise(case, Purpose.REFERRAL, round_, more)
        return notices or self._review(case, (f"需告知企业不予受理{told}，{_by_telephone(case)}",), round_ or Purpose.REFERRAL.value)

    def for_follow_up(self, case: Case, petition: Petition, round_: str = "") -> list[Notice]:
        """Return the notice that hands on what came in later to *case*.

        It goes to the department that has the case; to the coordinator where none has it, or where a department wrote itself. *round_*
        tells several follow-ups apart; by default it is drawn from the message.
        """
        if petition.letter.automatic:
            return []
        author = self.recipients.author(petition)
        more: dict[str, object] = {"arrival": of_petition(petition), "author": author, "stranger": not author and _differs(petition, case)}
        turn = round_ or hashlib.sha256(f"{petition.letter.message_id}\n{petition.title}\n{petition.content}".encode()).hexdigest()[:16]
        lead = case.department if case.state in WITH_DEPARTMENT else None
        if lead is None or (author and author != self._district.coordinator):
            return self._to_coordinator(case, Purpose.FORWARD, turn, more)
        return self._to_department(case, lead, Purpose.FORWARD, turn, more)

    def for_progress(self, case: Case, event: str, reason: str, round_: str, *, owed: Sequence[Due] = ()) -> list[Notice]:
        """Return the word to the enterprise that *event* (a name of `store.life`) happened to its case.

        *reason* is a person's, and read by it; *owed* are the dates by which it will have an answer.
        """
        view = {"event": event, "reason": line(reason, _MAX_REASON), "dates": [due_view(due) for due in owed]}
        return self.to_enterprise(case, Purpose.PROGRESS, round_, view)

    def for_extension(self, case: Case, event: str, reason: str, round_: str, *, owed: Sequence[Due] = ()) -> list[Notice]:
        """Return the word to the department what became of its request for more time: *event* is "extend", or "" where it was not granted."""
        view = {"event": event, "reason": line(reason, _MAX_REASON), "dates": [due_view(due) for due in owed]}
        return self._to_department(case, case.department, Purpose.EXTENSION, round_, view) if case.department else []

    def for_oversight(self, case: Case, event: str, reason: str, round_: str, *, heard: str = "", owed: Sequence[Due] = ()) -> list[Notice]:
        """Return the copies of *event* (a name of `store.life`) to the offices that hear of it: *reason* in a person's words, the rating *heard* in a call-back."""
        view = {"event": event, "reason": line(reason, _MAX_REASON).rstrip("。"), "heard": heard, "dates": [due_view(due) for due in owed]}
        copies = [
            self._official(case, Purpose.COPY, to, round_, {**view, "addressee": to.name}, "") for to in self.recipients.copied(event)
        ]
        return [replace(one, attach_original=False) for one in copies]

    def for_help(self, case: Case, to: str, office_: str, outcome: Outcome, round_: str) -> list[Notice]:
        """Return the one short answer to a reply, where something in it was not understood or not done; *round_* is the day: one a day."""
        if not may_be_mailed(to):
            return []
        view = {"done": outcome.done, "not_done": outcome.not_done, "why": outcome.why}
        return [self._short(case, Purpose.HELP, to, office_, {**view, "may_unbook": outcome.may_unbook}, round_)]

    def for_confirmation(self, case: Case, to: str, office_: str, says: str, round_: str) -> list[Notice]:
        """Return the question to the registered address whether a reply in its name, which *says* this, is its own."""
        return [self._short(case, Purpose.CONFIRM, to, office_, {"says": line(says, _MAX_REASON)}, round_)]

    def _short(self, case: Case, purpose: Purpose, to: str, office_: str, more: Mapping[str, object], round_: str) -> Notice:
        replies = reply_lines(case, office_, self._district, may_unbook=bool(more.get("may_unbook")))
        written = self.wording.write(purpose, {**self._view_of(case), **more, "replies": replies})
        return Notice(
            purpose=purpose,
            to=Address(name="", address=to),
            subject=written.subject,
            text=written.text,
            html=written.html,
            attach_original=False,
            round=round_,
            office=office_,
            capped=True,
        )

    def for_decision(self, case: Case, why: str, round_: str, beside: Beside | None = None) -> list[Notice]:
        """Return the request to the coordinator to decide what stands in *why*, with the report *beside* it that this is about."""
        more = {"review": [line(why, _MAX_REASON).rstrip("。")], "beside": of_beside(beside, self._district)}
        return self._to_coordinator(case, Purpose.REVIEW, round_, more)

    def for_undelivered(self, case: Case, returned: Returned) -> list[Notice]:
        """Return the word to the coordinator that mail about *case* did not reach a department; of others' mail the review list tells.

        Once for a case and an address, however many mails come back.
        """
        role, id_ = acting(returned.office)
        own = self._addresses.coordinator
        if role is not Role.DEPARTMENT or own is None or same_address(own.address) == returned.recipient:
            return []
        what = f"发给{department(id_, self._district).name}（{returned.recipient}）的邮件没有送达：{returned.problem.rstrip('。')}"
        ask = "请电话告知该单位，并核对、更正部门邮箱；已经告知的，回复“同意”；需由别的部门办理的，回复“改派”和部门名称"
        mark = hashlib.sha256(returned.recipient.encode()).hexdigest()[:16]
        return self.for_decision(case, f"{what}；{ask}", f"undelivered.{mark}")

    def for_deadlines(self, about: Case | Subject, to: Address, occasion: Occasion, round_: str) -> Notice:
        """Return the mail to *to* about the deadlines of *occasion*; it is kept at *about*, the first of them."""
        names = of_case(about, self._district) if isinstance(about, Case) else of_subject(about.key, self._district)
        view = {**names, **view_of(occasion), "addressee": to.name or self._district.coordinator, "returns": self._addresses.returns}
        written = self.wording.write(Purpose.REMINDER, view)
        return Notice(
            purpose=Purpose.REMINDER,
            to=to,
            subject=written.subject,
            text=written.text,
            html=written.html,
            attach_original=False,
            round=round_,
            office=self.recipients.office_at(to.address, about.department),
        )

    def for_problem(self, dossier: Dossier, least: int, days: int) -> list[Notice]:
        """Return the mail about a common problem: to the coordinator while it is proposed, to the leading department once it is open.

        It is proposed where *least* enterprises have it within *days*. A department without an address has the coordinator hand it on.
        """
        problem = dossier.problem
        view = of_problem(dossier, self._district, least, days)
        address, addressee, stands_in, office_ = self._addresses.coordinator, self._district.coordinator, "", COORDINATOR
        if problem.state is ProblemState.OPEN:
            name = department(problem.lead, self._district).name
            own = self.recipients.department(problem.lead)
            address, addressee, stands_in = (own, name, "") if own else (address, addressee, name)
            office_ = office_of_department(problem.lead) if own else office_
        if address is None:
            return []
        written = self.wording.write(Purpose.PROBLEM, {**view, "addressee": addressee, "stands_in_for": stands_in})
        return [
            Notice(
                purpose=Purpose.PROBLEM,
                to=address,
                subject=written.subject,
                text=written.text,
                html=written.html,
                attach_original=False,
                round=problem.state.value,
                office=office_,
            )
        ]

    def problems(self, case: Case) -> tuple[str, ...]:
        """Return, in Chinese, which notices of *case* cannot reach the one they are for, as the address book and the petition stand now."""
        found = []
        if case.state is CaseState.ASSIGNED and case.department is not None and self.recipients.department(case.department) is None:
            name = department(case.department, self._district).name
            found.append(f"未登记{name}的邮箱，{self.recipients.instead('交办邮件')}")
        if case.state is CaseState.UNDER_REVIEW and self._addresses.coordinator is None:
            found.append(f"未登记{self._district.coordinator}的邮箱，复核提醒未发出，请直接在系统中复核")
        if self.recipients.enterprise(case.petition) is None:
            automatic = case.petition.letter.automatic
            found.append("来件是自动邮件，按规定不予回信" if automatic else "来件没有可用的邮箱，未向企业发信，请以电话等方式告知")
        return tuple(found)

    # ------------------------------------------------------------ one notice each

    def _assign(self, case: Case, round_: str, more: Mapping[str, object]) -> list[Notice]:
        if case.department is None:
            return self._review(case, (), round_)
        return self._to_department(case, case.department, Purpose.ASSIGN, round_, more)

    def _receipt(self, case: Case, round_: str) -> list[Notice]:
        return self.to_enterprise(case, Purpose.ACKNOWLEDGE, round_, {"again": bool(round_)})

    def _review(
        self, case: Case, more_reasons: Sequence[str], round_: str, beside: Beside | None = None, earlier: Sequence[Earlier] = ()
    ) -> list[Notice]:
        review = [reason.rstrip("。") for reason in (*more_reasons, *case.decision.review)]
        more = {"review": review, "beside": of_beside(beside, self._district), "earlier": earlier}
        return self._to_coordinator(case, Purpose.REVIEW, round_, more)

    # ------------------------------------------------------------ to whom

    def to_enterprise(self, case: Case, purpose: Purpose, round_: str, more: Mapping[str, object]) -> list[Notice]:
        """Write to the enterprise of *case*; nothing where it may not or cannot be mailed."""
        address = self.recipients.enterprise(case.petition)
        if address is None:
            return []
        written = self.wording.write(purpose, {**self._view_of(case), **more, "replies": reply_lines(case, ENTERPRISE, self._district)})
        return [
            Notice(
                purpose=purpose,
                to=Address(name="", address=address),
                subject=written.subject,
                text=written.text,
                html=written.html,
                attach_original=False,
                round=round_,
                reply_to_message=case.petition.letter.message_id,
                office=ENTERPRISE,
                # Caps are against loops and bombs; what a person caused (it has a round, or his reason) must arrive.
                capped=not (round_ or more.get("reason")),
            )
        ]

    def _to_department(self, case: Case, id_: str, purpose: Purpose, round_: str, more: Mapping[str, object]) -> list[Notice]:
        """Write to a department, or for want of its address to the coordinator with a line saying so."""
        address = self.recipients.department(id_)
        name = department(id_, self._district).name
        if address is None:
            return self._to_coordinator(case, purpose, round_, {**more, "stands_in_for": name})
        return [self._official(case, purpose, address, round_, {**more, "addressee": name}, office_of_department(id_))]

    def _to_coordinator(self, case: Case, purpose: Purpose, round_: str, more: Mapping[str, object]) -> list[Notice]:
        address = self._addresses.coordinator
        if address is None:
            return []
        return [self._official(case, purpose, address, round_, {**more, "addressee": self._district.coordinator}, COORDINATOR)]

    def _official(self, case: Case, purpose: Purpose, to: Address, round_: str, more: Mapping[str, object], office_: str) -> Notice:
        written = self.wording.write(purpose, {**self._view_of(case), **more, "replies": reply_lines(case, office_, self._district)})
        return Notice(
            purpose=purpose,
            to=to,
            subject=written.subject,
            text=written.text,
            html=written.html,
            attach_original=True,
            round=round_,
            office=office_,
        )

    def _view_of(self, case: Case) -> View:
        """Return what templates may say about *case*; made once for all its notices, which are written one after another."""
        viewed = self._viewed
        if viewed is None or viewed[0] is not case:
            self._viewed = viewed = (case, of_case(case, self._district))
        return viewed[1]


def _by_telephone(case: Case) -> str:
    """Return how an enterprise is told that cannot be mailed: whom to call, and under which number."""
    contact, phone = case.petition.contact, case.petition.phone
    if phone is None:
        return "来件没有可用的邮箱，也没有留电话，请设法告知企业"
    whom = f" {line(contact.value, _MAX_NAME)}" if contact else "企业"
    return f"来件没有可用的邮箱，请打电话 {line(phone.value, _MAX_NAME)} 告知{whom}，并把通话情况记入经过"


def _differs(petition: Petition, case: Case) -> bool:
    """Say whether a follow-up came from another address than the case did."""
    first, later = case.petition.letter.sender, petition.letter.sender
    return bool(first and later and first.address.lower() != later.address.lower())

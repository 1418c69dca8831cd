"""Who of a district hears of something, and under which address: departments and those above them, the coordinator, the enterprise. Writes nothing."""

from __future__ import annotations

import re

from notifier.address_book import Addresses, registered_in
from notifier.view import department
from store.model.district import District
from store.model.letter import Address
from store.model.petition import Petition
from store.model.reply_sender import COORDINATOR, office_of_department, same_address

RANKS = {"section_head": "科室负责人", "deputy": "分管领导", "head": "主要负责人"}
# RFC 5321 4.1.2, ASCII and unquoted: what every relay takes. Others are told by telephone.
_USABLE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_NOT_A_PERSON = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|owner-.{0,60}|.{0,60}-request)@.{1,255}", re.IGNORECASE)


def may_be_mailed(address: str) -> bool:
    """Say whether mail of ours may go to *address*, which a stranger gave: every relay takes it, and a person reads what comes there."""
    return bool(_USABLE.fullmatch(address)) and not _NOT_A_PERSON.fullmatch(address)


class Recipients:
    """The addressees of one district."""

    def __init__(self, district: District, addresses: Addresses) -> None:
        """Know *district*'s names and the *addresses* of the instance."""
        self._district, self._addresses = district, addresses
        self.registered = registered_in(addresses)

    @property
    def mailbox(self) -> str:
        """The address of ours to which enterprises write."""
        return self._addresses.sender.address

    @property
    def publishers(self) -> tuple[Address, ...]:
        """Who publishes the notices of sessions for their hosts."""
        return self._addresses.publishers

    @property
    def coordinator(self) -> Address | None:
        """The coordinator's address, None where it is not registered."""
        return self._addresses.coordinator

    @property
    def returns(self) -> str:
        """The address to which the offices mail what they owe, as `same_address` gives it; "" where there is none."""
        return same_address(self._addresses.returns)

    def concerned(self, department_id: str | None, owes: str, rank: str, *, copies: bool) -> list[tuple[Address, str]]:
        """Return who hears of a deadline that concerns the department with this id: addresses, each with the capacity in words ("" for whoever owes it).

        *owes* is "department", "coordinator" or "enterprise" (whose deadlines the coordinator watches); *rank* one of the ladder. Where a
        rank has no address of its own, the department's mailbox gets the mail with the request to put it before him.
        """
        coordinator = [(self._addresses.coordinator, "")] if self._addresses.coordinator else []
        oversight = [(address, "抄报") for address in self._addresses.oversight] if copies else []
        own = self.department(department_id) if owes == "department" and department_id else None
        if own is None or department_id is None:
            return [*coordinator, *oversight]
        if rank == "handler":
            return [(own, "")]
        if rank == "coordinator":
            return [(own, "督办"), *((address, "督办情况") for address, _ in coordinator), *oversight]
        superior = self._addresses.superiors.get(department_id, {}).get(rank)
        if superior is not None:  # the mail is addressed to his department, then to his rank
            superior = Address(name=superior.name or own.name, address=superior.address)
        return [(superior, RANKS[rank]) if superior else (own, f"请呈{RANKS[rank]}阅"), *oversight]

    def copied(self, event: str) -> tuple[Address, ...]:
        """Return the offices that hear of *event* (a name of `store.life`): those above of an important matter, else the oversight offices."""
        return self._addresses.leaders if event == "report_up" else self._addresses.oversight

    def office_at(self, address: str, department_id: str | None) -> str:
        """Return in what capacity *address* may answer mail about something of this department: not where it only gets a copy (抄报)."""
        one = same_address(address)
        if one in self.registered.coordinator:
            return COORDINATOR
        own = department_id is not None and one in self.registered.departments.get(department_id, ())
        return office_of_department(department_id) if own and department_id else ""

    def department(self, id_: str) -> Address | None:
        """Return a department's address under the directory's name for it; the coordinator may itself be a department."""
        name = self._name(id_)
        found = self._addresses.departments.get(id_)
        if found is None:
            return self._addresses.coordinator if name == self._district.coordinator else None
        return Address(name=found.name or name, address=found.address)

    def enterprise(self, petition: Petition) -> str | None:
        """Return the address to answer, Reply-To before From, None where we may not or cannot."""
        wanted = petition.letter.reply_to or petition.letter.sender
        if petition.letter.automatic or wanted is None or not may_be_mailed(wanted.address):
            return None
        return None if wanted.address.lower() == self._addresses.sender.address.lower() else wanted.address

    def author(self, petition: Petition) -> str:
        """Return the office that wrote a follow-up (by its address), "" where it was somebody else."""
        sender = petition.letter.sender.address.lower() if petition.letter.sender else ""
        coordinator = self._addresses.coordinator
        if coordinator and sender == coordinator.address.lower():
            return self._district.coordinator
        names = (self._name(id_) for id_, known in self._addresses.departments.items() if sender == known.address.lower())
        return next(names, "")

    def instead(self, what: str) -> str:
        """Say where a mail goes for which there is no address: to the coordinator, or nowhere."""
        coordinator = self._district.coordinator
        return f"{what}改送{coordinator}" if self._addresses.coordinator else f"也未登记{coordinator}的邮箱，{what}未发出"

    def _name(self, id_: str) -> str:
        return department(id_, self._district).name

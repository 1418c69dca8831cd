"""Who wrote a reply, as far as it can be proved: by a token that only the addressee of one mail of ours has seen, and by the address it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from store.life import Role
from store.model.letter import Authentication
from store.model.notice import Purpose

ENTERPRISE, COORDINATOR, _DEPARTMENT = "enterprise", "coordinator", "department:"


def office_of_department(id_: str) -> str:
    """Return how `Notice.office` names the department with this id."""
    return f"{_DEPARTMENT}{id_}"


def acting(office: str) -> tuple[Role | None, str]:
    """Return for whom the addressee of *office* acts, and the id of his department ("" for others); None where he may not act."""
    if office.startswith(_DEPARTMENT):
        return Role.DEPARTMENT, office.removeprefix(_DEPARTMENT)
    return {ENTERPRISE: Role.ENTERPRISE, COORDINATOR: Role.COORDINATOR}.get(office), ""


def same_address(address: str) -> str:
    """Return *address* as it is compared: nobody in practice gives two people addresses that differ in case only."""
    return address.strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The addresses of a district's address file, as `same_address` gives them: the coordinator's, and those of each department and its heads."""

    coordinator: frozenset[str] = frozenset()
    departments: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, role: Role | None, department: str) -> frozenset[str]:
        """Return the addresses from which one may act in this capacity; none for an enterprise, which is in no file."""
        if role is Role.DEPARTMENT:
            return self.departments.get(department, frozenset())
        return self.coordinator if role is Role.COORDINATOR else frozenset()


class Standing(StrEnum):
    """What token and sender say together."""

    FITS = "fits"  # the token is good, and its mail went to the sender or to another address of his department
    SENDER_DIFFERS = "sender_differs"  # the token is good, the sender is not whom it was given to
    EXPIRED = "expired"  # given to the sender, too long ago
    SUPERSEDED = "superseded"  # given to a department that has the case no more
    CONTRADICTS = "contradicts"  # tokens of several cases in one mail
    UNKNOWN = "unknown_token"  # looks like ours and is not
    NONE = "none"  # no token at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What a reply proves about its author. Who has the token and the right address may act for `role`, within what the case's state allows."""

    standing: Standing
    evidence: str  # Chinese, for the history and for people
    notice_id: int | None = None  # the mail of ours that is answered
    case_id: int | None = None
    case_number: str = ""
    recipient: str = ""  # to whom that mail went
    purpose: Purpose | None = None
    role: Role | None = None
    department: str = ""  # id, where `role` is the department's
    leads: bool = False  # whether it is the lead department of the case, not one that accompanies
    authentication: Authentication = field(default_factory=Authentication)
    repeats: int | None = None  # the arrival that said the same before in answer to the same mail

    @property
    def may_act(self) -> bool:
        """Whether what the letter says may be done at once; else it is kept at the case until somebody confirms it."""
        return self.standing is Standing.FITS and not self.authentication.is_refuted and self.repeats is None


NOBODY = Authority(standing=Standing.NONE, evidence="来信不带本系统邮件的回执码")

"""What the files of each district say: pack, addresses and calendar, loaded and checked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.config import AddressBook, DistrictSection, NamedAddress
from daemon.config_reader import load_addresses
from notifier.address_book import Addresses
from rules.calendar import Calendar
from rules.calendar_folder import load_for_district
from rules.rulebook import RuleBook, load_pack, pack_folder
from store.errors import ConfigError, Problem
from store.model.letter import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class DistrictFiles:
    """What one district's files say, loaded and checked."""

    section: DistrictSection
    rulebook: RuleBook
    addresses: Addresses
    calendar: Calendar


def load_districts(sections: Sequence[DistrictSection], calendars: Path | None = None) -> list[DistrictFiles]:
    """Load pack, addresses and calendar of every district; raises ConfigError with the problems of all of them.

    *calendars* is the folder of the instance's own days, where it has one.
    """
    loaded: list[DistrictFiles] = []
    problems: list[Problem] = []
    for section in sections:
        try:
            loaded.append(load_district(section, calendars))
        except ConfigError as error:
            problems.extend(error.problems)
    problems.extend(check_distinct(loaded))
    if problems:
        raise ConfigError(problems)
    return loaded


def check_distinct(loaded: Sequence[DistrictFiles]) -> list[Problem]:
    """Return a problem for each district that stands in the configuration more than once."""
    ids = [files.rulebook.district.id for files in loaded]
    return [
        Problem(place=loaded[index].section.pack, key="district.id", message=f"区 {id_} 出现了两次", remedy="每个区只写一节")
        for index, id_ in enumerate(ids)
        if id_ in ids[:index]
    ]


def load_district(section: DistrictSection, calendars: Path | None, rulebook: RuleBook | None = None) -> DistrictFiles:
    """Load pack, addresses and calendar of one district; *rulebook* where the pack is not that of the folder. Raises ConfigError."""
    problems: list[Problem] = []
    known, calendar = None, None
    try:
        rulebook = rulebook or load_pack(pack_folder(section.pack))
        known = set(rulebook.district.departments)
        calendar = load_for_district(calendars, rulebook.district.id, rulebook.settings.hours)
    except ConfigError as error:
        problems.extend(error.problems)
    try:
        book = load_addresses(section.addresses, known)
    except ConfigError as error:
        problems.extend(error.problems)
    if problems or rulebook is None or calendar is None:
        raise ConfigError(problems)
    return DistrictFiles(section=section, rulebook=rulebook, addresses=_addresses(book, section.returns or ""), calendar=calendar)


def _addresses(book: AddressBook, returns: str) -> Addresses:
    def address(named: NamedAddress) -> Address:
        return Address(name=named.name, address=named.address)

    return Addresses(
        sender=address(book.sender),
        coordinator=address(book.coordinator) if book.coordinator else None,
        departments={id_: Address(name="", address=mailbox) for id_, mailbox in book.departments.items()},
        superiors={
            id_: {rank: Address(name="", address=mailbox) for rank, mailbox in ranks.items()} for id_, ranks in book.superiors.items()
        },
        leaders=tuple(Address(name=name, address=mailbox) for name, mailbox in book.leaders.items()),
        oversight=tuple(Address(name=name, address=mailbox) for name, mailbox in book.oversight.items()),
        publishers=tuple(Address(name=name, address=mailbox) for name, mailbox in book.publishers.items()),
        returns=returns,
    )

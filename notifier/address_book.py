"""The addresses of a district: where its mail comes from, where the coordinator's and each department's goes, and who may act from which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from store.model.letter import Address
from store.model.reply_sender import Registered, same_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """A district's own addresses: the one it writes from, the coordinator's, the departments' by id."""

    sender: Address
    coordinator: Address | None = None
    departments: Mapping[str, Address] = field(default_factory=dict)
    superiors: Mapping[str, Mapping[str, Address]] = field(default_factory=dict)  # department → rank → address
    oversight: tuple[Address, ...] = ()  # 抄报
    leaders: tuple[Address, ...] = ()  # who hears of important matters at once (区委、区政府)
    publishers: tuple[Address, ...] = ()  # who puts a session's notice on web site and channels (发布)
    returns: str = ""  # where the offices mail plans, reports and logs to; "" where there is no address of its own for that


def registered_in(addresses: Addresses) -> Registered:
    """Return from which addresses the offices of a district may act: each department's, and those of its heads."""
    own = {id_: {same_address(one.address)} for id_, one in addresses.departments.items()}
    for id_, ranks in addresses.superiors.items():
        own.setdefault(id_, set()).update(same_address(one.address) for one in ranks.values())
    coordinator = {same_address(addresses.coordinator.address)} if addresses.coordinator else set()
    return Registered(coordinator=frozenset(coordinator), departments={id_: frozenset(found) for id_, found in own.items()})

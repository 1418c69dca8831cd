"""A whole drill: opens the house on the workplace, plays the script, and gathers what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from daemon.config import AddressBook
from daemon.config_reader import load_addresses
from daemon.drill.events import Deed
from daemon.drill.ledger import Ledger, ledger_of
from daemon.drill.papers import Paper, made
from daemon.drill.run import Drill, refusals
from daemon.drill.script import moment_of, read_script
from daemon.drill.simulated import SimulatedTime
from daemon.drill.workplace import Workplace
from daemon.rehearsal import Message
from daemon.wiring import open_house
from notifier.recipients import RANKS
from rules.calendar import Calendar
from store.drills import Drills
from store.errors import UsageError
from store.model.district import District

KEY = b"zuozhen drill"  # of the Message-IDs: no secret, since nothing is sent, and the same in every drill
_AFTERWARDS = timedelta(days=30)
Told = Callable[[date, int, int], None]  # the simulated day, items done, items in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a drill. `names` says who an address is; `numbers` what case a mail of the script became; `refused` what could not happen."""

    first: date
    last: date
    zone: ZoneInfo
    district: District
    calendar: Calendar
    items: Sequence[Message | Deed]
    skipped: int
    refused: Sequence[tuple[Message | Deed, str]]
    numbers: Mapping[str, str]
    names: Mapping[str, str]
    ledger: Ledger
    papers: Mapping[str, bytes]


async def play(
    place: Workplace,
    cases: Path,
    first: date | None = None,
    last: date | None = None,
    told: Told = lambda _day, _done, _all: None,
    papers: Sequence[Paper] = (),
) -> Outcome:
    """Play the drill in *cases* from the *first* day through the *last* at *place*, or go on with it.

    By default that is from the first thing that happens until 30 days behind the last. *papers* are the documents to be made at the end.
    Raises ConfigError for mistakes in the files, UsageError where nothing happens in these days, and what `Drill.run` raises.
    """
    zone = ZoneInfo(place.district.timezone)
    script = read_script(cases, str(zone))
    first = first or moment_of(script.items[0]).astimezone(zone).date()
    last = last or moment_of(script.items[-1]).astimezone(zone).date() + _AFTERWARDS
    if last < first:
        raise UsageError(f"演练的止日 {last} 早于起日 {first}，请改 --from、--until")
    start, end = datetime.combine(first, time(), zone), datetime.combine(last, time(), zone) + timedelta(days=1, microseconds=-1)
    now = SimulatedTime(start)
    async with open_house(place.config, now=now, key=KEY) as house:
        drill = Drill(house, script, now, start=start, end=end)
        if not drill.items:
            day = moment_of(script.items[0]).date()
            raise UsageError(f"演练目录里的事都不在 {first} 至 {last} 之间（最早的在 {day}）；请改 --from、--until")
        total = len(drill.items)
        progress = await drill.run(lambda moment, done: told(moment.astimezone(zone).date(), done, total))
        (room,) = house.rooms.values()
        drills = Drills(house.stores.database)
        mails = [item.source for item in drill.items if isinstance(item, Message)]
        return Outcome(
            first=first,
            last=last,
            zone=zone,
            district=room.rulebook.district,
            calendar=room.calendar,
            items=drill.items,
            skipped=drill.skipped,
            refused=refusals(drill, progress),
            numbers={name: await drills.case_of(name) for name in mails},
            names=_names(load_addresses(place.config.district[0].addresses, None), room.rulebook.district),
            ledger=await ledger_of(house, end),
            papers=await made(house, papers),
        )


def _names(book: AddressBook, district: District) -> dict[str, str]:
    """Return who each of our addresses is, by the address without its case."""
    known = {id_: department.name for id_, department in district.departments.items()}
    names = {address: f"{office}（抄报）" for office, address in book.oversight.items()}
    names |= {address: f"{office}（发布）" for office, address in book.publishers.items()}
    names |= {address: f"{office}（重要情况）" for office, address in book.leaders.items()}
    for id_, ranks in book.superiors.items():
        names |= {address: f"{known.get(id_, id_)}{RANKS[rank]}" for rank, address in ranks.items()}
    names |= {address: known.get(id_, id_) for id_, address in book.departments.items()}
    if book.coordinator:
        names[book.coordinator.address] = book.coordinator.name or district.coordinator
    return {address.casefold(): name for address, name in names.items()}

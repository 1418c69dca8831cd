"""Puts reports into groups of the same problem in the background, one by one, and asks the coordinator where many enterprises have one.

What waits stands in the database (`store.problems`); the words that are rare in a district are counted in memory, from its newest reports at
the start and from each report since. A restart or a second service may count a little otherwise: it costs sharpness, never a report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from daemon.waiting import first_of
from store.enterprise_names import core
from store.errors import TemporaryError
from store.model.notice import Notice
from store.model.petition import Petition
from store.model.problem import Dossier, Group, Placed
from store.particulars import code_key, phone_keys
from store.problem_placing import Reported, Threshold, Waiting

if TYPE_CHECKING:
    from daemon.pipeline import DistrictRoom
    from rules.problems import Vocabulary
    from store.problems import Problems

log = structlog.get_logger()

_BATCH = 20
_POLL_S = 30.0


class Grouping:
    """Groups the reports of all districts."""

    def __init__(self, *, rooms: Mapping[str, DistrictRoom], problems: Problems, now: Callable[[], datetime]) -> None:
        """Keep the parts; nothing runs before `run`."""
        self._rooms, self._problems, self._now = rooms, problems, now
        self._vocabularies: dict[str, Vocabulary] = {}
        self._left: set[int] = set()  # arrivals that could not be placed: they wait for another start, the others go on
        self._woken = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def wake(self) -> None:
        """Say that something was decided."""
        self._woken.set()

    def on_written(self, listener: Callable[[], None]) -> None:
        """Tell *listener* when a mail was queued."""
        self._listeners.append(listener)

    async def run(self, stop: asyncio.Event) -> None:
        """Group what waits until *stop* is set; raises StoreUnavailableError where the database is away."""
        while not stop.is_set():
            self._woken.clear()
            for district in list(self._rooms):
                await self._each(district, self._place_or_leave, stop)
            await first_of(self._woken, stop, timeout_s=_POLL_S)

    async def catch_up(self, district: str) -> int:
        """Group all that waits in *district*, and return how many reports that were; lets bugs through. Safe to repeat after a crash at any line."""
        return await self._each(district, self._place)

    async def _each(self, district: str, place: Callable[[str, Waiting], Awaitable[None]], stop: asyncio.Event | None = None) -> int:
        count = 0
        while (waiting := await self._waiting(district)) and not (stop and stop.is_set()):
            for one in waiting:
                await place(district, one)
            count += sum(one.arrival_id not in self._left for one in waiting)
        if count:
            log.info("problems.grouped", district=district, count=count)
        return count

    async def _waiting(self, district: str) -> list[Waiting]:
        found = await self._problems.waiting(district, _BATCH + len(self._left))
        return [one for one in found if one.arrival_id not in self._left]

    async def _place_or_leave(self, district: str, waiting: Waiting) -> None:
        """Place a report; one that cannot be, for a bug, must not keep the others waiting, nor end the service again and again."""
        try:
            await self._place(district, waiting)
        except TemporaryError:
            raise
        except Exception:
            log.exception("problem.not_grouped", district=district, arrival_id=waiting.arrival_id)
            self._left.add(waiting.arrival_id)

    async def _place(self, district: str, waiting: Waiting) -> None:
        room = self._rooms[district]
        vocabulary = await self._vocabulary(district)
        reported, words = await asyncio.to_thread(_reported, waiting, room, vocabulary)
        setting = room.rulebook.settings.problems
        threshold = Threshold(enterprises=setting.enterprises, days=setting.days)

        def tell(dossier: Dossier) -> Sequence[Notice]:
            return room.composer.for_problem(dossier, setting.enterprises, setting.days)

        proposed = await self._problems.place(district, reported, threshold, tell, self._now())
        vocabulary.learn(words)
        if proposed is not None:
            log.info("problem.proposed", district=district, problem=proposed.key, size=proposed.size, enterprises=proposed.enterprises)
            for listener in self._listeners:
                listener()

    async def _vocabulary(self, district: str) -> Vocabulary:
        """Return which words are rare in *district*, counted from its newest reports the first time."""
        if district not in self._vocabularies:
            from rules.problems import Vocabulary, words_in  # noqa: PLC0415 - the words of the language are loaded with the first report

            vocabulary = Vocabulary()
            for title, content in await self._problems.newest(district):
                vocabulary.learn(await asyncio.to_thread(words_in, f"{title}\n{content}"))
            self._vocabularies[district] = vocabulary
        return self._vocabularies[district]


def _reported(waiting: Waiting, room: DistrictRoom, vocabulary: Vocabulary) -> tuple[Reported, frozenset[str]]:
    """Return *waiting* ready to be placed, and its words."""
    from rules.problems import choose, joined, keys, read  # noqa: PLC0415 - as above

    report = read(waiting.petition, waiting.decision, room.rulebook)

    def fitting(groups: Sequence[Group]) -> int | None:
        return choose(report, groups, vocabulary)

    def joining(group: Group | None) -> Placed:
        return joined(report, group, vocabulary)

    enterprise = who(waiting.petition)
    return Reported(waiting=waiting, enterprise=enterprise, keys=keys(report, vocabulary), choose=fitting, join=joining), report.words


def who(petition: Petition) -> str:
    """Return what tells one enterprise from another: its code, the core of its name, else a telephone or an address; "" where nothing does.

    A name that only sounds alike is another enterprise's: 鸿泽 is not 泓泽.
    """
    name = core(petition.name.value) if petition.name else ""
    phones = sorted(phone_keys(petition.phone.value)) if petition.phone else []
    sender = petition.letter.sender.address.casefold() if petition.letter.sender else ""
    code = code_key(petition.uscc.value) if petition.uscc else ""
    return name or code or next(iter(phones), "") or sender

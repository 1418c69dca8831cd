"""The drill itself: time jumps to the next moment at which a mail comes, somebody acts or the clock must; what is owed then goes out.

How far it has come is in its database, written before each step; a step that was cut short is done again, and everything in it can be
(`store`: unique keys, one transaction a step). So a killed drill goes on where it was, and ends with the same mails.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from daemon.drill.acting import Stage
from daemon.drill.events import Deed
from daemon.drill.script import Script, moment_of
from daemon.drill.simulated import SimulatedTime
from daemon.rehearsal import Message
from daemon.wiring import House
from store.errors import TemporaryError, UsageError
from store.model.notice import NoticeState

_PROGRESS = "drill"
_MOST_QUEUED = 100_000
Told = Callable[[datetime, int], None]  # the simulated moment, and how many items of the script are behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a drill has come: the moment, the items behind it, and why some of them could not happen (index → Chinese)."""

    drill: str
    moment: datetime
    position: int = 0
    refused: Mapping[int, str] = field(default_factory=dict)
    finished: bool = False


class Drill:
    """One drill in one house, from *start* to *end*."""

    def __init__(self, house: House, script: Script, time: SimulatedTime, *, start: datetime, end: datetime) -> None:
        """Play *script* in *house*, which goes by *time*."""
        ((self._district, room),) = house.rooms.items()
        self._house, self._time, self._end = house, time, end
        self.items = [item for item in script.items if start <= moment_of(item) <= end]
        self.skipped = len(script.items) - len(self.items)
        self._stage = Stage(house)
        words = f"{script.digest} {room.rulebook.digest} {start.isoformat()} {end.isoformat()}"
        self._first = Progress(drill=hashlib.sha256(words.encode()).hexdigest(), moment=start)

    async def run(self, told: Told = lambda _moment, _position: None) -> Progress:
        """Play to the end, from where an earlier process was killed, and return how it ended.

        Raises UsageError where the database holds another drill, TemporaryError where a mail cannot be written or read for the machine's
        sake; run again, it goes on.
        """
        progress = await self._resumed()
        await self._tick()  # as a service does when it starts; what was cut short is done at its own moment
        while not progress.finished:
            await self._send()
            progress = await self._step(progress)
            told(progress.moment, progress.position)
        return progress

    async def _step(self, progress: Progress) -> Progress:
        """Do the next thing that is due, and return how far the drill has then come."""
        by_clock, by_session = await self._house.clock.next_moment(), await self._house.sessions.next_moment()
        due = min((moment for moment in (by_clock, by_session) if moment is not None), default=None)
        item = self.items[progress.position] if progress.position < len(self.items) else None
        if due is not None and due <= (moment_of(item) if item else self._end):
            progress = await self._saved(replace(progress, moment=due))
            if not await self._tick() and await self._house.clock.next_moment() == due:
                raise RuntimeError(f"the clock announced something for {due} and did nothing")
            return progress
        if item is None:
            return await self._saved(replace(progress, moment=self._end, finished=True))
        progress = await self._saved(replace(progress, moment=max(moment_of(item), progress.moment)))
        problem = await self._play(item)
        await self._house.grouping.catch_up(self._district)
        await self._house.sessions.tick()  # whoever came by this gets a number at once, as within half a minute
        refused = {**progress.refused, progress.position: problem} if problem else progress.refused
        return await self._saved(replace(progress, position=progress.position + 1, refused=refused))

    async def _tick(self) -> int:
        """Let the clock do what is due, then the sessions: the clock announces those that the pack plans."""
        return await self._house.clock.tick() + await self._house.sessions.tick()

    async def _play(self, item: Message | Deed) -> str:
        """Let *item* happen and return "", or why it cannot: a drill shows what would go wrong, it does not stop there."""
        try:
            await self._stage.play(item)
        except UsageError as error:
            return str(error)
        return ""

    async def _send(self) -> None:
        """Send all that waits. Raises TemporaryError where something cannot be sent: later by our time would be another mail."""
        while await self._house.sender.send_due():
            pass
        left = await self._house.stores.outbox.list(state=NoticeState.QUEUED, limit=1)
        if left:
            raise TemporaryError(f"演练的邮件写不出去：{left[0].problem}。排除故障后用同一命令再执行，从断点继续")

    async def _resumed(self) -> Progress:
        """Return how far an earlier process came, time put there; what it could not send is due again."""
        kept = await self._house.stores.instance.get(_PROGRESS)
        progress = _read(kept) if kept else await self._saved(self._first)
        if progress.drill != self._first.drill:
            raise UsageError("这个工作目录里是另一次演练（来件、规则包或起止日期不同）；请换一个 --work 目录")
        self._time.go_to(progress.moment)
        for queued in await self._house.stores.outbox.list(state=NoticeState.QUEUED, limit=_MOST_QUEUED):
            await self._house.stores.outbox.retry(queued.id, self._time())
        return progress

    async def _saved(self, progress: Progress) -> Progress:
        await self._house.stores.instance.put(_PROGRESS, _written(progress))
        self._time.go_to(progress.moment)
        return progress


def _written(progress: Progress) -> str:
    values = {name: getattr(progress, name) for name in Progress.__dataclass_fields__}
    return json.dumps({**values, "moment": progress.moment.isoformat()}, ensure_ascii=False)


def _read(text: str) -> Progress:
    values = json.loads(text)
    refused = {int(index): problem for index, problem in values["refused"].items()}
    return Progress(**{**values, "moment": datetime.fromisoformat(values["moment"]), "refused": refused})


def refusals(drill: Drill, progress: Progress) -> Sequence[tuple[Message | Deed, str]]:
    """Return what could not happen, and why."""
    return [(drill.items[index], problem) for index, problem in sorted(progress.refused.items())]

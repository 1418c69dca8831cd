"""Opens a house at a set moment, lets its clock tick once and dies (SIGKILL) before or after the commit of what the tick did.

Run as `python -m tests.integration.dying_clock URL MOMENT before|after`. A tick that does nothing ends with 3, so that a death is never taken for
granted.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NoReturn

from daemon import clock
from daemon.clock import Clock
from daemon.review import Office
from store.deadlines import Deadlines
from store.model.case import Case
from store.owing import Deadline, Fired, Letter, Subject
from tests.integration.houses import bench


def die() -> NoReturn:
    """End as a power failure would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process outlived SIGKILL")


_act = clock._act


def act_and_die(
    room: Office, now: datetime, lacking: Mapping[int, Sequence[str]], due: Sequence[tuple[Deadline, Case | Subject]]
) -> tuple[list[Fired], list[Letter]]:
    """Decide what to do, and die before it is committed."""
    if _act(room, now, lacking, due)[0]:
        die()
    return [], []


class Committed(Deadlines):
    """Deadlines that are the last thing this process does."""

    async def fire(self, *args: object, **named: object) -> int:
        """Die as soon as something is committed."""
        if await super().fire(*args, **named):  # type: ignore[arg-type]  # handed on as they came
            die()
        return 0


async def tick(url: str, moment: datetime, when: str) -> None:
    """Tick once, and die."""
    async with bench(url) as opened:
        opened.clock.now = moment
        stores = opened.house.stores
        deadlines = stores.deadlines
        if when == "before":
            clock._act = act_and_die
        else:
            deadlines = Committed(stores.database, stores.outbox)
        await Clock(rooms=opened.house.rooms, deadlines=deadlines, subjects=stores.subjects, now=opened.clock).tick()


if __name__ == "__main__":
    asyncio.run(tick(sys.argv[1], datetime.fromisoformat(sys.argv[2]), sys.argv[3]))
    sys.exit(3)

"""When a part of the service last made progress: `/healthz` and the watchdog of systemd rest on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LIMIT_S = 90.0  # longer than any pause the parts take by themselves: 30 s after a failure, 10 s for a locked database
_EVERY_S = 1.0


class Pulse:
    """The last sign of life of one part. It begins with a beat: what has just started has had no time to get stuck."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Go by *clock*, seconds that never jump."""
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Say that the part got on."""
        self._last = self._clock()

    @property
    def age_s(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._last

    @property
    def is_fresh(self) -> bool:
        """Whether the part may still be taken for alive."""
        return self.age_s <= LIMIT_S


class LoopPulse(Pulse):
    """The pulse of the event loop, and by how much it is late: a loop that something blocks answers nobody."""

    lag_s = 0.0

    async def run(self) -> None:
        """Beat each second until cancelled."""
        while True:
            due = self._clock() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.lag_s = max(0.0, self._clock() - due)
            self.beat()

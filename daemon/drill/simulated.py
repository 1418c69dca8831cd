"""Time in a drill: stands still while something is done, then jumps to the next moment at which something is due."""

from __future__ import annotations

from datetime import UTC, datetime


class SimulatedTime:
    """The moment as the drill has it; passed to the house in place of `utc_now`."""

    def __init__(self, start: datetime) -> None:
        """Begin at *start*."""
        self._now = start.astimezone(UTC)

    def __call__(self) -> datetime:
        """Return the moment, in UTC."""
        return self._now

    def go_to(self, moment: datetime) -> None:
        """Jump to *moment*. Raises ValueError where that would be back."""
        if moment < self._now:
            raise ValueError(f"time went back from {self._now} to {moment}")
        self._now = moment.astimezone(UTC)

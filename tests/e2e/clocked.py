"""Runs the zuozhen command at the time of day that a file beside its configuration tells: what comes over months then comes in a minute.

The clock runs on from the moment in the file, and jumps when the test writes another one (`turn`).
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from daemon import wiring
from daemon.cli import main

_NAME = "clock"


def turn(config: Path, moment: datetime) -> None:
    """Let it be *moment* for every process of the instance."""
    unfinished = config.with_name(f"{_NAME}.part")
    unfinished.write_text(moment.isoformat(), encoding="utf-8")
    unfinished.replace(config.with_name(_NAME))


class _Clocked(datetime):
    """Asks the file instead of the machine."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain moment, which is what `utc_now` promises
        """Return the moment."""
        file = Path(sys.argv[sys.argv.index("--config") + 1]).with_name(_NAME)
        since = max(0.0, time.time() - file.stat().st_mtime)
        return (datetime.fromisoformat(file.read_text(encoding="utf-8")) + timedelta(seconds=since)).astimezone(tz or UTC)


if __name__ == "__main__":
    wiring.datetime = _Clocked  # type: ignore[attr-defined]  # the one place that asks for the time
    main()

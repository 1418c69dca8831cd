"""Runs the zuozhen command with pauses of half a second between the tries of a notice, for tests of what follows a failed one."""

from __future__ import annotations

from datetime import timedelta

from daemon.cli import main
from notifier import backoff

backoff.PAUSES = tuple(timedelta(seconds=0.5) for _ in backoff.PAUSES)

if __name__ == "__main__":
    main()

"""What the machine does meanwhile: CPU time of a tree of processes, and how busy the cores are with other work. Reads /proc, so Linux only."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)  # fields of /proc/PID/stat behind the name (proc(5)): ppid; utime, stime, cutime, cstime
_IDLE = slice(3, 5)  # of the first line of /proc/stat: idle, iowait


def cpu_seconds(root: int) -> float:
    """Return the CPU time used so far by the process *root*, its descendants, and those of them that have ended."""
    fields = dict(_processes())
    tree, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        tree.add(pid)
        waiting += [other for other, stat in fields.items() if int(stat[_PARENT]) == pid and other not in tree]
    return sum(int(ticks) for pid in tree if pid in fields for ticks in fields[pid][_TIMES]) / _TICKS_A_SECOND


def busy(seconds: float = 1.0) -> float:
    """Return the share of all cores (0 to 1) that is in use, watched for *seconds*."""
    idle, whole = _cores()
    time.sleep(seconds)
    idle_later, whole_later = _cores()
    return 1 - (idle_later - idle) / max(1, whole_later - whole)


def _processes() -> Iterator[tuple[int, list[str]]]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            yield int(folder.name), text.rpartition(")")[2].split()


def _cores() -> tuple[int, int]:
    ticks = [int(text) for text in (_PROC / "stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]]
    return sum(ticks[_IDLE]), sum(ticks[:8])  # guest time is part of user time

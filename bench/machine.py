"""What the machine does meanwhile: CPU time of a tree of processes, and how much of the cores other work takes. Reads /proc, so Linux only."""

from __future__ import annotations

import os
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


def resident(pid: int) -> int:
    """Return the bytes of memory that the process *pid* holds just now."""
    pages = int((_PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Watch:
    """How much of all cores other work than ours takes, from now on. Ours is this process with all that it starts and waits for."""

    def __init__(self) -> None:
        """Begin to watch."""
        self._idle, self._whole = _cores()
        self._ours = cpu_seconds(os.getpid())

    def others(self) -> float:
        """Return the share (0 to 1) since the beginning."""
        idle, whole = _cores()
        ours = (cpu_seconds(os.getpid()) - self._ours) * _TICKS_A_SECOND
        return max(0.0, (whole - self._whole - (idle - self._idle) - ours) / max(1, whole - self._whole))


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

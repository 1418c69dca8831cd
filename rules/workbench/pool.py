"""Works through many petitions at once in child processes that have loaded the packs: the only module here that starts processes.

Items go in and results come out in order, a bounded number of them on the way, so that a history of any length costs no more memory than
a short one.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeAlias, TypeVar

from rules.calendar import Calendar
from rules.calendar_folder import load_calendar
from rules.rulebook import RuleBook, load_files

Item = TypeVar("Item")
Result = TypeVar("Result")

Files: TypeAlias = tuple[str, Mapping[str, bytes]]  # the label of a pack, and its files by name
_AHEAD = 3  # chunks on the way for each process: enough to keep it busy
_FEW = 200  # items that one process has done before a second one has started


class Kit:
    """What a child works with: the packs it was started for, and the calendar."""

    def __init__(self, packs: Sequence[Files]) -> None:
        """Load *packs*, which loaded in the parent."""
        self.books: list[RuleBook] = [load_files(label, files) for label, files in packs]
        self.calendar: Calendar = load_calendar()
        self.held: dict[str, object] = {}  # what a work function wants to keep from one chunk to the next


Work: TypeAlias = Callable[[Kit, list[Item]], Result]

_kit: list[Kit] = []  # of this child


def run(packs: Sequence[Files], work: Work[Item, Result], chunks: Iterable[list[Item]], *, processes: int = 0) -> Iterator[Result]:
    """Yield what *work*, a function of a module, makes of each chunk, in order. *processes*: how many, 0 for one a core."""
    count = processes or os.cpu_count() or 1
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_start, initargs=(list(packs),)) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_call, work, chunk))
                if len(waiting) >= count * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def run_here(packs: Sequence[Files], work: Work[Item, Result], chunks: Iterable[list[Item]]) -> Iterator[Result]:
    """Do the same in this process: for so few items that starting another would take longer."""
    kit = Kit(packs)
    return (work(kit, chunk) for chunk in chunks)


def run_all(packs: Sequence[Files], work: Work[Item, Result], items: Sequence[Item], *, size: int = 50) -> Iterator[Result]:
    """Do *items*, all of which are at hand, in chunks of *size*, here or in child processes, whichever is done sooner."""
    pieces = (list(items[at : at + size]) for at in range(0, len(items), size))
    return run_here(packs, work, pieces) if len(items) <= _FEW else run(packs, work, pieces)


def _start(packs: Sequence[Files]) -> None:
    _kit[:] = [Kit(packs)]


def _call(work: Work[Item, Result], chunk: list[Item]) -> Result:
    return work(_kit[0], chunk)

"""A folder into which others put files: which of them are finished, in which order they are taken, and where they go afterwards.

A file is finished once its size and time have stood still between two looks; whoever renames a finished file into the folder is served
at the second look. What cannot be opened yet (no permission, gone meanwhile, still being written) stays and is tried again. A file is moved
only after its receiver has it for good, so that a crash repeats it and never loses it: the receiver knows it again by `Dropped.key`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from store.trouble import reason

After = Literal["move", "leave"]

TAKEN, REFUSED = "taken", "refused"
REASON, REPORT = ".reason.txt", ".report.txt"
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".swp")  # what programs call a file they still write
_NOTES = (REASON, REPORT)
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # no link out of the folder, no pipe that never ends


@dataclass(frozen=True, slots=True, order=True)
class _Seen:
    """How a file looked: the order of these is the order of taking."""

    mtime_ns: int
    name: str
    size: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """One finished file with its bytes. `key` is the same whenever this very file is read again, and another for a later file with the same bytes.

    `problem` (Chinese) is set, and `raw` empty, where it is larger than may be.
    """

    name: str
    raw: bytes
    key: str
    problem: str = ""
    seen: _Seen = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """One file that cannot be taken now, and why in Chinese; it stays where it is."""

    name: str
    problem: str


class DropFolder:
    """One folder. Its methods block and are called by one thread at a time."""

    def __init__(self, folder: Path, *, after: After, max_size: int, settle: timedelta = timedelta(seconds=2)) -> None:
        """Look into *folder*, for files of at most *max_size* bytes that have stood still for *settle* by the caller's clock."""
        self.folder, self._after, self._max_size, self._settle = folder, after, max_size, settle
        self._first: dict[_Seen, float] = {}  # since when each file looks as it does
        self._done: set[_Seen] = set()  # taken and left where they are
        self._told: dict[str, str] = {}  # what was said of files that are stuck

    def finished(self, now_s: float) -> list[str]:
        """Return the names of the files that may be taken at *now_s* (seconds of a clock that never goes back), in order: the oldest first.

        Raises OSError where the folder cannot be read.
        """
        present = sorted(self._scan())
        self._first = {seen: self._first.get(seen, now_s) for seen in present}
        self._done &= set(present)
        names = {seen.name for seen in present}
        self._told = {name: problem for name, problem in self._told.items() if name in names}
        still = self._settle.total_seconds()
        return [seen.name for seen in present if seen not in self._done and now_s - self._first[seen] >= still]

    def read(self, name: str) -> Dropped | Stuck | None:
        """Return the file *name* with its bytes; None where it is gone, or changes while it is read: it comes again."""
        try:
            return self._read(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Stuck(name=name, problem=f"打不开：{reason(error)}；请检查运行用户能否读取")

    def is_news(self, stuck: Stuck) -> bool:
        """Say whether this was not said yet of this file, so that a log tells it once and not at every look."""
        is_news = self._told.get(stuck.name) != stuck.problem
        self._told[stuck.name] = stuck.problem
        return is_news

    def taken(self, dropped: Dropped, report: str = "") -> Stuck | None:
        """Put a file away that its receiver has for good, with *report* beside it where there is something to tell.

        Returns why that was not possible; the file is then not offered again while this process runs.
        """
        return self._put(dropped, TAKEN, REPORT, report)

    def refused(self, dropped: Dropped, why: str) -> Stuck | None:
        """Put a file away that cannot be used, with the reason beside it. Returns as `taken`."""
        return self._put(dropped, REFUSED, REASON, why)

    def _scan(self) -> Iterator[_Seen]:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if _is_offered(entry.name):
                    with contextlib.suppress(OSError):  # gone, or being renamed, in this moment
                        found = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):
                            yield _seen(entry.name, found)

    def _read(self, name: str) -> Dropped | Stuck | None:
        descriptor = os.open(self.folder / name, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return None
            if before.st_size > self._max_size:
                problem = f"有 {before.st_size:,} 字节，超过 {self._max_size >> 20} 兆；请分成几个文件，或调大配置里的 max_size_mb"
                return Dropped(name=name, raw=b"", key="", problem=problem, seen=_seen(name, before))
            raw = file.read(self._max_size + 1)
            after = os.fstat(descriptor)
        if len(raw) != before.st_size or _seen(name, before) != _seen(name, after):
            return None
        seen = _seen(name, before)
        return Dropped(name=name, raw=raw, key=_key(seen, raw), seen=seen)

    def _put(self, dropped: Dropped, kind: str, ending: str, words: str) -> Stuck | None:
        self._done.add(dropped.seen)
        try:
            target = self.folder / kind if self._after == "move" or kind == REFUSED else self.folder
            if words:
                target.mkdir(exist_ok=True)
            if target == self.folder:
                _write(target / f"{dropped.name}{ending}", words)
                return None
            target.mkdir(exist_ok=True)
            free = _free(target, dropped.name)
            _write(free.with_name(free.name + ending), words)
            self._move(dropped, free)
        except OSError as error:
            return Stuck(name=dropped.name, problem=f"已处理，但移不走：{reason(error)}；请检查目录的权限，并自行移走")
        return None

    def _move(self, dropped: Dropped, target: Path) -> None:
        """Move the file, unless another one has meanwhile come under its name: that one has still to be taken."""
        source = self.folder / dropped.name
        with contextlib.suppress(FileNotFoundError):  # somebody else, or another service, took it away
            if _seen(dropped.name, source.stat(follow_symlinks=False)) == dropped.seen:
                source.rename(target)
            else:
                target.write_bytes(dropped.raw)


def _is_offered(name: str) -> bool:
    lowered = name.lower()
    return not (name.startswith((".", "~")) or name.endswith("~") or lowered.endswith((*_UNFINISHED, *_NOTES)))


def _seen(name: str, found: os.stat_result) -> _Seen:
    return _Seen(found.st_mtime_ns, name, found.st_size, found.st_ino)


def _key(seen: _Seen, raw: bytes) -> str:
    """Return what makes this file itself: its time belongs to it, for a list that returns to an earlier state is news."""
    name = os.fsencode(seen.name)
    return hashlib.sha256(b"%d:%s:%d:%s" % (len(name), name, seen.mtime_ns, hashlib.sha256(raw).digest())).hexdigest()


def _free(folder: Path, name: str) -> Path:
    """Return *name* in *folder*, with a number where that is taken: 工单.csv, 工单.2.csv."""
    first, dot, last = name.rpartition(".")
    stem, ending = (first, dot + last) if first else (name, "")
    target, count = folder / name, 1
    while target.exists():
        count += 1
        target = folder / f"{stem}.{count}{ending}"
    return target


def _write(path: Path, words: str) -> None:
    """Write a note whole or not at all; nothing where there is nothing to say."""
    if not words:
        return
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(words.rstrip() + "\n", encoding="utf-8")
    unfinished.replace(path)

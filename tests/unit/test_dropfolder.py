"""A drop folder: nothing half-written is taken, nothing is taken twice, nothing is lost, and the order stays."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from channels.dropfolder import DropFolder, Dropped, Stuck
from channels.folder_watch import FolderWatch
from store.errors import MalformedMessageError, StoreUnavailableError
from tests.servers.ground import give, ordinary_user, own_folder

LIMIT = 1 << 20


class Receiver:
    """Takes files and remembers them; `error` is raised in their place where it is set."""

    def __init__(self) -> None:
        """Have nothing yet."""
        self.taken: list[tuple[str, bytes]] = []
        self.keys: list[str] = []
        self.error: Exception | None = None
        self.report = ""

    async def __call__(self, dropped: Dropped) -> str:
        """Take one."""
        if self.error is not None:
            raise self.error
        self.taken.append((dropped.name, dropped.raw))
        self.keys.append(dropped.key)
        return self.report


class Bench:
    """A folder, who watches it, and a clock that the test turns."""

    def __init__(self, folder: Path, *, after: str = "move") -> None:
        """Watch *folder*."""
        self.folder, self.receiver, self.now = folder, Receiver(), 0.0
        self.drop = DropFolder(folder, after=after, max_size=LIMIT)  # type: ignore[arg-type]  # one of two words
        self.watch = FolderWatch("test", self.drop, self.receiver, clock=lambda: self.now)

    def put(self, name: str, text: str = "x", *, mtime: float = 1000.0) -> Path:
        """Write a finished file."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, (mtime, mtime))
        return path

    async def look(self) -> list[str]:
        """Look, let the settling time pass, and look again; return the names taken by then."""
        await self.watch.look(asyncio.Event())
        self.now += 2.5
        await self.watch.look(asyncio.Event())
        return [name for name, _ in self.receiver.taken]

    def left(self, inner: str = "") -> list[str]:
        """Return the names of the files in the folder, or one inside it."""
        folder = self.folder / inner
        return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a bench on an empty folder."""
    return Bench(tmp_path)


async def test_takes_finished_files_in_order(bench: Bench) -> None:
    """The oldest first, whatever their names; taken files move away, and nothing is taken at the first look."""
    bench.put("a.csv", mtime=3000)
    bench.put("b.csv", mtime=1000)
    bench.put("c.csv", mtime=2000)
    await bench.watch.look(asyncio.Event())
    assert bench.receiver.taken == []

    assert await bench.look() == ["b.csv", "c.csv", "a.csv"]
    assert (bench.left(), bench.left("taken")) == ([], ["a.csv", "b.csv", "c.csv"])


async def test_a_file_that_still_grows_is_left_alone(bench: Bench) -> None:
    """A file is finished when it stood still between two looks; each change begins the wait anew."""
    path = bench.put("a.csv", "one")
    await bench.watch.look(asyncio.Event())
    for size in range(3):
        bench.now += 2.5
        path.write_text("one" + "x" * (size + 1), encoding="utf-8")
        await bench.watch.look(asyncio.Event())
    assert bench.receiver.taken == []

    assert await bench.look() == ["a.csv"]


async def test_a_file_changed_while_it_is_read_comes_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes under the reader's hands is not half taken."""
    path = bench.put("a.csv", "one")
    real = os.fstat
    calls = 0

    def fstat(descriptor: int) -> os.stat_result:
        nonlocal calls
        calls += 1
        if calls == 2:
            path.write_text("another", encoding="utf-8")
        return real(descriptor)

    await bench.watch.look(asyncio.Event())
    bench.now += 2.5
    monkeypatch.setattr(os, "fstat", fstat)
    await bench.watch.look(asyncio.Event())
    monkeypatch.undo()
    assert bench.receiver.taken == []

    await bench.look()
    assert bench.receiver.taken == [("a.csv", b"another")]


async def test_names_of_unfinished_files_are_passed_over(bench: Bench) -> None:
    """Temporary names, hidden files, folders, links and pipes are not taken; a rename makes a file a finished one."""
    for name in (".hidden.csv", "a.csv.part", "b.tmp", "~$c.xlsx", "d.csv~", "e.reason.txt"):
        bench.put(name)
    (bench.folder / "sub").mkdir()
    (bench.folder / "link.csv").symlink_to("/etc/hostname")
    os.mkfifo(bench.folder / "pipe.csv")
    assert await bench.look() == []

    (bench.folder / "a.csv.part").rename(bench.folder / "a.csv")
    assert await bench.look() == ["a.csv"]


async def test_a_file_of_no_use_is_refused_with_the_reason(bench: Bench) -> None:
    """It moves to the folder for such, unchanged, with the reason in Chinese beside it."""
    bench.put("a.csv", "bad")
    bench.receiver.error = MalformedMessageError("没有找到表头")
    await bench.look()

    assert bench.left() == []
    assert bench.left("refused") == ["a.csv", "a.csv.reason.txt"]
    assert (bench.folder / "refused" / "a.csv").read_text() == "bad"
    assert (bench.folder / "refused" / "a.csv.reason.txt").read_text("utf-8") == "没有找到表头\n"


async def test_a_file_too_large_is_refused_unread(bench: Bench) -> None:
    """Beyond the limit a file is not even read."""
    bench.put("a.csv", "x" * (LIMIT + 1))
    assert await bench.look() == []
    assert "超过 1 兆" in (bench.folder / "refused" / "a.csv.reason.txt").read_text("utf-8")


async def test_a_report_lies_beside_what_was_taken(bench: Bench) -> None:
    """Bad rows of a file that was taken are told beside it; a second file of the same name does not overwrite the first."""
    bench.receiver.report = "第 3 行……"
    bench.put("a.csv", "1", mtime=1000)
    await bench.look()
    bench.put("a.csv", "2", mtime=2000)
    await bench.look()

    assert bench.left("taken") == ["a.2.csv", "a.2.csv.report.txt", "a.csv", "a.csv.report.txt"]
    assert bench.receiver.taken == [("a.csv", b"1"), ("a.csv", b"2")]


async def test_our_trouble_keeps_the_file_and_the_order(bench: Bench) -> None:
    """Where the database is away everything stays, and no file overtakes an earlier one."""
    bench.put("a.csv", mtime=1000)
    bench.put("b.csv", mtime=2000)
    bench.receiver.error = StoreUnavailableError("数据库被占用")
    assert await bench.look() == []
    assert bench.left() == ["a.csv", "b.csv"]

    bench.receiver.error = None
    assert await bench.look() == ["a.csv", "b.csv"]


async def test_a_bug_over_one_file_does_not_stop_the_others(bench: Bench) -> None:
    """A file that breaks its receiver stays; the next one is taken."""
    real = bench.receiver

    async def take(dropped: Dropped) -> str:
        if dropped.name == "a.csv":
            raise ZeroDivisionError
        return await real(dropped)

    bench.watch = FolderWatch("test", bench.drop, take, clock=lambda: bench.now)
    bench.put("a.csv", mtime=1000)
    bench.put("b.csv", mtime=2000)

    assert await bench.look() == ["b.csv"]
    assert bench.left() == ["a.csv"]


async def test_a_file_left_in_place_is_taken_once(tmp_path: Path) -> None:
    """With `leave` a file stays; it is taken again only once it has changed."""
    bench = Bench(tmp_path, after="leave")
    bench.put("a.csv", "1", mtime=1000)
    await bench.look()
    assert await bench.look() == ["a.csv"]

    bench.put("a.csv", "2", mtime=2000)
    assert await bench.look() == ["a.csv", "a.csv"]
    assert bench.left() == ["a.csv"]


async def test_the_key_tells_a_repeated_file_from_a_repeated_content(bench: Bench) -> None:
    """The same file read again after a crash has the same key; a later file with the same bytes is news."""
    bench.put("a.csv", "1", mtime=1000)
    first = bench.drop.read("a.csv")
    again = bench.drop.read("a.csv")
    bench.put("a.csv", "1", mtime=2000)
    later = bench.drop.read("a.csv")

    assert isinstance(first, Dropped)
    assert isinstance(again, Dropped)
    assert isinstance(later, Dropped)
    assert first.key == again.key != later.key


async def test_a_file_that_comes_under_the_name_meanwhile_is_not_moved_unread(bench: Bench) -> None:
    """Between reading and moving another file may take the name: it stays to be taken, and the bytes taken are put away."""
    bench.put("a.csv", "1", mtime=1000)
    dropped = bench.drop.read("a.csv")
    assert isinstance(dropped, Dropped)
    bench.put("a.csv", "2", mtime=2000)
    bench.drop.taken(dropped)

    assert (bench.folder / "taken" / "a.csv").read_text() == "1"
    assert await bench.look() == ["a.csv"]
    assert bench.receiver.taken == [("a.csv", b"2")]


async def test_ten_thousand_files(bench: Bench) -> None:
    """Each of ten thousand files is taken once and in order."""
    for number in range(10_000):
        bench.put(f"{number:05d}.csv", mtime=1000 + number)

    assert await bench.look() == [f"{number:05d}.csv" for number in range(10_000)]
    assert len(set(bench.receiver.keys)) == 10_000
    assert bench.left() == []


async def test_a_missing_folder_is_waited_for(tmp_path: Path) -> None:
    """A share that is not mounted is no end of the service; what lies in it is taken once it is there."""
    bench = Bench(tmp_path / "share")
    assert await bench.look() == []
    bench.folder.mkdir()
    bench.put("a.csv")
    assert await bench.look() == ["a.csv"]


@contextmanager
def without_rights() -> Iterator[None]:
    """Be an ordinary user meanwhile: root may read everything."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam(ordinary_user()).pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


def test_files_without_permission_stay() -> None:
    """A file that may not be read stays, the reason told once; one that cannot be moved away is not taken again."""
    with own_folder("drop") as folder:
        for name in ("a.csv", "b.csv"):
            (folder / name).write_text("x")
            give(folder / name)
        (folder / "a.csv").chmod(0o000)
        folder.chmod(0o555)
        with without_rights():
            drop = DropFolder(folder, after="move", max_size=LIMIT)
            drop.finished(0.0)
            assert sorted(drop.finished(3.0)) == ["a.csv", "b.csv"]
            locked, other = drop.read("a.csv"), drop.read("b.csv")
            assert isinstance(locked, Stuck)
            assert isinstance(other, Dropped)
            assert "打不开" in locked.problem
            assert [drop.is_news(locked), drop.is_news(locked)] == [True, False]
            stuck = drop.taken(other)
            assert stuck is not None
            assert "移不走" in stuck.problem
            assert drop.finished(6.0) == ["a.csv"]
        assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "b.csv"]

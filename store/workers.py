"""A capped child process that answers one question at a time: for code that may crash, hang or eat memory on hostile input.

It lives on the lowest floor because two rooms need it: `channels.reader` (MIME of strangers) and `rules.engine` (native code).
A question and an answer are each one frame: a JSON text and any number of binary blobs. The child never sees the database, and what
it answers is parsed as JSON, never unpickled: a child taken over by a message can lie about that message and no more.

Child side: a module with `if __name__ == "__main__": serve(handler)`. Parent side: `Worker(["-m", "that.module"], …).ask(text, blobs)`.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.errors import MalformedMessageError, WorkerFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LENGTH = struct.Struct("<Q")
_OK, _REFUSED, _FAILED = b"o", b"r", b"f"
_MIN_PARTS, _MAX_PARTS = 2, 10_000
_PIPE = 1 << 16  # bytes that a pipe takes at once (Linux)
_GLANCE = 0.05  # seconds; a child short of its limit on a busy machine is not looked at without pause
_MAX_FRAME = 1 << 30  # bytes; a child that claims more is lying

Answer = tuple[str, list[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What one child may use: seconds of processor time a question, bytes of address space, questions before it is replaced.

    *patience* is in seconds by the clock: on a machine under load a child waits longer for a processor than it works, and what it was
    asked is not to blame for that.
    """

    seconds: float
    memory: int
    questions: int = 10_000
    patience: float = 180.0


class Worker:
    """One child, started at the first question and again after it died. Not for two threads at once: `ask` holds a lock."""

    def __init__(self, command: Sequence[str], caps: Caps) -> None:
        """Remember how to start the child: *command* are the arguments after the interpreter."""
        self._command = [sys.executable, "-P", *command]  # -P: no module is taken from the folder we happen to run in
        self._caps = caps
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self.questions = 0  # put since the beginning, to all children
        self.deaths = 0  # children that died, hung or talked nonsense

    @property
    def pid(self) -> int | None:
        """Process id of the running child, None where none runs."""
        return self._child.pid if self._child else None

    def ask(self, text: str, blobs: Sequence[bytes] = ()) -> Answer:
        """Put one question and return the answer.

        Raises MalformedMessageError where the child says that the input is to blame, WorkerFailedError where it died, hung past
        its time or failed; the child is then gone and the next question starts a fresh one.
        """
        with self._lock:
            child = self._running()
            self.questions += 1
            try:
                limit = _Limit(child.pid, self._caps)
                _write(child.stdin.fileno(), [b"", text.encode(), *blobs], limit)  # type: ignore[union-attr]
                status, answer, *rest = _read(child.stdout.fileno(), limit)  # type: ignore[union-attr]
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                raise WorkerFailedError(self._bury(error)) from error
            self._asked += 1
            if self._asked >= self._caps.questions:
                self._stop()
        if status == _REFUSED:
            raise MalformedMessageError(answer.decode())
        if status != _OK:
            raise WorkerFailedError(answer.decode())
        return answer.decode(), rest

    def close(self) -> None:
        """End the child; a later `ask` would start a new one."""
        with self._lock:
            self._stop()

    def abort(self) -> None:
        """Kill the child at once, whatever it is at; a question under way then raises WorkerFailedError. Any thread may call."""
        child = self._child
        if child is not None:
            child.kill()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._stop()
            environment = {**os.environ, "ZUOZHEN_WORKER_MEMORY": str(self._caps.memory)}
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env=environment,
                process_group=0,  # Ctrl-C on the terminal is for the parent, which still needs its children to drain
            )
            os.set_blocking(self._child.stdin.fileno(), False)  # type: ignore[union-attr]
            self._asked = 0
        return self._child

    def _bury(self, error: Exception) -> str:
        """Kill what is left of the child and say what happened to it."""
        child = self._child
        if child is None:
            return str(error)
        self.deaths += 1
        self._stop(kill=True)
        return f"{error}，已终止" if isinstance(error, TimeoutError) else f"子进程意外退出（{child.returncode}）"

    def _stop(self, *, kill: bool = False) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if kill:
            child.kill()
        with contextlib.suppress(OSError):
            child.stdin.close()  # type: ignore[union-attr]
        try:
            child.wait(2)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()  # type: ignore[union-attr]


class _Limit:
    """How long a child may be at one question."""

    def __init__(self, pid: int, caps: Caps) -> None:
        """Begin to count for the child *pid*."""
        # The clock of another process's processor time, as clock_getcpuclockid(3) names it; Python knows it by no function of its own.
        self._clock = ~pid << 3 | 2
        self._caps = caps
        self._work_ends = time.clock_gettime(self._clock) + caps.seconds
        self._patience_ends = time.monotonic() + caps.patience

    def left(self) -> float:
        """Return for how many seconds it may go on at least; raises TimeoutError where its time has passed."""
        work = self._work_ends - time.clock_gettime(self._clock)
        if work <= 0:
            raise TimeoutError(f"子进程算了 {self._caps.seconds:g} 秒仍未答复")
        patience = self._patience_ends - time.monotonic()
        if patience <= 0:
            raise TimeoutError(f"子进程超过 {self._caps.patience:g} 秒未答复")
        return min(work, patience)


def serve(handler: Callable[[str, list[bytes]], Answer]) -> None:
    """Answer questions from standard input until it closes (child side).

    A MalformedMessageError of *handler* goes back as such; any other exception as a failure with its class name only, since its
    text may hold words of the message.
    """
    source, sink = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # a stray print must not land between two frames
    memory = int(os.environ.get("ZUOZHEN_WORKER_MEMORY", "0"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    while True:
        try:
            _, text, *blobs = _read(source, None)
        except EOFError:
            return
        try:
            answer, out = handler(text.decode(), blobs)
            frame = [_OK, answer.encode(), *out]
        except MalformedMessageError as error:
            frame = [_REFUSED, str(error).encode()]
        except Exception as error:  # noqa: BLE001 - the boundary of the process: the class name goes to the parent
            frame = [_FAILED, type(error).__name__.encode()]
        _write(sink, frame, None)


def _read(fd: int, limit: _Limit | None) -> list[bytes]:
    """Read one frame: the number of parts, then each part behind its length."""
    (count,) = _LENGTH.unpack(_exactly(fd, _LENGTH.size, limit))
    if not _MIN_PARTS <= count <= _MAX_PARTS:
        raise ValueError(f"frame of {count} parts")
    sizes = struct.unpack(f"<{count}Q", _exactly(fd, count * _LENGTH.size, limit))
    if sum(sizes) > _MAX_FRAME:
        raise ValueError(f"frame of {sum(sizes)} bytes")
    return [_exactly(fd, size, limit) for size in sizes]


def _exactly(fd: int, size: int, limit: _Limit | None) -> bytes:
    parts, left = [], size
    while left:
        if limit is not None:
            _await(fd, select.POLLIN, limit)
        part = os.read(fd, min(left, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _write(fd: int, parts: Sequence[bytes], limit: _Limit | None) -> None:
    """Write one frame; with a *limit* (the descriptor is then non-blocking) give up when it has passed."""
    head = _LENGTH.pack(len(parts)) + b"".join(_LENGTH.pack(len(part)) for part in parts)
    small = sum(map(len, parts)) <= _PIPE
    for part in (b"".join((head, *parts)),) if small else (head, *parts):  # each write wakes the other side
        view = memoryview(part)
        while view:
            if limit is not None:
                _await(fd, select.POLLOUT, limit)
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:
                continue


def _await(fd: int, event: int, limit: _Limit) -> None:
    """Wait until *fd* is ready for *event*; poll, because select ends at descriptor 1,023."""
    waiting = select.poll()
    waiting.register(fd, event)
    while not waiting.poll(max(limit.left(), _GLANCE) * 1000):
        continue  # it has not worked for as long as we have waited

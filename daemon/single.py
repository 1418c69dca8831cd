"""One service a database file: two would take each other's leases for those of an earlier life and send a mail twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import UsageError
from store.trouble import reason

_FILE = "sqlite:///"


@contextmanager
def only_service(url: str) -> Iterator[None]:
    """Hold the lock beside the database file at *url* while the service runs; the kernel lets go of it however the process ends.

    A database that is no file is shared by design and not locked. Raises UsageError where another service holds the lock, or where the
    lock file cannot be made.
    """
    if not url.startswith(_FILE):
        yield
        return
    path = Path(url.removeprefix(_FILE) + ".lock")
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"建不了锁文件 {path}：{reason(error)}。请检查目录是否存在、有无权限") from error
    try:
        _take(lock, path)
        yield
    finally:
        os.close(lock)


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(f"已有一个服务在用这个数据库（{path}）。请先停掉它；一个数据库文件只能有一个服务") from error

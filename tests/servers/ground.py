"""What every server of the tests stands on: an ordinary user to run as, a folder of its own, free ports, waiting until it answers."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
_PATIENCE_S = 30.0


def ordinary_user() -> str:
    """Return the name of the user that servers run as: oneself, or where that is root, somebody without rights."""
    return "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name


@contextmanager
def own_folder(name: str) -> Iterator[Path]:
    """Make a folder that belongs to `ordinary_user`, and take it away again. Not below pytest's, which only its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        give(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def give(path: Path) -> None:
    """Hand *path* to the user that servers run as."""
    if os.getuid() == 0:
        shutil.chown(path, ordinary_user(), pwd.getpwnam(ordinary_user()).pw_gid)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    holders = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def start(command: list[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a server as `ordinary_user`; what it says goes to *log*."""
    who: dict[str, Any] = {}
    if os.getuid() == 0:
        who = {"user": ordinary_user(), "group": pwd.getpwnam(ordinary_user()).pw_gid, "extra_groups": []}
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/", **who)


def until_it_answers(process: subprocess.Popen[bytes], port: int, *, log: Path) -> None:
    """Wait until *port* takes connections; raises RuntimeError with the server's words where it ends or never does."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    end(process)
    raise RuntimeError(f"no server on port {port}:\n{log.read_text(errors='replace')[-3000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server, gently first."""
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

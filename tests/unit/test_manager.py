"""What the service manager is told, over a real datagram socket as systemd would open one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.health.manager import Manager


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """Open a socket as systemd does: a path, or a name in the abstract namespace; with the value of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = str(tmp_path / "notify") if request.param == "path" else f"@zuozhen-test-{os.getpid()}-{tmp_path.name}"
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.settimeout(10)
        yield name, listening


def test_what_is_said(heard: tuple[str, socket.socket]) -> None:
    """Each state of the service is one datagram with the keys of sd_notify(3) and a Chinese line for people."""
    name, listening = heard
    manager = Manager({"NOTIFY_SOCKET": name})

    def said() -> list[str]:
        return listening.recv(4096).decode().splitlines()

    manager.ready("待办 0")
    assert said() == ["READY=1", "STATUS=待办 0"]
    manager.reloading()
    reloading = said()
    assert reloading[0] == "RELOADING=1"
    assert int(reloading[1].removeprefix("MONOTONIC_USEC=")) > 0
    assert reloading[2] == "STATUS=正在重新读取规则包和部门邮箱"
    manager.alive("待办 1")
    assert said() == ["WATCHDOG=1", "STATUS=待办 1"]
    manager.status("没有进展：办件")
    assert said() == ["STATUS=没有进展：办件"]
    manager.stopping()
    assert said()[0] == "STOPPING=1"
    manager.close()


def test_nobody_listens(tmp_path: Path) -> None:
    """Without a manager, or with one whose socket is gone or never read, the service goes on."""
    Manager({}).ready("待办 0")
    gone = Manager({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.ready("待办 0")
    gone.close()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "deaf")})
        for _ in range(15):  # beyond what the socket holds
            manager.alive("待办 0")
        manager.close()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 120.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}, 120.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog(environment: dict[str, str], seconds: float | None) -> None:
    """A sign of life is owed where the manager asks this very process for it; a child that inherited the words owes none."""
    assert Manager(environment).watchdog_s == seconds

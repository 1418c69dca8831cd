"""One service a database file."""

from pathlib import Path

import pytest

from daemon.single import only_service
from store.errors import UsageError


def test_second_service_is_refused(tmp_path: Path) -> None:
    """A second service on the same file would free the first one's leases and send its mail again."""
    url = f"sqlite:///{tmp_path}/zuozhen.db"
    with only_service(url), pytest.raises(UsageError, match="已有一个服务"), only_service(url):
        pass
    with only_service(url):  # the first has ended: its lock is gone with it
        assert (tmp_path / "zuozhen.db.lock").exists()


def test_no_folder(tmp_path: Path) -> None:
    """A folder that does not exist is named."""
    with pytest.raises(UsageError, match="建不了锁文件"), only_service(f"sqlite:///{tmp_path}/none/zuozhen.db"):
        pass


def test_server_databases_are_shared() -> None:
    """Several services may share a database server; there is no file to lock."""
    with only_service("postgresql+psycopg://h/db"), only_service("postgresql+psycopg://h/db"):
        pass

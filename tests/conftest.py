"""What holds for every test: properties are judged by their outcome, never by the speed of the machine; where databases come from."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.servers import postgres as postgresql
from tests.servers.dovecot import dovecot

__all__ = ["dovecot"]

settings.register_profile("zuozhen", deadline=None)
settings.load_profile("zuozhen")


def _log_as_before() -> Iterator[None]:
    """Undo what a command that ran in this process set for its log and its end: the next test may listen for events below that level."""
    before, last_resort, excepthook = structlog.get_config(), logging.lastResort, sys.excepthook
    yield
    structlog.configure(**before)
    logging.lastResort, sys.excepthook = last_resort, excepthook


log_as_before_test = pytest.fixture(autouse=True)(_log_as_before)
log_as_before_module = pytest.fixture(autouse=True, scope="module")(_log_as_before)  # for commands that a module's own fixtures run


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Postgres]:
    """Run one PostgreSQL for this test process; it starts with the first test that asks for it."""
    with postgresql.server() as running:
        yield running


@pytest.fixture
def postgresql_url(postgres: postgresql.Postgres) -> Iterator[str]:
    """Give the address of a fresh PostgreSQL database with today's tables."""
    with postgres.fresh() as url:
        yield url


_KINDS = ("sqlite", "postgresql")


@contextmanager
def _database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/zuozhen.db"
        return
    server: postgresql.Postgres = request.getfixturevalue("postgres")
    with server.fresh() as url:
        yield url


@pytest.fixture(params=_KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a fresh database of either kind: what is tested with it holds on both."""
    with _database(request, tmp_path) as url:
        yield url


@pytest.fixture(params=_KINDS, scope="module")
def module_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the same for all tests of a module that share a house."""
    with _database(request, tmp_path_factory.mktemp("database")) as url:
        yield url

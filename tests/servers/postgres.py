"""A private PostgreSQL: made in a folder of its own, on a free port of loopback and a socket, run by an ordinary user, gone at the end."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg

from store.database import Database
from tests.servers.ground import free_ports, ordinary_user, own_folder

PASSWORD = "geheim-口令"  # of the user `zuozhen`, who must say it over TCP; the socket trusts its own machine
_USER = "zuozhen"
_TEMPLATE = "template_zuozhen"
_PATIENCE_S = 60
# Whoever may read the folder of the socket is the user who started the tests; over TCP a password is asked for, as in real life.
_ACCESS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


class Postgres:
    """A running server. Tests ask for `url` or `fresh` only; crash tests also for `stop`, `start` and `restart`."""

    def __init__(self, folder: Path, account: str, settings: dict[str, str]) -> None:
        """Work in *folder*, which *account* owns; nothing runs before `start`."""
        self.folder, self.port = folder, free_ports(1)[0]
        self._account, self._settings = account, settings
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count()
        self._has_template = False

    def url(self, database: str) -> str:
        """Return the address of *database* through the socket, as an operator would write it in zuozhen.toml."""
        return f"postgresql://{_USER}@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str, *, user: str = _USER) -> str:
        """Return the address over TCP, where a password is asked for; it does not stand in it."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def fresh(self, *, empty: bool = False, options: str = "") -> Iterator[str]:
        """Yield the address of a new database, with today's tables unless *empty*; it is dropped afterwards, whoever still uses it.

        *options* are of CREATE DATABASE, such as another collation (`empty` databases only).
        """
        name = f"test_{next(self._numbers)}"
        if not empty:
            self._make_template()
        self.sql(f"CREATE DATABASE {name} OWNER {_USER} TEMPLATE {'template0' if empty else _TEMPLATE} {options}")
        try:
            yield self.url(name)
        finally:
            self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def sql(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run *statements* as superuser; return the rows of the last one, none where it has none."""
        with psycopg.connect(host=str(self.folder), port=self.port, user=self._account, dbname=database, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def said(self) -> str:
        """Return the end of its log."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def start(self) -> None:
        """Start and wait until it answers. Not to be called in another thread: the server ends with the thread that started it."""
        command = _as_user(self._account, [str(_programs() / "postgres"), "-D", str(self.folder / "data")])
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        ready = [str(_programs() / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port), "-t", "1"]
        for _ in range(_PATIENCE_S * 10):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
                raise AssertionError(f"PostgreSQL ended at once: {self.said()}")
        raise AssertionError(f"PostgreSQL does not answer: {self.said()}")

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT as `pg_ctl stop -m fast`, SIGQUIT as `-m immediate`, which is a crash. Does nothing where it does not run."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE_S)
        self._process = None

    def restart(self, *, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop and start it on the same port, as `pg_ctl restart -m immediate` does unless told otherwise."""
        self.stop(how=how)
        self.start()

    def create(self) -> None:
        """Make the files, start, and make the user of the product."""
        initdb = [str(_programs() / "initdb"), "-D", str(self.folder / "data"), "-E", "UTF8", "--locale=C", "-U", self._account, "-N"]
        subprocess.run(_as_user(self._account, initdb), check=True, capture_output=True, cwd=self.folder)
        (self.folder / "data" / "pg_hba.conf").write_text(_ACCESS)
        self._settings |= {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        self.start()
        self.sql(f"CREATE ROLE {_USER} LOGIN CREATEDB PASSWORD '{PASSWORD}'")

    def _make_template(self) -> None:
        """Let the migrations run once; every test gets a copy of the files."""
        if self._has_template:
            return
        self.sql(f"CREATE DATABASE {_TEMPLATE} OWNER {_USER} TEMPLATE template0")
        migrate(self.url(_TEMPLATE))
        self._has_template = True


@contextmanager
def server(*, durable: bool = False, settings: dict[str, str] | None = None) -> Iterator[Postgres]:
    """Run a PostgreSQL of our own.

    Without *durable* it does not wait for the disk: its processes may be killed, as crash tests do, but not the machine. Benchmarks want
    it durable. *settings* are lines of postgresql.conf.
    """
    usual = {} if durable else {"fsync": "off", "full_page_writes": "off"}
    with own_folder("zz-pg") as folder:
        running = Postgres(folder, ordinary_user(), {"max_connections": "100", "deadlock_timeout": "200ms", **usual, **(settings or {})})
        try:
            running.create()
            yield running
        finally:
            running.stop()


def migrate(url: str) -> None:
    """Bring the tables of *url* up to date; in a thread of its own, since the test that asks first may have an event loop."""

    async def upgrade() -> None:
        database = Database(url)
        try:
            await database.upgrade()
        finally:
            await database.close()

    with ThreadPoolExecutor(1) as beside:
        beside.submit(lambda: asyncio.run(upgrade())).result()


def _programs() -> Path:
    """Return the folder of the newest PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    beside = shutil.which("postgres")
    assert beside, "PostgreSQL is not installed: run .ci/test-servers"
    return Path(beside).parent


def _as_user(account: str, command: Sequence[str]) -> list[str]:
    """Return *command* as run by *account*, and ended with the process that started it, however that ends."""
    drop = ["--reuid", account, "--regid", str(pwd.getpwnam(account).pw_gid), "--clear-groups"] if os.getuid() == 0 else []
    return ["setpriv", *drop, "--pdeathsig", "INT", "--", *command]

"""The one way to the database: open, write through the group-committing writer, read beside it, bring the schema up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from store import dialects
from store.errors import StoreUnavailableError, UsageError
from store.writer import Unit, Writer, run

T = TypeVar("T")

_READERS = 4  # threads; a long list must not make the next look-up wait
_PATIENCE = timedelta(seconds=10)
_MIGRATIONS = str(Path(__file__).parent / "migrations")


class Database:
    """A database by URL, for one event loop: `sqlite:////path/to/file.db` or `postgresql://user@host/name`.

    A *unit* is a plain function over a Connection. It runs in a thread inside a transaction, returns plain values (no cursors), never
    commits, and may be composed of other units: whatever one `write` does stands or falls together.
    """

    def __init__(self, url: str, *, password: str | None = None, patience: timedelta = _PATIENCE) -> None:
        """Check *url*; *patience* is how long to wait for another process's lock. Raises ConfigError; touches no file.

        *password* is that of the server where it does not stand in the URL.
        """
        self._url = dialects.parse(url, password)
        self._patience = patience
        self._writing = dialects.open_engine(self._url, patience=patience, connections=1)
        self._reading = dialects.open_engine(self._url, patience=patience, read_only=True, connections=_READERS)
        self._writer = Writer(self._writing)
        self._readers: ThreadPoolExecutor | None = None

    @property
    def writer(self) -> Writer:
        """The thread that writes, for those who watch it."""
        return self._writer

    async def start(self) -> None:
        """Open the database; raises StoreUnavailableError where that fails, UsageError where it could not keep every character.

        The schema is `upgrade`'s business.
        """
        await asyncio.to_thread(self._open)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        self._writer.start()

    async def close(self) -> None:
        """Refuse new work, finish what is queued, let go of the file."""
        await asyncio.to_thread(self._shut)

    async def write(self, unit: Unit[T]) -> T:
        """Run *unit* and return its result once it is committed and on disk.

        Raises what the unit raises, its writes then undone; StoreUnavailableError where the database is locked, full or away. A caller
        cancelled while waiting does not know whether its unit ran: units are written so that repeating them is harmless.
        """
        return await asyncio.wrap_future(self._writer.submit(unit))

    async def read(self, unit: Unit[T]) -> T:
        """Run *unit* on one consistent state of the database, not waiting for writers; it cannot write. Raises as `write` does."""
        if self._readers is None:
            raise StoreUnavailableError("数据库未打开或正在关闭，请稍后再试")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, unit)

    @property
    def kind(self) -> str:
        """Which kind of database it is: "sqlite" or "postgresql"."""
        return self._url.get_backend_name()

    @property
    def file(self) -> Path | None:
        """The file it lies in, None for a server's."""
        return Path(self._url.database or "") if self.kind == "sqlite" else None

    @property
    def place(self) -> str:
        """Its address as a person may read it, without a password."""
        return self._url.set(drivername=self.kind).render_as_string(hide_password=True)

    @property
    def is_shared(self) -> bool:
        """Whether other services may work on this database at the same time; a file belongs to one alone."""
        return dialects.is_shared(self._url)

    def beside(self, *, patience: timedelta) -> Engine:
        """Return an engine with one connection for what must not queue behind the writer; its caller disposes of it."""
        return dialects.open_engine(self._url, patience=patience, connections=1)

    @contextmanager
    def writing_alone(self) -> Iterator[Connection]:
        """Yield a connection in one transaction of its own, without the writer: for work on a whole database that nobody else uses. Blocks."""
        engine = dialects.open_engine(self._url, patience=self._patience, connections=1)
        try:
            with dialects.explained(), engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    async def revision(self) -> tuple[str | None, str]:
        """Return the schema's revision, None where there are no tables yet, and the one that this program needs. Changes nothing."""
        return await asyncio.to_thread(self._revision)

    async def upgrade(self) -> None:
        """Create the tables or bring them up to date; nothing happens where they are. Safe while other processes do the same.

        Raises StoreUnavailableError, or UsageError where a newer version of the product made the database.
        """
        await asyncio.to_thread(self._upgrade)

    def _open(self) -> None:
        dialects.create_file(self._url)
        with dialects.explained(), self._writing.connect() as connection:
            dialects.check_server(connection)

    def _shut(self) -> None:
        self._writer.close()
        readers, self._readers = self._readers, None
        if readers is not None:
            readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    def _read(self, unit: Unit[T]) -> T:
        with dialects.explained(), self._reading.begin() as connection:
            return run(unit, connection)

    def _revision(self) -> tuple[str | None, str]:
        from alembic.migration import MigrationContext  # noqa: PLC0415 - as below
        from alembic.script import ScriptDirectory  # noqa: PLC0415 - as below

        newest = ScriptDirectory(_MIGRATIONS).get_current_head() or ""
        if self.file is not None and not self.file.exists():
            return None, newest
        with dialects.explained(), self._reading.connect() as connection:
            dialects.check_server(connection)
            return MigrationContext.configure(connection).get_current_revision(), newest

    def _upgrade(self) -> None:
        from alembic import command  # noqa: PLC0415 - 0.8 s which only an upgrade should pay
        from alembic.config import Config  # noqa: PLC0415 - likewise
        from alembic.util import CommandError  # noqa: PLC0415 - likewise

        self._open()
        config = Config()
        config.set_main_option("script_location", _MIGRATIONS.replace("%", "%%"))
        # Foreign keys are off: altering a table on SQLite means to copy it and drop the old one.
        engine = dialects.open_engine(self._url, patience=self._patience, foreign_keys=False)
        try:
            with dialects.explained(), engine.begin() as connection:
                dialects.lock_for_migration(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            raise UsageError(f"数据库由更新版本的程序建立，请先升级 zuozhen：{error}") from error
        finally:
            engine.dispose()

"""The only module that knows how one database differs from another: opening, locking, inserting what may be there, what an error means."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from store.errors import ConfigError, Problem, StoreUnavailableError

_WAL_LIMIT = 64 << 20  # bytes the write-ahead file is cut back to after a burst of large mails
_MIGRATION_LOCK = 0x7A756F7A68656E  # "zuozhen": one upgrade at a time on PostgreSQL

# Where the caller is wrong, waiting would not help; anything else the driver raises is trouble of the database.
_OUR_OWN_FAULT = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)

_REMEDIES = (
    ("no such table", "数据库尚未初始化或未升级，请先运行 zuozhen init"),
    ("no such column", "数据库版本落后于程序，请先运行 zuozhen init"),
    ("locked", "数据库正被另一进程长时间占用，请稍后再试"),
    ("full", "磁盘已满，请清理后再试"),
    ("readonly", "数据库文件不可写，请检查文件权限"),
    ("unable to open", "数据库文件无法打开，请检查目录是否存在、权限是否正确"),
    ("malformed", "数据库文件已损坏，请从备份恢复"),
    ("not a database", "该文件不是数据库，请检查配置中的路径"),
)


def parse(url: str) -> sa.URL:
    """Return *url* parsed; raises ConfigError where nobody could work with it."""
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise _unusable("无法识别的数据库地址", "例如 sqlite:////var/lib/zuozhen/zuozhen.db") from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise _unusable("SQLite 地址缺少文件路径，内存数据库会丢失来件", "例如 sqlite:////var/lib/zuozhen/zuozhen.db")
    return parsed


def _unusable(message: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(place="database", key="url", message=message, remedy=remedy)])


def open_engine(url: sa.URL, *, patience: timedelta, read_only: bool = False, foreign_keys: bool = True) -> sa.Engine:
    """Return an engine for *url* that waits *patience* for another process's lock. Nothing is opened yet.

    Errors never show bound values: they are the words of petitions.
    """
    try:
        engine = sa.create_engine(url, hide_parameters=True, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise _unusable(f"不支持的数据库：{url.drivername}", "本版支持 sqlite") from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, patience=patience, read_only=read_only, foreign_keys=foreign_keys)
    return engine


def _prepare_sqlite(engine: sa.Engine, *, patience: timedelta, read_only: bool, foreign_keys: bool) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver would begin transactions by itself, too late and deferred; we begin them, in `_begin`.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(patience / timedelta(milliseconds=1))}")
        cursor.execute("PRAGMA synchronous=FULL")  # a 250 is a promise: it must outlive a power failure
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT}")
        # Write-ahead log: readers and the writer work side by side.
        cursor.execute("PRAGMA query_only=ON" if read_only else "PRAGMA journal_mode=WAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # IMMEDIATE: a transaction that first reads and then writes must not find itself outrun.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def create_file(url: sa.URL) -> None:
    """Create the database file where there is none, readable by nobody but us: it holds confidential petitions. No effect on a server.

    An existing file is not even opened: closing any descriptor of it would drop the locks that SQLite holds in this process.
    """
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    try:
        os.close(os.open(url.database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        reason = f"数据库文件 {url.database} 无法建立：{error.strerror}（请检查目录是否存在、权限是否正确）"
        raise StoreUnavailableError(reason) from error


def lock_for_migration(connection: sa.Connection) -> None:
    """Hold back every other upgrade until this transaction ends. On SQLite BEGIN IMMEDIATE has done it already."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))


def insert_new(connection: sa.Connection, table: sa.Table, *, returning_id: bool = False) -> sa.Insert:
    """Return an INSERT into *table*, to be executed with its rows, that leaves alone what already holds one of its unique keys.

    With *returning_id* it yields the new row's id, and nothing where the row was not new.
    """
    return _insert_new(connection.dialect.name, table, returning_id)


@functools.cache  # one object per table: building and hashing the statement would cost more than running it
def _insert_new(dialect: str, table: sa.Table, returning_id: bool) -> sa.Insert:  # noqa: FBT001 - private, for the cache
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: sa.Insert = insert(table).on_conflict_do_nothing()
    return statement.returning(table.c.id) if returning_id else statement


def transaction_survives(connection: sa.Connection) -> bool:
    """Say whether *connection* is still inside its transaction: SQLite drops all of it when the disk is full or fails."""
    driver = connection.connection.dbapi_connection
    return not isinstance(driver, sqlite3.Connection) or driver.in_transaction


def is_unavailable(error: BaseException) -> bool:
    """Say whether *error* is the database's trouble (locked, full, away) rather than a mistake of the caller."""
    return isinstance(error, exc.DBAPIError | exc.TimeoutError | sqlite3.Error) and not isinstance(error, _OUR_OWN_FAULT)


def unavailable(error: BaseException) -> StoreUnavailableError:
    """Return *error* as an operator should read it, with *error* as its cause."""
    reason = str(error.orig if isinstance(error, exc.DBAPIError) else error)
    remedy = next((remedy for mark, remedy in _REMEDIES if mark in reason), "请查看数据库日志")
    failure = StoreUnavailableError(f"数据库暂不可用：{reason}（{remedy}）")
    failure.__cause__ = error
    return failure


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise StoreUnavailableError for what the database could not do; let everything else through."""
    try:
        yield
    except Exception as error:
        if is_unavailable(error):
            raise unavailable(error) from error
        raise

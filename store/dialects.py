"""The only module that knows how one database differs from another: opening, locking, inserting what may be there, what an error means."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.pool import ConnectionPoolEntry

from store.errors import ConfigError, Problem, StoreUnavailableError, UsageError
from store.trouble import reason

_WAL_LIMIT = 64 << 20  # bytes the write-ahead file is cut back to after a burst of large mails
_MIGRATION_LOCK = 0x7A756F7A68656E  # "zuozhen": one upgrade at a time on PostgreSQL

# Where the caller is wrong, waiting would not help; anything else the driver raises is trouble of the database.
_OUR_OWN_FAULT = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)

# What the database said → what to do. A server may speak Chinese itself, and tells who could not come in by words alone.
_REMEDIES = (
    ("no such table", "数据库尚未初始化或未升级，请先运行 zuozhen db upgrade"),
    ("no such column", "数据库版本落后于程序，请先运行 zuozhen db upgrade"),
    ("locked", "数据库正被另一进程长时间占用，请稍后再试"),
    ("full", "磁盘已满，请清理后再试"),
    ("readonly", "数据库文件不可写，请检查文件权限"),
    ("unable to open", "数据库文件无法打开，请检查目录是否存在、权限是否正确"),
    ("malformed", "数据库文件已损坏，请从备份恢复"),
    ("not a database", "该文件不是数据库，请检查配置中的路径"),
    ("password authentication failed", "数据库口令不对，请检查 [store] 的 password_file 或 credential，以及地址中的用户名"),
    ("认证失败", "数据库口令不对，请检查 [store] 的 password_file 或 credential，以及地址中的用户名"),
    ("no password supplied", "数据库要求口令，请在 [store] 中写 password_file 或 credential"),
    ("pg_hba.conf", "数据库服务器不接受来自本机的这个用户，请数据库管理员在 pg_hba.conf 中放行"),
    ("database system is", "数据库服务器正在启动或关闭，请稍后再试"),
    ("数据库系统", "数据库服务器正在启动或关闭，请稍后再试"),
    ("too many c", "数据库连接数已满，请停掉不用的连接，或请数据库管理员调大 max_connections"),
    ("connection slots", "数据库连接数已满，请停掉不用的连接，或请数据库管理员调大 max_connections"),
    ("太多", "数据库连接数已满，请停掉不用的连接，或请数据库管理员调大 max_connections"),
    ("role", "数据库用户不存在或没有权限，请检查地址中的用户名"),
    ("does not exist", "数据库不存在，请先建库：createdb -E UTF8 -T template0 库名"),
    ("不存在", "数据库或用户不存在，请检查地址，或先建库：createdb -E UTF8 -T template0 库名"),
    ("refused", "数据库服务器连不上，请检查它是否在运行、地址与端口是否正确"),
    ("No such file", "数据库服务器连不上，请检查它是否在运行、套接字目录是否正确"),
    ("resolve", "数据库服务器的主机名解析不了，请检查地址"),
    ("timeout", "数据库服务器没有应答，请检查网络与防火墙"),
    ("timed out", "数据库服务器没有应答，请检查网络与防火墙"),
    ("server closed", "与数据库服务器的连接断了，稍后会自动重连"),
    ("connection is lost", "与数据库服务器的连接断了，稍后会自动重连"),
    ("connection is closed", "与数据库服务器的连接断了，稍后会自动重连"),
)
# The same by SQLSTATE, which PostgreSQL gives once somebody is in, whatever language it speaks.
_BY_STATE = {
    "42P01": "数据库尚未初始化或未升级，请先运行 zuozhen db upgrade",
    "42703": "数据库版本落后于程序，请先运行 zuozhen db upgrade",
    "42501": "数据库用户没有权限，请让它成为数据库的属主（ALTER DATABASE 库名 OWNER TO 用户名）",
    "25006": "数据库只能读不能写（可能是备机），请检查地址是否指向主机",
    "53100": "数据库服务器磁盘已满，请清理后再试",
    "53200": "数据库服务器内存不足",
    "53300": "数据库连接数已满，请停掉不用的连接，或请数据库管理员调大 max_connections",
    "55P03": "数据库正被另一进程长时间占用，请稍后再试",
    "57P01": "与数据库服务器的连接断了，稍后会自动重连",
    "57P02": "与数据库服务器的连接断了，稍后会自动重连",
    "57P03": "数据库服务器正在启动或关闭，请稍后再试",
}
_LOST_TO_ANOTHER = {"40001", "40P01"}  # serialization failure, deadlock: rolled back for certain, and worth doing again
_NOT_OURS = {"42P01", "42703", "42501"}  # programming errors by class, but the operator's to mend
_EXAMPLES = "例如 sqlite:////var/lib/zuozhen/zuozhen.db 或 postgresql://zuozhen@db.example.org/zuozhen"


def parse(url: str, password: str | None = None) -> sa.URL:
    """Return *url* parsed, with *password* where it is kept elsewhere; raises ConfigError where nobody could work with it."""
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise _unusable("无法识别的数据库地址", _EXAMPLES) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise _unusable("SQLite 地址缺少文件路径，内存数据库会丢失来件", "例如 sqlite:////var/lib/zuozhen/zuozhen.db")
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "postgresql" and not parsed.database:
        raise _unusable("PostgreSQL 地址缺少库名", "例如 postgresql://zuozhen@db.example.org/zuozhen")
    return parsed if password is None else parsed.set(password=password)


def _unusable(message: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(place="database", key="url", message=message, remedy=remedy)])


def is_shared(url: sa.URL) -> bool:
    """Say whether several services may work on the database at *url*; one on a file has it for itself (`daemon.single`)."""
    return url.get_backend_name() != "sqlite"


def open_engine(url: sa.URL, *, patience: timedelta, read_only: bool = False, foreign_keys: bool = True, connections: int = 5) -> sa.Engine:
    """Return an engine for *url* that waits *patience* for another process's lock, over *connections* at most. Nothing is opened yet.

    Errors never show bound values: they are the words of petitions.
    """
    is_postgresql = url.get_backend_name() == "postgresql"
    more: dict[str, Any] = {"connect_args": _postgresql_settings(patience, read_only=read_only)} if is_postgresql else {}
    if is_postgresql:  # a server restarted in between: the connection is tried before it is used, and made anew
        more |= {"pool_pre_ping": True, "pool_size": connections, "max_overflow": 0}
    try:
        engine = sa.create_engine(url, hide_parameters=True, **more)
    except (exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise _unusable(f"不支持的数据库：{url.drivername}", f"支持 sqlite 与 postgresql，{_EXAMPLES}") from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, patience=patience, read_only=read_only, foreign_keys=foreign_keys)
    else:
        event.listen(engine, "handle_error", _without_details)
    return engine


def _without_details(context: ExceptionContext) -> None:
    """Leave of a server's error what it says of the statement: its further lines quote the row, which are the words of a petition."""
    cause = context.original_exception
    first = str(cause).partition("\n")[0]
    cause.args = (first,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(cause).__name__}) {first}",)


def _postgresql_settings(patience: timedelta, *, read_only: bool) -> dict[str, object]:
    """Return what every connection to PostgreSQL is opened with.

    A reader sees one state of the database from its first query to its last (REPEATABLE READ, which a reader alone never fails). The
    writer sees what others committed meanwhile (READ COMMITTED): a mail that came twice must find the first one.
    """
    settings = {
        "timezone": "UTC",
        "lock_timeout": str(int(patience / timedelta(milliseconds=1))),
        "default_transaction_isolation": "repeatable read" if read_only else "read committed",
        "default_transaction_read_only": "on" if read_only else "off",
        "synchronous_commit": "on",  # a 250 is a promise: it must outlive a power failure
        "idle_in_transaction_session_timeout": "300000",  # ms; a process that was stopped in mid-transaction must not hold up the others
    }
    return {
        "client_encoding": "utf8",
        "application_name": "zuozhen",
        "connect_timeout": 10,
        # A server that vanished without a goodbye is noticed after half a minute, not after the two hours of the kernel.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
        "options": " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items()),
    }


def check_server(connection: sa.Connection) -> None:
    """Raise UsageError where the database could not keep every message: a PostgreSQL database that is not in UTF-8."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        remedy = "请以 UTF8 重新建库：createdb -E UTF8 -T template0 库名"
        raise UsageError(f"数据库的编码是 {encoding}，存不下全部汉字（{remedy}）")


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
        problem = f"数据库文件 {url.database} 无法建立：{reason(error)}（请检查目录是否存在、权限是否正确）"
        raise StoreUnavailableError(problem) from error


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
    """Say whether *connection* is still inside its transaction: SQLite drops all of it when the disk is full or fails.

    PostgreSQL keeps what stood before the savepoint, unless the connection is gone.
    """
    if connection.invalidated:
        return False
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection):
        return driver.in_transaction
    return driver is not None and not driver.closed


def is_lost_to_another(error: BaseException) -> bool:
    """Say whether the transaction was undone because another one was in the way (a deadlock): again, it will go through."""
    return _state_of(error) in _LOST_TO_ANOTHER or _state_of(error.__cause__) in _LOST_TO_ANOTHER


def is_unavailable(error: BaseException) -> bool:
    """Say whether *error* is the database's trouble (locked, full, away) rather than a mistake of the caller."""
    if isinstance(error, _OUR_OWN_FAULT):
        return _state_of(error) in _NOT_OURS
    return isinstance(error, exc.DBAPIError | exc.TimeoutError | sqlite3.Error)


def unavailable(error: BaseException) -> StoreUnavailableError:
    """Return *error* as an operator should read it, with *error* as its cause."""
    said = str(error.orig if isinstance(error, exc.DBAPIError) else error)
    by_words = (remedy for mark, remedy in _REMEDIES if mark in said)
    remedy = _BY_STATE.get(_state_of(error)) or next(by_words, "请查看数据库日志")
    failure = StoreUnavailableError(f"数据库暂不可用：{said.splitlines()[0] if said else ''}（{remedy}）")
    failure.__cause__ = error
    return failure


def is_full(error: BaseException) -> bool:
    """Say whether *error* comes of a SQLite file that could not grow, because its disk is full."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return error.__cause__ is not None and is_full(error.__cause__)


def _state_of(error: BaseException | None) -> str:
    """Return the SQLSTATE of an error of PostgreSQL, "" where there is none."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise StoreUnavailableError for what the database could not do; let everything else through."""
    try:
        yield
    except Exception as error:
        if is_unavailable(error):
            raise unavailable(error) from error
        raise

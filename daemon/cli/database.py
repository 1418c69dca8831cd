"""`zuozhen db`, `zuozhen backup`, `zuozhen restore`: the database as a whole."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, failed, local, table
from daemon.cli.place import ConfigOption, JsonOption, config_at
from daemon.single import only_service
from daemon.stores import open_database
from daemon.wiring import utc_now
from store import backup as backups
from store import copying, leases
from store.backup import Manifest
from store.database import Database
from store.errors import UsageError

BackupFile = Annotated[Path, typer.Argument(metavar="备份文件", help="如 /var/backups/zuozhen-20241009.zip")]

_KINDS = {"sqlite": "SQLite 文件", "postgresql": "PostgreSQL"}
# What an operator asks first; the rest stands in --json.
_NAMES = {"arrivals": "来件", "cases": "事项", "decisions": "续件与非诉求来件", "events": "登记历史", "notices": "通知", "blobs": "附件"}
_BROKEN = 1  # exit code: the backup is made, but histories in it are broken


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the commands to the command line."""
    if name == "backup":
        app.command(name, cls=Command, short_help=summary)(backup)
    elif name == "restore":
        app.command(name, cls=Command, short_help=summary)(restore)
    else:
        databases = group(summary)
        for command in (upgrade, status):
            databases.command(command.__name__, cls=Command)(command)
        app.add_typer(databases, name=name)


def upgrade(config: ConfigOption = None) -> None:
    """建表，或把表升级到程序要的版本；已是最新时什么都不做。升级前请先备份。

    例：zuozhen db upgrade
    """
    database = open_database(config_at(config).store)

    async def work() -> None:
        before, newest = await database.revision()
        await database.upgrade()
        await database.close()
        if before == newest:
            done(f"数据库已是最新（{newest}）：{database.place}")
        else:
            done(f"数据库已从 {before or '（空）'} 升级到 {newest}：{database.place}")

    asyncio.run(work())


def status(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """看数据库在哪里、什么版本、有多少件、哪些服务正在用。

    例：zuozhen db status
    """
    database = open_database(config_at(config).store)

    async def work() -> dict[str, object]:
        found, newest = await database.revision()
        state: dict[str, object] = {"kind": database.kind, "place": database.place, "revision": found, "needed": newest}
        if found == newest:
            await database.start()
            state |= {"services": await leases.at_work(database), "counts": await database.read(copying.count)}
        await database.close()
        return state

    state = asyncio.run(work())
    if json_:
        as_json(state)
        return
    done(f"{_KINDS[database.kind]}：{database.place}")
    if state["revision"] != state["needed"]:
        done(f"版本 {state['revision'] or '（空）'}，程序要的是 {state['needed']}：请运行 zuozhen db upgrade")
        return
    done(f"版本 {state['revision']}，是最新的")
    if database.is_shared:
        services = state["services"]
        done("正在用它的服务：" + ("、".join(services) if isinstance(services, list) and services else "没有"))
    _show_counts(state["counts"])


def backup(target: BackupFile, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """备份全部内容到一个文件；服务照常运行。写好后整个读回核对，核对无误才有这个文件；已有的文件不覆盖。

    例：zuozhen backup /var/backups/zuozhen-$(date +%Y%m%d).zip
    """
    database = open_database(config_at(config).store)

    async def work() -> Manifest:
        await database.start()
        try:
            with _progress() as progress:
                return await backups.back_up(database, target, now=utc_now(), product=version("zuozhen"), progress=progress)
        finally:
            await database.close()

    if database.file is not None and not database.file.exists():
        raise UsageError(f"没有数据库文件 {database.file}，没有可备份的内容；请检查 [store] 的 url")
    manifest = asyncio.run(work())
    if json_:
        as_json(asdict(manifest))
    else:
        done(f"已备份到 {target}（{target.stat().st_size / (1 << 20):.1f} 兆字节），读回核对无误。")
        _show_counts(manifest.contents.counts)
    if manifest.contents.broken:
        failed(_broken(manifest))
        raise typer.Exit(_BROKEN)


def restore(
    archive: BackupFile,
    config: ConfigOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="SQLite：原有的文件改名保留，换成备份的")] = False,
    check: Annotated[bool, typer.Option("--check", help="只核对这份备份，不恢复")] = False,
) -> None:
    """把备份恢复到配置里的数据库；两种数据库的备份可以互相恢复。先停服务；目标须是空的；全部核对无误才放上去。

    例：zuozhen restore /var/backups/zuozhen-20241009.zip
    """
    if check:
        with _progress() as progress:
            manifest = asyncio.run(backups.verify(archive, progress=progress))
        _show(manifest)
        done("这份备份完好。")
        return
    store = config_at(config).store
    database = open_database(store)

    async def work() -> Manifest:
        try:
            with _progress() as progress:
                return await backups.restore(archive, database, progress=progress, replace=replace)
        finally:
            await database.close()

    with _stopped(database, store.url):
        manifest = asyncio.run(work())
    _show(manifest)
    done(f"已恢复到 {database.place}。")
    if manifest.contents.queued:
        done(
            f"提醒：备份里有 {manifest.contents.queued} 封待发的通知，其中在备份之后已经发出的，启动服务后会以同一个 Message-ID 再发一次。"
        )


@contextmanager
def _stopped(database: Database, url: str) -> Iterator[None]:
    """Keep a service from starting on the file meanwhile; on a server the store sees to that."""
    with only_service(url) if database.file is not None else nullcontext():
        yield


@contextmanager
def _progress() -> Iterator[copying.Progress]:
    """Yield what shows a bar for each piece of work on a terminal, and nothing where nobody looks."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        tasks: dict[str, TaskID] = {}

        def show(what: str, finished: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=finished, total=total)

        yield show


def _show(manifest: Manifest) -> None:
    done(f"{local(manifest.made_at)} 由 zuozhen {manifest.product} 从 {_KINDS[manifest.kind]} 备份，版本 {manifest.revision}")
    _show_counts(manifest.contents.counts)
    if manifest.contents.broken:
        failed(_broken(manifest))


def _broken(manifest: Manifest) -> str:
    broken = manifest.contents.broken
    return f"注意：{len(broken)} 件的登记历史前后不符，原样保留了下来，请查明原因：\n" + "\n".join(broken[:10])


def _show_counts(counts: object) -> None:
    if isinstance(counts, dict):
        table(tuple(_NAMES.values()), [tuple(str(counts.get(name, 0)) for name in _NAMES)])

"""A backup: one zip archive with a SQLite file of everything, whatever the database is, and a manifest that says what must be in it.

It is written while the service works, from one state of the database; read back before it gets its name; restored into either kind of
database; and never put over anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from sqlalchemy import Connection

from store import copying, dialects
from store.copying import Contents, Progress
from store.database import Database
from store.errors import StoreUnavailableError, UsageError
from store.leases import at_work
from store.trouble import reason

_FORMAT = 1
_DATABASE, _MANIFEST = "zuozhen.db", "manifest.json"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself. `contents` is what the copy held when it was read back; `sha256` is of the SQLite file inside."""

    made_at: datetime
    product: str
    revision: str
    kind: str
    sha256: str
    contents: Contents


async def back_up(source: Database, target: Path, *, now: datetime, product: str, progress: Progress) -> Manifest:
    """Write a backup of *source*, which may be in use, to *target*.

    Nothing stands under that name before all of it has been read back. Raises UsageError where something is there already, where it cannot
    be written, or where the database is of another version.
    """
    _refuse_existing(target)
    with _workshop(target) as folder:
        revision = await _at_head(source)
        copy = Database(f"sqlite:///{folder / _DATABASE}")
        await copy.upgrade()
        await copy.close()
        await source.read(lambda connection: _copy_all(connection, copy, progress))
        contents = await asyncio.to_thread(_examine, folder / _DATABASE, progress)
        manifest = Manifest(
            made_at=now, product=product, revision=revision, kind=source.kind, sha256=_digest(folder / _DATABASE), contents=contents
        )
        await asyncio.to_thread(_pack, folder, manifest, progress)
        _publish(folder / "archive", target)
    return manifest


async def restore(archive: Path, target: Database, *, progress: Progress, replace: bool = False) -> Manifest:
    """Put the backup *archive* where *target* is, which must be empty; all of it has been verified before any of it is in place.

    With *replace* a SQLite file with contents is set aside under another name. Raises UsageError where the archive is none or damaged,
    or where *target* has contents.
    """
    with _workshop(target.file or archive) as folder:
        manifest = await _open(archive, folder, progress)
        if target.file is not None:
            _put_in_place(folder / _DATABASE, target.file, replace=replace)
        else:
            await _pour(folder / _DATABASE, target, manifest, progress)
    return manifest


async def verify(archive: Path, *, progress: Progress) -> Manifest:
    """Return what the backup says of itself once all of it has been read and found so. Raises UsageError where it is not."""
    with _workshop(archive) as folder:
        return await _open(archive, folder, progress)


def read_manifest(archive: Path) -> Manifest:
    """Return what the backup says of itself. Raises UsageError where it is none."""
    try:
        with zipfile.ZipFile(archive) as opened:
            said = json.loads(opened.read(_MANIFEST))
        if said.pop("format") != _FORMAT:
            raise UsageError(f"{archive} 是另一个版本的 zuozhen 做的备份，请用那个版本恢复")
        contents = said.pop("contents")
        contents = Contents(**{**contents, "broken": tuple(contents["broken"])})
        return Manifest(made_at=datetime.fromisoformat(said.pop("made_at")), contents=contents, **said)
    except OSError as error:
        raise UsageError(f"打不开备份 {archive}：{reason(error)}") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{archive} 不是 zuozhen 的备份，或者已经损坏") from error


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise UsageError(f"{target} 已存在，没有覆盖；请换一个文件名")


async def _at_head(source: Database) -> str:
    found, newest = await source.revision()
    if found != newest:
        raise UsageError(f"数据库的版本是 {found or '（空）'}，程序要的是 {newest}；请先运行 zuozhen db upgrade")
    return newest


async def _open(archive: Path, folder: Path, progress: Progress) -> Manifest:
    """Take the file out of *archive* and verify it; one of an older version is brought up to date, here and not in place."""
    manifest = await asyncio.to_thread(_unpack, archive, folder, progress)
    copy = Database(f"sqlite:///{folder / _DATABASE}")
    await copy.upgrade()
    await copy.close()
    found, said = await asyncio.to_thread(_examine, folder / _DATABASE, progress), manifest.contents
    kept = {name: found.counts.get(name) for name in said.counts}  # a newer version may have more tables
    if (kept, found.queued, found.heads, found.broken) != (said.counts, said.queued, said.heads, said.broken):
        raise UsageError(f"{archive} 里的内容与它的清单不符，没有恢复；请用另一份备份")
    return manifest


def _copy_all(source: Connection, target: Database, progress: Progress) -> None:
    with target.writing_alone() as connection:
        copying.copy(source, connection, progress)


def _examine(file: Path, progress: Progress) -> Contents:
    """Read back a SQLite file. Raises UsageError where it is damaged."""
    with Database(f"sqlite:///{file}").writing_alone() as connection:
        if damage := copying.damage(connection):
            raise UsageError("备份中的数据库文件已损坏：" + "；".join(damage[:3]))
        return copying.examine(connection, progress)


async def _pour(file: Path, target: Database, manifest: Manifest, progress: Progress) -> None:
    """Write the contents of a SQLite file into a server's database, in one transaction that is verified before it stands."""

    def pour() -> None:
        with Database(f"sqlite:///{file}").writing_alone() as source, target.writing_alone() as connection:
            dialects.lock_for_migration(connection)  # a service that starts meanwhile waits
            if any(copying.count(connection).values()):
                raise UsageError("数据库里已有内容，没有恢复；请另建一个空库，把 [store] 的 url 指过去再恢复")
            copying.copy(source, connection, progress)
            if copying.examine(connection, progress).heads != manifest.contents.heads:
                raise UsageError("写入后核对不符，已全部撤销；请重试，仍不行请报告")

    await target.upgrade()
    await target.start()
    try:
        if alive := await at_work(target):
            raise UsageError(f"还有服务在用这个数据库（{'、'.join(alive)}），没有恢复；请先停掉它们")
    finally:
        await target.close()
    await asyncio.to_thread(pour)


def _put_in_place(file: Path, target: Path, *, replace: bool) -> None:
    """Give the verified *file* its name; what is there is set aside, with its log files, or refused."""
    parts = [ending for ending in ("", "-wal", "-shm") if _beside(target, ending).exists()]
    if parts and not replace:
        raise UsageError(f"{target} 已存在，没有恢复；确需替换请加 --replace，原来的文件会改名保留")
    aside = _beside(target, f".{time.strftime('%Y%m%d-%H%M%S')}.old")
    for ending in parts:
        _beside(target, ending).rename(_beside(aside, ending))
    _publish(file, target)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


@contextlib.contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """Yield a private folder beside *target*: what is made there can get its name in one step."""
    try:
        with TemporaryDirectory(dir=target.absolute().parent, prefix=f".{target.name}-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        raise UsageError(f"写不了 {target.absolute().parent}：{reason(error)}（请检查目录是否存在、有无权限、是否有足够空间）") from error
    except StoreUnavailableError as error:
        if not dialects.is_full(error):
            raise
        # Only what is made here grows: of the database itself nothing but reading was asked.
        raise UsageError(f"写不了 {target.absolute().parent}：磁盘已满（请清理，或换一个目录；数据库没有动过）") from error


def _publish(file: Path, target: Path) -> None:
    """Give *file* its name for good, unless somebody has taken that meanwhile."""
    with file.open("rb") as written:
        os.fsync(written.fileno())
    file.chmod(0o600)
    try:
        os.link(file, target)
    except FileExistsError as error:
        raise UsageError(f"{target} 已存在，没有覆盖") from error
    folder = os.open(target.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _pack(folder: Path, manifest: Manifest, progress: Progress) -> None:
    said = {"format": _FORMAT, **asdict(manifest), "made_at": manifest.made_at.isoformat()}
    with zipfile.ZipFile(folder / "archive", "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_MANIFEST, json.dumps(said, ensure_ascii=False, indent=2))
        with (folder / _DATABASE).open("rb") as source, archive.open(_DATABASE, "w", force_zip64=True) as member:
            _through(source, member, (folder / _DATABASE).stat().st_size, "压缩", progress)
    with zipfile.ZipFile(folder / "archive") as archive, archive.open(_DATABASE) as member:
        if _digest_of(member) != manifest.sha256:
            raise StoreUnavailableError("写出的备份读回来不一样，已丢弃；请检查磁盘")


def _unpack(archive: Path, folder: Path, progress: Progress) -> Manifest:
    manifest = read_manifest(archive)
    try:
        private = os.open(folder / _DATABASE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(private, "wb") as file, zipfile.ZipFile(archive) as opened, opened.open(_DATABASE) as member:
            _through(member, file, opened.getinfo(_DATABASE).file_size, "解压", progress)
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        raise UsageError(f"备份 {archive} 已损坏，没有恢复；请用另一份备份") from error
    if _digest(folder / _DATABASE) != manifest.sha256:
        raise UsageError(f"备份 {archive} 的内容与清单中的摘要不符，没有恢复；请用另一份备份")
    return manifest


def _through(source: IO[bytes], target: IO[bytes], total: int, what: str, progress: Progress) -> None:
    done = 0
    while piece := source.read(_PIECE):
        target.write(piece)
        done += len(piece)
        progress(what, done, total)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return _digest_of(opened)


def _digest_of(opened: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := opened.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()

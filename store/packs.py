"""The packs that decisions were made with, each kept whole under its digest, so that years later an old decision can be made again.

What a pack means is not known here: its files go in and come out byte for byte, in one zip archive that any tool opens.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from store import dialects
from store.database import Database
from store.errors import UsageError
from store.tables import PACKS

_ONE_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip knows: the archive depends on nothing but the files
_SHORTEST = 6  # characters of a digest that may stand for all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPack:
    """One pack as it was when it was first used. `files` are by name inside the pack's folder."""

    district: str
    digest: str
    kept_at: datetime
    files: Mapping[str, bytes]


class Packs:
    """The kept packs of all districts in one database."""

    def __init__(self, db: Database) -> None:
        """Work on *db*, started by its owner."""
        self._db = db

    async def keep(self, district: str, digest: str, files: Mapping[str, bytes], *, now: datetime) -> None:
        """Keep the pack; nothing happens where it is kept already. Raises StoreUnavailableError."""
        row = {"district": district, "digest": digest, "kept_at": now, "content": _packed(files)}
        await self._db.write(lambda connection: keep(connection, row))

    async def load(self, district: str, digest: str) -> KeptPack:
        """Return the pack whose digest is, or begins with, *digest*.

        Raises UsageError where none is kept, or where so few characters fit several.
        """
        return await self._db.read(lambda connection: _load(connection, district, digest.strip().lower()))


def keep(connection: Connection, row: Mapping[str, object]) -> None:
    """Write one row of the table, unless it is there (a unit of `Database.write`)."""
    connection.execute(dialects.insert_new(connection, PACKS), [row])


def _load(connection: Connection, district: str, digest: str) -> KeptPack:
    if len(digest) < _SHORTEST:
        raise UsageError(f"规则包摘要至少写前 {_SHORTEST} 位")
    fits = PACKS.c.digest.startswith(digest, autoescape=True)
    rows = connection.execute(select(PACKS).where(PACKS.c.district == district, fits).limit(2)).mappings().all()
    if not rows:
        raise UsageError(f"没有保存摘要为 {digest} 的规则包；服务只保存自己用过的规则包，请核对摘要")
    if len(rows) > 1:
        raise UsageError(f"摘要以 {digest} 开头的规则包不止一个，请多写几位")
    (row,) = rows
    return KeptPack(district=row["district"], digest=row["digest"], kept_at=row["kept_at"], files=_unpacked(row["content"]))


def _packed(files: Mapping[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _ONE_DATE), content, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

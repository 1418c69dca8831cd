"""The files that came with an arrival or that an act rests on: each content once, under its SHA-256. Parts of larger units of `Database.write`."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from store import dialects
from store.model.letter import Attachment
from store.model.petition import Reading
from store.tables import ATTACHMENTS, BLOBS

_ATTACH = ATTACHMENTS.insert()  # built once: building it costs several times what running it does


def of_arrival(connection: Connection, district: str, arrival_id: int, reading: Reading) -> None:
    """Keep the files that came with an arrival, under the names that its sender gave them."""
    keep(connection, district, reading.blobs)
    files = enumerate(reading.petition.letter.attachments)
    rows = [{"district": district, "arrival_id": arrival_id, "position": position, **_file(file)} for position, file in files]
    if rows:
        connection.execute(_ATTACH, rows)


def keep(connection: Connection, district: str, files: Mapping[str, bytes]) -> None:
    """Keep *files*, by their SHA-256."""
    for sha256, content in files.items():
        connection.execute(dialects.insert_new(connection, BLOBS), {"sha256": sha256, "district": district, "content": content})


def _file(attachment: Attachment) -> dict[str, str | int]:
    return {
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
    }

"""Files that come with the samples: the filled-in 附件2 as .docx and a photograph, the same octets at every call."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

from docx import Document

from daemon.demo.clients import File

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_FORM_TITLE = "昆明市呈贡区“区委书记、区长、局长坐诊接诉”企业预约“挂号”信息表"
_FIRST_DAY_OF_ZIP = (1980, 1, 1, 0, 0, 0)
_WIDTH, _HEIGHT = 64, 40


def form(fields: Mapping[str, str]) -> File:
    """Return 附件2 of 区委办〔2024〕48号 filled in with *fields*: name, uscc, address, contact, phone, title, content."""
    document = Document()
    document.add_paragraph("附件2")
    document.add_heading(_FORM_TITLE, level=1)
    rows = (
        ("企业名称", fields["name"]),
        ("统一社会信用代码", fields["uscc"]),
        ("企业所在地址", fields["address"]),
        ("反映诉求企业联系人", fields["contact"], "联系电话", fields["phone"]),
        ("诉求标题", fields["title"]),
        ("诉求内容", fields["content"]),
    )
    table = document.add_table(rows=len(rows), cols=4, style="Table Grid")
    for row, texts in zip(table.rows, rows, strict=True):
        if len(texts) == 2:  # noqa: PLR2004 - one label and one wide cell, as in the printed form
            row.cells[1].merge(row.cells[3])
        for cell, text in zip(row.cells, texts, strict=False):
            cell.text = text
    packed = io.BytesIO()
    document.save(packed)
    return File(name="附件2企业预约挂号信息表.docx", content_type=_DOCX, octets=_without_times(packed.getvalue()))


def photo(name: str) -> File:
    """Return a small PNG: sky, a shop front, and no sign above its door."""
    rows = []
    for y in range(_HEIGHT):
        sky, door = y < _HEIGHT // 3, range(26, 38)
        colours = ((140, 190, 230) if sky else (70, 50, 40) if x in door else (200, 170, 130) for x in range(_WIDTH))
        rows.append(b"\x00" + b"".join(map(bytes, colours)))
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + _chunk(b"IEND", b"")
    return File(name=name, content_type="image/png", octets=b"\x89PNG\r\n\x1a\n" + chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _without_times(packed: bytes) -> bytes:
    """Return the same archive with one fixed time on every member, so that the sample is the same each day."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(result, "w") as target:
        for member in source.infolist():
            entry = zipfile.ZipInfo(member.filename, _FIRST_DAY_OF_ZIP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(member))
    return result.getvalue()

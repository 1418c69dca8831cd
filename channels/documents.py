"""Attached documents: the only module that opens .docx, .xlsx and .txt files of strangers.

An archive is measured before it is opened (entries, declared and real size, the extent of a sheet), and nothing in it is followed:
no external entity, no link, no macro. What cannot be read is a note in Chinese, not an error.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml
from docx.oxml.xmlchemy import BaseOxmlElement
from python_calamine import CalamineError, CalamineWorkbook

from channels.charset import decode

_MAX_ENTRIES = 2_000
_MAX_UNPACKED = 48 << 20  # bytes, all entries of an archive together
_MAX_PART = 16 << 20  # bytes of one part that is parsed
_MAX_EXTENT = 1_000_000  # cells of the rectangle a sheet spans: the reader allocates all of it
_MAX_CELLS, _MAX_TEXT = 20_000, 400_000  # cells and characters taken from one document
_MAX_SHEETS, _MAX_ROWS, _MAX_COLUMNS = 20, 2_000, 200  # taken from one workbook, one sheet, one row
_MAX_DEPTH = 8  # tables within tables
_MAX_SPAN = 64  # columns one cell may span
_LAST_COLUMN = 16_384  # of a sheet (ECMA-376)

_WORD = "word/document.xml"  # the main part of a Word document
_ZIP = b"PK\x03\x04"
_UNREADABLE = {
    b"\xd0\xcf\x11\xe0": "是旧版 Office 格式（.doc、.xls），系统不能读取，请人工打开，或请企业改用 .docx、.xlsx",
    b"%PDF": "是 PDF，系统不能读取其中文字，请人工打开",
    b"Rar!": "是压缩包，系统不打开，请人工查看",
    b"7z\xbc\xaf": "是压缩包，系统不打开，请人工查看",
}
_CELL = re.compile(rb"<c[\s/>]")
_PLACED_CELL = re.compile(rb'<c\s[^>]{0,200}?\br="([A-Z]{1,3})([0-9]{1,7})"')
_PLACED_ROW = re.compile(rb'<row\s[^>]{0,200}?\br="([0-9]{1,7})"')
_TEXT_TAGS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
# Boxes of symbol fonts (附件4, 附件5), and those of old form fields, as signs that have a shape in any font.
_SYMBOLS = {"F0A3": "□", "F06F": "□", "F0A8": "□", "F052": "☑", "F0FE": "☑", "F0FC": "√", "F0FD": "☒"}
_OFF = frozenset({"0", "false", "off"})
_TRANSPARENT = {qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:smartTag"), qn("w:customXml")}
_BROKEN = "已损坏或不完整，系统不能读取，请联系企业重发"


class _UnreadableError(Exception):
    """The document cannot be read; the text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: its place (rows over all tables counted on) and its code points [start, end) in the document's text."""

    row: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The text of an attached document (cells of a row parted by tabs) and the cells of its tables."""

    text: str
    cells: tuple[Cell, ...] = ()


def read_document(name: str, content_type: str, data: bytes) -> tuple[Document | None, str]:
    """Return the document in *data* and a note in Chinese on what could not be read ("" where nothing); (None, "") for pictures and the like."""
    try:
        return _read(name, content_type, data), ""
    except _UnreadableError as error:
        return None, f"附件“{name}”{error}"


def _read(name: str, content_type: str, data: bytes) -> Document | None:
    """Read *data* by what it is, not by what name and type claim."""
    if data.startswith(_ZIP):
        return _read_archive(data)
    if data[:4] in _UNREADABLE:
        raise _UnreadableError(_UNREADABLE[data[:4]])
    if content_type == "text/plain" or name.lower().endswith((".txt", ".text")):
        text = decode(data[: _MAX_TEXT * 4]).text
        return Document(text=text.replace("\r\n", "\n").replace("\r", "\n")[:_MAX_TEXT])
    return None


def _read_archive(data: bytes) -> Document:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if _measured(archive):
                return _read_docx(archive.read(_WORD))
        return _read_xlsx(data)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _UnreadableError(_BROKEN) from error


def _measured(archive: zipfile.ZipFile) -> bool:
    """Refuse an archive that is too much, by what it declares and by what is really in it; return whether it is a Word document."""
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > _MAX_ENTRIES:
        raise _UnreadableError(f"内含 {len(entries)} 个文件，超过上限，系统不打开，请人工核查")
    if not names & {_WORD, "xl/workbook.xml"}:
        raise _UnreadableError(_UNREADABLE[b"Rar!"])
    if sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
        raise _UnreadableError("解压后过大，疑似压缩炸弹，系统不打开，请人工核查")
    left = _MAX_UNPACKED
    for entry in entries:
        left -= _measured_entry(archive, entry, left)
    return _WORD in names


def _measured_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> int:
    """Return the real size of one entry, at most *left*; what is parsed must be no more than a part should be and declare nothing."""
    parts, size = [], 0
    with archive.open(entry) as stream:  # a false size or checksum raises BadZipFile here
        while part := stream.read(1 << 20):
            parts.append(part)
            size += len(part)
            if size > left or (entry.filename.endswith(".xml") and size > _MAX_PART):
                raise _UnreadableError("解压后过大，疑似压缩炸弹，系统不打开，请人工核查")
    content = b"".join(parts)
    if entry.filename.endswith((".xml", ".rels")) and (b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content[:4096]):
        raise _UnreadableError("含有实体声明，正常文档没有，系统不打开，请人工核查")
    if entry.filename.startswith("xl/worksheets/") and _extent(content) > _MAX_EXTENT:
        raise _UnreadableError("表格范围过大，系统不打开，请人工核查")
    return size


def _extent(sheet: bytes) -> int:
    """Count the cells of the rectangle that the cells of *sheet* span from the first."""
    cells = len(_CELL.findall(sheet))
    rows = columns = placed = 0
    for match in _PLACED_CELL.finditer(sheet):
        placed += 1
        column = 0
        for letter in match[1]:
            column = column * 26 + letter - 64
        columns, rows = max(columns, column), max(rows, int(match[2]))
    for match in _PLACED_ROW.finditer(sheet):
        rows = max(rows, int(match[1]))
    if placed < cells:  # cells without an address stand one beside the other
        columns, rows = max(columns, min(cells - placed, _LAST_COLUMN)), max(rows, 1)
    return rows * columns


@dataclass(slots=True)
class _Writer:
    """Puts a document's text together and remembers where its cells stand."""

    parts: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    length: int = 0
    row: int = 0

    def paragraph(self, text: str) -> None:
        self._add(text + "\n")

    def table_row(self, texts: Iterable[tuple[int, str]]) -> None:
        """Write one row: the column and the text of each of its cells."""
        for index, (column, text) in enumerate(texts):
            if index:
                self._add("\t")
            if len(self.cells) < _MAX_CELLS and self.length + len(text) <= _MAX_TEXT:
                self.cells.append(Cell(self.row, column, self.length, self.length + len(text)))
            self._add(text)
        self._add("\n")
        self.row += 1

    def _add(self, text: str) -> None:
        text = text[: max(0, _MAX_TEXT - self.length)]
        self.parts.append(text)
        self.length += len(text)

    def document(self) -> Document:
        return Document(text="".join(self.parts), cells=tuple(self.cells))


def _read_docx(part: bytes) -> Document:
    """Read the main part of a Word document; styles, pictures and the like, which cost most of the time, are not opened."""
    writer = _Writer()
    try:
        body = parse_xml(part).find(qn("w:body"))
    except (SyntaxError, ValueError) as error:  # lxml's errors are SyntaxErrors
        raise _UnreadableError(_BROKEN) from error
    if body is None:
        raise _UnreadableError(_BROKEN)
    _blocks(body, writer, 0)
    return writer.document()


def _blocks(parent: BaseOxmlElement, writer: _Writer, depth: int) -> None:
    """Write the paragraphs and tables in *parent*, those inside content controls too."""
    for child in parent:
        if child.tag == qn("w:p"):
            writer.paragraph(_text(child))
        elif depth < _MAX_DEPTH and child.tag == qn("w:tbl"):
            _table(child, writer, depth)
        elif depth < _MAX_DEPTH and child.tag in _TRANSPARENT:
            _blocks(child, writer, depth + 1)


def _table(table: BaseOxmlElement, writer: _Writer, depth: int) -> None:
    """Write a table row by row; tables within its cells follow their row, cell by cell."""
    for row in table.iter(qn("w:tr")):
        if _holder(row, "w:tbl") is not table:
            continue
        cells = [cell for cell in row.iter(qn("w:tc")) if _holder(cell, "w:tr") is row]
        writer.table_row(_placed(cells))
        for inner in (inner for cell in cells for inner in cell.iter(qn("w:tbl")) if _holder(inner, "w:tc") is cell):
            if depth + 1 < _MAX_DEPTH:
                _table(inner, writer, depth + 1)
    writer.paragraph("")


def _placed(cells: list[BaseOxmlElement]) -> Iterator[tuple[int, str]]:
    """Yield column and text of the cells of a row, a cell that continues the one above left out."""
    column = 0
    for cell in cells:
        merge = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
        if merge is None or merge.get(qn("w:val")) == "restart":
            paragraphs = (paragraph for paragraph in cell.iter(qn("w:p")) if _holder(paragraph, "w:tc") is cell)
            yield column, "\n".join(map(_text, paragraphs)).strip().replace("\t", " ")
        span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
        width = str(span.get(qn("w:val"))) if span is not None else "1"
        column += min(int(width), _MAX_SPAN) if width.isdecimal() and len(width) < len(str(_LAST_COLUMN)) else 1


def _holder(element: BaseOxmlElement, tag: str) -> BaseOxmlElement | None:
    """Return the nearest element above *element* with this tag."""
    return next(element.iterancestors(qn(tag)), None)


def _text(paragraph: BaseOxmlElement) -> str:
    """Return the text of a paragraph as it is read: no deleted text, no field codes, no second copy of a text box."""
    parts = []
    for element in paragraph.iter(qn("w:t"), qn("w:sym"), qn("w:checkBox"), *_TEXT_TAGS):
        if any(str(above.tag).endswith(("}Fallback", "}tabs")) for above in element.iterancestors()):
            continue
        parts.append(_TEXT_TAGS.get(str(element.tag)) or _box(element) or element.text or "")
    return "".join(parts)


def _box(element: BaseOxmlElement) -> str:
    """Return the box that *element* draws, ticked or not; "" where it draws none that we know."""
    if element.tag == qn("w:sym"):
        return _SYMBOLS.get(str(element.get(qn("w:char"))).upper(), "")
    if element.tag != qn("w:checkBox"):
        return ""
    checked = element.find(qn("w:checked"))
    return "☑" if checked is not None and checked.get(qn("w:val")) not in _OFF else "□"


def _read_xlsx(data: bytes) -> Document:
    writer = _Writer()
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in workbook.sheet_names[:_MAX_SHEETS]:
            for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)[:_MAX_ROWS]:
                writer.table_row((column, _cell_text(value)) for column, value in enumerate(row[:_MAX_COLUMNS]))
    except (CalamineError, ValueError) as error:
        raise _UnreadableError(_BROKEN) from error
    return writer.document()


def _cell_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():  # a telephone number typed as a number
        return str(int(value))
    return str(value).strip().replace("\t", " ").replace("\r", "")

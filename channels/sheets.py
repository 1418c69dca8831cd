"""Rows of a CSV, XLSX, JSON or JSONL file of others, whatever its character set, separator and title lines.

A row that is broken is told with its place and the next one is read: an unpaired quotation mark must not swallow the rest of a file.
What kind of file it is its bytes say, not its name. Reading strangers' workbooks belongs into a capped child (`channels.platform_reader`).
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from python_calamine import CalamineError, CalamineWorkbook

from channels.charset import decode
from store.errors import MalformedMessageError
from store.model.platforms import BadRow

MOST_ROWS = 50_000
_HEAD_LINES = 20  # among which the headings stand; above them there may be a title, a date of export
_RECORD_LINES = 200  # over which one quoted cell may run
_MOST_COLUMNS = 300
_UNPACKED = 256 << 20  # bytes of a workbook's parts together
_DEPTH = 5  # of objects inside a JSON row
_EXACT = 1 << 53  # above it a number of a sheet has lost its last digits
_SHOWN = 40  # characters of a bad row that are shown
_SEPARATORS = {",": "逗号", "\t": "制表符", ";": "分号", "|": "竖线"}
_ZIP = b"PK\x03\x04"
_NOT_TABLES = {
    b"\xd0\xcf\x11\xe0": "是旧版 Excel（.xls）；请另存为 .xlsx 或 CSV",
    b"%PDF": "是 PDF，不是表格；请平台导出 .xlsx 或 CSV",
    b"Rar!": "是压缩包；请解压后再放",
    b"7z\xbc\xaf": "是压缩包；请解压后再放",
}

Heads = Callable[[Sequence[str]], int]  # how many columns of a mapping these headings are; 0 where they are no headings


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its place as a person counts (line, row of the sheet, place in the list) and its cells by heading."""

    place: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The rows of one file in order, the broken ones apart, and in Chinese how it was read."""

    form: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    bad: tuple[BadRow, ...]


def read_sheet(raw: bytes, heads: Heads, *, records: str = "") -> Sheet:
    """Return the rows of *raw*; *heads* knows headings when it sees them, *records* says where in a JSON document the list lies.

    Raises MalformedMessageError (Chinese, with the next step) where nothing of it can be read.
    """
    if not raw.strip():
        raise MalformedMessageError("文件是空的")
    if raw[:4] in _NOT_TABLES:
        raise MalformedMessageError(f"文件{_NOT_TABLES[raw[:4]]}")
    if raw.startswith(_ZIP):
        sheet = _workbook(raw, heads)
    else:
        decoded = decode(raw)
        text = decoded.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        charset = decoded.codec.replace("_", "-").upper()
        sheet = _json(text, heads, records) if text.lstrip()[:1] in {"{", "["} else _csv(text, charset, heads)
    if len(sheet.rows) + len(sheet.bad) > MOST_ROWS:
        raise MalformedMessageError(f"文件有 {len(sheet.rows) + len(sheet.bad)} 行，超过 {MOST_ROWS} 行；请分成几个文件")
    return sheet


# ---------------------------------------------------------------- rows of cells

_Cells = tuple[int, Sequence[str]]


def _headed(form: str, lines: Sequence[_Cells], bad: Sequence[BadRow], heads: Heads) -> Sheet:
    """Find the headings among the first *lines* and put them over the cells below."""
    at = max(range(min(len(lines), _HEAD_LINES)), key=lambda index: heads(lines[index][1]), default=0)
    if not lines or not heads(lines[at][1]):
        raise _no_headings(lines)
    titles = _titles(lines[at][1])
    rows: list[Row] = []
    broken = [one for one in bad if one.place > lines[at][0]]
    for place, cells in lines[at + 1 :]:
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[len(titles) :]) or len(cells) < len(titles):
            broken.append(_of_other_width(place, cells, len(titles)))
        else:
            rows.append(Row(place=place, cells=dict(zip(titles, map(_bare, cells), strict=False))))
    named = tuple(title for title in titles if not title.startswith("\0"))
    return Sheet(form=form, heads=named, rows=tuple(rows), bad=tuple(sorted(broken, key=lambda one: one.place)))


def _titles(cells: Sequence[str]) -> list[str]:
    """Return the headings, without the empty ones at the end; an empty or repeated one in between gets a name nobody asks for."""
    titles = [cell.strip() for cell in cells]
    while titles and not titles[-1]:
        titles.pop()
    return [title if title and title not in titles[:at] else f"\0{at}" for at, title in enumerate(titles)]


def _no_headings(lines: Sequence[_Cells]) -> MalformedMessageError:
    first = next((cells for _, cells in lines if any(cell.strip() for cell in cells)), ())
    shown = "、".join(cell.strip()[:_SHOWN] for cell in first[:12] if cell.strip())
    return MalformedMessageError(
        f"没有找到表头：前 {_HEAD_LINES} 行里没有映射文件写的“编号”一列；第一行是：{shown or '（空）'}。"
        "请核对是不是这个平台的文件，或在映射文件的 columns 里写上它的列名"
    )


def _of_other_width(place: int, cells: Sequence[str], width: int) -> BadRow:
    return BadRow(
        place=place,
        column="",
        cell=_shown("，".join(cells)),
        problem=f"有 {len(cells)} 格，表头有 {width} 格",
        remedy="多半是内容里有没加引号的分隔符或换行",
    )


def _bare(cell: str) -> str:
    """Return a cell without what spreadsheets put around a number to keep it a text: ="…", a leading apostrophe or tab."""
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"'):
        cell = cell[2:-1].strip()
    return cell[1:] if cell.startswith("'") and cell[1:2].isdigit() else cell


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


# ---------------------------------------------------------------- CSV


def _csv(text: str, charset: str, heads: Heads) -> Sheet:
    lines = text.split("\n")
    separator = max(_SEPARATORS, key=lambda one: max((heads(_loose(line, one)) for line in lines[:_HEAD_LINES]), default=0))
    good: list[_Cells] = []
    bad: list[BadRow] = []
    for one in _records(lines, separator, heads):
        (bad if isinstance(one, BadRow) else good).append(one)  # type: ignore[arg-type]  # each list gets its own kind
    return _headed(f"CSV（{charset}，{_SEPARATORS[separator]}分隔）", good, bad, heads)


def _records(lines: Sequence[str], separator: str, heads: Heads) -> Iterator[_Cells | BadRow]:
    """Yield the records of *lines*: behind one that is broken the next line begins a new one."""
    at, width = 0, 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        cells, after = _record(lines, at, separator, width)
        if cells is None:
            yield BadRow(place=at + 1, column="", cell=_shown(lines[at]), problem="引号没有成对", remedy="补上引号，或去掉多余的引号")
        else:
            yield at + 1, cells
            if not width and heads(cells):
                width = len(_titles(cells))
        at = after


def _record(lines: Sequence[str], at: int, separator: str, width: int) -> tuple[list[str] | None, int]:
    """Return the cells of the record that begins at line *at* and where the next begins; None where its quotes do not pair.

    A record over several lines must have the *width* of the headings: else an open quotation mark has run into another row.
    """
    cells = _strict(lines[at], separator)
    if cells is not None:
        return cells, at + 1
    quotes = lines[at].count('"')
    for end in range(at + 1, min(at + _RECORD_LINES, len(lines))):
        quotes += lines[end].count('"')
        if quotes % 2 == 0:
            cells = _strict("\n".join(lines[at : end + 1]), separator)
            if cells is not None and (not width or len(cells) == width):
                return cells, end + 1
            break
    return None, at + 1


def _strict(text: str, separator: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return None


def _loose(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(separator)[:_MOST_COLUMNS]]


# ---------------------------------------------------------------- XLSX


def _workbook(raw: bytes, heads: Heads) -> Sheet:
    """Read the first sheet that has the headings."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if "xl/workbook.xml" not in archive.namelist():
                raise MalformedMessageError("文件是压缩包，不是 .xlsx 表格；请解压后再放")
            if sum(entry.file_size for entry in archive.infolist()) > _UNPACKED:
                raise MalformedMessageError("表格解开后过大，不打开；请分成几个文件")
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        names = workbook.sheet_names
        lines: list[_Cells] = []
        for name in names:
            lines = _lines(workbook, name)
            if any(heads(cells) for _, cells in lines[:_HEAD_LINES]):
                return _headed(f"XLSX（工作表“{name}”）", lines, (), heads)
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, NotImplementedError) as error:
        raise MalformedMessageError("表格已损坏、没有传完或加了密码，打不开；请重新导出") from error
    raise _no_headings(lines)


def _lines(workbook: CalamineWorkbook, name: str) -> list[_Cells]:
    rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return [(place, [_text(cell) for cell in row[:_MOST_COLUMNS]]) for place, row in enumerate(rows, 1)]


def _text(cell: object) -> str:
    """Return a cell of a sheet as it would be typed; a number that has lost digits as 5.30100E+17, which no number column takes."""
    match cell:
        case bool():
            return "是" if cell else "否"
        case float() if cell.is_integer():
            return str(int(cell)) if abs(cell) < _EXACT else f"{cell:.5E}"
        case datetime():
            return cell.isoformat(sep=" ", timespec="seconds")
        case date():
            return cell.isoformat()
        case None:
            return ""
        case _:
            return str(cell)


# ---------------------------------------------------------------- JSON


def _json(text: str, heads: Heads, records: str) -> Sheet:
    try:
        whole = _loaded(text)
    except ValueError as error:
        lines = _jsonl(text)
        if not any(isinstance(one, Row) for one in lines):
            raise MalformedMessageError(f"不是可读的 JSON：{_where(error)}") from error
        return _listed("JSONL", lines, heads)
    return _listed("JSON", _items(whole, heads, records), heads)


def _loaded(text: str) -> object:
    """Read JSON with every number as it is written: 530100241008006620 must keep its last digits."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError as error:
        raise ValueError("嵌套太深") from error


def _where(error: ValueError) -> str:
    return f"第 {error.lineno} 行第 {error.colno} 列" if isinstance(error, json.JSONDecodeError) else str(error)


def _jsonl(text: str) -> list[Row | BadRow]:
    found: list[Row | BadRow] = []
    for place, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(_item(place, _loaded(line)))
            except ValueError as error:
                found.append(BadRow(place=place, column="", cell=_shown(line), problem=f"不是可读的 JSON：{_where(error)}"))
    return found


def _items(whole: object, heads: Heads, records: str) -> list[Row | BadRow]:
    """Return the objects of a document: of the list it is or holds under *records*, or the one object it is."""
    for step in filter(None, records.split(".")):
        if not isinstance(whole, dict) or step not in whole:
            raise MalformedMessageError(f"JSON 里没有 {records}；请核对映射文件的 records")
        whole = whole[step]
    if isinstance(whole, dict) and not heads(list(_flat(whole))):
        lists = [value for value in whole.values() if isinstance(value, list)]
        whole = lists[0] if len(lists) == 1 else whole
    return [_item(place, one) for place, one in enumerate(whole if isinstance(whole, list) else [whole], 1)]


def _item(place: int, one: object) -> Row | BadRow:
    if not isinstance(one, dict):
        return BadRow(place=place, column="", cell=_shown(str(one)), problem="不是一条记录（应为 { … }）")
    return Row(place=place, cells=_flat(one))


def _flat(one: Mapping[str, object], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """Return nested objects as one row: caller.phone."""
    cells: dict[str, str] = {}
    for key, value in list(one.items())[:_MOST_COLUMNS]:
        if isinstance(value, dict) and depth < _DEPTH:
            cells |= _flat(value, f"{prefix}{key}.", depth + 1)
        elif isinstance(value, list):
            cells[prefix + key] = "、".join("" if part is None else str(part) for part in value)
        else:
            cells[prefix + key] = "" if value is None else _bare(_text(value))
    return cells


def _listed(form: str, found: Sequence[Row | BadRow], heads: Heads) -> Sheet:
    rows = tuple(one for one in found if isinstance(one, Row))
    titles = tuple(dict.fromkeys(title for row in rows for title in row.cells))
    if rows and not heads(titles):
        raise _no_headings([(1, titles)])
    return Sheet(form=form, heads=titles, rows=rows, bad=tuple(one for one in found if isinstance(one, BadRow)))

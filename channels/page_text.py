"""From lines on pages to one text: reading order, cells of a ruled form, lines that were broken only because they were full.

Every character of the text knows its line, and so its place on the page and how sure its reading is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from channels.documents import Cell, Document
from channels.grid import Grid
from channels.recognition import Box, Line

_SAME_LINE = 0.5  # of the height of a line: tops nearer than this stand side by side
_WIDE_GAP = 1.2  # of the height of a line: a wider gap between two parts of a line parts label and value
_FULL = 2.0  # of the height of a line: what ends nearer to the margin than this was broken because it was full
_STOPS = ("。", "：", "；", "！", "？", ":", ";")
_OPENS = re.compile(
    r"\s|[0-9一二三四五六七八九十①-⑩]{1,2}[.、)）．]|[(（][0-9一二三四五六七八九十]|[\u4e00-\u9fff]{2,10}[：:]"
)  # an item of a list, a label
_WORD_SIGN = re.compile(r"[A-Za-z0-9]")
_FORM_LABELS = re.compile(r"(企业名称|统一社会信用代码|企业所在地址|反映诉求企业联系人|联系电话|诉求标题|诉求内容)(?=[^\s:：|])")
_LEAST_LABELS = 3  # lines that open with a label of the form make it one
_MOST = 100_000  # characters of all pages


@dataclass(frozen=True, slots=True)
class Region:
    """Which line of which page the code points [start, end) of the text were read from, and how sure each sign is.

    Of text that no machine had to read there is none.
    """

    start: int
    end: int
    page: int
    box: Box
    confidences: tuple[float, ...]

    def least(self, start: int, end: int) -> float:
        """Return how sure the least sure sign of [start, end) is."""
        return min(self.confidences[max(0, start - self.start) : max(0, end - self.start)], default=1.0)


@dataclass(slots=True)
class PageText:
    """The text of all pages as it grows."""

    parts: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    length: int = 0
    row: int = 0

    def add_page(self, page: int, lines: Sequence[Line], grid: Grid) -> None:
        """Put the lines of *page* behind what there is: the free lines above a table, its rows, the lines below."""
        if self.length:
            self._put("\n")
        inside: dict[tuple[int, int], list[Line]] = {}
        free: list[Line] = []
        for line in lines:
            place = grid.cell_of(line.box)
            if place is None:
                free.append(line)
            else:
                inside.setdefault(place, []).append(line)
        filled = [number for number in range(len(grid.rows)) if any(row == number for row, _ in inside)]
        top = grid.rows[filled[0]][0][1] if filled else 0
        self._free(page, [line for line in free if filled and line.box[1] < top])
        for number in filled:
            self._table_row(page, [(column, inside.get((number, column), [])) for column in range(len(grid.rows[number]))])
        self._free(page, [line for line in free if not filled or line.box[1] >= top])

    def add_text(self, text: str) -> None:
        """Put *text* that nobody had to recognise behind what there is."""
        self._put(("\n" if self.length else "") + text + "\n")

    def document(self) -> Document:
        """Return the text with the cells of its tables."""
        return Document(text="".join(self.parts), cells=tuple(self.cells))

    def _table_row(self, page: int, cells: Iterable[tuple[int, list[Line]]]) -> None:
        for index, (column, lines) in enumerate(cells):
            if index:
                self._put("\t")
            start = self.length
            rows = _rows(lines)
            self._block(page, rows, _margin(rows))
            self.cells.append(Cell(self.row, column, start, self.length))
        self._put("\n")
        self.row += 1

    def _free(self, page: int, lines: Sequence[Line]) -> None:
        rows = _as_form(_rows(lines))
        if rows:
            self._block(page, rows, _margin(rows))
            self._put("\n")

    def _block(self, page: int, rows: Sequence[Sequence[Line]], margin: int) -> None:
        """Write *rows* of lines one below the other; a full one runs on."""
        for index, row in enumerate(rows):
            if index:
                self._put(_between(rows[index - 1], row, margin))
            for place, line in enumerate(row):
                if place:
                    self._put("\t" if line.box[0] - row[place - 1].box[2] > _WIDE_GAP * _height(line) else " ")
                start = self.length
                self._put(line.text)
                self.regions.append(Region(start, self.length, page, line.box, line.confidences))

    def _put(self, text: str) -> None:
        text = text[: max(0, _MOST - self.length)]
        self.parts.append(text)
        self.length += len(text)


def _rows(lines: Iterable[Line]) -> list[list[Line]]:
    """Return *lines* from the top, those side by side together from the left."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda one: one.box[1] + one.box[3]):
        last = rows[-1][0] if rows else None
        if last is not None and _middle(line) - _middle(last) < _SAME_LINE * min(_height(line), _height(last)):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda one: one.box[0]) for row in rows]


def _middle(line: Line) -> float:
    return (line.box[1] + line.box[3]) / 2


def _height(line: Line) -> int:
    return line.box[3] - line.box[1]


def _margin(rows: Sequence[Sequence[Line]]) -> int:
    return max((row[-1].box[2] for row in rows), default=0)


def _between(row: Sequence[Line], following: Sequence[Line], margin: int) -> str:
    """Return what parts two rows: a line end, or nothing where the first was broken only because it was full."""
    last, first = row[-1], following[0]
    height = median((_height(last), _height(first)))
    is_full = margin - last.box[2] < _FULL * height and len(row) == 1 and len(following) == 1
    is_indented = first.box[0] - row[0].box[0] > height
    if not is_full or is_indented or last.text.endswith(_STOPS) or _OPENS.match(first.text) or first.box[1] - last.box[3] > height:
        return "\n"
    return " " if _ends_word(last.text) and _begins_word(first.text) and not _is_code(last.text, first.text) else ""


def _ends_word(text: str) -> bool:
    return _WORD_SIGN.match(text[-1:]) is not None


def _begins_word(text: str) -> bool:
    return _WORD_SIGN.match(text) is not None


def _is_code(first: str, second: str) -> bool:
    """Whether a number or a code goes on in the next line, so that no space may part it."""
    tail = re.search(r"[0-9A-Z]+$", first)
    return tail is not None and any(char.isdigit() for char in tail[0]) and re.match(r"[0-9A-Z]", second) is not None


def _as_form(rows: list[list[Line]]) -> list[list[Line]]:
    """Return *rows* with a colon behind the form's labels where recognition lost the gap between label and value."""
    opening = sum(_FORM_LABELS.match(row[0].text) is not None for row in rows)
    if opening < _LEAST_LABELS:
        return rows
    return [[_with_colons(line) if _FORM_LABELS.match(row[0].text) else line for line in row] for row in rows]


def _with_colons(line: Line) -> Line:
    text, confidences = line.text, list(line.confidences)
    for match in reversed(list(_FORM_LABELS.finditer(text))):
        text = f"{text[: match.end()]}：{text[match.end() :]}"
        confidences.insert(match.end(), 1.0)
        if match.start():
            text = f"{text[: match.start()]} {text[match.start() :]}"
            confidences.insert(match.start(), 1.0)
    return Line(text, line.box, tuple(confidences))


def regions_in(regions: Iterable[Region], start: int, end: int) -> Iterator[Region]:
    """Yield the lines from which something of [start, end) was read."""
    return (region for region in regions if region.start < end and start < region.end)

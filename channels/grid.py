"""The ruled table on a page: where its lines run and which cells they make. Pure: pictures and boxes in, boxes out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from channels.pages import Gray
from channels.recognition import Box

_INK = 160
_LEAST_LENGTH = 120, 50  # dots across and down: no stroke of a character is as long
_BRIDGED = 7  # dots of a gap in a noisy line
_LEAST_HEIGHT, _LEAST_WIDTH = 18, 24  # dots of a cell
_LARGEST = 0.7  # share of the page
_FILLED = 0.75  # share of its rectangle that a cell fills
_SAME_ROW = 12  # dots between the tops of two cells of a row
_LEAST_CELLS = 4
_SLIVER = 12  # dots: less of a line on one side of a ruling is the ruling


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a table, row by row from the top, each row from the left."""

    rows: tuple[tuple[Box, ...], ...]

    def cell_of(self, box: Box) -> tuple[int, int] | None:
        """Return row and column of the cell in which the middle of *box* lies, None where it stands outside."""
        x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
        for row, cells in enumerate(self.rows):
            for column, (left, top, right, bottom) in enumerate(cells):
                if left <= x < right and top <= y < bottom:
                    return row, column
        return None

    def parted(self, box: Box) -> list[Box]:
        """Return *box* cut where two cells meet in it: label and value may have been taken for one line."""
        left, top, right, bottom = box
        middle = (top + bottom) // 2
        beside = [cell for cells in self.rows for cell in cells if cell[1] <= middle < cell[3]]
        cuts = sorted({cell[0] for cell in beside if left + _SLIVER < cell[0] < right - _SLIVER})
        edges = [left, *cuts, right]
        return [(start, top, end, bottom) for start, end in pairwise(edges) if end - start > _SLIVER]


def grid_of(picture: Gray) -> Grid:
    """Return the table on *picture*; one without cells where nothing is ruled."""
    ink = np.asarray((picture < _INK) * 255, dtype=np.uint8)
    across, down = _long(ink, (_LEAST_LENGTH[0], 1), (_BRIDGED, 3)), _long(ink, (1, _LEAST_LENGTH[1]), (3, _BRIDGED))
    lines = np.asarray(cv2.dilate(np.maximum(across, down), np.ones((3, 3), dtype=np.uint8)), dtype=np.uint8)
    cells = _cells(lines)
    return Grid(_in_rows(cells) if len(cells) >= _LEAST_CELLS else ())


def _long(ink: Gray, length: tuple[int, int], bridge: tuple[int, int]) -> Gray:
    """Return the strokes at least *length* (width, height) long, gaps of *bridge* closed first."""
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones(bridge[::-1], dtype=np.uint8))
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones(length[::-1], dtype=np.uint8)), dtype=np.uint8)


def _cells(lines: Gray) -> list[Box]:
    height, width = lines.shape
    count, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(255 - lines, dtype=np.uint8), connectivity=4)
    cells = []
    for index in range(1, count):
        left, top, wide, high, area = (int(value) for value in stats[index])
        is_cell = wide >= _LEAST_WIDTH and high >= _LEAST_HEIGHT and wide * high <= _LARGEST * height * width
        touches = left == 0 or top == 0 or left + wide >= width or top + high >= height
        if is_cell and not touches and area >= _FILLED * wide * high:
            cells.append((left, top, left + wide, top + high))
    return cells


def _in_rows(cells: list[Box]) -> tuple[tuple[Box, ...], ...]:
    rows: list[list[Box]] = []
    for cell in sorted(cells, key=lambda box: (box[1], box[0])):
        if rows and cell[1] - rows[-1][0][1] <= _SAME_ROW:
            rows[-1].append(cell)
        else:
            rows.append([cell])
    return tuple(tuple(sorted(row)) for row in rows)

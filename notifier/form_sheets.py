"""An official form as .xlsx: the same labels in the same order as on paper, every text a text."""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from notifier.form_values import content_of, filled, label_of
from notifier.forms import GRID, WIDE_FROM, Values, list_lines, spans
from notifier.paper import BODY, SUBTITLE, TITLE
from store.model.form import Form

# A text of a stranger that begins with = is a text: nothing in it is taken for a formula or a link.
_AS_TEXT = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_UNDATED = datetime(1980, 1, 1)  # noqa: DTZ001 - a sheet knows no zones
_RISKY = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula when the cell is typed again
_TEXT, _TITLE, _LINE = 14, 22, 20.0  # points
_TALLEST = 400.0  # points; no row of a sheet is higher than 409
_A4, _PAIR_WIDTH, _WIDE = 9, 7.2, 125  # paper, and columns in signs of half width


class _Page:
    """The sheet as it is written from top to bottom."""

    def __init__(self, book: Workbook, sheet: Worksheet, columns: int) -> None:
        self._book, self.sheet, self._columns, self.row = book, sheet, columns, 0

    def style(self, text: str, **more: Any) -> Any:  # noqa: ANN401 - the properties of xlsxwriter's formats
        """Return a format in the font of the text; one that a spreadsheet would take for a formula is marked as a text for good."""
        return self._book.add_format(
            {"font_name": BODY, "font_size": _TEXT, "text_wrap": True, "valign": "vcenter", "quote_prefix": text.startswith(_RISKY), **more}
        )

    def across(self, text: str, height: float, **more: Any) -> None:  # noqa: ANN401 - as above
        """Write a text over the whole width."""
        self.put(0, self._columns, text, 1, **more)
        self.sheet.set_row(self.row, height)
        self.row += 1

    def put(self, column: int, width: int, text: str, rows: int, **more: Any) -> None:  # noqa: ANN401 - as above
        """Write a text over *width* columns and *rows* rows from here."""
        style = self.style(text, **more)
        if width > 1 or rows > 1:
            self.sheet.merge_range(self.row, column, self.row + rows - 1, column + width - 1, "", style)
        self.sheet.write_string(self.row, column, text, style)

    def down(self, height: float) -> int:
        """Return in how many rows a row of *height* points is written, and give them their heights."""
        rows = max(1, math.ceil(height / _TALLEST))
        for number in range(rows):
            self.sheet.set_row(self.row + number, height / rows)
        return rows


def form_sheet(form: Form, entries: Sequence[Values], head: Values) -> bytes:
    """Return *form* as .xlsx; see `notifier.forms.form_paper`."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, _AS_TEXT) as book:
        book.set_properties({"created": _UNDATED})  # the same form is the same bytes whenever it is made, as on paper
        sheet = book.add_worksheet(form.name[:31])
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.center_horizontally()
        page = _Page(book, sheet, len(form.columns) or GRID)
        _top(page, form, head)
        if form.columns:
            _list(page, form, entries)
        else:
            _pairs(page, form, entries[0] if entries else head)
        if form.note and not form.note_first:
            page.across(form.note, 2 * _LINE)
    return out.getvalue()


def _top(page: _Page, form: Form, head: Values) -> None:
    if form.annex:
        page.across(form.name, 1.3 * _LINE, font_name=SUBTITLE)
    name = filled(form.title, head)
    is_wide = len(form.columns) >= WIDE_FROM
    lines = sum(math.ceil(len(part) / (40 if is_wide else 22)) for part in name.split("\n"))
    page.across(name, 32.0 * lines, font_name=TITLE, font_size=_TITLE, align="center")
    if form.head:
        page.across(filled(form.head, head), 1.5 * _LINE)
    if form.note_first:
        page.across(form.note, 2.2 * _LINE)


def _pairs(page: _Page, form: Form, values: Values) -> None:
    page.sheet.set_column(0, GRID - 1, _PAIR_WIDTH)
    for row in form.rows:
        texts = [(label_of(cell), content_of(cell, values)) for cell in row.cells]
        height = max(
            _height(text, width * _PAIR_WIDTH)
            for pair, span in zip(texts, spans(row), strict=True)
            for text, width in zip(pair, span, strict=True)
        )
        rows, column = page.down(max(height, row.lines * _LINE * 1.2)), 0
        for (label, text), (left, right) in zip(texts, spans(row), strict=True):
            page.put(column, left, label, rows, border=1, align="center")
            page.put(column + left, right, text, rows, border=1, indent=1)
            column += left + right
        page.row += rows


def _list(page: _Page, form: Form, entries: Sequence[Values]) -> None:
    whole = sum(column.width for column in form.columns)
    total = _WIDE if len(form.columns) >= WIDE_FROM else _PAIR_WIDTH * GRID
    widths = [total * column.width / whole for column in form.columns]
    for number, width in enumerate(widths):
        page.sheet.set_column(number, number, width)
    if len(form.columns) >= WIDE_FROM:
        page.sheet.set_landscape()
    page.sheet.repeat_rows(page.row)
    for is_heading, texts in [(True, [column.label for column in form.columns]), *((False, line) for line in list_lines(form, entries))]:
        rows = page.down(max(map(_height, texts, widths)))
        for number, text in enumerate(texts):
            page.put(number, 1, text, rows, border=1, **({"align": "center"} if is_heading else {"indent": 1}))
        page.row += rows


def _height(text: str, width: float) -> float:
    """Return the points that *text* takes in a column *width* signs of half width at 11 points wide; merged cells do not find it themselves."""
    room = max(2.0, width * 11 / _TEXT - 3)  # the indent takes two
    lines = sum(max(1, math.ceil(sum(map(_columns, part)) / room)) for part in text.split("\n"))
    return lines * _LINE + 6


def _columns(char: str) -> int:
    return 1 if unicodedata.east_asian_width(char) in {"Na", "H", "N"} else 2

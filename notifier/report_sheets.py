"""A report as .xlsx: each table on a sheet of its own, and the rows behind the figures, so that every number can be counted again."""

from __future__ import annotations

import io
from datetime import datetime
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from notifier.dates import plain_date
from notifier.figures import Cell, Figures, Table
from notifier.plain import line
from notifier.report_paper import Heading, moment_words, title_of
from store.model.district import District

_FONT = "宋体"
_WIDEST, _NARROWEST = 48, 6
_LONGEST = 500  # characters in a cell
_A4 = 9  # as a spreadsheet numbers paper
# A text of a stranger that begins with = is a text: nothing in it is taken for a formula or a link.
_AS_TEXT = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def report_sheets(found: Figures, heading: Heading, district: District) -> bytes:
    """Return the report as .xlsx."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, _AS_TEXT) as book:
        book.set_properties(
            {"title": title_of(heading, district), "author": district.coordinator, "created": _naive(heading.as_of, district)}
        )
        _about(book, heading, district)
        for table in (*found.tables, *found.lists, *found.rows):
            _sheet(book, table)
    return out.getvalue()


def list_sheet(table: Table, district: District) -> bytes:
    """Return one list as .xlsx, to be printed across and written on."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, _AS_TEXT) as book:
        book.set_properties({"title": table.title, "author": district.coordinator})
        sheet = _sheet(book, table)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
    return out.getvalue()


def _about(book: Workbook, heading: Heading, district: District) -> None:
    sheet = book.add_worksheet("说明")
    since, last = (_naive(moment, district) for moment in (heading.since, heading.until))
    lines = (
        f"{title_of(heading, district)}（{heading.period}）",
        f"统计范围：{plain_date(since.date())}至{plain_date(last.date())}",
        f"统计时刻：{moment_words(heading.as_of, district)}，此后的变化不计入",
        "各表下面是口径；“登记的件”“到期的时限”是各数字背后的逐件、逐项清单，可以逐一核对。",
    )
    plain = book.add_format({"font_name": _FONT, "font_size": 11})
    sheet.set_column(0, 0, 100)
    for row, text in enumerate(lines):
        sheet.write_string(row, 0, text, plain)


def _sheet(book: Workbook, table: Table) -> Worksheet:
    sheet = book.add_worksheet(table.title)
    head = book.add_format({"font_name": _FONT, "font_size": 11, "bold": True, "border": 1, "align": "center", "bg_color": "#E8EEF5"})
    body = book.add_format({"font_name": _FONT, "font_size": 11, "border": 1, "text_wrap": True, "valign": "top"})
    note = book.add_format({"font_name": _FONT, "font_size": 10, "font_color": "#555555"})
    for column, name in enumerate(table.columns):
        sheet.write_string(0, column, name, head)
        sheet.set_column(column, column, _width(table, column))
    for number, row in enumerate(table.rows, start=1):
        for column, value in enumerate(row):
            _write(sheet, number, column, value, body)
    if not table.rows:
        sheet.write_string(1, 0, table.empty, note)
    if table.definition:
        sheet.write_string(max(len(table.rows), 1) + 2, 0, f"口径：{table.definition}", note)
    sheet.freeze_panes(1, 0)
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    return sheet


def _write(sheet: Worksheet, row: int, column: int, value: Cell, body: Format) -> None:
    if isinstance(value, int):
        sheet.write_number(row, column, value, body)
    else:
        sheet.write_string(row, column, line(value or "", _LONGEST), body)


def _width(table: Table, column: int) -> int:
    longest = max((2 * len(str(row[column] or "")) for row in (table.columns, *table.rows)), default=0)
    return min(max(longest, _NARROWEST), _WIDEST)


def _naive(moment: datetime, district: District) -> datetime:
    return moment.astimezone(ZoneInfo(district.timezone)).replace(tzinfo=None)

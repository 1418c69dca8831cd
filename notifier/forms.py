"""An official form as .docx, in the layout of official papers (GB/T 9704): what the form says is data of the pack, how it lies on paper is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice

from docx.document import Document as Paper
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_ROW_HEIGHT_RULE, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Cm, Length, Pt
from docx.table import Table, _Cell, _Row

from notifier.form_values import content_of, filled, label_of
from notifier.paper import SUBTITLE, as_bytes, blank, set_font, title
from store.model.form import Form, FormRow

Values = Mapping[str, str]

GRID = 12  # columns under the pairs: each pair takes an even part of them
LIST_LINES = 8  # empty lines of an empty list
WIDE_FROM = 5  # columns from which a list is printed across
_TITLE, _NARROW_TITLE, _TEXT, _SMALL = 22, 18, 14, 12  # points: 二号, 小二, 四号, 小四
_CM_PER_POINT = 2.54 / 72
_MARGINS = (3.7, 3.5, 2.8, 2.6)  # cm: top, bottom, left, right (GB/T 9704-2012, 5.2.1)
_LINE = 0.85  # cm
_CELL_MARGINS = 0.4  # cm, left and right of a cell together, as the template has them


def form_paper(form: Form, entries: Sequence[Values], head: Values) -> bytes:
    """Return *form* as .docx, empty where there are no *entries*: a form of pairs has one, a list a line each; *head* fills title and head."""
    paper = blank(_TEXT)
    width = _page(paper, is_wide=len(form.columns) >= WIDE_FROM)
    if form.annex:
        set_font(paper.add_paragraph().add_run(form.name), SUBTITLE)
    words = filled(form.title, head)
    for run in title(paper, words, size=_title_size(words, width), after=12).runs:
        run.font.bold = False  # 小标宋 is heavy by itself
    if form.head:
        paper.add_paragraph(filled(form.head, head))
    if form.note_first:
        _note(paper, form.note)
    if form.columns:
        _list(paper, form, entries, width)
    else:
        _pairs(paper, form, entries[0] if entries else head, width)
    if form.note and not form.note_first:
        _note(paper, form.note)
    return as_bytes(paper)


def _title_size(words: str, width: float) -> float:
    """Return 二号, or 小二 where a line that the document prints as one would be broken by it."""
    longest = max(map(len, words.split("\n"))) if "\n" in words else 0
    return _TITLE if longest * _TITLE * _CM_PER_POINT <= width else _NARROW_TITLE


def spans(row: FormRow) -> list[tuple[int, int]]:
    """Return for each pair of *row* how many of the `GRID` columns its label and its content take."""
    pairs = len(row.cells)
    label = 2 if pairs > 2 else 3  # noqa: PLR2004 - three pairs leave no room for long labels
    return [(label, GRID // pairs - label)] * pairs


def _page(paper: Paper, *, is_wide: bool) -> float:
    """Set the margins, and the page across where *is_wide*; returns the width of the text in cm."""
    section = paper.sections[0]
    top, bottom, left, right = _MARGINS
    if is_wide:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Cm(29.7), Cm(21)
        top, bottom, left, right = right, left, bottom, bottom
    section.top_margin, section.bottom_margin = Cm(top), Cm(bottom)
    section.left_margin, section.right_margin = Cm(left), Cm(right)
    return (29.7 if is_wide else 21) - left - right


def _note(paper: Paper, text: str) -> None:
    paragraph = paper.add_paragraph()
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(4)
    paragraph.add_run(text).font.size = Pt(_SMALL)


def _pairs(paper: Paper, form: Form, values: Values, width: float) -> None:
    table = _table(paper, [width / GRID] * GRID)
    for row in form.rows:
        cells = iter(_line(table, row.lines, [*chain.from_iterable(spans(row))]))
        for cell, (label, _) in zip(row.cells, spans(row), strict=True):
            named = label_of(cell)
            _write(next(cells), named, is_centred=True, size=_label_size(named, width / GRID * label))
            _write(next(cells), content_of(cell, values))


def _label_size(label: str, width: float) -> int:
    """Return 四号, or 小四 where a label would leave its last sign on a line of its own."""
    return _TEXT if max(map(len, label.split("\n"))) * _TEXT * _CM_PER_POINT <= width - _CELL_MARGINS else _SMALL


def _list(paper: Paper, form: Form, entries: Sequence[Values], width: float) -> None:
    whole = sum(column.width for column in form.columns)
    table = _table(paper, [width * column.width / whole for column in form.columns])
    single = [1] * len(form.columns)
    for cell, column in zip(_line(table, 1, single), form.columns, strict=True):
        _write(cell, column.label, is_centred=True, size=_SMALL)
    _repeat(table.rows[0])
    for texts in list_lines(form, entries):
        for cell, text in zip(_line(table, 1, single), texts, strict=True):
            _write(cell, text, size=_SMALL)


def list_lines(form: Form, entries: Sequence[Values]) -> list[Sequence[str]]:
    """Return the lines of a list: those printed by the document, one for each entry, or empty ones where there is none of either."""
    lines: list[Sequence[str]] = [*form.fixed]
    for number, values in enumerate(entries, start=1):
        lines.append([filled(column.text, {**values, "序号": str(number)}) for column in form.columns])
    return lines or [[""] * len(form.columns)] * LIST_LINES


def _table(paper: Paper, widths: Sequence[float]) -> Table:
    table: Table = paper.add_table(rows=0, cols=len(widths), style="Table Grid")
    table.autofit, table.alignment = False, WD_TABLE_ALIGNMENT.CENTER
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    return table


def _line(table: Table, lines: int, spans_: Sequence[int]) -> list[_Cell]:
    """Add a row whose cells take so many columns of the grid each. Written directly: `add_row` and `merge` of python-docx take ten times as long."""
    grid = iter(table._tbl.tblGrid.gridCol_lst)  # noqa: SLF001 - python-docx has no name for it
    tr = table._tbl.add_tr()  # noqa: SLF001 - as above
    row = _Row(tr, table)
    row.height_rule, row.height = WD_ROW_HEIGHT_RULE.AT_LEAST, Cm(_LINE * lines + 0.3)
    for span in spans_:
        tc = tr.add_tc()
        tc.width = Length(sum(column.w or 0 for column in islice(grid, span)))
        tc.grid_span = span
    return [_Cell(tc, table) for tc in tr.tc_lst]


def _repeat(row: _Row) -> None:
    """Print the heading of a list again on each page."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # noqa: SLF001 - python-docx has no name for it


def _write(cell: _Cell, text: str, *, is_centred: bool = False, size: int = _TEXT) -> None:
    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    for number, part in enumerate(text.split("\n")):
        paragraph = cell.paragraphs[0] if number == 0 else cell.add_paragraph()
        paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
        paragraph.add_run(part).font.size = Pt(size)
        if is_centred:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER

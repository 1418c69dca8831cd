"""A report as .docx: what stands at the head, the figures with how they were counted, charts, lists of names."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from docx.document import Document as Paper
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Cm, Pt
from docx.table import _Cell

from notifier import charts
from notifier.dates import plain_date
from notifier.figures import Cell, Figures, Table
from notifier.paper import SUBTITLE, as_bytes, blank, end, set_font, title
from notifier.plain import line
from notifier.view import programme
from store.model.district import District

_TEXT, _SMALL, _TABLE = 14.0, 10.5, 9.0  # points
_WIDTH_CM = 15.6
_LONGEST = 200  # characters in a cell
_NUMERALS = "一二三四五六七八九十"
_MOST_BARS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What stands at the head of a report: 月度 or 季度 …, the period in words, the moment it tells, and the columns of its first chart."""

    sort: str
    period: str
    since: datetime
    until: datetime
    as_of: datetime
    opened: Mapping[str, int]


def report_paper(found: Figures, heading: Heading, district: District) -> bytes:
    """Return the report as .docx. Without a font for Chinese on this machine there are no charts in it (see `notifier.charts`)."""
    paper = blank(_TEXT)
    name = title_of(heading, district)
    title(paper, name.replace("工作情况", "\n工作情况"), size=20, after=4)
    period = paper.add_paragraph(f"（{heading.period}）")
    period.alignment = WD_ALIGN_PARAGRAPH.CENTER
    period.paragraph_format.space_after = Pt(12)
    for text in _opening(found, heading, district):
        _text(paper, text)
    for number, table in enumerate((*found.tables, *found.lists)):
        _section(paper, _NUMERALS[number], table)
        picture = _chart(table, heading)
        if picture is not None:
            paper.add_picture(io.BytesIO(picture), width=Cm(_WIDTH_CM))
    end(paper, f"{district.coordinator}\n{moment_words(heading.as_of, district).partition('日')[0]}日")
    paper.core_properties.title, paper.core_properties.author = name, district.coordinator
    return as_bytes(paper, written=heading.as_of)


def title_of(heading: Heading, district: District) -> str:
    """Return the title: 呈贡区“坐诊接诉”工作情况季度报告."""
    return f"{district.name}{programme(district)}工作情况{heading.sort}报告"


def moment_words(moment: datetime, district: District) -> str:
    """Return a moment as a report says it: 2025年1月10日9:30; midnight is the end of the day before it, 2025年1月9日24时."""
    at = moment.astimezone(ZoneInfo(district.timezone))
    if (at.hour, at.minute) == (0, 0):
        return f"{plain_date(at.date() - timedelta(days=1))}24时"
    return f"{plain_date(at.date())}{at.hour}:{at:%M}"


def _opening(found: Figures, heading: Heading, district: District) -> Sequence[str]:
    said = {str(row[0]): row[1] for row in found.tables[0].rows}
    zone = ZoneInfo(district.timezone)
    since, last = (moment.astimezone(zone) for moment in (heading.since, heading.until))
    return (
        f"统计范围：{plain_date(since.date())}至{plain_date(last.date())}；统计时刻：{moment_words(heading.as_of, district)}，此后的变化不计入。",
        (
            f"本期收到来件{said['收到来件']}件，登记{said['登记']}件，受理{said['受理']}件，不予受理{said['不予受理']}件；已答复{said['已答复']}件，"
            f"已销号{said['已销号']}件。到期的时限按期率{said['按期率']}，答复的解决率{said['解决率']}，评价的满意率{said['满意率']}。"
        ),
    )


def _text(paper: Paper, text: str, *, size: float = _TEXT) -> None:
    paragraph = paper.add_paragraph()
    paragraph.paragraph_format.first_line_indent = Pt(2 * size)
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(4)
    paragraph.add_run(text).font.size = Pt(size)


def _section(paper: Paper, numeral: str, table: Table) -> None:
    heading = paper.add_paragraph()
    heading.paragraph_format.space_before = Pt(12)
    heading.paragraph_format.keep_with_next = True
    run = heading.add_run(f"{numeral}、{table.title}")
    set_font(run, SUBTITLE)
    if table.rows:
        _grid(paper, table)
    else:
        _text(paper, table.empty)
    if table.definition:
        _text(paper, f"口径：{table.definition}", size=_SMALL)


def _grid(paper: Paper, table: Table) -> None:
    grid = paper.add_table(rows=1, cols=len(table.columns), style="Table Grid")
    grid.alignment, grid.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    widths = _widths(table)
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = Cm(width)
    for row in (table.columns, *table.rows):
        cells = grid.rows[0].cells if row is table.columns else grid.add_row().cells
        for cell, value, width in zip(cells, row, widths, strict=True):
            cell.width = Cm(width)
            _fill(cell, value, bold=row is table.columns)
    for row_ in grid.rows:  # none is torn by the end of a page
        row_._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))  # noqa: SLF001 - python-docx has no name for it
    grid.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # noqa: SLF001 - likewise: repeated on every page


def _widths(table: Table) -> list[float]:
    """Share the width of the page among the columns by what stands in them."""
    longest = [max(_wide(_shown(row[column])) for row in (table.columns, *table.rows)) for column in range(len(table.columns))]
    weights = [min(max(length, 4) + 1, 24) for length in longest]
    return [_WIDTH_CM * weight / sum(weights) for weight in weights]


def _wide(text: str) -> int:
    """Return how many Chinese signs *text* is as wide as, rounded up: three others are as wide as two."""
    return (sum(2 if sign.isascii() else 3 for sign in text) + 2) // 3


def _fill(cell: _Cell, value: Cell, *, bold: bool) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
    run = paragraph.add_run(_shown(value))
    run.font.size, run.font.bold = Pt(_TABLE), bold
    if bold or isinstance(value, int) or value == "—" or str(value).endswith("%"):
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _shown(value: Cell) -> str:
    return "" if value is None else line(str(value), _LONGEST)


def _chart(table: Table, heading: Heading) -> bytes | None:
    if not table.rows or charts.font() is None:
        return None
    if table.key == "overview" and any(heading.opened.values()):
        return charts.columns(heading.opened, of="登记（件）")
    if table.key == "departments":
        rows = [row for row in table.rows if row[4]][:_MOST_BARS]
        parts = {column: [int(row[table.columns.index(column)] or 0) for row in rows] for column in ("按期", "逾期办结", "逾期未办")}
        return charts.stacked([str(row[0]) for row in rows], parts, of="到期的时限（项）") if rows else None
    return None

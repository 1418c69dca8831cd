"""The receipt that an enterprise takes with it from the window: a .docx to print. The only module that writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from docx.document import Document as Paper
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm, Pt

from notifier.dates import in_full
from notifier.paper import as_bytes, blank, end, title
from notifier.plain import excerpt, line
from notifier.view import programme, signature
from store.model.district import District

_FIELD, _CONTENT = 120, 600  # code points
_WIDTHS = (Cm(3.6), Cm(11.9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a receipt says. `number` is the case's, "" where it is not decided yet; the other texts are the enterprise's own words."""

    number: str
    arrival: str
    channel: str  # 窗口, 信函
    at: datetime
    clerk: str
    name: str
    contact: str
    phone: str
    title: str
    content: str


def receipt(registered: Registered, district: District) -> bytes:
    """Return the receipt as .docx."""
    paper = blank(14)
    title(paper, f"{programme(district)}诉求登记回执", size=20, after=18)
    local = registered.at.astimezone(ZoneInfo(district.timezone))
    _table(paper, registered, f"{in_full(local.date())}{local:%H:%M}")
    for text in _notes(registered):
        note = paper.add_paragraph(text)
        note.paragraph_format.first_line_indent = Pt(28)
        note.paragraph_format.space_before = Pt(6)
    end(paper, f"{signature(district)}\n{in_full(local.date())}")
    return as_bytes(paper)


def _table(paper: Paper, registered: Registered, moment: str) -> None:
    content = excerpt(registered.content, _CONTENT)
    words = "\n".join(content.lines) + ("" if content.is_whole else "……（以登记的全文为准）")
    rows = {
        "登记编号": registered.number or f"{registered.arrival}（正在受理登记，件号另行告知）",
        "登记方式": registered.channel,
        "登记时间": moment,
        "企业名称": line(registered.name, _FIELD) or "（未填写）",
        "联 系 人": line(registered.contact, _FIELD) or "（未填写）",
        "联系电话": line(registered.phone, _FIELD) or "（未填写）",
        "诉求标题": line(registered.title, _FIELD) or "（见诉求内容）",
        "诉求内容": words,
        "登 记 人": line(registered.clerk, _FIELD),
    }
    table = paper.add_table(rows=0, cols=2, style="Table Grid")
    table.autofit = False
    for column, width in zip(table.columns, _WIDTHS, strict=True):
        column.width = width
    for label, value in rows.items():
        cells = table.add_row().cells
        for cell, text, width in zip(cells, (label, value), _WIDTHS, strict=True):
            cell.width = width
            cell.text = text
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(4)
        cells[0].paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER


def _notes(registered: Registered) -> tuple[str, ...]:
    which = registered.number or registered.arrival
    return (
        "您的诉求已经登记。登记不等于受理；是否受理、由哪个部门办理，将按您留下的联系方式告知。",
        f"查询进展、补充材料时，请说明编号 {which}。请妥善保管本回执。",
    )

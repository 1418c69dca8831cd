"""The receipt that an enterprise takes with it from the window: a .docx to print. The only module that writes it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.styles.style import ParagraphStyle

from notifier.dates import in_full
from notifier.plain import excerpt, line
from notifier.view import signature
from store.model.district import District

_BODY, _HEAD = "仿宋", "方正小标宋简体"  # GB/T 9704: body and title of official papers
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
    paper = Document()
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.7)
    section.top_margin = section.bottom_margin = Cm(2.8)
    style = paper.styles["Normal"]
    assert isinstance(style, ParagraphStyle)  # noqa: S101 - that of the template python-docx brings
    _font(style, _BODY, 14)
    heading = paper.add_paragraph()
    heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
    heading.paragraph_format.space_after = Pt(18)
    run = heading.add_run(f"{_programme(district)}诉求登记回执")
    run.font.size, run.font.bold, run.font.name = Pt(20), True, _HEAD
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _HEAD)  # noqa: SLF001 - python-docx has no name for it
    local = registered.at.astimezone(ZoneInfo(district.timezone))
    _table(paper, registered, f"{in_full(local.date())}{local:%H:%M}")
    for text in _notes(registered):
        note = paper.add_paragraph(text)
        note.paragraph_format.first_line_indent = Pt(28)
        note.paragraph_format.space_before = Pt(6)
    end = paper.add_paragraph(f"{signature(district)}\n{in_full(local.date())}")
    end.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    end.paragraph_format.space_before = Pt(24)
    out = io.BytesIO()
    paper.save(out)
    return out.getvalue()


def _table(paper: Document, registered: Registered, moment: str) -> None:  # type: ignore[valid-type]  # a factory that names its class
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
    table = paper.add_table(rows=0, cols=2, style="Table Grid")  # type: ignore[attr-defined]
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


def _programme(district: District) -> str:
    return district.programme if district.programme.startswith("“") else f"“{district.programme}”"


def _font(style: ParagraphStyle, name: str, size: int) -> None:
    style.font.name, style.font.size = name, Pt(size)
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)

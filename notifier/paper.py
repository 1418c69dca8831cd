"""A page as Chinese offices print it: A4, 仿宋 for the text, 小标宋 for the title (GB/T 9704). What every .docx of ours is begun with."""

from __future__ import annotations

import io
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docx import Document
from docx.document import Document as Paper
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph
from docx.text.run import Run

_UNDATED = (1980, 1, 1, 0, 0, 0)  # the earliest that a part of a file may say
BODY, TITLE, SUBTITLE = "仿宋", "方正小标宋简体", "黑体"


def blank(size: float) -> Paper:
    """Return an empty A4 paper whose text is *size* points."""
    paper = Document()
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.7)
    section.top_margin = section.bottom_margin = Cm(2.8)
    style = paper.styles["Normal"]
    assert isinstance(style, ParagraphStyle)  # noqa: S101 - that of the template python-docx brings
    style.font.name, style.font.size = BODY, Pt(size)
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), BODY)
    return paper


def title(paper: Paper, text: str, *, size: float, after: float) -> Paragraph:
    """Add *text* as the title, *after* points above what follows."""
    heading = paper.add_paragraph()
    heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
    heading.paragraph_format.space_after = Pt(after)
    run = heading.add_run(text)
    run.font.size, run.font.bold = Pt(size), True
    set_font(run, TITLE)
    return heading


def set_font(run: Run, name: str) -> None:
    """Set *run* in the font *name*, Chinese signs included."""
    run.font.name = name
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)  # noqa: SLF001 - python-docx has no name for it


def end(paper: Paper, text: str) -> None:
    """Add the lines of who signs, and when, on the right."""
    signed = paper.add_paragraph(text)
    signed.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    signed.paragraph_format.space_before = Pt(24)


def as_bytes(paper: Paper, *, written: datetime | None = None) -> bytes:
    """Return the paper as .docx; *written* is when it says it was made, in place of that of the template.

    The same paper is the same bytes whenever it is saved: a mail that is sent again after a crash carries the same file (ADR 0017).
    """
    if written is not None:
        paper.core_properties.created = paper.core_properties.modified = written
    saved, out = io.BytesIO(), io.BytesIO()
    paper.save(saved)
    with ZipFile(saved) as parts, ZipFile(out, "w", ZIP_DEFLATED) as undated:
        for name in parts.namelist():
            part = ZipInfo(name, _UNDATED)
            part.compress_type = ZIP_DEFLATED
            undated.writestr(part, parts.read(name))
    return out.getvalue()

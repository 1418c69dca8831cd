"""Makes the documents that enterprises attach: form 附件2 in its layouts, and archives that lie."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence

import docx
import xlsxwriter
from docx.document import Document as Word

from store.model.letter import Attachment

WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TITLE = "昆明市呈贡区“区委书记、区长、局长坐诊接诉”企业预约“挂号”信息表"
FILLED = {
    "企业名称": "昆明澄湖净水科技有限公司",
    "统一社会信用代码": "91530114MAA0KMNA29",
    "企业所在地址": "呈贡区吴家营街道朝云街6号",
    "反映诉求企业联系人": "冉静",
    "联系电话": "13900098765",
    "诉求标题": "关于排水接管的情况反映",
    "诉求内容": "门前管网建成一年未移交，接不进去。\n请区水务局明确移交时间。",
}
EMPTY = dict.fromkeys(FILLED, "") | {"诉求标题": "关于×××事项的情况反映", "诉求内容": "请填写具体事项内容及涉及的相关部门。"}


def word_form(values: Mapping[str, str], *, content_label: str = "诉求内容") -> bytes:
    """Make form 附件2 as the district prints it: merged cells, contact and phone in one row."""
    document = docx.Document()
    document.add_paragraph("附件2")
    document.add_paragraph(TITLE)
    table = document.add_table(rows=6, cols=4)
    for row, label in enumerate(("企业名称", "统一社会信用代码", "企业所在地址")):
        table.cell(row, 0).text = label
        table.cell(row, 1).merge(table.cell(row, 3)).text = values[label]
    for column, text in enumerate(("反映诉求企业联系人", values["反映诉求企业联系人"], "联系电话", values["联系电话"])):
        table.cell(3, column).text = text
    table.cell(4, 0).text = "诉求标题"
    table.cell(4, 1).merge(table.cell(4, 3)).text = values["诉求标题"]
    table.cell(5, 0).text = content_label
    table.cell(5, 1).merge(table.cell(5, 3)).text = values["诉求内容"]
    return word_bytes(document)


def word_lines(lines: Sequence[str]) -> bytes:
    """Return a Word document of paragraphs."""
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    return word_bytes(document)


def word_table(rows: Sequence[Sequence[str]], *, heading: str = TITLE) -> bytes:
    """Return a Word document with one plain table."""
    document = docx.Document()
    document.add_paragraph(heading)
    table = document.add_table(rows=len(rows), cols=max(map(len, rows)))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    return word_bytes(document)


def word_bytes(document: Word) -> bytes:
    """Return the bytes of *document*."""
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def sheet(rows: Sequence[Sequence[object]], *, merged: Sequence[str] = ()) -> bytes:
    """Return a workbook of one sheet; *merged* are ranges such as "B1:D1" that are one cell."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for span in merged:
            page.merge_range(span, "")
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return stream.getvalue()


def archive(entries: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive of *entries*."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return stream.getvalue()


def with_entry(data: bytes, name: str, content: bytes) -> bytes:
    """Return the archive *data* with one entry replaced or added."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        entries = {entry: file.read(entry) for entry in file.namelist()}
    return archive(entries | {name: content})


def attachment(name: str, data: bytes, content_type: str = WORD_TYPE) -> Attachment:
    """Return the attachment as the reader of mail lists it."""
    return Attachment(name=name, content_type=content_type, size=len(data), sha256=hashlib.sha256(data).hexdigest())

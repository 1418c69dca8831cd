"""Form 附件2 is read from Word, Excel and text files in the layouts people use, and documents that lie are refused with a note."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from channels.documents import Document, read_document
from channels.forms import form_fields, form_ranges, is_form
from channels.passage import Passage
from tests.unit.documents import (
    EMPTY,
    FILLED,
    TITLE,
    WORD_TYPE,
    archive,
    sheet,
    with_entry,
    word_bytes,
    word_form,
    word_lines,
    word_table,
)

NAMES = {
    "企业名称": "name",
    "统一社会信用代码": "uscc",
    "企业所在地址": "address",
    "反映诉求企业联系人": "contact",
    "联系电话": "phone",
    "诉求标题": "title",
    "诉求内容": "content",
}
ROWS = [[label, value] for label, value in FILLED.items()]


def _document(data: bytes, name: str = "表.docx", content_type: str = WORD_TYPE) -> Document:
    document, doubt = read_document(name, content_type, data)
    assert (document is not None, doubt) == (True, "")
    assert document is not None
    return document


def _values(document: Document) -> dict[str, str]:
    return {name: document.text[slice(*place)] for name, place in form_ranges(document).items()}


def _nested() -> bytes:
    document = docx.Document()
    document.add_paragraph(TITLE)
    inner = document.add_table(rows=1, cols=1).cell(0, 0).add_table(rows=len(ROWS), cols=2)
    for number, row in enumerate(ROWS):
        for column, text in enumerate(row):
            inner.cell(number, column).text = text
    return word_bytes(document)


def _controlled() -> bytes:
    """Make a form whose fields are content controls, as office suites make them for filling in."""
    document = docx.Document()
    for label, value in FILLED.items():
        text = f"<w:p><w:r><w:t>{label}：{value.splitlines()[0]}</w:t></w:r></w:p>"
        document.element.body.append(parse_xml(f"<w:sdt {nsdecls('w')}><w:sdtContent>{text}</w:sdtContent></w:sdt>"))
    return word_bytes(document)


LAYOUTS = {
    "printed": word_form(FILLED),
    "label-as-column": word_form(FILLED, content_label="诉\n求\n内\n容"),
    "label-set-wide": word_form(FILLED, content_label="诉 求 内 容"),
    "plain-table": word_table(ROWS),
    "numbered-labels": word_table([[f"{number}.{label}（必填）：", value] for number, (label, value) in enumerate(FILLED.items(), 1)]),
    "label-above-value": word_table([list(FILLED), list(FILLED.values())]),
    "value-behind-colon-in-one-cell": word_table([[f"{label}：{value}"] for label, value in FILLED.items()]),
    "table-in-a-cell": _nested(),
    "paragraphs": word_lines([TITLE, *(f"{label}：{value}" for label, value in FILLED.items())]),
    "paragraphs-with-tabs": word_lines([TITLE, *(f"{label}\t{value}" for label, value in FILLED.items())]),
    "sheet": sheet(ROWS),
    "sheet-with-merged-cells": sheet(
        [["附件2"], [TITLE], *([label, "", value] for label, value in FILLED.items())], merged=["A1:D1", "A2:D2"]
    ),
    "sheet-label-above-value": sheet([list(FILLED), list(FILLED.values())]),
}


@pytest.mark.parametrize("data", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layouts(data: bytes) -> None:
    """However the labels are set, every field is read as it was filled in."""
    document = _document(data)

    assert is_form(document)
    assert _values(document) == {NAMES[label]: value for label, value in FILLED.items()}


def test_content_controls() -> None:
    """Fields inside content controls are read like any other."""
    values = _values(_document(_controlled()))

    assert values["name"] == FILLED["企业名称"]
    assert values["phone"] == FILLED["联系电话"]


def test_plain_text_file() -> None:
    """A form typed into a text file is read, whatever its charset."""
    text = "\r\n".join(f"{label}：{value}" for label, value in FILLED.items())
    document = _document(text.encode("gb18030"), "登记表.txt", "application/octet-stream")

    assert is_form(document)
    assert _values(document)["contact"] == "冉静"


@pytest.mark.parametrize("data", [word_form(EMPTY), sheet([[label, value] for label, value in EMPTY.items()])], ids=["word", "sheet"])
def test_printed_hints_are_no_values(data: bytes) -> None:
    """The empty form says nothing."""
    document = _document(data)

    assert is_form(document)
    assert form_ranges(document) == {}


@pytest.mark.parametrize("filler", ["/", "无", "—", "暂无", "详见附件", "（盖章）"])
def test_signs_for_nothing_are_no_values(filler: str) -> None:
    """A dash or a "none" in a cell is not what an enterprise says."""
    assert "uscc" not in form_ranges(_document(word_form({**FILLED, "统一社会信用代码": filler})))


@pytest.mark.parametrize(
    ("label", "written", "field", "expected"),
    [
        pytest.param("企业名称", "昆明澄湖净水科技有限公司（盖章）", "name", "昆明澄湖净水科技有限公司", id="stamp"),
        pytest.param("企业名称", "阿灿的小店", "name", "阿灿的小店", id="any-name"),
        pytest.param("统一社会信用代码", "9I530114MAA0KMNA2", "uscc", "9I530114MAA0KMNA2", id="wrong-code"),
        pytest.param("统一社会信用代码", "91530114 MAA0KMNA29", "uscc", "91530114 MAA0KMNA29", id="spaced-code"),
        pytest.param("反映诉求企业联系人", "冉静 13900098765", "contact", "冉静", id="number-behind-name"),
        pytest.param("反映诉求企业联系人", "冉静（办公室主任）", "contact", "冉静", id="office-behind-name"),
        pytest.param("反映诉求企业联系人", "岳师", "contact", "岳师", id="form-of-address"),
        pytest.param("反映诉求企业联系人", "阿灿", "contact", "阿灿", id="nickname"),
        pytest.param("联系电话", "0871-65012345、13900098765（微信同号）", "phone", "13900098765", id="mobile-of-two"),
        pytest.param("联系电话", "65012345", "phone", "65012345", id="local-number"),
    ],
)
def test_what_a_field_wants_of_its_cell(label: str, written: str, field: str, expected: str) -> None:
    """A cell may hold more than its field: the value is what the field asks for, as written."""
    document = _document(word_form({**FILLED, label: written}))

    found = form_fields(Passage.of("attachment:表.docx", document.text), document)[field]

    assert (found.value, found.how, found.span.source) == (expected, "form", "attachment:表.docx")


def test_phone_typed_as_a_number() -> None:
    """Excel keeps a telephone number as a float; it is read as it was typed."""
    rows = [[label, 13900098765 if label == "联系电话" else value] for label, value in FILLED.items()]

    assert _values(_document(sheet(rows)))["phone"] == "13900098765"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["关于停水的情况说明", "我公司自3月起停水五次。", "联系人：冉静"], id="letter"),
        pytest.param(["租赁合同", "甲方：某公司", "地址：某路", "联系电话：13900098765"], id="contract"),
    ],
)
def test_other_documents_are_no_form(lines: list[str]) -> None:
    """A letter or a contract is text, not a form."""
    assert not is_form(_document(word_lines(lines)))


def test_deleted_text_and_second_copies_are_not_read() -> None:
    """What an author has struck out does not count."""
    document = docx.Document()
    paragraph = document.add_paragraph("企业名称：")
    paragraph._p.append(parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>旧名称有限公司</w:delText></w:r></w:del>"))
    paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>昆明新称有限公司</w:t></w:r></w:ins>"))

    assert _document(word_bytes(document)).text == "企业名称：昆明新称有限公司\n"


def _lying_size() -> bytes:
    """Make an archive whose directory declares fewer bytes than it holds."""
    data = bytearray(archive({"word/document.xml": b"<x>" + b"a" * 100_000 + b"</x>"}))
    at = data.find(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def _many_entries() -> bytes:
    return archive({f"word/{number}.xml": b"" for number in range(2_500)} | {"word/document.xml": b"<x/>"})


def _far_cell(cell: bytes) -> bytes:
    page = (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1"><v>1</v></c></row>' + cell + b"</sheetData></worksheet>"
    )
    return with_entry(sheet(ROWS), "xl/worksheets/sheet1.xml", page)


ENTITY = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><d>&x;</d>'
LIARS = {
    "bomb": (with_entry(word_form(FILLED), "word/media/a.bin", b"\0" * (60 << 20)), "压缩炸弹"),
    "large-part": (with_entry(word_form(FILLED), "word/document.xml", b"<x>" + b" " * (20 << 20) + b"</x>"), "压缩炸弹"),
    "false-size": (_lying_size(), "损坏"),
    "many-entries": (_many_entries(), "超过上限"),
    "entity": (with_entry(word_form(FILLED), "word/document.xml", ENTITY), "实体声明"),
    "entity-in-sheet": (with_entry(sheet(ROWS), "xl/workbook.xml", ENTITY), "实体声明"),
    "far-cell": (_far_cell(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "范围过大"),
    "far-row": (_far_cell(b'<row r="1048576"><c><v>1</v></c><c><v>1</v></c></row>'), "范围过大"),
    "no-xml": (with_entry(word_form(FILLED), "word/document.xml", b"not xml"), "损坏"),
    "cut-short": (word_form(FILLED)[:4_000], "损坏"),
    "empty-workbook": (archive({"xl/workbook.xml": b"<workbook/>"}), "损坏"),
    "plain-zip": (archive({"照片.jpg": b"x"}), "压缩包"),
    "old-word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "旧版"),
    "pdf": (b"%PDF-1.7 ...", "PDF"),
}


@pytest.mark.parametrize(("data", "note"), LIARS.values(), ids=LIARS.keys())
def test_what_cannot_be_read_is_a_note(data: bytes, note: str) -> None:
    """A document that is broken, too much, or not to be opened ends in a note for the clerk, never in an exception."""
    document, doubt = read_document("表.docx", WORD_TYPE, data)

    assert document is None
    assert note in doubt
    assert doubt.startswith("附件“表.docx”")


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0picture", b""])
def test_pictures_and_empty_files_are_passed_over(data: bytes) -> None:
    """What holds no text needs no note."""
    assert read_document("a.jpg", "image/jpeg", data) == (None, "")


def test_damage_anywhere_is_survived() -> None:
    """A document with any stretch of bytes overwritten is read or noted."""
    data = word_form(FILLED)
    for at in range(0, len(data), 997):
        document, doubt = read_document("表.docx", WORD_TYPE, data[:at] + b"\xff" * 40 + data[at + 40 :])
        assert document is not None or doubt or at == 0


def test_only_the_main_part_is_needed() -> None:
    """A Word document whose styles and relations are broken is read all the same: its words stand in the main part."""
    data = with_entry(with_entry(word_form(FILLED), "word/styles.xml", b"<broken"), "_rels/.rels", b"<broken")

    assert _values(_document(data))["name"] == FILLED["企业名称"]


def test_a_word_document_without_a_body_is_a_note() -> None:
    """A main part that is XML, but no text document, is broken."""
    document, doubt = read_document("表.docx", WORD_TYPE, with_entry(word_form(FILLED), "word/document.xml", b"<x/>"))

    assert document is None
    assert "损坏" in doubt


def test_deep_tables_end() -> None:
    """Tables within tables are followed so far and no further."""
    document = docx.Document()
    cell = document.add_table(rows=1, cols=1).cell(0, 0)
    for _ in range(30):
        cell = cell.add_table(rows=1, cols=1).cell(0, 0)
    cell.text = "底"

    assert "底" not in _document(word_bytes(document)).text


def test_wide_span_does_not_grow() -> None:
    """A cell that claims to span a billion columns costs nothing."""
    data = word_form(FILLED)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        xml = file.read("word/document.xml")
    hostile = with_entry(data, "word/document.xml", xml.replace(b'w:gridSpan w:val="3"', b'w:gridSpan w:val="999999999"'))

    assert _values(_document(hostile))["name"] == FILLED["企业名称"]

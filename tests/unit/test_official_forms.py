"""The official forms: labels and order of the document, whatever strangers wrote stays words, and what we print we read again."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import docx
import pytest
from python_calamine import CalamineWorkbook

from channels.documents import read_document
from channels.forms import form_ranges
from channels.reply_forms import filled_forms
from channels.reply_text import own_words
from notifier.form_sheets import form_sheet
from notifier.form_values import cleaned, values_of
from notifier.forms import form_paper
from rules.rulebook import builtin_pack, load_files, load_pack
from store.errors import ConfigError
from store.model.case import CaseState
from tests.sample_case import CASE, DISTRICT, PETITION, found
from tests.unit.documents import WORD_TYPE

BOOK = load_pack(builtin_pack("chenggong"))
FORMS = BOOK.forms
VALUES = values_of(CASE, DISTRICT)
LABELS = {
    "附件1": "“接诊”主题 “坐诊”部门 “挂号”时间 “坐诊”时间 “坐诊”地点 “挂号”渠道 服务对象 诉求范围",
    "附件2": "企业名称 统一社会信用代码 企业所在地址 反映诉求企业联系人 联系电话 诉求标题 诉求内容",
    "附件4": "“接诊”部门 “坐诊”领导 部门联系人 联系电话 “坐诊”日期 “挂号”企业 企业联系人 联系电话 办理结果 问题办理承诺时限",
    "附件5": "“挂号”企业 企业联系人 联系电话 “坐诊”日期 办理结果 “接诊”部门 “坐诊”领导 职务 企业意见（请在表格内打√） 不满意原因： 意见建议",
    "附件3": "序号 企业名称 企业所在地 企业联系人 联系电话 主要诉求 备注",
    "附件6": "“接诊”主题 “坐诊”时间 “坐诊”部门 “陪诊”部门",
}


def _cells(paper: bytes) -> list[list[str]]:
    """Return the cells of the table row by row, merged ones once."""
    rows = docx.Document(io.BytesIO(paper)).tables[0].rows
    return [list({id(cell._tc): cell.text for cell in row.cells}.values()) for row in rows]


def _text(paper: bytes, ending: str = "docx") -> str:
    document, doubt = read_document(f"表.{ending}", WORD_TYPE if ending == "docx" else "", paper)
    assert document is not None, doubt
    return document.text


def _fields(paper: bytes, ending: str = "docx") -> dict[str, str]:
    document, doubt = read_document(f"表.{ending}", WORD_TYPE if ending == "docx" else "", paper)
    assert document is not None, doubt
    return {name: document.text[slice(*place)] for name, place in form_ranges(document).items()}


@pytest.mark.parametrize("name", LABELS)
def test_labels_and_order_are_those_of_the_document(name: str) -> None:
    """Each form has the labels of its annex in their order, on paper and on a sheet."""
    form = FORMS[name]
    rows = _cells(form_paper(form, [], {}))
    told = rows[0] if form.columns else [cell for row in rows for cell in row[::2]]
    assert [cell.replace("\n", "") for cell in told] == LABELS[name].split()

    sheet = CalamineWorkbook.from_filelike(io.BytesIO(form_sheet(form, [], {}))).get_sheet_by_index(0).to_python()
    cells = [str(cell).replace("\n", "") for row in sheet for cell in row]
    places = [cells.index(label) for label in dict.fromkeys(LABELS[name].split())]
    assert places == sorted(places)


def test_the_grounds_of_the_notice_are_those_of_the_pack() -> None:
    """附件1 prints the five grounds word for word as 二（二） has them."""
    text = "".join(cell for row in _cells(form_paper(FORMS["附件1"], [], {})) for cell in row)
    for number, ground in BOOK.district.grounds.items():
        assert f"{number}.{ground.text}" in text


@pytest.mark.parametrize("ending", ["docx", "xlsx"])
def test_what_we_print_as_booking_form_is_read_again(ending: str) -> None:
    """附件2 filled from a case gives the case's fields when it comes back; empty it gives none, its hints included."""
    make = form_paper if ending == "docx" else form_sheet
    read = _fields(make(FORMS["附件2"], [VALUES], {}), ending)
    assert (read["name"], read["uscc"], read["address"]) == (VALUES["企业名称"], VALUES["统一社会信用代码"], VALUES["所在地址"])
    assert (read["contact"], read["phone"], read["title"]) == (VALUES["企业联系人"], VALUES["企业电话"], VALUES["诉求标题"])
    assert read["content"].split() == VALUES["诉求内容"].split()
    assert _fields(make(FORMS["附件2"], [], {}), ending) == {}


def _returned(name: str, ticks: Mapping[str, str]) -> bytes:
    """Return the form as a person sends it back: printed from the case, then texts replaced in the cells of the file."""
    paper = docx.Document(io.BytesIO(form_paper(FORMS[name], [VALUES], {})))
    for paragraph in {id(one._p): one for row in paper.tables[0].rows for cell in row.cells for one in cell.paragraphs}.values():
        for old, new in ticks.items():
            if old in paragraph.text:
                paragraph.text = paragraph.text.replace(old, new)
    out = io.BytesIO()
    paper.save(out)
    return out.getvalue()


@pytest.mark.parametrize("tick", "√☑R■\uf052☒✓")
def test_a_slip_that_comes_back_ticked_is_read(tick: str) -> None:
    """附件4 with any shape of a tick and the days written in says what was ticked; who it is about is read from what we had printed."""
    paper = _returned("附件4", {"□ 正在处理，限期　　": f"{tick} 正在处理，限期5"})
    (form,), doubts = filled_forms(own_words("", BOOK.reply_words), {"回执单.docx": _text(paper)}, reads_quoted=False)
    assert (form.result, form.limit, doubts) == ("promised", 5, [])
    assert form.fields["enterprise"].value == VALUES["企业名称"]


@pytest.mark.parametrize(("word", "rating"), [("满意　　　　　　基", "satisfied"), ("基本满意", "basically"), ("不满意", "dissatisfied")])
def test_a_rating_that_comes_back_ticked_is_read(word: str, rating: str) -> None:
    """附件5 is ticked behind the word, where the document prints no box."""
    ticked = "满意√　　　　　基" if word.endswith("基") else f"{word}√"
    paper = _returned("附件5", {f"{word}": ticked})
    (form,), _ = filled_forms(own_words("", BOOK.reply_words), {"评价表.docx": _text(paper)}, reads_quoted=False)
    assert form.rating == rating


def test_the_enterprise_is_left_to_say_itself_what_it_thinks() -> None:
    """A rating that the case has already is not written into 附件5; the result is."""
    case = replace(CASE, state=CaseState.RATED, progress=replace(CASE.progress, result="solved", rating="satisfied"))
    text = _text(form_paper(FORMS["附件5"], [values_of(case, DISTRICT)], {}))
    assert "☑ 已解决" in text
    assert "□ 无法解决" in text
    assert text.count("☑") == 1


@pytest.mark.parametrize("start", ["=1+1", "+86", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_of_a_stranger_becomes_a_formula(start: str) -> None:
    """What begins like a formula is kept as words in the sheet."""
    values = values_of(replace(CASE, petition=replace(PETITION, name=found(start))), DISTRICT)
    book = form_sheet(FORMS["附件3"], [values], {})
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert start.strip() in [cell for row in rows for cell in row]
    assert b"<f>" not in _sheet_xml(book)


def _sheet_xml(book: bytes) -> bytes:

    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return archive.read("xl/worksheets/sheet1.xml")


HOSTILE = {
    "企业名称": "昆明" + "名字很长的" * 30 + "𠮷𠮷有限公司",
    "诉求标题": "标\x00题\x1b\u202e\ufffe",
    "诉求内容": "我公司反映𠮷事。" * 625,
}


@pytest.mark.parametrize("name", FORMS)
def test_what_strangers_write_does_not_break_a_form(name: str) -> None:
    """Control characters, names longer than a cell, rare characters and 5,000 characters of content make files that open, nothing lost."""
    values = {**VALUES, **{field: cleaned(field, text) for field, text in HOSTILE.items()}}
    paper, sheet = form_paper(FORMS[name], [values], values), form_sheet(FORMS[name], [values], values)
    text, cells = _text(paper), CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    if name == "附件2":
        assert HOSTILE["诉求内容"] in text
        assert HOSTILE["诉求内容"] in [cell for row in cells for cell in row]
        assert "标题" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: 表\nabout: 甲\nrows: [{label: 名称, text: '{企业名}'}]\n", "没有名为“企业名”的表格内容"),
        ("title: 表\nabout: 甲\n", "要写一个，只写一个"),
        ("title: 表\nabout: 甲\ncolumns: [{label: 甲}, {label: 乙}]\nfixed: [[一]]\n", "这一行有 1 格，表头有 2 列"),
        ("title: 表\nabout: 甲\nrows: [[{label: 甲}, {label: 乙}, {label: 丙}, {label: 丁}]]\n", "一行并排 4 栏"),
        ("title: 表\nabout: 甲\nrow: []\nrows: [{label: 甲}]\n", "不认识的键“row”"),
    ],
)
def test_slips_in_the_data_of_a_form_are_told(text: str, told: str) -> None:
    """What a pack says wrongly of a form is told with file and line."""
    files = {**BOOK.files, "forms/附件7.yaml": text.encode()}
    with pytest.raises(ConfigError) as raised:
        load_files("试", files)
    problem = raised.value.problems[0]
    assert told in problem.message
    assert problem.place.startswith("试/forms/附件7.yaml:")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("notice: [附件1.docx]", "notice: [附件9.docx]", "没有表格“附件9”"),
        ("notice: [附件1.docx]", "notice: [附件1.pdf]", "“附件1.pdf”不是表格文件"),
        ("notice: [附件1.docx]", "letter: [附件1.docx]", "不认识的键“letter”"),
        ("hours: [9:00, 12:00]", "hours: [12:00, 9:00]", "应是起止两个时刻"),
    ],
)
def test_slips_in_what_goes_with_letters_about_sessions_are_told(old: str, new: str, told: str) -> None:
    """A form that the pack does not have, or no file at all, is told when the pack is read, not when a letter is due."""
    written = BOOK.files["pack.yaml"].decode()
    assert old in written
    with pytest.raises(ConfigError) as raised:
        load_files("试", {**BOOK.files, "pack.yaml": written.replace(old, new).encode()})
    assert [told in problem.message for problem in raised.value.problems] == [True]


@pytest.mark.parametrize("name", ["附件3", "附件4"])
def test_the_same_form_is_the_same_bytes_whenever_it_is_made(name: str) -> None:
    """Nothing in a file says when it was made: a mail that is sent again carries what the first one did."""
    for content in (form_paper(FORMS[name], [VALUES], VALUES), form_sheet(FORMS[name], [VALUES], VALUES)):
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            about = parts.read("docProps/core.xml").decode()
        assert set(re.findall(r"\d{4}-\d{2}-\d{2}T", about)) <= {"1980-01-01T", "2013-12-23T"}, about

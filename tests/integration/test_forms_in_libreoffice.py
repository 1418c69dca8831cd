"""The official forms in a real LibreOffice: it prints each on one page, and what was filled in and saved there is read again."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import docx
import pypdfium2
import pytest

from channels.documents import Document, read_document
from channels.forms import form_ranges
from channels.reply_forms import filled_forms
from channels.reply_text import own_words
from notifier.form_sheets import form_sheet
from notifier.form_values import values_of
from notifier.forms import Values, form_paper
from rules.rulebook import builtin_pack, load_pack
from store.model.form import Form
from store.model.reply import FilledForm
from tests.sample_case import CASE, DISTRICT

BOOK = load_pack(builtin_pack("chenggong"))
FORMS = BOOK.forms
VALUES = values_of(CASE, DISTRICT)
MAKERS: Mapping[str, Callable[[Form, Sequence[Values], Values], bytes]] = {"docx": form_paper, "xlsx": form_sheet}


def _converted(files: Mapping[str, bytes], ending: str, folder: Path) -> dict[str, bytes]:
    """Open *files* in LibreOffice, save each with *ending* and return them by the same names."""
    (folder / "out").mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", ending, "--outdir", str(folder / "out")]
    said = subprocess.run([*command, *(str(folder / name) for name in files)], capture_output=True, text=True, timeout=240, check=False)
    saved = {name: folder / "out" / f"{Path(name).stem}.{ending}" for name in files}
    assert all(path.exists() for path in saved.values()), said.stdout + said.stderr
    return {name: path.read_bytes() for name, path in saved.items()}


@pytest.mark.parametrize("kind", MAKERS)
def test_each_form_is_printed_on_one_page(kind: str, tmp_path: Path) -> None:
    """Empty, and filled from a usual case, each of the six forms is one page."""
    files = {f"{name}空.{kind}": MAKERS[kind](form, [], {}) for name, form in FORMS.items()}
    files |= {f"{name}.{kind}": MAKERS[kind](form, [VALUES], VALUES) for name, form in FORMS.items() if not form.fixed}
    printed = _converted(files, "pdf", tmp_path)
    assert {name: len(pypdfium2.PdfDocument(data)) for name, data in printed.items()} == dict.fromkeys(files, 1)


def _typed(paper: bytes, words: Mapping[str, str]) -> bytes:
    """Return the paper as a person fills it in: words replaced in its cells, runs left as they are where nothing is."""
    document = docx.Document(io.BytesIO(paper))
    cells = [cell for row in document.tables[0].rows for cell in row.cells]
    for paragraph in {id(one._p): one for cell in cells for one in cell.paragraphs}.values():
        for old, new in words.items():
            if old in paragraph.text:
                paragraph.text = paragraph.text.replace(old, new)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _document(name: str, data: bytes) -> Document:
    document, doubt = read_document(name, "", data)
    assert document is not None, doubt
    return document


def _only(name: str, data: bytes) -> FilledForm:
    (form,), doubts = filled_forms(own_words("", BOOK.reply_words), {name: _document(name, data).text}, reads_quoted=False)
    assert doubts == []
    return form


def test_forms_on_paper_that_were_filled_in_and_saved_there_are_read(tmp_path: Path) -> None:
    """附件2, 附件4 and 附件5 as .docx, filled in, opened and saved by LibreOffice, say the same as before."""
    slip = {"□ 正在处理，限期　　": "☑ 正在处理，限期5", "自　　　　年　　月　　日受理之日起，　　个": "自2024年11月20日受理之日起，7个"}
    files = {
        "附件2.docx": form_paper(FORMS["附件2"], [VALUES], {}),
        "附件4.docx": _typed(form_paper(FORMS["附件4"], [VALUES], {}), slip),
        "附件5.docx": _typed(form_paper(FORMS["附件5"], [VALUES], {}), {"基本满意": "基本满意√"}),
    }
    saved = _converted(files, "docx", tmp_path)
    _is_the_booking("附件2.docx", saved["附件2.docx"])
    returned = _only("附件4.docx", saved["附件4.docx"])
    assert (returned.result, returned.limit, returned.fields["enterprise"].value) == ("promised", 5, VALUES["企业名称"])
    assert _only("附件5.docx", saved["附件5.docx"]).rating == "basically"


def test_forms_as_sheets_that_were_saved_there_are_read(tmp_path: Path) -> None:
    """附件2 and a ticked 附件4 as .xlsx, opened and saved by LibreOffice, say the same as before."""
    ticked = {**VALUES, "框正在处理": "☑", "限期": "5"}
    files = {"附件2.xlsx": form_sheet(FORMS["附件2"], [VALUES], {}), "附件4.xlsx": form_sheet(FORMS["附件4"], [ticked], {})}
    saved = _converted(files, "xlsx", tmp_path)
    _is_the_booking("附件2.xlsx", saved["附件2.xlsx"])
    returned = _only("附件4.xlsx", saved["附件4.xlsx"])
    assert (returned.result, returned.limit, returned.fields["enterprise"].value) == ("promised", 5, VALUES["企业名称"])


def _is_the_booking(name: str, data: bytes) -> None:
    document = _document(name, data)
    read = {field: document.text[slice(*place)] for field, place in form_ranges(document).items()}
    assert (read["name"], read["uscc"], read["address"]) == (VALUES["企业名称"], VALUES["统一社会信用代码"], VALUES["所在地址"])
    assert (read["contact"], read["phone"], read["title"]) == (VALUES["企业联系人"], VALUES["企业电话"], VALUES["诉求标题"])
    assert read["content"].split() == VALUES["诉求内容"].split()

"""Lines of a page become one text: in reading order, cells of a table as cells, a line joined to the next only where it was full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from channels.forms import form_ranges
from channels.gateway import papers_of
from channels.grid import Grid, grid_of
from channels.page_text import PageText
from channels.recognition import Line, simplified
from store.model.arrival import Channel
from store.model.letter import Address
from store.model.petition import Reading
from tests.sample_case import LETTER, PETITION

NO_TABLE = Grid(())


def _line(text: str, left: int, top: int, right: int, *, high: int = 36, confidence: float = 1.0) -> Line:
    return Line(text, (left, top, right, top + high), (confidence,) * len(text))


def _text(*lines: Line, grid: Grid = NO_TABLE) -> str:
    made = PageText()
    made.add_page(1, lines, grid)
    return made.document().text


def test_full_line_runs_on() -> None:
    """A line that reaches the margin goes on below; one that ends before it, with a stop, or above an indent does not."""
    text = _text(
        _line("我公司位于呈贡区，自九月起停", 100, 100, 900),
        _line("水三次。", 100, 150, 300),
        _line("请求尽快恢复。", 180, 200, 500),
    )

    assert text == "我公司位于呈贡区，自九月起停水三次。\n请求尽快恢复。\n"


def test_number_broken_over_two_lines_is_one() -> None:
    """No space comes into a code that did not fit; between words of Latin letters one does."""
    assert "91530114MA6PLA635B" in _text(_line("信用代码91530114MA", 100, 100, 900), _line("6PLA635B）的股东", 100, 150, 420))
    assert "Yunnan Trading" in _text(_line("我公司英文名Yunnan", 100, 100, 900), _line("Trading的股东", 100, 150, 420))


def test_parts_of_a_line_stand_side_by_side() -> None:
    """What stands at one height is one line, from the left; a wide gap parts label and value."""
    assert (
        _text(_line("13888001234", 700, 102, 900), _line("苏佑民", 300, 100, 400), _line("联系人", 100, 98, 200))
        == "联系人\t苏佑民\t13888001234\n"
    )


def test_labels_of_the_form_without_a_table_get_their_colon() -> None:
    """Recognition loses the gap between label and value; where a page opens lines with labels of 附件2, it is put back."""
    rows = ("企业名称昆明云岭有限公司", "企业所在地址呈贡区", "反映诉求企业联系人苏佑民联系电话13888001234")
    text = _text(*(_line(row, 100, 100 + 60 * number, 400) for number, row in enumerate(rows)))

    assert text == "企业名称：昆明云岭有限公司\n企业所在地址：呈贡区\n反映诉求企业联系人：苏佑民 联系电话：13888001234\n"
    assert _text(_line(rows[0], 100, 100, 400)) == f"{rows[0]}\n"


def test_place_and_confidence_of_each_sign_are_kept() -> None:
    """The least sure sign of a range counts, and its line is known."""
    made = PageText()
    made.add_page(2, [Line("电话13888", (10, 20, 90, 50), (1.0, 1.0, 0.9, 0.4, 0.9, 0.8, 0.9))], NO_TABLE)
    (region,) = made.regions

    assert (region.page, region.box) == (2, (10, 20, 90, 50))
    assert (region.least(0, 2), region.least(2, 7)) == (1.0, 0.4)


def _ruled(*, gap: bool = False) -> np.ndarray:
    page = Image.new("L", (1000, 600), 255)
    draw = ImageDraw.Draw(page)
    for top in (100, 180, 260):
        draw.rectangle((50, top, 300, top + 80), outline=0, width=3)
        draw.rectangle((300, top, 950, top + 80), outline=0, width=3)
    if gap:  # a noisy line
        for x in range(60, 940, 90):
            page.paste(255, (x, 178, x + 3, 184))
    return np.asarray(page, dtype=np.uint8)


@pytest.mark.parametrize("gap", [False, True])
def test_rulings_make_cells(gap: bool) -> None:  # noqa: FBT001 - a column of the table
    """A ruled table has its cells row by row, also where the rulings are broken by noise."""
    grid = grid_of(_ruled(gap=gap))

    assert [len(row) for row in grid.rows] == [2, 2, 2]
    assert grid.cell_of((400, 190, 600, 230)) == (1, 1)
    assert grid.cell_of((400, 10, 600, 50)) is None
    (label, value) = grid.parted((60, 120, 700, 150))
    assert (label[0], value[2]) == (60, 700)
    assert abs(label[2] - 300) < 10


def test_form_is_read_from_its_cells() -> None:
    """What stands in the cells of a ruled page is read by the reader of Word forms."""
    grid = grid_of(_ruled())
    made = PageText()
    made.add_page(
        1,
        [
            _line("企业名称", 60, 120, 200),
            _line("昆明云岭有限公司", 320, 120, 600),
            _line("联系电话", 60, 200, 200),
            _line("13888001234", 320, 200, 600),
            _line("诉求内容", 60, 280, 200),
            _line("停水", 320, 280, 400),
        ],
        grid,
    )
    document = made.document()

    assert {name: document.text[slice(*place)] for name, place in form_ranges(document).items()} == {
        "name": "昆明云岭有限公司",
        "phone": "13888001234",
        "content": "停水",
    }


@pytest.mark.parametrize(
    ("subject", "sender", "number"),
    [
        ("传真 来自 0871-67332111 2024-10-09 10:02:33", "fax@gw.example", "087167332111"),
        ("New fax from +86 871 6733 2111", "fax@gw.example", "+8687167332111"),
        ("收到传真 20241009100233", "087167332111@gw.example", "087167332111"),
        ("收到传真", "fax@gw.example", ""),
    ],
)
def test_number_in_the_mail_of_a_gateway(subject: str, sender: str, number: str) -> None:
    """The number stands in the subject or in the sender's address; a date is none."""
    letter = replace(LETTER, subject=subject, sender=Address(name="传真", address=sender), attachments=())
    reading = Reading(petition=replace(PETITION, letter=letter), blobs={})

    papers = papers_of(reading, {"@gw.example": Channel.FAX})

    assert papers is not None
    assert papers.number == number
    assert papers_of(reading, {"fax@other.example": Channel.FAX}) is None


def test_traditional_signs_are_misreadings() -> None:
    """減 and 櫓 are written 减 and 橹 and count as doubtful; 乾, which simplified writing has, and all else stay as they are."""
    line = simplified(_line("乾元船櫓厂申请減免", 0, 0, 500, confidence=0.99))

    assert line.text == "乾元船橹厂申请减免"
    assert [sign for sign, sure in zip(line.text, line.confidences, strict=True) if sure < 0.85] == ["橹", "减"]

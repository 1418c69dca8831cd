"""`zuozhen form` as an operator calls it: the forms there are, an empty one, and what it says of slips."""

from __future__ import annotations

from pathlib import Path

import docx
import pytest

from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give an instance that never ran."""
    return write_instance(tmp_path, 25)


@pytest.fixture
def here(config: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on that instance."""
    return Here(capsys, config)


def test_forms_are_listed_and_one_is_printed_empty(here: Here, tmp_path: Path) -> None:
    """The six forms stand with their titles; an empty one is written, and never over a file that is there."""
    assert [one["name"] for one in here("form", "--json").data] == [f"附件{number}" for number in range(1, 7)]
    path = tmp_path / "空表.docx"
    said = here("form", "附件2", "--empty", "-o", str(path))
    assert (said.code, said.out.strip()) == (0, f"已写出 {path}")
    before = path.read_bytes()
    again = here("form", "附件2", "--empty", "-o", str(path))
    assert (again.code, path.read_bytes()) == (2, before)
    assert "已经有了，没有覆盖" in again.err


def test_what_is_given_stands_in_the_notice(here: Here, tmp_path: Path) -> None:
    """The notice needs no case: what the caller gives is filled in, title included; with .xlsx it is a sheet."""
    paths = [tmp_path / "通告.docx", tmp_path / "通告.xlsx"]
    for path in paths:
        said = here("form", "附件1", "--fill", "年=2024", "--fill", "期=4", "--fill", "主题=花卉产业", "-o", str(path))
        assert said.code == 0, said.err
    paper = docx.Document(str(paths[0]))
    assert paper.paragraphs[1].text == "昆明市呈贡区 2024年第4期“区委书记、区长、局长坐诊接诉”通告"
    assert paper.tables[0].rows[0].cells[-1].text == "花卉产业"
    assert paths[1].read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("附件7",), "没有表格“附件7”；是否想写“附件"),
        (("附件2",), "请写填哪一件"),
        (("附件2", "CG-2024-00009"), "CG-2024-00009"),
        (("附件2", "--empty", "-o", "表.pdf"), "要以 .docx 或 .xlsx 结尾"),
        (("附件2", "--empty", "-o", "/proc/表.docx"), "请用 -o 换一个地方"),
        (("附件4", "--fill", "坐诊日=今天"), "是否想写“坐诊日期”？"),
        (("附件4", "--empty", "--district", "wuhua"), "配置里没有 wuhua；有：chenggong"),
    ],
)
def test_slips_are_told_with_the_next_step(here: Here, words: tuple[str, ...], told: str) -> None:
    """A mistake of the caller ends with 2, in Chinese, with how it is written right."""
    said = here("form", *words)
    assert said.code == 2
    assert told in said.err

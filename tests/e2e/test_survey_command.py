"""`zuozhen survey` as an operator calls it: what may be asked, asking, the numbers, and mistakes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rules.rulebook import builtin_pack
from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here

KEY = "2024年企业评价"
SURVEYS = """
surveys:
  企业评价: {of: 民营企业评价, asks: [挂钩联系, 解难帮扶]}
  征求意见: {days: 15}
"""


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on an instance whose pack has two surveys."""
    config = write_instance(tmp_path, 25)
    pack = Path(shutil.copytree(builtin_pack("chenggong"), tmp_path / "pack"))
    with (pack / "pack.yaml").open("a", encoding="utf-8") as file:
        file.write(SURVEYS)
    config.write_text(config.read_text(encoding="utf-8").replace('pack = "chenggong"', 'pack = "./pack"'), encoding="utf-8")
    return Here(capsys, config)


def test_asking_and_counting(here: Here, tmp_path: Path) -> None:
    """What may be asked is listed; those of a file are asked once; the numbers stand there for people and for programs."""
    said = here("survey", "list")
    assert "挂钩联系、解难帮扶" in said.out
    assert "（自由填写）" in said.out
    (tmp_path / "to.csv").write_text("\ufeffa@enterprise.example,甲公司,swj\nb@enterprise.example，乙公司\n\n", encoding="utf-8")
    words = ("survey", "send", KEY, "--of", "企业评价", "--to", str(tmp_path / "to.csv"), "--by", "王芳")
    assert "这次写给 2 家" in here(*words).out
    assert "这次写给 0 家" in here(*words).out
    said = here("survey", "show", KEY)
    assert "问 2 家，答 0 家（0%）" in said.out
    assert "还没有答复。" in said.out
    found = here("survey", "show", KEY, "--json").data
    assert (found["asked"], found["answered"], found["marks"]["挂钩联系"]) == (2, 0, {"满意": 0, "基本满意": 0, "不满意": 0})
    assert "征询" in here("outbox", "list").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("send", KEY, "--of", "企业评价", "--by", "王芳"), "请写明问谁"),
        (("send", KEY, "--sample", "5", "--by", "王芳"), "请用 --of 写明是哪一种征询；有：企业评价、征求意见"),
        (("send", KEY, "--of", "评价", "--sample", "5", "--by", "王芳"), "没有名为“评价”的征询"),
        (("send", KEY, "--of", "企业评价", "--sample", "5", "--by", "王芳"), "抽不出样本"),
        (("send", KEY, "--of", "企业评价", "--to", "{folder}/wrong.csv", "--by", "王芳"), "wrong.csv 第 2 行：“甲公司”不是邮箱地址"),
        (("send", KEY, "--of", "企业评价", "--to", "{folder}/nobody.csv", "--by", "王芳"), "没有代号为 nosuch 的部门"),
        (("send", KEY, "--of", "企业评价", "--to", "{folder}/none.csv", "--by", "王芳"), "打不开"),
        (("show", KEY), "没有名为"),
    ],
)
def test_mistakes(here: Here, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """Each says what is wrong and where, and what to do; nobody is written to."""
    (tmp_path / "wrong.csv").write_text("a@enterprise.example\n甲公司\n", encoding="utf-8")
    (tmp_path / "nobody.csv").write_text("a@enterprise.example,甲,nosuch\n", encoding="utf-8")
    said = here("survey", *(word.replace("{folder}", str(tmp_path)) for word in words))
    assert said.code == 2
    assert told in said.err
    assert "没有" in here("outbox", "list").out

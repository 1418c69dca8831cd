"""The commands under `zuozhen rules` as an operator calls them on a pack of his own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import run

ROOT = Path(__file__).parents[2]
LINT = ROOT / "tests" / "packs" / "lint"
INSTANCE = """
[smtp]
listen = "127.0.0.1:0"
[relay]
folder = "outgoing"
[[district]]
pack = "./mine"
mailboxes = ["zuozhen@cg.example"]
addresses = "addresses.toml"
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its output as a program reads it."""
        return json.loads(self.out)


Zuozhen = Callable[..., Said]


@pytest.fixture
def zuozhen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Zuozhen:
    """Return the command, run in this process from an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZUOZHEN_CONFIG", raising=False)

    def call(*words: str) -> Said:
        code = run(("rules", *words))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a copy of the small clean pack."""
    return Path(shutil.copytree(LINT, tmp_path / "mine"))


def write(pack: Path, name: str, text: str) -> None:
    """Write a file of the pack."""
    (pack / name).write_text(text, encoding="utf-8")


# ---------------------------------------------------------------- lint

HEAVY = "- rule: 甲\n  basis: policy\n  when: {all: [{mention: 停水, in: title}]}\n  then: {route: gsj, weight: 50}\n"


def test_lint_of_a_clean_pack(zuozhen: Zuozhen, pack: Path) -> None:
    """Nothing found is said and ends with 0; a folder needs no slash."""
    assert zuozhen("lint", "mine") == Said(0, "没有发现问题。\n", "")


def test_lint_tells_place_check_and_remedy(zuozhen: Zuozhen, pack: Path) -> None:
    """Warnings end with 1; hints are counted and listed only on demand."""
    write(pack, "rules/90.yaml", HEAVY)
    said = zuozhen("lint", str(pack))

    assert said.code == 1
    assert "mine/rules/90.yaml:1: ZZ101 警告: 甲: 没有 about，企业和部门会看到规则名（写一句话说明它管什么）" in said.out
    assert "ZZ118" not in said.out
    assert "警告 2 处，提醒 1 处（提醒加 --hints 列出）" in said.out
    assert "ZZ118" in zuozhen("lint", str(pack), "--hints").out


def test_lint_of_a_pack_that_does_not_load(zuozhen: Zuozhen, pack: Path) -> None:
    """What keeps a pack from loading is a finding like the others, not another form of output; it ends with 2, as everywhere."""
    write(pack, "rules/90.yaml", HEAVY.replace("停水", "停氺"))
    said = zuozhen("lint", str(pack), "--format", "json")

    assert said.code == 2
    (finding,) = said.data["findings"]
    assert (finding["check"], finding["severity"], finding["place"]) == ("ZZ001", "error", "mine/rules/90.yaml:3")


def test_lint_sums_up_departments_without_mailbox(zuozhen: Zuozhen, pack: Path, tmp_path: Path) -> None:
    """Before anybody has filled the address file in, it is one line with a count; which departments, on demand; one alone is named."""
    (tmp_path / "zuozhen.toml").write_text(INSTANCE, encoding="utf-8")
    (tmp_path / "addresses.toml").write_text("", encoding="utf-8")
    said, whole = zuozhen("lint", str(pack)), zuozhen("lint", str(pack), "--hints")
    (tmp_path / "addresses.toml").write_text('[departments]\ngsj = "gsj@cg.example"\n', encoding="utf-8")
    one = zuozhen("lint", str(pack))

    assert said.code == whole.code == 1
    (line, total) = said.out.splitlines()
    assert line == "mine/departments.yaml: ZZ301 警告: 部门没有邮箱，2 处（在部门邮箱文件里写上；逐条加 --hints 列出）"
    assert total.startswith("警告 2 处")
    assert [line.split(": ")[2] for line in whole.out.splitlines()[:-1]] == ["gsj", "gdj"]
    assert ": ZZ301 警告: gdj: " in one.out


def test_lint_without_a_pack_or_configuration(zuozhen: Zuozhen) -> None:
    """Without either, the command says what to give it and ends with 2."""
    said = zuozhen("lint")

    assert said.code == 2
    assert "--config" in said.err


# ---------------------------------------------------------------- test, coverage

CASES = """
- {title: 停水三天, text: 车间停水三天，请供水局尽快修好。, verdict: accept, department: gsj}
- {text: 对方公司拖欠货款三十万元，多次催要没有结果。, verdict: refuse, ground: 2}
"""


def test_examples_and_cases_pass(zuozhen: Zuozhen, pack: Path, tmp_path: Path) -> None:
    """Examples beside the rules and the pack's own cases are tried together."""
    (pack / "cases").mkdir()
    write(pack, "cases/水.yaml", CASES)

    assert zuozhen("test", "mine") == Said(0, "试了 10 条，全部相符。\n", "")
    assert zuozhen("test", "mine", str(pack / "cases")).out == "试了 10 条，全部相符。\n"


def test_a_failing_case_says_what_came_and_why(zuozhen: Zuozhen, pack: Path, tmp_path: Path) -> None:
    """A case that comes out otherwise ends with 1, names its line, what was expected, what came, and the rules that said so."""
    write(tmp_path, "水.yaml", CASES.replace("gsj", "gdj"))
    said = zuozhen("test", "mine", "水.yaml")

    assert said.code == 1
    assert "✗ 用例 水-1 停水三天（水.yaml:2）\n  应为：受理，承办 gdj\n  得到：受理，承办 gsj\n" in said.out
    assert "[事项_停水]：标题「停水」" in said.out
    assert "试了 10 条，1 条不符。" in said.out
    (failed,) = zuozhen("test", "mine", "水.yaml", "--json").data["failed"]
    assert (failed["name"], failed["got"]) == ("用例 水-1 停水三天", "受理，承办 gsj")


def test_a_failing_example_names_the_missing_condition(zuozhen: Zuozhen, pack: Path) -> None:
    """An example that does not fire says which one condition was missing; a near miss that fires says so."""
    rules = (pack / "rules/10_admission.yaml").read_text(encoding="utf-8")
    write(
        pack,
        "rules/10_admission.yaml",
        rules.replace("hit: [对方公司拖欠货款三十万元]", "hit: [政府部门拖欠货款]").replace("尚未开庭", "已经开庭"),
    )
    said = zuozhen("test", "mine")

    assert said.code == 1
    assert "✗ 规则 欠款纠纷 的例子 1（mine/rules/10_admission.yaml:" in said.out
    assert "应为：成立\n  得到：不成立，只差“没有提到“政府””" in said.out
    assert "应为：不成立\n  得到：成立" in said.out


def test_examples_of_a_rule_that_begins_later(zuozhen: Zuozhen, pack: Path) -> None:
    """A rule that is in force from a day in the future, or was until one in the past, is tried on such a day."""
    rules = (pack / "rules/20_routing.yaml").read_text(encoding="utf-8")
    write(pack, "rules/20_routing.yaml", rules.replace("basis: policy", "basis: policy\n  from: 2999-01-01", 1))
    later = zuozhen("test", "mine")
    write(pack, "rules/20_routing.yaml", rules.replace("basis: policy", "basis: policy\n  until: 2020-01-01", 1))

    assert later == Said(0, "试了 8 条，全部相符。\n", "")
    assert zuozhen("test", "mine") == later


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("- {text: 甲}\n", "例.yaml:1: 0: 缺少“verdict”", id="no-verdict"),
        pytest.param("- {text: 甲, verdict: acept}\n", "没有名为“acept”的结论（是否想写“accept”？）", id="verdict"),
        pytest.param("- {text: 甲, verdict: refuse, ground: 9}\n", "grounds.yaml 里没有情形 9", id="ground"),
        pytest.param("- {text: 甲, verdict: accept, department: gs}\n", "没有名为“gs”的部门编号", id="department"),
        pytest.param("- {txt: 甲, verdict: accept}\n", "不认识的键“txt”（是否想写“text”？）", id="key"),
    ],
)
def test_mistakes_in_case_files(zuozhen: Zuozhen, pack: Path, tmp_path: Path, text: str, problem: str) -> None:
    """A case file with a mistake is not tried; the mistake is told with its line."""
    write(tmp_path, "例.yaml", text)
    said = zuozhen("test", "mine", "例.yaml")

    assert said.code == 2
    assert problem in said.err


def test_coverage_lists_what_was_never_tried(zuozhen: Zuozhen, pack: Path) -> None:
    """A rule without example is a gap; the gate fails below the share asked for."""
    write(pack, "rules/90.yaml", HEAVY)
    said = zuozhen("coverage", "mine", "--at-least", "1")

    assert said.code == 1
    assert "mine/rules/90.yaml:1: 甲: 从没有成立过" in said.out
    assert "规则 5/6 条成立过，分支 1/1 个起过作用，合计 85.7%。" in said.out
    assert zuozhen("coverage", "mine", "--at-least", "0.8").code == 0
    assert zuozhen("coverage", "mine", "--json").data["share"] == 0.8571


def test_the_products_own_cases_pass(zuozhen: Zuozhen) -> None:
    """The pack that comes with the product passes its cases by the operator's command, in child processes."""
    said = zuozhen("test", "chenggong", "--json")

    assert said.code == 0, said.out + said.err
    assert said.data["tried"] > 700


# ---------------------------------------------------------------- fmt


def test_fmt_beside_a_file_that_cannot_be_read(zuozhen: Zuozhen, pack: Path) -> None:
    """The others are laid out all the same, the broken one keeps its bytes, and the end is 2, as of anything that cannot be read."""
    write(pack, "rules/90.yaml", "甲: [乙\n")
    write(pack, "lists/90.yaml", "甲:   [乙]\n")
    said = zuozhen("fmt", str(pack))
    (pack / "rules" / "90.yaml").unlink()

    assert said.code == 2
    assert "rules/90.yaml：读不出来，没有动它" in said.err
    assert "整理了：lists/90.yaml" in said.out
    write(pack, "lists/90.yaml", "甲:   [乙]\n")
    assert zuozhen("fmt", str(pack), "--check").code == 1

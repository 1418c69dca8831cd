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
    """What keeps a pack from loading is a finding like the others, not another form of output."""
    write(pack, "rules/90.yaml", HEAVY.replace("停水", "停氺"))
    said = zuozhen("lint", str(pack), "--format", "json")

    assert said.code == 1
    (finding,) = said.data["findings"]
    assert (finding["check"], finding["severity"], finding["place"]) == ("ZZ001", "error", "mine/rules/90.yaml:3")


def test_lint_without_a_pack_or_configuration(zuozhen: Zuozhen) -> None:
    """Without either, the command says what to give it and ends with 2."""
    said = zuozhen("lint")

    assert said.code == 2
    assert "--config" in said.err

"""Two clerks change the rules from one pack: whoever comes second is told who came first and loses nobody's change without having seen it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from daemon.cli import run
from rules.rulebook import load_pack
from rules.workbench.base import NAME, read_base, write_base
from tests.e2e.instance import daemon
from tests.e2e.test_apply import copy, folder, rules
from tests.e2e.test_cli import Here

__all__ = ["folder"]  # the fixture

ROUTING = Path("rules", "20_routing.yaml")


@pytest.fixture
def here(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """Return the command run in this process, in the folder of the instance."""
    monkeypatch.chdir(folder)
    return Here(capsys, folder / "zuozhen.toml")


def edit(pack: Path, old: str, new: str) -> None:
    """Change a text in the rules on departments."""
    text = (pack / ROUTING).read_text(encoding="utf-8")
    assert old in text
    (pack / ROUTING).write_text(text.replace(old, new), encoding="utf-8")


def orders(here: Here) -> list[tuple[str, str, str]]:
    """Return digest, actor and reason of each order, the first first."""
    return [(one["digest"], one["actor"], one["reason"]) for one in reversed(here("rules", "history", "--json").data["orders"])]


def test_the_second_clerk_is_told_of_the_first(here: Here, folder: Path) -> None:
    """One after the other: the second order is refused, names who, when and why, and goes through once the changes are put together."""
    assert here("rules", "copy", "甲").code == here("rules", "copy", "乙").code == 0
    edit(folder / "甲", "weight: 3", "weight: 4")
    edit(folder / "乙", "route: gsj", "route: gdj")
    first = here("rules", "apply", "./甲", "--by", "王芳", "--reason", "停水更重")
    second = here("rules", "apply", "./乙", "--by", "李明")
    (digest, *_), *_ = given = orders(here)
    looked = (here("rules", "copy", "./现用的").code, run(("rules", "diff", "./现用的", "./乙")))
    edit(folder / "乙", "weight: 3", "weight: 4")
    third = here("rules", "apply", "./乙", "--by", "李明", "--over", digest[:12], "--reason", "改归供电")

    assert (first.code, first.err) == (0, "")
    assert (second.code, second.out) == (1, "")
    assert f"没有启用：乙 是从 {load_pack(folder / 'pack').digest[:12]} 改来的，而现用的已经是 {digest[:12]}。此后启用过：" in second.err
    assert "  王芳：停水更重\n" in second.err
    assert f"zuozhen rules apply ./乙 --by 姓名 --over {digest[:12]}" in second.err
    assert given == [(digest, "王芳", "停水更重")]
    assert looked == (0, 0)
    assert third.code == 0
    assert orders(here)[1:] == [(load_pack(folder / "乙").digest, "李明", f"改归供电（盖过第 1 次王芳启用的 {digest[:12]}）")]


def test_what_is_in_force_may_be_changed_on_and_on(here: Here, folder: Path) -> None:
    """Whoever goes on in the folder that was put in force, or in a copy of it, has overtaken nobody; nor has who orders the same again."""
    assert here("rules", "copy", "甲").code == 0
    codes = []
    for weight in (4, 5):
        edit(folder / "甲", f"weight: {weight - 1}", f"weight: {weight}")
        codes.append(here("rules", "apply", "./甲", "--by", "王芳").code)
    shutil.copytree("甲", "乙")
    edit(folder / "乙", "route: gsj", "route: gdj")
    codes.append(here("rules", "apply", "./乙", "--by", "李明").code)
    (folder / "乙" / NAME).unlink()
    again = here("rules", "apply", "./乙", "--by", "张兰")

    assert codes == [0, 0, 0]
    assert again.out.endswith("已经在用。\n")
    assert len(orders(here)) == 3


def test_a_change_that_was_taken_back_does_not_return_by_itself(here: Here, folder: Path) -> None:
    """After `restore`, a folder that starts from what was taken back is refused, too."""
    assert here("rules", "copy", "甲").code == 0
    old = load_pack(folder / "甲")
    for weight in (4, 5):
        edit(folder / "甲", f"weight: {weight - 1}", f"weight: {weight}")
        assert here("rules", "apply", "./甲", "--by", "王芳").code == 0
    assert here("rules", "restore", orders(here)[0][0], "--by", "李明", "--reason", "误判").code == 0
    edit(folder / "甲", "route: gsj", "route: gdj")
    refused = here("rules", "apply", "./甲", "--by", "王芳")

    assert refused.code == 1
    assert "李明：误判\n" in refused.err
    assert read_base(folder / "甲") not in {"", old.digest}


async def test_a_copy_made_by_hand(folder: Path) -> None:
    """While nothing but the configured folder was ever in force, a copy can only come from there; later it must say where it comes from."""
    async with daemon(folder / "zuozhen.toml"):
        first = await rules(folder, "apply", copy(folder, "one", "weight: 3", "weight: 4"), "--by", "王芳")
        second = await rules(folder, "apply", copy(folder, "two", "weight: 3", "weight: 5"), "--by", "李明")

    assert (first.code, first.err) == (0, "")
    assert second.code == 1
    assert f"看不出 two 是从哪一版改来的（里面没有 {NAME}）" in second.err
    assert "第 1 次" in second.err
    assert "第 2 次" in second.err


async def test_two_clerks_at_once(folder: Path) -> None:
    """Whoever is second by a moment, after both looked, is told as well: one order is given, not two."""
    for name in ("one", "two"):
        assert (await rules(folder, "copy", name)).code == 0
        edit(folder / name, "weight: 3", f"weight: {len(name) + ord(name[0]) % 7}")
    said = await asyncio.gather(*(rules(folder, "apply", f"./{name}", "--by", name) for name in ("one", "two")))
    given = json.loads((await rules(folder, "history", "--json")).out)["orders"]

    assert sorted(one.code for one in said) == [0, 1]
    (order,) = given
    (refused,) = (one for one in said if one.code == 1)
    assert f"  {order['actor']}\n" in refused.err


def test_copy_of_an_earlier_pack(here: Here, folder: Path) -> None:
    """Every kept pack can be taken out again as it was, with the cases of the configured folder; nothing is ever written over."""
    (folder / "pack" / "cases").mkdir()
    (folder / "pack" / "cases" / "水.yaml").write_text(
        "- {title: 停水, text: 车间停水三天，请尽快恢复。, verdict: accept}\n", encoding="utf-8"
    )
    assert here("rules", "copy", "./甲").code == 0
    assert here("rules", "apply", "./甲", "--by", "王芳").code == 0
    edit(folder / "甲", "weight: 3", "weight: 4")
    assert here("rules", "apply", "./甲", "--by", "王芳").code == 0
    (old, *_), (new, *_) = orders(here)
    said, taken = here("rules", "copy", "./旧", "--digest", old[:8]), here("rules", "copy", "./旧")

    assert said.code == 0
    assert f"已取出规则包 {old[:12]}，在 旧。\n用例取自 {folder}/pack/cases。\n" in said.out
    assert (load_pack(folder / "旧").digest, read_base(folder / "旧")) == (old, old)
    assert (folder / "旧" / "cases" / "水.yaml").is_file()
    assert (load_pack(folder / "甲").digest, read_base(folder / "甲")) == (new, new)
    assert taken.code == 2
    assert "旧 已经有了，未作改动" in taken.err
    assert here("rules", "copy", "./没有", "--digest", "0" * 12).code == 2


@pytest.mark.parametrize("text", ["", "3f9a", "x" * 64, "\xff" * 70])
def test_a_base_that_says_nothing(tmp_path: Path, text: str) -> None:
    """What nobody can read is as good as missing."""
    (tmp_path / NAME).write_text(text, encoding="latin-1")
    assert not read_base(tmp_path)
    write_base(tmp_path, "a" * 64)
    assert read_base(tmp_path) == "a" * 64


def test_a_pack_of_the_product_is_left_as_it_is(here: Here, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Putting a pack in force that comes with the product notes nothing in the product's folder, which other instances use too."""
    monkeypatch.setattr("daemon.cli.rules_apply.BUILTIN_PACKS", (folder / "pack").parent)
    given = here("rules", "apply", str(folder / "pack"), "--by", "王芳")

    assert (given.code, given.err) == (0, "")
    assert not (folder / "pack" / NAME).exists()

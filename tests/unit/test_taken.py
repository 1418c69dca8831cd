"""What a pack takes from one that comes with the product."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rules.rulebook import builtin_pack, load_files, load_pack
from store.errors import ConfigError

SMALL = Path(__file__).parents[1] / "packs" / "small"
TAKEN = "\ntaken: {from: chenggong, files: [lists/topics_swuj.yaml]}\n"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a copy of a small pack."""
    return Path(shutil.copytree(SMALL, tmp_path / "small"))


def _says(pack: Path, more: str) -> None:
    file = pack / "pack.yaml"
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")


def test_taken_files_are_read_as_the_packs_own(pack: Path) -> None:
    """Lists that are taken are there, in the digest and among the files that the database keeps; kept, the pack is the same."""
    _says(pack, TAKEN)
    book = load_pack(pack)

    assert "停水水压" in book.lists
    assert book.files["lists/topics_swuj.yaml"] == (builtin_pack("chenggong") / "lists/topics_swuj.yaml").read_bytes()
    assert book.taken == {"lists/topics_swuj.yaml"}
    assert load_files("kept", book.files).digest == book.digest


def test_an_own_file_stands_instead(pack: Path) -> None:
    """A file of the same name in the folder is the one that is read, as in a folder that `rules copy` wrote."""
    _says(pack, TAKEN)
    (pack / "lists/topics_swuj.yaml").write_text("水压: [没水, 水小]\n", encoding="utf-8")
    book = load_pack(pack)

    assert "水压" in book.lists
    assert "停水水压" not in book.lists
    assert not book.taken


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("{from: chengong, files: [lists/general.yaml]}", "没有名为“chengong”的自带的规则包（是否想写“chenggong”？）"),
        (
            "{from: chenggong, files: [lists/topics_swu.yaml]}",
            "没有名为“lists/topics_swu.yaml”的文件（是否想写“lists/topics_swuj.yaml”？）",
        ),
        ("{from: chenggong, files: [../chenggong/pack.yaml]}", "没有名为“../chenggong/pack.yaml”的文件"),
        ("{from: chenggong, files: [grounds.yaml]}", "没有名为“grounds.yaml”的文件"),
        ("{from: chenggong, files: []}", "列表是空的（文件名）"),
        ("{from: chenggong}", "缺少“files”"),
        ("chenggong", "这里应是“键: 值”"),
    ],
)
def test_what_cannot_be_taken_is_told(pack: Path, said: str, why: str) -> None:
    """Each mistake is told at its line, with the nearest name; nothing outside of the other pack's lists, rules and platforms is read."""
    _says(pack, f"\ntaken: {said}\n")

    with pytest.raises(ConfigError) as refused:
        load_pack(pack)

    assert any(why in str(problem) and "small/pack.yaml:" in str(problem) for problem in refused.value.problems)

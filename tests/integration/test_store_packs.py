"""Kept packs: byte for byte under their digest, once, found by the first characters of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from rules.rulebook import load_files, load_pack
from store.errors import UsageError
from store.packs import Packs
from tests.integration.store_values import NOW, opened

FILES = {"pack.yaml": "一\n".encode(), "lists/词.yaml": b"\xef\xbb\xbf- a\r\n", "wording/_x.txt": b""}
ONE, OTHER = "ab" * 32, "abcdef" + "0" * 58
SMALL = Path(__file__).parents[1] / "packs" / "small"


@pytest.fixture
async def packs(tmp_path: Path) -> AsyncIterator[Packs]:
    """Open a store of packs on a fresh file."""
    async with opened(tmp_path / "zuozhen.db") as store:
        yield Packs(store.db)


async def test_pack_comes_back_byte_for_byte(packs: Packs) -> None:
    """What is kept is every file as it was, Chinese names, byte order mark and line ends included."""
    await packs.keep("chenggong", ONE, FILES, now=NOW)

    kept = await packs.load("chenggong", ONE)

    assert (kept.district, kept.digest, kept.kept_at, kept.files) == ("chenggong", ONE, NOW, FILES)


async def test_pack_is_kept_once(packs: Packs) -> None:
    """Each start keeps its pack again; the first time stands."""
    await packs.keep("chenggong", ONE, FILES, now=NOW)
    await packs.keep("chenggong", ONE, {}, now=NOW + timedelta(days=1))

    kept = await packs.load("chenggong", ONE)

    assert (kept.kept_at, kept.files) == (NOW, FILES)


async def test_pack_is_found_by_the_beginning_of_its_digest(packs: Packs) -> None:
    """A person copies a few characters; too few, or such as fit two packs, or none, are told."""
    await packs.keep("chenggong", ONE, FILES, now=NOW)
    await packs.keep("chenggong", OTHER, FILES, now=NOW)

    assert (await packs.load("chenggong", ONE[:6].upper())).digest == ONE
    for asked, said in [("abc", "至少写前"), ("ffffff", "没有保存"), ("%%%%%%", "没有保存")]:
        with pytest.raises(UsageError, match=said):
            await packs.load("chenggong", asked)
    with pytest.raises(UsageError, match="没有保存"):
        await packs.load("wuhua", ONE)


async def test_ambiguous_digest_is_told(packs: Packs) -> None:
    """Two packs that begin alike are not taken for each other."""
    await packs.keep("chenggong", ONE, FILES, now=NOW)
    await packs.keep("chenggong", ONE[:8] + "0" * 56, FILES, now=NOW)

    with pytest.raises(UsageError, match="不止一个"):
        await packs.load("chenggong", ONE[:8])


async def test_kept_pack_loads_as_the_same_rule_book(packs: Packs) -> None:
    """A pack loaded from what was kept has the same digest and the same rules as the folder it came from."""
    book = load_pack(SMALL)
    await packs.keep("small", book.digest, book.files, now=NOW)

    again = load_files("small", (await packs.load("small", book.digest)).files)

    assert (again.digest, list(again.rules.values())) == (book.digest, list(book.rules.values()))

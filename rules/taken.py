"""What a pack takes as it stands from a pack that comes with the product: `taken` in its pack.yaml.

| key | meaning |
|---|---|
| taken.from | the pack, by its name: chenggong |
| taken.files | its files, by their names there: lists/topics_scj.yaml; of `lists`, `rules` and `platforms` |

A file of the same name in the pack's own folder stands instead of the one that is taken. What is taken belongs to the pack: to its digest, to
what is kept of it, and to what `zuozhen rules copy` writes out, so that a copy changes with nobody else's files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from rules.packfiles import Node, Problems, Reader, Scalar, Table, read_yaml

KEY = "taken"

_FOLDERS = ("lists", "rules", "platforms")  # what says the same in every district; names, grounds, dates and forms are each district's own


def taken_files(pack: bytes, label: str, packs: Path, problems: Problems) -> Mapping[str, Path]:
    """Return the files, by their names in the pack, that the pack.yaml *pack* takes from one in the folder *packs*; mistakes go to *problems*.

    A pack.yaml that cannot be read takes nothing: whoever reads it for its own sake tells why.
    """
    root = read_yaml(pack, f"{label}/pack.yaml", Problems())
    if not isinstance(root, Table) or KEY not in root.entries:
        return {}
    reader = Reader(problems)
    entries = reader.table(root.entries[KEY], ("from", "files"), ("from", "files"))
    source = reader.choice(entries["from"], _names(packs), "自带的规则包") if "from" in entries else None
    if source is None or "files" not in entries:
        return {}
    there = {path.relative_to(packs / source).as_posix(): path for folder in _FOLDERS for path in (packs / source / folder).glob("*.yaml")}
    return {name: there[name] for name in _wanted(entries["files"], sorted(there), reader)}


def _names(packs: Path) -> list[str]:
    return sorted(path.parent.name for path in packs.glob("*/pack.yaml"))


def _wanted(node: Node, there: Collection[str], reader: Reader) -> tuple[str, ...]:
    def one(item: Node) -> str | None:
        return reader.choice(item, there, "文件") if isinstance(item, Scalar) else reader.text(item)

    return reader.several(node, one, what="文件名")

"""Which pack the folder that somebody edits was taken from: a hidden file in it, which copies take along and the pack's digest leaves out."""

from __future__ import annotations

import re
from pathlib import Path

NAME = ".base"

_TEXT = """\
# 这个目录里的规则是从哪一版改来的（摘要）。zuozhen 自己写、自己读，请不要改动：
# 启用时据此发现别人在此期间启用过别的，不会悄悄盖过去。
{digest}
"""
_DIGEST = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)
_MOST = 4_096  # bytes, far beyond what is written


def write_base(folder: Path, digest: str) -> None:
    """Note that what is in *folder* starts from the pack *digest*. Raises OSError."""
    (folder / NAME).write_text(_TEXT.format(digest=digest), encoding="utf-8")


def read_base(folder: Path) -> str:
    """Return the digest of the pack that *folder* was taken from, "" where nobody noted it or it cannot be read."""
    try:
        with (folder / NAME).open("rb") as stream:
            text = stream.read(_MOST).decode("ascii", "replace")
    except OSError:
        return ""
    found = _DIGEST.search(text)
    return found[0] if found else ""

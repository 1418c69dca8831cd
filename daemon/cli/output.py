"""How commands print: tables and lines on standard output for people, JSON for programs, errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Text of strangers is printed: rich's markup stays off, and control characters are made visible.
_console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_BIDI = dict.fromkeys((0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF))


_FILE_WIDTH = 132


def console() -> Console:
    """Return the terminal for tables; output that goes to a file has no width to keep to and gets a comfortable one."""
    return Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)


def plain(text: str) -> str:
    """Return *text* without what could move the cursor or turn the reading direction of a terminal, or cannot be written at all."""
    return text.translate(_CONTROL).translate(_BIDI).encode("utf-8", "replace").decode()


def done(line: str) -> None:
    """Print one line of result."""
    _console.print(Text(plain(line)))


def failed(line: str) -> None:
    """Print one line of trouble on standard error."""
    print(plain(line), file=sys.stderr)


def as_json(value: object) -> None:
    """Print *value* as one JSON text."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", empty: str = "（没有）", widest: int = _FILE_WIDTH
) -> None:
    """Print a table of at most *widest* columns, or *empty* where there are no rows."""
    listed = list(rows)
    if not listed:
        done(empty)
        return
    grid = Table(title=title or None, title_justify="left", header_style="bold", pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in listed:
        grid.add_row(*(Text(plain(cell)) for cell in row))
    page = console()
    page.print(grid, width=min(page.width, widest))


def local(moment: datetime | None, timezone: str = "Asia/Shanghai") -> str:
    """Return *moment* as people here write it, to the minute; "" for None."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M") if moment else ""


def shorten(text: str, width: int) -> str:
    """Return the first line's worth of *text*, at most *width* characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"

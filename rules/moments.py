"""Days and hours as a pack's files write them."""

from __future__ import annotations

from datetime import date, time

from rules.calendar_overlay import time_of_day
from rules.packfiles import Node, Reader

Hours = tuple[time, time]  # from, to


def read_date(node: Node, reader: Reader) -> date | None:
    """Return the day that *node* says (2024-09-27); None where it is none, which goes to the reader's problems."""
    text = reader.text(node)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        reader.problems.add(node, f"“{text}”不是日期", "写成 2024-09-27 的样子")
        return None


def read_hours(node: Node, reader: Reader) -> Hours | None:
    """Return from when to when ([9:00, 12:00]); None where *node* does not say so, which goes to the reader's problems."""
    times = [time_of_day(reader.text(item) or "") for item in reader.items(node, what="起止时刻")]
    if len(times) != 2 or times[0] is None or times[1] is None or times[0] >= times[1]:  # noqa: PLR2004 - from and to
        reader.problems.add(node, "应是起止两个时刻", "例如 hours: [9:00, 12:00]")
        return None
    return times[0], times[1]

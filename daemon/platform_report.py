"""What is said in Chinese of a file of another platform: beside the file, on the command line, to a program that sent it."""

from __future__ import annotations

from collections.abc import Mapping

from store.model.platforms import FIELDS, BadRow, Batch

_MOST_TOLD = 200  # bad rows in one report: whoever mends them tries again


def report(batch: Batch, batch_id: int, *, is_new: bool) -> str:
    """Return what the operator reads beside a file that was taken; "" where all of its rows are good."""
    if not batch.bad:
        return ""
    again = "" if is_new else "（这个文件以前收过，没有重复录入）"
    lines = [
        f"第 {batch_id} 批{again}：{len(batch.good)} 行已收下，{len(batch.bad)} 行有问题，没有收：",
        *(f"  {one}" for one in batch.bad[:_MOST_TOLD]),
    ]
    if len(batch.bad) > _MOST_TOLD:
        lines.append(f"  ……另有 {len(batch.bad) - _MOST_TOLD} 行，用 zuozhen platforms batches --show {batch_id} 查看全部")
    return "\n".join([*lines, "改好以后，把有问题的行（或整个文件）再放进来即可；已收下的行不会重复。"])


def answer(batch: Batch, batch_id: int, *, is_new: bool) -> Mapping[str, object]:
    """Return what a program that posted a body is told."""
    bad = [bad_row(one) for one in batch.bad[:_MOST_TOLD]]
    return {"batch": batch_id, "new": is_new, "accepted": len(batch.good), "rejected": len(batch.bad), "bad_rows": bad}


def bad_row(one: BadRow) -> dict[str, object]:
    """Return a bad row as JSON."""
    return {"row": one.place, "column": one.column, "cell": one.cell, "problem": one.problem, "remedy": one.remedy}


def reading(batch: Batch) -> list[str]:
    """Return how a file was read, line by line: which column stands for what, and which columns nobody asks for."""
    lines = [f"格式：{batch.form}", *(f"  {FIELDS[field]} ← {heading}" for field, heading in batch.columns.items())]
    missing = [name for field, name in FIELDS.items() if field not in batch.columns and field != "platform"]
    if missing:
        lines.append(f"  没有这些列：{'、'.join(missing)}")
    if batch.unread:
        lines.append(f"  没有用到的列：{'、'.join(batch.unread)}")
    return lines

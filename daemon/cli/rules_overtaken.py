"""Sees that nobody's change of the rules is lost without a word: whoever puts a pack in force must have started from the one that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.output import failed, local
from daemon.cli.place import SHORT
from daemon.cli.workbench import FAILED_GATE, argument_of
from rules.workbench.base import NAME, read_base
from store.orders import Order, Orders, Origin

OverOption = Annotated[
    str, typer.Option("--over", metavar="摘要", help="现用的是这一版，已经看过差别，要盖过它；没有说到别人启用过别的时不必写")
]

_SHORTEST = 6  # characters of a digest that may stand for all of it
_LISTED = 20  # orders told of


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacing:
    """What an order may replace: the order `seq` (0: there was none). `note` is for the history, where a change is passed over knowingly."""

    seq: int
    note: str = ""


async def may_replace(orders: Orders, folder: Path, *, district: str, digest: str, over: str) -> Replacing:
    """Return what the pack *digest* from *folder* may replace; else tell who ordered what meanwhile and what to do now, and end with 1."""
    given = await orders.list(district, limit=_LISTED)
    if not given:
        return Replacing(seq=0)
    newest, base = given[0], read_base(folder)
    if newest.digest in {digest, base} or (not base and _is_first(given)):
        return Replacing(seq=newest.seq)
    if len(over) >= _SHORTEST and newest.digest.startswith(over.lower()):
        return Replacing(seq=newest.seq, note=f"（盖过第 {newest.seq} 次{newest.actor}启用的 {newest.digest[:SHORT]}）")
    _tell(folder, base, given)
    raise typer.Exit(FAILED_GATE)


def _is_first(given: Sequence[Order]) -> bool:
    """Tell whether what the folder of the configuration held at first is all that was ever in force, so that every copy comes from it."""
    first = given[-1]
    return first.seq == 1 and first.origin is Origin.FOLDER and len({order.digest for order in given}) == 1


def _tell(folder: Path, base: str, given: Sequence[Order]) -> None:
    newest = given[0].digest[:SHORT]
    since = _since(base, given)
    if base:
        failed(f"没有启用：{folder} 是从 {base[:SHORT]} 改来的，而现用的已经是 {newest}。此后启用过：")
    else:
        failed(f"没有启用：看不出 {folder} 是从哪一版改来的（里面没有 {NAME}），而现用的 {newest} 可能有它没有的改动。启用过：")
    for order in since:
        failed(
            f"  第 {order.seq} 次  {order.digest[:SHORT]}  {local(order.at)}  {order.actor}{f'：{order.reason}' if order.reason else ''}"
        )
    failed("照样启用，就丢掉了其中的改动。下一步：")
    failed("  zuozhen rules copy ./现用的            取出现用的那一版")
    failed(f"  zuozhen rules diff ./现用的 {argument_of(folder)}    看差在哪里，把要留的改动并进来")
    failed(f"  zuozhen rules apply {argument_of(folder)} --by 姓名 --over {newest}    并好以后，或确认不要那些改动，再启用")


def _since(base: str, given: Sequence[Order]) -> list[Order]:
    """Return the orders after the last of *base*, the oldest first; all of *given* where it is not among them."""
    seen = max((order.seq for order in given if order.digest == base), default=0)
    return [order for order in reversed(given) if order.seq > seen]

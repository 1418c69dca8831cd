"""A small past: letters taken in an hour apart by a house with a small pack."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.rehearsal import Message, take, temporary_house
from daemon.wiring import House
from rules.rulebook import load_pack
from store.model.arrival import Channel

LINT = Path(__file__).parents[1] / "packs" / "lint"
START = datetime(2024, 10, 9, 1, 30, tzinfo=UTC)
LETTERS = (
    "标题：车间停水\n\n我公司车间停水三天，请尽快修好。",
    "标题：厂区停电\n\n我公司厂区停电两天，请尽快修好。",
    "标题：停水<script>alert(1)</script>\n\n我公司办公楼停水，请尽快修好。",
    "标题：对方公司欠款\n\n对方公司拖欠货款三十万元，请帮我们要回来。",
)


def small_pack(folder: Path) -> Path:
    """Copy the small pack to *folder*."""
    return Path(shutil.copytree(LINT, folder))


@dataclass(slots=True)
class Clock:
    """The moment."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


@asynccontextmanager
async def history(pack: Path, letters: tuple[str, ...]) -> AsyncIterator[tuple[House, str]]:
    """Take *letters* in, an hour apart; yield the house and the address of its database."""
    clock = Clock()
    async with temporary_house(load_pack(pack), now=clock, readers=1) as house:
        for number, letter in enumerate(letters):
            raw = letter.encode()
            await take(house, Message(source=f"{number}", channel=Channel.LETTER, received_at=clock.now, raw=raw))
            clock.now += timedelta(hours=1)
        yield house, house.config.store.url

"""Watches a drop folder and hands its finished files to their receiver, one after another in order, each until it is safely taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from channels.dropfolder import DropFolder, Dropped, Stuck
from store.errors import MalformedMessageError, TemporaryError
from store.trouble import reason

log = structlog.get_logger()

Take = Callable[[Dropped], Awaitable[str]]


class FolderWatch:
    """One folder and who takes what is put into it."""

    def __init__(self, door: str, folder: DropFolder, take: Take, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Watch *folder* for the door of this name.

        *take* returns once it has the file for good, with a report in Chinese for whoever put it there ("" where there is nothing to
        tell). It raises MalformedMessageError for a file that is of no use, a TemporaryError where the trouble is ours.
        """
        self.door, self.folder = door, folder
        self._take, self._clock = take, clock
        self._is_away = False

    async def run(self, stop: asyncio.Event, *, poll_s: float) -> None:
        """Look every *poll_s* seconds until *stop*; a file in hand is finished first."""
        while not stop.is_set():
            await self.look(stop)
            try:
                await asyncio.wait_for(stop.wait(), poll_s)
            except TimeoutError:
                continue

    async def look(self, stop: asyncio.Event) -> int:
        """Take what is finished now, the oldest first; returns how many files were put away.

        Where the trouble is ours the rest waits too, so that no file overtakes an earlier one.
        """
        count = 0
        for name in await self._finished():
            if stop.is_set():
                break
            found = await asyncio.to_thread(self.folder.read, name)
            if isinstance(found, Stuck):
                self._stuck(found)
            elif found is not None:
                try:
                    await self._hand_over(found)
                except TemporaryError as error:
                    log.warning("folder.deferred", door=self.door, error=str(error))
                    break
                except Exception:  # a bug: the file stays, the others go on
                    log.exception("folder.failed", door=self.door)
                    continue
                count += 1
        return count

    async def _finished(self) -> list[str]:
        try:
            names = await asyncio.to_thread(self.folder.finished, self._clock())
        except OSError as error:
            if not self._is_away:
                log.error("folder.unreadable", door=self.door, folder=str(self.folder.folder), error=reason(error))  # noqa: TRY400 - no bug
            self._is_away = True
            return []
        self._is_away = False
        return names

    async def _hand_over(self, dropped: Dropped) -> None:
        try:
            report = "" if dropped.problem else await self._take(dropped)
        except MalformedMessageError as error:
            stuck = await self._refuse(dropped, str(error))
        else:
            stuck = await (self._refuse(dropped, dropped.problem) if dropped.problem else self._put_away(dropped, report))
        if stuck is not None:
            self._stuck(stuck)

    async def _refuse(self, dropped: Dropped, why: str) -> Stuck | None:
        stuck = await asyncio.to_thread(self.folder.refused, dropped, why)
        log.warning("folder.refused", door=self.door, size=len(dropped.raw))
        return stuck

    async def _put_away(self, dropped: Dropped, report: str) -> Stuck | None:
        stuck = await asyncio.to_thread(self.folder.taken, dropped, report)
        log.info("folder.taken", door=self.door, size=len(dropped.raw))
        return stuck

    def _stuck(self, stuck: Stuck) -> None:
        if self.folder.is_news(stuck):
            log.error("folder.stuck", door=self.door, problem=stuck.problem)

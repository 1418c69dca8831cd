"""Waiting for whichever of several things comes first."""

from __future__ import annotations

import asyncio


async def first_of(*events: asyncio.Event, timeout_s: float) -> None:
    """Return when one of *events* is set, or after *timeout_s*."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

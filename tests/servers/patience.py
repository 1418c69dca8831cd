"""Waiting for what must come; where it does not, the test fails with what those it waited for have to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def patience(seconds: float, awaited: str, said: Callable[[], str]) -> AsyncIterator[None]:
    """Bound what is waited for inside; where *awaited* has not come by then, fail with what *said* returns in that moment."""
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            yield
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise AssertionError(f"within {seconds:.0f} s there was no {awaited}:\n{said()}") from error

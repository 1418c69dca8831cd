"""Reads files of other platforms in a capped child process: a workbook that unfolds without end does so there.

Child: `python -m channels.platform_reader` answers questions of `store.workers`. Parent: `PlatformReader`, one such child.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from store.codec import from_json, to_json
from store.errors import MalformedMessageError, WorkerFailedError
from store.model.platforms import Batch, PlatformMapping
from store.workers import Answer, Caps, Worker, serve

# A workbook of 50,000 rows takes some seconds; what takes a minute or two gigabytes is no list of reports.
CAPS = Caps(seconds=60, memory=2 << 30, questions=200)


class PlatformReader:
    """One reading child; it reads one file at a time, the next one waits."""

    def __init__(self, caps: Caps = CAPS) -> None:
        """Prepare the child; it starts with the first file."""
        self._worker = Worker(("-m", "channels.platform_reader"), caps)
        self._turn = asyncio.Lock()

    async def read(self, raw: bytes, mapping: PlatformMapping, timezone: str) -> Batch:
        """Return what *raw* says as a file of the platform of *mapping*.

        Raises MalformedMessageError where it is no such file or kills the child twice, WorkerFailedError where none can be started.
        """
        async with self._turn:
            return await asyncio.shield(asyncio.to_thread(self._read, raw, mapping, timezone))

    async def close(self) -> None:
        """End the child."""
        await asyncio.to_thread(self._worker.close)

    def _read(self, raw: bytes, mapping: PlatformMapping, timezone: str) -> Batch:
        question = json.dumps({"mapping": to_json(mapping), "timezone": timezone})
        try:
            return _ask(self._worker, question, raw)
        except WorkerFailedError:
            self._worker.close()
        try:
            return _ask(self._worker, question, raw)
        except WorkerFailedError as error:
            self._worker.close()
            _probe(self._worker, question)  # raises WorkerFailedError where not this file is to blame but the machine
            raise MalformedMessageError(f"两次读取都失败：{error}；请分成几个小一些的文件，或另存为 CSV") from error


def _ask(worker: Worker, question: str, raw: bytes) -> Batch:
    answer, _ = worker.ask(question, [raw])
    try:
        return from_json(Batch, answer)
    except ValueError as error:
        raise WorkerFailedError("子进程的答复不是一批记录") from error


def _probe(worker: Worker, question: str) -> None:
    try:
        _ask(worker, question, b"{}")
    except MalformedMessageError:
        return  # it read the probe, and found nothing in it


def answer(question: str, blobs: Sequence[bytes]) -> Answer:
    """Read the file that *question* describes and whose bytes are the first of *blobs* (child side)."""
    from channels.platforms import read_batch  # noqa: PLC0415 - the parent needs none of what reading imports

    asked = json.loads(question)
    return to_json(read_batch(blobs[0], from_json(PlatformMapping, asked["mapping"]), asked["timezone"])), []


if __name__ == "__main__":
    serve(answer)

"""Reads faxes and scanned letters in a capped child process of its own: recognition takes seconds and much memory a page, other mail does not wait for it.

Child: `python -m channels.page_reader`. Parent: `PageReader`, one child that is started with a fax and ended when none waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence

from store.codec import from_json, to_json
from store.errors import MalformedMessageError, WorkerFailedError
from store.model.arrival import Channel
from store.model.petition import Petition, Reading
from store.workers import Answer, Caps, Worker, serve

# A page takes some 5 s of a processor and 0.8 GB; address space is not memory.
DEFAULT_CAPS = Caps(seconds=240, memory=3 << 30, questions=50, patience=300)
_PAGES_SECONDS = 90.0  # of a processor, after which no further page is begun: a stop of the service waits for the fax in hand
_PROBE = json.dumps({"probe": True})


class PageReader:
    """The child that recognises pages; one fax at a time, others wait."""

    def __init__(self, caps: Caps = DEFAULT_CAPS, *, command: Sequence[str] = ("-m", "channels.page_reader")) -> None:
        """Prepare the child; it starts, as the interpreter with *command*, with its first fax."""
        self.worker, self._caps = Worker(command, caps), caps
        self._turn = asyncio.Lock()
        self._waiting, self._parted = 0, 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def waiting(self) -> int:
        """How many faxes wait or are at their turn."""
        return self._waiting

    def on_waiting(self, listener: Callable[[], None]) -> None:
        """Tell *listener* whenever one more fax waits."""
        self._listeners.append(listener)

    def part(self) -> None:
        """Send away those that wait for their turn, each with a WorkerFailedError: the service stops. The one in hand is finished."""
        self._parted += 1

    async def read(self, channel: Channel, files: Sequence[bytes], number: str) -> Reading:
        """Return the petition on the pages in *files*, and their pictures; *number* is where the fax came from.

        Raises MalformedMessageError where they cannot be read, WorkerFailedError where nothing can be read just now.
        """
        self._waiting += 1
        for listener in self._listeners:
            listener()
        reading = asyncio.ensure_future(self._read_in_turn(channel, files, number))
        return await asyncio.shield(reading)  # a cancelled caller leaves; the child finishes

    async def close(self) -> None:
        """End the child; waits for the fax in hand, at most as long as the caps allow."""
        await asyncio.to_thread(self.worker.close)

    async def _read_in_turn(self, channel: Channel, files: Sequence[bytes], number: str) -> Reading:
        came = self._parted
        async with self._turn:
            try:
                if came != self._parted:
                    raise WorkerFailedError("服务正在停止，下次启动后再认")
                return await asyncio.to_thread(self._ask_twice, channel, files, number)
            finally:
                self._waiting -= 1
                if not self._waiting:
                    await asyncio.to_thread(self.worker.close)

    def _ask_twice(self, channel: Channel, files: Sequence[bytes], number: str) -> Reading:
        """Ask the child, and once more a fresh one where the first failed."""
        question = json.dumps({"channel": channel.value, "number": number, "seconds": min(_PAGES_SECONDS, self._caps.seconds / 2)})
        try:
            return self._ask(question, files)
        except WorkerFailedError:
            self.worker.close()
        try:
            return self._ask(question, files)
        except WorkerFailedError as error:
            self.worker.close()
            self.worker.ask(_PROBE)  # raises WorkerFailedError where not this fax is to blame but the machine
            raise MalformedMessageError(f"两次识别都失败：{error}。原件已保留，请人工查看") from error

    def _ask(self, question: str, files: Sequence[bytes]) -> Reading:
        answered, blobs = self.worker.ask(question, files)
        try:
            petition = from_json(Petition, answered)
        except ValueError as error:
            raise WorkerFailedError("子进程的答复不是一件诉求") from error
        return Reading(petition=petition, blobs={hashlib.sha256(blob).hexdigest(): blob for blob in blobs})


def answer(question: str, blobs: Sequence[bytes]) -> Answer:
    """Read the fax that *question* describes and whose files are *blobs* (child side)."""
    from channels.fax import read_fax  # noqa: PLC0415 - the parent needs none of what recognition imports

    asked = json.loads(question)
    if "probe" in asked:
        return "", []
    petition, pictures = read_fax(Channel(asked["channel"]), blobs, asked["number"], seconds=asked["seconds"])
    return to_json(petition), list(pictures.values())


if __name__ == "__main__":
    serve(answer)

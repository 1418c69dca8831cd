"""Reads arrivals in capped child processes: what hangs, crashes or eats memory on a stranger's bytes does so there.

Child: `python -m channels.reader` answers questions of `store.workers`. Parent: `Reader`, a pool of such children.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from channels import gateway
from channels.page_reader import PageReader
from store.codec import from_json, to_json
from store.errors import MalformedMessageError, WorkerFailedError
from store.model.arrival import Channel, StoredArrival
from store.model.petition import CallShape, Petition, Reading
from store.model.platforms import PlatformRecord
from store.page_files import is_page
from store.workers import Answer, Caps, Worker, serve

# A mail of 41 MB takes about 1 s and 200 MB; the rest is for forms that unfold, and address space is not memory.
DEFAULT_CAPS = Caps(seconds=20, memory=1536 << 20)
_DOORS_WITH_ENVELOPE = frozenset({"smtp", "lmtp"})  # there "" as MAIL FROM is the null sender; a file has no envelope
_PAPERS = frozenset({Channel.FAX, Channel.LETTER})
PLAIN_CALL = CallShape()
_PROBE = json.dumps({"channel": Channel.WINDOW.value, "envelope_from": None}), "试".encode()


@dataclass(frozen=True, slots=True)
class OneCall:
    """One call of a file: its number ("" where it has none), and bytes that hold it alone."""

    call_id: str
    raw: bytes


class Reader:
    """A pool of reading children; each reads one arrival at a time, further arrivals wait for a free one. Pages are read by a child apart."""

    def __init__(
        self,
        workers: int,
        caps: Caps = DEFAULT_CAPS,
        *,
        pages: PageReader | None = None,
        gateways: Mapping[str, Channel] = MappingProxyType({}),
        servers: Mapping[str, str] = MappingProxyType({}),
        command: Sequence[str] = ("-m", "channels.reader"),
    ) -> None:
        """Prepare *workers* children; each starts, as the interpreter with *command*, with its first arrival.

        *gateways* maps the address, or "@" and the domain, from which a gateway mails faxes or scans, to what they are.
        *servers* maps a door ("smtp", "imap:NAME" for a mailbox) to the mail server behind it whose Authentication-Results count.
        """
        self.pages = pages or PageReader()
        self._gateways, self._servers = gateways, servers
        self.workers = [Worker(command, caps) for _ in range(workers)]
        self._free: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in self.workers:
            self._free.put_nowait(worker)

    async def read(self, arrival: StoredArrival, shape: CallShape = PLAIN_CALL) -> Reading:
        """Return the petition of *arrival* and the bytes of its attachments; *shape* is how its district writes calls down.

        Raises MalformedMessageError where the arrival cannot be read: past a limit, not a letter, or two children died of it.
        WorkerFailedError where the children cannot read anything just now.
        """
        if arrival.channel in _PAPERS and is_page(arrival.raw):
            return await self.pages.read(arrival.channel, [arrival.raw], arrival.envelope_from)
        reading = await self._read(arrival, shape)
        papers = gateway.papers_of(reading, self._gateways) if arrival.channel is Channel.MAIL else None
        if papers is None:
            return reading
        if papers.pages:
            return gateway.joined(reading, await self.pages.read(papers.channel, papers.pages, papers.number))
        text = replace(arrival, channel=papers.channel, door="", envelope_from=papers.number, raw=papers.text)
        return gateway.joined(reading, await self._read(text, shape))

    async def _read(self, arrival: StoredArrival, shape: CallShape) -> Reading:
        worker = await self._free.get()
        reading = asyncio.ensure_future(asyncio.to_thread(_read, worker, arrival, shape, self._server_of(arrival)))
        reading.add_done_callback(lambda _: self._free.put_nowait(worker))
        return await asyncio.shield(reading)  # a cancelled caller leaves; the child is free once it has finished

    def _server_of(self, arrival: StoredArrival) -> str:
        if arrival.door in self._servers:
            return self._servers[arrival.door]
        of_mailbox = [name for name in self._servers if arrival.source_key.startswith(f"{name}/")]
        return self._servers[max(of_mailbox, key=len)] if of_mailbox else ""

    async def split(self, raw: bytes, shape: CallShape) -> list[OneCall]:
        """Return the calls of a file or body that a hotline hands over, each with its own bytes.

        Raises MalformedMessageError where it holds none, or one that cannot be read; WorkerFailedError as `read`.
        """
        worker = await self._free.get()
        splitting = asyncio.ensure_future(asyncio.to_thread(_split, worker, raw, shape))
        splitting.add_done_callback(lambda _: self._free.put_nowait(worker))
        return await asyncio.shield(splitting)

    async def close(self) -> None:
        """End the children; waits for those that are reading, at most as long as the caps allow."""
        await asyncio.gather(self.pages.close(), *(asyncio.to_thread(worker.close) for worker in self.workers))


def _split(worker: Worker, raw: bytes, shape: CallShape) -> list[OneCall]:
    try:
        answered, blobs = worker.ask(json.dumps({"channel": Channel.HOTLINE.value, "split": True, "shape": to_json(shape)}), [raw])
    except WorkerFailedError:
        worker.close()
        raise
    return [OneCall(call_id=call_id, raw=blob) for call_id, blob in zip(json.loads(answered), blobs, strict=True)]


def _read(worker: Worker, arrival: StoredArrival, shape: CallShape, server: str) -> Reading:
    """Ask *worker*, and once more in a fresh child where the first one failed."""
    envelope_from = arrival.envelope_from if arrival.door in _DOORS_WITH_ENVELOPE or arrival.channel is Channel.FAX else None
    about = {"channel": arrival.channel.value, "envelope_from": envelope_from, "shape": to_json(shape), "server": server}
    question = json.dumps(about)
    try:
        return _ask(worker, question, arrival.raw)
    except WorkerFailedError:
        worker.close()
    try:
        return _ask(worker, question, arrival.raw)
    except WorkerFailedError as error:
        worker.close()
        _ask(worker, *_PROBE)  # raises WorkerFailedError where not this arrival is to blame but the machine
        raise MalformedMessageError(f"两次读取都失败：{error}。原件已保留，请人工查看") from error


def _ask(worker: Worker, question: str, raw: bytes) -> Reading:
    answer, blobs = worker.ask(question, [raw])
    try:
        petition = from_json(Petition, answer)
    except ValueError as error:
        raise WorkerFailedError("子进程的答复不是一件诉求") from error
    return Reading(petition=petition, blobs={hashlib.sha256(blob).hexdigest(): blob for blob in blobs})


def answer(question: str, blobs: Sequence[bytes]) -> Answer:
    """Read the arrival that *question* describes and whose bytes are the first of *blobs* (child side)."""
    from channels.fax_fields import recognised_text  # noqa: PLC0415 - likewise
    from channels.mime import read_letter, text_letter  # noqa: PLC0415 - the parent needs none of what reading imports
    from channels.petition import read_petition  # noqa: PLC0415 - likewise
    from channels.registration import is_entry  # noqa: PLC0415 - likewise

    asked = json.loads(question)
    channel = Channel(asked["channel"])
    if channel is Channel.PLATFORM:
        return _answer_record(blobs[0])
    if channel is Channel.HOTLINE:
        return _answer_call(blobs[0], from_json(CallShape, asked.get("shape") or "{}"), is_file="split" in asked)
    parts = (
        read_letter(blobs[0], envelope_from=asked["envelope_from"], server=asked.get("server", ""))
        if channel is Channel.MAIL
        else text_letter(blobs[0])
    )
    if channel is Channel.FAX and not is_entry(parts.letter.text):
        return to_json(recognised_text(parts.letter, asked["envelope_from"] or "")), []
    petition = read_petition(channel, parts.letter, parts.blobs)
    return to_json(petition), list(parts.blobs.values())


def _answer_record(raw: bytes) -> Answer:
    """Read the record of another platform as its door kept it."""
    from channels.platform_petition import petition_of  # noqa: PLC0415 - as above

    try:
        record = from_json(PlatformRecord, raw)
    except ValueError as error:
        raise MalformedMessageError("不是一条平台记录") from error
    return to_json(petition_of(record)), []


def _answer_call(raw: bytes, shape: CallShape, *, is_file: bool) -> Answer:
    from channels import call_files, call_reading, hotline  # noqa: PLC0415 - the parent needs none of what reading imports

    if is_file:
        calls = call_files.calls_in(raw, shape)
        return json.dumps([call_id for call_id, _ in calls]), [one for _, one in calls]
    return to_json(hotline.read_petition(call_reading.read_call(raw, shape))), []


if __name__ == "__main__":
    serve(answer)

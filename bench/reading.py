"""Read: raw mail to a petition in two capped child processes, against what the standard library needs to parse and decode it."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage

from corpus import MAILBOX, Mail, mails
from machine import cpu_seconds
from result import Result, Sample, compare

from channels.reader import Reader
from store.model.arrival import ArrivalState, Channel, StoredArrival
from store.model.petition import Reading

_MAILS, _CHILDREN, _ROUNDS = 300, 2, 3


def measure() -> Result:
    """Measure both sides in turn on the same mails."""
    load = mails(_MAILS)
    return compare(
        "read",
        f"MIME, charset, fields; {_CHILDREN} children",
        "email.message_from_bytes, in process",
        lambda: asyncio.run(_ours(load)),
        lambda: _theirs(load),
        rounds=_ROUNDS,
    )


@contextmanager
def _timed(count: int) -> Iterator[list[Sample]]:
    """Time the body of the with statement, over *count* items; the sample is in the list afterwards."""
    found: list[Sample] = []
    cpu, begun = cpu_seconds(os.getpid()), time.perf_counter()
    yield found
    seconds = time.perf_counter() - begun
    found.append(Sample(rate=count / seconds, cpu_ms=(cpu_seconds(os.getpid()) - cpu) / count * 1e3))


async def _ours(load: Sequence[Mail]) -> Sample:
    reader = Reader(_CHILDREN)
    try:
        await read_all(reader, mails(4 * _CHILDREN, seed=2))  # the children load what they need
        with _timed(len(load)) as found:
            await read_all(reader, load)
    finally:
        await reader.close()
    return found[0]


async def read_all(reader: Reader, load: Sequence[Mail]) -> list[Reading]:
    """Read every mail, as many at once as there are children."""
    return await asyncio.gather(*(reader.read(_stored(number, mail)) for number, mail in enumerate(load, 1)))


def _stored(number: int, mail: Mail) -> StoredArrival:
    return StoredArrival(
        id=number,
        district="bench",
        channel=Channel.MAIL,
        door="smtp",
        message_id="",
        envelope_from=mail.sender,
        envelope_to=(MAILBOX,),
        received_at=datetime(2026, 11, 16, tzinfo=UTC),
        state=ArrivalState.ACCEPTED,
        tries=0,
        problem="",
        raw=mail.raw,
    )


def _theirs(load: Sequence[Mail]) -> Sample:
    with _timed(len(load)) as found:
        for mail in load:
            message = email.message_from_bytes(mail.raw, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            for part in message.walk():
                if not part.is_multipart():
                    part.get_payload(decode=True)
            str(message["Subject"])
    return found[0]

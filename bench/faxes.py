"""Fax: ten faxes through lines and feeders (tests/faxes.py) to petitions in the capped child, against rapidocr as it comes.

`python bench/faxes.py` prints of each fax the error rate of signs, whether name, code, contact and telephone are right, and what it cost.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from machine import cpu_seconds
from PIL import Image, ImageSequence
from rapidocr import RapidOCR
from result import Result, Sample, compare

sys.path.insert(0, str(Path(__file__).parents[1]))

from channels.page_reader import PageReader
from store.model.arrival import Channel
from tests.faxes import FAXES, error_rate

_ROUNDS = 1


def measure() -> Result:
    """Measure both sides in turn on the same faxes."""
    return compare("fax", "ten faxes, pages; one child", "rapidocr, in process", lambda: asyncio.run(_ours()), _theirs, rounds=_ROUNDS)


async def _ours() -> Sample:
    reader = PageReader()
    begun, cpu = time.perf_counter(), cpu_seconds(os.getpid())
    try:
        readings = await asyncio.gather(*(reader.read(Channel.FAX, [sent.raw], "") for sent in FAXES.values()))
    finally:
        await reader.close()
    pages = sum(reading.petition.recognition.pages for reading in readings if reading.petition.recognition)
    return Sample(rate=pages / (time.perf_counter() - begun), cpu_ms=(cpu_seconds(os.getpid()) - cpu) / pages * 1e3)


def _theirs() -> Sample:
    engine = RapidOCR(params={"Global.log_level": "critical"})
    begun, cpu, pages = time.perf_counter(), cpu_seconds(os.getpid()), 0
    for sent in FAXES.values():
        for page in ImageSequence.Iterator(Image.open(BytesIO(sent.raw))):
            engine(np.asarray(page.convert("RGB")))
            pages += 1
    return Sample(rate=pages / (time.perf_counter() - begun), cpu_ms=(cpu_seconds(os.getpid()) - cpu) / pages * 1e3)


async def _told() -> None:
    reader = PageReader()
    print("| fax | wrong signs | fields | s by the clock | s of a processor |\n|---|---:|---|---:|---:|")
    for name, sent in FAXES.items():
        begun, cpu = time.perf_counter(), cpu_seconds(os.getpid())
        petition = (await reader.read(Channel.FAX, [sent.raw], "")).petition
        found = (petition.name, petition.uscc, petition.contact, petition.phone)
        right = sum(field is not None and field.value == value for field, value in zip(found, sent.fields, strict=True))
        spent = time.perf_counter() - begun, cpu_seconds(os.getpid()) - cpu
        print(
            f"| {name} | {error_rate(petition.letter.text, sent.text):.2%} | {right} of 4 | {spent[0]:.1f} | {spent[1]:.1f} |", flush=True
        )
    await reader.close()


if __name__ == "__main__":
    asyncio.run(_told())

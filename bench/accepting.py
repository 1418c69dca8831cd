"""Accept: mail comes in by SMTP over 8 connections and each is on disk before its 250 – the product's door and store against a Maildir."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from client import rate_and_waits, send
from corpus import mails
from machine import cpu_seconds
from result import Result, Sample, compare
from servers import running

_MAILS, _WARM_UP, _ROUNDS = 800, 20, 3


def measure() -> Result:
    """Measure both sides in turn, each on a fresh folder."""
    return compare(
        "accept",
        "SMTP in, 8 connections, 250 = stored",
        "aiosmtpd + fsynced Maildir",
        lambda: _sample("reception"),
        lambda: _sample("maildir"),
        rounds=_ROUNDS,
    )


def _sample(kind: str) -> Sample:
    with TemporaryDirectory(prefix="zuozhen-bench-") as folder, running(kind, Path(folder)) as server:
        asyncio.run(send(server.port, mails(_WARM_UP, seed=2)))
        load = mails(_MAILS)
        cpu, begun = cpu_seconds(server.pid), time.perf_counter()
        waits = asyncio.run(send(server.port, load))
        rate, middle, worst = rate_and_waits(len(load), time.perf_counter() - begun, waits)
        return Sample(rate=rate, cpu_ms=(cpu_seconds(server.pid) - cpu) / len(load) * 1e3, waits=(middle, worst))

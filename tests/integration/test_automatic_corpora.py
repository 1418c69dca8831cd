"""Public corpora through the capped child and the real pipeline: nothing raises, hangs or grows, and no machine is taken for a petitioner."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.reader import Reader
from store.errors import MalformedMessageError
from store.model.arrival import ArrivalState, Channel, StoredArrival
from store.model.decision import Verdict
from store.workers import Caps
from tests.integration.houses import Bench, bench
from tests.integration.test_mime_corpora import GOLDEN, ROWS, corpus

_SECONDS, _MEMORY = 10, 512 << 20  # what issue and requirement allow one mail
_CORPORA = ("mail_enmime", "mail_mime4j", "mail_sisimai", "mail_flufl_bounce")


def stored(raw: bytes) -> StoredArrival:
    """Return *raw* as the pipeline would claim it; nobody knows its envelope."""
    return StoredArrival(
        id=1,
        district="chenggong",
        channel=Channel.MAIL,
        door="file",
        message_id="",
        envelope_from="",
        envelope_to=(),
        received_at=datetime(2024, 10, 9, tzinfo=UTC),
        state=ArrivalState.ACCEPTED,
        tries=0,
        problem="",
        raw=raw,
    )


def peak(reader: Reader) -> int:
    """Return the most memory that the reader's child has used so far, in bytes."""
    (worker,) = reader.workers
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("name", _CORPORA)
async def test_corpus_in_the_capped_child(name: str) -> None:
    """Every file is read or refused with a reason of its own, by one child that never dies, in less than ten seconds and half a GB each."""
    reader = Reader(1, Caps(seconds=_SECONDS, memory=_MEMORY))
    slowest, refused = (0.0, ""), list[Path]()
    try:
        for path in (paths := corpus(name)):
            began = time.monotonic()
            try:
                await reader.read(stored(path.read_bytes()))
            except MalformedMessageError:
                refused.append(path)
            slowest = max(slowest, (time.monotonic() - began, path.name))
        most, deaths = peak(reader), reader.workers[0].deaths
    finally:
        await reader.close()
    figures = f"{len(paths)} files, {len(refused)} refused, slowest {slowest[0]:.2f} s ({slowest[1]}), peak {most >> 20} MB"
    print(f"\n{name}: {figures}")  # noqa: T201 - `pytest -s` shows the figures
    assert deaths == 0, figures
    assert [path for path in refused if path.read_bytes().strip()] == []
    assert most < _MEMORY


def bounces(every: int) -> list[Path]:
    """Return every so manieth mail of the folders that hold bounces and automatic answers."""
    return (corpus("mail_sisimai", "maildir", "bsd") + corpus("mail_sisimai", "maildir", "err") + corpus("mail_flufl_bounce", "data"))[
        ::every
    ]


@pytest.fixture(params=[pytest.param(8, id="every-eighth"), pytest.param(1, id="all", marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def machines(request: pytest.FixtureRequest) -> list[Path]:
    """Return mails of machines."""
    return bounces(request.param)


async def test_no_machine_is_a_petitioner(machines: list[Path]) -> None:
    """At least 95 of 100 are recognised without any help of the envelope; not one of these opens a case or gets an answer."""
    async with bench() as house:
        seen: Counter[str] = Counter()
        wrong: list[str] = []
        for path in machines:
            kind = await _kind(house, path.read_bytes(), envelope_from="somebody@enterprise.example")
            seen[kind] += 1
            wrong += [path.name] if kind == "wrong" else []
        queued = await house.house.stores.outbox.list(limit=10_000)
        cases = {case.id: case for case in await house.house.stores.cases.list(limit=10_000)}
        automatic = [queue.message_id for queue in queued if queue.case_id and cases[queue.case_id].petition.letter.automatic]
    figures = f"{sum(seen.values())} mails: {dict(seen)}"
    print(f"\n{figures}")  # noqa: T201 - likewise
    assert wrong == []
    assert automatic == []
    assert seen["automatic"] >= 0.95 * sum(seen.values()), figures


async def test_null_sender_is_never_a_petitioner() -> None:
    """From the null sender, as bounces come, not even those are taken for petitions that no header gives away."""
    async with bench() as house:
        for path in bounces(20):
            assert await _kind(house, path.read_bytes(), envelope_from="") == "automatic", path.name
        assert await house.house.stores.outbox.list(limit=10) == []
        assert await house.house.stores.cases.list(limit=10) == []


async def _kind(house: Bench, raw: bytes, *, envelope_from: str) -> str:
    """Take a mail in: "automatic" where it is recognised and set aside, "wrong" where recognised and not, else "person"."""
    outcome = await house.take(raw, envelope_from=envelope_from)
    if outcome.petition.letter.automatic is None:
        return "person"
    return "automatic" if outcome.case is None and outcome.decision.verdict is Verdict.NOT_A_CASE else "wrong"


async def test_accepted_petitions_are_nobodys_bounces() -> None:
    """None of the golden petitions to be accepted is taken for automatic mail or a bounce, whatever sender the door saw."""
    reader = Reader(1)
    rows = [row for row in ROWS if row["verdict"] == "accept"]
    try:
        for row in rows:
            letter = (await reader.read(stored((GOLDEN / "inputs" / str(row["input"])).read_bytes()))).petition.letter
            assert (letter.automatic, letter.bounce) == (None, None), row["id"]
    finally:
        await reader.close()
    assert len(rows) > 20

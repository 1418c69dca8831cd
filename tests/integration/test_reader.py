"""The pool of reading children: what they answer, and what happens when a message kills one."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.reader import Reader
from daemon.config import Config, DistrictSection, DoorSection, MailboxSection, RelaySection
from daemon.mailboxes import checking_servers
from store.errors import MalformedMessageError, WorkerFailedError
from store.model.arrival import ArrivalState, Channel, StoredArrival
from store.workers import Caps, Worker

CAPS = Caps(seconds=20, memory=1536 << 20)
MAIL = "From: 张三 <z@firm.cn>\r\nSubject: 停水\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n昆明某某有限公司反映：厂区停水三天，请尽快修复。\r\n".encode()
GENERATOR = Path(__file__).parents[3] / "shared" / "bench" / "gen_corpus.py"

# A child that dies of the word DIE, and the first time it sees the word ONCE; that works for ever at the word SPIN.
MORTAL = """
import os, pathlib
from channels.reader import answer
from store.workers import serve
def read(question, blobs):
    mark = pathlib.Path({mark!r})
    if b"DIE" in blobs[0] or (b"ONCE" in blobs[0] and not mark.exists()):
        mark.touch()
        os._exit(9)
    while b"SPIN" in blobs[0]:
        pass
    if b"BUG" in blobs[0]:
        raise KeyError
    return answer(question, blobs)
serve(read)
"""

SLEEPER = "import time; from store.workers import serve; serve(lambda text, blobs: (time.sleep({seconds}) or text, []))"


def arrival(raw: bytes, *, channel: Channel = Channel.MAIL, door: str = "smtp", envelope_from: str = "z@firm.cn") -> StoredArrival:
    """Return an accepted arrival of *raw*."""
    return StoredArrival(
        id=1,
        district="chenggong",
        channel=channel,
        door=door,
        message_id="",
        envelope_from=envelope_from,
        envelope_to=("zzjs@kmcg.example",),
        received_at=datetime(2024, 9, 26, tzinfo=UTC),
        state=ArrivalState.ACCEPTED,
        tries=0,
        problem="",
        raw=raw,
    )


async def test_mail() -> None:
    """A mail comes back as a petition, its attachment under the hash of its bytes."""
    head, _, body = MAIL.partition(b"Content-Type")
    attached = b'Content-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n' + b64encode(b"%PDF") + b"\r\n"
    raw = head + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type" + body + b"--x\r\n" + attached + b"--x--\r\n"
    reader = Reader(1, CAPS)
    try:
        reading = await reader.read(arrival(raw))
    finally:
        await reader.close()
    digest = hashlib.sha256(b"%PDF").hexdigest()
    assert reading.blobs == {digest: b"%PDF"}
    assert [each.sha256 for each in reading.petition.letter.attachments] == [digest]
    assert (reading.petition.channel, reading.petition.letter.subject) == (Channel.MAIL, "停水")
    assert "厂区停水三天" in reading.petition.content


@pytest.mark.parametrize("channel", [Channel.LETTER, Channel.WINDOW])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
async def test_typed_text(channel: Channel, encoding: str) -> None:
    """A letter or a note of the window is a text file, read without headers."""
    reader = Reader(1, CAPS)
    try:
        reading = await reader.read(arrival("Subject: 不是信头\n昆明某某有限公司反映停水".encode(encoding), channel=channel, door="file"))
    finally:
        await reader.close()
    assert reading.petition.letter.text == "Subject: 不是信头\n昆明某某有限公司反映停水"
    assert reading.petition.letter.sender is None


@pytest.mark.parametrize(("door", "kind"), [("smtp", "bounce"), ("lmtp", "bounce"), ("file", None)])
async def test_null_sender_counts_at_a_door_only(door: str, kind: str | None) -> None:
    """An empty MAIL FROM is the null sender where a door saw it; a file has no envelope at all."""
    reader = Reader(1, CAPS)
    try:
        automatic = (await reader.read(arrival(MAIL, door=door, envelope_from=""))).petition.letter.automatic
    finally:
        await reader.close()
    assert (automatic.kind if automatic else None) == kind


@pytest.mark.parametrize(
    ("raw", "channel", "message"), [(b"\r\n", Channel.MAIL, "邮件是空的"), (b"%PDF-1.4\n", Channel.WINDOW, "不是文本文件")]
)
async def test_refused(raw: bytes, channel: Channel, message: str) -> None:
    """What the child refuses is refused with its words."""
    reader = Reader(1, CAPS)
    try:
        with pytest.raises(MalformedMessageError, match=message):
            await reader.read(arrival(raw, channel=channel))
    finally:
        await reader.close()


@pytest.mark.parametrize(
    ("word", "caps", "reason"),
    [("DIE", CAPS, "意外退出"), ("BUG", CAPS, "KeyError"), ("SPIN", Caps(seconds=3, memory=0), "子进程算了 3 秒仍未答复，已终止")],
)
async def test_deadly_message(tmp_path: Path, word: str, caps: Caps, reason: str) -> None:
    """A message of which two children die is to blame; the pool goes on with the next one."""
    reader = Reader(1, caps, command=["-c", MORTAL.format(mark=str(tmp_path / "mark"))])
    try:
        with pytest.raises(MalformedMessageError, match=f"两次读取都失败.*{reason}"):
            await reader.read(arrival(MAIL + word.encode()))
        assert (await reader.read(arrival(MAIL))).petition.letter.subject == "停水"
    finally:
        await reader.close()


def test_child_that_gets_no_processor_is_not_to_blame() -> None:
    """What counts is how long a child works, not how long a machine under load lets it wait: else its message would go into quarantine."""
    worker = Worker(["-c", SLEEPER.format(seconds=2)], Caps(seconds=1, memory=0))
    try:
        assert worker.ask("问") == ("问", [])
    finally:
        worker.close()
    assert worker.deaths == 0


def test_child_that_stands_still_is_given_up() -> None:
    """Patience has an end: a child that neither works nor answers makes room for the next."""
    worker = Worker(["-c", SLEEPER.format(seconds=600)], Caps(seconds=60, memory=0, patience=0.5))
    with pytest.raises(WorkerFailedError, match=r"子进程超过 0.5 秒未答复，已终止"):
        worker.ask("问")
    assert (worker.pid, worker.deaths) == (None, 1)


async def test_one_death_is_an_accident(tmp_path: Path) -> None:
    """A message that a second child reads is read."""
    reader = Reader(1, CAPS, command=["-c", MORTAL.format(mark=str(tmp_path / "mark"))])
    try:
        assert (await reader.read(arrival(MAIL + b"ONCE"))).petition.letter.subject == "停水"
    finally:
        await reader.close()
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "command", [["-c", "raise SystemExit(1)"], ["-c", "from store.workers import serve; serve(lambda text, blobs: ('{}', []))"]]
)
async def test_broken_machine(command: list[str]) -> None:
    """Where no child reads even a trivial note, the message is not to blame: the failure is temporary."""
    reader = Reader(1, CAPS, command=command)
    try:
        with pytest.raises(WorkerFailedError):
            await reader.read(arrival(MAIL))
    finally:
        await reader.close()


async def test_many_at_once() -> None:
    """More arrivals than children wait for a free one; each gets its own answer."""
    reader = Reader(2, CAPS)
    try:
        readings = await asyncio.gather(*(reader.read(arrival(MAIL.replace(b"Subject: ", b"Subject: %d " % n))) for n in range(12)))
    finally:
        await reader.close()
    assert [reading.petition.letter.subject for reading in readings] == [f"{n} 停水" for n in range(12)]


async def test_cancelled_caller() -> None:
    """A caller that is cancelled while its child reads leaves a pool that reads the next arrival, with one child only."""
    reader = Reader(1, CAPS)
    try:
        impatient = asyncio.create_task(reader.read(arrival(MAIL)))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert (await reader.read(arrival(MAIL))).petition.letter.subject == "停水"
    finally:
        await reader.close()


def thirty_megabytes(folder: Path) -> bytes:
    """Return the benchmark's mail with an attachment of 30 MB."""
    subprocess.run([sys.executable, GENERATOR, folder / "mails", "1"], check=True, timeout=60)
    return (folder / "mails_nasty" / "2_30mb_attachment.eml").read_bytes()


def peak_memory(pid: int | None) -> int:
    """Return the largest resident memory that process *pid* ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


async def test_large_mail_costs_little_memory(tmp_path: Path) -> None:
    """A mail with 30 MB attached (41 MB raw) is read by a child that never holds 512 MB."""
    if not GENERATOR.is_file():
        pytest.skip("第三方样本不在项目旁：bench/gen_corpus.py")
    raw = await asyncio.to_thread(thirty_megabytes, tmp_path)
    reader = Reader(1, CAPS)
    try:
        for _ in range(2):
            reading = await reader.read(arrival(raw))
        (worker,) = reader.workers
        peak = await asyncio.to_thread(peak_memory, worker.pid)
    finally:
        await reader.close()
    assert [len(blob) for blob in reading.blobs.values()] == [30 << 20]
    assert peak < 512 << 20


async def test_each_door_has_its_own_server_to_trust() -> None:
    """A mailbox's server counts for what came by that mailbox alone, whatever its name begins with; a door without one trusts nobody."""
    config = Config(
        relay=RelaySection(folder=Path("outgoing")),
        district=(DistrictSection(pack="chenggong", mailboxes=("a@b.example",), addresses=Path("addresses.toml")),),
        smtp=DoorSection(listen="127.0.0.1:0"),
        mailbox=tuple(
            MailboxSection(name=name, host="mail.example", user="a@b.example", password_file=Path("secret"), authserv_id=server)
            for name, server in (("政务", "mx.one.example"), ("政务/二", "mx.two.example"), ("无", ""))
        ),
    )
    results = b"".join(
        b"Authentication-Results: mx.%s.example; dmarc=%s header.from=firm.cn\r\n" % pair for pair in ((b"one", b"pass"), (b"two", b"fail"))
    )
    raw = results + b"From: z@firm.cn\r\nSubject: x\r\n\r\ny\r\n"
    reader = Reader(1, CAPS, servers=checking_servers(config))
    found = {}
    try:
        for box in ("政务", "政务/二", "无", "政务二"):
            came = replace(arrival(raw, door="imap"), source_key=f"imap:{box}/INBOX/7/1:0")
            found[box] = (await reader.read(came)).petition.letter.authentication
        assert (await reader.read(arrival(raw))).petition.letter.authentication is None
    finally:
        await reader.close()
    assert {box: one and (one.by, one.dmarc) for box, one in found.items()} == {
        "政务": ("mx.one.example", "pass"),
        "政务/二": ("mx.two.example", "fail"),
        "无": None,
        "政务二": None,
    }

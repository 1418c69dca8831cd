"""Attacks on a case by mail, each through the real daemon's own door: nothing moves, and what was tried is told at the case, in the log and to whom it concerns.

Two daemons that answer each other are in `tests/integration/test_loops.py`, what a letter proves of its sender in `test_reply_tokens.py`.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.e2e.instance import MAILBOX, Daemon, Sink, ask, daemon, deliver, sink, without_own_mail, write_instance
from tests.integration.houses import ACCEPTED, Enterprise
from tests.servers.patience import patience

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAX_OFFICE, COORDINATOR, STRANGER = "swj@cg.example", "coordinator@cg.example", "stranger@elsewhere.example"
SOLVED = "已解决：已办妥"
_PATIENCE_S = 60.0
_HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress", "X-Zuozhen", "MIME-Version", "Content-Type",
}  # fmt: skip  # all that a mail of ours has
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, bidirectional and zero-width marks, half characters, breaks
_CAPS = """
[limits]
mails_a_day = 1000
mails_in_3_hours = 1000
"""  # the attacks are on many cases of one department
_numbers = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A case with the tax office: whose it is, and the mails by which it can be moved."""

    number: str
    enterprise: Enterprise
    assigned: EmailMessage
    receipt: EmailMessage


@dataclass(slots=True)
class Desk:
    """The daemon, its database, and the mail server to which it sends."""

    config: Path
    relay: Sink
    running: Daemon

    async def takes(self, raw: bytes, sender: str = STRANGER) -> dict[str, Any]:
        """Hand a mail in, wait until it is decided, and return the log's entry of that."""
        known = set(self.running.decided())
        assert await deliver(self.running.port, raw, sender=sender)
        await self.running.heard(lambda: bool(set(self.running.decided()) - known), "decision on the mail handed in")
        return next(entry for entry in self.running.events if entry["event"] == "arrival.decided" and entry["arrival_id"] not in known)

    async def target(self) -> Target:
        """Let an enterprise's petition become a case with the tax office."""
        enterprise = Enterprise()
        number = (await self.takes(enterprise.mail(ACCEPTED), enterprise.address))["case"]
        return Target(
            number=number,
            enterprise=enterprise,
            assigned=await self.came(number, TAX_OFFICE, "assign"),
            receipt=await self.came(number, enterprise.address, "acknowledge"),
        )

    async def came(self, number: str, to: str, purpose: str) -> EmailMessage:
        """Wait for the newest mail of ours to *to* of one purpose about the case."""

        def found() -> list[EmailMessage]:
            return [
                one for one in self.relay.messages if str(one["X-Zuozhen"]) == f"chenggong; {number}; {purpose}" and to in str(one["To"])
            ]

        async with patience(_PATIENCE_S, f"{purpose} to {to} about {number}", self.running.said), self.relay.arrived:
            await self.relay.arrived.wait_for(found)
        return found()[-1]

    def standing(self, number: str) -> tuple[Any, ...]:
        """Return where the case stands and with whom."""
        (row,) = ask(self.config, "SELECT state, department FROM cases WHERE number = ?", number)
        return row

    def history(self, number: str) -> list[tuple[str, str]]:
        """Return the events of the case, kind and reason, but for mails that left: those come when they come."""
        query = "SELECT e.kind, e.reason FROM events e JOIN cases c ON c.id = e.case_id WHERE c.number = ? AND e.kind != 'notice.sent' ORDER BY e.seq"
        return ask(self.config, query, number)

    def notices(self, number: str) -> list[tuple[str, str]]:
        """Return the mails that the case caused: purpose and addressee."""
        return ask(self.config, "SELECT purpose, recipient FROM notices WHERE case_number = ? ORDER BY id", number)

    def held(self, number: str) -> list[tuple[str, str]]:
        """Return the replies to the case that are or were held: what they say and their state."""
        query = "SELECT h.says, h.state FROM held_replies h JOIN cases c ON c.id = h.case_id WHERE c.number = ? ORDER BY h.arrival_id"
        return ask(self.config, query, number)

    def logged(self, number: str) -> list[dict[str, Any]]:
        """Return what the log says of replies to the case."""
        return [entry for entry in self.running.events if entry["event"].startswith("reply.") and entry["case"] == number]


@dataclass(frozen=True, slots=True)
class Before:
    """The case before an attack."""

    desk: Desk
    number: str
    standing: tuple[Any, ...]
    events: int
    notices: int

    @classmethod
    def of(cls, desk: Desk, number: str) -> Before:
        """Remember how the case stands."""
        return cls(desk, number, desk.standing(number), len(desk.history(number)), len(desk.notices(number)))

    def nothing_moved(self) -> list[tuple[str, str]]:
        """See that the case stands as before, and return the events that came since."""
        assert self.desk.standing(self.number) == self.standing, self.desk.running.said()
        return self.desk.history(self.number)[self.events :]

    def mails(self) -> list[tuple[str, str]]:
        """Return the mails about the case since."""
        return self.desk.notices(self.number)[self.notices :]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """Run one daemon for the module; it must end in good order, whatever it was sent."""
    async with sink() as relay:
        config = without_own_mail(write_instance(tmp_path_factory.mktemp("attacked"), relay.port))
        with config.open("a", encoding="utf-8") as file:
            file.write(_CAPS)
        async with daemon(config) as running:
            yield Desk(config, relay, running)
            assert not [entry for entry in running.events if entry["event"] in {"arrival.failed", "arrival.quarantined", "notice.failed"}]
            assert await running.stop() == 0


def reply(to: EmailMessage, sender: str, text: str, **headers: str) -> bytes:
    """Return an answer to a mail of ours as a mail program writes it; *headers* are added or, where they are there, put in place."""
    body = to.get_body(("plain",))
    quoted = "".join(f"> {line}\n" for line in (body.get_content() if body else "").splitlines())
    written = EmailMessage(policy=default if headers.get("From", "").isascii() else SMTPUTF8)
    usual = {
        "From": sender,
        "To": MAILBOX,
        "Subject": f"回复：{to['Subject']}",
        "Message-ID": f"<{next(_numbers)}@attack.example>",
        "In-Reply-To": str(to["Message-ID"]),
    }
    for name, value in (usual | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        if value:
            written[name] = value
    written.set_content(f"{text}\n\n在 2024-10-10 09:30:00，坐诊接诉 <{MAILBOX}> 写道：\n{quoted}")
    return bytes(written)


# ---------------------------------------------------------------- whoever is not the addressee


_DISGUISES = {
    "plainly": {},
    "his name as display name": {"From": f'"{TAX_OFFICE}" <{STRANGER}>'},
    "his address in Reply-To and Sender": {"Reply_To": TAX_OFFICE, "Sender": TAX_OFFICE},
    "his address in Cc": {"Cc": TAX_OFFICE},
    "his address in a comment": {"From": f"{STRANGER} ({TAX_OFFICE})"},
    "a domain that ends in his": {"From": f"{TAX_OFFICE}.elsewhere.example"},
    "a domain that begins with his": {"From": "swj@mail.cg.example"},
    "a sign of another script": {"From": "swj@сg.example"},
    "wide signs": {"From": "ｓｗｊ@cg.example"},
    "a long s": {"From": "ſwj@cg.example"},
    "another department": {"From": "zjj@cg.example"},
    "the coordinator": {"From": COORDINATOR},
    "ourselves": {"From": MAILBOX},
}


@pytest.mark.parametrize("disguise", _DISGUISES.values(), ids=_DISGUISES)
async def test_forged_sender_with_the_right_token(desk: Desk, disguise: dict[str, str]) -> None:
    """Whoever has the mail but not the address moves nothing, however he dresses: his reply is held, and the registered address is asked."""
    target = await desk.target()
    before = Before.of(desk, target.number)
    raw = reply(target.assigned, STRANGER, SOLVED, **disguise)
    await desk.takes(raw, TAX_OFFICE)  # the envelope is his, too
    ((kind, reason),) = before.nothing_moved()
    assert kind == "case.replied"
    assert reason.startswith("来信人存疑，没有办理：")
    assert before.mails() == [("confirm", TAX_OFFICE)]
    assert desk.held(target.number) == [("答复企业", "held")]
    (said,) = desk.logged(target.number)
    assert (said["event"], said["level"], said["standing"]) == ("reply.held", "warning", "sender_differs")


async def test_copied_outsider(desk: Desk) -> None:
    """Whom the department copied in has the whole thread with its tokens, and no rights; the department's own answer was heard."""
    target = await desk.target()
    own = reply(target.assigned, TAX_OFFICE, "签收", Cc=STRANGER, Message_ID="<own@cg.example>")
    await desk.takes(own, TAX_OFFICE)
    assert desk.standing(target.number)[0] == "acknowledged"
    before = Before.of(desk, target.number)
    to_all = {
        "To": f"{TAX_OFFICE}, {MAILBOX}",
        "In_Reply_To": "<own@cg.example>",
        "References": f"{target.assigned['Message-ID']} <own@cg.example>",
    }
    await desk.takes(reply(target.assigned, STRANGER, SOLVED, **to_all))
    assert [kind for kind, _ in before.nothing_moved()] == ["case.replied"]
    assert desk.held(target.number) == [("答复企业", "held")]
    assert desk.logged(target.number)[-1]["event"] == "reply.held"


async def test_forwarded_to_a_stranger(desk: Desk) -> None:
    """The department forwards our mail, token and all, and the stranger who got it answers us: held, asked of the department, dropped by its 不同意."""
    target = await desk.target()
    before = Before.of(desk, target.number)
    subject = f"回复：转发：{target.assigned['Subject']}"
    thread = {"In_Reply_To": "<forward@cg.example>", "References": f"{target.assigned['Message-ID']} <forward@cg.example>"}
    await desk.takes(reply(target.assigned, STRANGER, SOLVED, Subject=subject, **thread))
    assert [kind for kind, _ in before.nothing_moved()] == ["case.replied"]
    question = await desk.came(target.number, TAX_OFFICE, "confirm")
    await desk.takes(reply(question, STRANGER, "确认"))  # should he have got that one, too
    assert desk.held(target.number)[0] == ("答复企业", "held")
    await desk.takes(reply(question, TAX_OFFICE, "不同意"), TAX_OFFICE)
    assert before.nothing_moved()[-1][1].endswith("不是本人所发，不办理")
    assert desk.held(target.number)[0] == ("答复企业", "dropped")
    await desk.takes(reply(question, TAX_OFFICE, "确认"), TAX_OFFICE)  # too late
    assert before.nothing_moved()[-1][1].endswith("已经处理过")


async def test_token_alone_in_the_subject(desk: Desk) -> None:
    """A token read off a screen and typed into a subject is worth no more than one that a mail program brings back."""
    target = await desk.target()
    before = Before.of(desk, target.number)
    await desk.takes(reply(target.assigned, STRANGER, "退回：不属我单位职责，建议交由区住建局", In_Reply_To=""))
    assert [kind for kind, _ in before.nothing_moved()] == ["case.replied"]
    assert desk.logged(target.number)[-1]["event"] == "reply.held"


async def test_a_flood_of_forgeries(desk: Desk) -> None:
    """Forgeries are no means to fill a department's mailbox: three questions a day about a case, and each forgery is on record."""
    target = await desk.target()
    before = Before.of(desk, target.number)
    for turn in range(6):
        await desk.takes(reply(target.assigned, f"stranger{turn}@elsewhere.example", SOLVED))
    assert [kind for kind, _ in before.nothing_moved()] == ["case.replied"] * 6
    assert before.mails() == [("confirm", TAX_OFFICE)] * 3
    assert desk.held(target.number) == [("答复企业", "held")] * 6


# ---------------------------------------------------------------- the addressee with the wrong token


async def test_expired_token(desk: Desk) -> None:
    """The right sender with a token that is past its time: held, with the reason."""
    target = await desk.target()
    before = Before.of(desk, target.number)
    mark = str(target.assigned["Message-ID"]).strip("<>")
    earlier = "UPDATE notices SET created_at = strftime('%Y-%m-%d %H:%M:%f', created_at, '-181 days') || '000' WHERE message_id = ?"
    ask(desk.config, earlier, mark)
    await desk.takes(reply(target.assigned, TAX_OFFICE, SOLVED), TAX_OFFICE)
    ((kind, reason),) = before.nothing_moved()
    assert kind == "case.replied"
    assert reason.endswith("已超过 180 天的有效期")
    assert (desk.logged(target.number)[-1]["event"], desk.logged(target.number)[-1]["standing"]) == ("reply.held", "expired")


async def test_token_of_a_department_that_has_the_case_no_more(desk: Desk) -> None:
    """Who gave a case back may not answer the enterprise with the mail by which he had it: held; the new department is not asked for him."""
    target = await desk.target()
    await desk.takes(reply(target.assigned, TAX_OFFICE, "退回：不属我局职责，建议交由区住建局"), TAX_OFFICE)
    await desk.takes(reply(await desk.came(target.number, COORDINATOR, "review"), COORDINATOR, "同意"), COORDINATOR)
    assert desk.standing(target.number) == ("assigned", "zjj")
    before = Before.of(desk, target.number)
    await desk.takes(reply(target.assigned, TAX_OFFICE, SOLVED), TAX_OFFICE)
    ((kind, reason),) = before.nothing_moved()
    assert kind == "case.replied"
    assert reason.endswith("此件现已不由该单位承办")
    assert (desk.logged(target.number)[-1]["event"], desk.logged(target.number)[-1]["standing"]) == ("reply.held", "superseded")
    assert before.mails() == []


async def test_token_of_another_case(desk: Desk) -> None:
    """A token moves the case that it was given for: with another's number in the subject the other stays as it is, and the words say so nowhere."""
    target, own = await desk.target(), await desk.target()
    before = Before.of(desk, target.number)
    subject = str(own.receipt["Subject"]).replace(own.number, target.number)
    assert target.number in subject
    await desk.takes(reply(own.receipt, own.enterprise.address, "撤回诉求", Subject=subject), own.enterprise.address)
    assert before.nothing_moved() == []
    assert desk.standing(own.number)[0] == "withdrawn"
    assert desk.logged(target.number) == []


async def test_tokens_of_two_cases(desk: Desk) -> None:
    """A letter of the right sender with the tokens of two cases acts on neither; it lies at the case it answers, for a person."""
    target, other = await desk.target(), await desk.target()
    before = [Before.of(desk, one.number) for one in (target, other)]
    both = f"{target.assigned['Message-ID']} {other.assigned['Message-ID']}"
    decided = await desk.takes(reply(target.assigned, TAX_OFFICE, SOLVED, References=both), TAX_OFFICE)
    kinds = [[kind for kind, _ in one.nothing_moved()] for one in before]
    assert sorted(kinds) == [[], ["case.follow_up"]]
    assert decided["verdict"] == "follow_up"


async def test_enterprise_acts_as_the_department(desk: Desk) -> None:
    """The enterprise with its own token orders what only a department may: not done, said to it, and shown to a person."""
    target = await desk.target()
    before = Before.of(desk, target.number)
    await desk.takes(reply(target.receipt, target.enterprise.address, SOLVED), target.enterprise.address)
    ((kind, _),) = before.nothing_moved()
    assert kind == "case.replied"
    assert desk.logged(target.number)[-1]["event"] == "reply.filed"
    assert desk.logged(target.number)[-1]["needs_a_person"] is True


# ---------------------------------------------------------------- once more, and too much


async def test_replay(desk: Desk) -> None:
    """A reply that comes again does nothing again: under its own Message-ID it is no new mail, under another it is known by its words."""
    target = await desk.target()
    raw = reply(target.assigned, TAX_OFFICE, "正在处理，限期5个工作日", Message_ID=f"<first@{target.number}.example>")
    await desk.takes(raw, TAX_OFFICE)
    assert desk.standing(target.number)[0] == "handling"
    await desk.takes(reply(target.assigned, TAX_OFFICE, SOLVED), TAX_OFFICE)
    assert desk.standing(target.number)[0] == "answered"
    before = Before.of(desk, target.number)

    assert await deliver(desk.running.port, raw, sender=TAX_OFFICE)
    await desk.takes(raw.replace(b"<first@", b"<again@"), TAX_OFFICE)  # behind the other, and decided
    accepted = [entry["is_new"] for entry in desk.running.events if entry["event"] == "mail.accepted"]
    assert accepted[-2:] == [False, True]
    ((kind, reason),) = before.nothing_moved()
    assert kind == "case.replied"
    assert reason.endswith("内容相同，不重复办理")
    assert desk.logged(target.number)[-1]["event"] == "reply.filed"
    assert before.mails() == []


async def test_ten_megabytes_of_quotation(desk: Desk) -> None:
    """A reply with ten megabytes of quotation is read at the first try, its order at the top is done, and the daemon holds no multiple of it."""
    target = await desk.target()
    before = peak_bytes(desk.running.process.pid)
    tail = "> 引用的一行话，说的是别的事情，已解决：没有的事\n" * (10 * 1024 * 1024 // 70)
    raw = reply(target.assigned, TAX_OFFICE, f"签收\n\n{tail}")
    assert len(raw) > 10 << 20
    await desk.takes(raw, TAX_OFFICE)
    assert desk.standing(target.number)[0] == "acknowledged"
    assert [kind for kind, _ in desk.history(target.number)][-2:] == ["case.replied", "case.acknowledged"]
    assert not [entry for entry in desk.running.events if entry["event"] == "arrival.postponed"]
    assert peak_bytes(desk.running.process.pid) - before < 20 * len(raw)


# ---------------------------------------------------------------- what stands in our heads


_EVIL = "急\r\nBcc: everybody@elsewhere.example\r\nX-Zuozhen: forged\r\n\r\n正文\u202e\u2066\u200b\u0000\u0007\u2028\u0085尾"


async def test_header_injection(desk: Desk) -> None:
    """Whatever strangers put into subject, names, references, file names and orders: our mails have our own fields once, nothing hidden in them, and our own addressees."""
    enterprise, sent = Enterprise(), len(desk.relay.messages)
    hostile = _hostile(enterprise)
    number = (await desk.takes(hostile, enterprise.address))["case"]
    assigned = await desk.came(number, TAX_OFFICE, "assign")
    before = Before.of(desk, number)
    folded = "回复\r\n Bcc: everybody@elsewhere.example".encode()
    raw = reply(assigned, TAX_OFFICE, f"退回：{_EVIL.replace(chr(0), '')}，建议交由无此单位{_EVIL.replace(chr(0), '')}").replace(
        b"Subject: ", b"X-Evil: " + folded + b"\r\nSubject: ", 1
    )
    await desk.takes(raw, TAX_OFFICE)
    assert [kind for kind, _ in before.nothing_moved()] == ["case.replied"]
    await desk.came(number, TAX_OFFICE, "help")
    await desk.came(number, COORDINATOR, "forward")

    ours = [message for message in desk.relay.messages[sent:] if number in str(message["X-Zuozhen"])]
    assert len(ours) == 4
    for message in ours:
        assert set(message.keys()) <= _HEADERS
        assert len(message.keys()) == len(set(message.keys()))
        assert [(name, value) for name, value in message.items() if {unicodedata.category(sign) for sign in str(value)} & _HIDDEN] == []
        for part in message.walk():
            assert not any(unicodedata.category(sign) in _HIDDEN for sign in part.get_filename() or "")
    assert {to for _, to in desk.relay.envelopes[sent:]} <= {TAX_OFFICE, COORDINATOR, enterprise.address}


def _hostile(enterprise: Enterprise) -> bytes:
    """Return a petition each of whose fields tries to begin another, as encoded words, as parameters and as raw bytes."""
    coded = f"=?utf-8?b?{base64.b64encode(_EVIL.encode()).decode()}?="
    text = ACCEPTED.format(name=enterprise.name, person=enterprise.person, phone=enterprise.phone)
    lines = [
        f"From: {coded} <{enterprise.address}>",
        f"To: {MAILBOX}",
        f"Reply-To: {coded} <{enterprise.address}>",
        f"Subject: {coded}",
        "Message-ID: <x\u202e\x01 Bcc: everybody@elsewhere.example>",
        "In-Reply-To: <y@elsewhere.example>\rBcc: everybody@elsewhere.example",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        'Content-Type: text/plain; charset="utf-8"',
        "",
        f"{_EVIL.replace(chr(0), '')}\n{text}",
        "--b",
        "Content-Type: application/octet-stream",
        f"Content-Disposition: attachment; filename*=utf-8''{quote(_EVIL)}.pdf",
        "",
        "%PDF-1.4",
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


def peak_bytes(pid: int) -> int:
    """Return the most memory that the process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

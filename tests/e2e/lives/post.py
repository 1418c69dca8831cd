"""The mail between the world and one office, in order: whoever is concerned answers what came to him, and nothing comes that nobody awaits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from tests.e2e.clocked import turn
from tests.e2e.instance import MAILBOX, Daemon, add_mailbox, ask, daemon
from tests.e2e.test_mail_server import Site, site
from tests.servers.dovecot import Dovecot
from tests.servers.ground import HOST
from tests.servers.patience import patience

COORDINATOR = "coordinator@cg.example"
BEGIN = datetime.fromisoformat("2024-10-09T09:40+08:00")  # a Wednesday
_PATIENCE_S = 180.0  # two suites on one machine took more than a minute for a mail
_FIRST_LINES = 10  # of each mail, in the transcript


def at(text: str) -> datetime:
    """Return a moment of 2024 in Kunming, of "10-14 09:00"."""
    return datetime.fromisoformat(f"2024-{text.replace(' ', 'T')}+08:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of the transcript."""

    at: datetime
    sender: str
    to: str
    subject: str
    text: str

    def shown(self, lines: int = _FIRST_LINES) -> str:
        """Return it as a page of the transcript, with the first *lines* that say something."""
        said = [line.rstrip() for line in self.text.splitlines() if line.strip()]
        rest = [f"    ……（以下 {len(said) - lines} 行）"] if len(said) > lines else []
        head = f"{self.at:%m月%d日 %H:%M}　{self.sender} → {self.to}"
        return "\n".join([head, f"  《{self.subject}》", *(f"    {line}" for line in said[:lines]), *rest])


@dataclass(slots=True)
class Post:
    """One office with its daemon, at a time of day of its own, and everybody who writes to it."""

    here: Site
    _stack: AsyncExitStack
    now: datetime = BEGIN
    running: Daemon = field(init=False)
    read: int = 0  # mails of the world that were awaited
    written: int = 0
    mails: list[Mail] = field(default_factory=list)

    async def came(self, *awaited: tuple[str, str]) -> list[EmailMessage]:
        """Wait until all of *awaited* – to whom, and a word of the subject – have come since the last time, and return them in that order.

        What comes besides is a mail too many, and fails.
        """
        messages = self.here.world.messages

        def is_there() -> bool:
            return len(messages) - self.read >= len(awaited)

        async with patience(_PATIENCE_S, f"mail {awaited}", self.said), self.here.world.arrived:
            await self.here.world.arrived.wait_for(is_there)
        new = messages[self.read :]
        found = [next((one for one in new if _to(one) == to and words in str(one["Subject"])), None) for to, words in awaited]
        mails = [one for one in found if one is not None]
        subjects = [f"{_to(one)}《{one['Subject']}》" for one in new]
        assert len(mails) == len(awaited) == len(new), f"awaited {awaited}, came {subjects}\n{self.said()}"
        self.read += len(new)
        self.mails += [self._mail(one) for one in mails]
        return mails

    async def comes(self, to: str, words: str) -> EmailMessage:
        """Wait for one mail, and no other."""
        (mail,) = await self.came((to, words))
        return mail

    async def writes(self, sender: str, subject: str, text: str) -> None:
        """Let somebody write of his own accord."""
        await self._send(sender, subject, text, text)

    async def answers(self, message: EmailMessage, text: str, *, sender: str = "") -> None:
        """Let the addressee of *message*, or *sender*, answer it: his mail program quotes what he answers."""
        quoted = "".join(f"> {line}\n" for line in text_of(message).splitlines())
        whole = f"{text}\n\n在 2024-10-10 09:30:00，坐诊接诉 <{MAILBOX}> 写道：\n{quoted}"
        await self._send(sender or _to(message), f"回复：{message['Subject']}", whole, text, answered=str(message["Message-ID"]))

    async def stands(self, number: str, state: str) -> None:
        """Wait until the case is in *state*: what moves it without a mail leaves nothing else to await."""
        await self.running.heard(lambda: self.state(number) == state, f"{number} in the state {state}")

    def state(self, number: str) -> str:
        """Return where a case stands."""
        states: dict[str, str] = dict(ask(self.here.config, "SELECT number, state FROM cases"))
        return states[number]

    async def later(self, moment: datetime) -> None:
        """Let it be *moment*: the daemon is away in between, and does what is due then as soon as it is back."""
        assert await self.running.stop() == 0
        await self.starts(moment)

    async def starts(self, moment: datetime) -> None:
        """Start the daemon at *moment*."""
        self.now = moment
        turn(self.here.config, moment)
        self.running = await self._stack.enter_async_context(daemon(self.here.config, module="tests.e2e.clocked"))

    async def ends(self) -> None:
        """Stop the daemon and see that whatever left it was awaited, and came once."""
        assert await self.running.stop() == 0
        await self.here.is_empty()
        assert len(self.here.world.messages) == self.read, self.said()
        ((sent,),) = ask(self.here.config, "SELECT count(*) FROM notices WHERE state = 'sent'")
        assert sent == self.read

    def said(self) -> str:
        """Return what a failure is explained by: the mails so far, those not awaited, and the log of the daemon."""
        new = [self._mail(one).shown() for one in self.here.world.messages[self.read :]]
        return "\n".join([*(mail.shown() for mail in self.mails), "--- not awaited:", *new, "--- log:", self.running.said()])

    async def _send(self, sender: str, subject: str, whole: str, text: str, *, answered: str = "") -> None:
        self.written += 1
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, MAILBOX, subject
        message["Message-ID"] = f"<{self.written}@world.example>"
        if answered:
            message["In-Reply-To"] = answered
        message.set_content(whole)
        self.mails.append(Mail(at=self.now, sender=sender, to=MAILBOX, subject=subject, text=text))
        async with aiosmtplib.SMTP(hostname=HOST, port=self.here.server.plain, use_tls=False, start_tls=False) as client:
            await client.sendmail(sender, [MAILBOX], bytes(message))

    def _mail(self, message: EmailMessage) -> Mail:
        return Mail(at=self.now, sender=MAILBOX, to=_to(message), subject=str(message["Subject"]), text=text_of(message))


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a mail of ours."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def number_of(message: EmailMessage) -> str:
    """Return the number of the case that a mail of ours is about."""
    _, mark, rest = str(message["Subject"]).partition("CG-")
    return mark + rest[:10]


def _to(message: EmailMessage) -> str:
    return str(message["To"].addresses[0].addr_spec)


@asynccontextmanager
async def office(folder: Path, monkeypatch: pytest.MonkeyPatch, mailboxes: Dovecot | None = None) -> AsyncIterator[Post]:
    """Set up an office whose Postfix hands mail to the daemon by LMTP or, given *mailboxes*, lays it into one that the daemon reads by IMAP."""
    box = mailboxes.box() if mailboxes else None
    door = "inet" if box is None else f"maildir:{box.maildir()}"
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(site(folder, monkeypatch, door=door))
        if box is not None:
            box.put()  # its folders are made with the first login
            add_mailbox(here.config, box)
            here.server.authority.cert_pem.write_to_path(folder / "authority.pem", append=True)  # of the relay, beside the mailbox's
        post = Post(here, stack)
        await post.starts(BEGIN)
        yield post

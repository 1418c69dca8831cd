"""A real Postfix on both sides of the real daemon, as an operator sets it up: LMTP in, submission with login out, either side restarted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
import pytest

from tests.e2e.instance import MAILBOX, Daemon, Sink, daemon, sink, without_own_mail, write_instance
from tests.e2e.mails import TAX, mail
from tests.e2e.test_cli import zuozhen
from tests.servers.ground import HOST, free_ports, own_folder
from tests.servers.postfix import PASSWORD, USER, Postfix, postfix

_PATIENCE_S = 60.0


@dataclass(slots=True)
class Site:
    """An instance with the mail server of its office, and the world behind that."""

    config: Path
    server: Postfix
    world: Sink

    def daemon(self) -> AbstractAsyncContextManager[Daemon]:
        """Start the daemon; it tries failed notices again soon."""
        return daemon(self.config, module="tests.e2e.impatient")

    async def write(self, number: int) -> str:
        """Let an enterprise's server hand a petition to the office's server; returns the Message-ID."""
        message_id = f"{number}@enterprise.example"
        raw = mail(_petition(number), message_id=f"<{message_id}>")
        async with aiosmtplib.SMTP(hostname=HOST, port=self.server.plain, use_tls=False, start_tls=False) as client:
            await client.sendmail("qy@enterprise.example", [MAILBOX], raw)
        return message_id

    def notices(self) -> dict[str, str]:
        """Return Message-ID → state of all notices."""
        listed = zuozhen("outbox", "list", "--limit", "1000", "--json", config=self.config).data
        return {notice["message_id"]: notice["state"] for notice in listed}

    async def is_empty(self) -> None:
        """Wait until the office's server holds nothing."""
        async with asyncio.timeout(_PATIENCE_S):
            while await asyncio.to_thread(self.server.queued):
                await asyncio.to_thread(self.server.flush)

    def arrived(self) -> Counter[str]:
        """Return how often each notice came out into the world, by Message-ID."""
        return Counter(str(message["Message-ID"]).strip("<>") for message in self.world.messages)


def _petition(number: int) -> str:
    """Return a petition of another enterprise."""
    return TAX.replace("青岚", "青岚禾木云溪晨曦"[number % 7 : number % 7 + 2]).replace("13700001234", f"137{number:08d}")


@asynccontextmanager
async def site(folder: Path, monkeypatch: pytest.MonkeyPatch, *, door: str) -> AsyncIterator[Site]:
    """Set up the site; *door* is "inet" or "unix" for LMTP, or the `maildir:/path` of the mailbox that the daemon reads."""
    with own_folder("door") as shared:
        shared.chmod(0o777)
        (port,) = free_ports(1)
        listen = {"inet": f"{HOST}:{port}", "unix": f"unix:{shared}/lmtp.sock"}.get(door, "")
        async with sink() as world:
            with postfix(door=f"inet:{listen}" if door == "inet" else listen or door, next_hop=world.port) as server:
                authority = folder / "authority.pem"
                server.authority.cert_pem.write_to_path(authority)
                monkeypatch.setenv("SSL_CERT_FILE", str(authority))
                yield Site(_configure(folder, server, listen), server, world)


def _configure(folder: Path, server: Postfix, listen: str) -> Path:
    config = without_own_mail(write_instance(folder, server.submission))
    (folder / "relay-password").write_text(PASSWORD + "\n")
    login = f'security = "starttls"\nusername = "{USER}"\npassword_file = "relay-password"'
    text = config.read_text("utf-8").replace('security = "none"', login)
    lmtp = f'\n[lmtp]\nlisten = "{listen}"\n' if listen else ""
    config.write_text(text + lmtp, encoding="utf-8")
    return config


@pytest.mark.timeout(300)  # nine starts of servers; a quarter of a minute on an idle machine
async def test_both_sides_are_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is away – the daemon, its relay, the server behind that – everything that was accepted arrives in the end, and once."""
    async with site(tmp_path, monkeypatch, door="inet") as here:
        async with here.daemon() as running:
            await here.write(1)
            await running.logged("notice.sent", 2)
            await here.world.has(2)
            assert await running.stop() == 0

        await here.write(2)  # the daemon is down: the office's server keeps it
        assert here.server.queued() == 1
        await asyncio.to_thread(here.server.stop)
        await asyncio.to_thread(here.server.start)
        assert here.server.queued() == 1

        async with here.daemon() as running:
            await here.is_empty()
            await here.world.has(4)
            await running.logged("notice.sent", 2)

            await asyncio.to_thread(here.server.stop)  # the relay is down: the outbox keeps what the petition causes
            async with aiosmtplib.SMTP(hostname=HOST, port=running.port, use_tls=False, start_tls=False) as client:
                await client.sendmail("qy@enterprise.example", [MAILBOX], mail(_petition(3), message_id="<3@enterprise.example>"))
            (deferred, *_) = await running.logged("notice.deferred", 2)
            assert deferred["problem"].startswith("连不上邮件服务器或连接中断")
            assert await running.stop() == 0
        async with here.daemon() as running:
            await asyncio.to_thread(here.server.start)
            await here.world.has(6)
            await running.logged("notice.sent", 2)

            here.world.answer = lambda _: "451 4.3.2 Not now"  # the world is away: the relay keeps it, over its own restart
            await here.write(4)
            await running.logged("notice.sent", 4)
            await asyncio.to_thread(here.server.stop)
            await asyncio.to_thread(here.server.start)
            assert here.server.queued() == 2
            here.world.answer = lambda _: "250 OK"
            await here.is_empty()
            await here.world.has(8)
            assert await running.stop() == 0

        notices = here.notices()
        assert here.arrived() == Counter(dict.fromkeys(notices, 1))
        assert set(notices.values()) == {"sent"}
        cases = zuozhen("case", "list", "--json", config=here.config).data
        assert len(cases) == 4
        log = zuozhen("mail", "log", "3@enterprise.example", "--json", config=here.config).data["steps"]
        assert "连不上邮件服务器" in next(step["words"] for step in log if step["kind"] == "notice.deferred")
        (sent, *_) = [step for step in log if step["kind"] == "notice.sent"]
        (queued,) = [step for step in log if step["kind"] == "notice.queued" and step["about"]["notice"] == sent["about"]["notice"]]
        assert sent["words"].endswith(here.server.took(queued["about"]["message_id"]))  # the operator can go on in the relay's own log


@pytest.mark.timeout(300)
async def test_bounce_of_a_real_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the world refuses behind our relay comes back as Postfix's own report and is seen at the case, with the world's words."""
    async with site(tmp_path, monkeypatch, door="unix") as here, here.daemon() as running:
        here.world.answer = lambda recipient: "550 5.1.1 no such user" if "enterprise" in recipient else "250 OK"
        message_id = await here.write(1)
        (bounced,) = await running.logged("notice.bounced")
        assert (bounced["permanent"], bounced["status"], bounced["purpose"]) == (True, "5.1.1", "acknowledge")
        assert await running.stop() == 0

        (number,) = [case["number"] for case in zuozhen("case", "list", "--json", config=here.config).data]
        assert bounced["case"] == number
        shown = zuozhen("case", "show", number, config=here.config).out
        assert "收到退信：对方服务器未能送达，已退回（5.1.1）：550 5.1.1 no such user" in shown
        assert "被退信  登记告知" in shown
        assert number in zuozhen("review", "list", config=here.config).out
        assert "被退信" in zuozhen("outbox", "list", config=here.config).out
        listed = zuozhen("outbox", "addresses", config=here.config).out
        assert "失效" in listed
        assert "550 5.1.1 no such user" in listed
        (trouble,) = zuozhen("outbox", "addresses", "--json", config=here.config).data
        assert (trouble["is_dead"], trouble["address"].endswith("enterprise.example")) == (True, True)
        log = zuozhen("mail", "log", message_id, config=here.config).out
        assert "收到退信（" in log
        (accepted, *_) = [line for line in log.splitlines() if "收下（" in line]
        assert "门 lmtp" in accepted
        assert f"对方队列号 {here.server.took(message_id)}" in accepted

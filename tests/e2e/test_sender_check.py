"""Our own check of senders, from the SMTP door of the running daemon to the case: names from a real DNS server on loopback, real signatures."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.e2e.instance import MAILBOX, ask, daemon, deliver, sink, write_instance
from tests.e2e.mails import mail
from tests.e2e.test_cli import zuozhen
from tests.servers.names import name_server, signed, zone

ENTERPRISE, TAX = "qy@enterprise.example", "swj@cg.example"
REJECT = "v=DMARC1; p=reject"


def with_check(config: Path, port: int) -> Path:
    """Let the instance check senders itself, with the names that the server on *port* knows."""
    with config.open("a", encoding="utf-8") as file:
        file.write(f'\n[sender_check]\nnameservers = ["127.0.0.1:{port}"]\nseconds = 60\n')
    return config


def reply(asked: EmailMessage, text: str, *, number: int) -> bytes:
    """Return what the department answers to *asked*."""
    written = EmailMessage()
    written["From"], written["To"], written["Subject"] = TAX, MAILBOX, f"回复：{asked['Subject']}"
    written["Message-ID"], written["In-Reply-To"] = f"<answer-{number}@cg.example>", str(asked["Message-ID"])
    written["Date"] = "Thu, 10 Oct 2024 09:30:00 +0800"
    written.set_content(text, cte="8bit")
    return written.as_bytes(policy=written.policy.clone(linesep="\r\n"))


@pytest.mark.timeout(300)
async def test_a_reply_acts_where_its_signature_holds(tmp_path: Path) -> None:
    """With the right token and address a forged reply is held, the signed one acts; what DNS said is kept with the arrival."""
    async with name_server(zone({"cg.example": REJECT, "enterprise.example": REJECT})) as names, sink() as world:
        config = with_check(write_instance(tmp_path, world.port), names.port)
        async with daemon(config) as running:
            assert await deliver(running.port, signed(mail(), "enterprise.example"), sender=ENTERPRISE)
            await running.settled(1)
            await world.has(2)
            asked = next(one for one in world.messages if TAX in str(one["To"]))
            assert await deliver(running.port, reply(asked, "签收！", number=1), sender=TAX)
            held = (await running.logged("reply.held"))[0]
            good = signed(reply(asked, "签收。", number=2), "cg.example")
            assert await deliver(running.port, good.replace("签收".encode(), "退回".encode()), sender=TAX)
            assert await deliver(running.port, good, sender=TAX)
            done = (await running.logged("reply.done"))[0]
            checks = await running.logged("sender.checked", 4)
        assert held["case"] == done["case"]
        assert [(one["dkim"], one["dmarc"], one["refuted"]) for one in checks][:2] == [("pass", "pass", False), ("none", "fail", True)]
        assert sorted((one["dmarc"], one["refuted"]) for one in checks[2:]) == [("fail", True), ("pass", False)]
        shown = zuozhen("case", "show", held["case"], config=config).out
        assert "确由所称的域名发出（本系统：SPF none，DKIM pass，DMARC pass）" in shown
        kept = [str(found) for (found,) in ask(config, "SELECT found FROM sender_checks ORDER BY arrival_id")]
        assert len(kept) == 4
        assert all("TXT _dmarc." in found for found in kept)


@pytest.mark.timeout(300)
async def test_without_dns_mail_is_taken_and_acts(tmp_path: Path) -> None:
    """Where no name server answers (no Internet), mail is taken and decided, nothing is refuted, and the next mail does not wait again."""
    async with name_server({}) as names, sink() as world:
        names.is_mute = True
        config = with_check(write_instance(tmp_path, world.port), names.port)
        config.write_text(config.read_text(encoding="utf-8").replace("seconds = 60", "seconds = 1"), encoding="utf-8")
        async with daemon(config) as running:
            assert await deliver(running.port, mail(), sender=ENTERPRISE)
            await running.settled(1)
            await world.has(2)
            asked = next(one for one in world.messages if TAX in str(one["To"]))
            assert await deliver(running.port, reply(asked, "签收。", number=1), sender=TAX)
            await running.logged("reply.done")
            checks = await running.logged("sender.checked", 2)
        assert [(one["dmarc"], one["refuted"]) for one in checks] == [("temperror", False)] * 2

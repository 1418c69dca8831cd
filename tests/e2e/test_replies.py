"""Lives of cases played by mail alone, through the real daemon and a real Postfix on both sides: whoever is concerned answers the mail that came to him."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from tests.e2e.instance import MAILBOX, Daemon
from tests.e2e.mails import mail
from tests.e2e.test_cli import zuozhen
from tests.e2e.test_mail_server import Site, site
from tests.servers.ground import HOST
from tests.servers.patience import patience

COORDINATOR, ENTERPRISE = "coordinator@cg.example", "qy@enterprise.example"
DEBT = """尊敬的领导：

我公司昆明远帆禾木商贸有限公司与昆明高塬商贸有限公司签订了买卖合同，货已交付，对方公司拖欠货款三十八万元，多次催要不付。

请求协调对方公司支付拖欠的货款并赔偿违约金。

联系人：沈秋实
联系电话：13700007777
"""


@dataclass(slots=True)
class Post:
    """The mail between the world and the office: who wrote what to whom, in order."""

    here: Site
    running: Daemon
    read: int = 0  # mails of the world that were looked at
    transcript: list[str] = field(default_factory=list)

    async def came(self, to: str, subject: str) -> EmailMessage:
        """Wait for the next mail to *to* with *subject* in its subject line, and return it."""
        found: list[EmailMessage] = []

        def is_there() -> bool:
            for place, message in enumerate(self.here.world.messages[self.read :], start=self.read + 1):
                if to in str(message["To"]) and subject in str(message["Subject"]):
                    self.read = place
                    found.append(message)
                    return True
            return False

        def said() -> str:
            return "\n".join([*self.transcript, *(str(one["Subject"]) for one in self.here.world.messages), self.running.said()])

        async with patience(60, f"mail to {to}: {subject}", said), self.here.world.arrived:
            await self.here.world.arrived.wait_for(is_there)
        self.transcript.append(f"→ {to}　{found[0]['Subject']}")
        return found[0]

    async def answers(self, message: EmailMessage, text: str, *, sender: str = "") -> None:
        """Let the addressee of *message*, or *sender*, answer it: his mail program quotes what he answers."""
        own = sender or str(message["To"].addresses[0].addr_spec)
        body = message.get_body(("plain",))
        quoted = "".join(f"> {line}\n" for line in (body.get_content() if body else "").splitlines())
        written = EmailMessage()
        written["From"], written["To"], written["Subject"] = own, MAILBOX, f"回复：{message['Subject']}"
        written["Message-ID"] = f"<{len(self.transcript)}.{self.read}@world.example>"
        written["In-Reply-To"] = str(message["Message-ID"])
        written.set_content(f"{text}\n\n在 2024-10-10 09:30:00，坐诊接诉 <{MAILBOX}> 写道：\n{quoted}")
        self.transcript.append(f"← {own}　{text}")
        await self.hands_in(bytes(written), own)

    async def hands_in(self, raw: bytes, sender: str) -> None:
        """Hand a mail to the office's server."""
        async with aiosmtplib.SMTP(hostname=HOST, port=self.here.server.plain, use_tls=False, start_tls=False) as client:
            await client.sendmail(sender, [MAILBOX], raw)


def state(here: Site) -> dict[str, str]:
    """Return where each case stands, by number."""
    return {case["number"]: case["state"] for case in zuozhen("case", "list", "--json", config=here.config).data}


@pytest.mark.timeout(300)
async def test_lives_by_mail_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One case is solved, rated and closed, one refusal is overruled, and a stranger with the right token moves nothing."""
    async with site(tmp_path, monkeypatch, door="inet") as here, here.daemon() as running:
        post = Post(here, running)
        await post.hands_in(mail(message_id="<solved@enterprise.example>"), ENTERPRISE)
        assigned = await post.came("swj@cg.example", "交办")
        await post.answers(assigned, "已解决：已办妥", sender="stranger@elsewhere.example")
        question = await post.came("swj@cg.example", "请确认")
        assert "答复企业" in question.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
        await post.answers(question, "不同意")
        await post.answers(assigned, "签收。\n正在处理，限期5个工作日。")
        await post.came(ENTERPRISE, "办理时限已告知")
        await post.answers(assigned, "已解决：发票增量已经办结")
        answered = await post.came(ENTERPRISE, "办理答复")
        assert "发票增量已经办结" in answered.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
        await post.answers(answered, "不满意：发票仍然没有开出来")
        asked = await post.came(COORDINATOR, "请处理")
        await post.answers(asked, "同意")
        order = await post.came("swj@cg.example", "重点督办")
        await post.answers(order, "已解决：已当面交付发票")
        again = await post.came(ENTERPRISE, "办理答复")
        await post.answers(again, "满意")

        await post.hands_in(mail(DEBT, subject="拖欠货款", message_id="<debt@enterprise.example>"), ENTERPRISE)
        review = await post.came(COORDINATOR, "待复核")
        await post.answers(review, "不同意，改派区税务局")
        await post.came("swj@cg.example", "交办")
        assert await running.stop() == 0

        print(*post.transcript, sep="\n")  # noqa: T201 - what pytest shows with -s or on a failure
        assert sorted(state(here).values()) == ["assigned", "rated"]
        first = min(state(here))
        shown = zuozhen("case", "show", first, config=here.config).out
        assert "收到回信" in shown
        assert zuozhen("review", "list", "--json", config=here.config).data["held"] == []

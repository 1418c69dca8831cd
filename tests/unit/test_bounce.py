"""Reports of mail that was not delivered, as real servers write them: whom, why, for good or not, and which mail."""

from __future__ import annotations

import pytest

from channels.mime import read_letter
from store.model.letter import Bounce

OURS = "0123456789abcdef0123456789abcdef.assign@cg.example"
DSN = """From: MAILER-DAEMON@mx.cg.example (Mail Delivery System)
To: zuozhen@cg.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.cg.example.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.cg.example
{envelope}Arrival-Date: Wed, 9 Oct 2024 09:30:00 +0800 (CST)

Final-Recipient: rfc822; good@gov.example
Action: delivered
Status: 2.0.0

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.gov.example
Diagnostic-Code: smtp; {diagnostic}

--b
Content-Type: {returned}

From: zuozhen@cg.example
Message-ID: <{message_id}>
Subject: x

--b--
"""


def read(text: str, *, envelope_from: str | None = "") -> Bounce | None:
    """Return what the mail *text* reports; it came from the null sender."""
    return read_letter(text.encode(), envelope_from=envelope_from).letter.bounce


def dsn(**changes: str) -> str:
    """Return a report by RFC 3464."""
    usual = {
        "envelope": "",
        "recipient": "gone@Gov.example",
        "action": "failed",
        "status": "5.1.1",
        "diagnostic": "550 5.1.1 <gone@gov.example>: Recipient address rejected: User unknown",
        "returned": "text/rfc822-headers",
        "message_id": OURS,
    }
    return DSN.format(**{**usual, **changes})


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822", "message/global-headers", "message/global"])
def test_report_with_all_fields(returned: str) -> None:
    """RFC 3464: recipient, status, the words of the server that refused, and the failed mail by its returned headers."""
    assert read(dsn(returned=returned)) == Bounce(
        is_permanent=True,
        recipient="gone@gov.example",
        status="5.1.1",
        words="550 5.1.1 <gone@gov.example>: Recipient address rejected: User unknown",
        messages=(OURS,),
    )


def test_report_of_delay() -> None:
    """A server that still tries reports no failure."""
    found = read(dsn(action="delayed", status="4.4.1", diagnostic="connect to mx.gov.example: Connection timed out"))
    assert found is not None
    assert (found.is_permanent, found.status, found.words) == (False, "4.4.1", "connect to mx.gov.example: Connection timed out")


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_report_of_success(action: str) -> None:
    """A report of success is automatic mail and no bounce."""
    letter = read_letter(dsn(action=action).encode(), envelope_from="").letter
    assert letter.automatic is not None
    assert letter.bounce is None


def test_envelope_id_comes_first() -> None:
    """The envelope id that we gave the relay says which mail it was, also where the returned headers are somebody else's."""
    found = read(dsn(envelope=f"Original-Envelope-Id: {OURS}\n", message_id="other@x.example"))
    assert found is not None
    assert found.messages == (OURS, "other@x.example")


def free(sender: str, subject: str, body: str, *headers: str) -> str:
    """Return a report in free words."""
    head = [f"From: {sender}", "To: zuozhen@cg.example", f"Subject: {subject}", "Content-Type: text/plain; charset=utf-8", *headers]
    return "\n".join(head) + f"\n\n{body}\n"


QQ = free(
    "postmaster@qq.com",
    "来自qq.com的退信",
    "很抱歉，您的邮件被退回来了……\n原邮件信息：\n时间 2024-10-09 09:30:00\n主题 x\n收件人 gone@qq.com\n"
    "退信原因：\n550 Mailbox unavailable or access denied [MzIxNw==]\n收件人（gone@qq.com）所属域名不存在，邮件无法送达。",
    f"In-Reply-To: <{OURS}>",
)
NETEASE = free(
    "Postmaster@163.com",
    "系统退信",
    "抱歉，您的邮件被退回来了…… 原邮件信息：\n收件人：gone@163.com\n退信原因：\n"
    "SMTP error, RCPT TO: 550 User not found: gone@163.com\n收件人邮箱地址不存在。",
    f"References: <first@x.example> <{OURS}>",
)
COREMAIL = free(
    "系统退信 <postmaster@gov.example>",
    "投递失败通知",
    f"您的邮件未能送达以下收件人：\ngone@gov.example\n失败原因：收件人邮箱已满\n原始邮件 Message-ID: <{OURS}>",
)
EXCHANGE = free(
    "Microsoft Outlook <postmaster@gov.example>",
    "无法传递: 交办通知",
    "未能向下列收件人或组传递邮件:\n\ngone@gov.example\n未找到您输入的电子邮件地址。\n\n供管理员使用的诊断信息:\n"
    f"生成服务器: mail.gov.example\n\n#550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found ##\n\n原始邮件头:\nMessage-ID: <{OURS}>",
)


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (QQ, "", "550 Mailbox unavailable or access denied [MzIxNw==]"),
        (NETEASE, "", "SMTP error, RCPT TO: 550 User not found: gone@163.com"),
        (COREMAIL, "", "收件人邮箱已满"),
        (EXCHANGE, "5.1.10", "#550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found ##"),
    ],
    ids=["qq", "163", "coremail", "exchange"],
)
def test_free_words_of_providers(text: str, status: str, words: str) -> None:
    """What Chinese providers write without RFC 3464 is a failure for good, with their reason, tied to our mail where they name it."""
    found = read(text)
    assert found is not None
    assert found.is_permanent
    assert (found.status, found.words) == (status, words)
    assert OURS in found.messages


@pytest.mark.parametrize("words", ["邮件延迟，服务器将继续尝试投递", "Delivery delayed, will be retried for 2 more days"])
def test_free_words_of_a_delay(words: str) -> None:
    """A warning in free words is no failure."""
    found = read(free("MAILER-DAEMON@gov.example", "Warning: message delayed", words))
    assert found is not None
    assert not found.is_permanent


def test_letters_of_people_are_no_bounces() -> None:
    """Somebody who passes a bounce on, quotes one, or writes about one has written a letter."""
    person = free(
        "沈秋实 <office@enterprise.example>", "转发：系统退信", f"给部门的邮件被退回：550 5.1.1 User unknown\nMessage-ID: <{OURS}>"
    )
    assert read(person, envelope_from="office@enterprise.example") is None
    forwarded = (
        "From: office@enterprise.example\nSubject: Fw\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\n请看\n--a\n"
        "Content-Type: message/rfc822\n\n" + dsn() + "\n--a--\n"
    )
    assert read(forwarded, envelope_from="office@enterprise.example") is None


def test_complaint_is_no_bounce() -> None:
    """A complaint about spam (RFC 5965) is automatic, but the mail was delivered."""
    text = (
        dsn()
        .replace("message/delivery-status", "message/feedback-report")
        .replace("report-type=delivery-status", "report-type=feedback-report")
    )
    letter = read_letter(text.encode(), envelope_from="").letter
    assert letter.automatic is not None
    assert letter.bounce is None


@pytest.mark.parametrize(
    "status",
    [
        "",
        "\n" * 60_000,
        "a:\n" * 20_000,
        "Action: failed\n\n" * 5_000,
        "Action: failed\nStatus: " + "5." * 30_000,
        "Final-Recipient: rfc822; " + "a" * 60_000 + "\nAction: failed",
        "no field at all",
    ],
    ids=["empty", "lines", "fields", "blocks", "status", "address", "text"],
)
def test_hostile_report(status: str) -> None:
    """A report that is none, or without end, is read all the same, within bounds."""
    head, _, rest = dsn().partition("Reporting-MTA")
    found = read(head + status + rest[rest.index("\n--b\nContent-Type: text/rfc822") :])
    assert found is not None
    assert found.messages == (OURS,)
    assert len(found.status) <= 11
    assert len(found.recipient) <= 320
    assert len(found.words) <= 300

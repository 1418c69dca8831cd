"""Mail that a machine sent is told from letters of people."""

from __future__ import annotations

import pytest

from channels.mime import read_letter
from store.model.letter import Automatic

PERSON = "From: 张三 <z@firm.cn>\r\n"


def classify(head: str, body: str = "\r\n正文", envelope_from: str | None = "z@firm.cn") -> Automatic | None:
    """Read a mail of *head* and *body* and return why it counts as automatic."""
    return read_letter((head + body).encode(), envelope_from=envelope_from).letter.automatic


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (PERSON + "Auto-Submitted: auto-replied\r\n", "auto-reply"),
        (PERSON + "Auto-Submitted: auto-generated (rejected)\r\n", "auto-reply"),
        (PERSON + "X-Autoreply: yes\r\n", "auto-reply"),
        (PERSON + "X-Autorespond: 1\r\n", "auto-reply"),
        (PERSON + "Precedence: auto_reply\r\n", "auto-reply"),
        (PERSON + "Subject: 自动回复：我正在休假\r\n", "auto-reply"),
        (PERSON + "Subject: 自动回复\r\n", "auto-reply"),
        (PERSON + "Subject: 【自动回复】已收到\r\n", "auto-reply"),
        (PERSON + "Subject: 自動回覆: 不在辦公室\r\n", "auto-reply"),
        (PERSON + "Subject: Automatic reply: x\r\n", "auto-reply"),
        (PERSON + "Subject: Out of Office: x\r\n", "auto-reply"),
        (PERSON + "Content-Type: multipart/report; report-type=disposition-notification; boundary=x\r\n", "auto-reply"),
        (PERSON + "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n", "bounce"),
        (PERSON + "Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n", "bounce"),
        (PERSON + "Return-Path: <>\r\n", "bounce"),
        (PERSON + "X-Failed-Recipients: a@b.cn\r\n", "bounce"),
        (PERSON + "Subject: 系统退信\r\n", "bounce"),
        (PERSON + "Subject: 来自qq.com的退信\r\n", "bounce"),
        (PERSON + "Subject: Undelivered Mail Returned to Sender\r\n", "bounce"),
        ("From: MAILER-DAEMON@163.com\r\n", "bounce"),
        ("From: Mail Delivery System <MAILER-DAEMON>\r\n", "bounce"),
        ("From: Postmaster <>\r\n", "bounce"),
        ("From: postmaster@qq.com\r\nSubject: 退信通知\r\n", "bounce"),
        ("From: postmaster@qq.com\r\nSubject: 关于您的邮件被退回的说明\r\n", "bounce"),
        ("From: postmaster@x.cn\r\nSubject: Delivery failure\r\n", "bounce"),
        (PERSON + "List-Id: <sales.firm.cn>\r\n", "list"),
        (PERSON + "List-Post: <mailto:l@firm.cn>\r\n", "list"),
        (PERSON + "Precedence: Bulk\r\n", "list"),
        (PERSON + "Precedence: junk\r\n", "list"),
        (PERSON + "X-Zuozhen-Notice: 1\r\nAuto-Submitted: auto-generated\r\n", "own"),
    ],
)
def test_automatic(head: str, kind: str) -> None:
    """Each mark of a machine gives its kind, and says on what it rests."""
    found = classify(head)
    assert found
    assert found.kind == kind
    assert found.evidence


@pytest.mark.parametrize(
    "head",
    [
        PERSON,
        PERSON + "Auto-Submitted: no\r\n",
        PERSON + "Return-Path: <z@firm.cn>\r\n",
        PERSON + "List-Unsubscribe: <mailto:u@firm.cn>\r\n",
        PERSON + "X-Auto-Response-Suppress: All\r\n",
        PERSON + "Precedence: normal\r\n",
        PERSON + "Subject: 回复：自动回复：您的来件已收到\r\n",
        PERSON + "Subject: 自动回复功能乱扣费，要求退款\r\n",
        PERSON + "Subject: 邮政快递投递失败不退件，无法投递\r\n",
        PERSON + "Subject: 请退回保证金\r\n",
        PERSON + "Subject: 转发：系统退信\r\n",
        "From: postmaster@smallfirm.cn\r\nSubject: 关于退回保证金的诉求\r\n",
        "From: 邮政管理 <post@firm.cn>\r\nSubject: 包裹未收到\r\n",
    ],
)
def test_person(head: str) -> None:
    """Words of a complaint, a firm's only mailbox, or marks that every server adds make no letter automatic."""
    assert classify(head) is None


@pytest.mark.parametrize(("envelope_from", "kind"), [("", "bounce"), ("z@firm.cn", None), (None, None)])
def test_envelope(envelope_from: str | None, kind: str | None) -> None:
    """The null sender that the door saw counts; no door, no envelope, no verdict."""
    found = classify(PERSON, envelope_from=envelope_from)
    assert (found.kind if found else None) == kind


def test_delivery_status_without_report() -> None:
    """A delivery status in a plain multipart/mixed is a bounce; the same inside a mail that a person forwards is not."""
    status = (
        'Content-Type: multipart/mixed; boundary="s"\r\n\r\n--s\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n--s--\r\n'
    )
    bounce = classify(PERSON, status)
    assert bounce
    assert bounce.kind == "bounce"
    forward = f'Content-Type: multipart/mixed; boundary="f"\r\n\r\n--f\r\nContent-Type: message/rfc822\r\n\r\n{PERSON}{status}\r\n--f--\r\n'
    assert classify(PERSON, forward) is None


@pytest.mark.parametrize("marker", ["Subject: 自动回复：x\r\n", "Subject: Re: x\r\n"])
def test_null_sender_of_an_auto_reply(marker: str) -> None:
    """A null sender is a bounce only where nothing says that it is an auto-reply."""
    found = classify(PERSON + marker, envelope_from="")
    assert found
    assert found.kind == ("auto-reply" if "自动" in marker else "bounce")

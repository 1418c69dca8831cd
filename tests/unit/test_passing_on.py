"""A mail that goes on to others carries no token of its author's, wherever a client put it; all else stays as it was."""

from __future__ import annotations

import base64
import email
import email.policy
from email.message import EmailMessage

import pytest

from channels.mime import read_letter
from channels.passing_on import without_tokens
from store import tokens

MARK = "0123456789abcdef0123456789abcdef"
MESSAGE_ID = f"{MARK}.assign@gov.example"
SHOWN = tokens.shown(MESSAGE_ID)
LETTERS = SHOWN[3:-1]
TEXT = f"已解决。\n\n------------------ 原始邮件 ------------------\n发件人: 坐诊接诉\n主题: 交办{SHOWN}\n\n请贵单位办理。\n"


def reply(charset: str = "utf-8", encoding: str = "base64", *, html: bool = False) -> bytes:
    """Return an answer as a client writes it that brings the token back in every place."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "dnhh@gov.example"
    message["To"] = tokens.reply_address(MESSAGE_ID, "zuozhen@gov.example")
    message["Subject"] = f"回复：交办 CG-2024-00012{SHOWN}"
    message["In-Reply-To"] = message["References"] = f"<{MESSAGE_ID}>"
    message.set_content(TEXT, charset=charset, cte=encoding)
    if html:
        message.add_alternative(f"<p>已解决</p><blockquote>{TEXT}</blockquote>", subtype="html", charset=charset, cte=encoding)
    message.add_attachment(b"\x00\x01" * 300, maintype="application", subtype="pdf", filename="附件4.pdf")
    return bytes(message)


def seen(raw: bytes) -> str:
    """Return all that a recipient can see or bring back: heads and texts, decoded."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    texts = [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*(f"{name}: {value}" for name, value in message.items()), *texts])


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_nothing_of_a_token_goes_on(charset: str, encoding: str, *, html: bool) -> None:
    """Neither the Message-ID nor the letters are left, in any charset or encoding; words, file and structure are."""
    raw = reply(charset, encoding, html=html)
    assert LETTERS in seen(raw)
    passed = without_tokens(raw)
    shown = seen(passed).upper()
    assert LETTERS not in shown
    assert MARK.upper() not in shown
    before, after = read_letter(raw, envelope_from="x@y.example"), read_letter(passed, envelope_from="x@y.example")
    assert after.letter.subject == "回复：交办 CG-2024-00012"
    assert after.letter.text == before.letter.text.replace(LETTERS, "X" * 26)
    assert after.letter.attachments == before.letter.attachments
    assert after.letter.in_reply_to == (MESSAGE_ID.replace(MARK, "0" * 32),)


@pytest.mark.parametrize("encoding", ["7bit", "base64"])
def test_mail_in_a_mail(encoding: str) -> None:
    """A mail forwarded as an attachment is struck too, as it lies or in base64."""
    inner = reply()
    head = "From: a@b.example\r\nSubject: fw\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=AAAABBBBCCCCDDDDEEEEFFFFGG\r\n\r\n"
    body = inner.decode() if encoding == "7bit" else base64.encodebytes(inner).decode().replace("\n", "\r\n")
    part = f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n"
    raw = f"{head}--AAAABBBBCCCCDDDDEEEEFFFFGG\r\n{part}--AAAABBBBCCCCDDDDEEEEFFFFGG--\r\n".encode()
    letter = read_letter(without_tokens(raw), envelope_from="x@y.example").letter
    assert "已解决" in letter.text
    assert LETTERS not in letter.text
    assert MARK not in letter.text


def test_ordinary_mail_stays_as_it_is() -> None:
    """A mail without a token is passed on byte for byte, so that its signature holds."""
    raw = reply().replace(MESSAGE_ID.encode(), b"1@enterprise.example")
    message = EmailMessage()
    message["Subject"] = "关于预冷库的反映"
    message.set_content("回执已经收到")
    plain = bytes(message)
    assert without_tokens(plain) is plain
    assert without_tokens(raw) != raw


def test_hostile_mail() -> None:
    """What no reader takes apart is struck as it lies."""
    raw = b"Subject: x\n\n" + b"--\n--a\n" * 600_000 + MARK.encode() + b".assign@gov.example"
    assert MARK.encode() not in without_tokens(raw)

"""How the mail programs of our enterprises write a mail: knows their charsets, encodings, header lines and HTML, and nothing of the samples."""

from __future__ import annotations

import base64
import hashlib
import quopri
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape

_LINE = 45  # octets in one encoded word: 60 signs of base64 and the frame, below 75 (RFC 2047 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One attached file."""

    name: str
    content_type: str
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person writes, before a program makes a mail of it."""

    sender_name: str
    sender: str
    to_name: str
    to: str
    subject: str
    date: datetime
    text: str
    headers: tuple[str, ...] = ()
    in_reply_to: str = ""
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The habits of one program. `label` is the charset it declares, `codec` the one it really uses."""

    codec: str
    label: str
    transfer: str  # "base64", "quoted-printable" or "8bit"
    bodies: tuple[str, ...]  # "plain", "html"; several make multipart/alternative
    message_id: str = ""  # "" : the program sets none
    mailer: tuple[str, ...] = ()  # header lines in its own words
    page: str = "{lines}"
    line: str = "<div>{line}</div>"
    boundary: str = "----=_Part_{h:.8}"
    is_mime: bool = True  # False: raw 8 bit header and body, undeclared


CLIENTS: Mapping[str, Client] = {
    "qq": Client(
        codec="gb18030",
        label="gb18030",
        transfer="base64",
        bodies=("plain", "html"),
        message_id="tencent_{H:.32}@{domain}",
        mailer=("X-QQ-mid: webmail7t{h:.10}", "X-Priority: 3", "X-Mailer: QQMail 2.x"),
        boundary="----=_NextPart_{H:.8}_{H:.8}_{H:.8}",
    ),
    "qq-html": Client(
        codec="gb18030",
        label="gb18030",
        transfer="base64",
        bodies=("html",),
        message_id="tencent_{H:.32}@{domain}",
        mailer=("X-QQ-mid: xmseza28t{h:.10}", "X-Mailer: QQMail 2.x"),
        page='<meta http-equiv="Content-Type" content="text/html; charset=GB18030">{lines}',
        line='<div style="font-family: &quot;Microsoft YaHei&quot;;">{line}</div>',
    ),
    "netease": Client(
        codec="gbk",
        label="GBK",
        transfer="base64",
        bodies=("html",),
        message_id="{h:.8}.{h:.4}.{h:.11}.Coremail.{local}@{domain}",
        mailer=("X-Priority: 3", "X-Mailer: Coremail Webmail Server Version XT6.0.5 Copyright (c) 2002-2026 www.mailtech.example"),
        page='<div style="line-height:1.7;color:#000000;font-size:14px;font-family:Arial">{lines}</div>',
        line='<div style="margin:0;">{line}</div>',
    ),
    "foxmail": Client(
        codec="gb18030",
        label="gb2312",
        transfer="base64",
        bodies=("plain", "html"),
        message_id="{date:%Y%m%d%H%M%S}{n:.9}@{domain}",
        mailer=("X-Priority: 3", "X-Has-Attach: no", "X-Mailer: Foxmail 7.2.25.492[cn]"),
        page='<html><head><meta http-equiv="content-type" content="text/html; charset=gb2312"><style>body{{line-height:1.5}}</style></head>'
        "<body>{lines}</body></html>",
        boundary="----=_001_NextPart{n:.12}_=----",
    ),
    "outlook": Client(
        codec="utf-8",
        label="utf-8",
        transfer="quoted-printable",
        bodies=("plain", "html"),
        message_id="{h:.12}${h:.8}${h:.8}@{domain}",
        mailer=("X-Mailer: Microsoft Outlook 16.0", "Thread-Index: Adz{h:.18}==", "Content-Language: zh-cn"),
        page="<html><head><style>p.MsoNormal {{margin:0cm;}}</style></head><body lang=ZH-CN><div class=WordSection1>{lines}</div></body></html>",
        line="<p class=MsoNormal><span lang=ZH-CN>{line}<o:p></o:p></span></p>",
        boundary="----=_NextPart_000_{H:.4}_{H:.8}.{H:.8}",
    ),
    "iphone": Client(
        codec="utf-8",
        label="utf-8",
        transfer="base64",
        bodies=("plain",),
        message_id="{H:.8}-{H:.4}-4{H:.3}-A{H:.3}-{H:.12}@{domain}",
        mailer=("X-Mailer: iPhone Mail (23B85)", "Mime-Version: 1.0 (1.0)"),
        boundary="Apple-Mail-{H:.8}",
    ),
    "legacy": Client(codec="gbk", label="", transfer="8bit", bodies=("plain",), is_mime=False),
}


def message_id(client: Client, sender: str, date: datetime, name: str) -> str:
    """Return the Message-ID without brackets, the same at every call for one *name*; "" where the program sets none."""
    local, _, domain = sender.partition("@")
    return client.message_id.format(**_marks(name), local=local, domain=domain, date=date)


def compose(client: Client, draft: Draft, name: str) -> bytes:
    """Return *draft* as the RFC 5322 octets that *client* would send; *name* makes boundaries and Message-ID."""
    identity = message_id(client, draft.sender, draft.date, name)
    header = [
        b"Date: " + format_datetime(draft.date).encode(),
        b"From: " + _words(client, draft.sender_name, '"') + f" <{draft.sender}>".encode(),
        b"To: " + _words(client, draft.to_name, '"') + f" <{draft.to}>".encode(),
        b"Subject: " + _words(client, draft.subject),
        *([f"Message-ID: <{identity}>".encode()] if identity else []),
        *([f"In-Reply-To: <{draft.in_reply_to}>\r\nReferences: <{draft.in_reply_to}>".encode()] if draft.in_reply_to else []),
        *(line.format(**_marks(name)).encode() for line in (*client.mailer, *draft.headers)),
    ]
    if not client.is_mime:
        return b"\r\n".join(header) + b"\r\n\r\n" + _crlf(draft.text).encode(client.codec)
    if not any(line.lower().startswith(b"mime-version") for line in header):
        header.append(b"MIME-Version: 1.0")
    return b"\r\n".join(header) + b"\r\n" + _content(client, draft, name)


def _content(client: Client, draft: Draft, name: str) -> bytes:
    """Return the content headers and the body, with their parts."""
    bodies = [_body(client, kind, draft.text) for kind in client.bodies]
    boundary = client.boundary.format(**_marks(name))
    content = bodies[0] if len(bodies) == 1 else _multipart("alternative", boundary + "A", bodies)
    return _multipart("mixed", boundary, [content, *(_attachment(client, file) for file in draft.files)]) if draft.files else content


def _body(client: Client, kind: str, text: str) -> bytes:
    if kind == "html":
        lines = "".join(client.line.format(line=escape(line) or "<br>") for line in text.split("\n"))
        text = client.page.format(lines=lines)
    head = f'Content-Type: text/{kind}; charset="{client.label}"\r\nContent-Transfer-Encoding: {client.transfer}\r\n\r\n'
    octets = _crlf(text).encode(client.codec)
    return head.encode() + (_base64(octets) if client.transfer == "base64" else _quoted(octets))


def _attachment(client: Client, file: File) -> bytes:
    head = b"Content-Type: " + file.content_type.encode() + b"; name=" + _words(client, file.name, '"')
    head += b"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=" + _words(client, file.name, '"')
    return head + b"\r\n\r\n" + _base64(file.octets)


def _multipart(kind: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    line = b"--" + boundary.encode()
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\nThis is a multi-part message in MIME format.\r\n'
    return head.encode() + b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def _words(client: Client, text: str, quote: str = "") -> bytes:
    """Return *text* for a header: encoded words (RFC 2047), within *quote* as these programs like it, or raw 8 bit."""
    if not client.is_mime:
        return text.encode(client.codec)
    chunks, chunk = [], b""
    for letter in text:
        octets = letter.encode(client.codec)
        if len(chunk) + len(octets) > _LINE:
            chunks.append(chunk)
            chunk = b""
        chunk += octets
    words = (b"=?%s?B?%s?=" % (client.label.encode(), base64.b64encode(piece)) for piece in (*chunks, chunk))
    return quote.encode() + b"\r\n ".join(words) + quote.encode()


def _base64(octets: bytes) -> bytes:
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _quoted(octets: bytes) -> bytes:
    return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def _marks(name: str) -> dict[str, str]:
    """Return what makes one mail's ids its own: hex digits in both cases, and decimal ones."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {"h": digest, "H": digest.upper(), "n": str(int(digest, 16))}

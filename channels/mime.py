"""A raw mail to a `Letter` and its files: reads what strangers send, within limits, and says what it had to guess or leave out.

Whatever the bytes, the only exception is MalformedMessageError. Runs in the reader's child process (`channels.reader`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from channels.attachments import display_name
from channels.authentication import found_by
from channels.automatic import classify
from channels.bodies import file_name, read_bodies, tidy
from channels.bounce import read_bounce
from channels.charset import decode
from channels.headers import Head, addresses, clean_line, date_of, message_ids
from channels.identity import bare_message_id, content_start
from channels.structure import Limits, Part, split
from channels.transfer import unpack
from store.errors import MalformedMessageError
from store.model.letter import Address, Attachment, Letter

_MAX_DOUBTS = 30
_MAX_LINE = 2_000  # code points of a subject
_NO_TEXT = (b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\xff\xd8\xff", b"\x89PNG")
_USUAL = frozenset({"ascii", "utf_8", "gb18030", "utf_16"})  # what a text file may be in without a word about it
_UNOPENED = {
    "application/ms-tnef": "附件 {} 是 Outlook 专用封装（winmail.dat），未展开，请在原件中查看",
    "application/pkcs7-mime": "附件 {} 是加密或签名封装，内容未读，请在原件中查看",
    "application/x-pkcs7-mime": "附件 {} 是加密或签名封装，内容未读，请在原件中查看",
    "application/pgp-encrypted": "附件 {} 表明邮件已加密，内容未读，请在原件中查看",
}

__all__ = ["DEFAULT_LIMITS", "LetterParts", "Limits", "read_letter", "text_letter"]

DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterParts:
    """A letter and the bytes of its attachments by sha256 (hex)."""

    letter: Letter
    blobs: Mapping[str, bytes]


def read_letter(raw: bytes, limits: Limits = DEFAULT_LIMITS, *, envelope_from: str | None = None, server: str = "") -> LetterParts:
    """Read the mail *raw*.

    *envelope_from* is MAIL FROM as the door saw it ("" is the null sender), None where no door saw one. *server* is the mail
    server in front of us whose findings about the sender count. Raises MalformedMessageError (Chinese, what and where) where a limit is
    passed or there is nothing to read.
    """
    if len(raw) > limits.size:
        raise MalformedMessageError(f"邮件有 {len(raw)} 字节，超过上限 {limits.size} 字节")
    if not raw.strip(b" \t\r\n\0"):
        raise MalformedMessageError("邮件是空的，没有任何内容")
    parts = split(content_start(raw), limits)
    reading = read_bodies(parts)
    doubts = list(reading.doubts)
    files, blobs = _files(reading.files, doubts)
    text = _capped(reading.text, limits.text, doubts)
    letter = _letter(parts[0].head, text, files, doubts, limits)
    kinds = {part.kind for part in parts if part.depth <= 1}
    automatic = classify(parts[0].head, kinds, letter.sender, letter.subject, envelope_from)
    bounce = read_bounce(raw, parts, letter, automatic)
    authentication = found_by(server, parts[0].head, letter.sender) if server else None
    letter = replace(letter, automatic=automatic, bounce=bounce, authentication=authentication)
    return LetterParts(letter=letter, blobs=blobs)


def text_letter(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> LetterParts:
    """Read *raw* as the plain text of a letter or of what was noted at the window: no headers, no files.

    Raises MalformedMessageError where it is too large, empty, or not text.
    """
    if len(raw) > limits.size:
        raise MalformedMessageError(f"文本有 {len(raw)} 字节，超过上限 {limits.size} 字节")
    decoded = decode(raw[: limits.text * 4])
    if raw.startswith(_NO_TEXT) or (b"\0" in raw and decoded.codec[:4] != "utf_"):
        raise MalformedMessageError("不是文本文件；请另存为 UTF-8 或 GB18030 编码的 .txt 再录入")
    text = tidy(decoded.text).strip("\n")
    if not text.strip():
        raise MalformedMessageError("文件里没有文字")
    doubts = [] if decoded.codec in _USUAL else [decoded.doubt]
    return LetterParts(letter=_letter(Head({}, ""), _capped(text, limits.text, doubts), (), doubts, limits), blobs={})


def _letter(head: Head, text: str, files: Sequence[Attachment], doubts: list[str], limits: Limits) -> Letter:
    sender = next((found[0] for name in ("from", "sender") for value in head.values(name) if (found := addresses(value, 1))), None)
    subject = head.words("subject")[:_MAX_LINE]
    to = _recipients(head, limits.addresses, doubts)
    if head.fields and sender is None:
        doubts.append("发件人栏缺失或没有可用的邮箱地址")
    if head.hint:
        doubts.append(f"信头含未编码的字符，按 {head.hint} 解读")
    return Letter(
        message_id=bare_message_id(head.fields.get("message-id", (b"",))[0]),
        in_reply_to=message_ids(" ".join(head.values("in-reply-to"))),
        references=message_ids(" ".join(head.values("references"))),
        sender=sender,
        reply_to=_first_address(head, "reply-to"),
        to=to,
        subject=subject,
        date=date_of(head.first("date")),
        text=text,
        attachments=tuple(files),
        automatic=None,
        doubts=tuple(dict.fromkeys(clean_line(doubt) for doubt in doubts))[:_MAX_DOUBTS],
    )


def _first_address(head: Head, name: str) -> Address | None:
    return next(iter(addresses(head.first(name), 1)), None)


def _recipients(head: Head, limit: int, doubts: list[str]) -> tuple[Address, ...]:
    """Return the first *limit* addresses of To and Cc; what stands behind is counted, not parsed."""
    values = [*head.values("to"), *head.values("cc")]
    count = sum(value.count("@") for value in values)
    if count > limit:
        doubts.append(f"收件人约有 {count} 个，只读前 {limit} 个")
    return addresses(",".join(values), limit)


def _capped(text: str, limit: int, doubts: list[str]) -> str:
    if len(text) <= limit:
        return text
    doubts.append(f"正文有 {len(text)} 字，只保留前 {limit} 字")
    return text[:limit]


def _files(parts: Sequence[Part], doubts: list[str]) -> tuple[list[Attachment], dict[str, bytes]]:
    files: list[Attachment] = []
    blobs: dict[str, bytes] = {}
    taken: set[str] = set()
    for part in parts:
        content, odd = unpack(part.body, part.encoding)
        given = file_name(part)
        if not content and not given:
            continue
        name = display_name(given, part.kind, taken)
        taken.add(name)
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        files.append(Attachment(name=name, content_type=part.kind, size=len(content), sha256=digest))
        unopened = _UNOPENED["application/ms-tnef"] if name.lower() == "winmail.dat" else _UNOPENED.get(part.kind)
        doubts += [unopened.format(name)] if unopened else []
        doubts += [f"附件 {name}：{odd}"] if odd else []
    return files, blobs

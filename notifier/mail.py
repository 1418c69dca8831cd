"""Turns a queued notice into the bytes of one mail (RFC 5322), the same bytes each time. Knows no transport and no wording.

Decided here:

* **The original travels as a file, not as message/rfc822.** RFC 2046 5.2.1 allows such a part no base64, so an original with 8-bit bytes or
  long lines would have to be rewritten, and its signature (DKIM) would break. Several clients also show it inline, remote pictures and all,
  as if it belonged to our letter. As `原始来件.eml` in base64 it is byte-exact, is never shown unasked, and opens with a double click in
  Outlook and Foxmail and by preview in QQ mail.
* **The envelope sender is the district's own address**, also for mail to enterprises, where RFC 3834 would like `<>`: Chinese relays take
  mail only from the address that logged in, and a bounce tells us that an enterprise was not reached. Loops are prevented by not answering
  automatic mail, by `Auto-Submitted`, by our own mark `X-Zuozhen`, and by the caps per address.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from email.utils import format_datetime
from types import MappingProxyType

from notifier import headers
from notifier.enclosures import NOTHING, Enclosed
from notifier.headers import one_line
from notifier.pictures import content_id, shown_in
from store import tokens
from store.errors import DeliveryRefusedError
from store.model.letter import Address
from store.model.notice import Purpose, QueuedNotice
from store.page_files import ending_of

_TO_ENTERPRISE = frozenset({Purpose.ACKNOWLEDGE, Purpose.SUPPLEMENT, Purpose.REFERRAL})
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,200}@[!-;=?-~]{1,200}")  # printable ASCII but angle brackets; with its header within 998 octets
_HEADER_LINE = re.compile(rb"(?:From |[!-9;-~]{1,76}:)")
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|]')
_ENDING = re.compile(r"[A-Za-z0-9]{1,8}")
_OFFICE = "application/vnd.openxmlformats-officedocument"
_TYPES = {
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "ics": 'text/calendar; charset="utf-8"; method=PUBLISH',  # RFC 6047 2.4
}
_BODY_END = "</body>"
_LINE = 76  # columns of base64 (RFC 2045 6.8)
_MIB = 1 << 20
_MAX_NAME, _MAX_FILE_NAME = 80, 60  # code points


def build(  # noqa: PLR0913 - what one mail is made of
    queued: QueuedNotice,
    *,
    sender: Address,
    original: bytes | None,
    max_original: int,
    original_name: str = "",
    pictures: Mapping[str, bytes] = MappingProxyType({}),
    enclosed: Enclosed = NOTHING,
    plus_address: bool = False,
) -> bytes:
    """Return the mail for *queued*, from *sender*, in CRLF lines of ASCII.

    *original* is attached as *original_name* (by default 原始来件.eml for a mail, .tif, .pdf … for a fax, .txt for a text); where it is longer
    than *max_original* bytes or not there though the notice wants it, a line says so instead. *pictures* are those its page shows, PNG by
    SHA-256; *enclosed* are its files, and a line names those that could not be made. Whoever may act by answering (`office`) finds his token in the subject too, and with *plus_address* in the address to reply to;
    a token that came in with what the notice tells is left out. Raises DeliveryRefusedError where the notice's address or Message-ID cannot stand in a header.
    """
    missing = _missing_original(queued, original, max_original)
    attached = [_file(content, _file_name(name)) for name, content in enclosed.files]
    if original is not None and queued.notice.attach_original and not missing:
        attached.append(_file(original, _file_name(original_name or name_of_original(original))))
    note = missing + _missing_files(enclosed.missing)
    page = _text("html", tokens.removed(_with_note(queued.notice.html, note)))
    if shown := [_picture(sha256, pictures[sha256]) for sha256 in shown_in(queued.notice.html) if sha256 in pictures]:
        page = _multipart("related", [page, *shown], _boundary(queued, 2))
    texts = [_text("plain", tokens.removed(queued.notice.text + note)), page]
    body = _multipart("alternative", texts, _boundary(queued, int(bool(attached))))
    if attached:
        body = _multipart("mixed", [body, *attached], _boundary(queued, 0))
    return "".join(_head(queued, sender, plus_address=plus_address)).encode("ascii") + body


def _head(queued: QueuedNotice, sender: Address, *, plus_address: bool) -> Iterator[str]:
    notice = queued.notice
    token = queued.message_id if notice.office else ""
    yield _mailbox("From", sender)
    yield _mailbox("To", notice.to)
    if plus_address and token:
        yield _mailbox("Reply-To", Address(name=sender.name, address=tokens.reply_address(token, sender.address)))
    yield headers.words("Subject", tokens.removed(notice.subject) + tokens.shown(token))
    yield headers.token("Date", format_datetime(queued.created_at))
    yield headers.token("Message-ID", _angled(queued.message_id))
    if _MESSAGE_ID.fullmatch(notice.reply_to_message):  # a stranger's; what cannot stand in a header is left out
        yield headers.token("In-Reply-To", f"<{notice.reply_to_message}>")
        yield headers.token("References", f"<{notice.reply_to_message}>")
    yield headers.token("Auto-Submitted", "auto-replied" if notice.purpose in _TO_ENTERPRISE else "auto-generated")  # RFC 3834 5
    yield headers.token("X-Auto-Response-Suppress", "All")  # Exchange
    yield headers.words("X-Zuozhen", f"{queued.district}; {queued.case_number}; {notice.purpose.value}")
    yield headers.token("MIME-Version", "1.0")


def _mailbox(name: str, address: Address) -> str:
    if not _ADDRESS.fullmatch(address.address):
        raise DeliveryRefusedError(f"邮箱地址“{one_line(address.address)[:_MAX_NAME]}”不能用于发信，请核对")
    return headers.mailbox(name, one_line(address.name)[:_MAX_NAME], address.address)


def _angled(message_id: str) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise DeliveryRefusedError("邮件标识（Message-ID）不合规范，无法发出")
    return f"<{message_id}>"


def _missing_original(queued: QueuedNotice, original: bytes | None, max_original: int) -> str:
    """Return the line that stands for an original which is not attached, "" where nothing is missing."""
    if not queued.notice.attach_original:
        return ""
    if original is None:
        return "\n【附件说明】原始来件未能附上，如需查阅，请回复本邮件索取。\n"
    if len(original) > max_original:
        return f"\n【附件说明】原始来件较大（{len(original) / _MIB:.1f} MB），未随本邮件附上，如需查阅，请回复本邮件索取。\n"
    return ""


def _missing_files(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"\n【附件说明】{'、'.join(names)}未能附上：本区规则包里已没有这张表格，请向统筹部门索取。\n"


def _with_note(page: str, note: str) -> str:
    if not note:
        return page
    before, end, after = page.rpartition(_BODY_END)
    paragraph = f'<p style="padding:0 24px;">{html.escape(note.strip())}</p>\n'
    return f"{before}{paragraph}{end}{after}" if end else page + paragraph


def name_of_original(original: bytes) -> str:
    """Return what a file with the bytes of an arrival is called: 原始来件, and an ending by what it is."""
    return f"原始来件.{ending_of(original) or ('eml' if is_mail(original) else 'txt')}"


def is_mail(original: bytes) -> bool:
    """Say whether the bytes of an arrival are those of a mail."""
    return bool(_HEADER_LINE.match(original))


def _file_name(name: str) -> str:
    """Return a name that is a file's name on every system, its ending kept."""
    stem, _, ending = one_line(name).rpartition(".")
    if not stem or not _ENDING.fullmatch(ending):
        stem, ending = one_line(name), ""
    safe = _NOT_IN_NAMES.sub("_", stem)[:_MAX_FILE_NAME]
    return f"{safe}.{ending}" if ending else safe


def _text(subtype: str, text: str) -> bytes:
    """Return a part of the letter itself; its lines end in CRLF inside the base64 too (RFC 2046 4.1.1)."""
    lines = b"".join(line + b"\r\n" for line in text.encode().splitlines())
    return _part(f'text/{subtype}; charset="utf-8"', "", lines)


def _file(content: bytes, name: str) -> bytes:
    """Return the part that holds a file byte for byte. A text says in which encoding it is, so that a client can show it."""
    ending = name.rpartition(".")[2]
    kind = f'text/plain; charset="{_charset(content)}"' if ending == "txt" else _TYPES.get(ending, "application/octet-stream")
    return _part(kind, headers.attached(name), content)


def _picture(sha256: str, content: bytes) -> bytes:
    """Return the part that holds a picture of the page (RFC 2387, 2392)."""
    more = f"Content-ID: <{content_id(sha256)}>\r\nContent-Disposition: inline\r\n"
    return _part("image/png", more, content)


def _part(kind: str, more: str, content: bytes) -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n{more}\r\n"
    return head.encode("ascii") + _base64(content)


def _multipart(subtype: str, parts: list[bytes], boundary: str) -> bytes:
    """Return *parts*, each with its own head and a line end behind it, as one entity with its Content-Type."""
    mark = f"--{boundary}".encode("ascii")
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode("ascii")
    return head + b"".join(mark + b"\r\n" + part for part in parts) + mark + b"--\r\n"


def _boundary(queued: QueuedNotice, number: int) -> str:
    """Draw a boundary from the Message-ID, so that building twice gives the same bytes. `=_` cannot occur in base64."""
    return f"=_{hashlib.sha256(f'{queued.message_id}/{number}'.encode()).hexdigest()[:40]}"


def _base64(content: bytes) -> bytes:
    """Return *content* in lines of base64; `base64.encodebytes`, line by line, would be ten times slower."""
    text = base64.b64encode(content)
    return b"".join(text[start : start + _LINE] + b"\r\n" for start in range(0, len(text), _LINE))


def _charset(text: bytes) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"

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

import hashlib
import html
import re
import unicodedata
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from store.errors import DeliveryRefusedError
from store.model import Address, Purpose, QueuedNotice

_TO_ENTERPRISE = frozenset({Purpose.ACKNOWLEDGE, Purpose.SUPPLEMENT, Purpose.REFERRAL})
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,200}@[!-;=?-~]{1,200}")  # printable ASCII but angle brackets; what a header can carry
_HEADER_LINE = re.compile(rb"(?:From |[!-9;-~]{1,76}:)")
_UNFOLDED = frozenset({"message-id", "in-reply-to", "references"})  # at most 420 octets here, of the 998 that RFC 5322 2.1.1 allows
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|]')
_ENDING = re.compile(r"[A-Za-z0-9]{1,8}")
_BODY_END = "</body>"
_MIB = 1 << 20
_MAX_NAME, _MAX_FILE_NAME = 80, 60  # code points


class _Policy(EmailPolicy):
    """`email.policy.SMTP`, except that headers of one long word stay whole: it would fold them by encoding, and no thread would be found again."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _UNFOLDED:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


def build(queued: QueuedNotice, *, sender: Address, original: bytes | None, max_original: int, original_name: str = "") -> bytes:
    """Return the mail for *queued*, from *sender*, in CRLF lines of ASCII.

    *original* is attached as *original_name* (by default 原始来件.eml for a mail, .txt for a text); where it is longer than *max_original*
    bytes or not there though the notice wants it, a line says so instead. Raises DeliveryRefusedError where the notice's address or
    Message-ID cannot stand in a header.
    """
    note = _missing_original(queued, original, max_original)
    message = EmailMessage(policy=_Policy(linesep="\r\n"))
    _head(message, queued, sender)
    message.set_content(queued.notice.text + note, cte="base64")
    message.add_alternative(_with_note(queued.notice.html, note), subtype="html", cte="base64")
    if original is not None and queued.notice.attach_original and not note:
        _attach(message, original, _file_name(original_name or _default_name(original)))
    _fix_boundaries(message, queued.message_id)
    return message.as_bytes()


def _head(message: EmailMessage, queued: QueuedNotice, sender: Address) -> None:
    notice = queued.notice
    message["From"] = _header_address(sender)
    message["To"] = _header_address(notice.to)
    message["Subject"] = _one_line(notice.subject)
    message["Date"] = format_datetime(queued.created_at)
    message["Message-ID"] = _angled(queued.message_id)
    if _MESSAGE_ID.fullmatch(notice.reply_to_message):  # a stranger's; what cannot stand in a header is left out
        message["In-Reply-To"] = message["References"] = f"<{notice.reply_to_message}>"
    message["Auto-Submitted"] = "auto-replied" if notice.purpose in _TO_ENTERPRISE else "auto-generated"  # RFC 3834 5
    message["X-Auto-Response-Suppress"] = "All"  # Exchange
    message["X-Zuozhen"] = _one_line(f"{queued.district}; {queued.case_number}; {notice.purpose.value}")


def _header_address(address: Address) -> HeaderAddress:
    if not _ADDRESS.fullmatch(address.address):
        raise DeliveryRefusedError(f"邮箱地址“{_one_line(address.address)[:_MAX_NAME]}”不能用于发信，请核对")
    return HeaderAddress(display_name=_one_line(address.name)[:_MAX_NAME], addr_spec=address.address)


def _angled(message_id: str) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise DeliveryRefusedError("邮件标识（Message-ID）不合规范，无法发出")
    return f"<{message_id}>"


def _one_line(text: str) -> str:
    """Return *text* without line breaks or other controls: nothing can begin a header of its own."""
    return " ".join("".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} else char for char in text).split())


def _missing_original(queued: QueuedNotice, original: bytes | None, max_original: int) -> str:
    """Return the line that stands for an original which is not attached, "" where nothing is missing."""
    if not queued.notice.attach_original:
        return ""
    if original is None:
        return "\n【附件说明】原始来件未能附上，如需查阅，请回复本邮件索取。\n"
    if len(original) > max_original:
        return f"\n【附件说明】原始来件较大（{len(original) / _MIB:.1f} MB），未随本邮件附上，如需查阅，请回复本邮件索取。\n"
    return ""


def _with_note(page: str, note: str) -> str:
    if not note:
        return page
    before, end, after = page.rpartition(_BODY_END)
    paragraph = f'<p style="padding:0 24px;">{html.escape(note.strip())}</p>\n'
    return f"{before}{paragraph}{end}{after}" if end else page + paragraph


def _default_name(original: bytes) -> str:
    return "原始来件.eml" if _HEADER_LINE.match(original) else "原始来件.txt"


def _file_name(name: str) -> str:
    """Return a name that is a file's name on every system, its ending kept."""
    stem, _, ending = _one_line(name).rpartition(".")
    if not stem or not _ENDING.fullmatch(ending):
        stem, ending = _one_line(name), ""
    safe = _NOT_IN_NAMES.sub("_", stem)[:_MAX_FILE_NAME]
    return f"{safe}.{ending}" if ending else safe


def _attach(message: EmailMessage, original: bytes, name: str) -> None:
    """Add *original* byte for byte. A text says in which encoding it is, so that a client can show it."""
    if name.endswith(".txt"):
        message.add_attachment(original, maintype="text", subtype="plain", filename=name, params={"charset": _charset(original)})
    else:
        message.add_attachment(original, maintype="application", subtype="octet-stream", filename=name)


def _charset(text: bytes) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _fix_boundaries(message: EmailMessage, message_id: str) -> None:
    """Draw the boundaries from the Message-ID, so that building twice gives the same bytes. `=_` cannot occur in base64."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{hashlib.sha256(f'{message_id}/{number}'.encode()).hexdigest()[:40]}")

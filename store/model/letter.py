"""A mail or a text made readable, nothing interpreted yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One mail address as it stood in a header: display name (may be "") and the address itself, lower-cased domain."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attached file. The sender's name is shown, never used as a path; the bytes are kept under `sha256`."""

    name: str
    content_type: str
    size: int  # bytes
    sha256: str  # hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Automatic:
    """Why a mail counts as automatic: `kind` is "auto-reply", "bounce", "list" or "own"; `evidence` is the header or address."""

    kind: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What a report says of a mail that was not delivered (RFC 3464, or free words of a provider).

    `is_permanent` is False where the reporting server still tries. `messages` are Message-IDs, the first the likeliest, by which the failed
    mail may be known; what they say is a stranger's claim.
    """

    is_permanent: bool
    recipient: str  # "" where the report does not say
    status: str  # "5.1.1"; "" where the report does not say
    words: str  # of the server that refused, one line
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and ARC (RFC 8617) say of the domain in From, in the words of RFC 8601.

    "" where it was not looked at, or nothing concerns that domain; `by` is the server that has looked.
    """

    spf: str = ""
    dkim: str = ""
    dmarc: str = ""
    arc: str = ""
    by: str = ""

    @property
    def is_refuted(self) -> bool:
        """Whether the mail was shown not to come from where it says."""
        if self.dmarc in {"pass", "fail"}:
            return self.dmarc == "fail"
        return not {"pass", "temperror"} & {self.spf, self.dkim} and "fail" in (self.spf, self.dkim)

    @property
    def is_confirmed(self) -> bool:
        """Whether the mail was shown to come from where it says."""
        return self.dmarc == "pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail (or a text) made readable: headers decoded, body as text, nothing interpreted yet.

    `text` is the body as a person would read it (HTML turned into text, nested messages appended below a divider line).
    `doubts` are notes in Chinese on what had to be guessed (undeclared charset, broken MIME, parts left out). What comes by another way than
    mail has few of these.
    """

    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    sender: Address | None = None
    reply_to: Address | None = None
    to: tuple[Address, ...] = ()
    subject: str = ""
    date: datetime | None = None
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    automatic: Automatic | None = None
    doubts: tuple[str, ...] = ()
    bounce: Bounce | None = None
    authentication: Authentication | None = None  # None where nobody whom we trust has looked

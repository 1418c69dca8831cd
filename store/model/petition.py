"""What an enterprise asks, as read from one arrival, each field with the place that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from store.model.arrival import Channel
from store.model.letter import Letter

FIELD_WORDS = {"name": "企业名称", "uscc": "统一社会信用代码", "address": "所在地址", "contact": "联系人", "phone": "联系电话"}
"""The fields of 附件2 that say who asks, as `Petition` has them, and as people read them."""

_SURE = 0.85  # confidence from which a value that a machine read off a page needs no look at the page


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where a value was found: the text it stands in, the code points [start, end) there, and the words themselves.

    `source` is "subject", "body", "from", "attachment:NAME"; of a call "turn:N@MM:SS" (see `Turn.source`) or "caller_number"; of a fax
    "fax_number".
    """

    source: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One field of the petition: its value and the place that proves it.

    `how` is "form", "label", "text", "header" or "signature"; of a call "said" by the caller, "read_back" by the agent and not denied,
    or "caller_number"; of a fax "fax_number", from which it came. `confidence` (0 to 1) is that of the least sure sign where a machine read
    it off a picture, None elsewhere.
    """

    value: str
    how: str
    span: Span
    confidence: float | None = None

    @property
    def is_unsure(self) -> bool:
        """Whether a machine read it and was not sure, so that a person should look at the page."""
        return self.confidence is not None and self.confidence < _SURE


class Speaker(StrEnum):
    """Who speaks in a call."""

    CALLER = "caller"
    AGENT = "agent"
    OTHER = "other"  # a recorded announcement, somebody in the background


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one speaker says at one go. `number` counts from 1 through the whole call; `at_s` is seconds from its start, None if not told."""

    number: int
    speaker: Speaker
    at_s: float | None
    text: str

    @property
    def source(self) -> str:
        """What a `Span` or a `Quote` calls this turn: "turn:7@01:35"."""
        return f"turn:{self.number}" + (f"@{self.clock}" if self.at_s is not None else "")

    @property
    def clock(self) -> str:
        """The time into the call as people read it, "" where it is not told."""
        if self.at_s is None:
            return ""
        minutes, seconds = divmod(int(self.at_s), 60)
        return f"{minutes:02d}:{seconds:02d}"


CALL_PARTICULARS = ("call_id", "line", "started_at", "caller_number", "note", "turns", "speaker", "text", "at", "at_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallShape:
    """What a district's hotline software calls things, beside the names every shape of a call is tried with.

    `names` maps `CALL_PARTICULARS` to keys or columns, a dotted one leading inwards; `speakers` maps
    the file's words for a voice to who it is.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    speakers: Mapping[str, Speaker] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """The piece of a page behind a value that a person should look at: which field (`Petition`'s), what page (from 1), the PNG's sha256."""

    field: str
    page: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """That a machine read the text off `pages` pictures of pages (0 where a gateway did and handed over the text alone).

    `confidence` (0 to 1) is that of all signs on average, None where the gateway does not tell.
    """

    pages: int
    confidence: float | None
    snippets: tuple[Snippet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Petition:
    """What an enterprise asks, as read from one arrival: the fields of 附件2, each with its evidence.

    `title` and `content` are the enterprise's own words (no quoted mail, no signature block); `attachment_texts` maps the name of
    a readable attachment to its text. `uscc_valid` is None without a code, else whether GB 32100 accepts it.
    """

    channel: Channel
    name: Found | None = None
    uscc: Found | None = None
    uscc_valid: bool | None = None
    address: Found | None = None
    contact: Found | None = None
    phone: Found | None = None
    title: str = ""
    content: str = ""
    quoted: str = ""  # what was cut off as quotation
    attachment_texts: Mapping[str, str] = field(default_factory=dict)
    letter: Letter = field(default_factory=Letter)
    turns: tuple[Turn, ...] = ()  # of a call; only what the caller says is evidence
    recognition: Recognition | None = None  # of a fax or a scanned letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the reader process makes of one arrival: the petition, and the bytes of the attachments by sha256."""

    petition: Petition
    blobs: Mapping[str, bytes]

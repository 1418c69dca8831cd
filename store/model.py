"""The words all rooms share: frozen values without behaviour of a room, named after `docs/glossary.md`.

Times are aware and UTC unless a name says otherwise; texts are str without lone surrogates; offsets count code points.
`to_json` and `from_json` in `store.codec` turn any of these values into JSON and back; annotations must resolve at run time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

# ---------------------------------------------------------------- what came in


class Channel(StrEnum):
    """How an enterprise reached us (CG-3.1)."""

    MAIL = "mail"
    LETTER = "letter"
    WINDOW = "window"
    PLATFORM = "platform"  # the record of another government platform: compared with what comes to us, no case of its own
    HOTLINE = "hotline"


class ArrivalState(StrEnum):
    """Where an arrival stands. Failed and done are different states."""

    ACCEPTED = "accepted"  # safely kept, not yet decided
    DONE = "done"  # decided and recorded
    QUARANTINED = "quarantined"  # cannot be read or decided; a person is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One thing received on one channel, as a door hands it over. Nothing of it has been trusted or read yet.

    `source_key` makes a redelivery on the same door harmless; `content_key` recognises the same message by any door
    (see `channels.identity`). Both are unique per district in the store.
    """

    district: str
    channel: Channel
    door: str  # "smtp", "lmtp", "imap", "file", "folder", "http"
    source_key: str
    content_key: str
    message_id: str  # without angle brackets; "" where the message has none
    envelope_from: str
    envelope_to: tuple[str, ...]
    received_at: datetime
    raw: bytes
    peer: str = ""  # who handed it in, as the door knows him: an address of the network, a mailbox's server


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The store's receipt for one arrival. `is_new` is False where the same message had been accepted before."""

    arrival_id: int
    is_new: bool


class LedgerState(StrEnum):
    """What is still owed to a message in a mailbox that stands in the ledger. Every one of these states counts as accounted for."""

    KEPT = "kept"  # its arrival is committed; the mailbox does not show it yet (flag, move)
    COPYING = "copying"  # a copy to another folder was begun; whether it was made is not known
    COPIED = "copied"  # the copy is made; the original is still to be removed
    DONE = "done"  # nothing owed
    SET_ASIDE = "set_aside"  # too large or not to be had: its arrival is a stub in quarantine, the message stays where it is
    BEFORE = "before"  # older than the day from which the mailbox is ours; never fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One folder of a mailbox for as long as its UIDs mean the same (RFC 3501 2.3.1.1: until UIDVALIDITY changes)."""

    district: str
    mailbox: str  # its name in the configuration
    name: str  # in Chinese as people see it, not in modified UTF-7
    uidvalidity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message as fetched from a folder; `problem` (Chinese) is set where the arrival is a stub that goes to the quarantine."""

    uid: int
    arrival: Arrival
    state: LedgerState
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArrival:
    """An accepted arrival as the pipeline claims it. `tries` counts earlier attempts that failed."""

    id: int
    district: str
    channel: Channel
    door: str
    message_id: str
    envelope_from: str
    envelope_to: tuple[str, ...]
    received_at: datetime
    state: ArrivalState
    tries: int
    problem: str  # why it is in quarantine or had to be tried again; Chinese, "" if none
    raw: bytes


# ---------------------------------------------------------------- what it says


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
class Letter:
    """A mail (or a text) made readable: headers decoded, body as text, nothing interpreted yet.

    `text` is the body as a person would read it (HTML turned into text, nested messages appended below a divider line).
    `doubts` are notes in Chinese on what had to be guessed (undeclared charset, broken MIME, parts left out).
    """

    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    sender: Address | None
    reply_to: Address | None
    to: tuple[Address, ...]
    subject: str
    date: datetime | None
    text: str
    attachments: tuple[Attachment, ...]
    automatic: Automatic | None
    doubts: tuple[str, ...]
    bounce: Bounce | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where a value was found: the text it stands in, the code points [start, end) there, and the words themselves.

    `source` is "subject", "body", "from", "attachment:NAME"; of a call "turn:N@MM:SS" (see `Turn.source`) or "caller_number".
    """

    source: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One field of the petition: its value and the place that proves it.

    `how` is "form", "label", "text", "header" or "signature"; of a call "said" by the caller, "read_back" by the agent and not denied,
    or "caller_number".
    """

    value: str
    how: str
    span: Span


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CallShape:
    """What a district's hotline software calls things, beside the names every shape of a call is tried with.

    `names` maps a particular of a call (`channels.call_record.NAMES`) to keys or columns, a dotted one leading inwards; `speakers` maps
    the file's words for a voice to who it is.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    speakers: Mapping[str, Speaker] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Petition:
    """What an enterprise asks, as read from one arrival: the fields of 附件2, each with its evidence.

    `title` and `content` are the enterprise's own words (no quoted mail, no signature block); `attachment_texts` maps the name of
    a readable attachment to its text. `uscc_valid` is None without a code, else whether GB 32100 accepts it.
    """

    channel: Channel
    name: Found | None
    uscc: Found | None
    uscc_valid: bool | None
    address: Found | None
    contact: Found | None
    phone: Found | None
    title: str
    content: str
    quoted: str  # what was cut off as quotation, "" if nothing
    attachment_texts: Mapping[str, str]
    letter: Letter
    turns: tuple[Turn, ...] = ()  # of a call; only what the caller says is evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the reader process makes of one arrival: the petition, and the bytes of the attachments by sha256."""

    petition: Petition
    blobs: Mapping[str, bytes]


# ---------------------------------------------------------------- the district (from the pack)


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """One entry of the department directory."""

    id: str
    name: str
    duty: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One legal ground of non-acceptance: its article, its words in the document, and the advice where to turn instead."""

    number: int
    article: str  # "二（二）2"
    text: str  # word for word as in the document
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """What a pack says about its district, for everybody who needs names and words rather than rules."""

    id: str  # "chenggong"
    name: str  # 昆明市呈贡区
    programme: str  # “区委书记、区长、局长坐诊接诉”
    document: str  # 区委办〔2024〕48号
    coordinator: str  # 区政务服务局
    case_number: str  # "CG-{year}-{seq:05d}"
    timezone: str  # "Asia/Shanghai"
    departments: Mapping[str, Department]
    grounds: Mapping[int, Ground]
    wording: Mapping[str, str]  # template name → Jinja2 source, e.g. "department.txt", "department.html", "department.subject"
    supplements: Mapping[str, str] = field(default_factory=dict)  # what may be missing → the words that ask for it


# ---------------------------------------------------------------- matching


class PlatformStatus(StrEnum):
    """What another government platform made of a report, whatever its own words for it."""

    ACCEPTED = "accepted"  # 已受理, 办理中
    PENDING = "pending"  # 待审核
    REFUSED = "refused"  # 不予受理
    CLOSED = "closed"  # 已办结


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where a report stands at another government platform, as its record told us last. `words` is the platform's own word for `status`."""

    record_id: int
    platform: str  # its id in the pack
    number: str  # the platform's own number
    status: PlatformStatus
    words: str
    since: datetime  # from when it stands so


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An earlier report that shares a key with a petition. `keys` says which, the strongest first.

    "thread", "number", "uscc", "document", "phone", "name", "masked" (a masked number that fits), "sound" (a name that sounds alike), "text"
    (rare words), "amount", "sender", "place": see `store.matching_keys`.

    It is a case of ours (`case_id`, `state`, `verdict`), a record of another platform (`elsewhere`), or a case that such a record opened:
    then it has both. `number` is our case number, or the platform's where there is no case.
    """

    case_id: int | None
    number: str
    keys: tuple[str, ...]
    state: CaseState | None
    verdict: Verdict | None
    name: str
    title: str
    content: str
    received_at: datetime
    elsewhere: Elsewhere | None = None
    uscc: str = ""
    phone: str = ""


# ---------------------------------------------------------------- what was decided


class Verdict(StrEnum):
    """The outcome of admission. Precedence when rules disagree: not_a_case > follow_up > supplement > refuse > accept."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SUPPLEMENT = "supplement"
    NOT_A_CASE = "not_a_case"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Words a rule rests on. `source` is "title", "content" or "attachment:NAME"; offsets are in that text; `words` is the list that matched."""

    source: str
    start: int
    end: int
    text: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One rule that fired: its effect in Chinese, its basis (an article, or "本区规则包设定" for policy of the pack), its quotes."""

    rule: str
    effect: str
    basis: str
    quotes: tuple[Quote, ...]
    department: str | None = None
    weight: float = 0.0
    overridden_by: str = ""  # name of the exception that set it aside
    about: str = ""  # what the rule is about, in words for letters; "" where the pack says nothing
    because: tuple[str, ...] = ()  # what it rests on besides quoted words, Chinese: 缺联系人, 已认定“…”, an earlier case and how like it is


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """One rule of which exactly one condition was false, and that condition in Chinese."""

    rule: str
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One earlier report a petition was compared with, as it was then: `keys` as of a `Candidate`, likeness 0 to 1, whole days between them.

    `record_id` is the record of another platform, `case_id` None where that has no case of ours.
    """

    case_id: int | None
    number: str
    keys: tuple[str, ...]
    likeness: float
    days: int
    record_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDay:
    """One day of a deadline's count: whether it counted, and why in Chinese (with the State Council notice where it is one)."""

    day: date
    counted: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A date somebody owes something by. `provisional` where a year on the way has no State Council notice yet."""

    kind: str  # "verification": CG-3.4
    label: str  # 初步对接核实
    basis: str  # "三（四）"
    start: date  # day zero
    start_label: str  # 挂号截止 / 来件
    due: date
    provisional: bool
    days: tuple[CountedDay, ...]
    earliest: date | None = None  # where provisional: between which days it may fall once the notice is out
    latest: date | None = None

    @property
    def last(self) -> date:
        """The day that escalation goes by: the latest possible one."""
        return self.latest or self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rules make of one petition, with the whole trace. Pure data: the same input gives the same decision.

    `proposed` is True where a person must confirm before the verdict takes effect (refusals, unless the pack says final).
    `review` lists reasons (Chinese) why a person should look although the matter goes on. `scores` weighs the departments, best first.
    """

    verdict: Verdict
    proposed: bool
    ground: int | None
    topic: str  # short Chinese name of the matter, e.g. for not_a_case the kind of mail
    department: str | None
    accompanying: tuple[str, ...]
    advice: str | None  # department id to turn to where refused
    missing: tuple[str, ...]  # for supplement: what to ask for, Chinese
    related_case: int | None  # follow_up: the case it belongs to; else the earlier case of the same matter
    urgent: bool
    review: tuple[str, ...]
    named_departments: tuple[str, ...]
    scores: tuple[tuple[str, float], ...]
    hits: tuple[Hit, ...]
    near_misses: tuple[NearMiss, ...]
    due: Due | None
    rulebook: str  # digest of the pack
    engine: str  # "durable-rules" or "reference"
    compared: tuple[Compared, ...] = ()  # the earlier cases the rules could know of, best first
    level: str = ""  # 一般, 复杂, 重点, 重大 (JN-4); "" where no rule says
    related_record: int | None = None  # the record of another platform that reports the same matter
    classes: tuple[str, ...] = ()  # 全局工作 or 部门任务, 共性需求 or 个性诉求, 政策措施 or 程序规范 (JN-1)


# ---------------------------------------------------------------- cases


class CaseState(StrEnum):
    """Where a case stands; what leads from one to another stands in `store.life`."""

    UNDER_REVIEW = "under_review"  # a person must confirm: refusal proposed, or no department certain
    ACCEPTED = "accepted"  # 受理, not yet with a department
    ASSIGNED = "assigned"  # 交办: with the department
    ACKNOWLEDGED = "acknowledged"  # 签收
    HANDLING = "handling"  # 承办, with a promise
    ANSWERED = "answered"  # 答复
    RATED = "rated"  # 评价
    CLOSED = "closed"  # 销号
    AWAITING_SUPPLEMENT = "awaiting_supplement"  # 补正
    REFUSED = "refused"  # 不予受理, confirmed
    RETURNED = "returned"  # 退回, the coordinator decides
    HANDED_OVER = "handed_over"  # 转交 to a body outside the directory
    DUPLICATE = "duplicate"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the events of its life have left in a case, beside its state.

    `limit_days` (限期) and `promised_days` (承诺时限) are the two numbers of 附件4, in working days with starts of their own. `resume` is
    the state that a supplement interrupted; `other` the number of the case that this one repeats or went into.
    """

    returns: int = 0
    proposed: str = ""  # the department that the returning one named
    limit_days: int | None = None
    promised_days: int | None = None
    extended_days: int = 0
    resume: str = ""
    result: str = ""
    rating: str = ""
    orders: int = 0  # 重点督办单 issued
    other: str = ""
    elsewhere: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One matter under one number."""

    id: int
    district: str
    number: str
    state: CaseState
    opened_at: datetime
    arrival_id: int
    petition: Petition
    decision: Decision  # as the rules made it; corrections by a person stand in the fields below and in the events
    verdict: Verdict
    ground: int | None
    department: str | None
    accompanying: tuple[str, ...]
    due: Due | None
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a case's append-only history; `digest` chains over `previous` (see `store.audit`)."""

    seq: int  # 1, 2, 3 … within the case
    kind: str  # "case.opened", "case.confirmed", …
    at: datetime
    actor: str  # "rules", "system", or a person's name
    reason: str
    data: Mapping[str, object]
    previous: str
    digest: str


# ---------------------------------------------------------------- notices


class Purpose(StrEnum):
    """Why a notice is sent; with case and recipient it names the notice once and for all."""

    ACKNOWLEDGE = "acknowledge"  # to the enterprise: registered under this number
    SUPPLEMENT = "supplement"  # to the enterprise: what is missing
    REFERRAL = "referral"  # to the enterprise: not accepted, where to turn (only once confirmed)
    ASSIGN = "assign"  # to the lead department
    ACCOMPANY = "accompany"  # to an accompanying department, once a person has named it
    REVIEW = "review"  # to the coordinator: a person is needed
    FORWARD = "forward"  # to the department: a follow-up came in
    REMINDER = "reminder"  # to whoever owes something, and those above him
    PROGRESS = "progress"  # to the enterprise: promised, answered, handed over, closed …


class NoticeState(StrEnum):
    """Where a notice stands in the outbox."""

    QUEUED = "queued"
    SENT = "sent"
    REFUSED = "refused"  # the relay said no for good, or every try was used up
    SUPPRESSED = "suppressed"  # a cap per address held it back
    BOUNCED = "bounced"  # the relay took it, a server behind it could not deliver it


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One mail to one address as composed; the outbox adds the fixed Message-ID. `round` tells a repeated purpose apart (second assignment …)."""

    purpose: Purpose
    to: Address
    subject: str
    text: str
    html: str
    attach_original: bool
    round: str = ""
    reply_to_message: str = ""  # Message-ID this answers, for In-Reply-To
    capped: bool = False  # True for mail to an address a stranger gave us: caps per address apply


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedNotice:
    """A notice as the outbox keeps it."""

    id: int
    district: str
    case_id: int
    case_number: str
    arrival_id: int
    notice: Notice
    message_id: str  # without angle brackets
    state: NoticeState
    tries: int
    problem: str
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None
    reply: str = ""  # what the relay said when it took it, with its queue number for the most part


@dataclass(frozen=True, slots=True, kw_only=True)
class NotACase:
    """An arrival that opened no case, for the review list: what the rules took it for and why."""

    arrival_id: int
    received_at: datetime
    petition: Petition
    decision: Decision
    confirmed: bool

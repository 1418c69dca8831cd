"""What a report says of a mail of ours that was not delivered: RFC 3464 where the reporter keeps to it, else by the words of providers.

Runs in the reader's child process. The only module that imports flufl.bounce, which knows the forms of a dozen old servers; the words of
Chinese providers, which it does not know, are ours.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Sequence
from email.policy import compat32

from channels.headers import Head, clean_line, message_ids, parse_head
from channels.structure import Part
from channels.transfer import unpack
from store.model.letter import Automatic, Bounce, Letter

_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_HEADS = frozenset({"text/rfc822-headers", "message/global-headers"})
_COMPLAINT = "message/feedback-report"
_MAX_REPORT, _MAX_FREE = 64_000, 64_000  # bytes looked at
_MAX_RECIPIENTS, _MAX_MESSAGES = 20, 20
_MAX_FIELDS = _MAX_REPORT  # lines: more than so many bytes can hold
_MAX_WORDS = 300  # code points
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.@-])[45]\d\d(?=[ -]|$)")
_OURS = re.compile(r"[0-9a-f]{32}\.[a-z_]{1,40}@[A-Za-z0-9.-]{1,200}")  # as `store.outbox` makes them
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_REASON = re.compile(r"(?:退信|失败|错误|拒收|退回)?(?:原因|代码|信息|说明)[^:：\n]{0,20}[:：]\s*(\S.*)")
_DELAYED = re.compile(
    r"delayed|warning|will (?:continue|keep) trying|will be retried|not yet been delivered|延迟|延误|暂未送达|尚未送达|仍在尝试|继续尝试|稍后(?:重试|再试)",
    re.IGNORECASE,
)


def read_bounce(raw: bytes, parts: Sequence[Part], letter: Letter, automatic: Automatic | None) -> Bounce | None:
    """Return what *letter*, made of *parts* of *raw*, reports; None where it is no report of a mail that was not delivered."""
    if automatic is None or automatic.kind != "bounce" or any(part.kind == _COMPLAINT for part in parts):
        return None
    report = next((part for part in parts if part.kind in _REPORTS), None)
    known = tuple(dict.fromkeys(_messages(parts, letter)))[:_MAX_MESSAGES]
    if report is None:
        return _by_words(raw, parts[0].head, letter, known)
    return _by_report(list(_blocks(unpack(report.body, report.encoding)[0][:_MAX_REPORT])), letter, known)


def _blocks(report: bytes) -> Iterator[Head]:
    """Yield the groups of fields of a delivery status: that of the message, then one a recipient."""
    position, count = 0, 0
    while position < len(report) and count <= _MAX_RECIPIENTS:
        head, following, _ = parse_head(report, position, lambda _: False, _MAX_FIELDS)
        if following <= position:
            return
        position = following
        if head.fields:
            count += 1
            yield head


def _by_report(blocks: Sequence[Head], letter: Letter, known: tuple[str, ...]) -> Bounce | None:
    """Return the first failure, or where nothing has failed the first delay; a report of success is no bounce."""
    envelope = next((found for head in blocks if (found := _typed(head.first("original-envelope-id")))), "")
    for wanted in ("failed", "delayed"):
        head = next((head for head in blocks if _typed(head.first("action")).lower() == wanted), None)
        if head is not None:
            said = _typed(head.first("diagnostic-code"))
            return Bounce(
                is_permanent=wanted == "failed",
                recipient=_address(_typed(head.first("original-recipient")) or _typed(head.first("final-recipient"))),
                status=_first(_STATUS, head.first("status")) or _first(_STATUS, said),
                words=_short(said or _said(letter.text)),
                messages=tuple(dict.fromkeys([*((envelope,) if "@" in envelope else ()), *known])),
            )
    if any(head.first("action") for head in blocks):
        return None
    return Bounce(
        is_permanent=True, recipient="", status="", words=_short(_said(letter.text)), messages=known
    )  # a status without its fields


def _by_words(raw: bytes, head: Head, letter: Letter, known: tuple[str, ...]) -> Bounce:
    temporary, permanent = _failures(raw[:_MAX_FREE])
    failed = [*permanent, *temporary, *_ADDRESS.findall(head.first("x-failed-recipients"))]
    is_delay = bool(temporary and not permanent) or (not permanent and bool(_DELAYED.search(f"{letter.subject}\n{letter.text[:5_000]}")))
    said = _said(letter.text)
    return Bounce(
        is_permanent=not is_delay,
        recipient=_address(failed[0]) if failed else "",
        status=_first(_STATUS, said) or _first(_STATUS, letter.text),
        words=_short(said),
        messages=known,
    )


def _failures(raw: bytes) -> tuple[list[str], list[str]]:
    """Return whom flufl.bounce finds: delayed and failed."""
    from flufl.bounce import all_failures  # noqa: PLC0415 - only reports in free words pay for it

    try:
        temporary, permanent = all_failures(email.message_from_bytes(raw, policy=compat32))
    except Exception:  # noqa: BLE001 - a library of old patterns over hostile bytes: what it cannot read it does not know
        return [], []
    return [_text(address) for address in sorted(temporary)], [_text(address) for address in sorted(permanent)]


def _messages(parts: Sequence[Part], letter: Letter) -> Iterator[str]:
    """Yield the Message-IDs by which the failed mail may be known, the likeliest first."""
    for part in parts[1:]:
        if part.parent >= 0 and parts[part.parent].is_message:
            yield from message_ids(part.head.first("message-id"))
        elif part.kind in _HEADS:
            head, _, _ = parse_head(unpack(part.body, part.encoding)[0][:_MAX_REPORT], 0, lambda _: False, _MAX_FIELDS)
            yield from message_ids(head.first("message-id"))
    yield from letter.in_reply_to
    yield from reversed(letter.references)
    yield from _OURS.findall(letter.text)


def _said(text: str) -> str:
    """Return the line of a report that gives the reason: the one with a code, else the one that says so."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()]
    coded = next((line for line in lines if _STATUS.search(line) or (_CODE.search(line) and "20" not in line[:2])), "")
    return coded or next((found[1] for line in lines if (found := _REASON.search(line))), "")


def _typed(value: str) -> str:
    """Return a field of the form `type; value` without its type."""
    kind, mark, rest = value.partition(";")
    return rest.strip() if mark and " " not in kind.strip() else value.strip()


def _address(text: str) -> str:
    found = _ADDRESS.search(text)
    if found is None:
        return ""
    local, _, domain = found[0].rpartition("@")
    return f"{local}@{domain.lower()}"


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _short(text: str) -> str:
    return clean_line(text)[:_MAX_WORDS]


def _text(address: bytes | str) -> str:
    return address.decode("utf-8", "replace") if isinstance(address, bytes) else address

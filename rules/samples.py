"""Petitions written down by hand – examples beside a rule, case files – from YAML to what the rules decide on.

| key | meaning |
|---|---|
| text, title, attachment | what the enterprise writes; an example may also be the text alone |
| name, address, contact, phone | the field has this value |
| uscc: valid/invalid | a code is there, and its check digit fits or does not |
| sender | the name that the mail's From shows |
| channel | mail, letter (default), window or hotline |
| automatic | the mail is automatic, of this kind |
| authentication | what the mail server in front found out about the sender: confirmed, refuted |
| earlier: {same: [thread], name, title, text, days} | an earlier case shares these keys; its enterprise, if another than this, its words, and how many days ago it came |
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from rules.language import AUTHENTICATION_KINDS, AUTOMATIC_KINDS, CANDIDATE_KEYS, PLATFORM_STATUSES, Earlier, Example, Sample
from rules.packfiles import Node, Reader, Scalar
from store.model.arrival import Channel
from store.model.case import CaseState
from store.model.decision import Verdict
from store.model.letter import Address, Authentication, Automatic, Letter
from store.model.matching import Candidate, Elsewhere, PlatformStatus
from store.model.petition import Found, Petition, Span

SAMPLE_KEYS = (
    *("text", "title", "attachment", "name", "address", "contact", "phone", "uscc"),
    *("sender", "channel", "automatic", "authentication", "earlier"),
)
_FORM = ("name", "address", "contact", "phone")
_WORDS = ("text", "title", "attachment", "sender")
_CODES = ("valid", "invalid")
_LONGEST = 20_000
_EARLIER_CASE = 1
_CHECKED = {"confirmed": Authentication(dmarc="pass", by="sample"), "refuted": Authentication(dmarc="fail", by="sample")}


# ---------------------------------------------------------------- YAML → samples


def read_examples(node: Node, reader: Reader) -> tuple[Example, ...]:
    """Return the examples under a rule's `examples`: its hits, then its near misses."""
    entries = reader.table(node, ("hit", "near_miss"))
    if not entries:
        reader.problems.add(node, "examples 里没有例子", "写上 hit: [应当成立的话] 或 near_miss: [不应成立的话]")
    return tuple(
        Example(sample=sample, fires=key == "hit")
        for key in ("hit", "near_miss")
        if key in entries
        for item in _items(entries[key], reader)
        if (sample := _example(item, reader)) is not None
    )


def _items(node: Node, reader: Reader) -> tuple[Node, ...]:
    return (node,) if isinstance(node, Scalar) else reader.items(node, what="例子")


def _example(node: Node, reader: Reader) -> Sample | None:
    if isinstance(node, Scalar):
        text = reader.text(node, longest=_LONGEST)
        return None if text is None else Sample(text=text, place=node.place)
    return read_sample(reader.table(node, SAMPLE_KEYS), node, reader)


def read_sample(entries: Mapping[str, Node], node: Node, reader: Reader) -> Sample:
    """Return the sample that *entries* of the table *node* describe; keys that are no sample's are the caller's."""
    texts = {key: _words(entries[key], reader) for key in _WORDS if key in entries}
    channels = tuple(channel.value for channel in Channel)
    code = reader.choice(entries["uscc"], _CODES, "写法") if "uscc" in entries else None
    automatic = reader.choice(entries["automatic"], AUTOMATIC_KINDS, "自动邮件种类") if "automatic" in entries else None
    checked = reader.choice(entries["authentication"], AUTHENTICATION_KINDS, "检验结果") if "authentication" in entries else None
    channel = reader.choice(entries["channel"], channels, "渠道") if "channel" in entries else None
    is_mail = automatic is not None or checked is not None or "sender" in entries
    return Sample(
        **texts,
        fields={key: reader.text(entries[key]) or "" for key in _FORM if key in entries},
        uscc_valid=None if code is None else code == "valid",
        channel=channel or (Channel.MAIL.value if is_mail else Channel.LETTER.value),
        automatic=automatic,
        authentication=checked,
        earlier=_earlier(entries["earlier"], reader) if "earlier" in entries else None,
        place=node.place,
    )


def _words(node: Node, reader: Reader) -> str:
    """Return a text; an empty one in quotes says that there is none."""
    if isinstance(node, Scalar) and not node.plain and not node.text.strip():
        return ""
    return reader.text(node, longest=_LONGEST) or ""


def _earlier(node: Node, reader: Reader) -> Earlier:
    entries = reader.table(node, ("same", "name", "title", "text", "days", "status"), ("same",))
    same = (
        reader.several(entries["same"], lambda item: reader.choice(item, CANDIDATE_KEYS, "比对项"), what="比对项")
        if "same" in entries
        else ()
    )
    texts = {key: reader.text(entries[key], longest=_LONGEST) or "" for key in ("name", "title", "text") if key in entries}
    days = reader.integer(entries["days"], 0, 36_500) if "days" in entries else None
    status = reader.choice(entries["status"], PLATFORM_STATUSES, "状态") if "status" in entries else None
    return Earlier(same=same, **texts, days=1 if days is None else days, status=status or "")


# ---------------------------------------------------------------- samples → what the rules decide on


def petition_of(sample: Sample) -> Petition:
    """Return the petition that *sample* describes, as if it had been read."""
    fields = {name: _found(value) for name, value in sample.fields.items()}
    return Petition(
        channel=Channel(sample.channel),
        name=fields.get("name"),
        uscc=None if sample.uscc_valid is None else _found("0" * 18),
        uscc_valid=sample.uscc_valid,
        address=fields.get("address"),
        contact=fields.get("contact"),
        phone=fields.get("phone"),
        title=sample.title,
        content=sample.text,
        attachment_texts={"附件.txt": sample.attachment} if sample.attachment else {},
        letter=_letter(sample),
    )


def candidates_of(sample: Sample, now: datetime) -> tuple[Candidate, ...]:
    """Return the earlier case of *sample*, if it has one, as it stands at *now*."""
    earlier = sample.earlier
    if earlier is None:
        return ()
    return (
        Candidate(
            case_id=None if earlier.status else _EARLIER_CASE,
            number=f"{_EARLIER_CASE}",
            keys=earlier.same,
            state=None if earlier.status else CaseState.ASSIGNED,
            verdict=None if earlier.status else Verdict.ACCEPT,
            name=earlier.name or sample.fields.get("name", ""),
            title=earlier.title,
            content=earlier.text,
            received_at=now - timedelta(days=earlier.days),
            elsewhere=_elsewhere(earlier.status, now) if earlier.status else None,
        ),
    )


def _elsewhere(status: str, now: datetime) -> Elsewhere:
    number = f"{_EARLIER_CASE}"
    return Elsewhere(record_id=_EARLIER_CASE, platform="", number=number, status=PlatformStatus(status), words="", since=now)


def _letter(sample: Sample) -> Letter:
    return Letter(
        sender=Address(name=sample.sender, address="sample@example.org") if sample.sender else None,
        subject=sample.title,
        text=sample.text,
        automatic=Automatic(kind=sample.automatic, evidence="sample") if sample.automatic else None,
        authentication=_CHECKED.get(sample.authentication or ""),
    )


def _found(value: str) -> Found:
    return Found(value=value, how="text", span=Span(source="body", start=0, end=len(value), text=value))

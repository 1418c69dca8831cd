"""The record of another platform as a petition, so that it is compared and judged like everything else that comes in. Pure."""

from __future__ import annotations

from channels import numbers
from channels.passage import Passage, shadow
from store.model.arrival import Channel
from store.model.letter import Letter
from store.model.petition import Found, Petition, Span
from store.model.platforms import PlatformRecord


def petition_of(record: PlatformRecord) -> Petition:
    """Return what the record asks, each field with the column that proves it; a code that only the content names is taken from there."""
    uscc = _column("统一社会信用代码", record.uscc) or _code_in(record.content)
    return Petition(
        channel=Channel.PLATFORM,
        name=_column("企业名称", record.name),
        uscc=uscc,
        uscc_valid=None if uscc is None else numbers.is_valid(shadow(uscc.value)),
        address=_column("地址", record.address),
        contact=_column("联系人", record.contact),
        phone=_column("联系电话", record.phone),
        title=record.title,
        content=record.content,
        letter=_letter(record),
    )


def _column(name: str, value: str) -> Found | None:
    if not value:
        return None
    return Found(value=value, how="label", span=Span(source=f"column:{name}", start=0, end=len(value), text=value))


def _code_in(content: str) -> Found | None:
    """Return the one code that *content* names; two may be two enterprises'."""
    passage = Passage.of("body", content)
    found = [passage.found(code.start, code.end, "text") for code in numbers.codes(passage.plain)]
    return found[0] if len({one.value for one in found if one}) == 1 else None


def _letter(record: PlatformRecord) -> Letter:
    return Letter(subject=record.title, date=record.reported_at, text=record.content)

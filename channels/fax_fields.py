"""How sure the values are that a machine read off a page, and what a person is told of it. Pure; without the libraries of recognition.

What is not sure is kept as it stands and marked. One thing is put right: a code (GB 32100) in which signs were confused, where its check
digit proves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from channels import numbers
from channels.documents import Document
from channels.passage import scanned, shadow
from channels.petition import read_recognised
from store.model.arrival import Channel
from store.model.letter import Letter
from store.model.petition import FIELD_WORDS, Found, Petition, Recognition, Span
from store.particulars import code_key

if TYPE_CHECKING:
    from channels.page_text import Region

_SHOWN = 60  # characters of a value in a note


def recognised_text(letter: Letter, number: str) -> Petition:
    """Return what the text of a fax asks that a gateway recognised; it does not say how sure it was."""
    petition = read_recognised(Channel.FAX, letter, Document(text=letter.text))
    return replace(finished(petition, number), recognition=Recognition(pages=0, confidence=None))


def with_confidence(petition: Petition, regions: Sequence[Region]) -> Petition:
    """Return *petition* with the confidence of each value that was read off a page."""

    def rated(found: Found | None) -> Found | None:
        if found is None:
            return None
        least = [region.least(found.span.start, found.span.end) for region in regions_of(found, regions)]
        return replace(found, confidence=round(min(least), 4)) if least else found

    return _changed(petition, {name: rated(getattr(petition, name)) for name in FIELD_WORDS})


def regions_of(found: Found, regions: Sequence[Region]) -> list[Region]:
    """Return the lines from which *found* was read."""
    return [region for region in regions if region.start < found.span.end and found.span.start < region.end]


def finished(petition: Petition, number: str) -> Petition:
    """Return *petition* with its code put right where that is proved, the number it came from, and notes on all that a person should look at."""
    doubts = list(petition.letter.doubts)
    uscc, repaired = petition.uscc, code_key(petition.uscc.value) if petition.uscc else ""
    if uscc and repaired and repaired != shadow(uscc.value).replace(" ", "").replace("-", "").upper():
        doubts.append(f"统一社会信用代码原读作“{uscc.value[:_SHOWN]}”，有混淆的字符，按校验码更正为 {repaired}")
        petition = replace(petition, uscc=replace(uscc, value=repaired), uscc_valid=True)
    doubts += _doubts(petition)
    phone = petition.phone
    if phone is None and number:
        phone = Found(value=number, how="fax_number", span=Span(source="fax_number", start=0, end=len(number), text=number))
        doubts.append("没有读到联系电话，所列的是来传真的号码")
    return replace(petition, phone=phone, letter=replace(petition.letter, doubts=tuple(doubts)))


def _doubts(petition: Petition) -> Iterator[str]:
    for name, label in FIELD_WORDS.items():
        found: Found | None = getattr(petition, name)
        if found is not None and found.is_unsure:
            yield f"{label}“{found.value[:_SHOWN]}”有认不准的字（把握 {found.confidence:.0%}），请对照原件"
    if petition.uscc is not None and petition.uscc_valid is False:
        yield f"统一社会信用代码“{petition.uscc.value[:_SHOWN]}”校验不通过，可能认错，请对照原件"
    if petition.phone is not None and (likely := _likely_number(petition.phone.value)):
        yield f"联系电话“{petition.phone.value[:_SHOWN]}”混有字母，可能是 {likely}，请对照原件"


def _likely_number(phone: str) -> str:
    """Return the number that *phone* most likely is, "" where it is one as it stands."""
    digits = scanned(shadow(phone))
    number = next(numbers.phones(digits, labelled=True), None)
    return digits[number.start : number.end] if number is not None and digits != shadow(phone) else ""


def is_doubtful(name: str, found: Found, petition: Petition) -> bool:
    """Whether a person should look at the piece of the page behind the field *name*."""
    if found.is_unsure:
        return True
    return (name == "uscc" and petition.uscc_valid is False) or (name == "phone" and bool(_likely_number(found.value)))


def _changed(petition: Petition, fields: Mapping[str, Found | None]) -> Petition:
    return replace(
        petition,
        name=fields["name"],
        uscc=fields["uscc"],
        address=fields["address"],
        contact=fields["contact"],
        phone=fields["phone"],
    )

"""Form 附件2 in an attached document: the only module that knows how its labels and values stand in cells and lines.

A label stands left of its value or above it, alone in its cell or with the value behind a colon; 诉求内容 may be set as a column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from channels import enterprises, labels, numbers
from channels.documents import Cell, Document
from channels.passage import Passage, shadow
from channels.sender_contact import person_in
from store.model.petition import Found

_TITLE = re.compile(r"挂号[^\n]{0,3}信息表|企业预约|诉求(?:登记|申报|反映)表")
_FIELDS = frozenset({"name", "uscc", "address", "contact", "phone", "title", "content"})
_LEAST_LABELS = 4  # labels of 附件2 that make a document one
_NOTE_ROW = re.compile(r"\s*(?:填表|填报|说明|备注|注[: ]|附注)")
_LOOKED_AT = 20_000  # characters
_TITLE_STANDS = 400  # characters

_Place = tuple[int, int]  # code points [start, end)


def is_form(document: Document) -> bool:
    """Whether this is form 附件2, filled or empty."""
    plain = shadow(document.text[:_LOOKED_AT])
    named = {labels.field_of_cell(plain[cell.start : cell.end]) for cell in document.cells}
    named |= {item.field for item in labels.labelled(plain)}
    return len(named & _FIELDS) >= _LEAST_LABELS - (_TITLE.search(plain[:_TITLE_STANDS]) is not None)


def printed_title(plain: str) -> Iterator[_Place]:
    """Yield the line that is the form's own printed title."""
    if (title := _TITLE.search(plain)) is not None:
        end = plain.find("\n", title.end())
        yield plain.rfind("\n", 0, title.start()) + 1, end if end >= 0 else len(plain)


def form_ranges(document: Document) -> dict[str, _Place]:
    """Return the filled fields of the form (named as in `channels.labels`) as ranges of the document's text."""
    plain = shadow(document.text)
    found: dict[str, _Place] = {}
    for name, start, end in (*_from_cells(document, plain), *_from_lines(document, plain)):
        found.setdefault(name, (start, end))
    return found


def form_fields(passage: Passage, document: Document) -> dict[str, Found]:
    """Return name, uscc, address, contact and phone as filled in; *passage* is that of the document's text."""
    places = form_ranges(document)
    found = {}
    for key, narrow in _NARROW.items():
        place = places.get(key) or (places.get("duo") if key in {"contact", "phone"} else None)
        narrowed = narrow(passage.plain, *place) if place else None
        if narrowed and (value := passage.found(*narrowed, "form")):
            found[key] = value
    return found


def _from_cells(document: Document, plain: str) -> Iterator[tuple[str, int, int]]:
    """Yield fields whose label fills a cell: the value stands to the right, or below where a row holds labels only."""
    rows: dict[int, list[Cell]] = {}
    for cell in document.cells:
        if plain[cell.start : cell.end].strip():
            rows.setdefault(cell.row, []).append(cell)
    field_of = {cell: labels.field_of_cell(plain[cell.start : cell.end]) for row in rows.values() for cell in row}
    for number, row in rows.items():
        is_header = all(field_of[cell] for cell in row)
        for cell, following in zip(row, [*row[1:], None], strict=True):
            value = following
            if is_header:
                value = next((below for below in rows.get(number + 1, []) if below.column == cell.column), None)
            if field_of[cell] and value and not field_of[value] and _is_value(plain[value.start : value.end]):
                yield str(field_of[cell]), value.start, value.end


def _is_value(text: str) -> bool:
    return not labels.is_hint(text) and not _NOTE_ROW.match(text)


def _from_lines(document: Document, plain: str) -> Iterator[tuple[str, int, int]]:
    """Yield fields whose label and value stand in one paragraph or cell: 企业名称：…."""
    for item in labels.labelled(plain):
        is_row = bool(document.cells) and item.field != "content" and "\t" in plain[item.start : item.end]
        if item.is_strong and not is_row and not labels.field_of_cell(plain[item.start : item.end]):
            yield item.field, item.start, item.end


def _whole(plain: str, start: int, end: int) -> _Place:
    del plain
    return start, end


def _name_in(plain: str, start: int, end: int) -> _Place:
    inside = enterprises.token_end(plain[start:end])
    return (start, start + inside) if inside else (start, end)


def _code_in(plain: str, start: int, end: int) -> _Place:
    code = numbers.labelled_code(plain, start, end)
    return (code.start, code.end) if code else (start, end)


def _contact_in(plain: str, start: int, end: int) -> _Place:
    """Return the person in the cell, else what stands in it before a number."""
    phone = next(numbers.phones(plain[start:end]), None)
    return person_in(plain, start, end) or (start, start + phone.start if phone else end)


def _phone_in(plain: str, start: int, end: int) -> _Place | None:
    """Return the number in the cell, of several the first mobile one; what is no number is no telephone."""
    found = [*numbers.phones(plain[start:end], labelled=True)]
    best = next((number for number in found if number.is_mobile), next(iter(found), None))
    return (start + best.start, start + best.end) if best else None


_NARROW: dict[str, Callable[[str, int, int], _Place | None]] = {
    "name": _name_in,
    "uscc": _code_in,
    "address": _whole,
    "contact": _contact_in,
    "phone": _phone_in,
}

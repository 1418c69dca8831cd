"""Under which code an enterprise is registered and where it is: the only module that tells its code and address from those of others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels import numbers, places
from channels.passage import any_of, tidy
from channels.view import Candidate, View
from store.model.petition import Found

_CODE_LABELS = any_of("信用代码 代码 税号 识别号 信用码 执照号 执照号码")
_CODE_LABEL = re.compile(rf"{_CODE_LABELS}(?:证号)?(?:\([^()\n]{{0,8}}\))?[是为: (]{{0,4}}$")
_ANNOUNCED_CODE = re.compile(r"(?:信用代码|税号|识别号)[是为: (]{0,4}(?=[0-9])")
_BEHIND_CODE = re.compile(
    r"9[1-3][0-9A-Z]{16}[,; ]{1,2}(?:地址|住址|位于|[酒饭商]?[店家]|公司|厂)?[:在]?(?P<place>[^,;()\n]{4,50})(?=[),;\n])"
)
_ADDRESS_END = re.compile(r"[。;]|,(?![0-9一二三四五六七八九十])")
_NEAR = 40  # characters behind a name in which a code belongs to it
_SHORTEST, _LONGEST = 3, 80  # characters of an address


def own_code(view: View, name: Found | None) -> Found | None:
    """Return the unified social credit code as written, right or wrong."""
    return view.choose(_codes(view, name))


def own_address(view: View, name: Found | None) -> Found | None:
    """Return where the enterprise is, as far as the text says it; a place in the text is an enterprise's only where one speaks."""
    told = _told_addresses(view) if name else ()
    return view.choose([*_labelled_addresses(view), *_signed_addresses(view), *told])


def _codes(view: View, name: Found | None) -> Iterator[Candidate]:
    plain = view.plain
    for item in view.labelled:
        if item.field == "uscc" and (code := numbers.labelled_code(plain, item.start, item.end)):
            yield Candidate(code.start, code.end, 50, "label")
    for match in _ANNOUNCED_CODE.finditer(plain):
        if code := numbers.labelled_code(plain, match.end(), min(len(plain), match.end() + _NEAR)):
            yield Candidate(code.start, code.end, 35 + _belongs(view, code.start, name), "label")
    for number in numbers.codes(plain):
        is_labelled = _CODE_LABEL.search(plain, max(0, number.start - 24), number.start) is not None
        is_signed = view.is_signed(number.start)
        points = 15 + 20 * is_labelled + 10 * is_signed + _belongs(view, number.start, name)
        yield Candidate(number.start, number.end, points, "label" if is_labelled else "signature" if is_signed else "text")


def _belongs(view: View, at: int, name: Found | None) -> int:
    """Points for a code that stands behind the sender's own name; negative behind another's."""
    before = [other for other in view.names if 0 <= at - other.end <= _NEAR]
    if not before or name is None:
        return 0
    return 20 if tidy(view.passage.words[slice(*view.passage.place(before[-1].start, before[-1].end))]) == name.value else -40


def _labelled_addresses(view: View) -> Iterator[Candidate]:
    for item in view.labelled:
        if item.field == "address":
            stop = _ADDRESS_END.search(view.plain, item.start, item.end)
            end = stop.start() if stop else item.end
            if _SHORTEST <= end - item.start <= _LONGEST:
                yield Candidate(item.start, end, 50, "label")


def _signed_addresses(view: View) -> Iterator[Candidate]:
    for mark in view.signature.marks:
        if mark.kind == "address":
            yield Candidate(mark.start, mark.end, 40, "signature")


def _told_addresses(view: View) -> Iterator[Candidate]:
    for start, end in places.stated(view.plain):
        yield Candidate(start, end, 20, "text")
    for match in _BEHIND_CODE.finditer(view.plain):
        if places.is_address(match["place"]):
            yield Candidate(*match.span("place"), 30, "text")
